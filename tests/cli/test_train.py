"""`planrl train`: runs that are saved, stopped, gone on with."""

import io
import json
import os
import signal
import subprocess
import sys

import pytest
import torch
from small_runs import GRAPH, SMALL, long_rows

import planrl as pr
from planrl.__main__ import main
from planrl.io.checkpoints import load


def test_every_algorithm_trains_from_a_base_and_prints_a_json_record_a_step(base, tmp_path, capsys):
    for algorithm in (["pg", "--kl", "0.1"], ["q", "--reward", "process", "--epsilon", "0.1"]):
        out = tmp_path / algorithm[0]
        arguments = ["train", *GRAPH, "--start", str(base), "--steps", "3", "--batch", "8"]
        given = [*arguments, "--algorithm", *algorithm, "--out", str(out), "--json"]
        assert main([*given, "--eval-every", "3"]) == 0
        records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [record["step"] for record in records] == [1, 2, 3]
        assert records[2]["measured"]["test_accuracy"] >= 0
        assert len(load(out).records) == 3


def test_resume_goes_on_to_more_steps(base, capsys):
    assert main(["train", "--resume", str(base), "--steps", "6"]) == 0
    assert len(load(base).records) == 6


def test_a_table_can_be_trained(tmp_path):
    out = str(tmp_path / "table")
    assert main(["train", *GRAPH, "--table", "--steps", "2", "--lr", "0.1", "--out", out]) == 0
    assert isinstance(load(out).model, pr.LogitTable)


def test_positions_are_sized_from_the_rows_before_anything_is_saved(tmp_path, capsys):
    given = ["train", *long_rows(tmp_path, 40), "--width", "8", "--steps", "1"]
    out = tmp_path / "run"
    assert main([*given, "--out", str(out), "--positions", "33"]) == 2
    assert "positions=33 is the longest row that the model reads: train it with --positions 44" in (
        capsys.readouterr().err
    )
    assert not out.exists()
    assert main([*given, "--out", str(out), "--positions", "44"]) == 0
    assert main([*given, "--out", str(tmp_path / "sized")]) == 0
    assert load(tmp_path / "sized").model.config.positions == 44
    assert main(["evaluate", str(tmp_path / "sized"), "--samples", "1"]) == 0


def test_a_run_that_blows_up_says_where_and_keeps_the_last_good_state(tmp_path, capsys):
    out = tmp_path / "run"
    hot = ["--algorithm", "q", "--reward", "process", "--reward-scale", "1e38"]
    assert main(["train", *SMALL, *hot, "--steps", "5", "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert "step 1: loss " in error
    assert "lr=0.01" in error
    assert f"Saved in {out}" in error
    saved = load(out)
    assert all(value.isfinite().all() for value in saved.model.state_dict().values())


ENDLESS = ["train", *SMALL, "--json", "--algorithm", "pg", "--batch", "8", "--steps", "100000"]


def assert_it_goes_on_as_if_it_had_not_been_cut(folder):
    done = len(load(folder / "cut").records)
    assert done >= 3
    assert main(["train", "--resume", str(folder / "cut"), "--steps", str(done + 2)]) == 0
    assert main([*ENDLESS[:-1], str(done + 2), "--out", str(folder / "whole")]) == 0
    cut, whole = load(folder / "cut"), load(folder / "whole")
    assert cut.records == whole.records
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, cut.model.state_dict()[key])


def test_an_interrupt_saves_and_says_how_to_go_on_and_going_on_changes_nothing(
    tmp_path, monkeypatch, capsys
):
    class Reader(io.StringIO):
        """It interrupts at the third line."""

        def write(self, text):
            count = super().write(text)
            if self.getvalue().count("\n") == 3:
                signal.raise_signal(signal.SIGINT)
            return count

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", Reader())
            assert main([*ENDLESS, "--out", str(tmp_path / "cut")]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert f"planrl train --resume {tmp_path / 'cut'}" in capsys.readouterr().err
    assert_it_goes_on_as_if_it_had_not_been_cut(tmp_path)


@pytest.mark.slow
def test_ctrl_c_saves_and_says_how_to_go_on_and_going_on_changes_nothing(tmp_path):
    command = [sys.executable, "-m", "planrl", *ENDLESS, "--out", str(tmp_path / "cut")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(3):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130
    assert f"planrl train --resume {tmp_path / 'cut'}" in error
    assert_it_goes_on_as_if_it_had_not_been_cut(tmp_path)


def test_a_run_that_cannot_be_resumed_says_so_at_its_start(tmp_path, capsys):
    kept = ["--algorithm", "q", "--stream", "planrl.experiments.streams:replayed"]
    given = ["train", *SMALL, *kept, "--batch", "8", "--steps", "1", "--out", str(tmp_path / "q")]
    assert main(given) == 0
    said = capsys.readouterr().err
    assert "cannot be resumed once it is stopped" in said
    assert "keeps the last `capacity` batches" in said
    assert main(["train", "--resume", str(tmp_path / "q"), "--steps", "2"]) == 2
    assert "start a new run" in capsys.readouterr().err
    assert main(["train", *SMALL, "--steps", "1", "--out", str(tmp_path / "sft")]) == 0
    assert "cannot be resumed" not in capsys.readouterr().err
