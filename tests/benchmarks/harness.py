"""Measures two ways of doing the same thing against each other, and says what was found.

A `Row` is one comparison. Both sides are timed in processor seconds of this process, taking turns
(ours, peer, peer, ours, ...), so that what else runs on the machine hits both alike; the ratio is
the median over the rounds of the paired ratio. A ratio counts only if the two do the same, so every
row has an equality check. Nothing here knows what is compared, or imports more than Python has.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Work:
    """What one timed call did: `amount` units of work, in `seconds` if it knows better."""

    amount: float = 1.0
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison.

    `ours` and `peer` do the work once and return what it was (None: one unit). `check` tells
    whether both do the same, and in a short sentence how that was seen. `unit` is a time for one
    unit of work (ms, s), a rate (anything that ends in /s), or %: the share that ours reaches of
    the peer's rate. The ratio says how many times faster ours is, unless `at_most`: then it is our
    cost in terms of the peer's, to be kept below the goal. `needs` are the modules of the peer;
    `lacks` says why neither side can run. What is slow runs in at most `rounds` rounds.
    """

    name: str
    ours: Callable[[], Work | None]
    peer: Callable[[], Work | None]
    check: Callable[[], tuple[bool, str]]
    peer_name: str
    unit: str = "ms"
    goal: float | None = None
    at_most: bool = False
    needs: tuple[str, ...] = ()
    lacks: str = ""
    note: str | Callable[[], str] = ""
    rounds: int | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What is known of a row in the end; the keys of the saved list."""

    name: str
    ours: float | None
    peer: float | None
    ratio: float | None
    equal: bool | None
    unit: str
    peer_name: str
    low: float | None
    high: float | None
    rounds: int
    goal: float | None
    reached: bool | None
    note: str
    what_is_equal: str


def absent(modules: Sequence[str]) -> str:
    """Which of these modules is not installed, as a note; empty if all are."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return f"absent: pip install {' '.join(missing)}" if missing else ""


def timed(side: Callable[[], Work | None]) -> tuple[float, float]:
    """Processor seconds and amount of work of one call, without garbage collection."""
    gc.collect()
    gc.disable()
    try:
        began = time.process_time()
        work = side() or Work()
        seconds = time.process_time() - began
    finally:
        gc.enable()
    return (seconds if work.seconds is None else work.seconds), work.amount


def alternate(sides: Sequence[Callable[[], Work | None]], rounds: int) -> list[list[float]]:
    """Seconds per unit of work, [side][round]; after a warm-up the order turns every round."""
    for side in sides:
        side()
    costs: list[list[float]] = [[0.0] * rounds for _ in sides]
    gc.collect()
    gc.freeze()  # what lives by now need not be looked through again before each call
    try:
        for turn in range(rounds):
            order = range(len(sides)) if turn % 2 == 0 else reversed(range(len(sides)))
            for which in order:
                seconds, amount = timed(sides[which])
                costs[which][turn] = max(seconds, 1e-9) / amount
    finally:
        gc.unfreeze()
    return costs


def paired(costs: Sequence[float], others: Sequence[float]) -> tuple[float, float, float]:
    """Median, lowest and highest over the rounds of others / costs."""
    ratios = [other / cost for cost, other in zip(costs, others, strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)


def in_unit(unit: str, cost: float) -> float:
    """Seconds per unit of work, as the row wants to say it."""
    if unit.endswith("/s"):
        return 1 / cost
    return cost * {"ms": 1e3, "s": 1.0}[unit]


def measure(row: Row, rounds: int) -> Result:
    """Run one row. What goes wrong in it is said in its result, where it counts as not equal."""
    try:
        return _measure(row, min(rounds, row.rounds or rounds))
    except Exception as error:  # the other rows are still of use
        return _result(row, equal=False, what_is_equal=f"failed: {type(error).__name__}: {error}")


def _measure(row: Row, rounds: int) -> Result:
    missing = absent(row.needs)
    if row.lacks:
        return _result(row, note=row.lacks)
    if missing:
        ours = statistics.median(alternate([row.ours], rounds)[0])
        said = None if row.unit == "%" else in_unit(row.unit, ours)
        return _result(row, ours=said, rounds=rounds, note=missing)
    ours, peer = alternate([row.ours, row.peer], rounds)
    ratio, low, high = paired(peer, ours) if row.at_most else paired(ours, peer)
    reached = None
    if row.goal is not None:
        reached = ratio <= row.goal if row.at_most else ratio >= row.goal
    cost, other = statistics.median(ours), statistics.median(peer)
    note = row.note() if callable(row.note) else row.note
    if row.unit == "%":
        shown = 100 * ratio, 100.0
        note = f"{1e-9 / cost:.1f} of {1e-9 / other:.1f} GFLOP per CPU-s; {note}".removesuffix("; ")
    else:
        shown = in_unit(row.unit, cost), in_unit(row.unit, other)
    equal, how = row.check()
    return _result(
        row,
        ours=shown[0],
        peer=shown[1],
        ratio=ratio,
        low=low,
        high=high,
        rounds=rounds,
        reached=reached,
        note=note,
        equal=bool(equal),
        what_is_equal=how,
    )


def _result(
    row: Row,
    *,
    ours: float | None = None,
    peer: float | None = None,
    ratio: float | None = None,
    low: float | None = None,
    high: float | None = None,
    rounds: int = 0,
    reached: bool | None = None,
    equal: bool | None = None,
    note: str = "",
    what_is_equal: str = "",
) -> Result:
    return Result(
        name=row.name,
        ours=ours,
        peer=peer,
        ratio=ratio,
        equal=equal,
        unit=row.unit,
        peer_name=row.peer_name,
        low=low,
        high=high,
        rounds=rounds,
        goal=row.goal,
        reached=reached,
        note=note,
        what_is_equal=what_is_equal,
    )


def number(value: float | None) -> str:
    """Three digits that matter, with thousands set apart; a dash for nothing."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


COLUMNS = ("row", "ours", "peer", "unit", "ratio", "low..high", "goal", "equal", "peer is")


def heading(rows: Sequence[Row]) -> str:
    """The first line of the table."""
    return _line(rows, COLUMNS)


def line(rows: Sequence[Row], row: Row, result: Result) -> str:
    """One line of the table, aligned with those of the other rows."""
    goal = "" if row.goal is None else f"{'<=' if row.at_most else '>='} {row.goal:g}"
    if result.reached is not None:
        goal += ", reached" if result.reached else ", not reached"
    spread = "-" if result.low is None else f"{number(result.low)}..{number(result.high)}"
    peer = "absent" if result.note.startswith("absent") else number(result.peer)
    equal = {True: "yes", False: "NO", None: "-"}[result.equal]
    cells = (
        row.name,
        number(result.ours),
        peer,
        row.unit,
        number(result.ratio),
        spread,
        goal,
        equal,
        row.peer_name,
    )
    return _line(rows, cells)


def _line(rows: Sequence[Row], cells: Sequence[str]) -> str:
    name = max(len(text) for text in ["row", *(row.name for row in rows)])
    unit = max(len(text) for text in ["unit", *(row.unit for row in rows)])
    widths = (-name, 9, 9, -unit, 7, 13, -18, -5, 0)
    parts = (f"{c:<{-w}}" if w < 0 else f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))
    return "  ".join(parts).rstrip()


def remarks(result: Result) -> list[str]:
    """What the table has no room for: how equality was seen, and the note."""
    lines = [f"  {result.name}"]
    if result.what_is_equal:
        lines.append(f"    {'equal' if result.equal else 'NOT EQUAL'}: {result.what_is_equal}")
    if result.note:
        lines.append(f"    note: {result.note}")
    return lines if len(lines) > 1 else []


def chosen(rows: Sequence[Row], only: Sequence[str]) -> list[Row]:
    """The rows whose name contains one of these texts; all if none is given."""
    wanted = [text.lower() for text in only]
    return [r for r in rows if not wanted or any(text in r.name.lower() for text in wanted)]


def run(rows: Sequence[Row], rounds: int, out: Path, *, say: Callable[[str], None] = print) -> int:
    """Measure every row, print the table, write the list; 1 if a row is not equal, else 0."""
    say(heading(rows))
    results = []
    for row in rows:
        results.append(measure(row, rounds))
        say(line(rows, row, results[-1]))
    say("")
    for result in results:
        for text in remarks(result):
            say(text)
    out.parent.mkdir(parents=True, exist_ok=True)
    saved = json.dumps([asdict(result) for result in results], indent=1) + "\n"
    out.write_text(saved, encoding="utf-8")
    say(f"\nWritten to {out}")
    wrong = [result for result in results if result.equal is False]
    for result in wrong:
        say(f"NOT EQUAL: {result.name}: {result.what_is_equal}")
    return 1 if wrong else 0
