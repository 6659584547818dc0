"""planrl train: one run into one folder, to be gone on with after any stop."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tqdm import tqdm

from planrl.cli import curves
from planrl.cli.options import add_files, add_option, own_files
from planrl.errors import InputError, TrainingError, whole
from planrl.experiments.algorithms import ALGORITHMS, Algorithm, refuse_unused, usual_options
from planrl.experiments.algorithms import OPTIONS as ALGORITHM_OPTIONS
from planrl.experiments.datasets import GRAPHS, DatasetSettings, graph_options
from planrl.experiments.datasets import OPTIONS as GRAPH_OPTIONS
from planrl.experiments.runs import RunSettings, TrainingRun, resume
from planrl.io.checkpoints import NAME
from planrl.io.files import alone, ready, to_json
from planrl.train import TrainConfig
from planrl.transformer import TransformerConfig

SPLIT_OPTIONS = {
    "train_share": "share of the pairs that are for training",
    "force_edges": "have each edge as a training pair",
    "paths_per_pair": "demonstrated paths for each training pair",
}
"""Options of every random dataset, with their help."""
SIZES_AND_TRAINING = {
    "layers": "layers of the Transformer",
    "heads": "attention heads of a layer",
    "width": "numbers in an embedding; a multiple of the heads",
    "lr": "learning rate of AdamW",
    "weight_decay": "weight decay of AdamW",
    "clip": "longest gradient; a longer one is scaled down",
}
"""Options of model and optimizer, with their help."""


def add(commands: Any) -> None:
    """Add the command, whose defaults are the library's own."""
    command = commands.add_parser("train", help="train a model, or go on with a run")
    command.set_defaults(execute=run, given=frozenset())
    command.register("action", None, _Told)
    command.register("action", "store_true", _Said)
    add = command.add_argument
    add("--out", type=Path, help="folder to save the run in")
    add(
        "--resume", type=Path, metavar="RUN", help="go on with this run (only --steps may be given)"
    )
    add("--start", default="", metavar="RUN", help="start from the model of this run")
    add("--algorithm", default="sft", choices=tuple(ALGORITHMS))
    _add_algorithm(command.add_argument_group("algorithm"))
    _add_dataset(command.add_argument_group("graph and its data"))
    for kind, group in ((TransformerConfig, "Transformer"), (TrainConfig, "training")):
        options = command.add_argument_group(group)
        for entry in fields(kind):
            if entry.name not in ("refresh", "steps", "positions"):
                add_option(options, entry.name, entry.default, SIZES_AND_TRAINING[entry.name])
    add("--positions", type=int, help=f"({TransformerConfig.positions}, or as the rows need)")
    add_files(command)
    add("--table", action="store_true", help="train a LogitTable instead of a Transformer")
    add("--steps", type=int, help="updates in all (700)")
    add("--batch", type=int, default=128, help="rows in a batch (128)")
    add("--seed", type=int, default=0, help="of graph, data, weights and walks (0)")
    add("--eval-every", type=int, default=0, metavar="N", help="measure every N updates (never)")
    add("--save-every", type=int, default=200, metavar="N", help="save every N updates (200)")
    add("--json", action="store_true", help="one JSON object a record on standard output")
    said = "write the learning curves as a page that needs no network"
    add("--plot", type=Path, metavar="PAGE.html", help=said)


def _add_algorithm(group: Any) -> None:
    """The options of losses and streams that have a help text, and those for one's own code."""
    for name, option in ALGORITHM_OPTIONS.items():
        users = [algorithm for algorithm in ALGORITHMS if name in usual_options(algorithm)]
        usual = usual_options(users[0])[name]
        add_option(group, name, usual, f"of {', '.join(users)}: {option.help}")
    for part in ("loss", "stream"):
        said = f"a {part} of your own instead of the algorithm's: module:function"
        group.add_argument(f"--{part}", metavar="PATH", default="", help=said)
    group.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a keyword argument of the loss or the stream; may be given several times",
    )


def _add_dataset(group: Any) -> None:
    """The kinds of graphs, their options, and how pairs and paths are drawn."""
    said = (
        f"{', '.join(GRAPHS)} (that which the options given belong to, else {next(iter(GRAPHS))})"
    )
    group.add_argument("--kind", choices=tuple(GRAPHS), default="", help=said)
    for name, option in GRAPH_OPTIONS.items():
        users = [kind for kind in GRAPHS if name in graph_options(kind)]
        usual = graph_options(users[0])[name]
        add_option(group, name, usual, f"of {', '.join(users)}: {option.help}")
    usual = DatasetSettings()
    for name, what in SPLIT_OPTIONS.items():
        add_option(group, name, getattr(usual, name), what)


class _Told(argparse.Action):
    """Keeps an option's value, and that it was given: a default that is given counts, too."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        setattr(namespace, self.dest, tuple(values) if isinstance(values, list) else values)
        namespace.given |= {self.dest}


class _Said(_Told):
    """The same for an option without a value."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "nargs": 0, "default": False})

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        super().__call__(parser, namespace, True, option_string)


def _flags(names: Iterable[str]) -> str:
    return ", ".join("--" + name.replace("_", "-") for name in names)


def _refuse_unused(options: argparse.Namespace) -> None:
    """Raise InputError for an option that was given and does nothing beside the others."""
    if not (options.loss or options.stream):
        for name in ALGORITHM_OPTIONS:
            if name in options.given:
                refuse_unused(options.algorithm, name, _flags([name]))
    sizes = [entry.name for entry in fields(TransformerConfig)]
    data = ["kind", *GRAPH_OPTIONS, *SPLIT_OPTIONS]
    for which, there, idle in (
        ("--graph, --train and --test", own_files(options) is not None, data),
        ("--start", bool(options.start), [*sizes, "table"]),
        ("--table", options.table, sizes),
    ):
        unused = [name for name in idle if there and name in options.given]
        if unused:
            raise InputError(f"{_flags(unused)} does nothing beside {which}: leave it out")


def _given(options: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """The values of those of these options that were given."""
    return {name: getattr(options, name) for name in names if name in options.given}


def _algorithm(options: argparse.Namespace) -> Algorithm:
    """The algorithm; functions of one's own are looked for in the folder one works in, too."""
    if options.loss or options.stream or ":" in str(options.reward):
        sys.path.insert(0, str(Path.cwd()))
    own = {}
    for text in options.option:
        name, equal, value = text.partition("=")
        if not equal:
            raise InputError(f"--option {text}: write NAME=VALUE")
        try:
            own[name] = json.loads(value)
        except ValueError:
            own[name] = value  # text
    given = _given(options, ALGORITHM_OPTIONS)
    return Algorithm(
        options.algorithm, loss=options.loss, stream=options.stream, options={**given, **own}
    )


def _dataset(options: argparse.Namespace) -> DatasetSettings:
    return DatasetSettings(
        options.kind,
        options=_given(options, GRAPH_OPTIONS),
        seed=options.seed,
        **_given(options, SPLIT_OPTIONS),
    )


def _settings(options: argparse.Namespace) -> RunSettings:
    _refuse_unused(options)
    sizes = _given(options, (entry.name for entry in fields(TransformerConfig)))
    how = _given(options, (entry.name for entry in fields(TrainConfig)))
    steps = 700 if options.steps is None else options.steps
    return RunSettings(
        algorithm=_algorithm(options),
        dataset=own_files(options) or _dataset(options),
        model=None if options.table else TransformerConfig(**sizes),
        training=TrainConfig(**{**how, "steps": steps}),
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
    own = {"loss", "stream", "reward"}  # the paths of one's own functions are given again
    given = options.given - {"resume", "steps", "eval_every", "save_every", "json", "plot", *own}
    if options.option:
        given |= {"option"}
    if given:
        names = [name for name in vars(options) if name in given]
        raise InputError(f"a resumed run has its settings: leave out {_flags(names)}")


def run(options: argparse.Namespace) -> int:
    """Train until done or interrupted, alone in the run's folder."""
    for name in ("eval_every", "save_every"):
        whole(getattr(options, name), "--" + name.replace("_", "-"), least=0)
    if options.plot:
        curves.refuse(options.plot)
    with ExitStack() as stack:
        new = not (options.resume or (options.out and options.out.exists()))
        session = _begun(options, stack)
        session.held = True
        try:
            return _trained(session, options)
        except (InputError, MemoryError):
            if not options.resume and not session.records:  # it has not even begun
                _discard(session.folder, folder_too=new)
            raise


def _begun(options: argparse.Namespace, stack: ExitStack) -> TrainingRun:
    """The run, its folder held and able to keep it."""
    if options.resume:
        _refuse_settings(options)
        if not (options.resume / "run.json").exists():
            raise InputError(f"there is no run.json in {options.resume}: is it a planrl folder?")
        stack.enter_context(alone(options.resume))
        own = list(_given(options, ("loss", "stream", "reward")).values())
        if own:
            sys.path.insert(0, str(Path.cwd()))
        session = resume(options.resume, steps=options.steps, own=own)
        ready(options.resume)
        return session
    if options.out is None:
        raise InputError("train needs --out FOLDER to save the run in (or --resume RUN)")
    _refuse_another(options.out)
    session = TrainingRun(_settings(options), options.out, fit_positions=options.positions is None)
    ready(options.out)
    stack.enter_context(alone(options.out))
    _refuse_another(options.out)  # which another process may have begun meanwhile
    session.held = True
    _save(session)  # so that it can be gone on with from the first moment
    return session


def _refuse_another(folder: Path) -> None:
    if (folder / "run.json").exists():
        raise InputError(f"{folder} holds a run already: --resume it, or take another folder")


def _discard(folder: Path, *, folder_too: bool) -> None:
    """Remove a run that failed before its first update, so that the folder can be used again."""
    with suppress(OSError):
        (folder / "run.json").unlink()
        for path in folder.iterdir():
            if NAME.fullmatch(path.name):
                path.unlink()
        if folder_too:
            folder.rmdir()


def _save(session: TrainingRun) -> None:
    """Save, or say what is kept."""
    try:
        session.save()
    except OSError as error:
        kept = (
            "nothing of the run is kept"
            if session.saved is None
            else f"its state after update {session.saved} is: when that is mended, go on with "
            f"planrl train --resume {session.folder}"
        )
        raise TrainingError(
            f"update {len(session.records)} could not be saved in {session.folder} "
            f"({error.strerror}); {kept}"
        ) from error


def _trained(session: TrainingRun, options: argparse.Namespace) -> int:
    """What to return to the shell, after the run."""
    done, steps = len(session.records), session.settings.training.steps
    bar = tqdm(total=steps, initial=done, disable=options.json or None, unit="step", leave=True)
    again = f"planrl train --resume {session.folder}"
    with _interrupts() as interrupted, bar:
        try:
            for record in session.run(eval_every=options.eval_every):
                if options.json:
                    print(
                        json.dumps(json.loads(to_json(asdict(record))), sort_keys=True), flush=True
                    )
                bar.update()
                bar.set_postfix(loss=f"{record.loss:.3f}", reward=f"{record.reward:.2f}")
                if interrupted:
                    break
                if options.save_every and record.step % options.save_every == 0:
                    _save(session)
        except TrainingError as error:
            if not isinstance(error.__cause__, OSError):
                _save(session)
                raise TrainingError(f"{error}. Saved in {session.folder}") from None
            raise
        except BrokenPipeError:  # nobody reads the records any more
            _save(session)
            raise
    _save(session)
    return _ended(session, options, again if interrupted else "")


def _ended(session: TrainingRun, options: argparse.Namespace, again: str) -> int:
    """Draw the curves, if asked to, and say what was reached and what to do next."""
    folder, records, name = session.folder, session.records, session.settings.algorithm.name
    if options.plot and records:
        curves.write(records, options.plot, f"{name.upper()} in {folder.name}", name)
        print(f"learning curves in {options.plot}", file=sys.stderr)
    if again:
        print(f"stopped and saved after update {len(records)}; go on with: {again}",
              file=sys.stderr)  # fmt: skip
        return 130
    print(f"{curves.summary(records, name)}; saved in {folder}", file=sys.stderr)
    print(f"next: planrl evaluate {folder}", file=sys.stderr)
    if name == "sft":
        after = f"planrl train --start {folder} --algorithm pg --out FOLDER"
        print(f"or, with the same options for the graph and its data: {after}", file=sys.stderr)
    return 0
