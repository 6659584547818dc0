"""What a command reads a graph from: a graph's file, or the states of a planning problem."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from planrl.domains.examples import EXAMPLES, example
from planrl.domains.state_space import GOAL, MOST_STATES
from planrl.errors import InputError
from planrl.io.files import read_bytes

if TYPE_CHECKING:
    from planrl.domains import Problem, StateSpace

GRAPH = "the graph: GraphML, node-link JSON or edge list; or a PDDL domain, or an example's name"
NAMES = "\n".join(
    ["examples of planning problems, to be named instead of files:"]
    + [f"  {name:12} {what}" for name, what in EXAMPLES.items()]
)
_PDDL = re.compile(rb"(\s|;[^\n]*\n)*\(\s*define\b", re.I)


def add_most(command: argparse._ActionsContainer) -> None:
    """Add --most."""
    command.add_argument(
        "--most",
        type=int,
        metavar="N",
        default=MOST_STATES,
        help="refuse a planning problem with more states than these, at most 50000",
    )


def add_goal(command: argparse._ActionsContainer) -> None:
    """Add --goal."""
    command.add_argument(
        "--goal",
        action="store_true",
        help=f"add a node `{GOAL}` to the states of a planning problem, with an edge from each "
        "state that meets the goal, so that a pair is solved by reaching any of them",
    )


def problem_of(domain: Path, rest: Sequence[Path]) -> Problem | None:
    """The planning problem that these arguments name; None if the first is a graph's file.

    It is an example's name alone, or a PDDL domain and its problem file.
    """
    from planrl.domains.pddl import read_problem

    if str(domain) in EXAMPLES and not domain.exists():
        if rest:
            raise InputError(f"{domain} is an example and needs no files: leave out {rest[0]}")
        return example(str(domain))
    if not is_pddl(domain):
        return None
    if len(rest) != 1:
        raise InputError(
            f"{domain} is a PDDL domain: give one problem file after it, and nothing else"
        )
    return read_problem(domain, rest[0])


def is_pddl(path: Path) -> bool:
    """Whether a file is PDDL, by its ending or its beginning."""
    if path.suffix.lower() == ".pddl":
        return True
    return path.is_file() and _PDDL.match(read_bytes(path)) is not None


def goals_in_words(space: StateSpace) -> str:
    """In how many states the goal is met."""
    if not space.goals:
        return "unsolvable: no state that can be reached meets the goal"
    count = "one state meets" if len(space.goals) == 1 else f"{len(space.goals):,} states meet"
    any_of = "" if len(space.goals) == 1 else "; a plan may end in any of them"
    return f"{count} the goal{any_of}"
