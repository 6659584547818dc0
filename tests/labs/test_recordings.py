"""A recording is shown for the learners and settings that it names, and for no others."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import planrl.labs
from planrl.labs.catalogue import CATALOGUE, GRIDS, lab_named, labs
from planrl.labs.page.recordings import FORMAT, STEPS, description, recorded, recordings
from planrl.labs.session import Session

RECORDED = dict(recordings())
SHOW = """
const state = eval(require("fs").readFileSync(process.argv[1], "utf8") + ";planrlLabState");
const {labs, metric} = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(labs.map((lab) => {
  const numbers = lab.recorded.map(state.unpack);
  const shown = state.recording(lab, numbers, state.defaults(lab));
  return shown && lab.learners.map((_, i) => shown.curve(i, metric)?.mean ?? null);
})));
"""


def test_every_grid_is_recorded_and_every_recording_is_of_a_grid():
    assert RECORDED.keys() == GRIDS.keys()
    assert {grid.lab for grid in GRIDS.values()} == CATALOGUE.keys()


@pytest.mark.parametrize("name", GRIDS)
def test_a_recording_names_the_learners_and_settings_of_its_lab_as_they_are_today(name):
    """Where this fails: python -m planrl export _build/programs --record with this name."""
    page = dict(RECORDED[name])
    page.pop("policies", None)
    numbers = np.frombuffer(base64.b64decode(page.pop("data")), "<u2")
    today = json.loads(json.dumps({"format": FORMAT, **description(GRIDS[name])}))
    pairs = zip(page.pop("scale"), today.pop("scale"), strict=True)
    assert all(100 <= kept <= usual for kept, usual in pairs)  # less where numbers are large
    assert page == today
    points = np.prod([len(axis["values"]) for axis in page["axes"]])
    curves = len(page["learners"]) * len(page["metrics"]) * 3
    assert len(numbers) == points * curves * len(page["steps"])


@pytest.mark.parametrize("name", GRIDS)
def test_a_recording_has_a_value_that_each_control_can_have(name):
    grid, lab = GRIDS[name], lab_named(GRIDS[name].lab)
    controls = {control.name: control.values for control in lab.controls}
    assert {*grid.fixed, *grid.axes, "seed"} == controls.keys()
    for control, value in grid.fixed.items():
        assert value in controls[control]
    for control, values in grid.axes.items():
        assert set(values) <= set(controls[control])


def changed(**changes):
    """The race as a page reads it, with some of its parts replaced."""
    lab = labs()["race"]
    return {**lab.to_json(recorded(lab)), **changes}


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")
def test_a_page_never_shows_the_recorded_curve_of_one_learner_as_anothers():
    race = changed()
    first, *others = race["learners"]
    fifth = {**first, "name": "a fifth", "algorithm": "q"}
    control = {**race["controls"][-1], "name": "another"}
    elsewhere = [{**one, "lab": "blocks"} for one in race["recorded"]]
    given = [
        race,
        changed(learners=[fifth, first, *others]),
        changed(learners=[{**first, "name": "renamed"}, *others]),
        changed(learners=[{**first, "options": {**first["options"], "kl": 1}}, *others]),
        changed(learners=[{**first, "start": "fresh"}, *others]),
        changed(controls=[*race["controls"], control]),
        changed(recorded=elsewhere),
    ]
    script = Path(planrl.labs.__file__).parent / "web" / "lab-state.js"
    asked = json.dumps({"labs": given, "metric": "diversity"})
    done = subprocess.run(
        ["node", "-e", SHOW, script], input=asked, text=True, capture_output=True, check=True
    )
    whole, added, renamed, tuned, begun, unknown, misplaced = json.loads(done.stdout)
    assert len({tuple(curve) for curve in whole}) == 4
    assert added == [None, *whole]
    assert renamed == tuned == begun == [None, *whole[1:]]
    assert unknown is misplaced is None


@pytest.mark.parametrize("name", CATALOGUE)
def test_training_in_a_page_stops_where_its_recordings_end(name):
    lab = lab_named(name)
    assert lab.screen.end == STEPS[-1]
    assert STEPS[-1] % lab.to_json()["every"] == 0
    kinds = {control.name: control.kind for control in lab.controls}
    assert [kinds[control] for control in lab.screen.controls] == ["slider", "slider"]
    assert 0 <= lab.screen.panel < len(lab.panels)


def means(recording, learner, metric, **changed):
    """The first and the last recorded mean at the lab's usual settings, but for `changed`."""
    page, lab = RECORDED[recording], lab_named(GRIDS[recording].lab)
    usual = {control.name: control.default for control in lab.controls} | changed
    at = tuple(axis["values"].index(usual[axis["name"]]) for axis in page["axes"])
    shape = [len(axis["values"]) for axis in page["axes"]]
    numbers = np.frombuffer(base64.b64decode(page["data"]), "<u2")
    numbers = numbers.reshape(*shape, -1, len(page["metrics"]), 3, len(page["steps"]))[at]
    k = [one["name"] for one in page["learners"]].index(learner)
    m = page["metrics"].index(metric)
    return tuple(numbers[k, m, 0, [0, -1]] / page["scale"][m])


def test_at_a_low_temperature_diversity_is_lost_at_once_and_nothing_is_gained():
    """What the preset "No exploring" says, of the recorded means at temperatures 0.25 and 1."""
    page = RECORDED["policy-gradient"]
    shape = [len(axis["values"]) for axis in page["axes"]]
    numbers = np.frombuffer(base64.b64decode(page["data"]), "<u2")
    numbers = numbers.reshape(*shape, len(page["metrics"]), 3, len(page["steps"]))
    at = {axis["name"]: axis["values"] for axis in page["axes"]}
    lr, baseline = at["lr"].index(1), at["baseline"].index(0)
    cold, warm = (
        dict(zip(page["metrics"], numbers[at["kl"].index(0), lr, t, baseline, :, 0], strict=True))
        for t in (at["temperature"].index(0.25), at["temperature"].index(1))
    )
    assert cold["train_sampled"].min() == 10_000
    assert cold["diversity"][page["steps"].index(40)] < 1020
    for metric in ("test_sampled", "test_greedy"):
        assert cold[metric].max() <= cold[metric][0] + 100
    assert warm["test_sampled"][-1] > warm["test_sampled"][0] + 1500


def test_what_a_lab_shows_otherwise_than_its_chapter_is_what_was_recorded():
    assert "transformer" in lab_named("race").words.differs
    sft, pg = (means("race", name, "test_greedy") for name in ("continual SFT", "policy gradient"))
    assert pg[0] > 0.7
    assert pg[1] < sft[1] - 0.1
    assert {*lab_named("policy-gradient").words.differs} == {"table", "transformer"}
    table, transformer = (
        means(name, "policy gradient", "test_greedy")
        for name in ("policy-gradient", "policy-gradient-transformer")
    )
    assert abs(table[1] - table[0]) < 0.02
    assert transformer[1] < transformer[0] - 0.1


@pytest.mark.slow
def test_what_tables_show_in_the_lab_of_four_learners_is_what_they_do():
    assert "table" in lab_named("race").words.differs
    sampled = []
    for seed in range(4):
        session = Session("race", f"model=table&seed={seed}")
        before = session.evaluate()
        session.train(300)
        after = session.evaluate()
        rise = [b["test_greedy"] - a["test_greedy"] for a, b in zip(before, after, strict=True)]
        assert rise[:3] == [0, 0, 0], "SFT and policy gradient, without and with KL"
        assert rise[3] > 0.1, "Q-learning"
        sampled.append([one["test_sampled"] for one in after])
    sft, pg, *_ = np.mean(sampled, axis=0)
    assert pg < sft - 0.03


def test_of_the_recorded_penalties_only_those_up_to_a_tenth_stay_above_95_percent():
    """What "Teach with it" gives as the answer of lab C."""
    recording = "policy-gradient-transformer"
    assert RECORDED[recording]["seeds"] == 10
    right, left = (
        {kl: means(recording, "policy gradient", metric, kl=kl)[1] for kl in (0, 0.1, 0.3, 1)}
        for metric in ("train_sampled", "diversity")
    )
    assert min(right[0], right[0.1]) > 0.95 > max(right[0.3], right[1])
    assert left[0] < left[0.1] < left[0.3] < left[1]
