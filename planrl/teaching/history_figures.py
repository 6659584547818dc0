"""Figures and tables of chapter 16: what a path tells beyond its target and its last node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from statistics import fmean
from typing import Any

import plotly.graph_objects as go

from planrl.experiments.corridor import WANDERING
from planrl.experiments.store import results
from planrl.figures import charts
from planrl.figures.style import finish, style_of
from planrl.teaching.regime_figures import short

METHODS = {
    "SFT": "base",
    "more SFT": "sft",
    "policy gradient": "pg",
    "policy gradient, baseline": "pg_baseline",
    "policy gradient, process reward": "pg_checks",
    "Q-learning": "q",
    "Q-learning, no random steps": "q_calm",
    "SFT on paths that turn": "turns",
}
"""Method -> what its numbers are called in the results."""
WITH, WITHOUT = "with the key", "without the key"
Row = dict[str, Any]


@cache
def pages() -> list[dict[str, Any]]:
    """The stored results of the corridor, one per seed in their order, with those of controls."""
    found = []
    for of in ("seed", "controls"):
        pages = results("corridor", of=of)
        found.append(sorted(pages, key=lambda page: int(page["study"]["seed"])))
    return [
        {**page, "result": page["result"] | more["result"]}
        for page, more in zip(*found, strict=True)
    ]


def values(method: str, name: str) -> list[float]:
    """A number of a method for each seed."""
    return [float(page["result"][METHODS[method]][name]) for page in pages()]


def mean(method: str, name: str) -> float:
    """Its mean over seeds."""
    return fmean(values(method, name))


def condition() -> str:
    """Model, paths and number of seeds in words."""
    return (
        f"Transformer of one layer, {WANDERING} wandering paths of each kind, {len(pages())} seeds"
    )


def after_wandering(*, title: str) -> go.Figure:
    """Bars: how often each method goes the right way after wandering paths, by the key."""
    figure = charts.seed_bars(
        {
            WITH: {method: values(method, "with_key") for method in METHODS},
            WITHOUT: {method: values(method, "without_key") for method in METHODS},
        },
        title=title,
        about="Share of wandering paths after which the right one of two rooms is preferred",
        x="",
        y="goes the right way",
    )
    figure.add_hline(y=0.5, line={"dash": "dot", "width": 1})
    figure.update_xaxes(tickangle=35)  # an angle that depends on the width would move the rest
    figure.update_layout(title_subtitle_text=condition(), margin_t=90)
    return figure


def rows() -> list[Row]:
    """What each method answers, and where it goes after a wandering path without the key."""
    return [
        {
            "method": method,
            "questions, greedy": f"{mean(method, 'greedy'):.2f}",
            "goes back without the key": short(values(method, "without_key")),
            "goes on with it": short(values(method, "with_key")),
            "goes on without it after a step right": f"{mean(method, 'on_after_right'):.2f}",
            "after a step left": f"{mean(method, 'on_after_left'):.2f}",
        }
        for method in METHODS
    ]


def by_seed() -> list[Row]:
    """Every number of every method and seed, to be saved."""
    return [
        {"method": method, "seed": page["study"]["seed"], "measure": name, "value": value}
        for method, key in METHODS.items()
        for page in pages()
        for name, value in page["result"][key].items()
    ]


def in_time(paths: Mapping[str, Sequence[int]], *, title: str, marked: int) -> go.Figure:
    """Rooms against steps of some paths; the room `marked` is drawn as a line."""
    figure = go.Figure()
    for position, (name, rooms) in enumerate(paths.items()):
        colour, dash, symbol = style_of(name, position)
        figure.add_scatter(
            x=list(range(len(rooms))),
            y=list(rooms),
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash},
            marker={"color": colour, "symbol": symbol, "size": 9},
        )
    figure.add_hline(y=marked, line={"dash": "dot", "width": 1})
    figure.update_xaxes(title="steps", dtick=1)
    figure.update_yaxes(title="room", dtick=1)
    figure.update_layout(legend={"orientation": "h", "y": -0.25})
    told = "; ".join(f"{name}: {' '.join(map(str, rooms))}" for name, rooms in paths.items())
    return finish(figure, title, f"Rooms by step. {told}", 340)
