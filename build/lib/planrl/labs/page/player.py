"""Recorded runs as a picture that plays: a graph for each run, on which sampled paths travel.

web/player.js plays it, in a page and in a notebook. Without scripts and on paper it shows the last
frame of each run.
"""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planrl.errors import InputError
from planrl.figures.frames import Frame
from planrl.figures.graph_svg import graph_svg
from planrl.figures.style import ON_DARK
from planrl.labs.page.html import script_json

WEB = Path(__file__).parents[1] / "web"


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """What one panel shows: a run's name and colour, and its frames in order."""

    name: str
    colour: str
    frames: Sequence[Frame]
    note: str = ""


class Player:
    """Recorded runs on one graph, side by side, with a player for their updates.

    `graph` comes from `figures.layout.graph_data`, frames from `figures.frames.path_frame`; all
    runs have frames of the same updates. `correct_paths` are those of the graph's question, and
    `label` names the whole for a screen reader. Below stands what is seen (`finding`), and when it
    holds (`conditions`). Raises InputError for runs whose frames do not agree.
    """

    kind = ""  # one more class for a page's stylesheet
    size = (330, 190)  # of a graph without scripts
    link: tuple[str, str] = ("", "")  # an address and its text, beside the controls

    def __init__(
        self,
        graph: Mapping[str, Any],
        runs: Sequence[RecordedRun],
        *,
        correct_paths: int,
        label: str,
        finding: str,
        conditions: str,
    ) -> None:
        self.graph, self.runs, self.correct_paths = graph, tuple(runs), correct_paths
        self.label, self.finding, self.conditions = label, finding, conditions
        updates = {tuple(frame["update"] for frame in run.frames) for run in self.runs}
        if len(updates) != 1 or updates == {()}:
            raise InputError("a player needs runs that have frames of the same updates")

    @property
    def caption(self) -> str:
        """What is seen, with all of its conditions."""
        return f"{self.finding} {self.conditions}"

    @property
    def data(self) -> dict[str, Any]:
        """What web/player.js plays."""
        runs = [{"name": run.name, "frames": list(run.frames)} for run in self.runs]
        return {"graph": self.graph, "correct_paths": self.correct_paths, "runs": runs}

    def markup(self, *, page: bool) -> str:
        """The last frames with the controls; in a page with all frames, which its script plays."""
        panels = "".join(self._panel(run) for run in self.runs)
        kinds = f"planrl-player {self.kind}".strip()
        script = f'<script type="application/json">{script_json(self.data)}</script>\n'
        return (
            f'<section class="{kinds}"{" data-plays" if page else ""} '
            f'aria-label="{html.escape(self.label)}">\n'
            f'<div class="planrl-player-panels">\n{panels}</div>\n{self._controls(page)}'
            f'<p class="planrl-player-caption"><strong>{html.escape(self.finding)}</strong> '
            f"{html.escape(self.conditions)}</p>\n{script if page else ''}"
            '<span class="planrl-player-end" hidden></span>\n</section>\n'
        )

    def __repr__(self) -> str:
        return self.caption

    def _repr_html_(self) -> str:
        if os.environ.get("PLANRL_STATIC"):
            return self.markup(page=True)
        style = WEB.joinpath("graph-view.css").read_text(encoding="utf-8")
        return f"<style>{style}</style>\n{self.markup(page=False)}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """A page's HTML; in a notebook a widget, with pictures for where no widget is shown."""
        still = {"text/plain": repr(self), "text/html": self._repr_html_()}
        if os.environ.get("PLANRL_STATIC"):
            return still
        from planrl.labs.notebook import PlayedRuns  # needs anywidget

        shown: Any = PlayedRuns(self.markup(page=False), self.data)._repr_mimebundle_()
        bundle = shown[0] if isinstance(shown, tuple) else shown
        return {**bundle, **still}

    def _panel(self, run: RecordedRun) -> str:
        last, colour = run.frames[-1], run.colour
        share = last["distinct"] / self.correct_paths
        note = html.escape(run.note)
        label = html.escape(run.name) + (
            note and f' <span class="planrl-player-note">{note}</span>'
        )
        said = f"After {last['update']} updates of {run.name}: edges as wide as paths pass them"
        picture = graph_svg(self.graph, last["probs"], colour=colour, size=self.size, label=said)
        return (
            f'<figure class="planrl-player-panel" style="--planrl-line: {html.escape(colour)}; '
            f'--planrl-line-dark: {html.escape(ON_DARK.get(colour, colour))}">\n'
            f'<figcaption><span class="planrl-player-mark"></span><span>{label}</span>'
            f'</figcaption>\n<div class="planrl-player-graph">{picture}</div>\n'
            f'<div class="planrl-player-bar" style="--share: {share:.3f}"><span></span></div>\n'
            f'<p class="planrl-player-numbers"><span><b class="planrl-player-distinct">'
            f'{last["distinct"]}</b> <span class="planrl-player-long">distinct correct </span>paths'
            '</span> <span>accuracy <b class="planrl-player-accuracy">'
            f"{last['accuracy']:.2f}</b></span></p>\n</figure>\n"
        )

    def _controls(self, page: bool) -> str:
        """Hidden until a script answers to them; a notebook is not where the link leads from."""
        frames, (address, text) = self.runs[0].frames, self.link
        last = len(frames) - 1
        link = page and address and f'<a href="{html.escape(address)}">{html.escape(text)}</a>\n'
        return (
            '<div class="planrl-player-controls" hidden>\n<button type="button">Pause</button>\n'
            f'<input type="range" aria-label="Update" min="0" max="{last}" value="{last}">\n'
            f"<output>update {frames[-1]['update']}</output>\n{link or ''}</div>\n"
        )
