"""The first picture of the book: one small graph four times, while four methods train.

The runs are those of labs, by the links in `METHODS`. `python -m planrl export FOLDER --record
hero` records them. Every EVERY updates a frame is kept of each method: the exact probability with
which a path passes each edge, and PATHS sampled paths, of which the first SHOWN can be watched. The
ends of ten seeds are kept, too, so that the picture can say how typical its one seed is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from planrl.figures.frames import Frame, SampledPaths, path_frame, sampled_paths
from planrl.figures.layout import graph_data
from planrl.graphs import seeded
from planrl.io.files import write_atomically
from planrl.labs.engine.models import TOKENS
from planrl.labs.page.recordings import FOLDER
from planrl.labs.page.runtime import Exported
from planrl.labs.session import Run, Session
from planrl.labs.spec.graphs import own_graph
from planrl.models import PathModel
from planrl.sampling import Sampler

NAME, FORMAT = "hero", "planrl-hero/1"
SEED, SEEDS = 5, tuple(range(10))
EVERY, UPDATES = 4, 200
PATHS, SHOWN = 100, 8
EDGES = (
    "0-1.0-2.0-3.1-4.1-5.2-4.2-5.2-6.3-5.3-6.3-10.4-7.4-8.5-7.5-8.5-9.6-8.6-9.6-10.7-11.8-11.9-11"
)
"""The graph as a lab's link has it: from 0 to 11 lead 17 paths, and node 10 is a dead end."""
SETTINGS = f"model=transformer&graph=own&lr=0.5&edges={EDGES}"


@dataclass(frozen=True, kw_only=True)
class Method:
    """One of the four: its name, the lab that trains it, and its own part of the lab's link."""

    name: str
    lab: str
    learner: int = 0
    options: str = ""
    note: str = ""

    def link(self, seed: int = SEED) -> str:
        """The settings of the run, as the lab's page reads them."""
        return "&".join(filter(None, (SETTINGS, self.options, f"seed={seed}")))


METHODS = (
    Method(name="continual SFT", lab="race", learner=0),
    Method(name="policy gradient", lab="race", learner=1),
    Method(name="policy gradient + KL", lab="policy-gradient", options="kl=1", note="λ = 1"),
    Method(name="Q-learning, process reward", lab="race", learner=3),
)


@dataclass(frozen=True)
class _Pictured:
    """A method in training, and what is drawn of it."""

    session: Session
    learner: int

    def sampled(self) -> SampledPaths:
        """PATHS sampled paths; every call draws the same random numbers."""
        shown = self.session.lab_graph
        return sampled_paths(
            self._model,
            shown.graph,
            shown.pair,
            rng=self._rng,
            samples=PATHS,
            sampler=self._sampler,
        )

    def frame(self) -> Frame:
        """The frame at the present update."""
        shown = self.session.lab_graph
        return path_frame(
            self._model,
            shown.graph,
            shown.pair,
            update=self.session.updates,
            rng=self._rng,
            samples=PATHS,
            shown=SHOWN,
            sampler=self._sampler,
        )

    @property
    def _model(self) -> PathModel:
        return self.session.model(self.learner)

    @property
    def _rng(self) -> torch.Generator:
        return seeded(int(self.session.state.values["seed"]), "hero")

    @property
    def _sampler(self) -> Sampler:
        may_stop = self.session.lab.learners[self.learner].fixed["may_stop"] > 0.5
        return Sampler(max_tokens=TOKENS, may_stop=may_stop)


def begun(seed: int, run: Run | None = None) -> list[_Pictured]:
    """The four methods before their first update; sessions are shared where labs are."""
    sessions: dict[str, Session] = {}
    for method in METHODS:
        key = f"{method.lab}?{method.link(seed)}"
        sessions.setdefault(key, Session(method.lab, method.link(seed), run=run))
    return [_Pictured(sessions[f"{one.lab}?{one.link(seed)}"], one.learner) for one in METHODS]


def advance(pictured: list[_Pictured], updates: int) -> None:
    """Train all methods by so many updates."""
    for session in {id(one.session): one.session for one in pictured}.values():
        session.train(updates)


def frames(pictured: list[_Pictured], updates: int = UPDATES) -> list[list[Frame]]:
    """The frames of each method, one at the start and one after every EVERY updates."""
    found = [[one.frame()] for one in pictured]
    for _ in range(0, updates, EVERY):
        advance(pictured, EVERY)
        for kept, one in zip(found, pictured, strict=True):
            kept.append(one.frame())
    return found


def ends(seed: int, programs: Path) -> list[dict[str, float]]:
    """The two numbers of each method after UPDATES updates with this seed."""
    pictured = begun(seed, Exported(programs))
    advance(pictured, UPDATES)
    return [
        {"accuracy": found.accuracy, "distinct": found.distinct}
        for found in (one.sampled() for one in pictured)
    ]


def record_hero(programs: Path, *, jobs: int = 1) -> Path:
    """Record all that the picture shows, by the exported programs of a folder."""
    pictured = begun(SEED, Exported(programs))
    found = frames(pictured)
    with ProcessPoolExecutor(jobs, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        over_seeds = list(pool.map(partial(ends, programs=programs), SEEDS))
    page: dict[str, Any] = {**description(), "methods": []}
    for index, method in enumerate(METHODS):
        told = [seen[index] for seen in over_seeds]
        kept = {name: [one[name] for one in told] for name in ("accuracy", "distinct")}
        page["methods"].append({**named(method), "frames": found[index], "over_seeds": kept})
    path = FOLDER / f"{NAME}.json"
    write_atomically(path, json.dumps(page, separators=(",", ":")).encode() + b"\n")
    return path


def named(method: Method) -> dict[str, Any]:
    """How a recording names a method: whose run it is."""
    link = method.link()
    return {"name": method.name, "lab": method.lab, "learner": method.learner, "link": link}


def description() -> dict[str, Any]:
    """What a recording says of its graph and its settings."""
    shown = own_graph([(a, b) for a, b in (edge.split("-") for edge in EDGES.split("."))])
    graph, (source, target) = shown.graph, shown.pair
    return {
        "format": FORMAT,
        "graph": graph_data(graph, source, target),
        "correct_paths": int(graph.count_paths()[target, source]),
        "updates": UPDATES,
        "samples": PATHS,
        "seed": SEED,
        "seeds": len(SEEDS),
    }


def recorded_hero() -> Mapping[str, Any]:
    """The recording that is kept."""
    page: dict[str, Any] = json.loads((FOLDER / f"{NAME}.json").read_text(encoding="utf-8"))
    return page
