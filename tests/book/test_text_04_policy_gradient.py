"""What the text of chapter 4 says of recorded runs and of its own."""

import base64

import numpy as np
import pytest
import torch

from planrl.experiments.store import results
from planrl.labs.page.recordings import recordings
from planrl.teaching import exploration, regime_rows, regime_tables
from planrl.teaching import regime_figures as regimes
from planrl.teaching.regime_figures import BASE, PAID, PG, SFT, Q

CHAPTER = "04_policy_gradient"


def mean(values):
    return sum(values) / len(values)


def at_end(name, key, regime="B"):
    return mean(regimes.ends(regime, name, key))


@pytest.mark.parametrize(("key", "gain"), [("test_accuracy", 0.1), ("test_greedy", 0.06)])
def test_without_new_paths_the_whole_gain_over_continual_sft_is_gone(key, gain):
    assert abs(at_end(PAID, key) - at_end(SFT, key)) < 0.04
    assert at_end(PG, key) - at_end(PAID, key) > gain
    assert at_end(PG, key) - at_end(SFT, key) > gain


def test_policy_gradient_gains_most_over_sft_from_degree_one_on():
    pg, sft = (regimes.ends_by_degree("B", name, "accuracy") for name in (PG, SFT))
    gain = {degree: mean(regimes.minus(pg[degree], sft[degree])) for degree in pg}
    assert gain["0"] < 0.08
    assert min(gain["1"], gain["2+"]) > gain["0"] + 0.05


def test_with_ten_paths_the_base_at_a_lower_temperature_beats_policy_gradient_at_any():
    base, pg = (regimes.curve("A", name, "test", "accuracy").mean(0) for name in (BASE, PG))
    heat = regimes.curve("A", BASE, "test", "temperature")[0].tolist()
    half = heat.index(0.5)
    assert pg[0] > base[0] + 0.02, "at T = 1 policy gradient is better"
    assert base[half] > pg.max() + 0.01
    paths = [regimes.curve("A", name, "test", "diversity").mean(0) for name in (BASE, PG)]
    assert paths[0][half] > 3 * paths[1][0]


def test_more_sft_does_not_change_the_saturated_base():
    change = regimes.minus(*(regimes.ends("A", name, "test_accuracy") for name in (SFT, BASE)))
    assert abs(mean(change)) < 0.02


def test_with_one_path_no_temperature_of_the_others_reaches_policy_gradient():
    lowest = regimes.curve("B", PG, "test", "accuracy").mean(0).min()
    for name in (BASE, SFT, PAID):
        assert regimes.curve("B", name, "test", "accuracy").mean(0).max() < lowest - 0.04


def test_q_learning_lies_above_the_base_with_ten_paths():
    q, base = (regimes.curve("A", name, "test", "accuracy").mean(0) for name in (Q, BASE))
    assert q.min() > base.max()
    few, many = (regimes.curve("A", name, "test", "diversity").mean(0) for name in (BASE, Q))
    assert (many > few).all()


def test_from_the_saturated_base_policy_gradient_loses_some_greedily():
    assert at_end(PG, "test_greedy", "A") < at_end(BASE, "test_greedy", "A") - 0.02


def test_the_settings_of_one_and_ten_paths_differ_in_updates_too():
    for regime, base, after in (("B", 700, "2,000"), ("A", 5000, "4,000")):
        assert {regimes.base_updates(page) for page in regimes.pages(regime)} == {base}
        said = regime_tables.trained_for(regime, [SFT, PG, f"{PG} + KL 0.1", Q])
        assert said.endswith(f": {after} updates")
        assert ";" not in said


def test_from_a_base_of_sixty_percent_sampled_accuracy_rises_far_and_most_of_it_by_sft_too():
    trained = [
        page["result"]["learners"][PG]["train_accuracy"][0]
        for page in results("falsify", of="early-base")
    ]
    assert 0.55 < mean(trained) < 0.65
    _, values = regime_rows.early_base()[PG]
    rise = (values[:, -1] - values[:, 0]).mean()
    pg, base = (regimes.curve("A", name, "test", "accuracy").mean(0)[0] for name in (PG, BASE))
    assert rise > 0.2
    assert pg - base < rise / 2, "from the saturated base the gain is small"
    _, values = regime_rows.early_base()[SFT]
    assert 0.5 < (values[:, -1] - values[:, 0]).mean() / rise < 0.95
    greedy = {n: v.mean(0) for n, (_, v) in regime_rows.early_base("test_greedy").items()}
    assert greedy[PG][-1] < greedy[PG][0] + 0.01, "policy gradient gains nothing greedily"
    assert greedy[SFT][-1] > greedy[SFT][0] + 0.01


def test_in_the_lab_sampled_accuracy_rises_only_to_the_greedy_one_which_does_not_move():
    page = next(one for name, one in recordings() if name == "policy-gradient")
    shape = [len(axis["values"]) for axis in page["axes"]]
    data = np.frombuffer(base64.b64decode(page["data"]), "<u2")
    data = data.reshape(*shape, len(page["metrics"]), 3, len(page["steps"]))
    plain = {"kl": 0, "lr": 1, "temperature": 1, "baseline": 0}
    point = tuple(axis["values"].index(plain[axis["name"]]) for axis in page["axes"])
    mean = dict(zip(page["metrics"], data[point][:, 0] / 10_000, strict=True))
    assert page["fixed"]["model"] == "table"
    assert mean["test_sampled"][-1] > mean["test_sampled"][0] + 0.1
    assert mean["test_sampled"].max() <= mean["test_greedy"].max()
    assert abs(mean["test_greedy"][-1] - mean["test_greedy"][0]) < 0.02


@pytest.mark.book
class TestRun:
    def test_the_gradients_that_are_compared_are_not_zero(self, ran):
        assert ran.by_reward.abs().max() > 0.01

    def test_a_good_part_of_the_correct_paths_is_new_and_held_out_accuracy_rises(self, ran):
        assert ran.share_new > 0.25
        assert ran.accuracy > ran.base_accuracy + 0.03

    def test_the_gradient_by_hand_is_that_of_the_loss(self, ran):
        assert torch.allclose(ran.gradient, ran.by_hand, atol=1e-6)

    def test_a_wrong_step_can_become_more_likely_although_its_logit_falls(self, ran):
        assert ran.moved[2] < 0
        assert ran.now[2] > ran.was[2] + 0.01


def test_with_ten_paths_policy_gradient_without_new_paths_ends_below_its_base():
    """What the fold-out says: new paths keep policy gradient from falling."""
    control, full, base = (at_end(name, "test_accuracy", "G") for name in (PAID, PG, BASE))
    assert control < base - 0.05
    assert full > base - 0.01
    lead = exploration.ahead_at_equal_paths("G")
    assert len(lead) == 10
    assert min(lead) > 0
