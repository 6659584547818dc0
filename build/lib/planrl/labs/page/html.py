"""A lab as a piece of a page: its text, its data, and a place that web/lab.js makes live."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Any

from planrl.labs.catalogue import lab_named
from planrl.labs.page.recordings import recorded
from planrl.labs.spec.controls import read_state

FOLDER = "../_static/live/"
"""Where a page finds the worker and what it loads, relative to the page's own folder."""


class PageLab:
    """A lab for a page without a kernel: HTML that the page's scripts make live.

    It begins with the settings of `link`, unless the page's own address has others. Raises
    InputError for a lab, a control or a value that does not exist.
    """

    def __init__(self, name: str, link: str = "", *, folder: str = FOLDER) -> None:
        self.lab, self.folder, self.link = lab_named(name), folder, link
        read_state(self.lab.controls, link, self.lab.most_edges, self.lab.name)

    def _repr_html_(self) -> str:
        lab, words = self.lab, self.lab.words
        name, data = f"lab-{lab.name}", script_json(lab.to_json(recorded(lab)))
        return (
            f'<section class="planrl-lab" id="{name}" aria-labelledby="{name}-title" '
            f'data-live="{html.escape(self.folder)}" data-state="{html.escape(self.link)}">\n'
            f'<h3 class="planrl-lab-title" id="{name}-title">{html.escape(words.title)}</h3>\n'
            f'<p class="planrl-lab-intro">{html.escape(words.intro)}</p>\n'
            '<div class="planrl-lab-body"></div>\n'
            f'<p class="planrl-lab-alt">{html.escape(words.alt)} '
            "It needs JavaScript; the chapter's other figures show the same without.</p>\n"
            f'<script type="application/json">{data}</script>\n</section>\n'
        )

    def __repr__(self) -> str:
        return f"{self.lab.words.title} {self.lab.words.alt}"


def script_json(value: Mapping[str, Any]) -> str:
    """JSON that can stand inside a <script>."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")
