"""The built book, served on this machine, and a browser that may ask nobody else.

Tests that need the built book carry the marker `book`. Without Chromium they are skipped with a
word on how to install it; where CI is set, its absence is a failure.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
sys.path.insert(0, str(ROOT / "book" / "_ext"))  # the extension's own modules: pairs, figures
sys.path.insert(0, str(ROOT / "tests" / "book"))  # what the tests share: built_site

from built_site import served  # noqa: E402
from paper import find_chromium  # noqa: E402

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = (1280, 900, "light")


def pytest_collection_modifyitems(config, items):
    """Leave out in the dark what is the same in the light."""
    again = [i for i in items if i.get_closest_marker("any_theme") and i.name.endswith("-dark]")]
    if again:
        config.hook.pytest_deselected(items=again)
        left_out = set(again)
        items[:] = [item for item in items if item not in left_out]


@dataclass
class Visit:
    """A page that was opened, and everything it asked for or complained about since."""

    page: object
    name: str
    width: int
    theme: str
    asked: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Record requests and complaints from now on."""
        page = self.page
        page.on("request", lambda r: self.asked.append(r.url))
        page.on("requestfailed", lambda r: self.failed.append(f"{r.url}: {r.failure}"))
        page.on(
            "response", lambda r: r.status >= 400 and self.failed.append(f"{r.url}: {r.status}")
        )
        page.on("pageerror", lambda e: self.errors.append(f"{e}"))
        page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))

    def settle(self) -> None:
        """Wait until the visible figures are drawn and the mathematics is set."""
        self.page.wait_for_load_state("load")
        self.page.evaluate("async () => { await window.MathJax?.startup?.promise }")
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('.plotly-plot')].every(
                 (plot) => !plot.clientWidth || plot.querySelector('.main-svg'))"""
        )
        self.page.evaluate("async () => { await document.fonts.ready }")

    def outside(self, origin: str) -> list[str]:
        """The requests that left the origin."""
        inside = (origin, "data:", "blob:", "about:")
        return [url for url in self.asked if not url.startswith(inside)]


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder with the built book."""
    if not (HTML / "index.html").exists():
        message = "there is no built book: run `make book` first"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return HTML


@pytest.fixture(scope="session")
def origin(built: Path) -> Iterator[str]:
    """The address at which the built book is served while the tests run."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(built))
    with served(handler) as address:
        yield address


@pytest.fixture(scope="session")
def playwright() -> Iterator[object]:
    """What drives the browsers."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium(request) -> Iterator[object]:
    """A headless Chromium."""
    path = find_chromium()
    if path is None:
        message = (
            "Chromium was not found. Install it (Debian and Ubuntu: apt install chromium; macOS: "
            "brew install --cask chromium; or https://www.chromium.org), or set CHROMIUM to it"
        )
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    driver = request.getfixturevalue("playwright").chromium
    started = driver.launch(executable_path=path, args=FLAGS)
    yield started
    started.close()


@pytest.fixture(scope="session")
def open_page(chromium):
    """A function that opens an address in a new tab, watched from its first request."""
    with opener(chromium) as open_:
        yield open_


@pytest.fixture(scope="session")
def open_in_firefox(request, tmp_path_factory):
    """The same in Firefox, if there is one. Whether things may move is a setting of the browser's."""
    names = ("firefox-esr", "firefox")
    found = [os.environ.get("FIREFOX"), *map(shutil.which, names)]
    path = next((path for path in found if path and Path(path).exists()), None)
    if path is None:
        pytest.skip("Firefox was not found (Debian: apt install firefox-esr); FIREFOX may name it")
    import firefox

    driver = request.getfixturevalue("playwright").firefox
    program = firefox.starter(tmp_path_factory.mktemp("firefox"), path)
    with contextlib.ExitStack() as stack:

        @functools.cache
        def started(still: bool):
            wishes = {"ui.prefersReducedMotion": int(still), "ui.systemUsesDarkTheme": 0}
            browser = driver.launch(
                channel="moz-firefox", executable_path=program, firefox_user_prefs=wishes
            )
            stack.callback(browser.close)
            return stack.enter_context(opener(browser))

        def open_(url: str, *, reduced_motion: str = "", **options) -> Visit:
            return started(reduced_motion == "reduce")(url, **options)

        yield open_


@contextlib.contextmanager
def opener(browser):
    """What `open_page` gives, for a browser."""
    contexts = {}  # one a view and its options, so that what every page loads is parsed once

    def open_(url: str, *, name: str = "", view=DESKTOP, settle: bool = True, **options) -> Visit:
        width, height, theme = view
        key = (view, *sorted(options.items()))
        if key not in contexts:
            contexts[key] = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,
                has_touch=width < 500,
                **options,
            )
            contexts[key].set_default_timeout(20_000)
        visit = Visit(contexts[key].new_page(), name, width, theme)
        visit.watch()
        visit.page.goto(url)
        if settle:
            visit.settle()
        return visit

    try:
        yield open_
    finally:
        for context in contexts.values():
            context.close()
