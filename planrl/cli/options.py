"""What several commands share: one's own graph and rows as files, and the model to be asked."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from planrl.errors import InputError
from planrl.experiments.datasets import Dataset, FileDataset, make_dataset
from planrl.experiments.runs import RunSettings
from planrl.io.checkpoints import load
from planrl.io.formats import read_nanogpt
from planrl.io.prompts import REPEATED, USUAL, Prompted, check_prompt, writes_source
from planrl.models import PathModel
from planrl.sampling import Sampler
from planrl.tasks import PROMPT
from planrl.transformer import Transformer


def add_files(command: argparse.ArgumentParser) -> None:
    """Add --graph, --train, --test and --prompt."""
    files = command.add_argument_group("your own data (all three files together)")
    for name, what in (
        ("graph", "GraphML, node-link JSON or edge list"),
        ("train", "rows"),
        ("test", "rows"),
    ):
        files.add_argument(f"--{name}", metavar="FILE", help=f"{what} (`s t s a b t` a line)"
                           if what == "rows" else what)  # fmt: skip
    add_prompt(files)


def add_prompt(command: argparse._ActionsContainer) -> None:
    """Add --prompt."""
    command.add_argument(
        "--prompt",
        metavar="WORDS",
        help="the words s and t before a path, which starts with its source: "
        f'"{REPEATED}" for rows `s t s s a b t` ("{USUAL}")',
    )


def own_files(options: argparse.Namespace) -> FileDataset | None:
    """The world these name, or None. Raises InputError if one is missing."""
    given = [options.graph, options.train, options.test]
    if not any(given):
        return None
    if not all(given):
        raise InputError("--graph, --train and --test go together: give all three files")
    prompt = options.prompt or USUAL
    return FileDataset(graph=options.graph, train=options.train, test=options.test, prompt=prompt)


def add_model(command: argparse.ArgumentParser, samples: int, what: str) -> None:
    """Add the run or checkpoint, its data, and how paths are sampled."""
    add = command.add_argument
    add("run", type=Path, help="a run's folder, or a nanoGPT checkpoint (.pt, .safetensors)")
    add_files(command)
    add("--heads", type=int, metavar="N", help="attention heads of a checkpoint that does not say")
    add("--samples", type=int, default=samples, help=f"{what} ({samples})")
    add("--temperature", type=float, default=1.0, help="of the sampled paths (1)")
    add("--seed", type=int, default=0)
    add("--json", action="store_true", help="one JSON object on standard output")


@dataclass(frozen=True)
class Subject:
    """A model to be asked, its graph and data, and how its paths are sampled.

    `foreign` says that it is a checkpoint of another program's.
    """

    model: PathModel
    dataset: Dataset
    sampler: Sampler
    foreign: bool


def subject(options: argparse.Namespace) -> Subject:
    """What the options name. What is odd about it is said on standard error."""
    own, path = own_files(options), options.run
    foreign = path.is_file() or (path.suffix != "" and not path.exists())
    model: PathModel
    if foreign:
        if own is None:
            raise InputError("a bare checkpoint needs its data: give --graph, --train and --test")
        model, dataset = read_nanogpt(path, heads=options.heads), make_dataset(own)
        sampler = Sampler(max_tokens=dataset.max_tokens)
    else:
        if options.heads is not None:
            raise InputError("--heads is for a checkpoint file: a run's folder says its own")
        if options.prompt is not None and own is None:
            raise InputError("--prompt is for a checkpoint file or for your own rows: leave it out")
        saved = load(path)
        model, settings = saved.model, RunSettings.of(saved)
        dataset = make_dataset(own or settings.dataset)
        sampler = settings.algorithm.sampler(dataset)
    if model.vocab != dataset.train.vocab:
        raise InputError(
            f"the model knows {model.vocab.n_nodes} nodes, the graph has {dataset.graph.n}"
        )
    if isinstance(model, Transformer):
        words = check_prompt(options.prompt or USUAL) if foreign else USUAL
        sampler = _fitting(sampler, model, dataset, words)
        if foreign:
            _say_of_prompt(model, dataset, words)
        if words != USUAL:
            model = Prompted(model, words)
    return Subject(model, dataset, replace(sampler, temperature=options.temperature), foreign)


def _fitting(sampler: Sampler, model: Transformer, dataset: Dataset, words: str) -> Sampler:
    """The sampler, for paths that are no longer than the model's rows behind this prompt."""
    most = model.config.positions - (len(words.split()) - len(USUAL.split()))
    if most <= PROMPT:
        raise InputError(f"the model reads at most {model.config.positions} tokens: too few for a "
                         "prompt and a path")  # fmt: skip
    longest = max(dataset.paths.shape[1], dataset.longest)
    if longest > most:
        _say(f"the model reads at most {most} tokens, and the longest row has {longest}: longer "
             "paths count as too long")  # fmt: skip
    return replace(sampler, max_tokens=min(most, sampler.max_tokens))


def _say_of_prompt(model: Transformer, dataset: Dataset, words: str) -> None:
    """Say if the model seems to have been trained with another prompt than is put to it."""
    asked = REPEATED if words == USUAL else words  # planrl gives the path's first node, too
    if len(asked.split()) < PROMPT or len(asked.split()) > model.config.positions:
        return
    share = float(writes_source(model, dataset.train.pairs[:1000], asked).mean())
    if words == USUAL and share > 0.5:
        _say(f"{share:.0%} of the first steps lead from the source to itself: the model repeats "
             f'the source after `{asked}`. Give --prompt "{REPEATED}" if its rows do')  # fmt: skip
    elif words != USUAL:
        _say(f"the source is given after `{asked}`; by itself the model writes it with "
             f"probability {share:.3f}")  # fmt: skip


def _say(text: str) -> None:
    print(f"planrl: {text}", file=sys.stderr)
