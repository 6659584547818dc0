"""Expert iteration as Wright-Fisher, and pass@k from exact probabilities."""

from fractions import Fraction
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import planrl as pr
from planrl.experiments.streams import Setup, expert_rounds, grouped_rollouts
from planrl.objectives.enumeration import success
from planrl.objectives.rounds import (
    correct_paths,
    expected_heterozygosity,
    expert_iteration,
    heterozygosity,
    pass_at_k,
    success_probs,
)

from .conftest import TASK, a_policy

many = settings(max_examples=25, deadline=None)


@given(seed=st.integers(0, 2**31), draws=st.integers(1, 5))
@many
def test_one_round_keeps_the_mean_and_shrinks_heterozygosity(seed, draws):
    """Every sample of the round counted with its probability."""
    q = torch.randn(3, generator=pr.seeded(seed, "q"), dtype=torch.float64).softmax(-1)
    mean, left = torch.zeros(3, dtype=torch.float64), 0.0
    for sample in product(range(3), repeat=draws):
        share = torch.bincount(torch.tensor(sample), minlength=3).double() / draws
        probability = q[list(sample)].prod()
        mean += probability * share
        left += float(probability * heterozygosity(share))
    assert torch.allclose(mean, q, atol=1e-12)
    assert left == pytest.approx(float(expected_heterozygosity(q, draws, 1)), abs=1e-12)


def test_simulated_rounds_shrink_it_by_the_same_factor_until_one_path_is_left():
    q = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    after = expert_iteration(q, 20, 10, rng=pr.seeded(0, "rounds"), runs=4000)
    found = float(heterozygosity(after).mean())
    assert found == pytest.approx(float(expected_heterozygosity(q, 20, 10)), abs=0.01)
    ends = expert_iteration(q, 5, 80, rng=pr.seeded(1, "rounds"), runs=4000)
    assert (ends.amax(1) == 1).all()
    assert torch.allclose(ends.mean(0), q, atol=0.03)


@given(st.integers(1, 99), st.integers(1, 60))
@many
def test_pass_at_k_is_exact(hundredths, k):
    wanted = 1 - (1 - Fraction(hundredths, 100)) ** k
    found = pass_at_k(torch.tensor(hundredths / 100, dtype=torch.float64), k)
    assert float(found) == pytest.approx(float(wanted), rel=1e-12)


def test_pass_at_ten_thousand_of_a_rare_success_is_not_lost_to_rounding():
    rare = torch.tensor([1e-18, 1e-6, 0.5, 1.0], dtype=torch.float64)
    millionth = float(1 - (1 - Fraction(1, 10**6)) ** 10_000)
    assert pass_at_k(rare, 10_000).tolist() == pytest.approx([1e-14, millionth, 1, 1], rel=1e-9)


def test_correct_paths_are_all_and_only_those(small_task):
    tokens, pair = correct_paths(small_task)
    source, target = small_task.pairs.T
    wanted = small_task.graph.count_paths()[target, source]
    assert torch.equal(torch.bincount(pair, minlength=len(source)), wanted)
    assert pr.is_path(small_task.graph, tokens).all()
    assert torch.equal(tokens[:, :2], small_task.pairs[pair])
    assert len(tokens.unique(dim=0)) == len(tokens)
    with pytest.raises(pr.InputError, match="cycles"):
        correct_paths(pr.all_pairs(pr.Graph(2, [(0, 1), (1, 0)])))


def test_success_probabilities_are_those_of_enumeration_and_of_sampling(small_task):
    assert success_probs(a_policy(0), TASK).item() == pytest.approx(
        success(a_policy(0), TASK), abs=1e-12
    )
    model = pr.LogitTable(small_task.vocab)
    with torch.no_grad():
        model.table[:, :, :12] += 3.0 * small_task.graph.correct
    found = success_probs(model, small_task)
    sampled = pr.evaluate(model, small_task, rng=pr.seeded(0, "e"), samples=4000).accuracy
    assert (found - sampled).abs().max() < 0.04
    assert 0.05 < found.min() < found.max() < 1


def test_a_transformer_has_them_too(small_task):
    config = pr.TransformerConfig(width=16, heads=2)
    model = pr.Transformer(small_task.vocab, config, pr.seeded(0, "weights"))
    found = success_probs(model, small_task)
    assert (found > 0).all()
    assert (found < 0.5).all()


class Few:
    """What a stream asks of a dataset."""

    max_tokens = 20

    def __init__(self, task):
        self.train = task


def test_expert_rounds_serve_the_correct_paths_of_the_model_as_it_was(small_task):
    model = pr.LogitTable(small_task.vocab)
    with torch.no_grad():
        model.table[:, :, :12] += 3.0 * small_task.graph.correct
    setup = Setup(Few(small_task), model, model, pr.seeded(0, "w"))
    stream = expert_rounds(setup, size=64, per_pair=2, batches=3)
    first = [next(stream) for _ in range(3)]
    assert all(pr.is_path(small_task.graph, batch.tokens).all() for batch in first)
    distinct = torch.cat([batch.tokens[:, :4] for batch in first]).unique(dim=0)
    assert len(distinct) <= 2 * len(small_task.pairs)
    assert len(list(pr.train(model, stream, pr.sft, pr.TrainConfig(steps=7)))) == 7


def test_grouped_rollouts_repeat_a_batch_for_each_epoch_and_know_its_probabilities(small_task):
    model = pr.LogitTable(small_task.vocab)
    setup = Setup(Few(small_task), model, model, pr.seeded(0, "w"))
    a, b, c = (next(s) for s in [grouped_rollouts(setup, size=24, group=8, epochs=2)] * 3)
    assert a is b is not c
    assert a.log_probs is not None
    once = next(grouped_rollouts(setup, size=24, group=8))
    assert once.log_probs is None


def test_expert_rounds_without_a_correct_path_end_with_what_to_do(small_task):
    model = pr.LogitTable(small_task.vocab)
    with torch.no_grad():
        model.table[:, :, -1] = 60.0  # END at once
    setup = Setup(Few(small_task), model, model, pr.seeded(0, "w"))
    with pytest.raises(pr.InputError, match="100 rounds in a row had no correct path"):
        next(expert_rounds(setup, size=4, per_pair=1))
    for option in ("per_pair", "batches"):
        with pytest.raises(pr.InputError, match=option):
            next(expert_rounds(setup, **{option: 0}))
