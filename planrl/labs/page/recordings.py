"""Runs of a lab made beforehand, ten seeds at each point of a grid, for readers who only look.

They are made by the same updates, so that a point of the grid shows what training there would.
`python -m planrl export --record` writes them; a page carries them as whole numbers.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from planrl.errors import InputError
from planrl.io.files import write_atomically
from planrl.labs.catalogue import labs
from planrl.labs.page.runtime import Exported
from planrl.labs.session import Session

FOLDER = Path(__file__).parent / "recorded"
SEEDS = tuple(range(10))
STEPS = tuple(range(0, 301, 20))
SCALES = {"ways": 1000, "entropy": 1000}
FORMAT = "planrl-recorded/1"


@dataclass(frozen=True)
class Grid:
    """Which settings of a lab are recorded: values of some controls, the others at fixed ones."""

    lab: str
    axes: Mapping[str, Sequence[float]]
    fixed: Mapping[str, Any]


_LAMBDAS = (0, 0.003, 0.01, 0.03, 0.1, 0.3, 1)
_USUAL = {"graph": "dag", "batch": 32}
_REWARDS = {"graph": "dag", "cost": 0, "off_policy": 0, "epsilon": 0.1, "bounds": 1, "lr": 1}
GRIDS = {
    "race": Grid("race", {"lr": (0.5, 1, 2)}, {"model": "transformer", **_USUAL}),
    "imitation": Grid(
        "imitation",
        {"lr": (0.25, 1, 4), "batch": (2, 8, 32)},
        {"model": "table", "graph": "dag"},
    ),
    "imitation-transformer": Grid(
        "imitation",
        {"lr": (0.25, 1, 4)},
        {"model": "transformer", **_USUAL},
    ),
    "policy-gradient": Grid(
        "policy-gradient",
        {"kl": _LAMBDAS, "lr": (0.5, 1, 2), "temperature": (0.25, 1, 2), "baseline": (0, 1)},
        {"model": "table", **_USUAL},
    ),
    "policy-gradient-transformer": Grid(
        "policy-gradient",
        {"kl": _LAMBDAS},
        {"model": "transformer", **_USUAL, "lr": 1, "temperature": 1, "baseline": 0},
    ),
    "rewards": Grid(
        "rewards",
        {"target": (-1, 1, 2), "edge": (0, 0.5, 1), "strict": (0, 1), "discount": (0.8, 1)},
        {"model": "table", **_REWARDS},
    ),
    "rewards-transformer": Grid(
        "rewards",
        {"edge": (0, 0.5, 1), "strict": (0, 1)},
        {"model": "transformer", **_REWARDS, "target": 1, "discount": 1},
    ),
    "blocks": Grid(
        "blocks", {"discount": (0.5, 0.8, 0.9, 1), "lr": (0.5, 1, 2)}, {"model": "table"}
    ),
}
"""What is recorded, by the name of its file; a lab may have several."""


@dataclass(frozen=True)
class Job:
    """One point of a lab's grid, as a link without the seed."""

    lab: str
    link: str


def points(name: str) -> list[Job]:
    """All points of a grid, the last axis the fastest."""
    if name not in GRIDS:
        raise InputError(f"no grid is called {name!r}; there are: {', '.join(GRIDS)}")
    grid = GRIDS[name]
    fixed = [f"{key}={value}" for key, value in grid.fixed.items()]
    values = itertools.product(*grid.axes.values())
    return [
        Job(
            grid.lab,
            "&".join([*fixed, *(f"{k}={v:g}" for k, v in zip(grid.axes, point, strict=True))]),
        )
        for point in values
    ]


def measure(job: Job, programs: Path) -> np.ndarray[Any, Any]:
    """What the looks of one point saw: [learner, metric, (mean, low, high), look].

    `low` and `high` are the second and the last but one of ten seeds. The exported programs of the
    folder `programs` run.
    """
    metrics, seen = labs()[job.lab].metrics, []
    for seed in SEEDS:
        run = Session(job.lab, f"{job.link}&seed={seed}", run=Exported(programs))
        rows = [[[one[m] for m in metrics] for one in run.evaluate()]]
        for before, after in itertools.pairwise(STEPS):
            run.train(after - before)
            rows.append([[one[m] for m in metrics] for one in run.evaluate()])
        seen.append(rows)
    values = np.array(seen)  # [seed, look, learner, metric]
    ordered = np.sort(values, 0)
    told = np.stack([values.mean(0), ordered[1], ordered[-2]])  # [3, look, learner, metric]
    return np.ascontiguousarray(told.transpose(2, 3, 0, 1))


def record(name: str, programs: Path, *, jobs: int = 1) -> Path:
    """Run a whole grid, `jobs` points at once, and save it."""
    with ProcessPoolExecutor(jobs, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return save(name, pool.map(partial(measure, programs=programs), points(name)))


def save(name: str, measured: Iterable[np.ndarray[Any, Any]]) -> Path:
    """Write a grid's recording, its points in the order of `points`."""
    grid = GRIDS[name]
    lab = labs()[grid.lab]
    scale = np.array([SCALES.get(metric, 10_000) for metric in lab.metrics])
    values = np.stack(list(measured)) * scale[:, None, None]
    page = {
        "format": FORMAT,
        "fixed": dict(grid.fixed),
        "axes": [{"name": key, "values": list(values)} for key, values in grid.axes.items()],
        "seeds": len(SEEDS),
        "steps": list(STEPS),
        "metrics": list(lab.metrics),
        "scale": scale.tolist(),
        "data": base64.b64encode(values.round().clip(0, 65535).astype("<u2").tobytes()).decode(),
    }
    path = FOLDER / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, json.dumps(page, separators=(",", ":")).encode() + b"\n")
    return path


def recorded(name: str) -> list[dict[str, Any]]:
    """A lab's recordings as its page needs them, as far as they have been made."""
    found = []
    for file, grid in GRIDS.items():
        path = FOLDER / f"{file}.json"
        if grid.lab == name and path.exists():
            page: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            page.pop("format")
            found.append(page)
    return found
