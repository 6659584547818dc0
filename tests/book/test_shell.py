"""What stands around every page: sharing, footer, citation, sitemap, formulas, paper."""

from __future__ import annotations

import base64
import re
import tomllib
import types
from urllib.parse import urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup
from built_site import DOCUMENTS, PAGES, ROOT, page_soup

import planrl


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
        outdir=tmp_path,
        srcdir=ROOT,
        env=env,
        builder=types.SimpleNamespace(format="html"),
        config=types.SimpleNamespace(html_baseurl="https://a.org/"),
    )
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


def test_pictures_for_browsers_without_scripts_are_files_that_others_do_not_load(tmp_path):
    import shell

    svg = '<svg xmlns="x" role="img" aria-label="two lines"><path/></svg>'
    body = f'<noscript><div class="plotly-still"><p>so</p>{svg}</div></noscript><svg>kept</svg>'
    made = shell.apart(f"{body}{body}", "book/05_x", tmp_path, "../_static/")
    assert made.count("<svg") == 2
    assert '<p>so</p><img src="../_static/data/05_x/still-2.svg" alt="two lines" />' in made
    assert (tmp_path / "_static/data/05_x/still-1.svg").read_text() == svg


def test_the_citation_is_that_of_the_project():
    import shell

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    cited = citation()
    assert cited["version"] == planrl.__version__
    assert cited["repository-code"] == project["urls"]["Repository"]
    text = shell.bibtex(cited)
    assert "@software{planrl," in text
    assert f"version = {{{planrl.__version__}}}" in text
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


@pytest.mark.book
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_says_how_a_link_to_it_looks(name, built):
    page = page_soup(name)
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
    page = page_soup(name)
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
        page = page_soup(name)
        for tag in tags:
            formula = page.find(id=f"formula-{tag.replace('.', '-')}")
            assert formula, f"{name}: no anchor for ({tag})"
            holder = formula if "math" in formula.get("class", []) else formula.find_parent("div")
            assert f"({tag})" in holder.get_text()


@pytest.mark.book
def test_the_changelog_is_a_page(built):
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    page = page_soup("book/changelog").get_text(" ")
    for heading in re.findall(r"^## (.+)$", text, re.M):
        assert heading in page


@pytest.mark.book
def test_no_address_no_sitemap(built):
    import shell

    assert (built / "sitemap.xml").exists() == bool(shell.site_url(ROOT))
    canonical = page_soup(DOCUMENTS[0]).find("link", rel="canonical")
    assert bool(canonical) == bool(shell.site_url(ROOT))


@pytest.mark.book
@pytest.mark.slow
def test_the_book_prints_to_one_file(built):
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
