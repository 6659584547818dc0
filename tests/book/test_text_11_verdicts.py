"""What the text of chapter 11 says of the claims, for any number of stored seeds."""

import statistics

import pytest

from planrl.claims import FAILS, GROUPS, HOLDS, interval, is_current, verdicts
from planrl.experiments.store import results

CHAPTER = "11_verdicts"
pytestmark = pytest.mark.book


@pytest.fixture(scope="module")
def judged():
    """The verdicts that the chapter shows, by id."""
    return {one.claim.id: one for one in verdicts()}


def mean(judged, claim, name="", graph=""):
    """The mean over seeds of what a claim measures under the conditions of this name and graph."""
    found = [
        finding.mean
        for finding in judged[claim].findings
        if finding.name == name and graph in finding.graph and finding.values
    ]
    return statistics.fmean(found)


def test_every_theorem_holds_on_small_tables(judged):
    assert {judged[claim.id].verdict for claim in GROUPS["theorems"]} == {HOLDS}


def test_no_claim_behind_the_five_statements_fails(ran, judged):
    assert len(ran.STATEMENTS) == 5
    behind = {name for names in ran.STATEMENTS.values() for name in names}
    assert [name for name in behind if judged[name].verdict == FAILS] == []


def test_all_predictions_of_regimes_but_one_are_older_than_their_first_run(judged):
    late = [
        name
        for name, one in judged.items()
        for registered, _, made in one.registered
        if made and made[0] < registered.committed
    ]
    assert late == ["R-spurious-edges"]
    (of_a, *_) = (registered for registered, *_ in judged["R-spurious-edges"].registered)
    assert "seeds 0 and 1 had been seen" in of_a.reason


def test_policy_gradient_collapses_on_the_random_graph_and_not_yet_on_blocksworld(judged):
    assert mean(judged, "2-pg-collapse", graph="random DAG") < 1.5
    assert mean(judged, "R-pg-collapse", graph="random DAG") < 1.5
    assert mean(judged, "2-pg-collapse", graph="Blocksworld") > 5


def test_the_gain_is_new_paths_with_one_demonstrated_path_and_sharpening_with_ten(judged):
    for name in ("sampled", "greedy"):
        assert mean(judged, "R-exploration", name) > 0.05
        assert abs(mean(judged, "R-no-exploration-is-sft", name)) < 0.05
    assert mean(judged, "R-beyond-sharpening", graph="random DAG") > 0.05
    assert mean(judged, "R-sharpening") > 0


def test_outcome_reward_alone_leaves_nothing(judged):
    for claim in ("3-outcome", "R-outcome-loses-all"):
        assert max(max(f.values, default=0) for f in judged[claim].findings) < 0.05


def test_only_q_learning_tells_edges_that_no_demonstration_takes(judged):
    assert mean(judged, "R-unseen-edges-q", "on-policy") > 0.85
    assert mean(judged, "R-unseen-edges-pg") < 0.6
    assert mean(judged, "R-unseen-edges-sft") < 0.6


def test_fewer_than_one_in_four_claims_from_a_base_of_700_updates_hold_everywhere(ran, judged):
    figures = [judged[claim.id] for claim in GROUPS["figures"] if is_current(claim.id)]
    assert ran.everywhere == sum(one.verdict == HOLDS for one in figures) < 0.25 * len(figures)


@pytest.mark.parametrize("of", ["dag", "blocksworld"])
def test_the_base_of_700_updates_leaves_room_when_sampled_and_nearly_none_greedily(of):
    curves = [page["result"]["learners"]["policy gradient"] for page in results("fig2", of=of)]
    assert statistics.fmean(curve["test_greedy"][0] for curve in curves) > 0.95
    assert statistics.fmean(curve["test_accuracy"][0] for curve in curves) < 0.9


def test_an_interval_covers_as_it_says_and_three_seeds_make_it_three_times_as_wide(ran):
    assert all(0.935 < covers < 0.965 for covers, _ in ran.found.values())
    assert 3 < ran.found[3][1] / ran.found[10][1] < 3.5
    assert [round(end, 1) for end in interval([1.0, 3.0])] == [-10.7, 14.7]
