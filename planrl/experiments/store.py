"""Saved results: only `python -m planrl reproduce` writes them; chapters read them."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from planrl import __version__
from planrl.checkpoints import read_json, to_json, write_atomically
from planrl.errors import InputError
from planrl.experiments import costs, learners, quantised

FORMAT = "planrl-result/1"
FOLDER = Path(__file__).parent / "results"

EXPERIMENTS = {module.NAME: module for module in (learners, quantised, costs)}
"""Name -> module with `Settings`, `SEEDS` (none: one result, no seed) and `run(settings)`."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One result to be made: by which experiment, with which of its settings, and where it goes."""

    name: str
    settings: Any
    path: str


def make(job: Job) -> str:
    """Run an experiment and save its result; where it is."""
    page = {
        "format": FORMAT,
        "experiment": job.name,
        "settings": _plain(job.settings),
        "made_with": {
            "planrl": __version__,
            "torch": torch.__version__.split("+")[0],
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "result": _rounded(EXPERIMENTS[job.name].run(job.settings)),
    }
    write_atomically(Path(job.path), to_json(page))
    return job.path


def reproduce(
    name: str,
    seeds: tuple[int, ...],
    *,
    folder: Path = FOLDER,
    again: bool = False,
    n_jobs: int = 1,
    tell: Callable[[str], None] = lambda line: None,
) -> Iterator[Path]:
    """Run the seeds that have no result yet (all, if `again`); the path of each result.

    `n_jobs` of them run at once, each in a process of its own, and save the same numbers.
    """
    jobs = _jobs(name, seeds, folder)
    missing = [job for job in jobs if again or not _is_there(job)]
    made: Iterator[str] = map(make, missing)
    if n_jobs != 1:  # imported here, since only this road needs joblib
        from planrl.sweeps import sweep

        made = (result.value for result in sweep(make, missing, n_jobs=n_jobs))
    for job in jobs:
        tell(f"{Path(job.path).name}: {'running' if job in missing else 'already there'}")
        yield Path(next(made) if job in missing else job.path)


def results(name: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The saved results of an experiment, a dict with `settings` and `result` for each seed."""
    paths = sorted([*folder.glob(f"{name}.json"), *folder.glob(f"{name}-seed*.json")])
    if not paths:
        raise InputError(f"no result of {name!r}: make them with `python -m planrl reproduce`")
    return [read_json(path, FORMAT) for path in paths]


def _plain(settings: Any) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(settings).items()}


def _jobs(name: str, seeds: tuple[int, ...], folder: Path) -> list[Job]:
    module = EXPERIMENTS[name]
    if module.SEEDS:
        named = {f"{name}-seed{seed}.json": module.Settings(seed=seed) for seed in seeds}
    elif seeds:
        raise InputError(f"{name} has no seeds: leave out --seeds")
    else:
        named = {f"{name}.json": module.Settings()}
    return [Job(name=name, settings=s, path=str(folder / file)) for file, s in named.items()]


def _is_there(job: Job) -> bool:
    path = Path(job.path)
    return path.exists() and bool(read_json(path, FORMAT)["settings"] == _plain(job.settings))


def _rounded(value: Any) -> Any:
    """Floats to six digits: files stay small, and no reader needs more."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
