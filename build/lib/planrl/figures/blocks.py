"""Blocksworld drawn as blocks on a table: a state, or plans played side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from planrl.domains import State
from planrl.errors import InputError
from planrl.figures.sliders import with_slider
from planrl.figures.style import finish, plain_text, square_panels

DARK = {"#0072B2", "#D55E00"}  # white reads on these; on the others black does
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
GREY = "#7F7F7F"
NOTHING = "\u00a0"  # a text that is empty is drawn once and not again
HALF = 0.46  # of a block's width


def _positions(current: State) -> dict[str, tuple[float, float]]:
    """The position of each block: a stack has the column of its lowest block."""
    columns = {block: column for column, block in enumerate(current.blocks)}
    positions = {}
    for stack in current.stacks:
        for height, block in enumerate(stack):
            positions[block] = (float(columns[stack[0]]), height + 0.5)
    if current.holding:
        positions[current.holding] = (float(columns[current.holding]), len(columns) + 0.9)
    return positions


def _traces(current: State, below: str = "") -> list[go.Scatter]:
    """One trace per block, then the letters, the table and a line of text under it."""
    positions, blocks = _positions(current), current.blocks
    traces: list[Any] = []
    quiet = {"hoverinfo": "skip", "showlegend": False}
    for number, block in enumerate(blocks):
        x, y = positions[block]
        traces.append(
            go.Scatter(
                x=[x - HALF, x + HALF, x + HALF, x - HALF, x - HALF],
                y=[y - HALF, y - HALF, y + HALF, y + HALF, y - HALF],
                mode="lines",
                fill="toself",
                fillcolor=COLOURS[number % len(COLOURS)],
                line={"color": "white", "width": 1},
                name=plain_text(block),
                **quiet,
            )
        )
    letters = ["white" if COLOURS[n % len(COLOURS)] in DARK else "#111" for n in range(len(blocks))]
    traces.append(
        go.Scatter(
            x=[positions[b][0] for b in blocks],
            y=[positions[b][1] for b in blocks],
            text=[plain_text(b) for b in blocks],
            mode="text",
            textfont={"color": letters, "size": 18},
            name="letters",
            **quiet,
        )
    )
    return [*traces, *_table(len(blocks), below, quiet)]


def _table(width: int, below: str, quiet: Mapping[str, Any]) -> list[go.Scatter]:
    """The table, and the line of text under it."""
    table = go.Scatter(
        x=[-0.7, width - 0.3],
        y=[0, 0],
        mode="lines",
        line={"color": GREY, "width": 3},
        name="table",
        **quiet,
    )
    action = go.Scatter(
        x=[(width - 1) / 2],
        y=[-0.55],
        mode="text",
        text=[plain_text(below) or NOTHING],
        textfont={"size": 14, "color": GREY},
        name="action",
        **quiet,
    )
    return [table, action]


def draw_state(current: State, *, title: str = "") -> go.Figure:
    """A state as blocks on a table; a held block hangs above."""
    alt = f"Blocks: {current}, stacks from the bottom up"
    return _drawn({str(current): (current, "")}, title, alt, height=300)


def _drawn(
    panels: Mapping[str, tuple[State, str]], title: str, alt: str, height: int = 420
) -> go.Figure:
    figure = make_subplots(
        1,
        len(panels),
        subplot_titles=[plain_text(name) for name in panels],
        horizontal_spacing=0.06,
    )
    for column, (current, below) in enumerate(panels.values(), 1):
        for trace in _traces(current, below):
            figure.add_trace(trace, row=1, col=column)
    most = max(len(current.blocks) for current, _ in panels.values())
    figure.update_xaxes(visible=False, range=[-0.8, most - 0.2])
    figure.update_yaxes(visible=False, range=[-0.9, most + 1.5])
    square_panels(figure, len(panels))
    return finish(figure, title, alt, height)


def play(
    plans: Mapping[str, Sequence[State]],
    *,
    title: str,
    actions: Mapping[str, Sequence[str]] | None = None,
) -> go.Figure:
    """Plans played side by side, a slider for the step; ended plans keep their last state.

    `plans` maps a name to the states it goes through, the start first; `actions`, if given, to what
    is done between them, so one fewer. Raises InputError if a plan is empty or these do not fit.
    """
    if not plans or not all(plans.values()):
        raise InputError("play needs at least one plan, and each at least the state it starts in")
    told = actions or {}
    for name, done in told.items():
        if name not in plans or len(done) != len(plans[name]) - 1:
            raise InputError(
                f"actions of {name!r}: give one for each step of its plan, "
                f"{len(plans.get(name, [1])) - 1}, not {len(done)}"
            )
    longest = max(map(len, plans.values()))
    lengths = ", ".join(f"{name} {len(states) - 1} steps" for name, states in plans.items())
    frames = {}
    for step in range(longest):
        panels = {}
        for name, states in plans.items():
            at = min(step, len(states) - 1)
            below = told[name][at - 1] if at and name in told else ""
            panels[f"{name}: {len(states) - 1} steps"] = states[at], below
        frames[str(step)] = _drawn(panels, title, f"Plans played side by side: {lengths}.")
    return with_slider(frames, name="step", start="0")
