"""Soft losses have the soft optimum as their zero, and training a small model goes there."""

import itertools
from functools import partial

import pytest
import torch

import planrl as pr
from planrl.experiments.algorithms import Algorithm
from planrl.experiments.datasets import DatasetSettings, make_dataset
from planrl.experiments.streams import Setup
from planrl.objectives import path_consistency, soft_q_learning, trajectory_balance
from planrl.objectives.soft_values import soft_optimum

GRAPH = pr.random_dag(7, 0.5, pr.seeded(3, "graph"))
REWARD = partial(pr.process_reward, scale=8.0)
TASK = pr.all_pairs(GRAPH, REWARD)
SAMPLER = pr.Sampler(may_stop=False, max_tokens=24)
EXPLORING = pr.Sampler(may_stop=False, max_tokens=24, epsilon=0.3)
LOSSES = {
    "soft Q": soft_q_learning,
    "one step": partial(path_consistency, length=1),
    "two steps": partial(path_consistency, length=2),
    "whole paths": path_consistency,
}


def an_optimum(graph=GRAPH, temperature=1.0, cost=1.0, scale=8.0):
    """A table with the soft logits of sampled rewards: an illegal step costs `scale` more."""
    found = soft_optimum(graph, temperature=temperature, cost=cost, penalty=scale)
    model = pr.LogitTable(pr.Vocab(graph.n)).double()
    with torch.no_grad():
        model.table[..., : graph.n] = found.logits.nan_to_num(0.0) + scale / temperature
    return found, model


def a_batch(model, task=TASK, sampler=EXPLORING, size=64, seed=0):
    return next(pr.on_policy(model, task, rng=pr.seeded(seed, "b"), sampler=sampler, size=size))


def value_and_gradient(loss, model, batch):
    model.zero_grad()
    value = loss(model(batch.tokens[:, :-1]), batch)
    value.backward()
    return float(value.detach()), float(model.table.grad.abs().max())


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("name", LOSSES)
def test_the_soft_optimum_is_a_zero_on_and_off_policy(name, temperature):
    _, model = an_optimum(temperature=temperature)
    loss = partial(LOSSES[name], temperature=temperature, cost=1.0)
    for policy in (model, pr.LogitTable(TASK.vocab).double()):
        value, gradient = value_and_gradient(loss, model, a_batch(policy))
        assert value < 1e-12
        assert gradient < 1e-6
    with torch.no_grad():
        model.table[:, 0, 1] += 0.1
    assert value_and_gradient(loss, model, a_batch(model))[0] > 1e-5


def by_hand(model, batch, row, cost, length):
    """The mean over stretches of one path, step by step."""
    tokens = batch.tokens[row].tolist()
    target, end = tokens[1], tokens.index(GRAPH.n) if GRAPH.n in tokens else len(tokens)
    path = tokens[2:end]
    logits = model.table.detach()[target]
    value = lambda node: 0.0 if node == target else float(logits[node, :-1].logsumexp(-1))  # noqa: E731
    last = len(path) - 1 if path[-1] == target else len(path) - 2
    squares = []
    for first in range(last):
        stop = min(first + length, last)
        off = value(path[stop]) - value(path[first])
        for m in range(first, stop):
            logq = float(logits[path[m], path[m + 1]]) - value(path[m])
            off += float(batch.reward[row, m + 2]) - cost - logq
        squares.append(off**2)
    return squares


@pytest.mark.parametrize("length", [1, 2, 3, 50])
def test_path_consistency_is_what_a_path_earns_and_loses_step_by_step(length):
    model = pr.LogitTable(TASK.vocab).double()
    with torch.no_grad():
        model.table += torch.randn(model.table.shape, generator=pr.seeded(1, "t")).double()
    batch = a_batch(model, sampler=pr.Sampler(may_stop=False, max_tokens=8), size=16)
    rows = [by_hand(model, batch, row, 0.5, length) for row in range(16)]
    squares = [one for row in rows for one in row]
    loss = path_consistency(model(batch.tokens[:, :-1]), batch, cost=0.5, length=length)
    assert loss.item() == pytest.approx(sum(squares) / len(squares))
    if length == 1:  # the same number as soft Q-learning, with another gradient
        soft = soft_q_learning(model(batch.tokens[:, :-1]), batch, cost=0.5)
        assert soft.item() == pytest.approx(loss.item())


def learn(model, loss, steps, *, task=TASK, lr=0.3, sampler=EXPLORING, policy=None, size=128):
    batches = pr.on_policy(policy or model, task, rng=pr.seeded(0, "b"), sampler=sampler, size=size)
    for share in (1.0, 0.1):
        config = pr.TrainConfig(steps=steps, lr=lr * share)
        for _ in pr.train(model, batches, loss, config):
            pass


def gap(model, found, task=TASK):
    """The largest gap of probabilities at the nodes from which the target is asked for."""
    source, target = task.pairs.T
    learnt = pr.next_logits(model)[target, source, :-1].double().softmax(-1)
    return float((learnt - found.policy[target, source]).abs().max())


@pytest.mark.parametrize("name", ["soft Q", pytest.param("one step", marks=pytest.mark.slow)])
def test_a_table_learns_the_soft_optimum(name):
    model = pr.LogitTable(TASK.vocab)
    learn(model, partial(LOSSES[name], cost=1.0), 200)
    assert gap(model, an_optimum()[0]) < 0.02


@pytest.mark.slow
def test_so_does_it_from_paths_of_another_policy():
    model = pr.LogitTable(TASK.vocab)
    learn(model, partial(soft_q_learning, cost=1.0), 200, policy=pr.LogitTable(TASK.vocab))
    assert gap(model, an_optimum()[0]) < 0.02


@pytest.mark.slow
def test_a_linear_transformer_learns_it_on_a_graph_with_cycles():
    graph = pr.Graph(5, [(0, 1), (1, 2), (2, 0), (0, 3), (3, 4), (4, 0), (2, 4)])
    task = pr.all_pairs(graph, REWARD)
    model = pr.LinearTransformer(task.vocab)
    learn(model, partial(soft_q_learning, cost=1.5), 400, task=task, lr=0.1)
    assert gap(model, an_optimum(graph, cost=1.5)[0], task) < 0.02


def test_trajectory_balance_with_a_cost_goes_to_the_same_policy():
    graph = pr.Graph(4, [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (0, 3)])
    task = pr.Task(graph, torch.tensor([[0, 3]]), REWARD)
    model = pr.LogitTable(task.vocab)
    batches = pr.on_policy(model, task, rng=pr.seeded(0, "b"), size=64, group=64)
    loss = partial(trajectory_balance, temperature=1.0, cost=1.0)
    for lr in (0.1, 0.01):
        for _ in pr.train(model, batches, loss, pr.TrainConfig(steps=300, lr=lr)):
            pass
    learnt = model.table.detach()[3, :3, :4].double().softmax(-1)
    wanted = soft_optimum(graph, cost=1.0).policy[3, :3]
    assert float((learnt - wanted).abs().max()) < 0.03


def every_path(graph, source, target):
    """All paths, by trying every edge."""
    if source == target:
        return [[target]]
    nodes = graph.adjacency[source].nonzero().flatten().tolist()
    return [[source, *rest] for node in nodes for rest in every_path(graph, node, target)]


@pytest.mark.parametrize("seed", range(3))
def test_the_soft_optimum_is_that_of_trajectory_balance_with_a_learnt_sum(seed):
    """Written out anew: log Z + log q(path) = -cost * length, squared, over all paths of a DAG."""
    graph = pr.random_dag(7, 0.8, pr.seeded(seed, "graph"))
    paths = every_path(graph, 0, 6)
    assert len(paths) > 2
    steps = sorted({step for path in paths for step in itertools.pairwise(path)})
    column = {step: k for k, step in enumerate(steps)}
    taken = torch.zeros(len(paths), len(steps), dtype=torch.float64)
    for row, path in zip(taken, paths, strict=True):
        row[[column[step] for step in itertools.pairwise(path)]] = 1.0
    at = torch.tensor([source for source, _ in steps])
    logits = torch.zeros(len(steps), dtype=torch.float64, requires_grad=True)
    log_z = torch.zeros((), dtype=torch.float64, requires_grad=True)

    def log_q():
        norm = torch.stack([logits[at == node].logsumexp(0) for node in at])
        return logits - norm

    def residual():
        optimiser.zero_grad()
        loss = (log_z + taken @ log_q() + 0.7 * taken.sum(1)).square().sum()
        loss.backward()
        return loss

    optimiser = torch.optim.LBFGS(
        [logits, log_z],
        max_iter=1000,
        tolerance_grad=1e-9,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )
    optimiser.step(residual)
    assert residual().item() < 1e-12
    exact = soft_optimum(graph, cost=0.7)
    wanted = torch.stack([exact.policy[6, a, b] for a, b in steps])
    assert torch.allclose(log_q().exp().detach(), wanted, atol=1e-5)
    assert log_z.item() == pytest.approx(float(exact.log_z[6, 0]), abs=1e-5)


def test_values_are_clipped_in_units_of_the_reward():
    _, model = an_optimum(temperature=0.5)
    batch = a_batch(model)
    loss = partial(soft_q_learning, temperature=0.5, cost=1.0)
    value = lambda bounds: loss(model(batch.tokens[:, :-1]), batch, value_bounds=bounds).item()  # noqa: E731
    assert value((-100.0, 100.0)) < 1e-12
    assert value((-100.0, 4.0)) > 0.1


@pytest.mark.parametrize("name", ["soft_q_learning", "path_consistency"])
def test_a_soft_loss_is_named_like_any_other(name):
    algorithm = Algorithm(
        "q", loss=f"planrl.objectives:{name}", reward="process", reward_scale=8.0, cost=1.5
    )
    assert not algorithm.foreign()
    dataset = make_dataset(DatasetSettings(nodes=12, edge_probability=0.4))
    model = pr.LogitTable(dataset.train.vocab)
    setup = Setup(dataset, model, model, pr.seeded(0, "walks"))
    run = pr.train(
        model, algorithm.make_stream(setup), algorithm.make_loss(), pr.TrainConfig(steps=3)
    )
    assert [step.step for step in run] == [1, 2, 3]


@pytest.mark.parametrize("loss", LOSSES.values(), ids=list(LOSSES))
def test_forbidden_steps_leave_gradients_finite(loss):
    model = soft_optimum(GRAPH, cost=1.0).in_linear_transformer(reward=8.0)
    task = pr.all_pairs(GRAPH, REWARD)
    batch = a_batch(model, task, SAMPLER)
    value = loss(model(batch.tokens[:, :-1]), batch, cost=1.0)
    value.backward()
    assert float(value.detach()) < 1e-12
    assert all(p.grad.isfinite().all() for p in model.parameters())
