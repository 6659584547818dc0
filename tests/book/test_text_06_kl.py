"""What the text of chapter 6 says of its own runs."""

import pytest
import torch

from planrl.claims import verdicts
from planrl.experiments.theorems import expected_gradient as exact
from planrl.teaching import regime_figures as regimes

CHAPTER = "06_kl"
pytestmark = pytest.mark.book


def test_by_hand_the_ratio_stays_and_the_wrong_choice_keeps_exp_of_minus_one_over_lambda(ran):
    ends = {kl: exact.predicted(ran.probabilities, ran.start, kl)[0] for kl in (1.0, 0.5, 0.1)}
    for found in ends.values():
        assert found[0] / found[1] == pytest.approx(2, abs=1e-5)
    assert ends[0.1][2] < 1e-4
    assert ends[1.0][2] / ends[1.0][0] > 0.36 * 0.1 / 0.6


def test_where_success_differs_a_small_lambda_sharpens(ran):
    unequal = torch.tensor([[1.0, 0.99, 0.0]])
    for kl, low, high in ((0.1, 1.09, 1.12), (0.001, 20_000, 25_000)):
        found = exact.predicted(unequal, ran.start, kl)[0]
        assert low < float(found[0] / found[1]) / 2 < high


def test_the_smaller_lambda_the_better_a_solved_question_is_answered(ran):
    base = exact.success(ran.pair, ran.imitates)[2]
    assert ran.solved[0.1] > 0.999 > ran.solved[0.3] > ran.solved[1.0] > base + 0.03


def test_only_a_strong_pull_keeps_the_tables_paths_and_all_weights_leave_it_correct(ran):
    kept = ran.kept
    assert kept["λ = 0"] < kept["λ = 0.1"] < kept["λ = 0.3"] < kept["λ = 1"]
    assert kept["λ = 1"] > 0.85 * ran.was
    assert kept["λ = 0.03"] < 0.75 * ran.was
    assert min(ran.accuracy.values()) > 0.94


def test_a_chain_is_stuck_or_solved_and_a_larger_lambda_needs_a_better_start(ran):
    assert ran.branches[0.1][0] < 1e-6 < 0.95 < ran.branches[0.1][-1]
    assert ran.branches[0.05][5] > 0.95 > ran.branches[0.1][5]


def test_a_strong_penalty_keeps_the_transformer_from_questions_that_its_base_cannot_answer(ran):
    means = {name: sum(values) / len(values) for name, values in ran.answered.items()}
    assert means[ran.base] < means[ran.strong] < means[ran.free] - 0.2


def test_a_small_bonus_for_entropy_does_no_harm_and_a_larger_one_outweighs_the_reward(ran):
    assert ran.bonus[0.1] > 0.99
    assert ran.bonus[0.3] < 0.2 < 0.9 < ran.solved[0.3]


def test_gradients_of_the_libraries_estimators(ran):
    slopes, true, other = ran.slopes, ran.true, ran.other
    assert slopes["k1"].abs().max() < 1e-6
    for name in ("k2", "ours"):
        torch.testing.assert_close(slopes[name], true, atol=1e-5, rtol=0)
    torch.testing.assert_close(slopes["k3"], other, atol=1e-5, rtol=0)
    assert not torch.allclose(slopes["k3"], true, atol=1e-2)


def test_the_price_of_a_small_penalty_on_solved_questions_is_the_claims():
    (claim,) = verdicts(["R-kl-no-price"])
    (finding,) = (one for one in claim.findings if "saturated" in one.graph)
    assert f"{-finding.mean:.3f}" == "0.013"


def test_with_a_small_penalty_the_share_of_paths_is_still_falling_at_the_end():
    _, paths = regimes.series("A", f"{regimes.PG} + KL 0.1", "train_diversity")
    late = paths.mean(0)[-4:]
    assert late[0] > late[-1] > 0.5 * paths[:, 0].mean()
