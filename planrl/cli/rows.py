"""planrl rows: demonstrated paths and a split of the pairs, from a bare graph."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from planrl.errors import InputError
from planrl.experiments.datasets import DatasetSettings, demonstrated
from planrl.graphs import Graph, seeded
from planrl.io.files import ready, to_json
from planrl.io.formats import read_graph, write_alpine, write_graphml
from planrl.streams import sample_paths

FILES = ("graph.graphml", "train.txt", "test.txt")


def add(commands: Any) -> None:
    """Add the command, whose defaults are those of `planrl train`."""
    usual = DatasetSettings()
    command = commands.add_parser("rows", help="make rows to train and test on from a bare graph")
    command.set_defaults(execute=run)
    add = command.add_argument
    add("graph", type=Path, help="GraphML or edge list")
    add("--out", type=Path, required=True, metavar="FOLDER", help=f"where {', '.join(FILES)} go")
    add("--train-share", type=float, default=usual.train_share, metavar="X",
        help=f"of the pairs, for training ({usual.train_share})")  # fmt: skip
    add("--paths-per-pair", type=int, default=usual.paths_per_pair, metavar="N",
        help=f"random correct paths for each training pair ({usual.paths_per_pair})")  # fmt: skip
    add("--force-edges", action="store_true", help="have each edge as a training pair")
    add("--seed", type=int, default=0, help="of split and paths (0)")
    add("--json", action="store_true", help="one JSON object on standard output")


def run(options: argparse.Namespace) -> int:
    """Write the three files that `train --graph --train --test` takes, and say how to go on."""
    given = read_graph(options.graph)
    graph = _in_words(given)
    settings = DatasetSettings(
        train_share=options.train_share,
        paths_per_pair=options.paths_per_pair,
        force_edges=options.force_edges,
        seed=options.seed,
    )
    dataset = demonstrated(graph, settings)
    tested = sample_paths(dataset.test, 1, seeded(options.seed, "paths to test pairs"))
    names = [options.out / name for name in FILES]
    there = next((path for path in names if path.exists()), None)
    if there is not None:
        raise InputError(f"{there} is there already: take another folder for --out")
    ready(options.out)
    write_graphml(graph, names[0])
    write_alpine(names[1], graph, dataset.paths)
    write_alpine(names[2], graph, tested)
    page = {
        "graph": str(names[0]),
        "train": {
            "file": str(names[1]),
            "pairs": len(dataset.train.pairs),
            "rows": len(dataset.paths),
        },
        "test": {"file": str(names[2]), "pairs": len(dataset.test.pairs), "rows": len(tested)},
    }
    if options.json:
        print(to_json(page).decode())
    else:
        for name in ("train", "test"):
            print("{file}: {rows} rows, {pairs} pairs".format(**page[name]))  # type: ignore[arg-type]
    renamed = sum(a != b for a, b in zip(given.labels, graph.labels, strict=True))
    if renamed:
        print(f"planrl: {renamed} names of more than one word have _ for blanks in these files",
              file=sys.stderr)  # fmt: skip
    go_on = "planrl train --graph {} --train {} --test {} --out RUN".format(*names)
    print(f"planrl: go on with {go_on}", file=sys.stderr)
    return 0


def _in_words(graph: Graph) -> Graph:
    """The graph with labels of one word each, which rows of text need."""
    labels: list[str] = []
    taken = set(graph.labels)
    for label in graph.labels:
        name = "_".join(label.split()) or "_"
        while name != label and name in taken:
            name += "_"
        taken.add(name)
        labels.append(name)
    return Graph(graph.n, graph.edges, labels)
