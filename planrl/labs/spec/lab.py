"""What a lab is: controls, learners, presets, and a figure whose bindings say what it shows.

A lab is data. A host (a kernel's widgets, a page's script) changes nothing of a figure but the data
of its traces, as the `bindings` say. The labs themselves are in `catalogue`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from planrl.labs.engine.algorithms import ALGORITHMS, DEMONSTRATIONS, Algorithm, shaped
from planrl.labs.engine.sampling import SCALE
from planrl.labs.spec.controls import Control, Preset, Value
from planrl.labs.spec.figure import METRICS, Picture
from planrl.labs.spec.graphs import MOST_EDGES, SHARE, lab_graphs

EVERY = 10  # updates between two evaluations while a lab trains
END = 300  # updates after which recordings end and training stops


@dataclass(frozen=True, kw_only=True)
class Base:
    """How the base model that learners start from is made.

    It is what `prepare` returns under the name `output`, or else fresh weights after so many
    `updates` by `algorithm`.
    """

    output: str = ""
    algorithm: str = "sft"
    updates: int = 0


BASES = {"table": Base(output="table"), "transformer": Base(updates=150)}


@dataclass(frozen=True)
class Idle:
    """Where a part of a formula does nothing: all these controls have one of the values named.

    Its text is then `instead`.
    """

    when: Mapping[str, Sequence[Value]]
    instead: str = ""


@dataclass(frozen=True, kw_only=True)
class Term:
    """A part of a learner's formula: the text for the value of a control.

    If `number` names a control, λ in the text stands for its value, and there is no text at 0; the
    first of `idle` that applies says what stands in its place. The page's web/lab-state.js puts
    formulas together.
    """

    control: str
    texts: Mapping[Value, str]
    number: str = ""
    idle: Sequence[Idle] = ()


@dataclass(frozen=True, kw_only=True)
class LabLearner:
    """What is trained: an algorithm, from the base or fresh weights, with some options fixed.

    `algorithm` names one of the table in `engine.algorithms`, or else the one that is given as
    `trains`. A table calls the learner by its `title`, if it has one. `reads` has the controls that
    set this learner alone, with the options that each value stands for. The `formula` of its loss
    is shown in parts.
    """

    name: str
    algorithm: str
    title: str = ""
    start: str = "base"
    settings: Mapping[str, float] = field(default_factory=dict)
    trains: Algorithm | None = None
    reads: Mapping[str, Mapping[Value, Mapping[str, float]]] = field(default_factory=dict)
    formula: Sequence[Term] = ()

    @property
    def trained(self) -> Algorithm:
        """The algorithm itself."""
        return self.trains or ALGORITHMS[self.algorithm]

    @property
    def fixed(self) -> dict[str, float]:
        """Options that no control changes; evaluations sample as the algorithm's stream does."""
        return {"may_stop": float(self.trained.stream.may_stop), **self.settings}

    def options(self, values: Mapping[str, Value]) -> dict[str, float]:
        """All numbers that the learner's programs are given when the controls have these values."""
        given = {name: float(v) for name, v in values.items() if not isinstance(v, str)}
        for control, options in self.reads.items():
            given.update(options[values[control]])
        return {**given, **self.fixed}

    def described(self) -> dict[str, Any]:
        """What a page calls the learner and its paths; it tells rewards in multiples of `unit`."""
        return {
            "title": self.title or self.name,
            "sampled": self.trained.stream is not DEMONSTRATIONS,
            "unit": SCALE if self.trained.reward is shaped else 1.0,
            "reads": self.reads,
            "formula": [asdict(term) for term in self.formula],
        }

    def to_json(self) -> dict[str, Any]:
        """The learner as pages and recordings name it."""
        return {
            "name": self.name,
            "algorithm": self.algorithm,
            "start": self.start,
            "options": self.fixed,
        }


@dataclass(frozen=True)
class Words:
    """A lab's title and introduction; `alt` is for readers who cannot see its figure.

    `differs` says, by model, what this lab shows otherwise than its chapter. `verdicts` are
    sentences, one for each of `engine.measure.FAILURES`, if the lab names them.
    """

    title: str
    intro: str
    alt: str
    differs: Mapping[str, str] = field(default_factory=dict)
    verdicts: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Screen:
    """How a lab's page is arranged, and when training stops.

    `controls` names those under the figure, `more` those below these, in rows of two; the others
    are folded away. `paths` is the title of the first panel, a graph on which sampled paths travel,
    if there is one. `panel` is the panel that is large at first. Training stops at each multiple of
    `end` updates.
    """

    controls: tuple[str, str]
    more: tuple[str, ...] = ()
    paths: str = ""
    panel: int = 0
    end: int = END


@dataclass(frozen=True)
class Grid:
    """Which settings of a lab are recorded: several values of some controls, one of each other.

    The seed is no control of a recording: it holds the mean of ten seeds and their range.
    """

    lab: str
    axes: Mapping[str, Sequence[Value]]
    fixed: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Controls, learners, presets, and a figure."""

    name: str
    words: Words
    controls: Sequence[Control]
    learners: Sequence[LabLearner]
    presets: Sequence[Preset]
    metrics: Sequence[str]
    picture: Picture
    screen: Screen

    @property
    def own_algorithms(self) -> dict[str, Algorithm]:
        """The algorithms that are not in the table, by the name under which they are exported."""
        return {one.algorithm: one.trains for one in self.learners if one.trains}

    @property
    def graphs(self) -> tuple[str, ...]:
        """The graphs that one can choose, without the reader's own."""
        return tuple(name for name in self._graphs if name != "own")

    @property
    def most_edges(self) -> int:
        """How many edges a reader's own graph may have; 0 if there can be none."""
        return MOST_EDGES if "own" in self._graphs else 0

    @property
    def panels(self) -> list[dict[str, Any]]:
        """The panels of the page: titles, and numbers in the picture; paths travel in the first."""
        plots = [{"title": title, "plot": k} for k, title in enumerate(self.picture.titles)]
        if not self.screen.paths:
            return plots
        return [{"title": self.screen.paths, "plot": None}, *plots]

    @property
    def models(self) -> tuple[str, ...]:
        """The models that one can choose; a lab without that control has a table."""
        control = next((one for one in self.controls if one.name == "model"), None)
        return tuple(map(str, control.values)) if control else ("table",)

    @property
    def of_question(self) -> bool:
        """Whether the shown pair is the one question that is trained, and measured exactly."""
        return all("question" in one.trained.stream.reads for one in self.learners)

    @property
    def evaluation(self) -> str:
        """The program that measures a learner, without its model's name."""
        return "question" if self.of_question else "evaluate"

    @property
    def _graphs(self) -> tuple[str, ...]:
        control = next(control for control in self.controls if control.name == "graph")
        return tuple(map(str, control.values))

    def to_json(self, recorded: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
        """The lab as a page reads it."""
        figure, known = json.loads(self.picture.figure.to_json()), lab_graphs()
        layout = {k: v for k, v in figure["layout"].items() if k != "template"}
        return {
            "name": self.name,
            "controls": [asdict(control) for control in self.controls],
            "learners": [{**one.to_json(), **one.described()} for one in self.learners],
            "presets": [asdict(preset) for preset in self.presets],
            "metrics": [{"name": name, "label": METRICS[name].label} for name in self.metrics],
            "verdicts": list(self.words.verdicts),
            "differs": dict(self.words.differs),
            "screen": asdict(self.screen),
            "panels": self.panels,
            "figure": {"data": figure["data"], "layout": layout},
            "bindings": self.picture.bindings,
            "evaluation": self.evaluation,
            "ofQuestion": self.of_question,
            "share": SHARE,
            "bases": {name: asdict(base) for name, base in BASES.items()},
            "every": EVERY,
            "graphs": {name: known[name].to_json() for name in self.graphs},
            "own": {"nodes": 20, "edges": self.most_edges} if self.most_edges else None,
            "recorded": list(recorded),
            "snippet": SNIPPET,
        }


SNIPPET = """from planrl.labs import Session

lab = Session({name!r}, {state!r})
lab.train({steps})
lab.evaluate()"""
