"""The paper's figures from the saved results: bands over seeds, each seed's line, the numbers.

`of` names the graph: "dag" or "blocksworld". Each figure comes with `rows`, from which a table or a
CSV file is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import torch

from planrl import plots
from planrl.claims import interval
from planrl.errors import InputError
from planrl.experiments.store import results
from planrl.experiments.study import Settings, unpacked

if TYPE_CHECKING:
    from torch import Tensor

GRAPHS = {"dag": "a random DAG of 100 nodes", "blocksworld": "Blocksworld with 4 blocks"}
WORDS = {
    "train_accuracy": "training accuracy, sampled",
    "train_greedy": "training accuracy, greedy",
    "test_accuracy": "test accuracy, sampled",
    "test_greedy": "test accuracy, greedy",
    "train_diversity": "different right answers of 100",
    "test_diversity": "different right answers of 20, test questions",
    "adjacency_auc": "AUC of the weights against A",
    "adjacency_auc_logits": "AUC of the logits against A",
    "kl_to_uniform": "KL(U_C || q), nats",
}


SHORT = {
    "policy gradient": "PG",
    "Q-learning, process reward": "Q-learning",
    "Q-learning, process reward, off-policy": "Q, off-policy",
}


def series(of: str, learner: str, key: str) -> tuple[list[int], Tensor]:
    """Updates, and one row of values for each seed [S, X], of a learner of fig2 or fig3."""
    pages = results("fig3" if learner.startswith("Q") else "fig2", of=of)
    if learner not in pages[0]["result"]["learners"]:
        known = ", ".join(pages[0]["result"]["learners"])
        raise InputError(f"there is no learner {learner!r} on {of}; there are: {known}")
    curves = [page["result"]["learners"][learner] for page in pages]
    rows = torch.tensor([curve[key] for curve in curves])
    return curves[0]["step"], rows


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
    """One measure over updates, for some learners: mean, span and every seed."""
    groups = {name: series(of, name, key) for name in names}
    ends = {name: float(values[:, -1].mean()) for name, (_, values) in groups.items()}
    number = len(next(iter(groups.values()))[1])
    told = ", ".join(f"{name} ends at {end:.3g}" for name, end in ends.items())
    return plots.band_figure(
        groups,
        title=title,
        alt=f"{WORDS.get(key, key)} over updates on {GRAPHS[of]}, mean, span and each of {number} "
        f"seeds. {told}.",
        x="updates",
        y=WORDS.get(key, key),
        y_range=y_range,
        singles=True,
    )


def pareto(
    of: str, names: Sequence[str], *, title: str, accuracy: str = "test_greedy"
) -> go.Figure:
    """Fig. 3b: accuracy against diversity, mean over seeds, from the base to the last look."""
    ways = {name: series(of, name, "train_diversity")[1].mean(0) for name in names}
    right = {name: series(of, name, accuracy)[1].mean(0) for name in names}
    told = ", ".join(f"{n} ends at {ways[n][-1]:.1f}, {right[n][-1]:.3f}" for n in names)
    return plots.routes(
        {name: (ways[name], right[name]) for name in names},
        title=title,
        alt=f"{WORDS[accuracy]} against diversity on {GRAPHS[of]}. {told}.",
        x=WORDS["train_diversity"],
        y=WORDS[accuracy],
    )


def by_degree(of: str, names: Sequence[str], key: str, *, title: str) -> go.Figure:
    """Test accuracy at the last look by the question's degree, over the questions of all seeds.

    `key` is "accuracy" (sampled) or "greedy". Source: degrees as in ALPINE.
    """
    if key not in ("accuracy", "greedy"):
        raise InputError(f"key={key!r}: choose accuracy or greedy")
    groups: dict[str, dict[str, float]] = {}
    for name in names:
        pages = results("fig3" if name.startswith("Q") else "fig2", of=of)
        looks = [page["result"]["learners"][name]["test_by_degree"][-1] for page in pages]
        groups[name] = {}
        for degree in sorted({degree for look in looks for degree in look}):
            found = [look[degree] for look in looks if degree in look]
            count = sum(row["pairs"] for row in found)
            right = sum(row[key] * row["pairs"] for row in found)
            groups[name][f"{degree} ({count})"] = right / count
    told = "; ".join(
        f"{name}: " + ", ".join(f"{d} {v:.3f}" for d, v in values.items())
        for name, values in groups.items()
    )
    return plots.bars(
        groups,
        title=title,
        alt=f"Test accuracy by degree on {GRAPHS[of]}. {told}.",
        x="degree (questions)",
        y=WORDS[f"test_{key}"],
        y_range=(0.0, 1.12),
    )


def stops(of: str, names: Sequence[str], *, key: str = "test_accuracy") -> list[dict[str, Any]]:
    """When each learner's mean test accuracy is best, and what it has then and at the last look."""
    found = []
    for name in names:
        steps, right = series(of, name, key)
        ways = series(of, name, "train_diversity")[1].mean(0)
        mean = right.mean(0)
        best = int(mean.argmax())
        found.append({
            "learner": name, "best after": steps[best], "accuracy then": float(mean[best]),
            "at the end": float(mean[-1]), "ways then": float(ways[best]),
            "ways at the end": float(ways[-1]),
        })  # fmt: skip
    return found


def adjacency(of: str, names: Sequence[str], which: str, *, title: str) -> go.Figure:
    """Fig. 1: the true adjacency beside what models hold of it, seed 0, AUC over all seeds.

    `which` is "weights" (the read-out W^M') or "logits" (their mean over targets). A matrix is
    shown between its 1st and 99th percentile.
    """
    if which not in ("weights", "logits"):
        raise InputError(f"which={which!r}: choose weights or logits")
    key = "adjacency_auc" if which == "weights" else "adjacency_auc_logits"
    panels = {"truth": truth(of)}
    told = []
    for name in names:
        figure = "fig3" if name.startswith("Q") else "fig2"
        first = next(p for p in results(figure, of=of) if p["settings"]["seed"] == 0)
        matrix = unpacked(first["result"]["matrices"][name][which])
        low, high = matrix.quantile(torch.tensor([0.01, 0.99]))
        learner = "policy gradient" if name == "SFT" else name
        values = series(of, learner, key)[1][:, 0 if name == "SFT" else -1].tolist()
        mean, (least, most) = sum(values) / len(values), interval(values)
        panels[f"{SHORT.get(name, name)}: {mean:.3f}"] = (
            (matrix.clamp(low, high) - low).mul(100).round().div(100)
        )
        told.append(f"{name} {mean:.3f} ({least:.3f} to {most:.3f})")
    number = len(results("fig2", of=of))
    return plots.heatmaps(
        panels,
        title=title,
        alt=f"The adjacency of {GRAPHS[of]} and the {which} of models, seed 0. AUC over {number} "
        f"seeds with 95 % interval: {'; '.join(told)}.",
        height=760,
    )


def truth(of: str) -> Tensor:
    """The adjacency of seed 0's graph."""
    found = next(p for p in results("fig2", of=of) if p["settings"]["seed"] == 0)["settings"]
    world = Settings(**{**found, "looks": tuple(found["looks"])}).world()
    return world.graph.adjacency.float()


def logits(of: str, learner: str, *, title: str) -> go.Figure:
    """Fig. 4: logits of right, half right and wrong next nodes over training, mean over seeds."""
    figure = "fig3" if learner.startswith("Q") else "fig2"
    pages = [page["result"]["learners"][learner] for page in results(figure, of=of)]
    names = {
        "right": "right: an edge, and the target can be reached",
        "half": "one of the two",
        "wrong": "neither",
    }
    groups = {}
    for kind, name in names.items():
        rows = [[look[kind] for look in page["logits"]] for page in pages]
        if all(look is not None for row in rows for look in row):
            groups[name] = pages[0]["step"], torch.tensor([[look[0] for look in r] for r in rows])
    told = ", ".join(f"{name} {float(v[:, -1].mean()):.2f}" for name, (_, v) in groups.items())
    return plots.band_figure(
        groups,
        title=title,
        alt=f"Mean logits over training of {learner} on {GRAPHS[of]}, {len(pages)} seeds. At the "
        f"end: {told}.",
        x="updates",
        y="logit",
        singles=True,
    )


def cell(of: str, learner: str, *, number: int = 0, title: str) -> go.Figure:
    """Fig. 4 as a heatmap: the logits of every next node at one (target, here), over training."""
    figure = "fig3" if learner.startswith("Q") else "fig2"
    page = next(p for p in results(figure, of=of) if p["settings"]["seed"] == 0)["result"]
    target, here = page["facts"]["cells"][number]
    curve = page["learners"][learner]
    values = torch.tensor([look[number] for look in curve["cells"]])[:, :-1].T
    drawn = plots.heatmaps(
        {"": values},
        title=title,
        alt=f"Logits of each next node over training of {learner}, target {target}, standing at "
        f"{here}, seed 0.",
        x="look",
        y="next node",
        diverging=True,
        height=620,
    )
    return drawn.update_yaxes(scaleanchor=None).update_xaxes(
        tickvals=list(range(len(curve["step"]))), ticktext=[str(step) for step in curve["step"]],
        title="updates",
    )  # fmt: skip


def rows(of: str, names: Sequence[str], keys: Sequence[str]) -> list[dict[str, Any]]:
    """The numbers of such figures: one row for each learner, seed and look."""
    found = []
    for name in names:
        tracks = {key: series(of, name, key) for key in keys}
        steps, first = next(iter(tracks.values()))
        for seed in range(len(first)):
            for place, step in enumerate(steps):
                row: dict[str, Any] = {"graph": of, "learner": name, "seed": seed, "updates": step}
                found.append(row | {k: float(v[seed, place]) for k, (_, v) in tracks.items()})
    return found
