"""Saved results: only `python -m planrl reproduce` writes them; chapters read them."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from planrl import __version__
from planrl.checkpoints import read_json, to_json, write_atomically
from planrl.errors import InputError
from planrl.experiments import learners

FORMAT = "planrl-result/1"
FOLDER = Path(__file__).parent / "results"

EXPERIMENTS = {learners.NAME: learners}
"""Name -> module with `Settings`, `SEEDS` and `run(settings)`."""


def reproduce(
    name: str,
    seeds: tuple[int, ...],
    *,
    folder: Path = FOLDER,
    again: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> Iterator[Path]:
    """Run the seeds that have no result yet (all, if `again`); the path of each result."""
    module = EXPERIMENTS[name]
    for seed in seeds:
        settings = module.Settings(seed=seed)
        path = folder / f"{name}-seed{seed}.json"
        if not again and path.exists() and _settings(path) == _plain(settings):
            tell(f"{path.name}: already there")
        else:
            tell(f"{path.name}: running")
            page = {
                "format": FORMAT,
                "experiment": name,
                "settings": _plain(settings),
                "made_with": {
                    "planrl": __version__,
                    "torch": torch.__version__.split("+")[0],
                    "numpy": np.__version__,
                    "python": platform.python_version(),
                },
                "result": _rounded(module.run(settings)),
            }
            write_atomically(path, to_json(page))
        yield path


def results(name: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The saved results of an experiment, a dict with `settings` and `result` for each seed."""
    paths = sorted(folder.glob(f"{name}-seed*.json"))
    if not paths:
        raise InputError(f"no result of {name!r}: make them with `python -m planrl reproduce`")
    return [read_json(path, FORMAT) for path in paths]


def _plain(settings: Any) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(settings).items()}


def _settings(path: Path) -> Any:
    return read_json(path, FORMAT)["settings"]


def _rounded(value: Any) -> Any:
    """Floats to six digits: files stay small, and no reader needs more."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
