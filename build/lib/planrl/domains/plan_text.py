"""Plans as text: one action a line, as planners write them."""

from __future__ import annotations

import re
from pathlib import Path

from planrl.domains.blocksworld import Action
from planrl.errors import InputError, shown
from planrl.io.files import read_text

MOST_BYTES = 1_000_000
TIME = re.compile(r"\s*(\d+(?:\.\d+)?)\s*:")  # some planners write a time first
DURATION = re.compile(r"\[\s*(?:d:\s*)?\d+(?:\.\d+)?\s*\]?\s*$")  # and a duration last


def read_plan(path: str | Path) -> list[Action]:
    """The plan in a text file: one action `(pick-up a)` a line; `; comments` are left out."""
    return parse_plan(read_text(path, most=MOST_BYTES), str(path))


def parse_plan(text: str, where: str = "the plan") -> list[Action]:
    """The plan in a text of one action a line. Raises InputError with the first bad line.

    Times before the actions and durations after them are left out, but times must not fall from
    line to line, because the order of the lines is the order of the plan.
    """
    plan = []
    latest = 0.0
    for number, whole in enumerate(text.lower().split("\n"), 1):
        line = whole.split(";")[0]
        if time := TIME.match(line):
            if float(time[1]) < latest:
                raise InputError(
                    f"{where}, line {number}: its time {time[1]} is before that of a line above: "
                    "sort the lines by time"
                )
            latest, line = float(time[1]), line[time.end() :]
        line = DURATION.sub("", line).strip()
        if not line:
            continue
        found = re.fullmatch(r"\(\s*([^\s()]+(?:\s+[^\s()]+)*)\s*\)", line)
        if not found:
            raise InputError(
                f"{where}, line {number}: {shown(line)} is no action: write `(pick-up a)`"
            )
        name, *arguments = found[1].split()
        plan.append(Action(name, tuple(arguments)))
    return plan
