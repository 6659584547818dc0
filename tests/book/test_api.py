"""The API page: every public name has an anchor, a text, and a signature as it is written."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest
from built_site import ROOT, by_id, page_soup

PAGE = ROOT / "book" / "api.md"
MODULES = re.findall(r"^(planrl\S*)$", PAGE.read_text(encoding="utf-8"), re.M)
PROMISED = {
    "planrl.objectives.theory",
    "planrl.evaluate",
    "planrl.figures.charts",
    "planrl.figures.sliders",
    "planrl.teaching.notebook",
    "planrl.teaching.exercises",
    "planrl.claims",
    "planrl.teaching.evidence",
    "planrl.labs",
    "planrl.io.checkpoints",
    "planrl.experiments.sweeps",
    "planrl.domains",
    "planrl.io.formats",
}


def offered(module):
    """What a module offers when it is imported: (name, object), classes' members too."""
    here = importlib.import_module(module)
    own = [n for n, o in vars(here).items() if getattr(o, "__module__", "") == module]
    names = getattr(here, "__all__", None) or [n for n in own if not n.startswith("_")]
    for name in names:
        thing = getattr(here, name)
        if not (inspect.isfunction(thing) or inspect.isclass(thing)):
            continue
        yield f"{thing.__module__}.{thing.__qualname__}", thing
        for member, value in vars(thing).items() if inspect.isclass(thing) else ():
            value = getattr(value, "func", value)  # a cached property's function
            method = inspect.isfunction(value) and value.__qualname__.startswith(thing.__name__)
            if not member.startswith("_") and (method or isinstance(value, property)):
                yield f"{thing.__module__}.{thing.__qualname__}.{member}", value


def test_the_page_lists_what_was_promised():
    assert set(MODULES) >= PROMISED


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_found_and_explained(module):
    import api

    told = {e.full: e for e in api.entries(module)}
    told |= {m.full: m for e in api.entries(module) for m in e.members}
    for name, thing in offered(module):
        assert name in told, name
        assert inspect.getdoc(thing), f"{name} has no docstring"
    assert [name for name, entry in told.items() if not entry.text.strip()] == []


def test_what_planrl_itself_offers_is_on_the_page():
    import api

    import planrl

    on_page = {entry.full for module in MODULES for entry in api.entries(module)}
    missing = set(api.short_names()) - on_page
    assert missing == set()
    things = [n for n, o in vars(planrl).items() if inspect.isclass(o) or inspect.isfunction(o)]
    assert {f"pr.{n}" for n in things} <= set(api.short_names().values())


def test_signatures_stand_as_they_are_written():
    import api

    loss = api.find("planrl", "policy_gradient")
    assert loss.full == "planrl.losses.policy_gradient"
    assert loss.signature == [
        ("logits", 'Float[Tensor, "B T V"]', ""),
        ("batch", "Batch", ""),
        ("*", "", ""),
        ("baseline", "Number", "False"),
        ("kl", "Number", "0.0"),
        ("correction", "str | None", "None"),
    ]
    assert loss.returns == 'Float[Tensor, ""]'
    config = api.find("planrl", "TrainConfig")
    assert config.signature[:3] == [
        ("*", "", ""),
        ("steps", "int | None", "None"),
        ("lr", "float", "0.01"),
    ]


def test_no_signature_tells_where_it_was_built():
    import api

    for module in MODULES:
        for entry in api.entries(module):
            assert str(ROOT) not in f"{entry.signature} {entry.returns}"


def test_docstrings_are_read_as_prose_formulas_and_examples():
    import api

    text = "One line\nof prose.\n\n    a formula\n      goes on\n\n>>> 1 + 1\n2"
    assert list(api.blocks(text)) == [
        ("text", "One line of prose."),
        ("code", "a formula\n  goes on"),
        ("example", ">>> 1 + 1\n2"),
    ]
    assert api._INLINE.findall("a *b c* d f* g*h `i`") == [("", "b c"), ("i", "")]


@pytest.mark.book
def test_every_name_has_its_anchor_on_the_page(built):
    ids = by_id(built / "book/api.html").keys()
    for module in MODULES:
        assert module in ids
        assert {name for name, _ in offered(module)} - ids == set()
    assert "planrl.losses.Loss" in ids
    assert not page_soup("book/api").select(".system-message, .problematic")


@pytest.mark.book
def test_the_search_and_the_index_know_the_names(built):
    assert "#planrl.losses.sft" in (built / "genindex.html").read_text("utf-8")
    index = (built / "searchindex.js").read_text("utf-8")
    assert '"policy_gradient"' in index


@pytest.mark.book
def test_every_function_named_under_a_theorem_is_on_the_page(built):
    ids = by_id(built / "book/api.html")
    for script in sorted((ROOT / "book").glob("[0-9]*.py")):
        html = (built / "book" / f"{script.stem}.html").read_text("utf-8")
        for name in re.findall(r'href="api\.html#([^"]+)"', html):
            assert name in ids, f"{script.stem}: {name}"


def test_a_name_that_a_module_does_not_have_is_refused():
    import api

    with pytest.raises(LookupError, match="has no nothing"):
        api.find("planrl", "nothing")
