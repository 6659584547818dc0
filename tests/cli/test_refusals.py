"""What a command says and leaves behind when its input is wrong or nobody reads its output."""

import argparse
import os
import sys

import pytest
from small_runs import GRAPH, SMALL, long_rows

import planrl as pr
from planrl.__main__ import PIPE, main
from planrl.cli.options import _add_option
from planrl.io.checkpoints import load


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (["0 99"], "no node is called '99'"),
        (["0 0"], "the same source and target"),
        (["0"], "not the names of two nodes"),
        (["0 1 2"], "not the names of two nodes"),
        (["0 -> 99"], "not the names of two nodes"),
    ],
)
def test_pairs_that_are_none_are_refused(pairs, words, base, capsys):
    assert main(["paths", str(base), "--pairs", *pairs]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("evaluate", ["--heads", "2"]),
        ("evaluate", ["--prompt", "s t s"]),
        ("paths", ["--temperature", "2"]),
        ("paths", ["--samples", "-1"]),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(name, options, base, capsys):
    assert main([name, str(base), *options]) == 2
    assert options[0] in capsys.readouterr().err


def test_a_base_that_cannot_read_the_rows_is_named(tmp_path, capsys):
    own = long_rows(tmp_path, 40)
    (tmp_path / "short.txt").write_text("0 1 0 1\n")
    short = [
        own[0],
        own[1],
        "--train",
        str(tmp_path / "short.txt"),
        "--test",
        str(tmp_path / "short.txt"),
    ]
    base, given = tmp_path / "base", ["--steps", "1", "--out"]
    assert main(["train", *short, "--width", "8", *given, str(base)]) == 0
    assert main(["train", *own, "--start", str(base), *given, str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert f"that the model in {base} reads: train that with --positions 44" in said
    assert not (tmp_path / "run").exists()


def test_a_run_that_fails_before_its_first_update_leaves_its_folder_free(
    tmp_path, monkeypatch, capsys
):
    def fails(*_, **__):
        raise pr.InputError("it can't be set up")

    out, kept = tmp_path / "run", tmp_path / "kept"
    kept.mkdir()
    (kept / "mine.txt").write_text("mine")
    with monkeypatch.context() as patch:
        patch.setattr("planrl.experiments.runs.train", fails)
        for folder in (out, kept):
            assert main(["train", *SMALL, "--steps", "1", "--out", str(folder)]) == 2
            assert "it can't be set up" in capsys.readouterr().err
    assert not out.exists()
    assert [path.name for path in kept.iterdir()] == ["mine.txt"]
    assert main(["train", *SMALL, "--steps", "1", "--out", str(kept)]) == 0


@pytest.mark.parametrize("name", ["claims", "inspect", "evaluate", "paths", "train", "help"])
def test_a_command_whose_output_nobody_reads_ends_without_a_word(
    name, base, files, monkeypatch, capsys
):
    given = {
        "claims": ["claims", "--json"],
        "inspect": ["inspect", *files],
        "evaluate": ["evaluate", str(base), "--samples", "1"],
        "paths": ["paths", str(base)],
        "train": ["train", "--resume", str(base), "--steps", "50", "--json"],
        "help": ["--help"],
    }
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as pipe:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(given[name]) == PIPE
    assert capsys.readouterr().err == ""
    if name == "train":  # what was trained is kept
        assert len(load(base).records) == 5


def test_a_pipe_that_breaks_elsewhere_is_told(base, monkeypatch, capsys):
    def broken(*_):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("planrl.cli.inspect.read_graph", broken)
    assert main(["inspect", "g"]) == 2
    assert "Broken pipe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train"], "--out FOLDER"),
        (["train", "--out", "{new}", "--train-share", "0"], "inside (0, 1)"),
        (["train", "--out", "{new}", "--edge-probability", "1.5"], "edge_probability=1.5"),
        (
            ["train", "--out", "{new}", "--nodes", "5", "--edge-probability", "0"],
            "at least one row",
        ),
        (
            ["train", "--out", "{new}", "--algorithm", "pg", "--kl", "-1"],
            "kl=-1.0 was given: expected a finite number, at least 0",
        ),
        (["train", "--out", "{new}", "--graph", "g"], "go together"),
        (
            ["train", "--out", "{new}", "--graph", "g", "--train", "a", "--test", "b"],
            "cannot read g",
        ),
        (["train", "--out", "{new}", "--start", "nowhere"], "there is no run.json"),
        (["train", "--out", "{new}", "--lr", "-1"], "lr is the learning rate"),
        (["train", "--out", "{base}"], "holds a run already"),
        (["train", "--resume", "nowhere"], "there is no run.json"),
        *(
            (["train", "--out", "{new}", "--algorithm", *given.split()], said)
            for given, said in {
                "pg --epsilon 0.9": "--epsilon goes with the algorithm q, not with pg",
                "pg --discount 1.0": "--discount goes with the algorithm q, not with pg",
                "pg --value-bounds 0 1": "--value-bounds goes with the algorithm q",
                "pg --off-policy": "--off-policy goes with the algorithm q",
                "q --baseline": "--baseline goes with the algorithm pg, not with q",
                "q --kl 0": "--kl goes with the algorithm pg, not with q",
                "sft --reward outcome": "--reward goes with the algorithm pg or q, not with sft",
                "sft --reward-scale 2": "--reward-scale goes with the algorithm pg or q",
                "sft --blocks 3 --nodes 100": "no kind of graph takes nodes, blocks together",
                "sft --kind digraph --blocks 3": "blocks=3 goes with the graph blocksworld",
                "sft --table --heads 1": "--heads does nothing beside --table",
                "sft --start {base} --width 16": "--width does nothing beside --start",
                "sft --start {base} --table": "--table does nothing beside --start",
                "sft --graph g --train a --test b --blocks 3 --train-share 0.5": "--blocks, --train-share does nothing beside --graph",
            }.items()
        ),
        (
            ["export", "{new}", "--only", "prepare", "--record"],
            "--only does nothing beside --record",
        ),
        (["export", "{new}", "--jobs", "2"], "--jobs goes with --record"),
        (["reproduce", "--only", "fig2", "--seeds", "0", "77"], "has the seed 77"),
        (
            ["reproduce", "--scheduler", "tcp://127.0.0.1:9", "--jobs", "2"],
            "--jobs does nothing beside --scheduler",
        ),
        (["train", "--resume", "{base}", "--lr", "9"], "leave out --lr"),
        (
            ["train", "--resume", "{base}", "--seed", "0", "--kind", "dag"],
            "leave out --seed, --kind",
        ),
        (
            ["train", "--out", "{new}", "--steps", "0"],
            "steps=0 was given: expected a whole number, at least 1",
        ),
        (["train", "--out", "{new}", "--nodes", "-5"], "nodes=-5"),
        (["train", "--out", "{new}", *GRAPH, "--start", "{base}", "--seed", "1"], "another graph"),
        (["evaluate", "{base}", "--temperature", "0"], "cannot be sampled from"),
        (["evaluate", "{base}", "--samples", "0"], "at least 1"),
        (["evaluate", "nowhere"], "there is no run.json"),
        (
            ["evaluate", "nowhere.pt", *["--graph", "g", "--train", "a", "--test", "b"]],
            "nowhere.pt was given: expected a checkpoint",
        ),
        (["inspect", "nowhere.graphml"], "cannot read"),
    ],
)
def test_bad_input_is_one_line_on_standard_error_and_writes_nothing(
    arguments, words, base, tmp_path, capsys
):
    new = tmp_path / "new"
    before = load(base).records
    given = [a.format(new=new, base=base) for a in arguments]
    assert main(given) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.startswith("planrl: ")
    assert len(error.splitlines()) == 1
    assert not new.exists()
    assert load(base).records == before


def test_the_command_line_explains_itself(capsys):
    for command in (
        [],
        ["train"],
        ["evaluate"],
        ["paths"],
        ["inspect"],
        ["rows"],
        ["reproduce"],
        ["claims"],
        ["plan"],
    ):
        with pytest.raises(SystemExit) as stop:
            main([*command, "--help"])
        assert stop.value.code == 0
    assert "--edge-probability" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "usual", "words"),
    [("clip", None, "clip has the default None"), ("layers", 2, "two options are called --layers")],
)
def test_an_option_of_an_own_algorithm_that_cannot_be_one_is_named(name, usual, words):
    group = argparse.ArgumentParser().add_argument_group("model")
    group.add_argument("--layers", type=int)
    with pytest.raises(pr.InputError, match=words):
        _add_option(group, name, usual, "what it does")
