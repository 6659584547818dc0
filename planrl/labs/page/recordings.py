"""Recorded runs of a lab, ten seeds at each point of a grid, which a page shows before training.

The exported programs make them, so that a point of the grid shows what training there would give.
`python -m planrl export FOLDER --record` writes them; a page carries them as integers. A recording
names its lab, its learners with their options, and a value for every control. A page shows the
curve of a learner only if all of these are those of the lab as it is today.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from planrl.errors import InputError
from planrl.io.files import write_atomically
from planrl.labs.catalogue import GRIDS, lab_named
from planrl.labs.page import policies
from planrl.labs.page.runtime import Exported
from planrl.labs.session import Session
from planrl.labs.spec.controls import read_state, text_of
from planrl.labs.spec.lab import END, Grid, Lab

FOLDER = Path(__file__).parent / "recorded"
SEEDS = tuple(range(10))
STEPS = tuple(range(0, END + 1, 20))
SCALES = {"diversity": 1000, "entropy": 1000, "left": 500, "limit_left": 500}
UNKNOWN = 65535  # stands for nan
FORMAT = "planrl-recorded/2"


def points(grid: Grid) -> list[str]:
    """All points of a grid as links without a seed, the last axis the fastest."""
    fixed = [f"{key}={value}" for key, value in grid.fixed.items()]
    return [
        "&".join([*fixed, *(f"{k}={text_of(v)}" for k, v in zip(grid.axes, point, strict=True))])
        for point in itertools.product(*grid.axes.values())
    ]


def measure(link: str, lab: str, programs: Path) -> np.ndarray[Any, Any]:
    """What evaluations find at one point: [learner, metric, (mean, low, high), evaluation].

    `low` and `high` are the second lowest and the second highest of ten seeds. The exported
    programs of the folder `programs` run.
    """
    metrics, seen = lab_named(lab).metrics, []
    for seed in SEEDS:
        run = Session(lab, f"{link}&seed={seed}", run=Exported(programs))
        rows = [[[one[m] for m in metrics] for one in run.evaluate()]]
        for before, after in itertools.pairwise(STEPS):
            run.train(after - before)
            rows.append([[one[m] for m in metrics] for one in run.evaluate()])
        seen.append(rows)
    values = np.array(seen)  # [seed, evaluation, learner, metric]
    ordered = np.sort(values, 0)
    told = np.stack([values.mean(0), ordered[1], ordered[-2]])  # [3, evaluation, learner, metric]
    return np.ascontiguousarray(told.transpose(2, 3, 0, 1))


def record(name: str, programs: Path, *, jobs: int = 1) -> Path:
    """Run a whole grid, `jobs` points at once, and save it."""
    if name not in GRIDS:
        raise InputError(f"no grid is called {name!r}; there are: {', '.join(GRIDS)}")
    grid = GRIDS[name]
    work = partial(measure, lab=grid.lab, programs=programs)
    seen = partial(policies.measure, lab=grid.lab, programs=programs)
    with ProcessPoolExecutor(jobs, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        curves = pool.map(work, points(grid))
        paths = pool.map(seen, points(grid)) if shows_paths(grid) else ()
        return save(name, curves, policies.packed(paths) if shows_paths(grid) else None)


def shows_paths(grid: Grid) -> bool:
    """Whether the page of the grid's lab has a graph on which paths travel."""
    return bool(lab_named(grid.lab).screen.paths)


def save(
    name: str, measured: Iterable[np.ndarray[Any, Any]], paths: Mapping[str, Any] | None = None
) -> Path:
    """Write a grid's recording, its points in the order of `points`."""
    described, found = description(GRIDS[name]), np.stack(list(measured))
    most = np.nan_to_num(found).max((0, 1, 3, 4))  # of each metric
    scale = np.minimum(described["scale"], (UNKNOWN - 1) // np.maximum(most, 1.0)).astype(int)
    described["scale"] = scale.tolist()
    values = (found * scale[:, None, None]).round().clip(0, UNKNOWN - 1)
    values = np.nan_to_num(values, nan=UNKNOWN)
    data = base64.b64encode(values.astype("<u2").tobytes()).decode()
    page = {"format": FORMAT, **described, "data": data}
    if paths:
        page["policies"] = paths
    path = FOLDER / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, json.dumps(page, separators=(",", ":")).encode() + b"\n")
    return path


def description(grid: Grid) -> dict[str, Any]:
    """What a recording of a grid says of itself: whose runs it holds, and with which settings."""
    lab = lab_named(grid.lab)
    return {
        "lab": grid.lab,
        "learners": [learner.to_json() for learner in lab.learners],
        "fixed": dict(grid.fixed),
        "axes": [{"name": key, "values": list(values)} for key, values in grid.axes.items()],
        "seeds": len(SEEDS),
        "steps": list(STEPS),
        "metrics": list(lab.metrics),
        "scale": [SCALES.get(metric, 10_000) for metric in lab.metrics],
    }


def recorded_at(name: str, link: str, updates: int = END) -> list[dict[str, float]]:
    """What the recording of this name found after so many updates at a point: means by metric.

    One entry for each learner. `link` names the point as a page's link does, without what is usual.
    Raises InputError for a point that is not in the grid.
    """
    page, lab = _read(name), lab_named(GRIDS[name].lab)
    values = read_state(lab.controls, link).values
    others = [k for k, v in page["fixed"].items() if values[k] != v]
    if others or any(values[one["name"]] not in one["values"] for one in page["axes"]):
        raise InputError(f"{link!r} is no point of the recording {name}")
    shape = [len(one["values"]) for one in page["axes"]]
    at = tuple(one["values"].index(values[one["name"]]) for one in page["axes"])
    numbers = np.frombuffer(base64.b64decode(page["data"]), "<u2")
    metrics, steps = page["metrics"], page["steps"]
    means = numbers.reshape(*shape, -1, len(metrics), 3, len(steps))[at][:, :, 0]
    found = np.where(means == UNKNOWN, np.nan, means)[..., steps.index(updates)] / page["scale"]
    return [dict(zip(metrics, one.tolist(), strict=True)) for one in found]


def recorded(lab: Lab) -> list[dict[str, Any]]:
    """A lab's recordings as its page needs them, as far as they have been made."""
    return [page for name, page in recordings() if GRIDS[name].lab == lab.name]


def recordings() -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the content of each recording that is kept."""
    for name in GRIDS:
        if (FOLDER / f"{name}.json").exists():
            yield name, _read(name)


def _read(name: str) -> dict[str, Any]:
    page: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return page
