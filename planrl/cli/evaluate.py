"""planrl evaluate: the scores of a trained model."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import asdict
from typing import Any

from planrl.cli.options import Subject, add_model, subject
from planrl.evaluate import evaluate
from planrl.experiments.alpine import degrees, observed, recovery
from planrl.graphs import seeded
from planrl.io.files import to_json
from planrl.io.prompts import Prompted
from planrl.transformer import Transformer

NO_COVERAGE = "a graph with cycles has endlessly many paths"


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "evaluate", help="measure accuracy and diversity of a trained model"
    )
    command.set_defaults(execute=run)
    add_model(command, 100, "number of paths sampled for each pair")
    command.add_argument(
        "--strict",
        action="store_true",
        help="also give the accuracy if the model itself must emit END at the target; otherwise "
        "each path is ended there",
    )


def run(options: argparse.Namespace) -> int:
    """Score the model and print."""
    asked = subject(options)
    if asked.foreign and not options.strict:
        print(
            "planrl: each path was ended at its target, whether or not the model would go on: "
            "--strict also gives the accuracy if the model must emit END itself",
            file=sys.stderr,
        )
    page = _scores(asked, options)
    if options.json:
        print(to_json(page).decode())
        return 0
    for name in ("train", "test"):
        pairs = len(getattr(asked.dataset, name).pairs)
        print(f"{name}: {pairs} pairs, {options.samples} paths sampled for each")
        for key, value in page[name]["means"].items():
            if math.isnan(value):
                print(f"  {key:15} not defined: {NO_COVERAGE}")
            else:
                print(f"  {key:15} {value:8.3f}")
        print(
            "  errors         ", ", ".join(f"{k} {v:.3f}" for k, v in page[name]["errors"].items())
        )
    for degree, row in page["test"]["by_degree"].items():
        values = ", ".join(f"{key} {value:.3f}" for key, value in row.items() if key != "pairs")
        print(f"  degree {degree}: {row['pairs']} pairs, {values}")
    return 0


def _scores(asked: Subject, options: argparse.Namespace) -> dict[str, Any]:
    page: dict[str, Any] = {}
    model, dataset = asked.model, asked.dataset
    for name, task in (("train", dataset.train), ("test", dataset.test)):
        rng = seeded(options.seed, f"evaluate {name}")
        scores = evaluate(
            model,
            task,
            rng=rng,
            sampler=asked.sampler,
            samples=options.samples,
            strict=options.strict,
        )
        page[name] = {"means": scores.summary(), "errors": scores.errors}
        if name == "test":
            page[name]["by_degree"] = scores.by(degrees(task, observed(task.vocab, dataset.paths)))
    inner = model.model if isinstance(model, Prompted) else model
    if not (isinstance(inner, Transformer) and inner.config.layers > 1):
        page["recovery"] = asdict(recovery(model, dataset.graph))
    return page
