"""Formulas are set while the pages are built; what can't be set stops the build."""

import formulas
import pytest
from sphinx.errors import ExtensionError


def test_a_displayed_formula_has_its_number_beside_it():
    made = formulas.mathml(r"a + b \tag{4.1}", display=True)
    assert made.startswith('<math display="block"><mi>a</mi><mo>+</mo><mi>b</mi></math>')
    assert made.endswith('<span class="planrl-tag">(4.1)</span>')
    assert "planrl-tag" not in formulas.mathml(r"a + b", display=True)


def test_a_formula_that_cannot_be_set_is_named():
    with pytest.raises(ExtensionError, match=r"\\unheard\{a\}"):
        formulas.mathml(r"\unheard{a}")


def test_names_of_functions_stand_apart_from_letters_and_close_to_brackets():
    made = formulas.mathml(r"\lambda \log q + \exp(x)")
    assert '<mo lspace="0.1667em" rspace="0.1667em">log</mo><mi>q</mi>' in made
    assert '<mo lspace="0.1667em" rspace="0">exp</mo><mo' in made
    assert "ApplyFunction" not in made
