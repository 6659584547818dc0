"""Studies: experiments as plain values, and the one runner that trains them.

A study is a dataset, a base model, the learners that start from copies of it, and what is measured
of them, for one seed. Everything that makes its numbers is in the record, so a saved result of a
study is current as long as the record is the same (see `records`).

A `Calculation` is an experiment whose result is computed by one function instead.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch

from planrl.errors import InputError, check_fields, whole
from planrl.experiments.algorithms import Algorithm
from planrl.experiments.datasets import Dataset, DatasetSettings
from planrl.experiments.named import function, keywords, with_defaults
from planrl.experiments.records import page_of
from planrl.experiments.streams import Setup
from planrl.graphs import seeded
from planrl.models import PathModel
from planrl.tasks import Batch
from planrl.train import Run, TrainConfig, adamw, train
from planrl.transformer import Transformer, TransformerConfig

Result = dict[str, Any]
SHARES = (0.05, 0.1, 0.2, 0.35, 0.6, 0.9, 0.95, 1.0)
"""When a learner is evaluated, as shares of its updates, if no steps are given."""


@dataclass(frozen=True, kw_only=True)
class Learner:
    """How a copy of the base is trained: algorithm, optimizer, rows in a batch.

    With `settles` the learning rate is a tenth in the last quarter of the updates. `rng` is the
    purpose of the random numbers of its batches, where that is not "walks of NAME".
    """

    algorithm: Algorithm
    training: TrainConfig
    batch: int = 128
    settles: bool = False
    rng: str = ""

    def __post_init__(self) -> None:
        check_fields(self)
        whole(self.batch, "batch", least=1)
        whole(self.training.steps, "the number of updates of a learner", least=1)

    @property
    def steps(self) -> int:
        """How many updates it makes."""
        return self.training.steps or 0

    def updates(self, model: PathModel, base: PathModel, batches: Iterator[Batch]) -> Run:
        """The updates of a model: it is trained in place."""
        training, loss = self.training, self.algorithm.make_loss()
        if self.algorithm.reads_base:
            training = replace(training, refresh=0)
        optimizer = adamw(model, training)
        phases = [(self.steps, 1.0)]
        if self.settles:
            phases = [(max(3 * self.steps // 4, 1), 1.0), (self.steps, 0.1)]
        done = 0
        for until, factor in phases:
            how = replace(training, steps=until, lr=training.lr * factor)
            for group in optimizer.param_groups:
                group["lr"] = how.lr
            yield from train(
                model,
                batches,
                loss,
                how,
                optimizer=optimizer,
                frozen=base if how.refresh == 0 else None,
                done=done,
            )
            done = until


def sft_base(steps: int) -> Learner:
    """How the base of the paper's figures is trained."""
    return Learner(
        algorithm=Algorithm("sft"),
        training=TrainConfig(steps=steps, lr=5e-4, weight_decay=0.1),
        batch=256,
        rng="base batches",
    )


@dataclass(frozen=True, kw_only=True)
class Base:
    """The model that learners start from: its sizes, and how it is trained (None: not at all).

    It has as many positions as the rows of the dataset need, in steps of 32.
    """

    model: TransformerConfig = field(default_factory=TransformerConfig)
    learner: Learner | None = field(default_factory=lambda: sft_base(700))

    def make(self, dataset: Dataset, seed: int) -> Transformer:
        """The model, trained on the dataset."""
        config = replace(self.model, positions=32 * -(-dataset.max_tokens // 32))
        model = Transformer(dataset.train.vocab, config, seeded(seed, "weights"))
        if self.learner is not None:
            rng = seeded(seed, self.learner.rng)
            how = self.learner
            batches = how.algorithm.make_stream(Setup(dataset, model, model, rng), how.batch)
            for _ in how.updates(model, model, batches):
                pass
        return model


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What is measured of a model, and after which updates.

    `measure` is the dotted path of a class of `planrl.experiments.evaluations` or of one like them.
    `samples` paths are sampled for each of at most `pairs` training pairs. Without `steps` each
    learner is evaluated after eight shares of its updates. `matrices` keeps those of the models of
    seed 0.
    """

    steps: tuple[int, ...] = ()
    measure: str = "planrl.experiments.evaluations:Figures"
    samples: int = 100
    pairs: int = 400
    matrices: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        whole(self.pairs, "pairs", least=1)
        if self.samples < 5:
            raise InputError(f"samples={self.samples}: take at least 5 paths for each pair")
        if list(self.steps) != sorted(set(self.steps)) or min(self.steps, default=1) < 1:
            raise InputError(
                f"steps={self.steps}: give numbers of updates in ascending order, from 1 on; the "
                "base is evaluated anyway"
            )

    def after(self, learner: Learner) -> set[int]:
        """The updates after which a learner is evaluated."""
        shares = {max(round(share * learner.steps), 1) for share in SHARES}
        return set(self.steps) or shares


class Measure(Protocol):
    """What a class of measurements has: one object measures one learner on one dataset."""

    at_start: bool
    base_alone: bool

    def __init__(
        self, dataset: Dataset, evaluation: Evaluation, seed: int, algorithm: Algorithm
    ) -> None: ...

    def facts(self) -> Result:
        """What the result says of the dataset."""

    def start(self, base: Transformer) -> None:
        """Look at the base before the learner is trained."""

    def watch(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches of the learner; the measurement may look at them."""

    def evaluate(self, model: PathModel) -> Result:
        """What is measured after some update."""

    def end(self, model: Transformer) -> Result:
        """What is measured once, after the last update."""

    def matrices(self, model: Transformer) -> Result:
        """Matrices of a model, as text."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """Learners that start from one base on one dataset: one saved result, NAME-LABEL.json."""

    name: str
    label: str
    tier: str = "full"
    seed: int = 0
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    base: Base = field(default_factory=Base)
    learners: Mapping[str, Learner]
    evaluation: Evaluation

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "dataset", replace(self.dataset, seed=self.seed))
        last = max(self.evaluation.steps, default=0)
        most = max((one.steps for one in self.learners.values()), default=last)
        if last > most:
            raise InputError(
                f"evaluation after {last} updates: the learners of {self.name} make {most} at most"
            )

    def plain(self) -> Result:
        """All that makes the numbers, as plain values."""
        return page_of(self, given=False)

    def given(self) -> Result:
        """The same without what has its default."""
        return page_of(self, given=True)

    def measure(self, dataset: Dataset, algorithm: Algorithm) -> Measure:
        """The measurements of one learner."""
        made: Measure = function(self.evaluation.measure)(
            dataset, self.evaluation, self.seed, algorithm
        )
        return made

    def run(self, done: Result, keep: Callable[[Result], None]) -> Result:
        """Train every learner: {"facts": ..., "learners": {name: {"step": [...], ...}}, ...}.

        The result also holds "base", what is measured of the base by itself, and for seed 0
        "matrices", if the evaluation asks for them. `done` is a result with some of the learners.
        """
        torch.set_num_threads(1)
        began = time.process_time()
        dataset = self.dataset.make()
        base = self.base.make(dataset, self.seed)
        alone = self.measure(dataset, Algorithm("sft"))
        alone.start(base)
        found: Result = {"facts": {**alone.facts(), "cpu_seconds": {}}, "learners": {}}
        if alone.base_alone:
            found["base"] = {**alone.evaluate(base), **alone.end(base)}
        wanted = self.evaluation.matrices and self.seed == 0
        found["matrices"] = {"SFT": alone.matrices(base)} if wanted else {}
        found["facts"]["cpu_seconds"]["SFT"] = time.process_time() - began
        for name, learner in self.learners.items():
            if name in done.get("learners", {}):
                _copy_learner(name, done, found)
                continue
            started = time.process_time()
            found["learners"][name], model = self.follow(name, learner, base, dataset)
            if wanted:
                found["matrices"][name] = alone.matrices(model)
            found["facts"]["cpu_seconds"][name] = time.process_time() - started
            keep(found)
        return found

    def follow(
        self, name: str, learner: Learner, base: Transformer, dataset: Dataset
    ) -> tuple[dict[str, Any], Transformer]:
        """Train a copy of the base: what was measured on the way, in columns, and the model."""
        model = copy.deepcopy(base)
        measure = self.measure(dataset, learner.algorithm)
        measure.start(base)
        rng = seeded(self.seed, learner.rng or f"walks of {name}")
        setup = Setup(dataset, model, base, rng)
        batches = measure.watch(learner.algorithm.make_stream(setup, learner.batch))
        steps = self.evaluation.after(learner)
        rows = [{"step": 0, **measure.evaluate(base)}] if measure.at_start else []
        for record in learner.updates(model, base, batches):
            if record.step in steps:
                rows.append({"step": record.step, **measure.evaluate(model)})
        columns = {key: [row[key] for row in rows] for key in rows[0]}
        return {**columns, **measure.end(model)}, model


@dataclass(frozen=True, kw_only=True)
class Calculation:
    """A result that one function computes: `call` is its dotted path.

    The function is called with the seed, if there is one, and the options by name.
    """

    name: str
    label: str = ""
    tier: str = "full"
    seed: int | None = None
    call: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> Result:
        """All that makes the numbers, as plain values."""
        usual = with_defaults({}, keywords(function(self.call), 0))
        return page_of(replace(self, options={**usual, **self._all()}), given=False)

    def given(self) -> Result:
        """The same without what has its default."""
        return page_of(replace(self, options=self._all()), given=True)

    def run(self, done: Result, keep: Callable[[Result], None]) -> Result:
        """What the function returns."""
        found: Result = function(self.call)(**self._all())
        return found

    def _all(self) -> dict[str, Any]:
        return {**({} if self.seed is None else {"seed": self.seed}), **self.options}


Experiment = Study | Calculation
"""What makes one saved result."""


def _copy_learner(name: str, done: Result, found: Result) -> None:
    """Take over what a result that was made before holds of a learner."""
    found["learners"][name] = done["learners"][name]
    seconds = done["facts"].get("cpu_seconds", {})
    found["facts"]["cpu_seconds"][name] = seconds.get(name, 0.0)
    if name in done.get("matrices", {}):
        found["matrices"][name] = done["matrices"][name]


def seeds(study: Study, count: int, *, first: int = 0) -> list[Study]:
    """The same study with the seeds 0 to `count` - 1, labelled LABEL-seed0 and so on."""
    return [
        replace(study, seed=seed, label=f"{study.label}-seed{seed}".lstrip("-"))
        for seed in range(first, first + count)
    ]
