"""planrl explain-log: which regime a training log shows, and why."""

from __future__ import annotations

import argparse
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Any

from planrl.cli.options import JSON
from planrl.errors import InputError, shown
from planrl.io.files import to_json
from planrl.io.training_logs import read_log
from planrl.objectives.logs import log_rules, named, regimes, summary

WIDTH = 88
TOLD = ("reward", "reward_std", "entropy", "kl", "zero")
WORDS = {"reward_std": "deviation of rewards", "zero": "groups of equal verdicts"}


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "explain-log",
        help="say which regime a log of reward, entropy and KL shows, and why",
        epilog="FILE is CSV with names in its first line, JSON lines, or TRL's trainer_state.json. "
        "Names are\nthose of TRL and verl: reward, entropy, kl, frac_reward_zero_std, "
        "critic/rewards/mean, ...",
    )
    command.add_argument("file", type=Path, metavar="FILE", help="the log file to be explained")
    command.add_argument(
        "--run", default="", metavar="NAME", help="which run, of a log exported from several"
    )
    command.add_argument("--json", action="store_true", help=JSON)
    command.set_defaults(execute=run)


def run(options: argparse.Namespace) -> int:
    """Print the regimes."""
    names = log_rules()["names"].values()
    columns = read_log(options.file, options.run, [one for several in names for one in several])
    series = named(columns)
    if "reward" not in series:
        given = ", ".join(map(shown, list(columns)[:12]))
        names = ", ".join(log_rules()["names"]["reward"])
        raise InputError(f"{options.file} has no reward: expected one of {names} among {given}")
    try:
        told, found = summary(series), regimes(series)
    except InputError as error:
        raise InputError(f"{options.file}: {error}") from None
    if options.json:
        page = {"numbers": told, "regimes": [asdict(one) for one in found]}
        print(to_json(page).decode())
        return 0
    print(f"{options.file}: {len(series['reward'])} rows with a reward")
    for name in TOLD:
        if f"{name}_first" in told:
            first, half, last = (told[f"{name}_{when}"] for when in ("first", "half", "last"))
            print(f"  {WORDS.get(name, name)}: {first} at first, {half} halfway, {last} at the end")
        else:
            print(f"  {WORDS.get(name, name)}: not in this log")
    for one in found:
        print(f"\n{one.name}")
        print(textwrap.fill(one.says, WIDTH, initial_indent="  ", subsequent_indent="  "))
    if not found:
        print("\nnone of the regimes that theory names here")
    return 0
