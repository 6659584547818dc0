"""Nodes stand in layers from left to right, and few edges cross."""

import json
from itertools import combinations

import pytest
import torch

import planrl as pr
from planrl.domains import space
from planrl.figures.graphs import positions
from planrl.figures.layout import graph_data, layered_positions

GRAPHS = {
    "random DAG": pr.random_dag(12, 0.3, pr.seeded(0, "graph")),
    "layers": pr.layered([1, 4, 4, 4, 1], 0.5, pr.seeded(1, "graph")),
    "digraph": pr.random_digraph(12, 0.15, pr.seeded(0, "graph")),
    "two pieces": pr.Graph(6, [(0, 1), (1, 0), (2, 3), (3, 4)]),
    "blocks": space(3).graph,
    "no edge": pr.Graph(3, []),
    "one node": pr.Graph(1, []),
}


def crossings(where, edges):
    """How many pairs of edges cross if edges are straight; edges that share a node do not."""

    def side(a, b, c):
        (x, y), (across, down) = where[b] - where[a], where[c] - where[a]
        return float(x * down - y * across)

    def cross(one, other):
        (a, b), (c, d) = one, other
        apart = side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
        return apart and not {a, b} & {c, d}

    return sum(cross(one, other) for one, other in combinations(edges, 2))


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_every_node_has_a_place_of_its_own_inside_the_unit_square(graph):
    where = layered_positions(graph)
    assert where.shape == (graph.n, 2)
    assert where.min() >= 0
    assert where.max() <= 1
    assert len(where.unique(dim=0)) == graph.n
    assert torch.equal(where, layered_positions(graph))


@pytest.mark.parametrize("name", ["random DAG", "layers"])
def test_each_edge_of_a_dag_leads_to_the_right(name):
    graph = GRAPHS[name]
    x = layered_positions(graph)[:, 0]
    assert all(x[start] < x[end] for start, end in graph.edges)


def test_a_graph_with_cycles_is_layered_by_distance_from_its_first_node_or_another():
    ring = pr.Graph(5, [(0, 1), (1, 2), (2, 0), (0, 3), (3, 4), (4, 0)])
    assert layered_positions(ring)[:, 0].tolist() == [0, 0.5, 1, 0.5, 1]
    assert layered_positions(ring, 2)[:, 0].tolist() == pytest.approx([1 / 3, 2 / 3, 0, 2 / 3, 1])
    with pytest.raises(pr.InputError, match="not 5"):
        layered_positions(ring, 5)


def test_crossings_are_counted_and_edges_that_meet_in_a_node_do_not_cross():
    square = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert crossings(square, [(0, 3), (1, 2)]) == 1
    assert crossings(square, [(0, 2), (1, 3)]) == 0
    assert crossings(square, [(0, 3), (0, 2), (1, 3)]) == 0


def test_a_graph_that_can_be_drawn_without_crossings_is():
    twisted = pr.Graph(8, [(0, 1), (0, 2), (0, 3), (1, 6), (2, 5), (3, 4), (4, 7), (5, 7), (6, 7)])
    assert crossings(layered_positions(twisted), twisted.edges) == 0


@pytest.mark.parametrize("name", ["random DAG", "layers", "digraph", "blocks"])
def test_fewer_edges_cross_than_in_the_order_of_the_nodes(name):
    graph = GRAPHS[name]
    ours = crossings(layered_positions(graph), graph.edges)
    assert ours < crossings(positions(graph), graph.edges)


def test_a_page_gets_names_positions_edges_and_the_pair_as_plain_data():
    ring = pr.Graph(3, [(0, 1), (1, 2), (2, 0)], ["a", "<b>", "c"])
    data = graph_data(ring, 1, 0)
    assert json.loads(json.dumps(data)) == data
    assert [node["name"] for node in data["nodes"]] == ["a", "<b>", "c"]
    assert [node["x"] for node in data["nodes"]] == [1, 0, 0.5], "layers count from the source"
    assert data["edges"] == [[0, 1], [1, 2], [2, 0]]
    assert (data["source"], data["target"]) == (1, 0)
