"""What state graphs cost: the problems, the paths that are trained on, and what a row says."""

import pytest
import torch

import planrl as pr
from planrl.domains import example, state_graph
from planrl.experiments import state_costs as costs
from planrl.tasks import PROMPT


@pytest.mark.parametrize("name", ["hanoi-4", "blocks-4"])
def test_a_written_problem_has_the_states_of_the_example(name):
    ours, shipped = state_graph(costs.planning_problem(name)), state_graph(example(name))
    assert (ours.n, len(ours.edges)) == (shipped.n, len(shipped.edges))
    assert ours.distances().max() == shipped.distances().max()


def test_sizes_have_the_numbers_of_states_that_are_known():
    sizes = {name: state_graph(costs.planning_problem(name)).n for name in ("hanoi-5", "blocks-5")}
    assert sizes == {"hanoi-5": 3**5, "blocks-5": 501}


@pytest.mark.parametrize(("name", "words"), [("hanoi-x", "hanoi-5"), ("chess-3", "hanoi-4")])
def test_a_problem_that_is_not_there_is_refused_with_one_that_is(name, words):
    with pytest.raises(pr.InputError, match=words):
        costs.planning_problem(name)


def test_rows_are_shortest_paths_of_near_pairs():
    graph = state_graph(example("peg-4"))
    distance = graph.distances()
    task = costs.near_task(graph, distance)
    rows = costs.shortest_rows(graph, distance, task.pairs)
    assert pr.is_path(graph, rows).all()
    steps = (rows != graph.n).sum(1) - PROMPT
    source, target = task.pairs.T
    assert torch.equal(steps, distance[target, source])
    assert steps.max() <= costs.EDGES


def test_a_row_says_what_each_part_took(monkeypatch):
    monkeypatch.setattr(costs, "SHOWN", 2)
    row = costs._row("hanoi-2", repetitions=1)
    assert (row["nodes"], row["edges"]) == (9, 24)
    assert {"states", "structure", "distances", "sft step", "policy-gradient step"} < set(
        row["parts"]
    )
    assert all(part["cpu_seconds"] >= 0 for part in row["parts"].values())
