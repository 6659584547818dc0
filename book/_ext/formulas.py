"""Formulas as MathML, set while the pages are built.

No script sets them, so that nothing moves when they come, and they are there without scripts. docutils
reads the LaTeX; a formula that it can't read stops the build. `book/_vendor/mathematics` is their font.
"""

from __future__ import annotations

import re
from html import escape

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.writers.html5 import HTML5Translator

FONT = "mathematics/mathematics.woff2"
_SPACE = ' xmlns="http://www.w3.org/1998/Math/MathML"'  # which HTML knows
# A function that is called by its name, as log, and whether a bracket follows.
_NAMED = re.compile(
    r"<mi[^<>]*>(\w\w+)</mi><mo>&ApplyFunction;</mo>(?=(<mo[^<>]*>\()?)"
)
_TAG = re.compile(r"\\tag\*?\{([^{}]+)\}")


def mathml(tex: str, *, display: bool = False) -> str:
    r"""Return LaTeX as MathML, and the number that a displayed formula has by ``\tag``."""
    number = _TAG.search(tex)
    try:
        formula = tex2mathml(_TAG.sub("", tex).strip(), as_block=display)
    except MathError as error:
        raise ExtensionError(f"the formula {tex!r} can't be set: {error}") from None
    formula = formula.replace(_SPACE, "").replace(
        "\u02c9", "\u00af"
    )  # a bar that fonts have
    formula = re.sub(r">\s+<", "><", formula)
    formula = _NAMED.sub(_operator, formula)
    told = (
        f'<span class="planrl-tag">({escape(number[1])})</span>' if number else ""
    )
    return formula + told


def _operator(named: re.Match[str]) -> str:
    """Return the name of a function with thin spaces around it, where TeX sets them."""
    after = "0" if named[2] else "0.1667em"
    return f'<mo lspace="0.1667em" rspace="{after}">{named[1]}</mo>'


def preload(font: str) -> str:
    """Return what has a browser ask for the font before it has read the style sheets."""
    return f'<link rel="preload" as="font" type="font/woff2" href="{font}" crossorigin />'


def _inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(self.starttag(node, "span", "", CLASS="math"))
    self.body.append(f"{mathml(node.astext())}</span>")
    raise nodes.SkipNode


def _display(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", "", CLASS="math"))
    self.body.append(f"{mathml(node.astext(), display=True)}</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Make it the renderer that `html_math_renderer` can name."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
