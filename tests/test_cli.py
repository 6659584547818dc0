import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import planrl as pr
from planrl.__main__ import main
from planrl.checkpoints import load
from planrl.formats import write_alpine, write_graphml

GRAPH = ["--nodes", "14", "--edge-probability", "0.3", "--train-share", "0.5"]
SMALL = [*GRAPH, "--width", "16"]


@pytest.fixture
def base(tmp_path, capsys):
    folder = tmp_path / "base"
    assert main(["train", *SMALL, "--steps", "4", "--out", str(folder)]) == 0
    capsys.readouterr()
    return folder


def test_train_saves_a_run_that_evaluate_scores(base, capsys):
    assert main(["evaluate", str(base), "--samples", "4"]) == 0
    printed = capsys.readouterr().out
    assert "accuracy" in printed
    assert "greedy" in printed
    assert "degree 0" in printed
    assert main(["evaluate", str(base), "--samples", "4", "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert 0 <= page["test"]["means"]["accuracy"] <= 1
    assert set(page["recovery"]) >= {"adjacency_auc"}


def test_every_algorithm_trains_from_a_base_and_prints_a_json_record_a_step(base, tmp_path, capsys):
    for algorithm in (["pg", "--kl", "0.1"], ["q", "--reward", "process", "--epsilon", "0.1"]):
        out = tmp_path / algorithm[0]
        arguments = ["train", *GRAPH, "--start", str(base), "--steps", "3", "--batch", "8"]
        given = [*arguments, "--algorithm", *algorithm, "--out", str(out), "--json"]
        assert main([*given, "--look-every", "3"]) == 0
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


@pytest.fixture
def files(tmp_path, small_task):
    train, test = pr.split(small_task, 0.5, pr.seeded(0, "split"))
    names = [str(tmp_path / name) for name in ("g.graphml", "train.txt", "test.txt")]
    write_graphml(small_task.graph, names[0])
    for name, task in zip(names[1:], (train, test), strict=True):
        write_alpine(name, small_task.graph, pr.sample_paths(task, 2, pr.seeded(0, "paths")))
    return names


def test_a_strangers_files_are_trained_on_and_inspected(files, tmp_path, capsys):
    own = ["--graph", files[0], "--train", files[1], "--test", files[2]]
    assert main(["train", *own, "--width", "16", "--steps", "2", "--out", str(tmp_path / "r")]) == 0
    assert main(["evaluate", str(tmp_path / "r"), "--samples", "2"]) == 0
    assert main(["inspect", *files]) == 0
    printed = capsys.readouterr().out
    assert "12 nodes" in printed
    assert "0 invalid" in printed


def test_inspect_names_invalid_lines_and_exits_with_1(files, capsys):
    with open(files[1], "a") as file:  # noqa: PTH123
        file.write("0 1 0 99\n" * 30)
    assert main(["inspect", *files[:2]]) == 1
    printed = capsys.readouterr().out
    assert "names the node '99'" in printed
    assert "and 10 more" in printed
    assert main(["inspect", *files[:2], "--json"]) == 1
    page = json.loads(capsys.readouterr().out)
    assert len(page["files"][files[1]]["invalid"]) == 30


def test_a_nanogpt_checkpoint_is_evaluated_on_its_data(files, tmp_path, capsys):
    width, vocab = 8, 14
    shape = {
        "attn.c_attn": (24, 8),
        "attn.c_proj": (8, 8),
        "mlp.c_fc": (32, 8),
        "mlp.c_proj": (8, 32),
    }
    weights = {f"transformer.h.0.{k}.weight": torch.randn(v) for k, v in shape.items()}
    weights |= {
        f"transformer.{k}.weight": torch.ones(width) for k in ("h.0.ln_1", "h.0.ln_2", "ln_f")
    }
    weights["transformer.wte.weight"] = torch.randn(vocab, width)
    weights["transformer.wpe.weight"] = torch.randn(32, width)
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": width, "block_size": 32, "bias": False}
    torch.save({"model": weights, "model_args": sizes}, tmp_path / "ckpt.pt")
    own = ["--graph", files[0], "--train", files[1], "--test", files[2]]
    assert main(["evaluate", str(tmp_path / "ckpt.pt"), *own, "--samples", "2"]) == 0
    assert "accuracy" in capsys.readouterr().out
    assert main(["evaluate", str(tmp_path / "ckpt.pt")]) == 2
    assert "give --graph, --train and --test" in capsys.readouterr().err


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
        (["train", "--out", "{new}", "--algorithm", "pg", "--kl", "-1"], "kl is the penalty"),
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
                "pg --believed 0 1": "--believed goes with the algorithm q",
                "pg --off-policy": "--off-policy goes with the algorithm q",
                "q --baseline": "--baseline goes with the algorithm pg, not with q",
                "q --kl 0": "--kl goes with the algorithm pg, not with q",
                "sft --reward outcome": "--reward goes with the algorithm pg or q, not with sft",
                "sft --reward-scale 2": "--reward-scale goes with the algorithm pg or q",
                "sft --blocks 3 --nodes 100": "--nodes does nothing beside --blocks",
                "sft --blocks 3 --cycles": "--cycles does nothing beside --blocks",
                "sft --table --heads 1": "--heads does nothing beside --table",
                "sft --start {base} --width 16": "--width does nothing beside --start",
                "sft --start {base} --table": "--table does nothing beside --start",
                "sft --graph g --train a --test b --blocks 3 --train-share 0.5": "--train-share, --blocks does nothing beside --graph",
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
        (["train", "--resume", "{base}", "--seed", "0", "--cycles"], "leave out --cycles, --seed"),
        (["train", "--out", "{new}", "--steps", "0"], "steps must be at least 1"),
        (["train", "--out", "{new}", "--nodes", "-5"], "nodes=-5"),
        (["train", "--out", "{new}", *GRAPH, "--start", "{base}", "--seed", "1"], "another graph"),
        (["evaluate", "{base}", "--temperature", "0"], "cannot be sampled from"),
        (["evaluate", "{base}", "--samples", "0"], "at least 1"),
        (["evaluate", "nowhere"], "there is no run.json"),
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


def test_ctrl_c_saves_and_says_how_to_go_on_and_going_on_changes_nothing(tmp_path):
    arguments = ["train", *SMALL, "--json", "--algorithm", "pg", "--batch", "8"]
    command = [sys.executable, "-m", "planrl", *arguments, "--out", str(tmp_path / "cut"),
               "--steps", "100000"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(3):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130
    assert f"planrl train --resume {tmp_path / 'cut'}" in error
    done = len(load(tmp_path / "cut").records)
    assert done >= 3
    assert main(["train", "--resume", str(tmp_path / "cut"), "--steps", str(done + 2)]) == 0
    whole = ["--out", str(tmp_path / "whole"), "--steps", str(done + 2)]
    assert main([*arguments, *whole]) == 0
    cut, whole = load(tmp_path / "cut"), load(tmp_path / "whole")
    assert cut.records == whole.records
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, cut.model.state_dict()[key])


def test_the_command_line_explains_itself(capsys):
    for command in ([], ["train"], ["evaluate"], ["inspect"], ["reproduce"], ["claims"], ["plan"]):
        with pytest.raises(SystemExit) as stop:
            main([*command, "--help"])
        assert stop.value.code == 0
    assert "--edge-probability" in capsys.readouterr().out


def test_plan_solves_a_pddl_problem_and_judges_a_plan(tmp_path, capsys):
    domain = Path(__file__).parent / "pddl" / "upper-case.pddl"
    (tmp_path / "p.pddl").write_text(
        "(define (problem p) (:domain blocks) (:objects a b) (:init (handempty) (ontable a)"
        " (ontable b) (clear a) (clear b)) (:goal (on a b)))"
    )
    plan = ["plan", str(domain), str(tmp_path / "p.pddl")]
    assert main(plan) == 0
    assert capsys.readouterr().out == "(pick-up a)\n(stack a b)\n"
    (tmp_path / "wrong").write_text("(stack a b)\n")
    assert main([*plan, "--check", str(tmp_path / "wrong")]) == 1
    assert capsys.readouterr().out == "invalid: step 1, (stack a b), needs (holding a)\n"
    assert main([*plan, "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert page == {"domain": "blocks", "problem": "p", "start": "a|b",
                    "plan": ["(pick-up a)", "(stack a b)"]}  # fmt: skip
    (tmp_path / "p.pddl").write_text((tmp_path / "p.pddl").read_text().replace(
        "(on a b)", "(and (on a b) (on b a))"))  # fmt: skip
    assert main(plan) == 1
    assert capsys.readouterr().out == "unsolvable: no plan exists\n"
