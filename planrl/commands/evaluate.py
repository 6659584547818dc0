"""planrl evaluate: the scores of a trained model."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from planrl.checkpoints import load, to_json
from planrl.commands.files import add_files, own_files
from planrl.errors import InputError
from planrl.evaluate import evaluate, recovery
from planrl.experiments.runs import RunSettings
from planrl.experiments.worlds import World, make_world
from planrl.formats import read_nanogpt
from planrl.graphs import seeded
from planrl.models import PathModel
from planrl.rollouts import Sampler
from planrl.tasks import degrees, observed
from planrl.transformer import Transformer


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("evaluate", help="score a trained model")
    command.set_defaults(execute=run)
    command.add_argument("run", type=Path, help="a run's folder, or a nanoGPT checkpoint (.pt)")
    add_files(command)
    command.add_argument("--samples", type=int, default=100, help="walks for each pair (100)")
    command.add_argument("--temperature", type=float, default=1.0, help="of the sampled walks (1)")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--json", action="store_true", help="one JSON object on standard output")


def run(options: argparse.Namespace) -> int:
    """Score the model and print."""
    own = own_files(options)
    model: PathModel
    if options.run.is_file():
        if own is None:
            raise InputError("a bare checkpoint needs its data: give --graph, --train and --test")
        model, world, sampler = read_nanogpt(options.run), make_world(own), Sampler()
    else:
        saved = load(options.run)
        model, settings = saved.model, RunSettings.of(saved)
        world = make_world(own or settings.world)
        sampler = settings.algorithm.sampler(world)
    if model.vocab != world.train.vocab:
        raise InputError(
            f"the model knows {model.vocab.n_nodes} nodes, the graph has {world.graph.n}"
        )
    sampler = replace(sampler, temperature=options.temperature)
    page = _scores(model, world, sampler, options)
    if options.json:
        print(to_json(page).decode())
        return 0
    for name in ("train", "test"):
        print(f"{name}: {len(getattr(world, name).pairs)} pairs, {options.samples} walks each")
        for key, value in page[name]["means"].items():
            print(f"  {key:12} {value:8.3f}")
        print("  errors      ", ", ".join(f"{k} {v:.3f}" for k, v in page[name]["errors"].items()))
    for degree, row in page["test"]["by_degree"].items():
        values = ", ".join(f"{key} {value:.3f}" for key, value in row.items() if key != "pairs")
        print(f"  degree {degree}: {row['pairs']} pairs, {values}")
    return 0


def _scores(
    model: PathModel, world: World, sampler: Sampler, options: argparse.Namespace
) -> dict[str, Any]:
    page: dict[str, Any] = {}
    for name, task in (("train", world.train), ("test", world.test)):
        rng = seeded(options.seed, f"evaluate {name}")
        scores = evaluate(model, task, rng=rng, sampler=sampler, samples=options.samples)
        page[name] = {"means": scores.summary(), "errors": scores.errors}
        if name == "test":
            page[name]["by_degree"] = scores.by(degrees(task, observed(task.vocab, world.paths)))
    if not (isinstance(model, Transformer) and model.config.layers > 1):
        page["recovery"] = asdict(recovery(model, world.graph))
    return page
