"""Links to labs in a prepared state, for pages that hold no lab themselves."""

from __future__ import annotations

import html
import os

from planrl.errors import InputError
from planrl.labs.catalogue import lab_named
from planrl.labs.spec.controls import read_state

PAGES = {
    "race": "00_welcome",
    "imitation": "03_imitation",
    "policy-gradient": "05_collapse",
    "rewards": "07_reward",
    "blocks": "09_blocksworld",
    "objectives": "12_objective",
}
"""Lab -> the page that holds it."""


class LabLink:
    """A link to a lab with these settings, on a page; in a notebook, the call that shows it.

    `settings` are those of a lab's "Copy link" after the question mark. Raises InputError for a
    lab, a control or a value that does not exist.
    """

    def __init__(self, name: str, settings: str, words: str) -> None:
        if name not in PAGES:
            raise InputError(f"no page holds the lab {name!r}; there are: {', '.join(PAGES)}")
        lab = lab_named(name)
        read_state(lab.controls, settings, lab.most_edges, lab.name)
        self.name, self.settings, self.words = name, settings, words

    @property
    def address(self) -> str:
        """The address of the lab in this state, from another page of the book."""
        query = "&".join(filter(None, [f"lab={self.name}", self.settings]))
        return f"{PAGES[self.name]}.html?{query}#lab-{self.name}"

    def _repr_html_(self) -> str:
        if not os.environ.get("PLANRL_STATIC"):
            return f"<p>{html.escape(self.words)}: <code>{html.escape(self.call)}</code></p>"
        address = html.escape(self.address)
        return f'<p class="planrl-lab-link"><a href="{address}">{html.escape(self.words)}</a></p>'

    @property
    def call(self) -> str:
        """What shows the lab in a notebook, after `from planrl.labs import lab`."""
        return f"lab({self.name!r}, {self.settings!r})"

    def __repr__(self) -> str:
        return f"{self.words}: {self.call}"
