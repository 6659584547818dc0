"""What a page says of a lab without a browser: links with names, and one update in words."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import planrl.labs
from planrl.labs import Session
from planrl.labs.catalogue import labs
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
