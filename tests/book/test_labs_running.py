"""Live labs in the built pages: nothing that a reader or a browser does breaks one that trains."""

from __future__ import annotations

import os
import random
import re

import psutil
import pytest
from built_site import FRAMES
from lab_page import SLOW, SPY, STILL

from planrl.labs import Session
from planrl.labs.catalogue import labs

pytestmark = pytest.mark.book

SOAK = bool(os.environ.get("PLANRL_SOAK"))
MOVES = 4000 if SOAK else 40


def test_fast_moves_and_a_reset_in_a_step_leave_no_stale_number(open_lab):
    lab = open_lab("policy-gradient")
    lab.press("Train")
    lab.wait("Update [0-9]+")
    for place in [*range(8), *range(7, -1, -1), 3, 5, 1, 0]:
        lab.set("kl", place)
    lab.press("Reset")
    lab.wait("measured|Nothing has been trained")
    lab.press("One step")
    lab.wait("Paused at update 1")
    lab.check_numbers(Session("policy-gradient"), 1, learners=1)
    assert not lab.visit.errors


def test_a_worker_that_dies_is_told_and_can_be_started_again(open_lab):
    lab = open_lab("policy-gradient", script=SPY, **STILL)
    lab.press("Train")
    lab.wait("Paused at update 50")
    lab.page.evaluate("window.lastWorker.onerror({ message: 'killed' })")
    lab.wait("Training stopped: killed")
    lab.press("Start again")
    lab.wait("Paused at update 50")


def test_a_hidden_tab_pauses_and_goes_on_where_it_was(open_lab):
    lab = open_lab("policy-gradient", SLOW, script=SPY)
    lab.page.evaluate(
        """() => { window.shown = true; const mine = {configurable: true};
             Object.defineProperty(document, 'hidden', {...mine, get: () => !window.shown});
             window.turn = (shown) => { window.shown = shown;
               document.dispatchEvent(new Event('visibilitychange')); }; }"""
    )
    lab.press("Train")
    lab.wait("Update [0-9]{2,}")
    lab.page.evaluate("window.turn(false)")
    # A lab that goes on asks for the next updates while it hears of the last ones.
    lab.page.wait_for_function("() => window.asked === window.answered")
    asked = lab.page.evaluate("window.asked")
    lab.set("kl", 5)  # as a script might
    lab.page.evaluate(FRAMES)
    assert lab.page.evaluate("window.asked") == asked, "it trains although nobody looks"
    lab.page.evaluate("window.turn(true)")
    lab.wait_for_update(lab.update() + 20)
    lab.press("Pause")
    lab.wait("Paused at update")
    # The updates that were under way when it was paused come afterwards.
    parts = [lab.host.locator(f".planrl-lab-{part}") for part in ("status", "numbers caption")]
    lab.page.wait_for_function(
        """([status, caption]) => caption.textContent.includes(
             `After ${/update ([0-9]+)/.exec(status.textContent)?.[1]} `)""",
        arg=[part.element_handle() for part in parts],
    )
    assert not lab.visit.errors


def test_a_computer_that_slept_is_not_taken_for_a_dead_worker_and_a_silent_one_is(open_lab):
    own = {"locale": "en-GB"}  # a context of its own, whose clock is not everybody's
    clock = {"before": lambda page: page.clock.install()}
    lab = open_lab("policy-gradient", SLOW, script=SPY, **clock, **own)
    lab.press("Train")
    lab.wait("Update [0-9]{2,}")
    lab.page.clock.fast_forward("01:00:00")
    lab.wait_for_update(lab.update() + 20)
    lab.page.evaluate("window.lastWorker.onmessage = () => {}")
    lab.page.clock.run_for("00:32")
    lab.wait("Training stopped: no answer for 30 seconds")
    lab.press("Start again")
    lab.wait("Update [0-9]{2,}")


def test_two_labs_train_side_by_side_in_one_browser(open_lab):
    first, second = open_lab("policy-gradient", **STILL), open_lab("rewards", **STILL)
    first.press("Train")
    second.press("Train")
    first.wait("Paused at update 50")
    second.wait("Paused at update 50")


def moved(lab, controls, rng):
    """Something that a reader does to a lab; any of it may come while the last is still going on."""
    act = rng.choice(
        ["Train", "One step", "Reset", "Compare", "size", "control", "control", "control"]
    )
    if act == "size":
        lab.page.set_viewport_size({"width": rng.choice([390, 1280]), "height": 900})
    elif act == "control":
        name = rng.choice([*controls])
        place = rng.randrange(controls[name])
        lab.choose_preset(place) if name == "preset" else lab.set(name, place)
    else:
        names = re.compile("^(Train|Pause|Continue|Start again)$" if act == "Train" else f"^{act}$")
        lab.host.get_by_role("button", name=names).evaluate_all("all => all[0].click()")
    return act


def held(browser, page):
    """What a page holds after its garbage is gone: MB of its process, MB of its heap, its nodes."""
    page.send("HeapProfiler.collectGarbage")
    heap = page.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    nodes = page.send("Memory.getDOMCounters")["nodes"]
    processes = browser.send("SystemInfo.getProcessInfo")["processInfo"]
    pages = [p["id"] for p in processes if p["type"] == "renderer"]
    return sum(psutil.Process(p).memory_info().rss for p in pages) / 1e6, heap, nodes


def test_under_stress_a_lab_neither_fails_nor_grows_nor_shows_stale_numbers(chromium, open_lab):
    """Some moves here; `make soak` makes a hundred times as many, and asks what the page holds."""
    name, rng, told = "policy-gradient", random.Random(0), []
    lab = open_lab(name, locale="en-GB")  # in the Chromium that is asked below
    controls = {control.name: len(control.values) for control in labs()[name].controls}
    controls["preset"] = len(labs()[name].presets)
    page = lab.page.context.new_cdp_session(lab.page)
    browser = chromium.new_browser_cdp_session()
    lab.press("Train")
    lab.wait("Update [0-9]+")
    for move in range(MOVES):
        if moved(lab, controls, rng) == "Reset":
            lab.wait("^(?!.*[Uu]pdate [1-9])")
        for _ in range(rng.choice([0, 0, 1, 6])):
            lab.page.evaluate(FRAMES)
        if SOAK and move % 25 == 0:
            told.append(held(browser, page))
    if SOAK:
        third = len(told) // 3
        early = [max(kind) for kind in zip(*told[:third], strict=True)]
        late = [min(kind) for kind in zip(*told[-third:], strict=True)]
        print(f"MB, MB of heap, nodes: at first {early}, in the end {late}")
        assert all(b < a + most for a, b, most in zip(early, late, (50, 5, 1000), strict=True)), (
            told
        )
    assert not lab.visit.errors
    assert len(lab.page.workers) <= 1

    # What it trains after all that is what a kernel trains.
    for control in labs()[name].controls:
        lab.set(control.name, control.values.index(control.default))
    lab.press("Reset")
    lab.press("One step")
    lab.wait("Paused at update 1[^0-9]")
    lab.check_numbers(Session(name), 1, learners=1)
