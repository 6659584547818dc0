"""Figures and tables of the study of soft values, from all its seeds that are stored."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from statistics import fmean
from typing import Any

import plotly.graph_objects as go
import torch

from planrl.domains.outcomes import discounted_optimum
from planrl.experiments.soft import SCALE, SETTINGS
from planrl.experiments.store import results
from planrl.figures import charts, scatter, sliders
from planrl.objectives.path_measures import arrival
from planrl.tasks import PROMPT
from planrl.teaching.regime_figures import PG, Q, short

SOFT = "soft Q-learning"
KEYS = {PG: "pg", Q: "q", SOFT: "soft"}
"""Method -> what its numbers are called in the results."""
GRAPHS = {"dag": "random DAG", "digraph": "random digraph", "blocksworld": "Blocksworld"}
"""Graph -> what a figure calls it."""
DISTINCT = "distinct correct paths among 30 samples"


@cache
def pages() -> list[dict[str, Any]]:
    """The stored results, one per seed in their order."""
    return sorted(results("soft"), key=lambda page: int(page["study"]["seed"]))


def values(graph: str, key: str) -> list[float]:
    """A number of one graph for each seed, such as "sampled_soft" or "entropy_u_c"."""
    return [float(page["result"][graph][key]) for page in pages()]


def mean(graph: str, key: str) -> float:
    """Its mean over seeds."""
    return fmean(values(graph, key))


def condition() -> str:
    """Model, graphs and number of seeds in words."""
    return f"linear Transformer, held-out questions, {len(pages())} seeds"


def rewards() -> str:
    """What scales the process rewards of both kinds of Q-learning, in words."""
    scales = ", ".join(f"{SETTINGS[key].penalty:g} ({words})" for key, words in GRAPHS.items())
    return f"rewards of Q-learning {SCALE:g}, of soft Q-learning {scales}"


def exact_q_learning(scale: float) -> float:
    """On Blocksworld: the accuracy at temperature 1 of Q-learning's exact values, all questions."""
    setting = SETTINGS["blocksworld"]
    graph = setting.dataset.make().graph
    policy = (scale * discounted_optimum(graph, setting.discount).double()).softmax(-1)
    arrives = arrival(policy, graph, steps=setting.longest - PROMPT)
    return float(arrives[~torch.eye(graph.n, dtype=torch.bool)].mean())


def at_equal_accuracy(*, title: str) -> go.Figure:
    """Bars of the diversity at sampled accuracy 0.99 on each graph; whiskers over all seeds."""
    figure = charts.seed_bars(
        {
            method: {words: values(graph, f"diversity_{key}") for graph, words in GRAPHS.items()}
            for method, key in KEYS.items()
        },
        title=title,
        about=f"{DISTINCT} at accuracy 0.99, {condition()}",
        x="graph",
        y=DISTINCT,
        y_range=(0.0, 30.0),
        digits=1,
    )
    subtitle = f"linear Transformer, {len(pages())} seeds; whiskers: all seeds"
    return figure.update_layout(title_subtitle={"text": subtitle})


def curve(graph: str, method: str) -> torch.Tensor:
    """[accuracy, diversity] at each temperature, means over seeds."""
    every = [page["result"][graph]["curves"][KEYS[method]] for page in pages()]
    return torch.tensor(every, dtype=torch.float64).mean(0).flip(-1)


def temperatures() -> list[float]:
    """The temperatures of a curve, in its order."""
    found: list[float] = pages()[0]["result"]["facts"]["temperatures"]
    return found


def temperature_curves(*, title: str) -> go.Figure:
    """Diversity against accuracy from the highest to the lowest temperature; a graph at a time."""
    high, *_, low = temperatures()
    drawn = {}
    for graph, words in GRAPHS.items():
        lines = {method: curve(graph, method) for method in KEYS}
        told = "; ".join(
            f"{method}: from {float(line[0, 1]):.1f} at accuracy {float(line[0, 0]):.2f} to "
            f"{float(line[-1, 1]):.1f} at {float(line[-1, 0]):.2f}"
            for method, line in lines.items()
        )
        drawn[words] = scatter.trajectories(
            {method: (line[:, 0], line[:, 1]) for method, line in lines.items()},
            title=title,
            alt=f"{DISTINCT} against accuracy, temperature {high:g} to {low:g}, on one of three "
            f"graphs: {words}. {told}. Means, {condition()}",
            x="accuracy, sampled",
            y=DISTINCT,
            y_range=(0.0, 26.0),
        ).update_xaxes(range=[0.0, 1.04])
    figure = sliders.with_slider(drawn, name="graph", start=GRAPHS["blocksworld"])
    subtitle = f"temperature {high:g} to {low:g} (large mark); means of {len(pages())} seeds"
    return figure.update_layout(title_subtitle={"text": subtitle})


def sampled_rows(methods: Sequence[str] = tuple(KEYS)) -> list[dict[str, str]]:
    """A row for each method: its accuracies at temperature 1 with their 95 % intervals."""
    return [
        {"method": method}
        | {
            words: short(values(graph, f"sampled_{KEYS[method]}"), 3)
            for graph, words in GRAPHS.items()
        }
        for method in methods
    ]


def by_seed() -> list[dict[str, Any]]:
    """A row for each graph, method and seed, for a file."""
    return [
        {
            "graph": words,
            "method": method,
            "seed": int(page["study"]["seed"]),
            "distinct correct paths at accuracy 0.99": page["result"][graph][f"diversity_{key}"],
            "accuracy, sampled at temperature 1": page["result"][graph][f"sampled_{key}"],
        }
        for graph, words in GRAPHS.items()
        for method, key in KEYS.items()
        for page in pages()
    ]
