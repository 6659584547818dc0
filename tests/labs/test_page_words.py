"""What a page says of a lab without a browser: links with names, and one update in words."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("ipywidgets")

import planrl.labs
from planrl.labs import Session
from planrl.labs.catalogue import labs
from planrl.labs.notebook.render import fill
from planrl.labs.spec.controls import State, read_state, write_state

WEB = Path(planrl.labs.__file__).parent / "web"
RUN = """
const read = require("fs").readFileSync;
const load = (file, name) => eval(read(`${process.argv[1]}/${file}.js`, "utf8") + ";" + name);
const state = load("lab-state", "planrlLabState"), step = load("lab-step", "planrlLabStep");
const given = JSON.parse(read(0, "utf8"));
const floats = (run) => run && {...run, made: run.made.map(({paths, earned}) => (
  {paths: Float32Array.from(paths), earned: Float32Array.from(earned)}))};
const links = given.links.map((link) => {
  const { settings, own, refused } = state.read(given.lab, new URLSearchParams(link));
  return { labels: own?.labels, refused, link: state.write(given.lab, settings, own) };
});
const told = given.run && step.explain(given.lab, given.graph, floats(given.run));
process.stdout.write(JSON.stringify({ links, told }));
"""
pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")


def in_page(name, *, links=(), **given):
    """What the page's scripts make of these links, and of a run."""
    asked = json.dumps({"lab": labs()[name].to_json(), "links": links, **given})
    done = subprocess.run(
        ["node", "-e", RUN, WEB], input=asked, text=True, capture_output=True, check=True
    )
    return json.loads(done.stdout)


def test_a_link_keeps_the_names_of_a_readers_graph_in_a_page_and_in_a_kernel():
    controls = labs()["race"].controls
    edges = (("home", "a-b"), ("a-b", "c.d"), ("c.d", "~1"), ("home", "é"))
    values = {**{c.name: c.default for c in controls}, "graph": "own"}
    link = write_state(controls, State(values, edges))
    assert read_state(controls, link, 120).edges == edges
    (shown,) = in_page("race", links=[link])["links"]
    assert shown["refused"] == []
    assert shown["labels"] == ["home", "a-b", "c.d", "~1", "é"]
    assert read_state(controls, shown["link"], 120).edges == edges


def test_a_link_with_numbers_is_read_as_ever_and_what_is_no_edge_is_refused():
    old, *bad = in_page(
        "race",
        links=[f"graph=own&edges={edges}" for edges in ("0-1.1-2", "0-1.1", "a b-c", "0-1.%0A-2")],
    )["links"]
    assert old == {"labels": ["0", "1", "2"], "refused": [], "link": "graph=own&edges=0-1.1-2"}
    for one in bad:
        assert "labels" not in one
        assert one["refused"]


def test_one_update_is_told_with_its_paths_what_they_earned_and_the_logits_that_moved():
    graph = {
        "n": 4,
        "labels": ["a", "b", "c", "d"],
        "edges": [[0, 1], [1, 3], [0, 2]],
        "question": [0, 3],
    }
    paths = [[0, 3, 0, 1, 3, 20], [0, 3, 0, 1, 3, 20], [0, 3, 0, 3, 20, 20], [0, 3, 0, 2, 20, 20]]
    before = {"metrics": {}, "matrices": {"logits": [0.0] * 16}}
    after = {"metrics": {}, "matrices": {"logits": [0, 0.05, -0.01, 0, *[0.0] * 12]}}
    run = {
        "made": [{"paths": [token for row in paths for token in row], "earned": [1, 1, 0, 0]}],
        "before": [before],
        "evaluations": [after],
        "shapes": {"logits": [4, 4]},
    }
    ((told,),) = [in_page("policy-gradient", graph=graph, run=run)["told"]]
    assert told["title"] == "policy gradient"
    assert told["lines"] == [
        "2 of 4 sampled paths are correct.",
        "a → b → d (correct, 2 times): earned 1.",
        "a ✗ d (the step a to d is no edge): earned 0.",
        "a → c (it does not reach d): earned 0.",
        "Logits for paths to d that moved most: a to b +0.5; a to c −0.1.",
    ]


def test_an_update_hands_out_the_rows_it_was_made_from():
    session = Session("policy-gradient")
    made = session._update(session.learners[0], 0)
    assert made["paths"].shape[0] == made["earned"].shape[0] == 32
    assert float(made["earned"].mean()) == pytest.approx(float(made["reward"]))
    assert float((made["earned"] == 1).float().mean()) == pytest.approx(float(made["right"]))


def test_a_table_does_not_call_the_rewards_by_a_name_that_a_reader_can_change():
    (learner,) = labs()["rewards"].to_json()["learners"]
    assert learner["title"] == "Q-learning"
    assert learner["unit"] == 10


DRAW = """
const read = require("fs").readFileSync;
const style = { getPropertyValue: () => "", fontFamily: "" };
const page = { documentElement: null, body: null };
const window = { matchMedia: () => ({ matches: false }), planrlPlotlyTemplate: { layout: {} } };
const load = new Function("window", "document", "getComputedStyle",
  read(`${process.argv[1]}/lab-figure.js`, "utf8") + "; return planrlLabFigure");
const { lab, graph, plan } = JSON.parse(read(0, "utf8"));
const view = { labGraph: graph, live: true, points: [], shapes: {}, recording: null, until: 0,
  evaluations: plan ? [{ metrics: {}, matrices: { plan: Float32Array.from(plan) } }] : [],
  beside: null, usual: true, asked: false, able: Boolean(plan) };
const sizes = lab.panels.map(() => ({ width: 400, height: 300 }));
const [, drawn] = load(window, page, () => style).figures(lab, view, sizes);
const words = drawn.layout.annotations.map(({ text }) => text);
process.stdout.write(JSON.stringify(plan ? drawn.data.map(({ x, y, text }) => ({ x, y, text })) : words));
"""


@pytest.mark.parametrize(
    "plan", [[0, 1, 0, 8, 12, 9, 1], [0, 1, 0, 6, 6, 19], [0, 1, *[0, 8] * 5], [0, 1, 0]]
)
def test_a_page_draws_a_plan_as_a_notebook_does(plan):
    session = Session("blocks")
    tokens = [*plan, *[20] * (12 - len(plan))]
    asked = {
        "lab": session.lab.to_json(),
        "graph": session.lab_graph.to_json(),
        "plan": tokens,
    }
    done = subprocess.run(
        ["node", "-e", DRAW, WEB], input=json.dumps(asked), text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    evaluation = session.evaluate()[0]
    evaluation["plan"] = evaluation["plan"].new_tensor(tokens)
    updates = fill(session.lab, session.lab_graph, [evaluation], [])
    (binding,) = [b for b in session.lab.picture.bindings if b["kind"] == "plan"]
    for ours, theirs in zip(
        [updates[trace] for trace in binding["traces"]], json.loads(done.stdout), strict=True
    ):
        assert theirs["text"] == ours.get("text", [])
        for axis in "xy":
            assert [v is None for v in theirs[axis]] == [v is None for v in ours[axis]]
            known = [v for v in ours[axis] if v is not None]
            assert [v for v in theirs[axis] if v is not None] == pytest.approx(known)


def test_a_page_that_cannot_train_does_not_promise_what_only_training_shows():
    lab = labs()["blocks"]
    asked = {"lab": lab.to_json(), "graph": Session("blocks").lab_graph.to_json(), "plan": None}
    done = subprocess.run(
        ["node", "-e", DRAW, WEB], input=json.dumps(asked), text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    (words,) = json.loads(done.stdout)
    assert "can't" in words
