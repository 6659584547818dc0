"""Rows of text as ALPINE has them: `s t s a b t`, source, target and path, one path a line."""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from planrl.errors import InputError, shown
from planrl.graphs import MOST_SQUARE, Graph, check_size
from planrl.io.files import lines_of, read_bytes, write_atomically
from planrl.tasks import Vocab, is_path

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor

MOST_CELLS = 50_000_000  # of rows of text, the shorter ones padded to the longest
LONGEST_LINE = 1_000_000
SHORTEST = 3  # words: `s t t`, where the path leaves its source out (see planrl.io.prompts)
AT_ONCE = 2_000_000  # tokens that are checked together


@dataclass(frozen=True)
class Lines:
    """The paths of an ALPINE text file, and what is wrong with some of them.

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

    Spaces separate the words, or commas, which labels that hold spaces need. Blank lines are passed
    over, and lines that begin with #, % or // and no node. A row of fewer than three words, or with
    a word that is no node of the graph, is left out of `tokens`; one of nodes that are no path
    stays in. Both are listed in `invalid`, with the reason. A file has at most 100 MB, its graph at
    most 10,000 nodes.
    """
    path = Path(path)
    check_size(graph.n, MOST_SQUARE, "checking rows against a graph")
    number = {label: v for v, label in enumerate(graph.labels)}
    known = set(number)
    rows, lengths, lines = array("i"), array("i"), array("i")  # the rows one after the other
    invalid: list[tuple[int, str]] = []
    longest = 3
    for at, line in enumerate(lines_of(read_bytes(path), path), 1):
        if len(line) > LONGEST_LINE:
            raise InputError(f"{path}, line {at}: a row has at most {LONGEST_LINE:,} characters")
        words = line.split()
        if not known.issuperset(words):
            words = _other_words(line, number)
        if not words:
            continue
        if reason := _unreadable(words, known):
            invalid.append((at, reason))
        else:
            rows.extend(map(number.__getitem__, words))
            lengths.append(len(words))
            lines.append(at)
            longest = max(longest, len(words))
        if len(lines) * (longest + 1) > MOST_CELLS:
            raise InputError(
                f"{path}, line {at}: {len(lines):,} rows of up to {longest:,} words are more than "
                f"{MOST_CELLS:,} tokens, each padded to the longest: split the file"
            )
    tokens = _padded(rows, lengths, longest + 1, graph.n)
    del rows  # as large as half the tokens
    invalid += ((lines[row], reason) for row, reason in _no_paths(tokens, lengths, graph))
    return Lines(tokens, tuple(lines), tuple(sorted(invalid)))


def _too_short(words: int) -> str:
    return f"has {words} words; `s t s ... t` has at least 4"


def _unreadable(words: Sequence[str], known: set[str]) -> str:
    """Why these words are no row of nodes, or nothing if they are."""
    if len(words) < SHORTEST or (len(words) == SHORTEST and words[0] == words[1]):
        return _too_short(len(words))
    if known.issuperset(words):
        return ""
    name = shown(next(word for word in words if word not in known))
    return f"names the node {name}, which the graph does not have"


def _no_paths(tokens: Tensor, lengths: Sequence[int], graph: Graph) -> Iterator[tuple[int, str]]:
    """The rows that are no path of the graph, and why."""
    at = 0
    for part in tokens.split(max(1, AT_ONCE // tokens.shape[1])):
        for row in (~is_path(graph, part)).nonzero().squeeze(1).tolist():
            words = part[row, : lengths[at + row]].tolist()
            short = len(words) <= SHORTEST
            yield at + row, _too_short(len(words)) if short else why_no_path(graph, words)
        at += len(part)


def _other_words(line: str, number: Mapping[str, int]) -> list[str]:
    """The words of a row that are not all nodes if spaces separate them; none of a comment."""
    words = line.split()
    if "," in line:
        try:
            cells = next(csv.reader([line], skipinitialspace=True))
        except csv.Error:  # a cell that is longer than any label
            cells = line.split(",")
        cells = [cell.strip() for cell in cells]
        if all(cell in number for cell in cells) or not any("," in label for label in number):
            words = cells
    comment = line.lstrip().startswith(("#", "%", "//")) and words[0] not in number
    return [] if comment else words


def _padded(rows: array[int], lengths: array[int], width: int, end: int) -> Tensor:
    """The rows as a tensor, each padded with END up to the width."""
    tokens, begin = torch.full((len(lengths), width), end), 0
    sizes, each = torch.from_numpy(np.asarray(lengths)), max(1, AT_ONCE // width)
    for part, size in zip(tokens.split(each), sizes.split(each), strict=True):
        used = rows[begin : begin + int(size.sum())]
        part[torch.arange(width) < size[:, None]] = torch.from_numpy(np.asarray(used)).long()
        begin += len(used)
    return tokens


def why_no_path(graph: Graph, row: list[int]) -> str:
    """Why a row `s t s ... t` is no path of the graph."""
    legal = graph.adjacency.numpy()

    def name(node: int) -> str:
        label = graph.labels[node]
        return label if label.isprintable() else shown(label)

    if row[2] != row[0]:
        return f"starts at {name(row[2])}, but its source is {name(row[0])}"
    for tail, head in pairwise(row[2:]):
        if not legal[tail, head]:
            return f"steps {name(tail)} -> {name(head)}, which is no edge"
    return f"ends at {name(row[-1])}, but its target is {name(row[1])}"


def write_alpine(path: str | Path, graph: Graph, tokens: Int[Tensor, "B L"]) -> None:
    """Write rows as ALPINE's text lines, END and padding left out.

    Where a label is not one word, commas separate the labels, which are quoted as in CSV.
    """
    vocab = Vocab(graph.n)
    vocab.check(tokens)
    plain = all(label.split() == [label] for label in graph.labels)
    bad = next((x for x in graph.labels if not x or x.strip() != x or not x.isprintable()), None)
    if bad is not None and not plain:
        raise InputError(
            f"the label {shown(bad)} is empty, or has spaces at its ends or invisible "
            "characters: rename the node"
        )
    rows = ([graph.labels[v] for v in row if v != vocab.end] for row in tokens.tolist())
    text = io.StringIO()
    if plain:
        text.writelines(" ".join(row) + "\n" for row in rows)
    else:
        csv.writer(text, lineterminator="\n").writerows(rows)
    write_atomically(Path(path), text.getvalue().encode())
