"""What the text of chapter 5 says of recorded runs and of its own."""

from itertools import pairwise

import pytest

from planrl.teaching import paper_figures
from planrl.teaching import regime_figures as regimes
from planrl.teaching.regime_figures import BASE, PG

CHAPTER = "05_collapse"


def of_training(key):
    return regimes.series("A", PG, key)[1].mean(0)


def test_from_nine_or_ten_paths_one_is_left_while_accuracy_rises():
    paths, accuracy = of_training("train_diversity"), of_training("train_accuracy")
    assert 8.5 < paths[0] < 10.5
    assert paths[-1] < 1.5
    assert accuracy[-1] > 0.98
    steps = regimes.series("A", PG, "train_diversity")[0]
    assert steps[-1] == 10 * 400
    assert paths[steps.index(400)] < paths[0] / 2, "more than half are gone after a tenth"
    assert of_training("train_greedy")[0] > 0.99, "greedily the base answers all"


def test_paths_and_entropy_go_on_falling_after_accuracy_has_arrived():
    accuracy = of_training("train_accuracy")
    assert (accuracy >= 0.99).any()
    solved = int((accuracy >= 0.99).int().argmax())
    paths, entropy = of_training("train_diversity"), of_training("train_entropy")
    assert paths[solved] > paths[-1] + 0.05
    assert paths[0] - paths[solved] > 5 * (paths[solved] - paths[-1]), "most are gone before"
    assert entropy[solved] > 1.5 * entropy[-1]


def test_accuracy_does_not_need_the_loss_of_paths():
    heats = regimes.curve("A", BASE, "train", "temperature")[0].tolist()
    cool, paths = (
        regimes.curve("A", BASE, "train", key).mean(0)[heats.index(0.5)]
        for key in ("accuracy", "diversity")
    )
    assert heats[2] == 0.5
    assert cool > of_training("train_accuracy")[-1] - 0.002
    assert paths > 4 * of_training("train_diversity")[-1]


def test_entropy_falls_and_the_distance_from_the_uniform_policy_grows_nearly_all_the_time():
    for key, sign in (("train_entropy", -1), ("kl_to_uniform", 1)):
        changes = sign * of_training(key).diff()
        assert (changes > 0).sum() >= len(changes) - 2, key


def test_when_held_out_accuracy_is_best_most_paths_are_gone():
    paths = of_training("train_diversity")
    peak = int(of_training("test_accuracy").argmax())
    assert paths[peak] < paths[0] / 3


def test_on_blocksworld_several_paths_are_left_and_their_number_still_falls():
    left = paper_figures.series("blocksworld", PG, "train_diversity")[1].mean(0)
    assert 5 < left[-1] < left[-2] < left[0] / 3


@pytest.mark.book
class TestRun:
    def test_ten_nodes_end_correct_and_with_fewer_paths(self, ran):
        assert ran.end["accuracy"] > 0.98
        assert ran.end["diversity"] < 1.6 < 2.4 < ran.base["diversity"]

    def test_the_picture_shows_all_paths_at_first_and_two_likeliest_ones_at_the_end(self, ran):
        for run in (ran.frames, ran.again):
            assert [frame["update"] for frame in run] == list(range(0, 1001, 20))
            assert run[0]["distinct"] == ran.there
            assert run[-1]["distinct"] <= ran.there / 2
            assert run[-1]["accuracy"] > 0.98
        assert ran.frames[0] == ran.again[0], "they start from the same base"
        assert ran.ends[0] != ran.ends[1]
        for nodes in ran.ends:
            assert (nodes[0], nodes[-1]) == (0, 9)
            assert set(pairwise(nodes)) <= set(ran.graph.edges)

    def test_one_of_five_equal_choices_takes_over(self, ran):
        assert ran.over_time[-1].max() > 0.8

    def test_the_mean_policy_stays_while_each_context_ends_nearly_certain(self, ran):
        assert (ran.policy.mean(0) - 0.2).abs().max() < 0.08
        assert ran.policy.amax(-1).mean() > 0.9
        assert (ran.over.mean(0)[20::20].diff() > 0).all(), "the distance keeps growing"

    def test_five_equal_choices_drift_as_computed_by_hand(self, ran):
        assert ran.by_hand == pytest.approx(0.0008, abs=1e-9)

    def test_steps_of_size_one_stay_below_the_factors_of_small_ones(self, ran):
        assert 2 < ran.slow / ran.single < 4
        assert 4 < ran.eight / ran.single < 8

    def test_without_a_baseline_an_all_correct_batch_has_a_gradient(self, ran):
        assert ran.plain_slope.abs().max() > 1e-3

    def test_a_baseline_saves_little_under_adamw_and_more_with_plain_steps(self, ran):
        first = ran.base["diversity"]
        assert ran.end["diversity"] - 0.1 < ran.kept["diversity"] < first - 0.5
        assert min(ran.slowed["accuracy"], ran.without["accuracy"]) > 0.98
        assert ran.without["diversity"] + 0.2 < ran.slowed["diversity"]
        assert ran.kept["diversity"] + 0.3 < ran.slowed["diversity"] < first - 0.3
