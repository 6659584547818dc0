import networkx as nx
import pytest
import torch

import planrl as pr
from planrl.formats import read_alpine, read_graph, write_alpine, write_graphml


def written(tmp_path, text, name="graph.txt"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_graphml_round_trip_keeps_labels_and_edges(tmp_path):
    graph = pr.Graph(3, [(2, 0), (0, 1)], ["Athens", "Bern", "Cairo"])
    write_graphml(graph, tmp_path / "g.graphml")
    assert read_graph(tmp_path / "g.graphml") == graph


def test_graphml_of_other_tools_is_read_whatever_the_order_of_its_nodes(tmp_path):
    theirs = nx.DiGraph([("10", "9"), ("9", "2"), ("2", "10")])
    nx.write_graphml(theirs, tmp_path / "g.graphml")
    graph = read_graph(tmp_path / "g.graphml")
    assert graph.labels == ("2", "9", "10")
    assert graph.edges == ((0, 2), (1, 0), (2, 1))


def test_graphml_with_parallel_edges_counts_them_once(tmp_path):
    theirs = nx.MultiDiGraph([("a", "b"), ("a", "b")])
    nx.write_graphml(theirs, tmp_path / "g.graphml")
    assert read_graph(tmp_path / "g.graphml").edges == ((0, 1),)


def test_edge_lists_take_words_or_numbers_by_spaces_tabs_or_commas(tmp_path):
    assert read_graph(written(tmp_path, "# two edges\na\tb\n\nb, c\n")).labels == ("a", "b", "c")
    graph = read_graph(written(tmp_path, "10 2\n2 3\n"))
    assert graph.labels == ("2", "3", "10")
    assert graph.edges == ((0, 1), (2, 0))


GRAPHML = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="{kind}">{body}</graph></graphml>'  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (GRAPHML.format(kind="directed", body='<node id="a"/><edge source="a" target="z"/>'), "g.graphml", "'z', which does not exist"),
        (GRAPHML.format(kind="directed", body='<node id="a"/><node id="a"/>'), "g.graphml", "two nodes have the id 'a'"),
        (GRAPHML.format(kind="directed", body='<node id="a"/><edge source="a" target="a"/>'), "g.graphml", "self-loop"),
        (GRAPHML.format(kind="undirected", body='<node id="a"/><node id="b"/><edge source="a" target="b"/>'), "g.graphml", "undirected"),
        (GRAPHML.format(kind="directed", body=""), "g.graphml", "holds no GraphML graph"),
        ("<graphml><graph>", "g.graphml", "not well-formed GraphML"),
        ("<html/>", "g.graphml", "holds no GraphML graph"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><graphml/>', "g.graphml", "XML entities"),
        ("a b\nc\n", "g.txt", "line 2: expected `from to`"),
        ("0 1\n0,\n", "g.txt", "line 2: expected `from to`"),
        ("0 3 0 2 3\n", "g.txt", "line 1: expected `from to`"),
        ("a b\nc c\n", "g.txt", "line 2: 'c' leads to itself"),
        ("# nothing\n", "g.txt", "has no edges"),
    ],
)  # fmt: skip
def test_malformed_graph_files_are_refused_with_the_place_named(text, name, words, tmp_path):
    with pytest.raises(pr.InputError, match=words):
        read_graph(written(tmp_path, text, name))


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    assert read_graph(written(tmp_path, "\ufeff0 1\n1 2\n")).labels == ("0", "1", "2")


def test_missing_and_binary_files_are_refused(tmp_path):
    with pytest.raises(pr.InputError, match="cannot read"):
        read_graph(tmp_path / "nowhere.txt")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(pr.InputError, match="not a UTF-8 text file"):
        read_graph(tmp_path / "b.txt")


def test_alpine_lines_round_trip(tmp_path, small_task):
    paths = pr.sample_paths(small_task, 2, pr.seeded(0, "paths"))
    write_alpine(tmp_path / "train.txt", small_task.graph, paths)
    lines = read_alpine(tmp_path / "train.txt", small_task.graph)
    assert torch.equal(lines.tokens, paths)
    assert lines.invalid == ()
    assert lines.pairs == len(small_task.pairs)


def test_alpine_lines_that_are_no_paths_are_named_with_line_and_reason(tmp_path):
    graph = pr.diamond(2)
    text = "0 3 0 1 3\n\n0 3\n0 3 0 9 3\n0 3 0 3\n0 3 0 1\n0 3 1 3\n"
    lines = read_alpine(written(tmp_path, text), graph)
    assert lines.line == (1, 5, 6, 7)
    assert dict(lines.invalid) == {
        3: "has 2 words; `s t s ... t` has at least 4",
        4: "names the node '9', which the graph does not have",
        5: "steps 0 -> 3, which is no edge",
        6: "ends at 1, but its target is 3",
        7: "starts at 1, but its source is 0",
    }
    assert read_alpine(written(tmp_path, "\n"), graph).pairs == 0
