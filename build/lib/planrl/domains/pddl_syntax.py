"""Lists in brackets, which PDDL files consist of, each with the line that it begins in."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from planrl.errors import InputError

DEEPEST = 100  # brackets inside each other
NAME = re.compile(r"\w[\w.+*/!@#$%&'^|<>=~-]*")  # numbers and whatever planners take, too
TOKEN = re.compile(r";[^\n]*|\n|[()]|[^\s();]+")


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# A list that begins with one of these is never inside another section.
SECTIONS = words(
    ":requirements :types :constants :predicates :functions :action :domain :objects :init :goal "
    ":metric :constraints :derived :durative-action"
)


class Form(list["Form | str"]):
    """A list in brackets: words and further lists. `line` is the line of its first bracket."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line

    @property
    def head(self) -> str:
        """The word that the list begins with, or nothing."""
        return self[0] if self and isinstance(self[0], str) else ""

    def __str__(self) -> str:
        """The list as PDDL writes it."""
        return f"({' '.join(map(str, self))})"


def cut(thing: Form | str, most: int = 60) -> str:
    """The text of a form or a word, no longer than an error should show it."""
    text = str(thing)
    return text if len(text) <= most else f"{text[:most]}..."


@dataclass(frozen=True)
class Source:
    """The file that errors name."""

    path: Path

    def wrong(self, line: int, said: str) -> InputError:
        """An error in a line."""
        return InputError(f"{self.path}, line {line}: {said}")

    def beyond(self, thing: Form | str, line: int, what: str = "") -> InputError:
        """An error that names what PDDL has and planrl does not read; `what` is its position."""
        where = f"{self.path}: {what}" if what else f"{self.path}"
        return InputError(
            f"{where} uses {cut(thing)} (line {line}), which is beyond STRIPS: planrl reads "
            "actions, states and goals made of atoms, and, not and ="
        )

    def name(self, word: Form | str, line: int, what: str = "a name", mark: str = "") -> str:
        """A name that begins with `mark`. Raises InputError for anything else."""
        if isinstance(word, str) and word.startswith(mark) and NAME.fullmatch(word[len(mark) :]):
            return word
        such = f" such as {mark}x" if mark else ""
        raise self.wrong(line, f"{cut(word) or 'nothing'} was given, but {what}{such} is expected")

    def typed(
        self,
        items: Sequence[Form | str],
        line: int,
        types: Container[str] | None = None,
        mark: str = "",
    ) -> list[tuple[str, frozenset[str]]]:
        """Names and their types, as in `a b - t c - (either t u) d`: no type means any.

        `mark` is what the names begin with. Raises InputError for a type that is none of `types`.
        """
        found: list[tuple[str, frozenset[str]]] = []
        names: list[str] = []
        rest = iter(items)
        for item in rest:
            if isinstance(item, Form) or not item.startswith("-"):
                names.append(self.name(item, line, mark=mark))
                continue
            kind = item[1:] or next(rest, "")
            kinds = [kind] if isinstance(kind, str) else kind[1:] if kind.head == "either" else []
            tags = frozenset(self.name(tag, line, "the name of a type") for tag in kinds)
            if not tags or not names:
                raise self.wrong(line, f"- {cut(kind)} was given: write names, - and their type")
            for tag in sorted(tags):
                if types is not None and tag not in types:
                    raise self.wrong(
                        line,
                        f"{names[-1]} is of the type {cut(tag)}, which the domain does not have",
                    )
            found += [(name, tags) for name in names]
            names = []
        return [*found, *((name, frozenset()) for name in names)]


def read_forms(text: str, source: Source) -> list[Form]:
    """All outermost lists of a text, in small letters, without comments (`; ...`).

    Raises InputError with the line in which a bracket is missing or too many.
    """

    def wrong(line: int, said: str) -> InputError:
        return source.wrong(line, f"this is not PDDL that can be read: {said}")

    found, opened = list[Form](), list[Form]()
    line = 1
    for token in TOKEN.findall(text.lower()):
        if token == "\n":
            line += 1
        elif token == "(":
            form = Form(line)
            (opened[-1] if opened else found).append(form)
            opened.append(form)
            if len(opened) > DEEPEST:
                raise wrong(line, f"brackets are nested more than {DEEPEST} deep")
        elif token == ")":
            if not opened:
                raise wrong(line, "a bracket is closed that was not opened")
            opened.pop()
        elif not token.startswith(";"):
            if not opened:
                raise wrong(line, f"{cut(token)} is outside all brackets")
            if token in SECTIONS and not opened[-1] and len(opened) > 2:
                around = opened[1]
                raise wrong(
                    around.line,
                    f"a bracket of {cut(around.head) or 'this list'} is not "
                    f"closed before {token} begins in line {line}",
                )
            opened[-1].append(token)
    if opened:
        last = opened[-1].line
        said = f"{len(opened)} brackets are never closed, the innermost is that of line {last}"
        raise wrong(last, said)
    return found
