"""The API page: what planrl offers, read from its source when the book is built.

griffe parses the source without importing it: signatures stand as they are written, shapes
included, and a build needs no torch for them. A name's anchor is its full dotted name, where it is
defined: ``api.html#planrl.losses.sft``. Anchors of before, in former.toml, lead to the same places.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import griffe
import pairs
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

# `code`, *stressed*; a star between numbers or behind a letter (f*) is none.
_INLINE = re.compile(r"`([^`]+)`|(?<![\w*])\*(?=\S)([^*`]+?)(?<=\S)\*(?![\w*])")
LONGEST = 60  # characters of a constant's value that are shown
FORMER: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("former.toml").read_text(encoding="utf-8")
)
"""Module -> the modules in which its names, or some of them, stood before."""
_KINDS = griffe.ParameterKind
_STARS = {_KINDS.var_positional: "*", _KINDS.var_keyword: "**"}


@dataclass
class Entry:
    """One name: where it is defined, as what, its text, and for a class what it holds."""

    name: str
    module: str
    kind: str  # function, class, data, method, property
    signature: list[tuple[str, str, str]] | None  # name, annotation, default
    returns: str
    text: str
    lines: tuple[int, int]
    members: list[Entry] = field(default_factory=list)

    @property
    def full(self) -> str:
        """The dotted name, which is also the anchor."""
        return f"{self.module}.{self.name}"


@cache
def source(module: str) -> griffe.Module:
    """Return a module or package by its dotted name, parsed."""
    package = module.partition(".")[0]
    if module == package:
        return griffe.load(
            package, search_paths=[pairs.ROOT], allow_inspection=False
        )
    return source(package)[module.removeprefix(f"{package}.")]


def written(expression: Any) -> str:
    """Return an annotation or a value as the source has it."""
    return "" if expression is None else f"{expression}".replace("'", '"')


def _parameters(thing: Any) -> list[tuple[str, str, str]]:
    """Return name, annotation and default of each parameter, with a * before keywords."""
    found: list[tuple[str, str, str]] = []
    bound = thing.is_class or (
        thing.parent.is_class and "staticmethod" not in thing.labels
    )
    for one in list(thing.parameters)[bound:]:
        if one.kind is _KINDS.keyword_only and not any(
            name.startswith("*") for name, _, _ in found
        ):
            found.append(("*", "", ""))
        star = _STARS.get(one.kind, "")
        default = "" if star else written(one.default)
        found.append((f"{star}{one.name}", written(one.annotation), default))
        if one.kind is _KINDS.positional_only:  # of which nothing here has two
            found.append(("/", "", ""))
    return found


def entry(thing: Any) -> Entry:
    """Return the entry of what griffe has found, with a class's public methods and properties."""
    inside = thing.parent.is_class
    made = Entry(
        name=f"{thing.parent.name}.{thing.name}" if inside else thing.name,
        module=thing.module.path,
        kind="data",
        signature=None,
        returns="",
        text=thing.docstring.value.strip() if thing.docstring else "",
        lines=(thing.lineno, thing.endlineno),
    )
    if thing.is_class:
        made.kind = "class"
        if "__init__" in thing.members:
            made.signature = _parameters(thing)
        made.members = [
            entry(member)
            for name, member in thing.members.items()
            if not name.startswith("_")
            and (member.is_function or "property" in member.labels)
        ]
    elif thing.is_function:
        made.kind, made.signature = (
            "method" if inside else "function",
            _parameters(thing),
        )
        made.returns = written(thing.returns)
    elif "property" in thing.labels:
        made.kind, made.returns = "property", written(thing.annotation)
    elif len(written(thing.value)) <= LONGEST:
        made.returns = written(thing.value)
    return made


def find(module: str, name: str) -> Entry:
    """Return the entry of a name as a module offers it, wherever in planrl it is defined."""
    here = source(module)
    thing = here.members.get(name)
    if thing is None:
        raise LookupError(f"{module} has no {name}")
    if thing.is_module:  # which has the name of what is imported from it
        where, _, name = here.imports[name].rpartition(".")
        return find(where, name)
    return entry(thing.final_target if thing.is_alias else thing)


def public(module: str) -> list[str]:
    """The names a module offers: its ``__all__``, or what it defines and says a word about."""
    here = source(module)
    if here.exports is not None:
        return [f"{name}" for name in here.exports]
    return [
        name
        for name, thing in here.members.items()
        if not (name.startswith("_") or thing.is_alias or thing.is_module)
        and (thing.docstring or not thing.is_attribute)
    ]


@cache
def short_names() -> dict[str, str]:
    """What ``import planrl as pr`` offers: full name -> short name."""
    here = source("planrl")
    names = [
        n
        for n in here.imports
        if not (here.members[n].is_alias and here.members[n].is_module)
    ]
    return {find("planrl", name).full: f"pr.{name}" for name in names}


def entries(module: str) -> list[Entry]:
    """All public entries of a module, in the order of its source."""
    return [find(module, name) for name in public(module)]


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """A docstring's parts: ("code" or "text" or "example", its words)."""
    for part in re.split(r"\n\s*\n", text.strip("\n")):
        lines = part.split("\n")
        if part.startswith(">>>"):
            yield "example", part
        elif any(line.startswith("  ") for line in lines):
            margin = min(len(line) - len(line.lstrip()) for line in lines)
            yield "code", "\n".join(line[margin:].rstrip() for line in lines)
        else:
            yield "text", " ".join(part.split())


class Page(SphinxDirective):
    """``{planrl-api}``: a section for each module that its content names, a line each."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        names = [line.strip() for line in self.content if line.strip()]
        found = {name: entries(name) for name in names}
        self.anchors = {e.full for all_ in found.values() for e in all_}
        self.anchors |= {
            m.full for all_ in found.values() for e in all_ for m in e.members
        }
        self.taken = {*self.anchors, *names}
        self.url = pairs.repository_url(Path(self.env.app.srcdir))
        return [self.section(name, found[name]) for name in names]

    def section(self, module: str, found: list[Entry]) -> nodes.section:
        """A module: its docstring, then its names."""
        here = source(module)
        self.env.note_dependency(str(here.filepath))
        before = self.unused(FORMER.get(module, []))
        section = nodes.section(ids=[module, *before], names=[module])
        section += nodes.title(module, module)
        section += self.paragraphs(
            here.docstring.value if here.docstring else "", module, set()
        )
        for entry in found:
            section += self.described(entry)
        return section

    def unused(self, anchors: list[str]) -> list[str]:
        """Those of these anchors that nothing on the page has, which are now taken."""
        free = [anchor for anchor in anchors if anchor not in self.taken]
        self.taken.update(free)
        return free

    def described(self, entry: Entry) -> list[nodes.Node]:
        """An entry: signature, text, members."""
        kind, name = entry.kind, entry.name.rsplit(".")[-1]
        domain: Any = self.env.get_domain("py")
        domain.note_object(
            entry.full, kind, entry.full, location=self.get_source_info()
        )
        told = f"{name} ({entry.module})"
        index = addnodes.index(entries=[("single", told, entry.full, "", None)])
        box = addnodes.desc(
            domain="py", objtype=kind, desctype=kind, classes=["py", kind]
        )
        content = addnodes.desc_content()
        short = short_names().get(entry.full)
        if short:
            line = nodes.paragraph("", "In short ", classes=["planrl-short"])
            line += nodes.literal("", short)
            content += line
        own = {p[0].lstrip("*") for p in entry.signature or []} | {"self"}
        content += self.paragraphs(entry.text, entry.module, own)
        for member in entry.members:
            content += self.described(member)
        box += [self.signature(entry), content]
        return [index, box]

    def signature(self, entry: Entry) -> addnodes.desc_signature:
        """The line that says how an entry is called."""
        former = FORMER.get(entry.module, [])
        before = self.unused([f"{module}.{entry.name}" for module in former])
        line = addnodes.desc_signature(
            "",
            "",
            ids=[entry.full, *before],
            module=entry.module,
            fullname=entry.name,
            classes=["sig", "sig-object", "py"],
        )
        inside = "." in entry.name
        line["_toc_parts"] = tuple(entry.full.split("."))
        line["_toc_name"] = "" if inside else entry.name
        if entry.kind in ("class", "property"):
            line += addnodes.desc_annotation("", f"{entry.kind} ")
        if not inside:
            line += addnodes.desc_addname("", f"{entry.module}.")
        line += addnodes.desc_name("", entry.name.rsplit(".")[-1])
        if entry.signature is not None:
            line += self.parameters(entry.signature)
        if entry.kind == "data" and entry.returns:
            line += addnodes.desc_annotation("", f" = {entry.returns}")
        elif entry.returns:
            line += addnodes.desc_returns("", entry.returns)
        address = f"{self.url}/blob/main/{entry.module.replace('.', '/')}"
        if source(entry.module).filepath.name == "__init__.py":
            address += "/__init__"
        where = f"{address}.py#L{entry.lines[0]}-L{entry.lines[1]}"
        mark = nodes.inline("", "source", classes=["viewcode-link"])
        line += nodes.reference("", "", mark, refuri=where, internal=False)
        return line

    @staticmethod
    def parameters(
        signature: list[tuple[str, str, str]],
    ) -> addnodes.desc_parameterlist:
        """What stands between the brackets."""
        listed = addnodes.desc_parameterlist()
        for name, annotation, default in signature:
            one = addnodes.desc_parameter("", "", addnodes.desc_sig_name("", name))
            if annotation:
                one += [
                    nodes.Text(": "),
                    nodes.inline("", annotation, classes=["planrl-type"]),
                ]
            if default:
                equals = " = " if annotation else "="
                one += [
                    nodes.Text(equals),
                    nodes.inline("", default, classes=["default_value"]),
                ]
            listed += one
        return listed

    def paragraphs(self, text: str, module: str, own: set[str]) -> list[nodes.Node]:
        """A docstring as paragraphs, formulas and examples."""
        made: list[nodes.Node] = []
        for kind, words in blocks(text):
            if kind == "text":
                made.append(
                    nodes.paragraph("", "", *self.inline(words, module, own))
                )
            else:
                language = "pycon" if kind == "example" else "text"
                made.append(nodes.literal_block(words, words, language=language))
        return made

    def inline(
        self, words: str, module: str, own: set[str]
    ) -> Iterator[nodes.Node]:
        """Text with `code`, linked where it is a name of this page, and *stress*."""
        end = 0
        for match in _INLINE.finditer(words):
            yield nodes.Text(words[end : match.start()])
            end = match.end()
            if match[2]:
                yield nodes.emphasis("", match[2])
                continue
            code = nodes.literal(match[1], match[1])
            where = (
                self.where(match[1].split("(")[0], module)
                if match[1] not in own
                else ""
            )
            yield (
                nodes.reference("", "", code, refid=where, internal=True)
                if where
                else code
            )
        yield nodes.Text(words[end:])

    def where(self, name: str, module: str) -> str:
        """The anchor a name in a docstring of a module means, or ''."""
        shorts = {short: full for full, short in short_names().items()}
        for full in (
            name,
            f"planrl.{name}",
            f"{module}.{name}",
            shorts.get(f"pr.{name}", ""),
        ):
            if full in self.anchors:
                return full
        return shorts.get(name, "")


def setup(app: Sphinx) -> None:
    """Make the directive known."""
    app.add_directive("planrl-api", Page)
