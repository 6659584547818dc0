"""What the tests of the commands train on: a small graph, and a chain as files."""

import torch

import planrl as pr
from planrl.io.formats import write_alpine, write_graphml

GRAPH = ["--nodes", "14", "--edge-probability", "0.3", "--train-share", "0.5"]
SMALL = [*GRAPH, "--width", "16"]


def long_rows(tmp_path, steps):
    """A chain whose longest row has so many steps, as files."""
    graph = pr.chain(steps + 1)
    task = pr.Task(graph, torch.tensor([[0, steps], [0, 1]]))
    write_graphml(graph, tmp_path / "g.graphml")
    write_alpine(tmp_path / "rows.txt", graph, pr.sample_paths(task, 1, pr.seeded(0, "p")))
    rows = str(tmp_path / "rows.txt")
    return ["--graph", str(tmp_path / "g.graphml"), "--train", rows, "--test", rows]
