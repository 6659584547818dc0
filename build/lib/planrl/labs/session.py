"""A lab that runs in a kernel: the same updates and evaluations as in a page, in torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from planrl.errors import InputError, TrainingError, whole
from planrl.labs.catalogue import lab_named
from planrl.labs.engine.algorithms import ALGORITHMS, begun
from planrl.labs.engine.data import DATA
from planrl.labs.engine.models import NODES, model_named
from planrl.labs.engine.programs import Program, programs, updates_of
from planrl.labs.engine.sampling import Values
from planrl.labs.engine.update import update
from planrl.labs.own_loss import OwnLoss, about, own_losses
from planrl.labs.spec.controls import State, read_state
from planrl.labs.spec.graphs import SHARE, LabGraph, lab_graphs, own_graph, shown_pair
from planrl.labs.spec.lab import BASES, Lab
from planrl.losses import Loss
from planrl.models import PathModel

Run = Callable[[Program, Values], Values]
"""How a program is run: in torch, by its trace, or exported."""


@dataclass
class _Running:
    """A learner in training: its settings, what it carries, and a reader's loss, if any."""

    algorithm: str
    options: Mapping[str, float]
    state: Values
    own: Loss | None = None

    def take(self, made: Values) -> None:
        """Carry on what an update has made."""
        self.state |= {name: made[name] for name in self.state if name in made}


class Session:
    """A lab's learners, as the lab's link describes them: `Session("race", "seed=3")`.

    `train(n)` takes n updates of every learner, `evaluate()` measures them, `model(0)` is the first
    learner's model, and `starts` holds the weights that learners start from. The same link gives
    the numbers that the page shows. `pair` in a link says which pair evaluations show, such as
    `pair=3-17`; what is trained stays the same.

    `loss(logits, batch)` is trained in place of the algorithm's own loss; paths and rewards stay
    the lab's. It is a function or its dotted path, "my_module:my_loss"; in a lab with several
    learners it is a dict {learner's name: loss}. An option of the algorithm that the loss names as
    an argument, `kl` say, is passed to it at each update. Raises InputError for a lab, a control or
    a value that does not exist, and for a loss that cannot be called.
    """

    def __init__(
        self, name: str, link: str = "", *, loss: OwnLoss = None, run: Run | None = None
    ) -> None:
        self.lab: Lab = lab_named(name)
        self.state: State = read_state(self.lab.controls, link, self.lab.most_edges, self.lab.name)
        self._programs = {**programs(), **updates_of(self.lab.own_algorithms, self.lab.models)}
        self.loss = loss
        self._own = own_losses(self.lab, loss)
        self.run = run or _in_torch
        self.model_name = str(self.state.values.get("model", "table"))
        self.lab_graph: LabGraph = _lab_graph(self.state)
        self._prepare()
        self.starts = self._starts()
        self.reset()

    @property
    def about_loss(self) -> str:
        """In words, which loss of the reader's is trained and which controls have no effect."""
        return about(self.lab, self._own)

    def set(self, **changes: Any) -> None:
        """Change controls that act on a run, at once: `set(kl=0.1)`."""
        values = dict(self.state.values)
        for name, value in changes.items():
            control = next((c for c in self.lab.controls if c.name == name), None)
            if control is None or control.restarts:
                can = ", ".join(c.name for c in self.lab.controls if not c.restarts)
                raise InputError(f"{name!r} can't be set in a run; there are: {can}")
            if value not in control.values:
                raise InputError(f"{name}={value!r}: choose among {list(control.values)}")
            values[name] = value
        self.state = replace(self.state, values=values)
        for learner, running in zip(self.lab.learners, self.learners, strict=True):
            running.options = learner.options(values)

    def follow(self, link: str) -> None:
        """Take over what acts in a run from a link of the same run: controls, and the pair."""
        state = read_state(self.lab.controls, link, self.lab.most_edges, self.lab.name)
        acting = [control.name for control in self.lab.controls if not control.restarts]
        self.set(**{name: state.values[name] for name in acting})
        self.state = replace(self.state, pair=state.pair)
        self.given["question"] = self._question()

    def reset(self) -> None:
        """Go back to the start; the same seed gives the same run again."""
        self.updates = 0
        self.made: list[Values] = []  # what the last update of each learner returned
        self.learners = [
            _Running(
                learner.algorithm,
                learner.options(self.state.values),
                begun(learner.trained, self.starts[learner.start]),
                self._own.get(learner.name),
            )
            for learner in self.lab.learners
        ]

    def train(self, updates: int = 1) -> list[dict[str, float]]:
        """Take updates of every learner; each one's last loss, mean return and batch accuracy.

        Raises TrainingError, before it is applied, for an update that is not finite.
        """
        if whole(updates, "updates") < 1:
            raise InputError(f"updates must be at least 1, but {updates} was given")
        for _ in range(updates):
            made = [self._update(running, self.updates) for running in self.learners]
            for running, values in zip(self.learners, made, strict=True):
                running.take(values)
            self.made = made
            self.updates += 1
        return [{k: float(v) for k, v in new.items() if v.numel() == 1} for new in self.made]

    def evaluate(self) -> list[dict[str, Any]]:
        """What is measured of each learner: numbers by name, and the matrices that are shown."""
        found = []
        for running in self.learners:
            tensors = {**running.state, **self.given, "t": _time(self.updates)}
            out = self._call(self.lab.evaluation, tensors, running.options)
            found.append({k: float(v) if v.ndim == 0 else v for k, v in out.items()})
        return found

    def model(self, learner: int = 0) -> PathModel:
        """A learner's model, to be scored or saved like any other."""
        return model_named(self.model_name).module(self.learners[learner].state["params"])

    def _starts(self) -> dict[str, torch.Tensor]:
        """The weights that learners start from, by name: fresh ones, and those of the base."""
        fresh = self._call("fresh", self.given, {})["params"]
        base = BASES[self.model_name]
        if base.output:
            return {"fresh": fresh, "base": self._made[base.output]}
        if all(learner.start == "fresh" for learner in self.lab.learners):
            return {"fresh": fresh}
        one = _Running(base.algorithm, {}, begun(ALGORITHMS[base.algorithm], fresh))
        for done in range(base.updates):
            one.take(self._update(one, done))
        return {"fresh": fresh, "base": one.state["params"]}

    def _prepare(self) -> None:
        adjacency = torch.zeros(NODES, NODES, dtype=torch.float32)
        n = self.lab_graph.graph.n
        adjacency[:n, :n] = self.lab_graph.graph.adjacency.float()
        seed = torch.tensor(int(self.state.values.get("seed", 0)), dtype=torch.int32)
        pair = torch.tensor(self.lab_graph.pair, dtype=torch.int32)
        asked = {"adjacency": adjacency, "seed": seed, "question": pair}
        made = self._run_program(self._programs["prepare"], asked, {"share": SHARE})
        if not int(made["pair_count"]):
            raise InputError("no node of this graph reaches another: there is nothing to ask")
        data = {name: made[name] for name in DATA if name in made}
        self._made = made
        self.given: Values = {**asked, **data, "question": self._question()}

    def _question(self) -> torch.Tensor:
        """The pair that evaluations show: the link's, or the graph's own, if it has a path."""
        shown = shown_pair(self.lab_graph.graph, self.state.pair)
        return torch.tensor(shown, dtype=torch.int32) if shown else self._made["question"]

    def _update(self, running: _Running, done: int) -> Values:
        """What update `done` + 1 makes of a learner; the learner is not changed."""
        tensors = {**self.given, **running.state, "t": _time(done)}
        new = self._call(running.algorithm, tensors, running.options, running.own)
        if not torch.isfinite(new["loss"] + new["gradient_norm"]):
            raise TrainingError(
                f"update {done + 1} of {self.lab.name}: loss {float(new['loss'])}. "
                "The model keeps its weights; try a smaller learning rate, or other rewards"
            )
        return new

    def _call(
        self, name: str, tensors: Values, options: Mapping[str, float], own: Loss | None = None
    ) -> Values:
        """Run one of the model's programs."""
        program = self._programs[f"{self.model_name}-{name}"]
        if own is not None:
            algorithms = {**ALGORITHMS, **self.lab.own_algorithms}
            model = model_named(self.model_name)
            program = replace(program, run=partial(update, algorithms[name], model, own=own))
        return self._run_program(program, tensors, options)

    def _run_program(
        self, program: Program, tensors: Values, options: Mapping[str, float]
    ) -> Values:
        """Run a program; an option that nobody sets has its default value."""
        numbers = {k: torch.tensor(float(v), dtype=torch.float32) for k, v in options.items()}
        known = {**program.examples, **numbers, **tensors}
        return self.run(program, {name: known[name] for name in program.examples})


def _in_torch(program: Program, given: Values) -> Values:
    return {key: value.detach() for key, value in program.run(given).items()}


def _time(updates: int) -> torch.Tensor:
    return torch.tensor(float(updates), dtype=torch.float32)


def _lab_graph(state: State) -> LabGraph:
    if state.edges:
        return own_graph(state.edges)
    return lab_graphs()[str(state.values.get("graph", "dag"))]
