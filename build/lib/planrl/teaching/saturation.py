"""How saturated is the base? What training changes, against how many updates made the base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from planrl.experiments.regimes import REGIMES
from planrl.figures.style import finish, style_of
from planrl.teaching.notebook import Told
from planrl.teaching.regime_figures import (
    GRAPHS,
    LAST,
    PG,
    SFT,
    base_updates,
    has,
    pages,
    subtitled,
)

UPDATES = REGIMES["S"].learners[SFT].steps
"""For how long the learners of regime S are trained; those of A are trained for longer."""


def rows() -> list[dict[str, Any]]:
    """For each base of regimes S and A what continual SFT and policy gradient change.

    Held-out accuracy, sampled, minus the base's: mean over the base's seeds. It is the mean of the
    last three evaluations, and for a longer run its evaluation nearest to UPDATES; "evaluated at"
    says when.
    """
    changes: dict[int, list[tuple[float, ...]]] = {}
    steps: dict[int, int] = {}
    for page in (one for regime in filter(has, "SA") for one in pages(regime)):
        found = [_change(page, name) for name in (SFT, PG)]
        changes.setdefault(base_updates(page), []).append(tuple(change for change, _ in found))
        steps[base_updates(page)] = found[0][1]
    return [
        {
            "base": at,
            **{name: sum(c[k] for c in some) / len(some) for k, name in enumerate((SFT, PG))},
            "evaluated at": steps[at],
            "seeds": len(some),
        }
        for at, some in sorted(changes.items())
    ]


def _change(page: Mapping[str, Any], learner: str) -> tuple[float, int]:
    """A learner's held-out accuracy minus the base's, and at which update it was measured."""
    found = page["result"]["learners"][learner]
    accuracy, steps = found["test_accuracy"], found["step"]
    at = min(range(len(steps)), key=lambda k: abs(steps[k] - UPDATES))
    some = accuracy[-LAST:] if at == len(steps) - 1 else [accuracy[at]]
    return sum(some) / len(some) - page["result"]["base"]["test_accuracy"], steps[at]


def figure() -> go.Figure:
    """Change of held-out accuracy, sampled, by continual SFT and policy gradient, for each base."""
    found = rows()
    drawn = go.Figure()
    for position, name in enumerate((SFT, PG)):
        colour, dash, symbol = style_of(name, position)
        drawn.add_scatter(
            x=[row["base"] for row in found],
            y=[round(row[name], 4) for row in found],
            mode="lines+markers",
            name=name,
            line={"color": colour, "dash": dash},
            marker={"color": colour, "symbol": symbol, "size": 9},
        )
    drawn.add_hline(y=0, line={"width": 1, "color": "#7F7F7F"})
    drawn.update_xaxes(title="updates of SFT that made the base", type="log")
    drawn.update_yaxes(title="change of held-out accuracy, sampled")
    drawn.update_layout(legend={"orientation": "h", "y": -0.25})
    said = "; ".join(
        f"base of {row['base']:,} updates: {SFT} {row[SFT]:+.3f}, "
        f"{PG} {row[PG]:+.3f} after {row['evaluated at']:,} updates, "
        f"{row['seeds']} seed{'s' * (row['seeds'] != 1)}"
        for row in found
    )
    alt = f"Change of held-out accuracy by how long the base was trained. {said}."
    first, last = found[0], found[-1]
    title = (
        f"Continual SFT: {first[SFT]:+.2f} from a base of {first['base']:,} updates, "
        f"{last[SFT]:+.2f} from {last['base']:,}"
    )
    return subtitled(finish(drawn, title, alt, 400), condition(found)).update_layout(margin_t=90)


def condition(found: list[dict[str, Any]]) -> str:
    """The graph, after how many updates, and the seeds, in words."""
    longest = max(found, key=lambda row: row["seeds"])
    others = sorted({row["seeds"] for row in found if row is not longest})
    seeds = f"base of {longest['base']:,}: {longest['seeds']} seeds, after "
    seeds += f"{longest['evaluated at']:,} updates"
    if others:
        many = " to ".join(dict.fromkeys(map(str, (others[0], others[-1]))))
        seeds += f"; others: {many} seed{'s' * (many != '1')}, {UPDATES:,}"
    return f"{GRAPHS['S']}; {seeds}"


def shown() -> go.Figure | Told:
    """The figure, once a base of regime S is stored; before, a sentence that says so."""
    if has("S"):
        return figure()
    (only,) = rows()
    return Told(
        f"Bases of other lengths (regime S) are not yet run. From the base of {only['base']:,} "
        f"updates, continual SFT changes held-out accuracy, sampled, by {only[SFT]:+.3f} and "
        f"policy gradient by {only[PG]:+.3f} after {only['evaluated at']:,} updates (mean "
        f"of {only['seeds']} seeds)."
    )


def _signed(value: float) -> str:
    """To two digits, with its sign; never -0.00."""
    return f"{round(value, 2) + 0.0:+.2f}"


def told() -> Told:
    """What more SFT alone would give of policy gradient's change, for each base in words."""
    said = "; ".join(
        f"{_signed(row[SFT])} of {_signed(row[PG])} (base of {row['base']:,})" for row in rows()
    )
    return Told(
        f"Continual SFT alone makes {said} of what policy gradient changes of held-out accuracy at "
        "T = 1. A gain from a base that is not saturated is no sign of exploration by itself."
    )
