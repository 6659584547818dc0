"""The figures of a model's report: those of the book, for a model that somebody else trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from planrl.evaluate import Scores
from planrl.figures.charts import bars, heatmaps

if TYPE_CHECKING:
    from planrl.experiments.report import EdgesRead, Report

TRAIN, TEST = "training pairs", "held-out pairs"
GROUPS = (("0", 0, 0), ("1", 1, 1), ("2", 2, 2), ("3 to 5", 3, 5), ("6 to 10", 6, 10))
MOST_DRAWN = 400  # nodes of a graph whose adjacency is drawn


def report_figures(report: Report) -> dict[str, go.Figure]:
    """The figures of a report by name: accuracy, diversity, errors, degree, quality and edges.

    The last two are left out if no edges were read, the last one for a graph of many nodes too.
    The degree of a pair is ALPINE's: how many edges lie between the source and a node that a
    training path to the same target has passed.

    The report is that of `planrl.experiments.report.measure_model`.
    """
    how = f"{report.test.samples} paths a pair, temperature {report.sampler.temperature:g}"
    both = {TRAIN: report.train, TEST: report.test}
    figures = {
        "accuracy": _accuracy(both, how),
        "diversity": _diversity(both, f"{report.test.samples}, T = {report.sampler.temperature:g}"),
        "errors": _errors(both, how),
        "degree": _degree(report, how),
    }
    if report.edges is not None:
        figures["quality"] = _quality(report.edges)
        if len(report.edges.scores) <= MOST_DRAWN:
            figures["edges"] = _matrices(report.edges)
    return figures


def _said(groups: Mapping[str, Mapping[str, float]]) -> str:
    """The numbers of bars in words."""
    return "; ".join(
        f"{name}: " + ", ".join(f"{key} {value:.3f}" for key, value in values.items())
        for name, values in groups.items()
    )


def _accuracy(both: Mapping[str, Scores], how: str) -> go.Figure:
    groups = {}
    for name, scores in both.items():
        groups[name] = {
            "sampled": float(scores.accuracy.mean()),
            "greedy": float(scores.greedy.mean()),
        }
        if scores.strict is not None:
            groups[name] |= {
                "sampled, END emitted": float(scores.strict.accuracy.mean()),
                "greedy, END emitted": float(scores.strict.greedy.mean()),
            }
    return bars(
        groups,
        title=f"Accuracy<br><sup>sampled: {how}</sup>",
        alt=f"Accuracy, {how}. {_said(groups)}.",
        x="how the paths are drawn",
        y="share of correct paths",
        y_range=(0.0, 1.08),
    )


def _diversity(both: Mapping[str, Scores], drawn: str) -> go.Figure:
    groups, means = {}, []
    for name, scores in both.items():
        found = scores.diversity
        shares = {
            key: float(((found >= low) & (found <= high)).float().mean())
            for key, low, high in GROUPS
        }
        shares["more"] = float((found > GROUPS[-1][2]).float().mean())
        groups[name] = shares
        means.append(f"{float(found.mean()):.2f} ({name})")
    return bars(
        groups,
        title=f"Diversity<br><sup>mean {', '.join(means)}</sup>",
        alt=f"Share of pairs by the number of distinct correct paths of {drawn}. "
        f"Mean {', '.join(means)}. {_said(groups)}.",
        x=f"distinct correct paths of {drawn}",
        y="share of pairs",
        y_range=(0.0, 1.08),
    )


def _errors(both: Mapping[str, Scores], how: str) -> go.Figure:
    groups = {name: dict(scores.errors) for name, scores in both.items()}
    return bars(
        groups,
        title=f"What goes wrong first<br><sup>sampled: {how}</sup>",
        alt=f"Shares of sampled paths by their first error, {how}. {_said(groups)}.",
        x="first error",
        y="share of sampled paths",
        y_range=(0.0, 1.08),
    )


def _degree(report: Report, how: str) -> go.Figure:
    table = report.test.by(report.degree)
    names = {"accuracy": "sampled", "greedy": "greedy"}
    groups = {
        said: {f"{degree} ({row['pairs']} pairs)": float(row[key]) for degree, row in table.items()}
        for key, said in names.items()
    }
    return bars(
        groups,
        title=f"Held-out pairs by degree<br><sup>sampled: {how}</sup>",
        alt=f"Accuracy on held-out pairs by ALPINE's degree, {how}. {_said(groups)}.",
        x="ALPINE's degree of a pair",
        y="share of correct paths",
        y_range=(0.0, 1.08),
    )


def _quality(edges: EdgesRead) -> go.Figure:
    names = {"auc": "all edges", "auc_shown": "in training paths", "auc_unseen": "in none"}
    found = {
        said: edges.quality[key]
        for key, said in names.items()
        if not math.isnan(edges.quality[key])
    }
    return bars(
        {edges.name: found},
        title=f"Edges in {edges.name}<br><sup>columns centred; 0.5: edges do not stand out</sup>",
        alt=f"AUC of {edges.name}, columns centred, against pairs that are no edge. "
        f"{_said({edges.name: found})}.",
        x="edges",
        y="AUC",
        y_range=(0.0, 1.08),
    )


def _matrices(edges: EdgesRead) -> go.Figure:
    low, high = edges.scores.flatten().sort().values[_ends(edges.scores.numel())]
    return heatmaps(
        {
            "edges of the graph": edges.edges.float(),
            edges.name.removeprefix("the "): edges.scores.clamp(low, high),
        },
        title=f"The graph, and {edges.name}",
        alt=f"The adjacency of the graph beside {edges.name}, columns centred: AUC "
        f"{edges.quality['auc']:.3f}.",
        colours="columns centred, 1st to 99th percentile",
    )


def _ends(size: int) -> list[int]:
    """The positions of the 1st and the 99th percentile among `size` sorted numbers."""
    return [size // 100, size - 1 - size // 100]
