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
from planrl.labs.spec.controls import Value
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
        where = "" if updates % lab.screen.end else ", where this lab stops by itself"
        said = (
            f"Paused at update {updates}{where}." if updates else "Nothing is trained: press Train."
        )
    verdicts = lab.words.verdicts
    verdict = verdicts[int(evaluations[0]["failure"])] if verdicts and updates else ""
    return f"{said} {verdict}".strip()


def formulas(lab: Lab, values: Mapping[str, Value]) -> str:
    """The formula of each learner as HTML, with the parts marked in which they differ."""
    said = [[term.said(values) for term in learner.formula] for learner in lab.learners]
    lines = []
    for learner, parts in zip(lab.learners, said, strict=True):
        words = [f"<strong>{html.escape(learner.name)}</strong>"]
        for k, part in enumerate(parts):
            text = html.escape(part)
            words.append(
                f"<mark>{text}</mark>" if part and {part} != {one[k] for one in said} else text
            )
        line = " ".join(filter(None, words)).replace(" ,", ",").replace(" <mark>,", "<mark>,")
        lines.append(f"<div>{line}</div>")
    return "".join(lines) if any(map(any, said)) else ""


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
    path, pictures = tokens[PROMPT - 1 : end], view.lab_graph.pictures
    kinds = sorted({name for state in pictures for _, _, name in state})
    *blocks, ground, letters, words, wrong = (_Drawn() for _ in binding["traces"])
    row, pitch, drop, size = (binding[key] for key in ("row", "pitch", "drop", "block"))

    def draw(state: int, x: float, y: float) -> None:
        ground.line([x - 1.6 * size, x + 1.6 * size], [y, y])
        picture = pictures[state] if state < len(pictures) else ()
        lowest = {stack: kinds.index(name) for stack, height, name in picture if not height}
        for stack, height, name in picture:  # a stack stays where its lowest block is
            left, low = x + (lowest[stack] - 1.5) * size, y + height * size
            blocks[kinds.index(name)].square(left, low, size)
            letters.word(left + size / 2, low + size / 2, name)

    known = {(a, b) for a, b in view.lab_graph.graph.edges}
    for k, state in enumerate(path[: 2 * row]):
        x, y = k % row * pitch, -(k // row) * drop
        draw(state, x, y)
        before = path[k - 1]
        if k == 0:
            words.word(x, y - 0.25, "start")
            continue
        legal = (before, state) in known
        told = words if legal else wrong
        told.word(x, y - 0.25, ("" if legal else "✗ ") + move_named(pictures, before, state, legal))
        told.word(x - pitch / 2, y + 0.2, "→")
    arrived = path[-1] == view.lab_graph.pair[1]
    draw(view.lab_graph.pair[1], row * pitch, 0)
    (words if arrived else wrong).word(
        row * pitch, -0.25, "goal" if arrived else "goal: not reached"
    )
    for trace, drawn in zip(
        binding["traces"], (*blocks, ground, letters, words, wrong), strict=True
    ):
        yield trace, drawn.update()


class _Drawn:
    """What one trace of a plan shows: lines with gaps between them, or words."""

    def __init__(self) -> None:
        self.x: list[float | None] = []
        self.y: list[float | None] = []
        self.text: list[str] = []

    def line(self, x: Sequence[float], y: Sequence[float]) -> None:
        self.x += [*x, None]
        self.y += [*y, None]

    def square(self, left: float, low: float, size: float) -> None:
        right, high = left + size, low + size
        self.line([left, right, right, left, left], [low, low, high, high, low])

    def word(self, x: float, y: float, text: str) -> None:
        self.x.append(x)
        self.y.append(y)
        self.text.append(text)

    def update(self) -> Update:
        if not self.x:
            return {**BLANK, "text": [""]}
        return {"x": self.x, "y": self.y} | ({"text": self.text} if self.text else {})


Pictures = Sequence[Sequence[tuple[float, float, str]]]


def move_named(pictures: Pictures, before: int, after: int, legal: bool) -> str:
    """The move between two states in words, or why there is none."""
    if before == after:
        return "stays"
    if max(before, after) >= len(pictures):
        return "no state"  # an untrained model may name such a node
    (was, now) = (_under(pictures[state]) for state in (before, after))
    moved = [name for name in sorted(now) if now[name] != was[name]]
    if legal:
        return f"{moved[0]} on {now[moved[0]]}"
    return f"{moved[0]} is not free" if len(moved) == 1 else f"moves {len(moved)} blocks"


def _under(picture: Sequence[tuple[float, float, str]]) -> dict[str, str]:
    """What each block of a state stands on."""
    names = {(stack, height): name for stack, height, name in picture}
    return {name: names.get((s, h - 1), "table") for (s, h), name in names.items()}


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
