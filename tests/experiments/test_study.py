"""What the figures share: looks at models, matrices as text, and theory in expectation."""

import dataclasses
import math
from dataclasses import replace

import pytest
import torch

import planrl as pr
from planrl.experiments import beyond, choices, conditions, falsify, fig2, fig3, imitation
from planrl.experiments.probes import _beginnings, adjusted, edge_scores, packed, unpacked
from planrl.experiments.study import Observer, grid, run_learners
from planrl.experiments.theorems.expected_gradient import Pair, predicted, settle, success
from planrl.transformer.reference import plain

TINY = fig3.Settings(nodes=14, base_steps=3, steps=3, samples=5, pairs=10, eval_steps=(2, 3))


def test_a_matrix_survives_as_text_to_half_precision():
    matrix = torch.randn(3, 5, generator=pr.seeded(0, "m"))
    assert torch.equal(unpacked(packed(matrix)), matrix.half().float())


def test_edge_scores_average_over_targets_that_can_be_reached():
    table = torch.zeros(2, 2, 3)
    table[1, 0, :2] = torch.tensor([1.0, 3.0])
    can = torch.tensor([[False, False], [True, False]])
    assert edge_scores(table, can).tolist() == [[-1.0, 1.0], [0.0, 0.0]]


def test_the_fixed_point_of_process_reward_shows_as_such_in_a_look():
    dataset = TINY.dataset()
    n = dataset.graph.n
    table = torch.zeros(n, n, n + 1)
    table[..., :n] = 10 * pr.process_optimum(dataset.graph)
    seen = Observer(dataset, TINY).of_logits(table)
    assert seen["logits"]["right"] == [10.0, 0.0]
    assert seen["logits"]["half"] == [0.0, 0.0]
    assert seen["logits"]["wrong"] == [-10.0, 0.0]
    assert seen["spread_of_right"] == 0.0
    assert seen["kl_to_uniform"] == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("figure", [fig2, fig3])
@pytest.mark.parametrize("blocks", [0, 2])
def test_every_learner_starts_from_the_same_look_and_is_looked_at_on_its_way(figure, blocks):
    settings = replace(TINY, blocks=blocks and 3)
    result = figure.run(settings)
    curves = result["learners"]
    assert set(curves) == set(figure.learners(settings))
    for name, curve in curves.items():
        assert curve["step"][0] == 0
        assert curve["step"][-1] <= 3
        assert len({len(values) for values in curve.values()}) == 1, name
    starts = {curve["adjacency_auc"][0] for curve in curves.values()}
    assert len(starts) == 1
    assert set(result["matrices"]) == {"SFT", *curves}
    assert unpacked(result["matrices"]["SFT"]["weights"]).shape == (13, 13) if blocks else (14, 14)


def test_the_same_seed_gives_the_same_numbers_and_only_seed_0_keeps_matrices():
    learners = {"policy gradient": fig2.learners(TINY)["policy gradient"]}
    one, two, other = (run_learners(replace(TINY, seed=s), learners) for s in (0, 0, 1))
    assert one["learners"] == two["learners"] != other["learners"]
    assert one["matrices"]
    assert not other["matrices"]


def test_the_quick_tier_is_one_seed_on_each_graph():
    assert {label: (s.seed, s.blocks) for label, s in grid("quick").items()} == {
        "quick-dag": (0, 0), "quick-blocksworld": (0, 3)}  # fmt: skip


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
    result = imitation.run(imitation.Settings(nodes=16, width=16, steps=30, eval_steps=(30,)))
    (seen,) = result["evaluations"]
    assert 0.5 < seen["explained_additive"] <= seen["explained"] <= 1.0 + 1e-6
    assert 0.3 < seen["explained_adjusted"] <= seen["explained"]
    assert 0.0 <= seen["attention_on_target"] <= 1.0
    assert 0.0 <= seen["total_variation"] <= 1.0


def test_a_mistaken_checker_errs_in_as_many_edges_as_asked():
    graph = pr.random_dag(20, 0.3, pr.seeded(0, "graph"))
    known = conditions.mistaken(graph, 0.2, pr.seeded(0, "mistakes"))
    wrong = round(0.2 * len(graph.edges))
    assert int((graph.adjacency & ~known.adjacency).sum()) == wrong
    assert int((known.adjacency & ~graph.adjacency).sum()) == wrong
    assert known.is_dag


@pytest.mark.slow
def test_each_condition_trains_beside_the_plain_learners():
    settings = conditions.Settings(nodes=14, base_steps=3, steps=4, stale=2)
    curves = conditions.run(settings)["learners"]
    assert set(curves) == set(conditions.learners(settings))
    plain_one, cold = curves["policy gradient"], curves["policy gradient, cold"]
    assert plain_one["train_accuracy"][0] == cold["train_accuracy"][0]


@pytest.mark.slow
def test_each_choice_undone_differs_from_the_plain_learner_in_one_thing():
    settings = choices.Settings(nodes=14, base_steps=3, steps=4, samples=10, eval_steps=(2, 4))
    known = choices.learners(settings)
    for name, learner in known.items():
        plain_one = known[name.split(",")[0]]
        fields = dataclasses.fields(plain_one.algorithm)
        changed = [
            field.name
            for field in fields
            if getattr(learner.algorithm, field.name) != getattr(plain_one.algorithm, field.name)
        ]
        changed += ["class"] * (type(learner.algorithm) is not type(plain_one.algorithm))
        changed += ["training"] * (learner.training != plain_one.training)
        assert len(changed) == ("," in name), name
    result = choices.run(settings)
    assert set(result["learners"]) == set(known)
    assert result["matrices"] == {}


def test_half_the_questions_are_new_to_the_base():
    dataset = TINY.dataset()
    half, old, new = beyond.halved(dataset)
    assert len(old.pairs) + len(new.pairs) == len(dataset.train.pairs)
    shown = {tuple(row) for row in half.paths[:, :2].tolist()}
    assert shown == {tuple(pair) for pair in old.pairs.tolist()}
    result = beyond.run(
        beyond.Settings(nodes=14, base_steps=3, steps=2, lambdas=(0.0, 1.0), eval_steps=(2,))
    )
    assert set(result["lambdas"]) == {"0", "1"}
    assert result["lambdas"]["0"]["step"] == [0, 2]


def test_each_falsifier_changes_one_thing():
    grids = falsify.grid("full")
    assert {label.rpartition("-")[2] for label in grids} == {"seed0", "seed1"}
    plain_one = grids["plain-seed0"]
    for label, settings in grids.items():
        if label.endswith("seed0") and not label.startswith(("plain", "digraph")):
            changed = [name for name in ("dataset", "base_steps")
                       if getattr(settings, name) != getattr(plain_one, name)]  # fmt: skip
            assert len(changed) == 1, label
    small = replace(
        plain_one,
        dataset=replace(plain_one.dataset, nodes=14),
        base_steps=2,
        steps=2,
        eval_steps=(2,),
    )
    assert set(falsify.run(small)["learners"]) == set(falsify.LEARNERS)
