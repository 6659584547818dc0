"""What a lab is: controls, learners, presets, and a figure whose bindings say what it shows.

A lab is data. A host (a kernel's widgets, a page's script) changes nothing of a figure but the data
of its traces, as the `bindings` say. The labs themselves are in `catalogue`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import plotly.graph_objects as go

from planrl.labs.spec.controls import Control, Preset
from planrl.labs.spec.figure import Binding
from planrl.labs.spec.graphs import MOST_EDGES, SHARE, lab_graphs

BASE_UPDATES = {"table": 0, "transformer": 150}
"""SFT updates that make the base a learner starts from; the table's is made by counting."""
EVAL_EVERY = {"table": 10, "transformer": 10}

METRICS = {
    "train_sampled": "training questions, sampled",
    "train_greedy": "training questions, greedy",
    "test_sampled": "held-out questions, sampled",
    "test_greedy": "held-out questions, greedy",
    "ways": "different right answers in 16 walks",
    "entropy": "entropy of a choice (nats)",
}


@dataclass(frozen=True, kw_only=True)
class LabLearner:
    """Who trains: by which algorithm, from which start (base or fresh), with which knobs fixed."""

    name: str
    algorithm: str
    start: str = "base"
    knobs: Mapping[str, float] = ()  # type: ignore[assignment]

    @property
    def fixed(self) -> dict[str, float]:
        """Knobs that no control moves. A learner by Q-learning never says END by itself."""
        return {"may_stop": float(self.algorithm != "q"), **dict(self.knobs)}


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Controls, learners, presets and a figure; `alt` is for those who see none of it."""

    name: str
    title: str
    intro: str
    alt: str
    controls: Sequence[Control]
    learners: Sequence[LabLearner]
    presets: Sequence[Preset]
    metrics: Sequence[str]
    figure: go.Figure
    narrow: Mapping[str, Any]
    bindings: Sequence[Binding]
    own: bool = True
    verdicts: Sequence[str] = ()

    @property
    def graphs(self) -> tuple[str, ...]:
        """The graphs one can choose, the reader's own left out."""
        control = next(control for control in self.controls if control.name == "graph")
        return tuple(str(name) for name in control.values if name != "own")

    def knobs(self, index: int, values: Mapping[str, Any]) -> dict[str, float]:
        """All numbers that a learner's programs are given."""
        given = {k: float(v) for k, v in values.items() if not isinstance(v, str)}
        return {**given, **self.learners[index].fixed}

    def to_json(self, recorded: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
        """The lab as a page reads it."""
        figure = json.loads(self.figure.to_json())
        layout = {k: v for k, v in figure["layout"].items() if k != "template"}
        datasets = lab_graphs()
        return {
            "name": self.name,
            "controls": [asdict(control) for control in self.controls],
            "learners": [
                {"name": one.name, "algorithm": one.algorithm, "start": one.start,
                 "knobs": one.fixed} for one in self.learners
            ],
            "presets": [asdict(preset) for preset in self.presets],
            "metrics": [{"name": name, "label": METRICS[name]} for name in self.metrics],
            "verdicts": list(self.verdicts),
            "figure": {"data": figure["data"], "layout": layout, "narrow": dict(self.narrow)},
            "bindings": [dict(binding) for binding in self.bindings],
            "share": SHARE,
            "base_updates": BASE_UPDATES,
            "eval_every": EVAL_EVERY,
            "graphs": {name: datasets[name].to_json() for name in self.graphs},
            "own": {"nodes": 20, "edges": MOST_EDGES} if self.own else None,
            "recorded": list(recorded),
            "snippet": SNIPPET,
        }  # fmt: skip


SNIPPET = """from planrl.labs import Session

lab = Session({name!r}, {state!r})
lab.train({steps})
lab.evaluate()"""
