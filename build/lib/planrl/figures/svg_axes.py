"""The axes of a static picture: from values to pixels, and the ticks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass
class Axis:
    """From values to pixels along one direction."""

    low: float
    high: float
    start: float
    end: float
    names: list[str]
    log: bool = False

    def at(self, value: Any) -> float:
        """Where a number or the name of a category is."""
        if self.names:
            value = self.names.index(str(value)) if not isinstance(value, float) else value
        elif self.log:
            value = math.log10(value)
        share = (float(value) - self.low) / ((self.high - self.low) or 1.0)
        return self.start + share * (self.end - self.start)

    def within(self, value: float) -> float:
        """The same, but not beyond the ends of the axis."""
        low, high = sorted((self.low, self.high))
        if self.log and value <= 0:
            return self.start
        inner = math.log10(value) if self.log else value
        cut = min(max(inner, low), high)
        return self.at(10.0**cut if self.log else cut)

    def ticks(self, given: Json) -> list[tuple[float, str]]:
        """Positions in pixels and their labels."""
        if given.get("tickvals") is not None:
            values = list(given["tickvals"])
            words = given.get("ticktext") or values
            return [(self.at(v), str(w)) for v, w in zip(values, words, strict=True)]
        if self.names:
            skip = max(1, -(-len(self.names) // 20))
            return [(self.at(name), name) for name in self.names[::skip]]
        if self.log:
            powers = range(math.ceil(self.low), math.floor(self.high) + 1)
            return [(self.at(10.0**k), f"{10.0**k:,g}") for k in powers]
        low, high = sorted((self.low, self.high))
        step = 10.0 ** math.floor(math.log10((high - low) / 4 or 1.0))
        step *= next(m for m in (1, 2, 5, 10) if (high - low) / (m * step) <= 6)
        first = math.ceil(low / step - 1e-9)
        shown = [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]
        return [(self.at(float(v)), f"{round(v, 10):,g}") for v in shown]


def categories(given: Json, traces: Sequence[Json], of: str) -> list[str]:
    """The names on an axis, if it has names."""
    every = [v for trace in traces for v in values(trace, of) if isinstance(v, str)]
    return list(dict.fromkeys(str(v) for v in given.get("categoryarray") or every))


def axis_of(given: Json, shown: Sequence[Any], pixels: tuple[float, float], room: float) -> Axis:
    """The axis of these values: categories if any is text, else numbers."""
    shown = [v for v in shown if v is not None]
    names: list[str] = []
    if given.get("type") == "category" or any(isinstance(v, str) for v in shown):
        names = list(dict.fromkeys(str(v) for v in given.get("categoryarray") or shown))
        low, high = -0.5, len(names) - 0.5
    else:
        low, high = min(shown, default=0.0), max(shown, default=1.0)
        if given.get("type") == "log":
            low, high = math.log10(low), math.log10(high)
        pad = room * ((high - low) or 1.0)
        low, high = low - pad, high + pad
        if given.get("rangemode") == "tozero":
            low = min(0.0, low + pad)
    if given.get("range"):
        low, high = given["range"]
    elif given.get("autorange") == "reversed":
        low, high = high, low
    return Axis(low, high, *pixels, names, given.get("type") == "log")


def listed(trace: Json, of: str) -> list[Any]:
    """The values of a trace in one direction; numbers from 0 where it gives none."""
    given = trace.get(of)
    return list(range(len(trace.get("y") or ()))) if given is None else list(given)


def values(trace: Json, of: str) -> list[Any]:
    """What an axis must show of a trace: for bars also their feet, for matrices their edges."""
    if trace.get("type") == "heatmap":
        names = trace.get(of)
        if names is not None:
            return list(names)
        return [-0.5, (len(trace["z"][0]) if of == "x" else len(trace["z"])) - 0.5]
    found = listed(trace, of)
    along = "x" if trace.get("orientation") == "h" else "y"
    if trace.get("type") == "bar" and of == along:
        bases = trace.get("base") or [0.0] * len(found)
        found = [*bases, *(base + v for base, v in zip(bases, found, strict=True))]
    error = (trace.get(f"error_{of}") or {}).get("array")
    if error and not any(isinstance(v, str) for v in found):
        found += [v + e for v, e in zip(found, error, strict=False)]
    return found
