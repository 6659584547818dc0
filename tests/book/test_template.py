"""Every chapter keeps what the book promises: its parts, its length, its symbols, its cells."""

from __future__ import annotations

import importlib.metadata
import json
import re
from copy import copy

import nbformat
import pytest
from built_site import ROOT, page_soup

CHAPTERS = sorted((ROOT / "book").glob("[01][0-9]_*.ipynb"))
TAUGHT = [path for path in CHAPTERS if path.stem != "00_welcome"]
WORD = re.compile(r"[A-Za-z0-9][\w'’.,%-]*")
CARD = re.compile(r"^> \*\*Exercise \d+\.\*\* \*(?:(Easy|Medium|Hard), \d+ minutes|Open)\.\*", re.M)
HIDDEN = {"hide-input", "remove-cell", "hide-cell", "remove-input"}


def cells(path, kind=None):
    every = nbformat.read(path, 4).cells
    return [cell for cell in every if kind is None or cell.cell_type == kind]


def text(path):
    return "\n\n".join(cell.source for cell in cells(path, "markdown"))


def code(path):
    return "\n\n".join(cell.source for cell in cells(path, "code"))


def words(markdown):
    """Words of prose: no code, no formulas, no drop-downs, no addresses."""
    markdown = re.sub(r"<details>.*?</details>", " ", markdown, flags=re.S)
    markdown = re.sub(r"```.*?```|\$\$.*?\$\$", " ", markdown, flags=re.S)
    markdown = re.sub(r"\$[^$]*\$|`[^`]*`", " x ", markdown)
    markdown = re.sub(r"\]\([^)]*\)|<[^>]*>", " ", markdown)
    return len(WORD.findall(markdown))


def every(chapters=TAUGHT):
    return pytest.mark.parametrize("chapter", chapters, ids=lambda path: path.stem)


def test_chapters_are_numbered_without_a_gap_and_each_asks_a_question():
    assert [path.name[:2] for path in CHAPTERS] == [f"{k:02}" for k in range(len(CHAPTERS))]
    for path in CHAPTERS:
        title = re.search(r"^# (.*)$", text(path), re.M)[1]
        assert title.endswith("?"), f"{path.stem}: {title}"


@every()
def test_a_chapter_has_900_to_1800_words(chapter):
    assert 900 <= words(text(chapter)) <= 1800


@pytest.mark.book
@every()
def test_a_page_shows_at_most_1800_words(chapter, built):
    """Prose and the sentences that code tells; what is folded, tables, labs and pictures apart."""
    page = copy(page_soup(f"book/{chapter.stem}").select_one("article"))
    apart = "script, style, svg, template, details, table, pre, math, .math, .plotly-figure"
    for element in page.select(
        f"{apart}, [class*=planrl-lab], .cell_input, .planrl-choose, .planrl-check"
    ):
        element.extract()
    assert len(WORD.findall(page.get_text(" "))) <= 1800


@every(CHAPTERS)
def test_visible_cells_have_at_most_twelve_lines(chapter):
    for cell in cells(chapter, "code"):
        if not HIDDEN & set(cell.metadata.get("tags", [])):
            assert cell.source.count("\n") < 12, cell.source


@every()
def test_a_chapter_opens_in_at_most_120_words_with_the_minutes_it_takes(chapter):
    opening = re.split(r"^## ", text(chapter), maxsplit=1, flags=re.M)[0]
    assert 30 <= words(opening) <= 130
    assert re.search(r"\d+ minutes", opening)


@every()
def test_a_chapter_asks_for_a_guess_a_check_and_ends_in_numbers(chapter):
    source = code(chapter)
    assert "sliders.ask(" in source
    assert "my_guess = " in source
    assert "notebook.QuickCheck(" in source
    assert f'evidence.Numbers(\n    "{chapter.stem}"' in source or (
        f'evidence.Numbers("{chapter.stem}"' in source
    )
    assert "evidence.Numbers(" in cells(chapter, "code")[-1].source, "they are its last cell"
    for heading in ("## What we now know", "## Further reading"):
        assert heading in text(chapter), heading


@every()
def test_a_chapter_has_three_exercises_that_check_themselves(chapter):
    assert len(re.findall(r"^exercises\.\w+\(", code(chapter), re.M)) >= 3
    cards = re.findall(r"^> \*\*Exercise .*$", text(chapter), re.M)
    assert len(cards) >= 3
    assert len(cards) == len(CARD.findall(text(chapter))), cards


@every()
def test_every_theorem_is_backed_by_a_claim_code_and_a_measured_gap(chapter):
    boxes = re.findall(r"^> \*\*Theorem [\d.]+\*?\*?", text(chapter), re.M)
    assert code(chapter).count("evidence.Backing(") >= len(boxes)


@every()
def test_every_numbered_equation_stands_beside_its_code(chapter):
    parts = cells(chapter)
    for place, cell in enumerate(parts):
        if cell.cell_type == "markdown" and r"\tag{" in cell.source:
            near = parts[place + 1 : place + 3]
            assert any(other.cell_type == "code" for other in near), cell.source
        for number in re.findall(r"\\tag\{(\d+)\.", cell.source):
            assert int(number) == int(chapter.name[:2])


@every(CHAPTERS)
def test_every_symbol_of_a_chapter_is_in_the_dictionary(chapter):
    import dictionary

    formulas = re.findall(r"\$\$(.*?)\$\$|\$([^$\n]+(?:\n[^$\n]+)?)\$", text(chapter), re.S)
    shown = set().union(*(dictionary.letters("".join(pair)) for pair in formulas), set())
    known = {word["glyph"] for word in dictionary.meanings(chapter.stem)}
    assert sorted(shown - known) == []


@every()
def test_the_numbers_at_a_chapters_end_have_bands(chapter):
    stored = json.loads((ROOT / "planrl" / "teaching" / "numbers.json").read_text(encoding="utf-8"))
    assert chapter.stem in stored
    for name, values in stored[chapter.stem]["values"].items():
        assert len(values) >= 5, name


@pytest.mark.book
@every()
def test_each_number_at_a_chapters_end_is_compared_and_inside_its_band(chapter, built):
    page = page_soup(f"book/{chapter.stem}")
    table = page.select("table.planrl-numbers")[-1]
    rows = [[c.get_text() for c in row.find_all(["th", "td"])] for row in table.select("tbody tr")]
    stored = json.loads((ROOT / "planrl" / "teaching" / "numbers.json").read_text(encoding="utf-8"))
    assert sorted(row[0] for row in rows) == sorted(stored[chapter.stem]["values"])
    assert [row for row in rows if row[-1] != "inside"] == []


@pytest.mark.book
@pytest.mark.parametrize("full", [False, True], ids=["our-torch", "its-torch"])
def test_nothing_that_colab_brings_is_replaced(full):
    """What `make colab` installs beside Colab's own packages leaves those at their versions."""
    home = ROOT / (".venv-colab" if full else "_build/hosts/colab")
    site = next((home / "lib").glob("python3*/site-packages"), None)
    if site is None:
        pytest.skip(f"there is no {home.name}: run `make colab{' FULL=1' * full}`")
    found = {
        dist.metadata["Name"].lower().replace("-", "_"): dist.version
        for dist in importlib.metadata.distributions(path=[str(site)])
    }
    lines = (ROOT / ".ci" / "colab-constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.lower().split("==") for line in lines if "==" in line and line[0] != "#")
    assert {"numpy", "plotly", "ipywidgets", "ipython"} <= set(found)
    assert ("torch" in found) == full
    wrong = {
        name: found[key]
        for name, version in pins.items()
        if (key := name.replace("-", "_")) in found and found[key].split("+")[0] != version
    }
    assert wrong == {}
