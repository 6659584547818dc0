"""What the welcome page says of its picture: one model after the other at five temperatures."""

import pytest

from planrl.teaching import regime_figures as regimes
from planrl.teaching.regime_figures import BASE, OUTCOME, PG, SFT, Q

PENALISED = "policy gradient + KL 0.1"


def points(name, regime="A"):
    """Accuracy and distinct correct paths on held-out questions from the highest temperature down."""
    keys = ("accuracy", "diversity")
    return list(
        zip(*(regimes.curve(regime, name, "test", k).mean(0).tolist() for k in keys), strict=True)
    )


def beaten(point, by):
    """Whether a model has a temperature at which it is better in both respects."""
    return any(right > point[0] and paths > point[1] for right, paths in by)


def test_sampled_at_1_policy_gradient_is_above_the_base_and_keeps_few_paths():
    (right, paths), (of_base, _) = points(PG)[0], points(BASE)[0]
    assert right > of_base + 0.02
    assert max(paths for _, paths in points(PG)) < 2 and paths > 1  # noqa: PT018


@pytest.mark.parametrize("name", [PG, PENALISED])
def test_the_base_at_some_temperature_is_better_in_both_than_policy_gradient_at_any(name):
    assert all(beaten(point, points(BASE)) for point in points(name))


def test_a_penalty_keeps_more_paths_at_each_temperature():
    for kept, plain in zip(points(PENALISED), points(PG), strict=True):
        assert kept[1] > plain[1]


def test_q_learning_is_the_best_in_both_at_each_temperature():
    for name in (BASE, SFT, PG, PENALISED):
        for own, other in zip(points(Q), points(name), strict=True):
            assert own > other
            assert own[1] > other[1]


def test_with_outcome_reward_it_loses_everything():
    assert max(right for right, _ in points(OUTCOME)) < 0.05


def test_continual_sft_changes_little():
    for own, base in zip(points(SFT), points(BASE), strict=True):
        assert own[0] == pytest.approx(base[0], abs=0.02)
        assert own[1] == pytest.approx(base[1], abs=0.5)


def test_with_one_path_per_question_policy_gradient_is_above_the_base_at_any_temperature():
    least = min(right for right, _ in points(PG, "B"))
    assert least > max(right for right, _ in points(BASE, "B"))
