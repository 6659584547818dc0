"""What pages with a live lab load: the runtime from npm, the exported programs, planrl's scripts.

The runtime is fetched by a lock file and the programs are exported from planrl, both once, into
_build; neither is kept in the repository.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "planrl" / "live" / "web"
NPM = ROOT / "_build" / "npm"
PROGRAMS = ROOT / "_build" / "programs"
RUNTIME = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)
# What an exported program depends on.
SOURCES = (
    "live/bodies.py",
    "live/chance.py",
    "live/export.py",
    "live/looks.py",
    "live/programs.py",
    "live/questions.py",
    "live/steps.py",
    "live/walking.py",
    "models.py",
    "objectives.py",
    "plain.py",
    "tasks.py",
    "transformer.py",
)
# Loaded by a page with a lab, in this order; worker.js is loaded by them.
SCRIPTS = ("lab-state.js", "lab-figure.js", "lab-training.js", "lab.js")


def _digest(paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def fetch_runtime() -> str:
    """Install the locked npm packages into _build; what is wrong, in a sentence, or ''."""
    folder = Path(__file__).parent
    lock = [folder / "package.json", folder / "package-lock.json"]
    record, now = NPM / ".lock", _digest(lock)
    if record.exists() and record.read_text(encoding="utf-8") == now:
        return ""
    npm = shutil.which("npm")
    if npm is None:
        return (
            "npm is missing (it comes with Node.js, https://nodejs.org): this copy of the book "
            "shows recorded runs, but nothing can be trained in its pages."
        )
    shutil.rmtree(NPM, ignore_errors=True)
    NPM.mkdir(parents=True)
    for path in lock:
        shutil.copy(path, NPM)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command, cwd=NPM, check=False, capture_output=True, text=True
    )
    if done.returncode:
        return f"npm could not fetch what trains in the pages: {done.stderr.strip()[-500:]}"
    record.write_text(now, encoding="utf-8")
    return ""


def export_programs() -> str:
    """Export the labs' programs into _build; what is wrong, in a sentence, or ''."""
    record = PROGRAMS / ".sources"
    now = _digest([ROOT / "planrl" / path for path in SOURCES])
    if record.exists() and record.read_text(encoding="utf-8") == now:
        return ""
    shutil.rmtree(PROGRAMS, ignore_errors=True)
    print("Exporting the live labs' programs (about two minutes).", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "planrl", "export", str(PROGRAMS)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return f"the labs' programs could not be exported: {done.stderr.strip()[-500:]}"
    record.write_text(now, encoding="utf-8")
    return ""


def copy_to(static: Path) -> None:
    """Put all that a lab loads below a built book's _static."""
    target = static / "live"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in [*WEB.glob("*.js"), *WEB.glob("*.css")]:
        shutil.copy(path, target)
    if PROGRAMS.exists():
        ignored = shutil.ignore_patterns(".*")
        shutil.copytree(PROGRAMS, target / "programs", ignore=ignored)
    runtime = NPM / "node_modules" / "onnxruntime-web" / "dist"
    if runtime.exists():
        (target / "ort").mkdir()
        for name in RUNTIME:
            shutil.copy(runtime / name, target / "ort")
