"""planrl reproduce: make the saved results the book shows."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from planrl.experiments.store import EXPERIMENTS, reproduce


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("reproduce", help="make the saved results the book shows")
    command.add_argument("--only", choices=list(EXPERIMENTS), help="one experiment (default: all)")
    command.add_argument("--seeds", type=int, nargs="+", help="default: those of the experiment")
    command.add_argument("--again", action="store_true", help="also what is already there")
    command.add_argument("--jobs", type=int, default=1, metavar="N", help="seeds run at once (1)")
    command.set_defaults(execute=run)


def run(options: argparse.Namespace) -> int:
    """Run what has no result yet."""
    tell = partial(print, flush=True)
    for name in [options.only] if options.only else EXPERIMENTS:
        own = EXPERIMENTS[name].SEEDS
        seeds = tuple(options.seeds or own) if own or options.only else own
        for path in reproduce(name, seeds, again=options.again, n_jobs=options.jobs, tell=tell):
            print(f"{path.name}: done", flush=True)
    return 0
