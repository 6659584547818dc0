"""What "The paper in ten minutes" says of the saved runs, beside the verdicts that it shows."""

import torch

from planrl.claims import FAILS, HOLDS, UNDECIDED, verdicts
from planrl.teaching import claim_figures, paper_figures
from planrl.teaching import regime_figures as regimes

PG, KL = "policy gradient", "policy gradient + KL"
Q, OUTCOME = "Q-learning, process reward", "Q-learning, outcome reward"


def mean(of, name, key):
    return paper_figures.series(of, name, key)[1].mean(0)


def by_condition(claim):
    (verdict,) = verdicts([claim])
    return {found.condition: found for found in verdict.findings}


def test_a_table_ends_at_the_frequencies_and_the_base_answers_far_fewer_held_out_questions():
    for claim in ("3.1-table", "3.1-transformer", "R-sft-signature"):
        assert verdicts([claim])[0].verdict == HOLDS
    held_out, training = (
        regimes.series("B", regimes.BASE, f"{part}_accuracy")[1].mean()
        for part in ("test", "train")
    )
    assert held_out < training - 0.3


def test_the_gain_is_gone_without_new_paths():
    for claim in ("4.1-identity", "R-exploration", "R-no-exploration-is-sft"):
        assert verdicts([claim])[0].verdict == HOLDS


def test_one_path_is_left_on_random_graphs_and_several_on_blocksworld_where_they_still_fall():
    assert mean("dag", PG, "train_diversity")[-1] < 1.5
    assert mean("dag", KL, "train_diversity")[-1] > 5
    left = mean("blocksworld", PG, "train_diversity")
    assert 5 < left[-1] < left[-2]
    assert verdicts(["2-kl-ratios"])[0].verdict == FAILS, "not the base's ratios"
    price = by_condition("2-kl-price")
    kinds = {name: found.verdict for name, found in price.items()}
    assert {v for name, v in kinds.items() if "sampled" in name} == {HOLDS}
    assert HOLDS not in {v for name, v in kinds.items() if "greedy" in name}


def test_outcome_reward_loses_everything_within_a_hundred_updates():
    step, accuracy = paper_figures.series("dag", OUTCOME, "train_accuracy")
    assert step[1] == 100
    assert accuracy[:, 1].max() < 0.05
    assert verdicts(["3-outcome"])[0].verdict == HOLDS


def test_the_advice_turns_round_on_blocksworld_when_all_are_sampled():
    found = by_condition("3-q-over-pg")
    told = {name: one.verdict for name, one in found.items()}
    assert told["random DAG, 100 nodes, sampled"] == HOLDS
    assert told["random DAG, 100 nodes, greedy"] == HOLDS
    assert told["Blocksworld, 4 blocks, sampled"] == FAILS
    assert told["Blocksworld, 4 blocks, greedy"] == UNDECIDED
    ends = {
        name: paper_figures.series("blocksworld", name, "test_accuracy")[1][:, -1]
        for name in (PG, f"{Q}, discount 0.9")
    }
    difference = ends[f"{Q}, discount 0.9"] - ends[PG]
    assert torch.isclose(
        difference.mean(), torch.tensor(found["Blocksworld, 4 blocks, sampled"].mean).double()
    )


def test_the_picture_of_one_claim_has_all_its_conditions_and_no_choice():
    (verdict,) = verdicts(["3-q-over-pg"])
    figure = claim_figures.one_claim(verdict, title="one")
    assert not figure.frames
    assert all(f.condition in figure.layout.meta["alt"] for f in verdict.findings)


def test_q_learning_keeps_diversity_on_both_graphs_and_is_as_good_off_policy_on_random_graphs():
    assert verdicts(["3-q-diversity"])[0].verdict == HOLDS
    on_off = by_condition("3-on-off")
    assert {f.verdict for name, f in on_off.items() if "DAG" in name} == {HOLDS}
