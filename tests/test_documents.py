"""What the documents name exists, and what they show can be run."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import foreign
import pytest

from planrl.cli.menu import parser

ROOT = Path(__file__).resolve().parents[1]
TOPS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")]
DOCUMENTS = [*TOPS, *sorted((ROOT / "book").glob("*.md"))]
FOLDERS = ("planrl", "book", "tests", ".ci", ".github")
pytestmark = pytest.mark.skipif(
    not TOPS[1].exists(), reason="the documents are in the repository only"
)
every = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


def text(path):
    return path.read_text(encoding="utf-8")


def commands(path):
    """What is to be typed: the lines of shell blocks, and code between backticks."""
    blocks = re.findall(r"^```(?:sh|powershell)\n(.*?)^```", text(path), re.M | re.S)
    whole = [re.sub(r"\\\n\s*", "", block) for block in blocks]
    lines = [line.partition(" #")[0].strip() for block in whole for line in block.splitlines()]
    prose = re.sub(r"^```.*?^```", "", text(path), flags=re.M | re.S)
    return [*lines, *re.findall(r"`([^`]+)`", prose)]


def found(name):
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            if not hasattr(thing, part):
                return False
            thing = getattr(thing, part)
        return True
    return False


@every
def test_every_module_and_function_that_is_named_exists(path):
    names = set(re.findall(r"(?<![\w/.:-])planrl(?:\.[A-Za-z_]\w*)+(?!\w*[-/])", text(path)))
    files = {name for name in names if re.search(r"\.(pdf|css|js|toml|py)$", name)}
    assert [name for name in sorted(names - files) if not found(name)] == []


@every
def test_every_file_and_folder_that_is_named_exists(path):
    named = re.findall(r"`([\w.][\w./-]*/[\w./*-]*)`", text(path))
    named += re.findall(r"\]\(([\w.][\w./-]*)(?:#[\w-]+)?\)", text(path))
    missing = []
    for name in named:
        of_page = path.parent / name
        of_root = ROOT / name
        if name.split("/")[0] not in FOLDERS and not of_page.suffix:
            continue  # a word with a slash in it
        places = [of_page.with_suffix(".py"), of_page, of_root]
        if "_build" in name or "NN_" in name or name.endswith(".html"):
            continue
        if "*" in name:
            places = list(ROOT.glob(name))
        if not any(place.exists() for place in places):
            missing.append(name)
    assert missing == []


@every
def test_every_target_of_make_that_is_named_exists(path):
    targets = set(re.findall(r"^([a-z]+):", text(ROOT / "Makefile"), re.M))
    named = [line.split()[1:] for line in commands(path) if line.startswith("make ")]
    words = {word for line in named for word in line if re.fullmatch("[a-z]+", word)}
    assert sorted(words - targets) == []


@every
def test_every_command_that_is_shown_is_understood(path):
    for line in commands(path):
        given = re.fullmatch(r"(?:python -m )?planrl ([a-z]+(?: .*)?)", line)
        said = " needs " in line or "..." in line or re.search("[A-Z]{3}", line)  # no command
        if given and not said:
            parser().parse_args(shlex.split(given[1]))


def shown_code(name):
    """The code of a document, one block after the other."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text(ROOT / name), re.M | re.S))


@pytest.mark.parametrize(
    ("name", "fewer"),
    [
        ("README.md", {"steps=400": "steps=20", "every=40": "every=10"}),
        ("book/install.md", {"session.train(200)": "session.train(2)"}),
    ],
)
def test_the_code_that_is_shown_runs(name, fewer, tmp_path, monkeypatch, capsys):
    pytest.importorskip("plotly")
    code = shown_code(name)
    for written, tried in fewer.items():
        assert written in code
        code = code.replace(written, tried)
    foreign.write_folders(tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, name, "exec"), {"__name__": "shown"})
    assert capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "book/install.md"])
def test_the_code_that_is_shown_runs_by_itself_as_written(name, tmp_path):
    pytest.importorskip("plotly")
    foreign.write_folders(tmp_path)
    run = [sys.executable, "-c", shown_code(name)]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_readme_is_at_most_two_screens():
    assert len(text(TOPS[0]).splitlines()) <= 96
