"""Claims in regimes: predictions come before runs, and a verdict appears with the tenth seed."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest

import planrl as pr
from planrl.__main__ import main
from planrl.claims import (
    CLAIMS,
    COUNTED,
    FAILS,
    FEW_SEEDS,
    GROUPS,
    HOLDS,
    SUCCESSION,
    UNDECIDED,
    UNKNOWN,
    Finding,
    changes,
    figure_claims,
    judge,
    methods,
    regimes,
    soft_methods,
    verdicts,
)
from planrl.claims import regime_numbers as numbers
from planrl.claims.history import BEFORE, FIGURES
from planrl.claims.verdict import Registered
from planrl.experiments import store
from planrl.experiments.dates import made_at
from planrl.experiments.methods import METHODS
from planrl.experiments.regimes import REGIMES
from planrl.experiments.soft_methods import SOFT

PREDICTED = [
    (regimes, REGIMES, "R-"),
    (methods, METHODS, ""),
    (soft_methods, SOFT, ""),
]


@pytest.mark.parametrize(("module", "known", "_"), PREDICTED, ids=["regimes", "methods", "soft"])
def test_every_prediction_has_a_sentence_and_a_regime_and_a_reason(module, known, _):
    assert {page["id"] for page in module.PREDICTIONS} == set(module.SENTENCES)
    for page in module.PREDICTIONS:
        assert page["regime"] in known
        assert page["reason"].endswith(".")
        assert page.get("expected", HOLDS) in (HOLDS, FAILS, "undecided")
    told = [(page["id"], page["regime"]) for page in module.PREDICTIONS]
    assert len(set(told)) == len(told)


@pytest.mark.parametrize(
    ("module", "prefix", "claim"),
    [(module, prefix, claim) for module, _, prefix in PREDICTED for claim in module.CLAIMS],
    ids=lambda one: getattr(one, "id", ""),
)
def test_the_bounds_of_a_claim_are_those_of_the_file(module, prefix, claim):
    own = {page["regime"]: page for page in module.PREDICTIONS if prefix + page["id"] == claim.id}
    assert {one.of for one in claim.conditions} == set(own) == set(claim.registered)
    for one in claim.conditions:
        page = own[one.of]
        assert (one.low, one.high) == (page.get("low", -math.inf), page.get("high", math.inf))
        if one.name in ("sampled", "greedy"):
            assert one.name in page["measure"]


@pytest.mark.parametrize(("module", "known", "_"), PREDICTED, ids=["regimes", "methods", "soft"])
def test_the_learners_of_a_claim_are_trained_in_its_regime(module, known, _):
    """Each number is computed of made-up results that have these learners and no others."""
    for claim in module.CLAIMS:
        for one in claim.conditions:
            if getattr(one.value, "across", False):
                continue
            results = {name: made_up(STUDIED[name][one.of]) for name in one.needs}
            assert isinstance(one.value(results), float)


STUDIED = {"regimes": REGIMES, "methods": METHODS, "soft-methods": SOFT}


def made_up(study):
    """A result of a regime with the learners of a study, at two evaluations and temperatures."""
    keys = ("diversity", "entropy", "accuracy", "greedy", "forgotten")
    names = [f"{task}_{key}" for task in ("train", "test", "new") for key in keys]
    names += ["kl_to_uniform", "demonstrated_nll"]
    read = dict.fromkeys(("auc", "auc_shown", "auc_unseen", "precision"), 0.5)
    curve = {"temperature": [1.0, 0.5], "accuracy": [0.5, 0.7], "simple": [3.0, 2.0]}
    curve["diversity"] = [4.0, 2.5]
    imitation = {"beyond_uniform": 0.5, "uniform_to_shares": 0.5, "to_shares": 0.4}
    curves = {"train": curve, "test": curve}
    end = {"curves": curves, "spread": {"visited": 1.0}, "imitation": imitation}
    weights = {"weights": read, "diagonal": read}
    line = {name: [0.2, 0.6] for name in names}
    learner = {**line, "edges": [weights] * 2, "end": end}
    learners = {
        name: learner | {"step": [round(0.6 * one.steps), one.steps]}
        for name, one in study.learners.items()
    }
    base = dict.fromkeys(names, 0.5)
    return {"learners": learners, "base": {**base, "edges": weights, "end": end}}


def runs(name):
    """File name of each stored result of an experiment -> when it was made. Nothing else is read."""
    paths = store.FOLDER.glob(f"{name}-*.json")
    return {path.name: made_at(json.loads(path.read_bytes()), path) for path in paths}


def test_predictions_were_committed_before_the_runs_that_they_are_about():
    dated = [made for made in runs("regimes").values() if made is not None]
    assert len(dated) >= 6
    assert min(dated) > datetime(2026, 11, 30, 0, 13, 10, tzinfo=UTC)
    for page in regimes.PREDICTIONS:
        late = page["committed"] > datetime(2026, 11, 30, 0, 13, 10, tzinfo=UTC)
        assert ("seen" in page["reason"]) == late, "what was added later says what had been seen"


@pytest.mark.parametrize("name", ["regimes", "tools"])
def test_every_result_that_was_predicted_has_a_date(name):
    assert [name for name, made in runs(name).items() if made is None] == []


def stored(folder, letter, count, change=lambda result: None):
    """The first stored seed of a regime as if it were `count` seeds, made after the predictions."""
    page = json.loads((store.FOLDER / f"regimes-{letter}-seed0.json").read_text())
    change(page["result"])
    for seed in range(count):
        page["study"]["seed"] = page["study"]["dataset"]["seed"] = seed
        page["made_with"]["date"] = f"2026-12-0{1 + seed % 5}T12:00:00+00:00"
        (folder / f"regimes-{letter}-seed{seed}.json").write_text(json.dumps(page))


def test_the_verdict_on_a_regime_appears_with_its_tenth_seed(tmp_path):
    for count in (9, 10):
        stored(tmp_path, "B", count)
        (verdict,) = verdicts(["R-exploration"], folder=tmp_path)
        (value,) = {finding.values[0] for finding in verdict.findings[:1]}
        page = json.loads((tmp_path / "regimes-B-seed0.json").read_text())["result"]["learners"]
        ends = [sum(page[who]["test_accuracy"][-3:]) / 3 for who in (numbers.PG, numbers.PAID)]
        assert value == pytest.approx(ends[0] - ends[1])
        assert verdict.verdict == (HOLDS if count == 10 else FEW_SEEDS)


def test_a_missed_prediction_is_said_with_both_dates(tmp_path, capsys):
    def without_gain(result):
        paid = result["learners"][numbers.PAID]
        for key in ("test_accuracy", "test_greedy"):
            result["learners"][numbers.PG][key] = paid[key]

    stored(tmp_path, "B", 10, without_gain)
    (verdict,) = verdicts(["R-exploration"], folder=tmp_path)
    assert verdict.verdict == FAILS
    ((prediction, findings, made),) = verdict.registered
    assert [finding.missed(prediction) for finding in findings] == [True, True]
    assert prediction.committed < made[0] == datetime(2026, 12, 1, 12, tzinfo=UTC)
    assert main(["claims", "--only", "R-exploration", "--folder", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "predicted on 2026-11-30 00:13 UTC" in told
    assert "holds (missed). The same batches without new data" in told
    assert "First run of 2026-12-01 12:00 UTC" in told


def test_what_was_expected_to_fail_and_does_is_not_missed():
    one = Registered(committed=datetime(2026, 1, 1, tzinfo=UTC), reason="", expected=FAILS)
    finding = {
        kind: Finding(graph="", model="", name="", prediction="", verdict=kind)
        for kind in (FAILS, HOLDS, FEW_SEEDS)
    }
    assert not finding[FAILS].missed(one)
    assert finding[HOLDS].missed(one)
    assert not finding[FEW_SEEDS].missed(one)


def curves(*rows):
    return [{"learners": {"x": {"step": list(range(len(row))), "y": row}}} for row in rows]


def test_a_peak_is_chosen_by_the_other_seeds():
    alone = curves([0, 1, 0, 0, 0], [0, 0, 1, 0, 0])  # each seed has a peak of its own, by noise
    assert numbers.fall_after_peak("x", "y", alone) == pytest.approx([-1 / 3 + 1 / 3, 0.0], abs=0.4)
    assert sum(numbers.fall_after_peak("x", "y", alone)) <= 0
    shared = curves([0, 3, 1, 1, 1], [0, 2, 1, 1, 1], [0, 4, 1, 1, 1])
    assert numbers.fall_after_peak("x", "y", shared) == pytest.approx([2, 1, 3])
    start = curves([9, 1, 1, 1, 1], [9, 1, 1, 1, 1])  # the base is no peak
    assert numbers.fall_after_peak("x", "y", start) == pytest.approx([0, 0])


def test_a_rank_correlation_knows_ties_and_order():
    (one,) = curves([5.0, 4.0, 3.0, 2.5])
    assert numbers.rank_correlation("x", "y", one) == pytest.approx(-1)
    (one,) = curves([1.0, 1.0, 2.0, 2.0])
    assert numbers.rank_correlation("x", "y", one) == pytest.approx(0.894, abs=1e-3)
    (one,) = curves([1.0, 1.0, 1.0])
    assert numbers.rank_correlation("x", "y", one) == 0.0


def test_a_replaced_claim_still_resolves_and_names_claims_that_count():
    counted = {claim.id for claim in COUNTED}
    known = {claim.id for claim in CLAIMS}
    assert set(BEFORE) | set(SUCCESSION) <= known
    for name, what in SUCCESSION.items():
        assert (name in counted) == (not what.replaced)
        assert set(what.by) <= counted, "a successor is a claim that counts"
        assert what.why.endswith(".")


def test_the_table_of_changes_has_each_verdict_that_moved(capsys):
    judged = {one.claim.id: one for one in verdicts()}
    rows = {row["claim"]: row for row in changes(judged)}
    for name, before in BEFORE.items():
        assert (name in rows) or judged[name].told == before
        if name in rows:
            assert rows[name]["before"] == before
            assert rows[name]["why"], f"{name} moved without a reason"
    assert "1-q-adjacency" in rows
    assert main(["claims", "--changes"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == len(rows) + 2
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert main(["claims", "--changes", "--only", "regimes"]) == 2


def with_verdict(verdict, kind, values=(0.0,) * 10):
    """The same claim with the same verdict under each of its conditions."""
    findings = [replace(one, verdict=kind, values=values) for one in verdict.findings]
    return judge(verdict.claim, findings)


@pytest.mark.parametrize(
    ("kind", "on", "both"),
    [
        (HOLDS, HOLDS, "yes"),
        (FAILS, FAILS, "no"),
        (UNDECIDED, UNDECIDED, "no"),
        (UNKNOWN, "not yet run", "open"),
        (FEW_SEEDS, "not enough seeds (10 of 10)", "open"),
    ],
)
def test_a_claim_of_the_figures_holds_on_both_graphs_or_is_open_while_runs_are_missing(
    kind, on, both
):
    judged = {one.claim.id: one for one in verdicts(["figures", "regimes"])}
    deciding = {name for names in FIGURES.values() for name in names}
    moved = judged | {name: with_verdict(judged[name], kind) for name in deciding}
    rows = {one.claim: one for one in figure_claims(moved)}
    assert len(rows) == 16
    assert set(rows) == {claim.id for claim in GROUPS["figures"]} & set(BEFORE)
    for name, row in rows.items():
        assert row.before == BEFORE[name]
        assert set(row.on.values()) <= {on, "not asked"}
        asked = "not asked" not in row.on.values()
        assert row.both == (both if asked or both != "yes" else "open")
        assert set(FIGURES[name]) <= set(SUCCESSION[name].by)


def test_one_graph_on_which_a_claim_of_the_figures_fails_is_enough_to_differ():
    judged = {one.claim.id: one for one in verdicts(["figures", "regimes"])}
    (claim,) = FIGURES["2-pg-collapse"]
    findings = [
        replace(one, verdict=FAILS if condition.of == "C" else HOLDS)
        for condition, one in zip(
            judged[claim].claim.conditions, judged[claim].findings, strict=True
        )
    ]
    judged[claim] = judge(judged[claim].claim, findings)
    row = next(one for one in figure_claims(judged) if one.claim == "2-pg-collapse")
    assert row.on == {"random graphs": HOLDS, "Blocksworld": FAILS}
    assert row.differs


def test_a_date_that_is_none_is_named(tmp_path):
    stored(tmp_path, "B", 1)
    path = tmp_path / "regimes-B-seed0.json"
    path.write_text(path.read_text().replace("2026-12-01T12:00:00+00:00", "yesterday"))
    with pytest.raises(pr.InputError, match=r"seed0\.json has the date 'yesterday'"):
        store.results("regimes", of="B", folder=tmp_path)


def test_learners_are_compared_at_the_accuracy_that_the_slower_one_ends_with():
    fast = {"train_accuracy": [0.5, 0.9, 1.0], "paths": [10.0, 4.0, 1.0]}
    slow = {"train_accuracy": [0.5, 0.6, 0.7], "paths": [10.0, 9.0, 7.0]}
    result = {"learners": {"fast": fast, "slow": slow}}
    found = numbers.difference_at_equal_accuracy("fast", "slow", "paths", result)
    assert found == pytest.approx((10.0 - 6.0 * 0.5) - 7.0)
    assert numbers.difference_at_equal_accuracy("slow", "slow", "paths", result) == 0
    slow["train_accuracy"] = [0.5, 0.6, 0.45]
    assert math.isnan(numbers.difference_at_equal_accuracy("fast", "slow", "paths", result))


def test_the_smallest_lead_is_over_the_numbers_of_paths_that_both_curves_reach():
    def result(simple, accuracy):
        return {"end": {"curves": {"test": {"simple": simple, "accuracy": accuracy}}}}

    one = result([1.0, 3.0, 5.0], [0.9, 1.0, 0.8])
    other = result([2.0, 4.0, 9.0], [0.95, 0.85, 0.5])
    learners = {"learners": {"one": one, "other": other}}
    # At 2, 3, 4 and 5 paths: 1 - 0.95, 1 - 0.9, 0.9 - 0.85 and 0.8 - 0.78.
    assert numbers.smallest_lead("one", "other", learners) == pytest.approx(0.02)
    assert numbers.smallest_lead("other", "one", learners) == pytest.approx(-0.1)
    few = {"learners": {"one": one, "other": result([0.5, 0.7], [0.95, 0.9])}}
    assert numbers.smallest_lead("one", "other", few) == pytest.approx(1.0 - 0.95)
