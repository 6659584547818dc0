"""The site in a real browser: from the disk, themes, printing, without scripts, the header."""

from __future__ import annotations

import json
import re

import pytest
from built_site import (
    DOCUMENTS,
    DRAWN,
    FULL,
    HTML,
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
        html = (HTML / f"{name}.html").read_text(encoding="utf-8")
        if re.search(selector, html):
            return open_page(f"{origin}{name}.html", name=name, **options)
    pytest.skip(f"no page holds {selector}")


# From the disk no font can be loaded ahead: it comes by the style, as check_mathematics sees.
NOT_AHEAD = re.compile(r"mathematics\.woff2|^Failed to load resource: net::ERR_FAILED$")


# A page with figures, formulas and a lab, and one with what else there is.
@pytest.mark.parametrize("name", ["04_policy_gradient", "api"])
def test_pages_work_from_the_disk(name, open_page, built):
    visit = open_page((built / "book" / f"{name}.html").as_uri(), name=name)
    check_figures(visit)
    check_mathematics(visit)
    assert visit.outside("file://") == []
    assert [one for one in visit.failed if not NOT_AHEAD.search(one)] == []
    assert [one for one in visit.errors if not NOT_AHEAD.search(one)] == []


def test_figures_follow_the_theme_at_once(open_page, origin):
    visit = first_with(open_page, origin, "plotly-figure")
    plot = visit.page.locator(".plotly-plot").first
    colour = "(p) => getComputedStyle(p.querySelector('text')).fill"
    ink = "getComputedStyle(document.documentElement).getPropertyValue('--pst-color-text-base')"
    seen = {}
    try:
        for _ in range(3):  # the button goes round: automatic, light, dark
            visit.page.locator(".theme-switch-button:visible").first.click()
            theme = visit.page.evaluate("document.documentElement.dataset.theme")
            seen[theme] = (plot.evaluate(colour), visit.page.evaluate(ink), plot.evaluate(DRAWN))
    finally:
        visit.page.evaluate("localStorage.clear()")  # where the theme is kept for the next page
    assert set(seen) == {"light", "dark"}
    assert seen["light"][0] != seen["dark"][0]
    assert seen["light"][2] != seen["dark"][2]


def test_a_folded_figure_is_shown_in_the_theme_chosen_meanwhile(open_page, origin):
    visit = first_with(open_page, origin, "plotly-figure")
    plot = visit.page.locator(".plotly-plot").first
    colour = "(p) => getComputedStyle(p.querySelector('text')).fill"
    fold = """(p, open) => { p.closest('figure').style.display = open ? '' : 'none'; }"""
    light = plot.evaluate(colour)
    plot.evaluate(fold, False)
    visit.page.emulate_media(color_scheme="dark")
    visit.page.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")
    plot.evaluate(fold, True)
    visit.page.wait_for_function(
        f"([p, light]) => ({colour})(p) !== light", arg=[plot.element_handle(), light]
    )


def test_reduced_motion_plays_one_frame_a_press(open_page, origin):
    visit = first_with(open_page, origin, 'class="plotly-play"')
    visit.page.emulate_media(reduced_motion="reduce")
    open_everything(visit.page)
    button = visit.page.locator(".plotly-play:visible").first
    slider = button.locator("xpath=following-sibling::input")
    slider.press("Home")
    assert button.inner_text() == "Next"
    button.press("Enter")
    assert slider.input_value() == "1"


def test_without_scripts_figures_are_pictures_and_answers_are_folded(open_page, origin):
    visit = first_with(open_page, origin, "plotly-predict", java_script_enabled=False, settle=False)
    for figure in visit.page.locator(".plotly-figure").all():
        asks = figure.locator(".plotly-predict").count() > 0
        picture = figure.locator(".plotly-still img")
        assert picture.is_visible() != asks
        if asks:
            figure.locator("summary").click()
        assert picture.bounding_box()["height"] > 100
        assert len(picture.get_attribute("alt")) > 5
        assert not figure.locator(".plotly-plot").is_visible()
    assert visit.page.locator(".plotly-controls:visible").count() == 0


def test_print_keeps_the_drawings(open_page, origin):
    visit = open_page(f"{origin}book/04_policy_gradient.html")
    visit.page.emulate_media(media="print")
    for kind in (
        ".plotly-plot .main-svg",
        ".planrl-lab-plot .main-svg",
        "article div.math > math",
        ".planrl-lab-numbers table",
    ):
        there = visit.page.locator(kind)
        assert there.count() > 0, kind
        assert there.locator("visible=true").count() == there.count(), kind


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
    answered = page.locator(".plotly-figure:not(:has(.plotly-answer:empty))").count()
    assert page.locator(".plotly-alt:visible").count() == answered, "an answer is not printed first"
    assert page.locator(".plotly-controls:visible").count() == 0


@pytest.mark.parametrize("view", VIEWS, ids=["hover", "touch"])
def test_a_letter_says_what_it_means(open_page, origin, view):
    visit = open_page(f"{origin}book/01_paths.html", view=view)
    letter = visit.page.locator("article div.math mi.planrl-symbol").first
    letter.scroll_into_view_if_needed()
    letter.hover() if view == FULL else letter.tap()
    said = visit.page.locator(".planrl-symbol-said")
    assert said.is_visible()
    assert "adjacency" in said.inner_text()
    box = said.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= view[0]
    visit.page.keyboard.press("Escape")
    assert not said.is_visible()
    assert visit.errors == []


@pytest.mark.parametrize("view", VIEWS, ids=["full", "narrow"])
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
