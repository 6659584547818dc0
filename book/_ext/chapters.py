"""Runs chapters as a notebook server would, in any Python environment, and says how long each took.

``python book/_ext/chapters.py run [--python PYTHON] [--report FILE] [NAME ...]`` executes chapters and
stops at the first error; ``... numbers [NAME ...]`` runs them with the seeds 0 to 4 and writes the
numbers at their ends into planrl/numbers.json, from which a reader's bands are made.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import pairs
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

SEEDS = range(5)
NUMBERS = pairs.ROOT / "planrl" / "numbers.json"
_SEED = re.compile(r"^seed = \d+$", re.M)


@contextmanager
def kernel_of(python: str) -> Iterator[str]:
    """The name of a kernel that runs in this interpreter's environment, while the block lasts."""
    argv = [
        f"{Path(python).absolute()}",
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
    ]
    spec = {"argv": argv, "display_name": "chapters", "language": "python"}
    before = os.environ.get("JUPYTER_PATH")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "kernels" / "planrl-chapters"
        place.mkdir(parents=True)
        (place / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [folder, before]))
        try:
            yield place.name
        finally:
            if before is None:
                del os.environ["JUPYTER_PATH"]
            else:
                os.environ["JUPYTER_PATH"] = before


def seconds(cell: Any) -> float:
    """How long a cell took, by its own record."""
    told = cell.metadata.get("execution", {})
    ends = [told.get("iopub.execute_input"), told.get("shell.execute_reply")]
    if None in ends:
        return 0.0
    began, ended = (datetime.fromisoformat(end) for end in ends)
    return (ended - began).total_seconds()


def execute(
    script: Path, kernel: str, *, seed: int | None = None, careful: bool = True
) -> dict[str, Any]:
    """Run one chapter: its seconds, those until its first figure, and those of each cell.

    With `careful` an error is raised; without it the chapter goes on to its last cell.
    """
    notebook = nbformat.read(script.with_suffix(".ipynb"), 4)
    if seed is not None:
        for cell in notebook.cells:
            cell.source = _SEED.sub(f"seed = {seed}", cell.source)
    client = NotebookClient(
        notebook,
        kernel_name=kernel,
        timeout=300,
        allow_errors=not careful,
        resources={"metadata": {"path": str(script.parent)}},
    )
    began = time.monotonic()
    client.execute()
    total = time.monotonic() - began
    parts, until, first = [], 0.0, None
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        took = seconds(cell)
        until += took
        parts.append((place, round(took, 2)))
        kinds = [kind for out in cell.outputs for kind in out.get("data", {})]
        if first is None and any(
            "plotly" in kind or kind == "text/html" for kind in kinds
        ):
            first = until
    errors = [
        f"{out.ename}: {out.evalue}"
        for cell in notebook.cells
        for out in cell.get("outputs", [])
        if out.output_type == "error"
    ]
    return {
        "seconds": round(total, 1),
        "first figure": round(first, 1) if first is not None else None,
        "cells": parts,
        "errors": errors,
    }


def chosen(names: list[str]) -> list[Path]:
    """The scripts of these chapters, or all."""
    every = {script.stem: script for script in pairs.scripts()}
    for name in names:
        if name not in every:
            raise SystemExit(
                f"there is no chapter {name!r}; there are: {', '.join(every)}"
            )
    return [every[name] for name in names] if names else list(every.values())


def run(python: str, names: list[str], report: Path | None) -> int:
    """Run chapters, print what each took, and keep it in `report`."""
    found = {}
    with kernel_of(python) as kernel:
        for script in chosen(names):
            try:
                found[script.stem] = execute(script, kernel)
            except CellExecutionError as error:
                print(f"{script.stem}: {error}", file=sys.stderr)
                return 1
            told = found[script.stem]
            print(
                f"{script.stem:20} {told['seconds']:6.1f} s, first figure after "
                f"{told['first figure']} s",
                flush=True,
            )
    if report:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


def measure_numbers(python: str, names: list[str]) -> int:
    """Run chapters with each seed and keep the numbers that they compare at their ends."""
    stored = (
        json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}
    )
    with kernel_of(python) as kernel, tempfile.TemporaryDirectory() as folder:
        for script in chosen(names):
            if "evidence.Numbers(" not in script.read_text(encoding="utf-8"):
                continue
            rows = []
            for seed in SEEDS:
                file = Path(folder) / f"{script.stem}-{seed}.json"
                os.environ["PLANRL_NUMBERS"] = str(file)
                told = execute(script, kernel, seed=seed, careful=seed == 0)
                if told["errors"]:
                    print(f"{script.stem}, seed {seed}: {told['errors']}")
                rows.append(json.loads(file.read_text(encoding="utf-8")))
            stored[script.stem] = {
                "versions": rows[0].pop("versions"),
                "values": {
                    name: [float(f"{row[name]:.6g}") for row in rows]
                    for name in rows[0]
                },
            }
            print(script.stem, stored[script.stem], flush=True)
            ordered = dict(sorted(stored.items()))
            NUMBERS.write_text(
                json.dumps(ordered, indent=1) + "\n", encoding="utf-8"
            )
    return 0


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["run", "numbers"])
    parser.add_argument(
        "names", nargs="*", help="chapters, such as 03_imitation (all)"
    )
    parser.add_argument(
        "--python", default=sys.executable, help="the interpreter to run in"
    )
    parser.add_argument("--report", type=Path, help="a JSON file for the seconds")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = (
        "1"  # else each kernel prints a warning
    )
    os.environ["PLOTLY_RENDERER"] = "plotly_mimetype"
    if given.action == "run":
        return run(given.python, given.names, given.report)
    return measure_numbers(given.python, given.names)


if __name__ == "__main__":
    raise SystemExit(main())
