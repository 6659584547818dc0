"""Cards of claims: all that is known of a claim, a filter that needs no script, and links."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

import planrl as pr
from planrl.claims import CLAIMS, FAILS, HOLDS, SUCCESSION, is_current, verdicts
from planrl.claims.verdict import Registered
from planrl.teaching import claim_cards, evidence
from planrl.teaching.claim_cards import ClaimCards, Statements


@pytest.fixture(scope="module")
def judged():
    return {one.claim.id: one for one in verdicts()}


def test_every_claim_is_found_by_method_verdict_and_graph(judged):
    for name, one in judged.items():
        found = claim_cards.tags(one)
        assert all(found.values()), (name, found)
        assert (found["verdict"] == ["replaced"]) == (not is_current(name))
    assert claim_cards.tags(judged["R-pg-over-sft"]) == {
        "method": ["SFT", "policy gradient"],
        "verdict": claim_cards.tags(judged["R-pg-over-sft"])["verdict"],
        "graph": ["random DAG", "Blocksworld", "digraph"],
    }


def test_each_card_can_be_linked_to_and_says_its_verdict(judged):
    page = ClaimCards(list(judged.values()), filtered=True)._repr_html_()
    assert re.findall(r'<details id="([^"]+)"', page) == [evidence.anchor(c.id) for c in CLAIMS]
    assert len(set(map(evidence.anchor, judged))) == len(judged)
    for name, one in judged.items():
        card = page[page.index(f'id="{evidence.anchor(name)}"') :].split("</details>")[0]
        assert f"<strong>{name}</strong>" in card
        assert f'<span class="planrl-badge">{one.told}</span>' in card
        assert card.count("<tr>") == 1 + len(one.findings)
        for other in SUCCESSION[name].by if name in SUCCESSION else ():
            assert f'<a href="#{evidence.anchor(other)}">{other}</a>' in card
    assert "<script" not in page


def test_the_filter_has_a_rule_for_each_choice_and_hides_nothing_that_is_linked_to(judged):
    cards = ClaimCards(list(judged.values()), filtered=True)
    rules = cards.rules().split("{display:none}")[0].split(",")
    assert all(rule.endswith(":not(:target)") for rule in rules)
    page = cards._repr_html_()
    ids = set(re.findall(r'<input type="radio" name="[^"]+" id="([^"]+)"', page))
    named = set(re.findall(r"#([\w-]+):checked", cards.rules()))
    assert {"claims-method-any", "claims-graph-any"} == ids - named
    assert named <= ids
    assert page.count(" checked>") == 3


def ended(one, verdict):
    """The same claim as if all its conditions had come out so."""
    findings = tuple(replace(finding, verdict=verdict) for finding in one.findings)
    return replace(one, verdict=verdict, findings=findings)


def test_a_card_has_the_prediction_with_both_dates_its_reason_and_whether_it_missed(judged):
    one = judged["R-pg-gains-greedy"]
    ((_, _, made),) = one.registered
    page = ClaimCards([one])._repr_html_()
    assert "Prediction of 30 November 2026, 00:13 UTC for random DAG, 100 nodes" in page
    assert ": at least 0, with the verdict fails. Reason: The greedy base" in page
    assert f"Runs from {claim_cards.on_day(made[0])}" in page
    assert '<span class="planrl-badge planrl-mark">predicted: fails</span>' in page
    surprise = ended(one, HOLDS)
    assert ClaimCards.marks(surprise) == ["predicted: fails", "prediction missed"]
    assert "The outcome missed this prediction." in ClaimCards([surprise])._repr_html_()
    assert ClaimCards.marks(ended(one, FAILS)) == ["predicted: fails"]


def test_a_prediction_for_one_regime_of_several_names_it(judged):
    assert ClaimCards.marks(ended(judged["R-pg-test-falls"], HOLDS)) == [
        "predicted in regime C: fails",
        "prediction missed",
    ]


def test_runs_that_are_missing_or_have_no_date_are_said_to(judged):
    one = replace(judged["R-pg-gains-greedy"].findings[0], verdict="holds")
    told = Registered(committed=datetime(2026, 1, 1, tzinfo=UTC), reason="Why.")
    assert claim_cards.prediction_in_words(told, [one], ()).endswith("runs is not known.")
    none = replace(one, values=(), verdict="not measured")
    assert claim_cards.prediction_in_words(told, [none], ()).endswith("Why. No run yet.")


def test_a_prediction_for_several_graphs_has_the_bound_of_each_and_the_first_and_last_run(judged):
    one = judged["ladder-soft"]
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (3, 4, 2, 5)]
    made = {"hanoi-4-seed": (days[0], days[3]), "blocks-4-seed": (days[2], days[1])}
    ((told, findings, dates),) = replace(one, made=made).registered
    assert dates == tuple(sorted(days))
    text = claim_cards.prediction_in_words(told, findings, dates)
    assert "for tower of Hanoi, 4 discs; Blocksworld, 4 blocks; " in text
    assert (
        "everyday assistant: at least 0.95, and for Sokoban, 4 x 4 cells; peg solitaire, 10 holes: "
        "at least 0.8, with the verdict holds." in text
    )


def test_statements_link_to_the_claims_that_they_rest_on(judged, monkeypatch):
    monkeypatch.setenv("PLANRL_STATIC", "1")
    found = Statements({"It is < so.": [judged["5.2-exact"], judged["C-stale"]]})
    page = found._repr_html_()
    assert "It is &lt; so." in page
    assert '<a href="11_verdicts.html#claim-5-2-exact">5.2-exact</a> <b>holds</b>' in page
    assert "<b>not enough seeds (3 of 10), replaced</b>" in page
    assert "<li><em>So far, 1 of 2 claims without a verdict:</em> It is" in page
    none = Statements({"So?": [judged["C-stale"]]})._repr_html_()
    assert "<li><em>So far, without a verdict:</em> So?" in none
    assert "So far" not in Statements({"So.": [judged["5.2-exact"]]})._repr_html_()
    assert "C-stale: not enough seeds (3 of 10), replaced" in repr(found)


def test_nothing_to_show_is_said(judged):
    with pytest.raises(pr.InputError, match="at least one"):
        ClaimCards([])
    with pytest.raises(pr.InputError, match="at least one"):
        Statements({})
