"""What the text of chapter 7 says of its own runs."""

from functools import partial

import pytest
import torch

import planrl as pr
from planrl.tasks import shaped_reward

CHAPTER = "07_reward"
pytestmark = pytest.mark.book


def test_outcome_reward_ruins_a_model_that_answered_nearly_every_question(ran):
    assert ran.before > 90
    assert ran.ruined < 15
    assert ran.process > 0.97
    assert ran.boundless[-1].measured["accuracy"] < 0.15, "without bounds, too"


def test_transformers_lose_their_accuracy_within_100_updates(ran):
    steps, lost = ran.saved["Q-learning, outcome reward"]
    assert float(lost[:, steps.index(100)].max()) < 0.05


def test_by_hand_an_illegal_step_ends_with_the_value_of_an_edge(ran):
    assert torch.equal(ran.values, pr.optimal_q(pr.all_pairs(pr.chain(3)))[2, :2, :3])
    assert ran.values.tolist() == [[1, 1, 0], [1, 1, 1]]


def test_the_learner_avoids_its_target_and_ends_below_a_uniform_policy(ran):
    assert ran.avoiding < 0.2 * ran.uniform
    assert ran.lower < -0.5


def test_four_rewards_ruin_and_one_teaches(ran):
    found = {row["reward"]: row for row in ran.rows}
    sampled = {name: row["sampled"] for name, row in found.items()}
    assert sampled["process reward"] > 0.97 > 0.9 > sampled["every step costs, small penalty"]
    assert max(sampled["outcome alone"], sampled["no penalty for illegal steps"]) < 0.35
    assert sampled["wrong sign at the target"] < 0.05
    healthy = {name for name, row in found.items() if row["named failure"] == "Healthy"}
    assert healthy == {"process reward", "every step costs, small penalty"}


def test_a_check_that_notices_a_share_of_the_illegal_steps_shrinks_the_distances(ran):
    graph, n = ran.graph, ran.graph.n
    underway = graph.reachability.any(1)[:, None] & ~torch.eye(n, dtype=torch.bool)
    for noticed in (0.3, 0.7, 1.0):
        task = pr.all_pairs(graph, partial(shaped_reward, edge=noticed))
        missing = 2 - graph.adjacency.float()[None] - graph.reachability[:, None].float()
        asked = torch.zeros(n, dtype=torch.bool)
        asked[task.pairs[:, 1]] = True
        where = (underway & asked[:, None])[:, :, None].expand(n, n, n)
        found = pr.optimal_q(task)[..., :n]
        torch.testing.assert_close(found[where], (1 - noticed * missing)[where])


def test_only_bounds_keep_values_on_cycles_below_every_reward(ran):
    assert min(ran.stuck, ran.risen) > 1.2
    assert max(ran.kept, ran.held_low) < 1.05
    assert ran.stuck > 2.5, "the values that start at 3 stay near 3"


def test_plain_gradient_steps_do_not_overshoot(ran):
    """The text: it is AdamW's steps that carry values too far."""
    table = pr.LogitTable(ran.circling.vocab)
    table.load_state_dict({"table": torch.full_like(table.table, -30.0)})
    rng = pr.seeded(ran.seed, "any")
    rollouts = pr.on_policy(table, ran.circling, rng=rng, sampler=ran.anywhere, size=64)
    descent = torch.optim.SGD(table.parameters(), lr=20.0)
    config = pr.TrainConfig(steps=600, clip=None)
    list(pr.train(table, rollouts, pr.q_learning, config, optimizer=descent))
    best = pr.next_logits(table)[ran.asked_for, :, :8].amax(-1) / 10
    assert abs(float(best[ran.positions].mean()) - ran.truth) < 0.1
