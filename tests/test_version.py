"""The version stands in one place, is repeated correctly, and is written by one command."""

import importlib.util
import shutil
from pathlib import Path

import pytest

import planrl

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / ".ci" / "version.py"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the script is in the repository only")


@pytest.fixture(scope="module")
def script():
    made = importlib.util.spec_from_file_location("version_script", SCRIPT)
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    return module


@pytest.fixture
def copied(script, tmp_path):
    for name in (*script.PLACES, "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    log = tmp_path / "CHANGELOG.md"  # right after a release nothing is under "Unreleased"
    with_news = log.read_text("utf-8").replace("## Unreleased\n", "## Unreleased\n\n- News.\n", 1)
    log.write_text(with_news, "utf-8")
    return tmp_path


def test_citation_changelog_and_pages_name_the_version_of_the_package(script):
    assert set(script.told(ROOT).values()) == {planrl.__version__}


def test_a_new_version_is_written_everywhere_with_its_date(script, copied):
    before = (copied / "CHANGELOG.md").read_text("utf-8")
    script.cut(copied, "9.8.7", "2031-02-03")
    assert set(script.told(copied).values()) == {"9.8.7"}
    assert "date-released: 2031-02-03\n" in (copied / "CITATION.cff").read_text("utf-8")
    after = (copied / "CHANGELOG.md").read_text("utf-8")
    head, cut, rest = after.partition("## 9.8.7 (2031-02-03)\n")
    assert cut
    assert head.rstrip().endswith("## Unreleased")
    assert head.partition("## Unreleased")[0] + "## Unreleased\n" + rest == before


@pytest.mark.parametrize("version", ["", "9.8", "v9.8.7", "0.0.1", planrl.__version__])
def test_what_is_no_higher_version_is_refused_and_nothing_is_written(script, copied, version):
    before = {name: (copied / name).read_bytes() for name in script.PLACES}
    with pytest.raises(SystemExit, match="VERSION="):
        script.cut(copied, version, "2031-02-03")
    assert before == {name: (copied / name).read_bytes() for name in script.PLACES}


def test_an_empty_unreleased_section_is_not_cut(script, copied):
    script.cut(copied, "9.8.7", "2031-02-03")
    with pytest.raises(SystemExit, match="nothing to cut"):
        script.cut(copied, "9.8.8", "2031-02-03")
