"""The dictionary: every letter of a formula explains itself, on hover, by touch and in a list."""

from __future__ import annotations

import re

import pytest
from built_site import DOCUMENTS

CHAPTERS = [name for name in DOCUMENTS if re.search(r"/\d\d_", name)]


@pytest.fixture(scope="module")
def dictionary():
    import dictionary

    return dictionary


def test_words_are_complete_and_each_letter_has_one_meaning_a_page(dictionary):
    for word in dictionary.words():
        assert word["meaning"], word["term"]
        assert not word["meaning"].endswith("."), word["term"]
        assert any(word.get(place) for place in dictionary.PLACES), word["term"]
    for page in CHAPTERS:
        found = [
            (word["glyph"], word.get("before", ""))
            for word in dictionary.meanings(page)
            if "pages" not in word
        ]
        assert len(found) == len(set(found)), page


def test_letters_are_those_a_formula_shows(dictionary):
    assert dictionary.letters(r"A[j, k]") == {"A", "j", "k"}
    assert dictionary.letters(r"\mathrm{KL}(U_C \,\|\, q) \tag{5.1}") == {"U", "C", "q"}
    assert dictionary.letters(r"\tfrac{\eta^2}{2} \text{ and so on}") == {"η"}


def test_the_papers_letters_stand_with_their_index_below(dictionary):
    shown = dictionary.lowered("k, u_{m+1}, then N_ij")
    assert [(node.tagname, node.astext()) for node in shown if node.astext()] == [
        ("#text", "k, u"), ("subscript", "m+1"), ("#text", ", then N"), ("subscript", "ij"),
    ]  # fmt: skip


def test_a_meaning_written_for_a_page_comes_before_the_books(dictionary):
    for word in dictionary.words():
        for page in word.get("pages", []):
            found = dictionary.used(page, [word["tex"]])
            assert word in found, (word["term"], page)


@pytest.mark.book
@pytest.mark.parametrize("touch", [False, True], ids=["hover", "touch"])
def test_a_letter_says_what_it_means(open_page, origin, touch):
    view = (390, 844, "dark") if touch else (1280, 900, "light")
    visit = open_page(f"{origin}book/01_paths.html", view=view)
    letter = visit.page.locator("article div.math mjx-mi.planrl-symbol").first
    letter.scroll_into_view_if_needed()
    letter.tap() if touch else letter.hover()
    said = visit.page.locator(".planrl-symbol-said")
    assert said.is_visible()
    assert "adjacency" in said.inner_text()
    box = said.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= view[0]
    visit.page.keyboard.press("Escape")
    assert not said.is_visible()
    assert visit.errors == []


@pytest.mark.book
@pytest.mark.parametrize("name", CHAPTERS, ids=lambda name: name.rsplit("/", 1)[-1])
def test_every_letter_of_a_chapters_formulas_is_explained(name, open_page, origin):
    visit = open_page(f"{origin}{name}.html", name=name)
    visit.page.wait_for_timeout(300)
    silent = visit.page.evaluate(  # upright letters, as those of END or KL, are words
        """() => [...document.querySelectorAll('article mjx-mi:not(.planrl-symbol)')]
             .flatMap((e) => [...e.querySelectorAll('mjx-c')].map((c) =>
               parseInt(/mjx-c([0-9A-F]+)/.exec(c.className)[1], 16)))
             .filter((code) => code >= 0x1D400 || code === 0x2113)
             .map((code) => String.fromCodePoint(code).normalize('NFKC'))
             .filter((sign) => /\\p{L}/u.test(sign))"""
    )
    assert sorted(set(silent)) == []
    listed = visit.page.locator("details.planrl-symbols-list dt").count()
    assert listed > 0 or visit.page.locator("article mjx-mi").count() == 0
