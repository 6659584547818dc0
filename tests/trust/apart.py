"""Attacks in a process of their own: little memory, no network, and nothing may hang.

    python apart.py '{"edge lists": 200, ...}' FOLDER

Prints one line of JSON: for each attack how many inputs were tried and refused, and what went wrong
first, if anything did. An input is refused when it meets one of planrl's own errors, with words in
it; any other error is a crash. What is accepted must hold what the attack asserts. The folder for
planrl's own writing must stay empty.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import signal
import socket
import sys
import traceback
from pathlib import Path

import ground
import hypothesis
import strangers
import torch

import planrl as pr

ROOM = 1_500_000_000  # bytes of address space beyond what the libraries take
HUNG = 20  # of this processor's seconds: no input takes one, and what never ends is ended
OURS = (pr.InputError, pr.TrainingError, pr.SweepError)
LONGEST = 2_000  # letters of an error


class BreachError(AssertionError):
    """What an attack achieved."""


def hang(number, frame):
    raise BreachError(f"still busy after {HUNG} seconds")


def limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def no_network(*_: object, **__: object) -> None:
    raise BreachError("asked for the network")


def attempt(attack, given, told: dict) -> None:
    """One input: refused in good words, or accepted and right; anything else raises."""
    told["tried"] += 1
    signal.setitimer(signal.ITIMER_PROF, HUNG)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            attack(given)
    except OURS as error:
        told["refused"] += 1
        if not str(error).strip() or len(str(error)) > LONGEST:
            raise BreachError(f"an error of {len(str(error))} letters") from error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    left = sorted(path.name for path in ground.UNTOUCHED.iterdir())
    if left:
        raise BreachError(f"wrote {left}")


def run(name: str, times: int) -> dict:
    strategy, attack = strangers.ATTACKS[name]
    told = {"tried": 0, "refused": 0, "found": ""}

    @hypothesis.settings(
        max_examples=times,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        print_blob=False,
    )
    @hypothesis.given(strategy)
    def trial(given):
        attempt(attack, given, told)

    try:
        trial()
    except BaseException:
        told["found"] = traceback.format_exc()[-3000:]
    return told


def main() -> None:
    wanted, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
    strangers.prepare(folder)
    torch.set_num_threads(1)
    signal.signal(signal.SIGPROF, hang)
    socket.socket.connect = no_network
    limit_memory()
    print(json.dumps({name: run(name, times) for name, times in wanted.items()}), flush=True)


if __name__ == "__main__":
    main()
