"""planrl paths: the paths that a model gives, with the names of its graph's nodes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from planrl.cli.options import add_model, subject
from planrl.errors import InputError, shown, whole
from planrl.experiments.datasets import FileDataset
from planrl.experiments.runs import RunSettings
from planrl.graphs import Graph, seeded
from planrl.io.checkpoints import load
from planrl.io.files import to_json
from planrl.io.text_rows import why_no_path
from planrl.models import PathModel
from planrl.sampling import Sampler, rollout, sample_distinct
from planrl.tasks import PROMPT, is_path
from planrl.transformer import Transformer

SHOWN = 10  # pairs, if none are named


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "paths", help="print the paths that a model gives, and which of them are correct"
    )
    command.set_defaults(execute=run)
    add_model(command, 0, "number of paths sampled for each pair; 0: the greedy path")
    command.add_argument(
        "--pairs",
        nargs="+",
        default=[],
        metavar="PAIR",
        help='source and target, as "A B" or "New York -> Boston" (default: the first '
        f"{SHOWN} test pairs)",
    )


def run(options: argparse.Namespace) -> int:
    """Print the paths: 0, whether they are correct or not."""
    whole(options.samples, "--samples", least=0)
    if options.temperature != 1.0 and not options.samples:
        raise InputError("--temperature is for sampled paths: give --samples, or leave it out")
    checked = True
    try:
        asked = subject(options)
        model, graph, sampler = asked.model, asked.dataset.graph, asked.sampler
        pairs = asked.dataset.test.pairs[:SHOWN]
    except InputError as error:
        kept = _kept(options)
        if kept is None:
            raise
        checked = False
        model, graph, sampler = kept
        print(
            f"planrl: {error}. The run has kept the nodes' names: its paths are printed, but not "
            "checked",
            file=sys.stderr,
        )
    if options.pairs:
        pairs = torch.tensor([_pair(text, graph) for text in options.pairs])
    found = list(_found(model, graph, pairs, sampler, options))
    for entry in found if not checked else ():
        entry |= {"correct": None, "reason": ""}
    if options.json:
        print(to_json(found).decode())
        return 0
    for entry in found:
        times = f"{entry['count']} x " if options.samples else ""
        verdict = entry["reason"] or "correct" if checked else "not checked"
        print(f"{times}{' -> '.join(map(_printable, entry['path']))}: {verdict}")
    if checked:
        total = sum(entry["count"] for entry in found)
        right = sum(entry["count"] for entry in found if entry["correct"])
        print(f"{right} of {total} paths are correct")
    return 0


def _found(
    model: PathModel,
    graph: Graph,
    pairs: torch.Tensor,
    sampler: Sampler,
    options: argparse.Namespace,
) -> Iterator[dict[str, Any]]:
    rng = seeded(options.seed, "paths")
    if options.samples:
        drawn = sample_distinct(model, pairs, options.samples, rng=rng, sampler=sampler)
        tokens, count = drawn.tokens, drawn.count.tolist()
    else:
        greedy = Sampler(greedy=True, max_tokens=sampler.max_tokens, may_stop=sampler.may_stop)
        tokens = rollout(model, pairs, rng=rng, sampler=greedy)
        count = [1] * len(pairs)
    for row, right, times in zip(
        tokens.tolist(), is_path(graph, tokens).tolist(), count, strict=True
    ):
        nodes = [v for v in row if v != graph.n]
        names = [graph.labels[v] for v in nodes]
        yield {
            "source": names[0],
            "target": names[1],
            "path": names[PROMPT - 1 :],
            "count": times,
            "correct": right,
            "reason": "" if right else _why(graph, row, nodes),
        }


def _why(graph: Graph, row: list[int], nodes: list[int]) -> str:
    if nodes[-1] == nodes[1] and graph.n not in row:
        return "is too long for the model"
    return why_no_path(graph, nodes)


def _printable(label: str) -> str:
    return label if label.isprintable() else shown(label)


def _pair(text: str, graph: Graph) -> tuple[int, int]:
    """The nodes that a text names: two names, with `->` or a comma between them if need be."""
    number = {label: v for v, label in enumerate(graph.labels)}
    words = text.split()
    splits = [(" ".join(words[:k]), " ".join(words[k:])) for k in range(1, len(words))]
    for mark in ("->", ","):
        before, found, after = text.partition(mark)
        splits += [(before.strip(), after.strip())] if found else []
    known = {(number[a], number[b]) for a, b in splits if a in number and b in number}
    if len(known) > 1:
        raise InputError(f"the pair {shown(text)} can be read in two ways: write `A -> B`")
    for source, target in known:
        if source == target:
            raise InputError(f"the pair {shown(text)} has the same source and target")
        return source, target
    if len(words) == 2:
        for word in words:
            graph.index(word)  # says what there is
    raise InputError(
        f"the pair {shown(text)} is not the names of two nodes: write a source and a target that "
        "the graph has, `A B` or `A -> B`"
    )


def _kept(options: argparse.Namespace) -> tuple[PathModel, Graph, Sampler] | None:
    """Of a run whose own files are gone or have changed: its model, and a graph of names alone."""
    if options.run.is_file() or not options.pairs or options.graph:
        return None
    saved = load(options.run)
    settings, model = RunSettings.of(saved), saved.model
    data, n = settings.dataset, model.vocab.n_nodes
    if not isinstance(data, FileDataset) or len(data.labels) != n:
        return None
    longest = model.config.positions if isinstance(model, Transformer) else n + PROMPT + 1
    usual = settings.algorithm.sampler()
    sampler = replace(usual, max_tokens=longest, temperature=options.temperature)
    return model, Graph(n, [], data.labels), sampler
