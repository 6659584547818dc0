"""Whether a result that was made again is like the stored one.

On one machine it is the same to the digit. On another, sums are rounded in another order, and
training carries that far: single numbers move within their noise. So a number may differ from the
stored one by 0.1, or by 30 % where that is more. Logits are no shares: where Q-learning reads them
as values they count tens, so mean logits may differ by 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from planrl.experiments import store

NEAR, SHARE, NEAR_LOGIT = 0.1, 0.3, 0.5
ASIDE = ("facts", "matrices", "cells", "step")  # seconds, pictures and what is no measurement


def numbers(result: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """The measurements of a result by name; of what was measured on the way, the last value."""
    if isinstance(result, Mapping):
        for name, value in result.items():
            if name not in ASIDE and not name.endswith(("_by_degree", "_errors")):
                yield from numbers(value, f"{where}/{name}".lstrip("/"))
    elif isinstance(result, list) and result:
        spread = where.endswith(("logits/right", "logits/half", "logits/wrong"))  # after a mean
        yield from numbers(result[0 if spread else -1], where)
    elif isinstance(result, int | float) and not isinstance(result, bool):
        yield where, float(result)


def outside(result: Any, stored: Any) -> list[str]:
    """What differs by more than the band, in words; nothing if it is all like the stored one."""
    ours, theirs = dict(numbers(result)), dict(numbers(stored))
    found = [f"{name} is missing" for name in theirs if name not in ours]
    found += [f"{name} is not among the stored ones" for name in ours if name not in theirs]
    for name in ours.keys() & theirs.keys():
        given, known = ours[name], theirs[name]
        near = NEAR_LOGIT if "/logits/" in name else NEAR
        if not abs(given - known) <= max(near, SHARE * abs(known)) and not (
            math.isnan(given) and math.isnan(known)
        ):
            found.append(f"{name} is {given:.4g}, stored {known:.4g}")
    return sorted(found)


def against_stored(path: Path) -> list[str] | None:
    """What of a result lies outside the packaged one's band; None if there is none to compare.

    A packaged result that was made with other settings is none.
    """
    known = store.FOLDER / path.name
    if not known.exists() or known.resolve() == path.resolve():
        return None
    ours, theirs = store.read(path), store.read(known)
    if ours["study"] != theirs["study"]:
        return None
    return outside(ours["result"], theirs["result"])
