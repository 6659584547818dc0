"""A graph, its questions and the demonstrated paths, from plain settings or from files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planrl.blocksworld import blocksworld
from planrl.checked import check_fields, number, whole
from planrl.errors import InputError
from planrl.formats import read_alpine, read_graph
from planrl.graphs import MOST_SQUARE, Graph, random_dag, random_digraph, seeded
from planrl.paths import sample_paths
from planrl.reading import read_bytes
from planrl.tasks import Task, all_pairs, split

MOST_BLOCKS = 5  # 501 states; six have 16 million questions
OF_RANDOM_GRAPHS = ("nodes", "edge_probability", "cycles")

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class WorldSettings:
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
            if getattr(self, name) != getattr(WorldSettings, name):
                raise InputError(
                    f"{name}={getattr(self, name)} goes with a random graph, not with "
                    f"blocks={self.blocks}: leave it out"
                )


@dataclass(frozen=True, kw_only=True)
class FileWorld:
    """A graph, training lines and test lines as files; the digest tells if they changed."""

    graph: str
    train: str
    test: str
    digest: str = ""

    def __post_init__(self) -> None:
        check_fields(self)

    def fingerprint(self) -> str:
        """A digest of the three files' contents."""
        digest = hashlib.sha256()
        for name in (self.graph, self.train, self.test):
            digest.update(read_bytes(name))
        return digest.hexdigest()


@dataclass(frozen=True)
class World:
    """A graph, its training and test questions, and the demonstrated paths."""

    graph: Graph
    train: Task
    test: Task
    paths: Int[Tensor, "M L"]

    @property
    def max_tokens(self) -> int:
        """How long a walk may be: as long as the longest demonstrated row, and at least 20."""
        return max(20, self.paths.shape[1])


def make_world(settings: WorldSettings | FileWorld) -> World:
    """The world these settings describe; the same settings give the same world."""
    if isinstance(settings, FileWorld):
        return _read_world(settings)
    rng = {name: seeded(settings.seed, name) for name in ("graph", "split", "paths")}
    if settings.blocks:
        graph = blocksworld(settings.blocks)
    else:
        make = random_digraph if settings.cycles else random_dag
        graph = make(settings.nodes, settings.edge_probability, rng["graph"])
    train_task, test_task = split(
        all_pairs(graph), settings.train_share, rng["split"], force_edges=settings.force_edges
    )
    paths = sample_paths(train_task, settings.paths_per_pair, rng["paths"])
    return World(graph, train_task, test_task, paths)


def _read_world(settings: FileWorld) -> World:
    if settings.digest and settings.digest != settings.fingerprint():
        raise InputError(
            f"{settings.graph}, {settings.train} or {settings.test} has changed since the run was "
            "started: restore the files, or start a new run"
        )
    graph = read_graph(settings.graph)
    rows = {}
    for name in (settings.train, settings.test):
        lines = read_alpine(name, graph)
        if lines.invalid:
            line, reason = lines.invalid[0]
            raise InputError(
                f"{name}, line {line}: {reason} ({len(lines.invalid)} lines are invalid)"
            )
        if not len(lines.tokens):
            raise InputError(f"{name} has no rows")
        rows[name] = lines.tokens
    train_rows, test_rows = rows[settings.train], rows[settings.test]
    return World(
        graph,
        Task(graph, train_rows[:, :2].unique(dim=0)),
        Task(graph, test_rows[:, :2].unique(dim=0)),
        train_rows,
    )
