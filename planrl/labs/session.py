"""A lab that runs in a kernel: the same updates and looks as in a page, in torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from planrl.errors import InputError, TrainingError, shown, whole
from planrl.labs.catalogue import labs
from planrl.labs.engine.models import BODIES, NODES
from planrl.labs.engine.programs import Program, programs
from planrl.labs.engine.sampling import DATASET, Values
from planrl.labs.engine.update import OF_THE_LOSS, knobs_of, update
from planrl.labs.spec.controls import State, read_state
from planrl.labs.spec.graphs import MOST_EDGES, SHARE, LabGraph, lab_graphs, own_graph
from planrl.labs.spec.lab import BASE_UPDATES, Lab
from planrl.losses import Loss
from planrl.models import PathModel


@dataclass
class _Running:
    """A learner's state: tensors that its next update reads."""

    knobs: dict[str, float]
    state: Values


class Session:
    """A lab's learners, as the lab's link describes them: `Session("race", "seed=3")`.

    `train(n)` takes n updates of every learner, `look()` measures them, `model(0)` is the first
    learner's model. The same link gives the numbers that the page shows.

    `loss(logits, batch)` is trained in the place of the algorithm's own, where the lab has one
    learner. Walks and rewards stay the lab's; a knob that the loss names as an argument, `kl` say,
    it is given at each update. Raises InputError for a lab, a control or a value that does not
    exist, and for a loss that can't be called.
    """

    def __init__(
        self, name: str, link: str = "", *, loss: Loss | None = None, run: Any = None
    ) -> None:
        known = labs()
        if not isinstance(name, str) or name not in known:
            raise InputError(f"no lab is called {shown(name)}; there are: {', '.join(known)}")
        self.lab: Lab = known[name]
        self.state: State = read_state(
            self.lab.controls, link, MOST_EDGES * self.lab.own, self.lab.name
        )
        self.loss = loss
        self.loss_name, self.about_loss = self._own_loss()
        self._run = run or _in_torch
        values = self.state.values
        self.model_name = str(values.get("model", "table"))
        self.lab_graph: LabGraph = _lab_graph(self.state)
        self._prepare()
        self.reset()

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
        self.state = State(values, self.state.edges)
        for index, learner in enumerate(self.learners):
            learner.knobs = self.lab.knobs(index, values)

    def reset(self) -> None:
        """Back to the start: the same seed gives the same run again."""
        self.updates = 0
        starts = self._starts()
        self.learners = [
            _Running(self.lab.knobs(index, self.state.values), _begun(starts[learner.start]))
            for index, learner in enumerate(self.lab.learners)
        ]

    def train(self, updates: int = 1) -> list[dict[str, float]]:
        """So many updates of every learner; each one's last loss, return and share of right walks.

        Raises TrainingError, before it is applied, for an update that is not finite.
        """
        if whole(updates, "updates") < 1:
            raise InputError(f"updates must be at least 1, but {updates} was given")
        told: list[dict[str, float]] = []
        for _ in range(updates):
            made = [
                self._update(one, learner.algorithm, self.loss)
                for one, learner in zip(self.learners, self.lab.learners, strict=True)
            ]
            for one, new in zip(self.learners, made, strict=True):
                one.state |= {key: new[key] for key in ("params", "m", "v")}
                one.state["t"] = one.state["t"] + 1.0
            self.updates += 1
            told = [{k: float(v) for k, v in new.items() if v.numel() == 1} for new in made]
        return told

    def evaluate(self) -> list[dict[str, Any]]:
        """What is measured of each learner: numbers by name, and the matrices that are shown."""
        found = []
        for one in self.learners:
            out = self._call(
                _PROGRAMS[f"{self.model_name}-look"], {**one.state, **self.given}, one.knobs
            )
            found.append({k: float(v) if v.ndim == 0 else v for k, v in out.items()})
        return found

    def model(self, learner: int = 0) -> PathModel:
        """A learner's model, to be scored or saved like any other."""
        return BODIES[self.model_name].model(self.learners[learner].state["params"])

    def _prepare(self) -> None:
        adjacency = torch.zeros(NODES, NODES, dtype=torch.float32)
        n = self.lab_graph.graph.n
        adjacency[:n, :n] = self.lab_graph.graph.adjacency.float()
        seed = torch.tensor(int(self.state.values.get("seed", 0)), dtype=torch.int32)
        asked = {
            "adjacency": adjacency, "seed": seed, "share": torch.tensor(SHARE, dtype=torch.float32),
            "question": torch.tensor(self.lab_graph.pair, dtype=torch.int32),
        }  # fmt: skip
        made = self._call(_PROGRAMS["prepare"], asked, {})
        if not int(made["pair_count"]):
            raise InputError("no node of this graph reaches another: there is nothing to ask")
        self.given: Values = {
            "adjacency": adjacency, "seed": seed, "question": made["question"],
            **{name: made[name] for name in DATASET[1:]},
        }  # fmt: skip
        self._table = made["table"]

    def _starts(self) -> dict[str, torch.Tensor]:
        """The weights that learners start from, by name."""
        fresh = self._call(_PROGRAMS[f"{self.model_name}-fresh"], self.given, {})["params"]
        if self.model_name == "table":
            return {"fresh": fresh, "base": self._table}
        if all(learner.start == "fresh" for learner in self.lab.learners):
            return {"fresh": fresh}
        one = _Running({}, _begun(fresh))
        for _ in range(BASE_UPDATES[self.model_name]):
            new = self._update(one, "sft")
            one.state |= {key: new[key] for key in ("params", "m", "v")}
            one.state["t"] = one.state["t"] + 1.0
        return {"fresh": fresh, "base": one.state["params"]}

    def _own_loss(self) -> tuple[str, str]:
        """The name of a reader's own loss, and which controls do nothing because of it."""
        if self.loss is None:
            return "", ""
        if len(self.lab.learners) > 1:
            one = ", ".join(name for name, lab in labs().items() if len(lab.learners) == 1)
            raise InputError(f"{self.lab.name} has several losses; give yours to one of: {one}")
        taken = knobs_of(self.loss, self.lab.learners[0].algorithm)
        name = getattr(self.loss, "__name__", type(self.loss).__name__)
        idle = [c.label for c in self.lab.controls if c.name in OF_THE_LOSS - taken]
        unused = f" It does not use: {', '.join(idle)}." if idle else ""
        return name, f"Trained here with a loss of yours, {name}.{unused}"

    def _update(self, one: _Running, algorithm: str, own: Loss | None = None) -> Values:
        program = _PROGRAMS[f"{self.model_name}-{algorithm}"]
        if own is not None:
            program = replace(
                program, run=partial(update, algorithm, BODIES[self.model_name], own=own)
            )
        new = self._call(program, {**self.given, **one.state}, one.knobs)
        if not torch.isfinite(new["loss"] + new["gradient_norm"]):
            raise TrainingError(
                f"update {int(one.state['t']) + 1} of {self.lab.name}: loss {float(new['loss'])}. "
                "The model keeps its weights; try a smaller learning rate, or other rewards"
            )
        return new

    def _call(self, program: Program, tensors: Values, knobs: Mapping[str, float]) -> Values:
        given = {
            key: tensors[key]
            if key in tensors
            else torch.tensor(float(knobs[key]), dtype=torch.float32)
            for key in program.examples
            if key in tensors or key in knobs
        }
        for key, value in program.examples.items():  # a knob that nobody sets has its usual value
            given.setdefault(key, value)
        out: Values = self._run(program, given)
        return out


_PROGRAMS = programs()


def _in_torch(program: Program, given: Values) -> Values:
    return {key: value.detach() for key, value in program.run(given).items()}


def _begun(weights: torch.Tensor) -> Values:
    zeros = torch.zeros_like(weights)
    return {
        "params": weights,
        "base": weights,
        "m": zeros,
        "v": zeros,
        "t": torch.tensor(0.0, dtype=torch.float32),
    }


def _lab_graph(state: State) -> LabGraph:
    if state.edges:
        return own_graph(state.edges)
    return lab_graphs()[str(state.values.get("graph", "dag"))]
