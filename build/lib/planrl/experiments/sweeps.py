"""Many runs: a function of one frozen settings record, mapped over many such records.

    settings = grid(Settings(), lr=(1e-3, 1e-2), seed=range(5))
    for result in sweep(run, settings, store="sweep"):
        print(result.settings.lr, result.value["accuracy"])

The runs share nothing and have one torch thread each, so they may run anywhere, with the
same numbers: in this process, in others on this machine, or on a cluster, by a line around the call

    with joblib.parallel_config(backend="dask"):
        results = sweep(run, settings, store="sweep")

With a `store`, each finished run is a JSON file there, named by a hash of what was run. A run that
is there is read, not run again, so an interrupted sweep goes on when it is called again. What was
run is the function's code, too, and what it reaches by name in its own program
(`planrl.io.keys`): a run whose code was edited since is done again.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import numpy as np
import torch

from planrl.errors import InputError, SweepError, shown, whole
from planrl.io.files import keep, read_json, ready, to_json
from planrl.io.keys import Page, check_record, fingerprint, key, pages

try:
    import joblib
except ImportError:
    raise InputError('sweeps need joblib: pip install "planrl[sweeps]"') from None

FORMAT = "planrl-sweep/1"
S = TypeVar("S")
T = TypeVar("T")
PATIENCE = "10s"  # how long a scheduler may take to answer


@dataclass(frozen=True)
class Result(Generic[S]):
    """What the run of `settings` returned, and what it took.

    `value` is as JSON gives it back: tuples are lists, keys are text, numbers that are not finite
    are None. `cpu_seconds` are those of the process while it ran. `fresh` says whether it ran now
    or was read from the store.
    """

    settings: S
    value: Any
    cpu_seconds: float
    fresh: bool


def grid(base: S, /, **axes: Sequence[Any]) -> list[S]:
    """Settings like `base` for every combination of the axes' values.

    The order is that of nested loops: the last axis changes fastest. Values may come as a NumPy
    array of one axis; NumPy's numbers become Python's.
    """
    check_record(base)
    allowed = [entry.name for entry in fields(base) if entry.init]  # type: ignore[arg-type]
    for name in axes:
        if name not in allowed:
            raise InputError(
                f"{type(base).__name__} has no setting {name!r}: take one of {', '.join(allowed)}"
            )
    values = [_values(name, given) for name, given in axes.items()]
    return [
        replace(base, **dict(zip(axes, chosen, strict=True)))  # type: ignore[type-var]
        for chosen in product(*values)
    ]


def _values(name: str, given: Any) -> list[Any]:
    """The values of an axis, NumPy's numbers as Python's."""
    if isinstance(given, np.ndarray | torch.Tensor) and given.ndim == 1:
        given = given.tolist()
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        many = isinstance(given, Iterable) and not isinstance(given, str | bytes)
        if isinstance(given, np.ndarray | torch.Tensor):
            many, given = given.ndim > 1, given.tolist()
        advice = f"{name}=list(...)" if many else f"{name}=[{given!r}]"
        raise InputError(f"the axis {name} is {shown(given)}: give a list of values, {advice}")
    if not len(given):
        raise InputError(f"the axis {name} is empty: give it a value, or leave it out")
    return [value.item() if isinstance(value, np.generic) else value for value in given]


def sweep(
    run: Callable[[S], Any],
    settings: Iterable[S],
    *,
    store: str | Path | None = None,
    n_jobs: int = -1,
    recipe: str = "",
) -> Iterator[Result[S]]:
    """The results of `run` on each of the settings, in the settings' order.

    What is wrong with the input is said at once, the runs start when the first result is asked for.
    A run is stored when it ends, though its result waits for those before it. When one is seen to
    have failed no other is begun; SweepError comes in its place, after those already handed out
    have ended and been stored. Closing the iterator waits for these too; Ctrl-C ends all at once.

    `n_jobs` runs take place at once: 1 in this process, -1 as many as there are processors, or as
    a `joblib.parallel_config` around the call says. `recipe` names what else the results depend on,
    a version of the data or of a library: results stored under another recipe are not used. A
    warning names what the code reaches that cannot be part of a stored run's name.
    """
    records, name = list(settings), _name(run)
    kinds = dict.fromkeys(map(type, records))
    code, unknown = fingerprint(run, *kinds) if store is not None else ("", ())
    todo = pages(name, code, recipe, records)
    if whole(n_jobs, "n_jobs") == 0:
        raise InputError("n_jobs=0 leaves nobody to run: take 1, or -1 for all processors")
    around = joblib.parallel.get_active_backend()[1]  # what a parallel_config asks for, or None
    pool = joblib.Parallel(  # made now: the parallel_config around this call is the one that acts
        n_jobs=n_jobs if n_jobs != -1 or around is None else around,
        return_as="generator_unordered",  # so that each run is stored as soon as it ends
        pre_dispatch="n_jobs",
        batch_size=1,
    )
    for what in unknown:
        said = f"{name} uses {what}, which the store can't tell from another"
        warnings.warn(f"{said}: when it changes, give another recipe", stacklevel=2)
    files = [None] * len(todo) if store is None else _files(Path(store), todo)
    return _Sweep(run, records, todo, files).results(pool)


@dataclass(frozen=True)
class _Outcome:
    """How the run of the record at `position` ended."""

    position: int
    value: Any
    cpu_seconds: float
    error: Exception | None = None


class _Sweep:
    """A sweep in progress: which runs were handed out, which have ended and how."""

    def __init__(
        self, run: Any, records: list[Any], pages: list[Page], files: Sequence[Path | None]
    ) -> None:
        self.run, self.records, self.pages, self.files = run, records, pages, files
        self.ready: dict[int, Result[Any]] = {}
        self.failed: dict[int, Exception] = {}
        self.running: dict[int, None] = {}
        self.stopped = False
        for position, path in enumerate(files):
            if path is not None and path.exists():
                value, seconds = _read(path, pages[position])
                self.ready[position] = Result(records[position], value, seconds, fresh=False)

    def results(self, pool: joblib.Parallel) -> Iterator[Result[Any]]:
        """The results in order; all that was handed out is waited for and stored at the end."""
        ended = self._ended(pool, [p for p in range(len(self.records)) if p not in self.ready])
        try:
            for position, record in enumerate(self.records):
                while position not in self.ready and position not in self.failed:
                    next(ended)
                if position in self.failed:
                    error = self.failed[position]
                    raise SweepError(f"the run of {record} failed: {_said(error)}") from error
                yield self.ready.pop(position)
        finally:
            self.stopped = True
            if not sys.is_finalizing():  # at the end of Python there is nobody left to wait for
                list(ended)

    def _ended(self, pool: joblib.Parallel, todo: list[int]) -> Iterator[None]:
        """Takes note of one more ended run at each `next`."""
        try:
            for outcome in pool(self._tasks(todo)) if todo else ():
                self._note(outcome)
                yield
        except (OSError, InputError):  # of the store
            raise
        except Exception as error:  # a worker died, or could not be sent its run
            among = "; ".join(str(self.records[position]) for position in self.running)
            raise SweepError(f"a run did not come back: {among}: {_said(error)}") from error

    def _tasks(self, todo: list[int]) -> Iterator[Any]:
        for position in todo:
            if self.stopped or self.failed:
                return
            self.running[position] = None
            yield joblib.delayed(_attempt)(self.run, position, self.records[position])

    def _note(self, outcome: _Outcome) -> None:
        position, path = outcome.position, self.files[outcome.position]
        del self.running[position]
        if outcome.error:
            self.failed[position] = outcome.error
            return
        found = {"value": outcome.value, "cpu_seconds": outcome.cpu_seconds}
        self.ready[position] = Result(self.records[position], **found, fresh=True)
        if path is not None:
            page = to_json({"format": FORMAT, **self.pages[position], **found})
            keep(path, page, f"the result of {self.records[position]}")


def _attempt(run: Callable[[S], Any], position: int, record: S) -> _Outcome:
    """One run in one torch thread. An error is an outcome too, so that it stops no other run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    began = time.process_time()
    try:
        value = json.loads(to_json(run(record)))
        return _Outcome(position, value, time.process_time() - began)
    except Exception as error:
        return _Outcome(position, None, time.process_time() - began, _portable(error))
    finally:
        torch.set_num_threads(threads)


def _portable(error: Exception) -> Exception:
    """The error, or one that says the same, such that another process can read it."""
    said = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(_said(error))
    error.add_note(f"In the process of the run:\n{said}")
    return error


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _name(run: Any) -> str:
    """The name by which another process finds the function."""
    module, name = getattr(run, "__module__", ""), getattr(run, "__qualname__", "")
    found = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None or found is not run:
        raise InputError(
            f"{name or run} is not found from another process: write a function on the top level "
            "of a module (no lambda, no function inside a function, no partial)"
        )
    return f"{module}.{name}"


def _files(store: Path, pages: list[Page]) -> list[Path]:
    ready(store)
    return [store / f"{key(page)}.json" for page in pages]


def _read(path: Path, page: Page) -> tuple[Any, float]:
    """The value and the seconds of a stored run, which must be the one this page speaks of."""
    try:
        stored = read_json(path, FORMAT)
        if all(stored[name] == content for name, content in page.items()):
            return stored["value"], float(stored["cpu_seconds"])
        what = f"{path} holds another run than its name says"
    except InputError as error:
        what = str(error)
    except (KeyError, TypeError, ValueError) as error:
        what = f"{path} is not a whole result ({_said(error)})"
    raise InputError(f"{what}. Delete the file to have its run done again")


def spread(
    run: Callable[[Any], T], records: Sequence[Any], *, n_jobs: int = -1, scheduler: str = ""
) -> Iterator[T]:
    """What `run` returns for each record, in order, the runs taking place `n_jobs` at once.

    With the address of a Dask `scheduler` (tcp://host:8786) they take place on its workers, which
    need planrl too. Raises InputError if nobody answers there.
    """
    if whole(n_jobs, "n_jobs") == 0:
        raise InputError("n_jobs=0 leaves nobody to run: take 1, or -1 for all processors")
    with _connected(scheduler):
        pool = joblib.Parallel(
            n_jobs=n_jobs, return_as="generator", pre_dispatch="n_jobs", batch_size=1
        )
        yield from pool(joblib.delayed(run)(record) for record in records)


def _connected(scheduler: str) -> Any:
    if not scheduler:
        return nullcontext()
    try:
        from dask.distributed import Client
    except ImportError:
        raise InputError('a scheduler needs Dask: pip install "dask[distributed]"') from None
    try:
        client = cast("Any", Client)(scheduler, timeout=PATIENCE, set_as_default=True)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"no Dask scheduler answers at {scheduler!r} ({error}): start one with `dask scheduler`"
            " and workers with `dask worker ADDRESS`"
        ) from None
    return joblib.parallel_config(backend="dask", client=client)
