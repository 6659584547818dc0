"""It stays buildable: without git, from an sdist, from a wheel, in odd places, without a network."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from soaking import SOAK

import planrl as pr

ROOT = Path(pr.__file__).parents[1]
BUILT = {".git", ".venv", ".venv-colab", "_build", "build", "runs", "__pycache__"}
PRINT = "import planrl; print(planrl.__file__)"
CLAIM = ("-m", "planrl", "claims", "--only", "5.2-exact")

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").exists() or os.name == "nt", reason="needs the sources, on POSIX"
)


def left_out(folder, names):
    return [
        n
        for n in names
        if n in BUILT or n.endswith((".egg-info", "_cache", ".pyc", "_checkpoints"))
    ]


def run(command, cwd, *, python=sys.executable, **there):
    """Run Python there with a bare environment."""
    plain = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [str(python), *command], cwd=cwd, env={**plain, **there}, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    return done.stdout.decode()


def backend(what, cwd, out):
    out.mkdir(exist_ok=True)
    code = f"import sys; from setuptools import build_meta; print(build_meta.{what}(sys.argv[1]))"
    return out / run(["-c", code, str(out)], cwd, PYTHONUTF8="1").split()[-1]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("Übung mit Leerzeichen ☂")


@pytest.fixture(scope="module")
def clone(place):
    """The sources without git's history, in a path with spaces and umlauts."""
    shutil.copytree(ROOT, place / "ein Klon", ignore=left_out)
    return place / "ein Klon"


@pytest.fixture(scope="module")
def unpacked(clone, place):
    """What an sdist made there holds."""
    archive = backend("build_sdist", clone, place / "dist")
    with tarfile.open(archive) as tar:
        tar.extractall(place / "sdist", filter="data")
    return next((place / "sdist").iterdir())


@pytest.fixture(scope="module")
def wheel(unpacked, place):
    """The wheel that is made from the unpacked sdist."""
    return backend("build_wheel", unpacked, place / "dist")


def below(folder, *tops):
    return sorted(
        str(path.relative_to(folder))
        for top in tops
        for path in (folder / top).rglob("*")
        if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)
    )


def test_an_sdist_holds_all_that_the_book_and_the_tests_need(unpacked, clone):
    for top in ("planrl", "book", "tests", ".ci"):
        assert below(unpacked, top) == below(clone, top)
    for name in (
        "_config.yml",
        "_toc.yml",
        "requirements.txt",
        "pyproject.toml",
        "Makefile",
        "LICENSE",
    ):
        assert (unpacked / name).read_bytes() == (clone / name).read_bytes()
    said = run(["book/_ext/pairs.py", "check"], unpacked, PYTHONUTF8="1", PYTHONPATH=str(unpacked))
    assert "differ" not in said


def test_a_wheel_made_from_an_sdist_holds_the_whole_library_and_nothing_else(wheel, clone):
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    checks = ("tsconfig.json", "eslint.config.cjs")
    of_makers = {"planrl/experiments/LOG.md", *(f"planrl/labs/web/{name}" for name in checks)}
    assert sorted(names) == sorted(set(below(clone, "planrl")) - of_makers)


@pytest.fixture(scope="module")
def fresh(wheel, place):
    """The Python of a new environment with the wheel in it; its dependencies are this one's."""
    home = place / "neue Umgebung"
    run(["-m", "venv", "--without-pip", str(home)], place)
    python = home / "bin" / "python"
    command = [
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    run([*command, "-q", "--disable-pip-version-check"], place, HOME=str(place))
    there = next(home.glob("lib/python3*/site-packages"))
    shared = Path(importlib.metadata.distribution("torch").locate_file(""))
    (there / "shared.pth").write_text(f"{shared}\n")
    return python


def cut_off():
    """A command before another that takes the network away, if this is allowed."""
    unshare = shutil.which("unshare")
    able = (
        unshare
        and not subprocess.run([unshare, "-n", "true"], check=False, capture_output=True).returncode
    )
    return [unshare, "-n"] if able else []


REFUSE = """
import socket
def refuse(*given, **named):
    raise OSError("there is no network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
"""


@pytest.mark.slow
def test_an_installed_wheel_works_offline_in_locale_c_and_without_a_home(fresh, place):
    assert str(fresh.parents[1]) in run(["-c", PRINT], place, python=fresh, PYTHONUTF8="1")
    code = REFUSE + "import sys; from planrl.__main__ import main; sys.exit(main(sys.argv[1:]))"
    before, python = cut_off(), fresh
    command = ["-c", code, *CLAIM[2:]]
    if before:
        command, python = [*before[1:], str(fresh), *command], before[0]
    odd = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "HOME": "/nonexistent"}
    assert "HOLDS" in run(command, place, python=python, **odd)
    train = ["train", "--out", "ein Lauf ☂", "--steps", "2", "--nodes", "8", "--table"]
    run([*command[: command.index(code) + 1], *train], place, python=python, **odd)
    assert (place / "ein Lauf ☂" / "run.json").exists()


@pytest.mark.skipif(not SOAK, reason="part of `make soak`")
def test_every_claim_can_be_printed_in_locale_c(fresh, place):
    odd = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "HOME": "/nonexistent"}
    assert run(CLAIM[:3], place, python=fresh, **odd).count("HOLDS") > 3


@pytest.mark.slow
def test_sources_that_nobody_may_write_to_work_as_they_are(clone, place):
    fixed = place / "nur lesen"
    fixed.mkdir()
    root = os.getuid() == 0
    if (
        root
        and subprocess.run(
            ["mount", "--bind", clone, fixed], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("root may write everywhere, and may not mount here")
    try:
        if root:
            subprocess.run(["mount", "-o", "remount,bind,ro", fixed], check=True)
        else:
            fixed.rmdir()
            shutil.copytree(clone, fixed)
            for path in [*fixed.rglob("*"), fixed]:
                path.chmod(0o555)
        code = f"{PRINT}; open(planrl.__file__, 'a')"
        with pytest.raises(AssertionError, match=r"Read-only|Permission"):
            run(["-c", code], place, PYTHONPATH=str(fixed), PYTHONDONTWRITEBYTECODE="")
        there = {"PYTHONPATH": str(fixed), "PYTHONDONTWRITEBYTECODE": ""}
        assert "HOLDS" in run(CLAIM, place, **there)
    finally:
        if root:
            subprocess.run(["umount", fixed], check=True)
        else:
            for path in [fixed, *fixed.rglob("*")]:
                path.chmod(0o755)


# The way off Jupyter Book 1: plain Sphinx builds the same pages.

CHAPTER = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
    },
    "cells": [
        {
            "cell_type": "markdown",
            "id": "a",
            "metadata": {},
            "source": "# A marker\n\n> **Theorem 1.** It is so: $a^2$.\n\n## Numbers\n\nText.",
        },
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {},
            "execution_count": 1,
            "source": "raise RuntimeError('this cell was executed')",
            "outputs": [
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {
                        "application/vnd.plotly.v1+json": {
                            "data": [{"type": "bar", "x": [1], "y": [2]}],
                            "layout": {
                                "height": 300,
                                "title": {"text": "A bar"},
                                "meta": {"alt": "One bar."},
                            },
                        }
                    },
                }
            ],
        },
    ],
}
TOC = "format: jb-book\nroot: book/marker\n"


@pytest.mark.slow
def test_plain_sphinx_builds_the_book_without_executing_what_is_cached(unpacked, place):
    pytest.importorskip("jupyter_book")
    book = place / "ein Buch"
    shutil.copytree(unpacked, book, ignore=shutil.ignore_patterns("*.ipynb", "tests"))
    (book / "book" / "marker.ipynb").write_text(json.dumps(CHAPTER))
    (book / "_toc.yml").write_text(TOC)
    there = {"PYTHONUTF8": "1", "PYTHONPATH": str(book), "HOME": str(place)}
    code = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
    run(["-c", code, "config", "sphinx", "."], book, **there)
    conf = (book / "conf.py").read_text(encoding="utf-8")
    assert "'jupyter_book', " in conf
    (book / "conf.py").write_text(conf.replace("'jupyter_book', ", ""), encoding="utf-8")
    there["PYTHONPATH"] = os.pathsep.join([str(book / "book" / "_ext"), str(book)])
    command = [
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "-D",
        "nb_execution_mode=off",
        ".",
        "_build/plain",
    ]
    run(command, book, **there)
    page = (book / "_build" / "plain" / "book" / "marker.html").read_text(encoding="utf-8")
    assert "planrl-card-theorem" in page
    assert 'class="plotly-figure"' in page
    assert "One bar." in page
    assert not re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//(?!github)', page)
    assert (book / "_build" / "plain" / "_static" / "plotly.min.js").exists()


# Licences.

FREE = re.compile(r"MIT|BSD|Apache|MPL|PSF|Python Software|ISC|Unlicense|0BSD|Zlib", re.I)


def licence(name):
    """What a distribution says of its licence."""
    about = importlib.metadata.metadata(name)
    said = [about.get("License-Expression") or "", *about.get_all("Classifier", [])]
    kinds = [
        line.rpartition("::")[2].strip() for line in said if "License" in line or line == said[0]
    ]
    return "; ".join(filter(None, kinds)) or (about.get("License") or "").splitlines()[0]


def runtime():
    """The names of all that `pip install planrl` brings, this platform's."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "dependencies"
    ]
    found, names = set(), [re.match(r"[\w.-]+", line)[0] for line in wanted]
    while names:
        name = names.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # of another platform
        found.add(name)
        plain = [line for line in needs if "extra ==" not in line]
        names += [re.match(r"[\w.-]+", line)[0] for line in plain]
    return sorted(found)


def test_what_planrl_brings_along_is_under_free_licences_and_none_is_the_gpl():
    licences = {
        name: licence(name) for name in runtime() if not name.startswith(("nvidia", "cuda"))
    }
    assert {"torch", "numpy", "networkx", "safetensors", "tqdm"} <= set(licences)
    print(json.dumps(licences, indent=1))
    wrong = {
        name: said
        for name, said in licences.items()
        if "GPL" in said.upper() or not FREE.search(said)
    }
    assert not wrong


def test_the_shipped_library_is_ours_and_holds_no_part_under_the_gpl(clone):
    for name in below(clone, "planrl"):
        content = (clone / name).read_bytes().lower()
        assert b"gnu general public" not in content, name
        assert b"gpl-" not in content, name
