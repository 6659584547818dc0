"""What the text of chapter 8 says of its own runs."""

import pytest
import torch

CHAPTER = "08_logits"
pytestmark = pytest.mark.book


def test_logits_of_a_table_go_to_1_0_or_minus_1_from_random_paths(ran):
    for name, wanted in zip(ran.kinds, (1, 0, 0, -1), strict=True):
        assert abs(ran.ends[name] - wanted) < 0.05, name
    assert ran.share < 0.1, "hardly any rollout was correct"


def test_the_small_example_is_the_formula(ran):
    assert torch.equal(ran.by_formula[:3], ran.by_iteration)
    assert ran.by_formula[0].tolist() == [0, 1, 0, 0]


def test_the_tables_policy_is_nearly_uniform_on_correct_steps(ran):
    assert float(ran.distance[~ran.distance.isnan()].max()) < 0.05


def test_old_paths_harm_policy_gradient_with_process_reward_only(ran):
    q = "Q-learning, process reward"
    assert min(ran.new[q], ran.stale[q]) > 97
    assert ran.stale["PG, process reward"] < ran.new["PG, process reward"] - 25
    assert abs(ran.stale["PG, outcome reward"] - ran.new["PG, outcome reward"]) < 15
    assert ran.stale[q] >= ran.stale["PG, outcome reward"]


def test_on_new_paths_policy_gradient_with_process_reward_ties_with_q_learning(ran):
    """Chapter 10 says so, as a limit of its comparison."""
    found = [ran.new[f"{name}, process reward"] for name in ("PG", "Q-learning")]
    assert min(found) > 97
    assert max(found) - min(found) < 3


def test_a_good_policy_teaches_less_of_the_graph_than_a_uniform_one(ran):
    near = ran.near
    assert near["a uniform policy (above)"] > 0.99
    good = [near[f"a good imitator, ε = {e}"] for e in ("0", "0.1")]
    assert max(good) < 0.8 < near["a uniform policy (above)"]
    assert near["the old checkpoint, ε = 0.1"] > max(near["itself, ε = 0.1"], *good)
    assert min(ran.answered.values()) > 97, "each table answers nearly all questions"
