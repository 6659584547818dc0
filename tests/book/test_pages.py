"""Every built page in a real browser: two widths, two themes, every control."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.book
ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "_build" / "screenshots"
DESKTOP = (1280, 900, "light")
VIEWS = [(w, h, theme) for w, h in ((1280, 900), (390, 844)) for theme in ("light", "dark")]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
DOCUMENTS = [TOC["root"], *(c["file"] for part in TOC["parts"] for c in part["chapters"])]
PAGES = [*DOCUMENTS, "search", "genindex"]

# What a reader sees of a figure: every mark and every word that is drawn, without plotly's ids.
DRAWN = """(plot) => JSON.stringify([...plot.querySelectorAll('.main-svg *')].map((e) => [
  e.getAttribute('d'), e.getAttribute('href') || e.getAttribute('xlink:href'),
  e.getAttribute('transform'), e.getAttribute('style'), e.children.length ? '' : e.textContent]))"""
MARKS = """(plot) => [...plot.querySelectorAll('.overplot :is(path, image, text)')].filter((e) => {
  const box = e.getBoundingClientRect(); return box.width > 0 || box.height > 0; }).length"""
# Counts what changes in the document from now on.
WATCH = """() => { window.changes = 0; window.watcher?.disconnect();
  window.watcher = new MutationObserver((list) => { window.changes += list.length; });
  window.watcher.observe(document, {subtree: true, childList: true, attributes: true,
    characterData: true}); }"""


@pytest.fixture(
    scope="module",
    params=[(page, view) for page in PAGES for view in VIEWS],
    ids=lambda p: f"{p[0].rsplit('/', 1)[-1]}-{p[1][0]}-{p[1][2]}",
)
def visit(request, open_page, origin):
    """One page in one view; the tests below use it one after the other, and its last asks it
    whether anything went wrong on the way."""
    name, view = request.param
    visit = open_page(f"{origin}{name}.html", name=name, view=view)
    yield visit
    visit.page.close()


def plot_of(control):
    return control.locator("xpath=ancestor::figure[1]").locator(".plotly-plot")


def open_everything(page):
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")


def test_looks(visit):
    SHOTS.mkdir(parents=True, exist_ok=True)
    name = visit.name.rsplit("/", 1)[-1]
    path = SHOTS / f"{name}-{visit.width}-{visit.theme}.png"
    visit.page.screenshot(path=path, full_page=True)
    assert path.stat().st_size > 5_000
    assert visit.page.evaluate("document.documentElement.dataset.theme") == visit.theme


def test_every_figure_is_drawn(visit):
    open_everything(visit.page)
    visit.settle()
    figures = visit.page.locator(".plotly-figure")
    for plot in visit.page.locator(".plotly-plot").all():
        assert plot.evaluate("(p) => p.data.length") > 0
        assert plot.evaluate(MARKS) > 0, "a figure is empty"
        drawn, kept = plot.evaluate(
            "(p) => [p.querySelector('.main-svg').getBoundingClientRect().height, p.offsetHeight]"
        )
        assert drawn == kept, "the page keeps another height for a figure than it needs"
        assert plot.locator(".slider-container, .updatemenu-container").count() == 0
    drawn = visit.page.locator(".plotly-plot:has(.main-svg)").count()
    assert drawn == figures.count()


def test_nothing_hangs_over_the_edge(visit):
    open_everything(visit.page)
    wide = visit.page.evaluate(
        """() => {
          const edge = document.documentElement.clientWidth;
          const scrolls = (e) => { for (; e; e = e.parentElement) {
            if (getComputedStyle(e).overflowX !== 'visible') return true; } return false; };
          return [document.documentElement.scrollWidth - edge,
            [...document.querySelectorAll('article *')].filter((e) =>
              e.getBoundingClientRect().right > edge + 1 && !scrolls(e.parentElement))
              .map((e) => e.outerHTML.slice(0, 120))]; }"""
    )
    assert wide[0] <= 0, f"the page scrolls sideways: {wide[1][:3]}"
    reached = visit.page.evaluate(
        """() => [...document.querySelectorAll('div.math mjx-container')].every((e) =>
          e.getBoundingClientRect().left >= e.parentElement.getBoundingClientRect().left - 1)"""
    )
    assert reached, "the left end of an equation is out of reach"


def test_mathematics_is_set(visit):
    sources = visit.page.locator("article .math").count()
    assert visit.page.locator("article .math mjx-container").count() == sources
    assert visit.page.locator("article mjx-merror").count() == 0


def test_every_guess_can_be_made_and_answered(visit):
    for place in range(visit.page.locator(".plotly-predict").count()):
        box = visit.page.locator(".plotly-predict").nth(place)
        figure = box.locator("xpath=ancestor::figure[1]")
        plot, slider = figure.locator(".plotly-plot"), box.locator("input")
        ask_and_answer(figure, plot, slider, box.locator("button"))


def ask_and_answer(figure, plot, slider, button):
    axes = "(p) => Object.keys(p._fullLayout).filter((k) => /^[xy]axis\\d*$/.test(k))"
    ranges = f"(p) => ({axes})(p).map((k) => p._fullLayout[k].range)"
    answer = figure.locator(".plotly-answer")
    assert slider.is_enabled()
    assert answer.inner_text().strip() == ""
    before, held = plot.evaluate(DRAWN), plot.evaluate(ranges)
    slider.focus()
    slider.press("Home")
    low = plot.evaluate(DRAWN)
    slider.press("End")
    assert plot.evaluate(DRAWN) != low, "the guess moves no line"
    assert slider.get_attribute("aria-valuetext").startswith(slider.get_attribute("max"))
    slider.press("ArrowLeft")
    covered = plot.evaluate(DRAWN)
    shapes = plot.evaluate("(p) => p.layout.shapes.at(-1)")
    value = float(slider.input_value())
    assert value in (shapes["y0"], shapes["x0"])
    assert before != covered
    button.press("Enter")
    assert plot.evaluate(DRAWN) != covered, "nothing is revealed"
    assert plot.evaluate("(p) => p.data.every((t) => t.opacity !== 0)")
    assert plot.evaluate(ranges) == held, "the axes jump"
    assert plot.evaluate("(p) => p.layout.shapes.at(-1)") == shapes, "the guess is gone"
    assert slider.is_disabled()
    assert len(answer.inner_text().strip()) > 3
    button.press("Enter")
    assert plot.evaluate(DRAWN) == covered, "guessing again does not cover the answer"
    button.press("Enter")


def test_every_slider_moves_its_figure(visit):
    open_everything(visit.page)
    covered = ".plotly-figure:has(.plotly-frames[hidden]) .plotly-reveal"
    visit.page.locator(covered).evaluate_all("(all) => all.forEach((b) => b.click())")
    for slider in visit.page.locator("article input[type=range]:not(.plotly-guess)").all():
        if not slider.is_visible():
            pytest.fail(f"a slider cannot be reached: {slider.evaluate('(e) => e.outerHTML')}")
        plot = plot_of(slider)
        slider.focus()
        slider.press("Home")
        first, said = plot.evaluate(DRAWN), slider.get_attribute("aria-valuetext")
        output = slider.locator("xpath=following-sibling::output")
        assert output.inner_text() == said
        slider.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") != said
        slider.press("End")
        assert plot.evaluate(DRAWN) != first, "the slider moves nothing"
        slider.press("Home")
        assert plot.evaluate(DRAWN) == first, "the slider does not lead back"
        assert slider.get_attribute("aria-label") or slider.locator("xpath=ancestor::label").count()


def test_a_figure_drawn_again_looks_the_same(visit):
    open_everything(visit.page)
    visit.settle()
    drawn = f"() => [...document.querySelectorAll('.plotly-plot')].map({DRAWN})"
    first = visit.page.evaluate(drawn)
    visit.page.evaluate("() => window.dispatchEvent(new Event('planrl:redraw'))")
    assert visit.page.evaluate(drawn) == first


def test_every_play_button_plays(visit):
    for button in visit.page.locator(".plotly-play").all():
        slider = button.locator("xpath=following-sibling::input")
        slider.press("Home")
        press = "(b) => { b.click(); return b.textContent; }"  # at once, between two frames
        assert button.evaluate(press) == "Pause"
        visit.page.wait_for_function("(s) => Number(s.value) >= 1", arg=slider.element_handle())
        pause = "(b) => { if (b.textContent === 'Pause') b.click(); return b.textContent; }"
        assert button.evaluate(pause) == "Play"


def test_every_button_does_something(visit):
    open_everything(visit.page)
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for button in visit.page.locator("article button").all():
        if not button.is_visible():
            continue
        visit.page.evaluate(WATCH)
        button.evaluate("(b) => b.click()")
        visit.page.wait_for_function("window.changes > 0")
    assert visit.page.locator("article button:disabled").count() == 0


def test_every_drop_down_opens(visit):
    page = visit.page
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = false; })")
    for details in page.locator("article details").all():
        parents = "(d) => { for (let e = d.parentElement; e; e = e.parentElement) e.open = true; }"
        details.evaluate(parents)
        details.locator("summary").first.press("Enter")
        assert details.evaluate("(d) => d.open")
        assert details.evaluate("(d) => d.offsetHeight > d.querySelector('summary').offsetHeight")
    visit.settle()


def test_every_quick_check_answers(visit):
    open_everything(visit.page)
    for check in visit.page.locator(".planrl-check").all():
        shown = check.locator(".planrl-feedback:visible")
        assert shown.count() == 0
        radios, said = check.locator("input[type=radio]"), set()
        assert radios.count() >= 2
        radios.first.check()
        for place in range(radios.count()):
            if place:
                visit.page.keyboard.press("ArrowDown")
            assert radios.nth(place).is_checked()
            assert shown.count() == 1
            said.add(shown.inner_text())
            assert check.locator("[role=status]").inner_text()
        assert len(said) == radios.count()
        assert check.locator("legend").inner_text().strip()


def test_nothing_went_wrong_on_the_way(visit, origin):
    """Last: what the page asked for and complained about since it was opened."""
    assert visit.outside(origin) == []
    assert visit.failed == []
    assert visit.errors == []


# --- once, not in every view ---


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
    test_every_figure_is_drawn(visit)
    test_mathematics_is_set(visit)
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
