"""The built book on paper: ``python book/_ext/paper.py`` prints it to ``_build/planrl.pdf``.

All pages are put into one document, in the order of the table of contents, and a browser prints
it: links between pages work within the file, and its outline lists the headings. ``card`` as an
argument draws the picture of shared links, ``book/_static/card.png``, from ``card.html``;
``picture`` draws the one that README opens with, ``book/_static/one-picture.png``.
"""

from __future__ import annotations

import functools
import http.server
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urldefrag, urljoin

import pairs
import shell
import yaml
from bs4 import BeautifulSoup, Tag

ROOT = pairs.ROOT
HERE = Path(__file__).parent
HTML = ROOT / "_build" / "html"
PDF = ROOT / "_build" / "planrl.pdf"
PICTURE = ROOT / "book" / "_static" / "one-picture.png"
SHEET = "book/_sheet.html"  # the address of the one document; it is never written
WIDTH = 680  # pixels between the margins of an A4 sheet
MARGINS = {"top": "16mm", "bottom": "18mm", "left": "15mm", "right": "15mm"}
# Attributes that name ids of the same page.
POINTING = (
    "for",
    "aria-labelledby",
    "aria-describedby",
    "aria-controls",
    "headers",
)
# What a reader of paper can't press: shown, or left out where it only draws.
READY = """async () => {
  document.querySelectorAll('details').forEach((d) => { d.open = true; });
  await document.fonts.ready;
  const drawn = () => [...document.querySelectorAll('.plotly-plot')].every(
    (p) => !p.clientWidth || p.querySelector('.main-svg'));
  for (let y = 0; !drawn() || y < document.body.scrollHeight; y += 700) {
    scrollTo(0, y % document.body.scrollHeight);
    await new Promise((go) => setTimeout(go, 20));
  }
  document.querySelectorAll('.plotly-reveal').forEach((b) => b.click());
}"""


def find_chromium() -> str | None:
    """Return the first Chromium or Chrome on this machine; CHROMIUM names another."""
    names = (
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    )
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, names)]
    found.append("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    return next((path for path in found if path and Path(path).exists()), None)


def documents() -> list[str]:
    """Return the names of the pages, in their order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [
        toc["root"],
        *(c["file"] for part in toc["parts"] for c in part["chapters"]),
    ]


def anchor(name: str, fragment: str = "") -> str:
    """Return the id in the one document of an id (or the beginning) of a page."""
    return f"{Path(name).name}--{fragment}" if fragment else Path(name).name


def article(name: str, page: BeautifulSoup, known: set[str], base: str) -> Tag:
    """Return a page's text, ready to stand among the others."""
    text = page.select_one("article.bd-article")
    assert text is not None, f"{name} has no article"
    for cell in text.select("details.hide, .headerlink, noscript"):
        cell.decompose()  # code that only draws, and what only a screen needs
    for element in text.find_all(True):
        if element.get("id"):
            element["id"] = anchor(name, element["id"])
        for attribute in POINTING:
            if element.get(attribute):
                ids = element[attribute]
                words = ids.split() if isinstance(ids, str) else ids
                element[attribute] = " ".join(anchor(name, one) for one in words)
        if element.name == "input" and element.get("name"):
            element["name"] = anchor(name, element["name"])
    for link in text.find_all("a", href=True):
        link["href"] = address(link["href"], name, known, base)
        if not link["href"]:
            link.unwrap()
    text["id"] = anchor(name)
    return text


def address(href: str, name: str, known: set[str], base: str) -> str:
    """Return where a link of a page leads on paper; '' where it leads nowhere."""
    if re.match(r"[a-z]+:", href):
        return "" if href.startswith("data:") else href
    target, fragment = urldefrag(href)
    path = urljoin(f"{name}.html", target) if target else f"{name}.html"
    page = path.removesuffix(".html")
    if page in known:
        return f"#{anchor(page, fragment)}"
    return urljoin(base, path) if base else ""


def sheet(html: Path = HTML) -> str:
    """Return the whole book as one document."""
    names = documents()
    pages = {
        name: BeautifulSoup(
            (html / f"{name}.html").read_text(encoding="utf-8"), "html.parser"
        )
        for name in names
    }
    head: dict[
        str, str
    ] = {}  # every stylesheet and script once, in the order of first use
    for page in pages.values():
        for element in page.select(
            "head link[rel=stylesheet], head script, body > script"
        ):
            source = element.get("src") or element.get("href")
            key = f"{source or element.get_text()}"
            if "search" not in key.lower() and "bootstrap" not in key:
                head.setdefault(key, str(element))
    base = shell.site_url(ROOT)
    articles = [article(name, pages[name], set(names), base) for name in names]
    contents = "".join(
        f'<li><a href="#{anchor(name)}">{escape(heading(text))}</a></li>'
        for name, text in zip(names, articles, strict=True)
    )
    version = re.search(
        r'"(.*?)"',
        (ROOT / "planrl/__init__.py").read_text().split("__version__")[1],
    )
    template = Template(HERE.joinpath("sheet.html").read_text(encoding="utf-8"))
    return template.substitute(
        head="".join(head.values()),
        version=version[1] if version else "",
        repository=escape(pairs.repository_url()),
        contents=contents,
        articles="".join(map(str, articles)),
    )


def heading(text: Tag) -> str:
    """Return an article's title."""
    title = text.find("h1")
    return " ".join(title.get_text().split()) if title else ""


@contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        raise SystemExit(
            "Chromium was not found: install it, or set CHROMIUM to its path."
        )
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path,
            args=["--headless", "--no-sandbox", "--disable-gpu"],
        )
        yield started
        started.close()


@contextmanager
def served(html: Path) -> Iterator[str]:
    """The built pages at an address of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def print_book(target: Path = PDF, html: Path = HTML) -> int:
    """Print the book, and return the number of pages."""
    text = sheet(html)
    with served(html) as origin, browser() as chromium:
        page = chromium.new_page(
            viewport={"width": WIDTH, "height": 960}, color_scheme="light"
        )
        page.set_default_timeout(300_000)
        page.route(
            f"{origin}{SHEET}",
            lambda r: r.fulfill(body=text, content_type="text/html"),
        )
        page.goto(f"{origin}{SHEET}", wait_until="load")
        page.evaluate(READY)
        page.emulate_media(media="print")
        page.pdf(
            path=target,
            format="A4",
            margin=MARGINS,
            print_background=True,
            outline=True,
            tagged=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=HERE.joinpath("sheet-number.html").read_text("utf-8"),
        )
    return len(re.findall(rb"/Type\s*/Page\b", target.read_bytes()))


def draw_card() -> None:
    """Draw the picture of shared links."""
    text = (ROOT / "book/_ext/card.html").read_text(encoding="utf-8")
    logo = (ROOT / "book/_static/favicon.svg").read_text(encoding="utf-8")
    width, height = shell.CARD_SIZE
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.set_content(f'{text}{logo}<div class="line"></div>')
        page.screenshot(path=ROOT / "book/_static/card.png")


def draw_picture(target: Path = PICTURE, html: Path = HTML) -> None:
    """Draw the picture of README: the first figure of the built book's first page."""
    with served(html) as origin, browser() as chromium:
        page = chromium.new_page(
            viewport={"width": 1280, "height": 900},
            device_scale_factor=1.5,
            color_scheme="light",
        )
        page.goto(f"{origin}book/00_welcome.html", wait_until="load")
        figure = page.locator("figure.plotly-figure").first
        figure.scroll_into_view_if_needed()
        figure.locator(".main-svg").first.wait_for()
        page.add_style_tag(
            content=".modebar, .plotly-controls { display: none !important }"
        )
        figure.screenshot(path=target, animations="disabled")


def main(arguments: list[str]) -> int:
    """Print the book, or draw one of the pictures that are kept."""
    if arguments == ["card"]:
        draw_card()
        return 0
    if not (HTML / "index.html").exists():
        print("There is no book yet: make book", file=sys.stderr)
        return 1
    if arguments == ["picture"]:
        draw_picture()
        print(
            f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size / 1000:.0f} kB"
        )
        return 0
    began = time.monotonic()
    count = print_book()
    size = PDF.stat().st_size / 1e6
    print(
        f"{PDF.relative_to(ROOT)}: {count} pages, {size:.1f} MB, {time.monotonic() - began:.0f} s"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
