"""The numbers behind the redrawn figures: rows for tables and for CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from planrl.experiments.store import results
from planrl.teaching.paper_figures import accuracy_by_degree, pages, seeds, series

Rows = list[dict[str, Any]]


def rows(of: str, names: Sequence[str], keys: Sequence[str]) -> Rows:
    """One row for each learner, seed and evaluation."""
    found = []
    for name in names:
        tracks = {key: series(of, name, key) for key in keys}
        steps, _ = next(iter(tracks.values()))
        for number, seed in enumerate(seeds(of, name)):
            for position, step in enumerate(steps):
                row: dict[str, Any] = {"graph": of, "learner": name, "seed": seed, "updates": step}
                found.append(row | {k: float(v[number, position]) for k, (_, v) in tracks.items()})
    return found


def degree_rows(of: str, names: Sequence[str]) -> Rows:
    """Accuracy at the last evaluation by degree: one row for each learner, seed and degree."""
    return [
        {"graph": of, "learner": name, "seed": seed, "degree": int(degree), **row}
        for name in names
        for seed, evaluation in accuracy_by_degree(of, name).items()
        for degree, row in evaluation.items()
    ]


def logit_rows(of: str, learner: str) -> Rows:
    """Logits of correct, partly correct and wrong next nodes by seed, evaluation and kind."""
    found = []
    for page in pages(of, learner):
        curve = page["result"]["learners"][learner]
        for step, evaluation, apart in zip(
            curve["step"], curve["logits"], curve["spread_of_right"], strict=True
        ):
            for kind, logits in evaluation.items():
                if logits is not None:
                    found.append(
                        {
                            "graph": of,
                            "learner": learner,
                            "seed": page["settings"]["seed"],
                            "updates": step,
                            "next nodes": kind,
                            "mean logit": logits[0],
                            "standard deviation": logits[1],
                            "spread of correct in a context": apart,
                        }
                    )
    return found


def stops(of: str, names: Sequence[str], *, key: str = "test_accuracy") -> Rows:
    """When each learner's mean test accuracy is best, with accuracy and diversity then."""
    found = []
    for name in names:
        steps, right = series(of, name, key)
        diversity = series(of, name, "train_diversity")[1].mean(0)
        mean = right.mean(0)
        best = int(mean.argmax())
        found.append(
            {
                "learner": name,
                "best after": steps[best],
                "accuracy then": float(mean[best]),
                "at the end": float(mean[-1]),
                "diversity then": float(diversity[best]),
                "diversity at the end": float(diversity[-1]),
            }
        )
    return found


def last_logits(of: str, learner: str) -> tuple[dict[str, float], int]:
    """Mean logits at the last evaluation by kind of next node (right, half, wrong); seeds."""
    last = [page["result"]["learners"][learner]["logits"][-1] for page in pages(of, learner)]
    kinds = [kind for kind, value in last[0].items() if value is not None]
    return {kind: sum(one[kind][0] for one in last) / len(last) for kind in kinds}, len(last)


def gain(of: str, learner: str, key: str) -> float:
    """The last evaluation minus the base, mean over seeds."""
    values = series(of, learner, key)[1]
    return float((values[:, -1] - values[:, 0]).mean())


def imitation_rows(sizes: Sequence[str]) -> Rows:
    """Assumption 3.1 in saved imitators: a row for each size and evaluation, means over seeds.

    A size is "layers x heads" without spaces. The attention is that of the last layer. What target,
    current node and number of nodes passed explain is left out of results without it.
    """
    found = []
    for size in sizes:
        curves = [page["result"]["learners"]["SFT"] for page in results("imitation", of=size)]
        for position, step in enumerate(curves[0]["step"]):
            row: dict[str, Any] = {"layers x heads": size, "updates": step, "seeds": len(curves)}
            for name, key in (
                ("attention on the target", "attention_on_target"),
                ("variance explained", "explained_adjusted"),
                ("where contexts share the number of nodes passed", "explained_without_position"),
                ("with that number", "explained_with_position"),
            ):
                if all(key in curve for curve in curves):
                    row[name] = sum(curve[key][position] for curve in curves) / len(curves)
            found.append(row)
    return found
