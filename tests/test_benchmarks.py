"""The benchmarks' harness on tiny made-up rows, and one quick run of the whole program."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "benchmarks"
KEYS = {
    "name",
    "ours",
    "peer",
    "ratio",
    "equal",
    "unit",
    "peer_name",
    "low",
    "high",
    "rounds",
    "goal",
    "reached",
    "note",
    "what_is_equal",
}


@pytest.fixture(scope="module")
def harness():
    spec = importlib.util.spec_from_file_location("planrl_bench_harness", FOLDER / "harness.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:  # what conftest.py has frozen stays so
        patch.setattr(module.gc, "unfreeze", lambda: None)
        yield module
    del sys.modules[spec.name]


@pytest.fixture
def make_row(harness):
    """A row whose sides say how long they took: ours 1 s, the peer 2, 3, 4, ... s."""

    def make(name="a row", **changed):
        seconds = iter([0.0, *range(2, 100)])  # the first call is the warm-up
        given = {
            "ours": lambda: harness.Work(1, 1.0),
            "peer": lambda: harness.Work(1, next(seconds)),
            "check": lambda: (True, "2 of 2 agree"),
            "peer_name": "a peer",
            "unit": "s",
        }
        return harness.Row(name=name, **given | changed)

    return make


@pytest.fixture
def run(harness, tmp_path):
    """Run rows; the exit status, what was printed, and the saved list."""

    def run_rows(*rows, rounds=5):
        said, out = [], tmp_path / "new" / "bench.json"
        status = harness.run(rows, rounds, out, say=said.append)
        return status, "\n".join(said), json.loads(out.read_text(encoding="utf-8"))

    return run_rows


def test_both_sides_warm_up_and_then_take_turns_in_being_first(harness):
    calls = []
    harness.alternate([lambda: calls.append("o"), lambda: calls.append("p")], 4)
    assert "".join(calls) == "op" + "op" + "po" + "op" + "po"


def test_garbage_is_not_collected_while_the_clock_runs(harness):
    import gc

    seen = []
    harness.timed(lambda: seen.append(gc.isenabled()))
    assert seen == [False]
    assert gc.isenabled()


def test_the_ratio_is_the_median_of_the_paired_ratios(harness):
    assert harness.paired([1.0, 2.0, 4.0], [9.0, 6.0, 2.0]) == (3.0, 0.5, 9.0)
    # the ratio of the medians would be 3
    assert harness.paired([1.0, 2.0, 10.0], [1.0, 8.0, 6.0]) == (1.0, 0.6, 4.0)


def test_a_goal_that_is_reached_is_said(run, make_row):
    status, said, saved = run(make_row(goal=3.0), make_row("another"))
    assert status == 0
    assert ">= 3, reached" in said
    assert [row["reached"] for row in saved] == [True, None]


def test_the_saved_list_has_these_keys_and_values(run, make_row, harness):
    _, _, (saved,) = run(make_row(goal=5.0, note="a note"), rounds=5)
    assert set(saved) == KEYS == {field.name for field in fields(harness.Result)}
    assert saved["ours"] == 1.0
    assert (saved["peer"], saved["ratio"], saved["low"], saved["high"]) == (4.0, 4.0, 2.0, 6.0)
    assert saved["equal"] is True
    assert (saved["goal"], saved["reached"], saved["rounds"]) == (5.0, False, 5)
    assert saved["note"] == "a note"


def test_a_goal_not_reached_is_said_and_does_not_fail(run, make_row):
    status, said, _ = run(make_row(goal=50.0))
    assert status == 0
    assert ">= 50, not reached" in said


def test_a_cost_is_to_stay_below_its_goal(run, make_row):
    status, said, saved = run(
        make_row("low", at_most=True, goal=1.2), make_row("high", at_most=True, goal=0.1)
    )
    assert [row["ratio"] for row in saved] == [0.25, 0.25]
    assert [row["reached"] for row in saved] == [True, False]
    assert "<= 1.2, reached" in said
    assert status == 0


def test_rates_and_shares(run, make_row, harness):
    rate, share = run(
        make_row("rate", unit="walks/s", ours=lambda: harness.Work(10, 2.0)),
        make_row("share", unit="%", ours=lambda: harness.Work(2e9, 8.0)),
    )[2]
    assert rate["ours"] == 5.0
    assert rate["peer"] == 0.25
    assert rate["ratio"] == pytest.approx(20.0)
    assert (share["ours"], share["peer"]) == (pytest.approx(1e11), 100.0)
    assert share["note"].startswith("0.2 of 0.0 GFLOP per CPU-s")


def test_unequal_sides_end_with_status_1_after_all_rows_ran(run, make_row):
    wrong = make_row("wrong", check=lambda: (False, "logits differ by 0.3"))
    status, said, saved = run(wrong, make_row("right"))
    assert status == 1
    assert [row["equal"] for row in saved] == [False, True]
    assert said.splitlines()[-1] == "NOT EQUAL: wrong: logits differ by 0.3"


def test_a_row_that_breaks_is_unequal_and_the_others_still_run(run, make_row):
    def broken():
        raise ValueError("no such weight")

    status, said, saved = run(make_row("broken", peer=broken), make_row("right"))
    assert status == 1
    assert "ValueError: no such weight" in said
    assert [row["equal"] for row in saved] == [False, True]


def test_an_absent_peer_is_reported_and_never_called(run, make_row):
    def never():
        raise AssertionError

    status, said, (saved,) = run(make_row(needs=("surely_not_installed",), peer=never, check=never))
    assert status == 0
    assert (saved["ours"], saved["peer"], saved["ratio"], saved["equal"]) == (1.0, None, None, None)
    assert saved["note"] == "absent: pip install surely_not_installed"
    assert "absent" in said.splitlines()[1]


def test_what_planrl_lacks_is_reported(run, make_row):
    status, _, (saved,) = run(make_row(lacks="absent: not written yet"))
    assert (status, saved["ours"], saved["note"]) == (0, None, "absent: not written yet")


def test_columns_are_aligned(run, make_row):
    said = run(make_row("short"), make_row("a much longer name", goal=2.0))[1].splitlines()
    assert len({text.index("a peer") for text in said[1:3]} | {said[0].index("peer is")}) == 1


def test_rows_are_chosen_by_parts_of_their_names(harness, make_row):
    rows = [make_row("SFT B=32"), make_row("SFT B=256"), make_row("RL")]
    assert harness.chosen(rows, []) == rows
    assert harness.chosen(rows, ["sft b=2", "rl"]) == rows[1:]


@pytest.mark.longest
@pytest.mark.slow
def test_the_program_runs_and_both_sides_of_every_row_are_equal(tmp_path):
    out = tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, str(FOLDER), "--quick", "--out", str(out)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    saved = json.loads(out.read_text(encoding="utf-8"))
    assert len(saved) > 10
    for row in saved:
        assert set(row) == KEYS
        present = row["ratio"] is not None
        assert row["equal"] is True if present else row["note"].startswith("absent"), row
