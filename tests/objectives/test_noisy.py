"""Checks that are few or wrong: the reward's mean, and the fixed points, against value iteration."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import planrl as pr
from planrl.objectives import dr_grpo, reinforce, rloo
from planrl.objectives.enumeration import expected_gradient
from planrl.objectives.noisy import (
    Checks,
    checked_reward,
    judged_graph,
    legal_distance,
    majority,
    noisy_optimum,
    outcome_checked_reward,
    scaled,
)
from planrl.objectives.path_measures import arrival, expected_length, greedy

from .conftest import TASK, a_policy

SEEDS = st.integers(0, 10_000)
RATES = st.floats(0.02, 0.45)


def iterated(graph, charged, start=0.0, sweeps=300):
    """The fixed point for what each step [current, next] is charged, by value iteration."""
    n = graph.n
    same = torch.eye(n, dtype=torch.bool)
    earned = same.double()[:, None] - charged[None]
    value = torch.full((n, n), start).double()
    for _ in range(sweeps):
        value[same] = 0.0
        q = earned + value[:, None]
        if torch.allclose(q.amax(-1).masked_fill(same, 0.0), value, rtol=0, atol=1e-14):
            break
        value = q.amax(-1)
    return q


def gap(a, b):
    """The largest difference at the nodes from which steps are chosen."""
    off = (a - b).masked_fill(torch.eye(len(a), dtype=torch.bool)[..., None], 0.0)
    return float(off.abs().max())


def charges(graph, a, m, rho):
    return rho * (a + (1 - m - a) * (~graph.adjacency).double())


def test_the_charges_are_those_of_the_rates():
    graph = pr.chain(3)
    checks = Checks(checked=0.5, false_alarm=0.1, miss=0.3)
    wanted = torch.tensor([[0.35, 0.05, 0.35], [0.35, 0.35, 0.05], [0.35, 0.35, 0.35]])
    assert torch.allclose(checks.charged((~graph.adjacency).double()).float(), wanted)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(0.05, 1.0), st.floats(-2.0, 1.0))
def test_sparse_checks_have_the_closed_form_on_a_dag_from_any_start(seed, rho, start):
    graph = pr.random_dag(8, 0.4, pr.seeded(seed, "graph"))
    found = noisy_optimum(graph, Checks(checked=rho))
    a, r = graph.adjacency.double(), graph.reachability.double()
    assert gap(found, 1 - rho * (2 - a[None] - r[:, None])) <= 1e-9
    assert gap(found, iterated(graph, charges(graph, 0.0, 0.0, rho), start)) <= 1e-9


def test_between_theorems_5_1_and_5_2():
    graph = pr.random_dag(8, 0.4, pr.seeded(0, "graph"))
    assert gap(noisy_optimum(graph, Checks()), pr.process_optimum(graph).double()) <= 1e-9
    assert gap(noisy_optimum(graph, Checks(checked=0.0)), torch.ones(8, 8, 8)) <= 1e-9


@settings(max_examples=15, deadline=None)
@given(SEEDS, RATES, st.floats(0.0, 0.55), st.floats(0.1, 1.0), st.booleans())
def test_fresh_noise_has_the_closed_form_on_any_graph(seed, a, m, rho, cycles):
    draw = pr.random_digraph if cycles else pr.random_dag
    graph = draw(8, 0.3, pr.seeded(seed, "graph"))
    found = noisy_optimum(graph, Checks(checked=rho, false_alarm=a, miss=m))
    assert gap(found, iterated(graph, charges(graph, a, m, rho))) <= 1e-9


@settings(max_examples=15, deadline=None)
@given(SEEDS, RATES, st.floats(0.0, 0.5))
def test_greedy_is_legal_exactly_below_the_legal_distance_and_shortest(seed, a, m):
    graph = pr.random_digraph(9, 0.2, pr.seeded(seed, "graph"))
    checks = Checks(false_alarm=a, miss=m)
    distance, boundary = graph.distances().double(), legal_distance(checks)
    assume(((distance * a - (1 - m)).abs() > 1e-6).all())  # no tie
    policy = greedy(noisy_optimum(graph, checks))
    source, target = pr.all_pairs(graph).pairs.T
    near = distance[target, source] < boundary
    arrives = arrival(policy, graph)[target, source]
    assert torch.allclose(arrives, near.double(), atol=1e-9)
    length = expected_length(policy)[target, source][near]
    assert torch.allclose(length, distance[target, source][near], atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(SEEDS, RATES, RATES)
def test_fixed_noise_has_the_closed_form_of_the_graph_that_the_checks_believe_in(seed, a, m):
    graph = pr.random_dag(8, 0.4, pr.seeded(seed, "graph"))
    believed = judged_graph(graph, Checks(false_alarm=a, miss=m), pr.seeded(seed, "noise"))
    charged = (~believed.adjacency).double()
    assert gap(noisy_optimum(believed, Checks()), iterated(graph, charged)) <= 1e-9


@settings(max_examples=10, deadline=None)
@given(SEEDS, RATES, st.floats(0.0, 0.4))
def test_a_correction_leaves_the_optimum_without_noise(seed, a, m):
    graph = pr.random_dag(8, 0.4, pr.seeded(seed, "graph"))
    checks = Checks(checked=0.3, false_alarm=a, miss=m, corrected=True)
    assert gap(noisy_optimum(graph, checks), pr.process_optimum(graph).double()) <= 1e-9
    assert legal_distance(checks) == math.inf


@pytest.mark.parametrize("votes", [1, 3, 7])
def test_a_majority_errs_as_often_as_its_votes_say(votes):
    draws = torch.rand(200_000, votes, generator=pr.seeded(0, "votes")) < 0.3
    share = (draws.sum(1) > votes / 2).double().mean()
    assert majority(0.3, votes) == pytest.approx(float(share), abs=0.005)
    assert [majority(rate, votes) for rate in (0.0, 1.0)] == [0.0, 1.0]


ROWS = torch.tensor(
    [
        [0, 3, 0, 1, 3, 5, 5],  # correct
        [0, 3, 0, 3, 5, 5, 5],  # no edge, straight to the target
        [0, 3, 0, 1, 5, 5, 5],  # gives up
        [0, 3, 0, 4, 4, 1, 2],  # not over
    ]
)
CHAIN = pr.Graph(5, [(0, 1), (1, 3), (0, 4)])


@pytest.mark.parametrize(
    "checks",
    [
        Checks(checked=0.4),
        Checks(false_alarm=0.1, miss=0.3),
        Checks(checked=0.7, false_alarm=0.2, miss=0.1, votes=3),
        Checks(checked=0.7, false_alarm=0.2, miss=0.1, corrected=True),
    ],
)
def test_the_mean_of_the_reward_is_what_the_theory_charges(checks):
    reward = checked_reward(checks, pr.seeded(0, "noise"), scale=2.0)
    mean = reward(CHAIN, ROWS.repeat(4000, 1)).view(4000, *ROWS[:, 1:].shape).mean(0)
    exact = pr.process_reward(CHAIN, ROWS, scale=2.0)
    current, next_node = ROWS[:, :-1], ROWS[:, 1:]
    chosen = pr.Vocab(5).chosen(ROWS) & (next_node != 5)
    illegal = (~CHAIN.legal[current, next_node]).double()
    arrives = (next_node == 3).double()
    wanted = torch.where(chosen, 2.0 * (arrives - checks.charged(illegal)), exact.double())
    assert float((mean - wanted).abs().max()) < 0.15
    assert mean[2, 3] == -2.0  # END before the target is always noticed


def test_without_noise_it_is_the_process_reward():
    reward = checked_reward(Checks(), pr.seeded(0, "noise"), scale=3.0)
    assert torch.equal(reward(CHAIN, ROWS), pr.process_reward(CHAIN, ROWS, scale=3.0))


def test_q_learning_of_a_table_ends_where_fresh_noise_says():
    graph = pr.Graph(4, [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)])
    checks = Checks(checked=0.8, false_alarm=0.2, miss=0.1)
    task = pr.all_pairs(graph, checked_reward(checks, pr.seeded(0, "noise")))
    model, sampler = pr.LogitTable(task.vocab), pr.Sampler(may_stop=False, epsilon=0.5)
    batches = pr.on_policy(model, task, rng=pr.seeded(0, "b"), sampler=sampler, size=256)
    for lr in (0.1, 0.01, 0.002):
        list(pr.train(model, batches, pr.q_learning, pr.TrainConfig(steps=100, lr=lr)))
    assert gap(model.table.detach()[..., :4].double(), noisy_optimum(graph, checks)) < 0.1


@settings(max_examples=4, deadline=None)
@given(SEEDS, RATES, RATES)
@pytest.mark.parametrize("loss", [reinforce, rloo, dr_grpo])
def test_outcome_noise_multiplies_the_expected_gradient(loss, seed, a, m):
    model = a_policy(seed)

    def noisy(graph, tokens):  # its mean; the gradient of these losses is linear in the reward
        right = pr.is_path(graph, tokens).double()
        last = torch.zeros(tokens.shape[0], tokens.shape[1] - 1).double()
        last[:, 2] = a + (1 - a - m) * right
        return last

    group = 1 if loss is reinforce else 2
    plain = expected_gradient(loss, model, TASK, group=group)[0]
    found = expected_gradient(loss, model, replace(TASK, reward=noisy), group=group)[0]
    assert float((found - (1 - a - m) * plain).abs().max()) <= 1e-9
    assert float(plain.abs().max()) > 1e-3


def test_the_noisy_outcome_is_paid_once_with_the_mean_of_its_rates():
    checks = Checks(false_alarm=0.2, miss=0.3)
    reward = outcome_checked_reward(checks, pr.seeded(0, "noise"), scale=2.0)
    paid = reward(CHAIN, ROWS.repeat(4000, 1)).view(4000, *ROWS[:, 1:].shape)
    assert ((paid != 0).sum(-1) <= 1).all()
    assert paid.sum(-1).mean(0).tolist() == pytest.approx([1.4, 0.4, 0.4, 0.4], abs=0.08)
    assert set(paid.unique().tolist()) == {0.0, 2.0}


def test_scaled_values_are_a_policy_but_at_the_target():
    policy = scaled(noisy_optimum(CHAIN, Checks()), 10.0)
    assert policy[3, 3].isnan().all()
    assert policy[3, 0].sum().item() == pytest.approx(1.0)
    assert policy[3, 0].argmax() == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"checked": 1.5}, "checked=1.5"),
        ({"votes": 2}, "odd number"),
        ({"false_alarm": 0.5, "miss": 0.5, "corrected": True}, "say nothing"),
        ({"checked": 0.0, "corrected": True}, "say nothing"),
    ],
)
def test_impossible_checks_are_refused(options, words):
    with pytest.raises(pr.InputError, match=words):
        Checks(**options)


def test_checks_that_charge_nothing_have_no_legal_distance():
    assert legal_distance(Checks(checked=0.0)) == 0.0
    assert legal_distance(Checks(miss=1.0)) == 0.0
    assert legal_distance(Checks(miss=0.3)) == math.inf
    assert legal_distance(Checks(false_alarm=0.1, miss=0.2)) == pytest.approx(8.0)


def test_checks_that_are_wrong_more_often_than_right_are_refused():
    for function in (legal_distance, lambda checks: noisy_optimum(CHAIN, checks)):
        with pytest.raises(pr.InputError, match="more than 1 together"):
            function(Checks(false_alarm=0.7, miss=0.5))
