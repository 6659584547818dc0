"""Which regime a training log shows: what reward, entropy, KL and all-equal groups did together.

log_rules.json holds the names that TRL and verl give to these numbers, and the regimes, each with
the numbers that make it and what theory says of it. The book's page reads the same file. `first`,
`half` and `last` are means over a tenth of the rows: the first, those in the middle, the last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import fmean
from typing import Any

from planrl.errors import InputError
from planrl.objectives.configs import applies

Series = Mapping[str, Sequence[float]]
DIGITS = 9


@dataclass(frozen=True)
class Regime:
    """A regime that a log shows, and why."""

    name: str
    says: str


@cache
def log_rules() -> dict[str, Any]:
    """The names of numbers in logs, and the regimes."""
    text = files("planrl.objectives").joinpath("log_rules.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def named(columns: Mapping[str, Sequence[float]]) -> dict[str, Sequence[float]]:
    """The columns that have a meaning here: reward, reward_std, entropy, kl, zero."""
    found = {}
    for meaning, names in log_rules()["names"].items():
        name = next((name for name in names if columns.get(name)), None)
        if name is not None:
            found[meaning] = columns[name]
    return found


def summary(series: Series) -> dict[str, str]:
    """The numbers that regimes are told by, as texts with three digits; none where there is none.

    `share` says whether rewards lie between 0 and 1, so that their mean is a share of correct
    answers. Raises InputError for a log without rewards, or of fewer than ten rows.
    """
    told = {name: f"{value:.3g}" for name, value in numbers(series).items()}
    return {**told, "share": _share(series)}


def numbers(series: Series) -> dict[str, float]:
    """The numbers themselves, rounded to DIGITS decimals: sums differ in the last bits."""
    rewards = series.get("reward", ())
    least = log_rules()["least_rows"]
    if len(rewards) < least:
        raise InputError(f"a regime needs {least} rows with a reward, this log has {len(rewards)}")
    found: dict[str, float] = {}
    for name in ("reward", "reward_std", "entropy", "kl", "zero"):
        values = series.get(name, ())
        if len(values) >= least:
            found |= {f"{name}_{when}": value for when, value in _means(values).items()}
    found["reward_change"] = found["reward_last"] - found["reward_first"]
    found["reward_late_change"] = found["reward_last"] - found["reward_half"]
    found["reward_drop"] = _drop(rewards)
    for name, later, earlier in (
        ("entropy_ratio", "entropy_last", "entropy_first"),
        ("entropy_late_ratio", "entropy_last", "entropy_half"),
        ("kl_late_ratio", "kl_last", "kl_half"),
    ):
        if later in found and found[earlier] > 0:
            found[name] = found[later] / found[earlier]
    return {name: round(value, DIGITS) for name, value in found.items()}


def _share(series: Series) -> str:
    return "true" if all(0 <= value <= 1 for value in series["reward"]) else "false"


def regimes(series: Series) -> list[Regime]:
    """The regimes that a log shows, in the order of the rules; none if it shows none of them."""
    told = summary(series)
    read: dict[str, str | float] = dict(numbers(series))
    known = {option for rule in log_rules()["regimes"] for option in rule["when"]}
    read = dict.fromkeys(known, "none") | read | {"share": told["share"]}
    return [
        Regime(rule["name"], _filled(rule["says"], told))
        for rule in log_rules()["regimes"]
        if applies(rule["when"], read)
    ]


def _filled(text: str, told: Mapping[str, str]) -> str:
    for name, value in told.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _means(values: Sequence[float]) -> dict[str, float]:
    tenth = max(1, len(values) // 10)
    middle = (len(values) - tenth) // 2
    return {
        "first": fmean(values[:tenth]),
        "half": fmean(values[middle : middle + tenth]),
        "last": fmean(values[-tenth:]),
    }


def _drop(values: Sequence[float]) -> float:
    """By how much the last tenth is below the best tenth of the rows."""
    tenth = max(1, len(values) // 10)
    best = max(fmean(values[at : at + tenth]) for at in range(0, len(values) - tenth + 1, tenth))
    return best - fmean(values[-tenth:])
