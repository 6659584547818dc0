"""The built book, served on this machine, and a browser that may ask nobody else.

Tests that need the built book carry the marker `book`. Without Chromium they are skipped with a
word on how to install it; where CI is set, its absence is a failure.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import pickle
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))  # the extension's own modules: pairs, figures
sys.path.insert(0, str(ROOT / "tests" / "book"))  # what the tests share: built_site

from built_site import ALL_DRAWN, FULL, HTML, NARROW, PAGES, VIEWS, served  # noqa: E402
from lab_page import PAGES as LAB_PAGES  # noqa: E402
from lab_page import LabPage  # noqa: E402
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
# Nothing waits any more for a reader who comes near.
LOADED = """() => !document.querySelector("script[type='planrl/later']")"""
SHIFTS = """window.shift = 0; new PerformanceObserver((list) => {
  for (const e of list.getEntries()) if (!e.hadRecentInput) window.shift += e.value;
}).observe({type: 'layout-shift', buffered: true});"""
PATIENCE = 120_000  # milliseconds after which nothing will come any more, however busy the machine


def view_of(item) -> tuple[str, tuple[int, int, str]] | None:
    """The page that a test visits, and in which view."""
    return item.callspec.params.get("visit") if hasattr(item, "callspec") else None


def companions(item) -> str:
    """The name of the tests that one process runs: what they share is made once.

    These are the tests of one visit, those that read the pages as text, and else those of a file.
    """
    if visited := view_of(item):
        name, (width, *_) = visited
        return f"{name}-{width}"
    browsers = {"chromium", "open_in_firefox", "browser"} & {*item.fixturenames}
    return item.path.stem if browsers or "plain" in item.fixturenames else "text"


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config, items):
    """Leave out in the narrow view what no view changes; say what belongs into one process."""
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    again = {
        item for item in here if item.get_closest_marker("any_view") and view_of(item)[1] == NARROW
    }
    if again:
        config.hook.pytest_deselected(items=[*again])
        items[:] = [item for item in items if item not in again]
    if config.pluginmanager.hasplugin("xdist"):
        for item in here:
            item.add_marker(pytest.mark.xdist_group(companions(item)))


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
        """Wait until the visible figures are drawn and the fonts are there."""
        self.page.wait_for_load_state("load")
        self.page.evaluate("window.dispatchEvent(new Event('planrl:load'))")
        self.page.wait_for_function(LOADED)
        self.page.wait_for_function(ALL_DRAWN)
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


class Ran:
    """What a chapter's cells gave names to when the book was built: `ran.name` is its last value."""

    def __init__(self, file: Path) -> None:
        self._kept = pickle.loads(file.read_bytes())

    def __getattr__(self, name: str):
        if name not in self._kept:
            raise AttributeError(f"no cell of the chapter keeps {name!r}: {sorted(self._kept)}")
        return pickle.loads(self._kept[name])


@pytest.fixture(scope="module")
def ran(request) -> Ran:
    """The variables of the executed chapter that the module's CHAPTER names, for tests of its text."""
    import chapters

    file = chapters.variables(request.module.CHAPTER)
    if not file.exists():
        message = f"{request.module.CHAPTER} was not executed: `make book`"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return Ran(file)


@pytest.fixture(scope="session")
def origin(built: Path) -> Iterator[str]:
    """The address at which the built book is served while the tests run."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def end_headers(self) -> None:
            """What every page loads is asked for once."""
            self.send_header("Cache-Control", "max-age=3600")
            super().end_headers()

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
def chromium_path() -> str:
    """Where Chromium is."""
    path = find_chromium()
    if path is None:
        message = (
            "Chromium was not found. Install it (Debian and Ubuntu: apt install chromium; macOS: "
            "brew install --cask chromium; or https://www.chromium.org), or set CHROMIUM to it"
        )
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def chromium(playwright, chromium_path) -> Iterator[object]:
    """A headless Chromium that keeps nothing."""
    started = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
    yield started
    started.close()


@pytest.fixture(scope="session")
def open_in_chromium(request, playwright, chromium_path, tmp_path_factory):
    """A function that opens an address in a new tab, watched from its first request.

    For each view there is a Chromium with a profile: it compiles the scripts of all pages once, and
    a page opens in half the time. What needs other options gets a context without a profile.
    """

    def new_context(*, reduced_motion: str = "", **options):
        if {*options} - {"viewport", "color_scheme", "has_touch"}:
            return request.getfixturevalue("chromium").new_context(**options)
        return playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=chromium_path,
            args=FLAGS,
            reduced_motion=reduced_motion or "no-preference",
            **options,
        )

    with opener(new_context) as open_:
        yield open_


@pytest.fixture
def open_page(open_in_chromium):
    """The same; what it opens is closed when the test is over."""
    opened = []

    def open_(url: str, **options) -> Visit:
        opened.append(open_in_chromium(url, **options))
        return opened[-1]

    yield open_
    for visit in opened:
        visit.page.close()


@pytest.fixture
def open_lab(open_page, origin):
    """A function that opens a lab's page, with what follows in its address."""

    def open_(name, query="", **options):
        visit = open_page(f"{origin}book/{LAB_PAGES[name]}.html{query}", name=name, **options)
        return LabPage(visit, name)

    return open_


@pytest.fixture(
    scope="session",
    params=[(page, view) for page in PAGES for view in VIEWS],
    ids=lambda p: f"{p[0].rsplit('/', 1)[-1]}-{p[1][0]}-{p[1][2]}",
)
def visit(request, open_in_chromium, origin):
    """One page in one view; the tests below use it one after the other, and its last asks it
    whether anything went wrong on the way."""
    name, view = request.param
    visit = open_in_chromium(f"{origin}{name}.html", name=name, view=view, script=SHIFTS)
    visit.loaded, visit.evaluations = [*visit.asked], []
    yield visit
    visit.page.close()


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
            return stack.enter_context(opener(browser.new_context))

        def open_(url: str, *, reduced_motion: str = "", **options) -> Visit:
            return started(reduced_motion == "reduce")(url, **options)

        yield open_


@contextlib.contextmanager
def opener(new_context):
    """What `open_page` gives, by a function that makes a context of some options."""
    contexts = {}  # one a view and its options

    def open_(
        url: str, *, name="", view=FULL, settle=True, script="", before=None, **options
    ) -> Visit:
        width, height, theme = view
        key = (view, *sorted(options.items()))
        if key not in contexts:
            contexts[key] = new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,
                has_touch=width < 500,
                **options,
            )
            contexts[key].set_default_timeout(PATIENCE)
        visit = Visit(contexts[key].new_page(), name, width, theme)
        visit.watch()
        if script:  # runs before those of the page
            visit.page.add_init_script(script)
        if before:
            before(visit.page)
        visit.page.goto(url)
        if settle:
            visit.settle()
        return visit

    try:
        yield open_
    finally:
        for context in contexts.values():
            context.close()
