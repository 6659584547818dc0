"""What exact policies reach, against plain computations on dense tables and by sampling."""

import pytest
import torch

import planrl as pr
from planrl.domains import example, state_graph
from planrl.domains.outcomes import (
    arrivals,
    discounted_optimum,
    greedy_policy,
    sampled_policy,
    soft_policy,
    uniform_policy,
)


@pytest.fixture(scope="module", params=[0, 1, 2])
def graph(request):
    return pr.random_digraph(9, 0.22, pr.seeded(request.param, "graph"))


def dense(graph, policy):
    full = torch.zeros(graph.n, graph.n, graph.n)
    for number, (a, b) in enumerate(graph.edges):
        full[:, a, b] = policy[:, number]
    return full


@pytest.mark.parametrize("discount", [1.0, 0.9, 0.5])
def test_the_formula_is_the_fixed_point_of_q_learning(graph, discount):
    task = pr.all_pairs(graph, pr.process_reward)
    found = pr.optimal_q(task, discount=discount)[..., : graph.n]
    wanted = discounted_optimum(graph, discount)
    there = torch.eye(graph.n, dtype=torch.bool)[:, :, None].expand_as(found)
    assert torch.allclose(found[~there], wanted[~there], atol=1e-6)


def test_with_a_discount_of_1_it_is_theorem_5_2(graph):
    assert torch.equal(discounted_optimum(graph, 1.0), pr.process_optimum(graph))


@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_policies_of_values_are_those_of_the_dense_table(graph, discount):
    values = discounted_optimum(graph, discount)
    legal = graph.adjacency[None].expand_as(values)
    wanted = (10 * values).softmax(-1) * legal
    found = dense(graph, sampled_policy(graph, discount))
    assert torch.allclose(found, wanted, atol=1e-6)
    greedy = dense(graph, greedy_policy(graph, discount))
    for target, source in pr.all_pairs(graph).pairs.flip(1).tolist():
        best = int((values[target, source] >= values[target, source].max() - 1e-6).int().argmax())
        assert greedy[target, source].nonzero().flatten().tolist() == [best]


def test_uniform_is_over_correct_next_nodes(graph):
    correct = graph.correct.float()
    wanted = correct / correct.sum(-1, keepdim=True).clamp(min=1)
    assert torch.allclose(dense(graph, uniform_policy(graph)), wanted)


def test_soft_values_sum_over_paths_and_need_a_small_weight(graph):
    weight, n = 0.1, graph.n
    found = dense(graph, soft_policy(graph, weight))
    for target, source in pr.all_pairs(graph).pairs.flip(1).tolist():
        total = torch.eye(n)[target].double()  # by iteration, the target absorbing
        for _ in range(200):
            new = weight * graph.adjacency.double() @ total
            new[target] = 1.0
            total = new
        q = weight * graph.adjacency[source] * total / total[source]
        assert torch.allclose(found[target, source].double(), q, atol=1e-5)
    with pytest.raises(pr.errors.InputError, match="must be below"):
        soft_policy(pr.Graph(2, [(0, 1), (1, 0)]), 1.0)


def test_arrivals_are_those_of_sampled_paths(graph):
    policy = dense(graph, uniform_policy(graph))
    told = arrivals(graph, uniform_policy(graph), 12)
    rng, arrived, lengths, tries = pr.seeded(0, "paths"), 0, 0, 0
    for target, source in pr.all_pairs(graph).pairs.flip(1).tolist() * 40:
        current, tries = source, tries + 1
        for step in range(1, 13):
            current = int(torch.multinomial(policy[target, current], 1, generator=rng))
            if current == target:
                arrived, lengths = arrived + 1, lengths + step
                break
    assert arrived / tries == pytest.approx(told.share, abs=0.04)
    assert lengths / arrived == pytest.approx(told.steps, rel=0.08)


def test_the_structure_decides_who_arrives():
    """Without cycles values need no discount; where all states reach each other they do."""
    peg, hanoi = (state_graph(example(name)) for name in ("peg-4", "hanoi-4"))
    assert arrivals(peg, greedy_policy(peg, 1.0)).share == pytest.approx(1, abs=1e-5)
    assert arrivals(hanoi, greedy_policy(hanoi, 1.0)).share < 0.3
    for graph in (peg, hanoi):
        assert arrivals(graph, greedy_policy(graph, 0.9)).share == pytest.approx(1, abs=1e-5)
        assert arrivals(graph, soft_policy(graph)).share == pytest.approx(1, abs=1e-4)
