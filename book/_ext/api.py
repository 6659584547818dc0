"""The API page: what planrl offers, read from its source when the book is built.

The source is parsed, not imported: signatures stand as they are written, shapes included, and a
build needs no torch for them. A name's anchor is its full dotted name, where it is defined:
``api.html#planrl.losses.sft``. Anchors of before, in former.toml, lead to the same places.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pairs
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
# `code`, *stressed*; a star between numbers or behind a letter (f*) is none.
_INLINE = re.compile(r"`([^`]+)`|(?<![\w*])\*(?=\S)([^*`]+?)(?<=\S)\*(?![\w*])")
LONGEST = 60  # characters of a constant's value that are shown
FORMER: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("former.toml").read_text(encoding="utf-8")
)
"""Module -> the modules in which its names, or some of them, stood before."""


@dataclass
class Entry:
    """One name: where it is defined, as what, its text, and for a class what it holds."""

    name: str
    module: str
    kind: str  # function, class, data, method, property
    signature: list[tuple[str, str, str]] | None  # name, annotation, default
    returns: str
    text: str
    line: int
    last: int
    members: list[Entry] = field(default_factory=list)

    @property
    def full(self) -> str:
        """The dotted name, which is also the anchor."""
        return f"{self.module}.{self.name}"


@dataclass
class Source:
    """A module as it is written."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    def segment(self, node: ast.expr | None) -> str:
        """What the source says for a node, on one line."""
        found = ast.get_source_segment(self.text, node) if node else ""
        return re.sub(
            r"([\[(]) | (?=[\])])", r"\1", " ".join((found or "").split())
        )


@cache
def source(module: str, root: Path = pairs.ROOT) -> Source:
    """Read a module or package by its dotted name."""
    path = root.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = path.read_text(encoding="utf-8")
    return Source(module, path, text, ast.parse(text))


def _targets(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.AnnAssign):
        return [node.target.id] if isinstance(node.target, ast.Name) else []
    if isinstance(node, ast.Assign):
        found = [n for target in node.targets for n in ast.walk(target)]
        return [n.id for n in found if isinstance(n, ast.Name)]
    return []


def _said(body: list[ast.stmt], place: int) -> str:
    """The text that stands directly behind an assignment."""
    following = body[place + 1] if place + 1 < len(body) else None
    value = following.value if isinstance(following, ast.Expr) else None
    text = value.value if isinstance(value, ast.Constant) else None
    return text.strip() if isinstance(text, str) else ""


def _parameters(
    module: Source, node: ast.FunctionDef, *, bound: bool
) -> list[tuple[str, str, str]]:
    args = node.args
    ordinary = [*args.posonlyargs, *args.args]
    defaults = [None] * (len(ordinary) - len(args.defaults)) + list(args.defaults)
    found = []
    for place, (arg, default) in enumerate(zip(ordinary, defaults, strict=True)):
        if not (bound and place == 0):
            found.append(
                (arg.arg, module.segment(arg.annotation), module.segment(default))
            )
        if args.posonlyargs and place == len(args.posonlyargs) - 1:
            found.append(("/", "", ""))
    if args.vararg:
        found.append(
            (f"*{args.vararg.arg}", module.segment(args.vararg.annotation), "")
        )
    elif args.kwonlyargs:
        found.append(("*", "", ""))
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        found.append(
            (arg.arg, module.segment(arg.annotation), module.segment(default))
        )
    if args.kwarg:
        found.append(
            (f"**{args.kwarg.arg}", module.segment(args.kwarg.annotation), "")
        )
    return found


def _fields(
    module: Source, node: ast.ClassDef, decorator: str
) -> list[tuple[str, str, str]]:
    """The fields of a dataclass, as its constructor takes them."""
    found = [("*", "", "")] if "kw_only=True" in decorator else []
    for line in node.body:
        if not isinstance(line, ast.AnnAssign) or not isinstance(
            line.target, ast.Name
        ):
            continue
        default = module.segment(line.value)
        if (
            isinstance(line.value, ast.Call)
            and module.segment(line.value.func) == "field"
        ):
            told = {word.arg: word.value for word in line.value.keywords}
            if "init" in told:
                continue
            made = module.segment(told.get("default_factory"))
            default = f"{made}()" if made else module.segment(told.get("default"))
        found.append((line.target.id, module.segment(line.annotation), default))
    return found


def _class(module: Source, node: ast.ClassDef) -> Entry:
    """A class, with its public methods and properties."""
    data = [
        m for d in node.decorator_list if "dataclass" in (m := module.segment(d))
    ]
    methods = [line for line in node.body if isinstance(line, ast.FunctionDef)]
    made = next((m for m in methods if m.name == "__init__"), None)
    signature = None
    if data:
        signature = _fields(module, node, data[0])
    elif made:
        signature = _parameters(module, made, bound=True)
    entry = Entry(
        node.name, module.name, "class", signature, "", ast.get_docstring(node) or "",
        node.lineno, node.end_lineno or 0,
    )  # fmt: skip
    for method in methods:
        if method.name.startswith("_"):
            continue
        marks = [module.segment(d) for d in method.decorator_list]
        is_property = any(mark.endswith("property") for mark in marks)
        told = _function(module, method, bound="staticmethod" not in marks)
        told.name, told.kind = f"{node.name}.{method.name}", "method"
        if is_property:
            told.kind, told.signature = "property", None
        entry.members.append(told)
    return entry


def _function(
    module: Source, node: ast.FunctionDef, *, bound: bool = False
) -> Entry:
    return Entry(
        node.name, module.name, "function", _parameters(module, node, bound=bound),
        module.segment(node.returns), ast.get_docstring(node) or "", node.lineno,
        node.end_lineno or 0,
    )  # fmt: skip


def find(module: str, name: str) -> Entry:
    """The entry of a name as a module offers it, wherever in planrl it is defined."""
    here = source(module)
    for place, node in enumerate(here.tree.body):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "planrl"
        ):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return find(node.module or "", alias.name)
        if name not in _targets(node):
            continue
        if isinstance(node, ast.ClassDef):
            return _class(here, node)
        if isinstance(node, ast.FunctionDef):
            return _function(here, node)
        value = here.segment(getattr(node, "value", None))
        shown = value if len(value) <= LONGEST and len(_targets(node)) == 1 else ""
        text = _said(here.tree.body, place)
        return Entry(
            name,
            module,
            "data",
            None,
            shown,
            text,
            node.lineno,
            node.end_lineno or 0,
        )
    raise LookupError(f"{module} has no {name}")


def public(module: str) -> list[str]:
    """The names a module offers: its ``__all__``, or what it defines and says a word about."""
    here = source(module)
    names: list[str] = []
    for place, node in enumerate(here.tree.body):
        if isinstance(node, ast.Assign) and _targets(node) == ["__all__"]:
            return list(ast.literal_eval(node.value))
        constant = isinstance(node, ast.Assign | ast.AnnAssign)
        if not constant or _said(here.tree.body, place):
            names += [name for name in _targets(node) if not name.startswith("_")]
    return names


@cache
def short_names() -> dict[str, str]:
    """What ``import planrl as pr`` offers: full name -> short name."""
    found = {}
    for node in source("planrl").tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                found[find(node.module or "", alias.name).full] = f"pr.{alias.name}"
    return found


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
        self.env.note_dependency(str(here.path))
        before = self.unused(FORMER.get(module, []))
        section = nodes.section(ids=[module, *before], names=[module])
        section += nodes.title(module, module)
        section += self.paragraphs(
            ast.get_docstring(here.tree) or "", module, set()
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
            "", "", ids=[entry.full, *before], module=entry.module, fullname=entry.name,
            classes=["sig", "sig-object", "py"],
        )  # fmt: skip
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
        if source(entry.module).path.name == "__init__.py":
            address += "/__init__"
        where = f"{address}.py#L{entry.line}-L{entry.last}"
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
