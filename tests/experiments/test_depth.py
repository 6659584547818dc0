"""The waypoint task, table projections, and the study of depth with its predictions."""

import itertools
from dataclasses import replace

import pytest
import torch

import planrl as pr
from planrl.claims import CLAIMS
from planrl.claims.depth import CLAIMS as DEPTH_CLAIMS
from planrl.experiments import depth
from planrl.experiments.datasets import Dataset
from planrl.experiments.waypoints import (
    Moves,
    all_questions,
    demonstrate,
    most_by_tables,
    shortest_policy,
    step_reward,
    waypoint_dataset,
)
from planrl.objectives.path_measures import arrival, uniform_steps
from planrl.objectives.soft_values import soft_optimum
from planrl.objectives.theory import process_optimum

# 0 -> 1 -> 2 -> 3 -> 0, and back 2 -> 1; the waypoint is 2
RING = pr.Graph(4, [(0, 1), (1, 2), (2, 3), (3, 0), (2, 1)])
MOVES = Moves(RING, 2)


def rows(*paths):
    """Rows `s t s ... END` of paths that begin with their target."""
    width = max(map(len, paths)) + 3
    made = [[path[1], path[0], *path[1:]] for path in paths]
    return torch.tensor([row + [4] * (width - len(row)) for row in made])


def test_a_row_is_right_if_it_visits_the_waypoint_before_its_target():
    tokens = rows([3, 0, 1, 2, 3], [1, 3, 0, 1], [1, 0, 1], [1, 3, 0, 1, 2, 1], [0, 1, 2, 3, 0])
    assert MOVES.right(tokens).tolist() == [True, False, False, False, True]
    assert Moves(RING).right(tokens[:3]).tolist() == [True, True, True]


def test_questions_are_the_pairs_with_a_path_past_the_waypoint():
    asked = {tuple(pair) for pair in all_questions(MOVES).pairs.tolist()}
    # From 3 and 0 each path to 1 meets 1 before 2, and from 3 each path to 0 does.
    assert asked == {(0, 3), (1, 3), (1, 0)}


def by_hand(graph, waypoint):
    """All questions of a graph, by trying all paths of at most twice its nodes."""
    found = set()
    for source, target in itertools.permutations(range(graph.n), 2):
        if waypoint in (source, target):
            continue
        states = {(source, False)}
        for _ in range(2 * graph.n):
            onward = {
                (k, visited or k == waypoint)
                for j, visited in states
                if j != target
                for k in range(graph.n)
                if graph.adjacency[j, k]
            }
            states |= onward
        if (target, True) in states:
            found.add((source, target))
    return found


@pytest.mark.parametrize("seed", range(1, 6))
def test_questions_and_the_limit_of_tables_are_those_of_trying_everything(seed):
    graph = pr.random_digraph(5, 0.5, pr.seeded(seed, "dense graph"))
    expected = by_hand(graph, 0)
    assert expected
    moves = Moves(graph, 0)
    task = all_questions(moves)
    assert {tuple(pair) for pair in task.pairs.tolist()} == expected
    most = 0
    onward = [graph.adjacency[j].nonzero().flatten().tolist() or [0] for j in range(graph.n)]
    for target in range(graph.n):
        most += max(
            sum(arrives(graph, choice, source, target) for source, to in expected if to == target)
            for choice in itertools.product(*onward)
        )
    assert most / len(expected) <= most_by_tables(moves, task) + 1e-12


def arrives(graph, choice, source, target):
    """Whether one next node for each node leads from source to target past node 0."""
    now, visited = source, False
    for _ in range(2 * graph.n):
        if not graph.adjacency[now, choice[now]]:
            return False
        now = choice[now]
        visited |= now == 0
        if now == target:
            return visited
    return False


def test_some_questions_are_beyond_every_table_and_not_beyond_one_bit_more():
    _, moves = waypoint_dataset(0, nodes=24, edge_probability=0.1)
    task = all_questions(moves)
    assert most_by_tables(moves, task) < 0.95
    source, target = task.pairs.T
    assert moves.arrival(shortest_policy(moves), 48)[target, source].min() == 1.0


def test_without_a_waypoint_arrivals_are_those_of_the_measures_of_paths():
    graph = pr.random_digraph(8, 0.3, pr.seeded(1, "graph"))
    policy = uniform_steps(graph)
    ours, theirs = Moves(graph).arrival(policy, 9), arrival(policy, graph, steps=9)
    assert torch.allclose(ours, theirs)


def test_demonstrations_are_right_and_never_step_away():
    dataset, moves = waypoint_dataset(1, nodes=16, edge_probability=0.15)
    assert moves.right(dataset.paths).all()
    states = moves.states(dataset.paths)
    for target, row, tokens in zip(dataset.paths[:, 1], states, dataset.paths, strict=True):
        ahead = moves.distances(int(target))[row[2:][tokens[2:] < 16]]
        assert (ahead.diff() <= 0).all()
        assert ahead[-1] == 0
    few = demonstrate(moves, dataset.train, 1, pr.seeded(0, "paths"))
    assert torch.equal(few[:, :2], dataset.train.pairs)


def test_an_early_arrival_is_charged_like_an_illegal_step():
    tokens = rows([1, 3, 0, 1], [3, 0, 1, 2, 3], [1, 3, 1])
    paid = step_reward(MOVES, 10.0)(RING, tokens)
    assert paid[0, 2:4].tolist() == [0.0, 0.0]  # legal, then 10 - 10 at the target
    assert paid[1, 2:5].tolist() == [0.0, 0.0, 10.0]
    assert float(paid[2, 2]) == 0.0  # illegal and early: charged once


@pytest.mark.parametrize(("longest", "share"), [(6, 0.0), (7, 1.0)])
def test_a_table_has_as_many_steps_as_a_model_whose_rows_end_with_end(longest, share):
    line = pr.Graph(4, [(0, 1), (1, 2), (2, 3)])
    task = pr.tasks.Task(line, torch.tensor([[0, 3]]), pr.outcome_reward)
    dataset = Dataset(line, task, task, torch.tensor([[0, 3, 0, 1, 2, 3, 4]]))
    setting = replace(depth.plain(0, nodes=10), dataset=dataset, moves=Moves(line), longest=longest)
    model = pr.LogitTable(task.vocab)
    with torch.no_grad():
        model.table[:, [0, 1, 2], [1, 2, 3]] = 100.0
        model.table[3, 3, 4] = 200.0
    found = depth.measured(model, depth.methods(setting)["pg"], setting, 0)
    for name in ("greedy", "greedy_table", "sampled", "sampled_table"):
        assert found[name] == pytest.approx(share), name


def test_a_table_of_logits_that_need_no_history_is_its_own_projection():
    setting = depth.plain(0, nodes=10)
    model = pr.LogitTable(setting.dataset.train.vocab)
    with torch.no_grad():
        model.table.normal_(generator=pr.seeded(0, "table"))
    found = depth.measured(model, depth.methods(setting)["q"], setting, 0)
    assert found["explained"] == pytest.approx(1.0)
    assert found["greedy_table"] == pytest.approx(found["greedy"])
    assert found["sampled_table"] == pytest.approx(found["sampled"], abs=0.1)


def test_tables_of_the_theory_are_at_no_distance_from_it():
    setting = depth.plain(0, nodes=20)
    graph = setting.dataset.graph
    seen = depth.theory_scores(10 * process_optimum(graph).double(), setting)
    assert seen["with_process_optimum"] == pytest.approx(1.0)
    assert seen["kl_to_uniform"] > 1e-5  # what is illegal keeps a probability
    best = soft_optimum(graph, cost=setting.cost, penalty=setting.penalty)
    assert depth.theory_scores(best.logits, setting)["from_soft_optimum"] == pytest.approx(0.0)
    even = uniform_steps(graph).log()
    assert depth.theory_scores(even, setting)["kl_to_uniform"] == pytest.approx(0.0, abs=1e-6)
    half = torch.where(torch.rand(20, 20, 1, generator=pr.seeded(0, "half")) < 0.5, torch.nan, even)
    assert depth.theory_scores(half, setting)["kl_to_uniform"] == pytest.approx(0.0, abs=1e-6)


def test_accuracy_and_paths_are_measured_at_every_temperature():
    setting = depth.plain(0, nodes=10)
    model = pr.LogitTable(setting.dataset.train.vocab)
    with torch.no_grad():
        model.table[..., :10] = 3 * process_optimum(setting.dataset.graph)
    pairs = setting.dataset.test.pairs
    found = depth.own_scores(model, pairs, depth.methods(setting)["q"], setting.moves, 0)
    accuracies = [found["sampled_at_2"], found["sampled"], found["sampled_at_0.1"]]
    assert accuracies == sorted(accuracies)
    assert accuracies[0] < accuracies[2] == pytest.approx(1.0)
    assert {name for name in found if name.startswith("diversity")} == {
        "diversity" + name.removeprefix("sampled") for name in found if name.startswith("sampled")
    }


def test_predictions_are_of_numbers_that_the_study_has_and_register_as_not_measured():
    known = {claim.id for claim in CLAIMS}
    assert {claim.id for claim in DEPTH_CLAIMS} <= known
    labels = {study.label for study in depth.STUDIES}
    found = {}
    for name, make, nodes in (("plain", depth.plain, 20), ("waypoint", depth.waypoint, 10)):
        found[name] = depth.measure(
            0, make=f"{depth.HERE}:{make.__name__}", layers=1, nodes=nodes, base_steps=4, steps=4
        )
    for claim in DEPTH_CLAIMS:
        for condition in claim.conditions:
            assert f"{condition.of}-seed0" in labels
            value = condition.value({"depth": found[condition.of.partition("-")[0]]})
            assert -20 < value < 20
    assert len(depth.STUDIES) == 51
