"""The errors planrl raises on purpose, and the checks of arguments that raise them.

An error says what was given, what was expected, and what to write.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import fields
from numbers import Integral, Real
from operator import index
from typing import Any

import numpy as np


class InputError(ValueError):
    """Something given to planrl (an argument, a file, a setting) is not what it needs."""


class TrainingError(RuntimeError):
    """A run cannot go on; the model keeps the last parameters that were good."""


class SweepError(RuntimeError):
    """A run of a sweep failed; its settings are in the message, what it raised is the cause."""


def shown(value: object, most: int = 60) -> str:
    """A value as an error shows it: as Python writes it, on one line, not too long."""
    if isinstance(value, str | bytes):
        text = repr(value[: most + 1])
    elif isinstance(value, Integral) and abs(int(value)) >= 10**most:
        text = "a number of very many digits"
    else:
        text = " ".join(repr(value).split())
    return text if len(text) <= most + 2 else f"{text[:most]}..."


def _bounds(least: float | None, most: float | None) -> str:
    given = {"at least": least, "at most": most}
    said = [f"{word} {bound:,}" for word, bound in given.items() if bound is not None]
    return f", {' and '.join(said)}" if said else ""


def whole(value: Any, name: str, *, least: int | None = None, most: int | None = None) -> int:
    """A whole number within bounds."""
    fits = isinstance(value, Integral) and not isinstance(value, bool)
    if fits and (least is None or value >= least) and (most is None or value <= most):
        return int(value)
    raise InputError(
        f"{name}={shown(value)} was given: expected a whole number{_bounds(least, most)}"
    )


def number(
    value: Any, name: str, *, least: float | None = None, most: float | None = None
) -> float:
    """A finite number within bounds."""
    fits = math.isfinite(_float(value))
    if fits and (least is None or value >= least) and (most is None or value <= most):
        return float(value)
    raise InputError(
        f"{name}={shown(value)} was given: expected a finite number{_bounds(least, most)}"
    )


def _float(value: Any) -> float:
    """A number as a float; nan for anything else, and for one too large for any float."""
    try:
        return float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.nan


_SAID = {"int": "a whole number", "float": "a number", "bool": "True or False", "str": "text"}


def check_fields(record: Any) -> None:
    """Raise InputError unless each plain field of a settings record has the type it declares.

    Numbers may be infinite here, but not nan; ranges are the record's own to check.
    """
    for entry in fields(record):
        many = re.fullmatch(r"tuple\[(int|float)(, \1|, \.\.\.)\]", str(entry.type))
        kinds = [many[1]] if many else str(entry.type).split(" | ")
        if not set(kinds) <= {*_SAID, "None"}:
            continue
        value, wanted = getattr(record, entry.name), " or ".join(_SAID.get(k, k) for k in kinds)
        given, right = [value], True
        if many:
            two = many[2] != ", ..."
            wanted = f"a tuple{' of two' * two}, each of it {wanted}"
            right = isinstance(value, tuple | list) and not (two and len(value) != 2)
            given = list(value) if right else []
        if not (right and all(any(_is(one, kind) for kind in kinds) for one in given)):
            raise InputError(
                f"{type(record).__name__}: {entry.name}={shown(value)} was given: expected {wanted}"
            )


def _is(value: Any, kind: str) -> bool:
    if kind == "None":
        return value is None
    if kind == "str":
        return isinstance(value, str)
    if kind == "bool" or isinstance(value, bool):
        return kind == "bool" and isinstance(value, bool)
    return isinstance(value, Integral) if kind == "int" else not math.isnan(_float(value))


def sorted_pairs(n: int, edges: Any) -> list[tuple[int, int]]:
    """The different edges in order. Raises an error for what is no edge between n nodes."""
    shape = getattr(edges, "shape", None)
    if shape is not None:
        edges = _rows(edges, list(shape))
    elif not isinstance(edges, Sequence):
        edges = list(edges)
    if len(edges) == 2 and all(isinstance(row, Sequence) and len(row) > 2 for row in edges):
        raise InputError(
            "edges has two rows, sources and targets: expected pairs (from, to), "
            "as zip(*edges) makes them"
        )
    try:
        array = np.asarray(edges)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0)  # what is wrong is said below
    if array.dtype.kind == "i" and array.ndim == 2 and array.shape[1] == 2:
        source, target = array.astype(np.int64).T
        if array.min() >= 0 and array.max() < n and (source != target).all():
            source, target = np.divmod(np.unique(source * n + target), n)
            nodes = list(range(n))  # so that equal numbers are one object in memory
            return [(nodes[a], nodes[b]) for a, b in zip(source.tolist(), target.tolist())]  # noqa: B905
    pairs = sorted({(index(a), index(b)) for a, b in edges})
    for a, b in pairs:
        if not (0 <= a < n and 0 <= b < n):
            raise InputError(
                f"edge {shown(a)} -> {shown(b)} names a node that does not exist: the nodes "
                f"are 0 .. {n - 1}"
            )
        if a == b:
            raise InputError(
                f"edge {a} -> {b} is a self-loop; a planning graph has none: remove it"
            )
    return pairs


def _rows(edges: Any, shape: list[int]) -> Any:
    """The rows of a tensor or an array of edges."""
    if 0 in shape:
        return []
    if len(shape) != 2 or shape[1] != 2:
        hint = "for an adjacency matrix, write matrix.nonzero() or np.argwhere(matrix)"
        if len(shape) == 2 and shape[0] == 2:
            hint = "write edges.T"
        raise InputError(
            f"edges has shape {shape}: expected [E, 2], a pair (from, to) in each row ({hint})"
        )
    if not isinstance(edges, np.ndarray):
        edges = np.asarray(edges.tolist() if hasattr(edges, "tolist") else edges)
    if edges.dtype == bool:
        raise InputError("edges holds True and False: expected the numbers of nodes (from, to)")
    return edges
