"""Tables of the regimes, and what chapters 6, 8 and 10 say of them, for any number of seeds."""

from statistics import mean

import pytest

from planrl.teaching import paper_tables, regime_tables
from planrl.teaching import regime_figures as regimes
from planrl.teaching.regime_figures import BASE, OFF, PG, SFT, Q

METHODS = [BASE, SFT, PG, Q, OFF]


def test_a_row_for_each_method_with_means_over_all_seeds():
    rows = regime_tables.edge_rows("B", METHODS)
    assert [row["method"] for row in rows] == METHODS
    own = [p["edges"][-1]["weights"]["precision"] for p in regimes.measured("B", Q)]
    assert rows[3]["precision, centred"] == pytest.approx(sum(own) / len(own))


def test_values_of_edges_are_saved_for_every_seed_regime_and_score():
    saved = regime_tables.edge_values("AB", [BASE, Q])
    seeds = len(regimes.pages("A")) + len(regimes.pages("B"))
    assert len(saved) == 2 * seeds * len(regime_tables.SCORES)


def test_chapter_8_centred_columns_show_what_the_read_out_as_it_is_hides():
    rows = {row["method"]: row for row in regime_tables.edge_rows("B", METHODS)}
    raw, centred, precision, logits = list(regime_tables.READ_OUT)
    assert abs(rows[Q][raw] - rows[PG][raw]) < 0.1, "as read: hardly better"
    assert rows[Q][centred] > rows[PG][centred] + 0.12
    assert rows[Q][precision] > rows[PG][precision] + 0.15
    assert rows[Q][logits] > rows[PG][logits] + 0.1


@pytest.mark.parametrize("regime", ["A", "B"])
def test_chapter_8_only_q_learning_finds_edges_that_no_demonstration_contains(regime):
    for name in (BASE, SFT, PG):
        assert mean(regimes.edges(regime, name, "auc_unseen")) < 0.56, name
        assert mean(regimes.edges(regime, name, "auc_shown")) > 0.85, name
    for name in (Q, OFF):
        assert mean(regimes.edges(regime, name, "auc_unseen")) > 0.82, name


@pytest.mark.parametrize(("regime", "least", "most"), [("A", 0.09, 1 / 6), ("B", 0.33, 0.45)])
def test_chapter_8_the_share_of_edges_that_are_never_shown(regime, least, most):
    for page in regimes.pages(regime):
        facts = page["result"]["facts"]
        assert least < 1 - facts["shown_edges"] / facts["edges"] < most


def test_chapter_8_transformers_come_near_the_theorems_values_in_the_right_order():
    for name in ("", ", off-policy"):
        values, seeds = paper_tables.last_logits("dag", f"Q-learning, process reward{name}")
        assert seeds >= 10
        assert values["right"] > 7 > 1 > values["half"] > -1 > -4 > values["wrong"]
        off = {
            kind: abs(values[kind] - goal) for kind, goal in zip(values, (10, 0, -10), strict=True)
        }
        assert max(off, key=off.__getitem__) == "wrong"


def test_chapter_8_values_of_correct_steps_are_nearer_after_longer_training():
    assert mean(regime_tables.spread("A", Q)) < 0.1 < mean(regime_tables.spread("B", Q)) < 0.35


def test_chapter_8_q_learning_leads_at_every_temperature_from_a_saturated_base():
    for task in ("train", "test"):
        for name in (BASE, PG):
            for heat in (1.0, 0.7, 0.5, 0.3):
                found = regime_tables.at("A", Q, heat, task, "diversity")
                assert found > regime_tables.at("A", name, 1.0, task, "diversity") + 2
    best = mean(regimes.best("A", Q))
    assert best > max(mean(regimes.best("A", name)) for name in (BASE, PG)) + 0.01
