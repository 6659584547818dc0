"""One training run from plain settings: its graph, its data, its model, its stream and its loss.

Everything a run needs follows from its settings, so a saved run can be gone on with, evaluated and
started from by the name of its folder alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from planrl.errors import InputError, check_fields, shown, whole
from planrl.evaluate import watch
from planrl.experiments.algorithms import Algorithm as Algorithm
from planrl.experiments.algorithms import usual_options
from planrl.experiments.datasets import DatasetSettings, FileDataset, make_dataset
from planrl.experiments.streams import Setup
from planrl.graphs import seeded
from planrl.io.checkpoints import Saved, load, save
from planrl.models import LogitTable, PathModel
from planrl.sampling import MOST_ROWS
from planrl.train import Run, Step, TrainConfig, adamw, probe, train
from planrl.transformer import Transformer, TransformerConfig


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """All settings of a training run. `model=None` trains a LogitTable.

    `start` is the folder of the run to start from, and `start_digest` the digest of its state,
    which must be the same when this run is resumed.
    """

    algorithm: Algorithm
    dataset: DatasetSettings | FileDataset = field(default_factory=DatasetSettings)
    model: TransformerConfig | None = field(default_factory=TransformerConfig)
    training: TrainConfig = field(default_factory=TrainConfig)
    batch: int = 128
    seed: int = 0
    start: str = ""
    start_digest: str = ""

    def __post_init__(self) -> None:
        check_fields(self)
        whole(self.batch, "batch", least=1, most=MOST_ROWS)
        for name, kind in (
            ("algorithm", Algorithm),
            ("dataset", (DatasetSettings, FileDataset)),
            ("model", (TransformerConfig, type(None))),
            ("training", TrainConfig),
        ):
            if not isinstance(getattr(self, name), kind):
                raise InputError(
                    f"{name} is a record of settings, not {shown(getattr(self, name))}"
                )
        if self.training.refresh is not None:
            raise InputError(
                "a saved run keeps no frozen copy but its start: give Algorithm(kl=...) instead of "
                f"TrainConfig(refresh={self.training.refresh})"
            )

    @staticmethod
    def of(saved: Saved, *, own: Sequence[str] = ()) -> RunSettings:
        """The settings of a saved run. Files they name are read only if their digest is known.

        So a stranger's run cannot have another file of this machine read, and told of in an error.
        Nor can it have code imported: a function that is not planrl's is imported only if its
        dotted path is among `own`, which the user gives.
        """
        settings = RunSettings.from_dict(saved.settings, own=own)
        if settings.dataset.names_files and not settings.dataset.digest:
            raise InputError(
                "this run names files without their digest: it was not saved by planrl"
            )
        return settings

    def to_dict(self) -> dict[str, Any]:
        """Plain values, from which `from_dict` makes the same settings."""
        dataset, model = self.dataset, self.model
        return {
            **vars(self),
            "algorithm": self.algorithm.plain(),
            "dataset": dataset.plain(),
            "model": None if model is None else asdict(model),
            "training": asdict(self.training),
        }

    @staticmethod
    def from_dict(given: Mapping[str, Any], *, own: Sequence[str] = ()) -> RunSettings:
        """The settings a saved run was made with; for `own` see `of`."""
        try:
            page = migrated(given)
            dataset = dict(page["dataset"])
            files = dataset.pop("kind", None) == "files"
            return RunSettings(
                **{
                    **page,
                    "algorithm": _algorithm(page["algorithm"], own),
                    "dataset": FileDataset(**dataset)
                    if files
                    else DatasetSettings(**page["dataset"]),
                    "model": page["model"] and TransformerConfig(**page["model"]),
                    "training": TrainConfig(**page["training"]),
                }
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"these are not the settings of a planrl run: {error}") from None


def _algorithm(page: Mapping[str, Any], own: Sequence[str]) -> Algorithm:
    """The algorithm of a saved run, trusted only as far as `own` names its functions."""
    given = {name: page[name] for name in ("name", "loss", "stream", "options")}
    algorithm = Algorithm(**given, trusted=False)
    trusted = set(algorithm.foreign()) <= set(own)
    return Algorithm(**given) if trusted else algorithm


def migrated(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run as this version saves them, from those of version 0.1.0 if need be."""
    page = dict(given)
    dataset = dict(page.pop("world", page.get("dataset", {})))
    if "graph" in dataset:
        dataset["kind"] = "files"
    elif "kind" not in dataset:
        cycles, blocks = dataset.pop("cycles"), dataset.pop("blocks")
        options = {name: dataset.pop(name) for name in ("nodes", "edge_probability")}
        dataset["kind"] = "blocksworld" if blocks else "digraph" if cycles else "dag"
        dataset["options"] = {"blocks": blocks} if blocks else options
    page["dataset"] = dataset
    if page.pop("table", False):
        page["model"] = None
    algorithm = dict(page["algorithm"])
    if "options" not in algorithm:
        name = algorithm.pop("name")
        algorithm["value_bounds"] = algorithm.pop("believed", algorithm.get("value_bounds"))
        used = {key: algorithm[key] for key in usual_options(name) if key in algorithm}
        page["algorithm"] = {"name": name, "loss": "", "stream": "", "options": used}
    return page


class TrainingRun:
    """A run in progress, its state such that stopping and going on changes no number.

    It holds together what `checkpoints` saves and restores: model, optimizer, generator, records.
    With `fit_positions` a new Transformer reads rows as long as the graph's data need.
    """

    def __init__(
        self,
        settings: RunSettings,
        folder: Path,
        *,
        saved: Saved | None = None,
        fit_positions: bool = False,
    ) -> None:
        self.settings, self.folder = settings, folder
        self.held = False  # whether we alone write to the folder
        self.saved = len(saved.records) if saved is not None else None  # updates the folder holds
        if saved is not None and settings.start and not settings.start_digest:
            raise InputError(
                f"the run in {folder} names another one without its digest: an earlier version or "
                "somebody else saved it; start a new run"
            )
        self.dataset = make_dataset(settings.dataset)
        if settings.dataset.names_files:
            self.settings = replace(settings, dataset=settings.dataset.known(self.dataset.graph))
        if fit_positions and settings.model is not None and not settings.start:
            self.settings = replace(self.settings, model=self.dataset.fitted(settings.model))
        self.model, started_from = self._model(), self._model()
        if saved is None:
            self.dataset.check_positions(self.model, settings.start)
        self.rng = seeded(settings.seed, f"walks of {settings.algorithm.name}")
        self.optimizer = adamw(self.model, settings.training)
        self.records: list[Step] = []
        if saved is not None:
            if saved.model.vocab != self.dataset.train.vocab:
                raise InputError(f"the model in {folder} is not one of the graph of its settings")
            try:
                self.model.load_state_dict(saved.model.state_dict())
            except RuntimeError:
                raise InputError(f"the model in {folder} is not the one of its settings") from None
            saved.resume(self.optimizer, {"walks": self.rng})
            self.records = saved.records
        self._reference = started_from

    def _model(self) -> PathModel:
        settings, vocab = self.settings, self.dataset.train.vocab
        if settings.start:
            saved = load(settings.start, only=settings.start_digest)
            self.settings, model = replace(settings, start_digest=saved.digest), saved.model
            if model.vocab != vocab:
                raise InputError(
                    f"the run in {settings.start} is of a graph of {model.vocab.n_nodes} nodes, "
                    f"this one has {vocab.n_nodes}"
                )
            theirs = make_dataset(RunSettings.of(saved).dataset).graph
            if theirs != self.dataset.graph:
                raise InputError(
                    f"the run in {settings.start} is of another graph: give the same graph options "
                    "(with --seed, those it was made with)"
                )
            _refuse_another_model(settings, model)
            return model
        if settings.model is None:
            return LogitTable(vocab)
        return Transformer(vocab, settings.model, seeded(settings.seed, "weights"))

    def run(self, *, eval_every: int = 0, samples: int = 32) -> Run:
        """The updates still to be done; every `eval_every` updates both tasks are measured."""
        settings, algorithm = self.settings, self.settings.algorithm
        setup = Setup(self.dataset, self.model, self._reference, self.rng)
        batches = algorithm.make_stream(setup, settings.batch)
        training = settings.training
        if algorithm.reads_base:
            training = replace(training, refresh=0)
        run = train(
            self.model,
            batches,
            algorithm.make_loss(),
            training,
            optimizer=self.optimizer,
            frozen=self._reference if algorithm.reads_base else None,
            done=self.records[-1].step if self.records else 0,
        )
        if eval_every:
            run = probe(run, self.measure(samples), eval_every)
        for record in run:
            self.records.append(record)
            yield record

    def measure(self, samples: int = 32) -> Any:
        """What an evaluation of both tasks gives, with the same random numbers each time."""
        tasks = {"train": self.dataset.train, "test": self.dataset.test}
        return watch(
            self.model,
            tasks,
            rng=seeded(self.settings.seed, "probe"),
            samples=samples,
            sampler=self.settings.algorithm.sampler(self.dataset),
        )

    def save(self) -> Path:
        """Write the state into the folder, whole or not at all."""
        path = save(
            self.folder,
            self.model,
            self.settings.to_dict(),
            self.records,
            optimizer=self.optimizer,
            rngs={"walks": self.rng},
            held=self.held,
        )
        self.saved = len(self.records)
        return path


def _refuse_another_model(settings: RunSettings, model: PathModel) -> None:
    """Raise InputError for sizes that the model of the run to start from does not have."""
    if settings.model is None:
        if not isinstance(model, LogitTable):
            raise InputError(
                f"model=None is a LogitTable, but the model of the run in {settings.start} is no "
                "table"
            )
        return
    has = model.config if isinstance(model, Transformer) else None
    for entry in fields(TransformerConfig):
        value, theirs = getattr(settings.model, entry.name), getattr(has, entry.name, None)
        if value not in (entry.default, theirs):
            raise InputError(
                f"{entry.name}={value} was given, but the model of the run in {settings.start} is "
                f"there already, with {theirs or 'no sizes'}: leave it out"
            )


def resume(folder: str | Path, *, steps: int | None = None, own: Sequence[str] = ()) -> TrainingRun:
    """The run saved in a folder, ready to go on, to `steps` updates in all if that is given.

    A run with functions of your own names them by dotted path; `own` gives these paths again, so
    that they are imported. Raises InputError for a run whose stream keeps what is not saved.
    """
    saved = load(folder)
    settings = RunSettings.of(saved, own=own)
    algorithm = settings.algorithm
    for path in own:
        if path not in algorithm.foreign():
            raise InputError(f"the run in {folder} does not name {path}: leave it out")
    if why := algorithm.not_resumed:
        raise InputError(f"the run in {folder} cannot be resumed: {why}; start a new run")
    if steps is not None:
        settings = replace(settings, training=replace(settings.training, steps=steps))
    return TrainingRun(settings, Path(folder), saved=saved)
