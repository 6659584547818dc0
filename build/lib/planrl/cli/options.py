"""What several commands share: options made from records of settings, files, the model to ask."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from planrl.errors import InputError, shown
from planrl.experiments.algorithms import ALGORITHMS, usual_options
from planrl.experiments.algorithms import OPTIONS as ALGORITHM_OPTIONS
from planrl.experiments.datasets import (
    GRAPHS,
    Dataset,
    DatasetSettings,
    FileDataset,
    graph_options,
    make_dataset,
)
from planrl.experiments.datasets import OPTIONS as GRAPH_OPTIONS
from planrl.experiments.foreign import Opened, check_vocab, fitting, open_checkpoint
from planrl.experiments.runs import RunSettings
from planrl.io.checkpoints import load
from planrl.io.layouts import DataFiles, data_files, newest_checkpoint
from planrl.io.prompts import LEFT_OUT, REPEATED, USUAL, check_prompt, row_of
from planrl.models import PathModel
from planrl.sampling import Sampler
from planrl.train import TrainConfig
from planrl.transformer import Transformer, TransformerConfig

JSON = "print one JSON object on standard output instead of text"
SETTINGS: dict[type, tuple[str, dict[str, str]]] = {
    TransformerConfig: (
        "Transformer",
        {
            "layers": "number of layers",
            "heads": "number of attention heads, which must divide --width",
            "width": "length of the vector that stands for a token",
            "positions": "longest row that the model reads, in tokens (default: 32, or as many as "
            "the data need)",
        },
    ),
    TrainConfig: (
        "training",
        {
            "lr": "learning rate of AdamW",
            "weight_decay": "weight decay of AdamW, at least 0",
            "clip": "longest gradient norm; a longer gradient is scaled down to it",
        },
    ),
}
"""Record of settings -> the title of its options, and what each option does.

A field that is not listed here has no option. The options of algorithms and of graphs, with their
help, are those of the tables in `planrl.experiments.algorithms` and `planrl.experiments.datasets`.
"""
SPLIT = {
    "train_share": "share of the source-target pairs to train on, between 0 and 1",
    "force_edges": "train on each pair that is an edge, besides the share of the others",
    "paths_per_pair": "number of random correct paths for each training pair",
}
"""Options of every dataset that is not read from files, with their help."""


METAVARS: dict[type, Any] = {int: "N", float: "X", str: "NAME", tuple: ("LOW", "HIGH")}


class Help(argparse.RawDescriptionHelpFormatter):
    """Help that says each option's default, and keeps the lines of the examples."""

    def _get_help_string(self, action: argparse.Action) -> str:
        said = action.help or ""
        default = action.default
        silent = default is None or default is False or default in ("", [], argparse.SUPPRESS)
        if silent or "(default" in said or not action.option_strings:
            return said
        text = " ".join(map(str, default)) if isinstance(default, tuple | list) else f"{default}"
        return f"{said} (default: {text})"


def flags(names: Iterable[str]) -> str:
    """The options of these names, as they are written."""
    return ", ".join("--" + name.replace("_", "-") for name in names)


def add_settings(command: argparse.ArgumentParser) -> None:
    """Add the options of algorithms and graphs from their tables, and those of SETTINGS."""
    _add_algorithm(
        command.add_argument_group("algorithm (in brackets: which algorithms use the option)")
    )
    _add_dataset(
        command.add_argument_group(
            "graph and its data (in brackets: which kinds of graph use the option)"
        )
    )
    for kind, (title, helps) in SETTINGS.items():
        group = command.add_argument_group(title)
        for entry in fields(kind):
            if entry.name in helps:
                _add_option(group, entry.name, entry.default, helps[entry.name])


def _add_algorithm(group: argparse._ArgumentGroup) -> None:
    for name, option in ALGORITHM_OPTIONS.items():
        users = [algorithm for algorithm in ALGORITHMS if name in usual_options(algorithm)]
        _add_option(group, name, usual_options(users[0])[name], _used_by(option.help, users))
    for part in ("loss", "stream"):
        group.add_argument(
            f"--{part}",
            metavar="PATH",
            default="",
            help=f"{part} of your own instead of the algorithm's: my_module:my_{part}",
        )
    group.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="keyword argument for the loss or the stream; may be given several times",
    )


def _add_dataset(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--kind",
        choices=tuple(GRAPHS),
        default="",
        help="kind of graph (default: the first that has the options given)",
    )
    for name, option in GRAPH_OPTIONS.items():
        users = [kind for kind in GRAPHS if name in graph_options(kind)]
        _add_option(group, name, graph_options(users[0])[name], _used_by(option.help, users))
    for name, said in SPLIT.items():
        _add_option(group, name, getattr(DatasetSettings(), name), said)


def _used_by(said: str, users: Iterable[str]) -> str:
    return f"{said} [{', '.join(users)}]"


def _add_option(group: argparse._ArgumentGroup, name: str, usual: Any, said: str) -> None:
    """Add an option of the type of its default: a flag, a range, a number or text.

    Raises InputError for a default of another type, and for a name that another option has.
    """
    if type(usual) not in {*METAVARS, bool}:
        raise InputError(
            f"the option {name} has the default {shown(usual)}: a default on the command line is "
            "a number, a text, a pair of numbers, True or False"
        )
    default = None if "(default" in said else usual  # None: it depends on other options
    if isinstance(usual, bool):
        how: dict[str, Any] = {"action": "store_true"}
    else:
        how = {"default": default, "type": type(usual), "metavar": METAVARS[type(usual)]}
    if isinstance(usual, tuple):
        how |= {"nargs": 2, "type": float}
    try:
        group.add_argument(flags([name]), dest=name, help=said, **how)
    except argparse.ArgumentError:
        raise InputError(
            f"two options are called {flags([name])}: give the one of your algorithm or graph "
            "another name"
        ) from None


def add_files(command: argparse.ArgumentParser) -> None:
    """Add --graph, --train, --test and --prompt."""
    files = command.add_argument_group("your own data (all three files together)")
    rows = "one path a line, `s t s a b t`: source, target, then the nodes of the path"
    for name, what in (
        ("graph", "the graph: GraphML, node-link JSON or edge list"),
        ("train", f"paths to train on, {rows}"),
        ("test", "paths whose source-target pairs are held out, in the same format"),
    ):
        files.add_argument(f"--{name}", metavar="FILE", help=what)
    add_prompt(files)


def add_prompt(command: argparse._ActionsContainer) -> None:
    """Add --prompt."""
    command.add_argument(
        "--prompt",
        metavar="WORDS",
        help="the tokens before a path, written with s and t; a path starts with its source: "
        f'"{USUAL}" for rows `{row_of(USUAL)}`, "{REPEATED}" for `{row_of(REPEATED)}`, '
        f'"{LEFT_OUT}" for `{row_of(LEFT_OUT)}` (default: found from the rows)',
    )


def own_files(options: argparse.Namespace, folder: Path | None = None) -> FileDataset | None:
    """The dataset that these options name, or None. Raises InputError if a file is missing.

    Files that no option names are looked for in the folder, if one is given.
    """
    given = [options.graph, options.train, options.test]
    if folder is not None and not all(given):
        known = DataFiles(*(Path(name) if name else None for name in given))
        given = [path and str(path) for path in data_files(folder, known=known)]
    if not any(given):
        return None
    graph, train, test = given
    if not (graph and train and test):
        lacks = [name for name, path in zip(DataFiles._fields, given, strict=True) if not path]
        where = f"{folder} has none for {flags(lacks)}" if folder else "give all three files"
        raise InputError(f"--graph, --train and --test go together: {where}")
    prompt = "" if options.prompt is None else check_prompt(options.prompt)
    return FileDataset(graph=graph, train=train, test=test, prompt=prompt)


def add_model(command: argparse.ArgumentParser, samples: int, what: str) -> None:
    """Add the run or checkpoint, its data, and how paths are sampled."""
    add = command.add_argument
    add(
        "run",
        type=Path,
        help="a run's folder, or a nanoGPT checkpoint (.pt, .safetensors), or a folder with some: "
        "of these the one with the most updates in its name",
    )
    add_files(command)
    add(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="take the graph and the rows from this folder, by their names: path_graph.graphml, "
        "train_20.txt, test.txt (default: the checkpoint's folder)",
    )
    add(
        "--heads",
        type=int,
        metavar="N",
        help="number of attention heads of a checkpoint that does not say it",
    )
    add("--samples", type=int, metavar="N", default=samples, help=what)
    add(
        "--temperature",
        type=float,
        metavar="T",
        default=1.0,
        help="temperature of the sampled paths, above 0",
    )
    add("--seed", type=int, metavar="N", default=0, help="seed of the sampled paths")
    add("--json", action="store_true", help=JSON)


@dataclass(frozen=True)
class Subject:
    """A model to evaluate, its graph and data, and how its paths are sampled.

    `foreign` says that the model is a checkpoint of another program.
    """

    model: PathModel
    dataset: Dataset
    sampler: Sampler
    foreign: bool


def subject(options: argparse.Namespace) -> Subject:
    """The model and data that the options name; warnings go to standard error."""
    path, foreign = _model_file(options.run)
    folder = options.data or (path.parent if foreign and path.exists() else None)
    if folder is not None and not folder.is_dir():
        raise InputError(f"--data {folder}: expected a folder with the graph and the rows")
    own = own_files(options, folder)
    opened = _foreign(options, path, folder, own) if foreign else _own(options, path, own)
    for note in opened.notes:
        _say(note)
    sampler = replace(opened.sampler, temperature=options.temperature)
    return Subject(opened.model, opened.dataset, sampler, foreign)


def _model_file(path: Path) -> tuple[Path, bool]:
    """Where the model is, and whether another program wrote it: a file, or one of a folder."""
    if path.is_dir() and not (path / "run.json").exists():
        found = newest_checkpoint(path)
        if found is not None:
            _say(f"the checkpoint is {found}")
            return found, True
    return path, path.is_file() or (path.suffix != "" and not path.exists())


def _foreign(
    options: argparse.Namespace, path: Path, folder: Path | None, own: FileDataset | None
) -> Opened:
    """Another program's checkpoint and its data."""
    if own is None and path.exists():
        raise InputError(
            "a bare checkpoint needs its data: give --graph, --train and --test, or --data "
            f"FOLDER; {folder} has none"
        )
    if own is not None and not (options.graph and options.train and options.test):
        _say(f"the data are {own.graph}, {own.train} and {own.test}")
    return open_checkpoint(path, own, heads=options.heads)


def _own(options: argparse.Namespace, path: Path, own: FileDataset | None) -> Opened:
    """A run of planrl, on its own data or others."""
    if options.heads is not None:
        raise InputError("--heads is for a checkpoint file: a run's folder says its own")
    if options.prompt is not None and own is None:
        raise InputError("--prompt is for a checkpoint file or for your own rows: leave it out")
    if options.data is not None and own is None:
        raise InputError(
            f"--data {options.data}: the folder has no graph and no rows. Leave --data out for the "
            "run's own data"
        )
    saved = load(path)
    settings = RunSettings.of(saved)
    dataset = make_dataset(own or settings.dataset)
    check_vocab(saved.model, dataset)
    sampler = settings.algorithm.sampler(dataset)
    if not isinstance(saved.model, Transformer):
        return Opened(saved.model, dataset, sampler)
    return Opened(saved.model, dataset, *fitting(sampler, saved.model, dataset, USUAL))


def _say(text: str) -> None:
    print(f"planrl: {text}", file=sys.stderr)
