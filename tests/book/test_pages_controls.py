"""The controls of every built page, and at last what went wrong in the visits of test_pages.py."""

from __future__ import annotations

import re

import pytest
from built_site import (
    ALL_DRAWN,
    DRAWN,
    open_everything,
)

pytestmark = pytest.mark.book


def plot_of(control):
    return control.locator("xpath=ancestor::figure[1]").locator(".plotly-plot")


# What a chapter says of its lab's controls, where it is not what the lab begins with elsewhere.
BEGINS = {
    "book/06_kl": {"policy-gradient-model": "Transformer", "policy-gradient-kl": "1"},
    "book/02_one_layer": {"imitation-model": "Transformer"},
}


@pytest.mark.any_view
def test_a_lab_begins_with_the_settings_that_its_page_gives(visit):
    given = BEGINS.get(visit.name, {})
    for name, said in given.items():
        control = visit.page.locator(f"#lab-{name}")
        text = """(e) => e.selectedOptions?.[0].text ?? e.getAttribute('aria-valuetext')"""
        assert control.evaluate(text) == said


@pytest.mark.any_view
def test_every_guess_can_be_made_and_answered(visit):
    open_everything(visit.page)
    for place in range(visit.page.locator(".plotly-predict").count()):
        box = visit.page.locator(".plotly-predict").nth(place)
        figure = box.locator("xpath=ancestor::figure[1]")
        button = box.locator("button")
        button.evaluate("(b) => { if (b.textContent === 'Guess again') b.click(); }")
        ask_and_answer(figure, figure.locator(".plotly-plot"), box.locator("input"), button)


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


@pytest.mark.any_view
def test_every_slider_moves_its_figure(visit):
    open_everything(visit.page)
    covered = ".plotly-figure:has(.plotly-frames[hidden]) .plotly-reveal"
    visit.page.locator(covered).evaluate_all("(all) => all.forEach((b) => b.click())")
    for slider in visit.page.locator("article figure input[type=range]:not(.plotly-guess)").all():
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


@pytest.mark.any_view
def test_every_list_changes_its_figure(visit):
    open_everything(visit.page)
    visit.page.wait_for_function(ALL_DRAWN)
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


@pytest.mark.any_view
def test_every_slider_of_a_lab_answers_the_keyboard(visit):
    open_everything(visit.page)
    for lab in visit.page.locator(".planrl-lab").all():
        status = lab.locator(".planrl-lab-status")
        for slider in lab.locator("input[type=range]").all():
            slider.focus()
            said = set()
            for key in ("Home", "End"):
                slider.press(key)
                said.add(slider.get_attribute("aria-valuetext"))
                assert re.search("ecorded|Nothing has been trained", status.inner_text())
            assert len(said) == 2


@pytest.mark.any_view
def test_no_button_of_a_figure_leads_to_a_server(visit):
    """The one that is there saves a picture; a lab's figure has none."""
    buttons = visit.page.evaluate(
        """() => [...document.querySelectorAll('.js-plotly-plot')].map((plot) =>
             [plot._context.showSendToCloud, plot._context.plotlyServerURL,
              [...plot.querySelectorAll('.modebar-btn')].map((b) => b.dataset.attr ?? b.dataset.title)])"""
    )
    assert all(one[:2] == [False, ""] and len(one[2]) <= 1 for one in buttons), buttons


@pytest.mark.any_view
def test_every_play_button_plays(visit):
    for button in visit.page.locator(".plotly-play").all():
        slider = button.locator("xpath=following-sibling::input")
        slider.press("Home")
        press = "(b) => { b.click(); return b.textContent; }"  # at once, between two frames
        assert button.evaluate(press) == "Pause"
        visit.page.wait_for_function("(s) => Number(s.value) >= 1", arg=slider.element_handle())
        pause = "(b) => { if (b.textContent === 'Pause') b.click(); return b.textContent; }"
        assert button.evaluate(pause) == "Play"


# The buttons whose press changes nothing in the page.
DEAD = """async (buttons) => { const dead = [];
  const whole = {subtree: true, childList: true, attributes: true, characterData: true};
  for (const button of buttons) {
    const changed = new Promise((go) => {
      new MutationObserver((_, watcher) => { watcher.disconnect(); go(true); })
        .observe(document, whole);
      setTimeout(() => go(false), 20000); });
    button.click();
    if (!(await changed)) dead.push(button.outerHTML.slice(0, 200)); }
  return dead; }"""


@pytest.mark.any_view
def test_every_button_does_something(visit):
    """Those of a lab train: they are pressed in test_labs.py."""
    open_everything(visit.page)
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    buttons = visit.page.locator("article button:visible:not(.planrl-lab *)")
    assert buttons.evaluate_all(DEAD) == []
    assert visit.page.locator("article button:disabled").count() == 0


@pytest.mark.any_view
def test_every_drop_down_opens(visit):
    shut = visit.page.evaluate(
        """() => { const all = [...document.querySelectorAll('article details')].filter(
               (one) => getComputedStyle(one).display !== 'none'); // a card that is not asked for
             for (const one of all) one.open = false;
             return all.filter((one) => {
               for (let e = one.parentElement; e; e = e.parentElement) e.open = true;
               const summary = one.querySelector('summary');
               summary.click();
               return !one.open || one.offsetHeight <= summary.offsetHeight;
             }).map((one) => one.outerHTML.slice(0, 200)); }"""
    )
    assert shut == []
    visit.settle()


@pytest.mark.any_view
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
