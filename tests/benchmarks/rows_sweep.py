"""A sweep over two processes, next to the same sweep in one. The one row in wall-clock seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from harness import Row, Work, absent
from setting import Dataset

import planrl as pr


@dataclass(frozen=True)
class Settings:
    """One run: its seed and length."""

    seed: int
    steps: int


def run(settings: Settings) -> dict[str, list[float]]:
    """Fine-tune the paper's model for some updates; the losses."""
    task = pr.all_pairs(pr.random_dag(100, 0.15, pr.seeded(settings.seed, "graph")))
    paths = pr.sample_paths(task, 2, pr.seeded(settings.seed, "paths"))
    rng = pr.seeded(settings.seed, "weights")
    model = pr.Transformer(task.vocab, pr.TransformerConfig(), rng)
    batches = pr.demonstrations(task, paths, rng=pr.seeded(settings.seed, "rows"), size=128)
    steps = pr.train(model, batches, pr.sft, pr.TrainConfig(steps=settings.steps, lr=5e-4))
    return {"loss": [step.loss for step in steps]}


def sweep_rows(dataset: Dataset) -> list[Row]:
    """The same runs in two worker processes, which are there already, and in one."""
    runs = dataset.size.runs
    lacks = absent(("joblib",))
    grid = [Settings(seed, 15 * dataset.size.steps) for seed in range(runs)]
    found: dict[int, list[object]] = {}

    def side(jobs: int) -> Work:
        from planrl.experiments.sweeps import sweep

        began = time.perf_counter()
        found[jobs] = [result.value for result in sweep(run, grid, n_jobs=jobs)]
        torch.set_num_threads(1)
        return Work(seconds=time.perf_counter() - began)

    return [
        Row(
            name=f"sweep of {runs} runs, 2 processes vs 1",
            ours=lambda: side(2),
            peer=lambda: side(1),
            check=lambda: (
                found[1] == found[2],
                f"all losses of {runs} runs of {grid[0].steps} updates are the same, bit for bit",
            ),
            peer_name="one process",
            unit="s",
            goal=1.8,
            lacks=lacks,
            rounds=3,
            note="wall-clock seconds; on two cores that nothing else uses",
        )
    ]
