"""Is what pip has installed whole? Run by `make setup` with the Python of .venv, before pip is.

A pip that was killed leaves a package half copied, with a name and a version already, and the next
one takes it for installed. What pip lists of a package it writes last (RECORD, with INSTALLER in
it); so a package is whole if it has that list, and each file in it has its size. Of others we take
away what says that they are installed, so that pip installs them anew. Ends with 1 if pip, or
what `venv` makes last, is not whole: then only a new environment helps.
"""

from __future__ import annotations

import csv
import shutil
import sys
import sysconfig
from pathlib import Path

PLACES = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}


def is_whole(info: Path) -> bool:
    """Whether the package of this dist-info folder is all there."""
    try:
        with (info / "RECORD").open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
        if f"{info.name}/INSTALLER" not in {row[0] for row in rows}:
            return False
        # Some bring bytecode along, which Python writes anew where it is out of date.
        told = [row for row in rows if row[2] and "__pycache__" not in row[0]]
        sizes = [(info.parent / row[0], int(row[2])) for row in told]
        return all(path.stat().st_size == size for path, size in sizes)
    except (OSError, ValueError, IndexError, csv.Error):
        return False


def main() -> int:
    """Look at all packages, say which will be installed anew."""
    if not Path(sysconfig.get_path("scripts"), "activate").exists():
        return unusable()
    sound = False
    for place in PLACES:
        for left in place.glob("~*"):  # pip puts what it replaces away under such names
            print(f"An install was cut short: {left.name} is removed")
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        for info in sorted(place.glob("*.dist-info")):
            pip = info.name.startswith("pip-")
            if is_whole(info):
                sound |= pip
            elif pip:
                return unusable()
            else:
                print(f"An install was cut short: {info.stem} is not whole, so not installed")
                shutil.rmtree(info)
    return 0 if sound else unusable()


def unusable() -> int:
    """Say that nothing can be installed here."""
    print(f"{sys.prefix} was cut short while it was made: pip in it is not whole")
    return 1


if __name__ == "__main__":
    sys.exit(main())
