"""planrl reproduce: run the experiments whose results the book and the claims use."""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from planrl.cli.sources import TOOL_DATA
from planrl.errors import InputError
from planrl.experiments import store, tools
from planrl.experiments.comparison import against_stored
from planrl.experiments.study import Study
from planrl.io.files import ready
from planrl.io.tool_graphs import CHAINS, GRAPH, read_tools


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "reproduce",
        help="run the experiments whose results the book shows",
        epilog=textwrap.fill(TOOL_DATA, 79),
    )
    command.add_argument(
        "--tier",
        choices=store.TIERS,
        default="full",
        help="quick: small, one seed, minutes; full: as in the paper, all seeds, hours",
    )
    names = [*store.EXPERIMENTS, *store.FIGURES]
    command.add_argument(
        "--only", choices=names, help="run this experiment or figure only (default: all)"
    )
    command.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        metavar="N",
        help="run these seeds only (default: all of the experiment)",
    )
    command.add_argument("--again", action="store_true", help="run again what has a result already")
    command.add_argument(
        "--folder",
        type=Path,
        default=None,
        help="folder for the results (default: the one that the book reads)",
    )
    command.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help=f"with --only {tools.TOOLS.name}: run it on this tool graph, a folder with "
        f"{GRAPH} and {CHAINS}; --folder is needed, too",
    )
    command.add_argument("--jobs", type=int, default=1, metavar="N", help="number of runs at once")
    command.add_argument(
        "--scheduler",
        default="",
        metavar="ADDRESS",
        help="run on this Dask cluster, tcp://host:8786 (default: this machine)",
    )
    command.set_defaults(execute=run)


def run(options: argparse.Namespace) -> int:
    """Run what has no result yet: 1 if a run failed, or its numbers lie outside the stored band."""
    if options.scheduler and options.jobs != 1:
        raise InputError(
            "--jobs does nothing beside --scheduler, whose workers say how many run at once: "
            "leave it out"
        )
    folder = options.folder or store.FOLDER
    names = [options.only] if options.only else list(store.EXPERIMENTS)
    wanted = store.jobs(names, tier=options.tier, seeds=options.seeds or (), folder=folder)
    if options.data is not None:
        wanted = _on_data(wanted, options)
    failed = []
    made = store.reproduce(
        wanted, again=options.again, n_jobs=options.jobs, scheduler=options.scheduler
    )
    missing = store.missing(wanted, again=options.again)
    began, count, todo = time.perf_counter(), 0, len(missing)
    if todo:
        ready(folder)
        print(announced(todo, store.expected_seconds(missing), options.jobs), file=sys.stderr)
    watched = sys.stderr.isatty()
    with tqdm(total=todo, unit="run", disable=not watched) as bar:
        for one in made:
            if one.error:
                failed.append(one.error)
                bar.write(f"{one.path.name}: failed", file=sys.stderr)
            else:
                said = "done" if one.fresh else "already there"
                differs = against_stored(one.path)
                if differs is not None:
                    said += ", outside the stored band" if differs else ", inside the stored band"
                    failed += [f"{one.path.name}: {what}" for what in differs]
                bar.write(f"{one.path.name}: {said}")
            if one.fresh:
                count += 1
                bar.update()
                if not watched:
                    print(progress(count, todo, time.perf_counter() - began), file=sys.stderr)
    for error in failed:
        print(f"planrl: {error}", file=sys.stderr)
    return int(bool(failed))


def _on_data(wanted: list[store.Job], options: argparse.Namespace) -> list[store.Job]:
    """The same studies on the user's own tools, whose results go to a folder of the user's."""
    if options.only != tools.TOOLS.name or options.folder is None:
        raise InputError(
            f"--data goes with --only {tools.TOOLS.name} and --folder, since results on your own "
            "data are not those that the book reads"
        )
    read_tools(options.data)  # so that what is wrong is said before anything runs
    found = []
    for job in wanted:
        assert isinstance(job.study, Study)
        study = tools.on_data(job.study, options.data)
        found.append(store.Job(study=study, path=str(options.folder / store.file_name(study))))
    return found


def announced(todo: int, seconds: float, jobs: int) -> str:
    """How much there is to do, said before it starts, from the processor time of saved results."""
    hours = seconds / 3600
    long = f"{hours:.1f} hours" if hours >= 0.95 else f"{max(seconds / 60, 0.1):.1f} minutes"
    beside = f", {jobs} runs at once" if jobs > 1 else ""
    return (
        f"{todo} runs to make: about {long} of processor time{beside}. Stop it when you like: "
        "the same command goes on"
    )


def progress(done: int, todo: int, seconds: float) -> str:
    """How far it is, and how long the rest will take at this pace, for those without a bar."""
    left = seconds / done * (todo - done)
    return f"{done} of {todo} runs made, about {left / 60:.1f} minutes left"
