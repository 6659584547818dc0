"""Builds the book: ``python book/_ext/build.py`` executes the chapters and writes ``_build/html``.

A warning is an error. What did not change is not run again: outputs are kept by the chapters'
code, and thrown away here when the library, its saved results or the pinned packages change,
which the kept outputs would not notice.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import live
import pairs

ROOT = pairs.ROOT
BUILD = ROOT / "_build"
DOCTREES = BUILD / ".doctrees"
OUTPUTS = BUILD / ".jupyter_cache"
# A change below these makes every kept output stale, or only every kept page.
EXECUTION = ("planrl", "requirements.txt")
PAGES = (
    "book/_ext",
    "book/_static",
    "book/_vendor",
    "_config.yml",
    "_toc.yml",
    "pyproject.toml",
)


def fingerprint(paths: tuple[str, ...]) -> str:
    """Return one hash of the names and contents of all files below the paths."""
    total = hashlib.sha256(sys.version.encode())
    for top in (ROOT / path for path in paths):
        files = sorted(top.rglob("*")) if top.is_dir() else [top]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                total.update(f"{file.relative_to(ROOT)}\0".encode())
                total.update(file.read_bytes())
    return total.hexdigest()


def discard_when_changed(
    name: str, paths: tuple[str, ...], stale: tuple[Path, ...]
) -> None:
    """Remove what is stale if the paths have changed since the last build."""
    record = BUILD / f".{name}-fingerprint"
    now = fingerprint(paths)
    if not record.exists() or record.read_text(encoding="utf-8") != now:
        for folder in stale:
            shutil.rmtree(folder, ignore_errors=True)
        BUILD.mkdir(exist_ok=True)
        record.write_text(now, encoding="utf-8")


def main() -> int:
    """Build, and say where the book lies."""
    began = time.monotonic()
    wrong = pairs.disagreements()
    if wrong:
        print(
            "\n".join([*wrong, "`make notebooks` writes them anew."]),
            file=sys.stderr,
        )
        return 1
    for problem in (live.fetch_runtime(), live.export_programs()):
        if problem:
            print(problem, file=sys.stderr)
            if os.environ.get("CI"):
                return 1
    discard_when_changed("pages", PAGES, (DOCTREES, BUILD / "html"))
    discard_when_changed("execution", EXECUTION, (DOCTREES, OUTPUTS))
    run = "from jupyter_book.cli.main import main; main()"
    options = ["-W", "-n", "--keep-going"]
    built = subprocess.run(
        [sys.executable, "-c", run, "build", ".", *options],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"},
        check=False,
    )
    if built.returncode:
        # A page with a warning would be kept, and the next build would be silent about it.
        shutil.rmtree(DOCTREES, ignore_errors=True)
        print("The book was not built: see the warnings above.", file=sys.stderr)
        for report in sorted((BUILD / "html" / "reports").rglob("*.log")):
            print(f"A cell failed: {report.relative_to(ROOT)}", file=sys.stderr)
        return 1
    index = BUILD / "html" / "index.html"
    print(f"\nThe book is built ({(time.monotonic() - began) / 60:.1f} minutes).")
    print(f"  Open it:      {index.as_uri()}")
    print("  Or serve it:  make serve")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
