"""The program `planrl`: runs a command, and turns what goes wrong into one line and a number."""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Sequence
from typing import TextIO

import torch

from planrl.cli.menu import parser
from planrl.errors import InputError, SweepError, TrainingError

PIPE = 141  # what a shell shows for a program whose output nobody reads any more: 128 + SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command: 0 if all went well, 2 and one line on standard error if input is wrong.

    A command whose output is cut short (`planrl claims | head -1`) ends silently.
    """
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()  # here, since an error at Python's end can't be caught
    except BrokenPipeError as error:
        left = [stream for stream in (sys.stdout, sys.stderr) if _is_left(stream)]
        for stream in left:  # what is still to be written goes nowhere, or Python's end fails on it
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if left:
            return PIPE
        print(f"planrl: {error}", file=sys.stderr)  # another pipe, to a process that died
        return 2


def _is_left(stream: TextIO) -> bool:
    """Whether an output is a pipe whose reader has gone."""
    try:
        stream.flush()
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return bool(poll.poll(0))  # an error or the end: nothing else was asked for
    except BrokenPipeError:
        return True
    except (OSError, ValueError, AttributeError):  # no file, or a system without poll
        return False


def _run(arguments: Sequence[str] | None) -> int:
    options = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):  # a name this terminal can't write is no reason to stop
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    torch.set_num_threads(1)
    try:
        return int(options.execute(options))
    except BrokenPipeError:
        raise
    except (InputError, TrainingError, SweepError, OSError) as error:
        print(f"planrl: {error}", file=sys.stderr)
        return 2
    except MemoryError:
        print("planrl: there is not enough memory: take a smaller graph or model", file=sys.stderr)
        return 2
