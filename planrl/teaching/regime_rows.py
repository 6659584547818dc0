"""Numbers of the regimes as rows for tables and CSV files, and those of an earlier base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from planrl.experiments.store import results
from planrl.teaching.regime_figures import (
    EXPLORATION,
    HOW,
    PG,
    SFT,
    TASKS,
    curve,
    degree_values,
    ends,
    pages,
    series,
    short,
)

if TYPE_CHECKING:
    from torch import Tensor

Rows = list[dict[str, Any]]


def seeds(regime: str) -> list[int]:
    """The seeds of a regime's results, in the order of all its numbers."""
    return [page["study"]["seed"] for page in pages(regime)]


def exploration(regime: str = "B") -> list[dict[str, str]]:
    """Accuracy of EXPLORATION at the end, a row for each learner, in words with intervals."""
    keys = {
        f"{words}, {how}": f"{task}_{key}"
        for words, task in TASKS.items()
        for how, key in HOW.items()
    }
    return [
        {"model": name, **{words: short(ends(regime, name, key)) for words, key in keys.items()}}
        for name in EXPLORATION
    ]


def exploration_by_seed(regime: str = "B") -> Rows:
    """Held-out accuracy at the end of each seed, of all questions and by degree.

    A seed without a question of some degree has no row there, so the seeds of that degree are
    numbered by position.
    """
    return [
        {"model": name, "answers": how, "questions": some, "number": number, "accuracy": value}
        for name in EXPLORATION
        for how, key in HOW.items()
        for some, values in degree_values(regime, name, key).items()
        for number, value in enumerate(values)
    ]


def decoding(learners: Mapping[str, Sequence[str]]) -> Rows:
    """Decoding curves, a row for each regime, learner, task, seed and temperature."""
    keys = {
        "temperature": "temperature",
        "accuracy": "accuracy",
        "distinct correct paths": "diversity",
        "of them without a detour": "simple",
    }
    found = []
    for regime, names in learners.items():
        for name in names:
            for words, task in TASKS.items():
                values = {said: curve(regime, name, task, key) for said, key in keys.items()}
                for number, seed in enumerate(seeds(regime)):
                    row = {"regime": regime, "model": name, "questions": words, "seed": seed}
                    for k in range(values["temperature"].shape[1]):
                        found.append(row | {s: float(v[number, k]) for s, v in values.items()})
    return found


def over_updates(regime: str, learners: Sequence[str], keys: Mapping[str, str]) -> Rows:
    """Measures over updates, a row for each learner, seed and evaluation; {column: measure}."""
    found = []
    for name in learners:
        steps = series(regime, name, next(iter(keys.values())))[0]
        values = {words: series(regime, name, key)[1] for words, key in keys.items()}
        for number, seed in enumerate(seeds(regime)):
            for k, step in enumerate(steps):
                row = {"model": name, "seed": seed, "updates": step}
                found.append(row | {words: float(v[number, k]) for words, v in values.items()})
    return found


def early_base(key: str = "test_accuracy") -> dict[str, tuple[list[int], Tensor]]:
    """A measure over updates from a base of 350 updates: learner -> line, a row for each seed."""
    found = [page["result"]["learners"] for page in results("falsify", of="early-base")]
    return {
        name: (
            found[0][name]["step"],
            torch.tensor([page[name][key] for page in found], dtype=torch.float64),
        )
        for name in (SFT, PG)
    }
