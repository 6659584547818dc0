"""Which line of the cheat sheet a config is: TRL's GRPOConfig and RLOOConfig, verl's options.

config_rules.json holds the rules as data, which the book's page reads, too: for each library the
defaults, the options that are read, those beside the objective, and lists of rules. A rule applies
if each option that `when` names has one of the values there; of rows, penalties and bonuses the
first that applies counts, of notes all do. A value is a text, or conditions that all hold: above,
below, least, most (a number, or the name of another option), `set` (it is not none), `not`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

from planrl.errors import InputError, shown
from planrl.objectives.fixed_points import Limit, fixed_point
from planrl.objectives.policy import Objective
from planrl.objectives.sheet import BASE, ENTRIES, VALUE, diversity

Rule = Mapping[str, Any]
VERSIONS = {
    "GRPOConfig": "TRL 1.16",
    "RLOOConfig": "TRL 1.16",
    "verl": "verl, late 2026",
}
"""Library -> whose defaults count for what a config doesn't say."""
MOST_GROUP = 512
FILTER = "algorithm.filter_groups.enable"


@dataclass(frozen=True, kw_only=True)
class Explained:
    """What is known of a config. `why` says what no line of the sheet is known for."""

    library: str
    read: Mapping[str, str]  # each option that counts, with its value or its default
    row: str = ""
    added: tuple[str, ...] = ()  # the penalty and the bonus, lines of the sheet
    limit: Limit | None = None
    why: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = field(default=())


@cache
def rules() -> dict[str, Any]:
    """The rules of each library."""
    text = files("planrl.objectives").joinpath("config_rules.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def library_of(options: Mapping[str, str]) -> str:
    """The library whose options these are: verl's begin with its groups, RLOOConfig has two of
    its own.
    """
    if any("." in name and name.split(".")[0] in _groups() for name in options):
        return "verl"
    only = {"normalize_advantages", "reward_clip_range"}
    return "RLOOConfig" if only & options.keys() else "GRPOConfig"


@cache
def _groups() -> frozenset[str]:
    """What verl's options begin with, up to the first dot."""
    book = rules()["verl"]
    return frozenset(name.split(".")[0] for name in (*book["defaults"], *book["beside_under"]))


def explain(options: Mapping[str, str], library: str = "") -> Explained:
    """Which lines of the sheet these options are, and where theory says that they lead.

    Values are texts; true, false and none are written like this. Raises InputError for a library
    that isn't known, and for a value that an option can't have.
    """
    library = library or library_of(options)
    if library not in rules():
        raise InputError(f"library={shown(library)} is unknown: choose {', '.join(rules())}")
    book = rules()[library]
    known = book["defaults"]
    unknown = tuple(name for name in options if name not in known and not _beside(name, book))
    read = {**known, **{name: value for name, value in options.items() if name in known}}
    _check(read, book)
    row = first(book["rows"], read)
    added = [rule for part in ("penalties", "bonuses") if (rule := first(book[part], read))]
    why = [rule["none"] for rule in (row, *added) if rule and "none" in rule]
    names = tuple(rule["row"] for rule in added if "row" in rule)
    limit = None
    if row and "row" in row and not any("none" in rule for rule in added):
        try:
            limit = _limit(row["row"], names, read, book)
        except InputError as error:
            why.append(f"{error}")
    return Explained(
        library=library,
        read=read,
        row=(row or {}).get("row", ""),
        added=names,
        limit=limit,
        why=tuple(why),
        notes=tuple(dict.fromkeys(r["says"] for r in book["notes"] if applies(r["when"], read))),
        unknown=unknown,
    )


def outcomes() -> dict[str, dict[str, str]]:
    """For each row, penalty and bonus that rules name: what happens to several answers, or why no
    end is known. Keys are `outcome_key`; weights are those of the sheet, and don't matter here.
    """
    found = {}
    for book in rules().values():
        rows, penalties, bonuses = (
            dict.fromkeys(rule["row"] for rule in book[part] if "row" in rule)
            for part in ("rows", "penalties", "bonuses")
        )
        for row in rows:
            for names in product(("", *penalties), ("", *bonuses)):
                added = tuple(name for name in names if name)
                for filtered in (False, True)[: 1 + (FILTER in book["defaults"])]:
                    key = outcome_key(row, added, filtered)
                    try:
                        limit = fixed_point(_joined(row, added, filtered), BASE, VALUE)
                        found[key] = {"diversity": diversity(limit), "says": limit.says}
                    except InputError as error:
                        found[key] = {"why": f"{error}"}
    return found


def outcome_key(row: str, added: Sequence[str], filtered: bool) -> str:
    """What `outcomes` calls a row with these lines added."""
    return " + ".join([row + ", filtered" * filtered, *added])


def weight_of(name: str, read: Mapping[str, str], library: str) -> float:
    """The weight that a config gives to this penalty or bonus of the sheet."""
    return float(read[_option(name, rules()[library])])


def first(given: Sequence[Rule], read: Mapping[str, str]) -> Rule | None:
    """The first rule that applies."""
    return next((rule for rule in given if applies(rule["when"], read)), None)


def applies(when: Mapping[str, Sequence[Any]], read: Mapping[str, str | float]) -> bool:
    """Whether each option that is named has one of the values."""
    return all(any(_is(read[name], one, read) for one in ones) for name, ones in when.items())


def _is(value: str | float, one: Any, read: Mapping[str, str | float]) -> bool:
    if isinstance(one, str):
        return value == one
    return all(_meets(value, kind, bound, read) for kind, bound in one.items())


def _meets(value: str | float, kind: str, bound: Any, read: Mapping[str, str | float]) -> bool:
    if kind == "set":
        return value != "none"
    if kind == "not":
        return value not in bound
    number = _number(value)
    limit = _number(read[bound]) if isinstance(bound, str) else float(bound)
    if number is None or limit is None:
        return False
    return {
        "above": number > limit,
        "below": number < limit,
        "least": number >= limit,
        "most": number <= limit,
    }[kind]


def _number(value: str | float) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _beside(name: str, book: Mapping[str, Any]) -> bool:
    under = tuple(book.get("beside_under", ()))
    inside = name.split(".")[0]  # of model_init_kwargs.torch_dtype the first part is the option
    return {name, inside} & {*book["beside"]} != set() or bool(under and name.startswith(under))


def _check(read: Mapping[str, str], book: Mapping[str, Any]) -> None:
    for name in book["numbers"]:
        number = _number(read[name])
        if number is None or not 0 <= number < float("inf"):
            raise InputError(
                f"{name}: {shown(read[name])} was given, expected a number of 0 or more"
            )
    for name, values in book["choices"].items():
        if read[name] not in values:
            raise InputError(
                f"{name}: {shown(read[name])} was given, expected one of {', '.join(values)}"
            )


def _option(name: str, book: Mapping[str, Any]) -> str:
    """The option with the weight of a penalty or bonus."""
    if name.startswith("entropy"):
        return str(book["entropy"])
    return str(book.get("lambda_in_reward", book["lambda"]) if "return" in name else book["lambda"])


def _limit(
    row: str, added: Sequence[str], read: Mapping[str, str], book: Mapping[str, Any]
) -> Limit:
    """Where the objective with its weights leads at the sheet's context."""
    objective = _joined(row, added, read.get(FILTER) == "true")
    if objective.kl is not None:
        name = next(name for name in added if ENTRIES[name].objective.kl is not None)
        weight = float(read[_option(name, book)])
        objective = replace(objective, kl=replace(objective.kl, weight=weight))
    if objective.entropy is not None:
        weight = float(read[book["entropy"]])
        objective = replace(objective, entropy=replace(objective.entropy, weight=weight))
    group = int(min(max(float(read[book["group"]]), 2.0), MOST_GROUP))
    return fixed_point(objective, BASE, VALUE, group=group)


def _joined(row: str, added: Sequence[str], filtered: bool) -> Objective:
    """The objective of a row with these penalties and bonuses, weighted as in the sheet."""
    objective = replace(ENTRIES[row].objective, filtered=filtered)
    for name in added:
        one = ENTRIES[name].objective
        if one.kl is not None:
            objective = replace(objective, kl=one.kl)
        if one.entropy is not None:
            objective = replace(objective, entropy=one.entropy)
    return objective
