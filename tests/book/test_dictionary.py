"""The dictionary: what the letters of formulas mean. Pages say it in test_pages.py and test_site.py."""

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
        ("#text", "k, u"),
        ("subscript", "m+1"),
        ("#text", ", then N"),
        ("subscript", "ij"),
    ]


def test_a_meaning_written_for_a_page_comes_before_the_books(dictionary):
    for word in dictionary.words():
        for page in word.get("pages", []):
            found = dictionary.used(page, [word["tex"]])
            assert word in found, (word["term"], page)
