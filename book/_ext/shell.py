"""What stands around every page: how it is shared, found, cited, and how light it is.

The site's address is optional. It stands in pyproject.toml, as ``Documentation`` below
``[project.urls]``; with it, pages say where they live (canonical links, full addresses in the
tags for sharing) and a sitemap is written. Without it everything is relative.
"""

from __future__ import annotations

import base64
import itertools
import re
import shutil
import tomllib
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from xml.sax.saxutils import escape as escape_xml

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

CARD = "_static/card.png"
CARD_SIZE = (1200, 630)
LONGEST = 200  # characters of a description
# What the pages' own scripts and the theme's may show besides what the pages hold.
ICONS = {"xmark", "sun", "moon", "circle-half-stroke", "bars", "list"}
_ICON = re.compile(
    r'(?:"[\w-]+"|[\w$]+):\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?'
)
_FILE = re.compile(
    r'download="([\w.-]+)" href="(data:(?:text/csv|image/svg\+xml);base64,([^"]+))"'
)
_STILL = re.compile(
    r'(<noscript><div class="plotly-still">(?:(?!</noscript>).)*?)'
    r'(<svg [^>]*aria-label="([^"]*)".*?</svg>)',
    re.DOTALL,
)


def site_url(root: Path) -> str:
    """Return the site's address with a slash at its end, or '' where none is set."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    url = project["urls"].get("Documentation", "").strip()
    return f"{url.rstrip('/')}/" if url else ""


def set_address(app: Sphinx, config: Config) -> None:
    """Give Sphinx the site's address, from which it makes the canonical links."""
    config.html_baseurl = site_url(Path(app.srcdir))


def first_paragraph(doctree: nodes.document | None) -> str:
    """Return a page's first paragraph of prose as plain text, shortened at a word."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        text = " ".join(paragraph.astext().split())
        if len(text) > 40 and not isinstance(paragraph.parent, nodes.list_item):
            return (
                text
                if len(text) <= LONGEST
                else f"{text[:LONGEST].rsplit(' ', 1)[0]} ..."
            )
    return ""


def tags(title: str, description: str, *, page: str, card: str, base: str) -> str:
    """Return the tags that say what a link to this page looks like elsewhere.

    `page` and `card` are addresses below `base`; without a base, `card` is as the page sees it.
    """
    said = {
        "og:type": "article",
        "og:site_name": "planrl",
        "og:title": title,
        "og:description": description,
        "og:image": urljoin(base, card),
        "og:image:width": f"{CARD_SIZE[0]}",
        "og:image:height": f"{CARD_SIZE[1]}",
        "og:image:alt": "planrl: what does reward teach a model that plans?",
    }
    if base:
        said["og:url"] = urljoin(base, page)
    lines = [
        f'<meta property="{name}" content="{escape(text)}" />'
        for name, text in said.items()
        if text
    ]
    lines.append('<meta name="twitter:card" content="summary_large_image" />')
    if description:
        lines.append(f'<meta name="description" content="{escape(description)}" />')
    return "\n".join(lines) + "\n"


def sitemap(base: str, pages: list[str]) -> str:
    """Return sitemap.xml for these pages."""
    rows = "".join(
        f"  <url><loc>{escape_xml(urljoin(base, page))}</loc></url>\n"
        for page in pages
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{rows}</urlset>\n'
    )


def bibtex(citation: dict[str, Any]) -> str:
    """Return the entries for planrl and for the paper, from what CITATION.cff says."""
    paper = citation["references"][0]
    people = " and ".join(
        f"{a['family-names']}, {a['given-names']}" for a in paper["authors"]
    )
    number = paper["identifiers"][0]["value"].removeprefix("arXiv:")
    ours = {
        "title": f"{{{citation['title']}}}",
        "author": f"{{{citation['authors'][0]['name']}}}",
        "year": f"{citation['date-released']}"[:4],
        "version": citation["version"],
        "url": citation["repository-code"],
    }
    theirs = {
        "title": f"{{{paper['title']}}}",
        "author": people,
        "year": f"{paper['year']}",
        "eprint": number,
        "archivePrefix": "arXiv",
    }
    entries = []
    for key, fields in (("planrl", ours), (f"wang{paper['year']}benefits", theirs)):
        rows = ",\n".join(
            f"  {name} = {{{value}}}" for name, value in fields.items()
        )
        kind = "software" if key == "planrl" else "misc"
        entries.append(f"@{kind}{{{key},\n{rows}\n}}")
    return "\n\n".join(entries)


def footer(root: Path, static: str) -> str:
    """Return the footer: the licence, and how to cite; `static` leads to _static."""
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    entries = escape(bibtex(citation))
    return (
        f'<p class="planrl-licence">Text and code: <a href="{static}LICENSE.txt">MIT licence</a></p>'
        '<details class="planrl-cite"><summary>Cite this</summary>'
        f'<div class="highlight"><pre id="planrl-bibtex" tabindex="0">{entries}</pre></div>'
        f'<p><a href="{static}CITATION.cff" download>CITATION.cff</a> for reference managers</p>'
        "</details>"
    )


def dress(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Add tags and footer to a page, and put its files beside it."""
    static = context["pathto"]("_static/", 1)
    base = app.config.html_baseurl or ""
    card = CARD if base else f"{static}{Path(CARD).name}"
    title = re.sub(r"<[^>]*>", "", f"{context.get('title') or 'planrl'}")
    made = tags(
        title, first_paragraph(doctree), page=f"{page}.html", card=card, base=base
    )
    context["metatags"] = f"{context.get('metatags') or ''}{made}"
    context["theme_extra_footer"] = footer(Path(app.srcdir), static)
    if context.get("body"):
        context["body"] = apart(context["body"], page, Path(app.outdir), static)


def apart(body: str, page: str, out: Path, static: str) -> str:
    """Write the files that a page holds into files of their own, and link these.

    In a notebook a file has to be in the link itself; in the book it would be loaded by everyone
    and wanted by few. A picture that is shown beside its link is the same file.
    """
    folder = Path(page).name
    for name, data, encoded in _FILE.findall(body):
        path = out / "_static" / "data" / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(encoded))
        body = body.replace(f'"{data}"', f'"{static}data/{folder}/{name}"')
    return _still_apart(body, folder, out, static)


def _still_apart(body: str, folder: str, out: Path, static: str) -> str:
    """Write the pictures for browsers without scripts into files: others need not load them."""
    count = itertools.count(1)

    def link(match: re.Match[str]) -> str:
        name = f"still-{next(count)}.svg"
        path = out / "_static" / "data" / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(match[2], encoding="utf-8")
        return (
            f'{match[1]}<img src="{static}data/{folder}/{name}" alt="{match[3]}" />'
        )

    return _STILL.sub(link, body)


def lighten(icons: str, used: set[str]) -> str:
    """Return the theme's icon script with the used icons only, of its two thousand."""

    def keep(match: re.Match[str]) -> str:
        names = {
            match[0].split(":", 1)[0].strip('"'),
            *re.findall(r'"([\w-]+)"', match[1]),
        }
        return match[0] if names & used else ""

    return re.sub(r",\}", "}", _ICON.sub(keep, icons))


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Write what belongs to the whole site: licence, citation, sitemap, a light icon script."""
    if exception or app.builder.format != "html":
        return
    out, root = Path(app.outdir), Path(app.srcdir)
    # GitHub Pages would leave out folders whose names begin with an underscore, such as _static.
    (out / ".nojekyll").touch()
    shutil.copyfile(root / "LICENSE", out / "_static" / "LICENSE.txt")
    shutil.copyfile(root / "CITATION.cff", out / "_static" / "CITATION.cff")
    pages = [page for page in out.rglob("*.html") if "_static" not in page.parts]
    names = {
        name
        for page in pages
        for name in re.findall(r"\bfa-([a-z0-9-]+)", page.read_text("utf-8"))
    }
    script = out / "_static" / "scripts" / "fontawesome.js"
    script.write_text(
        lighten(script.read_text("utf-8"), names | ICONS), encoding="utf-8"
    )
    script.with_suffix(".js.map").unlink(missing_ok=True)
    if base := app.config.html_baseurl:
        listed = sorted(app.env.found_docs)
        text = sitemap(base, [f"{name}.html" for name in listed])
        (out / "sitemap.xml").write_text(text, encoding="utf-8")
        told = f"User-agent: *\nAllow: /\nSitemap: {urljoin(base, 'sitemap.xml')}\n"
        (out / "robots.txt").write_text(told, encoding="utf-8")


# The theme learns whether the reader wants it dark only when the page is painted already, and text
# moves as its borders come; this says so before.
EARLY = (
    "(({ dataset }) => { if (dataset.theme === 'auto') dataset.theme = "
    "matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'; })"
    "(document.documentElement);"
)


def setup(app: Sphinx) -> None:
    """Connect the functions above to Sphinx's events."""
    app.add_js_file(None, body=EARLY, priority=1)
    app.connect("config-inited", set_address)
    app.connect("html-page-context", dress, priority=950)
    app.connect("build-finished", finish, priority=900)
