"""Builds the book: ``python book/_ext/build.py`` executes the chapters and writes ``_build/html``.

Chapters, the labs' programs and their runtime are made first, as many at once as there are cores;
then Sphinx makes the pages. A warning is an error. What did not change is not made again: outputs
are kept by the chapters' code, and thrown away here when the library, its saved results or the
pinned packages change, which the kept outputs would not notice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import live
import pairs
import work

ROOT = pairs.ROOT
sys.path.insert(
    0, str(ROOT)
)  # here and in every process: the library of this checkout
BUILD = ROOT / "_build"
HTML = BUILD / "html"
DOCTREES = BUILD / ".doctrees"
OUTPUTS = BUILD / ".jupyter_cache"
REPORT = BUILD / "executed.json"
BUILT = BUILD / ".built"
UNFINISHED = BUILD / ".unfinished"
# A change below these makes every kept output stale, or only every kept page.
EXECUTION = ("planrl", "requirements.txt")
PAGES = (
    "book/_ext",
    "book/_static",
    "book/_vendor",
    "planrl/labs/web",
    "_config.yml",
    "_toc.yml",
    "pyproject.toml",
)
CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # what colours a terminal


def fingerprint(paths: tuple[str, ...], without: str = "") -> str:
    """Return one hash of the names and contents of all files below the paths."""
    total = hashlib.sha256(sys.version.encode())
    for top in (ROOT / path for path in paths):
        files = sorted(top.rglob("*")) if top.is_dir() else [top]
        for file in files:
            if without and file.is_relative_to(ROOT / without):
                continue
            if file.is_file() and "__pycache__" not in file.parts:
                total.update(f"{file.relative_to(ROOT)}\0".encode())
                total.update(file.read_bytes())
    return total.hexdigest()


def discard_when_changed(name: str, now: str, stale: tuple[Path, ...]) -> None:
    """Remove what is stale if this fingerprint has changed since the last build."""
    record = BUILD / f".{name}-fingerprint"
    if not record.exists() or record.read_text(encoding="utf-8") != now:
        for folder in stale:
            shutil.rmtree(folder, ignore_errors=True)
        BUILD.mkdir(exist_ok=True)
        record.write_text(now, encoding="utf-8")


def sources() -> str:
    """Return one hash of all that a build could depend on: files, Python, installed packages."""
    files = sorted(path.name for path in ROOT.iterdir() if path.is_file())
    tops = [name for name in files if not name.startswith(".")]
    packages = Path(sysconfig.get_path("purelib"))
    installed = sorted(path.name for path in packages.glob("*.dist-info"))
    found = fingerprint(("planrl", "book", *tops))
    return hashlib.sha256("\n".join([found, *installed]).encode()).hexdigest()


def pages() -> str:
    """Return one hash of the built files' names, sizes and times."""
    total = hashlib.sha256()
    for path in sorted(HTML.rglob("*")):
        told = path.stat()
        size = 0 if path.is_dir() else told.st_size
        when = 0 if path.is_dir() else told.st_mtime_ns
        total.update(f"{path.relative_to(HTML)}\0{size}\0{when}\n".encode())
    return total.hexdigest()


def is_built() -> bool:
    """Say whether the pages are those that a whole build made from the sources of today."""
    if not BUILT.exists():
        return False
    kept = json.loads(BUILT.read_text(encoding="utf-8"))
    if kept["pages"] != pages():
        # Sphinx writes a page that is missing, but not each file that belongs to it.
        for folder in (DOCTREES, HTML):
            shutil.rmtree(folder, ignore_errors=True)
        return False
    return bool(kept["sources"] == sources())


def write_record(begun_with: str) -> None:
    """Remember which sources the pages were made from, and which pages they are."""
    kept = {"sources": begun_with, "pages": pages()}
    BUILT.write_text(json.dumps(kept), encoding="utf-8")


def make(at_once: int) -> list[str]:
    """Execute the chapters that changed, and make what labs load; return what went wrong.

    The executed notebooks go where Sphinx looks for them. What each chapter took is kept, and what
    its names stand for, which the tests of its text read.
    """
    # Imported here: a build with nothing to do takes no notice of them.
    import chapters
    import nbformat
    from jupyter_cache import get_cache

    os.environ.update(chapters.settings(ROOT))
    cache, wrong = get_cache(OUTPUTS), []
    found = json.loads(REPORT.read_text("utf-8")) if REPORT.exists() else {}
    stale = []
    for script in pairs.scripts():
        try:
            notebook = nbformat.read(script.with_suffix(".ipynb"), 4)
            kept = cache.merge_match_into_notebook(notebook)[1]
            wrong += chapters.too_long(script.stem, kept)
            if not chapters.variables(script.stem).exists():
                stale.append(script)
        except KeyError:
            stale.append(script)
    jobs = [
        work.Job(script.stem, chapters.kept, (script, sys.executable))
        for script in chapters.longest_first(stale, found)
    ]
    # Behind the longest chapters, and before the short ones, which fill the gaps at the end.
    jobs[4:4] = [work.Job(name, call) for name, call in live.missing().items()]
    if jobs:
        print(
            f"{len(stale)} of {len(pairs.scripts())} chapters are to be executed; "
            f"{len(jobs)} jobs, {at_once} at once.",
            flush=True,
        )
    for done in work.run(jobs, at_once):
        if done.error:
            wrong.append(f"{done.error}")
        elif done.job.call is not chapters.kept:
            if done.result:
                print(done.result, file=sys.stderr)
                wrong += [done.result] * bool(os.environ.get("CI"))
        else:
            wrong += keep(cache, done, found)
    return wrong


def keep(cache: Any, done: work.Done, found: dict[str, Any]) -> list[str]:
    """Put an executed chapter where Sphinx looks for it; which of its cells show too much text."""
    import chapters
    from jupyter_cache.base import CacheBundleIn

    notebook, found[done.job.name] = done.result
    uri = str(done.job.given[0].with_suffix(".ipynb"))
    took: dict[str, Any] = {"execution_seconds": done.seconds}
    cache.cache_notebook_bundle(
        CacheBundleIn(notebook, uri, data=took),
        check_validity=False,
        overwrite=True,
    )
    REPORT.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return chapters.too_long(done.job.name, notebook)


def sphinx() -> int:
    """Run Jupyter Book, and pass on what it says; without colours where nobody sees them.

    What it has read is forgotten if it was stopped before all pages were written, or a page had a
    warning: it would take that page for written, and be silent about it.
    """
    if UNFINISHED.exists():
        shutil.rmtree(DOCTREES, ignore_errors=True)
    UNFINISHED.touch()
    run = "from jupyter_book.cli.main import main; main()"
    options = ["-W", "-n", "--keep-going"]
    plain = not sys.stdout.isatty()
    with subprocess.Popen(
        [sys.executable, "-u", "-c", run, "build", ".", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE if plain else None,
        stderr=subprocess.STDOUT if plain else None,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            print(CODES.sub("", line), end="", flush=True)
    if not process.returncode:
        UNFINISHED.unlink()
    return process.returncode


def main(arguments: list[str]) -> int:
    """Build, and say where the book lies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="how many processes at once (the cores)",
    )
    given = parser.parse_args(arguments)
    began = time.monotonic()
    if is_built():
        print("Nothing has changed since the book was built.")
        return told()
    BUILT.unlink(missing_ok=True)
    begun_with = sources()
    wrong = pairs.disagreements()
    if wrong:
        print(
            "\n".join([*wrong, "`make notebooks` writes them anew."]),
            file=sys.stderr,
        )
        return 1
    os.environ.update({"OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"})
    discard_when_changed("pages", fingerprint(PAGES), (DOCTREES, HTML))
    execution = fingerprint(
        EXECUTION, without="planrl/labs/web"
    )  # of pages, not of chapters
    discard_when_changed("execution", execution, (DOCTREES, OUTPUTS))
    wrong = make(given.jobs or work.cores())
    if wrong:
        print("\n".join(["", *wrong]), file=sys.stderr)
        print("The book was not built: see above.", file=sys.stderr)
        return 1
    if sphinx():
        print("The book was not built: see the warnings above.", file=sys.stderr)
        for report in sorted((HTML / "reports").rglob("*.log")):
            print(f"A cell failed: {report.relative_to(ROOT)}", file=sys.stderr)
        return 1
    if not live.missing():
        write_record(begun_with)
    print(f"\nThe book is built ({(time.monotonic() - began) / 60:.1f} minutes).")
    return told()


def told() -> int:
    """Say where the book lies."""
    print(f"  Open it:      {(HTML / 'index.html').as_uri()}")
    print("  Or serve it:  make serve")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
