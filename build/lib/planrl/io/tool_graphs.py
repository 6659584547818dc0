"""Tool-dependency graphs in the format of TaskBench, and chains of calls through them.

    graph_desc.json   {"nodes": [{"id": "find_flight"}, ...],
                       "links": [{"source": "find_flight", "target": "book_flight"}, ...]}
    data.json         a line for each request:
                      {"task_nodes": [{"task": "find_flight"}, {"task": "book_flight"}],
                       "task_links": [{"source": "find_flight", "target": "book_flight"}]}

Newer files say `tool_nodes` and `tool_links`. Such folders are published by TaskBench
(github.com/microsoft/JARVIS, taskbench) and GNN4TaskPlan (github.com/WxxShirley/GNN4TaskPlan,
data/, with UltraTool).

A tool that is called twice in a row is one step of a path, because a graph has no self-loops.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from planrl.errors import InputError, shown
from planrl.graphs import MOST_EDGES, MOST_NODES, Graph
from planrl.io.files import lines_of, read_bytes, text_of
from planrl.tasks import Vocab

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor

GRAPH, CHAINS = "graph_desc.json", "data.json"
MOST_CHAINS = 1_000_000
LINK = '{"source": "a", "target": "b"}'
CALL = '{"task": "a"}'
SINGLE, BRANCHED, RETURNED, PASSED, LEFT = (
    "only one tool, called once or several times in a row",
    "branched or unordered calls",
    "the last tool is the first one",
    "the last tool is called before the end, too",
    "a link that is not in the graph",
)
"""Why a line of the data holds no path between two tools of the graph."""


class Outside(NamedTuple):
    """A step of a chain that is no link of the graph, and the line it is in."""

    line: int
    source: str
    target: str


@dataclass(frozen=True)
class ToolGraph:
    """Tools as nodes, which tool may be called after which, and the chains of calls in the data.

    `chains` are the paths of the graph that the data show, as often as they do, and `lines` the
    numbers of their lines; `left_out` says how many lines hold none, by reason. `outside` lists all
    steps that are no links, and `self_loops` the tools that the file links to themselves.
    """

    graph: Graph
    chains: tuple[tuple[int, ...], ...]
    lines: tuple[int, ...]
    left_out: Mapping[str, int]
    outside: tuple[Outside, ...]
    self_loops: tuple[str, ...]

    @cached_property
    def counts(self) -> Counter[tuple[int, ...]]:
        """How often each different chain is there."""
        return Counter(self.chains)

    @cached_property
    def used(self) -> Counter[tuple[int, int]]:
        """How often the chains use each edge of the graph that they use."""
        return Counter(edge for chain in self.chains for edge in pairwise(chain))

    @cached_property
    def pairs(self) -> Counter[tuple[int, int]]:
        """How many different chains lead from a first to a last tool."""
        return Counter((chain[0], chain[-1]) for chain in self.counts)

    @property
    def claimed(self) -> Graph:
        """The graph with the steps that are no links as edges: what a wrong check lets pass."""
        number = {name: v for v, name in enumerate(self.graph.labels)}
        more = [(number[step.source], number[step.target]) for step in self.outside]
        return Graph(self.graph.n, [*self.graph.edges, *more], self.graph.labels)

    def rows(self) -> Int[Tensor, "M L"]:
        """All chains as rows of tokens `s t s a b t END`. Raises InputError if there are none."""
        if not self.chains:
            said = "; ".join(f"{count} lines: {why}" for why, count in self.left_out.items())
            raise InputError(f"the data hold no chain of two tools or more ({said or 'no lines'})")
        end = Vocab(self.graph.n).end
        longest = max(map(len, self.chains))
        padded = [[c[0], c[-1], *c, *[end] * (1 + longest - len(c))] for c in self.chains]
        return torch.tensor(padded)


def read_tools(folder: str | Path) -> ToolGraph:
    """The tool graph in a folder: its `graph_desc.json` and the chains of its `data.json`."""
    folder = Path(folder)
    return read_tool_graph(folder / GRAPH, folder / CHAINS)


def read_tool_graph(graph: str | Path, chains: str | Path | None = None) -> ToolGraph:
    """The tool graph in a file, with the chains of calls in a file of JSON lines if one is given.

    Tools keep the order of the file. Raises InputError, naming the file, the line and what is
    expected, for what is no JSON, links to tools that are not listed, and calls of such tools.
    """
    path = Path(graph)
    page, text = _page(path)
    tools = _tools(page, path)
    number = {name: v for v, name in enumerate(tools)}
    edges, loops = [], []
    for k, (source, target) in enumerate(_links(page["links"], f"{path}, `links`")):
        for name in (source, target):
            if name not in number:
                written = (json.dumps(name, ensure_ascii=one) for one in (True, False))
                line = text.count("\n", 0, max(0, *(text.rfind(one) for one in written))) + 1
                raise InputError(
                    f"{path}, line {line}: link {k + 1} names the tool {shown(name)}, which is not "
                    "among the nodes: list it there, or remove the link"
                )
        if source == target:
            loops.append(source)
        else:
            edges.append((number[source], number[target]))
    found = Graph(len(tools), edges, tools)
    if chains is None:
        return ToolGraph(found, (), (), {}, (), tuple(loops))
    return with_chains(found, Path(chains), tuple(loops))


def _page(path: Path) -> tuple[dict[str, Any], str]:
    """The JSON object in a file that has lists of nodes and links, and the file's text."""
    text = text_of(read_bytes(path), path)
    try:
        page = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {error.lineno}: this is no JSON ({error.msg})") from None
    except (RecursionError, ValueError) as error:
        raise InputError(f"{path} is not JSON that can be read: {str(error)[:200]}") from None
    for key, most in (("nodes", MOST_NODES), ("links", MOST_EDGES)):
        listed = page.get(key) if isinstance(page, dict) else None
        if not isinstance(listed, list) or len(listed) > most:
            raise InputError(
                f'{path} is no tool graph: expected {{"nodes": [{{"id": "a"}}], "links": [{LINK}]}}'
                f", with a list `{key}` of at most {most:,}"
            )
    return page, text


def _tools(page: dict[str, Any], path: Path) -> list[str]:
    names: dict[str, None] = {}
    for k, node in enumerate(page["nodes"]):
        name = node.get("id") if isinstance(node, dict) else None
        if not isinstance(name, str) or not name.strip():
            raise InputError(f'{path}: node {k + 1} is {shown(node)}: expected {{"id": "a"}}')
        if name in names:
            raise InputError(f"{path}: node {k + 1} is called {shown(name)}, as one before: rename")
        names[name] = None
    if not names:
        raise InputError(f"{path} lists no nodes: expected at least one tool")
    return list(names)


def _links(items: Any, where: str) -> Iterator[tuple[str, str]]:
    if not isinstance(items, list):
        raise InputError(f"{where}: {shown(items)} is no list of links {LINK}")
    for item in items:
        page = item if isinstance(item, dict) else {}
        source, target = page.get("source"), page.get("target")
        if not isinstance(source, str) or not isinstance(target, str):
            raise InputError(f"{where}: {shown(item)} is no link: expected {LINK}")
        yield source, target


def with_chains(graph: Graph, path: Path, loops: tuple[str, ...] = ()) -> ToolGraph:
    """The graph with the chains in a file of JSON lines; for errors see `read_tool_graph`."""
    number = {name: v for v, name in enumerate(graph.labels)}
    edges = set(graph.edges)
    chains: list[tuple[int, ...]] = []
    lines: list[int] = []
    outside: list[Outside] = []
    left: Counter[str] = Counter()
    for at, text in enumerate(lines_of(read_bytes(path), path), 1):
        if not text.strip():
            continue
        calls, links = _request(text, f"{path}, line {at}")
        for name in (*calls, *(end for link in links or () for end in link)):
            if name not in number:
                raise InputError(
                    f"{path}, line {at}: it calls {shown(name)}, which is no tool of the graph: "
                    "add it to the nodes, or remove the line"
                )
        ordered = _ordered(calls, links)
        steps = [(a, b) for a, b in pairwise(ordered) if a != b]
        wrong = [Outside(at, a, b) for a, b in steps if (number[a], number[b]) not in edges]
        outside += wrong
        chain = tuple(number[name] for name, _ in groupby(ordered))
        why = _why_no_path(chain, wrong)
        if why:
            left[why] += 1
        else:
            chains.append(chain)
            lines.append(at)
        if len(chains) > MOST_CHAINS:
            raise InputError(f"{path} holds more than {MOST_CHAINS:,} chains: take fewer")
    return ToolGraph(graph, tuple(chains), tuple(lines), dict(left), tuple(outside), loops)


def _why_no_path(chain: Sequence[int], wrong: Sequence[Outside]) -> str:
    """Why a chain is no path between two tools; "" if it is one."""
    if len(chain) < 2:
        return SINGLE if chain else BRANCHED
    if wrong:
        return LEFT
    if chain[0] == chain[-1]:
        return RETURNED
    return PASSED if chain[-1] in chain[:-1] else ""


def _request(text: str, where: str) -> tuple[list[str], list[tuple[str, str]] | None]:
    """The tools that a line calls, and the links between them if it has any."""
    try:
        page = json.loads(text)
    except (RecursionError, ValueError) as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)[:100]
        raise InputError(f"{where}: this is no JSON ({said}): expected one object a line") from None
    parts: dict[str, Any] = {}
    for part in ("nodes", "links"):
        names = [f"task_{part}", f"tool_{part}"] if isinstance(page, dict) else []
        value = next((page[name] for name in names if name in page), None)
        try:
            parts[part] = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            parts[part] = value
    if not isinstance(parts["nodes"], list) or not parts["nodes"]:
        raise InputError(
            f"{where}: it has no calls: expected a list `task_nodes` (or `tool_nodes`) of one tool "
            f"or more, [{CALL}]"
        )
    calls = []
    for node in parts["nodes"]:
        name = node.get("task") if isinstance(node, dict) else node
        if not isinstance(name, str):
            raise InputError(f"{where}: {shown(node)} is no call: expected {CALL}")
        calls.append(name)
    links = None if parts["links"] is None else list(_links(parts["links"], where))
    return calls, links


def _ordered(calls: list[str], links: list[tuple[str, str]] | None) -> list[str]:
    """The calls in the order of their links; none if the links do not put them in a line.

    Links say nothing of the order if there are none.
    """
    if links is None or links == list(pairwise(calls)):
        return calls
    following = dict(links)
    starts = [name for name in calls if name not in following.values()]
    if len({*calls}) < len(calls) or len(following) < len(links) or len(starts) != 1:
        return []
    found = starts
    while (after := following.get(found[-1])) is not None and len(found) <= len(calls):
        found.append(after)
    return found if sorted(found) == sorted(calls) else []
