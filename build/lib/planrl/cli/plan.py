"""planrl plan: solve a PDDL problem, or check a plan for it."""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from planrl.cli.options import JSON
from planrl.cli.sources import NAMES, problem_of
from planrl.domains.planners import EXTRA
from planrl.domains.search import MOST_STATES, MOST_TRIES
from planrl.errors import InputError
from planrl.io.files import to_json

if TYPE_CHECKING:
    from planrl.domains import Action, Blocks, Problem

LIMITS = (
    f"The search gives up after {MOST_STATES:,} states or {MOST_TRIES:,} tests of actions (fewer "
    "if states are large), about ten seconds on a common machine; that is enough for most problems "
    "of 15 blocks. Action costs are ignored, and a note says so, unless they differ. Exit code 0: "
    "a plan was found, or is valid; 1: none exists, or it is invalid; 2: wrong input, beyond "
    "STRIPS, or given up; 130: stopped by Ctrl-C."
)
UNSOLVABLE = "unsolvable: no plan exists"
EMPTY = "; the goal holds already: the empty plan"  # as a comment, so that the output is a plan


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "plan",
        help="solve a PDDL problem, or check a plan for it",
        epilog=f"{textwrap.fill(LIMITS, 79)}\n\n{NAMES}",
    )
    command.add_argument(
        "domain", type=Path, help="the PDDL domain file (STRIPS, types), or an example's name"
    )
    command.add_argument("problem", type=Path, nargs="?", help="the PDDL problem file")
    command.add_argument(
        "--check",
        type=Path,
        metavar="PLAN",
        help="check this plan step by step instead of searching for one",
    )
    command.add_argument(
        "--planner",
        metavar="ENGINE",
        help="ask this engine of unified-planning, such as fast-downward, instead of searching; "
        f"its plan is checked, and need not be a shortest one ({EXTRA})",
    )
    command.add_argument("--json", action="store_true", help=JSON)
    command.set_defaults(execute=run)


def run(options: argparse.Namespace) -> int:
    """Print a shortest plan, or the verdict: 1 if the plan is invalid or none exists."""
    from planrl.domains import ask_planner, read_plan, recognise

    problem = problem_of(options.domain, [options.problem] if options.problem else [])
    if problem is None:
        raise InputError(
            f"{options.domain} is no PDDL: give a domain file and a problem file, or the name of "
            "an example (see planrl plan --help)"
        )
    if options.check and options.planner:
        raise InputError("--check judges the plan that it names, and --planner finds one: give one")
    page: dict[str, Any] = {"problem": problem.name, "domain": problem.domain}
    if options.check:
        verdict = problem.validate(read_plan(options.check))
        page |= {"valid": verdict.valid, "step": verdict.step, "unmet": list(verdict.unmet)}
        lines, good = [str(verdict)], verdict.valid
    else:
        for said in problem.ignored:
            print(f"planrl: note: {said}", file=sys.stderr)
        try:
            blocks = recognise(problem)
        except InputError:
            blocks = None  # not Blocksworld: there is no picture of its states
        try:
            if options.planner is None:
                plan = _searched(blocks or problem, quiet=options.json)
            else:
                plan = ask_planner(problem, engine=options.planner)
        except KeyboardInterrupt:
            print("planrl: stopped: no plan was found yet", file=sys.stderr)
            return 130
        good = plan is not None
        page["plan"] = None if plan is None else [str(action) for action in plan]
        page["start"] = None if blocks is None else str(blocks.start)
        lines = [UNSOLVABLE] if plan is None else list(map(str, plan)) or [EMPTY]
    print(to_json(page).decode() if options.json else "\n".join(lines))
    return 0 if good else 1


def _searched(problem: Problem | Blocks, *, quiet: bool) -> list[Action] | None:
    """A shortest plan, while a terminal shows how far the search is."""
    with tqdm(
        total=MOST_STATES, unit=" states", unit_scale=True, disable=quiet or None, leave=False
    ) as bar:

        def watch(states: int, steps: int) -> None:
            bar.set_postfix(steps=steps, refresh=False)
            bar.update(states - bar.n)

        return problem.solve(watch=watch)
