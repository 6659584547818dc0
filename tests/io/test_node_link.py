"""Graphs as networkx's node-link JSON: read with every label and edge, or refused by name."""

import json

import networkx as nx
import pytest

import planrl as pr
from planrl.io.formats import read_graph, read_node_link

GOOD = {
    "directed": True,
    "nodes": [{"id": "a"}, {"id": "b"}],
    "edges": [{"source": "a", "target": "b"}],
}


@pytest.mark.parametrize("key", ["edges", "links"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_networkx_makes_is_read_with_labels_lone_nodes_and_parallel_edges(
    key, encoding, tmp_path
):
    theirs = nx.MultiDiGraph([("Aarhus", "Bern"), ("Aarhus", "Bern"), ("Bern", "Córdoba")])
    theirs.add_node("alone", label="Delft")
    theirs.add_node(7)
    text = json.dumps(nx.node_link_data(theirs, edges=key), ensure_ascii=False)
    for name in ("g.json", "g.txt"):
        (tmp_path / name).write_text(text, encoding=encoding)
        graph = read_graph(tmp_path / name)
        assert graph.labels == ("Aarhus", "Bern", "Córdoba", "Delft", "7")
        assert graph.edges == ((0, 1), (1, 2))


def test_ids_may_be_numbers_or_tuples_and_whole_numbers_come_in_order(tmp_path):
    theirs = nx.DiGraph([(10, 9), (9, 2)])
    (tmp_path / "g.json").write_text(json.dumps(nx.node_link_data(theirs, edges="edges")))
    assert read_node_link(tmp_path / "g.json") == pr.Graph(3, [(2, 1), (1, 0)], ["2", "9", "10"])
    grid = nx.grid_2d_graph(1, 3, create_using=nx.DiGraph)
    (tmp_path / "g.json").write_text(json.dumps(nx.node_link_data(grid, edges="edges")))
    assert read_graph(tmp_path / "g.json") == pr.from_networkx(grid)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"directed": False}, "`directed` is False"),
        ({"directed": None}, '"directed": true'),
        ({"nodes": None}, "no list `nodes`"),
        ({"nodes": []}, "0 nodes"),
        ({"edges": None}, "expected one list"),
        ({"links": []}, "expected one list"),
        ({"nodes": [{"name": "a"}]}, "has no id"),
        ({"nodes": [{"id": 1}, {"id": "1"}]}, "two nodes have the id '1'"),
        ({"nodes": [{"id": True}, {"id": "b"}]}, "no id or label"),
        ({"edges": [{"source": "a"}]}, "no source or no target"),
        ({"edges": [{"source": "a", "target": "z"}]}, "'z', which does not exist"),
        ({"edges": [["a", "b"]]}, "no source or no target"),
        ({"edges": [{"source": "a", "target": "a"}]}, "self-loop"),
        ({"adjacency": [[]]}, "adjacency_graph"),
        ({"nodes": None, "elements": {}}, "Cytoscape"),
    ],
)
def test_other_graphs_in_json_are_refused_by_name(change, said, tmp_path):
    page = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    (tmp_path / "g.json").write_text(json.dumps(page))
    with pytest.raises(pr.InputError, match=said):
        read_graph(tmp_path / "g.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[0, 1], [1, 2]]", "a list of pairs"),
        ('{"a": 1}\n{"b": 2}', "line 2"),
        ("[a] [b]\n[b] [c]", "in double quotes"),
        ("[" * 100_000, "not JSON"),
        ('{"directed": true, "directed": false}', "a key twice"),
    ],
)
def test_what_begins_as_json_is_never_an_edge_list(text, said, tmp_path):
    (tmp_path / "g.txt").write_text(text)
    with pytest.raises(pr.InputError, match=said):
        read_graph(tmp_path / "g.txt")
