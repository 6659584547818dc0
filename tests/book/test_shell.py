"""What stands around every page: sharing, footer, citation, sitemap, weight, formulas, paper."""

from __future__ import annotations

import base64
import gzip
import re
import tomllib
import types
from urllib.parse import urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup
from built_site import DESKTOP, DOCUMENTS, PAGES, ROOT

HEAVIEST = 700_000  # bytes a page may take, gzipped, without plotly and fonts
CALMEST = 0.1  # the layout shift that is still called good
PLOTLY = "plotly.min.js"
LOADED = (".html", ".js", ".mjs", ".css")
SHIFTS = """window.shift = 0; new PerformanceObserver((list) => {
  for (const e of list.getEntries()) if (!e.hadRecentInput) window.shift += e.value;
}).observe({type: 'layout-shift', buffered: true});"""
# Words that fade in are pale for a moment: axe looks when they have.
AXE = """async () => {
  await Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})));
  return (await axe.run({exclude: [['.main-svg'], ['.gl-container']]})).violations; }"""
SCROLL = """async () => { for (let y = 0; y < document.body.scrollHeight; y += 600) {
  scrollTo(0, y); await new Promise((go) => setTimeout(go, 30)); } }"""


def citation():
    return yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))


# --- without a built book ---


def test_the_address_is_optional_and_ends_in_a_slash(tmp_path):
    import shell

    file = tmp_path / "pyproject.toml"
    file.write_text('[project.urls]\nRepository = "https://a.b/c"\n')
    assert shell.site_url(tmp_path) == ""
    file.write_text('[project.urls]\nDocumentation = "https://a.org/book"\n')
    assert shell.site_url(tmp_path) == "https://a.org/book/"


def test_tags_are_full_addresses_where_the_address_is_known():
    import shell

    told = shell.tags(
        "A & B", 'Say "x".', page="book/a.html", card=shell.CARD, base="https://a.org/"
    )
    assert 'property="og:image" content="https://a.org/_static/card.png"' in told
    assert 'property="og:url" content="https://a.org/book/a.html"' in told
    assert "A &amp; B" in told
    assert "Say &quot;x&quot;." in told
    told = shell.tags("A", "", page="book/a.html", card="../_static/card.png", base="")
    assert 'content="../_static/card.png"' in told
    assert "og:url" not in told
    assert "description" not in told


def test_a_sitemap_names_every_page():
    import shell

    told = shell.sitemap("https://a.org/", ["book/a.html", "book/b&c.html"])
    assert "<loc>https://a.org/book/a.html</loc>" in told
    assert "b&amp;c" in told


def test_a_site_with_an_address_writes_sitemap_and_robots(tmp_path):
    import shell

    scripts = tmp_path / "_static" / "scripts"
    scripts.mkdir(parents=True)
    (scripts / "fontawesome.js").write_text(
        'x={"bars":[1,2,[],"f0c9","M0"],"bat":[1,2,[],"f0","M1"]}'
    )
    env = types.SimpleNamespace(found_docs={"book/a"})
    app = types.SimpleNamespace(
        outdir=tmp_path, srcdir=ROOT, env=env, builder=types.SimpleNamespace(format="html"),
        config=types.SimpleNamespace(html_baseurl="https://a.org/"),
    )  # fmt: skip
    shell.finish(app, None)
    assert "https://a.org/book/a.html" in (tmp_path / "sitemap.xml").read_text()
    assert "Sitemap: https://a.org/sitemap.xml" in (tmp_path / "robots.txt").read_text()
    assert (scripts / "fontawesome.js").read_text() == 'x={"bars":[1,2,[],"f0c9","M0"]}'


def test_icons_are_kept_by_their_names_and_by_their_other_names():
    import shell

    icons = '{a:[1,2,["old"],"f0","M1"],"b-c":[1,2,[],"f1",["M2","M3"]],d:[1,2,[7],"f2","M4"]};f()'
    assert shell.lighten(icons, {"old"}) == '{a:[1,2,["old"],"f0","M1"]};f()'
    assert shell.lighten(icons, {"b-c"}) == '{"b-c":[1,2,[],"f1",["M2","M3"]]};f()'


def test_tables_are_files_of_their_own_in_the_book(tmp_path):
    import shell

    data = base64.b64encode(b"a,b\n1,2\n").decode()
    body = f'<a download="n.csv" href="data:text/csv;base64,{data}">x</a>'
    made = shell.apart(body, "book/05_x", tmp_path, "../_static/")
    assert made == '<a download="n.csv" href="../_static/data/05_x/n.csv">x</a>'
    assert (tmp_path / "_static/data/05_x/n.csv").read_bytes() == b"a,b\n1,2\n"


def test_the_citation_is_that_of_the_project():
    import shell

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    cited = citation()
    assert cited["version"] == project["version"]
    assert cited["repository-code"] == project["urls"]["Repository"]
    text = shell.bibtex(cited)
    assert "@software{planrl," in text
    assert f"version = {{{project['version']}}}" in text
    assert "eprint = {2509.22613}" in text
    assert text.count("{") == text.count("}")


def test_the_card_is_small_and_as_large_as_said():
    import shell

    card = (ROOT / "book/_static/card.png").read_bytes()
    assert len(card) <= 60_000
    size = int.from_bytes(card[16:20], "big"), int.from_bytes(card[20:24], "big")
    assert size == shell.CARD_SIZE


def test_links_of_a_page_lead_within_the_one_document():
    import paper

    known = {"book/a", "book/b"}
    assert paper.address("#x", "book/a", known, "") == "#a--x"
    assert paper.address("b.html", "book/a", known, "") == "#b"
    assert paper.address("b.html#y", "book/a", known, "") == "#b--y"
    assert paper.address("https://c.org", "book/a", known, "") == "https://c.org"
    assert paper.address("../_static/data/a/n.csv", "book/a", known, "") == ""
    there = paper.address("../_static/n.csv", "book/a", known, "https://d.org/")
    assert there == "https://d.org/_static/n.csv"
    assert paper.address("data:text/csv,a", "book/a", known, "") == ""


# --- the built pages ---


def soup(built, name):
    return BeautifulSoup((built / f"{name}.html").read_text("utf-8"), "html.parser")


@pytest.mark.book
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_says_how_a_link_to_it_looks(name, built):
    page = soup(built, name)
    told = {tag["property"]: tag["content"] for tag in page.find_all("meta", property=True)}
    title = " ".join(page.select_one("article h1").find(string=True).split())
    assert title.split()[-1] in told["og:title"]
    assert "<" not in told["og:title"]
    assert len(told["og:description"]) > 30
    assert page.find("meta", attrs={"name": "description"})["content"] == told["og:description"]
    image = told["og:image"]
    if not urlsplit(image).scheme:
        assert (built / name).parent.joinpath(image).resolve().exists()
    assert page.find("link", rel="icon")


@pytest.mark.book
@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_its_licence_and_how_to_cite_it(name, built):
    page = soup(built, name)
    foot = page.select_one("footer .extra_footer")
    links = {a.get_text(): a["href"] for a in foot.find_all("a")}
    for text, file in (("MIT licence", "LICENSE"), ("CITATION.cff", "CITATION.cff")):
        linked = ((built / name).parent / links[text]).resolve()
        assert linked.read_bytes() == (ROOT / file).read_bytes()
    assert "@software{planrl," in foot.get_text()


@pytest.mark.book
def test_every_tagged_formula_has_its_anchor(built):
    for name in DOCUMENTS:
        source = ROOT / f"{name}.py"
        if not source.exists():
            continue
        tags = re.findall(r"\\tag\{([\d.]+)\}", source.read_text("utf-8"))
        page = soup(built, name)
        for tag in tags:
            formula = page.find(id=f"formula-{tag.replace('.', '-')}")
            assert formula, f"{name}: no anchor for ({tag})"
            holder = formula if "math" in formula.get("class", []) else formula.find_parent("div")
            assert f"\\tag{{{tag}}}" in holder.get_text()


@pytest.mark.book
def test_the_changelog_is_a_page(built):
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    page = soup(built, "book/changelog").get_text(" ")
    for heading in re.findall(r"^## (.+)$", text, re.M):
        assert heading in page


@pytest.mark.book
def test_no_address_no_sitemap(built):
    import shell

    assert (built / "sitemap.xml").exists() == bool(shell.site_url(ROOT))
    canonical = soup(built, DOCUMENTS[0]).find("link", rel="canonical")
    assert bool(canonical) == bool(shell.site_url(ROOT))


@pytest.mark.book
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_light_and_nothing_jumps(name, open_page, origin, chromium):
    weights, total = {}, 0.0
    for size in ((1280, 900), (390, 844)):
        context = chromium.new_context(viewport={"width": size[0], "height": size[1]})
        page = context.new_page()
        page.add_init_script(SHIFTS)
        answers = []
        page.on("response", lambda answer: answers.append(answer))  # noqa: B023
        page.goto(f"{origin}{name}.html", wait_until="load")
        page.evaluate("async () => { await window.MathJax?.startup?.promise }")
        page.evaluate(SCROLL)
        page.wait_for_timeout(200)
        total = max(total, page.evaluate("window.shift"))
        for answer in answers:
            path = urlsplit(answer.url).path
            if path.endswith(LOADED) and not path.endswith(PLOTLY):
                weights[path] = len(gzip.compress(answer.body()))
        context.close()
    heaviest = sorted(weights.items(), key=lambda w: -w[1])[:4]
    assert sum(weights.values()) < HEAVIEST, f"{sum(weights.values())}: {heaviest}"
    assert total < CALMEST, f"the page jumps: {total:.3f}"


@pytest.mark.book
@pytest.mark.parametrize("view", [DESKTOP, (390, 844, "dark")], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious_on_a_page(name, view, open_page, origin):
    tool = ROOT / "_build/npm/node_modules/axe-core/axe.min.js"
    if not tool.exists():
        pytest.skip("axe-core is not there: build the book with npm")
    visit = open_page(f"{origin}{name}.html", name=name, view=view)
    visit.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    visit.settle()
    visit.page.evaluate(tool.read_text("utf-8"))  # no script gets in as an element
    found = visit.page.evaluate(AXE)
    bad = [
        f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
    visit.page.close()
    assert bad == []


@pytest.mark.book
def test_every_icon_is_drawn(open_page, origin):
    visit = open_page(f"{origin}{DOCUMENTS[1]}.html")
    visit.page.wait_for_selector("svg.svg-inline--fa", state="attached")
    assert visit.page.locator("i[class*='fa-']").count() == 0
    assert visit.page.locator("svg.svg-inline--fa").count() >= 8
    assert visit.page.locator("svg.svg-inline--fa animate").count() == 0, "an icon is missing"
    visit.page.close()


@pytest.mark.book
def test_the_citation_can_be_copied(open_page, origin):
    visit = open_page(f"{origin}{DOCUMENTS[0]}.html", view=DESKTOP)
    page = visit.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".planrl-cite summary").press("Enter")
    box = page.locator(".planrl-cite .highlight")
    box.hover()
    box.locator("button.copybtn").click()
    box.locator("button.copybtn.success").wait_for()
    assert "@software{planrl," in page.evaluate("navigator.clipboard.readText()")
    page.close()


@pytest.mark.book
@pytest.mark.slow
def test_the_book_prints_to_one_file(built, chromium, tmp_path):
    import paper

    text = paper.sheet(built)
    page = BeautifulSoup(text, "html.parser")
    ids = [element["id"] for element in page.find_all(id=True)]
    assert len(ids) == len(set(ids)), "two pages share an id"
    broken = [
        a["href"] for a in page.find_all("a", href=re.compile("^#")) if a["href"][1:] not in ids
    ]
    assert broken == []
    assert len(page.select("article.bd-article")) == len(DOCUMENTS)
