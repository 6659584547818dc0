"""A lab in a kernel without a front end: its controls, its buttons, and what goes wrong."""

import html

import pytest

pytest.importorskip("ipywidgets")

from live_labs import Failing, same, seen, shown, status

from planrl.labs import Session
from planrl.labs.catalogue import labs
from planrl.labs.notebook.widget import EXAMPLE, MOST_POINTS
from planrl.losses import policy_gradient

NAMES = list(labs())


@pytest.mark.parametrize("name", NAMES)
def test_a_control_is_a_labelled_widget_with_its_meaning(name, make_lab):
    lab = make_lab(name)
    for control in lab.lab.controls:
        widget = lab.panel.controls[control.name]
        kind = {"slider": "SelectionSlider", "choice": "Dropdown", "switch": "Checkbox"}
        assert type(widget).__name__ == kind[control.kind]
        assert widget.description == control.label
        tip = "tooltip" if "tooltip" in widget.trait_names() else "description_tooltip"
        assert getattr(widget, tip) == control.meaning
        assert lab.panel.value(control, widget.value) == control.default
        if control.kind != "switch":
            assert [text for text, _ in widget.options] == list(control.texts)


def test_without_a_loop_train_goes_to_the_next_look(make_lab):
    lab = make_lab("policy-gradient")
    assert "press Train" in status(lab)
    lab.panel.train.click()
    lab.panel.step.click()
    assert lab.session.updates == 11
    assert not lab.training
    assert "Paused at update 11" in status(lab)
    plain = Session("policy-gradient", lab.link)
    plain.train(11)
    assert same(lab.session, plain)
    assert [step for step, _ in lab.history] == [0, 10, 11]
    assert list(shown(lab, 2).x) == [0, 10, 11]
    assert "policy gradient" in lab.panel.numbers.value


def test_a_control_acts_on_the_run_at_once(make_lab):
    lab = make_lab("rewards")
    lab.panel.train.click()
    lab.panel.controls["edge"].value = 0.5
    lab.panel.controls["strict"].value = True
    lab.panel.train.click()
    plain = Session("rewards")
    plain.train(10)
    plain.set(edge=0.5, strict=1)
    plain.train(10)
    assert same(lab.session, plain)
    assert lab.link == "lab=rewards&edge=0.5&strict=1"
    lab.panel.copy.click()
    assert "others earlier" in lab.panel.snippet.value
    assert "lab.train(20)" in lab.panel.snippet.value
    lab.panel.reset.click()
    assert lab.panel.snippet.value == ""
    plain.reset()
    assert same(lab.session, plain)
    assert [step for step, _ in lab.history] == [0]


def test_a_look_follows_a_control_while_the_run_pauses(make_lab):
    lab = make_lab("rewards")
    exact = next(b["trace"] for b in lab.lab.picture.bindings if b.get("matrix") == "exact")
    before = shown(lab, exact).z[0]
    lab.panel.controls["cost"].value = 0.25
    assert list(shown(lab, exact).z[0]) != list(before)
    assert len(lab.history) == 1


def test_what_restarts_makes_a_new_session(make_lab):
    lab = make_lab("policy-gradient", "kl=0.1")
    lab.panel.train.click()
    old = lab.session
    lab.panel.controls["seed"].value = 3
    assert lab.session is not old
    assert "New seed: started again." in status(lab)
    lab.panel.train.click()
    plain = Session("policy-gradient", lab.link)
    plain.train(10)
    assert same(lab.session, plain)
    assert lab.link == "lab=policy-gradient&kl=0.1&seed=3"


def test_a_preset_sets_defaults_and_its_own(make_lab):
    lab = make_lab("rewards", "edge=0.5&cost=0.25&seed=4")
    panel = lab.panel
    assert panel.presets.value == ""
    assert panel.why.value == ""
    usual = {control.name: control.default for control in lab.lab.controls}
    for preset in lab.lab.presets[:2]:
        panel.presets.value = preset.name
        assert lab.session.state.values == {**usual, **preset.settings}
        assert panel.why.value == html.escape(preset.why)
        assert panel.presets.value == preset.name
        shown = {c.name: panel.value(c, panel.controls[c.name].value) for c in lab.lab.controls}
        assert shown == lab.session.state.values
    panel.controls["lr"].value = 0.25
    assert panel.presets.value == ""
    panel.presets.value = preset.name
    assert lab.session.state.values == {**usual, **preset.settings}


def test_a_graph_of_ones_own_keeps_its_names_and_a_bad_one_changes_nothing(make_lab):
    lab = make_lab("policy-gradient")
    panel, nodes = (
        lab.panel,
        next(b["trace"] for b in lab.lab.picture.bindings if b["kind"] == "nodes"),
    )
    assert panel._own.layout.display == "none"
    panel.controls["graph"].value = "own"
    assert panel._own.layout.display == ""
    assert panel.edges.value == EXAMPLE
    assert list(shown(lab, nodes).text) == ["home", "park", "shop", "school", "library"]
    link, session = lab.link, lab.session
    panel.edges.value = "a b\nb"
    panel.use.click()
    assert "line 2" in status(lab)
    assert (lab.link, lab.session) == (link, session)
    panel.edges.value = "\n".join(f"{k} {k + 1}" for k in range(20))
    panel.use.click()
    assert "21 nodes" in status(lab)
    assert (lab.link, lab.session) == (link, session)
    panel.edges.value = "a.1 b-2\nb-2 c"
    panel.use.click()
    assert lab.link == "lab=policy-gradient&graph=own&edges=a~21-b~12.b~12-c"
    assert list(shown(lab, nodes).text) == ["a.1", "b-2", "c"]
    lab.panel.train.click()
    plain = Session("policy-gradient", lab.link)
    plain.train(10)
    assert same(lab.session, plain)


def test_a_session_with_named_edges_gets_a_link_that_a_page_reads(make_lab):
    lab = make_lab("race", "graph=own&edges=home-park.park-school")
    assert lab.link == "lab=race&graph=own&edges=home-park.park-school"
    assert lab.panel.edges.value == "home park\npark school"


def test_an_error_in_training_is_shown_and_what_was_good_stays(make_lab):
    run = Failing(ZeroDivisionError("a reader's <own>"))
    lab = make_lab("policy-gradient", run=run)
    lab.panel.train.click()
    good = seen(lab.session.evaluate())
    run.on = True
    lab.panel.train.click()
    assert "Training stopped: ZeroDivisionError: a reader&#x27;s &lt;own&gt;." in status(lab)
    assert lab.session.updates == 10
    assert seen(lab.session.evaluate()) == good
    run.on = False
    lab.panel.train.click()
    assert "stopped" not in status(lab)
    assert lab.session.updates == 20


def test_a_loss_of_ones_own_may_fail_and_is_named_in_the_lab_and_in_what_is_copied(make_lab):
    left = [2]

    def mine(logits, batch, kl=0.0):
        left[0] -= 1
        if left[0] < 0:
            raise ValueError("not <yet>")
        return policy_gradient(logits, batch, kl=kl)

    lab = make_lab("policy-gradient", loss=mine)
    assert "a loss of yours, mine. It does not use: Baseline." in lab.panel.head.value
    lab.panel.step.click()
    lab.panel.step.click()
    good = seen(lab.session.evaluate())
    lab.panel.step.click()
    assert "Training stopped: ValueError: not &lt;yet&gt;. Paused at update 2." in status(lab)
    assert seen(lab.session.evaluate()) == good
    lab.panel.copy.click()
    assert ", loss=mine)" in html.unescape(lab.panel.snippet.value)
    lab.panel.controls["seed"].value = 1  # a new session, of the same loss
    assert lab.session.loss is mine


def test_an_update_that_is_not_finite_is_not_applied(make_lab):
    lab = make_lab("policy-gradient")
    lab.session.learners[0].options["kl"] = float("nan")
    lab.panel.step.click()
    assert "Training stopped: update 1 of policy-gradient" in status(lab)
    assert lab.session.updates == 0


def test_a_long_curve_is_thinned_and_keeps_its_ends(make_lab):
    lab = make_lab("blocks")
    for step in range(1, MOST_POINTS + 1):
        lab.session.updates = step
        lab.history.append((step, lab.history[0][1]))
    lab._evaluate()
    steps = [step for step, _ in lab.history]
    assert len(steps) < MOST_POINTS
    assert (steps[0], steps[-1]) == (0, MOST_POINTS)
