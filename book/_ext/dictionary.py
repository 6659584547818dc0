"""The book's words: the page that lists them, and what a formula's letters say on each page.

A page gets a closed list of its symbols below its opening, and the same as data, from which
`planrl.js` gives every letter of a formula its meaning on hover.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

FILE = Path(__file__).with_name("dictionary.toml")
GREEK = {
    "eta": "η",
    "lambda": "λ",
    "varepsilon": "ε",
    "epsilon": "ε",
    "gamma": "γ",
    "pi": "π",
    "tau": "τ",
    "alpha": "α",
    "beta": "β",
    "theta": "θ",
    "sigma": "σ",
    "delta": "δ",
    "mu": "μ",
    "rho": "ρ",
    "phi": "φ",
    "psi": "ψ",
    "omega": "ω",
    "kappa": "κ",
    "ell": "ℓ",
    "Delta": "Δ",
}
# Words in upright letters are not symbols; neither are labels and environments.
_WORDS = re.compile(
    r"\\(?:text|mathrm|operatorname|mathbb|texttt|mathbf|tag|label|begin|end|quad|qquad)\*?"
    r"\s*\{[^{}]*\}"
)
_LETTER = re.compile(r"\\([A-Za-z]+)|([A-Za-z])")


def words() -> list[dict[str, Any]]:
    """Every entry of the dictionary, in its order."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))["word"]


def letters(tex: str) -> set[str]:
    """The letters a formula shows: 'A', 'λ', ...; words in upright type are left out."""
    text = _WORDS.sub(" ", tex)
    found = set()
    for command, letter in _LETTER.findall(text):
        if letter:
            found.add(letter)
        elif command in GREEK:
            found.add(GREEK[command])
    return found


def meanings(page: str) -> list[dict[str, Any]]:
    """The entries with a letter that hold on a page, those written for it first."""
    name = page.rsplit("/", 1)[-1]
    fitting = [
        word
        for word in words()
        if "glyph" in word and name in word.get("pages", [name])
    ]
    return sorted(fitting, key=lambda word: "pages" not in word)


def used(page: str, formulas: list[str]) -> list[dict[str, Any]]:
    """The entries for the letters of these formulas and of the entries' own, each once."""
    found = _used(page, formulas)
    more = _used(page, [*formulas, *(word["tex"] for word in found)])
    return (
        more
        if len(more) == len(found)
        else used(page, [word["tex"] for word in more])
    )


def _used(page: str, formulas: list[str]) -> list[dict[str, Any]]:
    shown = set().union(*map(letters, formulas)) if formulas else set()
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for word in meanings(page):
        before = word.get("before", "")
        if word["glyph"] not in shown:
            continue
        if before and not any(
            re.search(re.escape(word["glyph"] + before), tex.replace(" ", ""))
            for tex in formulas
        ):
            continue
        found.setdefault((word["glyph"], before), word)
    return sorted(
        found.values(), key=lambda word: (word["glyph"].lower(), word["glyph"])
    )


def add_symbols(app: Sphinx, doctree: nodes.document) -> None:
    """List a chapter's symbols, closed, below its opening paragraph."""
    page = app.env.docname
    if not re.search(r"/\d\d_", page):
        return
    formulas = [
        node.astext()
        for kind in (nodes.math, nodes.math_block)
        for node in doctree.findall(kind)
    ]
    shown = used(page, formulas)
    section = next(doctree.findall(nodes.section), None)
    if not shown or section is None:
        return
    listed = nodes.definition_list(classes=["planrl-symbols"])
    for word in shown:
        term = nodes.term("", "", nodes.math(word["tex"], word["tex"]))
        said = nodes.paragraph("", f"{word['term']}: {word['meaning']}. ")
        if word.get("code"):
            said += nodes.literal(word["code"], word["code"])
        body = nodes.definition("", said)
        listed += nodes.definition_list_item("", term, body)
    opening = nodes.raw(
        "",
        '<details class="planrl-symbols-list"><summary>Symbols on this page</summary>',
        format="html",
    )
    place = next(
        (
            k
            for k, child in enumerate(section.children)
            if isinstance(child, nodes.section)
        ),
        len(section.children),
    )
    section.insert(
        place, [opening, listed, nodes.raw("", "</details>", format="html")]
    )
    data = {
        f"{word['glyph']}{word.get('before', '')}": f"{word['term']}: {word['meaning']}"
        for word in shown
    }
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    section += nodes.raw(
        "",
        f'<script type="application/json" class="planrl-symbols-data">{text}</script>',
        format="html",
    )


PLACES = {
    "code": "planrl",
    "paper": "the paper",
    "alpine": "ALPINE",
    "trl": "TRL",
    "verl": "verl",
}


def lowered(text: str) -> list[nodes.Node]:
    """Text with `u_m` and `N_{ijk}` as letters with an index below."""
    found: list[nodes.Node] = []
    for place, part in enumerate(re.split(r"_(\{[^}]*\}|\w+)", text)):
        index = place % 2
        found.append(
            nodes.subscript("", part.strip("{}")) if index else nodes.Text(part)
        )
    return found


class Dictionary(Directive):
    """The whole dictionary: what each word means, and what it is called elsewhere."""

    def run(self) -> list[nodes.Node]:
        """A list for each group of words; below a meaning stand its names elsewhere."""
        found: list[nodes.Node] = []
        for word in words():
            if "group" in word:
                found.append(nodes.rubric("", word["group"]))
                found.append(nodes.definition_list(classes=["planrl-dictionary"]))
            if "pages" not in word:
                found[-1] += self.item(word)
        return found

    @staticmethod
    def item(word: dict[str, Any]) -> nodes.definition_list_item:
        """One word of the list."""
        term = nodes.term("", "", nodes.strong("", word["term"]))
        if word.get("tex"):
            term += [nodes.Text(" "), nodes.math(word["tex"], word["tex"])]
        said = nodes.paragraph("", f"{word['meaning']}.")
        names = nodes.paragraph(classes=["planrl-names"])
        for key, place in PLACES.items():
            text = word.get(key, "")
            if not text:
                continue
            code = key == "code" or (key in ("trl", "verl") and " " not in text)
            shown: list[nodes.Node] = [
                nodes.literal(text, text) if code else nodes.Text(text)
            ]
            if key in ("paper", "alpine"):
                shown = lowered(text)
            names += [
                nodes.inline("", place, classes=["planrl-place"]),
                nodes.Text(" "),
                *shown,
                nodes.Text("  "),
            ]
        return nodes.definition_list_item(
            "", term, nodes.definition("", said, names)
        )
