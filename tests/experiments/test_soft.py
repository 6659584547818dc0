"""Soft values and wrong checks: the experiments measure what their predictions say."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import planrl as pr
from planrl.experiments import noise, soft, soft_methods
from planrl.experiments.datasets import DatasetSettings
from planrl.objectives.noisy import Checks, noisy_optimum

FILE = Path(pr.__file__).parent / "claims" / "soft_and_noise.toml"
PREDICTED = tomllib.loads(FILE.read_text(encoding="utf-8"))["claim"]


def test_every_prediction_has_a_bound_and_a_reason_and_a_name_of_its_own():
    pages = PREDICTED
    assert len({page["id"] for page in pages}) == len(pages)
    for page in pages:
        assert page["reason"].endswith(".")
        assert page["statement"].endswith(".")
        assert all("low" in bound or "high" in bound for bound in page["bound"])
        told = [(bound["graph"], bound.get("name")) for bound in page["bound"]]
        assert len(set(told)) == len(told), page["id"]


def small(name):
    setting = soft.SETTINGS[name]
    data = replace(setting.dataset, train_share=0.5)
    if name == "blocksworld":
        return replace(setting, dataset=DatasetSettings(blocks=3, train_share=0.5))
    options = {**data.options, "nodes": 12}
    return replace(setting, dataset=replace(data, options=options))


def numbers_of(experiment):
    """The part and the numbers that claims read of an experiment."""
    return {
        (bound["number"].partition(".")[0], number)
        for page in PREDICTED
        if page["experiment"] == experiment
        for bound in page["bound"]
        for number in bound["number"].partition(".")[2].split(" - ")
    }


@pytest.mark.slow
def test_each_graph_has_the_numbers_that_are_predicted():
    for name in soft.SETTINGS:
        found = soft.on_graph(small(name), 99, 12)
        wanted = {number for part, number in numbers_of("soft") if part == name}
        assert wanted <= found.keys()
        assert 0 <= found["sampled_soft"] <= 1


@pytest.mark.slow
def test_each_part_on_checks_has_the_numbers_that_are_predicted(monkeypatch):
    monkeypatch.setattr(noise, "blocksworld", lambda blocks: pr.chain(6))
    found = noise.measure(99, steps=10)
    for part, number in numbers_of("noise"):
        assert number in found[part], (part, number)


def test_a_short_training_already_tells_sampled_accuracy_from_the_formula():
    graph = pr.Graph(5, [(0, 1), (1, 2), (2, 3), (0, 3), (3, 4)])
    found = noise.both(graph, Checks(checked=0.3), 99, 240)
    told = noise.accuracies(graph, noisy_optimum(graph, Checks(checked=0.3)))
    assert found["sampled_told"] == pytest.approx(float(told["sampled"].mean()))
    assert found["greedy"] == found["greedy_told"] == 1.0
    assert abs(found["sampled"] - found["sampled_told"]) < 0.1
    assert 0.1 < found["sampled_told"] < 0.9  # neither Theorem 5.1 nor 5.2


def test_diversity_is_read_where_a_curve_is_accurate_enough():
    curve = [[20.0, 0.9], [10.0, 1.0], [1.0, 1.0]]
    assert soft.diversity_at(0.99, curve) == 10.0
    assert soft.diversity_at(0.94, curve) == pytest.approx(16.0)  # 0.4 of the first stretch
    assert soft.diversity_at(0.99, [[5.0, 0.5], [4.0, 0.6]]) == 0.0


def test_what_a_model_ends_as_is_measured_on_held_out_pairs_and_exactly():
    setting = small("dag")
    dataset = setting.dataset.make()
    model = pr.LinearTransformer(dataset.train.vocab)
    with torch.no_grad():
        model.current[:, :-1] = torch.where(dataset.graph.adjacency, 0.0, -50.0)
        model.target[:, :-1] = torch.where(dataset.graph.reachability, 0.0, -50.0)
    nodes = soft.measured(model, dataset.test, soft.methods(setting)["soft"], setting)
    assert nodes["sampled"] == pytest.approx(1.0)
    ending = soft.measured(model, dataset.test, soft.methods(setting)["pg"], setting)
    assert ending["sampled"] < 0.7  # policy gradient's model may emit END, which has a logit of 0
    found = soft.entropies(model, dataset)
    assert found["entropy_soft"] == pytest.approx(found["entropy_u_c"], abs=1e-6)
    assert found["entropy_most"] > found["entropy_u_c"]


def test_the_transformer_study_differs_from_the_regimes_in_its_learners_alone():
    for letter, study in soft_methods.SOFT.items():
        regime = soft_methods.REGIMES[letter]
        assert (study.dataset, study.base) == (regime.dataset, regime.base)
        assert all(not one.algorithm.foreign() for one in study.learners.values())
    assert len(soft_methods.STUDIES) == 31


@pytest.mark.slow
def test_the_transformer_study_runs():
    quick = next(one for one in soft_methods.STUDIES if one.tier == "quick")
    few = replace(quick, learners={"soft Q-learning": quick.learners["soft Q-learning"]})
    found = few.run({}, lambda result: None)
    assert found["learners"]["soft Q-learning"]["train_accuracy"][-1] >= 0
