"""The first picture of the book as a piece of a page; web/hero.js plays it.

Without scripts, on paper and in a notebook it shows the last frame of each method.
"""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from planrl.figures.graph_svg import graph_svg
from planrl.figures.style import ON_DARK, style_of
from planrl.labs.page.hero import METHODS, recorded_hero
from planrl.labs.page.html import script_json

WEB = Path(__file__).parents[1] / "web"


class Hero:
    """One small graph four times while four methods train, as recorded runs."""

    def __init__(self) -> None:
        self.recorded = recorded_hero()

    def _repr_html_(self) -> str:
        page = bool(os.environ.get("PLANRL_STATIC"))
        panels = "".join(
            self._panel(index, method) for index, method in enumerate(self.recorded["methods"])
        )
        data = {name: self.recorded[name] for name in ("graph", "correct_paths", "methods")}
        return (
            f'<section class="planrl-hero"{" data-plays" if page else ""} '
            'aria-label="Four methods on one small graph">\n'
            f'<div class="planrl-hero-panels">\n{panels}</div>\n{self._controls()}'
            f'<p class="planrl-hero-caption"><strong>{html.escape(self.finding)}</strong> '
            f"{html.escape(self.conditions)}</p>\n"
            + (
                f'<script type="application/json">{script_json(data)}</script>\n'
                if page
                else _style()
            )
            + '<span class="planrl-hero-end" hidden></span>\n</section>\n'
        )

    def __repr__(self) -> str:
        return self.caption

    @property
    def caption(self) -> str:
        """What is seen, with all of its conditions."""
        return f"{self.finding} {self.conditions}"

    @property
    def finding(self) -> str:
        """What the last frame shows."""
        told = self.recorded
        found = {one["name"]: one["frames"][-1]["distinct"] for one in told["methods"]}
        kept = found.pop("policy gradient")
        return (
            f"After {told['updates']} updates {told['samples']} paths sampled under policy "
            f"gradient hold {kept} of the {told['correct_paths']} correct paths from the square to "
            f"the star; under the other methods they hold {min(found.values())} to "
            f"{max(found.values())}."
        )

    @property
    def conditions(self) -> str:
        """Which run this is, how typical it is, and how to read it."""
        told = self.recorded
        means = ", ".join(
            f"{fmean(one['over_seeds']['distinct']):.1f} ({one['name']})" for one in told["methods"]
        )
        return (
            f"This is one recorded run (seed {told['seed']}) of a one-layer Transformer on this "
            f"graph of {len(told['graph']['nodes'])} nodes, sampled at temperature 1; the outcome "
            "reward is 1, Q-learning's process reward 10. Over "
            f"{told['seeds']} seeds the mean number of distinct correct paths ends at {means}. An "
            "edge is as wide as paths pass it; a dashed red line is a step that is no edge. The "
            "lab below trains the same runs live, but for the KL penalty, which is weaker there "
            "(λ = 0.1)."
        )

    def _panel(self, index: int, method: Mapping[str, Any]) -> str:
        last, name = method["frames"][-1], method["name"]
        colour = style_of(name, index)[0]
        share = last["distinct"] / self.recorded["correct_paths"]
        note = html.escape(METHODS[index].note)
        label = html.escape(name) + (note and f' <span class="planrl-hero-note">{note}</span>')
        said = f"After {last['update']} updates of {name}: edges as wide as paths pass them"
        picture = graph_svg(self.recorded["graph"], last["probs"], colour=colour, label=said)
        return (
            f'<figure class="planrl-hero-panel" style="--planrl-line: {colour}; '
            f'--planrl-line-dark: {ON_DARK.get(colour, colour)}">\n'
            f'<figcaption><span class="planrl-hero-mark"></span><span>{label}</span></figcaption>\n'
            f'<div class="planrl-hero-graph">{picture}</div>\n'
            f'<div class="planrl-hero-bar" style="--share: {share:.3f}"><span></span></div>\n'
            f'<p class="planrl-hero-numbers"><span><b class="planrl-hero-distinct">'
            f'{last["distinct"]}</b> <span class="planrl-hero-long">distinct correct </span>paths'
            f'</span> <span>accuracy <b class="planrl-hero-accuracy">{last["accuracy"]:.2f}</b>'
            "</span></p>\n</figure>\n"
        )

    def _controls(self) -> str:
        """Hidden until a script answers to them."""
        race = next(one for one in METHODS if one.lab == "race")
        lab = f"?lab=race&{race.link()}#lab-race"
        last = len(self._frames) - 1
        return (
            '<div class="planrl-hero-controls" hidden>\n<button type="button">Pause</button>\n'
            f'<input type="range" aria-label="Update" min="0" max="{last}" value="{last}">\n'
            f"<output>update {self._frames[-1]['update']}</output>\n"
            f'<a href="{html.escape(lab)}">Train it yourself</a>\n</div>\n'
        )

    @property
    def _frames(self) -> Sequence[Mapping[str, Any]]:
        frames: Sequence[Mapping[str, Any]] = self.recorded["methods"][0]["frames"]
        return frames


def _style() -> str:
    """What a page loads as a file, for a notebook."""
    return f"<style>{WEB.joinpath('graph-view.css').read_text(encoding='utf-8')}</style>\n"
