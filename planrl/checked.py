"""Values given by others: is it a whole number, a number in its range, a setting of its type?

Each function returns what it was given or raises InputError, which says what was expected.
"""

from __future__ import annotations

import math
import re
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

from planrl.errors import InputError


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
    said = [f"{word} {bound:,}" for word, bound in (("at least", least), ("at most", most))
            if bound is not None]  # fmt: skip
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
    fits = isinstance(value, Real) and not isinstance(value, bool) and _finite(value)
    if fits and (least is None or value >= least) and (most is None or value <= most):
        return float(value)
    raise InputError(
        f"{name}={shown(value)} was given: expected a finite number{_bounds(least, most)}"
    )


def _finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number too large for any float
        return False


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
        value = getattr(record, entry.name)
        given = value if many and isinstance(value, tuple | list) else [value]
        if not all(any(_is(one, kind) for kind in kinds) for one in given) or (
            many and (given is not value or (many[2] != ", ..." and len(given) != 2))
        ):
            wanted = " or ".join(_SAID.get(kind, kind) for kind in kinds)
            wanted = (
                f"a tuple{' of two' * (many[2] != ', ...')}, each of it {wanted}"
                if many
                else wanted
            )
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
    if kind == "int":
        return isinstance(value, Integral)
    try:
        return isinstance(value, Real) and not math.isnan(value)
    except OverflowError:
        return False
