"""What the text of chapter 12 says of its own runs and of the stored ones."""

from itertools import pairwise
from statistics import fmean

import pytest

from planrl.objectives import contexts
from planrl.teaching import objective_tables as tables

CHAPTER = "12_objective"
book = pytest.mark.book


@book
def test_the_base_has_about_2_4_answers_and_group_methods_keep_equally_many(ran):
    assert float(contexts.answers_left(ran.base, ran.correct)) == pytest.approx(2.4, abs=0.05)
    kept = [float(left[int((p >= 0.9).int().argmax())]) for p, left in ran.methods.values()]
    assert max(kept) - min(kept) < 0.15
    assert all(float(p[-1]) > 0.9 for p, _ in ran.methods.values())


@book
def test_terms_that_see_probabilities_end_above_the_line(ran):
    ends = {name: float(left[-1]) for name, (_, left) in ran.leaving.items()}
    line = ends.pop("RLOO")
    assert all(left > line + 0.5 for left in ends.values()), ends
    assert ends["IPS"] > 2.9
    assert ends["RLOO + KL 0.3, k2 in the loss"] < 2.6, "the base's ratios, not equal shares"
    _, bonus = ran.leaving["RLOO + entropy 0.1"]
    assert bonus.min() < bonus[-1] - 0.2, "it turns back"


@book
def test_each_nine_of_accuracy_costs_more_diversity_than_the_one_before(ran):
    left = [float(contexts.answers_left(q, ran.pair)) for q in ran.polarised]
    lost = [a - b for a, b in pairwise(left)]
    assert lost == sorted(lost)
    assert min(lost) > 0.05


@book
def test_k3_in_the_return_leaves_one_answer_and_reversed_k3_is_stuck_where_the_answer_is_rare(ran):
    left = {k: float(contexts.answers_left(q, ran.correct)) for k, q in ran.in_return.items()}
    assert left["k1"] > 2.3 > 1.05 > left["k3"]
    assert ran.reached["k2"] > 0.999 > ran.reached["k3"] > 0.95
    assert ran.reached["reversed k3"] < 0.3


@book
def test_in_the_lab_k1_in_the_return_keeps_most_paths_and_k3_in_the_loss_costs_accuracy(ran):
    k1, k3 = ran.returns
    assert k1["left"] > 0.7 * ran.start
    assert k3["left"] < 2.5
    assert min(k1["solved"], k3["solved"]) > 0.95
    k2, k3 = ran.placed
    assert k3["solved"] < k2["solved"] - 0.01
    assert abs(k3["solved"] - k3["limit_solved"]) < 0.01


@book
def test_in_the_lab_more_kl_keeps_paths_of_a_collapsing_config_and_the_advice_and_the_clip_hardly(
    ran,
):
    config, clip, advised, more, both = ran.ending.values()
    assert abs(clip["left"] - config["left"]) < 0.1
    assert advised["left"] < config["left"] + 1 < 0.1 * ran.start + 1
    assert both["left"] > more["left"] > 3 * config["left"]
    costs = [config["solved"] - one["solved"] for one in (more, both)]
    assert 0.01 < costs[0] < costs[1] < 0.06


@book
def test_in_the_lab_pass_at_2_keeps_more_paths_at_the_same_accuracy(ran):
    rloo, passed = ran.slower
    assert abs(rloo["solved"] - passed["solved"]) < 0.005
    assert passed["left"] > 3 * rloo["left"]


def test_stored_seeds_lie_on_the_line_and_two_methods_below_it():
    found = tables.off_the_line()
    for name in tables.METHODS.values():
        assert max(map(abs, found[name])) < 0.2, name
        assert abs(fmean(found[name])) < 0.02, name
    for name in tables.OFF_LINE.values():
        assert max(found[name]) < -0.2, name


def test_the_line_rises_by_1_18_nats_and_five_placements_keep_the_bases_unevenness():
    rise = tables.mean("one_curve", "rloo_rise") - tables.mean("one_curve", "rloo_off_curve")
    assert f"{rise:.2f}" == "1.18"
    rows = tables.placements()
    base = f"{tables.mean('kl_placements', 'base_uneven'):.2f}"
    assert base == "0.32"
    assert [float(row["KL(U_C || r)"]) < 0.5 for row in rows] == [True] * 5 + [False] * 3
    assert all(float(row["KL(U_C || r)"]) > 2 for row in rows[5:])
    cost = {row["estimator, placed in"]: float(row["measured"]) for row in rows}
    assert cost["k3, loss"] < cost["k2, loss"] - 0.05


def test_grpo_favours_hard_and_easy_questions_and_dapo_those_with_equal_groups():
    rows = {row["method"]: row for row in tables.clocks([0.1, 0.5, 0.9, 0.99])}
    flat = {rows["REINFORCE, RLOO"][f"p = {p}"] for p in (0.1, 0.5, 0.9, 0.99)}
    assert max(flat) == pytest.approx(min(flat))
    grpo, dapo = rows["GRPO"], rows[tables.DAPO]
    for p, factor in ((0.1, 1.25), (0.9, 1.25), (0.99, 1.4)):
        assert grpo[f"p = {p}"] / grpo["p = 0.5"] == pytest.approx(factor, abs=0.02)
        equal = p**8 + (1 - p) ** 8
        assert dapo[f"p = {p}"] == pytest.approx(grpo[f"p = {p}"] / (1 - equal))
    assert rows["pass@8"]["p = 0.5"] < 0.1 < 1 < rows["pass@8"]["p = 0.1"]


@book
def test_with_many_samples_the_base_catches_up(ran):
    base, trained = ran.passed["base"], ran.passed["RLOO"]
    assert trained[0] > base[0] + 0.05
    assert min(b - a for a, b in zip(base, trained, strict=True)) < 0, "the curves cross"
    assert abs(trained[-1] - base[-1]) < 0.05
    assert ran.worse > 0
