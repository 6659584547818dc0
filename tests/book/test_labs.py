"""Live labs in the built pages: they train, as a kernel does, and nothing a reader does breaks them."""

from __future__ import annotations

import base64
import gzip
import os
import random
import re
import subprocess

import numpy as np
import psutil
import pytest
from built_site import FRAMES, ROOT

from planrl.labs import Session
from planrl.labs.catalogue import labs
from planrl.labs.page.recordings import recorded

pytestmark = pytest.mark.book
PAGES = {
    "race": "00_welcome",
    "imitation": "03_imitation",
    "policy-gradient": "04_policy_gradient",
    "rewards": "07_reward",
    "blocks": "09_blocksworld",
}
SAVING = """Object.defineProperty(navigator, "connection", { value: { saveData: true } });"""
STILL = {"reduced_motion": "reduce"}  # a press of Train is 50 updates
PRESS = 50
SLOW = "?lab=policy-gradient&model=transformer"  # does not end before a test has done what it does
SOAK = bool(os.environ.get("PLANRL_SOAK"))
MOVES = 4000 if SOAK else 40
# Counts what a lab asks of its worker and what it is answered, and keeps the worker at hand.
SPY = """window.asked = window.answered = 0; const made = window.Worker;
window.Worker = class extends made {
  constructor(...given) { super(...given); window.lastWorker = this;
    this.addEventListener("message", ({ data }) => { window.answered += data.type === "progress"; }); }
  postMessage(message) { window.asked += message.type === "run"; super.postMessage(message); } };"""


class LabPage:
    """One lab on its page, as a reader has it before them."""

    def __init__(self, visit, name):
        self.visit, self.page = visit, visit.page
        self.host = self.page.locator(f"#lab-{name}")
        self.host.scroll_into_view_if_needed()
        self.host.evaluate("e => e.querySelectorAll('details').forEach((d) => { d.open = true; })")

    def choose_preset(self, place):
        """Press the preset at this place, whatever else is going on."""
        self.host.locator(".planrl-lab-presets button").nth(place).evaluate("e => e.click()")

    def press(self, text):
        self.host.get_by_role("button", name=text, exact=True).click()

    def status(self):
        return self.host.locator(".planrl-lab-status").inner_text()

    def wait(self, pattern):
        self.page.wait_for_function(
            """([id, pattern]) => new RegExp(pattern).test(
                 document.querySelector(`#${id} .planrl-lab-status`).textContent)""",
            arg=[self.host.get_attribute("id"), pattern],
        )

    def wait_for_update(self, step):
        """Wait until it has trained further than this update."""
        self.page.wait_for_function(
            """([id, step]) => Number(/[Uu]pdate ([0-9]+)/.exec(document.querySelector(
                 `#${id} .planrl-lab-status`).textContent)?.[1]) > step""",
            arg=[self.host.get_attribute("id"), step],
        )

    def update(self):
        """The update that is told now."""
        return int(re.search(r"[Uu]pdate (\d+)", self.status())[1])

    def check_numbers(self, session, updates, learners=None):
        """The table holds what a kernel's session has after so many updates."""
        session.train(updates)
        metrics = labs()[session.lab.name].metrics
        expected = [[one[metric] for metric in metrics] for one in session.evaluate()][:learners]
        shown = self.numbers()[:learners]
        assert len(shown) == len(expected)
        for ours, theirs in zip(shown, expected, strict=True):
            assert ours == pytest.approx(theirs, abs=6e-3, rel=6e-3)

    def numbers(self):
        """The table of the latest numbers, a list of floats a learner."""
        rows = self.host.locator(".planrl-lab-numbers tbody tr").all()
        return [[float(cell) for cell in row.locator("td").all_inner_texts()] for row in rows]

    def set(self, name, place):
        """Choose the value at this place of a control, whatever kind of control it is."""
        self.host.locator(f"#{self.host.get_attribute('id')}-{name}").evaluate(
            """(e, place) => {
                 if (e.type === "checkbox") e.checked = place === 1;
                 else if (e.localName === "select") e.selectedIndex = place;
                 else e.value = `${place}`;
                 for (const kind of ["input", "change"])
                   e.dispatchEvent(new Event(kind, { bubbles: true })); }""",
            place,
        )


@pytest.fixture
def open_lab(open_page, origin):
    """A function that opens a lab's page, with what follows in its address."""

    def open_(name, query="", **options):
        visit = open_page(f"{origin}book/{PAGES[name]}.html{query}", name=name, **options)
        return LabPage(visit, name)

    return open_


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


def test_before_training_the_table_says_what_was_recorded(open_lab):
    lab, kept = open_lab("policy-gradient"), recorded(labs()["policy-gradient"])[0]
    usual = {control.name: control.default for control in labs()["policy-gradient"].controls}
    shape = [len(axis["values"]) for axis in kept["axes"]]
    at = [axis["values"].index(usual[axis["name"]]) for axis in kept["axes"]]
    numbers = np.frombuffer(base64.b64decode(kept["data"]), "<u2")
    numbers = numbers.reshape(*shape, -1, len(kept["metrics"]), 3, len(kept["steps"]))[*at]
    expected = numbers[:, :, 0, -1] / np.array(kept["scale"])
    assert np.array(lab.numbers()) == pytest.approx(expected, rel=6e-3)


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


# A reader sees the result of what they do without scrolling.
@pytest.mark.parametrize("view", [(1280, 800, "light"), (360, 740, "dark")])
@pytest.mark.parametrize("name", labs())
def test_the_figure_train_and_the_first_two_controls_are_on_one_screen(open_lab, name, view):
    lab = open_lab(name, view=view)
    lab.host.evaluate("e => e.scrollIntoView()")
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


def test_a_link_to_a_graph_of_ones_own_keeps_the_names(open_lab):
    link = "?lab=policy-gradient&graph=own&edges=home-park.park-the~1shop"
    lab = open_lab("policy-gradient", link, script=SAVING)
    assert (
        lab.host.locator("#lab-policy-gradient-edges").input_value() == "home park\npark the-shop"
    )
    lab.set("kl", 3)
    assert "edges=home-park.park-the%7E1shop" in lab.page.url


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
