import math
from dataclasses import FrozenInstanceError
from functools import partial

import pytest
import torch

import planrl as pr
from planrl.graphs import MOST_CUBE, MOST_NODES
from planrl.objectives.theory import collapse_times, kl_drift, step_counts


def test_theorem_3_1_sft_of_a_table_ends_at_the_demonstrated_frequencies(small_task):
    paths = pr.sample_paths(small_task, 4, pr.seeded(0, "paths"))
    model = pr.LogitTable(small_task.vocab)
    shown = pr.demonstrations(small_task, paths, rng=pr.seeded(0, "b"), size=None)
    list(pr.train(model, shown, pr.sft, pr.TrainConfig(steps=400, lr=0.1)))
    pr.check(
        "SFT ends at the frequencies",
        predicted=pr.sft_optimum(small_task, paths),
        observed=model.table.detach().softmax(-1),
        tolerance=0.01,
    )


def test_step_counts_count_each_step_under_its_target():
    task = pr.all_pairs(pr.diamond(2))
    tokens = torch.tensor([[0, 3, 0, 1, 3, 4], [0, 3, 0, 1, 3, 4], [0, 3, 0, 2, 3, 4]])
    counts = step_counts(task.vocab, tokens)
    assert counts[3, 0].tolist() == [0, 2, 1, 0, 0]
    assert counts[3, 3].tolist() == [0, 0, 0, 0, 3]
    assert counts.sum() == 9
    optimum = pr.sft_optimum(task, tokens)
    assert optimum[3, 0].tolist() == pytest.approx([0, 2 / 3, 1 / 3, 0, 0])
    assert optimum[1].isnan().all()


@pytest.mark.parametrize("start", [0.0, 3.0, -3.0])
def test_theorem_5_2_process_reward_has_adjacency_plus_reachability_minus_1(start, small_task):
    task = pr.Task(small_task.graph, small_task.pairs, pr.process_reward)
    q = pr.optimal_q(task, start=start)
    assert torch.equal(q.isnan()[..., 0], torch.eye(12, dtype=torch.bool))
    pr.check(
        "f* = A + R - 1",
        predicted=q[..., :12],
        observed=pr.process_optimum(small_task.graph),
        tolerance=0.0,
    )
    assert (q[..., 12][~q[..., 12].isnan()] == -1).all()  # giving up


def test_theorem_5_2_is_where_q_learning_goes():
    task = pr.all_pairs(pr.random_dag(6, 0.5, pr.seeded(0, "graph")), pr.process_reward)
    model = pr.LogitTable(task.vocab)
    sampler = pr.Sampler(epsilon=1.0, max_tokens=10)
    rollouts = pr.on_policy(model, task, rng=pr.seeded(0, "w"), sampler=sampler, size=64)
    for lr in (0.05, 0.005):
        list(pr.train(model, rollouts, pr.q_learning, pr.TrainConfig(steps=300, lr=lr)))
    told = pr.optimal_q(task)
    told[0] = torch.nan  # no question asks for node 0, so nothing is learnt of it
    pr.check("table", predicted=told, observed=model.table.detach(), tolerance=0.05)


def test_theorem_5_1_outcome_reward_makes_every_next_node_but_the_target_alike(small_task):
    task = pr.Task(small_task.graph, small_task.pairs, pr.outcome_reward)
    q = pr.optimal_q(task, start=2.0)[..., :12]
    for target in range(12):
        others = [k for k in range(12) if k != target]
        values = q[target][:, others]
        values = values[~values.isnan()]
        assert values.max() == values.min()


def test_discount_shrinks_values_with_the_distance():
    task = pr.all_pairs(pr.chain(4), partial(pr.process_reward, scale=2.0))
    q = pr.optimal_q(task, discount=0.5)
    assert [q[3, j, j + 1].item() for j in range(3)] == [0.5, 1.0, 2.0]


def test_a_graph_that_earns_for_ever_is_refused():
    task = pr.all_pairs(pr.Graph(3, [(0, 1), (1, 0), (1, 2)]), lambda g, t: torch.ones(len(t), 4))
    with pytest.raises(pr.InputError, match="discount below 1"):
        pr.optimal_q(task, sweeps=50)


def test_the_fixed_point_starts_from_zero_and_outcome_reward_keeps_what_was_larger():
    task = pr.all_pairs(pr.chain(4), pr.outcome_reward)
    zero, two = (pr.optimal_q(task, start=start) for start in (0.0, 2.0))
    assert torch.equal(pr.optimal_q(task).nan_to_num(9.0), zero.nan_to_num(9.0))
    assert zero[3, 0, 1] == 1
    assert two[3, 0, 1] == 2


def test_a_fixed_point_may_start_from_a_table_and_leaves_it_as_it_was():
    task = pr.all_pairs(pr.chain(3), pr.outcome_reward)
    end = torch.zeros(3, 3, 4, dtype=torch.float64)
    end[..., 3] = 9.0  # END is no move: nothing is worth more for it
    found = pr.optimal_q(task, start=end)
    assert found.dtype == torch.float32
    assert torch.equal(found.nan_to_num(9.0), pr.optimal_q(task).nan_to_num(9.0))
    there = pr.optimal_q(task, discount=0.0).nan_to_num(0.0)
    again = pr.optimal_q(task, discount=0.0, start=there, sweeps=1)
    assert torch.equal(again.nan_to_num(0.0), there)
    assert not there.isnan().any()
    with pytest.raises(RuntimeError):
        pr.optimal_q(task, start=torch.zeros(3, 3, 3))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"discount": -0.5}, "discount=-0.5"),
        ({"discount": 1.5}, "discount=1.5"),
        ({"sweeps": 0}, "sweeps=0"),
    ],
)
def test_a_fixed_point_of_impossible_settings_is_refused(settings, words):
    with pytest.raises(pr.InputError, match=words):
        pr.optimal_q(pr.all_pairs(pr.chain(3)), **settings)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda n: step_counts(pr.Vocab(n), torch.tensor([[0, 1, 0, 1]])), "counting steps"),
        (lambda n: pr.optimal_q(pr.Task(pr.chain(n), torch.tensor([[0, 1]]))), "optimal_q"),
        (lambda n: pr.process_optimum(pr.chain(n)), "process_optimum"),
    ],
)
def test_a_table_that_would_fill_the_memory_is_refused(build, words):
    with pytest.raises(pr.InputError, match=words):
        build(MOST_CUBE + 1)


def test_steps_of_rows_that_ask_nothing_are_not_counted():
    with pytest.raises(pr.InputError, match="target of a row is END"):
        step_counts(pr.Vocab(3), torch.tensor([[0, 3, 0, 1]]))


def test_the_drift_of_the_uniform_policy_has_the_closed_form():
    assert kl_drift(torch.full((5,), 0.2), 0.1) == pytest.approx(0.5 * 0.1**2 * 4 / 25)
    assert kl_drift(torch.tensor([1.0, 0.0]), 0.1) == 0.0


def test_collapse_takes_longer_with_smaller_steps():
    fast, slow = (
        collapse_times(3, lr=lr, runs=50, rng=pr.seeded(0, "t")).median() for lr in (1.0, 0.5)
    )
    assert 2.5 < slow / fast < 6


def test_drift_is_the_second_order_of_one_update_of_any_right_policy():
    """E[KL'] - KL by summing over what may be drawn, for a policy that is not uniform."""
    f, lr = torch.tensor([1.0, 0.0, -0.5], dtype=torch.float64), 1e-3
    q = f.softmax(0)
    kl = lambda g: -g.log_softmax(0).mean() - math.log(3)  # noqa: E731
    exact = sum(q[k] * kl(f + lr * (torch.eye(3)[k] - q)) for k in range(3)) - kl(f)
    hessian = q.diag() - torch.outer(q, q)
    second = (
        lr**2
        / 2
        * sum(q[k] * ((torch.eye(3)[k] - q) @ hessian @ (torch.eye(3)[k] - q)) for k in range(3))
    )
    assert exact.item() == pytest.approx(second.item(), rel=1e-2)
    assert kl_drift(q, lr) == pytest.approx(second.item(), rel=1e-6)


def test_collapse_is_counted_in_updates_until_99_of_100():
    """Two choices after one draw stand lr apart; 99 to 1 is log 99 = 4.595 apart."""
    ask = partial(collapse_times, 2, rng=pr.seeded(0, "t"))
    assert ask(lr=4.6).tolist() == [2] * 100
    assert collapse_times(3, lr=50.0, runs=9, rng=pr.seeded(0, "t")).tolist() == [2] * 9
    assert (ask(lr=4.59) > 2).all()
    assert (ask(lr=4.59, batch=2) > 2).all()
    assert collapse_times(1, lr=0.5, runs=1, rng=pr.seeded(0, "t")).tolist() == [1]


def test_collapse_follows_its_generator():
    one, two, three = (
        collapse_times(3, lr=0.5, runs=20, rng=pr.seeded(seed, "t")) for seed in (0, 0, 1)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, three)


def test_a_batch_whose_draws_differ_moves_two_choices_nowhere():
    times = collapse_times(2, lr=50.0, batch=2, runs=4000, rng=pr.seeded(0, "t"))
    share = times.long().bincount(minlength=4) / 4000
    assert share[:2].sum() == 0
    assert share[2].item() == pytest.approx(1 / 2, abs=0.03)
    assert share[3].item() == pytest.approx(1 / 4, abs=0.03)


@pytest.mark.parametrize(
    ("choices", "settings", "words"),
    [
        (0, {}, "choices=0"),
        (MOST_NODES + 1, {}, "choices="),
        (2, {"batch": 0}, "batch=0"),
        (2, {"runs": 0}, "runs=0"),
        (2, {"lr": 7e-7}, "lr=7e-07"),
    ],
)
def test_a_collapse_of_impossible_settings_is_refused(choices, settings, words):
    with pytest.raises(pr.InputError, match=words):
        collapse_times(choices, **{"lr": 1.0, "runs": 2, **settings}, rng=pr.seeded(0, "t"))


def test_kl_to_uniform_is_zero_for_the_uniform_policy_and_grows_as_it_collapses():
    graph = pr.diamond(4)
    logits = torch.full((6, 6, 7), -1e4)
    logits[:, :, :6] += 1e4 * graph.correct
    assert pr.kl_to_uniform(graph, logits)[5, 0] == pytest.approx(0, abs=1e-6)
    logits[5, 0, 1] += 2.0
    q = torch.tensor([2.0, 0, 0, 0]).log_softmax(0)
    wanted = float(-q.mean() - math.log(4))
    assert pr.kl_to_uniform(graph, logits)[5, 0] == pytest.approx(wanted, abs=1e-5)
    assert pr.kl_to_uniform(graph, logits)[0, 5].isnan()


def test_kl_to_uniform_is_not_a_number_at_the_target_though_a_cycle_leads_back():
    ring = pr.Graph(3, [(0, 1), (1, 2), (2, 0)])
    kl = pr.kl_to_uniform(ring, torch.zeros(3, 3, 4))
    assert torch.equal(kl.isnan(), torch.eye(3, dtype=torch.bool))
    assert kl[2, 0] == pytest.approx(math.log(4))


def test_theorem_4_3_one_on_policy_update_drifts_from_uniform_as_predicted():
    """Exact expectation over the sampled next node: E[KL'] - KL = (eta^2 / 2) (c - 1) / c^2."""
    c, eta = 5, 0.1
    kl = lambda f: torch.logsumexp(f, 0) - f.mean() - math.log(c)  # noqa: E731
    f = torch.zeros(c, dtype=torch.float64)
    q = f.softmax(0)
    drift = sum(q[k] * kl(f + eta * (torch.eye(c)[k] - q)) for k in range(c)) - kl(f)
    assert drift.item() == pytest.approx(eta**2 / 2 * (c - 1) / c**2, rel=0.03)


def test_check_reports_the_gap_and_raises_when_it_is_too_large():
    told = pr.check(
        "same",
        predicted=torch.tensor([1.0, torch.nan]),
        observed=torch.tensor([1.1, 9]),
        tolerance=0.2,
    )
    assert told.gap == pytest.approx(0.1)
    assert told.compared == 1
    assert "holds: same" in str(told)
    with pytest.raises(AssertionError, match=r"does not hold: same.*allowed 0.05"):
        pr.check("same", predicted=1.0, observed=1.1, tolerance=0.05)
    with pytest.raises(AssertionError):
        pr.check("not a number", predicted=1.0, observed=float("nan"), tolerance=1.0)
    with pytest.raises(pr.InputError, match="nothing to check"):
        pr.check("empty", predicted=torch.tensor([torch.nan]), observed=1.0, tolerance=1.0)
    with pytest.raises(pr.InputError, match=r"tolerance=-1\.0"):
        pr.check("impossible", predicted=1.0, observed=1.0, tolerance=-1.0)
    with pytest.raises(pr.InputError, match="compares numbers or tensors of one shape"):
        pr.check("apart", predicted=torch.zeros(2), observed=torch.zeros(3), tolerance=1.0)
    with pytest.raises(FrozenInstanceError):
        told.gap = 0.0


def test_check_of_one_prediction_counts_every_observation():
    told = pr.check(
        "all alike", predicted=1.0, observed=torch.tensor([1.0, 1.5, 0.75]), tolerance=1.0
    )
    assert (told.gap, told.compared) == (0.5, 3)
