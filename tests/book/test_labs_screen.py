"""Live labs in the built pages: what is on the screen, what is told of runs, and what it weighs."""

from __future__ import annotations

import base64
import gzip
import re

import numpy as np
import pytest
from built_site import FRAMES, resize
from lab_page import PAGES, PRESS, SAVING, STILL, LabPage

from planrl.labs import Session
from planrl.labs.catalogue import labs
from planrl.labs.page.recordings import recorded

pytestmark = pytest.mark.book
SCROLLED = """async (host) => {
  host.scrollIntoView();
  const at = host.getBoundingClientRect().y;
  await new Promise((go) => setTimeout(go, 300));
  return Math.abs(host.getBoundingClientRect().y - at) < 1;
}"""
"""Scroll to an element, and tell whether what stands above it has kept its height since."""


# A reader sees the result of what they do without scrolling.
@pytest.mark.parametrize("view", [(1280, 800, "light"), (360, 740, "dark")])
@pytest.mark.parametrize("name", labs())
def test_the_figure_train_and_the_first_two_controls_are_on_one_screen(open_lab, name, view):
    lab = open_lab(name, view=view)
    lab.page.wait_for_function(SCROLLED, arg=lab.host.element_handle())
    lab.page.evaluate(FRAMES)
    known = labs()[name]
    parts = [
        lab.host.locator(".planrl-lab-front .planrl-lab-plot"),
        lab.host.get_by_role("button", name="Train"),
    ]
    parts += [lab.host.locator(f"#lab-{name}-{control}") for control in known.screen.controls]
    for part in parts:
        box = part.bounding_box()
        assert box["y"] >= 48, "it is behind the page's header"
        assert box["y"] + box["height"] <= view[1]
    assert lab.page.evaluate("document.documentElement.scrollWidth") == view[0]
    small = lab.host.locator("button, select, summary, input").evaluate_all(
        "all => all.filter((e) => e.offsetHeight && Math.min(e.offsetHeight, e.offsetWidth) < 24).length"
    )
    assert small == 0


@pytest.mark.parametrize("name", ["policy-gradient", "objectives"])
def test_on_a_phone_what_a_tap_does_is_seen_and_no_control_moves_away(open_lab, name):
    lab = open_lab(name, view=(360, 740, "light"), **STILL)
    control = labs()[name].screen.controls[0]
    lab.host.evaluate("e => e.scrollIntoView()")

    def place():
        lab.page.evaluate(FRAMES)
        said = lab.host.locator(".planrl-lab-status").bounding_box()
        assert said["y"] + said["height"] <= 740
        plot = lab.host.locator(".planrl-lab-front .planrl-lab-plot").bounding_box()
        slider = lab.host.locator(f"#lab-{name}-{control}").bounding_box()
        assert 48 <= plot["y"] < slider["y"] < 740
        return plot["y"], slider["y"]

    before = place()
    lab.press("Train")
    lab.wait(f"Paused at update {PRESS}")
    assert place() == before
    lab.set(control, 3)
    lab.wait("acts from the next update: press Train")
    assert place() == before
    lab.press("Reset")
    lab.press("Compare")
    lab.wait("now change a control")
    assert place() == before


def test_what_is_to_be_passed_on_comes_where_it_is_seen_for_the_keyboard_too(open_lab):
    lab = open_lab("policy-gradient", view=(360, 740, "light"), script=SAVING)
    parts = ", ".join(f".planrl-lab-{name}" for name in ("plot", "share", "fold"))
    order = f"""(host) => [...host.querySelectorAll({parts!r})]
      .map((e) => e.className.split(" ")[0].slice(11))"""
    phone = lab.host.evaluate(order)
    assert phone.index("plot") < phone.index("share") < phone.index("fold")
    resize(lab.page, 1280)
    wide = lab.host.evaluate(order)
    assert wide.index("share") < wide.index("plot")
    resize(lab.page, 360)
    assert lab.host.evaluate(order) == phone


def test_on_a_phone_the_curves_of_each_panel_are_named(open_lab):
    lab = open_lab("objectives", view=(360, 740, "light"), script=SAVING)
    for panel in ("Accuracy", "Paths left"):
        lab.press(panel)
        lab.page.evaluate(FRAMES)
        names = lab.host.locator(".planrl-lab-legend li").all_inner_texts()
        assert {"A", "B"} <= {name.strip() for name in names}


def test_training_ends_where_it_is_said_and_goes_on_when_asked(open_lab):
    lab = open_lab("policy-gradient")
    lab.host.get_by_role("button", name="Train", exact=True).dblclick()
    lab.wait("Paused at update 300, where this lab stops by itself")
    lab.press("Continue")
    lab.wait("Update [0-9]+ of 600")
    lab.press("Reset")
    lab.wait("measured")
    lab.host.locator(".planrl-lab-legend").get_by_text("previous run").wait_for()


def test_two_settings_are_trained_side_by_side(open_lab):
    name = "policy-gradient"
    lab = open_lab(name, **STILL)
    lab.press("Compare")
    lab.set("kl", labs()[name].controls[0].values.index(1))
    lab.press("Train")
    lab.wait(f"Paused at update {PRESS}")
    assert len(lab.numbers()) == 2
    lab.check_numbers(Session(name, "kl=1"), PRESS, learners=1)
    kept = lab.numbers()[1]
    session = Session(name)
    session.train(PRESS)
    assert kept == pytest.approx(
        [session.evaluate()[0][metric] for metric in labs()[name].metrics], abs=6e-3, rel=6e-3
    )


def test_one_step_tells_the_paths_it_was_made_from_as_a_kernel_samples_them(open_lab):
    lab = open_lab("policy-gradient", **STILL)
    lab.press("One step")
    lab.wait("Paused at update 1[^0-9]")
    correct = Session("policy-gradient").train(1)[0]["right"] * 32
    told = lab.host.locator(".planrl-lab-step")
    told.get_by_text(f"{correct:.0f} of 32 sampled paths are correct.").wait_for()
    assert "earned 0" in told.inner_text()


def test_a_lab_near_the_screen_shows_its_base_model_unless_a_reader_saves_data(open_lab):
    shown = """() => [...document.querySelectorAll('.planrl-lab-plot')].some((plot) =>
        plot.data?.some((trace) => trace.type === 'bar' && trace.y?.length > 1))"""
    lab = open_lab("imitation")
    lab.page.wait_for_function(shown)
    assert "measured, 10 seeds" in lab.status()
    saving = open_lab("imitation", script=SAVING)
    saving.page.evaluate(FRAMES)
    assert not saving.page.evaluate(shown)
    assert not [url for url in saving.visit.asked if url.endswith((".onnx", ".wasm"))]


def test_before_training_the_table_says_what_was_recorded(open_lab):
    lab, kept = open_lab("policy-gradient"), recorded(labs()["policy-gradient"])[0]
    usual = {control.name: control.default for control in labs()["policy-gradient"].controls}
    shape = [len(axis["values"]) for axis in kept["axes"]]
    at = [axis["values"].index(usual[axis["name"]]) for axis in kept["axes"]]
    numbers = np.frombuffer(base64.b64decode(kept["data"]), "<u2")
    numbers = numbers.reshape(*shape, -1, len(kept["metrics"]), 3, len(kept["steps"]))[*at]
    expected = numbers[:, :, 0, -1] / np.array(kept["scale"])
    assert np.array(lab.numbers()) == pytest.approx(expected, rel=6e-3)


def test_copy_as_planrl_gives_lines_that_run(open_lab):
    lab = open_lab("policy-gradient", "?lab=policy-gradient&kl=0.1", **STILL)
    lab.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
    lab.press("Train")
    lab.wait("Paused at update 50")
    lab.press("Copy as planrl")
    text = lab.host.locator("textarea[readonly]").input_value()
    assert "Session('policy-gradient', 'kl=0.1')" in text
    scope: dict[str, object] = {}
    exec(text, scope)
    assert scope["lab"].updates == PRESS


def test_as_a_file_a_page_shows_recorded_runs_and_says_why_it_cannot_train(built, open_page):
    visit = open_page((built / "book" / "04_policy_gradient.html").as_uri(), settle=False)
    lab = LabPage(visit, "policy-gradient")
    assert "needs a web server" in lab.status()
    assert "measured, 10 seeds" in lab.status()
    assert lab.host.get_by_role("button", name="Train").is_disabled()


def test_recorded_runs_and_scripts_are_as_light_as_promised(built):
    for name, page in PAGES.items():
        text = (built / "book" / f"{page}.html").read_text(encoding="utf-8")
        section = re.search(
            rf'<section class="planrl-lab" id="lab-{name}".*?</section>', text, re.S
        )
        assert section, f"{page} has no lab {name}"
        assert len(section[0].encode()) < 400_000
    scripts = (built / "_static" / "live").glob("*.js")
    assert sum(len(gzip.compress(path.read_bytes())) for path in scripts) < 150_000
