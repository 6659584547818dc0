"""Links to labs in a prepared state, for pages that hold no lab themselves."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping

from planrl.errors import InputError
from planrl.labs.catalogue import lab_named
from planrl.labs.spec.controls import read_state
from planrl.labs.spec.objective_terms import BETAS, LAMBDAS

PAGES = {
    "race": "00_welcome",
    "imitation": "03_imitation",
    "policy-gradient": "05_collapse",
    "rewards": "07_reward",
    "blocks": "09_blocksworld",
    "tools": "13_tools",
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


SHEET: Mapping[str, Mapping[str, str]] = {
    "REINFORCE": {"b": "reinforce"},
    "RLOO": {"b": "rloo"},
    "GRPO": {"b": "grpo"},
    "Dr. GRPO": {"b": "dr-grpo"},
    "DAPO": {"b": "dapo"},
    "GSPO": {"b": "gspo"},
    "pass@k": {"b": "pass-8"},
    "RFT": {"b": "rft"},
    "IPS": {"b": "ips"},
    "k2 in the loss": {"b_kl": "k2-loss"},
    "k3 in the loss, times the ratio": {"b_kl": "k3-ratio"},
    "k3 in the loss": {"b_kl": "k3-loss"},
    "k1 in the loss": {"b_kl": "k1-loss"},
    "k1 in the return of the path": {"b_kl": "k1-path"},
    "k2 in the return of the path": {"b_kl": "k2-path"},
    "k3 in the return of the path": {"b_kl": "k3-path"},
    "entropy bonus in the loss": {"b_bonus": "loss"},
}
"""Line of the cheat sheet -> what side B is set to for it."""


def of_sheet(row: str, added: Mapping[str, float]) -> str:
    """The link in which side B is a line of the cheat sheet with these penalties and weights.

    Side A is the line alone, or RLOO (GRPO if B is RLOO) where nothing is added. '' if the lab does
    not have the line. A weight becomes the nearest one that can be chosen.
    """
    if row not in SHEET or any(name not in SHEET for name in added):
        return ""
    state = {**SHEET[row], "b_lambda": "0", "b_beta": "0"}
    for name, weight in added.items():
        key, values = ("b_beta", BETAS) if "b_bonus" in SHEET[name] else ("b_lambda", LAMBDAS)
        nearest = min(values, key=lambda value, weight=weight: abs(value - weight))
        state |= {**SHEET[name], key: f"{nearest:g}"}
    alone = "grpo" if state["b"] == "rloo" else "rloo"
    state |= {"a": state["b"] if added else alone, "a_lambda": "0", "a_beta": "0"}
    return "&".join(f"{name}={value}" for name, value in state.items())
