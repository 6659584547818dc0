"""The regimes' rewards, streams and measures do what their predictions say they measure."""

import math
import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

import planrl
import planrl as pr
from planrl.experiments import regimes
from planrl.experiments.algorithms import reinforce_to_go
from planrl.experiments.datasets import DatasetSettings, make_dataset
from planrl.experiments.probes import (
    context_spread,
    decoding_curve,
    edges_read,
    imitation_distance,
)
from planrl.experiments.streams import demonstrated_reward, noisy_process_reward, rows
from planrl.graphs import Graph, diamond, seeded
from planrl.models import LogitTable
from planrl.objectives.theory import sft_optimum
from planrl.sampling import Sampler
from planrl.tasks import all_pairs, process_reward

PREDICTIONS = tomllib.loads(
    (Path(planrl.__file__).parent / "claims/predictions.toml").read_text(encoding="utf-8")
)["prediction"]


@pytest.fixture(scope="module")
def dataset():
    return make_dataset(DatasetSettings(nodes=14, edge_probability=0.4, train_share=0.5))


def rollouts(graph, count=400):
    """Random rows, right and wrong ones, with their rewards' arguments."""
    task = all_pairs(graph)
    pairs = task.pairs[torch.randint(len(task.pairs), (count,), generator=seeded(0, "pairs"))]
    from planrl.sampling import rollout

    return rollout(LogitTable(task.vocab), pairs, rng=seeded(0, "rows"), sampler=Sampler())


def test_equal_paths_are_equal_rows_whatever_the_padding(dataset):
    longer = torch.nn.functional.pad(dataset.paths, (0, 3), value=dataset.graph.n)
    assert rows(dataset.paths) == rows(longer)
    assert len(set(rows(dataset.paths))) == len(dataset.paths.unique(dim=0))


def test_only_demonstrated_paths_are_paid(dataset):
    some = dataset.paths[::3]
    reward = demonstrated_reward(rows(some))
    known = set(rows(some))
    paid = reward(dataset.graph, dataset.paths).sum(1)
    for row, earned in zip(rows(dataset.paths), paid.tolist(), strict=True):
        assert earned == float(row in known)


def test_noise_of_no_share_is_the_process_reward_and_fixed_noise_is_always_the_same(dataset):
    graph, tokens = dataset.graph, rollouts(dataset.graph)
    right = process_reward(graph, tokens, scale=10.0)
    noise = partial(noisy_process_reward, graph)
    assert torch.equal(noise(0.0, seeded(0, "a"), fresh=True)(graph, tokens), right)
    fixed = noise(0.3, seeded(0, "a"), fresh=False)
    assert torch.equal(fixed(graph, tokens), fixed(graph, tokens))
    fresh = noise(0.3, seeded(0, "a"), fresh=True)
    assert not torch.equal(fresh(graph, tokens), fresh(graph, tokens))
    for reward in (fixed, fresh):
        earned = reward(graph, tokens)
        steps = (tokens[:, 2:-1] != graph.n) & (tokens[:, 3:] != graph.n)
        changed = (earned != right)[:, 2:]
        assert 0.2 < changed[steps].float().mean() < 0.4
        assert not changed[~steps].any()  # giving up is always noticed


def test_a_column_that_is_free_does_not_change_what_is_read_of_edges(dataset):
    graph = dataset.graph
    shown = graph.adjacency & (torch.rand(graph.n, graph.n, generator=seeded(0, "s")) < 0.5)
    score = graph.adjacency.float() + 0.3 * torch.randn(graph.n, graph.n, generator=seeded(0, "r"))
    once = edges_read(score, graph, shown)
    free = edges_read(score + 5 * torch.randn(graph.n, generator=seeded(0, "c")), graph, shown)
    for name in ("auc", "auc_shown", "auc_unseen", "precision"):
        assert math.isclose(once[name], free[name], abs_tol=1e-3)
    assert free["auc_raw"] < once["auc_raw"]
    perfect = edges_read(graph.adjacency.float(), graph, shown)
    assert perfect["precision"] == perfect["auc_unseen"] == 1.0


def test_equal_values_have_no_spread_and_unvisited_contexts_do_not_count():
    graph = diamond(3)
    table = torch.zeros(graph.n, graph.n, graph.n + 1)
    nowhere = torch.zeros(graph.n, graph.n, dtype=torch.bool)
    assert context_spread(graph, table, ~nowhere)["all"] == 0.0
    table[4, 0, 1] = 3.0
    found = context_spread(graph, table, ~nowhere)
    assert found["visited"] == found["all"] > 0
    assert math.isnan(context_spread(graph, table, nowhere)["visited"])


def test_a_colder_policy_is_more_accurate_and_detours_are_counted_apart():
    graph = Graph(4, [(0, 1), (1, 2), (2, 1), (1, 3)])  # a detour 1 -> 2 -> 1 on the way to 3
    task = all_pairs(graph)
    task = replace(task, pairs=torch.tensor([[0, 3]]))
    model = LogitTable(task.vocab)
    with torch.no_grad():
        for target, current, next_node, value in (
            (3, 0, 1, 3),
            (3, 1, 3, 3),
            (3, 1, 2, 2.5),
            (3, 2, 1, 3),
        ):
            model.table[target, current, next_node] = value
    sampler = Sampler(max_tokens=12)
    degree = torch.zeros(1, dtype=torch.int64)
    found = decoding_curve(model, task, sampler, seed=0, samples=400, degree=degree)
    assert found["accuracy"] == sorted(found["accuracy"])
    assert found["diversity"][0] > found["simple"][0] == 1.0


def test_a_model_of_the_shares_is_at_no_distance_and_beyond_a_uniform_planner(dataset):
    shares = sft_optimum(dataset.train, dataset.paths)
    logits = torch.nan_to_num(shares.log(), nan=0.0, neginf=-30.0)
    found = imitation_distance(dataset, logits)
    assert found["to_shares"] < 1e-6
    assert found["beyond_uniform"] > 0.999
    assert math.isclose(found["to_uniform"], found["uniform_to_shares"], abs_tol=1e-5)


def test_with_the_reward_to_go_a_step_is_charged_for_its_own_and_later_errors_only():
    task = pr.all_pairs(pr.chain(4), pr.process_reward)
    batch = task.batch(torch.tensor([[0, 3, 0, 2, 3, 4], [0, 3, 0, 1, 3, 4]]))
    assert batch.reward[:, 2:4].tolist() == [[-1.0, 1.0], [0.0, 0.0]]
    logits = torch.zeros(2, 5, 5, requires_grad=True)
    (slope,) = torch.autograd.grad(reinforce_to_go(logits, batch), logits)
    to_go, mean = torch.tensor([[0.0, 1.0], [0.0, 0.0]]), 1 / 4
    drawn = slope.gather(-1, batch.tokens[:, 1:, None])[:, 2:, 0]
    assert torch.allclose(drawn[:, :2], -(to_go - mean) * (1 - 0.2) / 2, atol=1e-6)
    assert drawn[:, 2].tolist() == [0, 0], "END at the target is written, not drawn"


def test_the_reward_to_go_has_the_expected_gradient_of_the_whole_return():
    task = pr.all_pairs(pr.random_dag(4, 0.6, pr.seeded(0, "graph")), pr.process_reward)
    model = pr.LogitTable(task.vocab)
    batch = next(pr.on_policy(model, task, rng=pr.seeded(0, "walks"), size=60_000))
    drawn = ~torch.eye(4, dtype=torch.bool)  # END at the target is written
    to_go, whole = (
        torch.autograd.grad(loss(model(batch.tokens[:, :-1]), batch), model.table)[0][drawn]
        for loss in (reinforce_to_go, partial(pr.policy_gradient, baseline=True))
    )
    assert float((to_go - whole).norm() / whole.norm()) < 0.03


def test_a_regime_runs_from_base_to_decoding_curves():
    small = regimes.shortened(regimes.REGIMES["B"], 400)
    names = ("continual SFT", "policy gradient, paid for demonstrated paths")
    small = replace(
        small,
        dataset=DatasetSettings(nodes=12, paths_per_pair=1),
        learners={name: small.learners[name] for name in names},
        evaluation=replace(small.evaluation, samples=5, pairs=10),
    )
    result = small.run({}, lambda page: None)
    assert list(result["learners"]) == list(names)
    for learner in result["learners"].values():
        assert learner["step"][0] == 0
        assert learner["end"]["curves"]["test"]["temperature"][0] == 1.0
    one, other = (result["learners"][name]["new_paths"][-1] for name in names)
    assert one == 0 <= other  # SFT shows demonstrated paths only


def test_each_prediction_is_of_a_regime_has_a_bound_and_a_reason():
    seen = set()
    for one in PREDICTIONS:
        assert one["regime"] in regimes.REGIMES
        assert "low" in one or "high" in one, one["id"]
        assert one["reason"].endswith(".")
        assert len(one["measure"]) > 10
        assert (one["id"], one["regime"]) not in seen
        seen.add((one["id"], one["regime"]))
