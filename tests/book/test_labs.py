"""Live labs in the built pages: they train as a kernel does, and follow controls and links."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from built_site import FRAMES, ROOT
from lab_page import PAGES, PRESS, SAVING, STILL, LabPage

from planrl.labs import Session
from planrl.labs.catalogue import labs

pytestmark = pytest.mark.book


@pytest.mark.parametrize(
    "command",
    [("tsc", "-p", "tsconfig.json"), ("eslint", "--config", "eslint.config.cjs", ".")],
    ids=["tsc", "eslint"],
)
def test_the_pages_scripts_have_strict_types_and_no_lint(command):
    modules = ROOT / "_build" / "npm" / "node_modules"
    done = subprocess.run(
        [modules / ".bin" / command[0], *command[1:]],
        cwd=ROOT / "planrl" / "labs" / "web",
        env={**os.environ, "NODE_PATH": str(modules)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_of_another_question_no_recorded_run_is_shown(open_lab):
    lab = open_lab("objectives", "?lab=objectives", script=SAVING)
    lab.wait("Recorded runs: measured")
    assert lab.host.locator(".planrl-lab-why").is_visible()
    lab = open_lab("objectives", "?lab=objectives&pair=3-17", script=SAVING)
    lab.wait("No recorded run for this pair")
    assert not lab.host.locator(".planrl-lab-why").is_visible()
    assert {*lab.host.locator(".planrl-lab-numbers td").all_inner_texts()} == {"–"}


def test_a_control_draws_only_the_panels_that_it_changes(open_lab):
    """Plotly takes as long for what it shows already as for something else."""
    lab = open_lab("rewards")
    lab.host.scroll_into_view_if_needed()
    page = lab.page
    page.wait_for_function("document.querySelectorAll('.planrl-lab .js-plotly-plot').length >= 3")
    page.evaluate(
        """() => { const react = Plotly.react; window.drawn = [];
             Plotly.react = (plot, ...given) => { window.drawn.push(plot); return react(plot, ...given); }; }"""
    )
    caption = lab.host.locator(".planrl-lab-numbers tbody")
    before = caption.inner_text()
    lab.set("target", 0)
    page.wait_for_function(
        "(old) => document.querySelector('.planrl-lab-numbers tbody').innerText !== old", arg=before
    )
    page.evaluate(FRAMES)
    assert page.evaluate("new Set(window.drawn).size") == 1, "the heat maps wait for training"


# The race trains transformers, from a base; a link asks for one, and for another seed.
@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("race", ""),
        ("imitation", ""),
        ("policy-gradient", "model=transformer&seed=1"),
        ("rewards", ""),
        ("blocks", ""),
        ("objectives", "a=gspo&a_lambda=0.3&a_kl=k1-path&b=pass-2&b_lambda=0&epochs=2&group=4"),
    ],
)
def test_a_page_trains_the_numbers_that_a_kernel_trains(open_lab, origin, name, link):
    lab = open_lab(name, link and f"?lab={name}&{link}", **STILL)
    lab.press("Train")
    lab.wait(f"Paused at update {PRESS}")
    lab.check_numbers(Session(name, link), PRESS)
    assert lab.visit.outside(origin) == []
    assert not lab.visit.errors
    assert not lab.visit.failed


def test_in_firefox_a_page_is_drawn_and_trains_the_same_numbers(open_in_firefox, origin):
    visit = open_in_firefox(f"{origin}book/{PAGES['policy-gradient']}.html", **STILL)
    assert visit.page.locator(".plotly-figure .main-svg").count() > 0
    lab = LabPage(visit, "policy-gradient")
    lab.press("Train")
    lab.wait(f"Paused at update {PRESS}")
    lab.check_numbers(Session("policy-gradient"), PRESS)
    assert visit.outside(origin) == []
    assert visit.errors == []
    visit.page.close()


def test_sliders_answer_from_recorded_runs_before_anything_is_loaded(open_lab):
    lab = open_lab("policy-gradient", script=SAVING)
    assert "measured, 10 seeds" in lab.status()
    first = lab.numbers()
    lab.set("kl", labs()["policy-gradient"].controls[0].values.index(1))
    assert "measured, 10 seeds" in lab.status()
    lab.page.wait_for_function(
        """([id, before]) => document.querySelector(`#${id} .planrl-lab-numbers tbody td`)
             .textContent !== before""",
        arg=["lab-policy-gradient", f"{first[0][0]:g}"],
    )
    second = lab.numbers()
    assert second[0][3] > first[0][3], "a KL penalty keeps more diversity"
    lab.set("kl", labs()["policy-gradient"].controls[0].values.index(0.001))
    assert "interpolated" in lab.status()
    assert not [url for url in lab.visit.asked if url.endswith((".onnx", ".wasm"))]


def test_a_bad_link_is_refused_in_words_and_nothing_in_it_is_markup(open_lab):
    payload = "%3Cimg%20src%3Dx%20onerror%3D%22window.hacked%3D1%22%3E"
    lab = open_lab("policy-gradient", f"?lab=policy-gradient&kl={payload}&nonsense=1&seed=77")
    alert = lab.host.locator("#lab-policy-gradient-alert").inner_text()
    assert "kl cannot be" in alert
    assert "nonsense" in alert
    assert "seed cannot be" in alert
    assert lab.page.evaluate("window.hacked") is None
    assert lab.host.locator("img").count() == 0


def test_a_readers_own_graph_trains_and_its_labels_are_text(open_lab):
    lab = open_lab("race", **STILL)
    lab.host.locator("#lab-race-graph").select_option(label="your own")
    box = lab.host.locator("#lab-race-edges")
    box.fill("a b\nb <b>c\nnonsense")
    lab.press("Use this graph")
    assert "Line 3" in lab.host.locator("#lab-race-edges-wrong").inner_text()
    box.fill("a <i>b\na c\n<i>b d\nc d")
    lab.press("Use this graph")
    lab.host.locator("#lab-race-model").select_option(label="logit table")
    lab.press("Train")
    lab.wait(f"Paused at update {PRESS}")
    assert lab.host.locator(".planrl-lab-plot i").count() == 0
    assert "graph=own" in lab.page.url


def test_a_question_without_an_answer_is_not_marked_before_there_is_another(open_lab):
    lab = open_lab("policy-gradient", **STILL)
    ends = lab.host.get_by_role("button", name=re.compile("^node .*, (source|target),"))
    lab.host.locator("#lab-policy-gradient-graph").select_option(label="your own")
    box = lab.host.locator("#lab-policy-gradient-edges")
    box.fill("a b\nc d\nd e\nc e")
    lab.press("Use this graph")
    lab.host.get_by_role("button", name="node d, leads to e").wait_for()
    assert ends.count() == 0
    lab.press("One step")
    lab.wait("Paused at update 1")
    ends.nth(1).wait_for()
    assert ends.count() == 2


def shares(lab):
    """The table of the first graph's edges, as those hear it who do not see the graph."""
    rows = lab.host.locator(".planrl-graph-aloud").first.locator("tr").all_inner_texts()
    return {tuple(row.split("\t")[:2]): row.split("\t")[2] for row in rows[1:]}


def test_the_graph_follows_a_control_before_anything_is_loaded(open_lab):
    lab = open_lab("policy-gradient", script=SAVING)
    lab.host.locator(".planrl-graph-aloud tr").nth(20).wait_for(state="attached")
    before = shares(lab)
    passed = {edge for edge, share in before.items() if share != "0 %"}
    assert ("0", "6") in passed
    lab.set("kl", labs()["policy-gradient"].controls[0].values.index(1))
    lab.page.wait_for_function(
        """(rows) => document.querySelectorAll('.planrl-graph-aloud tr').length > rows""",
        arg=len(before) + 2,
    )
    kept = {edge for edge, share in shares(lab).items() if share != "0 %"}
    assert len(kept) > len(passed), "a KL penalty keeps more edges alive"
    assert not [url for url in lab.visit.asked if url.endswith((".onnx", ".wasm"))]


def test_another_pair_is_shown_and_its_link_shows_it_again(open_lab):
    lab = open_lab("policy-gradient", **STILL)
    for name in ("node 3,", "node 17,"):
        lab.host.get_by_role("button", name=name).click()
    assert "Paths from 3 to 17." in lab.status()
    assert lab.page.url.endswith("pair=3-17")
    lab.press("Train")
    lab.wait(f"Paused at update {PRESS}")
    lab.check_numbers(Session("policy-gradient"), PRESS)
    lab.host.get_by_role("button", name="node 17, target").wait_for()
    for name in ("node 17,", "node 3,"):
        lab.host.get_by_role("button", name=name).click()
    assert "No path leads from 17 to 3" in lab.status()
    again = open_lab("policy-gradient", "?lab=policy-gradient&pair=3-17", script=SAVING)
    again.host.get_by_role("button", name="node 3, source").wait_for()


def test_an_edge_is_cut_in_a_lab_and_the_graph_becomes_the_readers_own(open_lab):
    link = "?lab=race&graph=own&edges=home-park.home-shop.park-school.shop-school&model=table"
    lab = open_lab("race", link, **STILL)
    lab.press("Cut edges")
    graph = lab.host.locator(".planrl-graph-nodes").first
    for name in ("node home,", "node park,"):
        graph.get_by_role("button", name=name).click()
    assert "edges=home-shop.park-school.shop-school" in lab.page.url
    assert "pair=home-school" in lab.page.url
    lab.press("Draw edges")
    for name in ("node park,", "node shop,"):
        graph.get_by_role("button", name=name).click()
    edges = "home-shop.park-school.shop-school.park-shop"
    assert f"edges={edges}" in lab.page.url
    lab.press("Train")
    lab.wait(f"Paused at update {PRESS}")
    made = Session("race", f"model=table&graph=own&edges={edges}&pair=home-school")
    lab.check_numbers(made, PRESS)


def test_a_slider_moved_between_two_steps_changes_what_is_trained(open_lab):
    name = "policy-gradient"
    lab, session = open_lab(name, **STILL), Session(name)
    (values,) = [one.values for one in labs()[name].controls if one.name == "lr"]
    lab.press("One step")
    lab.wait("Paused at update 1[^0-9]")
    session.train(1)
    lab.set("lr", len(values) - 1)
    session.set(lr=values[-1])
    lab.press("One step")
    lab.wait("Paused at update 2[^0-9]")
    lab.check_numbers(session, 1)


def test_a_preset_puts_its_settings_into_the_controls(open_lab):
    lab, known = open_lab("policy-gradient"), labs()["policy-gradient"]
    usual = {one.name: one.default for one in known.controls}
    for place, preset in enumerate(known.presets):
        lab.choose_preset(place)
        pressed = lab.host.locator(".planrl-lab-presets [aria-pressed=true]")
        assert pressed.all_inner_texts() == [preset.title]
        assert lab.host.locator("#lab-policy-gradient-why").inner_text() == preset.why
        asked = dict(re.findall(r"(\w+)=([^&]*)", lab.page.url.partition("?")[2]))
        changed = {k: f"{v}" for k, v in preset.settings.items() if v != usual[k]}
        assert asked == {"lab": "policy-gradient", **changed}


def test_a_link_to_a_graph_of_ones_own_keeps_the_names(open_lab):
    link = "?lab=policy-gradient&graph=own&edges=home-park.park-the~1shop"
    lab = open_lab("policy-gradient", link, script=SAVING)
    assert (
        lab.host.locator("#lab-policy-gradient-edges").input_value() == "home park\npark the-shop"
    )
    lab.set("kl", 3)
    assert "edges=home-park.park-the%7E1shop" in lab.page.url
