"""Edge lists: text files with one edge a line, as people and tools write them.

The separator of a file is decided once, from its first lines. A line that does not fit is an error
that names the line, so that no word of a file becomes a node by mistake.

Some graph files of other tools look like edge lists: a reader would take `digraph {` for an edge
from `digraph` to `{`. Each of these formats is recognised by its beginning and refused by its
name, with the library call that reads it.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np

from planrl.errors import InputError, shown
from planrl.graphs import MOST_EDGES, MOST_NODES, Graph
from planrl.io.edge_lines import (
    ARROW,
    FAST,
    LISTS,
    SEPARATORS,
    edge,
    fits,
    masked,
    mixed,
    split,
)
from planrl.io.files import lines_of, read_bytes
from planrl.io.graphml import in_order
from planrl.io.node_names import LineError, check_edges, check_name

MOST_LINES = 5_000_000  # of edges, those that are there twice included
LONGEST_LINE = 100_000
BEGINNING = 50  # lines from which the separator is decided
_TGF = " (if this is a Trivial Graph Format file, keep the lines below its `#` only)"
_TIGHT = re.compile(r"(?:[#%]|//)(?=\S)|#$")
_WHAT = "(?:node|vertex|state|city|station)?(?:id|name|label)?"
_SOURCE = re.compile(f"(?:{_WHAT}|)(?:source|src|from)(?:{_WHAT})")
_TARGET = re.compile(f"(?:{_WHAT}|)(?:target|tgt|destination|dest|dst|to)(?:{_WHAT})")
_SAVE = "and save the graph with networkx.write_graphml"
_READ = f"read it with networkx.{{}} {_SAVE}"
_KEEP = "keep the lines of its edges only"
# what the beginning of a file matches, what the file is then, and the cure
_FORMATS = [
    (
        r"(?i)\A(?:strict\s+)?(?:di)?graph\b[^\n\[\]{]*\s*\{\s*(?:$|[^\n]*-[->])",
        "a Graphviz DOT file",
        _READ.format("nx_pydot.read_dot"),
    ),
    (r"^graph\s*\[", "a GML file", _READ.format("read_gml")),
    (r"(?i)\A\*(?:vertices|network|arcs|edges|matrix)", "a Pajek file", _READ.format("read_pajek")),
    (
        r"(?i)\A%%MatrixMarket",
        "a Matrix Market file",
        "read it with scipy.io.mmread and networkx.from_scipy_sparse_array(matrix, "
        f"create_using=networkx.DiGraph) {_SAVE}",
    ),
    (r"(?i)\Adl\b[^\n]*\bn\s*=", "a UCINET DL file", _KEEP),
    (r"(?i)\Anodedef\s*>", "a GDF file", f"{_KEEP}, under a first line source,target"),
    (
        r"^p\s+[a-z]+\s+\d+\s+\d+\s*$|\A(?:[ea] \d+ \d+\n){2,}\Z",
        "a DIMACS file",
        "keep `1 2` of each line `e 1 2` or `a 1 2 5`",
    ),
    (
        r"\A(?:graph|flowchart)\s+(?:TB|TD|BT|RL|LR)\s*$",
        "a Mermaid chart",
        "remove its first line and write each edge as `a -> b`",
    ),
    (
        r"\A>>(?:graph|digraph|sparse)6<<",
        "a graph6 or sparse6 file",
        _READ.format("read_graph6 or networkx.read_sparse6"),
    ),
]
_COMPILED = [(re.compile(pattern, re.M), what, cure) for pattern, what, cure in _FORMATS]
_UNDIRECTED = re.compile(r"%\s*(?:sym|bip)\b|#\s*undirected graph\b", re.I)  # KONECT's, SNAP's


def read_edges(path: str | Path) -> Graph:
    """The graph in a text file of edges, one `from to` a line.

    The words of every line are separated as those of the first: by a comma, a semicolon, a tab or
    an arrow (`a -> b`), and names may then hold spaces; by spaces otherwise. CSV quotes are
    removed. A third word is a weight or networkx's attributes `{...}`, which planning does not use.
    A first line like `source,target,weight` names the columns. Blank lines and lines that begin
    with #, % or // are passed over. An edge counts once.

    A name is taken as it is written, without the spaces around it: `1`, `01` and `+1` are three
    nodes. Whole numbers are put in order, other names come as first met. Text is UTF-8, or UTF-16
    with a byte order mark. A file of at most 100 MB, 50,000 nodes, 1,000,000 edges and 5,000,000
    lines is read. Raises InputError for every other file, with the line and a cure.
    """
    path = Path(path)
    return parse_edges(read_bytes(path), path)


def parse_edges(content: bytes, path: Path) -> Graph:
    """The graph in an edge list's content, which was read from `path`."""
    above: list[tuple[int, str]] = []
    rows = _rows(content, path, above)
    found, number = _Found(), 1
    try:
        beginning = list(islice(rows, BEGINNING))
        rows = chain(beginning, rows)
        if beginning:
            found.decide(beginning)
            for number, line in above:
                found.comment(number, line)
            if found.headline:
                next(rows)
        fast = re.compile(FAST[found.by], re.I | re.A).fullmatch
        add = found.add
        for number, line in rows:
            plain = fast(line) if found.plain else None
            if plain:
                source, target, third = plain.groups()
                add(number, source, target, third)
            else:
                found.read(number, line)
        if found.rows:
            check_edges(found)
    except LineError as error:
        hint = _TGF if _has_separator(rows) else ""
        raise InputError(f"{path}, line {error.line or number}: {error}{hint}") from None
    if not found.rows:
        raise InputError(f"{path} has no edges: expected lines like `0 3`")
    edges = np.asarray(found.edges)
    if len(edges) > MOST_EDGES and len(edges := np.unique(edges)) > MOST_EDGES:
        raise InputError(
            f"{path} has {len(edges):,} edges, more than {MOST_EDGES:,}: take a smaller graph"
        )
    return in_order({name: name for name in found.names}, *np.divmod(edges, MOST_NODES))


def _has_separator(rows: Iterator[tuple[int, str]]) -> bool:
    """Whether a `#` is alone in a later line, as between the nodes and edges of TGF."""
    try:
        return any(line == "#" for _, line in rows)
    except InputError:
        return False


def _rows(content: bytes, path: Path, above: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines with something on them, and their numbers, without comments.

    A comment without a space after its sign may be none: one above the first edge is put into
    `above`, one below is a line.
    """
    began = False
    for number, line in enumerate(lines_of(content, path), 1):
        row = line.strip(" \n")
        if not row or row.isspace():
            continue
        if row[0] in "#%/\t" and (comment := row.lstrip()).startswith(("#", "%", "//")):
            if began and _TIGHT.match(comment):
                yield number, comment
            elif not began and says_undirected(comment):
                raise LineError(
                    f"{shown(comment)} says that the edges have no direction, planning "
                    "needs directions: write each edge in both directions",
                    number,
                )
            elif not began and (what := recognised(comment)):
                raise LineError(what, number)
            elif len(above) < BEGINNING and _TIGHT.match(comment):
                above.append((number, comment))
            continue
        if len(row) > LONGEST_LINE:
            raise LineError(f"the line has more than {LONGEST_LINE:,} characters", number)
        began = True
        yield number, row


class _Found:
    """What has been read so far, and how lines are read."""

    def __init__(self) -> None:
        self.by = " "
        self.headline: Sequence[str] = ()
        self.columns = (0, 1)
        self.kind: int | None = None  # the column that says whether an edge is directed
        self.plain = True  # whether plain lines need no further check
        self.names: dict[str, int] = {}
        self.edges = array("q")  # source * MOST_NODES + target
        self.first: list[tuple[str, str, str | None]] = []
        self.line = 1  # of the first edge
        self.weighted: bool | None = None
        self.thirds: list[str] = []  # of the first lines
        self.lone = 0  # the line of a lone `#`
        self.above = 0  # how many edges stand above it

    @property
    def rows(self) -> int:
        """How many edges there were, those that are there twice included."""
        return len(self.edges)

    def decide(self, beginning: Sequence[tuple[int, str]]) -> None:
        """Find out how the lines are separated, and whether the first one names the columns."""
        lines = [line for _, line in beginning if not _TIGHT.match(line)]
        self.line, first = beginning[0]
        what = recognised("".join(f"{line[:1000]}\n" for line in lines))
        if what:
            raise LineError(what, self.line)
        for by in (",", ";", "\t", " "):
            if columns := _columns(first, by):
                self._header(first, by, columns)
                return
        fitting = [by for by in SEPARATORS if all(fits(line, by) for line in lines)]
        fitting = fitting or [by for by in SEPARATORS if fits(first, by)]
        if len(fitting) > 1:
            fitting = [by for by in fitting if not any(mixed(line, by) for line in lines)]
            if len(fitting) != 1:
                raise LineError(
                    f"it is not clear what separates the names in {shown(first)}: put names that "
                    'hold a separator in double quotes ("a;b",c)',
                    self.line,
                )
        marks = masked(first)
        self.by = next(iter(fitting), None) or next(
            (by for by in "\t;," if by in marks), "->" if ARROW.search(marks) else " "
        )

    def _header(self, line: str, by: str, columns: tuple[list[int], list[int]]) -> None:
        """The first line names the columns, those of sources and of targets among them."""
        sources, targets = columns
        if len(sources) + len(targets) > 2:
            raise LineError(
                f"{shown(line)} names several columns of sources or targets: keep one "
                "of each, source,target",
                self.line,
            )
        words = split(line, by)
        self.by, self.headline, self.columns = by, words, (sources[0], targets[0])
        kinds = [k for k, word in enumerate(words) if word.lower() in ("type", "directed")]
        self.kind = kinds[0] if kinds else None
        self.plain = self.columns == (0, 1) and len(words) < 4 and self.kind is None
        self.weighted = len(words) == 3

    def comment(self, number: int, line: str) -> None:
        """Pass over a comment, unless it may be an edge from a node called #1, or part of TGF."""
        if line == "#":
            if not self.lone and self.rows:
                self.lone, self.above = number, self.rows
        elif self.by != " " and fits(line, self.by) and not _columns(line, self.by):
            raise LineError(
                f"{shown(line)} may be a comment or an edge: write a space after the sign of a "
                "comment, and a name that begins with the sign in double quotes",
                number,
            )

    def add(self, number: int, source: str, target: str, third: str | None, row: str = "") -> None:
        """Take an edge; a third word only tells whether all lines have as many."""
        weighted = third is not None and third[0] != "{"
        if weighted is not self.weighted:
            self._width(number, weighted)
        names = self.names
        a, b = names.get(source), names.get(target)
        if a is None:
            a = self._name(number, source, row)
        if b is None:
            b = self._name(number, target, row)
        if a == b:
            raise LineError(f"{shown(source)} leads to itself; remove the line", number)
        self.edges.append(a * MOST_NODES + b)
        rows = len(self.edges)
        if rows <= 3:
            self.first.append((source, target, third))
        if weighted and third and rows <= MOST_NODES:
            self.thirds.append(third)
        if rows > MOST_LINES:
            raise LineError(f"that is more than {MOST_LINES:,} lines: take a smaller graph", number)

    def _name(self, number: int, name: str, row: str) -> int:
        name = name.strip()
        if name in self.names:
            return self.names[name]
        check_name(name, self.by, row, number)
        if len(self.names) == MOST_NODES:
            raise LineError(f"that is more than {MOST_NODES:,} nodes: take a smaller graph", number)
        return self.names.setdefault(name, len(self.names))

    def _width(self, number: int, weighted: bool) -> None:
        if self.weighted is None:
            self.weighted, self.line = weighted, number
            return
        has, had = ("three words", "two") if weighted else ("two words", "three")
        raise LineError(
            f"the line has {has}, line {self.line} has {had}: write a weight in every line or in "
            f"none. {LISTS}",
            number,
        )

    def read(self, number: int, line: str) -> None:
        """Take a line that needs a closer check."""
        if _TIGHT.match(line):
            self.comment(number, line)
            return
        words = split(line, self.by)
        if not self.headline:
            tail, head, third = edge(words, line)
            self.add(number, tail, head, third, line)
            return
        if len(words) != len(self.headline):
            raise LineError(
                f"the line has {len(words)} columns, line {self.line} names "
                f"{len(self.headline)}: {shown(line)}",
                number,
            )
        source, target = self.columns
        kind = words[self.kind].lower() if self.kind is not None else ""
        if kind in ("undirected", "false"):
            raise LineError("the edge is undirected, planning needs directions", number)
        self.add(number, words[source], words[target], "1" if self.weighted else None, line)


def _columns(line: str, by: str) -> tuple[list[int], list[int]] | None:
    """Where a line that names columns says that sources and targets are; None of other lines."""
    try:
        words = split(line.lstrip("#%"), by)
    except LineError:
        return None
    plain = [re.sub(r"[\W_]+", "", word.lower()) for word in words]
    sources = [k for k, word in enumerate(plain) if _SOURCE.fullmatch(word)]
    targets = [k for k, word in enumerate(plain) if _TARGET.fullmatch(word)]
    return (sources, targets) if sources and targets else None


def recognised(beginning: str) -> str | None:
    """What the first lines of a text show the file to be, and the cure; None of an edge list."""
    for pattern, what, cure in _COMPILED:
        if pattern.search(beginning):
            return f"this is {what}, not an edge list: {cure}"
    return None


def says_undirected(comment: str) -> bool:
    """Whether a comment at the top of a file says that the edges have no direction."""
    return _UNDIRECTED.match(comment) is not None
