"""Saved results: only `python -m planrl reproduce` writes them; chapters and claims read them.

An experiment is a module with a NAME, a `grid(tier)` of named settings, `run(settings)` and
`recipe(settings)`, how its learners are trained. A
result is one file, `NAME-LABEL.json`, with all that made it: settings, recipe, versions, seconds.

`against_stored` asks whether a result that was made again is like the stored one. On one machine it
is the same to the digit. On another, sums are rounded in another order, and training carries that
far: single numbers move within their noise. So a number may differ from the stored one by 0.1, or
by 30 % where that is more. Logits are no shares: where Q-learning reads them as values they count
tens, so mean logits may differ by 0.5.
"""

from __future__ import annotations

import math
import platform
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from planrl import __version__
from planrl.errors import InputError, shown
from planrl.experiments import (
    beyond,
    choices,
    conditions,
    costs,
    falsify,
    fig2,
    fig3,
    imitation,
    quantised,
    regimes,
    theorems,
)
from planrl.io.files import keep, read_json, ready, to_json, write_atomically

FORMAT = "planrl-result/1"
FOLDER = Path(__file__).parent / "results"
_MODULES = (
    theorems,
    imitation,
    fig2,
    fig3,
    conditions,
    beyond,
    falsify,
    choices,
    quantised,
    regimes,
    costs,
)
EXPERIMENTS: dict[str, Any] = {module.NAME: module for module in _MODULES}
"""Name -> module with `grid(tier)` and `run(settings)`."""
FIGURES = {"fig1": ("fig2", "fig3"), "fig4": ("fig2", "fig3")}
"""Figures that are drawn from other figures' runs."""
TIERS = ("quick", "full")
PARTS = ("settings", "result")
NEAR, SHARE, NEAR_LOGIT = 0.1, 0.3, 0.5
ASIDE = ("facts", "matrices", "cells", "step")  # seconds, pictures and what is no measurement


@dataclass(frozen=True, kw_only=True)
class Job:
    """One result to be made: by which experiment, with which of its settings, and where it goes."""

    name: str
    settings: Any
    path: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """What became of a job: `fresh` if it ran now; `error` if it failed, with its settings."""

    path: Path
    fresh: bool = True
    error: str = ""


def make(job: Job) -> tuple[str, str, str]:
    """Run an experiment and save its result: where it is, its content, what went wrong."""
    path, began = Path(job.path), time.perf_counter()
    try:
        result = _rounded(EXPERIMENTS[job.name].run(job.settings))
    except Exception as error:  # the others go on; this one is told at the end
        positions = traceback.extract_tb(error.__traceback__)
        where = (
            f" ({Path(positions[-1].filename).name}:{positions[-1].lineno})" if positions else ""
        )
        said = f"{type(error).__name__}: {error}{where}"
        return job.path, "", f"{job.name} with {job.settings} failed. {said}"
    page = {
        "format": FORMAT,
        "experiment": job.name,
        "settings": _plain(job.settings),
        "recipe": EXPERIMENTS[job.name].recipe(job.settings),
        "made_with": {
            "planrl": __version__,
            "torch": torch.__version__.split("+")[0],
            "numpy": np.__version__,
            "python": platform.python_version(),
            "seconds": round(time.perf_counter() - began, 1),
        },
        "result": result,
    }
    content = to_json(page, indent=None)
    keep(path, content, path.name)
    return job.path, content.decode(), ""


def jobs(
    names: Sequence[str], *, tier: str = "full", seeds: Sequence[int] = (), folder: Path = FOLDER
) -> list[Job]:
    """What is to be made for these experiments or figures; only these seeds, if any are given."""
    if tier not in TIERS:
        raise InputError(f"tier {tier!r} is unknown: choose {' or '.join(TIERS)}")
    wanted: dict[str, Job] = {}
    for given in names:
        for name in FIGURES.get(given, (given,)):
            if name not in EXPERIMENTS:
                known = ", ".join([*EXPERIMENTS, *FIGURES])
                raise InputError(f"no experiment is called {name!r}; there are: {known}")
            grid: Mapping[str, Any] = EXPERIMENTS[name].grid(tier)
            for label, settings in grid.items():
                seed = asdict(settings).get("seed")
                if seeds and seed is None:
                    raise InputError(f"{name} has no seeds: leave out --seeds")
                if not seeds or seed in seeds:
                    file = f"{name}-{label}.json" if label else f"{name}.json"
                    wanted[file] = Job(name=name, settings=settings, path=str(folder / file))
    found = {job.settings.seed for job in wanted.values()} if seeds else set()
    if unknown := sorted(set(seeds) - found):
        numbers = ", ".join(map(str, unknown))
        raise InputError(f"no result of {', '.join(names)} has the seed {numbers}")
    return list(wanted.values())


def reproduce(
    wanted: Sequence[Job], *, again: bool = False, n_jobs: int = 1, scheduler: str = ""
) -> Iterator[Made]:
    """Make the results that are not there yet (all, if `again`), in their order.

    `n_jobs` of them run at once, each in a process of its own, or as many as the Dask cluster at
    the address `scheduler` has workers; the numbers are the same. One that fails does not stop the
    others. Raises InputError, before anything runs, for a result that is there but can't be read.
    """
    if scheduler and n_jobs != 1:
        raise InputError(f"n_jobs={n_jobs} does nothing beside a scheduler, whose workers say how "
                         "many run at once: leave it out")  # fmt: skip
    missing = [job for job in wanted if again or not is_there(job)]
    for folder in {Path(job.path).parent for job in missing}:
        ready(folder)
    results: Iterator[tuple[str, str, str]] = map(make, missing)
    if n_jobs != 1 or scheduler:  # imported here, since only these roads need joblib
        from planrl.sweeps import spread

        results = spread(make, missing, n_jobs=n_jobs, scheduler=scheduler)
    todo = {job.path for job in missing}
    for job in wanted:
        path = Path(job.path)
        if job.path not in todo:
            yield Made(path=path, fresh=False)
            continue
        _, content, error = next(results)
        if not error and not _holds(path, content.encode()):  # made on another machine
            write_atomically(path, content.encode())
        yield Made(path=path, error=error)


def results(name: str, *, of: str = "", folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The saved results of an experiment, a dict with `settings` and `result` for each seed.

    `of` begins the label of those wanted: "dag" or "blocksworld", say. Without it, all but the
    quick tier's.
    """
    labels = [f"{name}-{of}*.json"] if of else [f"{name}.json", f"{name}-*.json"]
    if any(not part.replace("-", "").isalnum() for part in (name, of or "a")):
        raise InputError(f"a result has a name like fig2 or blocksworld, not {shown(name + of)}")
    paths = [path for label in labels for path in folder.glob(label)]
    if not of.startswith("quick"):
        paths = [path for path in paths if "-quick" not in path.name]
    if not paths:
        raise InputError(f"no result of {name!r}: make them with `python -m planrl reproduce`")
    return [read(path) for path in sorted(paths)]


def read(path: Path) -> dict[str, Any]:
    """A saved result, whole. Raises InputError, saying how to mend it, if it is not one."""
    try:
        page = read_json(path, FORMAT)
        lacking = [part for part in PARTS if not isinstance(page.get(part), dict)]
        if lacking:
            raise InputError(f"{path} is not a whole result: it has no {', '.join(lacking)}")
    except InputError as error:
        raise InputError(
            f"{error}. Delete the file, or use `python -m planrl reproduce --again`, to have it "
            "made anew"
        ) from None
    return page


def cpu_seconds(page: Mapping[str, Any]) -> dict[str, float]:
    """Processor seconds of a saved result by part, as far as its experiment recorded them."""
    facts = page["result"].get("facts")
    took = facts.get("cpu_seconds", {}) if isinstance(facts, Mapping) else {}
    parts = took if isinstance(took, Mapping) else {"all": took}
    return {name: float(seconds) for name, seconds in parts.items()}


def is_there(job: Job) -> bool:
    """Whether the job's result is saved, made with these settings and today's recipe.

    Results from before recipes were saved have none: of them the settings tell.
    """
    path = Path(job.path)
    if not path.exists():
        return False
    page = read(path)
    recipe = EXPERIMENTS[job.name].recipe(job.settings)
    same = page.get("recipe", recipe) == recipe
    return bool(same and page["settings"] == _plain(job.settings))


def add_recipes(wanted: Sequence[Job]) -> list[Path]:
    """Write today's recipe into the saved results of these jobs that have none: those changed.

    For results from before recipes were saved, and only where the experiment's learners have not
    changed since; nothing here can tell. Results of other settings are left alone.
    """
    changed = []
    for job in wanted:
        path = Path(job.path)
        if not path.exists() or not is_there(job):
            continue
        page = read(path)
        if "recipe" not in page:
            recipe = EXPERIMENTS[job.name].recipe(job.settings)
            head = {key: page[key] for key in ("format", "experiment", "settings") if key in page}
            write_atomically(path, to_json({**head, "recipe": recipe, **page}, indent=None))
            changed.append(path)
    return changed


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _plain(settings: Any) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(settings).items()}


def _rounded(value: Any) -> Any:
    """Floats to six digits: files stay small, and no reader needs more."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def numbers(result: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """The measurements of a result by name; of what was measured on the way, the last look."""
    if isinstance(result, Mapping):
        for name, value in result.items():
            if name not in ASIDE and not name.endswith(("_by_degree", "_errors")):
                yield from numbers(value, f"{where}/{name}".lstrip("/"))
    elif isinstance(result, list) and result:
        spread = where.endswith(("logits/right", "logits/half", "logits/wrong"))  # after a mean
        yield from numbers(result[0 if spread else -1], where)
    elif isinstance(result, int | float) and not isinstance(result, bool):
        yield where, float(result)


def outside(result: Any, stored: Any) -> list[str]:
    """What differs by more than the band, in words; nothing if it is all like the stored one."""
    ours, theirs = dict(numbers(result)), dict(numbers(stored))
    found = [f"{name} is missing" for name in theirs if name not in ours]
    found += [f"{name} is not among the stored ones" for name in ours if name not in theirs]
    for name in ours.keys() & theirs.keys():
        given, known = ours[name], theirs[name]
        near = NEAR_LOGIT if "/logits/" in name else NEAR
        if not abs(given - known) <= max(near, SHARE * abs(known)) and not (
            math.isnan(given) and math.isnan(known)
        ):
            found.append(f"{name} is {given:.4g}, stored {known:.4g}")
    return sorted(found)


def against_stored(path: Path) -> list[str] | None:
    """What of a result lies outside the packaged one's band; None if there is none to compare.

    A packaged result that was made with other settings is none.
    """
    known = FOLDER / path.name
    if not known.exists() or known.resolve() == path.resolve():
        return None
    ours, theirs = read(path), read(known)
    if ours["settings"] != theirs["settings"]:
        return None
    return outside(ours["result"], theirs["result"])
