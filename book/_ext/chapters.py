"""Runs chapters as a notebook server would, in any Python environment, and says how long each took.

``python book/_ext/chapters.py run [--python PYTHON] [--report FILE] [NAME ...]`` executes chapters, as
many at once as there are cores, and stops at the first error; ``... numbers [NAME ...]`` runs them
with the seeds 0 to 4 and writes the numbers at their ends into planrl/teaching/numbers.json, from
which a reader's bands are made. The build of the book executes chapters by this module, too.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import budgets
import nbformat
import pairs
import work
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

TIMEOUT = 300  # seconds for a cell
MOST_LINES = 15  # of what a cell prints
_TEXT = {"text/plain"}
# Which take longest where that was never measured here; begun last, they would keep one core alone.
LONGEST = (
    "10_choosing",
    "04_policy_gradient",
    "03_imitation",
    "80_figures",
    "07_reward",
    "08_logits",
    "06_kl",
    "09_blocksworld",
)
VARIABLES = pairs.ROOT / "_build" / "variables"
# What a chapter's cells gave names to, for the tests of its text; what can't be kept is left out.
_KEEP = """
def _keep(names, file):
    import pickle

    kept = {}
    for name, value in names.items():
        try:
            kept[name] = pickle.dumps(value)
        except (AttributeError, NotImplementedError, RuntimeError, TypeError, pickle.PicklingError):
            continue  # what pickle raises for a value that it can't keep
    with open(file, "wb") as out:
        pickle.dump(kept, out)


_keep({name: one for name, one in globals().items() if not name.startswith("_")}, %r)
"""
SEEDS = range(5)
NUMBERS = pairs.ROOT / "planrl" / "teaching" / "numbers.json"
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
        "--IPKernelApp.log_level=ERROR",  # else each says that it listens on this machine
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


def settings(root: Path) -> dict[str, str]:
    """The environment in which chapters run against this checkout, for a page without a kernel."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {
        "PYTHONPATH": f"{root}",
        "PLANRL_STATIC": "1",
        "PLOTLY_RENDERER": "plotly_mimetype",
        # The kernel that is found is this interpreter's, whatever else is installed.
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PATH": path,
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else each kernel prints a warning
    }


def variables(name: str) -> Path:
    """Where the names of an executed chapter are kept: a pickle of name -> pickled value."""
    return VARIABLES / f"{name}.pickle"


def executed(
    script: Path,
    python: str,
    *,
    seed: int | None = None,
    careful: bool = True,
    keep: bool = False,
) -> tuple[Any, dict[str, Any]]:
    """Run one chapter: the notebook with its outputs, and what `measured` says of it.

    With `careful` an error is raised, a RuntimeError with its traceback; without it the chapter
    goes on to its last cell. With `keep`, what its names stand for at the end is kept.
    """
    notebook = nbformat.read(script.with_suffix(".ipynb"), 4)
    if keep:
        VARIABLES.mkdir(parents=True, exist_ok=True)
        last = _KEEP % str(variables(script.stem))
        notebook.cells.append(nbformat.v4.new_code_cell(last))
    if seed is not None:
        for cell in notebook.cells:
            cell.source = _SEED.sub(f"seed = {seed}", cell.source)
    began = time.monotonic()
    with kernel_of(python) as kernel:
        client = NotebookClient(
            notebook,
            kernel_name=kernel,
            timeout=TIMEOUT,
            allow_errors=not careful,
            resources={"metadata": {"path": str(script.parent)}},
        )
        try:
            client.execute()
        except (CellExecutionError, CellTimeoutError) as error:
            # Not the error itself: it could not be sent to another process.
            raise RuntimeError(f"{script.name}: a cell failed\n{error}") from None
    if keep:
        notebook.cells.pop()
    return notebook, measured(notebook, time.monotonic() - began)


def measured(notebook: Any, total: float) -> dict[str, Any]:
    """The seconds a run took, those until its first figure, and those of each cell; its errors.

    The cells' own records of time are taken out, so that two runs give the same notebook.
    """
    parts, until, first = [], 0.0, None
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        took = seconds(cell)
        cell.metadata.pop("execution", None)
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


def lines(cell: Any) -> int:
    """How many lines of text a cell shows: what it prints, and results that are nothing but text.

    Figures, tables, cards and listings are more than that, and do not count.
    """
    count = 0
    for out in cell.get("outputs", []):
        if out.output_type == "stream":
            texts = [out.text]
        elif out.output_type == "error":
            texts = ["\n".join(out.traceback)]
        else:
            texts = [
                f"{text}" for text in out.data.values() if set(out.data) <= _TEXT
            ]
        count += max((len(text.splitlines()) for text in texts), default=0)
    return count


def too_long(name: str, notebook: Any) -> list[str]:
    """One sentence for each cell that shows more than MOST_LINES lines of text."""
    found = []
    for place, cell in enumerate(notebook.cells):
        count = lines(cell) if cell.cell_type == "code" else 0
        if count > MOST_LINES:
            begins = cell.source.strip().split("\n")
            found.append(
                f"{name}, cell {place} ends in `{begins[-1][:60]}` and shows {count} lines of text; "
                f"a cell shows at most {MOST_LINES}: print less, or give the last expression a name"
            )
    return found


def chosen(names: list[str]) -> list[Path]:
    """The scripts of these chapters, or all."""
    every = {script.stem: script for script in pairs.scripts()}
    for name in names:
        if name not in every:
            raise SystemExit(
                f"there is no chapter {name!r}; there are: {', '.join(every)}"
            )
    return [every[name] for name in names] if names else list(every.values())


def longest_first(
    scripts: list[Path], took: Mapping[str, Mapping[str, Any]]
) -> list[Path]:
    """The scripts in the order in which to begin them, by what each took before."""

    def order(script: Path) -> tuple[float, int]:
        before = float(took.get(script.stem, {}).get("seconds", 0))
        known = script.stem in LONGEST
        return -before, LONGEST.index(script.stem) if known else len(LONGEST)

    return sorted(scripts, key=order)


def kept(script: Path, python: str) -> tuple[Any, dict[str, Any]]:
    """Run one chapter and keep its variables."""
    return executed(script, python, keep=True)


def run(python: str, names: list[str], report: Path | None, at_once: int) -> int:
    """Run chapters, print what each took, and keep it in `report`.

    In this interpreter's environment, variables are kept for the tests of the text, too.
    """
    found: dict[str, Any] = {}
    call = kept if python == sys.executable else executed
    jobs = [
        work.Job(script.stem, call, (script, python))
        for script in longest_first(chosen(names), {})
    ]
    for done in work.run(jobs, at_once):
        if done.error:
            print(done.error, file=sys.stderr)
            return 1
        found[done.job.name] = done.result[1]
    for name, told in sorted(found.items()):
        print(
            f"{name:20} {told['seconds']:6.1f} s, first figure after {told['first figure']} s"
        )
    for remark in budgets.remarks(found, budgets.read(chosen(names))):
        print(f"look at: {remark}")
    if report:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


def measure_numbers(python: str, names: list[str]) -> int:
    """Run chapters with each seed and keep the numbers that they compare at their ends."""
    stored = (
        json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}
    )
    with tempfile.TemporaryDirectory() as folder:
        for script in chosen(names):
            if "evidence.Numbers(" not in script.read_text(encoding="utf-8"):
                continue
            rows = []
            for seed in SEEDS:
                file = Path(folder) / f"{script.stem}-{seed}.json"
                os.environ["PLANRL_NUMBERS"] = str(file)
                told = executed(script, python, seed=seed, careful=seed == 0)[1]
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
    parser.add_argument(
        "--jobs",
        type=int,
        default=work.cores(),
        help="how many chapters to run at once",
    )
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = (
        "1"  # else each kernel prints a warning
    )
    os.environ["PLOTLY_RENDERER"] = "plotly_mimetype"
    if given.action == "run":
        return run(given.python, given.names, given.report, given.jobs)
    return measure_numbers(given.python, given.names)


if __name__ == "__main__":
    raise SystemExit(main())
