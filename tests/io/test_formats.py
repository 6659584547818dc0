import networkx as nx
import pytest
import torch

import planrl as pr
from planrl.io.formats import read_alpine, read_graph, write_alpine, write_graphml


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


GRAPHML = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="{kind}">{body}</graph></graphml>'


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (
            GRAPHML.format(kind="directed", body='<node id="a"/><edge source="a" target="z"/>'),
            "g.graphml",
            "'z', which does not exist",
        ),
        (
            GRAPHML.format(kind="directed", body='<node id="a"/><node id="a"/>'),
            "g.graphml",
            "two nodes have the id 'a'",
        ),
        (
            GRAPHML.format(kind="directed", body='<node id="a"/><edge source="a" target="a"/>'),
            "g.graphml",
            "self-loop",
        ),
        (
            GRAPHML.format(
                kind="undirected", body='<node id="a"/><node id="b"/><edge source="a" target="b"/>'
            ),
            "g.graphml",
            "undirected",
        ),
        (GRAPHML.format(kind="directed", body=""), "g.graphml", "holds no GraphML graph"),
        ("<graphml><graph>", "g.graphml", "not well-formed GraphML"),
        ("<html/>", "g.graphml", "holds no GraphML graph"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><graphml/>', "g.graphml", "XML entities"),
        (
            GRAPHML.format(
                kind="directed",
                body='<node id="a"/><node id="b"/><edge directed="false" source="a" target="b"/>',
            ),
            "g.graphml",
            "an edge is undirected",
        ),
        (
            GRAPHML.format(
                kind="directed",
                body='<node id="a"><graph edgedefault="undirected"><node id="b"/><node id="c"/><edge source="b" target="c"/></graph></node>',
            ),
            "g.xml",
            "an edge is undirected",
        ),
        (
            '<?xml version="1.0" encoding="utf-7"?><graphml/>',
            "g.graphml",
            "declares the encoding 'utf-7'",
        ),
    ],
)
def test_malformed_graph_files_are_refused_with_the_place_named(text, name, words, tmp_path):
    with pytest.raises(pr.InputError, match=words):
        read_graph(written(tmp_path, text, name))


@pytest.mark.parametrize(
    "encoding", ["iso-8859-1", "windows-1252", "utf-16", "shift_jis", "utf-8-sig"]
)
def test_graphml_is_read_in_the_encoding_that_it_declares(encoding, tmp_path):
    name = "東京" if encoding == "shift_jis" else "Malmö"
    said = encoding.removesuffix("-sig")
    body = f'<node id="{name}"/><node id="b"/><edge source="{name}" target="b"/>'
    text = f"<?xml version='1.0' encoding='{said}'?>{GRAPHML.format(kind='directed', body=body)}"
    for file in ("g.graphml", "g.txt"):
        (tmp_path / file).write_bytes(text.encode(encoding))
        assert read_graph(tmp_path / file).labels == (name, "b")


def test_graphml_in_another_encoding_than_it_declares_is_refused_or_read_by_its_bytes(tmp_path):
    body = '<node id="Malmö"/>'
    text = f'<?xml version="1.0" encoding="utf-16"?>{GRAPHML.format(kind="directed", body=body)}'
    assert read_graph(written(tmp_path, text, "g.graphml")).labels == ("Malmö",)
    (tmp_path / "g.graphml").write_bytes(text.replace("utf-16", "utf-8").encode("latin-1"))
    with pytest.raises(pr.InputError, match=r"not XML in utf-8 .*declare its encoding"):
        read_graph(tmp_path / "g.graphml")


def test_a_yed_drawing_names_a_node_by_its_first_label_and_ports_and_groups_are_no_labels(tmp_path):
    drawn = "<data key='d5'><y:Shape xmlns:y='y'><y:NodeLabel hasText='false'/><y:NodeLabel>{}\n  <y:Model>x</y:Model></y:NodeLabel><y:NodeLabel>a note</y:NodeLabel></y:Shape></data>"
    body = (
        "<node id='n0'><port name='p'><data key='d5'>port</data></port>"
        + drawn.format("Start")
        + "</node>"
        "<node id='n1'>"
        + drawn.format("Group")
        + "<graph edgedefault='directed'><node id='n1::0'>"
        + drawn.format("Goal")
        + "</node></graph></node><edge source='n0' target='n1::0' sourceport='p'><data key='d9'>road</data></edge>"
    )
    text = GRAPHML.format(kind="directed", body=body)
    graph = read_graph(written(tmp_path, text, "g.graphml"))
    assert graph.labels == ("Start", "Group", "Goal")
    assert graph.edges == ((0, 2),)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(pr.InputError, match="cannot read"):
        read_graph(tmp_path / "nowhere.txt")


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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_alpine_lines_may_have_comments_commas_and_other_encodings(encoding, tmp_path):
    graph = pr.Graph(3, [(0, 1), (1, 2)], ["New York", "#1", "Málaga"])
    text = "# a comment\n% more\nNew York,Málaga,New York,#1,Málaga\n\n#1, Málaga, #1, Málaga\r\n// end\n#1 Málaga #1 Málaga"
    path = tmp_path / "rows.txt"
    path.write_bytes(text.encode(encoding))
    lines = read_alpine(path, graph)
    assert lines.line == (3, 5, 7)
    assert lines.tokens.tolist() == [[0, 2, 0, 1, 2, 3], [1, 2, 1, 2, 3, 3], [1, 2, 1, 2, 3, 3]]
    assert lines.invalid == ()
    path.write_text("New York,Bern,New York,Bern\n#2,New York\nNew York Málaga New York Málaga\n")
    assert [at for at, _ in read_alpine(path, graph).invalid] == [1, 3]
    assert read_alpine(path, graph).invalid[0][1].startswith("names the node 'Bern'")


def test_labels_of_several_words_are_written_between_commas(tmp_path):
    graph = pr.Graph(3, [(0, 1), (1, 2)], ["New York", 'say "hi", Bob', "c"])
    rows = torch.tensor([[0, 2, 0, 1, 2, 3], [1, 2, 1, 2, 3, 3]])
    write_alpine(tmp_path / "rows.txt", graph, rows)
    assert torch.equal(read_alpine(tmp_path / "rows.txt", graph).tokens, rows)
    with pytest.raises(pr.InputError, match="has spaces at its ends"):
        write_alpine(tmp_path / "rows.txt", pr.Graph(2, [(0, 1)], ["a b", " c"]), rows[:0])


def test_rows_of_a_graph_too_large_to_check_are_refused_with_the_limit(tmp_path):
    with pytest.raises(pr.InputError, match=r"at most 10,000 nodes, this one has 10,001"):
        read_alpine(written(tmp_path, "0 1 0 1\n"), pr.chain(10_001))
