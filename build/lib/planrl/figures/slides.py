"""Figures as SVG files for slides: shown small, saved by a click."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping

import plotly.graph_objects as go

from planrl.errors import InputError
from planrl.figures.svg import figure_svg

SIZE, FONT = (1280, 720), 26  # 16:9


class Slides:
    """Links that save figures as SVG in 16:9; `figures` maps a file's name to its figure."""

    def __init__(self, figures: Mapping[str, go.Figure]) -> None:
        if not figures:
            raise InputError("there is no figure to save: give at least one")
        self.alts = {name: str(figure.layout.meta["alt"]) for name, figure in figures.items()}
        self.files = {
            f"{name}.svg": figure_svg(figure, size=SIZE, font=FONT)
            for name, figure in figures.items()
        }

    def _repr_html_(self) -> str:
        items = []
        for (file, svg), alt in zip(self.files.items(), self.alts.values(), strict=True):
            data = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
            name = html.escape(file)
            items.append(
                f'<li style="flex:1 1 18em;max-width:26em;margin:0"><a download="{name}" '
                f'href="{data}"><img src="{data}" alt="{html.escape(alt)}" width="1280" '
                f'height="720" style="width:100%;height:auto;border:1px solid #8886">'
                f"{name}</a></li>"
            )
        look = "display:flex;flex-wrap:wrap;gap:1em;padding:0;list-style:none"
        return f'<ul class="planrl-slides" style="{look}">{"".join(items)}</ul>'

    def __repr__(self) -> str:
        return "\n".join(
            f"{name}: {alt}" for name, alt in zip(self.files, self.alts.values(), strict=True)
        )
