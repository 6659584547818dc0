"""GraphML: the nodes, their labels and the directed edges of a file, and nothing else of it.

The file is read as a stream of elements. A document type, and with it every entity, ends the
reading where it stands; so does what is nested, or has nodes or edges, beyond all sense.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape

from planrl.checked import shown
from planrl.errors import InputError
from planrl.graphs import MOST_EDGES, MOST_NODES, Graph
from planrl.reading import read_text

DEEPEST = 100  # elements inside each other
SPACE = "http://graphml.graphdrawing.org/xmlns"
_HEAD = (
    f'<?xml version="1.0" encoding="utf-8"?>\n<graphml xmlns="{SPACE}">\n'
    '<key id="d0" for="node" attr.name="label" attr.type="string"/>\n'
    '<graph edgedefault="directed">\n'
)
# what XML 1.0 cannot hold, escaped or not
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_graphml(path: str | Path) -> Graph:
    """The directed graph in a GraphML file; a node's `label`, if all differ, else its id, names it.

    Nodes whose ids are all whole numbers come in numerical order, others as the file has them. A
    file of at most 100 MB, 50,000 nodes and 1,000,000 edges is read.
    """
    path = Path(path)
    found = _Parsed(str(path))
    parser = expat.ParserCreate("utf-8", " ")  # whatever the file says of its encoding
    parser.buffer_text = True
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.text
    parser.StartDoctypeDeclHandler = found.refuse_doctype
    try:
        parser.Parse(read_text(path).encode(), True)
    except expat.ExpatError as error:
        raise InputError(f"{path} is not well-formed GraphML: {error}") from None
    return found.graph()


class _Parsed:
    """What has been read so far of a file called `where`."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.open: list[str] = []  # the elements we are in
        self.graphs = 0
        self.directed = False
        self.label_keys: dict[str | None, str | None] = {}  # key -> what it is by default
        self.labels: dict[str, str | None] = {}  # id -> label
        self.edges: list[tuple[str, str]] = []
        self.inside: list[str] = []  # the nodes we are in
        self.key: str | None = None
        self.words: list[str] | None = None  # the text of a label, while there is one

    def refuse(self, what: str) -> InputError:
        return InputError(f"{self.where}: {what}")

    def refuse_doctype(self, *_: object) -> None:
        raise InputError(
            f"{self.where} declares a document type, and with it XML entities, which planrl does "
            "not read: remove <!DOCTYPE ...>"
        )

    def start(self, tag: str, given: dict[str, str]) -> None:
        name = tag.rpartition(" ")[2]
        if not self.open and name != "graphml":
            raise InputError(
                f"{self.where} holds no GraphML graph (its root is <{shown(name)[1:-1]}>)"
            )
        if len(self.open) >= DEEPEST:
            raise self.refuse(f"elements are nested more than {DEEPEST} deep: that is no graph")
        self.open.append(name)
        if name == "node":
            self._node(given.get("id"))
        elif name == "edge":
            self._edge(given)
        elif name == "key":
            self.key = given.get("id")
            if given.get("attr.name") == "label" and given.get("for") in (None, "node", "all"):
                self.label_keys[self.key] = None
        elif name == "graph" and not self.inside:
            self.graphs += 1
            self.directed = given.get("edgedefault") == "directed"
            if self.graphs > 1:
                raise self.refuse("it holds more than one graph: keep one")
        elif name == "hyperedge":
            raise self.refuse("it has hyperedges: planning needs edges from one node to one other")
        elif name == "data":
            self.key = given.get("key")
            if self.inside and self.open[-2] == "node" and self.key in self.label_keys:
                self.words = []
        elif (name == "NodeLabel" and self.inside) or (
            name == "default" and self.open[-2] == "key" and self.key in self.label_keys
        ):
            self.words = []

    def _node(self, name: str | None) -> None:
        if name is None:
            raise self.refuse("a node has no id")
        if name in self.labels:
            raise self.refuse(f"two nodes have the id {shown(name)}")
        if len(self.labels) == MOST_NODES:
            raise self.refuse(f"it has more than {MOST_NODES:,} nodes: take a smaller graph")
        self.labels[name] = None
        self.inside.append(name)

    def _edge(self, given: dict[str, str]) -> None:
        here, following = given.get("source"), given.get("target")
        if here is None or following is None:
            raise self.refuse("an edge has no source or no target")
        if here == following:
            raise self.refuse(f"the edge from {shown(here)} to itself is a self-loop; remove it")
        if given.get("directed", "true") != "true" and self.directed:
            raise self.refuse("an edge is undirected (directed='false'), planning needs directions")
        if len(self.edges) == MOST_EDGES:
            raise self.refuse(f"it has more than {MOST_EDGES:,} edges: take a smaller graph")
        self.edges.append((here, following))

    def text(self, words: str) -> None:
        if self.words is not None:
            self.words.append(words)

    def end(self, tag: str) -> None:
        name = self.open.pop()
        if self.words is not None and name in ("data", "NodeLabel", "default"):
            label = "".join(self.words)
            if name == "default":
                self.label_keys[self.key] = label
            elif name == "data" or label.strip():
                self.labels[self.inside[-1]] = label
            self.words = None
        elif name == "node":
            self.inside.pop()

    def graph(self) -> Graph:
        """The graph of a file that has been read to its end."""
        if not self.labels:
            raise InputError(f"{self.where} holds no GraphML graph: it has no node")
        if not self.directed:
            raise self.refuse(
                'the graph is undirected, planning needs directions: set edgedefault="directed"'
            )
        for end in (end for edge in self.edges for end in edge):
            if end not in self.labels:
                raise self.refuse(f"an edge names the node {shown(end)}, which does not exist")
        usual = next((text for text in self.label_keys.values() if text is not None), None)
        names = {}
        for name, label in self.labels.items():
            said = usual if label is None else label
            names[name] = name if said is None else said
        return in_order(names, self.edges)


def in_order(names: dict[str, str], edges: Iterable[tuple[str, str]]) -> Graph:
    """The graph of nodes (id -> name), sorted by number if every id is a whole number.

    Where two names are the same, the ids are the safe names.
    """
    ids = list(names)
    if all(name.isascii() and name.isdigit() for name in ids):
        ids.sort(key=lambda name: (len(name.lstrip("0")), name.lstrip("0")))
    number = {name: v for v, name in enumerate(ids)}
    labels: Sequence[str] = [names[name] for name in ids]
    if len(set(labels)) < len(labels):
        labels = ids
    return Graph(len(ids), [(number[a], number[b]) for a, b in edges], labels)


def write_graphml(graph: Graph, path: str | Path) -> None:
    """Write a graph so that `read_graphml`, networkx and other tools read it back."""
    for label in graph.labels:
        if _UNWRITABLE.search(label):
            raise InputError(f"the label {shown(label)} has a character that no XML file can hold: "
                             "rename the node")  # fmt: skip
    parts = [_HEAD]
    for v, label in enumerate(graph.labels):
        said = escape(label, {"\r": "&#13;"})
        parts.append(f'<node id="{v}"><data key="d0">{said}</data></node>\n')
    parts += [f'<edge source="{a}" target="{b}"/>\n' for a, b in graph.edges]
    Path(path).write_text("".join([*parts, "</graph>\n</graphml>\n"]), "utf-8", newline="\n")
