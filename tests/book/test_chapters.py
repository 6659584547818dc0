"""The chapters as files: both faces agree, nothing is stored, one address for the repository."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "book").glob("[0-9]*.py"))
NOTEBOOKS = sorted((ROOT / "book").glob("[0-9]*.ipynb"))


@pytest.fixture(scope="module")
def pairs():
    import pairs

    return pairs


def test_there_are_chapters():
    assert SCRIPTS, "book/ holds no chapter NN_name.py"


def test_scripts_and_notebooks_agree(pairs):
    assert pairs.disagreements() == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_holds_no_outputs(notebook):
    for cell in nbformat.read(notebook, 4).cells:
        assert not cell.get("outputs"), f"an output is stored below: {cell.source[:60]}"
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_first_code_cell_installs_in_colab_only(notebook, pairs):
    first = next(c for c in nbformat.read(notebook, 4).cells if c.cell_type == "code")
    assert "remove-cell" in first.metadata.get("tags", [])
    assert 'find_spec("planrl") is None' in first.source
    assert "--no-deps" in first.source
    assert f"git+{pairs.repository_url()}" in first.source
    assert importlib.util.find_spec("planrl") is not None
    # Where planrl is importable the cell must start no process: here it could not.
    alone = f"import subprocess\nsubprocess.run = None\nsubprocess.Popen = None\n{first.source}"
    subprocess.run([sys.executable, "-c", alone], check=True, cwd=ROOT)


def test_one_address_everywhere(pairs):
    expected = pairs.repository_url()
    tops = ["README.md", "CONTRIBUTING.md", "CITATION.cff", "CHANGELOG.md", "_config.yml"]
    files = [ROOT / name for name in tops if (ROOT / name).exists()]
    for folder in ("book", "planrl", ".ci"):
        files += [p for p in (ROOT / folder).rglob("*") if p.suffix in {".py", ".md", ".ipynb"}]
    name = expected.rsplit("/", 1)[1]
    address = re.compile(rf"https://github\.com/[\w.-]+/{re.escape(name)}\b")
    found = [
        (file.relative_to(ROOT), url)
        for file in files
        for url in address.findall(file.read_text(encoding="utf-8"))
    ]
    assert found, "the address stands nowhere"
    assert [place for place in found if place[1] != expected] == []


def test_drift_is_found(pairs, tmp_path):
    """One changed number in a script, or another address, is a disagreement."""
    (tmp_path / "book").mkdir()
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    install = f'# %% tags=["remove-cell"]\n"git+{pairs.repository_url()}"\n'
    script = tmp_path / "book" / "01_demo.py"
    script.write_text(install + "\n# %%\nx = 1\n", encoding="utf-8")
    pairs.write(tmp_path)
    assert pairs.disagreements(tmp_path) == []
    script.write_text(install + "\n# %%\nx = 2\n", encoding="utf-8")
    assert "does not say" in pairs.disagreements(tmp_path)[0]
    pairs.write(tmp_path)
    assert pairs.disagreements(tmp_path) == []
    script.write_text('# %%\n"git+https://example.org/x"\n\n# %%\nx = 2\n', encoding="utf-8")
    assert any("another address" in line for line in pairs.disagreements(tmp_path))
    pairs.write(tmp_path)
    assert pairs.repository_url() in script.read_text(encoding="utf-8")
