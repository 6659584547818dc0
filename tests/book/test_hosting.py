"""The book on other people's hosts: what they do to a lab's files is said in words, with what helps."""

from __future__ import annotations

import functools
import http.server
import re
from collections.abc import Callable

import live
import pytest
from built_site import served

from planrl.labs.page.html import PageLab

pytestmark = pytest.mark.book
RUNTIME, WASM = "ort/ort.wasm.min.mjs", "ort/ort-wasm-simd-threaded.wasm"
START_PAGE = b"<!DOCTYPE html><html><title>Every address leads here</title></html>"


class Host(http.server.SimpleHTTPRequestHandler):
    """A server of the built book that has a habit with some of a lab's files."""

    def __init__(self, *given, habit: Callable[[Host, str, bytes], bool], **named):
        self.habit = habit
        super().__init__(*given, **named)

    def do_GET(self):
        """One page with a lab and nothing else, and the files that it loads."""
        name = self.path.partition("?")[0].partition("/_static/live/")[2]
        if not name:
            scripts = "".join(f'<script src="_static/live/{s}"></script>' for s in live.SCRIPTS)
            lab = PageLab("imitation", folder="_static/live/")._repr_html_()
            self.answer(f"<!doctype html><title>Lab</title>{lab}{scripts}".encode(), "text/html")
            return
        path = live.ROOT / "_build" / "html" / "_static" / "live" / name
        if not self.habit(self, name, path.read_bytes()):
            super().do_GET()

    def answer(self, content: bytes, kind: str = "application/octet-stream") -> bool:
        """Send this as if nothing were wrong."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(content)
        return True

    def guess_type(self, path):
        """The type of a file, whatever this machine's own list says of it."""
        return (
            "text/javascript" if str(path).endswith((".js", ".mjs")) else super().guess_type(path)
        )

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def training(built, open_page):
    """A function that opens a lab from a host with a habit, presses Train, and gives what is said."""
    del built

    def train(habit, *, without: str = "", until: str = "Training stopped") -> str:
        handler = functools.partial(Host, habit=habit, directory=str(live.ROOT / "_build" / "html"))
        with served(handler) as address:
            visit = open_page("about:blank", settle=False, reduced_motion="reduce")
            if without:
                visit.page.add_init_script(f"delete window.{without}")
            visit.page.goto(address)
            button = visit.page.get_by_role("button", name="Train", exact=True)
            if button.is_enabled():
                button.click()
            status = visit.page.locator(".planrl-lab-status")
            status.filter(has_text=re.compile(until)).wait_for()
            said = status.inner_text()
            visit.page.close()
        return said

    return train


def sent_as(kind, *names):
    """The habit of sending these files as something else."""
    return lambda host, name, content: name.endswith(names) and host.answer(content, kind)


def start_page_for(*names):
    """The habit of sending a web page where a file is missing."""
    return lambda host, name, _: name in names and host.answer(START_PAGE, "text/html")


def cut(name, *, told):
    """The habit of sending half a file; `told`: with the length of the whole one."""

    def habit(host, asked, content):
        if asked != name:
            return False
        host.send_response(200)
        if told:
            host.send_header("Content-Length", f"{len(content)}")
        host.end_headers()
        host.wfile.write(content[: len(content) // 2])
        return True

    return habit


def missing(*names):
    """The habit of lacking these files."""

    def habit(host, name, _):
        if name in names:
            host.send_error(404)
        return name in names

    return habit


def test_a_good_host_trains(training):
    assert "Paused" in training(lambda *_: False, until="Paused at update 50")


CASES = {
    "mjs-as-octet-stream": (
        sent_as("application/octet-stream", ".mjs"),
        f"{RUNTIME} as application/octet-stream.*only as text/javascript",
    ),
    "js-as-plain-text": (
        sent_as("text/plain", "worker.js"),
        "worker.js as text/plain.*only as text/javascript.*make serve",
    ),
    "page-for-wasm": (start_page_for(WASM), f"instead of {WASM}.*web page.*Upload all"),
    "page-for-module": (start_page_for(RUNTIME), f"instead of {RUNTIME}.*web page"),
    "page-for-worker": (start_page_for("worker.js"), "instead of worker.js.*web page"),
    "page-for-program": (
        start_page_for("programs/prepare.json", "programs/prepare.onnx"),
        r"instead of programs/prepare\.\w+.*web page",
    ),
    "wasm-cut-off": (cut(WASM, told=False), f"{WASM} is not whole: .* bytes came.*again"),
    "wasm-cut-off-in-transfer": (cut(WASM, told=True), f"{WASM} is not whole"),
    "program-cut-off": (
        cut("programs/table-sft.onnx", told=False),
        r"programs/table-sft\.onnx is not whole: \d+ of \d+ bytes",
    ),
    "runtime-missing": (missing(RUNTIME), f"{RUNTIME}: 404.*npm"),
    "weights-missing": (
        missing("programs/table-evaluate.json"),
        "table-evaluate.json: 404.*Upload",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_host_does_wrong_is_named_with_its_cure(training, case):
    habit, expected = CASES[case]
    assert re.search(expected, training(habit))


@pytest.mark.parametrize(
    ("without", "said"), [("Worker", "Worker"), ("WebAssembly", "WebAssembly")]
)
def test_what_a_browser_lacks_is_named_before_anything_is_pressed(training, without, said):
    told = training(lambda *_: False, without=without, until="can't train in the page")
    assert f"lacks {said}" in told or f"({said})" in told


def test_github_pages_is_told_to_serve_folders_that_begin_with_an_underscore(built):
    assert (built / ".nojekyll").exists()
    assert (built / "_static").is_dir()
