"""planrl explain-config: which objective a TRL or verl config is, and what theory says of it."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from planrl.cli.options import JSON
from planrl.errors import InputError, shown
from planrl.io.config_files import Config, read_config
from planrl.io.files import to_json
from planrl.labs.page.links import of_sheet
from planrl.objectives.configs import VERSIONS, Explained, explain, first, rules, weight_of
from planrl.objectives.contexts import answers_left
from planrl.objectives.sheet import BASE, CORRECT, diversity, reached

WIDTH = 88
MOST = 30  # names of unknown options
PLAIN = re.compile(r"[\w.-]{1,100}", re.ASCII)
LAB = "objectives"


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "explain-config",
        help="say which objective a TRL or verl config is, and what it does to several answers",
        epilog="FILE holds JSON, `key: value` lines (YAML), overrides as verl's command line has "
        "them,\nor a call GRPOConfig(...). Nothing in it is executed.",
    )
    command.add_argument("file", type=Path, metavar="FILE", help="the config file to be explained")
    command.add_argument(
        "--library",
        choices=list(rules()),
        help="whose options these are (default: told from their names)",
    )
    command.add_argument("--json", action="store_true", help=JSON)
    command.set_defaults(execute=run)


def run(options: argparse.Namespace) -> int:
    """Print what the config is."""
    given = read_config(options.file)
    found = _explained(options.file, given, options.library or given.library)
    if options.json:
        print(to_json(_page(found)).decode())
    else:
        print("\n".join(_lines(options.file, given, found)))
    return 0


def _explained(path: Path, given: Config, library: str) -> Explained:
    try:
        return explain(given.options, library)
    except InputError as error:
        name = f"{error}".partition(":")[0]
        line = given.lines.get(name, 0)
        raise InputError(f"{path}, line {line}: {error}" if line else f"{path}: {error}") from None


def _page(found: Explained) -> dict[str, Any]:
    end = found.limit and reached(found.limit)
    return {
        "library": found.library,
        "row": found.row or None,
        "added": list(found.added),
        "diversity": found.limit and diversity(found.limit),
        "ends": found.limit and found.limit.says,
        "accuracy": end and end[0],
        "answers": end and end[1],
        "why_not": list(found.why),
        "notes": list(found.notes),
        "unknown": list(found.unknown),
        "lab": lab_link(found) or None,
    }


def lab_link(found: Explained) -> str:
    """The state of the lab of two objectives that is this config; '' if it has none.

    It has none if the config has a penalty or a bonus that is no line of the sheet.
    """
    book = rules()[found.library]
    applied = (first(book[part], found.read) for part in ("penalties", "bonuses"))
    if any("none" in rule for rule in applied if rule):
        return ""
    weights = {name: weight_of(name, found.read, found.library) for name in found.added}
    return of_sheet(found.row, weights)


def _lines(path: Path, given: Config, found: Explained) -> Iterator[str]:
    said = len([name for name in given.options if name in found.read])
    yield (
        f"{path}: {found.library}; {said} of its options count, the defaults of "
        f"{VERSIONS[found.library]} for the others"
    )
    parts = [
        f"{name} (weight {weight_of(name, found.read, found.library):g})" for name in found.added
    ]
    yield f"row of the cheat sheet: {' + '.join([found.row or 'none', *parts])}"
    for why in found.why:
        yield from _wrapped(f"no prediction: {why}")
    if found.limit is not None:
        yield f"several correct answers: {diversity(found.limit)}"
        yield from _wrapped(found.limit.says, "  ")
        if (end := reached(found.limit)) is not None:
            yield from _wrapped(
                f"of four answers with probabilities {_told(BASE.tolist())} in the base, three "
                f"correct, it ends at accuracy {end[0]:.3f} with {end[1]:.2f} effective correct "
                f"answers; the base has {float(BASE[CORRECT].sum()):.3f} and "
                f"{float(answers_left(BASE, CORRECT)):.2f}",
                "  ",
            )
            yield from _wrapped(
                "This is where expected updates of a table end. Noise pulls against a small "
                "weight: in chapter 6 a Transformer with 0.1 keeps a little over half of its paths",
                "  ",
            )
    for note in found.notes:
        yield from _wrapped(f"- {note}")
    if found.unknown:
        names = [name if PLAIN.fullmatch(name) else shown(name) for name in found.unknown[:MOST]]
        more = f" and {len(found.unknown) - MOST} more" if len(found.unknown) > MOST else ""
        yield from _wrapped(f"unknown options, not judged: {', '.join(names)}{more}")
    if link := lab_link(found):
        yield f'try it: planrl.labs.lab("{LAB}", "{link}"), or on the page of chapter 12'
        yield f"  12_objective.html?lab={LAB}&{link}"


def _told(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def _wrapped(text: str, indent: str = "") -> list[str]:
    inner = indent + "  " * text.startswith("- ")
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=inner)
