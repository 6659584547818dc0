"""The way off Jupyter Book: plain Sphinx, with Jupyter Book out of reach, builds the same pages."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from built_site import PAGES, ROOT

pytestmark = [
    pytest.mark.book,
    pytest.mark.skipif(os.name == "nt", reason="the commands are a POSIX shell's"),
]
BUILT = {".git", ".venv", ".venv-colab", "_build", "build", "runs", "tests", "__pycache__"}
COMMANDS = re.search(
    r"```sh\n(.*?)```", (ROOT / "book" / "security.md").read_text(encoding="utf-8"), re.S
)[1]  # as the page of promises gives them
HIDE = "import sys\nsys.modules['jupyter_book'] = None  # importing it is an error now\n"
# What may differ: in which order a figure's data say their names, and what keeps browsers from taking
# an old style sheet (of a build that went on from another, Sphinx takes the sum of the old one).
SUM = re.compile(r"(?<=\.css)\?v=\w+")
DATA = re.compile(r'(?<=<script type="application/json">).*?(?=</script>)', re.S)


@pytest.fixture(scope="module")
def plain(built, tmp_path_factory):
    """The pages by plain Sphinx; the cells' outputs are those that the book was built with."""
    book = tmp_path_factory.mktemp("plain") / "ein Buch"
    shutil.copytree(
        ROOT, book, ignore=lambda _, names: [n for n in names if n in BUILT or n[0] == "."]
    )
    (book / "_build").mkdir()
    shutil.copytree(built.parent / ".jupyter_cache", book / "_build" / ".jupyter_cache")
    for name in ("npm", "programs"):  # what trains in the pages
        if (built.parent / name).exists():
            (book / "_build" / name).symlink_to(built.parent / name)
    # Python reads this file where the folder is on its path: in the last command, not the first.
    (book / "sitecustomize.py").write_text(HIDE, encoding="utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    there = {"PATH": path, "HOME": str(book.parent), "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["sh", "-e", "-c", COMMANDS],
        cwd=book,
        env=there,
        check=False,
        capture_output=True,
        text=True,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    assert "jupyter_book" not in (book / "conf.py").read_text(encoding="utf-8")
    assert said.count("Using cached notebook") == len(list((ROOT / "book").glob("*.ipynb")))
    assert "Executing notebook" not in said
    return book / "_build" / "plain"


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_plain_sphinx_writes_the_same_files_as_jupyter_book(plain, built):
    mine = {name for name in files(plain) if not name.startswith((".doctrees", ".buildinfo"))}
    assert mine == {name for name in files(built) if name != ".buildinfo"}


@pytest.mark.parametrize("name", PAGES, ids=lambda n: n.rsplit("/", 1)[-1])
def test_each_page_by_plain_sphinx_is_the_same(name, plain, built):
    def whole(folder):
        page = (folder / f"{name}.html").read_text(encoding="utf-8")
        page = DATA.sub(lambda data: json.dumps(json.loads(data[0]), sort_keys=True), page)
        return SUM.sub("", page)

    mine, other = whole(plain).splitlines(), whole(built).splitlines()
    wrong = [pair for pair in zip(mine, other, strict=False) if pair[0] != pair[1]]
    assert not wrong, wrong[0]
    assert len(mine) == len(other)
