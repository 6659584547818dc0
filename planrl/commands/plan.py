"""planrl plan: solve a PDDL problem, or judge a plan for it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from planrl.checkpoints import to_json
from planrl.errors import InputError


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("plan", help="solve a PDDL problem, or judge a plan")
    command.add_argument("domain", type=Path, help="a PDDL domain file (STRIPS, types)")
    command.add_argument("problem", type=Path, help="a PDDL problem file")
    command.add_argument("--check", type=Path, metavar="PLAN", help="judge this plan step by step")
    command.add_argument("--json", action="store_true", help="one JSON object on standard output")
    command.set_defaults(execute=run)


def run(options: argparse.Namespace) -> int:
    """Print a shortest plan, or the verdict: 1 if the plan is invalid or none exists."""
    from planrl.blocksworld import read_plan, recognise
    from planrl.blocksworld.pddl_files import read_problem

    problem = read_problem(options.domain, options.problem)
    page: dict[str, Any] = {"problem": problem.name, "domain": problem.domain}
    if options.check:
        verdict = problem.validate(read_plan(options.check))
        page |= {"valid": verdict.valid, "step": verdict.step, "unmet": list(verdict.unmet)}
        lines, good = [str(verdict)], verdict.valid
    else:
        plan = problem.solve()
        good = plan is not None
        page["plan"] = [str(action) for action in plan] if plan is not None else None
        lines = list(map(str, plan)) if plan is not None else ["unsolvable: no plan exists"]
        try:
            page["start"] = str(recognise(problem).start)
        except InputError:
            page["start"] = None  # not Blocksworld: there is no picture of its states
    print(to_json(page).decode() if options.json else "\n".join(lines))
    return 0 if good else 1
