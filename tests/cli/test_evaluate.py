"""`planrl evaluate`: runs of planrl, and checkpoints of other programs."""

import json
import re
from pathlib import Path

import foreign
import torch

import planrl as pr
from planrl.__main__ import main
from planrl.tasks import Vocab


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


def test_a_nanogpt_checkpoint_is_evaluated_on_its_data(checkpoint, capsys):
    assert main(["evaluate", *checkpoint, "--samples", "2"]) == 0
    said = capsys.readouterr()
    assert "accuracy" in said.out
    assert "strict" not in said.out
    assert "each path was ended at its target" in said.err
    assert "--strict" in said.err
    alone = Path(checkpoint[0]).parent / "alone" / "ckpt.pt"
    alone.parent.mkdir()
    alone.write_bytes(Path(checkpoint[0]).read_bytes())
    assert main(["evaluate", str(alone)]) == 2
    assert "give --graph, --train and --test, or --data FOLDER" in capsys.readouterr().err


def test_a_folder_without_data_is_not_passed_over(base, tmp_path, capsys):
    assert main(["evaluate", str(base), "--samples", "2", "--data", str(tmp_path)]) == 2
    assert "has no graph and no rows" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path / "none.pt"), "--samples", "2"]) == 2
    assert "none.pt was given: expected a checkpoint" in capsys.readouterr().err


def test_folders_of_another_program_are_taken_as_they_are(files, checkpoint, tmp_path, capsys):
    """ALPINE's layout: rows and graph in one folder, the checkpoints of a run in another."""
    data, out = tmp_path / "data" / "100", tmp_path / "out" / "simple_graph_1_1_8_100"
    for folder in (data, out):
        folder.mkdir(parents=True)
    for name, theirs in zip(files, ("path_graph.graphml", "train_20.txt", "test.txt"), strict=True):
        Path(name).rename(data / theirs)
    for updates in (2000, 10000):
        (out / f"{updates}_ckpt_20.pt").write_bytes(Path(checkpoint[0]).read_bytes())
    torch.save([1, 2], out / "corrects.pt")  # what its test leaves behind
    ask = ["evaluate", str(out), "--samples", "2"]
    assert main([*ask, "--data", str(data)]) == 0
    said = capsys.readouterr().err
    assert "10000_ckpt_20.pt" in said
    assert "train_20.txt and" in said
    assert main(ask) == 2
    assert "--data FOLDER" in capsys.readouterr().err
    (data / "train_10.txt").write_text((data / "train_20.txt").read_text())
    assert main([*ask, "--data", str(data)]) == 2
    assert "choose one with --train FILE" in capsys.readouterr().err
    assert main([*ask, "--data", str(data), "--train", str(data / "train_10.txt")]) == 0
    assert main([*ask, "--data", str(tmp_path / "none")]) == 2
    (data / "test.txt").unlink()
    assert main([*ask, "--data", str(data), "--train", str(data / "train_10.txt")]) == 2
    assert "has none for --test" in capsys.readouterr().err


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
    assert main(["inspect", *files]) == 0
    assert "40 rows as `s t s s a b t`" in capsys.readouterr().out
    assert main(["inspect", *files, "--prompt", "s t"]) == 1
    assert 'give --prompt "s t s"' in capsys.readouterr().err
    assert main(["inspect", *files, "--prompt", "s t s"]) == 0
    assert main([*train, "--out", str(run), "--prompt", "s t"]) == 2
    assert 'give --prompt "s t s"' in capsys.readouterr().err
    assert main([*train, "--out", str(run)]) == 0
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
    assert main([*ask, "--prompt", "s t"]) == 2  # the rows are theirs as well
    assert '--prompt "s t s"' in capsys.readouterr().err
    assert main(ask) == 0
    assert "by itself the model writes it with probability" in capsys.readouterr().err
    for name in files[1:]:
        text = Path(name).read_text()
        Path(name).write_text(re.sub(r"(?m)^(\w+) (\w+) \w+ ", r"\1 \2 ", text))
    assert main(ask) == 0
    said = capsys.readouterr().err
    assert "lead from the source to itself" in said
    assert '--prompt "s t s"' in said
