"""One line of an edge list: how it is separated into words, and whether the words are an edge."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from planrl.errors import shown
from planrl.io.node_names import LineError, check_name

SEPARATORS = ("->", "\t", ";", ",", " ")
_WEIGHT = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:inf|nan)"
_NUMBER = re.compile(_WEIGHT, re.I | re.A)
_ATTRIBUTES = re.compile(r"\{\s*\}|\{.*:.*\}")  # as networkx writes them
ARROW = re.compile(r"-+>|=+>|[→⇒⟶]")
_BACK = re.compile(r"<[-=]|[←↔⇐⇔⟵]")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_WORD = re.compile(r'"((?:[^"]|"")*)"(?= |$)|([^ "][^ ]*)')

# Lines that need no further check; most files have no others.
_PLAIN = r"[^\s,;\"'<>(){}\[\]#%=→⇒⟶←↔⇐⇔⟵]"
_CELL = r"[^,;\"'\t<>(){}\[\]#%/]"
_THIRD = rf"({_WEIGHT}|\{{[^{{}}]*\}})"
FAST = {
    " ": rf"({_PLAIN}+) +({_PLAIN}+)(?: +{_THIRD})?",
    "->": rf"({_PLAIN}+)(?<!-) *-> *({_PLAIN}+)((?!))?",
    **{by: rf"({_CELL}+){by}({_CELL}+)(?:{by} *{_THIRD} *)?" for by in ",;\t"},
}
LISTS = (
    "An adjacency list is read with networkx.read_adjlist(path, create_using=networkx.DiGraph) and "
    "saved with networkx.write_graphml"
)


def masked(line: str) -> str:
    """The line with quoted text, and attributes at its end, replaced by plain letters."""
    line = _QUOTED.sub(lambda found: "q" * len(found[0]), line)
    at = _attributes(line)
    return line if at is None else line[:at]


def _attributes(line: str) -> int | None:
    """Where networkx's `{...}` begins at a line's end."""
    found = re.search(r"[\s,;]\{", line) if line.endswith("}") else None
    return found and found.end() - 1


def split(line: str, by: str) -> list[str]:
    """The words of a line; attributes `{...}` at its end are one word."""
    at, attributes = _attributes(line), []
    if at is not None:
        line, attributes = line[:at].rstrip(), [line[at:]]
        line = line.removesuffix(by) if by in ",;\t" else line
    if by == "->":
        words = _by_arrow(line)
    elif by == " ":
        words = _by_spaces(line)
    else:
        try:
            words = next(csv.reader([line], delimiter=by, skipinitialspace=True, strict=True))
        except csv.Error as error:
            raise LineError(f"{shown(line)} has quotes that do not pair: {error}") from None
        words = [word.strip() for word in words]
    if attributes and len(words) != 2:
        raise LineError(f"expected `from to` before {shown(attributes[0])}, found {shown(line)}")
    return words + attributes


def _by_spaces(line: str) -> list[str]:
    marks = masked(line)
    if ARROW.search(marks) or _BACK.search(marks) or re.search("[,;\t]", marks):
        raise LineError(
            f"{shown(line)} is not separated by spaces, as the first line is: write `a b` or, in "
            "every line, `a -> b` or `a,b`"
        )
    if _WORD.sub("", line).strip(" "):
        raise LineError(f"a quote in {shown(line)} is not closed before a space")
    words = [quoted.replace('""', '"').strip() or word for quoted, word in _WORD.findall(line)]
    comment = next((k for k, word in enumerate(words) if word[:1] == "#" and k > 1), None)
    return words[:comment]


def _by_arrow(line: str) -> list[str]:
    marks = masked(line)
    arrows = list(ARROW.finditer(marks))
    if _BACK.search(marks):
        raise LineError(f"{shown(line)} is an edge in both directions or backwards: write `a -> b`")
    if len(arrows) != 1:
        raise LineError(f"{shown(line)} has {len(arrows)} arrows: write one edge a line, `a -> b`")
    if re.search(r"[,;\t\[]", marks):
        raise LineError(
            f"{shown(line)} has more than `a -> b`: write one edge a line, without "
            "attributes, and names with other marks in double quotes"
        )
    return [_name(word, line) for word in (line[: arrows[0].start()], line[arrows[0].end() :])]


def _name(word: str, line: str) -> str:
    """A name next to an arrow; one that ends in a number may hold a weight, unless it is quoted."""
    word = word.strip()
    if _QUOTED.fullmatch(word):
        return word[1:-1].replace('""', '"').strip()
    last = re.split(r"[\s:(]", word.rstrip(")"))[-1]
    if '"' in word or (last != word and _NUMBER.fullmatch(last)):
        raise LineError(
            f"{shown(line)} has more than two names: write `a -> b`, and names that hold spaces "
            "and numbers in double quotes"
        )
    return word


def edge(words: Sequence[str], line: str) -> tuple[str, str, str | None]:
    """Source, target and the third word, if any, of a line that must be an edge."""
    if len(words) > 1 and not words[0]:
        raise LineError(
            f"expected `from to`, found {shown(line)}: the first column has no name, as pandas "
            "writes it: write with index=False, and the columns source and target only"
        )
    if len(words) > 3:
        raise LineError(
            f"expected `from to`, found {shown(line)}: keep the columns of source and target (and "
            f"a weight). {LISTS}; an adjacency matrix, with numpy.loadtxt and "
            "networkx.from_numpy_array(matrix, create_using=networkx.DiGraph)"
        )
    if len(words) < 2 or not all(words):
        raise LineError(
            f"expected `from to`, found {shown(line)}: separate source and target in every line as "
            "in the first"
        )
    if len(words) == 2:
        return words[0], words[1], None
    third = words[2]
    if not _NUMBER.fullmatch(third.replace(",", ".", 1)) and not _ATTRIBUTES.fullmatch(third):
        raise LineError(
            f"expected `from to` and a weight, found {shown(line)}: a third word is a number or "
            f"{{...}}. Put names that hold spaces or commas in double quotes. {LISTS}"
        )
    return words[0], words[1], third


def fits(line: str, by: str) -> bool:
    """Whether a line is an edge if this separates its words."""
    try:
        source, target, _ = edge(split(line, by), line)
        for name in (source, target):
            check_name(name, by, line, 0)
    except LineError:
        return False
    return True


def mixed(line: str, by: str) -> bool:
    """Whether a name in a line holds another separator, outside of quotes."""
    names = split(masked(line), by)[:2]
    return any(re.search("[,;\t]", name) or ARROW.search(name) for name in names)
