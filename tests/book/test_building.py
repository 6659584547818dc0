"""When the book is built anew, and when it is left as it is."""

import os
import subprocess
import sys
from pathlib import Path

import build
import live
import pytest


@pytest.fixture
def built(tmp_path, monkeypatch):
    """The folders of a book in which a whole build has ended, of sources called "today"."""
    for name in ("HTML", "DOCTREES", "BUILT", "UNFINISHED"):
        monkeypatch.setattr(build, name, tmp_path / getattr(build, name).name)
    monkeypatch.setattr(build, "BUILD", tmp_path)
    monkeypatch.setattr(build, "sources", lambda: "today")
    for folder in (build.HTML / "_static", build.DOCTREES):
        folder.mkdir(parents=True)
    for name in ("index.html", "_static/planrl.js"):
        (build.HTML / name).write_text(name, encoding="utf-8")
    build.write_record("today")
    return tmp_path


def test_a_book_in_which_nothing_changed_is_left_alone(built):
    assert build.is_built()


def test_a_changed_source_asks_for_a_build_which_keeps_the_pages_that_are_there(built, monkeypatch):
    monkeypatch.setattr(build, "sources", lambda: "tomorrow")
    assert not build.is_built()
    assert build.HTML.exists()


def spoil_missing(html):
    (html / "_static" / "planrl.js").unlink()


def spoil_shorter(html):
    (html / "index.html").write_text("", encoding="utf-8")


def spoil_later(html):
    os.utime(html / "index.html", ns=(1, 1))


def spoil_added(html):
    (html / "stray.html").write_text("", encoding="utf-8")


@pytest.mark.parametrize("spoil", [spoil_missing, spoil_shorter, spoil_later, spoil_added])
def test_pages_that_are_not_those_of_the_build_are_all_written_anew(built, spoil):
    spoil(build.HTML)
    assert not build.is_built()
    assert not build.HTML.exists()
    assert not build.DOCTREES.exists()


def test_a_build_that_was_stopped_is_no_build(built):
    build.BUILT.unlink()  # the first thing that a build does
    assert not build.is_built()


class FakeSphinx:
    """In place of Jupyter Book: it prints, and ends with this status."""

    status, stdout = 0, ["\x1b[32mreading\x1b[0m\n"]

    def __init__(self, *given, **named):
        self.returncode = self.status
        self.began_with = sorted(path.name for path in build.BUILD.iterdir())
        FakeSphinx.last = self

    def __enter__(self):
        return self

    def __exit__(self, *given):
        return None


@pytest.fixture
def sphinx(built, monkeypatch):
    monkeypatch.setattr(build.subprocess, "Popen", FakeSphinx)
    return FakeSphinx


def test_after_a_build_with_a_warning_every_page_is_read_again(sphinx, monkeypatch, capsys):
    monkeypatch.setattr(sphinx, "status", 1)
    assert build.sphinx() == 1
    monkeypatch.setattr(sphinx, "status", 0)
    assert build.sphinx() == 0
    assert build.DOCTREES.name not in sphinx.last.began_with
    assert not build.UNFINISHED.exists()
    assert capsys.readouterr().out == "reading\n" * 2, "without colours where nobody sees them"


def test_after_a_whole_build_only_what_changed_is_read(sphinx):
    assert build.sphinx() == 0
    assert build.sphinx() == 0
    assert build.DOCTREES.name in sphinx.last.began_with


def test_a_change_throws_away_what_was_kept_and_no_change_keeps_it(built):
    kept = built / "kept"
    for name, left in (("one", False), ("one", True), ("two", False)):
        kept.mkdir(exist_ok=True)
        build.discard_when_changed("execution", name, (kept,))
        assert kept.exists() == left, name


def test_without_npm_the_book_is_built_and_says_what_its_labs_lack(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "NPM", tmp_path / "npm")
    monkeypatch.setattr(live.shutil, "which", lambda name: None)
    assert "npm is missing" in live.fetch_runtime()
    assert "the labs' runtime" in live.missing()


@pytest.mark.slow
def test_every_module_that_an_export_uses_is_among_those_that_make_it_stale():
    """What is imported while programs are traced and a base is trained, and not what a list says."""
    code = (
        "import sys\n"
        "from planrl.labs.engine.programs import programs\n"
        "from planrl.labs.page import export\n"
        "for name in ('prepare', 'table-pg', 'transformer-fresh'):\n"
        "    export.trace(programs()[name])\n"
        "export.Session('race', 'model=table', run=export._Traced())\n"
        "files = [m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'planrl']\n"
        "print('\\n'.join(files))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=live.ROOT, capture_output=True, text=True, check=True
    )
    used = {Path(file) for file in done.stdout.split()}
    assert used <= set(live.modules())
    assert live.ROOT / "planrl" / "losses.py" in used
    assert live.ROOT / "planrl" / "train.py" in used
    assert live.ROOT / "planrl" / "experiments" / "study.py" not in live.modules()
