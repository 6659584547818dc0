"""Other people's files: GraphML and edge lists, ALPINE's text lines, nanoGPT checkpoints.

Every reader either returns a planrl object or raises InputError naming file, line and cure.

An ALPINE line is `s t s a b t`: source, target, path; one walk a line, nodes as numbers.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from planrl.checked import shown
from planrl.errors import InputError
from planrl.folders import write_atomically
from planrl.graphml import in_order, read_graphml, write_graphml
from planrl.graphs import MOST_EDGES, MOST_NODES, Graph
from planrl.nanogpt import read_nanogpt
from planrl.reading import read_text
from planrl.tasks import Vocab, is_path

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor

__all__ = ["Lines", "read_alpine", "read_edges", "read_graph", "read_graphml", "read_nanogpt",
           "write_alpine", "write_graphml"]  # fmt: skip

MOST_CELLS = 50_000_000  # of rows of text, the shorter ones filled up to the longest


def read_graph(path: str | Path) -> Graph:
    """The graph in a .graphml file, or in an edge list (any other ending)."""
    path = Path(path)
    return read_graphml(path) if path.suffix.lower() == ".graphml" else read_edges(path)


def read_edges(path: str | Path) -> Graph:
    """The graph in a text file of edges, one `from to` a line, by spaces, tabs or a comma.

    Names may be any words; whole numbers are put in order, other names come as first met. Blank
    lines and lines that begin with # are passed over. A file of at most 100 MB, 50,000 nodes and
    1,000,000 edges is read.
    """
    path = Path(path)
    names: dict[str, str] = {}
    edges: dict[tuple[str, str], None] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        words = line.replace(",", " ").replace(";", " ").split(None, 3)
        if not words or words[0].startswith("#"):
            continue
        if not 2 <= len(words) <= 3:  # a third may be a weight, which planning has no use for
            raise InputError(f"{path}, line {number}: expected `from to`, found {shown(line)}")
        here, following = words[:2]
        if here == following:
            raise InputError(
                f"{path}, line {number}: {shown(here)} leads to itself; remove the line"
            )
        names[here], names[following] = here, following
        edges[here, following] = None
        if len(names) > MOST_NODES or len(edges) > MOST_EDGES:
            raise InputError(
                f"{path}, line {number}: that is more than {MOST_NODES:,} nodes or "
                f"{MOST_EDGES:,} edges: take a smaller graph"
            )
    if not edges:
        raise InputError(f"{path} has no edges: expected lines like `0 3`")
    return in_order(names, edges)


@dataclass(frozen=True)
class Lines:
    """The walks of an ALPINE text file, and what is wrong with some of them.

    `tokens` holds the rows that can be read, `line` the line number of each, `invalid` a
    (line number, reason) for each row that cannot be read or is no path of the graph.
    """

    tokens: Int[Tensor, "B L"]
    line: tuple[int, ...]
    invalid: tuple[tuple[int, str], ...]

    @property
    def pairs(self) -> int:
        """How many different (source, target) pairs the readable rows hold."""
        return len(self.tokens[:, :2].unique(dim=0)) if len(self.tokens) else 0


def read_alpine(path: str | Path, graph: Graph) -> Lines:
    """The rows `s t s a b t` of a text file, each checked against the graph.

    A row that holds no walk (too short, no node of this graph) is left out of `tokens`; one that
    is a walk but no path stays in. Both are listed in `invalid`, with the reason.
    """
    path = Path(path)
    number = {label: v for v, label in enumerate(graph.labels)}
    rows = array("q")  # one after the other
    lengths: list[int] = []
    lines: list[int] = []
    invalid: list[tuple[int, str]] = []
    longest = 3
    for at, line in enumerate(read_text(path).splitlines(), 1):
        words = line.split()
        if not words:
            continue
        unknown = next((word for word in words if word not in number), None)
        if len(words) < 4:
            invalid.append((at, f"has {len(words)} words; `s t s ... t` has at least 4"))
        elif unknown is not None:
            name = shown(unknown)
            invalid.append((at, f"names the node {name}, which the graph does not have"))
        else:
            rows.extend([number[word] for word in words])
            lengths.append(len(words))
            lines.append(at)
            longest = max(longest, len(words))
        if len(lines) * (longest + 1) > MOST_CELLS:
            raise InputError(
                f"{path}, line {at}: {len(lines):,} rows of up to {longest:,} words are more than "
                f"{MOST_CELLS:,} tokens, each filled up to the longest: split the file"
            )
    tokens = torch.full((len(lines), longest + 1), graph.n)
    if lines:
        filled = torch.arange(longest + 1) < torch.tensor(lengths)[:, None]
        tokens[filled] = torch.frombuffer(rows, dtype=torch.int64)
    for row in (~is_path(graph, tokens)).nonzero().squeeze(1).tolist():
        invalid.append((lines[row], _why_no_path(graph, tokens[row, : lengths[row]].tolist())))
    return Lines(tokens, tuple(lines), tuple(sorted(invalid)))


def _why_no_path(graph: Graph, row: list[int]) -> str:
    name = [label if label.isprintable() else shown(label) for label in graph.labels]
    if row[2] != row[0]:
        return f"starts at {name[row[2]]}, but its source is {name[row[0]]}"
    for here, following in pairwise(row[2:]):
        if not graph.adjacency[here, following]:
            return f"steps {name[here]} -> {name[following]}, which is no edge"
    return f"ends at {name[row[-1]]}, but its target is {name[row[1]]}"


def write_alpine(path: str | Path, graph: Graph, tokens: Int[Tensor, "B L"]) -> None:
    """Write rows as ALPINE's text lines, END and filling left out."""
    vocab = Vocab(graph.n)
    vocab.check(tokens)
    bad = next((label for label in graph.labels if label.split() != [label]), None)
    if bad is not None:
        raise InputError(
            f"the label {shown(bad)} is not one word, as ALPINE's lines need: rename it"
        )
    rows = ([graph.labels[v] for v in row if v != vocab.end] for row in tokens.tolist())
    write_atomically(Path(path), "".join(" ".join(row) + "\n" for row in rows).encode())
