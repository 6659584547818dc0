"""Checkpoints of other programs, with their data, as models that planrl evaluates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from planrl.errors import InputError
from planrl.experiments.datasets import Dataset, FileDataset, make_dataset
from planrl.io.formats import read_nanogpt
from planrl.io.layouts import DataFiles, data_files, newest_checkpoint
from planrl.io.prompts import (
    REPEATED,
    USUAL,
    Prompted,
    before_steps,
    row_of,
    writes_source,
)
from planrl.models import PathModel
from planrl.sampling import Sampler
from planrl.tasks import PROMPT
from planrl.transformer import Transformer


@dataclass(frozen=True)
class Opened:
    """A model, its graph and data, how its paths are sampled, and what a reader should know."""

    model: PathModel
    dataset: Dataset
    sampler: Sampler
    notes: tuple[str, ...] = ()


def open_checkpoint(
    run: str | Path, data: str | Path | FileDataset | None = None, *, heads: int | None = None
) -> Opened:
    """A checkpoint of nanoGPT's layout and its data, ready for `evaluate` and `measure_model`.

    `run` is the file, or a folder with several, of which the one with the most updates in its name
    is taken. `data` is a folder with the graph, the rows to train on and those to test on, as
    ALPINE's template names them, or the three files; by default the folder of the checkpoint. The
    model is asked in the form that the rows have. Raises InputError for what does not fit.
    """
    run, notes = Path(run), []
    if not run.exists():
        raise InputError(f"{run} was given: expected a checkpoint, or a folder with some")
    if run.is_dir():
        found = newest_checkpoint(run)
        if found is None:
            raise InputError(f"{run} has no checkpoint (.pt, .pth, .safetensors)")
        run = found
        notes.append(f"the checkpoint is {run}")
    files = data if isinstance(data, FileDataset) else _in_folder(Path(data or run.parent), run)
    model, dataset = read_nanogpt(run, heads=heads), make_dataset(files)
    if not isinstance(data, FileDataset):
        notes.append(f"the data are {files.graph}, {files.train} and {files.test}")
    return with_prompt(model, dataset, Sampler(max_tokens=dataset.max_tokens), tuple(notes))


def _in_folder(folder: Path, run: Path) -> FileDataset:
    """The data in a folder, which must have all three files."""
    if not folder.is_dir():
        raise InputError(f"{folder} was given for the data of {run}: expected a folder")
    found = data_files(folder)
    lacks = [name for name, path in zip(DataFiles._fields, found, strict=True) if path is None]
    if lacks:
        raise InputError(
            f"{run} needs its data, but {folder} has no {' and no '.join(lacks)} file. Expected: "
            "a graph (path_graph.graphml), train*.txt and test*.txt"
        )
    return FileDataset(graph=str(found.graph), train=str(found.train), test=str(found.test))


def with_prompt(
    model: Transformer, dataset: Dataset, sampler: Sampler, notes: tuple[str, ...] = ()
) -> Opened:
    """Another program's model, asked in the form of its rows, for paths as long as it can read."""
    words = dataset.prompt
    sampler, more = fitting(sampler, model, dataset, words)
    said = (*notes, *more, *_of_prompt(model, dataset, words))
    return Opened(model if words == USUAL else Prompted(model, words), dataset, sampler, said)


def check_vocab(model: PathModel, dataset: Dataset) -> None:
    """Raise InputError if a model knows more or fewer nodes than the graph has."""
    if model.vocab != dataset.train.vocab:
        raise InputError(
            f"the model knows {model.vocab.n_nodes} nodes, the graph has {dataset.graph.n}"
        )


def fitting(
    sampler: Sampler, model: Transformer, dataset: Dataset, words: str
) -> tuple[Sampler, tuple[str, ...]]:
    """The sampler, for paths that are no longer than the model's rows behind this prompt."""
    check_vocab(model, dataset)
    most = model.config.positions - (len(before_steps(words)) - PROMPT)
    if most <= PROMPT:
        raise InputError(
            f"the model reads at most {model.config.positions} tokens: too few for a "
            "prompt and a path"
        )
    longest = max(dataset.paths.shape[1], dataset.longest)
    notes = (
        f"the model reads at most {most} tokens, and the longest row has {longest}: longer "
        "paths count as too long",
    )
    shorter = replace(sampler, max_tokens=min(most, sampler.max_tokens))
    return shorter, notes if longest > most else ()


def _of_prompt(model: Transformer, dataset: Dataset, words: str) -> tuple[str, ...]:
    """What to say if the model may have been trained with another prompt than is put to it."""
    asked = REPEATED if words == USUAL else words  # planrl gives the path's first node, too
    if len(asked.split()) > model.config.positions:
        return ()
    share = float(writes_source(model, dataset.train.pairs[:1000], asked).mean())
    if words.endswith("-"):
        said = (
            f"the rows have the form `{row_of(words)}`, so the first step is asked without the "
            f"source before it; the model writes the source there with probability {share:.3f}"
        )
    elif words != USUAL:
        said = (
            f"the source is given after `{asked}`; by itself the model writes it with "
            f"probability {share:.3f}"
        )
    elif share > 0.5:
        said = (
            f"{share:.0%} of the first steps lead from the source to itself: the model repeats "
            f'the source after `{asked}`. Give --prompt "{REPEATED}" if its rows do'
        )
    else:
        return ()
    return (said,)
