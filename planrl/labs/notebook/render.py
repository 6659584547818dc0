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
from planrl.labs.spec.graphs import LabWorld
from planrl.labs.spec.lab import METRICS, SNIPPET, Lab
from planrl.tasks import PROMPT

if TYPE_CHECKING:
    from torch import Tensor

Update = dict[str, Any]
Looks = Sequence[Mapping[str, Any]]
"""What `Session.look` returns: of each learner numbers by name, and tensors."""
Point = tuple[int, Sequence[Mapping[str, float]]]
"""How many updates there had been, and the numbers of each learner then."""
Filler = Callable[[Binding, LabWorld, Looks, Sequence[Point]], Iterator[tuple[int, Update]]]
BLANK: Update = {"x": [None], "y": [None]}  # no data, but the legend keeps its place
MOST_STEPS = 9  # of a plan that is drawn
APART = 0.28  # between the middles of two stacks


def fill(lab: Lab, world: LabWorld, looks: Looks, history: Sequence[Point]) -> list[Update]:
    """What to change in each trace of the lab's figure, in their order: nested dicts of lists."""
    updates: list[Update] = [{} for _ in lab.picture.figure.data]
    for binding in lab.picture.bindings:
        for trace, update in FILLERS[binding["kind"]](binding, world, looks, history):
            updates[trace] = update
    return updates


def named_world(world: LabWorld, names: Sequence[str], question: Sequence[int]) -> LabWorld:
    """The same world with a reader's names of its nodes, if any, and the question that is asked."""
    graph = Graph(world.graph.n, world.graph.edges, names or world.graph.labels)
    source, target = question
    return replace(world, graph=graph, question=(source, target))


def numbers(lab: Lab, looks: Looks) -> list[dict[str, Any]]:
    """The lab's metrics, a row for each learner: what the figure shows, in digits."""
    return [
        {"learner": who.name, **{METRICS[name]: look[name] for name in lab.metrics}}
        for who, look in zip(lab.learners, looks, strict=True)
    ]


def told(lab: Lab, looks: Looks, updates: int, rate: float | None) -> str:
    """How a run is going, in words; `rate` is None while it pauses, 0 while it is unknown."""
    if rate is not None:
        pace = f", {float(f'{rate:.2g}'):g} updates a second" if rate else ""
        said = f"Training: update {updates}{pace}."
    else:
        said = f"Paused at update {updates}." if updates else "Nothing is trained: press Train."
    verdict = lab.verdicts[int(looks[0]["failure"])] if lab.verdicts and updates else ""
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
    for binding in lab.picture.bindings:
        if binding["kind"] in ("matrix", "bars"):
            trace = lab.picture.figure.data[binding["trace"]]
            found.append(f"xaxis{(trace.xaxis or 'x')[1:]}")
            if binding["kind"] == "matrix":
                found.append(f"yaxis{(trace.yaxis or 'y')[1:]}")
    return sorted(set(found))


def _curve(
    binding: Binding, world: LabWorld, looks: Looks, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    line = {
        "x": [update for update, _ in history],
        "y": [numbers[binding["learner"]][binding["metric"]] for _, numbers in history],
    }
    yield binding["trace"], line if history else BLANK


def _nothing(
    binding: Binding, world: LabWorld, looks: Looks, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    """What was recorded is a page's: a kernel shows what it trained itself."""
    yield binding["trace"], BLANK


def _edges(
    binding: Binding, world: LabWorld, looks: Looks, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    values = _seen(binding, looks)
    where = _where(world.graph)
    at = binding["at"]
    for place, trace in enumerate(binding["traces"]):
        lines: list[list[float | None]] = [[], []]
        for here, following in world.graph.edges:
            if at[place] <= float(values[here, following]) < at[place + 1]:
                for axis in (0, 1):
                    lines[axis] += [where[here][axis], where[following][axis], None]
        yield trace, {"x": lines[0], "y": lines[1]} if lines[0] else BLANK


def _nodes(
    binding: Binding, world: LabWorld, looks: Looks, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    symbols = [binding["plain"]] * world.graph.n
    for node, what in zip(world.question, ("source", "target"), strict=True):
        symbols[node] = binding[what]
    x, y = (list(axis) for axis in zip(*_where(world.graph), strict=True))
    yield binding["trace"], {"x": x, "y": y, "text": _names(world), "marker": {"symbol": symbols}}


def _matrix(
    binding: Binding, world: LabWorld, looks: Looks, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    n, names = world.graph.n, _names(world)
    values = _seen(binding, looks)[:n, :n].tolist()
    yield binding["trace"], {"x": names, "y": names, "z": values}


def _bars(
    binding: Binding, world: LabWorld, looks: Looks, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    values = _seen(binding, looks).tolist()
    heights = [*values[: world.graph.n], values[VOCAB.end]]
    yield binding["trace"], {"x": [*_names(world), "END"], "y": heights}


def _plan(
    binding: Binding, world: LabWorld, looks: Looks, history: Sequence[Point]
) -> Iterator[tuple[int, Update]]:
    tokens = [int(token) for token in _seen(binding, looks).tolist()]
    end = tokens.index(VOCAB.end) if VOCAB.end in tokens else len(tokens)
    path = tokens[PROMPT - 1 : end][:MOST_STEPS]
    kinds = sorted({name for state in world.pictures for _, _, name in state})
    blocks = [
        (step + APART * (stack - 1), height, name)
        for step, state in enumerate(path)
        if state < len(world.pictures)  # an untrained model may name a node that is no state
        for stack, height, name in world.pictures[state]
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


def _seen(binding: Binding, looks: Looks) -> Tensor:
    """The tensor that a binding shows of its learner."""
    seen: Tensor = looks[binding["learner"]][binding["matrix"]]
    return seen


def _names(world: LabWorld) -> list[str]:
    """The nodes' labels, of which plotly must not take any part for markup."""
    return [html.escape(label, quote=False) for label in world.graph.labels]
