"""The book's own Sphinx extension: offline pages, plotly figures, styled blockquotes.

It reads the repository's address from pyproject.toml, runs the chapters against this checkout,
and leaves nothing in a page that is fetched from another server.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import api
import chapters
import cheat_sheet
import dictionary
import figures
import formulas
import live
import myst_nb.core.render
import pairs
import policy
import shell
from docutils import nodes
from myst_nb.core.render import MimeData, MimeRenderPlugin, NbElementRenderer
from sphinx.application import Sphinx
from sphinx.config import Config

from planrl.figures.style import ON_DARK

PLOTLY = "application/vnd.plotly.v1+json"

# What a blockquote begins with, and the look it gets.
CARDS = {
    "theorem": (
        "Theorem",
        "Lemma",
        "Proposition",
        "Corollary",
        "Assumption",
        "Definition",
    ),
    "exercise": ("Exercise",),
    "check": ("Check",),
    "finding": ("Finding",),
}

# A script of this type is run when a reader comes near to what it draws (planrl.js). Compiling plotly
# takes most of a second, in which the first picture could not move.
LATER = "planrl/later"

# Scripts about a remote kernel, and for a menu of versions; here are neither.
UNUSED = ("THEBE", "DOCUMENTATION_OPTIONS.pagename")


class PlotlyFigure(MimeRenderPlugin):
    """Renders plotly's MIME type; a figure a reader could not use is a warning."""

    mime_priority_overrides = (("html", PLOTLY, 1),)

    @staticmethod
    def handle_mime(
        renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Return the figure as one raw HTML node, or None for another MIME type."""
        if inline or data.mime_type != PLOTLY:
            return None
        content: Any = data.content
        figure = (
            json.loads(content) if isinstance(content, str | bytes) else content
        )
        for problem in figures.problems(figure):
            renderer.logger.warning(
                f"plotly figure: {problem}", subtype="figure", line=data.line
            )
        html = figures.render(
            figure, f"figure-{data.cell_index}-{data.output_index}"
        )
        return [nodes.raw(text=html, format="html", classes=["output"])]


def set_repository(app: Sphinx, config: Config) -> None:
    """Give the theme the address for its buttons, and the logo, which go together."""
    config.html_theme_options |= {
        "repository_url": pairs.repository_url(Path(app.srcdir)),
        "repository_branch": "main",
        "path_to_docs": "",
        "use_repository_button": True,
        "logo": {
            "text": "planrl",
            "image_light": "book/_static/favicon.svg",
            "image_dark": "book/_static/favicon.svg",
        },
    }


def prepare_kernels(app: Sphinx) -> None:
    """Make the chapters import this checkout, and draw for a page without a kernel."""
    os.environ.update(chapters.settings(Path(app.srcdir)))


def copy_scripts(app: Sphinx) -> None:
    """Put plotly's script, the shared template and what labs load beside the pages."""
    target = Path(app.outdir) / "_static"
    target.mkdir(parents=True, exist_ok=True)
    source = live.plotly(figures.plotly_data() / "plotly.min.js")
    copy = target / "plotly.min.js"
    if not copy.exists() or copy.stat().st_size != source.stat().st_size:
        shutil.copyfile(source, copy)
    text = f"window.planrlPlotlyTemplate = {json.dumps(figures.template())};\n"
    text += f"window.planrlDarkColours = {json.dumps(ON_DARK)};\n"
    (target / "plotly-template.js").write_text(text, encoding="utf-8")
    live.copy_to(target)


def name_folds(app: Sphinx, doctree: nodes.document) -> None:
    """Say what a folded cell holds: the code of what stands below it, or checks of the text."""
    for cell in doctree.findall(nodes.container):
        if "prompt_show" not in cell:
            continue
        shown = any(
            "cell_output" in child.get("classes", []) for child in cell.children
        )
        checks = not shown and re.search(
            r"^\s*assert\b", cell.astext(), re.MULTILINE
        )
        for word in ("show", "hide"):
            cell[f"prompt_{word}"] = (
                f"{word.capitalize()} the {'checks of this text' if checks else 'code'}"
            )


def mark_cards(app: Sphinx, doctree: nodes.document) -> None:
    """Give blockquotes that open with a bold **Theorem ...** and the like a class for the CSS."""
    kinds = {word: kind for kind, words in CARDS.items() for word in words}
    opening = re.compile(rf"({'|'.join(kinds)})\b")
    for quote in doctree.findall(nodes.block_quote):
        paragraph = next(quote.findall(nodes.paragraph), nodes.paragraph())
        head = next((child for child in paragraph.children if child.astext()), None)
        match = (
            opening.match(head.astext()) if isinstance(head, nodes.strong) else None
        )
        if match:
            quote["classes"] += ["planrl-card", f"planrl-card-{kinds[match[1]]}"]


def name_formulas(app: Sphinx, doctree: nodes.document) -> None:
    r"""Give a displayed formula with ``\tag{4.1}`` the anchor ``formula-4-1``."""
    for formula in doctree.findall(nodes.math_block):
        for tag in re.findall(r"\\tag\*?\{([^{}]+)\}", formula.astext()):
            name = f"formula-{tag.strip().replace('.', '-')}"
            if name not in formula["ids"]:
                formula["ids"].append(name)


def drop_live_code(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Remove the settings of a remote kernel, which Jupyter Book adds to every page."""
    for raw in list(doctree.findall(nodes.raw)):
        text = raw.astext()
        if "text/x-thebe-config" in text or text.startswith("<script>kernelName ="):
            raw.parent.remove(raw)


def _body(script: Any) -> str:
    """Return the text of a script that Sphinx would write into the page."""
    return f"{getattr(script, 'attributes', {}).get('body', '')}"


def add_to_head(context: dict[str, Any], element: str) -> None:
    """Put an element into the head of a page."""
    context["metatags"] = f"{context.get('metatags') or ''}{element}\n"


def choose_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Drop scripts that nothing here uses; load those of figures, labs and the first picture."""
    context["script_files"][:] = [  # in place: Sphinx adds to this very list below
        script
        for script in context["script_files"]
        if "thebe" not in f"{getattr(script, 'filename', '')}".lower()
        and not any(word in _body(script) for word in UNUSED)
    ]
    body = context.get("body") or ""
    if "<math" in body:
        add_to_head(
            context,
            formulas.preload(context["pathto"](f"_static/{formulas.FONT}", 1)),
        )
    when = {"loading_method": "defer"}
    plays = 'class="planrl-player' in body
    if plays:
        app.add_css_file("live/graph-view.css", priority=901)
    if 'class="planrl-player planrl-hero"' in body:
        for script in live.PLAYER:  # they wait for no other script
            app.add_js_file(f"live/{script}", loading_method="async", priority=1)
        when = {"type": LATER}
    elif plays:
        for script in live.PLAYER:
            app.add_js_file(f"live/{script}", **when)
    if 'class="planrl-explain"' in body:
        app.add_js_file("explain.js", loading_method="defer")
    lab = 'class="planrl-lab"' in body
    loaded = live.PLAYER if plays else ()
    if lab or 'class="plotly-figure"' in body:
        scripts = [
            "plotly.min.js",
            "plotly-template.js",
            "live/theme.js",
            "plotly-figures.js",
        ]
        wanted = [script for script in live.SCRIPTS if script not in loaded]
        scripts += [f"live/{script}" for script in wanted] if lab else []
        for script in scripts:
            app.add_js_file(script, **when)
        if lab:
            app.add_css_file("live/lab.css", priority=901)
            app.add_css_file("live/graph-view.css", priority=901)
        sheet = context["pathto"]("_static/no-script.css", 1)
        add_to_head(
            context,
            f'<noscript><link rel="stylesheet" href="{sheet}" /></noscript>',
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the functions above to Sphinx's events."""
    # The official way to register a renderer is an entry point of an installed package; the
    # renderer belongs to the book, and the library should not depend on Sphinx for it.
    myst_nb.core.render.load_mime_renders = lambda: [PlotlyFigure]
    app.add_css_file("planrl.css", priority=900)
    app.add_js_file("planrl.js", loading_method="defer")
    app.connect("config-inited", set_repository)
    app.connect("builder-inited", prepare_kernels)
    app.connect("builder-inited", copy_scripts)
    app.add_directive("dictionary", dictionary.Dictionary)
    app.add_directive("cheat-sheet", cheat_sheet.CheatSheet)
    app.add_directive("explain", cheat_sheet.Explain)
    app.connect("doctree-read", mark_cards)
    app.connect("doctree-read", name_folds)
    app.connect("doctree-read", dictionary.add_symbols)
    app.connect("doctree-read", name_formulas)
    app.connect("doctree-resolved", drop_live_code, priority=900)
    app.connect("html-page-context", choose_scripts, priority=900)
    api.setup(app)
    formulas.setup(app)
    shell.setup(app)
    policy.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
