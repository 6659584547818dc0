"""The study of tools: what it measures, its predictions, and the same study on other tools."""

import json
from dataclasses import replace

import pytest
import torch

import planrl as pr
from planrl.__main__ import main
from planrl.experiments import store, tools
from planrl.experiments.algorithms import Algorithm
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.study import Base, Evaluation, sft_base
from planrl.experiments.tool_calls import Calls, unasked
from planrl.objectives.theory import step_counts


def short(steps=3, **more):
    return replace(
        tools.TOOLS,
        base=Base(learner=sft_base(2)),
        learners=tools.learners(steps),
        evaluation=replace(tools.TOOLS.evaluation, steps=(steps,), samples=5, pairs=10),
        **more,
    )


@pytest.fixture(scope="module")
def result():
    return short().run({}, lambda _: None)


@pytest.fixture(scope="module")
def calls():
    dataset = DatasetSettings("tools", train_share=0.8).make()
    return Calls(dataset, Evaluation(samples=5, pairs=10), 0, Algorithm("sft"))


def logits_of(calls, probs):
    n = calls.dataset.graph.n
    full = torch.cat([probs, torch.zeros(n, n, 1)], -1)
    return full.clamp(min=1e-9).log()


def test_a_model_of_the_frequencies_has_no_distance_to_them_and_keeps_every_share(calls):
    share = calls.counts / calls.counts.sum(-1, keepdim=True).clamp(min=1)
    table = logits_of(calls, share)
    assert calls.frequencies(table)["variation_model"] == pytest.approx(0, abs=1e-5)
    found = calls.of_edges(table)
    assert found["kept_once"] == pytest.approx(1, abs=1e-4)
    assert found["kept_often"] == pytest.approx(1, abs=1e-4)
    assert found["kept_never"] is None


def test_a_uniform_choice_of_correct_tools_is_the_yardstick(calls):
    correct = calls.dataset.graph.correct.float()
    table = logits_of(calls, correct / correct.sum(-1, keepdim=True).clamp(min=1))
    found = calls.frequencies(table)
    assert found["contexts"] >= 10
    assert found["variation_model"] == pytest.approx(found["variation_uniform"], abs=1e-5)
    assert found["variation_uniform"] > 0.1


def test_edges_of_each_group_are_read_from_values_at_their_fixed_point(calls):
    graph = calls.dataset.graph
    values = fixed_point(graph)
    found = calls.of_edges(values)
    for group in ("once", "some", "often", "never"):
        assert found[f"auc_{group}"] == 1.0
    assert calls.of_edges(torch.zeros_like(values))["auc_once"] == pytest.approx(0.5, abs=0.2)


def fixed_point(graph):
    n = graph.n
    reach = graph.reachability.float()[:, None]  # [target, 1, next]
    return torch.cat([graph.adjacency.float()[None] + reach - 1, torch.full((n, n, 1), -1.0)], -1)


def test_groups_of_edges_are_told_by_how_often_chains_use_them(calls):
    groups = calls.groups()
    uses = step_counts(calls.dataset.train.vocab, calls.dataset.paths).sum(0)
    for name, low, high in (("never", 0, 0), ("once", 1, 1), ("some", 2, 9), ("often", 10, 9999)):
        counts = uses[:, :-1][groups[name]]
        assert len(counts) == calls.facts()[f"edges_{name}"] >= 5
        assert ((counts >= low) & (counts <= high)).all()
    assert sum(groups.values()).bool().equal(calls.dataset.graph.adjacency)


def test_no_chain_joins_the_pairs_that_are_not_asked(calls):
    task = unasked(calls.dataset)
    rest = set(map(tuple, task.pairs.tolist()))
    for pairs in (calls.dataset.train.pairs, calls.dataset.test.pairs):
        assert not rest & set(map(tuple, pairs.tolist()))
    pairs = len(rest) + len(calls.dataset.train.pairs) + len(calls.dataset.test.pairs)
    assert pairs == len(pr.tasks.all_pairs(calls.dataset.graph).pairs)


def test_only_correct_chains_that_nobody_demonstrated_are_new(calls):
    dataset = calls.dataset
    rng = pr.seeded(0, "chains")
    fresh = pr.streams.sample_paths(unasked(dataset), 1, rng)[:4]
    wrong = fresh.clone()
    wrong[:, 3] = wrong[:, 0]
    width = max(fresh.shape[1], dataset.paths.shape[1])
    rows = [
        torch.nn.functional.pad(some, (0, width - some.shape[1]), value=dataset.graph.n)
        for some in (fresh, fresh[:1], wrong, dataset.paths[:5])
    ]
    list(calls.watch(iter([dataset.train.batch(torch.cat(rows))])))
    assert len(calls.new) == 4
    most = calls.end(None)["found"]
    assert most[0][1] == 2
    names = [v for v in fresh[0, 2:].tolist() if v != dataset.graph.n]
    assert most[0][0] == names


def test_each_prediction_reads_a_number_of_a_result(result):
    assert len({one.claim for one in tools.PREDICTIONS}) == len(tools.PREDICTIONS)
    for one in tools.PREDICTIONS:
        value = one.value(result)
        assert isinstance(value, float)
        assert replace(one, low=value, high=value).holds([result])
        assert not replace(one, low=value + 1).holds([result])


def test_the_study_on_other_tools_has_a_label_of_its_own(tmp_path, capsys):
    folder = tmp_path / "Ultra-Tool"
    other = tools.on_data(tools.STUDIES[3], folder)
    assert other.label == "ultratool-seed3"
    assert other.dataset.options == {"data": str(folder)}
    assert store.file_name(other) == "tools-ultratool-seed3.json"
    assert main(["reproduce", "--only", "tools", "--data", str(folder)]) == 2
    assert "--folder" in capsys.readouterr().err
    assert main(["reproduce", "--only", "fig2", "--data", "x", "--folder", str(tmp_path)]) == 2
    assert "--only tools" in capsys.readouterr().err
    command = ["reproduce", "--only", "tools", "--data", str(folder), "--folder", str(tmp_path)]
    assert main(command) == 2
    assert "cannot read" in capsys.readouterr().err


def test_a_result_on_other_tools_is_saved_under_their_name(tmp_path, monkeypatch):
    from planrl.domains import assistant

    folder = tmp_path / "mine"
    folder.mkdir()
    assistant.write(folder)
    made = short(label="seed0")
    (first, *_) = made.learners
    studies = (replace(made, learners={first: made.learners[first]}),)
    monkeypatch.setattr(store, "STUDIES", studies)
    out = tmp_path / "out"
    assert main(["reproduce", "--only", "tools", "--data", str(folder), "--folder", str(out)]) == 0
    page = json.loads((out / "tools-mine-seed0.json").read_text())
    assert page["result"]["facts"]["edges"] == 98
    assert set(page["result"]["learners"]) == {first}
