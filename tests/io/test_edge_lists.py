"""Edge lists as people and tools write them: read as they are, or refused with line and cure."""

import networkx as nx
import numpy as np
import pytest

import planrl as pr
from planrl.io.formats import read_edges, read_graph, write_graphml

CHAIN = {("a", "b"), ("b", "c")}


def edges_in(tmp_path, text, name="graph.txt", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    graph = read_graph(path)
    return {(graph.labels[a], graph.labels[b]) for a, b in graph.edges}


@pytest.mark.parametrize(
    "text",
    [
        "a b\nb c\n",
        "a,b\nb,c",
        "a;b\nb;c",
        "a\tb\nb\tc",
        "a -> b\nb->c",
        "a --> b\nb => c",
        "a → b\nb → c",
        "a  b 0.5\nb c 1e-3",
        '"a","b"\n"b","c"',
        '"a";"b"\n"b";"c"',
        '"a" "b"\n"b" c',
        '"a" -> b\nb -> "c"',
        "source,target\na,b\nb,c",
        "Source;Target\na;b\nb;c",
        "from\tto\na\tb\nb\tc",
        "src dst\na b\nb c",
        '"FromNodeId","ToNodeId"\na,b\nb,c',
        "Source Node,Target Node\na,b\nb,c",
        "from_city;to_city;km\na;b;5,5\nb;c;6,5",
        "source,target,weight\na,b,1\nb,c,",
        "target,source\nb,a\nc,b",
        ",source,target\n0,a,b\n1,b,c",
        "\tsource\ttarget\n0\ta\tb\n1\tb\tc",
        "Source,Target,Type,Id\na,b,Directed,0\nb,c,Directed,1",
        "weight,from,to,road\n1,a,b,A 1\n2,b,c,A 2",
        "# one\n% asym unweighted\n// two\n\na b\n#\n# three\nb c",
        "a b # here\nb c #there",
        "a b {}\nb c {'weight': 1, 'road': 'A, 1'}",
        "a,b,{'w': 1}\nb,c,{}",
        "a b\r\nb c\r\n",
        "a b\rb c",
        "a b\nb c\na b\n",
        "\ufeffa b\nb c",
    ],
)
def test_edges_are_read_in_every_common_writing(text, tmp_path):
    assert edges_in(tmp_path, text) == CHAIN


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_may_be_utf_8_or_have_a_byte_order_mark(encoding, tmp_path):
    assert edges_in(tmp_path, "é,東京\n東京,c", encoding=encoding) == {("é", "東京"), ("東京", "c")}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Santa Fe,Las Vegas\nSanta Fe,Reno\n", ["Santa Fe", "Las Vegas", "Reno"]),
        (
            '"Washington, D.C.",Boston\n"say ""hi""",Boston',
            ["Washington, D.C.", "Boston", 'say "hi"'],
        ),
        ("Paris, TX\tRome\nRome\tOslo", ["Paris, TX", "Rome", "Oslo"]),
        ("a;b,c\nc,d", ["a;b", "c", "d"]),
        ('Santa Fe -> Reno\nReno -> "room 5"', ["Santa Fe", "Reno", "room 5"]),
        ("f(x) g(y)\ng(y) C#\n", ["f(x)", "g(y)", "C#"]),
        ("a , b \n b,c", ["a", "b", "c"]),
        ("1 01\n01 +1\n+1 -1\n-1 1e5\n1e5 ²\n² ٣", ["1", "01", "+1", "-1", "1e5", "²", "٣"]),
    ],
)
def test_a_name_is_what_stands_between_the_separators(text, names, tmp_path):
    (tmp_path / "g.csv").write_text(text, encoding="utf-8")
    assert sorted(read_graph(tmp_path / "g.csv").labels) == sorted(names)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a b c\nb c d", "line 1: .*adjacency list .*read_adjlist"),
        ("a b\nb c\nc", "line 3: expected `from to`"),
        ("0 1 2\n1 2\n2 0 1", "line 2: .*two words, line 1 has three.*read_adjlist"),
        ("0 1 2\n1 2 0\n2 0 1", "this is an adjacency list"),
        ("4 6\n2 3 4\n1 3 4\n1 2 4\n1 2 3", "line 2: .*adjacency list"),
        ("0 1 1\n1 0 1\n1 0 0", "adjacency matrix"),
        ("0 5.5 2\n5.5 0 3\n2 3 0", "adjacency matrix"),
        ("0,1,0,0\n0,0,1,0\n0,0,0,1\n0,0,0,0", "line 1: .*adjacency matrix"),
        (",a,b\na,0,1\nb,0,0", "line 1: .*index=False"),
        (",0,1\n0,a,b\n1,b,c", "line 1: .*index=False"),
        ("5 4\n0 1\n1 2\n2 3\n3 4", "line 1: `5 4` seems to be the number of nodes"),
        ("3 3\n1 2\n2 3\n1 3", "line 1: '3' leads to itself"),
        ("# graph\n5 9\n1 2\n1 3\n2 1\n2 3\n3 4\n4 5\n5 1\n5 2\n1 4", "line 2: `5 9` seems"),
        ("node1,node2\n0,1\n1,2", "line 1: .*seem to name columns"),
        ("depart,arrive\n0,1\n1,2\n2,3\n3,4", "line 1: .*seem to name columns"),
        ("Id,Label\n0,a\n1,b", "line 1: .*seem to name columns"),
        ("source target\nsource a\na target", "line 1: 'source' names a column here and a node"),
        ("source,source_id,target\n1,2,3", "line 1: .*several columns"),
        ("Source,Target,Type\na,b,Directed\nb,c,Undirected", "line 3: .*undirected"),
        (
            "source,target,road,since\na,b,A 1,1999\nb,c,A 2",
            "line 3: the line has 3 columns, line 1 names 4",
        ),
        ("source,target\na,b\nb,c,5", "line 3: the line has three words, line 1 has two"),
        ("a -- b\nb -- c", "line 1"),
        ("1 -- 2\n2 -- 3", "line 1: .*sign between names"),
        ("1 : 2\n2 : 3", "line 1"),
        ("a <-> b", "line 1: .*both directions"),
        ("a<-b", "line 1"),
        ("0: 1 2\n1: 2 0", "line 1: .*'0:'"),
        ("a -> b -> c", "line 1: .*2 arrows"),
        ("a -> b [label=x]", "line 1"),
        ("a -> b;\nb -> c;", "line 1"),
        ("a -> b 0.5", "line 1: .*more than two names"),
        ("a b\nb,c", "line 2"),
        ("a,b\nb c", "line 2"),
        ("a,b\nb\tc", "line 2"),
        ("a\tb\nb, c", "line 2"),
        ("a b\nb->c", "line 2"),
        ("1 2\n2 -> 3", "line 2"),
        ("a -> b\nb c", "line 2"),
        ("1 2\t1\t3\n2 3\t1\t4", "line 1: the name '1 2'"),
        ("New York|Boston\nBoston|Rome", "line 1: .*may separate names"),
        ("北 京，上海", "line 1: .*may separate names"),
        ("a :b\nb :c", "line 1: .*':b'"),
        ("a;b,c", "not clear what separates"),
        ("on(a,b) on(b,c)", "line 1"),
        ("on(a,b) x\nx y", "line 1: .*bracket"),
        ("(0, 1)\n(1, 2)", "line 1: .*bracket"),
        ("'a','b'\n'b','c'", "single quotes"),
        ('"a,b\nb,c"', "line 1: .*quotes"),
        ('a,b"\nb,c', "line 1: .*double quote"),
        ("a,b,\nb,c,", "line 1: expected `from to`"),
        (",a\na,b", "line 1"),
        ("a,,b\nb,,c", "line 1"),
        ("1.0 2.0\n2.0 3.0", "1.0.*astype"),
        ("0.000e+00 1.000e+00\n1.000e+00 2.000e+00", "savetxt"),
        ("b 1.0\nc 2.5\nd 1.0", "seems to be weights"),
        ("a\u200b b\nb c", "line 1: .*invisible"),
        ("a b\n\ufeffb c", "line 2: .*invisible"),
        ("a\xa0b c\nc d", "line 1: .*space of another kind"),
        ("New  York,a\nNew York,b", "look the same"),
        ("e\u0301,a\n\u00e9,b", "look the same"),
        ("a,b # here", "line 1: .*comment"),
        ("a,b\n#1,a\n#1,b", "line 2: .*comment or an edge"),
        ("a b\nc c\n", "line 2: 'c' leads to itself"),
        ("# nothing\n", "has no edges"),
        ("", "has no edges"),
        ("source,target\n", "has no edges"),
        ("% sym unweighted\n1 2", "line 1: .*no direction"),
        ("# Undirected graph (each pair once)\n1 2", "line 1: .*no direction"),
        ("1 a\n2 b\n#\n1 2 road", "line 4|Trivial Graph"),
        ("1 a\n2 b\n#\n1 2", "line 3: .*Trivial Graph Format"),
        ("1 New York\n2 Boston\n#\n1 2", "line 1: .*Trivial Graph Format"),
        ("digraph G {\n a -> b;\n}", "line 1: .*DOT file.*read_dot"),
        ("strict digraph\n{\n a -> b }", "DOT file"),
        ("digraph { a -> b }", "DOT file"),
        ("graph [\n  node [\n    id 0\n", "GML file.*read_gml"),
        ('Creator "me"\ngraph\n[\n', "GML file"),
        ('*Vertices 2\n1 "a"\n2 "b"\n*Arcs\n1 2', "Pajek file.*read_pajek"),
        ("a b\n*Arcs 1\nb c", "line 2: .*Pajek"),
        (
            "%%MatrixMarket matrix coordinate real general\n% x\n3 3 1\n1 2 1",
            "Matrix Market file.*mmread",
        ),
        ("dl n = 2 format = edgelist1\ndata:\n1 2", "UCINET"),
        ("nodedef>name VARCHAR\na\nedgedef>node1,node2\na,b", "GDF"),
        ("c me\np edge 3 2\ne 1 2\ne 2 3", "DIMACS"),
        ("e 1 2\ne 2 3", "DIMACS"),
        ("graph TD\nA --> B", "Mermaid"),
        ("begin\n" + "a b\n" * 3, "line 1"),
        ("a b\n" + "x" * 100_001 + " y", "line 2: .*100,000 characters"),
    ],
)
def test_what_is_no_edge_list_is_refused_with_the_reason_and_no_node_is_invented(
    text, said, tmp_path
):
    with pytest.raises(pr.InputError, match=said):
        edges_in(tmp_path, text)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x1f\x8b\x08\x00rest", "gzip"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"BZh91AY&SYrest", "bzip2"),
        (b"\x93NUMPY\x01", "savetxt"),
        (b"\x80\x04\x95rest", "pickle"),
        (b"PAR1rest", "Parquet"),
        (b"a b\nb\0 c", "no text file"),
        ("a b\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"\xff\xfe\x00", "not a UTF-16 text file"),
        (b"a b\nb \xe9", r"not a UTF-8 text file \(line 2, byte 6\)"),
    ],
)
def test_archives_and_bytes_that_are_no_text_are_refused_by_name(content, said, tmp_path):
    with pytest.raises(pr.InputError, match=said):
        edges_in(tmp_path, content)


def test_what_looks_like_a_header_or_a_column_of_weights_stays_an_edge_where_it_must_be_one(
    tmp_path,
):
    for text, edges in [
        ("source a\na target", {("source", "a"), ("a", "target")}),
        ("start end\nend a", {("start", "end"), ("end", "a")}),
        ("0 1 1\n1 2 1\n2 0 1", {("0", "1"), ("1", "2"), ("2", "0")}),
        ("4 3\n3 1\n1 0\n4 0", {("4", "3"), ("3", "1"), ("1", "0"), ("4", "0")}),
        ("graph theory\ntheory e", {("graph", "theory"), ("theory", "e")}),
        ("0 1\n#\n2 3\n3 0", {("0", "1"), ("2", "3"), ("3", "0")}),
    ]:
        assert edges_in(tmp_path, text) == edges


@pytest.mark.parametrize("data", [True, False, ["weight"]])
@pytest.mark.parametrize("delimiter", [" ", ",", "\t"])
def test_what_networkx_writes_is_read(data, delimiter, tmp_path):
    theirs = nx.DiGraph()
    theirs.add_edge("a", "b", weight=0.5, road={"name": "A, 1"})
    theirs.add_edge("b", "c", weight=2)
    nx.write_edgelist(theirs, tmp_path / "g.edgelist", delimiter=delimiter, data=data)
    graph = read_edges(tmp_path / "g.edgelist")
    assert (graph.labels, graph.edges) == (("a", "b", "c"), ((0, 1), (1, 2)))


def test_whole_numbers_come_in_order_and_other_names_as_first_met(tmp_path):
    np.savetxt(tmp_path / "g.txt", [[10, 2], [2, 3]], fmt="%d")
    graph = read_graph(tmp_path / "g.txt")
    assert (graph.labels, graph.edges) == (("2", "3", "10"), ((0, 1), (2, 0)))
    (tmp_path / "g.txt").write_text("z a\na 3\n")
    assert read_graph(tmp_path / "g.txt").labels == ("z", "a", "3")


def test_a_graph_is_told_by_what_the_file_holds_not_by_its_ending(tmp_path):
    graph = pr.Graph(2, [(0, 1)], ["a", "b"])
    for name in ("g.xml", "g.txt", "g"):
        write_graphml(graph, tmp_path / name)
        assert read_graph(tmp_path / name) == graph
    with pytest.raises(pr.InputError, match=r"root is <gexf>.*read_gexf"):
        edges_in(tmp_path, '<?xml version="1.0"?><gexf><graph/></gexf>')


def test_more_nodes_edges_or_lines_than_there_may_be_are_refused_with_the_limit(
    tmp_path, monkeypatch
):
    with pytest.raises(pr.InputError, match=r"line 50000: .*more than 50,000 nodes"):
        edges_in(tmp_path, "".join(f"{v},{v + 1}\n" for v in range(50_001)))
    monkeypatch.setattr("planrl.io.edge_lists.MOST_EDGES", 3)
    monkeypatch.setattr("planrl.io.edge_lists.MOST_LINES", 5)
    assert len(edges_in(tmp_path, "0 1\n1 2\n2 3\n0 1\n")) == 3
    with pytest.raises(pr.InputError, match="4 edges, more than 3"):
        edges_in(tmp_path, "0 1\n1 2\n2 3\n3 4\n")
    with pytest.raises(pr.InputError, match=r"line 6: .*more than 5 lines"):
        edges_in(tmp_path, "0 1\n" * 6)
