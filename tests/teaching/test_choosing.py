"""Advice and decision table name claims that exist, and links lead to their cards."""

import json
import re
from statistics import fmean

import pytest

import planrl as pr
from planrl import claims
from planrl.experiments import store
from planrl.figures import scatter
from planrl.teaching import claim_cards, decision, evidence, regime_tables
from planrl.teaching import regime_figures as regimes


def test_every_combination_of_constraints_gets_advice_resting_on_claims():
    cases = decision.Chooser.cases()
    assert sum(map(len, cases.values())) == 3 * 3 * 2 * 3
    known = {claim.id for claim in claims.CLAIMS}
    for advice in cases:
        assert advice.claims, advice
        assert set(advice.claims) <= known, advice


def test_advice_rests_on_claims_that_count_or_on_a_replaced_one_whose_successors_have_no_run_yet():
    judged = {one.claim.id: one for one in claims.verdicts()}
    for advice in decision.Chooser.cases():
        for name in advice.claims:
            later = () if claims.is_current(name) else claims.SUCCESSION[name].by
            measured = [other for other in later if judged[other].verdict != claims.UNKNOWN]
            assert measured == [], f"{advice.method}: {name} was replaced by {later}"


def test_the_advice_follows_what_the_base_answers_and_what_can_be_checked():
    ask = {"base": "fails", "check": "answers", "diversity": "no", "paths": "own"}
    assert decision.advise(**ask) is decision.GRADIENT
    assert decision.advise(**{**ask, "diversity": "yes"}) is decision.PENALTY
    assert decision.advise(**{**ask, "paths": "others"}) is decision.CORRECT
    assert decision.advise(**{**ask, "check": "steps"}) is decision.VALUES
    assert decision.advise(**{**ask, "check": "steps", "paths": "others"}) is decision.AGED
    assert decision.advise(**{**ask, "check": "nothing"}) is decision.IMITATE
    assert decision.advise(**{**ask, "paths": "none"}) is decision.SIFTED
    assert decision.advise(**{**ask, "base": "none"}) is decision.START
    able = {**ask, "base": "answers"}
    assert decision.advise(**able) is decision.DECODE
    assert decision.advise(**{**able, "diversity": "yes"}) is decision.DECODE
    assert decision.advise(**{**able, "diversity": "yes", "check": "steps"}) is decision.VALUES
    with pytest.raises(pr.InputError, match="choose no or yes"):
        decision.advise(**{**ask, "diversity": "many"})


def test_each_choice_shows_one_advice_and_the_rules_cover_all():
    page = decision.Chooser()._repr_html_()
    assert page.count('type="radio"') == 11
    assert page.count(" checked>") == 4
    assert page.count(":has(#choose-paths-own:checked)") == 18
    assert "<script" not in page
    assert "Policy gradient with a baseline" in repr(decision.Chooser())


def test_the_advice_agrees_with_the_numbers_of_the_table():
    """For each sentence of advice that says who did better, the means over all stored seeds."""
    found = {
        (name, words): sum(values) / len(values)
        for name, row in decision.best_accuracy().items()
        for words, values in row.items()
    }
    many, one = decision.SETTINGS
    base, pg, kl = regimes.BASE, regimes.PG, f"{regimes.PG} + KL 0.1"
    q, off = regimes.Q, regimes.OFF
    assert found[base, many] > max(found[pg, many], found[kl, many]) + 0.005  # DECODE
    assert found[pg, one] > found[base, one] + 0.05  # GRADIENT
    assert_a_baseline_pays()
    assert found[pg, one] > found[kl, one] + 0.02 > found[base, one] + 0.02  # PENALTY
    for words in (many, one):  # VALUES
        assert found[q, words] > max(v for (n, w), v in found.items() if w == words and n[0] != "Q")
        assert abs(found[q, words] - found[off, words]) < 0.04  # AGED
    for words in (many, one):
        for row in decision.summary(words):
            expected = found.get((row["method"], words))
            if expected is None:
                assert row["method"] == decision.STRONG
                assert "(2,000 updates)" in row["trained on"]
                continue
            assert row["accuracy, best T"] == pytest.approx(expected)


def assert_a_baseline_pays():
    """As accurate, twice as many paths at T = 1; a penalty leaves a little more, for accuracy."""

    def mean(regime, name, key):
        values = regimes.curve(regime, name, "test", key)
        return float((values[:, 0] if key == "diversity" else values.amax(1)).mean())

    pg, kept = regimes.PG, f"{regimes.PG}, baseline"
    assert 0 < mean("P", kept, "accuracy") - mean("P", pg, "accuracy") < 0.04
    ends = [regimes.ends("P", name, "test_greedy") for name in (kept, pg)]
    assert claims.interval(regimes.minus(*ends))[0] > 0, "greedily a little more"
    paths = {name: mean("P", name, "diversity") for name in (regimes.BASE, kept, pg)}
    assert 1.8 < paths[kept] / paths[pg] < 2.2
    assert 0.6 < paths[kept] / paths[regimes.BASE] < 0.72, "about two thirds"
    penalised = f"{pg} + KL 0.1"
    assert 0 < mean("B", penalised, "diversity") - paths[kept] < 0.7, "a little more"
    assert mean("B", penalised, "accuracy") < mean("P", kept, "accuracy") - 0.05
    cycles = {
        name: regimes.curve("E", name, "test", "simple")[:, 0].mean()
        for name in (regimes.BASE, penalised, regimes.Q)
    }
    assert cycles[penalised] > 0.85 * cycles[regimes.BASE], "nearly all paths"
    assert cycles[regimes.Q] < cycles[penalised]
    found = {name: mean("E", name, "accuracy") for name in (regimes.BASE, pg, penalised, regimes.Q)}
    assert found[penalised] - found[regimes.BASE] > 0.7 * (found[pg] - found[regimes.BASE])
    assert abs(found[regimes.Q] - found[pg]) < 0.03, "as accurate as policy gradient"
    gains = [
        mean("B", name, "accuracy") - mean("B", regimes.BASE, "accuracy")
        for name in (penalised, pg)
    ]
    assert 0.35 < gains[0] / gains[1] < 0.65, "about half of the gain"


def test_with_the_same_checks_policy_gradient_makes_up_part_of_the_lead_and_keeps_few_paths():
    rows = {row["method"]: row for row in regime_tables.feedback_rows()}
    assert list(rows) == list(regime_tables.FEEDBACK)

    def of(method, column):
        return float(rows[method][column].split()[0])

    plain, checked, q = regimes.PG, f"{regimes.PG}, reward to go", regimes.Q
    lead, made_up = (
        of(one, "accuracy, best T") - of(plain, "accuracy, best T") for one in (q, checked)
    )
    assert 0.5 * lead < made_up < 0.95 * lead, "most of the lead"
    calm = f"{regimes.Q}, no random steps"
    assert of(calm, "accuracy, best T") > of(q, "accuracy, best T") + 0.01
    assert of(calm, "paths, T = 1") > 0.9 * of(q, "paths, T = 1")
    assert " above itself with them" in regime_tables.lead_explained()
    assert of(checked, "paths, T = 1") < 0.5 * of(q, "paths, T = 1")
    assert of(checked, "AUC, edges never shown") < of(q, "AUC, edges never shown") - 0.2


def test_a_strong_penalty_is_a_little_above_its_base_with_as_many_paths():
    curves = {
        (name, key): regimes.curve("A", name, "test", key).mean(0)
        for name in (regimes.BASE, decision.STRONG)
        for key in ("temperature", "accuracy", "diversity")
    }
    warm = curves[regimes.BASE, "temperature"] >= 0.3
    gain, paths = (
        (curves[decision.STRONG, key] - curves[regimes.BASE, key])[warm]
        for key in ("accuracy", "diversity")
    )
    assert (gain > 0.002).all()
    assert (paths.abs() < 0.5).all()


def test_a_base_fails_with_three_quarters_and_answers_with_more_than_nineteen_in_twenty():
    able, failing = (
        sum(values) / len(values) for values in decision.best_accuracy()[regimes.BASE].values()
    )
    assert able > 19 / 20
    assert 0.7 < failing < 0.8
    assert f"a base that answers {100 * able:.0f} %, " in decision.where_the_base_answers()


def test_a_lower_temperature_costs_paths_and_the_text_says_how_many():
    (words, _) = decision.SETTINGS
    base = decision.summary(words)[0]
    assert float(base["paths, best T"]) < 0.3 * float(base["paths, T = 1"])
    assert f" of {base['paths, T = 1']} distinct correct paths" in decision.sharpened()
    for row in decision.summary(words):
        assert float(row["paths, best T"]) <= float(row["paths, T = 1"])
        assert row["accuracy, best T"] >= row["accuracy, T = 1"]


def test_the_text_of_the_advice_says_that_blocksworld_reverses_it_as_the_claim_does():
    (claim,) = claims.verdicts(["3-q-over-pg"])
    means = {f.name: f.mean for f in claim.findings if "Blocksworld" in f.graph}
    assert means["sampled"] < -0.05 < means["greedy"] < 0
    assert f"it is {-means['sampled']:.3f} *below* policy gradient" in decision.gained()
    for advice in (decision.VALUES, decision.AGED):
        assert "3-q-over-pg" in advice.claims
    able, _ = decision.best_accuracy()[regimes.Q]
    assert f"{sum(decision.best_accuracy()[regimes.Q][able]) / len(regimes.pages('A')):.3f}" in (
        decision.gained()
    )


def test_soft_q_learning_is_named_for_what_its_stored_runs_show():
    (claim,) = claims.verdicts(["soft-sampled-over-q"])
    assert all(one.model == "linear Transformer" for one in claim.findings)
    found = {one.graph: one for one in claim.findings}
    digraph, blocks = found["random digraph, 20 nodes"], found["Blocksworld, 4 blocks"]
    assert blocks.verdict == claims.HOLDS
    assert blocks.mean > 0.05
    assert 0 < digraph.mean < 0.02
    assert "soft-sampled-over-q" in decision.VALUES.claims
    stored = {path.name for path in store.FOLDER.glob("soft-methods-*.json")}
    assert ("no stored run yet" in decision.VALUES.why) == (stored <= {"soft-methods-quick-E.json"})


def test_what_is_told_of_paths_without_errors_is_the_verdict_of_its_claim():
    (claim,) = claims.verdicts(["R-q-without-errors"])
    assert decision.without_errors().endswith(f"R-q-without-errors</a>: **{claim.told}**.")
    for learner in ("from demonstrations", "from the greedy base"):
        lost = [
            fmean(regimes.ends("G", regimes.Q, key))
            - fmean(regimes.ends("G", f"{regimes.Q}, {learner}", key))
            for key in ("test_greedy", "test_accuracy")
        ]
        assert lost[0] < 0.06, "little accuracy greedily"
        assert lost[1] > 0.1, "much when sampled"


def test_each_setting_is_told_with_its_updates_and_seeds():
    for words, regime in decision.SETTINGS.items():
        (page, *_) = regimes.pages(regime)
        last = page["result"]["learners"][regimes.PG]["step"][-1]
        assert decision.trained(words) == (
            f"base of {regimes.base_updates(page):,} updates, then {last:,} updates of each method, "
            f"{len(regimes.pages(regime))} seeds"
        )
        for name in decision.METHODS:
            assert regimes.series(regime, name, "test_greedy")[0][-1] == last, name


def test_the_table_has_the_most_distinct_paths_for_q_learning():
    for words in decision.SETTINGS:
        rows = {row["method"]: row for row in decision.summary(words)}
        for column in ("paths, T = 1", "paths, best T"):
            paths = {name: float(row[column]) for name, row in rows.items()}
            assert max(paths, key=paths.__getitem__) in (regimes.Q, regimes.OFF)
        paths = {name: float(row["paths, T = 1"]) for name, row in rows.items()}
        assert min(paths, key=paths.__getitem__) == regimes.PG


def test_the_picture_has_the_means_of_all_seeds():
    drawn = decision.stopping(title="t").data
    assert [trace.name for trace in drawn] == list(decision.SETTINGS)
    for trace, regime in zip(drawn, decision.SETTINGS.values(), strict=True):
        greedy = regimes.series(regime, regimes.PG, "test_greedy")[1].mean(0)
        assert list(trace.y) == pytest.approx(greedy.tolist(), abs=1e-4)


def test_links_lead_to_cards(monkeypatch):
    monkeypatch.setenv("PLANRL_STATIC", "1")
    page = claim_cards.ClaimCards(claims.verdicts(["3.1-edges"]))._repr_html_()
    position = re.search(r'<details id="([^"]+)"', page)[1]
    assert evidence.link_to("3.1-edges") == f"11_verdicts.html#{position}"
    monkeypatch.delenv("PLANRL_STATIC")
    assert evidence.link_to("3.1-edges") == "11_verdicts.ipynb"


def test_reruns_come_from_saved_results():
    rows = evidence.reruns()
    assert all(row["results"] > 0 and row["experiment"] in row["command"] for row in rows)


def test_ends_are_seeds_and_a_named_mean():
    figure = scatter.ends(
        {"policy gradient": ([1.0, 3.0], [2.0, 4.0])},
        {"policy gradient": ("PG", "top center")},
        title="t",
        alt="a",
        x="x",
        y="y",
        x_range=(0, 5),
        y_range=(0, 5),
    )
    seeds, mean = figure.data
    assert list(seeds.x) == [1.0, 3.0]
    assert (mean.x[0], mean.y[0], mean.text[0]) == (2.0, 3.0, "PG")


def test_a_band_keeps_to_what_a_number_can_be_and_is_said_in_as_many_digits(tmp_path):
    stored = {
        "c": {
            "versions": {},
            "values": {
                "share": [0.9, 0.99, 1.0],
                "logit": [0.9, 0.99, 1.0],
                "edges": [749.0, 749.0, 749.0],
            },
        }
    }
    (tmp_path / "numbers.json").write_text(json.dumps(stored))
    current = {"share": 1.0, "logit": 2.0, "edges": 749}
    limits = {"share": (0, 1)}
    numbers = evidence.Numbers("c", current, limits=limits, file=tmp_path / "numbers.json")
    share, logit, edges = numbers.rows
    assert share["expected range"].endswith(" to 1.00")
    assert (share["here"], share["verdict"]) == ("1.00", "inside")
    assert float(logit["expected range"].split(" to ")[1]) > 1, "a logit has no limits"
    assert logit["verdict"] == "outside"
    assert (edges["here"], edges["expected range"]) == ("749", "749 to 749")
    assert numbers.outside == ["logit"]
