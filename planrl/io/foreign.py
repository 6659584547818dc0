"""Graph files of other tools that look like edge lists, told by how they begin.

A reader of edge lists would take `digraph {` for an edge from `digraph` to `{`. Each of these
formats is refused by its name, with the library call that reads it.
"""

from __future__ import annotations

import re

_SAVE = "and save the graph with networkx.write_graphml"
_READ = f"read it with networkx.{{}} {_SAVE}"
_KEEP = "keep the lines of its edges only"

# what the beginning of a file matches, what the file is then, and the cure
_FORMATS = [
    (r"(?i)\A(?:strict\s+)?(?:di)?graph\b[^\n\[\]{]*\s*\{\s*(?:$|[^\n]*-[->])",
     "a Graphviz DOT file", _READ.format("nx_pydot.read_dot")),
    (r"^graph\s*\[", "a GML file", _READ.format("read_gml")),
    (r"(?i)\A\*(?:vertices|network|arcs|edges|matrix)", "a Pajek file",
     _READ.format("read_pajek")),
    (r"(?i)\A%%MatrixMarket", "a Matrix Market file",
     "read it with scipy.io.mmread and networkx.from_scipy_sparse_array(matrix, "
     f"create_using=networkx.DiGraph) {_SAVE}"),
    (r"(?i)\Adl\b[^\n]*\bn\s*=", "a UCINET DL file", _KEEP),
    (r"(?i)\Anodedef\s*>", "a GDF file", f"{_KEEP}, under a first line source,target"),
    (r"^p\s+[a-z]+\s+\d+\s+\d+\s*$|\A(?:[ea] \d+ \d+\n){2,}\Z", "a DIMACS file",
     "keep `1 2` of each line `e 1 2` or `a 1 2 5`"),
    (r"\A(?:graph|flowchart)\s+(?:TB|TD|BT|RL|LR)\s*$", "a Mermaid chart",
     "remove its first line and write each edge as `a -> b`"),
    (r"\A>>(?:graph|digraph|sparse)6<<", "a graph6 or sparse6 file",
     _READ.format("read_graph6 or networkx.read_sparse6")),
]  # fmt: skip
_COMPILED = [(re.compile(pattern, re.M), what, cure) for pattern, what, cure in _FORMATS]
_UNDIRECTED = re.compile(r"%\s*(?:sym|bip)\b|#\s*undirected graph\b", re.I)  # KONECT's, SNAP's


def recognised(beginning: str) -> str | None:
    """What the first lines of a text show the file to be, and the cure; None of an edge list."""
    for pattern, what, cure in _COMPILED:
        if pattern.search(beginning):
            return f"this is {what}, not an edge list: {cure}"
    return None


def says_undirected(comment: str) -> bool:
    """Whether a comment at the top of a file says that the edges have no direction."""
    return _UNDIRECTED.match(comment) is not None
