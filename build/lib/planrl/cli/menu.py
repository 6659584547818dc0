"""The commands in the order in which help shows them, each with examples that work as written."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from types import ModuleType
from typing import Any

from planrl.cli import (
    claims,
    evaluate,
    explain_config,
    explain_log,
    export,
    inspect,
    paths,
    plan,
    reproduce,
    rows,
    train,
)
from planrl.cli.options import Help

GROUPS: dict[str, tuple[ModuleType, ...]] = {
    "Train a model and see what it learned": (train, evaluate, paths),
    "Use your own graph, data or planning problem": (inspect, rows, plan),
    "Ask about your own training of a language model": (explain_config, explain_log),
    "Reproduce the paper": (reproduce, claims),
    "Build the book": (export,),
}
EXAMPLES: dict[str, tuple[str, ...]] = {
    "train": (
        "planrl train --nodes 20 --edge-probability 0.3 --lr 1e-3 --steps 300 --out base",
        "planrl train --nodes 20 --edge-probability 0.3 --lr 1e-3 --start base --algorithm pg "
        "--steps 100 --out tuned --plot tuned.html",
        "planrl train --resume tuned --steps 150",
    ),
    "evaluate": (
        "planrl evaluate base",
        "planrl evaluate base --samples 20 --temperature 0.5 --json",
        "planrl evaluate base --plot report.html",
    ),
    "paths": (
        "planrl paths base",
        'planrl paths base --pairs "0 -> 19" "3 12" --samples 50',
    ),
    "inspect": (
        "planrl inspect data/graph.graphml",
        "planrl inspect data/graph.graphml data/train.txt data/test.txt",
        "planrl inspect peg-4",
    ),
    "rows": (
        "planrl rows cities.csv --out data",
        "planrl rows cities.csv --out more --train-share 0.5 --paths-per-pair 3",
        "planrl rows gripper-3 --out balls --goal",
    ),
    "plan": (
        "planrl plan domain.pddl problem.pddl",
        "planrl plan domain.pddl problem.pddl --check plan.txt",
        "planrl plan hanoi-4",
    ),
    "explain-config": (
        "planrl explain-config grpo.yaml",
        "planrl explain-config run_verl.sh --json",
    ),
    "explain-log": (
        "planrl explain-log trainer_state.json",
        "planrl explain-log log.csv --json",
    ),
    "reproduce": (
        "planrl reproduce --tier quick --folder mine",
        "planrl reproduce --only fig2 --seeds 0 1 --jobs 2 --folder mine",
    ),
    "claims": (
        "planrl claims",
        "planrl claims --only 5.2-exact --json",
    ),
    "export": (
        "planrl export programs",
        "planrl export programs --record race --jobs 2",
    ),
}
"""Command -> examples. `base` is the run of the first one, `data` the folder that `rows` writes."""


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="planrl",
        usage="planrl COMMAND [options]",
        description="What reinforcement learning does, and does not do, for planning with "
        "language models.",
        formatter_class=Help,
    )
    top.add_argument("--version", action="version", version=version("planrl"))
    commands = top.add_subparsers(
        dest="command", required=True, metavar="COMMAND", prog="planrl", help=argparse.SUPPRESS
    )
    for module in (module for group in GROUPS.values() for module in group):
        module.add(commands)
    said = {entry.dest: entry.help or "" for entry in commands._choices_actions}
    for name, command in commands.choices.items():
        command.formatter_class = Help
        command.description = f"{said[name][:1].upper()}{said[name][1:]}."
        command.epilog = _epilog(name, command.epilog)
    top.epilog = _menu(said)
    return top


def _menu(said: dict[str, str]) -> str:
    """The commands by group, a line each."""
    lines: list[str] = []
    for title, modules in GROUPS.items():
        names = [module.__name__.rpartition(".")[2].replace("_", "-") for module in modules]
        lines += [f"{title}:", *(f"  {name:15} {said[name]}" for name in names), ""]
    return "\n".join(
        [*lines, "planrl COMMAND --help shows the options of a command, and examples."]
    )


def _epilog(name: str, more: Any) -> str:
    """The examples of a command, then what it says besides."""
    lines = ["examples:", *(f"  {line}" for line in EXAMPLES[name])]
    return "\n".join([*lines, "", more] if more else lines)
