"""What the figures page says of the saved results."""

import re
from statistics import mean

import pytest

from planrl.teaching import paper_figures, paper_tables

PG, SFT, Q = "policy gradient", "continual SFT", "Q-learning, process reward"


def last(of, name, key):
    return float(paper_figures.series(of, name, key)[1][:, -1].mean())


def test_on_blocksworld_q_learnings_weights_become_the_graph_as_they_are():
    assert last("blocksworld", Q, "adjacency_auc") > 0.95


def test_on_the_dag_q_learnings_weights_hold_the_graph_best_once_columns_are_centred():
    found = {}
    for which in ("weights", "centred"):
        figure = paper_figures.adjacency("dag", ["SFT", PG, Q], which, title="t")
        said = figure.layout.meta["alt"]
        found[which] = [
            float(re.search(rf"{re.escape(name)} (\d\.\d+) \(", said)[1]) for name in ("SFT", PG, Q)
        ]
    sft, pg, q = found["centred"]
    assert q > max(sft, pg) + 0.05
    assert found["weights"][2] < found["weights"][0], "as it is, the read-out hides it"


def test_logits_of_rollouts_of_the_base_hold_more_of_the_dag():
    key = "adjacency_auc_logits"
    assert last("dag", f"{Q}, off-policy", key) > last("dag", Q, key)


@pytest.mark.parametrize("of", ["dag", "blocksworld"])
def test_sampled_all_gain_and_greedily_neither_gains_on_held_out_pairs(of):
    pg, sft = (paper_tables.gain(of, name, "test_accuracy") for name in (PG, SFT))
    assert pg > sft > 0
    for name in (PG, SFT):
        assert paper_tables.gain(of, name, "test_greedy") < 0.01


def test_a_gain_is_the_last_evaluation_minus_the_first():
    values = paper_figures.series("dag", PG, "test_accuracy")[1]
    expected = mean((row[-1] - row[0]).item() for row in values)
    assert paper_tables.gain("dag", PG, "test_accuracy") == pytest.approx(expected)
