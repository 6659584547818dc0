"""Short runs of every algorithm on every model: ``python recorder.py [plain|disturbed|spread]``.

It prints, as JSON, every step's loss and reward, and a digest of all bits of each run. `disturbed`
does the same runs in another order while everything else is measured, drawn and thrown; `spread`
does them in two processes. Neither may change a bit. ``python recorder.py keep`` renews
records.json, against which other versions are compared: only with a change that moves numbers.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import planrl as pr

RECORDS = Path(__file__).parent / "records.json"
STEPS = 30
# How far a number may lie from the stored one, as a share of it, where torch, NumPy, Python or the
# processor differ: they round sums differently. Measured: 0, all bits alike, between the versions on
# one processor (torch 2.11.0, 2.12.0, 2.12.1, 2.13.0; NumPy 2.1.3, 2.2.6, 2.3.5, 2.4.6; Python 3.11,
# 3.13); 2.6e-5 and 4.9e-7 between instruction sets.
LOSS_TOLERANCE, WEIGHT_TOLERANCE = 1e-4, 1e-5
ALGORITHMS = (
    "sft",
    "pg",
    "pg-baseline",
    "pg-kl",
    "q-outcome",
    "q-process",
    "q-target-network",
    "q-off-policy",
)
MODELS = ("table", "linear transformer", "transformer")


@dataclass(frozen=True)
class Short:
    """One run."""

    algorithm: str
    model: str


def run_of(short: Short) -> tuple[Any, Any, Any]:
    """The task, the model and the run."""
    graph = pr.random_dag(12, 0.35, pr.seeded(3, "graph"))
    reward = (
        partial(pr.process_reward, scale=1.0)
        if short.algorithm == "q-process"
        else pr.outcome_reward
    )
    task = pr.all_pairs(graph, reward)
    model: Any = (pr.LinearTransformer if short.model == "linear transformer" else pr.LogitTable)(
        task.vocab
    )
    if short.model == "transformer":
        config = pr.TransformerConfig(width=24, heads=2)
        model = pr.Transformer(task.vocab, config, pr.seeded(0, "weights"))
    rng = pr.seeded(0, "walks")
    q = short.algorithm.startswith("q")
    sampler = pr.Sampler(epsilon=0.1, may_stop=False) if q else pr.Sampler()
    rollouts = pr.on_policy(model, task, rng=rng, sampler=sampler, size=32)
    loss: Any = pr.q_learning if q else pr.policy_gradient
    refresh = None
    if short.algorithm == "sft":
        paths = pr.sample_paths(task, 2, pr.seeded(0, "paths"))
        rollouts, loss = pr.demonstrations(task, paths, rng=rng, size=32), pr.sft
    elif short.algorithm == "pg-baseline":
        loss = partial(pr.policy_gradient, baseline=True)
    elif short.algorithm == "pg-kl":
        loss, refresh = partial(pr.policy_gradient, kl=0.1), 0
    elif short.algorithm == "q-target-network":
        loss, refresh = partial(pr.q_learning, discount=0.9, value_bounds=(0.0, 1.0)), 5
    elif short.algorithm == "q-off-policy":
        rollouts = pr.replay(rollouts, rng=pr.seeded(0, "replay"), capacity=4)
    config = pr.TrainConfig(
        steps=STEPS, lr=0.005 if short.model == "transformer" else 0.05, refresh=refresh
    )
    return task, model, pr.train(model, rollouts, loss, config)


def told(model: Any, steps: list[pr.Step]) -> dict[str, Any]:
    """A run as it is stored."""
    loss, reward = [step.loss for step in steps], [step.reward for step in steps]
    bits = hashlib.sha256(repr([number.hex() for number in loss + reward]).encode())
    square = 0.0
    for name, value in sorted(model.state_dict().items()):
        bits.update(name.encode() + value.numpy().tobytes())
        square += float(value.double().square().sum())
    return {"loss": loss, "reward": reward, "weights": math.sqrt(square), "bits": bits.hexdigest()}


def plain(short: Short) -> dict[str, Any]:
    _, model, run = run_of(short)
    return told(model, list(run))


def disturbed(short: Short) -> dict[str, Any]:
    """The same run, while everything else happens."""
    task, model, run = run_of(short)
    steps: list[pr.Step] = []

    def measure() -> Mapping[str, float]:
        pr.evaluate(model, task, rng=pr.seeded(9, "look"), samples=4)
        pr.recovery(model, task.graph)
        pr.next_logits(model)
        pr.rollout(model, task.pairs, rng=pr.seeded(8, "other"))
        return {"chance": float(torch.rand(()))}

    for step in pr.probe(run, measure, every=7):
        steps.append(step)
        random.seed(step.step)
        np.random.seed(step.step)
        torch.manual_seed(step.step)
        torch.randn(step.step)
        if step.step % 15 == 0:
            from planrl.figures import charts

            charts.learning_curves({"so far": steps}, title="so far", alt="a curve")
            charts.heatmaps({"table": pr.next_logits(model)[0]}, title="so far", alt="logits")
    return told(model, steps)


def all_runs() -> list[Short]:
    return [Short(algorithm, model) for algorithm in ALGORITHMS for model in MODELS]


def name(short: Short) -> str:
    return f"{short.algorithm} on the {short.model}"


def records(how: str) -> dict[str, Any]:
    """All runs by name."""
    shorts = all_runs()
    if how == "spread":
        from planrl.experiments.sweeps import sweep

        return {name(one.settings): one.value for one in sweep(plain, shorts, n_jobs=2)}
    if how == "disturbed":
        return {name(short): disturbed(short) for short in reversed(shorts)}
    return {name(short): plain(short) for short in shorts}


def versions() -> dict[str, str]:
    """What the numbers may depend on, besides planrl."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
        "processor": torch.backends.cpu.get_cpu_capability(),
    }


def differences(stored: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """For every run that leaves its band: the first step where it does."""
    for run, numbers in stored.items():
        if run not in found:
            yield f"{run}: not run"
            continue
        mine = found[run]
        for step, (old, new, before, now) in enumerate(
            zip(numbers["loss"], mine["loss"], numbers["reward"], mine["reward"], strict=True), 1
        ):
            if not abs(now - before) <= 1e-6:
                yield f"{run}: step {step}: reward {now}, stored {before}: other walks were drawn"
                break
            if not abs(new - old) <= LOSS_TOLERANCE * max(abs(old), 0.1):
                yield f"{run}: step {step}: loss {new}, stored {old}: further away than {LOSS_TOLERANCE}"
                break
        else:
            old, new = numbers["weights"], mine["weights"]
            if not abs(new - old) <= WEIGHT_TOLERANCE * old:
                yield f"{run}: after step {step}: weights of length {new}, stored {old}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    how = sys.argv[1] if len(sys.argv) > 1 else "plain"
    page = {"versions": versions(), "runs": records("plain" if how == "keep" else how)}
    if how == "keep":
        for numbers in page["runs"].values():
            del numbers["bits"]  # those of one machine
        RECORDS.write_text(json.dumps(page, indent=1) + "\n", encoding="utf-8")
    else:
        print(json.dumps(page))
