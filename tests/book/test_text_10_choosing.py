"""What the text of chapter 10 says of its own runs."""

import json
from statistics import mean

import pytest

from planrl.teaching import evidence

CHAPTER = "10_choosing"
pytestmark = pytest.mark.book
KEPT = "diversity (50 samples)"


def test_by_hand_group_relative_weights_leave_a_correct_step_that_was_not_sampled(ran):
    plain, grouped, correct = ran.moved.values()
    assert plain[0] > plain[2] == plain[3]
    assert grouped[0] > grouped[2] == 0
    assert plain[3] == grouped[3] == grouped.min()
    assert not correct.any()


def test_group_relative_weights_keep_a_little_more_than_plain_policy_gradient(ran):
    found = {name: row[KEPT] for name, row in ran.live.items()}
    assert found["policy gradient"] < found["group-relative"] < found["continual SFT"]
    assert found["policy gradient"] < found["policy gradient + KL"]
    assert found["group-relative"] < found["Q-learning, process reward"]
    five = json.loads(evidence.FILE.read_text())["10_choosing"]["values"]
    kept = [five[f"{KEPT}, {name}"] for name in ("group-relative", "policy gradient")]
    assert [f"{mean(values):.1f}" for values in kept] == ["1.6", "1.1"]
    assert [len(values) for values in kept] == [5, 5]
    assert 1.5 < 128 / len(ran.dataset.train.pairs) < 3, "about two paths per question"


def test_an_update_of_policy_gradient_costs_one_and_a_half_sft_updates_or_so(ran):
    assert 1.2 < ran.ratio < 2
