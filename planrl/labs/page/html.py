"""A lab as a piece of a page: its text, its data, and a place that web/lab.js makes live."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Any

from planrl.errors import InputError, shown
from planrl.labs.catalogue import labs
from planrl.labs.page.recordings import recorded
from planrl.labs.spec.controls import read_state
from planrl.labs.spec.graphs import MOST_EDGES

FOLDER = "../_static/live/"
"""Where a page finds the worker and what it loads, seen from the page's own folder."""


class PageLab:
    """A lab for a page without a kernel: HTML that the page's scripts make live.

    It begins with the settings of `link`, unless the page's own address says others.
    """

    def __init__(self, name: str, link: str = "", *, folder: str = FOLDER) -> None:
        known = labs()
        if not isinstance(name, str) or name not in known:
            raise InputError(f"no lab is called {shown(name)}; there are: {', '.join(known)}")
        self.lab, self.folder, self.link = known[name], folder, link
        read_state(
            self.lab.controls, link, MOST_EDGES * self.lab.own, self.lab.name
        )  # or it is refused

    def _repr_html_(self) -> str:
        lab, name = self.lab, f"lab-{self.lab.name}"
        data = script_json(lab.to_json(recorded(lab.name)))
        height = int(lab.figure.layout.height)
        heights = f"--height: {height}px; --tall: {int(lab.narrow['height'])}px"
        return (
            f'<section class="planrl-lab" id="{name}" aria-labelledby="{name}-title" '
            f'data-live="{html.escape(self.folder)}" data-state="{html.escape(self.link)}" '
            f'style="{heights}">\n'
            f'<h3 class="planrl-lab-title" id="{name}-title">{html.escape(lab.title)}</h3>\n'
            f'<p class="planrl-lab-intro">{html.escape(lab.intro)}</p>\n'
            '<div class="planrl-lab-body"></div>\n'
            f'<p class="planrl-lab-alt">{html.escape(lab.alt)} '
            "It needs JavaScript; the chapter's other figures show the same without.</p>\n"
            f'<script type="application/json">{data}</script>\n</section>\n'
        )

    def __repr__(self) -> str:
        return f"{self.lab.title} {self.lab.alt}"


def script_json(value: Mapping[str, Any]) -> str:
    """JSON that can stand inside a <script>."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")
