"""Small planning problems that come with planrl, as PDDL files in `problems/`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from planrl.domains.pddl import read_problem
from planrl.domains.state_space import state_graph
from planrl.domains.strips import Problem
from planrl.domains.structure import structure
from planrl.errors import InputError, shown

FOLDER = Path(__file__).parent / "problems"
EXAMPLES: Mapping[str, str] = {
    "blocks-4": "Blocksworld: four blocks, one step a move",
    "hanoi-4": "the tower of Hanoi: four discs, three pegs",
    "sliding-6": "sliding puzzle: five tiles on 2 x 3 cells",
    "gripper-3": "Gripper: a robot with two grippers brings three balls to another room",
    "logistics-1": "Logistics: two cities, two trucks, a plane, one package",
    "logistics-2": "Logistics: the same with two packages",
    "fuel-4": "Logistics with fuel for four journeys, one package",
    "fuel-6": "Logistics with fuel for six journeys, one package",
    "sokoban-4": "Sokoban: a room of 4 x 4 cells, one box",
    "peg-4": "peg solitaire: a triangle of ten holes, the first peg is chosen",
    "peg-5": "peg solitaire: a triangle of fifteen holes",
}
"""Name of a problem -> what it is. Its domain's file is called as the name without its number."""


def example_files(name: str) -> tuple[Path, Path]:
    """The domain and the problem file of an example. Raises InputError for another name."""
    if name not in EXAMPLES:
        raise InputError(f"no example is called {shown(name)}; there are: {', '.join(EXAMPLES)}")
    return FOLDER / f"{name.rpartition('-')[0]}.pddl", FOLDER / f"{name}.pddl"


@cache
def example(name: str) -> Problem:
    """The planning problem of an example in `EXAMPLES`, such as "peg-4"."""
    return read_problem(*example_files(name))


def ladder(names: Iterable[str] = EXAMPLES) -> list[dict[str, Any]]:
    """A row for each of these examples: its name, what it is, its structure and its theorem.

    The rows go from problems whose states all reach each other to those without cycles, by the
    share of steps that stay inside a component.
    """
    rows = [
        {"problem": name, "what": EXAMPLES[name], **structure(state_graph(example(name))).plain()}
        for name in names
    ]
    return sorted(rows, key=lambda row: (-row["circling"], row["nodes"]))
