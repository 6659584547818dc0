"""Figures of the exploration experiment: policy gradient and the same without its new paths."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import torch

from planrl.claims import interval
from planrl.figures import scatter
from planrl.figures.sliders import with_slider
from planrl.figures.style import finish, style_of
from planrl.teaching.regime_figures import (
    EXPLORATION,
    HOW,
    PAID,
    PG,
    best,
    condition,
    degree_values,
    ends,
    series,
    short,
    subtitled,
)


def new_paths(*, title: str, regime: str = "B") -> go.Figure:
    """Held-out accuracy, sampled, against the new correct paths rewarded in training so far.

    Only policy gradient with the full reward has any.
    """
    accuracy = {name: series(regime, name, "test_accuracy")[1].mean(0) for name in EXPLORATION[1:]}
    found = series(regime, PG, "new_paths")[1].mean(0)
    lines = {
        name: (found if name == PG else torch.zeros_like(found), right)
        for name, right in accuracy.items()
    }
    said = "; ".join(
        f"{name} ends with {new[-1]:,.0f} at {right[-1]:.3f}"
        for name, (new, right) in lines.items()
    )
    figure = scatter.trajectories(
        lines,
        title=title,
        alt="Held-out accuracy against new correct paths that were rewarded, mean over seeds, "
        f"{condition(regime)}. {said}.",
        x="rewarded paths that no demonstration shows, so far",
        y="held-out accuracy, sampled",
        y_range=(0.55, 0.92),
    )
    return subtitled(figure, condition(regime)).update_layout(margin_t=90)


def rows(regime: str) -> list[dict[str, Any]]:
    """What each method of EXPLORATION has at the end, a row each: held-out questions, and paths."""
    return [
        {
            "method": name,
            "sampled": short(ends(regime, name, "test_accuracy"), 3),
            "greedy": short(ends(regime, name, "test_greedy"), 3),
            "best temperature": short(best(regime, name), 3),
            "paths, training": short(ends(regime, name, "train_diversity"), 1),
        }
        for name in EXPLORATION
    ]


def ahead_at_equal_paths(regime: str) -> list[float]:
    """How far the control is below policy gradient's end when it has as many paths left.

    Held-out accuracy, sampled, one number a seed. Paths are distinct correct ones of training
    questions; between two evaluations of the control both numbers are taken to change evenly.
    """
    paths, right = (series(regime, PAID, key)[1] for key in ("train_diversity", "test_accuracy"))
    wanted, reached = (ends(regime, PG, key) for key in ("train_diversity", "test_accuracy"))
    return [
        own - _where(number.tolist(), accuracy.tolist(), left)
        for number, accuracy, left, own in zip(paths, right, wanted, reached, strict=True)
    ]


def _where(falling: list[float], values: list[float], level: float) -> float:
    """The value where a falling number first passes a level; the last one if it does not."""
    for k in range(1, len(falling)):
        if falling[k] <= level:
            share = (falling[k - 1] - level) / (falling[k - 1] - falling[k])
            return values[k - 1] + share * (values[k] - values[k - 1])
    return values[-1]


def by_degree(*, title: str, regime: str = "B") -> go.Figure:
    """Held-out accuracy of EXPLORATION at the end, overall and by degree, with 95 % intervals.

    A slider chooses sampled or greedy answers.
    """
    frames = {how: _by_degree(regime, title, how, key) for how, key in HOW.items()}
    return with_slider(frames, name="answers", start=next(iter(frames)))


def _by_degree(regime: str, title: str, how: str, key: str) -> go.Figure:
    figure, said = go.Figure(), []
    for position, name in enumerate(EXPLORATION):
        colour, _, symbol = style_of(name, position)
        found = degree_values(regime, name, key)
        means = {place: sum(values) / len(values) for place, values in found.items()}
        reach = [interval(values)[1] - means[place] for place, values in found.items()]
        figure.add_scatter(
            x=[k + 0.17 * (position - 1.5) for k in range(len(found))],
            y=[round(mean, 4) for mean in means.values()],
            error_y={"array": [round(r, 4) for r in reach], "color": colour, "thickness": 1.5},
            mode="markers",
            name=name,
            legendgroup=name,
            marker={"color": colour, "symbol": symbol, "size": 10},
            hovertemplate="%{y:.3f}",
        )
        said.append(f"{name}: " + ", ".join(f"{d} {v:.3f}" for d, v in means.items()))
    figure.update_xaxes(
        title="held-out questions",
        tickvals=list(range(len(found))),
        ticktext=list(found),
        range=[-0.5, len(found) - 0.5],
    )
    figure.update_yaxes(title=f"accuracy, {how}", range=[0, 1.02])
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    alt = f"Accuracy on held-out questions, {how}, mean and 95 % interval, {condition(regime)}. "
    finish(figure, title, f"{alt}{'; '.join(said)}.", 440)
    return subtitled(figure, condition(regime)).update_layout(margin_t=90)
