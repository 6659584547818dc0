"""A graph, its questions and the demonstrated paths, from plain settings or from files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from planrl.domains import blocksworld
from planrl.errors import InputError, check_fields, number, shown, whole
from planrl.graphs import MOST_SQUARE, Graph, random_dag, random_digraph, seeded
from planrl.io.files import read_bytes
from planrl.io.formats import read_alpine, read_graph
from planrl.io.prompts import USUAL, better_prompt, check_prompt, in_usual_rows
from planrl.models import PathModel
from planrl.streams import sample_paths
from planrl.tasks import Task, all_pairs, split
from planrl.transformer import Transformer, TransformerConfig

MOST_BLOCKS = 5  # 501 states; six have 16 million questions
OF_RANDOM_GRAPHS = ("nodes", "edge_probability", "cycles")

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class DatasetSettings:
    """A graph and its data; the defaults are the paper's, where it states them.

    With `blocks` the graph is Blocksworld with so many blocks (the paper's has 4), which the three
    settings of the random graph can't change.
    """

    nodes: int = 100
    edge_probability: float = 0.15
    cycles: bool = False
    train_share: float = 0.2
    force_edges: bool = False
    paths_per_pair: int = 10
    blocks: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check_fields(self)
        whole(self.nodes, "nodes", least=1, most=MOST_SQUARE)
        whole(self.blocks, "blocks", least=0, most=MOST_BLOCKS)
        whole(self.paths_per_pair, "paths_per_pair", least=1, most=1_000_000)
        number(self.edge_probability, "edge_probability", least=0.0, most=1.0)
        number(self.train_share, "train_share", least=0.0, most=1.0)
        for name in OF_RANDOM_GRAPHS if self.blocks else ():
            if getattr(self, name) != getattr(DatasetSettings, name):
                raise InputError(
                    f"{name}={getattr(self, name)} goes with a random graph, not with "
                    f"blocks={self.blocks}: leave it out"
                )


@dataclass(frozen=True, kw_only=True)
class FileDataset:
    """A graph, training lines and test lines as files; the digest tells if they changed.

    `prompt` is how the lines begin, before their paths (see `planrl.io.prompts`). A saved run also
    keeps the `labels` of the nodes, where they are not just 0 .. n - 1.
    """

    graph: str
    train: str
    test: str
    digest: str = ""
    prompt: str = USUAL
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "prompt", check_prompt(self.prompt))
        labels = self.labels
        if not isinstance(labels, tuple | list) or not all(isinstance(x, str) for x in labels):
            raise InputError(f"labels={shown(labels)} was given: expected the nodes' names")
        object.__setattr__(self, "labels", tuple(labels))  # a saved run gives a list

    def known(self, graph: Graph) -> FileDataset:
        """The same with digest and labels, as a run saves it."""
        numbers = tuple(map(str, range(graph.n)))
        labels = () if graph.labels == numbers else graph.labels
        return replace(self, digest=self.digest or self.fingerprint(), labels=labels)

    def fingerprint(self) -> str:
        """A digest of the three files' contents."""
        digest = hashlib.sha256()
        for name in (self.graph, self.train, self.test):
            digest.update(read_bytes(name))
        return digest.hexdigest()


@dataclass(frozen=True)
class Dataset:
    """A graph, its training and test questions, and the demonstrated paths.

    `longest` is the length of the longest row that is known for a test question, if any is.
    """

    graph: Graph
    train: Task
    test: Task
    paths: Int[Tensor, "M L"]
    longest: int = 0

    @property
    def max_tokens(self) -> int:
        """How long a walk may be: as long as the longest known row, and at least 20."""
        return max(20, self.paths.shape[1], self.longest)

    def fitted(self, config: TransformerConfig) -> TransformerConfig:
        """The same sizes, with positions for the longest row if they were too few."""
        return replace(config, positions=max(config.positions, self.max_tokens))

    def check_positions(self, model: PathModel, base: str = "") -> None:
        """Raise InputError if a model, that of the run `base` say, can't read the longest row."""
        if isinstance(model, Transformer) and model.config.positions < self.max_tokens:
            whose = (
                f"the model in {base} reads: train that" if base else "the model reads: train it"
            )
            raise InputError(
                f"the rows of this graph need up to {self.max_tokens} tokens, but positions="
                f"{model.config.positions} is the longest row that {whose} with --positions "
                f"{self.max_tokens}, or TransformerConfig(positions={self.max_tokens})"
            )


def make_dataset(settings: DatasetSettings | FileDataset) -> Dataset:
    """The world these settings describe; the same settings give the same world."""
    if isinstance(settings, FileDataset):
        return _read_dataset(settings)
    if settings.blocks:
        graph = blocksworld(settings.blocks)
    else:
        make = random_digraph if settings.cycles else random_dag
        graph = make(settings.nodes, settings.edge_probability, seeded(settings.seed, "graph"))
    return demonstrated(graph, settings)


def demonstrated(graph: Graph, settings: DatasetSettings) -> Dataset:
    """The world of a given graph: its pairs split, paths drawn for those of the training task.

    What the settings say of the graph itself is not used.
    """
    rng = {name: seeded(settings.seed, name) for name in ("split", "paths")}
    train_task, test_task = split(
        all_pairs(graph), settings.train_share, rng["split"], force_edges=settings.force_edges
    )
    paths = sample_paths(train_task, settings.paths_per_pair, rng["paths"])
    return Dataset(graph, train_task, test_task, paths)


def _read_dataset(settings: FileDataset) -> Dataset:
    if settings.digest and settings.digest != settings.fingerprint():
        raise InputError(
            f"{settings.graph}, {settings.train} or {settings.test} has changed since the run was "
            "started: restore the files, or start a new run"
        )
    graph = read_graph(settings.graph)
    rows = {}
    for name in (settings.train, settings.test):
        read = read_alpine(name, graph)
        lines = in_usual_rows(read, graph, settings.prompt)
        if lines.invalid:
            line, reason = lines.invalid[0]
            raise InputError(
                f"{name}, line {line}: {reason} ({len(lines.invalid)} lines are invalid)"
                f"{better_prompt(read, graph, settings.prompt)}"
            )
        if not len(lines.tokens):
            raise InputError(f"{name} has no rows")
        rows[name] = lines.tokens
    train_rows, test_rows = rows[settings.train], rows[settings.test]
    return Dataset(
        graph,
        Task(graph, train_rows[:, :2].unique(dim=0)),
        Task(graph, test_rows[:, :2].unique(dim=0)),
        train_rows,
        test_rows.shape[1],
    )
