"""Soft values by linear algebra are those of value iteration and of enumeration."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import planrl as pr
from planrl.domains import blocksworld
from planrl.objectives.path_measures import (
    arrival,
    expected_length,
    greedy,
    path_entropy,
    uniform_steps,
)
from planrl.objectives.soft_values import soft_optimum, uniform_over_paths

SEEDS = st.integers(0, 10_000)


def iterated(graph, temperature, cost, penalty, sweeps=4000):
    """log Z by soft value iteration, from no path at all; it knows of no inverse."""
    step = torch.full((graph.n, graph.n), -cost / temperature, dtype=torch.float64)
    step = torch.where(graph.adjacency, step, step - penalty / temperature)
    value = torch.full((graph.n, graph.n), -torch.inf).double()
    same = torch.eye(graph.n, dtype=torch.bool)
    for _ in range(sweeps):
        value[same] = 0.0
        new = (step[None] + value[:, None]).logsumexp(-1).masked_fill(same, 0.0)
        if torch.allclose(new, value, rtol=0, atol=1e-14):
            return new
        value = new
    return value


def gap(a, b):
    told = ~(a.isnan() & b.isnan()) & (a != b)
    return float((a - b)[told].abs().max()) if told.any() else 0.0


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(0.3, 3.0), st.floats(0.0, 2.0))
def test_on_a_dag_the_resolvent_is_soft_value_iteration(seed, temperature, cost):
    graph = pr.random_dag(8, 0.4, pr.seeded(seed, "graph"))
    found = soft_optimum(graph, temperature=temperature, cost=cost)
    assert gap(found.log_z, iterated(graph, temperature, cost, math.inf)) <= 1e-9


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(0.5, 2.0), st.sampled_from([math.inf, 6.0]))
def test_with_cycles_and_illegal_steps_too(seed, temperature, penalty):
    graph = pr.random_digraph(7, 0.3, pr.seeded(seed, "graph"))
    cost = temperature * 2.2  # exp(-2.2) = 1/9, so no 7 steps add up to 1
    found = soft_optimum(graph, temperature=temperature, cost=cost, penalty=penalty)
    assert gap(found.log_z, iterated(graph, temperature, cost, penalty)) <= 1e-9
    policy = found.policy
    sums = policy.sum(-1)
    assert gap(sums, torch.where(sums.isnan(), torch.nan, 1.0)) <= 1e-12


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_the_sum_over_paths_exists_if_and_only_if_the_spectral_radius_is_below_1(seed):
    graph = pr.random_digraph(6, 0.4, pr.seeded(seed, "graph"))
    radius = 0.0
    for target in range(graph.n):
        able = graph.reachability[target].double()
        inner = graph.adjacency.double() * able * able[:, None]
        inner[target] = 0.0
        radius = max(radius, float(torch.linalg.eigvals(inner).abs().max()))
    if radius < 1e-3:
        soft_optimum(graph, cost=0.0)
        return
    assert soft_optimum(graph, cost=math.log(radius) + 1e-3).log_z.isfinite().any()
    with pytest.raises(pr.InputError, match=r"spectral radius of .* is 1\.00"):
        soft_optimum(graph, cost=math.log(radius) - 1e-3)


def correct_paths(graph, source, target):
    """Every correct path of a DAG as a list of nodes."""
    if source == target:
        return [[target]]
    return [
        [source, *rest]
        for a, b in graph.edges
        if a == source and graph.reachability[target, b]
        for rest in correct_paths(graph, b, target)
    ]


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.floats(0.0, 1.5))
def test_paths_enumerated_one_by_one_have_the_length_the_entropy_and_the_arrival(seed, cost):
    graph = pr.random_dag(7, 0.5, pr.seeded(seed, "graph"))
    policy = soft_optimum(graph, cost=cost).policy
    length, entropy = expected_length(policy), path_entropy(policy)
    within = arrival(policy, graph, steps=2)
    for source, target in pr.all_pairs(graph, pr.outcome_reward).pairs.tolist():
        paths = correct_paths(graph, source, target)
        steps = torch.tensor([len(path) - 1 for path in paths]).double()
        q = (-cost * steps).softmax(0)  # a path's probability is proportional to exp(-cost)
        assert abs(float(length[target, source] - q @ steps)) <= 1e-9
        assert abs(float(entropy[target, source] + q @ q.log())) <= 1e-9
        assert abs(float(within[target, source] - q[steps <= 2].sum())) <= 1e-9
        product = math.prod(
            policy[target, a, b] for a, b in zip(paths[0][:-1], paths[0][1:], strict=True)
        )
        assert abs(float(product - q[0])) <= 1e-9


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_without_a_cost_a_dag_has_the_uniform_distribution_over_paths(seed):
    graph = pr.random_dag(9, 0.5, pr.seeded(seed, "graph"))
    uniform = uniform_over_paths(graph)
    assert gap(uniform, soft_optimum(graph, cost=0.0).policy) <= 1e-9
    entropy, other = path_entropy(uniform), path_entropy(uniform_steps(graph))
    source, target = pr.all_pairs(graph).pairs.T
    counts = graph.count_paths().double().log()
    assert gap(entropy[target, source], counts[target, source]) <= 1e-9
    assert (other[target, source] <= entropy[target, source] + 1e-9).all()


def test_the_linear_transformer_holds_soft_values_exactly():
    graph = pr.random_digraph(6, 0.4, pr.seeded(1, "graph"))
    found = soft_optimum(graph, temperature=0.5, cost=1.2, penalty=4.0)
    model = found.in_linear_transformer(reward=3.0)
    held = pr.next_logits(model)[..., : graph.n]
    assert gap(torch.where(found.logits.isnan(), torch.nan, held), found.logits + 6.0) <= 1e-9


def test_soft_values_solve_blocksworld_where_undiscounted_values_do_not():
    graph = blocksworld(4)
    found = soft_optimum(graph, cost=-math.log(0.1))
    off = ~torch.eye(graph.n, dtype=torch.bool)
    assert arrival(found.policy, graph, steps=30)[off].min() > 0.999
    shortest = graph.distances()[off].double()
    assert gap(expected_length(greedy(found.logits))[off], shortest) <= 1e-9
    assert expected_length(found.policy)[off].mean() < shortest.mean() + 1.5
    plain = (10 * pr.process_optimum(graph)).softmax(-1)
    assert arrival(plain, graph, steps=30)[off].mean() < 0.3


def test_a_policy_that_may_never_arrive_has_no_length():
    graph = pr.Graph(3, [(0, 1), (1, 2), (1, 0), (0, 2)])
    policy = torch.zeros(3, 3, 3).double()
    policy[2, 0, 1] = policy[2, 1, 0] = 1.0  # round and round
    assert expected_length(policy)[2].tolist() == [math.inf, math.inf, 0.0]
    assert arrival(policy, graph)[2].tolist() == [0.0, 0.0, 1.0]
    policy[2, 1] = torch.tensor([0.5, 0.0, 0.5])
    assert expected_length(policy)[2].tolist() == pytest.approx([4.0, 3.0, 0.0])
    assert arrival(policy, graph)[2].tolist() == pytest.approx([1.0, 1.0, 1.0])
    assert path_entropy(policy)[2, 1].item() == pytest.approx(2 * math.log(2))


def test_ties_are_split_evenly():
    values = torch.tensor([[[1.0, 1.0, 0.0]]])
    assert greedy(values)[0, 0].tolist() == [0.5, 0.5, 0.0]
    with pytest.raises(pr.InputError, match="within=-1"):
        greedy(values, within=-1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"penalty": -1.0}, "penalty=-1.0"),
        ({"cost": 800.0}, "too small for a 64-bit number"),
        ({"cost": 0.0, "penalty": 1.0}, "has no end"),
    ],
)
def test_impossible_settings_are_refused(options, words):
    with pytest.raises(pr.InputError, match=words):
        soft_optimum(pr.chain(4), **options)


def test_a_singular_system_is_told_as_a_sum_without_end():
    """Three nodes that all lead to each other: with weights of 1, the two others hold each other up."""
    graph = pr.Graph(3, [(j, k) for j in range(3) for k in range(3) if j != k])
    with pytest.raises(pr.InputError, match=r"the spectral radius .* is 1, and it must be below 1"):
        soft_optimum(graph, cost=0.0)


def test_a_graph_with_cycles_has_no_uniform_distribution_over_paths():
    with pytest.raises(pr.InputError, match="without directed cycles"):
        uniform_over_paths(pr.Graph(2, [(0, 1), (1, 0)]))
