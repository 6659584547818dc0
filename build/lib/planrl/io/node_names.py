"""Whether names of an edge list's nodes, and the edges as a whole, can be what they seem.

A reader that takes words for names must doubt the words that people do not use as names: signs
between names, invisible characters, a column of numbers, the sizes at the top of a file.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from planrl.errors import InputError, shown
from planrl.graphs import MOST_NODES

_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_SIGNS = re.compile(r"[-=~<>|:–—−→⇒←↔]+")
_PAIRS = {"(": ")", "[": "]", "{": "}"}
# first lines that name columns in words that could be nodes' names, too
_LIKE_HEADER = {
    ("start", "end"),
    ("origin", "destination"),
    ("parent", "child"),
    ("tail", "head"),
    ("head", "tail"),
    ("node1", "node2"),
    ("id1", "id2"),
    ("nodea", "nodeb"),
    ("predecessor", "successor"),
    ("citing", "cited"),
    ("caller", "callee"),
    ("subject", "object"),
    ("cause", "effect"),
    ("id", "label"),
    ("id", "name"),
    ("node", "label"),
    ("node", "name"),
    ("key", "value"),
}


class LineError(InputError):
    """A line that cannot be read, and its number where it is not the line being read."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.line = line


class Edges(Protocol):
    """What `check_edges` needs to know of the edges that were read."""

    names: dict[str, int]
    edges: array[int]
    line: int
    headline: Sequence[str]
    first: list[tuple[str, str, str | None]]
    thirds: list[str]
    lone: int
    above: int

    @property
    def rows(self) -> int:
        """How many edges there were."""


def check_name(name: str, by: str, row: str, line: int) -> None:
    """Raise LineError unless a word of a row, separated from the others by `by`, can be a name."""
    if name.isascii() and name.isalnum():
        return
    what = None
    if not name:
        what = "is empty: write `from to` in every line"
    elif _INVISIBLE.search(name) or any(unicodedata.category(c) == "Cc" for c in name):
        what = "has an invisible character: remove it"
    elif any(c.isspace() and c != " " for c in name):
        what = "has a space of another kind in it: write plain spaces"
    elif '"{}"'.format(name.replace('"', '""')) not in row:
        what = _doubt(name, by)
    if what:
        raise LineError(f"the name {shown(name)} {what}", line)


def _doubt(name: str, by: str) -> str | None:
    """The reason why a name without quotes is refused, if there is one."""
    if by == " " and re.search("[|，；、،؛]", name):
        return "holds a sign that may separate names: separate them by commas, semicolons or tabs"
    if by in (" ", "->") and (_SIGNS.fullmatch(name) or name.strip(":") != name):
        return (
            "is a sign between names: write one edge a line, `a b` or `a -> b` (of an edge "
            "without direction, both)"
        )
    if re.fullmatch(r"\d+(\s+\d+)+", name):
        return "is several numbers: separate all words of a line alike"
    if re.search(r"\s(#|%|//)(\s|$)", name):
        return "holds a comment: put comments on lines of their own"
    if re.search(r"\s(<?[-=]+>|<[-=]+|--+)\s", name):
        return "holds an arrow: write one edge a line, and a name that holds one in double quotes"
    if name.strip(",;") != name:
        return "ends in a separator: separate all words of a line alike"
    if '"' in name:
        return "holds a double quote: put it in double quotes and write the quote in it twice"
    if re.fullmatch(r"\*(?:vertices|arcs|edges|network|matrix)", name, re.I):
        return "is a heading of a Pajek file: read it with networkx.read_pajek"
    if not _balanced(name):
        return "has a bracket that is not closed in it: put names that hold separators in quotes"
    return None


def _balanced(name: str) -> bool:
    waiting = []
    for sign in name:
        if sign in _PAIRS:
            waiting.append(_PAIRS[sign])
        elif sign in ")]}" and (not waiting or waiting.pop() != sign):
            return False
    return not waiting


def _whole(name: str | None) -> bool:
    return name is not None and name.isascii() and name.isdigit() and len(name) < 19


def _number(name: str) -> float | None:
    try:
        return float(name) if name.isascii() and "_" not in name else None
    except ValueError:
        return None


def check_edges(found: Edges) -> None:
    """Raise LineError where the edges of a file as a whole show that they are something else."""
    _check_first(found)
    _check_columns(found)
    _check_alike(found)
    numbers = [_number(name) for name in found.names]
    decimal = [
        name
        for name, value in zip(found.names, numbers, strict=True)
        if value is not None and not re.fullmatch(r"[+-]?\d+", name) and value == value // 1
    ]
    if decimal and None not in numbers:
        raise LineError(
            f"the nodes are numbers, and {shown(decimal[0])} is a whole number written as a "
            "decimal: write 1, not 1.0 (in pandas .astype(int), in numpy.savetxt fmt='%d')",
            found.line,
        )
    if all(len(name) > 2 and name[0] == name[-1] == "'" for name in found.names):
        raise LineError("all names are in single quotes: remove them", found.line)


def _check_first(found: Edges) -> None:
    """The first line must be an edge, not the names of columns or the sizes of the graph."""
    if found.headline:
        twice = next((word for word in found.headline if word in found.names), None)
        if twice is not None:
            raise LineError(
                f"{shown(twice)} names a column here and a node below: put another line first if "
                "this is an edge, else rename the column",
                found.line,
            )
        return
    tail, head, third = found.first[0]
    names = [name for name in found.names if name not in (tail, head)]
    plain = tuple(re.sub(r"[\W_]+", "", word.lower()) for word in (tail, head))
    usual = plain in _LIKE_HEADER
    numbers = bool(names) and all(map(_whole, names))
    words = not (_whole(tail) or _whole(head))
    if (
        names
        and words
        and (usual or numbers)
        and not _others(found) & {found.names[tail], found.names[head]}
    ):
        raise LineError(
            f"{shown(tail)}, {shown(head)} seem to name columns: write source,target in the "
            "first line, or, if this is an edge, put another line first",
            found.line,
        )
    if third is None and numbers and _whole(tail) and _whole(head):
        _check_sizes(found, int(tail), int(head))


def _check_sizes(found: Edges, nodes: int, edges: int) -> None:
    """The first line must not be the numbers of nodes and of edges of the lines below."""
    if edges != found.rows - 1 or edges < 2:
        return
    ids = np.array([int(name) for name in found.names])
    source, target = (ids[ends[1:]] for ends in np.divmod(np.asarray(found.edges), MOST_NODES))
    others = {*source.tolist(), *target.tolist()}
    counted = max(others) == nodes - 1 or others == set(range(1, nodes + 1))
    ordered = np.lexsort((target, source)).tolist() == list(range(edges))
    if counted and (edges > max(others) or (ordered and (nodes, edges) > (source[0], target[0]))):
        raise LineError(
            f"`{nodes} {edges}` seems to be the number of nodes and of edges: remove the line, or, "
            "if it is an edge, put another line first",
            found.line,
        )


def _others(found: Edges) -> set[int]:
    """The nodes of all edges but the first."""
    first = tuple(found.names[name] for name in found.first[0][:2])
    source, target = np.divmod(np.asarray(found.edges), MOST_NODES)
    other = (source != first[0]) | (target != first[1])
    return _different(source[other]) | _different(target[other])


def _different(nodes: NDArray[np.int64]) -> set[int]:
    there = np.zeros(MOST_NODES, dtype=bool)
    there[nodes] = True
    return {*np.flatnonzero(there).tolist()}


def _check_columns(found: Edges) -> None:
    """A third column must be weights, and the second names; no lone `#` divides the file."""
    source, target = np.divmod(np.asarray(found.edges), MOST_NODES)
    sources, targets = _different(source), _different(target)
    above, at = _different(source[: found.above]), found.above
    below = _different(source[at:]) | _different(target[at:])
    if found.lone and below and below <= above and len(above) == at:
        raise LineError(
            "a `#` alone separates the nodes from the edges of a Trivial Graph Format file: keep "
            "the lines below it; if it is a comment, write a word behind it",
            found.lone,
        )
    if found.headline:
        return
    if _is_matrix(found):
        raise LineError(
            "three lines of three numbers are an adjacency matrix: read it with numpy.loadtxt and "
            "networkx.from_numpy_array(matrix, create_using=networkx.DiGraph)",
            found.line,
        )
    if _is_adjacency_list(found, len(sources)):
        raise LineError(
            "every node begins one line, and every third word is a node: this is an adjacency list "
            "(read it with networkx.read_adjlist(path, create_using=networkx.DiGraph)); if the "
            "third words are weights, write them as decimals, 2.0",
            found.line,
        )
    if not targets & sources:
        names = [name for name, node in found.names.items() if node in targets]
        if all("." in name and _number(name) is not None for name in names):
            raise LineError(
                f"the second column has numbers like {shown(names[0])} only, which no line begins "
                "with: it seems to be weights; write source, target, weight",
                found.line,
            )


def _is_matrix(found: Edges) -> bool:
    """Whether the file is three lines of three numbers, with a diagonal of 0 or all 0 and 1."""
    square = [[_number(word or "") for word in row] for row in found.first]
    return (
        found.rows == 3
        and all(None not in row for row in square)
        and (
            all(square[k][k] == 0 for k in range(3)) or {v for row in square for v in row} <= {0, 1}
        )
    )


def _is_adjacency_list(found: Edges, sources: int) -> bool:
    """Whether every node begins one line, and every third word is another node."""
    return (
        bool(found.thirds)
        and found.rows == len(found.thirds) == sources == len(found.names)
        and all(third in found.names for third in found.thirds)
        and not any(
            found.names[third] in divmod(edge, MOST_NODES)
            for third, edge in zip(found.thirds, found.edges, strict=True)
        )
    )


def _check_alike(found: Edges) -> None:
    """No two names may look the same."""
    plain: dict[str, str] = {}
    for name in found.names:
        look = name
        if not name.isascii() or "  " in name:
            look = unicodedata.normalize("NFC", name)
            look = "".join(c for c in look if unicodedata.category(c) != "Cf")
            look = " ".join(look.split())
        other = plain.setdefault(look, name)
        if other != name:
            raise LineError(
                f"the names {ascii(other)[:60]} and {ascii(name)[:60]} look the same: write one of "
                "them throughout",
                found.line,
            )
