"""When results were made: each result says it itself; of older ones a list has their commits.

A prediction counts only if it was committed before the run, so both dates stand on its card. The
first results of the regimes carry no date; `results/dates.toml` has the time at which each of them
was committed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from planrl.errors import InputError

FILE = "dates.toml"
"""The list's name in a folder of results."""


def now() -> str:
    """The time at which a result is made, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def made_at(page: Mapping[str, Any], path: Path) -> datetime | None:
    """When a result was made or, if it doesn't say so, committed; None if nobody knows."""
    own = page.get("made_with", {}).get("date")
    if own is None:
        return _listed(path.parent).get(path.name)
    try:
        return datetime.fromisoformat(own).astimezone(UTC)
    except (TypeError, ValueError):
        raise InputError(f"made_with in {path} has the date {own!r}, which is none") from None


@cache
def _listed(folder: Path) -> dict[str, datetime]:
    path = folder / FILE
    if not path.exists():
        return {}
    dates = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: value.astimezone(UTC) for name, value in dates.items()}
