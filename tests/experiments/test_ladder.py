"""The study of the ladder: its policies are read exactly, and it has the numbers predicted."""

import tomllib
from pathlib import Path

import pytest
import torch

import planrl as pr
from planrl.domains.outcomes import arrivals, uniform_policy
from planrl.experiments import ladder
from planrl.models import LinearTransformer
from planrl.tasks import all_pairs

FILE = Path(pr.__file__).parent / "claims" / "ladder.toml"
PREDICTED = tomllib.loads(FILE.read_text(encoding="utf-8"))
LOOP = pr.Graph(5, [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (1, 4)])


def test_a_problem_of_each_domain_and_the_tools_are_trained_on():
    domains = [name.rpartition("-")[0] for name in ladder.PROBLEMS if name != ladder.TOOLS]
    assert len(set(domains)) == len(domains) == 7
    assert {*ladder.PROBLEMS} == {*PREDICTED["graphs"]}
    for name in ("gripper-3", "peg-4", ladder.TOOLS):
        assert ladder.graph_of(name).n <= 350


def test_a_step_weighs_half_of_what_would_make_the_sums_infinite():
    largest = float(torch.linalg.eigvals(LOOP.adjacency.double()).abs().max())
    assert ladder.step_weight(LOOP) == pytest.approx(min(0.5 / largest, 0.2))
    assert ladder.step_weight(pr.Graph(3, [(0, 1), (1, 2)])) == 0.2
    assert ladder.penalty(LOOP) > ladder.step_cost(LOOP) * int(LOOP.distances().max())


def test_random_paths_take_correct_steps_alone_and_may_be_cut():
    task = all_pairs(LOOP)
    tokens = ladder.random_paths(task, pr.seeded(0, "paths"))
    assert tokens.shape == (ladder.SHOWN, ladder.LONGEST)
    current, following, target = tokens[:, 2:-1], tokens[:, 3:], tokens[:, 1:2]
    going = (current != target) & (current != task.vocab.end)
    assert LOOP.correct[target.expand_as(current)[going], current[going], following[going]].all()


def test_a_policy_on_edges_is_that_of_the_logits():
    task = all_pairs(LOOP)
    model = LinearTransformer(task.vocab)
    with torch.no_grad():
        model.current[:, :5] = 50.0 * LOOP.adjacency.float()
        model.target[:, :5] = 50.0 * LOOP.reachability.float()
        model.current[:, -1] = -50.0
    found = ladder.measured(model, task, may_stop=True, seed=0)
    exact = arrivals(LOOP, uniform_policy(LOOP))
    assert found["sampled"] == pytest.approx(exact.share, abs=1e-4)
    assert found["steps"] == pytest.approx(exact.steps, abs=1e-3)


@pytest.mark.slow
def test_the_study_has_all_numbers_that_are_predicted(monkeypatch):
    monkeypatch.setattr(ladder, "graph_of", lambda problem: LOOP)
    found = ladder.measure(99, problem="hanoi-4", steps=20)["found"]
    for page in PREDICTED["claim"]:
        for bound in page["bound"]:
            for name in bound["number"].removeprefix("found.").split(" - "):
                assert found[name] >= 0, name


def test_every_prediction_has_a_bound_and_a_reason_and_a_problem_once():
    pages = PREDICTED["claim"]
    assert len({page["id"] for page in pages}) == len(pages)
    for page in pages:
        assert page["reason"].endswith(".")
        assert all("low" in bound or "high" in bound for bound in page["bound"])
        assert all(bound["of"] == f"{bound['graph']}-seed" for bound in page["bound"])
        told = [bound["graph"] for bound in page["bound"]]
        assert len(set(told)) == len(told), page["id"]
