"""planrl train: one run in one folder, which can be continued after any stop."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tqdm import tqdm

from planrl.cli import curves
from planrl.cli.options import SPLIT, add_files, add_settings, flags, own_files
from planrl.cli.sources import TOOL_DATA
from planrl.errors import InputError, TrainingError, whole
from planrl.experiments.algorithms import ALGORITHMS, Algorithm, refuse_unused
from planrl.experiments.algorithms import OPTIONS as ALGORITHM_OPTIONS
from planrl.experiments.datasets import OPTIONS as GRAPH_OPTIONS
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.runs import RunSettings, TrainingRun, resume
from planrl.io.checkpoints import NAME
from planrl.io.files import alone, ready, to_json
from planrl.train import TrainConfig
from planrl.transformer import TransformerConfig

NUMBER: dict[str, Any] = {"type": int, "metavar": "N"}
RUN: dict[str, dict[str, Any]] = {
    "--out": {"type": Path, "metavar": "FOLDER", "help": "folder to save a new run in"},
    "--resume": {
        "type": Path,
        "metavar": "RUN",
        "help": "continue the run in this folder: its settings stay, --steps may grow",
    },
    "--start": {"default": "", "metavar": "RUN", "help": "start from the model of this run"},
    "--algorithm": {
        "default": "sft",
        "choices": tuple(ALGORITHMS),
        "help": "sft: imitate demonstrated paths; pg: policy gradient; q: Q-learning",
    },
    "--table": {
        "action": "store_true",
        "help": "train a table of logits instead of a Transformer",
    },
    "--steps": {**NUMBER, "help": "number of updates in all (default: 700)"},
    "--batch": {**NUMBER, "default": 128, "help": "number of paths in a batch"},
    "--seed": {
        **NUMBER,
        "default": 0,
        "help": "seed of graph, data, weights and sampled paths",
    },
    "--eval-every": {
        **NUMBER,
        "default": 0,
        "help": "evaluate on training and held-out pairs every N updates (default: never)",
    },
    "--save-every": {
        **NUMBER,
        "default": 200,
        "help": "save every N updates; 0: only at the end",
    },
    "--json": {
        "action": "store_true",
        "help": "print one JSON object an update on standard output",
    },
    "--plot": {
        "type": Path,
        "metavar": "PAGE.html",
        "help": "write the learning curves to this page, which needs no network",
    },
}
"""What belongs to the run itself: its folder, its length, what is saved and shown."""


def add(commands: Any) -> None:
    """Add the command, whose defaults are the library's own."""
    command = commands.add_parser(
        "train",
        help="train a model, or continue a run",
        usage="planrl train (--out FOLDER | --resume RUN) [options]",
        epilog=textwrap.fill(TOOL_DATA, 79),
    )
    command.set_defaults(execute=run, given=frozenset())
    command.register("action", None, _Told)
    command.register("action", "store_true", _Said)
    for flag, how in RUN.items():
        command.add_argument(flag, **how)
    add_settings(command)
    add_files(command)


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


def _refuse_unused(options: argparse.Namespace) -> None:
    """Raise InputError for an option that was given and does nothing beside the others."""
    if not (options.loss or options.stream):
        for name in ALGORITHM_OPTIONS:
            if name in options.given:
                refuse_unused(options.algorithm, name, flags([name]))
    sizes = [entry.name for entry in fields(TransformerConfig)]
    data = ["kind", *GRAPH_OPTIONS, *SPLIT]
    for which, there, idle in (
        ("--graph, --train and --test", own_files(options) is not None, data),
        ("--start", bool(options.start), [*sizes, "table"]),
        ("--table", options.table, sizes),
    ):
        unused = [name for name in idle if there and name in options.given]
        if unused:
            raise InputError(f"{flags(unused)} does nothing beside {which}: leave it out")


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
        **_given(options, SPLIT),
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
        raise InputError(f"a resumed run keeps its settings: leave out {flags(names)}")


def run(options: argparse.Namespace) -> int:
    """Train until done or interrupted, alone in the run's folder."""
    for name in ("eval_every", "save_every"):
        whole(getattr(options, name), "--" + name.replace("_", "-"), least=0)
    if options.plot:
        curves.refuse(options.plot)
    with ExitStack() as stack:
        new = not (options.resume or (options.out and options.out.exists()))
        training_run = _begun(options, stack)
        training_run.held = True
        try:
            return _trained(training_run, options)
        except (InputError, MemoryError):
            if not options.resume and not training_run.records:  # it has not even begun
                _discard(training_run.folder, folder_too=new)
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
        training_run = resume(options.resume, steps=options.steps, own=own)
        ready(options.resume)
        return training_run
    if options.out is None:
        raise InputError("train needs --out FOLDER to save the run in (or --resume RUN)")
    _refuse_another(options.out)
    training_run = TrainingRun(
        _settings(options), options.out, fit_positions=options.positions is None
    )
    ready(options.out)
    stack.enter_context(alone(options.out))
    _refuse_another(options.out)  # which another process may have begun meanwhile
    training_run.held = True
    if why := training_run.settings.algorithm.not_resumed:
        print(f"note: this run cannot be resumed once it is stopped: {why}", file=sys.stderr)
    _save(training_run)  # so that it can be gone on with from the first moment
    return training_run


def _refuse_another(folder: Path) -> None:
    if (folder / "run.json").exists():
        raise InputError(
            f"{folder} holds a run already: continue it with --resume {folder}, or choose "
            "another folder"
        )


def _discard(folder: Path, *, folder_too: bool) -> None:
    """Remove a run that failed before its first update, so that the folder can be used again."""
    with suppress(OSError):
        (folder / "run.json").unlink()
        for path in folder.iterdir():
            if NAME.fullmatch(path.name):
                path.unlink()
        if folder_too:
            folder.rmdir()


def _save(training_run: TrainingRun) -> None:
    """Save, or say what is kept."""
    try:
        training_run.save()
    except OSError as error:
        kept = (
            "nothing of the run is kept"
            if training_run.saved is None
            else f"its state after update {training_run.saved} is. When that is fixed, "
            f"continue with planrl train --resume {training_run.folder}"
        )
        raise TrainingError(
            f"update {len(training_run.records)} could not be saved in {training_run.folder} "
            f"({error.strerror}); {kept}"
        ) from error


def _trained(training_run: TrainingRun, options: argparse.Namespace) -> int:
    """What to return to the shell, after the run."""
    done, steps = len(training_run.records), training_run.settings.training.steps
    bar = tqdm(total=steps, initial=done, disable=options.json or None, unit="step", leave=True)
    again = f"planrl train --resume {training_run.folder}"
    with _interrupts() as interrupted, bar:
        try:
            for record in training_run.run(eval_every=options.eval_every):
                if options.json:
                    print(
                        json.dumps(json.loads(to_json(asdict(record))), sort_keys=True), flush=True
                    )
                bar.update()
                bar.set_postfix(loss=f"{record.loss:.3f}", reward=f"{record.reward:.2f}")
                if interrupted:
                    break
                if options.save_every and record.step % options.save_every == 0:
                    _save(training_run)
        except TrainingError as error:
            if not isinstance(error.__cause__, OSError):
                _save(training_run)
                raise TrainingError(f"{error}. Saved in {training_run.folder}") from None
            raise
        except BrokenPipeError:  # nobody reads the records any more
            _save(training_run)
            raise
    _save(training_run)
    return _ended(training_run, options, again if interrupted else "")


def _ended(training_run: TrainingRun, options: argparse.Namespace, again: str) -> int:
    """Draw the curves, if asked to, and say what was reached and what to do next."""
    folder, records, name = (
        training_run.folder,
        training_run.records,
        training_run.settings.algorithm.name,
    )
    if options.plot and records:
        curves.write(records, options.plot, f"{name.upper()} in {folder.name}", name)
        print(f"learning curves in {options.plot}", file=sys.stderr)
    if again:
        why = training_run.settings.algorithm.not_resumed
        after = f"it cannot be resumed: {why}" if why else f"continue with: {again}"
        print(f"stopped and saved after update {len(records)}; {after}", file=sys.stderr)
        return 130
    print(f"{curves.summary(records, name)}; saved in {folder}", file=sys.stderr)
    print(f"next: planrl evaluate {folder}", file=sys.stderr)
    if name == "sft":
        after = f"planrl train --start {folder} --algorithm pg --out FOLDER"
        print(f"or, with the same options for the graph and its data: {after}", file=sys.stderr)
    return 0
