"""planrl rows: training and test data from a graph: a split of the pairs, and paths."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sized
from pathlib import Path
from typing import Any

from planrl.cli.options import JSON
from planrl.cli.sources import GRAPH, NAMES, add_goal, add_most, problem_of
from planrl.errors import InputError
from planrl.experiments.datasets import DatasetSettings, demonstrated
from planrl.graphs import Graph, seeded
from planrl.io.files import ready, to_json
from planrl.io.formats import read_graph, write_alpine, write_graphml
from planrl.streams import sample_paths
from planrl.tasks import Task

FILES = ("graph.graphml", "train.txt", "test.txt")


def add(commands: Any) -> None:
    """Add the command, whose defaults are those of `planrl train`."""
    usual = DatasetSettings()
    command = commands.add_parser(
        "rows", help="make training and test data from a graph", epilog=NAMES
    )
    command.set_defaults(execute=run)
    add = command.add_argument
    add("graph", type=Path, help=GRAPH)
    add("problem", type=Path, nargs="?", help="behind a PDDL domain: the problem file")
    add("--out", type=Path, required=True, metavar="FOLDER", help=f"folder for {', '.join(FILES)}")
    add(
        "--train-share",
        type=float,
        default=usual.train_share,
        metavar="X",
        help="share of the source-target pairs to train on, between 0 and 1",
    )
    add(
        "--paths-per-pair",
        type=int,
        default=usual.paths_per_pair,
        metavar="N",
        help="number of random correct paths for each training pair",
    )
    add(
        "--force-edges",
        action="store_true",
        help="train on each pair that is an edge, besides the share of the others",
    )
    add("--seed", type=int, metavar="N", default=0, help="seed of the split and the paths")
    add_most(command)
    add_goal(command)
    add("--json", action="store_true", help=JSON)


def run(options: argparse.Namespace) -> int:
    """Write the three files that `train --graph --train --test` takes, and say how to go on."""
    given = _graph(options)
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
        raise InputError(f"{there} is there already: choose another folder for --out")
    ready(options.out)
    write_graphml(graph, names[0])
    write_alpine(names[1], graph, dataset.paths)
    write_alpine(names[2], graph, tested)
    made = {
        "train": _described(names[1], dataset.train, dataset.paths),
        "test": _described(names[2], dataset.test, tested),
    }
    if options.json:
        print(to_json({"graph": str(names[0]), **made}).decode())
    else:
        for entry in made.values():
            print("{file}: {rows} rows, {pairs} pairs".format(**entry))
    renamed = sum(a != b for a, b in zip(given.labels, graph.labels, strict=True))
    if renamed:
        print(
            f"planrl: {renamed} names of more than one word have _ for blanks in these files",
            file=sys.stderr,
        )
    go_on = "planrl train --graph {} --train {} --test {} --out RUN".format(*names)
    print(f"next: {go_on}", file=sys.stderr)
    return 0


def _graph(options: argparse.Namespace) -> Graph:
    """The graph in a file, or that of the states of a planning problem."""
    problem = problem_of(options.graph, [options.problem] if options.problem else [])
    if problem is not None:
        from planrl.domains import state_space

        space = state_space(problem, options.most)
        return space.goal_graph if options.goal else space.graph
    if options.problem or options.goal:
        extra = options.problem or "--goal"
        raise InputError(f"{extra} goes with a planning problem, not with a graph: leave it out")
    return read_graph(options.graph)


def _described(path: Path, task: Task, rows: Sized) -> dict[str, Any]:
    """What a file of rows holds."""
    return {"file": str(path), "pairs": len(task.pairs), "rows": len(rows)}


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
