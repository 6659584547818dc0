"""The package uses the field's words: identifiers that had a word of their own do not come back."""

import ast
import re
from pathlib import Path

import pytest

import planrl

PACKAGE = Path(planrl.__file__).parent
BANNED = {
    "believed",
    "believing",
    "cap",
    "look",
    "looks",
    "looked",
    "walk",
    "walks",
    "walker",
    "walkers",
    "walked",
    "walking",
    "place",
    "places",
    "following",
    "world",
    "worlds",
    "law",
    "laws",
    "ways",
    "chance",
    "chances",
    "band",
    "bands",
    "fine",
    "fines",
    "sure",
    "route",
    "routes",
    "filling",
}
BANNED_IN_FIRST_LINES = {
    "walk",
    "walks",
    "walker",
    "looks",
    "law",
    "laws",
    "filling",
    "believed",
}


def words(name):
    return {word.lower() for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", name)}


def names(tree):
    """Functions, classes, parameters, fields and attributes that are set."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        if isinstance(node, ast.arg):
            yield node.lineno, node.arg
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.lineno, node.target.id


def first_lines(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            said = ast.get_docstring(node) or ""
            if not getattr(node, "name", "").startswith("_"):
                yield getattr(node, "lineno", 1), said.partition("\n")[0]


def files():
    return sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_identifier_has_a_word_that_the_field_does_not_use(path):
    found = names(ast.parse(path.read_text(encoding="utf-8")))
    assert [(line, name) for line, name in found if words(name) & BANNED] == []


PLAIN = [PACKAGE / name for name in ("transformer", "io", "figures", "domains", "teaching")]
CORE = [p for p in files() if p.parent == PACKAGE or any(p.is_relative_to(f) for f in PLAIN)]


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_docstring_begins_with_such_a_word(path):
    found = first_lines(ast.parse(path.read_text(encoding="utf-8")))
    assert [(line, said) for line, said in found if words(said) & BANNED_IN_FIRST_LINES] == []
