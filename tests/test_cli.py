import itertools
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import foreign
import pytest
import torch

import planrl as pr
from planrl.__main__ import PIPE, main
from planrl.io.checkpoints import load
from planrl.io.formats import read_alpine, read_graph, write_alpine, write_graphml
from planrl.tasks import Vocab

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


@pytest.fixture
def checkpoint(files, tmp_path):
    """Another program's checkpoint of the graph in the files, and the options that name these."""
    config = pr.TransformerConfig(width=8, positions=16)  # shorter rows than a walk's usual 20
    model = pr.Transformer(Vocab(12), config, pr.seeded(0, "weights"))
    torch.save(foreign.as_nanogpt(model), tmp_path / "ckpt.pt")
    own = ["--graph", files[0], "--train", files[1], "--test", files[2]]
    return [str(tmp_path / "ckpt.pt"), *own]


def test_a_nanogpt_checkpoint_is_evaluated_on_its_data(checkpoint, capsys):
    assert main(["evaluate", *checkpoint, "--samples", "2"]) == 0
    said = capsys.readouterr()
    assert "accuracy" in said.out
    assert "strict" not in said.out
    assert "each path was ended at its target" in said.err
    assert "--strict" in said.err
    assert main(["evaluate", checkpoint[0]]) == 2
    assert "give --graph, --train and --test" in capsys.readouterr().err


def test_a_checkpoint_that_reads_short_rows_only_is_scored_as_far_as_they_go(
    files, checkpoint, tmp_path, capsys
):
    for positions, code, words in ((5, 0, "longer paths count as too long"), (3, 2, "too few")):
        config = pr.TransformerConfig(width=8, positions=positions)
        model = pr.Transformer(Vocab(12), config, pr.seeded(0, "weights"))
        torch.save(foreign.as_nanogpt(model), checkpoint[0])
        assert main(["evaluate", *checkpoint, "--samples", "2"]) == code
        assert words in capsys.readouterr().err


def test_strict_gives_both_accuracies(checkpoint, base, capsys):
    for given in (checkpoint, [str(base)]):
        assert main(["evaluate", *given, "--samples", "4", "--json", "--strict"]) == 0
        said = capsys.readouterr()
        assert said.err == ""
        means = json.loads(said.out)["test"]["means"]
        assert 0 <= means["strict_accuracy"] <= means["accuracy"] <= 1
        assert 0 <= means["strict_greedy"] <= means["greedy"] <= 1
    assert main(["evaluate", *given, "--samples", "4", "--strict"]) == 0
    assert "strict_accuracy" in capsys.readouterr().out


def test_another_prompt_is_noticed_and_taken_for_rows_and_model(files, tmp_path, capsys):
    """Rows and checkpoint repeat the source; nothing is to be rewritten by hand."""
    for name in files[1:]:
        text = Path(name).read_text()
        Path(name).write_text(re.sub(r"(?m)^(\w+) (\w+) ", r"\1 \2 \1 ", text))
    own = ["--graph", files[0], "--train", files[1], "--test", files[2]]
    run, train = tmp_path / "run", ["train", *own, "--width", "16", "--steps", "2"]
    assert main(["inspect", *files]) == 1
    assert 'give --prompt "s t s"' in capsys.readouterr().err
    assert main(["inspect", *files, "--prompt", "s t s"]) == 0
    assert main([*train, "--out", str(run)]) == 2
    assert 'give --prompt "s t s"' in capsys.readouterr().err
    assert main([*train, "--out", str(run), "--prompt", "s t s"]) == 0
    assert main(["evaluate", str(run), "--samples", "2"]) == 0  # as the run says
    assert main(["evaluate", str(run), *own, "--samples", "2", "--prompt", "s t s"]) == 0
    capsys.readouterr()

    model = pr.Transformer(Vocab(12), pr.TransformerConfig(width=8), pr.seeded(0, "weights"))
    with torch.no_grad():  # in the third place and only there, it writes again what it reads
        for weight in model.parameters():
            weight.zero_() if weight.ndim == 2 else weight.fill_(1)
        model.tokens.weight[:12] = torch.randn(12, 8, generator=pr.seeded(0, "w")) * 30
        model.positions.weight[3:, 0] = 1000.0
    torch.save(foreign.as_nanogpt(model), tmp_path / "ckpt.pt")
    ask = ["evaluate", str(tmp_path / "ckpt.pt"), *own, "--samples", "2"]
    assert main(ask) == 2  # the rows are theirs as well
    assert '--prompt "s t s"' in capsys.readouterr().err
    assert main([*ask, "--prompt", "s t s"]) == 0
    assert "by itself the model writes it with probability" in capsys.readouterr().err
    for name in files[1:]:
        text = Path(name).read_text()
        Path(name).write_text(re.sub(r"(?m)^(\w+) (\w+) \w+ ", r"\1 \2 ", text))
    assert main(ask) == 0
    said = capsys.readouterr().err
    assert "lead from the source to itself" in said
    assert '--prompt "s t s"' in said


NAMES = "Bern,Thun\nBern,Spiez\nThun,Spiez\nThun,Brig\nSpiez,Brig\nBrig,Sion\nSpiez,Sion\n"


def test_a_bare_graph_with_names_becomes_rows_a_run_scores_and_paths(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("graph.csv").write_text(NAMES)
    make = ["rows", "graph.csv", "--out", "data", "--train-share", "0.5", "--paths-per-pair", "3"]
    assert main([*make, "--json"]) == 0
    said = capsys.readouterr()
    page = json.loads(said.out)
    assert page["train"]["rows"] == 3 * page["train"]["pairs"]
    assert main(["inspect", "data/graph.graphml", "data/train.txt", "data/test.txt"]) == 0
    go_on = said.err.split("next: planrl ")[1].split()
    assert main([*go_on[:-1], "run", "--steps", "20", "--width", "16"]) == 0
    assert main(["evaluate", "run", "--samples", "2"]) == 0
    capsys.readouterr()
    assert main(["paths", "run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) == page["test"]["pairs"]
    edges = {tuple(line.split(",")) for line in NAMES.split()}
    for entry in found:
        path = entry["path"]
        steps = set(itertools.pairwise(path))
        right = path[-1] == entry["target"] and steps <= edges
        assert entry["correct"] == right == (not entry["reason"])
        assert entry["count"] == 1
    assert main(["paths", "run", "--pairs", "Bern -> Brig", "Thun Sion", "--samples", "30"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(int(line.split(" x ")[0]) for line in lines[:-1]) == 60
    assert lines[0].split(" x ")[1].startswith("Bern -> ")
    assert lines[-1].endswith(" of 60 paths are correct")
    assert main(make) == 2  # what is there is not written over
    assert "is there already" in capsys.readouterr().err


def test_names_of_several_words_are_joined_in_rows(tmp_path, capsys):
    nodes = "".join(
        f'<node id="n{k}"><data key="d0">{name}</data></node>'
        for k, name in enumerate(("New York", "New_York", "El  Paso", "Rome"))
    )
    edges = "".join(f'<edge source="n{a}" target="n{b}"/>' for a, b in ((0, 1), (1, 2), (2, 3)))
    (tmp_path / "g.graphml").write_text(
        '<graphml><key id="d0" for="node" attr.name="label" attr.type="string"/>'
        f'<graph edgedefault="directed">{nodes}{edges}</graph></graphml>'
    )
    make = [
        "rows",
        str(tmp_path / "g.graphml"),
        "--out",
        str(tmp_path / "d"),
        "--train-share",
        ".6",
    ]
    assert main(make) == 0
    assert "2 names of more than one word" in capsys.readouterr().err
    graph = read_graph(tmp_path / "d" / "graph.graphml")
    assert graph.labels == ("New_York_", "New_York", "El_Paso", "Rome")
    assert read_alpine(tmp_path / "d" / "train.txt", graph).invalid == ()


def test_a_runs_names_outlive_its_files_and_older_runs_without_them_are_read(
    files, tmp_path, capsys
):
    graph = read_graph(files[0])
    named = pr.Graph(graph.n, graph.edges, [f"v{k}" for k in range(graph.n)])
    write_graphml(named, files[0])
    for name in files[1:]:
        Path(name).write_text(re.sub(r"(\d+)", r"v\1", Path(name).read_text()))
    own = ["--graph", files[0], "--train", files[1], "--test", files[2]]
    run = tmp_path / "run"
    assert main(["train", *own, "--width", "16", "--steps", "1", "--out", str(run)]) == 0
    page = json.loads((run / "run.json").read_text())
    assert page["settings"]["dataset"]["labels"] == list(named.labels)
    Path(files[0]).rename(tmp_path / "moved.graphml")
    capsys.readouterr()
    assert main(["paths", str(run), "--pairs", "v0 v11"]) == 0
    said = capsys.readouterr()
    assert re.fullmatch(r"v0( -> v\d+)*: not checked\n", said.out)
    assert "not checked" in said.err
    assert main(["paths", str(run)]) == 2  # of which pairs?
    (tmp_path / "moved.graphml").rename(files[0])
    for name in ("labels", "prompt"):  # as version 0.1.0 saved it
        del page["settings"]["dataset"][name]
    (run / "run.json").write_text(json.dumps(page))
    assert main(["paths", str(run), "--pairs", "v0 v11"]) == 0
    assert main(["train", "--resume", str(run), "--steps", "2"]) == 0


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


def long_rows(tmp_path, steps):
    """A chain whose longest row has so many steps, as files."""
    graph = pr.chain(steps + 1)
    task = pr.Task(graph, torch.tensor([[0, steps], [0, 1]]))
    write_graphml(graph, tmp_path / "g.graphml")
    write_alpine(tmp_path / "rows.txt", graph, pr.sample_paths(task, 1, pr.seeded(0, "p")))
    rows = str(tmp_path / "rows.txt")
    return ["--graph", str(tmp_path / "g.graphml"), "--train", rows, "--test", rows]


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
        (["train", "--out", "{new}", "--steps", "0"], "steps must be at least 1"),
        (["train", "--out", "{new}", "--nodes", "-5"], "nodes=-5"),
        (["train", "--out", "{new}", *GRAPH, "--start", "{base}", "--seed", "1"], "another graph"),
        (["evaluate", "{base}", "--temperature", "0"], "cannot be sampled from"),
        (["evaluate", "{base}", "--samples", "0"], "at least 1"),
        (["evaluate", "nowhere"], "there is no run.json"),
        (
            ["evaluate", "nowhere.pt", *["--graph", "g", "--train", "a", "--test", "b"]],
            "cannot read nowhere.pt",
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
    command = [
        sys.executable,
        "-m",
        "planrl",
        *arguments,
        "--out",
        str(tmp_path / "cut"),
        "--steps",
        "100000",
    ]
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


def test_plan_solves_a_pddl_problem_and_judges_a_plan(tmp_path, capsys):
    domain = Path(__file__).parent / "domains" / "pddl" / "upper-case.pddl"
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
    assert page == {
        "domain": "blocks",
        "problem": "p",
        "start": "a|b",
        "plan": ["(pick-up a)", "(stack a b)"],
    }
    (tmp_path / "p.pddl").write_text(
        (tmp_path / "p.pddl").read_text().replace("(on a b)", "(and (on a b) (on b a))")
    )
    assert main(plan) == 1
    assert capsys.readouterr().out == "unsolvable: no plan exists\n"
