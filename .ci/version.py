"""Cut the changelog for a new version, and write the version wherever it stands.

    make version VERSION=0.2.0

`planrl/__init__.py` holds the version, and pyproject.toml reads it there. CITATION.cff and the page
of verdicts repeat it. A test compares them all. What is under "Unreleased" becomes the new version.
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = "planrl/__init__.py"
VERSION = r"[0-9]+\.[0-9]+\.[0-9]+"
PLACES = {
    SOURCE: rf'(__version__ = "){VERSION}(")',
    "CITATION.cff": rf"(\nversion: ){VERSION}(\n)",
    "book/11_verdicts.py": rf'("planrl ){VERSION}(, claim)',
}
"""File -> the version in it, with what stands before and after it."""
DATED = r"(\ndate-released: )[0-9-]+(\n)"
UNRELEASED = "## Unreleased\n"


def told(root: Path) -> dict[str, str]:
    """File -> the version that it names; the changelog names that of its newest section."""
    found = {}
    for name, pattern in PLACES.items():
        whole = _one(root / name, pattern)[0]
        found[name] = re.search(VERSION, whole)[0]  # type: ignore[index]
    sections = re.findall(rf"^## ({VERSION}) \(", _read(root / "CHANGELOG.md"), re.MULTILINE)
    return {**found, "CHANGELOG.md": sections[0]}


def cut(root: Path, version: str, date: str) -> None:
    """Write the version everywhere. Nothing is written where something does not fit."""
    if not re.fullmatch(VERSION, version):
        raise SystemExit(f"VERSION={version} is none: write it as in make version VERSION=0.2.0")
    if _number(version) <= _number(told(root)[SOURCE]):
        raise SystemExit(f"VERSION={version} is not above {told(root)[SOURCE]}, which it is today")
    log = _read(root / "CHANGELOG.md")
    rest = log.partition(UNRELEASED)[2]
    if not rest.partition("\n## ")[0].strip():
        raise SystemExit('CHANGELOG.md has nothing under "## Unreleased": there is nothing to cut')
    written = {
        name: re.sub(pattern, rf"\g<1>{version}\g<2>", _read(root / name))
        for name, pattern in PLACES.items()
    }
    cited = written["CITATION.cff"]
    written["CITATION.cff"] = re.sub(DATED, rf"\g<1>{date}\g<2>", cited)
    cut_log = log.replace(UNRELEASED, f"{UNRELEASED}\n## {version} ({date})\n", 1)
    written["CHANGELOG.md"] = cut_log
    for name, text in written.items():
        (root / name).write_text(text, encoding="utf-8")


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _one(path: Path, pattern: str) -> re.Match[str]:
    found = list(re.finditer(pattern, _read(path)))
    if len(found) != 1:
        raise SystemExit(f"{path} should name the version once, and does {len(found)} times")
    return found[0]


if __name__ == "__main__":
    cut(ROOT, sys.argv[1] if len(sys.argv) > 1 else "", f"{datetime.now(UTC):%Y-%m-%d}")
