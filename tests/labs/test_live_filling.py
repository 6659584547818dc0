"""What a lab's figure, its pasted edges and its status say of what was trained."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("ipywidgets")

from live_labs import seen

import planrl.labs
from planrl import InputError
from planrl.labs import Session
from planrl.labs.catalogue import labs
from planrl.labs.catalogue.rewards import VERDICTS
from planrl.labs.notebook.render import FILLERS, fill, named_axes, named_graph, told
from planrl.labs.spec.graphs import edge_list, numbered, own_graph

NAMES = list(labs())


@pytest.fixture(scope="module")
def sessions():
    """A session of every lab, a little trained; nobody trains it further."""
    made = {name: Session(name) for name in NAMES}
    for session in made.values():
        session.train(2)
    return made


def filled(session, kind, history=()):
    """The bindings of one kind, each with its traces' data."""
    evaluations = session.evaluate()
    updates = fill(session.lab, session.lab_graph, evaluations, history)
    for binding in session.lab.picture.bindings:
        if binding["kind"] == kind:
            traces = binding.get("traces") or [binding["trace"]]
            yield binding, evaluations, [updates[trace] for trace in traces]


@pytest.mark.parametrize("name", NAMES)
def test_every_trace_is_filled_and_plotly_takes_it(name, sessions):
    session = sessions[name]
    updates = fill(
        session.lab, session.lab_graph, session.evaluate(), [(2, seen(session.evaluate()))]
    )
    figure = session.lab.picture.figure
    assert len(updates) == len(figure.data)
    assert all("x" in update and "y" in update for update in updates)
    for trace, update in zip(figure.data, updates, strict=True):
        trace.update(update)


def test_the_labs_show_every_kind_of_binding(sessions):
    assert {b["kind"] for s in sessions.values() for b in s.lab.picture.bindings} == set(FILLERS)


@pytest.mark.parametrize("name", NAMES)
def test_curves_follow_the_history_and_the_recorded_stay_empty(name, sessions):
    session = sessions[name]
    history = [(0, seen(session.evaluate())), (10, seen(session.evaluate()))]
    for binding, evaluations, (line,) in filled(session, "curve", history):
        assert line["x"] == [0, 10]
        assert line["y"] == [evaluations[binding["learner"]][binding["metric"]]] * 2
    empty = [*filled(session, "band", history), *filled(session, "recorded", history)]
    empty += filled(session, "curve")
    assert all(line == {"x": [None], "y": [None]} for *_, (line,) in empty)


def test_each_edge_is_drawn_once_in_the_width_of_its_probability(sessions):
    session = sessions["policy-gradient"]
    ((binding, evaluations, lines),) = filled(session, "edges")
    drawn = [line["x"].count(None) if line["x"] != [None] else 0 for line in lines]
    policy = [float(evaluations[0]["policy"][edge]) for edge in session.lab_graph.graph.edges]
    at = binding["at"]
    assert drawn == [sum(at[k] <= p < at[k + 1] for p in policy) for k in range(5)]
    assert sum(drawn) == len(policy)


def test_nodes_have_symbols_for_the_question_and_escaped_names():
    lab_graph = named_graph(own_graph([("0", "1"), ("1", "2")]), ["<b>", "b", "c & d"], [0, 2])
    session = Session("policy-gradient", "graph=own&edges=0-1.1-2")
    trace = next(b["trace"] for b in session.lab.picture.bindings if b["kind"] == "nodes")
    nodes = fill(session.lab, lab_graph, session.evaluate(), [])[trace]
    assert nodes["text"] == ["&lt;b&gt;", "b", "c &amp; d"]
    assert nodes["marker"]["symbol"] == ["square", "circle", "star"]
    assert len(nodes["x"]) == len(nodes["y"]) == 3


def test_matrices_and_bars_have_the_nodes_of_their_graph():
    session = Session("rewards", "graph=own&edges=0-1.1-2.0-2")
    for binding, evaluations, (heat,) in filled(session, "matrix"):
        values = evaluations[0][binding["matrix"]]
        assert heat["x"] == heat["y"] == ["0", "1", "2"]
        assert heat["z"] == values[:3, :3].tolist()
    session = Session("imitation", "graph=own&edges=0-1.1-2.0-2")
    for binding, evaluations, (bars,) in filled(session, "bars"):
        values = evaluations[0][binding["matrix"]].tolist()
        assert bars["x"] == ["0", "1", "2", "END"]
        assert bars["y"] == [*values[:3], values[20]]
    assert named_axes(session.lab) == ["xaxis2"]
    assert named_axes(labs()["rewards"]) == ["xaxis2", "xaxis3", "yaxis2", "yaxis3"]


def plan_of(session, *tokens):
    """The words of a plan's figure, and how many blocks it has, for these tokens of a path."""
    (binding,) = [b for b in session.lab.picture.bindings if b["kind"] == "plan"]
    evaluation = session.evaluate()[0]
    plan = evaluation["plan"].new_tensor([*tokens, *[20] * (12 - len(tokens))])
    updates = fill(session.lab, session.lab_graph, [{**evaluation, "plan": plan}], [])
    *blocks, _, letters, words, wrong = (updates[trace] for trace in binding["traces"])
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


@pytest.mark.parametrize(
    "text", ["a b\nb c", "a->b\n\n b -> c", "a,b\nb , c\na b", "# two\r\na b\r\n// more\n%x\nb c"]
)
def test_edges_can_be_written_in_three_ways(text):
    assert edge_list(text) == (("a", "b"), ("b", "c"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no edge"),
        ("a b c", "line 1"),
        ("a b\nc", "line 2"),
        ("a a", "another node"),
        ("a ->", "two words"),
        (f"a {'b' * 17}", "16 letters"),
        ("a b\nNew York,Boston", "line 2"),
        ("a<->b", "an arrow as ->"),
        ("a-->b", "an arrow as ->"),
        ("source,target\na,b", "columns"),
        ('"a","b"', "quotes"),
        ("1: 2", "ends in :"),
        ("digraph {\na -> b\n}", "is or has a sign"),
        ("1 a\n2 b\n#\n1 2", "line 3"),
        ("a b\u200b\nb c", "nobody sees"),
        ("a\xa0b c", "nobody sees"),
        ("New York|Boston", "is or has a sign"),
    ],
)
def test_a_bad_list_of_edges_is_refused_with_its_line(text, said):
    with pytest.raises(InputError, match=said):
        edge_list(text)


WORDS = [
    "a",
    "b",
    "c",
    "x-1",
    "O'Hare",
    "é",
    "😀" * 16,
    "😀" * 17,
    "c" * 16,
    "1",
    "<b>",
    "source",
    "To",
    "&amp;",
]
ODD = [
    "",
    "->",
    "#",
    "%",
    "//",
    "<",
    ">",
    "-",
    '"',
    "'",
    ":",
    ";",
    "{",
    "=",
    "|",
    "；",
    "\xa0",
    "\u2028",
    "\x0b",
    "\x1c",
    "\ufeff",
    "\u200b",
    "\x85",
    "  ",
    "\t",
]
BETWEEN = [" ", "  ", "\t", "->", " -> ", ",", " , "]
PAGE = """
const state = eval(require("fs").readFileSync(process.argv[1], "utf8") + ";planrlLabState");
const lab = { own: { nodes: 20, edges: 120 }, graphs: {}, controls: [] };
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
const read = ({ labGraph }) => labGraph && labGraph.edges.map((edge) => edge.map((v) => labGraph.labels[v]));
process.stdout.write(JSON.stringify(texts.map((text) => read(state.graph(lab, text)))));
"""


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")
def test_a_page_reads_a_list_of_edges_as_a_notebook_does():
    draw = random.Random(0)
    word = lambda: draw.choice(WORDS) + (draw.choice(ODD) if draw.random() < 0.1 else "")  # noqa: E731
    line = lambda: word() + draw.choice(BETWEEN) + word() + draw.choice(["\n", "\n", "\r\n", "\r"])  # noqa: E731
    texts = ["".join(line() for _ in range(draw.randint(1, 3))) for _ in range(4000)]
    texts += ["".join(draw.choices(WORDS + ODD + BETWEEN, k=5)) for _ in range(1000)]
    texts += ["a b\nb c", "a,b\n\nb -> c", "source a\na target", "1 2\r2 3"]
    script = Path(planrl.labs.__file__).parent / "web" / "lab-state.js"
    done = subprocess.run(
        ["node", "-e", PAGE, script],
        input=json.dumps(texts),
        text=True,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    told = json.loads(done.stdout)
    for text, theirs in zip(texts, told, strict=True):
        try:
            ours = [list(edge) for edge in edge_list(text)]
        except InputError:
            ours = None
        assert theirs == ours, text
    assert sum(edges is not None for edges in told) > 1000


def test_edges_are_numbered_as_a_page_numbers_them():
    assert numbered(edge_list("x-1 y.2\ny.2 z")) == ((("0", "1"), ("1", "2")), ("x-1", "y.2", "z"))


def test_the_status_tells_pace_pause_and_verdict(sessions):
    lab = labs()["rewards"]
    evaluations = [{"failure": 4.0}]
    assert told(lab, evaluations, 0, None) == "Nothing is trained: press Train."
    assert told(lab, evaluations, 10, None) == f"Paused at update 10. {VERDICTS[4]}"
    assert (
        told(labs()["race"], evaluations, 10, 123.4) == "Training: update 10, 120 updates a second."
    )
    assert told(labs()["race"], evaluations, 10, 0.0) == "Training: update 10."
