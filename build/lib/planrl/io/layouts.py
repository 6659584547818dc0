"""Folders as other programs leave them: which file is the graph, which the rows, which the model.

ALPINE's template and its forks write `path_graph.graphml`, `train_20.txt` and `test.txt` into a
folder for the data, and `10000_ckpt_20.pt` into one for the model. nanoGPT writes `ckpt.pt`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from planrl.errors import InputError, shown

WEIGHTS = (".pt", ".pth", ".safetensors")
ROWS = (".txt", ".csv", ".tsv")
MOST_ENTRIES = 100_000  # of a folder


class DataFiles(NamedTuple):
    """The files of a data set; None where the folder has none."""

    graph: Path | None
    train: Path | None
    test: Path | None


def data_files(folder: str | Path, *, known: DataFiles | None = None) -> DataFiles:
    """The graph and the rows to train on and to test on in a folder, by their names.

    The graph is the only .graphml file, or else the only file called graph*; the rows are in
    train*.txt, and in test*.txt or, without one, val*.txt (.csv and .tsv do as well). What `known`
    names is not looked for. Raises InputError if several files fit.
    """
    graph, train, test = known or DataFiles(None, None, None)
    entries = _entries(Path(folder))
    rows = [path for path in entries if path.suffix.lower() in ROWS]
    graphs = [path for path in entries if path.suffix.lower() == ".graphml"]
    graphs = graphs or [
        path for path in entries if path.name.lower().startswith("graph") and path not in rows
    ]
    tests = _called(rows, "test") or _called(rows, "val")
    return DataFiles(
        graph or _only(graphs, "graph", "--graph"),
        train or _only(_called(rows, "train"), "file of rows to train on", "--train"),
        test or _only(tests, "file of rows to test on", "--test"),
    )


def newest_checkpoint(folder: str | Path) -> Path | None:
    """The checkpoint of a folder with the most updates in its name; None if there is none.

    That is the first number in it. Files that say `ckpt`, `checkpoint` or `model` in their names go
    before others. Raises InputError if it is not clear which is the last one.
    """
    entries = [path for path in _entries(Path(folder)) if path.suffix.lower() in WEIGHTS]
    named = [path for path in entries if re.search(r"ckpt|checkpoint|model", path.stem, re.I)]
    found = named or entries
    if len(found) <= 1:
        return next(iter(found), None)
    numbers = {path: int((re.findall(r"[0-9]{1,18}", path.stem) or [-1])[0]) for path in found}
    most = max(numbers.values())
    return _only([path for path, number in numbers.items() if number == most], "checkpoint", "")


def _entries(folder: Path) -> list[Path]:
    """The files in a folder, by name."""
    entries: list[Path] = []
    for path in folder.iterdir():
        entries.append(path)
        if len(entries) > MOST_ENTRIES:
            raise InputError(f"{folder} has more than {MOST_ENTRIES:,} files: name the files")
    return sorted(path for path in entries if path.is_file())


def _called(paths: Sequence[Path], name: str) -> list[Path]:
    return [path for path in paths if path.name.lower().startswith(name)]


def _only(paths: Sequence[Path], what: str, option: str) -> Path | None:
    """The path, if it is one; None if there is none."""
    if len(paths) > 1:
        names = ", ".join(shown(path.name) for path in paths[:5])
        cure = f"choose one with {option} FILE" if option else "name the file instead of the folder"
        raise InputError(
            f"{paths[0].parent} has {len(paths)} files that may be the {what}: {names}. "
            f"Expected: one; {cure}"
        )
    return next(iter(paths), None)
