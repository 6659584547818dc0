"""The command line: train, evaluate, inspect, plan, reproduce, claims, export."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

import torch

from planrl.commands import claims, evaluate, export, inspect, plan, reproduce, train
from planrl.errors import InputError, SweepError, TrainingError


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(prog="planrl", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (train, evaluate, inspect, plan, reproduce, claims, export):
        module.add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command: 0 if all went well, 2 and one line on standard error if input is wrong."""
    options = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):  # a name this terminal can't write is no reason to stop
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    torch.set_num_threads(1)
    try:
        return int(options.execute(options))
    except (InputError, TrainingError, SweepError, OSError) as error:
        print(f"planrl: {error}", file=sys.stderr)
        return 2
    except MemoryError:
        print("planrl: there is not enough memory: take a smaller graph or model", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
