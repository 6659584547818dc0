import math
from dataclasses import FrozenInstanceError
from itertools import pairwise

import pytest
import torch

import planrl as pr
from planrl.evaluate import auc, first_error
from planrl.graphs import MOST_CUBE
from planrl.objectives import dr_grpo
from planrl.tasks import Vocab


def knowing(graph):
    """A table that takes each correct next node equally often, and END at the target."""
    model = pr.LogitTable(Vocab(graph.n))
    with torch.no_grad():
        model.table[:, :, : graph.n] = 60.0 * graph.correct
        model.table[:, :, graph.n] = -60.0
    return model


def test_scores_of_a_model_that_knows_all_ways():
    task = pr.Task(pr.diamond(3), torch.tensor([[0, 4], [1, 4]]))
    scores = pr.evaluate(knowing(task.graph), task, rng=pr.seeded(0, "e"), samples=200)
    assert scores.accuracy.tolist() == [1, 1]
    assert scores.greedy.tolist() == [1, 1]
    assert scores.diversity.tolist() == [3, 1]
    assert scores.coverage.tolist() == [1, 1]
    # two choices on the way from 0 (log 3, then 0), one from 1 (0): mean log(3) / 3
    assert scores.entropy == pytest.approx(math.log(3) / 3, abs=1e-3)
    assert sum(scores.errors.values()) == 0


def test_scores_of_a_uniform_model_match_the_chances_worked_by_hand():
    """One node away, 3 nodes and END: right with 1/4, and for the others after a detour too."""
    task = pr.Task(pr.chain(2), torch.tensor([[0, 1]]))
    scores = pr.evaluate(pr.LogitTable(task.vocab), task, rng=pr.seeded(0, "e"), samples=20_000)
    assert scores.accuracy.item() == pytest.approx(1 / 3, abs=0.02)
    assert scores.errors["gave up"] == pytest.approx(1 / 3, abs=0.02)
    assert scores.errors["no edge"] == pytest.approx(1 / 3, abs=0.02)


def test_the_sampler_is_for_the_samples_and_greedy_walks_are_greedy_whatever_it_is():
    task = pr.Task(pr.chain(3), torch.tensor([[0, 2]]))
    ask = lambda **settings: pr.evaluate(  # noqa: E731
        knowing(task.graph),
        task,
        rng=pr.seeded(0, "e"),
        samples=400,
        sampler=pr.Sampler(**settings),
    )
    wild = ask(epsilon=1.0)
    assert 0 < wild.accuracy.item() < 0.3
    assert wild.greedy.tolist() == [1]
    hot = ask(temperature=1e4)
    assert 0 < hot.accuracy.item() < 0.3
    assert hot.greedy.tolist() == [1]
    short = ask(max_tokens=4)
    assert short.errors == {"no edge": 0, "gave up": 0, "too long": 1}
    assert short.greedy.tolist() == [0]


def test_strict_scores_ask_the_model_to_say_end_at_the_target():
    """To 1 it would do so with 1/4, to 2 always, to 3 never; to 4 it does not arrive."""
    task = pr.Task(pr.fork(4), torch.tensor([[0, 1], [0, 2], [0, 3], [0, 4]] * 300))
    model = knowing(task.graph)
    with torch.no_grad():
        model.table[1, 1] = torch.tensor([0.1, 0.1, 0.15, 0.2, 0.2, 0.25]).log()
        model.table[2, 2] = 60.0 * torch.tensor([0, 0, 0, 0, 0, 1.0])
        model.table[3, 3] = 60.0 * torch.tensor([0, 0, 0, 1.0, 0, 0])
        model.table[4, 0] = 60.0 * torch.tensor([0, 1.0, 0, 0, 0, 0])
    ask = lambda **more: pr.evaluate(  # noqa: E731
        model, task, rng=pr.seeded(0, "e"), samples=2, **more
    )
    usual, scores = ask(), ask(strict=True)
    assert usual.strict_accuracy is None
    assert torch.equal(scores.accuracy, usual.accuracy)  # the same paths
    assert scores.accuracy.tolist() == scores.greedy.tolist() == [1, 1, 1, 0] * 300
    assert scores.strict_accuracy[:4].tolist() == pytest.approx([0.25, 1, 0, 0], abs=1e-6)
    assert scores.strict_greedy.tolist() == [1, 1, 0, 0] * 300
    assert scores.summary()["strict_accuracy"] == pytest.approx(0.3125)
    assert scores.summary("x_")["x_strict_greedy"] == 0.5
    assert scores.summary().keys() - usual.summary().keys() == {"strict_accuracy", "strict_greedy"}
    hot = ask(strict=True, sampler=pr.Sampler(temperature=1e4))
    assert hot.strict_accuracy[:4].sum() < hot.accuracy[:4].sum()


def test_the_strict_accuracy_is_that_of_paths_that_are_not_stopped_at_their_target(make_model):
    task = pr.Task(pr.diamond(2), torch.tensor([[0, 3], [0, 1], [1, 3]]))
    model = make_model(task.vocab)
    ask = lambda **more: pr.evaluate(  # noqa: E731
        model, task, rng=pr.seeded(0, "e"), samples=5_000, **more
    )
    strict, free = ask(strict=True), ask(sampler=pr.Sampler(stop_at_target=False))
    assert strict.strict_accuracy.tolist() == pytest.approx(free.accuracy.tolist(), abs=0.03)
    assert (free.accuracy < strict.accuracy).all()


def test_strict_scores_need_a_sampler_that_can_say_end_and_stops_at_the_target():
    task = pr.Task(pr.chain(3), torch.tensor([[0, 2]]))
    for sampler in (pr.Sampler(may_stop=False), pr.Sampler(stop_at_target=False)):
        with pytest.raises(pr.InputError, match="strict=True"):
            pr.evaluate(
                knowing(task.graph), task, rng=pr.seeded(0, "e"), sampler=sampler, strict=True
            )


def test_shares_of_errors_are_of_all_sampled_walks():
    task = pr.Task(pr.fork(3), torch.tensor([[0, 1], [0, 2], [0, 3]]))
    model = knowing(task.graph)
    with torch.no_grad():
        model.table[2, 0] = 60.0 * torch.tensor([0, 0, 0, 0, 1.0])  # gives up
        model.table[3, 0] = 60.0 * torch.tensor([1.0, 0, 0, 0, 0])  # stands still
    scores = pr.evaluate(model, task, rng=pr.seeded(0, "e"))
    assert scores.samples == 32
    assert scores.errors == pytest.approx({"no edge": 1 / 3, "gave up": 1 / 3, "too long": 0})
    assert scores.accuracy.tolist() == [1, 0, 0]


@pytest.fixture(params=["float32", "float64"])
def default_dtype(request):
    """What torch makes of numbers unless told otherwise; undone in the end."""
    torch.set_default_dtype(getattr(torch, request.param))
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_scores_do_not_depend_on_the_type_of_numbers(make_model, dtype, default_dtype):
    task = pr.all_pairs(pr.chain(4))
    model = make_model(task.vocab).to(dtype)
    scores = pr.evaluate(model, task, rng=pr.seeded(0, "e"), samples=8)
    assert scores.accuracy.isfinite().all()
    assert 0 < scores.entropy < 2
    batches = pr.on_policy(model, task, rng=pr.seeded(0, "w"))
    for loss in (pr.policy_gradient, dr_grpo, pr.q_learning):
        assert len(list(pr.train(model, batches, loss, pr.TrainConfig(steps=1)))) == 1
    assert pr.kl_to_uniform(task.graph, pr.next_logits(model).float()).nansum() >= 0
    assert pr.recovery(model, task.graph).adjacency_auc >= 0


def test_only_models_on_the_cpu_are_scored():
    task = pr.all_pairs(pr.chain(3))
    model = pr.LogitTable(task.vocab).to("meta")
    for score in (
        lambda: pr.evaluate(model, task, rng=pr.seeded(0, "e")),
        lambda: pr.next_logits(model),
        lambda: pr.recovery(model, task.graph),
    ):
        with pytest.raises(pr.InputError, match=r"use model.cpu\(\)"):
            score()


def test_entropy_of_one_step_is_that_of_its_law():
    task = pr.Task(pr.chain(2), torch.tensor([[0, 1]]))
    model = pr.LogitTable(task.vocab)
    with torch.no_grad():
        model.table[1, 0] = torch.tensor([0.2, 0.5, 0.3]).log()
    scores = pr.evaluate(
        model, task, rng=pr.seeded(0, "e"), samples=1, sampler=pr.Sampler(max_tokens=4)
    )
    wanted = -sum(q * math.log(q) for q in (0.2, 0.5, 0.3))
    assert scores.entropy == pytest.approx(wanted, rel=1e-6)


def test_entropy_of_thousands_of_different_walks_is_their_mean():
    task = pr.all_pairs(pr.chain(6))
    scores = pr.evaluate(pr.LogitTable(task.vocab), task, rng=pr.seeded(0, "e"), samples=1000)
    assert scores.entropy == pytest.approx(math.log(7), rel=1e-5)


def test_entropy_asks_the_model_about_no_more_than_4096_walks(monkeypatch):
    task, asked = pr.all_pairs(pr.chain(6)), []
    forward = pr.LogitTable.forward
    monkeypatch.setattr(
        pr.LogitTable,
        "forward",
        lambda model, tokens: asked.append(len(tokens)) or forward(model, tokens),
    )
    pr.evaluate(pr.LogitTable(task.vocab), task, rng=pr.seeded(0, "e"), samples=1000)
    assert 2048 < sum(asked) <= 4096


def a_record():
    row = torch.tensor([0.0, 1.0, 0.5])
    return pr.Scores(row, row / 2, 4 * row, row / 4, {}, 0.25, 8)


def test_a_summary_has_the_mean_of_each_score():
    wanted = {"accuracy": 0.5, "greedy": 0.25, "diversity": 2, "coverage": 0.125, "entropy": 0.25}
    assert a_record().summary() == wanted
    assert a_record().summary("x_") == {f"x_{name}": value for name, value in wanted.items()}


def test_groups_hold_the_means_of_their_pairs_the_smallest_first():
    table = a_record().by(torch.tensor([7, 2, 7]))
    assert list(table) == [2, 7]
    assert table == {
        2: {"pairs": 1, "accuracy": 1, "greedy": 0.5, "diversity": 4},
        7: {"pairs": 2, "accuracy": 0.25, "greedy": 0.125, "diversity": 1},
    }


def test_groups_and_summary_are_means_of_the_pairs():
    task = pr.Task(pr.fork(2), torch.tensor([[0, 1], [0, 2]]))
    model = knowing(task.graph)
    with torch.no_grad():
        model.table[2, 0] = 60.0 * torch.tensor([0, 1.0, 0, 0])  # always wrong for target 2
    scores = pr.evaluate(model, task, rng=pr.seeded(0, "e"), samples=10)
    assert scores.summary("x_")["x_accuracy"] == 0.5
    table = scores.by(torch.tensor([0, 3]))
    assert table[0]["accuracy"] == 1
    assert table[3]["accuracy"] == 0
    assert table[0]["pairs"] == 1


def test_coverage_is_not_a_number_where_paths_are_endless():
    task = pr.all_pairs(pr.Graph(2, [(0, 1), (1, 0)]))
    scores = pr.evaluate(pr.LogitTable(task.vocab), task, rng=pr.seeded(0, "e"), samples=2)
    assert scores.coverage.isnan().all()


def test_error_classes_name_what_went_wrong_first():
    graph = pr.chain(4)
    rows = torch.tensor(
        [
            [0, 3, 0, 1, 2, 3, 4],
            [0, 3, 0, 2, 3, 4, 4],
            [0, 3, 0, 1, 4, 4, 4],
            [0, 3, 0, 1, 2, 2, 2],
            [0, 3, 0, 1, 2, 0, 1],
        ]
    )
    assert first_error(graph, rows).tolist() == [-1, 0, 1, 0, 0]
    cyclic = pr.Graph(3, [(0, 1), (1, 0), (1, 2)])
    rows = torch.tensor(
        [[0, 2, 0, 1, 0, 1], [0, 2, 0, 1, 0, 3], [0, 2, 0, 1, 2, 3], [0, 2, 0, 0, 0, 0]]
    )
    assert first_error(cyclic, rows).tolist() == [2, 1, -1, 0]


@pytest.mark.parametrize("token", [-1, 4])
@pytest.mark.parametrize("read", [first_error, pr.edge_use])
def test_rows_of_another_graph_are_refused(read, token):
    with pytest.raises(pr.InputError, match=f"token {token}"):
        read(pr.chain(3), torch.tensor([[0, 2, 0, token, 2, 3]]))


def test_edge_use_is_the_share_of_walks_that_take_each_step():
    tokens = torch.tensor(
        [[0, 3, 0, 1, 3, 4], [0, 3, 0, 2, 3, 4], [0, 3, 0, 1, 3, 4], [0, 3, 0, 4, 4, 4]]
    )
    use = pr.edge_use(pr.diamond(2), tokens)
    assert use[0].tolist() == [0, 0.5, 0.25, 0]
    assert use[:, 3].tolist() == [0, 0.5, 0.25, 0]


def counted_uses(model, source, target, sampler, paths=4000):
    """The share of sampled paths that pass each step at least once."""
    pairs = torch.tensor([[source, target]]).expand(paths, 2)
    rows = pr.rollout(model, pairs, rng=pr.seeded(0, "paths"), sampler=sampler).tolist()
    use = torch.zeros(model.vocab.n_nodes, model.vocab.n_nodes)
    for row in rows:
        nodes = [token for token in row[2:] if token != model.vocab.end]
        for step in set(pairwise(nodes)):
            use[step] += 1 / paths
    return use


@pytest.mark.parametrize(
    "sampler",
    [
        pr.Sampler(max_tokens=8),
        pr.Sampler(max_tokens=8, temperature=0.5, may_stop=False),
        pr.Sampler(max_tokens=6, epsilon=0.3),
    ],
)
def test_passing_probs_are_what_sampled_paths_pass(make_model, sampler):
    """Also where a path goes in circles: the untrained models here step to any node."""
    model, rng = make_model(Vocab(5)), pr.seeded(1, "weights")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=rng))
    exact = pr.passing_probs(model, 0, 3, sampler=sampler, least=1e-5)
    assert torch.allclose(exact, counted_uses(model, 0, 3, sampler), atol=0.03)
    assert exact[3].sum() == 0, "a path ends at its target"


def test_passing_probs_follow_the_table_exactly():
    model, (to_one, to_two, stop) = pr.LogitTable(Vocab(4)), (0.5, 0.25, 0.25)
    with torch.no_grad():
        model.table.fill_(-torch.inf)
        model.table[3, 0] = torch.tensor([0, to_one, to_two, 0, stop]).log()
        model.table[3, 1:3, 3] = 0.0
    passed = pr.passing_probs(model, 0, 3)
    expected = torch.zeros(4, 4)
    expected[0, 1], expected[0, 2], expected[1, 3], expected[2, 3] = 0.5, 0.25, 0.5, 0.25
    assert torch.allclose(passed, expected)
    likely = pr.passing_probs(model, 0, 3, least=0.3)
    assert likely.nonzero().tolist() == [[0, 1], [1, 3]]


@pytest.mark.parametrize(("source", "target", "least"), [(0, 9, 0.1), (-1, 1, 0.1), (0, 1, 0.0)])
def test_passing_probs_refuses_what_is_no_node_and_no_probability(source, target, least):
    with pytest.raises(pr.InputError):
        pr.passing_probs(pr.LogitTable(Vocab(3)), source, target, least=least)


def test_next_logits_of_a_table_are_the_table(make_model):
    model = make_model(Vocab(4))
    logits = pr.next_logits(model)
    assert logits.shape == (4, 4, 5)
    if isinstance(model, pr.LogitTable):
        assert torch.equal(logits, model.table)
    else:
        one = model(torch.tensor([[2, 3, 2]]))[0, 2]
        assert torch.allclose(logits[3, 2], one, atol=1e-6)


def test_next_logits_refuses_a_table_that_fills_the_memory():
    with pytest.raises(pr.InputError, match="next_logits"):
        pr.next_logits(pr.LinearTransformer(Vocab(MOST_CUBE + 1)))


def test_auc_counts_pairs_in_the_right_order_and_ties_half():
    score = torch.tensor([0.1, 0.4, 0.4, 0.9])
    truth = torch.tensor([False, False, True, True])
    assert auc(score, truth) == (1 + 1 + 1 + 0.5) / 4
    with pytest.raises(pr.InputError, match="4 true, 0 false"):
        auc(score, torch.ones(4, dtype=torch.bool))
    with pytest.raises(pr.InputError, match="0 true, 4 false"):
        auc(score, torch.zeros(4, dtype=torch.bool))


def test_auc_of_many_entries_in_perfect_order_is_exactly_1():
    """Sums of ranks are beyond what single precision holds; this one gave 1.0000001."""
    rng = pr.seeded(0, "entries")
    truth = torch.rand(10_000, generator=rng) < 0.3
    assert auc(truth.float() + torch.rand(10_000, generator=rng) / 2, truth) == 1


def test_recovery_of_a_table_that_is_the_graph_is_perfect(small_task):
    graph = small_task.graph
    model = pr.LogitTable(small_task.vocab)
    with torch.no_grad():
        model.table[:, :, :12] = pr.process_optimum(graph)
    found = pr.recovery(model, graph)
    assert found.adjacency_auc == 1
    assert found.reachability_auc == 1
    assert found.adjacency_gap > 0.5


def test_recovery_is_not_a_number_where_there_is_nothing_to_tell_apart():
    ring = pr.Graph(3, [(0, 1), (1, 2), (2, 0)])
    found = pr.recovery(pr.LogitTable(Vocab(3)), ring)
    assert (found.adjacency_auc, found.adjacency_gap) == (0.5, 0)
    assert math.isnan(found.reachability_auc)
    assert math.isnan(found.reachability_gap)
    bare = pr.recovery(pr.LogitTable(Vocab(3)), pr.Graph(3, []))
    assert math.isnan(bare.adjacency_auc)
    assert math.isnan(bare.reachability_gap)


def test_watch_looks_at_each_task_with_the_same_chance_every_time(small_task):
    one, two = pr.split(small_task, 0.5, pr.seeded(0, "split"))
    model = pr.LogitTable(small_task.vocab)
    curious = pr.Sampler(epsilon=0.5, max_tokens=7)
    for given in ({}, {"samples": 3}, {"sampler": curious}):
        rng = pr.seeded(0, "look")
        measure = pr.watch(model, {"one": one, "two": two}, rng=rng, **given)
        wanted = {}
        for name, task in {"one": one, "two": two}.items():
            same = pr.seeded(0, "look")
            wanted |= pr.evaluate(model, task, rng=same, **given).summary(f"{name}_")
        assert len(wanted) == 10
        assert measure() == wanted
        assert measure() == wanted
        assert torch.equal(rng.get_state(), pr.seeded(0, "look").get_state())


def test_records_cannot_be_changed():
    for record in (a_record(), pr.recovery(pr.LogitTable(Vocab(3)), pr.chain(3))):
        with pytest.raises(FrozenInstanceError):
            record.entropy = 0.0


def test_evaluate_refuses_zero_samples(small_task):
    with pytest.raises(pr.InputError, match="samples"):
        pr.evaluate(pr.LogitTable(small_task.vocab), small_task, rng=pr.seeded(0, "e"), samples=0)
