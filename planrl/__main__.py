"""The command line: train, evaluate, inspect, reproduce."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from planrl.checkpoints import load, to_json
from planrl.errors import InputError, SweepError, TrainingError
from planrl.evaluate import evaluate, recovery
from planrl.experiments.runs import Algorithm, RunSettings, Session, resume
from planrl.experiments.store import EXPERIMENTS, reproduce
from planrl.experiments.worlds import FileWorld, World, WorldSettings, make_world
from planrl.formats import read_alpine, read_graph, read_nanogpt
from planrl.graphs import seeded
from planrl.models import PathModel
from planrl.rollouts import Sampler
from planrl.tasks import degrees, observed
from planrl.train import TrainConfig
from planrl.transformer import Transformer, TransformerConfig


def parser() -> argparse.ArgumentParser:
    """All commands and their options; a default named here is the library's own."""
    top = argparse.ArgumentParser(prog="planrl", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _train_options(commands.add_parser("train", help="train a model, or go on with a run"))

    measure = commands.add_parser("evaluate", help="score a trained model")
    measure.add_argument("run", type=Path, help="a run's folder, or a nanoGPT checkpoint (.pt)")
    _file_options(measure)
    measure.add_argument("--samples", type=int, default=100, help="walks for each pair (100)")
    measure.add_argument("--temperature", type=float, default=1.0, help="of the sampled walks (1)")
    measure.add_argument("--seed", type=int, default=0)
    measure.add_argument("--json", action="store_true", help="one JSON object on standard output")

    report = commands.add_parser("inspect", help="check a graph and ALPINE text files, and report")
    report.add_argument("graph", type=Path, help="a .graphml file or an edge list")
    report.add_argument("lines", type=Path, nargs="*", help="text files of rows `s t s a b t`")
    report.add_argument("--json", action="store_true", help="one JSON object on standard output")

    redo = commands.add_parser("reproduce", help="make the saved results the book shows")
    redo.add_argument("--only", choices=list(EXPERIMENTS), help="one experiment (default: all)")
    redo.add_argument("--seeds", type=int, nargs="+", help="default: those of the experiment")
    redo.add_argument("--again", action="store_true", help="also what is already there")
    redo.add_argument("--jobs", type=int, default=1, metavar="N", help="seeds run at once (1)")
    return top


def _file_options(command: argparse.ArgumentParser) -> None:
    files = command.add_argument_group("your own data (all three together)")
    for name, what in (("graph", "GraphML or edge list"), ("train", "rows"), ("test", "rows")):
        files.add_argument(f"--{name}", metavar="FILE", help=f"{what} (`s t s a b t` a line)"
                           if what == "rows" else what)  # fmt: skip


def _train_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--out", type=Path, help="folder to save the run in")
    add(
        "--resume", type=Path, metavar="RUN", help="go on with this run (only --steps may be given)"
    )
    add("--start", default="", metavar="RUN", help="start from the model of this run")
    add("--algorithm", default="sft", choices=("sft", "pg", "q"))
    for kind, group in ((Algorithm, "algorithm"), (WorldSettings, "random graph and its data"),
                        (TransformerConfig, "Transformer"), (TrainConfig, "training")):  # fmt: skip
        options = command.add_argument_group(group)
        for entry in fields(kind):
            if entry.name in ("name", "seed", "refresh", "steps"):
                continue
            flag = "--" + entry.name.replace("_", "-")
            if isinstance(entry.default, bool):
                options.add_argument(flag, action="store_true")
            else:
                to = {"int": int, "float": float, "float | None": float}.get(str(entry.type), str)
                options.add_argument(
                    flag, type=to, default=entry.default, help=f"({entry.default})"
                )
    _file_options(command)
    add("--table", action="store_true", help="train a LogitTable instead of a Transformer")
    add("--steps", type=int, help="updates in all (700)")
    add("--batch", type=int, default=128, help="rows in a batch (128)")
    add("--seed", type=int, default=0, help="of graph, data, weights and walks (0)")
    add("--look-every", type=int, default=0, metavar="N", help="measure every N updates (never)")
    add("--save-every", type=int, default=200, metavar="N", help="save every N updates (200)")
    add("--json", action="store_true", help="one JSON object a record on standard output")


def _pick(kind: Any, options: argparse.Namespace, **more: Any) -> Any:
    names = {entry.name for entry in fields(kind)} & set(vars(options)) - set(more)
    return kind(**{name: getattr(options, name) for name in names}, **more)


def _files(options: argparse.Namespace) -> FileWorld | None:
    given = [options.graph, options.train, options.test]
    if not any(given):
        return None
    if not all(given):
        raise InputError("--graph, --train and --test go together: give all three files")
    return FileWorld(graph=options.graph, train=options.train, test=options.test)


def _settings(options: argparse.Namespace) -> RunSettings:
    return RunSettings(
        algorithm=_pick(Algorithm, options, name=options.algorithm),
        world=_files(options) or _pick(WorldSettings, options),
        model=_pick(TransformerConfig, options),
        table=options.table,
        training=_pick(
            TrainConfig,
            options,
            steps=700 if options.steps is None else options.steps,
            refresh=None,
        ),
        batch=options.batch,
        seed=options.seed,
        start=str(Path(options.start).resolve()) if options.start else "",
    )


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """A list that Ctrl-C fills, so that a run stops between two updates, never inside one."""
    caught: list[int] = []

    def note(number: int, frame: Any) -> None:
        if caught:
            raise KeyboardInterrupt  # asked twice: at once
        caught.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield caught
    finally:
        signal.signal(signal.SIGINT, before)


def _refuse_settings(options: argparse.Namespace) -> None:
    """Raise InputError if a resumed run is given settings: it has its own."""
    plain = vars(parser().parse_args(["train"]))
    for name in ("resume", "steps", "look_every", "save_every", "json"):
        plain[name] = getattr(options, name)
    given = ["--" + n.replace("_", "-") for n, v in vars(options).items() if v != plain[n]]
    if given:
        raise InputError(f"a resumed run has its settings: leave out {', '.join(given)}")


def _train(options: argparse.Namespace) -> int:
    if options.resume:
        _refuse_settings(options)
        session = resume(options.resume, steps=options.steps)
    elif options.out is None:
        raise InputError("train needs --out FOLDER to save the run in (or --resume RUN)")
    elif (options.out / "run.json").exists():
        raise InputError(f"{options.out} holds a run already: --resume it, or take another folder")
    else:
        session = Session(_settings(options), options.out)
    done, steps = len(session.records), session.settings.training.steps
    bar = tqdm(total=steps, initial=done, disable=options.json or None, unit="step", leave=True)
    again = f"planrl train --resume {session.folder}"
    with _interrupts() as interrupted, bar:
        try:
            for record in session.run(look_every=options.look_every):
                if options.json:
                    print(
                        json.dumps(json.loads(to_json(asdict(record))), sort_keys=True), flush=True
                    )
                bar.update()
                bar.set_postfix(loss=f"{record.loss:.3f}", reward=f"{record.reward:.2f}")
                if interrupted:
                    break
                if options.save_every and record.step % options.save_every == 0:
                    session.save()
        except TrainingError as error:
            session.save()
            raise TrainingError(f"{error}. Saved in {session.folder}") from None
    session.save()
    if interrupted:
        print(f"stopped and saved after update {len(session.records)}; go on with: {again}",
              file=sys.stderr)  # fmt: skip
        return 130
    print(f"saved in {session.folder}", file=sys.stderr)
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    own = _files(options)
    model: PathModel
    if options.run.is_file():
        if own is None:
            raise InputError("a bare checkpoint needs its data: give --graph, --train and --test")
        model, world, sampler = read_nanogpt(options.run), make_world(own), Sampler()
    else:
        saved = load(options.run)
        model, settings = saved.model, RunSettings.from_dict(saved.settings)
        world, sampler = make_world(own or settings.world), settings.algorithm.sampler()
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


def _inspect(options: argparse.Namespace) -> int:
    graph = read_graph(options.graph)
    page: dict[str, Any] = {
        "nodes": graph.n,
        "edges": len(graph.edges),
        "reachable_pairs": int(graph.reachability.sum()) - graph.n,
        "cycles": not graph.is_dag,
        "files": {},
    }
    for path in options.lines:
        lines = read_alpine(path, graph)
        page["files"][str(path)] = {
            "rows": len(lines.tokens),
            "pairs": lines.pairs,
            "invalid": [{"line": at, "reason": reason} for at, reason in lines.invalid],
        }
    if options.json:
        print(to_json(page).decode())
    else:
        kind = "no cycles" if graph.is_dag else "cycles"
        print(f"{options.graph}: {graph.n} nodes, {page['edges']} edges, {kind}, "
              f"{page['reachable_pairs']} reachable pairs")  # fmt: skip
        for name, entry in page["files"].items():
            wrong = entry["invalid"]
            print(f"{name}: {entry['rows']} rows, {entry['pairs']} pairs, {len(wrong)} invalid")
            for item in wrong[:20]:
                print(f"  line {item['line']}: {item['reason']}")
            print(f"  and {len(wrong) - 20} more (see --json)\n" if len(wrong) > 20 else "", end="")
    return int(any(entry["invalid"] for entry in page["files"].values()))


def _reproduce(options: argparse.Namespace) -> int:
    tell = partial(print, flush=True)
    for name in [options.only] if options.only else EXPERIMENTS:
        own = EXPERIMENTS[name].SEEDS
        seeds = tuple(options.seeds or own) if own or options.only else own
        for path in reproduce(name, seeds, again=options.again, n_jobs=options.jobs, tell=tell):
            print(f"{path.name}: done", flush=True)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command: 0 if all went well, 2 and one line on standard error if input is wrong."""
    options = parser().parse_args(arguments)
    torch.set_num_threads(1)
    commands = {"train": _train, "evaluate": _evaluate,
                "inspect": _inspect, "reproduce": _reproduce}  # fmt: skip
    try:
        return commands[options.command](options)
    except (InputError, TrainingError, SweepError, OSError) as error:
        print(f"planrl: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
