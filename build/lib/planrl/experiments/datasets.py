"""A graph, its training and test pairs, and demonstrated paths: from plain settings or files.

`GRAPHS` is the table of graphs: kind -> generator. The keyword arguments of a generator are the
options of its kind, in Python and on the command line. Another kind of graph is one more generator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from planrl.domains import EXAMPLES, blocksworld, example, state_space
from planrl.domains.assistant import FOLDER as ASSISTANT
from planrl.errors import InputError, check_fields, number, shown, whole
from planrl.experiments.named import Option, as_options, check_value, keywords, with_defaults
from planrl.graphs import MOST_SQUARE, Graph, random_dag, random_digraph, seeded
from planrl.io.files import read_bytes
from planrl.io.formats import read_graph, read_paths
from planrl.io.prompts import USUAL, better_prompt, check_prompt, common_prompt, in_usual_rows
from planrl.io.tool_graphs import CHAINS as TOOL_CHAINS
from planrl.io.tool_graphs import GRAPH as TOOL_GRAPH
from planrl.io.tool_graphs import read_tool_graph, with_chains
from planrl.models import PathModel
from planrl.streams import sample_paths
from planrl.tasks import Task, all_pairs, split
from planrl.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor

MOST_BLOCKS = 5  # 501 states; six have 16 million pairs
PROBLEMS = ("peg-4", "fuel-4", "fuel-6", "gripper-3", "hanoi-4", "logistics-1", "blocks-4")
"""Examples of planning problems small enough for random paths of a fifth of all pairs."""


def dag(rng: torch.Generator, *, nodes: int = 100, edge_probability: float = 0.15) -> Graph:
    """A random directed graph without cycles; the defaults are the paper's."""
    return random_dag(nodes, edge_probability, rng)


def digraph(rng: torch.Generator, *, nodes: int = 100, edge_probability: float = 0.15) -> Graph:
    """A random directed graph that may have cycles."""
    return random_digraph(nodes, edge_probability, rng)


def blocks(rng: torch.Generator, *, blocks: int = 4) -> Graph:
    """The states of Blocksworld and the moves between them; nothing of it is random."""
    return blocksworld(blocks)


def planning(rng: torch.Generator, *, problem: str = "peg-4", goal: bool = False) -> Graph:
    """The states of one of the library's planning problems; nothing of it is random.

    With `goal` there is a node more, which each state that meets the goal has an edge to.
    """
    if problem not in PROBLEMS and problem in EXAMPLES:
        raise InputError(
            f"{problem} has too many or too long paths to draw some for a fifth of its pairs: make "
            f"a few with `planrl rows {problem} --out data --train-share 0.01 --paths-per-pair 1`, "
            f"or take {', '.join(PROBLEMS)}"
        )
    space = state_space(example(problem))
    return space.goal_graph if goal else space.graph


def tools(rng: torch.Generator, *, data: str = "", digest: str = "") -> Graph:
    """The tool graph of the folder `data`, or the library's own; nothing of it is random.

    Raises InputError if a digest is given and is not that of the folder's files.
    """
    folder = Path(data) if data else ASSISTANT
    if digest and digest != tools_digest(folder):
        raise InputError(f"the tool graph in {folder} has changed since the digest was taken")
    return read_tool_graph(folder / TOOL_GRAPH).graph


def tools_digest(folder: Path) -> str:
    """A digest of the two files of a tool graph."""
    content = b"".join(read_bytes(folder / name) for name in (TOOL_GRAPH, TOOL_CHAINS))
    return hashlib.sha256(content).hexdigest()


def called(graph: Graph, settings: DatasetSettings) -> Dataset:
    """The dataset of a tool graph: the pairs of its chains are split, and the chains are the paths.

    Each chain of a training pair is demonstrated as often as the data have it.
    """
    if settings.paths_per_pair != DatasetSettings().paths_per_pair:
        raise InputError(
            "paths_per_pair does nothing with tools, whose data say how often: omit it"
        )
    folder = Path(settings.options.get("data") or ASSISTANT)
    found = with_chains(graph, folder / TOOL_CHAINS)
    rows = found.rows()
    task = Task(graph, rows[:, :2].unique(dim=0))
    share, rng = settings.train_share, seeded(settings.seed, "split")
    train, test = split(task, share, rng, force_edges=settings.force_edges)
    known = torch.zeros(graph.n, graph.n, dtype=torch.bool)
    known[train.pairs[:, 0], train.pairs[:, 1]] = True
    paths = rows[known[rows[:, 0], rows[:, 1]]]
    claimed = found.claimed if found.outside else None
    return Dataset(graph, train, test, paths, rows.shape[1], claimed)


GRAPHS: dict[str, Callable[..., Graph]] = {
    "dag": dag,
    "digraph": digraph,
    "blocksworld": blocks,
    "planning": planning,
    "tools": tools,
}
"""Kind of graph -> its generator, called with a random number generator and the kind's options."""
OPTIONS = {
    "nodes": Option(help="number of nodes of the random graph", least=1, most=MOST_SQUARE),
    "edge_probability": Option(
        help="probability of each possible edge, from 0 to 1", least=0.0, most=1.0
    ),
    "blocks": Option(help="number of blocks, 2 to 5; 5 have 501 states", least=1, most=MOST_BLOCKS),
    "problem": Option(help=f"the states of this planning problem: {', '.join(PROBLEMS)}"),
    "data": Option(help="folder with graph_desc.json and data.json of a tool graph and its calls"),
    "goal": Option(help="add a node that every state that meets the problem's goal leads to"),
}
"""What the help says of the options of graphs, and their ranges."""


def graph_options(kind: str) -> dict[str, Any]:
    """The options of a kind of graph with their defaults."""
    return keywords(GRAPHS[kind], 1)


@dataclass(frozen=True, init=False)
class DatasetSettings:
    """A graph and its data; the defaults are the paper's, where it states them.

    `kind` is a name in `GRAPHS`, and the options of its generator are given as keyword arguments:
    `DatasetSettings("digraph", nodes=50)`. Without a kind it is the first that takes all options
    that are given, so `DatasetSettings(blocks=4)` is Blocksworld. `options` holds those that differ
    from their defaults.
    """

    kind: str
    options: Mapping[str, Any]
    train_share: float
    force_edges: bool
    paths_per_pair: int
    seed: int

    def __init__(
        self,
        kind: str = "",
        *,
        options: Mapping[str, Any] | None = None,
        train_share: float = 0.2,
        force_edges: bool = False,
        paths_per_pair: int = 10,
        seed: int = 0,
        **graph: Any,
    ) -> None:
        given = {**as_options(options), **graph}
        if not isinstance(kind, str):
            raise InputError(f"kind {shown(kind)} is no graph: choose {' or '.join(GRAPHS)}")
        kind = kind or _kind_of(given)
        values = {
            "kind": kind,
            "options": _checked_options(kind, given),
            "train_share": train_share,
            "force_edges": force_edges,
            "paths_per_pair": paths_per_pair,
            "seed": seed,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        check_fields(self)
        whole(paths_per_pair, "paths_per_pair", least=1, most=1_000_000)
        number(train_share, "train_share", least=0.0, most=1.0)

    def plain(self) -> dict[str, Any]:
        """All settings as plain values, each option of the graph with the value that holds."""
        return {**vars(self), "options": with_defaults(self.options, graph_options(self.kind))}

    def given(self) -> dict[str, Any]:
        """The settings that differ from their defaults."""
        usual = vars(DatasetSettings())
        return {name: value for name, value in vars(self).items() if value != usual[name]}

    def make(self) -> Dataset:
        """The dataset that these settings describe; the same settings give the same dataset."""
        options = with_defaults(self.options, graph_options(self.kind))
        graph = GRAPHS[self.kind](seeded(self.seed, "graph"), **options)
        return DEMONSTRATED.get(self.kind, demonstrated)(graph, self)

    @property
    def names_files(self) -> bool:
        """Whether the graph is read from files of the user's."""
        return bool(self.options.get("data"))

    @property
    def digest(self) -> str:
        """The digest of those files, "" if it is not known."""
        return str(self.options.get("digest", ""))

    def known(self, graph: Graph) -> DatasetSettings:
        """The same with the digest of the files that are read, as a run saves it."""
        if not self.names_files:
            return self
        digest = self.digest or tools_digest(Path(self.options["data"]))
        return replace(self, options={**self.options, "digest": digest})


def _kind_of(given: Mapping[str, Any]) -> str:
    for kind in GRAPHS:
        if set(given) <= set(graph_options(kind)):
            return kind
    known = {name: ", ".join(graph_options(name)) for name in GRAPHS}
    raise InputError(
        f"no kind of graph takes {', '.join(given)} together; options of each kind: "
        + "; ".join(f"{name} has {options}" for name, options in known.items())
    )


def _checked_options(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that differ from their defaults. Raises InputError for what a kind has not."""
    if kind not in GRAPHS:
        raise InputError(f"kind {shown(kind)} is no graph: choose {' or '.join(GRAPHS)}")
    usual = graph_options(kind)
    for name in given:
        if name not in usual:
            users = [other for other in GRAPHS if name in graph_options(other)]
            goes = f"goes with the graph {' or '.join(users)}" if users else "is no option"
            raise InputError(
                f"{name}={shown(given[name])} {goes}, not with {kind}, whose options are "
                f"{', '.join(usual)}: leave it out"
            )
    checked = {
        name: check_value(name, value, usual[name], OPTIONS.get(name))
        for name, value in given.items()
    }
    return {name: value for name, value in checked.items() if value != usual[name]}


@dataclass(frozen=True, kw_only=True)
class FileDataset:
    """A graph, training lines and test lines as files; the digest tells if they changed.

    `prompt` is how the lines begin, before their paths (see `planrl.io.prompts`); if it is empty,
    the lines tell. A saved run also keeps the `labels` of the nodes, where they are not just
    0 .. n - 1.
    """

    graph: str
    train: str
    test: str
    digest: str = ""
    prompt: str = ""
    labels: tuple[str, ...] = ()
    kind: str = field(default="files", init=False)

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "prompt", self.prompt and check_prompt(self.prompt))
        labels = self.labels
        if not isinstance(labels, tuple | list) or not all(isinstance(x, str) for x in labels):
            raise InputError(f"labels={shown(labels)} was given: expected the nodes' names")
        object.__setattr__(self, "labels", tuple(labels))  # a saved run gives a list

    @property
    def names_files(self) -> bool:
        """It does."""
        return True

    def known(self, graph: Graph) -> FileDataset:
        """The same with digest and labels, as a run saves it."""
        numbers = tuple(map(str, range(graph.n)))
        labels = () if graph.labels == numbers else graph.labels
        return replace(self, digest=self.digest or self.fingerprint(), labels=labels)

    def plain(self) -> dict[str, Any]:
        """All settings as plain values."""
        return {**vars(self), "kind": self.kind, "labels": list(self.labels)}

    def make(self) -> Dataset:
        """The dataset in the three files. Raises InputError if they changed since the digest."""
        return _read(self)

    def fingerprint(self) -> str:
        """A digest of the three files' contents."""
        digest = hashlib.sha256()
        for name in (self.graph, self.train, self.test):
            digest.update(read_bytes(name))
        return digest.hexdigest()


@dataclass(frozen=True)
class Dataset:
    """A graph, its training and test pairs, and the demonstrated paths.

    `longest` is the length of the longest row that is known for a test pair, if any is. `claimed`
    is the graph as the data have it, if some of their steps are no edges: wrong checks pass them.
    `prompt` is how the rows of its files begin (see `planrl.io.prompts`).
    """

    graph: Graph
    train: Task
    test: Task
    paths: Int[Tensor, "M L"]
    longest: int = 0
    claimed: Graph | None = None
    prompt: str = USUAL

    @property
    def max_tokens(self) -> int:
        """How many tokens a path may have: those of the longest known row, and at least 20."""
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
    """The dataset these settings describe; the same settings give the same dataset."""
    return settings.make()


def demonstrated(graph: Graph, settings: DatasetSettings) -> Dataset:
    """The dataset of a given graph: its pairs are split, and paths drawn for the training pairs.

    The kind of graph in the settings and its options are not used.
    """
    rng = {name: seeded(settings.seed, name) for name in ("split", "paths")}
    train_task, test_task = split(
        all_pairs(graph), settings.train_share, rng["split"], force_edges=settings.force_edges
    )
    paths = sample_paths(train_task, settings.paths_per_pair, rng["paths"])
    return Dataset(graph, train_task, test_task, paths)


DEMONSTRATED: dict[str, Callable[[Graph, DatasetSettings], Dataset]] = {"tools": called}
"""Kind of graph -> what makes its dataset, where that is not `demonstrated`."""


def _read(settings: FileDataset) -> Dataset:
    if settings.digest and settings.digest != settings.fingerprint():
        raise InputError(
            f"{settings.graph}, {settings.train} or {settings.test} has changed since the run was "
            "started: restore the files, or start a new run"
        )
    graph = read_graph(settings.graph)
    read = {name: read_paths(name, graph) for name in (settings.train, settings.test)}
    prompt = settings.prompt or common_prompt(read, graph)
    rows = {}
    for name, given in read.items():
        lines = in_usual_rows(given, graph, prompt)
        if lines.invalid:
            line, reason = lines.invalid[0]
            raise InputError(
                f"{name}, line {line}: {reason} ({len(lines.invalid)} lines are invalid)"
                f"{better_prompt(given, graph, prompt)}"
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
        prompt=prompt,
    )
