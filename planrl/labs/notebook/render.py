"""What a lab's figure shows of its learners.

`fill` turns the bindings of a lab's picture into the data of every trace. In a page
web/lab-figure.js does the same.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from planrl.figures.graphs import positions
from planrl.graphs import Graph
from planrl.labs.engine.models import VOCAB
from planrl.labs.spec.figure import METRICS, Binding
from planrl.labs.spec.graphs import LabGraph
from planrl.labs.spec.lab import SNIPPET, Lab
from planrl.tasks import PROMPT

if TYPE_CHECKING:
    from torch import Tensor

Update = dict[str, Any]
Evaluations = Sequence[Mapping[str, Any]]
"""What `Session.evaluate` returns: for each learner numbers and tensors by name."""
Point = tuple[int, Sequence[Mapping[str, float]]]
"""The number of updates done, and the numbers of each learner after them."""
BLANK: Update = {"x": [None], "y": [None]}  # no data, but the legend keeps its entry
MOST_STEPS = 9  # of a plan that is drawn
APART = 0.28  # between the middles of two stacks


class View(NamedTuple):
    """What there is to be shown: the graph, the newest evaluation, and those before."""

    lab_graph: LabGraph
    evaluations: Evaluations
    history: Sequence[Point]


Filled = Iterator[tuple[int, Update]]
"""The number of a trace, and its changes."""


def fill(
    lab: Lab, lab_graph: LabGraph, evaluations: Evaluations, history: Sequence[Point]
) -> list[Update]:
    """The changes of each trace of the lab's figure, in the order of the traces."""
    updates: list[Update] = [{} for _ in lab.picture.figure.data]
    for binding in lab.picture.bindings:
        for trace, update in FILLERS[binding["kind"]](
            binding, View(lab_graph, evaluations, history)
        ):
            updates[trace] = update
    return updates


def named_graph(lab_graph: LabGraph, names: Sequence[str], pair: Sequence[int]) -> LabGraph:
    """The same graph with a reader's names of its nodes, if any, and the pair that is shown."""
    graph = Graph(lab_graph.graph.n, lab_graph.graph.edges, names or lab_graph.graph.labels)
    source, target = pair
    return replace(lab_graph, graph=graph, pair=(source, target))


def numbers(lab: Lab, evaluations: Evaluations) -> list[dict[str, Any]]:
    """The lab's metrics, a row for each learner: the numbers that the figure shows."""
    return [
        {
            "learner": who.title or who.name,
            **{METRICS[name].label: evaluation[name] for name in lab.metrics},
        }
        for who, evaluation in zip(lab.learners, evaluations, strict=True)
    ]


def told(lab: Lab, evaluations: Evaluations, updates: int, rate: float | None) -> str:
    """The status of a run in words; `rate` is None while it is paused, 0 while it is unknown."""
    if rate is not None:
        pace = f", {float(f'{rate:.2g}'):g} updates a second" if rate else ""
        said = f"Training: update {updates}{pace}."
    else:
        said = f"Paused at update {updates}." if updates else "Nothing is trained: press Train."
    verdicts = lab.words.verdicts
    verdict = verdicts[int(evaluations[0]["failure"])] if verdicts and updates else ""
    return f"{said} {verdict}".strip()


def snippet(lab: Lab, link: str, updates: int, *, mixed: bool, loss: str = "") -> str:
    """Lines of planrl that train the same; after a run with `mixed` settings, with the last ones.

    `loss` is a reader's own loss as it is written in code.
    """
    text = SNIPPET.format(name=lab.name, state=link, steps=updates)
    if loss:
        text = text.replace(")", f", loss={loss})", 1)
    return f"# the last settings; they were others earlier in this run\n{text}" if mixed else text


def named_axes(lab: Lab) -> list[str]:
    """The axes, as a layout calls them, that nodes stand on: labels like 3 are no places there."""
    found = []
    for binding in lab.picture.bindings:
        if binding["kind"] in ("matrix", "bars"):
            trace = lab.picture.figure.data[binding["trace"]]
            found.append(f"xaxis{(trace.xaxis or 'x')[1:]}")
            if binding["kind"] == "matrix":
                found.append(f"yaxis{(trace.yaxis or 'y')[1:]}")
    return sorted(set(found))


def _curve(binding: Binding, view: View) -> Filled:
    line = {
        "x": [update for update, _ in view.history],
        "y": [numbers[binding["learner"]][binding["metric"]] for _, numbers in view.history],
    }
    yield binding["trace"], line if view.history else BLANK


def _nothing(binding: Binding, view: View) -> Filled:
    """Nothing: recorded runs are shown in a page, a kernel shows what it has trained itself."""
    yield binding["trace"], BLANK


def _edges(binding: Binding, view: View) -> Filled:
    values = _seen(binding, view.evaluations)
    where = _where(view.lab_graph.graph)
    at = binding["at"]
    for index, trace in enumerate(binding["traces"]):
        lines: list[list[float | None]] = [[], []]
        for current, next_node in view.lab_graph.graph.edges:
            if at[index] <= float(values[current, next_node]) < at[index + 1]:
                for axis in (0, 1):
                    lines[axis] += [where[current][axis], where[next_node][axis], None]
        yield trace, {"x": lines[0], "y": lines[1]} if lines[0] else BLANK


def _nodes(binding: Binding, view: View) -> Filled:
    symbols = [binding["plain"]] * view.lab_graph.graph.n
    for node, what in zip(view.lab_graph.pair, ("source", "target"), strict=True):
        symbols[node] = binding[what]
    x, y = (list(axis) for axis in zip(*_where(view.lab_graph.graph), strict=True))
    yield (
        binding["trace"],
        {"x": x, "y": y, "text": _names(view.lab_graph), "marker": {"symbol": symbols}},
    )


def _matrix(binding: Binding, view: View) -> Filled:
    n, names = view.lab_graph.graph.n, _names(view.lab_graph)
    values = _seen(binding, view.evaluations)[:n, :n].tolist()
    yield binding["trace"], {"x": names, "y": names, "z": values}


def _bars(binding: Binding, view: View) -> Filled:
    values = _seen(binding, view.evaluations).tolist()
    heights = [*values[: view.lab_graph.graph.n], values[VOCAB.end]]
    yield binding["trace"], {"x": [*_names(view.lab_graph), "END"], "y": heights}


def _plan(binding: Binding, view: View) -> Filled:
    tokens = [int(token) for token in _seen(binding, view.evaluations).tolist()]
    end = tokens.index(VOCAB.end) if VOCAB.end in tokens else len(tokens)
    path = tokens[PROMPT - 1 : end][:MOST_STEPS]
    kinds = sorted({name for state in view.lab_graph.pictures for _, _, name in state})
    blocks = [
        (step + APART * (stack - 1), height, name)
        for step, state in enumerate(path)
        if state
        < len(view.lab_graph.pictures)  # an untrained model may name a node that is no state
        for stack, height, name in view.lab_graph.pictures[state]
    ]
    colours = [binding["colours"][kinds.index(name)] for _, _, name in blocks]
    x, y, text = (list(column) for column in zip(*blocks, strict=True)) if blocks else ([], [], [])
    yield binding["trace"], {"x": x, "y": y, "text": text, "marker": {"color": colours}}


FILLERS: Mapping[str, Callable[[Binding, View], Filled]] = {
    "curve": _curve,
    "recorded": _nothing,
    "band": _nothing,
    "edges": _edges,
    "nodes": _nodes,
    "matrix": _matrix,
    "bars": _bars,
    "plan": _plan,
}


@lru_cache(maxsize=8)
def _where(graph: Graph) -> list[list[float]]:
    """Each node's position; they are kept, because finding them takes longer than drawing."""
    found: list[list[float]] = positions(graph).tolist()
    return found


def _seen(binding: Binding, evaluations: Evaluations) -> Tensor:
    """The tensor of its learner that a binding shows."""
    seen: Tensor = evaluations[binding["learner"]][binding["matrix"]]
    return seen


def _names(lab_graph: LabGraph) -> list[str]:
    """The nodes' labels, escaped, so that plotly takes no part of them for markup."""
    return [html.escape(label, quote=False) for label in lab_graph.graph.labels]
