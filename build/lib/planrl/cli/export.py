"""planrl export: the programs that train in a page, and the recorded runs that it shows first."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from planrl.errors import InputError


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("export", help="write the programs that train in a page (ONNX)")
    command.add_argument("folder", type=Path, help="folder for NAME.onnx and NAME.json")
    command.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="export these programs (default: all)"
    )
    command.add_argument(
        "--reuse",
        type=Path,
        nargs="+",
        default=[],
        metavar="OTHER",
        help="copy programs that are up to date from these folders (default: export all again)",
    )
    command.add_argument(
        "--record",
        nargs="*",
        metavar="LAB",
        help="also make the recorded runs of these labs, which a page shows before anything is "
        "trained, and of the book's first picture, hero (without names: all; default: none)",
    )
    command.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="number of processes for --record"
    )
    command.set_defaults(execute=run)


def run(options: argparse.Namespace) -> int:
    """Export what is asked for; with --record only what is missing, and then record."""
    # Imported here: the other commands do without plotly and onnx.
    from planrl.labs.catalogue import GRIDS, all_programs
    from planrl.labs.page.export import export, write_bases

    if options.jobs < 1:
        raise InputError(f"--jobs is a number of processes, at least 1; {options.jobs} was given")
    from planrl.labs.page import hero, recordings

    known = [*GRIDS, hero.NAME]
    unknown = [name for name in options.record or () if name not in known]
    if unknown:
        raise InputError(f"no recording is called {unknown[0]!r}; there are: {', '.join(known)}")
    if options.only and options.record is not None:
        raise InputError(
            "--only does nothing beside --record, which exports what is missing: leave it out"
        )
    if options.jobs != 1 and options.record is None:
        raise InputError("--jobs goes with --record: leave it out")
    names = options.only
    if options.record is not None:
        names = [n for n in all_programs() if not (options.folder / f"{n}.json").exists()]
    if names or options.record is None:
        for path in export(options.folder, names, reuse=options.reuse):
            print(path)
        if not options.only:
            write_bases(options.folder / "bases")
    if options.record is not None:
        for name in options.record or known:
            record = hero.record_hero if name == hero.NAME else partial(recordings.record, name)
            print(record(options.folder, jobs=options.jobs), file=sys.stderr)
    return 0
