"""The paper's figures from the saved results: the range over seeds and each seed's line.

`of` names the graph: "dag" or "blocksworld". The numbers behind them are in
`planrl.teaching.paper_tables`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import torch

from planrl.claims import interval
from planrl.errors import InputError
from planrl.evaluate import auc
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.probes import unpacked
from planrl.experiments.store import results
from planrl.figures import charts
from planrl.figures.sliders import sliding

if TYPE_CHECKING:
    from torch import Tensor

GRAPHS = {"dag": "a random DAG of 100 nodes", "blocksworld": "Blocksworld with 4 blocks"}
WORDS = {
    "train_accuracy": "training accuracy, sampled",
    "train_greedy": "training accuracy, greedy",
    "test_accuracy": "test accuracy, sampled",
    "test_greedy": "test accuracy, greedy",
    "train_diversity": "distinct correct paths among 100 samples",
    "test_diversity": "distinct correct paths, test questions",
    "adjacency_auc": "AUC of the weights against A",
    "adjacency_auc_logits": "AUC of the logits against A",
    "kl_to_uniform": "KL(U_C || q), nats",
}


ACCURACIES = {
    "test, sampled": "test_accuracy",
    "test, greedy": "test_greedy",
    "training, sampled": "train_accuracy",
    "training, greedy": "train_greedy",
}
"""Label of a slider over the four accuracies -> the measure."""
SHORT = {
    "policy gradient": "PG",
    "Q-learning, process reward": "Q-learning",
    "Q-learning, process reward, off-policy": "Q, off-policy",
}


def pages(of: str, learner: str) -> list[dict[str, Any]]:
    """The saved results, one per seed, with this learner: fig3's for Q-learning, else fig2's."""
    return results("fig3" if learner.startswith("Q") else "fig2", of=of)


def series(of: str, learner: str, key: str) -> tuple[list[int], Tensor]:
    """Updates, and one row of values for each seed [S, X], of a learner of fig2 or fig3."""
    found = [page["result"]["learners"] for page in pages(of, learner)]
    if learner not in found[0]:
        known = ", ".join(found[0])
        raise InputError(f"there is no learner {learner!r} on {of}; there are: {known}")
    rows = torch.tensor([page[learner][key] for page in found], dtype=torch.float64)
    return found[0][learner]["step"], rows


def seeds(of: str, learner: str) -> list[int]:
    """The seeds of a learner's results, in the order of `series`."""
    return [page["settings"]["seed"] for page in pages(of, learner)]


def learners(of: str, figure: str) -> list[str]:
    """The names of a figure's learners on a graph."""
    return list(results(figure, of=of)[0]["result"]["learners"])


def curves(
    of: str,
    names: Sequence[str],
    key: str,
    *,
    title: str,
    y_range: tuple[float, float] | None = None,
) -> go.Figure:
    """One measure over updates, for some learners: mean, range and every seed."""
    groups = {name: series(of, name, key) for name in names}
    ends = {name: float(values[:, -1].mean()) for name, (_, values) in groups.items()}
    number = len(next(iter(groups.values()))[1])
    told = ", ".join(f"{name} ends at {end:.3g}" for name, end in ends.items())
    return charts.range_figure(
        groups,
        title=title,
        alt=f"{WORDS.get(key, key)} over updates on {GRAPHS[of]}, mean, range and each of {number} "
        f"seeds. {told}.",
        x="updates",
        y=WORDS.get(key, key),
        y_range=y_range,
        singles=True,
    )


def chosen(
    of: str, names: Sequence[str], keys: Mapping[str, str], *, title: str, y: str
) -> go.Figure:
    """Curves of several measures in one figure, chosen by a slider; `keys` is {label: measure}."""
    return sliding(
        {label: {name: series(of, name, key) for name in names} for label, key in keys.items()},
        title=title,
        about=f"{y} over updates on {GRAPHS[of]}",
        y=y,
    )


def accuracy_by_degree(of: str, name: str) -> dict[int, dict[str, dict[str, float]]]:
    """For each seed the last evaluation of held-out pairs by degree: pairs, accuracy, greedy."""
    return {
        page["settings"]["seed"]: page["result"]["learners"][name]["test_by_degree"][-1]
        for page in pages(of, name)
    }


def by_degree(of: str, names: Sequence[str], key: str, *, title: str) -> go.Figure:
    """Test accuracy at the last evaluation by degree: mean over seeds, 95 % interval.

    `key` is "accuracy" (sampled) or "greedy". Source: degrees as in ALPINE.
    """
    if key not in ("accuracy", "greedy"):
        raise InputError(f"key={key!r}: choose accuracy or greedy")
    means: dict[str, dict[str, float]] = {}
    spans: dict[str, dict[str, tuple[float, float]]] = {}
    for name in names:
        evaluations = accuracy_by_degree(of, name).values()
        means[name], spans[name] = {}, {}
        for degree in sorted({degree for evaluation in evaluations for degree in evaluation}):
            found = [evaluation[degree][key] for evaluation in evaluations if degree in evaluation]
            means[name][degree] = sum(found) / len(found)
            spans[name][degree] = interval(found)
    told = "; ".join(
        f"{name}: " + ", ".join(f"{d} {v:.3f}" for d, v in values.items())
        for name, values in means.items()
    )
    return charts.bars(
        means,
        title=title,
        alt=f"Test accuracy by degree on {GRAPHS[of]}, mean over seeds with 95 % interval. {told}.",
        x="degree",
        y=WORDS[f"test_{key}"],
        y_range=(0.0, 1.02),
        spans=spans,
    )


def adjacency(of: str, names: Sequence[str], which: str, *, title: str) -> go.Figure:
    """Fig. 1: the true adjacency and the adjacency stored in models, seed 0.

    `which` is "weights" (the read-out W^M'), "centred" (the same minus each column's mean, which
    Theorem 5.3 leaves free) or "logits" (their mean over targets). The AUC is that of all seeds; of
    the centred read-out it is that of seed 0. A matrix is shown from its 1st to 99th percentile.
    """
    if which not in ("weights", "centred", "logits"):
        raise InputError(f"which={which!r}: choose weights, centred or logits")
    edges = truth(of)
    panels, told = {"truth": edges}, []
    for name in names:
        first = next(page for page in pages(of, name) if page["settings"]["seed"] == 0)
        stored = first["result"]["matrices"][name]
        matrix = unpacked(stored["logits" if which == "logits" else "weights"])
        if which == "centred":
            matrix = matrix - matrix.mean(0)
            off = ~torch.eye(len(matrix), dtype=torch.bool)
            values = [auc(matrix[off], edges[off] > 0)]
        else:
            key = "adjacency_auc" if which == "weights" else "adjacency_auc_logits"
            learner = "policy gradient" if name == "SFT" else name
            values = series(of, learner, key)[1][:, 0 if name == "SFT" else -1].tolist()
        mean, (least, most) = sum(values) / len(values), interval(values)
        low, high = matrix.quantile(torch.tensor([0.01, 0.99]))
        step = 10.0 ** math.floor(
            math.log10(float(high - low) / 50)
        )  # more shades nobody tells apart
        shown = (matrix.clamp(low, high) - low).div(step).round().mul(step)
        panels[f"{SHORT.get(name, name)}: {mean:.3f}"] = shown
        told.append(f"{name} {mean:.3f} ({least:.3f} to {most:.3f}, {len(values)} seeds)")
    return charts.heatmaps(
        panels,
        title=title,
        alt=f"The adjacency of {GRAPHS[of]} and the {which} of models, seed 0. AUC with 95 % "
        f"interval: {'; '.join(told)}.",
        colours="the bluer the higher, each from its 1st to its 99th percentile",
        height=760,
    )


def truth(of: str) -> Tensor:
    """The adjacency of seed 0's graph."""
    page = next(p for p in results("fig2", of=of) if p["settings"]["seed"] == 0)
    few = {**page["study"]["dataset"], "paths_per_pair": 1}  # only the graph is asked for
    return DatasetSettings(**few).make().graph.adjacency.float()


def logits(of: str, learner: str, *, title: str) -> go.Figure:
    """Fig. 4: mean logits of correct, partly correct and wrong next nodes over training."""
    found = [page["result"]["learners"][learner] for page in pages(of, learner)]
    names = {
        "right": "correct: an edge, and the target can be reached",
        "half": "one of the two",
        "wrong": "neither",
    }
    groups = {}
    for kind, name in names.items():
        rows = [[evaluation[kind] for evaluation in page["logits"]] for page in found]
        if all(evaluation is not None for row in rows for evaluation in row):
            groups[name] = (
                found[0]["step"],
                torch.tensor([[evaluation[0] for evaluation in r] for r in rows]),
            )
    told = ", ".join(f"{name} {float(v[:, -1].mean()):.2f}" for name, (_, v) in groups.items())
    return charts.range_figure(
        groups,
        title=title,
        alt=f"Mean logits over training of {learner} on {GRAPHS[of]}, {len(found)} seeds. At the "
        f"end: {told}.",
        x="updates",
        y="logit",
        singles=True,
    )


def cell(of: str, learner: str, *, number: int = 0, title: str) -> go.Figure:
    """Fig. 4 as a heatmap: logits of every next node in one (target, current) over training."""
    page = next(p for p in pages(of, learner) if p["settings"]["seed"] == 0)["result"]
    target, current = page["facts"]["cells"][number]
    curve = page["learners"][learner]
    values = torch.tensor([evaluation[number] for evaluation in curve["cells"]])[:, :-1].T
    drawn = charts.heatmaps(
        {"": values},
        title=title,
        alt=f"Logits of each next node over training of {learner}, target {target}, current node "
        f"{current}, seed 0.",
        x="evaluation",
        y="next node",
        diverging=True,
        colours="logit",
        height=620,
    )
    return drawn.update_yaxes(scaleanchor=None).update_xaxes(
        tickvals=list(range(len(curve["step"]))),
        ticktext=[str(step) for step in curve["step"]],
        title="updates",
    )
