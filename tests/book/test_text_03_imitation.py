"""What the text of chapter 3 says of recorded runs and of its own."""

import pytest
import torch

from planrl.teaching import regime_figures as regimes
from planrl.teaching.regime_figures import BASE, Q

CHAPTER = "03_imitation"


def mean(values):
    return sum(values) / len(values)


def test_with_one_path_per_question_training_is_nearly_solved_and_held_out_questions_are_not():
    trained = mean(regimes.ends("B", BASE, "train_accuracy"))
    assert 0.93 < trained < 0.975, "the text says: about 95 %"
    assert mean(regimes.ends("B", BASE, "train_greedy")) > 0.99, "and greedily all"
    assert mean(regimes.ends("B", BASE, "test_accuracy")) < trained - 0.2


@pytest.mark.parametrize("key", ["accuracy", "greedy"])
def test_the_higher_the_degree_the_less_often_the_base_is_correct(key):
    by_degree = {d: mean(v) for d, v in regimes.ends_by_degree("B", BASE, key).items()}
    assert by_degree["0"] > by_degree["1"] + 0.05 > by_degree["2+"] + 0.1


def test_the_saturated_base_memorises_frequencies_but_is_no_nearer_to_them_than_uniform():
    found = [page["end"]["imitation"] for page in regimes.measured("A", BASE)]
    saturated = {key: mean([one[key] for one in found]) for key in found[0]}
    assert saturated["beyond_uniform"] > 0.5
    assert saturated["to_shares"] > saturated["uniform_to_shares"] - 0.003
    assert saturated["to_uniform"] > saturated["to_shares"] + 0.03, "it does depart from uniform"


def test_the_saturated_base_has_phantom_edges_and_lacks_those_that_nobody_showed():
    precision = mean(regimes.edges("A", BASE, "precision"))
    assert precision < 0.8
    assert mean(regimes.edges("A", Q, "precision")) > precision + 0.1
    assert mean(regimes.edges("A", BASE, "auc_unseen")) < 0.5, "no higher than no edge"


@pytest.mark.book
class TestRun:
    def test_every_degree_is_harder_sampled_than_greedily(self, ran):
        assert ran.sampled[0] > ran.sampled[1] > ran.sampled[2] + 0.1
        assert all(ran.by_degree[d]["greedy"] > ran.sampled[d] for d in range(3))

    def test_even_at_degree_two_the_model_is_far_better_than_one_that_knows_edges_only(self, ran):
        assert ran.edges_only[2] < 0.05 < ran.sampled[2] - 0.1

    def test_the_uniform_policy_passes_the_plain_correlation_better_than_the_model(self, ran):
        uniform, model = (
            torch.stack([policy.flatten(), ran.shares.flatten()]).corrcoef()[0, 1]
            for policy in (ran.uniform, ran.probs)
        )
        assert uniform > model > 0.8
        assert 0.1 < ran.beyond < 0.9

    def test_an_edge_in_few_paths_has_a_small_readout_and_one_in_none_reads_like_no_edge(self, ran):
        assert ran.rare > 0.5
        assert int(ran.never.sum()) > 20
        unseen, absent, shown = (
            ran.readout[some].mean() for some in (ran.never, ran.no_edge, ran.edge)
        )
        assert unseen < absent + 1 < shown - 1
