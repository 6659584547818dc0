"""Graph files whose right reading is known: many writers' valid files, and lines spoilt in them.

Everything is drawn from a `random.Random`, so that a number names a file.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import networkx as nx

Edge = tuple[str, str]


@dataclass(frozen=True)
class Written:
    """A valid file: its name and content, and the names and edges that must be read from it.

    `lines` are those of its edges, if it has a line for each; `by` is what separates their words.
    """

    writer: str
    name: str
    content: bytes
    nodes: frozenset[str]
    edges: frozenset[Edge]
    encoding: str = "utf-8"
    by: str = ""

    @property
    def text(self) -> str:
        return self.content.decode(self.encoding)


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
LATIN = LETTERS + "äéñÅß"
WIDE = LATIN + "Ωж東京نमक😀"
WORDS = [
    "New York",
    "St. John's",
    "a, b",
    'the "old" mill',
    "on(a,b)",
    "[x, y]",
    "x;y",
    '5" pipe',
    "C#",
    "100%",
    "a->b",
    "x -> y",
    "A--B",
    "#1",
    "%d",
    "//host",
    "node",
    "from here",
    "to-go",
    "graph",
    "e",
    "p q r",
    "007",
    "+1",
    "-1",
    "1e5",
    "nan",
    "{x: 1}",
    "(0, 1)",
    "<b>",
    "&amp;",
    "a'b",
    "ends in :",
    "٣",
    "²",
    "é",
    "a  b",
    "x=1",
    "source a",
]


def names(draw: random.Random, count: int, kind: str) -> list[str]:
    """So many different names: numbers, plain words, Latin-1 words, any words, or any text."""
    found: dict[str, None] = {}
    while len(found) < count:
        if kind == "numbers" or draw.random() < 0.15:
            name = str(draw.randint(0, 3 * count))
        elif kind == "text" and draw.random() < 0.5:
            name = draw.choice(WORDS) + draw.choice(["", "", str(draw.randint(0, 9))])
        else:
            letters = {"plain": LETTERS, "latin": LATIN}.get(kind, WIDE)
            name = "".join(draw.choices(letters, k=draw.randint(1, 6)))
            name += draw.choice(["", "", "", "_1", "-2", ".x", "7"])
        found[name] = None
    return list(found)


def edges_of(draw: random.Random, nodes: Sequence[str]) -> list[Edge]:
    """Different edges in which every node has a part."""
    found: dict[Edge, None] = {}
    for node in nodes[1:]:
        other = draw.choice(nodes[: nodes.index(node)])
        found[(node, other) if draw.random() < 0.3 else (other, node)] = None
    for _ in range(draw.randint(0, 2 * len(nodes))):
        a, b = draw.sample(nodes, 2)
        found[a, b] = None
    return draw.sample(list(found), len(found))


def lines_file(draw: random.Random, writer: str) -> Written:
    """An edge list as one of the writers below has it."""
    kind, by, line = LINES[writer](draw)
    nodes = names(draw, draw.randint(3, 12), kind)
    edges = edges_of(draw, nodes)
    lines = [line(a, b) for a, b in edges]
    head = {",": "source{0}target", ";": "From{0}To", "\t": "src{0}dst"}.get(by, "")
    if head and writer != "pandas" and draw.random() < 0.3 and not taken(nodes):
        lines.insert(0, head.format(by) + (f"{by}weight" * (writer == "weights, by commas")))
    elif writer == "pandas":
        lines = [",source,target,road", *(f"{k},{each}" for k, each in enumerate(lines))]
    lines = [*draw.choice([[], [], ["# a comment"], ["% asym", ""]]), *lines]
    lines += draw.choice([[], [], ["// the end"], lines[-1:]])  # an edge may be there twice
    end = draw.choice(["\n", "\n", "\r\n"])
    text = end.join(lines) + draw.choice([end, ""])
    encoding = draw.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16"])
    ending = draw.choice([".txt", ".csv", ".edgelist", ""])
    return Written(
        writer,
        f"g{ending}",
        text.encode(encoding),
        frozenset(nodes),
        frozenset(edges),
        encoding,
        by,
    )


def taken(nodes: Sequence[str]) -> bool:
    """Whether a node is called as a column is."""
    return bool({"source", "target", "From", "To", "src", "dst"} & set(nodes))


def cells(by: str, quoting: int) -> Callable[..., str]:
    def line(*words: object) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=by, quoting=quoting, lineterminator="").writerow(words)
        return text.getvalue()

    return line


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


Line = Callable[[str, str], str]
LINES: dict[str, Callable[[random.Random], tuple[str, str, Line]]] = {
    "spaces": lambda draw: ("words", " ", lambda a, b: f"{a}{' ' * draw.randint(1, 2)}{b}"),
    "numbers": lambda draw: ("numbers", " ", lambda a, b: f"{a} {b}"),
    "weights": lambda draw: ("words", " ", lambda a, b: f"{a} {b} {draw.random():.2f}"),
    "attributes": lambda draw: (
        "words",
        " ",
        lambda a, b: f"{a} {b} {{'weight': {draw.random()}, 'road': 'A, 1'}}",
    ),
    "no attributes": lambda draw: ("words", " ", lambda a, b: f"{a} {b} {{}}"),
    "attributes, by commas": lambda draw: ("words", ",", lambda a, b: f"{a},{b},{{'weight': 1}}"),
    "words in quotes": lambda draw: ("text", " ", lambda a, b: f"{quoted(a)} {quoted(b)}"),
    "commas": lambda draw: ("words", ",", lambda a, b: f"{a},{draw.choice(['', ' '])}{b}"),
    "commas and spaces": lambda draw: ("words", ",", lambda a, b: f"{a},{b}"),
    "weights, by commas": lambda draw: ("words", ",", lambda a, b: f"{a},{b},{draw.random():.3f}"),
    "CSV": lambda draw: ("text", ",", cells(",", csv.QUOTE_ALL)),
    "CSV with numbers": lambda draw: ("numbers", ",", cells(",", csv.QUOTE_MINIMAL)),
    "pandas": lambda draw: ("text", ",", lambda a, b: cells(",", csv.QUOTE_ALL)(a, b, "A 1")),
    "semicolons": lambda draw: ("text", ";", cells(";", csv.QUOTE_ALL)),
    "tabs": lambda draw: ("words", "\t", lambda a, b: f"{a}\t{b}"),
    "tabs in quotes": lambda draw: ("text", "\t", cells("\t", csv.QUOTE_ALL)),
    "arrows": lambda draw: (
        "words",
        "->",
        lambda a, b: f"{a}{draw.choice([' -> ', '->', ' --> '])}{b}",
    ),
    "arrows in quotes": lambda draw: ("text", "->", lambda a, b: f"{quoted(a)} -> {quoted(b)}"),
}


def networkx_file(draw: random.Random, writer: str) -> Written:
    """What networkx writes by itself."""
    nodes = names(
        draw, draw.randint(3, 12), "text" if "GraphML" in writer or "JSON" in writer else "words"
    )
    edges = edges_of(draw, nodes)
    graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(edges, weight=1.5)
    buffer = io.BytesIO()
    if writer == "networkx GraphML":
        nx.write_graphml(graph, buffer)
        return Written(
            writer,
            draw.choice(["g.graphml", "g.xml"]),
            buffer.getvalue(),
            frozenset(nodes),
            frozenset(edges),
        )
    if writer == "networkx JSON":
        page = nx.node_link_data(graph, edges=draw.choice(["links", "edges"]))
        text = json.dumps(page, ensure_ascii=draw.random() < 0.5, indent=draw.choice([None, 2]))
        encoding = draw.choice(["utf-8", "utf-16"])
        return Written(
            writer, "g.json", text.encode(encoding), frozenset(nodes), frozenset(edges), encoding
        )
    if writer == "networkx weights":
        nx.write_weighted_edgelist(graph, buffer)
    else:
        nx.write_edgelist(graph, buffer, data=draw.choice([True, False, ["weight"]]))
    return Written(
        writer, "g.edgelist", buffer.getvalue(), frozenset(nodes), frozenset(edges), by=" "
    )


def graphml_file(draw: random.Random, writer: str) -> Written:
    """GraphML by hand, in the encoding that the writer's name says."""
    encoding = writer.removeprefix("GraphML in ")
    nodes = names(draw, draw.randint(2, 12), "latin" if encoding == "iso-8859-1" else "text")
    edges = edges_of(draw, nodes)
    ids = {name: name if draw.random() < 0.5 else f"n{k}_" for k, name in enumerate(nodes)}
    # by ids if one of them would be another node's name
    drawn = draw.random() < 0.3
    text = [
        f'<?xml version="1.0" encoding="{encoding}"?>\n<graphml xmlns:y="y">',
        '<key id="l" for="node" attr.name="label"/><key id="w" for="edge" attr.name="label"/>',
        '<key id="y" for="node"/><graph edgedefault="directed">',
    ]
    for name in nodes:
        said = f'<data key="l">{escape(name)}</data>'
        if drawn:
            said = f'<data key="y"><y:NodeLabel>{escape(name)}<y:Model> </y:Model></y:NodeLabel><y:NodeLabel>a note</y:NodeLabel></data>'
        text.append(f'<node id={quoteattr(ids[name])}><port name="p"/>{said}</node>')
    for a, b in edges:
        text.append(
            f'<edge source={quoteattr(ids[a])} target={quoteattr(ids[b])} sourceport="p"><data key="w">road</data></edge>'
        )
    whole = "\n".join([*text, "</graph></graphml>"])
    return Written(
        writer,
        draw.choice(["g.graphml", "g.txt"]),
        whole.encode(encoding),
        frozenset(nodes),
        frozenset(edges),
        encoding,
    )


WRITERS: dict[str, Callable[[random.Random, str], Written]] = {
    **dict.fromkeys(LINES, lines_file),
    **dict.fromkeys(
        ["networkx", "networkx weights", "networkx GraphML", "networkx JSON"], networkx_file
    ),
    **dict.fromkeys(
        ["GraphML in utf-8", "GraphML in iso-8859-1", "GraphML in utf-16"], graphml_file
    ),
}


def valid(number: int) -> Written:
    """The valid file of this number: each writer in turn."""
    draw = random.Random(f"valid {number}")
    writer = list(WRITERS)[number % len(WRITERS)]
    return WRITERS[writer](draw, writer)


# What is no edge in any edge list, whatever separates its words; {0} and {1} are nodes.
NO_EDGES = [
    "digraph {{",
    "graph [",
    "}}",
    "*Vertices 3",
    '<node id="{0}"/>',
    '{{"source": 1}}',
    "{0} -- {1}",
    "{0} <-> {1}",
    "{0} <- {1}",
    "{0}",
    "{0}: {1}",
    "{0} {1} x y",
    "1 2 3 4",
    "0 1 0 0 1",
    ",,",
    "{0},,{1}",
    "{0} {0}",
    "{0};{0}",
    "|{0}|{1}|",
    "{0} -> {1} -> {0}",
    '"{0}" "{1}',
    "{0}\u200b {1}\u200b",
    "a\u00a0b",
    "---",
    "\ufeff{0}",
]


def spoilt(number: int) -> tuple[Written, bytes]:
    """A valid file of at least two edges, and its content with one line that is malformed."""
    draw = random.Random(f"spoilt {number}")
    file = valid(draw.randint(0, 10**9))
    text = file.text
    if not file.by:
        return file, (spoilt_xml if text.lstrip("\ufeff").startswith("<") else spoilt_json)(
            draw, text
        ).encode(file.encoding)
    lines = text.splitlines(keepends=True)
    edges = [k for k, line in enumerate(lines) if line.strip() and line[0] not in "#%/"]
    k = draw.choice(edges[1:])  # the first one may be a header
    line, end = lines[k].rstrip("\r\n"), lines[k][len(lines[k].rstrip("\r\n")) :]
    others = [
        by for by in ("\t", ";", ",", "->", " ", " : ", " | ") if by.strip() != file.by.strip()
    ]
    how = draw.randrange(6)
    nodes = draw.sample([*filter(str.isalnum, sorted(file.nodes)), "aa", "bb"], 2)
    # where the words part: not in their quotes
    apart = re.search(
        rf'(?<=[^"]") ?{re.escape(file.by)} ?(?="[^"])' if line[0] == '"' else re.escape(file.by),
        line,
    )
    how = how if apart else 0
    if how == 0:
        line = draw.choice(NO_EDGES).format(*nodes)
    elif how == 1:  # another separator, at one place
        line = line[: apart.start()] + draw.choice(others) + line[apart.end() :]
    elif how == 2:  # a name too many, or a quote
        line = draw.choice(
            [f"{line}{file.by}x", f"x{file.by}{line}", f'{line}"', f"{line}{file.by}x{file.by}y"]
        )
    elif how == 3:  # a word too few, or an empty one
        one, other = line[: apart.start()], line[apart.end() :]
        twice = file.by * 2 if file.by != " " else ""
        line = draw.choice([one + other, file.by + line, f"{one}{twice}{other}"])
    elif how == 4:  # a character that nobody sees
        at = draw.randrange(len(line) + 1)
        line = line[:at] + draw.choice("\u200b\u200e\u2060\u00ad\u202e\x07") + line[at:]
    else:
        lines.insert(k, draw.choice(NO_EDGES).format(*nodes) + (end or "\n"))
        return file, "".join(lines).encode(file.encoding)
    lines[k] = line + end
    return file, "".join(lines).encode(file.encoding)


def spoilt_xml(draw: random.Random, text: str) -> str:
    parts = [
        ("<node id=", "<node name="),
        ("</graph>", ""),
        ('edgedefault="directed"', 'edgedefault="undirected"'),
        ("<edge source=", "<edge directed='false' source="),
        ("<edge source=", "<edge origin="),
        ("<edge ", "<edge x='1' x='2' "),
        ("<node ", "<node id='twice'/><node id='twice'/><node "),
        ("</graphml>", "<graph/></graphml>"),
        ("</graphml>", ""),
        ("<edge source=", "<edge source='nowhere' x="),
        ("<graph ", "<hyperedge/><graph "),
        ("<?xml", "x<?xml"),
        ("<graphml", "<graph"),
    ]
    old, new = draw.choice([part for part in parts if part[0] in text])
    return text.replace(old, new, 1)


def spoilt_json(draw: random.Random, text: str) -> str:
    page = json.loads(text)
    key = "edges" if "edges" in page else "links"
    how = draw.randrange(9)
    if how == 0:
        return text[: draw.randrange(1, len(text) - 1)]
    if how == 1:
        page["directed"] = draw.choice([False, None, "true", 1])
    elif how == 2:
        del page["directed"]
    elif how == 3:
        del page[draw.choice(["nodes", key])]
    elif how == 4:
        del draw.choice(page["nodes"])["id"]
    elif how == 5:
        del draw.choice(page[key])[draw.choice(["source", "target"])]
    elif how == 6:
        draw.choice(page[key])["target"] = draw.choice(["nowhere at all", None, [], 1.5, True])
    elif how == 7:
        page["nodes"].append(draw.choice(page["nodes"]))
    else:
        page["links" if key == "edges" else "edges"] = page[key]
    return json.dumps(page)


def large(kind: str, lines: int, path: Path) -> None:
    """Write a graph of so many edges, at most 50,000 nodes, or so many rows that are paths."""
    if kind == "rows":  # on the DAG of ten nodes that has every edge there can be
        draw = random.Random(0)
        path.write_text(
            "".join(
                f"0 9 0 {' '.join(map(str, sorted(draw.sample(range(1, 9), 6))))} 9\n"
                for _ in range(lines)
            )
        )
        return
    n = min(50_000, lines)
    pairs = ((v, (v + 1 + k) % n) for k in range(lines // n) for v in range(n))
    if kind == "JSON":
        links = [{"source": a, "target": b} for a, b in pairs]
        path.write_text(
            json.dumps({"directed": True, "nodes": [{"id": v} for v in range(n)], "links": links})
        )
        return
    form = {
        "spaces": "{} {}\n",
        "CSV": '"city {}","city {}"\n',
        "attributes": "{} {} {{'weight': 0.25}}\n",
        "arrows": "{} -> {}\n",
        "GraphML": '<edge source="{}" target="{}"/>\n',
    }[kind]
    with path.open("w") as file:
        if kind == "GraphML":
            file.write('<graphml><graph edgedefault="directed">\n')
            file.writelines(f'<node id="{v}"/>\n' for v in range(n))
        file.writelines(form.format(a, b) for a, b in pairs)
        if kind == "GraphML":
            file.write("</graph></graphml>")
