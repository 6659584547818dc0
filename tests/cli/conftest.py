"""Runs and files that the tests of the commands share."""

import foreign
import pytest
import torch
from small_runs import SMALL

import planrl as pr
from planrl.__main__ import main
from planrl.io.formats import write_alpine, write_graphml
from planrl.tasks import Vocab


@pytest.fixture
def base(tmp_path, capsys):
    folder = tmp_path / "base"
    assert main(["train", *SMALL, "--steps", "4", "--out", str(folder)]) == 0
    capsys.readouterr()
    return folder


@pytest.fixture
def files(tmp_path, small_task):
    train, test = pr.split(small_task, 0.5, pr.seeded(0, "split"))
    names = [str(tmp_path / name) for name in ("g.graphml", "train.txt", "test.txt")]
    write_graphml(small_task.graph, names[0])
    for name, task in zip(names[1:], (train, test), strict=True):
        write_alpine(name, small_task.graph, pr.sample_paths(task, 2, pr.seeded(0, "paths")))
    return names


@pytest.fixture
def checkpoint(files, tmp_path):
    """Another program's checkpoint of the graph in the files, and the options that name these."""
    config = pr.TransformerConfig(width=8, positions=16)  # shorter rows than a walk's usual 20
    model = pr.Transformer(Vocab(12), config, pr.seeded(0, "weights"))
    torch.save(foreign.as_nanogpt(model), tmp_path / "ckpt.pt")
    own = ["--graph", files[0], "--train", files[1], "--test", files[2]]
    return [str(tmp_path / "ckpt.pt"), *own]
