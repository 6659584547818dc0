"""A link to a lab says a state that the lab has, and leads to the page that holds it."""

import re
from pathlib import Path

import pytest

import planrl as pr
from planrl.labs.catalogue import CATALOGUE, lab_named
from planrl.labs.page.export import lab_of_base
from planrl.labs.page.links import PAGES, LabLink
from planrl.labs.spec.controls import read_state
from planrl.labs.spec.graphs import lab_graphs

BOOK = Path(__file__).resolve().parents[2] / "book"


def test_every_lab_has_a_page_that_shows_it():
    assert set(PAGES) == set(CATALOGUE)
    if not BOOK.exists():
        pytest.skip("the chapters are in the repository only")
    for name, page in PAGES.items():
        shown = re.findall(r'lab\("([\w-]+)"', (BOOK / f"{page}.py").read_text("utf-8"))
        assert name in shown


def test_on_a_page_it_is_a_link_in_a_notebook_a_call(monkeypatch):
    link = LabLink("policy-gradient", "model=transformer&kl=1", "diversity kept")
    assert (
        "lab(&#x27;policy-gradient&#x27;, &#x27;model=transformer&amp;kl=1&#x27;)"
        in link._repr_html_()
    )
    monkeypatch.setenv("PLANRL_STATIC", "1")
    address = (
        "05_collapse.html?lab=policy-gradient&amp;model=transformer&amp;kl=1#lab-policy-gradient"
    )
    assert f'href="{address}"' in link._repr_html_()


@pytest.mark.parametrize(
    ("name", "settings"),
    [("policy-gradient", "kl=7"), ("policy-gradient", "lambda=1"), ("nowhere", "")],
)
def test_a_state_that_no_lab_has_is_refused(name, settings):
    with pytest.raises(pr.InputError):
        LabLink(name, settings, "x")


@pytest.mark.parametrize("graph", lab_graphs())
def test_on_each_graph_a_lab_starts_a_transformer_from_the_base_that_pages_load(graph):
    lab = lab_named(lab_of_base(graph))
    state = read_state(lab.controls, f"graph={graph}&model=transformer", lab.most_edges, lab.name)
    assert (state.values["graph"], state.values["model"]) == (graph, "transformer")
    assert any(learner.start == "base" for learner in lab.learners)
