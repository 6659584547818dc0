"""What pages load: plotly and the labs' runtime from npm, the exported programs, planrl's scripts.

The part of plotly that draws the book's figures is a third of the whole, which the package plotly has
and which is taken where there is no npm. The runtime is fetched by a lock file into _build. The programs are kept in book/_programs, since an
export takes minutes. A program whose trace has changed since is exported anew, into _build. Programs
and bases are looked at again when a module that they are made by has changed.
``python book/_ext/live.py write`` renews book/_programs.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from modulefinder import ModuleFinder
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "planrl" / "labs" / "web"
NPM = ROOT / "_build" / "npm"
KEPT = ROOT / "book" / "_programs"
PROGRAMS = ROOT / "_build" / "programs"
RUNTIME = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)
PLOTLY = "plotly.js-cartesian-dist-min/plotly-cartesian.min.js"
# Loaded by a page with recorded runs that play, in this order.
PLAYER = ("graph-view.js", "player.js")
# Loaded by a page with a lab, in this order; worker.js is loaded by them.
SCRIPTS = (
    "lab-state.js",
    "lab-figure.js",
    "lab-panels.js",
    "lab-controls.js",
    "graph-view.js",
    "graph-policy.js",
    "lab-paths.js",
    "lab-step.js",
    "lab-words.js",
    "lab-hosting.js",
    "lab-training.js",
    "lab.js",
    "lab-page.js",
)


def plotly(whole: Path) -> Path:
    """Return the script that draws figures: plotly's part for charts, or else the `whole`."""
    part = NPM / "node_modules" / PLOTLY
    return part if part.exists() else whole


def _digest(paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def missing() -> dict[str, Callable[[], str]]:
    """What has to be made before labs can be trained, by its name, and what makes it."""
    makers = {
        "the labs' runtime": (_runtime_record, fetch_runtime),
        "the labs' programs": (_programs_record, export_programs),
        "the labs' first weights": (_bases_record, train_bases),
    }
    return {
        name: make
        for name, (record, make) in makers.items()
        if not _current(*record())
    }


def _current(record: Path, now: str) -> bool:
    return record.exists() and record.read_text(encoding="utf-8") == now


def _runtime_record() -> tuple[Path, str]:
    return NPM / ".lock", _digest([*_locks()])


def _locks() -> list[Path]:
    folder = Path(__file__).parent
    return [folder / "package.json", folder / "package-lock.json"]


def _programs_record() -> tuple[Path, str]:
    return PROGRAMS / ".sources", _sources()


def _bases_record() -> tuple[Path, str]:
    return PROGRAMS / "bases" / ".sources", _sources()


def modules() -> list[Path]:
    """All modules of planrl that an export imports, be it on top or inside a function, and all labs."""
    # Only this folder is searched, so torch and other libraries count as missing.
    finder = ModuleFinder([str(ROOT)])
    finder.import_hook("planrl.labs.page.export")
    for lab in sorted(
        (ROOT / "planrl" / "labs" / "catalogue").glob("[!_]*.py")
    ):  # found by name
        finder.import_hook(f"planrl.labs.catalogue.{lab.stem}")
    files = [module.__file__ for module in finder.modules.values()]
    return sorted(Path(file) for file in files if file)


def _sources() -> str:
    """A hash of all that programs and bases are made from: modules, pinned packages, kept programs."""
    kept = sorted(KEPT.glob("*.json"))
    return _digest([*modules(), ROOT / "requirements.txt", *kept])


def fetch_runtime() -> str:
    """Install the locked npm packages into _build; what is wrong, in a sentence, or ''."""
    record, now = _runtime_record()
    if _current(record, now):
        return ""
    npm = shutil.which("npm")
    if npm is None:
        return (
            "npm is missing (it comes with Node.js, https://nodejs.org): this copy of the book "
            "shows recorded runs, but nothing can be trained in its pages."
        )
    shutil.rmtree(NPM, ignore_errors=True)
    NPM.mkdir(parents=True)
    for path in _locks():
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
    """Put the labs' programs into _build; what is wrong, in a sentence, or ''.

    Each is traced, and copied from those that are kept if it was made from the same trace.
    """
    record, now = _programs_record()
    if _current(record, now):
        return ""
    from planrl.errors import InputError

    record.unlink(missing_ok=True)
    try:
        changed = _export(PROGRAMS, [KEPT, PROGRAMS])
    except InputError as error:
        return f"the labs' programs could not be exported: {error}"
    if changed:
        print(
            f"The steps of {', '.join(changed)} have changed since book/_programs was written: "
            "`python book/_ext/live.py write` renews it.",
            flush=True,
        )
    record.write_text(now, encoding="utf-8")
    return ""


def _export(folder: Path, reuse: list[Path]) -> list[str]:
    """Put all programs and nothing else into a folder; those that differ from the kept ones."""
    from planrl.labs.page.export import export

    paths = [
        path.with_suffix(ending)
        for path in export(folder, reuse=reuse)
        for ending in (".onnx", ".json")
    ]
    for path in folder.glob("*.*"):
        if path.is_file() and path not in paths:
            path.unlink()
    return [
        path.stem
        for path in paths[1::2]
        if path.read_bytes() != _bytes(KEPT / path.name)
    ]


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def train_bases() -> str:
    """Put the Transformers that the labs' learners start from into _build; always ''."""
    record, now = _bases_record()
    if not _current(record, now):
        from planrl.labs.page.export import write_bases

        record.unlink(missing_ok=True)
        write_bases(record.parent)
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
    # How long each file is: a page notices one that did not come whole.
    sizes = {
        path.relative_to(target).as_posix(): path.stat().st_size
        for path in sorted(target.rglob("*.*"))
        if path.is_file()
    }
    (target / "files.json").write_text(json.dumps(sizes), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Renew the programs that are kept: those of which the steps have changed."""
    if arguments != ["write"]:
        print("usage: python book/_ext/live.py write", file=sys.stderr)
        return 2
    _export(KEPT, [KEPT, PROGRAMS])
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
