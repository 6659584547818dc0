"""How fast planrl is next to what else one would use, and next to what the processor can do.

    python tests/benchmarks                     all rows, about 20 minutes; `make peers` first
    python tests/benchmarks --only "SFT" --rounds 9
    python tests/benchmarks --keep              and put the rows into the table the book shows
    python tests/benchmarks --quick             small sizes: does it run, and are both sides equal?

One process, one thread, processor seconds, both sides taking turns: `harness` says how. It ends
with status 1 if a row's two sides do not do the same; a goal that is not reached is only printed.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
import warnings
from pathlib import Path

ONE_THREAD = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM")
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
}
SHOWN = ("torch", "numpy", "transformers", "trl", "networkx")


def machine() -> list[str]:
    """Processor, cores, system and versions, one a line."""
    model, info = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if info.exists():
        names = [text for text in info.read_text().splitlines() if text.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    versions = [f"python {platform.python_version()}"]
    for name in SHOWN:
        there = importlib.util.find_spec(name) is not None
        versions.append(f"{name} {importlib.metadata.version(name) if there else 'absent'}")
    return [
        f"machine   {model}, {os.cpu_count()} cores, {platform.system()}",
        f"versions  {', '.join(versions)}",
        "timing    CPU seconds of one process with one thread, both sides taking turns; ratio = "
        "median over the rounds, with its lowest and highest",
    ]


def keep(out: Path, policy: str) -> None:
    """Put the rows just measured, with date and machine, among those that the book shows."""
    from planrl.experiments.store import FOLDER, FORMAT
    from planrl.io.files import read_json, to_json, write_atomically

    path, study = FOLDER / "speed.json", {"call": "tests/benchmarks", "options": {}}
    old = read_json(path, FORMAT)["result"]["rows"] if path.exists() else []
    facts = {"date": str(datetime.date.today()), "machine": machine()[:2], "policy": policy}
    new = [{**row, **facts} for row in json.loads(out.read_text(encoding="utf-8"))]
    names = {row["name"] for row in new}
    rows = [row for row in old if row["name"] not in names] + new
    page = {"format": FORMAT, "experiment": "speed", "study": study, "result": {"rows": rows}}
    write_atomically(path, to_json(page))


def main(arguments: list[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--only", action="append", default=[], metavar="TEXT", help="rows whose name contains it")
    add("--rounds", type=int, metavar="N", help="rounds of each row (7; with --quick 1)")
    add("--quick", action="store_true", help="small sizes, no figures to quote: under a minute")
    add("--out", type=Path, default=Path("_build/bench.json"), metavar="PATH", help="the list")
    add("--keep", action="store_true", help="also put the rows into the table the book shows")
    add("--list", action="store_true", help="only name the rows")
    given = parser.parse_args(arguments)
    if given.keep and given.quick:
        parser.error("--quick measures nothing worth keeping")
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds is at least 1")

    # before torch is imported: it reads these once
    os.environ.update({f"{name}_NUM_THREADS": "1" for name in ONE_THREAD})
    os.environ.update(dict.fromkeys(OFFLINE, "1") | QUIET)
    warnings.filterwarnings("ignore")  # what the peers deprecate is not our news

    import harness
    import torch
    from rows import all_rows
    from setting import FULL, QUICK, Dataset

    torch.set_num_threads(1)
    size = QUICK if given.quick else FULL
    dataset = Dataset(size)
    rows = harness.chosen(all_rows(dataset), given.only)
    if not rows:
        parser.error(f"no row is called like {given.only}: see --list")
    if given.list:
        print("\n".join(row.name for row in rows))
        return 0
    print("\n".join(machine()), flush=True)
    print(f"policy    {dataset.describe()}\n", flush=True)
    status = harness.run(
        rows, given.rounds or size.rounds, given.out, say=lambda text: print(text, flush=True)
    )
    if given.keep and status == 0:
        keep(given.out, dataset.describe())
    return status


if __name__ == "__main__":
    sys.exit(main())
