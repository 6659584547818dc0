"""Logs of training: CSV, JSON lines, or the trainer_state.json that TRL writes.

Only numbers are kept. W&B's exports name a column `run - train/reward`; of a log of several runs
one is read. A metric's own name may hold a dash, too.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from planrl.errors import InputError, shown
from planrl.io.files import read_text

MOST_BYTES = 20_000_000
MOST_ROWS = 200_000


def read_log(
    path: str | Path, run: str = "", metrics: Collection[str] = ()
) -> dict[str, list[float]]:
    """The numbers of each name in a log, in the order of its rows; what is no number is left out.

    Of a log of several runs those of `run` are read, and of columns without a run. What stands
    before a dash is a run if one of its columns is named as one of `metrics`, or if none are given.
    Raises InputError, with the line, for a file that is no log, and if it is not clear which run to
    read.
    """
    text = read_text(path, most=MOST_BYTES)
    if not text.strip():
        raise InputError(
            f"{path} is empty: expected CSV with names in its first line, or JSON lines"
        )
    rows = _json_rows(text, path) if text.lstrip()[:1] in "{[" else _csv_rows(text, path)
    found: dict[str, list[float]] = {}
    for number, row in enumerate(rows):
        if number >= MOST_ROWS:
            raise InputError(f"{path} has more than {MOST_ROWS:,} rows: give every tenth of them")
        for name, value in row.items():
            if (as_number := _number(value)) is not None:
                found.setdefault(str(name), []).append(as_number)
    if not found:
        raise InputError(
            f"{path} has no number: expected CSV with names in its first line, or JSON"
        )
    return _of_run(found, run, metrics, path)


def _of_run(
    columns: dict[str, list[float]], run: str, metrics: Collection[str], path: str | Path
) -> dict[str, list[float]]:
    """The columns of one run, named without it."""
    parts = {name: tuple(map(str.strip, name.rpartition(" - "))) for name in columns}
    before = {
        of: [part[2] for part in parts.values() if part[0] == of] for of, *_ in parts.values()
    }
    runs = [
        of
        for of, named in before.items()
        if of and (of == run or not metrics or any(one in metrics for one in named))
    ]
    if run and run not in runs:
        raise InputError(
            f"{path} has no run {shown(run)}: it has {', '.join(runs) or 'no names of runs'}"
        )
    if not run and len(runs) > 1:
        raise InputError(
            f"{path} is a log of {len(runs)} runs, {', '.join(runs)}: name one of them by --run"
        )
    found = {}
    for name, column in columns.items():
        of, _, metric = parts[name]
        if of not in runs:
            found[name.strip()] = column
        elif of == run or not run:
            found[metric] = column
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _csv_rows(text: str, path: str | Path) -> Iterator[Mapping[str, Any]]:
    lines = text.splitlines()
    try:
        names = next(csv.reader([lines[0]], delimiter="\t" if "\t" in lines[0] else ","))
        if len(set(names)) < len(names) or all(_number(name) is not None for name in names):
            raise InputError(
                f"{path}, line 1: {shown(lines[0])} was given, expected the names of the columns, "
                "each once"
            )
        reader = csv.reader(lines[1:], delimiter="\t" if "\t" in lines[0] else ",")
        for row in reader:
            if row and len(row) != len(names):
                raise InputError(
                    f"{path}, line {reader.line_num + 1}: {len(row)} values for {len(names)} names"
                )
            yield dict(zip(names, row, strict=False))
    except csv.Error as error:
        raise InputError(f"{path} is no CSV: {error}") from None


def _json_rows(text: str, path: str | Path) -> Iterator[Mapping[str, Any]]:
    try:
        page = json.loads(text)
    except RecursionError as error:
        raise InputError(f"{path} is no JSON: {error}") from None
    except ValueError:  # not one value: one a line
        yield from _json_lines(text, path)
        return
    if isinstance(page, dict):
        page = page.get("log_history", [page])
    if not isinstance(page, list) or not all(isinstance(row, dict) for row in page):
        raise InputError(f"{path}: expected a list of records, or a trainer_state.json")
    yield from page


def _json_lines(text: str, path: str | Path) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise InputError(
                f"{path}, line {number}: {shown(line.strip())} was given, expected one JSON object"
            )
        yield row
