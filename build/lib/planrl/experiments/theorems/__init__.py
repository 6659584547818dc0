"""Every theorem as numbers, on small graphs where it can be followed exactly; one file a seed."""

from __future__ import annotations

import time
from typing import Any

import torch

from planrl.errors import InputError, whole
from planrl.experiments.study import Calculation
from planrl.experiments.theorems import policy, value
from planrl.graphs import random_dag, seeded
from planrl.tasks import all_pairs


def measure(
    seed: int, *, nodes: int = 16, edge_probability: float = 0.3, steps: int = 1500, blocks: int = 4
) -> dict[str, Any]:
    """All measurements of one seed: {part: {name: number}}, and the seconds that each part took.

    The theorems are followed on a random DAG; what is trained on it trains for `steps` updates.
    """
    if whole(nodes, "nodes") < 6 or whole(steps, "steps") < 10:
        raise InputError(f"nodes={nodes}, steps={steps}: take at least 6 nodes and 10 updates")
    torch.set_num_threads(1)
    graph = random_dag(nodes, edge_probability, seeded(seed, "graph"))
    task = all_pairs(graph)
    found: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for part in (*policy.PARTS, *value.PARTS):
        began = time.process_time()
        name = part.__name__
        found[name] = part(task, seed, steps, blocks)
        seconds[name] = time.process_time() - began
    facts = {"edges": len(graph.edges), "pairs": len(task.pairs), "cpu_seconds": seconds}
    return {"facts": facts, **found}


CALL = "planrl.experiments.theorems:measure"
STUDIES = (
    *(
        Calculation(name="theorems", label=f"seed{seed}", seed=seed, call=CALL)
        for seed in range(10)
    ),
    Calculation(
        name="theorems",
        label="quick",
        tier="quick",
        seed=0,
        call=CALL,
        options={"nodes": 12, "steps": 300, "blocks": 3},
    ),
)
"""Ten seeds, and one that trains less on a smaller Blocksworld."""
