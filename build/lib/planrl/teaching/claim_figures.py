"""Claims seed by seed: the value of each seed, the mean with its interval, the prediction."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import plotly.graph_objects as go

from planrl.claims import Condition, Verdict
from planrl.claims.verdict import Finding
from planrl.errors import InputError
from planrl.figures.sliders import with_slider
from planrl.figures.style import STYLES, faded, finish, plain_text

LINE = 46  # letters of a claim in one line on a phone
ROW = 30  # and of a condition
TIMES = 15  # numbers larger than others by this factor get their own axis
Measured = list[tuple[Condition, Finding]]


def by_seed(found: Sequence[Verdict], *, start: str = "") -> go.Figure:
    """One claim at a time, a row for each condition: seeds faint, their mean strong with its 95 %
    interval (Student's t), the prediction as a grey bar. Conditions whose numbers differ much in
    size have figures of their own.

    `start` is the id of the claim shown first. Claims without any result are left out.
    Raises InputError if none has one, or none has this id.
    """
    shown = {one.claim.id: one for one in found if any(f.values for f in one.findings)}
    if not shown:
        raise InputError("no claim has a result yet: make some with `python -m planrl reproduce`")
    if start and start not in shown:
        raise InputError(f"start={start!r} is no claim with a result: {', '.join(shown)}")
    frames, first = {}, ""
    for name, one in shown.items():
        views = _alike(one)
        for number, pairs in enumerate(views, 1):
            part = f", {number} of {len(views)}" if len(views) > 1 else ""
            label = f"{name}{part} ({one.told}): {one.claim.statement}"
            frames[label] = _one(one, pairs)
            if name == start:
                first = first or label
    return with_slider(frames, name="claim", start=first or None)


def one_claim(verdict: Verdict, *, title: str) -> go.Figure:
    """One claim, seed by seed, without a choice: its conditions whose numbers are alike in size.

    Raises InputError if the claim has no result.
    """
    views = _alike(verdict)
    if not views:
        raise InputError(
            f"claim {verdict.claim.id} has no result yet: `python -m planrl reproduce`"
        )
    said = "; ".join(
        f"{f.condition}: mean {f.mean:.3f}, 95 % interval {f.interval[0]:.3f} to "
        f"{f.interval[1]:.3f}, {len(f.values)} seeds, {f.told}"
        for _, f in views[0]
    )
    figure = _one(verdict, views[0])
    return finish(figure, title, f"{verdict.claim.measured}. {said}.", 460)


def _alike(verdict: Verdict) -> list[Measured]:
    """The conditions that have numbers, grouped by the size of the numbers."""
    groups: list[tuple[float, Measured]] = []
    for condition, finding in zip(verdict.claim.conditions, verdict.findings, strict=True):
        if not finding.values:
            continue
        bounds = [bound for bound in (condition.low, condition.high) if math.isfinite(bound)]
        size = max(map(abs, (*finding.values, *bounds)))
        for other, pairs in groups:
            if max(size, other) <= TIMES * min(size, other):
                pairs.append((condition, finding))
                break
        else:
            groups.append((size, [(condition, finding)]))
    return [pairs for _, pairs in groups]


def _one(verdict: Verdict, pairs: Measured) -> go.Figure:
    claim = verdict.claim
    models = {finding.model for _, finding in pairs}
    said = [_said(finding, model=len(models) > 1) for _, finding in pairs]
    rows = ["<br>".join(textwrap.wrap(plain_text(one), ROW)) for one in said]
    measured = f"{claim.measured} ({models.pop()})" if len(models) == 1 else claim.measured
    low, high = _range(pairs)
    figure = go.Figure()
    _draw_predicted(figure, rows, pairs, low, high)
    _draw_measured(figure, rows, pairs)
    figure.update_xaxes(title=plain_text(measured), range=[low, high])
    figure.update_yaxes(
        type="category",
        categoryarray=rows,
        categoryorder="array",
        range=[len(rows) - 0.5, -0.5],
        automargin=True,
        showgrid=False,
    )
    figure.add_annotation(
        text="<br>".join(textwrap.wrap(plain_text(claim.statement), LINE)),
        showarrow=False,
        x=0,
        xref="paper",
        xanchor="left",
        y=1,
        yref="paper",
        yanchor="bottom",
        align="left",
    )
    figure.update_layout(legend={"orientation": "h", "y": -0.3})
    alt = (
        "One claim at a time: each seed's number, their mean with its interval, and the "
        "prediction. The file below holds every number"
    )
    return finish(figure, "Every claim, seed by seed", alt, 460)


def _draw_predicted(
    figure: go.Figure, rows: list[str], pairs: Measured, low: float, high: float
) -> None:
    """Add the range that the claim predicts, a bar for each row."""
    ink = STYLES["prediction"][0]
    figure.add_bar(
        y=rows,
        orientation="h",
        width=0.8,
        name="predicted",
        hoverinfo="skip",
        base=[max(condition.low, low) for condition, _ in pairs],
        x=[_wide(condition, low, high) for condition, _ in pairs],
        marker={"color": faded(ink, 0.3), "line": {"color": ink, "width": 1}},
    )


def _draw_measured(figure: go.Figure, rows: list[str], pairs: Measured) -> None:
    """Add each seed's number, and the mean with its interval, for each row."""
    colour = STYLES["SFT"][0]
    figure.add_scatter(
        x=[value for _, finding in pairs for value in finding.values],
        y=[row for row, (_, finding) in zip(rows, pairs, strict=True) for _ in finding.values],
        mode="markers",
        name="a seed",
        marker={"color": faded(colour, 0.5), "size": 8},
        text=[name for _, finding in pairs for name in _names(finding)],
    )
    ends = [(finding.mean, *finding.interval) for _, finding in pairs]
    figure.add_scatter(
        x=[mean for mean, *_ in ends],
        y=rows,
        mode="markers",
        name="mean, 95 % interval",
        marker={"color": colour, "symbol": "diamond", "size": 11},
        error_x={
            "type": "data",
            "symmetric": False,
            "color": colour,
            "thickness": 2,
            "width": 6,
            "array": [most - mean for mean, _, most in ends],
            "arrayminus": [mean - least for mean, least, _ in ends],
        },
    )


def _names(finding: Finding) -> list[str]:
    """The name of each value's dot."""
    return [f"seed {seed}" for seed in finding.seeds] or ["a seed"] * len(finding.values)


def _said(finding: Finding, *, model: bool) -> str:
    """A condition in words, with its verdict."""
    return f"{finding.condition}{f' ({finding.model})' * model}: {finding.told}"


def _range(pairs: Measured) -> tuple[float, float]:
    """The range of all numbers and bounds, with a margin, also around a single number."""
    numbers = [
        value
        for condition, finding in pairs
        for value in (*finding.values, *finding.interval, condition.low, condition.high)
        if math.isfinite(value)
    ]
    low, high = min(numbers), max(numbers)
    room = 0.08 * (high - low) or 0.1 * max(abs(high), 1e-12)
    return low - room, high + room


def _wide(condition: Condition, low: float, high: float) -> float:
    """The width of the prediction within the axis; a single number gets a visible width."""
    return max(min(condition.high, high) - max(condition.low, low), 0.012 * (high - low))
