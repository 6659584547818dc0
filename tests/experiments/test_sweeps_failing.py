"""Sweeps whose runs fail, die or are stopped: what was finished stays, and what is wrong is said."""

import json
import os
import signal
import subprocess
import sys

import pytest
from sweep_work import files

import planrl as pr
from planrl.experiments.sweeps import grid, sweep

# Two processes begin sweeps in test_sweeps.py, too; here their errors are asked for at leisure.
JOBS = [1, pytest.param(2, marks=pytest.mark.slow)]


@pytest.mark.parametrize("n_jobs", JOBS)
def test_a_failing_run_says_which_and_why_and_the_finished_ones_are_stored(work, tmp_path, n_jobs):
    settings = grid(work.Settings(nap=0.05), seed=[0, 2, 1, *range(4, 404, 2)])
    running = sweep(work.even_only, settings, store=tmp_path, n_jobs=n_jobs)
    assert [next(running).value, next(running).value] == [0, 2]
    with pytest.raises(pr.SweepError, match=r"Settings\(seed=1, .* failed: .*1 is odd") as caught:
        next(running)
    cause = caught.value.__cause__
    assert "1 is odd" in str(cause)
    assert "even_only" in cause.__notes__[0]  # the lines of the other process
    stored = {json.loads(path.read_bytes())["value"] for path in tmp_path.iterdir()}
    assert {0, 2} <= stored
    assert len(stored) < 100  # nothing new was begun
    even = settings[:2] + settings[3 : len(stored) + 10]
    again = sweep(work.even_only, even, store=tmp_path, n_jobs=n_jobs)
    assert {result.value for result in again if not result.fresh} == stored


@pytest.mark.slow
def test_a_run_that_ends_while_another_fails_is_stored_though_it_comes_later(work, tmp_path):
    settings = [work.Settings(seed=1, nap=0.2), work.Settings(seed=2, nap=0.6)]
    with pytest.raises(pr.SweepError, match="seed=1"):
        list(sweep(work.even_only, settings, store=tmp_path, n_jobs=2))
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("n_jobs", JOBS)
def test_the_cause_keeps_its_type_where_its_pickle_allows(work, n_jobs):
    with pytest.raises(pr.SweepError, match="ZeroDivisionError") as caught:
        list(sweep(work.ill, grid(work.Settings(), seed=[1, 2]), n_jobs=n_jobs))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_what_json_does_not_hold_is_a_failed_run(work):
    with pytest.raises(pr.SweepError, match="Tensor is not JSON serializable"):
        list(sweep(work.tensor, [work.Settings()], n_jobs=1))


@pytest.mark.slow
def test_a_process_that_dies_is_an_error_with_the_settings_in_question(work):
    settings = grid(work.Settings(), seed=range(2))
    with pytest.raises(pr.SweepError, match=r"did not come back: Settings\(seed=0") as caught:
        list(sweep(work.die, settings, n_jobs=2))
    assert caught.value.__cause__ is not None
    assert len(list(sweep(work.square, settings, n_jobs=2))) == 2  # others start afresh


@pytest.mark.parametrize("n_jobs", JOBS)
def test_who_stops_asking_starts_no_more_runs_and_loses_none(work, tmp_path, n_jobs):
    settings = grid(work.Settings(nap=0.02), seed=range(400))
    running = sweep(work.square, settings, store=tmp_path, n_jobs=n_jobs)
    next(running)
    running.close()
    done = len(files(tmp_path))
    assert 1 <= done < 100  # on a busy machine some are begun between these two calls
    settings = settings[: done + 4 * n_jobs]
    again = list(sweep(work.square, settings, store=tmp_path, n_jobs=n_jobs))
    assert sum(not result.fresh for result in again) == done


@pytest.mark.slow
def test_an_interrupt_leaves_what_was_finished(work, tmp_path):
    code = (
        "import os, signal, sys, threading, sweep_work as w\n"
        "from planrl.experiments.sweeps import grid, sweep\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's job may ignore it
        "settings = grid(w.Settings(nap=0.3), seed=range(1000))\n"
        "for result in sweep(w.square, settings, store=sys.argv[1], n_jobs=2):\n"
        "    if result.settings.seed == 3:\n"
        "        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
    )
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "store")]
    done = subprocess.run(command, env=where, capture_output=True, text=True, timeout=600)
    # Python's end by an uncaught KeyboardInterrupt. joblib's tracker of semaphores, a process of its
    # own, may have a word after it: that one was gone already.
    assert done.returncode == -signal.SIGINT
    assert "\nKeyboardInterrupt\n" in done.stderr
    assert 4 <= len(files(tmp_path / "store")) < 100


@pytest.mark.slow
def test_a_script_that_ends_without_asking_on_does_not_wait(work, tmp_path):
    code = (
        "import sweep_work as w\n"
        "from planrl.experiments.sweeps import grid, sweep\n"
        "running = sweep(w.square, grid(w.Settings(nap=0.3), seed=range(10_000)), n_jobs=2)\n"
        "print(next(running).value['square'])\n"
    )
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=where, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout) == (0, "0\n")
