"""The first picture of the book shows recorded runs of labs, and what it says is in them."""

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import torch

import planrl
from planrl.figures.frames import LEAST
from planrl.graphs import Graph
from planrl.labs import Hero
from planrl.labs.catalogue import lab_named
from planrl.labs.page import hero
from planrl.labs.page.runtime import Exported
from planrl.labs.spec.controls import read_state
from planrl.models import LogitTable
from planrl.sampling import Sampler
from planrl.tasks import Vocab

RECORDED = hero.recorded_hero()
PROGRAMS = Path(__file__).resolve().parents[2] / "book" / "_programs"
METHODS = pytest.mark.parametrize("method", RECORDED["methods"], ids=lambda one: one["name"])


def test_the_recording_is_of_the_graph_the_settings_and_the_runs_of_today():
    """Where this fails, record it anew: python -m planrl export book/_programs --record hero."""
    told = {key: value for key, value in RECORDED.items() if key != "methods"}
    assert told == json.loads(json.dumps(hero.description()))
    for method, kept in zip(hero.METHODS, RECORDED["methods"], strict=True):
        assert hero.named(method).items() <= kept.items()
        lab = lab_named(method.lab)
        assert lab.learners[method.learner].name in method.name
        read_state(lab.controls, method.link(), lab.most_edges, lab.name)  # the page takes the link


@METHODS
def test_frames_hold_whole_paths_of_the_graph_and_probabilities_that_agree_with_them(method):
    graph = RECORDED["graph"]
    source, target = graph["source"], graph["target"]
    edges, size = {tuple(edge) for edge in graph["edges"]}, len(graph["nodes"])
    updates = range(0, hero.UPDATES + 1, hero.EVERY)
    assert [frame["update"] for frame in method["frames"]] == list(updates)
    for frame in method["frames"]:
        assert len(frame["paths"]) == hero.SHOWN
        for path in frame["paths"]:
            nodes = path["nodes"]
            steps = [*pairwise(nodes)]
            assert nodes[0] == source
            assert set(nodes) <= set(range(size))
            assert path["correct"] == (nodes[-1] == target and set(steps) <= edges)
        assert all(LEAST <= p <= 1 for _, _, p in frame["probs"])
        arrives = sum(p for _, j, p in frame["probs"] if j == target)
        assert arrives > frame["accuracy"] - 0.1
        assert frame["distinct"] <= RECORDED["correct_paths"]
    assert method["frames"][-1]["accuracy"] == method["over_seeds"]["accuracy"][hero.SEED]
    assert method["frames"][-1]["distinct"] == method["over_seeds"]["distinct"][hero.SEED]


def test_policy_gradient_loses_paths_with_every_seed_and_the_other_methods_keep_most_on_average():
    ends = {one["name"]: one["over_seeds"]["distinct"] for one in RECORDED["methods"]}
    lost = ends.pop("policy gradient")
    assert max(lost) <= 3
    for kept in ends.values():
        assert sum(kept) / len(kept) > RECORDED["correct_paths"] / 2


@pytest.mark.slow
def test_the_recorder_makes_the_frames_that_are_kept():
    """Their beginning; another machine rounds otherwise."""
    made = hero.frames(hero.begun(hero.SEED, Exported(PROGRAMS)), updates=hero.EVERY)
    for kept, ours in zip(RECORDED["methods"], made, strict=True):
        for stored, new in zip(kept["frames"], ours, strict=False):
            assert new["update"] == stored["update"]
            assert new["accuracy"] == pytest.approx(stored["accuracy"], abs=0.03)
            before = {(i, j): p for i, j, p in stored["probs"]}
            after = {(i, j): p for i, j, p in new["probs"]}
            for step in before | after:
                assert after.get(step, 0) == pytest.approx(before.get(step, 0), abs=0.02)


def test_the_picture_says_its_numbers_and_conditions_with_and_without_scripts(monkeypatch):
    monkeypatch.delenv("PLANRL_STATIC", raising=False)
    notebook, picture = Hero()._repr_html_(), Hero()
    assert "<script" not in notebook
    assert "<style>" in notebook
    assert notebook.count("<svg") == len(RECORDED["methods"])
    for method in RECORDED["methods"]:
        last = method["frames"][-1]
        assert f'planrl-player-distinct">{last["distinct"]}</b>' in notebook
        assert f'planrl-player-accuracy">{last["accuracy"]:.2f}</b>' in notebook
    for words in ("seed 5", "12 nodes", "temperature 1", "10 seeds", "17 correct paths"):
        assert words in picture.caption
    monkeypatch.setenv("PLANRL_STATIC", "1")
    assert "<style>" not in Hero()._repr_html_()
    data = Hero()._repr_html_().partition('<script type="application/json">')[2]
    page = json.loads(data.partition("</script>")[0])
    for shown, kept in zip(page["runs"], RECORDED["methods"], strict=True):
        assert shown == {"name": kept["name"], "frames": kept["frames"]}


FRAME = """
const view = eval(require("fs").readFileSync(process.argv[1], "utf8") + ";planrlGraphPolicy");
const {policy, columns, graph, steps, paths} = JSON.parse(require("fs").readFileSync(0, "utf8"));
let seed = 1;
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
process.stdout.write(JSON.stringify(view.frame(policy, columns, graph, {steps, paths, random})));
"""


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")
def test_a_pages_frame_of_a_live_policy_has_the_probabilities_that_python_finds():
    """Also where paths go in circles, and where a step leads out of the graph, which ends a path."""
    graph = Graph(5, [(0, 1), (1, 2), (2, 0), (1, 3), (3, 4)])
    model, steps = LogitTable(Vocab(6)), 7
    with torch.no_grad():
        model.table.normal_(0, 2, generator=planrl.seeded(0, "table"))
        model.table[:, 5, :6] = -torch.inf  # from the sixth node, which is not drawn
    exact = planrl.passing_probs(model, 0, 4, sampler=Sampler(max_tokens=3 + steps), least=1e-7)
    asked = {
        "policy": model.table.detach()[4].softmax(-1).flatten().tolist(),
        "columns": 7,
        "graph": {"nodes": [*range(5)], "edges": graph.edges, "source": 0, "target": 4},
        "steps": steps,
        "paths": 1000,
    }
    script = Path(planrl.labs.__file__).parent / "web" / "graph-policy.js"
    command = ["node", "-e", FRAME, script]
    given = json.dumps(asked)
    done = subprocess.run(command, input=given, text=True, capture_output=True, check=True)
    frame = json.loads(done.stdout)
    found, sampled = torch.zeros(6, 6), torch.zeros(6, 6)
    for i, j, p in frame["probs"]:
        found[i, j] = p
    expected = torch.where(exact >= LEAST, exact, 0)[:5, :5]
    assert torch.allclose(found[:5, :5], expected, atol=1e-5)
    legal = {*graph.edges}
    for path in frame["paths"]:
        taken = {*pairwise(path["nodes"])}
        for step in taken:
            sampled[step] += 1 / len(frame["paths"])
        assert path["correct"] == (path["nodes"][-1] == 4 and taken <= legal)
    assert torch.allclose(sampled, found, atol=0.05)
    assert any(path["correct"] for path in frame["paths"])
