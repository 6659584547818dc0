"""GraphML: the nodes, their labels and the directed edges of a file, and nothing else of it.

The file is read as a stream of elements. A document type, and with it every entity, ends the
reading where it stands; so does what is nested, or has nodes or edges, beyond all sense. Text has
the encoding of its byte order mark, or else the one that the file declares.
"""

from __future__ import annotations

import codecs
import re
from array import array
from collections.abc import Sequence
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from planrl.errors import InputError, shown
from planrl.graphs import MOST_EDGES, MOST_NODES, Graph
from planrl.io.files import marked_encoding, read_bytes, refuse_binary

Numbers = NDArray[np.int64]

DEEPEST = 100  # elements inside each other
SPACE = "http://graphml.graphdrawing.org/xmlns"
_HEAD = (
    f'<?xml version="1.0" encoding="utf-8"?>\n<graphml xmlns="{SPACE}">\n'
    '<key id="d0" for="node" attr.name="label" attr.type="string"/>\n'
    '<graph edgedefault="directed">\n'
)
# what XML 1.0 cannot hold, escaped or not
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DECLARED = re.compile(rb"""\s*<\?xml\s[^>]*?\bencoding\s*=\s*["']([\w.:-]{1,40})["']""")
# what a file may declare: encodings in which markup is written as in ASCII
_ENCODINGS = re.compile(
    r"utf-8|ascii|iso8859-\d+|cp\d+|koi8-\w|mac-\w+|tis-620|gb\w+|big5\w*|euc_\w+|shift_jis\w*"
)


def read_graphml(path: str | Path) -> Graph:
    """The directed graph in a GraphML file; a node's `label`, if all differ, else its id, names it.

    A node without a `label` that yEd wrote has the text of its first label in the drawing. Nodes
    whose ids are all whole numbers come in numerical order, others as the file has them. The file
    has the encoding that it declares, or UTF-16 with a byte order mark. A file of at most 100 MB,
    50,000 nodes and 1,000,000 edges is read. Raises InputError for every other file.
    """
    path = Path(path)
    return parse_graphml(read_bytes(path), path)


def parse_graphml(content: bytes, path: Path) -> Graph:
    """The graph in a GraphML file's content, which was read from `path`."""
    content = _as_utf8(content, path)
    found = _Parsed(str(path))
    parser = expat.ParserCreate("utf-8", " ")  # what the file says of its encoding is done with
    parser.buffer_text = True
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.text
    parser.StartDoctypeDeclHandler = found.refuse_doctype
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise InputError(f"{path} is not well-formed GraphML: {error}") from None
    return found.graph()


def _as_utf8(content: bytes, path: Path) -> bytes:
    """An XML file's content in UTF-8, without a byte order mark."""
    refuse_binary(content, path)
    encoding = marked_encoding(content)
    if encoding is None and content[:2] in (b"<\0", b"\0<"):
        encoding = "utf-16-le" if content[:1] == b"<" else "utf-16-be"
    if encoding is None:
        declared = _DECLARED.match(content[:1000])
        encoding = _declared(declared[1].decode("ascii", "replace"), path) if declared else "utf-8"
    try:
        return content.decode(encoding).encode()
    except UnicodeError as error:
        at = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise InputError(
            f"{path} is not XML in {encoding}{at}, as it should be: save it as UTF-8, or declare "
            'its encoding: <?xml version="1.0" encoding="ISO-8859-1"?>'
        ) from None


def _declared(name: str, path: Path) -> str:
    try:
        encoding = codecs.lookup(name).name
    except LookupError:
        encoding = name
    if re.match("utf-16|utf-32", encoding):  # it can't be, or it could not be read in ASCII
        return "utf-8"
    if not _ENCODINGS.fullmatch(encoding):
        raise InputError(
            f"{path} declares the encoding {shown(name)}, which planrl does not read: "
            "save it as UTF-8"
        )
    return encoding


class _Parsed:
    """What has been read so far of a file called `where`."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.open: list[str] = []  # the elements we are in
        self.graphs = 0
        self.directed = False  # the outermost graph
        self.within: list[bool] = []  # of the graphs we are in: directed?
        self.label_keys: dict[str | None, str | None] = {}  # key -> what it is by default
        self.labels: dict[str, str | None] = {}  # id -> label
        self.drawn: dict[str, str] = {}  # id -> the label that yEd draws
        self.number: dict[str, int] = {}  # of ids, those that edges name first included
        self.sources, self.targets = array("i"), array("i")
        self.inside: list[str] = []  # the nodes we are in
        self.key: str | None = None
        self.words: list[str] | None = None  # the text of a label, while there is one
        self.depth = 0  # of the label's element

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
            cure = {"gexf": ": read it with networkx.read_gexf", "html": ": it is a web page"}
            raise InputError(
                f"{self.where} holds no GraphML graph (its root is <{shown(name)[1:-1]}>)"
                + cure.get(name, "")
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
        elif name == "graph":
            self._graph(given.get("edgedefault"))
        elif name == "hyperedge":
            raise self.refuse("it has hyperedges: planning needs edges from one node to one other")
        elif name == "data":
            self.key = given.get("key")
            if self.inside and self.open[-2] == "node" and self.key in self.label_keys:
                self.words, self.depth = [], 0
        elif name == "NodeLabel" and self.inside:
            self.words, self.depth = [], len(self.open)
        elif name == "default" and self.open[-2] == "key" and self.key in self.label_keys:
            self.words, self.depth = [], 0

    def _graph(self, default: str | None) -> None:
        """A graph begins: the outermost one, or one inside a node, which its edges belong to."""
        if self.inside:
            self.within.append(default == "directed" if default else self.within[-1:] == [True])
            return
        self.graphs += 1
        if self.graphs > 1:
            raise self.refuse("it holds more than one graph: keep one")
        self.directed = default == "directed"
        self.within.append(self.directed)

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
        source, target = given.get("source"), given.get("target")
        if source is None or target is None:
            raise self.refuse("an edge has no source or no target")
        if source == target:
            raise self.refuse(f"the edge from {shown(source)} to itself is a self-loop; remove it")
        said = given.get("directed")
        if self.directed and not (said in ("true", "1") if said else all(self.within[-1:])):
            raise self.refuse(
                "an edge is undirected (its directed='false', or edgedefault of the graph it is "
                "in), planning needs directions"
            )
        if len(self.sources) == MOST_EDGES:
            raise self.refuse(f"it has more than {MOST_EDGES:,} edges: take a smaller graph")
        self.sources.append(self.number.setdefault(source, len(self.number)))
        self.targets.append(self.number.setdefault(target, len(self.number)))

    def text(self, words: str) -> None:
        if self.words is not None and self.depth in (0, len(self.open)):
            self.words.append(words)

    def end(self, tag: str) -> None:
        name = self.open.pop()
        if self.words is not None and name in ("data", "NodeLabel", "default"):
            label = "".join(self.words)
            if name == "default":
                self.label_keys[self.key] = label
            elif name == "NodeLabel":  # yEd writes notes as further labels
                if label.strip():
                    self.drawn.setdefault(self.inside[-1], label.strip())
            elif self.labels[self.inside[-1]] is None:
                self.labels[self.inside[-1]] = label
            self.words = None
        elif name == "node":
            self.inside.pop()
        elif name == "graph":
            self.within.pop()

    def graph(self) -> Graph:
        """The graph of a file that has been read to its end."""
        if not self.labels:
            raise InputError(f"{self.where} holds no GraphML graph: it has no node")
        if not self.directed:
            raise self.refuse(
                'the graph is undirected, planning needs directions: set edgedefault="directed"'
            )
        position = {name: v for v, name in enumerate(self.labels)}
        unknown = next((name for name in self.number if name not in position), None)
        if unknown is not None:
            raise self.refuse(f"an edge names the node {shown(unknown)}, which does not exist")
        usual = next((text for text in self.label_keys.values() if text is not None), None)
        names = {}
        for name, label in self.labels.items():
            said = (label, self.drawn.get(name), usual, name)
            names[name] = next(text for text in said if text is not None)
        nodes = np.array([position[name] for name in self.number], dtype=np.int64)
        return in_order(names, nodes[self.sources], nodes[self.targets])


def in_order(
    names: dict[str, str], sources: Sequence[int] | Numbers, targets: Sequence[int] | Numbers
) -> Graph:
    """The graph of nodes (id -> name), sorted by number if every id is a whole number.

    `sources` and `targets` count the ids as `names` has them. Where two names are the same, the ids
    are the safe names.
    """
    ids = list(names)
    order = list(range(len(ids)))
    if all(name.isascii() and name.isdigit() for name in ids):
        plain = [(len(name.lstrip("0")), name.lstrip("0")) for name in ids]
        order.sort(key=plain.__getitem__)
    number = np.empty(len(ids), dtype=np.int64)
    number[order] = np.arange(len(ids))
    labels = [names[ids[v]] for v in order]
    if len(set(labels)) < len(labels):
        labels = [ids[v] for v in order]
    edges = np.stack([number[np.asarray(ends, dtype=np.int64)] for ends in (sources, targets)], 1)
    return Graph(len(ids), edges, labels)


def write_graphml(graph: Graph, path: str | Path) -> None:
    """Write a graph so that `read_graphml`, networkx and other tools read it back."""
    for label in graph.labels:
        if _UNWRITABLE.search(label):
            raise InputError(
                f"the label {shown(label)} has a character that no XML file can hold: "
                "rename the node"
            )
    parts = [_HEAD]
    for v, label in enumerate(graph.labels):
        said = escape(label, {"\r": "&#13;"})
        parts.append(f'<node id="{v}"><data key="d0">{said}</data></node>\n')
    parts += [f'<edge source="{a}" target="{b}"/>\n' for a, b in graph.edges]
    Path(path).write_text("".join([*parts, "</graph>\n</graphml>\n"]), "utf-8", newline="\n")
