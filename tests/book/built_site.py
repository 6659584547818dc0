"""What the tests of built pages share: which pages there are, and how to look at them."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "_build" / "screenshots"
DESKTOP = (1280, 900, "light")
VIEWS = [(w, h, theme) for w, h in ((1280, 900), (390, 844)) for theme in ("light", "dark")]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
DOCUMENTS = [TOC["root"], *(c["file"] for part in TOC["parts"] for c in part["chapters"])]
PAGES = [*DOCUMENTS, "search", "genindex"]

# What a reader sees of a figure: every mark and every word that is drawn, without plotly's ids.
# Empty words are left out: plotly keeps more of them when it draws again.
DRAWN = """(plot) => JSON.stringify([...plot.querySelectorAll('.main-svg *')].filter((e) =>
  !e.matches('text, tspan, .textpoint') || e.textContent.trim()).map((e) => [
  e.getAttribute('d'), e.getAttribute('href') || e.getAttribute('xlink:href'),
  e.getAttribute('transform'), e.getAttribute('style'), e.children.length ? '' : e.textContent]))"""
MARKS = """(plot) => [...plot.querySelectorAll('.overplot :is(path, image, text)')].filter((e) => {
  const box = e.getBoundingClientRect(); return box.width > 0 || box.height > 0; }).length"""
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


def open_everything(page):
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")


def check_figures(visit):
    """Every figure of a page is drawn, and as high as its place."""
    open_everything(visit.page)
    visit.settle()
    figures = visit.page.locator(".plotly-figure")
    for plot in visit.page.locator(".plotly-plot").all():
        assert plot.evaluate("(p) => p.data.length") > 0
        assert plot.evaluate(MARKS) > 0, "a figure is empty"
        drawn, kept = plot.evaluate(
            "(p) => [p.querySelector('.main-svg').getBoundingClientRect().height, p.offsetHeight]"
        )
        assert drawn == kept, "the page keeps another height for a figure than it needs"
        assert plot.locator(".slider-container, .updatemenu-container").count() == 0
    drawn = visit.page.locator(".plotly-plot:has(.main-svg)").count()
    assert drawn == figures.count()


def check_mathematics(visit):
    """Every formula of a page is set, none with an error."""
    sources = visit.page.locator("article .math").count()
    assert visit.page.locator("article .math mjx-container").count() == sources
    assert visit.page.locator("article mjx-merror").count() == 0
