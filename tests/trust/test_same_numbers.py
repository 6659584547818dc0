"""The same seed gives the same numbers: every bit on one machine, within bands on others."""

import copy
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import recorder
from soaking import SOAK

import planrl as pr

ROOT = Path(pr.__file__).parents[1]
SCRIPT = Path(recorder.__file__)
STORED = json.loads(recorder.RECORDS.read_text(encoding="utf-8"))
COLAB = Path(os.environ.get("PLANRL_COLAB", ROOT / ".venv-colab" / "bin" / "python"))


@cache
def recorded(how="plain", python=sys.executable, **more):
    there = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}
    command = [str(python), str(SCRIPT), how]
    done = subprocess.run(command, env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def bits(page):
    return {run: numbers["bits"] for run, numbers in page["runs"].items()}


def assert_inside(page):
    wrong = list(recorder.differences(STORED["runs"], page["runs"]))
    assert not wrong, "\n".join(
        [f"stored with {STORED['versions']}", f"here {page['versions']}", *wrong]
    )


def test_every_algorithm_on_every_model_gives_the_stored_numbers_within_their_bands():
    assert set(STORED["runs"]) == {recorder.name(short) for short in recorder.all_runs()}
    assert_inside({"versions": recorder.versions(), "runs": recorder.records("plain")})


@pytest.mark.slow
def test_whatever_is_measured_drawn_or_thrown_meanwhile_no_bit_of_a_run_changes():
    assert bits(recorded("disturbed", PYTHONHASHSEED="2")) == bits(recorded(PYTHONHASHSEED="1"))


@pytest.mark.skipif(not SOAK, reason="part of `make soak`")
def test_in_two_processes_no_bit_of_a_run_changes():
    assert bits(recorded("spread")) == bits(recorded(PYTHONHASHSEED="1"))


@pytest.mark.skipif(not COLAB.exists(), reason="`make colab FULL=1` makes the other environment")
def test_another_python_torch_and_numpy_give_the_stored_numbers_within_their_bands():
    page = recorded(python=str(COLAB))
    assert page["versions"] != recorder.versions()
    assert_inside(page)


@pytest.mark.skipif(not SOAK, reason="part of `make soak`")
@pytest.mark.parametrize("instructions", ["default", "avx2"])
def test_other_processors_instructions_give_the_stored_numbers_within_their_bands(instructions):
    page = recorded(ATEN_CPU_CAPABILITY=instructions, MKL_CBWR="COMPATIBLE")
    assert page["versions"]["processor"] != "AVX512"
    assert_inside(page)


@pytest.mark.parametrize(
    ("part", "step", "by", "words"),
    [
        ("loss", 17, 0.01, "sft on the table: step 17: loss"),
        ("loss", 1, float("nan"), "sft on the table: step 1: loss"),
        ("reward", 9, 0.03125, "sft on the table: step 9: reward .* other walks were drawn"),
    ],
)
def test_the_first_step_that_differs_is_named(part, step, by, words):
    found = copy.deepcopy(STORED["runs"])
    for later in range(step - 1, recorder.STEPS):
        found["sft on the table"][part][later] += by
    with pytest.raises(AssertionError, match=words):
        assert_inside({"versions": {}, "runs": found})
    found = copy.deepcopy(STORED["runs"])
    found["pg on the transformer"]["weights"] *= 1.001
    del found["q-process on the table"]
    assert [line.split(":")[0] for line in recorder.differences(STORED["runs"], found)] == [
        "pg on the transformer",
        "q-process on the table",
    ]
