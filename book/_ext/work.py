"""Jobs that run at the same time, each in a process of its own, and what is said of them meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

MOST = 4  # processes, each of which may take half a gigabyte


@dataclass(frozen=True)
class Job:
    """A call to be made in another process; `name` is what is said of it."""

    name: str
    call: Callable[..., Any]
    given: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Done:
    """What a job returned, or the error that it ended with, and how many seconds it took."""

    job: Job
    result: Any
    error: Exception | None
    seconds: float


def cores() -> int:
    """How many processes may be busy at once."""
    try:
        free = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        free = os.cpu_count() or 1
    return max(1, min(MOST, free))


def run(jobs: Sequence[Job], at_once: int) -> Iterator[Done]:
    """Run the jobs in their order, so many at once; each is told of and yielded as it ends.

    After an error no further job is begun. Those that run are waited for and yielded, too.
    """
    waiting, ended, stopped = list(jobs), 0, False
    running: dict[Future[Any], tuple[Job, float]] = {}
    done: Done | None = None
    with ProcessPoolExecutor(at_once, mp_context=get_context("spawn")) as pool:
        while True:
            while waiting and len(running) < at_once and not stopped:
                job = waiting.pop(0)
                future = pool.submit(job.call, *job.given)
                running[future] = job, time.monotonic()
            if done is not None:
                _tell(
                    done,
                    ended,
                    len(jobs),
                    [job.name for job, _ in running.values()],
                )
                yield done
            if not running:
                return
            future = next(iter(wait(running, return_when=FIRST_COMPLETED).done))
            job, began = running.pop(future)
            done = _done(job, future, time.monotonic() - began)
            ended, stopped = ended + 1, stopped or done.error is not None


def _done(job: Job, future: Future[Any], seconds: float) -> Done:
    error = future.exception()
    if isinstance(error, BrokenProcessPool):
        error = RuntimeError("its process was killed: is there enough memory?")
    if error is None:
        return Done(job, future.result(), None, seconds)
    if isinstance(error, Exception):
        return Done(job, None, error, seconds)
    raise error  # an interrupt


def _tell(done: Done, ended: int, total: int, running: list[str]) -> None:
    """One plain line: what has ended, what runs, how much is to come."""
    words = f"{'failed after' if done.error else 'done in'} {done.seconds:.0f} s"
    parts = [f"[{ended} of {total}] {done.job.name} {words}"]
    if running:
        parts.append(f"running: {', '.join(running)}")
    if left := total - ended - len(running):
        parts.append(f"{left} to come")
    print("; ".join(parts), flush=True)
