"""The one-sentence answers of chapters 3 to 10 rest on these verdicts and numbers."""

from statistics import mean

import pytest

from planrl.claims import FAILS, HOLDS, verdicts
from planrl.teaching import regime_figures as regimes
from planrl.teaching.paper_figures import series
from planrl.teaching.regime_figures import BASE, PG, Q

HELD = {
    3: ("3.1-table", "3.1-counts", "3.1-degrees", "R-shown-edges-sft"),
    4: ("R-exploration", "R-no-exploration-is-sft", "R-beyond-sharpening", "R-sharpening"),
    5: ("R-pg-collapse", "R-entropy-falls", "4.3-monotone"),
    6: ("R-kl-keeps", "R-kl-order"),
    7: ("5.1-constant", "3-outcome", "R-outcome-loses-all"),
    8: ("5.2-exact", "5.3-linear", "R-unseen-edges-q", "R-unseen-edges-pg"),
    10: ("R-sharpening", "R-exploration", "R-q-over-pg"),
}
PENALISED = "policy gradient + KL 0.1"


@pytest.mark.parametrize(("chapter", "claims"), HELD.items())
def test_what_a_chapters_answer_says_holds_where_the_chapter_measures_it(chapter, claims):
    """Of the regimes, the chapters show A and B; other claims hold under all their conditions."""
    for one in verdicts(claims):
        for condition, finding in zip(one.claim.conditions, one.findings, strict=True):
            if "regimes" not in condition.needs or condition.of in ("A", "B"):
                assert finding.verdict == HOLDS, (chapter, one.claim.id, finding.condition)


def end(regime, learner, key):
    return mean(regimes.ends(regime, learner, key))


def test_chapter_3_an_edge_that_no_demonstration_takes_stays_unknown():
    for regime in "AB":
        assert mean(regimes.edges(regime, BASE, "auc_unseen")) < 0.6


def test_chapter_4_with_little_to_find_only_sampled_accuracy_rises():
    (greedy,) = verdicts(["R-pg-gains-greedy"])
    assert greedy.verdict == FAILS
    assert end("A", PG, "test_accuracy") > end("A", BASE, "test_accuracy") + 0.02


def test_chapter_6_a_penalty_of_a_tenth_takes_about_half_of_the_gain_and_loses_to_a_cold_base():
    gained = [
        end("B", name, "test_greedy") - end("B", BASE, "test_greedy") for name in (PENALISED, PG)
    ]
    assert 0.3 < gained[0] / gained[1] < 0.7
    assert mean(regimes.best("A", BASE)) > mean(regimes.best("A", PENALISED))
    strong = "policy gradient + KL 1"
    paths = [
        mean(regimes.curve("A", name, "test", "diversity")[:, 0].tolist())
        for name in (strong, BASE)
    ]
    assert paths[0] > 0.8 * paths[1]
    assert end("A", strong, "test_accuracy") > end("A", BASE, "test_accuracy")


def test_chapter_9_without_a_discount_q_learning_forgets_the_goal_on_blocksworld():
    for key in ("test_accuracy", "test_greedy"):
        values = series("blocksworld", "Q-learning, process reward", key)[1].mean(0)
        assert values[-1] < 0.5 < values[0]


def test_chapter_10_on_blocksworld_sampled_q_learning_is_not_the_best_and_on_random_graphs_it_is():
    q = series("blocksworld", "Q-learning, process reward, discount 0.9", "test_accuracy")[1]
    pg = series("blocksworld", PG, "test_accuracy")[1]
    assert q.mean(0)[-1] < pg.mean(0)[-1]
    for regime in "AB":
        assert mean(regimes.best(regime, Q)) > max(
            mean(regimes.best(regime, name)) for name in (BASE, PG)
        )
