"""Options that several commands share: one's own graph and rows as files."""

from __future__ import annotations

import argparse

from planrl.errors import InputError
from planrl.experiments.worlds import FileWorld


def add_files(command: argparse.ArgumentParser) -> None:
    """Add --graph, --train and --test."""
    files = command.add_argument_group("your own data (all three together)")
    for name, what in (
        ("graph", "GraphML, node-link JSON or edge list"),
        ("train", "rows"),
        ("test", "rows"),
    ):
        files.add_argument(f"--{name}", metavar="FILE", help=f"{what} (`s t s a b t` a line)"
                           if what == "rows" else what)  # fmt: skip


def own_files(options: argparse.Namespace) -> FileWorld | None:
    """The world these name, or None. Raises InputError if one is missing."""
    given = [options.graph, options.train, options.test]
    if not any(given):
        return None
    if not all(given):
        raise InputError("--graph, --train and --test go together: give all three files")
    return FileWorld(graph=options.graph, train=options.train, test=options.test)
