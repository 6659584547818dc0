"""Runs that take place elsewhere: in processes of this machine, or on a Dask cluster by address."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any, TypeVar, cast

from planrl.errors import InputError
from planrl.sweeps import sweep

T = TypeVar("T")
PATIENCE = "10s"  # how long a scheduler may take to answer


def spread(
    run: Callable[[Any], T], records: Sequence[Any], *, n_jobs: int = -1, scheduler: str = ""
) -> Iterator[T]:
    """What `run` returns for each record, in order, the runs taking place `n_jobs` at once.

    With the address of a Dask `scheduler` (tcp://host:8786) they take place on its workers, which
    need planrl too. Raises InputError if nobody answers there.
    """
    if not records:
        return
    with _connected(scheduler):
        for result in sweep(run, records, n_jobs=n_jobs):
            yield result.value


def _connected(scheduler: str) -> Any:
    if not scheduler:
        return nullcontext()
    try:
        from dask.distributed import Client
    except ImportError:
        raise InputError('a scheduler needs Dask: pip install "dask[distributed]"') from None
    import joblib

    try:
        client = cast("Any", Client)(scheduler, timeout=PATIENCE, set_as_default=True)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"no Dask scheduler answers at {scheduler!r} ({error}): start one with `dask scheduler`"
            " and workers with `dask worker ADDRESS`"
        ) from None
    return joblib.parallel_config(backend="dask", client=client)
