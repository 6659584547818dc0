"""The built pages as text: nothing to load from elsewhere, no link that leads nowhere."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from built_site import DOCUMENTS, HTML, ROOT, TOC, by_id, soup

pytestmark = pytest.mark.book
LOADING = {  # an element and the attribute from which a browser loads
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
    "image": "href",
}


@pytest.fixture(scope="module")
def pages(built):
    return sorted(p for p in built.rglob("*.html") if "_static" not in p.parts)


def test_exactly_the_listed_pages_are_built(pages, built):
    names = {page.relative_to(built).with_suffix("").as_posix() for page in pages}
    assert names == {*DOCUMENTS, "index", "search", "genindex"}


def test_no_page_loads_from_elsewhere(pages):
    outside = []
    for page in pages:
        for element in soup(page).find_all([*LOADING, "link"]):
            if element.name == "link":
                relations = element.get("rel") or []
                loads = {"stylesheet", "icon", "preload", "modulepreload", "preconnect"}
                url = element.get("href") if loads & set(relations) else None
            else:
                url = element.get(LOADING[element.name])
            if url and re.match(r"(https?:)?//", url):
                outside.append((page.name, url))
        for style in soup(page).find_all("style"):
            outside += [
                (page.name, u) for u in re.findall(r"url\(['\"]?(https?:[^)]*)", str(style))
            ]
        scripts = " ".join(s.get_text() for s in soup(page).find_all("script") if not s.get("src"))
        outside += [
            (page.name, u) for u in re.findall(r"https?://unpkg\S*|https?://cdn\S*", scripts)
        ]
    assert outside == []


def test_every_internal_link_and_anchor_resolves(pages):
    broken = []
    for page in pages:
        for anchor in soup(page).find_all("a", href=True):
            target, fragment = urldefrag(anchor["href"])
            target = target.partition("?")[0]  # a lab's settings
            if re.match(r"[a-z]+:", target):
                continue
            path = (page.parent / unquote(target)).resolve() if target else page
            pointed = fragment and path.suffix == ".html"
            if not path.exists() or (pointed and not anchor_exists(path, unquote(fragment))):
                broken.append((page.name, anchor["href"]))
    assert broken == []


def anchor_exists(path: Path, fragment: str) -> bool:
    return fragment in by_id(path) or bool(soup(path).find(attrs={"name": fragment}))


def test_the_front_door_leads_to_the_welcome_page(built):
    (door,) = soup(built / "index.html").select(
        "meta[http-equiv=Refresh], meta[http-equiv=refresh]"
    )
    assert re.search(r"url=\s*(.*)$", door["content"], re.I)[1] == f"{TOC['root']}.html"


def test_pages_name_what_is_theirs_from_where_they_stand(pages, built):
    """So that they work as files, and below any address."""
    rooted = [
        (page.name, element.get(name))
        for page in pages
        for name in ("src", "href", "data-live", "action")
        for element in soup(page).find_all(attrs={name: re.compile(r"^(/(?!/)|file:|http://127)")})
    ]
    rooted += [
        (sheet.name, url)
        for sheet in (built / "_static").rglob("*.css")
        for url in re.findall(r"url\(['\"]?(/[^/)][^)]*)", sheet.read_text("utf-8"))
    ]
    assert rooted == []


def lacking(pages, selector, wanted):
    """The elements of all pages that are not as wanted, each with its page's name."""
    return [
        (page.name, str(element)[:80])
        for page in pages
        for element in soup(page).select(selector)
        if not wanted(element)
    ]


def test_every_image_has_an_alternative(pages):
    assert lacking(pages, "img", lambda image: image.get("alt") is not None) == []


def test_every_figure_has_a_name(pages):
    for page in pages:
        for figure in soup(page).select("figure.plotly-figure"):
            ids = figure["aria-labelledby"].split()
            name = " ".join(by_id(page)[one].get_text(" ", strip=True) for one in ids)
            assert len(name) >= 10, f"{page.name}: {figure['id']} is named {name!r}"
            alt = by_id(page)[f"{figure['id']}-alt"].get_text(strip=True)
            assert len(alt) >= 10, f"{page.name}: {figure['id']} is described as {alt!r}"


def test_the_font_of_formulas_has_all_their_letters(pages):
    listed = (ROOT / "book" / "_vendor" / "mathematics" / "letters.txt").read_text("utf-8")
    ranges = re.findall(r"U\+(\w+)(?:-(\w+))?", listed)
    font = {chr(c) for low, high in ranges for c in range(int(low, 16), int(high or low, 16) + 1)}
    invisible = "\u2061 \n"
    for page in pages:
        text = "".join(formula.get_text() for formula in soup(page).select("math"))
        assert sorted({*text} - font - {*invisible}) == [], page.name


def test_no_formula_is_left_as_it_was_typed(pages):
    typed = re.compile(r"\$[^$\n]{1,80}\$|\\\(.{1,80}?\\\)")
    for page in pages:
        for text in soup(page).find_all(string=typed):
            assert text.find_parent(["code", "pre", "script", "style"]), f"{page.name}: {text}"


def test_ids_are_unique(pages):
    for page in pages:
        ids = Counter(element["id"] for element in soup(page).find_all(id=True))
        twice = {one for one, times in ids.items() if times > 1}
        assert not twice, f"{page.name}: {twice}"


def test_every_page_has_a_title_and_a_language(pages):
    for page in pages:
        if page.name == "index.html" and page.parent == HTML:
            continue  # only leads to the welcome page
        assert soup(page).html.get("lang") == "en"
        assert "planrl" in soup(page).title.get_text()


def test_chapters_have_colab_and_download_buttons(built):
    import pairs

    for script in pairs.scripts():
        page = soup(built / "book" / f"{script.stem}.html")
        links = [a["href"] for a in page.find_all("a", href=True)]
        file = f"book/{script.stem}.ipynb"
        owner = pairs.repository_url().removeprefix("https://github.com/")
        assert f"https://colab.research.google.com/github/{owner}/blob/main/{file}" in links
        assert (ROOT / file).exists()
        assert pairs.repository_url() in links
        source = built / "_sources" / file
        assert f"../_sources/{file}" in links
        assert json.loads(source.read_text("utf-8")) == json.loads((ROOT / file).read_text("utf-8"))


def test_the_colab_cell_is_on_no_page(pages):
    for page in pages:
        assert "git+https" not in soup(page).get_text()


def test_no_chapter_leaves_an_error_report(built):
    assert sorted(built.rglob("*.err.log")) == []


def test_plotly_is_loaded_only_where_there_are_figures_or_labs(pages):
    for page in pages:
        loads = any("plotly.min.js" in (s.get("src") or "") for s in soup(page).find_all("script"))
        assert loads == bool(soup(page).select(".plotly-figure, .planrl-lab")), page.name


def test_a_fold_says_whether_it_holds_code_or_checks_of_the_text(pages):
    found = set()
    for page in pages:
        for cell in soup(page).select("div.cell:has(details.hide)"):
            said = cell.select_one("details.hide .collapsed").get_text()
            found.add(said)
            if said == "Show the checks of this text":
                assert "assert" in cell.select_one("pre").get_text()
                assert cell.select_one(".cell_output") is None
    assert "Show the code" in found
    assert found <= {"Show the code", "Show the checks of this text"}


def test_no_drop_down_stands_open(pages):
    """A hint, a solution, code: the reader opens them."""
    assert [(p.name, str(d)[:80]) for p in pages for d in soup(p).select("details[open]")] == []


def has_points(trace):
    points = [trace.get(key) or [] for key in "xyz"]
    return any("bdata" in p if isinstance(p, dict) else {*map(str, p)} - {"None"} for p in points)


def test_no_named_trace_of_a_figure_is_empty(pages):
    """Figures with frames are left out: theirs may begin with nothing."""
    empty = []
    for page in pages:
        for figure in soup(page).select("figure.plotly-figure"):
            drawn = json.loads(figure.select_one("script[type='application/json']").string)
            named = [trace for trace in drawn["data"] if trace.get("name")]
            if not drawn.get("frames"):
                lost = [trace["name"] for trace in named if not has_points(trace)]
                empty += [(page.name, figure["id"], name) for name in lost]
    assert empty == []


def test_every_figure_keeps_its_height_before_it_is_drawn(pages):

    def has_height(plot):
        return re.match(r"--height: \d+px", plot.get("style", ""))

    assert lacking(pages, ".plotly-plot", has_height) == []


def test_a_lab_begins_with_what_its_chapter_says():
    for script in sorted((ROOT / "book").glob("[01]*.py")):
        said = re.findall(r'^lab\("([\w-]+)"(?:, "([^"]*)")?\)', script.read_text("utf-8"), re.M)
        built = soup(HTML / "book" / f"{script.stem}.html").select("section.planrl-lab")
        assert [(one["id"], one["data-state"]) for one in built] == [
            (f"lab-{name}", state) for name, state in said
        ]
