"""What training and asking cost, along five axes: a step, a roll-out, a graph, its paths.

Each piece of work is measured at a base (the paper's graph of 100 nodes, one layer, width 120,
batches of 256) and with one size changed at a time: nodes, batch, layers, width, path length. Every
point is measured in a process of its own, in seconds of its processor time (`cpu_seconds`, the
median of the repetitions) and of wall-clock time, and in memory: what the process held before, and
the most while it worked.

How fast a processor is depends on the hour, so the same matrix product, [1024, 120] times
[120, 480], is timed between the repetitions. `gemm_gflops` is its rate, and `floor`, the `flops` of
the work at that rate over its cost, is the share of the time that the products alone would take. A
cost is linear in a size where it grows like `flops`; where `floor` moves, something else counts.

The nodes' axis keeps the probability of an edge, so edges grow with the square of the nodes. The
length's axis changes the graph, not the number of its nodes: they stand in `length + 4` layers,
each node leads to all of the next layer, and the questions are those whose answers have exactly
`length` edges. So the edges become fewer as the paths become longer.
"""

from __future__ import annotations

import ctypes
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from planrl.errors import InputError, check_fields, number, shown, whole
from planrl.experiments.study import Calculation
from planrl.graphs import MOST_SQUARE, Graph, layered, random_dag, seeded
from planrl.losses import policy_gradient, sft
from planrl.sampling import MOST_ROWS, Sampler, rollout
from planrl.streams import demonstrations, on_policy, sample_paths
from planrl.tasks import PROMPT, Batch, Task, all_pairs
from planrl.train import TrainConfig, train
from planrl.transformer import Transformer, TransformerConfig

EDGE_PROBABILITY = 0.15
Prepared = tuple[Callable[[], object], dict[str, Any]]
"""The work as a function to be called again and again, and facts about it."""
PATHS = 10  # for each pair
MOST_PAIRS = 20_000  # whose paths are sampled; larger graphs have more, of which these are drawn
SHOWN_PAIRS = 2_000  # whose paths the model is shown
SHOWN_STEPS = 150  # updates before it samples paths, so that they look like answers
STILL = TrainConfig(lr=1e-12)  # updates that change next to nothing: all repetitions do the same


@dataclass(frozen=True, kw_only=True)
class Point:
    """One piece of work at one size, and how it is timed. `length=0` is the random graph."""

    work: str = "sft step"
    nodes: int = 100
    batch: int = 256
    layers: int = 1
    width: int = 120
    length: int = 0
    repetitions: int = 5
    seconds: float = 0.3

    def __post_init__(self) -> None:
        check_fields(self)
        if self.work not in WORK:
            raise InputError(f"work {self.work!r} is unknown: choose {', '.join(WORK)}")
        whole(self.nodes, "nodes", least=3, most=MOST_SQUARE)
        whole(self.batch, "batch", least=1, most=MOST_ROWS // 4)  # a roll-out has four times that
        whole(self.length, "length", least=0)
        whole(self.repetitions, "repetitions", least=1, most=1_000_000)
        number(self.seconds, "seconds", least=0.0, most=86_400.0)
        TransformerConfig(layers=self.layers, width=self.width)
        if self.length and self.nodes < self.length + 4:
            raise InputError(f"paths of {self.length} edges need {self.length + 4} nodes or more")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The sizes along each axis, around `base`."""

    base: Point = field(default_factory=Point)
    nodes: tuple[int, ...] = (50, 100, 200, 400, 800)
    batch: tuple[int, ...] = (32, 64, 128, 256, 512, 1024, 2048)
    layers: tuple[int, ...] = (1, 2, 3, 4)
    width: tuple[int, ...] = (60, 120, 180, 240)
    length: tuple[int, ...] = (4, 8, 15, 30, 60)

    def __post_init__(self) -> None:
        check_fields(self)
        if not isinstance(self.base, Point):
            raise InputError(f"base is a Point, not {shown(self.base)}")
        for axis in NAMES:
            if not getattr(self, axis):
                raise InputError(f"{axis} has no sizes: give one or more")
            for size in getattr(self, axis):
                replace(self.base, **{axis: size})  # which refuses what can't be measured


def points(settings: Settings) -> list[Point]:
    """All points, each once, axis by axis."""
    # here, so that the command line needs joblib for this only
    from planrl.experiments.sweeps import grid

    axes = {axis: {"work": works, axis: getattr(settings, axis)} for axis, works in AXES.items()}
    return list(dict.fromkeys(p for axis in axes.values() for p in grid(settings.base, **axis)))


def run(**settings: Any) -> dict[str, Any]:
    """A row for each point, one after the other; the options are the fields of `Settings`.

    The points share no process, but the machine.
    """
    from planrl.experiments.sweeps import sweep

    wanted = points(settings_of(settings))
    return {"rows": [result.value for result in sweep(measure, wanted, n_jobs=1)]}


def settings_of(page: Mapping[str, Any]) -> Settings:
    """The settings from plain values."""
    sizes = {axis: tuple(page[axis]) for axis in NAMES if axis in page}
    return Settings(base=Point(**page.get("base", {})), **sizes)


def along(
    rows: Iterable[Mapping[str, Any]], work: str, axis: str, base: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """The rows of one curve: this work, this axis, all else as in `base`, by size."""
    fixed = {name: base[name] for name in AXES if name != axis} | {"work": work}
    on_it = [row for row in rows if all(row[name] == value for name, value in fixed.items())]
    return sorted((r for r in on_it if axis != "length" or r["length"]), key=lambda r: r[axis])


def measure(point: Point) -> dict[str, Any]:
    """The row of a point, measured in a process that has done nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        return fresh.submit(_measure, point).result()


def _measure(point: Point) -> dict[str, Any]:
    torch.set_num_threads(1)
    left, right = torch.ones(1024, 120), torch.ones(120, 480)
    gemm_flops = 2 * 1024 * 120 * 480
    work, facts = WORK[point.work](point)
    before = memory(afresh=True)
    once = timed(work, 2)[0]
    peak = memory()
    operations, calls = flops(work), max(1, round(point.seconds / once))
    spent, rates = [], []
    for _ in range(point.repetitions):
        rates.append(gemm_flops / timed(lambda: left @ right, 20)[0] / 1e9)
        spent.append(timed(work, calls))
    cpu, wall = zip(*spent, strict=True)
    cost, rate = statistics.median(cpu), statistics.median(rates)
    return {
        **asdict(point),
        **facts,
        "calls": calls,
        "cpu_seconds": cost,
        "cpu_seconds_range": [min(cpu), max(cpu)],
        "wall_seconds": statistics.median(wall),
        "gemm_gflops": rate,
        "flops": operations,
        "floor": operations / (rate * 1e9) / cost,
        "memory_before": before,
        "memory_peak": peak,
    }


def _graph(point: Point) -> Graph:
    if not point.length:
        return random_dag(point.nodes, EDGE_PROBABILITY, seeded(0, "graph"))
    return layered(_widths(point), 1.0, seeded(0, "graph"))


def _widths(point: Point) -> list[int]:
    layers = point.length + 4
    return [point.nodes // layers + (k < point.nodes % layers) for k in range(layers)]


def _task(point: Point, most: int) -> tuple[Task, dict[str, Any]]:
    """At most so many questions of the graph, and how many there are of what."""
    task = all_pairs(_graph(point))
    pairs = task.pairs
    if point.length:
        widths = torch.tensor(_widths(point))
        layer = torch.repeat_interleave(torch.arange(len(widths)), widths)
        pairs = pairs[layer[pairs[:, 1]] - layer[pairs[:, 0]] == point.length]
    chosen = pairs[torch.randperm(len(pairs), generator=seeded(0, "pairs"))[:most]]
    facts = {"edges": len(task.graph.edges), "pairs": len(pairs), "pairs_used": len(chosen)}
    return Task(task.graph, chosen), facts


def _tokens(rows: Iterable[torch.Tensor], end: int) -> float:
    """How many tokens a batch holds on average, END left out."""
    return statistics.fmean(float((tokens != end).sum()) for tokens in rows)


@dataclass(frozen=True)
class _Setting:
    """What the model's work needs. `steps` updates have shown it how answers look."""

    task: Task
    model: Transformer
    sampler: Sampler
    facts: dict[str, Any]
    shown: Iterator[Batch]

    @staticmethod
    def of(point: Point, steps: int) -> _Setting:
        task, facts = _task(point, SHOWN_PAIRS)
        longest = max(20, point.length + PROMPT + 1)
        sizes = {"layers": point.layers, "width": point.width, "positions": max(32, longest)}
        model = Transformer(task.vocab, TransformerConfig(**sizes), seeded(0, "weights"))
        paths = sample_paths(task, PATHS, seeded(0, "paths"))
        shown = demonstrations(task, paths, rng=seeded(0, "batches"), size=point.batch)
        first = demonstrations(task, paths, rng=seeded(0, "first batches"), size=128)
        if steps:
            list(train(model, first, sft, TrainConfig(steps=steps, lr=3e-3)))
        return _Setting(task, model, Sampler(max_tokens=longest), facts, shown)

    def updates(self, batches: Iterator[Batch], loss: Any) -> Prepared:
        """The work of one update, and what it works on."""
        end = self.task.vocab.end
        tokens = _tokens((next(batches).tokens for _ in range(5)), end)
        going = train(self.model, batches, loss, STILL)
        return lambda: next(going), {**self.facts, "tokens": tokens}


def _sft_step(point: Point) -> Prepared:
    setting = _Setting.of(point, steps=0)
    return setting.updates(setting.shown, sft)


def _pg_step(point: Point) -> Prepared:
    setting = _Setting.of(point, steps=SHOWN_STEPS)
    rng, sampler = seeded(0, "walks"), setting.sampler
    rollouts = on_policy(setting.model, setting.task, rng=rng, sampler=sampler, size=point.batch)
    return setting.updates(rollouts, policy_gradient)


def _roll_out(point: Point) -> Prepared:
    """Four prompts for each row of a batch: 1,024 at the base."""
    setting = _Setting.of(point, steps=SHOWN_STEPS)
    rng = seeded(0, "walks")
    pairs = setting.task.pairs
    pairs = pairs[torch.randint(len(pairs), (4 * point.batch,), generator=rng)]

    def path() -> torch.Tensor:
        return rollout(setting.model, pairs, rng=rng, sampler=setting.sampler)

    tokens = _tokens((path() for _ in range(2)), setting.task.vocab.end)
    return path, {**setting.facts, "prompts": len(pairs), "tokens": tokens}


def _build(point: Point) -> Prepared:  # the graph, its reachability and all its questions
    return lambda: all_pairs(_graph(point)), _task(point, point.nodes**2)[1]


def _paths(point: Point) -> Prepared:
    (task, facts), rng = _task(point, MOST_PAIRS), seeded(0, "paths")
    tokens = _tokens([sample_paths(task, PATHS, rng)], task.vocab.end)
    return lambda: sample_paths(task, PATHS, rng), {**facts, "tokens": tokens}


WORK: dict[str, Callable[[Point], Prepared]] = {
    "sft step": _sft_step,
    "policy-gradient step": _pg_step,
    "roll-out": _roll_out,
    "graph": _build,
    "paths": _paths,
}
MODELS: Sequence[str] = ("sft step", "policy-gradient step", "roll-out")
NAMES = ("nodes", "batch", "layers", "width", "length")
AXES: dict[str, Sequence[str]] = dict.fromkeys(NAMES, MODELS)
AXES["nodes"] = AXES["length"] = tuple(WORK)
"""Axis -> the work that is measured along it."""


def flops(work: Callable[[], object], calls: int = 3) -> float:
    """The mean number of floating-point operations in a call's matrix products."""
    with FlopCounterMode(display=False) as counter:
        for _ in range(calls):
            work()
    return int(counter.get_total_flops()) / calls


def timed(work: Callable[[], object], calls: int) -> tuple[float, float]:
    """Processor and wall-clock seconds of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        work()
    return (time.process_time() - cpu) / calls, (time.perf_counter() - wall) / calls


def memory(*, afresh: bool = False) -> int:
    """The most bytes this process has held, since the last call with `afresh` where Linux tells.

    Elsewhere since its beginning. (Linux's ru_maxrss may be that of the process it comes from.)
    """
    if (status := Path("/proc/self/status")).exists():
        if afresh:
            with suppress(AttributeError):  # what is free goes back first, if the C library can
                ctypes.CDLL(None).malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5")
        lines = [line.split() for line in status.read_text().splitlines()]
        return next(int(line[1]) * 1024 for line in lines if line and line[0] == "VmHWM:")
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most if sys.platform == "darwin" else most * 1024)


STUDIES = (
    Calculation(name="costs", call="planrl.experiments.costs:run", options=asdict(Settings())),
)
"""One result, without a seed."""
