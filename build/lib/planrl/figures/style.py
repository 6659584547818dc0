"""The style of the book's figures: a colour, dash and marker for each algorithm, and titles."""

from __future__ import annotations

import html
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

# One colour, dash and marker for each algorithm, the same in every chapter (Okabe and Ito's
# colours, which the colour-blind tell apart; dash and marker serve those who print in grey).
STYLES: dict[str, tuple[str, str, str]] = {
    "SFT": ("#0072B2", "solid", "circle"),
    "base": ("#0072B2", "solid", "circle"),
    "continual SFT": ("#56B4E9", "dot", "circle-open"),
    "policy gradient": ("#D55E00", "solid", "square"),
    "policy gradient, paid for demonstrated paths": ("#AA4466", "dashdot", "cross"),
    "policy gradient + KL": ("#E69F00", "dash", "diamond"),
    "policy gradient + KL 0.1": ("#E69F00", "dash", "diamond"),
    "Q-learning": ("#009E73", "solid", "triangle-up"),
    "Q-learning, discount 0.9": ("#1B9E9E", "dash", "diamond-open"),
    "Q-learning, off-policy": ("#009E73", "dot", "triangle-down"),
    "Q-learning, process reward": ("#009E73", "solid", "triangle-up"),
    "Q-learning, outcome reward": ("#CC79A7", "dashdot", "x"),
    "Q-learning, process reward, off-policy": ("#009E73", "dot", "triangle-down"),
    "Q-learning, process reward, discount 0.9": ("#1B9E9E", "dash", "diamond-open"),
    "Q-learning, process reward, off-policy, discount 0.9": (
        *("#66A61E", "dashdot", "triangle-down-open"),
    ),
    "policy gradient + KL 0.0001": ("#A0522D", "dot", "square-open"),
    "policy gradient + KL 0.001": ("#B35FB0", "dashdot", "cross"),
    "policy gradient + KL 0.01": ("#7570B3", "dot", "diamond-open"),
    "policy gradient + KL 1": ("#8C8C00", "longdash", "hexagon-open"),
    "soft Q-learning": ("#8E44AD", "solid", "diamond"),
    "truth": ("#7F7F7F", "solid", "circle"),
    "prediction": ("#7F7F7F", "dash", "circle-open"),
}
_OTHERS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES = ("solid", "dash", "dot", "dashdot")

# From the background to blue, and orange - background - blue: both read on white and on black.
RISING = [[0.0, "rgba(0,114,178,0.06)"], [1.0, "rgba(0,114,178,1)"]]
DIVERGING = [[0.0, "#D55E00"], [0.5, "rgba(127,127,127,0.12)"], [1.0, "#0072B2"]]

# Replacements on a dark page for colours that are too dark there (contrast 4.5 to 1 or more).
ON_DARK = {
    "#0072B2": "#2E8FDB",
    "#A0522D": "#C97A50",
    "#7570B3": "#9591DB",
    "#AA4466": "#D9779A",
    "#8E44AD": "#BE8FD6",
}

# Without it, plotly shows buttons that lead to its server; one of them sends the data.
AT_HOME: dict[str, Any] = {"showSendToCloud": False, "plotlyServerURL": "", "displaylogo": False}


def plain_text(text: object) -> str:
    """Text from a file or user without markup: plotly would read <b> and <a> as tags."""
    return html.escape(str(text), quote=False)


def style_of(name: str, position: int) -> tuple[str, str, str]:
    """Colour, dash and marker of an algorithm; other names get theirs by position."""
    return STYLES.get(name, (_OTHERS[position % 6], _DASHES[position % 4], "circle"))


def finish(figure: go.Figure, title: str, alt: str, height: int, **meta: Any) -> go.Figure:
    """Give a figure its title, text alternative, height and the common style."""
    figure.update_layout(
        template="plotly_white",
        title={"text": title, "x": 0, "xref": "paper", "font": {"size": 16}},
        height=height,
        margin={"l": 60, "r": 20, "t": 60, "b": 50},
        meta={"alt": alt, **meta},
        hoverlabel={"namelength": -1},
    )
    return figure


def square_panels(figure: go.Figure, panels: int) -> None:
    """Give the first `panels` panels of a figure the same scale along x and y."""
    for position in range(panels):
        axis = "" if position == 0 else str(position + 1)
        figure.update_yaxes(scaleanchor=f"x{axis}", selector={"anchor": f"x{axis}"})


def faded(colour: str, opacity: float) -> str:
    """A colour `#rrggbb` made transparent."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def keep_figures_at_home() -> None:
    """Remove the buttons that lead to plotly's server from all figures of this process."""
    for name in pio.renderers:
        config = getattr(pio.renderers[name], "config", None)
        if config is not None:
            config.update(AT_HOME)
