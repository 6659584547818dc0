"""What the tests of built pages share: which pages there are, and how to look at them."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
# What depends on the view is tried in these two, what does not in the full one only.
FULL = (1280, 900, "light")
NARROW = (390, 844, "dark")
VIEWS = [FULL, NARROW]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
DOCUMENTS = [TOC["root"], *(c["file"] for part in TOC["parts"] for c in part["chapters"])]
PAGES = [*DOCUMENTS, "search", "genindex"]

# What a reader sees of a figure: every mark and every word that is drawn, without plotly's ids.
# Empty words are left out: plotly keeps more of them when it draws again.
DRAWN = """(plot) => JSON.stringify([...plot.querySelectorAll('.main-svg *')].filter((e) =>
  !e.matches('text, tspan, .textpoint') || e.textContent.trim()).map((e) => [
  e.getAttribute('d'), e.getAttribute('href') || e.getAttribute('xlink:href'),
  e.getAttribute('transform'), e.getAttribute('style'), e.children.length ? '' : e.textContent]))"""
EVERY_FIGURE = f"() => [...document.querySelectorAll('.plotly-plot')].map({DRAWN})"
MARKS = """(plot) => [...plot.querySelectorAll('.overplot :is(path, image, text)')].filter((e) => {
  const box = e.getBoundingClientRect(); return box.width > 0 || box.height > 0; }).length"""
# Whether every figure that is not folded away is drawn, and as wide as its place.
ALL_DRAWN = """() => [...document.querySelectorAll('.plotly-plot')].every((plot) =>
  !plot.clientWidth ||
  (plot.querySelector('.main-svg') && plot.layout?.width === plot.clientWidth))"""
# Two frames: what is to follow a change has been told of it, and has drawn.
FRAMES = """() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"""
# Counts what changes in the document from now on.
WATCH = """() => { window.changes = 0; window.watcher?.disconnect();
  window.watcher = new MutationObserver((list) => { window.changes += list.length; });
  window.watcher.observe(document, {subtree: true, childList: true, attributes: true,
    characterData: true}); }"""


@contextlib.contextmanager
def served(handler: Callable[..., Any]) -> Iterator[str]:
    """The address of a server on this machine whose requests `handler` answers."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@cache
def soup(path: Path) -> BeautifulSoup:
    """A built page, parsed once; nobody may change it."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def page_soup(name: str) -> BeautifulSoup:
    """The same of a page of the book, by its name in `_toc.yml`."""
    return soup(HTML / f"{name}.html")


@cache
def by_id(path: Path) -> dict[str, Tag]:
    """The elements of a built page by their ids, the first where two have the same."""
    found: dict[str, Tag] = {}
    for element in soup(path).find_all(id=True):
        found.setdefault(element["id"], element)
    return found


def open_everything(page):
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")


def resize(page, width):
    """Give the page another width, and wait until its figures have followed."""
    page.set_viewport_size({"width": width, "height": page.viewport_size["height"]})
    page.evaluate(FRAMES)
    page.wait_for_function(ALL_DRAWN)


def check_figures(visit):
    """Every figure of a page is drawn, and as high as its place."""
    open_everything(visit.page)
    visit.settle()
    drawings = visit.page.evaluate(
        f"""() => [...document.querySelectorAll('.plotly-figure')].map((figure) => {{
             const plot = figure.querySelector('.plotly-plot');
             const drawn = plot?.querySelector('.main-svg');
             return [figure.id, plot?.data?.length ?? 0, drawn ? ({MARKS})(plot) : 0,
               drawn?.getBoundingClientRect().height, plot?.offsetHeight,
               figure.querySelectorAll('.slider-container, .updatemenu-container').length]; }})"""
    )
    for name, traces, marks, drawn, kept, loose in drawings:
        assert traces > 0, f"{name} has no data"
        assert marks > 0, f"{name} is empty"
        assert drawn == kept, f"{name} is {drawn} high, and the page keeps {kept}"
        assert loose == 0, f"{name} has controls of plotly's, which no keyboard reaches"


def check_mathematics(visit):
    """Every formula of a page is set, in the font that the page loads."""
    formulas = visit.page.locator("article .math")
    assert visit.page.locator("article .math > math").count() == formulas.count()
    for text in formulas.all_text_contents():
        assert "\\" not in text
    loaded = "document.fonts.check('1em \"planrl Mathematics\"')"
    assert not formulas.count() or visit.page.evaluate(loaded)
