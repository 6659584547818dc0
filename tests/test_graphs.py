import networkx as nx
import numpy as np
import pytest
import torch

import planrl as pr


def reached(graph):
    return {(a, b) for b, a in graph.reachability.nonzero().tolist() if a != b}


def test_reachability_of_a_chain_is_everything_that_comes_later():
    assert reached(pr.chain(4)) == {(a, b) for a in range(4) for b in range(a + 1, 4)}


def test_reachability_is_indexed_target_first_and_every_node_reaches_itself():
    graph = pr.chain(2)
    assert graph.reachability.tolist() == [[True, False], [True, True]]


@pytest.mark.parametrize("make", [pr.random_dag, pr.random_digraph])
@pytest.mark.parametrize("seed", range(5))
def test_reachability_and_distances_agree_with_networkx(make, seed):
    graph = make(25, 0.1, pr.seeded(seed, "graph"))
    theirs = dict(nx.all_pairs_shortest_path_length(graph.to_networkx()))
    ours = graph.distances()
    for source in range(graph.n):
        for target in range(graph.n):
            assert ours[target, source] == theirs[source].get(target, -1)
    assert torch.equal(graph.reachability, ours >= 0)
    assert graph.is_dag == nx.is_directed_acyclic_graph(graph.to_networkx())


def test_path_counts_of_a_diamond_are_its_width():
    assert pr.diamond(5).count_paths()[6, 0] == 5


def test_path_counts_agree_with_enumeration():
    graph = pr.random_dag(12, 0.4, pr.seeded(1, "graph"))
    theirs = nx.DiGraph(graph.to_networkx())
    counts = graph.count_paths()
    for s, t in pr.all_pairs(graph).pairs.tolist():
        assert counts[t, s] == len(list(nx.all_simple_paths(theirs, s, t)))


def test_path_counts_refuse_cycles_and_overflow():
    with pytest.raises(pr.InputError, match="cycle"):
        pr.Graph(2, [(0, 1), (1, 0)]).count_paths()
    with pytest.raises(pr.InputError, match="64-bit"):
        pr.random_dag(120, 1.0, pr.seeded(0, "graph")).count_paths()


def test_topological_order_puts_every_edge_forward():
    graph = pr.Graph(5, [(4, 0), (0, 3), (3, 1), (4, 2)])
    place = {v: k for k, v in enumerate(graph.order.tolist())}
    assert all(place[a] < place[b] for a, b in graph.edges)
    assert pr.Graph(2, [(0, 1), (1, 0)]).order is None


def test_fork_and_layered_have_the_edges_they_promise():
    assert pr.fork(3).edges == ((0, 1), (0, 2), (0, 3))
    assert pr.layered([1, 2, 1], 1.0, pr.seeded(0, "graph")).edges == pr.diamond(2).edges


def test_random_dag_has_about_p_of_its_edges_and_only_forward_ones():
    graph = pr.random_dag(200, 0.15, pr.seeded(0, "graph"))
    assert all(a < b for a, b in graph.edges)
    assert len(graph.edges) / (200 * 199 / 2) == pytest.approx(0.15, abs=0.01)


def test_the_same_seed_and_purpose_give_the_same_numbers_and_others_do_not():
    draw = lambda seed, purpose: torch.rand(3, generator=pr.seeded(seed, purpose)).tolist()  # noqa: E731
    assert draw(1, "walks") == draw(1, "walks")
    assert draw(1, "walks") != draw(2, "walks")
    assert draw(1, "walks") != draw(1, "graph")


def test_networkx_round_trip_keeps_edges_and_labels():
    graph = pr.Graph(3, [(0, 1), (1, 2)], ["a", "b", "c"])
    assert pr.from_networkx(graph.to_networkx()) == graph
    with pytest.raises(pr.InputError, match="undirected"):
        pr.from_networkx(nx.path_graph(3))


@pytest.mark.parametrize("given", [[(0, 1)], {0: [1]}, torch.tensor([[0, 1]]), nx.DiGraph, None])
def test_what_is_no_networkx_graph_is_refused_with_what_to_write(given):
    with pytest.raises(pr.InputError, match=r"no networkx graph: give a networkx\.DiGraph"):
        pr.from_networkx(given)


def test_a_node_whose_label_is_none_is_called_by_its_id():
    graph = nx.DiGraph([("x", "y")])
    graph.nodes["x"]["label"] = None
    assert pr.from_networkx(graph).labels == ("x", "y")


@pytest.mark.parametrize("of", [torch.tensor, np.array])
def test_edges_may_be_the_rows_of_a_tensor_or_an_array(of):
    pairs = [[2, 0], [0, 1], [0, 1]]
    assert pr.Graph(3, of(pairs)) == pr.Graph(3, pairs)
    assert pr.Graph(3, of([[0, 1], [1, 2]])).edges == ((0, 1), (1, 2))  # [2, 2]: rows are edges
    edge_index = of([[0, 1, 0], [1, 2, 2]])
    with pytest.raises(pr.InputError, match=r"shape \[2, 3\].*edges\.T"):
        pr.Graph(3, edge_index)
    assert pr.Graph(3, edge_index.T).edges == ((0, 1), (0, 2), (1, 2))
    assert pr.Graph(3, edge_index[:, :0]).edges == ()
    with pytest.raises(pr.InputError, match=r"shape \[3, 3\].*adjacency matrix"):
        pr.Graph(3, of([[0, 1, 0], [0, 0, 1], [0, 0, 0]]))
    with pytest.raises(pr.InputError, match="True and False"):
        pr.Graph(2, of([[False, True], [True, False]]))
    with pytest.raises(pr.InputError, match="whole numbers"):
        pr.Graph(2, of([[0.0, 1.0]]))


def test_repeated_networkx_labels_fall_back_to_ids():
    graph = nx.DiGraph([("x", "y")])
    nx.set_node_attributes(graph, "same", "label")
    assert pr.from_networkx(graph).labels == ("x", "y")


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: pr.Graph(3, [(0, 7)]), r"edge 0 -> 7 .* does not exist"),
        (lambda: pr.Graph(3, [(1, 1)]), "edge 1 -> 1 is a self-loop"),
        (lambda: pr.Graph(0, []), "n=0 was given.*at least 1"),
        # an iterator, so that planrl sees it before the annotation check of the tests does
        (lambda: pr.Graph(3, iter([(0.7, 1)])), "whole numbers"),
        (lambda: pr.Graph(3, [(0, 1, 2)]), "whole numbers"),
        (lambda: pr.random_dag(-5, 0.1, pr.seeded(0, "g")), "n=-5"),
        (lambda: pr.Graph(4, [[0, 1, 2], [1, 2, 3]]), r"two rows, .*zip\(\*edges\)"),
        (lambda: pr.Graph(2, [(0, 2**63)]), "does not exist"),
        (lambda: pr.Graph(2, [(0, -1)]), "edge 0 -> -1"),
        (lambda: pr.Graph(2, [(0, 1)], "ab"), "labels is the text 'ab'"),
        (lambda: pr.Graph(2, [], ["a"]), "1 labels"),
        (lambda: pr.Graph(2, [], ["a", "a"]), "label 'a'"),
        (lambda: pr.random_dag(5, 1.2, pr.seeded(0, "g")), "p=1.2"),
        (lambda: pr.random_digraph(5, -0.1, pr.seeded(0, "g")), "p=-0.1"),
        (lambda: pr.random_dag(5, float("nan"), pr.seeded(0, "g")), "p=nan"),
        (lambda: pr.layered([2, 0], 0.5, pr.seeded(0, "g")), "widths"),
        (lambda: pr.chain(3).index("q"), "no node is called 'q'"),
    ],
)
def test_bad_graphs_are_refused_with_the_offender_named(build, words):
    with pytest.raises(pr.InputError, match=words):
        build()
