"""Figures and tables of the study of wrong checks, from all its seeds that are stored."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from statistics import fmean
from typing import Any

import plotly.graph_objects as go
import torch

from planrl.experiments import noise
from planrl.experiments.store import results
from planrl.figures import charts
from planrl.figures.style import style_of
from planrl.objectives.noisy import Checks, legal_distance
from planrl.teaching.regime_figures import short

CLEAN, NOISY = "all checks right", "5 % wrong"
CORRECTED = {
    "as they are": "plain",
    "divided by 1 - a - m": "corrected",
    "majority of nine": "majority",
}
"""What is done with wrong checks -> what its numbers are called in the results."""


@cache
def pages() -> list[dict[str, Any]]:
    """The stored results, one per seed in their order."""
    return sorted(results("noise"), key=lambda page: int(page["study"]["seed"]))


def values(part: str, name: str) -> list[float]:
    """A number of one part for each seed."""
    return [float(page["result"][part][name]) for page in pages()]


def mean(part: str, name: str) -> float:
    """Its mean over seeds."""
    return fmean(values(part, name))


def condition() -> str:
    """Model, loss and number of seeds in words."""
    return f"linear Transformer, undiscounted Q-learning, rewards of 10, {len(pages())} seeds"


def _bars(
    part: str, names: Mapping[str, Mapping[str, str]], *, title: str, x: str, y: str
) -> go.Figure:
    """Bars of numbers of one part, {name: {category: number}}; whiskers over all seeds."""
    figure = charts.seed_bars(
        {
            name: {words: values(part, key) for words, key in some.items()}
            for name, some in names.items()
        },
        title=title,
        about=f"{y}, {condition()}",
        x=x,
        y=y,
    )
    subtitle = f"linear Transformer, rewards of 10; {len(pages())} seeds, whiskers: all"
    return figure.update_layout(title_subtitle={"text": subtitle})


def wrong_checks_on_blocks(*, title: str) -> go.Figure:
    """Greedy accuracy on four blocks with right and with wrong checks, learnt and by formula."""
    names = {
        words: {"learnt": f"greedy_{key}", "by the formula": f"greedy_told_{key}"}
        for words, key in ((CLEAN, "clean"), (NOISY, "noisy"))
    }
    return _bars("helps", names, title=title, x="values", y="greedy accuracy")


def bridge(*, title: str) -> go.Figure:
    """Accuracy by the share of steps that are checked: greedy, sampled, sampled by formula."""
    names = {
        words: {f"{rho:g}": f"{key}_{rho:g}" for rho in noise.SHARES}
        for words, key in (
            ("greedy", "greedy"),
            ("sampled", "sampled"),
            ("sampled, by the formula", "sampled_told"),
        )
    }
    return _bars("bridge", names, title=title, x="share of steps that are checked", y="accuracy")


def boundary(*, title: str) -> go.Figure:
    """Greedy accuracy by distance on three blocks, and where the formula says that it ends."""
    groups, limits = {}, {}
    for a, m in noise.GRID:
        name = f"a {a:g}, m {m:g}"
        curves = [page["result"]["fresh"][f"curve_{a:g}"] for page in pages()]
        groups[name] = (list(range(1, len(curves[0]) + 1)), torch.tensor(curves))
        limits[name] = legal_distance(Checks(false_alarm=a, miss=m))
    told = "; ".join(
        f"{name}, boundary {limits[name]:.2f}: "
        + ", ".join(f"{float(v):.2f}" for v in found.mean(0))
        for name, (_, found) in groups.items()
    )
    figure = charts.range_figure(
        groups,
        title=title,
        alt=f"Greedy accuracy at distances 1 to 4, three blocks, {condition()}. {told}",
        x="distance of the question, in steps",
        y="greedy accuracy",
        y_range=(-0.04, 1.08),
        height=420,
    )
    figure.update_traces(mode="lines+markers", selector=lambda trace: trace.name in groups)
    for position, (name, limit) in enumerate(limits.items()):
        colour = style_of(name, position)[0]
        figure.add_shape(
            type="line",
            x0=limit,
            x1=limit,
            y0=0,
            y1=1,
            yref="y domain",
            line={"dash": "dot", "width": 2, "color": colour},
        )
    figure.update_xaxes(range=[0.9, 4.7], dtick=1)
    subtitle = f"dotted: predicted boundaries; mean and range of {len(pages())} seeds"
    return figure.update_layout(title_subtitle={"text": subtitle})


def correction_rows() -> list[dict[str, str]]:
    """A row for each remedy: greedy and sampled accuracy with their 95 % intervals."""
    return [
        {
            "checks": words,
            "greedy": short(values("corrections", f"greedy_{key}"), 3),
            "sampled": short(values("corrections", f"sampled_{key}"), 3),
            "sampled, by the formula": f"{mean('corrections', f'sampled_told_{key}'):.3f}",
        }
        for words, key in CORRECTED.items()
    ]


def by_seed(part: str) -> list[dict[str, Any]]:
    """A row for each seed with all numbers of one part, for a file."""
    return [
        {"seed": int(page["study"]["seed"])}
        | {name: value for name, value in page["result"][part].items() if value is not None}
        for page in pages()
    ]


def by_distance() -> list[dict[str, Any]]:
    """A row for each noise, seed and distance with the greedy accuracy, for a file."""
    return [
        {
            "a": a,
            "m": m,
            "seed": int(page["study"]["seed"]),
            "distance": steps,
            "greedy accuracy": value,
        }
        for a, m in noise.GRID
        for page in pages()
        for steps, value in enumerate(page["result"]["fresh"][f"curve_{a:g}"], 1)
    ]
