"""Compares how long cells took with what the pages say of them ("About 5 s on 2 cores")."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

SAID = re.compile(r"^\*About (\d+) s on 2 cores\.\*", re.M)
OFF = 4  # so many times more or less than said is worth a look
WORTH_A_WORD = 9  # seconds from which on a cell should say how long it takes
CHAPTER = 60  # seconds in which a chapter ends
FIGURE = 90  # seconds in which it shows its first figure


def promised(notebook: Any) -> dict[int, int]:
    """The seconds that the line under a cell promises, by the cell's place."""
    found = {}
    for place, cell in enumerate(notebook.cells):
        said = SAID.search(cell.source) if cell.cell_type == "markdown" else None
        if said:
            found[place - 1] = int(said[1])
    return found


def read(scripts: list[Path]) -> dict[str, dict[int, int]]:
    """What each of these chapters promises."""
    return {
        script.stem: promised(nbformat.read(script.with_suffix(".ipynb"), 4))
        for script in scripts
    }


def remarks(
    took: Mapping[str, Mapping[str, Any]], said: Mapping[str, Mapping[int, int]]
) -> list[str]:
    """One sentence for each promise that this run did not keep: a look for writers, not a failure.

    `took` is what `chapters.measured` says of each chapter. On a faster machine all cells are faster:
    a cell is compared with the others by the median of (took / promised) over all promises.
    """
    ratios = [
        seconds / said[name][place]
        for name, told in took.items()
        for place, seconds in told["cells"]
        if place in said.get(name, {})
    ]
    speed = statistics.median(ratios) if ratios else 1.0
    found = []
    for name, told in took.items():
        if told["seconds"] > CHAPTER * max(speed, 1):
            found.append(f"{name} took {told['seconds']} s")
        if (told["first figure"] or 0) > FIGURE * max(speed, 1):
            found.append(f"{name}: first figure after {told['first figure']} s")
        for place, seconds in told["cells"]:
            words = said.get(name, {}).get(place)
            if words and not speed / OFF <= seconds / words <= OFF * max(speed, 1):
                found.append(
                    f"{name}, cell {place} took {seconds} s and says {words}"
                )
            if not words and seconds > WORTH_A_WORD * max(speed, 1):
                found.append(
                    f"{name}, cell {place} took {seconds} s and does not say how long"
                )
    return found
