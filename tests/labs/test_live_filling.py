"""What the scripts of a lab draw of an evaluation, and how they read a reader's list of edges."""

import itertools
import json
import math

import pytest
from live_labs import drawn, in_node, needs_node, seen

from planrl.labs import Session
from planrl.labs.catalogue import CATALOGUE

pytestmark = needs_node
NAMES = list(CATALOGUE)
EMPTY = {"x": [None], "y": [None]}


@pytest.fixture(scope="module")
def sessions():
    """A session of every lab, a little trained; nobody trains it further."""
    made = {name: Session(name) for name in NAMES}
    for session in made.values():
        session.train(2)
    return made


def bindings(session, kind):
    return [binding for binding in session.lab.picture.bindings if binding["kind"] == kind]


def line(trace):
    return {"x": trace["x"], "y": trace["y"]}


@pytest.mark.parametrize("name", NAMES)
def test_every_trace_is_filled_and_plotly_takes_it(name, sessions):
    session = sessions[name]
    traces, _ = drawn(session, points=[{"step": 2, "metrics": seen(session.evaluate())}])
    figure = session.lab.picture.figure
    assert len(traces) == len(figure.data)
    for trace, new in zip(figure.data, traces, strict=True):
        trace.update({key: new[key] for key in ("x", "y", "z", "text") if new.get(key) is not None})


@pytest.mark.parametrize("name", NAMES)
def test_curves_follow_the_history_and_the_recorded_stay_empty(name, sessions):
    session = sessions[name]
    metrics = seen(session.evaluate())
    points = [{"step": step, "metrics": metrics} for step in (0, 10)]
    traces, _ = drawn(session, points=points)
    for binding in bindings(session, "curve"):
        value = metrics[binding["learner"]][binding["metric"]]
        shown = None if math.isnan(value) else value  # in JSON
        assert line(traces[binding["trace"]]) == {"x": [0, 10], "y": [shown] * 2}
    for binding in bindings(session, "band") + bindings(session, "recorded"):
        assert line(traces[binding["trace"]]) == EMPTY
    traces, _ = drawn(session)
    assert all(line(traces[one["trace"]]) == EMPTY for one in bindings(session, "curve"))


def test_matrices_and_bars_have_the_nodes_of_their_graph():
    session = Session("rewards", "graph=own&edges=0-1.1-2.0-2")
    traces, _ = drawn(session)
    for binding in bindings(session, "matrix"):
        values = session.evaluate()[0][binding["matrix"]]
        heat = traces[binding["trace"]]
        assert heat["x"] == heat["y"] == ["0", "1", "2"]
        assert [*itertools.chain(*heat["z"])] == pytest.approx(values[:3, :3].flatten().tolist())
    session = Session("imitation", "graph=own&edges=0-1.1-2.0-2")
    traces, _ = drawn(session)
    for binding in bindings(session, "bars"):
        values = session.evaluate()[0][binding["matrix"]].tolist()
        bars = traces[binding["trace"]]
        assert bars["x"] == ["0", "1", "2", "END"]
        assert bars["y"] == pytest.approx([*values[:3], values[20]])


def plan_of(session, *tokens):
    """The words of a plan's figure, and how many blocks it has, for these tokens of a path."""
    (binding,) = bindings(session, "plan")
    plan = session.evaluate()[0]["plan"].new_tensor([*tokens, *[20] * (12 - len(tokens))])
    traces, _ = drawn(session, plan=plan)
    *blocks, _, letters, words, wrong = (traces[place] for place in binding["traces"])
    squares = sum(one["x"].count(None) for one in blocks if one["x"] != [None])
    assert squares == len(letters["text"])
    return [t for t in words["text"] if t != "→"], [t for t in wrong["text"] if t != "→"], squares


def test_a_plan_is_drawn_state_by_state_with_its_moves_and_the_goal(sessions):
    session = sessions["blocks"]
    source, target = session.lab_graph.pair
    pictures = session.lab_graph.pictures
    assert pictures[source] == [(0, 0, "A"), (0, 1, "B"), (0, 2, "C")]
    words, wrong, blocks = plan_of(session, source, target, source, 8, 12, 9, target)
    assert words == ["start", "C on table", "B on table", "C on A", "B on C", "goal"]
    assert wrong == [""]
    assert blocks == 6 * 3


def test_a_wrong_move_of_a_plan_is_named(sessions):
    session = sessions["blocks"]
    source, target = session.lab_graph.pair
    words, wrong, _ = plan_of(session, source, target, source, source, 6, target)
    assert words == ["start"] or "goal" in words
    assert wrong[:2] == ["✗ stays", "✗ B is not free"]
    words, wrong, blocks = plan_of(session, source, target, source, 19)
    assert wrong == ["✗ no state", "goal: not reached"]  # 19 is no state of three blocks
    assert blocks == 2 * 3
    *_, blocks = plan_of(session, source, target, *[source] * 10)
    assert blocks == 11 * 3  # ten states at most, and the goal


def test_a_page_that_cannot_train_does_not_promise_what_only_training_shows(sessions):
    _, words = drawn(sessions["blocks"], trained=False, able=False)
    assert "can't" in "".join(itertools.chain(*words))
    _, words = drawn(sessions["blocks"], trained=False)
    assert "when<br>you train" in "".join(itertools.chain(*words))


READ = """
const read = require("fs").readFileSync;
const state = eval(read(`${process.argv[1]}/lab-state.js`, "utf8") + ";planrlLabState");
const lab = { own: { nodes: 20, edges: 120 }, graphs: {}, controls: [] };
const { labGraph, errors } = state.graph(lab, JSON.parse(read(0, "utf8")));
const named = labGraph && labGraph.edges.map((edge) => edge.map((v) => labGraph.labels[v]));
process.stdout.write(JSON.stringify({ edges: named, errors }));
"""


def edges_in(text):
    """The edges that a lab reads in a text, or None; and what it says of the text."""
    told = json.loads(in_node(READ, json.dumps(text)))
    return told["edges"], " ".join(told["errors"])


@pytest.mark.parametrize(
    "text", ["a b\nb c", "a->b\n\n b -> c", "a,b\nb , c\na b", "# two\r\na b\r\n// more\n%x\nb c"]
)
def test_edges_can_be_written_in_three_ways(text):
    assert edges_in(text) == ([["a", "b"], ["b", "c"]], "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no edge"),
        ("a b c", "Line 1"),
        ("a b\nc", "Line 2"),
        ("a a", "another node"),
        ("a ->", "two words"),
        (f"a {'b' * 17}", "16 letters"),
        (f"a {'😀' * 17}", "16 letters"),
        ("a b\nNew York,Boston", "Line 2"),
        ("a<->b", "an arrow as ->"),
        ("a-->b", "an arrow as ->"),
        ("source,target\na,b", "columns"),
        ('"a","b"', "quotes"),
        ("1: 2", "ends in :"),
        ("digraph {\na -> b\n}", "is or has a sign"),
        ("1 a\n2 b\n#\n1 2", "Line 3"),
        ("a b\u200b\nb c", "nobody sees"),
        ("a\xa0b c", "nobody sees"),
        ("New York|Boston", "is or has a sign"),
        ("\n".join(f"{k} {k + 1}" for k in range(20)), "21 nodes"),
    ],
)
def test_a_bad_list_of_edges_is_refused_with_its_line(text, said):
    edges, told = edges_in(text)
    assert edges is None
    assert said in told
