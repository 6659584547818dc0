"""Saved results: only `python -m planrl reproduce` writes them; chapters and claims read them.

A result is one file, `NAME-LABEL.json`, with the whole record of the study that made it, versions
and seconds. While a study runs, what is finished of it is in `NAME-LABEL.json.partial`: a run that
is stopped goes on with the learners that are missing.
"""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

from planrl.errors import InputError, shown
from planrl.experiments import all_studies
from planrl.experiments.dates import made_at, now
from planrl.experiments.records import in_words, same
from planrl.experiments.study import Experiment
from planrl.io.files import keep, read_json, ready, to_json, write_atomically

FORMAT = "planrl-result/2"
FOLDER = Path(__file__).parent / "results"
STUDIES: tuple[Experiment, ...] = all_studies.STUDIES
"""All experiments, one for each saved result."""
ON_DATA: tuple[Experiment, ...] = all_studies.ON_DATA
"""Studies on data that are not shipped: results are saved, and only `--data` makes them anew."""
EXPERIMENTS = tuple(dict.fromkeys(one.name for one in STUDIES))
"""Their names."""
FIGURES = {"fig1": ("fig2", "fig3"), "fig4": ("fig2", "fig3")}
"""Figures that are drawn from other figures' runs."""
TIERS = ("quick", "full")
PARTS = ("study", "result")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One result to be made: the study, and where its result goes."""

    study: Experiment
    path: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """What became of a job: `fresh` if it ran now; `error` if it failed, with its settings."""

    path: Path
    fresh: bool = True
    error: str = ""


def file_name(study: Experiment) -> str:
    """The name of a study's result."""
    return "-".join(filter(None, (study.name, study.label))) + ".json"


def make(job: Job) -> tuple[str, str, str]:
    """Run a study and save its result: where it is, its content, what went wrong."""
    path, began = Path(job.path), time.perf_counter()
    partial = _partial(path)

    def save(result: Mapping[str, Any]) -> None:
        write_atomically(partial, to_json(_page(job.study, result, began), indent=None))

    try:
        result = _rounded(job.study.run(_done(job) or {}, save))
    except Exception as error:  # the others go on; this one is told at the end
        positions = traceback.extract_tb(error.__traceback__)
        where = (
            f" ({Path(positions[-1].filename).name}:{positions[-1].lineno})" if positions else ""
        )
        said = f"{type(error).__name__}: {error}{where}"
        return job.path, "", f"{job.study.name} with {job.study} failed. {said}"
    content = to_json(_page(job.study, result, began), indent=None)
    keep(path, content, path.name)
    with suppress(OSError):
        partial.unlink(missing_ok=True)
    return job.path, content.decode(), ""


def _page(study: Experiment, result: Mapping[str, Any], began: float) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "experiment": study.name,
        "study": study.plain(),
        "made_with": {
            "planrl": version("planrl"),
            "torch": torch.__version__.split("+")[0],
            "numpy": np.__version__,
            "python": platform.python_version(),
            "seconds": round(time.perf_counter() - began, 1),
            "date": now(),
        },
        "result": result,
    }


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.partial")


def _done(job: Job) -> dict[str, Any] | None:
    """What is there already of a study that was stopped; None for nothing."""
    partial = _partial(Path(job.path))
    if not partial.exists():
        return None
    with suppress(InputError):  # half of a result is no reason to stop: it is made again
        page = read(partial)
        return reusable(page["study"], page["result"], job.study)
    return None


def jobs(
    names: Sequence[str], *, tier: str = "full", seeds: Sequence[int] = (), folder: Path = FOLDER
) -> list[Job]:
    """What is to be made for these experiments or figures; only these seeds, if any are given."""
    check_tier(tier)
    wanted: dict[str, Experiment] = {}
    for given in names:
        for name in FIGURES.get(given, (given,)):
            if name not in EXPERIMENTS:
                known = ", ".join([*EXPERIMENTS, *FIGURES])
                raise InputError(f"no experiment is called {name!r}; there are: {known}")
            for study in studies(name, tier):
                if seeds and study.seed is None:
                    raise InputError(f"{name} has no seeds: leave out --seeds")
                if not seeds or study.seed in seeds:
                    wanted[file_name(study)] = study
    found = {study.seed for study in wanted.values()}
    if unknown := sorted(set(seeds) - found):
        numbers = ", ".join(map(str, unknown))
        raise InputError(f"no result of {', '.join(names)} has the seed {numbers}")
    return [Job(study=study, path=str(folder / file)) for file, study in wanted.items()]


def studies(name: str, tier: str = "full") -> list[Experiment]:
    """The studies of an experiment in a tier."""
    return [study for study in STUDIES if (study.name, study.tier) == (name, tier)]


def known(name: str, tier: str = "full") -> list[Experiment]:
    """The studies of an experiment in a tier, and those on data that are not shipped."""
    return [one for one in (*STUDIES, *ON_DATA) if (one.name, one.tier) == (name, tier)]


def check_tier(tier: str) -> None:
    """Raise InputError unless it is one."""
    if tier not in TIERS:
        raise InputError(f"tier {tier!r} is unknown: choose {' or '.join(TIERS)}")


def tier_of(folder: Path) -> str:
    """The tier whose results are in a folder: full if any is of that tier, else quick if any is."""
    for tier in ("full", "quick"):
        if any((folder / file_name(one)).exists() for one in STUDIES if one.tier == tier):
            return tier
    return "full"


def expected_seconds(wanted: Sequence[Job]) -> float:
    """The processor seconds that these jobs will take, by the packaged results of the same kind."""
    total = 0.0
    for job in wanted:
        known = [FOLDER / file_name(job.study)]
        if not known[0].exists():
            known = sorted(FOLDER.glob(f"{job.study.name}*.json"))
        took = [
            sum(cpu_seconds(page).values()) or page.get("made_with", {}).get("seconds", 0.0)
            for page in map(_read_once, known)
        ]
        total += fmean(took) if took else 0.0
    return total


@cache
def _read_once(path: Path) -> dict[str, Any]:
    page = read(path)
    return {
        "result": {"facts": page["result"].get("facts")},
        "made_with": page.get("made_with", {}),
    }


def missing(wanted: Sequence[Job], *, again: bool = False) -> list[Job]:
    """The jobs that have no result yet; all of them, if `again`.

    Raises InputError for a result that is there but cannot be read.
    """
    return [job for job in wanted if again or not is_there(job)]


def reproduce(
    wanted: Sequence[Job], *, again: bool = False, n_jobs: int = 1, scheduler: str = ""
) -> Iterator[Made]:
    """Make the results that are not there yet (all, if `again`), in their order.

    `n_jobs` of them run at once, each in a process of its own, or as many as the Dask cluster at
    the address `scheduler` has workers; the numbers are the same. One that fails does not stop the
    others. Raises InputError, before anything runs, for a result that is there but can't be read.
    """
    if scheduler and n_jobs != 1:
        raise InputError(
            f"n_jobs={n_jobs} does nothing beside a scheduler, whose workers say how many run at "
            "once: leave it out"
        )
    todo = missing(wanted, again=again)
    for folder in {Path(job.path).parent for job in todo}:
        ready(folder)
    results: Iterator[tuple[str, str, str]] = map(make, todo)
    if n_jobs != 1 or scheduler:  # imported here, since only these roads need joblib
        from planrl.experiments.sweeps import spread

        results = spread(make, todo, n_jobs=n_jobs, scheduler=scheduler)
    paths = {job.path for job in todo}
    for job in wanted:
        path = Path(job.path)
        if job.path not in paths:
            yield Made(path=path, fresh=False)
            continue
        _, content, error = next(results)
        if not error and not _holds(path, content.encode()):  # made on another machine
            write_atomically(path, content.encode())
        yield Made(path=path, error=error)


def saved(name: str, *, of: str = "", folder: Path = FOLDER) -> list[Path]:
    """The files of an experiment's saved results. `of` begins the label of those wanted.

    "dag" or "blocksworld", say. Without it, all but the quick tier's.
    """
    labels = [f"{name}-{of}*.json"] if of else [f"{name}.json", f"{name}-*.json"]
    if any(not part.replace("-", "").isalnum() for part in (name, of or "a")):
        raise InputError(f"a result has a name like fig2 or blocksworld, not {shown(name + of)}")
    paths = [path for label in labels for path in folder.glob(label)]
    others = tuple(f"{other}-" for other in EXPERIMENTS if other.startswith(f"{name}-"))
    paths = [path for path in paths if not path.name.startswith(others)]  # soft, soft-methods
    if not of.startswith("quick"):
        paths = [path for path in paths if "-quick" not in path.name]
    return sorted(paths)


def results(name: str, *, of: str = "", folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The saved results of an experiment: `settings`, `study` and `result` of each seed.

    `settings` are what a reader wants to know of the study: seed, sizes, updates. `made_at` is when
    it was made, None if unknown. `of` chooses as in `saved`. Raises InputError if there is none.
    """
    paths = saved(name, of=of, folder=folder)
    if not paths:
        raise InputError(f"no result of {name!r}: make them with `python -m planrl reproduce`")
    return [_with_settings(path, read(path)) for path in paths]


def _with_settings(path: Path, page: dict[str, Any]) -> dict[str, Any]:
    try:
        settings = {"seed": page["study"].get("seed"), **in_words(page["study"])}
        return {**page, "settings": settings, "made_at": made_at(page, path)}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"the study in {path} is not one ({type(error).__name__}: {error}). Delete the file, "
            "or use `python -m planrl reproduce --again`, to have it made anew"
        ) from None


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


def reusable(
    saved: Mapping[str, Any], result: dict[str, Any], study: Experiment
) -> dict[str, Any] | None:
    """What a saved result has of an experiment's: all, the learners that are the same, or None.

    `saved` is the record that the result was made with. A result whose learners are not all there
    can be completed.
    """
    whole_page, given = study.plain(), study.given()
    theirs, ours = saved.get("learners"), whole_page.get("learners")
    if not isinstance(theirs, Mapping) or not isinstance(ours, Mapping):
        return result if same(saved, whole_page, given) else None
    rest = [
        {key: value for key, value in page.items() if key != "learners"}
        for page in (saved, whole_page, given)
    ]
    if not same(*rest):
        return None
    some = given["learners"]
    kept = [
        name
        for name, learner in ours.items()
        if name in theirs
        and name in result.get("learners", {})
        and same(theirs[name], learner, some.get(name))
    ]
    return {**result, "learners": {name: result["learners"][name] for name in kept}}


def is_there(job: Job) -> bool:
    """Whether the job's result is saved, and was made with the same study as today's.

    An option that the result did not know counts as the same if it has its default today.
    """
    path = Path(job.path)
    if not path.exists():
        return False
    page = read(path)
    kept = reusable(page["study"], page["result"], job.study)
    learners = job.study.plain().get("learners", {})
    return kept is not None and set(kept.get("learners", {})) >= set(learners)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _rounded(value: Any) -> Any:
    """Floats to six digits: files stay small, and no reader needs more."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
