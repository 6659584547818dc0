"""Every built page in a real browser: two widths, two themes, every control."""

from __future__ import annotations

import pytest
from built_site import (
    DRAWN,
    PAGES,
    SHOTS,
    VIEWS,
    WATCH,
    check_figures,
    check_mathematics,
    open_everything,
)

from planrl import style

pytestmark = pytest.mark.book


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


def test_looks(visit):
    SHOTS.mkdir(parents=True, exist_ok=True)
    name = visit.name.rsplit("/", 1)[-1]
    path = SHOTS / f"{name}-{visit.width}-{visit.theme}.png"
    visit.page.screenshot(path=path, full_page=True)
    assert path.stat().st_size > 5_000
    assert visit.page.evaluate("document.documentElement.dataset.theme") == visit.theme


def test_every_figure_is_drawn(visit):
    check_figures(visit)


def test_lines_that_a_dark_page_would_swallow_are_brighter_there_and_only_there(visit):
    open_everything(visit.page)
    visit.settle()
    lines = "(all) => all.map((line) => line.style.stroke)"
    drawn = set(visit.page.locator(".js-line").evaluate_all(lines))
    others = style.ON_DARK if visit.theme == "dark" else style.ON_DARK.values()
    wrong = [tuple(int(name[k : k + 2], 16) for k in (1, 3, 5)) for name in others]
    assert not drawn & {f"rgb{parts}" for parts in wrong}


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


@pytest.mark.any_theme
def test_mathematics_is_set(visit):
    check_mathematics(visit)


@pytest.mark.any_theme
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
    most = f"{float(slider.get_attribute('max')):g}"
    assert slider.get_attribute("aria-valuetext").startswith(most)
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
    for slider in visit.page.locator("article figure input[type=range]:not(.plotly-guess)").all():
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


def test_every_list_changes_its_figure(visit):
    for choice in visit.page.locator("article figure select:visible").all():
        plot, seen = plot_of(choice), set()
        assert choice.evaluate("(e) => e.labels.length") == 1
        places = choice.evaluate("(e) => [...e.options].map((o) => o.value)")
        first = choice.input_value()
        for place in places:
            choice.select_option(place)
            seen.add(plot.evaluate(DRAWN))
        assert len(seen) == len(places), "two choices show the same"
        choice.select_option(first)


def test_a_figure_drawn_again_looks_the_same(visit):
    open_everything(visit.page)
    visit.settle()
    drawn = f"() => [...document.querySelectorAll('.plotly-plot')].map({DRAWN})"
    again = "() => window.dispatchEvent(new Event('planrl:redraw'))"
    first = visit.page.evaluate(drawn)
    visit.page.evaluate(again)
    second = visit.page.evaluate(drawn)
    assert [k for k, (a, b) in enumerate(zip(first, second, strict=True)) if a != b] == []


@pytest.mark.any_theme
def test_every_play_button_plays(visit):
    for button in visit.page.locator(".plotly-play").all():
        slider = button.locator("xpath=following-sibling::input")
        slider.press("Home")
        press = "(b) => { b.click(); return b.textContent; }"  # at once, between two frames
        assert button.evaluate(press) == "Pause"
        visit.page.wait_for_function("(s) => Number(s.value) >= 1", arg=slider.element_handle())
        pause = "(b) => { if (b.textContent === 'Pause') b.click(); return b.textContent; }"
        assert button.evaluate(pause) == "Play"


@pytest.mark.any_theme
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


@pytest.mark.any_theme
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


@pytest.mark.any_theme
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
