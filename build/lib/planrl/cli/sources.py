"""What a command reads a graph from: a graph's file, a planning problem, or tools and calls."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from planrl.domains.examples import EXAMPLES, example
from planrl.domains.state_space import GOAL, MOST_STATES
from planrl.errors import InputError
from planrl.io.files import read_bytes
from planrl.io.tool_graphs import CHAINS, ToolGraph, read_tools
from planrl.io.tool_graphs import GRAPH as TOOLS

if TYPE_CHECKING:
    from planrl.domains import Problem, StateSpace

GRAPH = "the graph: GraphML, node-link JSON or edge list; a PDDL domain, or an example's name"
FOLDER = f"; or a folder with the {TOOLS} and {CHAINS} of a tool graph"
SHOWN = 10  # of a list
NAMES = "\n".join(
    ["examples of planning problems, to be named instead of files:"]
    + [f"  {name:12} {what}" for name, what in EXAMPLES.items()]
)
TOOL_DATA = (
    "public tool graphs: TaskBench (github.com/microsoft/JARVIS, taskbench; with its calls in "
    "huggingface.co/datasets/microsoft/Taskbench) and UltraTool "
    "(github.com/WxxShirley/GNN4TaskPlan, data/ultratool); each is a folder with both files."
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


def tools_of(folder: Path, rest: Sequence[Path]) -> ToolGraph | None:
    """The tool graph in a folder; None if the path is no folder."""
    if not folder.is_dir():
        return None
    if rest:
        raise InputError(
            f"{folder} is a folder with a tool graph and its calls: leave out {rest[0]}"
        )
    return read_tools(folder)


def tools_in_words(tools: ToolGraph) -> list[str]:
    """What the calls in the data are, a fact a line."""
    used = sorted(tools.used.values(), reverse=True)
    top = used[: max(len(used) // 10, 1)]
    several = sum(count > 1 for count in tools.pairs.values())
    lines = [
        f"{len(tools.chains):,} chains of calls, {len(tools.counts):,} of them different, for "
        f"{len(tools.pairs):,} pairs; {several:,} pairs have several",
    ]
    if used:
        lines.append(
            f"they use {len(used):,} edges, {used.count(1):,} of them once, {median(used):g} times "
            f"in the median; the tenth used most has {sum(top) / sum(used):.0%} of all uses"
        )
    lines += [f"{count:,} lines hold no path: {why}" for why, count in tools.left_out.items()]
    lines += [
        f"  line {step.line}: {step.source} -> {step.target} is no link"
        for step in tools.outside[:SHOWN]
    ]
    if len(tools.outside) > SHOWN:
        lines.append(f"  and {len(tools.outside) - SHOWN} more")
    if tools.self_loops:
        lines.append(f"self-loops left out: {', '.join(tools.self_loops[:SHOWN])}")
    return lines


def goals_in_words(space: StateSpace) -> str:
    """In how many states the goal is met."""
    if not space.goals:
        return "unsolvable: no state that can be reached meets the goal"
    count = "one state meets" if len(space.goals) == 1 else f"{len(space.goals):,} states meet"
    any_of = "" if len(space.goals) == 1 else "; a plan may end in any of them"
    return f"{count} the goal{any_of}"
