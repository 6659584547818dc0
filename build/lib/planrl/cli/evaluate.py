"""planrl evaluate: the scores of a trained model."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from planrl.cli.curves import refuse, write_page
from planrl.cli.options import Subject, add_model, subject
from planrl.evaluate import Scores
from planrl.experiments.alpine import recovery
from planrl.experiments.datasets import Dataset
from planrl.experiments.report import Report, is_deep, measure_model
from planrl.io.files import to_json
from planrl.io.prompts import row_of

QUALITY = {"auc": "all edges", "auc_shown": "in training paths", "auc_unseen": "in none of them"}
FOREIGN = """checkpoints of other programs, in folders as ALPINE's template writes them:
  planrl evaluate out/simple_graph_1_1_120_100 --data data/simple_graph/100
  planrl evaluate out/10000_ckpt_20.pt --data data --plot report.html
  planrl evaluate ckpt.pt --graph g.graphml --train train.txt --test test.txt"""
NO_COVERAGE = "a graph with cycles has endlessly many paths"


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "evaluate", help="measure accuracy and diversity of a trained model", epilog=FOREIGN
    )
    command.set_defaults(execute=run)
    add_model(command, 100, "number of paths sampled for each pair")
    command.add_argument(
        "--strict",
        action="store_true",
        help="also give the accuracy if the model itself must emit END at the target; otherwise "
        "each path is ended there",
    )
    command.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="also draw accuracy, diversity, errors and the edges in the weights on a page, "
        "FILE.html (needs plotly)",
    )


def run(options: argparse.Namespace) -> int:
    """Score the model and print."""
    if options.plot:
        refuse(options.plot)
    asked = subject(options)
    if asked.foreign and not options.strict:
        print(
            "planrl: each path was ended at its target, whether or not the model would go on: "
            "--strict also gives the accuracy if the model must emit END itself",
            file=sys.stderr,
        )
    report = measure_model(
        asked.model,
        asked.dataset,
        sampler=asked.sampler,
        samples=options.samples,
        seed=options.seed,
        strict=options.strict,
    )
    if options.plot:
        _draw(report, asked, options)
    if options.json:
        print(to_json(_page(report, asked)).decode())
    else:
        _print(report, asked.dataset)
    return 0


def _print(report: Report, dataset: Dataset) -> None:
    """The report as text."""
    for name in ("train", "test"):
        scores: Scores = getattr(report, name)
        pairs = len(getattr(dataset, name).pairs)
        print(f"{name}: {pairs} pairs, {scores.samples} paths sampled for each")
        for key, value in scores.summary().items():
            if math.isnan(value):
                print(f"  {key:15} not defined: {NO_COVERAGE}")
            else:
                print(f"  {key:15} {value:8.3f}")
        print("  errors         ", ", ".join(f"{k} {v:.3f}" for k, v in scores.errors.items()))
    for degree, row in report.test.by(report.degree).items():
        values = ", ".join(f"{key} {value:.3f}" for key, value in row.items() if key != "pairs")
        print(f"  degree {degree}: {row['pairs']} pairs, {values}")
    if report.edges is not None:
        print(f"edges in {report.edges.name}, AUC with centred columns:")
        for key, said in QUALITY.items():
            value = report.edges.quality[key]
            print(f"  {said:20} " + ("not defined" if math.isnan(value) else f"{value:.3f}"))


def _page(report: Report, asked: Subject) -> dict[str, Any]:
    """The report as values."""
    page: dict[str, Any] = {
        name: {"means": scores.summary(), "errors": scores.errors}
        for name, scores in (("train", report.train), ("test", report.test))
    }
    page["test"]["by_degree"] = report.test.by(report.degree)
    if not is_deep(asked.model):
        page["recovery"] = asdict(recovery(asked.model, asked.dataset.graph))
    if report.edges is not None:
        page["edges"] = {"read_from": report.edges.name, **report.edges.quality}
    return page


def _draw(report: Report, asked: Subject, options: argparse.Namespace) -> None:
    """Write the figures of the report on a page of their own."""
    from planrl.figures.report import report_figures

    data = asked.dataset
    said = (
        f"{data.graph.n} nodes, {len(data.graph.edges)} edges; {len(data.train.pairs)} training "
        f"pairs and {len(data.test.pairs)} held-out pairs; rows as {row_of(data.prompt)}; "
        f"{options.samples} sampled paths a pair at temperature {options.temperature:g}, "
        f"seed {options.seed}. The degree of a pair is the number of edges between its source and "
        "a node that a training path to the same target has passed (3: more)."
    )
    write_page(report_figures(report).values(), options.plot, f"Report on {options.run}", said)
    print(f"planrl: figures in {options.plot}", file=sys.stderr)
