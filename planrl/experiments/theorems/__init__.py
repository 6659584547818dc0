"""Every theorem as numbers, on small graphs where it can be followed exactly; one file a seed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch

from planrl.errors import InputError, check_fields
from planrl.experiments.theorems import policy, value
from planrl.graphs import random_dag, seeded
from planrl.tasks import all_pairs

NAME = "theorems"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A random DAG to follow the theorems on, and how long the runs on it train, in updates."""

    seed: int = 0
    nodes: int = 16
    edge_probability: float = 0.3
    steps: int = 1500
    blocks: int = 4

    def __post_init__(self) -> None:
        check_fields(self)
        if self.nodes < 6 or self.steps < 10:
            raise InputError(
                f"nodes={self.nodes}, steps={self.steps}: take at least 6 nodes and 10 updates"
            )


def grid(tier: str) -> dict[str, Settings]:
    """Ten seeds, or one that trains less on a smaller Blocksworld."""
    if tier == "quick":
        return {"quick": Settings(nodes=12, steps=300, blocks=3)}
    return {f"seed{seed}": Settings(seed=seed) for seed in range(10)}


def recipe(settings: Settings) -> dict[str, Any]:
    """None: what is trained here is judged by where theory says it ends."""
    return {}


def run(settings: Settings) -> dict[str, Any]:
    """All measurements of one seed: {part: {name: number}}, and the seconds each part took."""
    torch.set_num_threads(1)
    graph = random_dag(settings.nodes, settings.edge_probability, seeded(settings.seed, "graph"))
    task = all_pairs(graph)
    found: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for part in (*policy.PARTS, *value.PARTS):
        began = time.process_time()
        name = part.__name__
        found[name] = part(task, settings.seed, settings.steps, settings.blocks)
        seconds[name] = time.process_time() - began
    facts = {"edges": len(graph.edges), "pairs": len(task.pairs), "cpu_seconds": seconds}
    return {"facts": facts, **found}
