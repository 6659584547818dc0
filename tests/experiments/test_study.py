"""What the figures share: looks at models, matrices as text, and theory in expectation."""

import json
import math
from dataclasses import dataclass, replace

import pytest
import torch

import planrl as pr
from planrl.experiments import ablations, extensions, imitation, paper, store
from planrl.experiments.algorithms import Algorithm
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.evaluations import Figures
from planrl.experiments.probes import (
    _beginnings,
    _with_position,
    adjusted,
    edge_scores,
    packed,
    unpacked,
)
from planrl.experiments.records import same
from planrl.experiments.store import reusable
from planrl.experiments.streams import halved, mistaken
from planrl.experiments.study import Base, Evaluation, Learner, Study, sft_base
from planrl.experiments.theorems.expected_gradient import Pair, predicted, settle, success
from planrl.transformer.reference import plain

DAG = DatasetSettings(nodes=14)
TINY = Study(
    name="tiny",
    label="dag",
    dataset=DAG,
    base=Base(learner=sft_base(3)),
    learners=paper.sft_and_policy_gradient(3),
    evaluation=Evaluation(steps=(2, 3), samples=5, pairs=10, matrices=True),
)


def run(study, done=None):
    """The result of a study, as it is saved."""
    kept = []
    result = study.run(done or {}, lambda page: kept.append(list(page["learners"])))
    return result, kept


def shortened(study, steps, **more):
    """A study whose learners make so few updates, on a small graph."""
    learners = {
        name: replace(one, training=replace(one.training, steps=steps))
        for name, one in study.learners.items()
    }
    evaluation = replace(study.evaluation, steps=(steps,), samples=5, pairs=10)
    small = {"dataset": DAG, "base": Base(learner=sft_base(3)), "evaluation": evaluation}
    return replace(study, learners=learners, **{**small, **more})


def test_a_matrix_survives_as_text_to_half_precision():
    matrix = torch.randn(3, 5, generator=pr.seeded(0, "m"))
    assert torch.equal(unpacked(packed(matrix)), matrix.half().float())


def test_edge_scores_average_over_targets_that_can_be_reached():
    table = torch.zeros(2, 2, 3)
    table[1, 0, :2] = torch.tensor([1.0, 3.0])
    can = torch.tensor([[False, False], [True, False]])
    assert edge_scores(table, can).tolist() == [[-1.0, 1.0], [0.0, 0.0]]


def test_the_fixed_point_of_process_reward_shows_as_such_in_an_evaluation():
    dataset = DAG.make()
    n = dataset.graph.n
    table = torch.zeros(n, n, n + 1)
    table[..., :n] = 10 * pr.process_optimum(dataset.graph)
    seen = Figures(dataset, TINY.evaluation, 0, Algorithm("sft")).of_logits(table)
    assert seen["logits"]["right"] == [10.0, 0.0]
    assert seen["logits"]["half"] == [0.0, 0.0]
    assert seen["logits"]["wrong"] == [-10.0, 0.0]
    assert seen["spread_of_right"] == 0.0
    assert seen["kl_to_uniform"] == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(
    ("learners", "dataset"),
    [
        (paper.sft_and_policy_gradient, DatasetSettings(blocks=3)),
        (paper.q_learners, DAG),
    ],
)
def test_every_learner_starts_from_the_same_base_and_is_evaluated_on_its_way(learners, dataset):
    study = replace(TINY, dataset=dataset, learners=learners(3))
    result, kept = run(study)
    curves = result["learners"]
    assert list(curves) == list(study.learners) == kept[-1]
    assert [len(names) for names in kept] == list(range(1, len(curves) + 1))
    for name, curve in curves.items():
        assert curve["step"][0] == 0
        assert curve["step"][-1] <= 3
        assert len({len(values) for values in curve.values()}) == 1, name
    starts = {curve["adjacency_auc"][0] for curve in curves.values()}
    assert len(starts) == 1
    assert set(result["matrices"]) == {"SFT", *curves}
    nodes = dataset.make().graph.n
    assert unpacked(result["matrices"]["SFT"]["weights"]).shape == (nodes, nodes)


def test_the_same_seed_gives_the_same_numbers_and_only_seed_0_keeps_matrices():
    study = replace(TINY, learners={"policy gradient": TINY.learners["policy gradient"]})
    one, two, other = (run(replace(study, seed=seed))[0] for seed in (0, 0, 1))
    assert one["learners"] == two["learners"] != other["learners"]
    assert one["matrices"]
    assert not other["matrices"]


def test_a_study_that_was_stopped_goes_on_with_the_learners_that_are_missing(monkeypatch):
    whole, _ = run(TINY)
    names = list(TINY.learners)
    half = {**whole, "learners": {name: whole["learners"][name] for name in names[:-1]}}
    trained = []
    follow = Study.follow
    monkeypatch.setattr(
        Study, "follow", lambda self, name, *more: trained.append(name) or follow(self, name, *more)
    )
    again, _ = run(TINY, half)
    assert trained == names[-1:]
    assert again["learners"] == whole["learners"]
    assert again["matrices"] == whole["matrices"]


def test_a_result_lends_the_learners_that_are_still_the_same():
    saved, result = TINY.plain(), {"facts": {}, "learners": {key: {} for key in TINY.learners}}
    assert reusable(saved, result, TINY) == result
    name = "policy gradient + KL"
    stronger = {**TINY.learners, name: paper.reinforced(Algorithm("pg", kl=0.5), 3)}
    kept = reusable(saved, result, replace(TINY, learners=stronger))["learners"]
    assert set(kept) == set(TINY.learners) - {name}
    assert reusable(saved, result, replace(TINY, seed=1)) is None


@dataclass(frozen=True, kw_only=True)
class Younger(pr.TrainConfig):
    """A record that has gained an option with a default."""

    momentum: float = 0.9


def younger(study, **more):
    """The study with that record for each learner's training."""
    learners = {
        name: replace(one, training=Younger(**vars(one.training), **more))
        for name, one in study.learners.items()
    }
    return replace(study, learners=learners)


def test_an_option_that_a_result_did_not_know_makes_it_stale_only_if_it_is_used():
    saved = TINY.plain()
    for option, current in ((younger(TINY), True), (younger(TINY, momentum=0.5), False)):
        assert same(saved, option.plain(), option.given()) == current
    assert not same(younger(TINY).plain(), saved, TINY.given())  # nor may one be gone
    changed = replace(TINY, learners=paper.sft_and_policy_gradient(4))
    assert not same(saved, changed.plain(), changed.given())


def test_a_new_option_of_a_loss_leaves_every_packaged_result_current(monkeypatch):
    def policy_gradient(logits, batch, *, baseline=False, kl=0.0, correction=None, clip=0.2):
        raise AssertionError

    monkeypatch.setattr("planrl.losses.policy_gradient", policy_gradient)
    assert Algorithm("pg").plain()["options"]["clip"] == 0.2
    for name in ("fig2", "conditions", "beyond", "quantised"):
        for job in store.jobs([name]):
            assert store.is_there(job), job.path
    study = store.studies("fig2")[0]
    clipped = {
        name: replace(one, algorithm=Algorithm("pg", clip=0.1))
        for name, one in study.learners.items()
    }
    page = store.read(store.FOLDER / store.file_name(study))
    assert not reusable(page["study"], page["result"], replace(study, learners=clipped))["learners"]


def test_the_quick_tier_is_one_seed_on_each_graph():
    quick = {one.label: (one.seed, one.dataset.kind) for one in store.studies("fig2", "quick")}
    assert quick == {"quick-dag": (0, "dag"), "quick-blocksworld": (0, "blocksworld")}


def test_a_reader_s_own_loss_enters_a_study_by_its_path(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from planrl.losses import policy_gradient\n\n"
        "def half(logits, batch, *, factor=0.5):\n"
        "    return factor * policy_gradient(logits, batch)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    own = Learner(
        algorithm=Algorithm("pg", loss="mine:half", factor=0.25), training=pr.TrainConfig(steps=3)
    )
    study = replace(TINY, learners={"own": own})
    assert json.loads(json.dumps(study.plain()))["learners"]["own"]["algorithm"] == {
        "name": "pg",
        "loss": "mine:half",
        "stream": "planrl.experiments.streams:own_rollouts",
        "options": {"reward": "outcome", "reward_scale": 1.0, "factor": 0.25},
    }
    assert run(study)[0]["learners"]["own"]["step"] == [0, 2, 3]


def test_a_walk_in_expectation_is_what_sampling_finds():
    graph = pr.random_dag(6, 0.6, pr.seeded(1, "graph"))
    policy = torch.rand(6, 7, generator=pr.seeded(0, "policy")) + 0.1
    policy = policy / policy.sum(-1, keepdim=True)
    model = pr.LogitTable(pr.all_pairs(graph).vocab)
    with torch.no_grad():
        model.table.copy_(policy.log())
    pairs = torch.tensor([[0, 5]]).repeat(20_000, 1)
    sampler = pr.Sampler(max_tokens=9)
    rollouts = pr.rollout(model, pairs, rng=pr.seeded(0, "walks"), sampler=sampler)
    share = float(pr.is_path(graph, rollouts).float().mean())
    # a walk that arrives with its last allowed token counts as too long: one choice less
    _, _, draws = success(Pair(graph, 0, 5, choices=5), policy)
    assert share == pytest.approx(draws, abs=3 * math.sqrt(draws / 20_000))


def test_theorem_4_4_holds_where_expected_steps_stop():
    graph = pr.diamond(3)
    base = torch.full((5, 6), 1 / 6, dtype=torch.float64)
    question = Pair(graph, 0, 4)
    policy = settle(question, base, base, kl=0.2)
    _, rng, right = success(question, policy)
    told = predicted(rng.nan_to_num(0.0), base, 0.2)
    assert float((policy - told)[0].abs().max()) < 1e-8
    assert right > 0.95
    assert policy[0, 1:4].tolist() == pytest.approx([float(policy[0, 1])] * 3)  # ratios are kept


@pytest.mark.parametrize(("layers", "heads"), [(1, 1), (3, 2)])
def test_the_plain_transformer_has_the_same_logits_and_attention_that_sums_to_one(layers, heads):
    vocab = pr.all_pairs(pr.random_dag(9, 0.4, pr.seeded(0, "graph"))).vocab
    config = pr.TransformerConfig(layers=layers, heads=heads, width=16)
    model = pr.Transformer(vocab, config, pr.seeded(0, "weights"))
    tokens = torch.randint(9, (5, 8), generator=pr.seeded(0, "tokens"))
    logits, attention = plain(model, tokens)
    assert torch.allclose(logits[:, 2:], model(tokens)[:, 2:], atol=1e-5)
    assert attention.shape == (layers, 5, heads, 8, 8)
    assert torch.allclose(attention.sum(-1), torch.ones(layers, 5, heads, 8))
    assert (attention.triu(1) == 0).all()


def test_beginnings_are_different_contexts_and_their_last_place():
    rows = torch.tensor([[0, 3, 0, 1, 3, 4], [0, 3, 0, 2, 3, 4]])
    chosen = torch.zeros(2, 5, dtype=torch.bool)
    chosen[:, 2:4] = True
    found, place = _beginnings(rows[:, :-1], chosen)
    assert place.tolist() == [2, 3, 3]
    assert found.tolist() == [[0, 3, 0, 0, 0], [0, 3, 0, 1, 1], [0, 3, 0, 2, 2]]


def test_groups_without_effect_explain_nothing_however_small_they_are():
    rng = pr.seeded(0, "rows")
    group = torch.arange(4000) // 2  # pairs: the raw share would be a half
    noise = torch.randn(4000, 3, generator=rng)
    assert adjusted(noise, group) == pytest.approx(0.0, abs=0.05)
    strong = noise + 3.0 * torch.randn(2000, 3, generator=rng)[group]
    assert adjusted(strong, group) == pytest.approx(0.9, abs=0.02)  # 9 of 9 + 1
    assert adjusted(group[:, None].double(), group) == 1.0


def test_a_model_that_sees_only_target_and_node_is_explained_by_them():
    result, _ = run(imitation.imitating(steps=(30,), nodes=16, width=16))
    seen = {key: values[-1] for key, values in result["learners"]["SFT"].items()}
    assert 0.5 < seen["explained_additive"] <= seen["explained"] <= 1.0 + 1e-6
    assert 0.3 < seen["explained_adjusted"] <= seen["explained"]
    assert 0.0 <= seen["attention_on_target"] <= 1.0
    assert 0.0 <= seen["total_variation"] <= 1.0


def test_a_mistaken_checker_errs_in_as_many_edges_as_asked():
    graph = pr.random_dag(20, 0.3, pr.seeded(0, "graph"))
    known = mistaken(graph, 0.2, pr.seeded(0, "mistakes"))
    wrong = round(0.2 * len(graph.edges))
    assert int((graph.adjacency & ~known.adjacency).sum()) == wrong
    assert int((known.adjacency & ~graph.adjacency).sum()) == wrong
    assert known.is_dag


@pytest.mark.slow
def test_each_condition_trains_beside_the_plain_learners():
    study = shortened(store.studies("conditions")[0], 4)
    curves = run(study)[0]["learners"]
    assert set(curves) == set(study.learners)
    plain_one, cold = curves["policy gradient"], curves["policy gradient, cold"]
    assert plain_one["train_accuracy"][0] == cold["train_accuracy"][0]


def test_each_choice_undone_differs_from_the_plain_learner_in_one_thing():
    known = ablations.choices()
    for name, learner in known.items():
        plain_one = known[name.split(",")[0]]
        ours, theirs = learner.algorithm.plain(), plain_one.algorithm.plain()
        changed = [key for key, value in ours["options"].items() if value != theirs["options"][key]]
        changed += ["training"] * (learner.training != plain_one.training)
        assert len(changed) == ("," in name), name


def test_half_the_pairs_are_new_to_the_base():
    dataset = DAG.make()
    half, old, new = halved(dataset)
    assert len(old.pairs) + len(new.pairs) == len(dataset.train.pairs)
    shown = {tuple(row) for row in half.paths[:, :2].tolist()}
    assert shown == {tuple(pair) for pair in old.pairs.tolist()}
    study = shortened(extensions.BEYOND, 2, base=extensions.half_base(3))
    result, _ = run(study)
    assert set(result["learners"]) == {"lambda 0", "lambda 0.01", "lambda 0.1", "lambda 1"}
    assert result["learners"]["lambda 0"]["step"] == [0, 2]


def test_each_falsifier_changes_one_thing():
    studies = {one.label: one for one in store.studies("falsify")}
    assert {label.rpartition("-")[2] for label in studies} == {"seed0", "seed1"}
    plain_one = studies["plain-seed0"]
    for label, study in studies.items():
        if label.endswith("seed0") and not label.startswith("plain"):
            changed = [
                name
                for name in ("dataset", "base", "learners", "evaluation")
                if getattr(study, name) != getattr(plain_one, name)
            ]
            assert len(changed) == 1, label
    assert set(run(shortened(plain_one, 2))[0]["learners"]) == set(ablations.FALSIFIED)


@pytest.mark.slow
def test_a_small_study_of_rounded_weights_names_what_it_measured():
    found = run(shortened(extensions.QUANTISED, 3))[0]
    assert set(found["learners"]) == set(extensions.rounded())
    for name, scores in found["learners"].items():
        assert scores["step"] == [3]
        assert (scores["mismatch"][0] == 0) == name.endswith("32 bits")
    assert found["base"]["mismatch"] == 0


def test_logits_that_depend_on_the_number_of_nodes_passed_are_told_from_those_that_need_the_nodes():
    cell, position = torch.arange(12) // 6, torch.arange(12) % 6 // 2
    rows = torch.eye(6)[cell * 3 + position]
    assert adjusted(rows, cell) < 0.7
    found = _with_position(rows, cell, position)
    assert found["explained_with_position"] == pytest.approx(1.0)
    assert found["explained_without_position"] == pytest.approx(adjusted(rows, cell))
    noisy = rows + torch.randn(12, 6, generator=pr.seeded(0, "noise"))
    assert _with_position(noisy, cell, position)["explained_with_position"] < 0.7
