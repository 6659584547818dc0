"""What a lab's figure shows of its learners.

`fill` is the kernel's reading of `Lab.bindings`: the data of every trace. A page has its own, in
web/lab-figure.js.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from planrl.figures.graphs import positions
from planrl.graphs import Graph
from planrl.labs.engine.models import VOCAB
from planrl.labs.spec.figure import Binding
from planrl.labs.spec.graphs import LabGraph
from planrl.labs.spec.lab import METRICS, SNIPPET, Lab
from planrl.tasks import PROMPT

if TYPE_CHECKING:
    from torch import Tensor

Update = dict[str, Any]
Evaluations = Sequence[Mapping[str, Any]]
"""What `Session.evaluate` returns: of each learner numbers by name, and tensors."""
Point = tuple[int, Sequence[Mapping[str, float]]]
"""How many updates there had been, and the numbers of each learner then."""
Filler = Callable[[Binding, LabGraph, Evaluations, Sequence[Point]], Iterator[tuple[int, Update]]]
BLANK: Update = {"x": [None], "y": [None]}  # no data, but the legend keeps its place
MOST_STEPS = 9  # of a plan that is drawn
APART = 0.28  # between the middles of two stacks


def fill(
    lab: Lab, lab_graph: LabGraph, evaluations: Evaluations, history: Sequence[Point]
) -> list[Update]:
    """What to change in each trace of the lab's figure, in their order: nested dicts of lists."""
    updates: list[Update] = [{} for _ in lab.figure.data]
    for binding in lab.bindings:
        for trace, update in FILLERS[binding["kind"]](binding, lab_graph, evaluations, history):
            updates[trace] = update
    return updates


def named_graph(lab_graph: LabGraph, names: Sequence[str], pair: Sequence[int]) -> LabGraph:
    """The same world with a reader's names of its nodes, if any, and the question that is asked."""
    graph = Graph(lab_graph.graph.n, lab_graph.graph.edges, names or lab_graph.graph.labels)
    source, target = pair
    return replace(lab_graph, graph=graph, pair=(source, target))


def numbers(lab: Lab, evaluations: Evaluations) -> list[dict[str, Any]]:
    """The lab's metrics, a row for each learner: what the figure shows, in digits."""
    return [
        {"learner": who.name, **{METRICS[name]: evaluation[name] for name in lab.metrics}}
        for who, evaluation in zip(lab.learners, evaluations, strict=True)
    ]


def told(lab: Lab, evaluations: Evaluations, updates: int, rate: float | None) -> str:
    """How a run is going, in words; `rate` is None while it pauses, 0 while it is unknown."""
    if rate is not None:
        pace = f", {float(f'{rate:.2g}'):g} updates a second" if rate else ""
        said = f"Training: update {updates}{pace}."
    else:
        said = f"Paused at update {updates}." if updates else "Nothing is trained: press Train."
    verdict = lab.verdicts[int(evaluations[0]["failure"])] if lab.verdicts and updates else ""
    return f"{said} {verdict}".strip()


def snippet(lab: Lab, link: str, updates: int, *, mixed: bool, loss: str = "") -> str:
    """Lines of planrl that train the same; of a run with `mixed` settings they have the last.

    `loss` is the name of a reader's own.
    """
    text = SNIPPET.format(name=lab.name, state=link, steps=updates)
    if loss:
        text = text.replace(")", f", loss={loss})", 1)
    return f"# the last settings; they were others earlier in this run\n{text}" if mixed else text


def named_axes(lab: Lab) -> list[str]:
    """The axes, as a layout calls them, that nodes stand on: labels like 3 are no places there."""
    found = []
    for binding in lab.bindings:
        if binding["kind"] in ("matrix", "bars"):
            trace = lab.figure.data[binding["trace"]]
            found.append(f"xaxis{(trace.xaxis or 'x')[1:]}")
            if binding["kind"] == "matrix":
                found.append(f"yaxis{(trace.yaxis or 'y')[1:]}")
    return sorted(set(found))


def _curve(
    binding: Binding, lab_graph: LabGraph, evaluations: Evaluations, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    line = {
        "x": [update for update, _ in history],
        "y": [numbers[binding["learner"]][binding["metric"]] for _, numbers in history],
    }
    yield binding["trace"], line if history else BLANK


def _nothing(
    binding: Binding, lab_graph: LabGraph, evaluations: Evaluations, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    """What was recorded is a page's: a kernel shows what it trained itself."""
    yield binding["trace"], BLANK


def _edges(
    binding: Binding, lab_graph: LabGraph, evaluations: Evaluations, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    values = _seen(binding, evaluations)
    where = _where(lab_graph.graph)
    at = binding["at"]
    for index, trace in enumerate(binding["traces"]):
        lines: list[list[float | None]] = [[], []]
        for current, next_node in lab_graph.graph.edges:
            if at[index] <= float(values[current, next_node]) < at[index + 1]:
                for axis in (0, 1):
                    lines[axis] += [where[current][axis], where[next_node][axis], None]
        yield trace, {"x": lines[0], "y": lines[1]} if lines[0] else BLANK


def _nodes(
    binding: Binding, lab_graph: LabGraph, evaluations: Evaluations, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    symbols = [binding["plain"]] * lab_graph.graph.n
    for node, what in zip(lab_graph.pair, ("source", "target"), strict=True):
        symbols[node] = binding[what]
    x, y = (list(axis) for axis in zip(*_where(lab_graph.graph), strict=True))
    yield (
        binding["trace"],
        {"x": x, "y": y, "text": _names(lab_graph), "marker": {"symbol": symbols}},
    )


def _matrix(
    binding: Binding, lab_graph: LabGraph, evaluations: Evaluations, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    n, names = lab_graph.graph.n, _names(lab_graph)
    values = _seen(binding, evaluations)[:n, :n].tolist()
    yield binding["trace"], {"x": names, "y": names, "z": values}


def _bars(
    binding: Binding, lab_graph: LabGraph, evaluations: Evaluations, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    values = _seen(binding, evaluations).tolist()
    heights = [*values[: lab_graph.graph.n], values[VOCAB.end]]
    yield binding["trace"], {"x": [*_names(lab_graph), "END"], "y": heights}


def _plan(
    binding: Binding, lab_graph: LabGraph, evaluations: Evaluations, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    tokens = [int(token) for token in _seen(binding, evaluations).tolist()]
    end = tokens.index(VOCAB.end) if VOCAB.end in tokens else len(tokens)
    path = tokens[PROMPT - 1 : end][:MOST_STEPS]
    kinds = sorted({name for state in lab_graph.pictures for _, _, name in state})
    blocks = [
        (step + APART * (stack - 1), height, name)
        for step, state in enumerate(path)
        if state < len(lab_graph.pictures)  # an untrained model may name a node that is no state
        for stack, height, name in lab_graph.pictures[state]
    ]
    colours = [binding["colours"][kinds.index(name)] for _, _, name in blocks]
    x, y, text = (list(column) for column in zip(*blocks, strict=True)) if blocks else ([], [], [])
    yield binding["trace"], {"x": x, "y": y, "text": text, "marker": {"color": colours}}


FILLERS: Mapping[str, Filler] = {
    "curve": _curve, "recorded": _nothing, "band": _nothing, "edges": _edges, "nodes": _nodes,
    "matrix": _matrix, "bars": _bars, "plan": _plan,
}  # fmt: skip


@lru_cache(maxsize=8)
def _where(graph: Graph) -> list[list[float]]:
    """Each node's place; to find these takes longer than all else that is drawn."""
    found: list[list[float]] = positions(graph).tolist()
    return found


def _seen(binding: Binding, evaluations: Evaluations) -> Tensor:
    """The tensor that a binding shows of its learner."""
    seen: Tensor = evaluations[binding["learner"]][binding["matrix"]]
    return seen


def _names(lab_graph: LabGraph) -> list[str]:
    """The nodes' labels, of which plotly must not take any part for markup."""
    return [html.escape(label, quote=False) for label in lab_graph.graph.labels]
