"""What state graphs of planning problems cost, from a hundred states to five thousand.

Each problem is measured in a process of its own, in seconds of its processor time and in bytes:
reading the problem and listing its states (`states`), the facts of its structure (`structure`),
which state reaches which (`reachability`), all distances (`distances`), and one update of a
Transformer by SFT (`sft step`) and by policy gradient (`policy-gradient step`). An update is one of
128 paths, of pairs at most `EDGES` edges apart.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch

from planrl.domains.examples import FOLDER, example
from planrl.domains.pddl import read_problem
from planrl.domains.state_space import state_graph
from planrl.domains.strips import Problem
from planrl.domains.structure import structure
from planrl.errors import InputError, whole
from planrl.experiments.costs import memory, timed
from planrl.experiments.study import Calculation
from planrl.graphs import Graph, seeded
from planrl.losses import policy_gradient, sft
from planrl.sampling import Sampler
from planrl.streams import demonstrations, on_policy
from planrl.tasks import PROMPT, Task
from planrl.train import TrainConfig, train
from planrl.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor

PROBLEMS = ("hanoi-4", "hanoi-5", "blocks-5", "hanoi-6", "hanoi-7", "peg-5", "blocks-6")
"""From 81 states to 4,051. The number of hanoi and blocks is that of discs and blocks."""
EDGES = 8  # at most, between source and target of a training pair
PAIRS = 2_000  # training pairs
BATCH = 128  # paths in an update
SHOWN = 100  # SFT updates before policy gradient samples paths


def hanoi(discs: int) -> str:
    """The problem of so many discs on three pegs, as PDDL."""
    names = [f"d{k}" for k in range(1, discs + 1)]
    pegs = ["left", "middle", "right"]
    fits = [f"(fits {a} {b})" for k, a in enumerate(names) for b in [*pegs, *names[k + 1 :]]]
    pile = [f"(on {a} {b})" for a, b in pairwise(names)]
    start = [*fits, *pile, f"(on {names[-1]} left)"]
    start += [f"(clear {x})" for x in (names[0], "middle", "right")]
    goal = [*pile, f"(on {names[-1]} right)"]
    return _problem(f"hanoi-{discs}", [*names, *pegs], start, goal)


def blocks(number: int) -> str:
    """The problem of a pile of so many blocks that is to be turned upside down, as PDDL."""
    names = [f"b{k}" for k in range(1, number + 1)]
    start = [f"(on {b} {a})" for a, b in pairwise(names)]
    goal = [f"(on {a} {b})" for a, b in pairwise(names)]
    start += [f"(table {names[0]})", f"(clear {names[-1]})"]
    return _problem(f"blocks-{number}", names, start, goal)


def _problem(name: str, objects: list[str], start: list[str], goal: list[str]) -> str:
    domain = name.partition("-")[0]
    return (
        f"(define (problem {name}) (:domain {domain}) (:objects {' '.join(objects)})"
        f" (:init {' '.join(start)}) (:goal (and {' '.join(goal)})))"
    )


WRITTEN: dict[str, Callable[[int], str]] = {"hanoi": hanoi, "blocks": blocks}
"""Domain -> what writes its problem of any size; of other domains the examples are taken."""


def planning_problem(name: str) -> Problem:
    """The problem of a name such as "hanoi-6", or the example of that name.

    Raises InputError for a name that is neither.
    """
    domain, _, size = name.partition("-")
    if domain not in WRITTEN:
        return example(name)
    if not size.isdecimal():
        raise InputError(f"{name} names no size: write, for example, {domain}-5")
    text = WRITTEN[domain](whole(int(size), "the number of objects", least=2, most=20))
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.pddl"
        path.write_text(text, encoding="utf-8")
        return read_problem(FOLDER / f"{domain}.pddl", path)


def shortest_rows(
    graph: Graph, distance: Int[Tensor, "N N"], pairs: Int[Tensor, "M 2"]
) -> Int[Tensor, "M L"]:
    """A shortest path of each pair as a row of tokens; where there are several, the first one."""
    source, target = pairs.T
    steps = int(distance[target, source].max())
    rows = torch.full((len(pairs), PROMPT + steps + 1), graph.n)
    rows[:, :PROMPT] = torch.stack([source, target, source], 1)
    going, current = torch.arange(len(pairs)), source
    for position in range(PROMPT, PROMPT + steps):
        left = distance[target[going], current]
        nearer = graph.adjacency[current] & (distance[target[going]] == left[:, None] - 1)
        current = nearer.int().argmax(1)
        rows[going, position] = current
        on = left > 1
        going, current = going[on], current[on]
    return rows


def near_task(graph: Graph, distance: Int[Tensor, "N N"]) -> Task:
    """Some pairs that are at most `EDGES` edges apart."""
    target, source = ((distance > 0) & (distance <= EDGES)).nonzero().T
    chosen = torch.randperm(len(source), generator=seeded(0, "pairs"))[:PAIRS]
    return Task(graph, torch.stack([source[chosen], target[chosen]], 1))


def _updates(graph: Graph, repetitions: int) -> dict[str, dict[str, float]]:
    """What one update costs by SFT, and by policy gradient after `SHOWN` updates of SFT."""
    distance = graph.distances()
    task = near_task(graph, distance)
    rows = shortest_rows(graph, distance, task.pairs)
    model = Transformer(task.vocab, TransformerConfig(), seeded(0, "weights"))
    shown = demonstrations(task, rows, rng=seeded(0, "batches"), size=BATCH)
    imitating = train(model, shown, sft, TrainConfig(lr=3e-3))
    found = {"sft step": _measured(lambda: next(imitating), repetitions)}
    for _ in range(SHOWN - repetitions):
        next(imitating)
    sampler = Sampler(max_tokens=PROMPT + 2 * EDGES + 1)
    paths = on_policy(model, task, rng=seeded(0, "rollouts"), sampler=sampler, size=BATCH)
    improving = train(model, paths, policy_gradient, TrainConfig(lr=1e-12))
    found["policy-gradient step"] = _measured(lambda: next(improving), repetitions)
    return found


def _measured(work: Callable[[], object], repetitions: int = 1) -> dict[str, float]:
    """Processor seconds of a call (the median), and the bytes it held above what was held."""
    before = memory(afresh=True)
    seconds = [timed(work, 1)[0] for _ in range(repetitions)]
    return {"cpu_seconds": statistics.median(seconds), "bytes": max(memory() - before, 0)}


def _row(name: str, repetitions: int) -> dict[str, Any]:
    torch.set_num_threads(1)
    kept: list[Graph] = []
    parts = {
        "states": _measured(lambda: kept.append(state_graph(planning_problem(name)))),
        "structure": _measured(lambda: structure(kept[0])),
        "reachability": _measured(lambda: kept[0].reachability),
        "distances": _measured(lambda: kept[0].distances()),
        **_updates(kept[0], repetitions),
    }
    return {"problem": name, "nodes": kept[0].n, "edges": len(kept[0].edges), "parts": parts}


def run(problems: list[str] | tuple[str, ...] = PROBLEMS, repetitions: int = 9) -> dict[str, Any]:
    """A row for each problem, each measured in a process that has done nothing else."""
    rows = []
    for name in problems:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
            rows.append(fresh.submit(partial(_row, name, repetitions)).result())
    return {"rows": rows}


STUDIES = (Calculation(name="state-costs", call="planrl.experiments.state_costs:run"),)
"""One result, without a seed."""
