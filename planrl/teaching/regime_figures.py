"""Figures of the regimes: decoding curves, exploration, edges that no path shows.

A regime is named by its letter (`planrl.experiments.regimes`), a learner by its name there; BASE is
the base model. Everything is computed from all seeds that are stored, however many they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import torch

from planrl.claims import interval
from planrl.errors import InputError
from planrl.experiments.store import FOLDER, results
from planrl.figures import charts, scatter
from planrl.figures.sliders import sliding, with_slider
from planrl.figures.style import faded, finish, style_of

if TYPE_CHECKING:
    from torch import Tensor

BASE, PG, SFT = "base", "policy gradient", "continual SFT"
PAID = "policy gradient, paid for demonstrated paths"
Q, OFF = "Q-learning", "Q-learning, off-policy"
OUTCOME = "Q-learning, outcome reward"
EXPLORATION = (BASE, SFT, PAID, PG)
"""The learners of the exploration experiment: the last differs from the third by new paths only."""
GRAPHS = {
    "A": "random DAG of 100 nodes, 10 demonstrated paths per question",
    "B": "random DAG of 100 nodes, 1 demonstrated path per question",
    "C": "Blocksworld, 20 % of the questions for training",
    "D": "Blocksworld, 80 % of the questions for training",
    "E": "random digraph of 50 nodes",
    "G": "random DAG of 100 nodes, 10 demonstrated paths per question",
    "H": "random DAG of 100 nodes, 1 demonstrated path for half of the training questions",
    "P": "random DAG of 100 nodes, 1 demonstrated path per question",
    "S": "random DAG of 100 nodes, 10 demonstrated paths per question",
}
"""Regime -> its graph and demonstrations in words."""
TASKS = {"held-out questions": "test", "training questions": "train"}
HOW = {"sampled, T = 1": "accuracy", "greedy": "greedy"}
OUTSIDE = {
    "questions that SFT did not see": "new",
    "questions that SFT saw": "train",
    "held-out questions": "test",
}
"""What stands at the questions of regime H in words -> in results."""
CYCLIC = ("C", "D", "E")
"""Regimes on graphs with cycles, where a path may take a detour: these are not counted."""
ROOM = (0.075, 0.06)  # shares of both axes that a mark's temperature takes on a phone
LAST = 3  # evaluations whose mean is the end
FEW = 5  # with fewer seeds Student's interval says little, and that of a share can leave 0..1


def has(regime: str) -> bool:
    """Whether any seed of a regime is stored."""
    return any(FOLDER.glob(f"regimes-{regime}-*.json"))


@cache
def pages(regime: str) -> list[dict[str, Any]]:
    """The stored results of a regime, one per seed in their order; of S, one per base."""
    found = results("regimes", of=f"{regime}-")
    return sorted(found, key=lambda page: (base_updates(page), page["study"]["seed"]))


def base_updates(page: Mapping[str, Any]) -> int:
    """How many updates of SFT made the base of a result."""
    return int(page["study"]["base"]["learner"]["training"]["steps"])


def measured(regime: str, learner: str) -> list[dict[str, Any]]:
    """What was measured of a learner or the base, for each seed."""
    found = []
    for page in pages(regime):
        learners = {BASE: page["result"]["base"], **page["result"]["learners"]}
        if learner not in learners:
            known = ", ".join(learners)
            raise InputError(f"regime {regime} has no learner {learner!r}; it has: {known}")
        found.append(learners[learner])
    return found


def series(regime: str, learner: str, key: str) -> tuple[list[int], Tensor]:
    """Updates, and one row of values per seed [S, X]. The base is a line that does not move."""
    found = measured(regime, learner)
    steps = measured(regime, SFT)[0]["step"] if learner == BASE else found[0]["step"]
    rows = [[p[key]] * len(steps) if learner == BASE else p[key] for p in found]
    return steps, torch.tensor(rows, dtype=torch.float64)


def ends(regime: str, learner: str, key: str) -> list[float]:
    """For each seed the mean of a learner's last three evaluations; the base's one."""
    return series(regime, learner, key)[1][:, -LAST:].mean(1).tolist()


def ends_by_degree(regime: str, learner: str, key: str) -> dict[str, list[float]]:
    """Held-out accuracy at the last evaluation by degree; `key` is "accuracy" or "greedy".

    "2+" counts each pair of degree 2 or more once. A seed that has no such pair gives no number.
    """
    found: dict[str, list[float]] = {"0": [], "1": [], "2+": []}
    for page in measured(regime, learner):
        rows = page["test_by_degree"]
        last = rows if learner == BASE else rows[-1]
        for name, values in found.items():
            some = [last[d] for d in last if d == name or (name == "2+" and int(d) > 1)]
            pairs = sum(one["pairs"] for one in some)
            if pairs:
                values.append(sum(one["pairs"] * one[key] for one in some) / pairs)
    return found


def curve(regime: str, learner: str, task: str, key: str) -> Tensor:
    """A decoding curve's values of each seed at each temperature [S, T]; `task` is test or train.

    `key` is "temperature", "accuracy", "diversity" (distinct correct paths among 100 samples) or
    "simple" (those of them that visit no node twice).
    """
    rows = [page["end"]["curves"][task][key] for page in measured(regime, learner)]
    return torch.tensor(rows, dtype=torch.float64)


def best(regime: str, learner: str, task: str = "test") -> list[float]:
    """Each seed's highest accuracy over the decoding temperatures."""
    return curve(regime, learner, task, "accuracy").amax(1).tolist()


def edges(regime: str, learner: str, score: str, readout: str = "weights") -> list[float]:
    """What a read-out tells of edges at the last evaluation, for each seed.

    `score` is "auc", "auc_shown" (edges of demonstrated paths against pairs that are no edge),
    "auc_unseen" (edges of no demonstrated path) or "precision" (of the |E| highest entries). The
    read-out is W^M' with its columns centred, unless `readout` names another one.
    """
    found = measured(regime, learner)
    rows = [page["edges"] if learner == BASE else page["edges"][-1] for page in found]
    return [row[readout][score] for row in rows]


def span_name(seeds: int) -> str:
    """What stands beside a mean: the 95 % interval, the range of fewer than FEW, of one nothing."""
    return "" if seeds < 2 else "range" if seeds < FEW else "95 % interval"


def _mean_and_span(values: Sequence[float], digits: int) -> tuple[str, str]:
    """A mean over seeds, and from where to where what `span_name` names goes."""
    low, high = interval(values) if len(values) >= FEW else (min(values), max(values))
    low, high = (round(end, digits) + 0.0 for end in (low, high))  # no -0.0
    span = f"{low:.{digits}f} to {high:.{digits}f}" if len(values) > 1 else ""
    return f"{sum(values) / len(values):.{digits}f}", span


def told(values: Sequence[float], digits: int = 3) -> str:
    """A mean over seeds in words, with its 95 % interval, or with the range of fewer than FEW."""
    mean, span = _mean_and_span(values, digits)
    beside = f"{span_name(len(values))} {span}, {len(values)} seeds" if span else "1 seed"
    return f"{mean} ({beside})"


def short(values: Sequence[float], digits: int = 2) -> str:
    """A mean over seeds and beside it what `span_name` names, for the cell of a table."""
    mean, span = _mean_and_span(values, digits)
    return f"{mean} ({span})" if span else mean


def minus(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """The difference for each seed."""
    return [a - b for a, b in zip(one, other, strict=True)]


def condition(regime: str) -> str:
    """Graph, base and number of seeds in words: what stands under a figure's title."""
    found = pages(regime)
    seeds = f"{len(found)} seed{'s' * (len(found) != 1)}, each with its own graph"
    return f"{GRAPHS[regime]}; base of {base_updates(found[0]):,} updates; {seeds}"


def subtitled(figure: go.Figure, words: str) -> go.Figure:
    """Write what a figure shows under its title, in two lines on a narrow page."""
    return figure.update_layout(title_subtitle={"text": words.replace("; base", ";<br>base")})


def accuracy_over_updates(
    regime: str, learners: Sequence[str], *, title: str, tasks: Mapping[str, str] = TASKS
) -> go.Figure:
    """Accuracy over updates, mean, range and each seed; a slider chooses pairs and decoding."""
    frames = {
        f"{words}, {how}": {
            name: series(regime, name, f"{task}_{key}") for name in learners if name != BASE
        }
        for words, task in tasks.items()
        for how, key in HOW.items()
    }
    about = f"Accuracy over updates, {condition(regime)}"
    return subtitled(sliding(frames, title=title, about=about, y="accuracy"), condition(regime))


def decoding_curves(regime: str, learners: Sequence[str], *, title: str) -> go.Figure:
    """Accuracy against number of distinct correct paths over the decoding temperature.

    One line for each learner, mean over seeds, thin lines for the seeds; the larger a mark, the
    higher its temperature, which stands beside the first learner's marks as far as there is room. A
    slider chooses held-out or training pairs. On graphs with cycles paths with a detour do not
    count.
    """
    frames = {words: _curves(regime, learners, task, title, words) for words, task in TASKS.items()}
    return with_slider(frames, name="show", start=next(iter(frames)))


def decoding_curve(regime: str, learners: Sequence[str], task: str, *, title: str) -> go.Figure:
    """The same for one set of pairs without a slider, for figures that ask for a guess."""
    words = {one: words for words, one in TASKS.items()}[task]
    return _curves(regime, learners, task, title, words)


def _curves(regime: str, learners: Sequence[str], task: str, title: str, words: str) -> go.Figure:
    figure, said = go.Figure(), []
    counted = "simple" if regime in CYCLIC else "diversity"
    for position, name in enumerate(learners):
        found, right = (curve(regime, name, task, key) for key in (counted, "accuracy"))
        heat = [f"{t:g}" for t in curve(regime, name, task, "temperature")[0].tolist()]
        _add_curve(figure, name, position, found, right, heat)
        mean = zip(heat, right.mean(0).tolist(), found.mean(0).tolist(), strict=True)
        said.append(f"{name}: " + ", ".join(f"T={t} {r:.3f} with {d:.1f}" for t, r, d in mean))
    _name_temperatures(figure)
    detours = " without a detour" if regime in CYCLIC else ""
    paths = f"distinct correct paths{detours} among 100 samples"
    figure.update_xaxes(title=paths, rangemode="tozero")
    figure.update_yaxes(title=f"accuracy, {words}")
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    alt = f"Accuracy and number of distinct correct paths over the temperature, {words}, "
    finish(figure, title, f"{alt}{condition(regime)}. {'; '.join(said)}.", 480)
    return subtitled(figure, condition(regime)).update_layout(margin_t=90)


def _add_curve(
    figure: go.Figure, name: str, position: int, x: Tensor, y: Tensor, heat: Sequence[str]
) -> None:
    """Each seed's decoding curve, thin, and their mean."""
    colour, dash, symbol = style_of(name, position)
    for rows, strong in (((x, y), False), ((x.mean(0)[None], y.mean(0)[None]), True)):
        along, up = ([v for row in one.tolist() for v in (*row, None)] for one in rows)
        figure.add_scatter(
            x=[v if v is None else round(v, 4) for v in along],
            y=[v if v is None else round(v, 4) for v in up],
            mode="lines+markers" if strong else "lines",
            name=name if strong else f"{name}, each seed",
            legendgroup=name,
            showlegend=strong,
            hoverinfo=None if strong else "skip",
            customdata=[*heat, ""] if strong else None,
            hovertemplate="T = %{customdata}: %{y:.3f} with %{x:.1f} paths" if strong else None,
            line={
                "color": colour if strong else faded(colour, 0.25),
                "dash": dash,
                "width": 2.5 if strong else 0.8,
            },
            marker={"color": colour, "symbol": symbol, "size": [*_sizes(len(heat)), 0]},
        )


def _sizes(number: int) -> list[float]:
    """Of the marks of a decoding curve, from the highest temperature down."""
    return [12 - 7 * k / max(number - 1, 1) for k in range(number)]


def _name_temperatures(figure: go.Figure) -> None:
    """Write the temperatures beside the first learner's marks, but none over another one.

    The highest one says what the numbers are.
    """
    wide = max(v for trace in figure.data for v in trace.x if v is not None)
    every = [v for trace in figure.data for v in trace.y if v is not None]
    high = (max(every) - min(every)) or 1.0
    marks = next(trace for trace in figure.data if trace.showlegend)
    named: list[tuple[float, float]] = []
    texts = []
    for x, y, heat in zip(marks.x, marks.y, marks.customdata, strict=True):
        free = heat and all(
            abs(x - a) > ROOM[0] * wide or abs(y - b) > ROOM[1] * high for a, b in named
        )
        texts.append((heat if named else f"T = {heat}") if free else "")
        named += [(x, y)] if free else []
    marks.update(mode="lines+markers+text", text=texts, textposition="top right")
    marks.textfont = {"color": marks.line.color, "size": 11}


def degree_values(regime: str, learner: str, key: str) -> dict[str, list[float]]:
    """Held-out accuracy at the end, of all pairs and by degree, for each seed."""
    by_degree = ends_by_degree(regime, learner, key)
    named = {f"degree {degree}": values for degree, values in by_degree.items() if values}
    return {"all": ends(regime, learner, f"test_{key}"), **named}


def signature(*, title: str, regime: str = "B") -> go.Figure:
    """Percent correct of the base on training and held-out questions, by degree, with intervals."""
    means: dict[str, dict[str, float]] = {}
    spans: dict[str, dict[str, tuple[float, float]]] = {}
    for how, key in HOW.items():
        found = degree_values(regime, BASE, key)
        found = {
            "training": ends(regime, BASE, f"train_{key}"),
            "held out": found.pop("all"),
            **found,
        }
        means[how] = {name: 100 * sum(values) / len(values) for name, values in found.items()}
        spans[how] = {
            name: (100 * interval(values)[0], 100 * interval(values)[1])
            for name, values in found.items()
        }
    said = "; ".join(
        f"{how}: " + ", ".join(f"{name} {value:.0f}" for name, value in row.items())
        for how, row in means.items()
    )
    drawn = charts.bars(
        means,
        title=title,
        alt=f"Percent correct of the base, {condition(regime)}. {said}.",
        x="questions",
        y="% correct",
        y_range=(0, 105),
        height=420,
        spans=spans,
    )
    return subtitled(drawn, condition(regime)).update_layout(margin_t=90)


def over_updates(
    regime: str, learners: Sequence[str], key: str, *, title: str, y: str, alt: str
) -> go.Figure:
    """One measure over updates: mean and range over seeds, under the title what was run."""
    groups = {name: series(regime, name, key) for name in learners}
    drawn = charts.range_figure(groups, title=title, alt=alt, x="updates", y=y)
    return subtitled(drawn, condition(regime)).update_layout(margin_t=90)


def unseen_edges(regime: str, learners: Sequence[str], *, title: str) -> go.Figure:
    """For each learner how well its weights tell edges from other pairs: shown and unseen edges."""
    kinds = {"demonstrated edges": "auc_shown", "edges of no demonstration": "auc_unseen"}
    rows = {
        name: {kind: edges(regime, name, score) for kind, score in kinds.items()}
        for name in learners
    }
    said = "; ".join(
        f"{name}: " + ", ".join(f"{kind} {told(values)}" for kind, values in row.items())
        for name, row in rows.items()
    )
    alt = f"AUC of the read-out W^M', columns centred, against pairs that are no edge. {said}."
    x = "AUC against pairs that are no edge (0.5: chance)"
    figure = scatter.dots(rows, title=title, alt=alt, x=x)
    figure.add_vline(x=0.5, line={"dash": "dash", "width": 1, "color": "#7F7F7F"})
    return subtitled(figure, condition(regime)).update_layout(margin_t=90)
