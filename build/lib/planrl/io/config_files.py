"""Configs of other libraries: the options that a file sets, each with its line.

Read are JSON, YAML of nested `key: value`, `key=value` overrides as on verl's command line or in a
shell script, and the arguments of a call `GRPOConfig(...)`. Nothing in a file is executed or
filled in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planrl.errors import InputError, shown
from planrl.io.files import read_text

MOST_BYTES = 1_000_000
MOST_LINES, MOST_DEPTH = 20_000, 20
CALL = re.compile(r"\b(GRPOConfig|RLOOConfig)\s*\(")
OVERRIDE = re.compile(
    r"(?<![\w.$/-])\+{0,2}([A-Za-z_]\w*(?:\.\w+)+)=(\"[^\"]*\"|'[^']*'|[^\s\\\"']*)"
)
ARGUMENT = re.compile(r"\s*([A-Za-z_]\w*)\s*=(?!=)\s*(.*\S)\s*$", re.DOTALL)
PAIR = re.compile(r"(\s*)(\"[^\"]+\"|'[^']+'|[A-Za-z_][\w.]*)\s*:(?:\s+(.*))?$")
WORDS = {
    "null": "none",
    "~": "none",
    "": "none",
    "yes": "true",
    "on": "true",
    "no": "false",
    "off": "false",
}


@dataclass(frozen=True)
class Config:
    """Options of a file as texts, the line of each (0 if not known), and the class it names."""

    options: dict[str, str]
    lines: dict[str, int]
    library: str = ""


def read_config(path: str | Path) -> Config:
    """The options of a config file. Raises InputError, with the line, for what can't be read."""
    text = read_text(path, most=MOST_BYTES)
    if text.count("\n") > MOST_LINES:
        raise InputError(f"{path} has more than {MOST_LINES:,} lines: that is no config")
    bare = _without_comments(text)
    call = CALL.search(bare)
    found: Iterator[tuple[str, str, int]]
    if text.lstrip()[:1] == "{":
        found = _json(text, path)
    elif call:
        found = _arguments(bare, call.end(), path)
    elif OVERRIDE.search(bare):
        found = _overrides(text)
    else:
        found = _yaml(text, path)
    options: dict[str, str] = {}
    lines: dict[str, int] = {}
    for name, value, line in found:
        if name in options and value != options[name]:
            first = f" (line {lines[name]})" if lines[name] else ""
            raise InputError(
                f"{_at(path, line)}: {_name(name)} is given twice, {shown(options[name])}{first} "
                f"and {shown(value)}: leave one of them"
            )
        options[name], lines[name] = value, line
    if not options:
        raise InputError(
            f"{path} sets no option: expected JSON, lines like `beta: 0.04`, or overrides like "
            "`actor_rollout_ref.actor.kl_loss_coef=0.01`"
        )
    return Config(options, lines, call[1] if call else "")


def _name(name: str) -> str:
    return name if re.fullmatch(r"[\w.-]{1,100}", name, re.ASCII) else shown(name)


def _at(path: str | Path, line: int) -> str:
    return f"{path}, line {line}" if line else f"{path}"


def _plain(value: str) -> str:
    """A value without quotes; true, false and none in one spelling."""
    value = value.strip().rstrip(",").strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return WORDS.get(
        value.lower(), value.lower() if value.lower() in ("true", "false", "none") else value
    )


def _json(text: str, path: str | Path) -> Iterator[tuple[str, str, int]]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"{path}: {shown(twice)} is given twice: leave one of them")
        return dict(pairs)

    try:
        page = json.loads(text, object_pairs_hook=unique)
    except InputError:
        raise
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {error.lineno}: no JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: {error}") from None
    yield from _flat(page, "", path, 0)


def _flat(page: Any, prefix: str, path: str | Path, depth: int) -> Iterator[tuple[str, str, int]]:
    if depth > MOST_DEPTH:
        raise InputError(f"{path} is nested more than {MOST_DEPTH} deep: that is no config")
    if isinstance(page, dict) and (page or not prefix):
        for name, value in page.items():
            yield from _flat(value, f"{prefix}.{name}" if prefix else name, path, depth + 1)
    else:
        value = page if isinstance(page, str) else json.dumps(page)
        yield prefix, _plain(value), 0


def _arguments(text: str, start: int, path: str | Path) -> Iterator[tuple[str, str, int]]:
    """The keyword arguments of the call whose bracket opens before `start`, not of inner calls."""
    for begin, end in _parts(text, start, path):
        match = ARGUMENT.match(text[begin:end])
        if match:
            yield match[1], _plain(match[2]), text.count("\n", 0, begin + match.start(1)) + 1


def _parts(text: str, start: int, path: str | Path) -> list[tuple[int, int]]:
    """Where each argument begins and ends: commas and brackets inside of quotes don't count."""
    depth, quote, begin, found = 1, "", start, []
    at = start
    while depth and at < len(text):
        one = text[at]
        if quote:
            at += one == "\\"
            quote = "" if one == quote else quote
        elif one in "\"'":
            quote = one
        else:
            depth += (one in "([{") - (one in ")]}")
            if depth == 0 or (depth == 1 and one == ","):
                found.append((begin, at))
                begin = at + 1
        at += 1
    if depth:
        line = text.count("\n", 0, start) + 1
        raise InputError(f"{path}, line {line}: this bracket is never closed")
    return found


def _overrides(text: str) -> Iterator[tuple[str, str, int]]:
    for number, line in enumerate(_without_comments(text).split("\n"), 1):
        for match in OVERRIDE.finditer(line):
            yield match[1], _plain(match[2]), number


def _without_comments(text: str) -> str:
    """The same lines, without what stands behind # at the beginning or after a blank."""
    return "\n".join(re.sub(r"(^|\s)#.*$", "", line) for line in text.split("\n"))


def _yaml(text: str, path: str | Path) -> Iterator[tuple[str, str, int]]:
    """Nested `key: value` lines; lists are passed over, what else YAML can do is refused."""
    above: list[tuple[int, str]] = []
    lines = _without_comments(text).split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.strip() in ("---", "...") or line.lstrip().startswith("- "):
            continue
        match = PAIR.match(line)
        if match is None or "\t" in match[1] or (match[3] or "").strip() in ("|", ">", "|-", ">-"):
            raise InputError(
                f"{path}, line {number}: {shown(line.strip())} is not understood: expected "
                "`key: value`, indented by spaces"
            )
        indent, name = len(match[1]), match[2].strip("\"'")
        while above and above[-1][0] >= indent:
            above.pop()
        if len(above) >= MOST_DEPTH:
            raise InputError(f"{path}, line {number}: nested more than {MOST_DEPTH} deep")
        full = ".".join([*(one for _, one in above), name])
        value = (match[3] or "").strip()
        if value:
            yield full, _plain(value), number
        elif not _has_inner(lines, number, indent):
            yield full, "none", number
        above.append((indent, name))


def _has_inner(lines: list[str], after: int, indent: int) -> bool:
    """Whether the next line that says something is indented further, or is an item of a list."""
    inner = next((line for line in lines[after : after + 200] if line.strip()), "")
    return len(inner) - len(inner.lstrip()) > indent or inner.lstrip().startswith("- ")
