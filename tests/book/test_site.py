"""The site in a real browser: search, themes, printing, saving, copying, the header."""

from __future__ import annotations

import json
import re

import pytest
from built_site import (
    DESKTOP,
    DOCUMENTS,
    DRAWN,
    ROOT,
    TOC,
    VIEWS,
    WATCH,
    check_figures,
    check_mathematics,
    open_everything,
)

pytestmark = pytest.mark.book


def first_with(open_page, origin, selector, **options):
    """The first page that holds the selector; the test is skipped when none does."""
    for name in DOCUMENTS:
        html = (ROOT / "_build" / "html" / f"{name}.html").read_text(encoding="utf-8")
        if re.search(selector, html):
            return open_page(f"{origin}{name}.html", name=name, **options)
    pytest.skip(f"no page holds {selector}")


@pytest.mark.parametrize("name", DOCUMENTS, ids=lambda n: n.rsplit("/", 1)[-1])
def test_pages_work_from_the_disk(name, open_page, built):
    visit = open_page((built / f"{name}.html").as_uri(), name=name)
    check_figures(visit)
    check_mathematics(visit)
    assert visit.outside("file://") == []
    assert visit.failed == []
    assert visit.errors == []


def test_the_front_door_leads_to_the_welcome_page(open_page, origin):
    visit = open_page(origin, settle=False)
    visit.page.wait_for_url(f"{origin}{TOC['root']}.html")


def test_search_finds_a_chapter(open_page, origin, built):
    name = TOC["parts"][0]["chapters"][0]["file"]
    text = re.search(r"<h1>(.*?)<", (built / f"{name}.html").read_text(encoding="utf-8"), re.S)
    title = re.sub(r"&\w+;|<[^>]*>", " ", (built / f"{name}.html").read_text("utf-8"))
    title = re.search(r"\s(\w{7,})\b", text[1] if text else title)
    title = title[1] if title else "planning"
    visit = open_page(f"{origin}search.html?q={title}", settle=False)
    visit.page.wait_for_selector("#search-results li a")
    links = visit.page.locator("#search-results li a").evaluate_all(
        "(all) => all.map((a) => a.href)"
    )
    assert any(name in link for link in links), f"{title}: {links}"
    assert visit.outside(origin) == []
    assert visit.failed == []


def test_search_box_opens_and_leads_to_results(open_page, origin):
    visit = open_page(f"{origin}{TOC['root']}.html")
    visit.page.keyboard.press("Control+k")
    visit.page.keyboard.type("path")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/search.html?q=path")


def test_figures_follow_the_theme_at_once(open_page, origin):
    # A locale of its own: its context keeps the chosen theme, and other tests must not see it.
    visit = first_with(open_page, origin, "plotly-figure", view=DESKTOP, locale="en-GB")
    plot = visit.page.locator(".plotly-plot").first
    colour = "(p) => getComputedStyle(p.querySelector('text')).fill"
    ink = "getComputedStyle(document.documentElement).getPropertyValue('--pst-color-text-base')"
    seen = {}
    for _ in range(3):  # the button goes round: automatic, light, dark
        visit.page.locator(".theme-switch-button:visible").first.click()
        theme = visit.page.evaluate("document.documentElement.dataset.theme")
        seen[theme] = (plot.evaluate(colour), visit.page.evaluate(ink), plot.evaluate(DRAWN))
    assert set(seen) == {"light", "dark"}
    assert seen["light"][0] != seen["dark"][0]
    assert seen["light"][2] != seen["dark"][2]


def test_figures_follow_the_width(open_page, origin):
    visit = first_with(open_page, origin, "plotly-figure", view=DESKTOP)
    visit.page.set_viewport_size({"width": 390, "height": 844})
    visit.page.wait_for_function(
        """() => [...document.querySelectorAll('.plotly-plot')].every((p) => !p.clientWidth
             || p.querySelector('.main-svg').clientWidth === p.clientWidth)"""
    )
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_reduced_motion_plays_one_frame_a_press(open_page, origin):
    visit = first_with(open_page, origin, 'class="plotly-play"', reduced_motion="reduce")
    button = visit.page.locator(".plotly-play:visible").first
    slider = button.locator("xpath=following-sibling::input")
    slider.press("Home")
    assert button.inner_text() == "Next"
    button.press("Enter")
    assert slider.input_value() == "1"


def test_without_scripts_the_description_is_shown(open_page, origin):
    visit = first_with(open_page, origin, "plotly-figure", java_script_enabled=False, settle=False)
    for figure in visit.page.locator(".plotly-figure").all():
        assert len(figure.locator(".plotly-alt").inner_text()) > 5
        assert not figure.locator(".plotly-plot").is_visible()
    assert visit.page.locator(".plotly-controls:visible").count() == 0


def test_print_shows_the_description_in_the_light_theme(open_page, origin):
    visit = first_with(open_page, origin, "plotly-figure", view=(1280, 900, "dark"))
    page = visit.page
    page.evaluate(
        """() => window.addEventListener('beforeprint', () => {
             window.printed = document.documentElement.dataset.theme; })"""
    )
    assert len(page.pdf()) > 20_000
    assert page.evaluate("window.printed") == "light"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.emulate_media(media="print")
    assert page.locator(".plotly-alt:visible").count() == page.locator(".plotly-figure").count()
    assert page.locator(".plotly-controls:visible").count() == 0


def test_a_figure_can_be_saved_as_a_picture(open_page, origin):
    visit = first_with(open_page, origin, "plotly-figure", view=DESKTOP)
    visit.page.locator(".plotly-plot").first.hover()
    buttons = visit.page.locator(".plotly-plot").first.locator(".modebar-btn")
    assert buttons.count() == 1
    with visit.page.expect_download() as download:
        buttons.first.click()
    assert download.value.suggested_filename.endswith(".png")
    assert visit.outside(origin) == []


def test_copy_button_copies_the_code(open_page, origin):
    visit = first_with(open_page, origin, "cell_input", view=DESKTOP)
    open_everything(visit.page)
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cell = visit.page.locator("div.highlight:has(button.copybtn)").first
    cell.hover()
    cell.locator("button.copybtn").click()
    cell.locator("button.copybtn.success").wait_for()
    copied = visit.page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == cell.locator("pre").inner_text().strip()


@pytest.mark.parametrize("view", [VIEWS[0], VIEWS[2]], ids=["desktop", "phone"])
def test_header_buttons_work(open_page, origin, view):
    visit = first_with(open_page, origin, "dropdown-launch-buttons", view=view)
    page = visit.page
    page.evaluate("window.print = () => { window.printed = true; }")
    page.locator(".dropdown-download-buttons > button").click()
    link = page.locator("a.btn-download-source-button")
    assert link.is_visible()
    answer = page.request.get(link.evaluate("(a) => a.href"))
    assert answer.ok
    assert json.loads(answer.text())["nbformat"] == 4
    page.locator("button.btn-download-pdf-button").click()
    page.wait_for_function("window.printed")
    page.locator(".dropdown-launch-buttons > button").click()
    assert (
        page.locator(".dropdown-launch-buttons a:visible")
        .get_attribute("href")
        .startswith("https://colab.research.google.com/github/")
    )
    page.keyboard.press("Escape")
    menu = "button.primary-toggle:visible"
    page.evaluate(WATCH)
    page.locator(menu).first.click()
    page.wait_for_function("window.changes > 0")
    assert visit.errors == []
