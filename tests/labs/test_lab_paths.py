"""The graph on which paths travel in a lab's page: recorded policies, layers, and the shown pair."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

import planrl.labs
from planrl import InputError
from planrl.figures.layout import layered_positions
from planrl.graphs import Graph, random_dag, random_digraph, seeded
from planrl.labs import Session
from planrl.labs.catalogue import CATALOGUE, GRIDS, lab_named, labs
from planrl.labs.page import policies
from planrl.labs.page.recordings import points, recorded, recordings, shows_paths
from planrl.labs.page.runtime import Exported
from planrl.labs.spec.controls import State, read_state, write_state
from planrl.labs.spec.graphs import lab_graphs

WEB = Path(planrl.labs.__file__).parent / "web"
PROGRAMS = Path(__file__).resolve().parents[2] / "book" / "_programs"
SHOWN = [name for name, grid in GRIDS.items() if shows_paths(grid)]
RECORDED = dict(recordings())
node = pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")


def in_page(script, **given):
    """What a script says that has lab-state.js as `state` and `given` as `given`."""
    whole = (
        'const read = require("fs").readFileSync;'
        f'const state = eval(read("{WEB}/lab-state.js", "utf8") + ";planrlLabState");'
        f'const frames = eval(read("{WEB}/graph-policy.js", "utf8") + ";planrlGraphPolicy");'
        'const given = JSON.parse(read(0, "utf8"));'
        f"process.stdout.write(JSON.stringify((() => {{ {script} }})()));"
    )
    done = subprocess.run(
        ["node", "-e", whole], input=json.dumps(given), text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_labs_of_one_graph_have_a_panel_in_which_paths_travel_and_it_is_the_first():
    shown = {name for name in CATALOGUE if lab_named(name).screen.paths}
    assert shown == {"objectives", "policy-gradient", "race", "rewards", "tools"}
    for name in shown:
        first, *others = lab_named(name).panels
        assert first["plot"] is None
        assert first["title"] not in [panel["title"] for panel in others]
    numbers = [panel["plot"] for panel in lab_named("blocks").panels]
    assert numbers == [*range(len(numbers))]


@pytest.mark.parametrize("name", SHOWN)
def test_each_point_of_a_grid_has_the_policies_of_all_its_learners(name):
    """Where this fails, record the lab anew: python -m planrl export _build/programs --record."""
    page, lab = RECORDED[name]["policies"], lab_named(GRIDS[name].lab)
    found = policies.unpacked(page)
    assert page["steps"] == [*policies.STEPS]
    assert page["steps"][-1] == lab.screen.end
    count = len(points(GRIDS[name])) * len(lab.learners) * len(policies.STEPS)
    assert len(page["which"]) == count
    assert {*page["which"]} == {*range(len(found))}
    for policy in found:
        assert torch.allclose(policy.sum(1), torch.ones(len(policy)), atol=0.05)


def test_a_kept_policy_holds_all_that_paths_pass_but_what_is_rare():
    rng = seeded(0, "policy")
    policy = torch.randn(20, 21, generator=rng).mul(3).softmax(1)
    (again,) = policies.unpacked(policies.packed([[policies.kept(policy, 2, 7)]]))
    often = policies.visits(policy, 2, 7)
    rows = [v for v in range(20) if often[v] >= policies.SELDOM and v != 7]
    assert 2 in rows
    likely = policy[rows, :20] > (policies.LEAST + 0.5) / policies.UNIT
    kept = again[rows, :20]
    assert torch.allclose(kept[likely], policy[rows, :20][likely], atol=0.5 / policies.UNIT + 1e-6)
    assert float(kept[policy[rows, :20] < (policies.LEAST - 0.5) / policies.UNIT].sum()) == 0
    assert again[7].tolist() == [0.0] * 20 + [1.0]


def test_visits_are_expected_numbers_of_a_path_that_ends_at_its_target():
    step = torch.tensor([[0, 0.5, 0.5, 0], [0.5, 0, 0.5, 0], [0.3, 0.3, 0.3, 0.1]])
    visits = policies.visits(step, 0, 2)
    passed = 1 - 0.5**policies.MOST_STEPS
    assert float(visits[2]) == pytest.approx(passed)
    assert float(visits[0] + visits[1]) == pytest.approx(sum(0.5**k for k in range(10)))


@pytest.mark.parametrize("name", ["policy-gradient"])
def test_the_recorder_makes_the_policies_that_are_kept(name):
    """Of the base; another machine rounds otherwise, so that later ones may differ."""
    page = RECORDED[name]["policies"]
    link = f"{points(GRIDS[name])[0]}&seed={policies.SEED}"
    run = Session(GRIDS[name].lab, link, run=Exported(PROGRAMS))
    source, target = run.given["question"].tolist()
    ours = policies.packed([[policies.kept(run.evaluate()[0]["policy"], source, target)]])
    theirs = policies.unpacked(page)[page["which"][0]]
    assert torch.allclose(policies.unpacked(ours)[0], theirs, atol=0.01)


@node
@pytest.mark.parametrize("name", ["policy-gradient", "race"])
def test_a_page_reads_the_policy_of_its_settings_or_of_the_nearest_recorded_ones(name):
    lab = labs()[name]
    told = in_page(
        """const { lab, settings, until, learner } = given;
        const numbers = lab.recorded.map(state.unpack);
        const found = state.recording(lab, numbers, {...state.defaults(lab), ...settings});
        const policy = found.policy(learner, until);
        return {...policy, values: [...policy.values]};""",
        lab=lab.to_json(recorded(lab)),
        settings={"kl": 0.2} if name == "policy-gradient" else {"model": "transformer"},
        until=299 if name == "policy-gradient" else 300,
        learner=len(lab.learners) - 1,
    )
    page = RECORDED[name]["policies"]
    if name == "policy-gradient":
        assert (told["step"], told["at"]["kl"], told["at"]["lr"]) == (60, 0.3, 1)
        at = {"kl": 5, "lr": 1, "temperature": 1, "baseline": 0}
        shape = [len(axis["values"]) for axis in RECORDED[name]["axes"]]
    else:
        assert told["step"] == 300
        at, shape = {"lr": 1}, [3]
    place = 0
    for size, index in zip(shape, at.values(), strict=True):
        place = place * size + index
    frame = policies.STEPS.index(told["step"])
    learners = len(lab.learners)
    which = page["which"][(place * learners + learners - 1) * len(policies.STEPS) + frame]
    ours = policies.unpacked(page)[which]
    assert torch.allclose(torch.tensor(told["values"]).view(20, 21), ours, atol=1e-5)


@node
def test_a_page_puts_the_nodes_of_a_pasted_graph_into_the_layers_that_python_finds():
    graphs = [random_dag(9, 0.3, seeded(k, "layers")) for k in range(6)]
    graphs += [random_digraph(9, 0.2, seeded(k, "layers")) for k in range(6)]
    graphs += [Graph(3, [(0, 1), (1, 0), (1, 2)]), Graph(2, [(0, 1)])]
    given = []
    for graph in graphs:  # nodes are numbered as they first appear, and each has an edge
        order = list(dict.fromkeys(v for edge in graph.edges for v in edge))
        edges = [[order.index(a), order.index(b)] for a, b in graph.edges]
        given.append([len(order), edges])
    lab = labs()["race"].to_json()
    told = in_page(
        """return given.graphs.map(([n, edges]) =>
          state.graph(given.lab, edges.map((edge) => edge.join(" ")).join("\\n")).labGraph.layers);""",
        graphs=given,
        lab=lab,
    )
    for (n, edges), layers in zip(given, told, strict=True):
        where = layered_positions(Graph(n, [(a, b) for a, b in edges]))
        assert [x for x, _ in layers] == pytest.approx(where[:, 0].tolist())
        assert len({(x, y) for x, y in layers}) == n, "two nodes in one place"
        assert all(0 <= y <= 1 for _, y in layers)


def test_the_layers_of_a_labs_graph_fill_the_height():
    for name in ("dag", "cyclic"):
        layers = torch.tensor(lab_graphs()[name].to_json()["layers"])
        assert layers.amin(0).tolist() == [0, 0]
        assert layers.amax(0).tolist() == [1, 1]


def test_a_link_says_which_pair_is_shown_and_training_stays_the_same():
    usual, other = Session("policy-gradient"), Session("policy-gradient", "pair=3-17")
    assert other.given["question"].tolist() == [3, 17]
    assert other.given["pairs"].equal(usual.given["pairs"])
    usual.train(2)
    other.train(2)
    ours, theirs = usual.evaluate()[0], other.evaluate()[0]
    assert ours["train_sampled"] == theirs["train_sampled"]
    assert not ours["policy"].equal(theirs["policy"])
    for bad in ("3-3", "17-3", "3-nowhere", "3", "3-4-5"):
        with pytest.raises(InputError, match="pair"):
            Session("policy-gradient", f"pair={bad}")


@node
def test_a_page_reads_and_writes_the_pair_as_a_kernel_does():
    controls = labs()["race"].controls
    usual = {c.name: c.default for c in controls}
    own = State({**usual, "graph": "own"}, (("a-b", "~c"), ("~c", "d.")), ("a-b", "~c"))
    links = [write_state(controls, own), "pair=3-17", "pair=17-3", "pair=3-3", "pair=3-x", "pair=7"]
    first, second, *bad = in_page(
        """return given.links.map((link) => {
          const { settings, own, pair, refused } = state.read(given.lab, new URLSearchParams(link));
          return { pair, refused, link: state.write(given.lab, settings, own, pair) }; });""",
        links=links,
        lab=labs()["race"].to_json(),
    )
    assert read_state(controls, first["link"], 120) == own
    assert first["pair"] == [0, 1]
    assert second == {"pair": [3, 17], "refused": [], "link": "pair=3-17"}
    for one in bad:
        assert one["pair"] is None
        assert one["link"] == ""
        assert "pair cannot be" in one["refused"][0]


STUBS = """
let waiting = [];
const nothing = () => undefined;
const pen = new Proxy({}, {
  get: (own, name) => own[name] ?? (name === "measureText" ? () => ({width: 5}) : nothing),
});
const element = () => ({
  style: {}, classList: {add: nothing, remove: nothing}, children: [], clientWidth: 300,
  clientHeight: 200, getContext: () => pen, setAttribute: nothing, append: nothing,
});
const calm = {matches: false, addEventListener: nothing};
const seen = class { observe() {} };
Object.assign(globalThis, {
  window: {matchMedia: () => calm, clearTimeout: nothing, setTimeout: nothing},
  document: {createElement: element, documentElement: {dataset: {}}},
  getComputedStyle: () => ({getPropertyValue: () => "", fontFamily: "any"}),
  requestAnimationFrame: (frame) => waiting.push(frame),
  ResizeObserver: seen, IntersectionObserver: seen, MutationObserver: seen,
});
"""


@node
def test_a_smaller_graph_forgets_the_paths_of_the_one_before_and_the_clock_goes_on():
    frames = in_page(
        f"""{STUBS}
        const source = read("{WEB}/graph-view.js", "utf8") + ";planrlGraphView";
        const graph = (n) => ({{
          nodes: [...Array(n).keys()].map((id) => ({{id, name: "", x: id / n, y: (id % 3) / 3}})),
          edges: [[0, 1]], source: n - 1, target: 1,
        }});
        const view = eval(source).create(element(), graph(9));
        view.update({{probs: [], paths: [{{nodes: [8], correct: false}}]}}, 0);
        view.run(true);
        view.set(graph(4));
        let now = performance.now();
        let frames = 0;
        for (; waiting.length && frames < 5; frames++) waiting.shift()((now += 90));
        return frames;
        """
    )
    assert frames == 5, "the paths of the graph before end at a node that is not there"
