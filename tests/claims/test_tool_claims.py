"""Claims on chains of tool calls: the study's predictions, judged on two tool graphs."""

import json

import pytest

from planrl.claims import FAILS, FEW_SEEDS, HOLDS, SO_FAR, UNKNOWN, tools, verdicts
from planrl.experiments import store
from planrl.experiments.tools import PREDICTIONS


def saved(folder, count, label="", change=lambda result: None):
    """The first stored seed as if it were `count` seeds, made after the predictions."""
    page = json.loads((store.FOLDER / "tools-seed0.json").read_text())
    change(page["result"])
    for seed in range(count):
        page["study"]["seed"] = page["study"]["dataset"]["seed"] = seed
        (folder / f"tools-{label}seed{seed}.json").write_text(json.dumps(page))
    return page["result"]


def test_each_claim_is_a_prediction_of_the_study_with_its_bounds():
    assert [claim.statement for claim in tools.CLAIMS] == [one.claim for one in PREDICTIONS]
    assert [claim.id for claim in tools.CLAIMS] == [f"tools-{one.name}" for one in PREDICTIONS]
    assert {one.name for one in PREDICTIONS} == set(tools.MEASURED)
    for claim, one in zip(tools.CLAIMS, PREDICTIONS, strict=True):
        assert {(c.low, c.high) for c in claim.conditions} == {(one.low, one.high)}
        assert {c.of for c in claim.conditions} == set(claim.registered) == set(tools.GRAPHS)


def test_a_result_counts_for_the_graph_it_was_made_on(tmp_path):
    result = saved(tmp_path, 10)
    saved(tmp_path, 3, "ultratool-", lambda found: found["base"].update(variation_model=0.5))
    (one,) = verdicts(["tools-frequencies"], folder=tmp_path)
    shipped, ultratool = one.findings
    gain = result["base"]["variation_uniform"] - result["base"]["variation_model"]
    assert shipped.mean == pytest.approx(gain)
    assert (shipped.verdict, ultratool.verdict, one.verdict) == (HOLDS, FEW_SEEDS, SO_FAR)
    assert ultratool.mean == pytest.approx(result["base"]["variation_uniform"] - 0.5)


def test_a_claim_fails_where_its_number_is_outside(tmp_path):
    def no_news(result):
        result["learners"]["policy gradient"]["new_chains"][-1] = 9

    saved(tmp_path, 10, change=no_news)
    (one,) = verdicts(["tools-new-chains"], folder=tmp_path)
    assert [finding.verdict for finding in one.findings] == [FAILS, UNKNOWN]


def test_no_result_is_older_than_its_prediction():
    for claim in verdicts(["tools"]):
        for prediction, _, made in claim.registered:
            assert not made or prediction.committed < made[0]
