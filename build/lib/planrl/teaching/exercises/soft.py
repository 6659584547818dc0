"""Exercises on soft values: their target, uniform distributions over paths, the cost of a step."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from planrl.domains import blocksworld
from planrl.errors import InputError
from planrl.graphs import random_dag, seeded
from planrl.objectives.path_measures import arrival, path_entropy
from planrl.objectives.soft_values import soft_optimum, uniform_over_paths
from planrl.teaching.exercises.checks import Feedback, numbers

LONGEST, ENOUGH = 31, 0.99  # steps of a path on four blocks, and the share that must arrive


def soft_target(function: Callable[[float, Tensor, float, float], Any]) -> Feedback:
    """Try function(reward, next_values [K], cost, temperature) -> the soft TD target."""
    rng = seeded(0, "exercise")
    for temperature in (1.0, 0.5, 2.0):
        values = 3 * torch.randn(5, generator=rng, dtype=torch.float64)
        reward, cost = 4.0, 1.5
        found, wrong = numbers(function, reward, values.clone(), cost, temperature)
        if wrong:
            return wrong
        if found.numel() != 1:
            return Feedback(False, f"Expected one number, got {list(found.shape)}.")
        soft = temperature * float((values / temperature).logsumexp(0))
        told = {
            "": reward - cost + soft,
            "take the soft maximum, not the largest value.": reward - cost + float(values.max()),
            "the cost of the step is missing.": reward + soft,
            "a step costs: subtract the cost.": reward + cost + soft,
            "divide the values by the temperature before the exponential, and multiply the "
            "logarithm by it.": reward - cost + float(values.logsumexp(0)),
            "multiply the logarithm by the temperature, so that it is in units of the reward.": (
                reward - cost + soft / temperature
            ),
            "sum the exponentials: their mean is smaller by the logarithm of their number.": (
                reward - cost + soft - temperature * math.log(len(values))
            ),
        }
        hint = next((text for text, value in told.items() if abs(float(found) - value) < 1e-6), "?")
        if hint:
            other = f"expected {told['']:.4f} at temperature {temperature}, got {float(found):.4f}."
            return Feedback(False, f"Close: {hint}" if hint != "?" else other.capitalize())
    return Feedback(True, "This is the target of soft_q_learning, at three temperatures.")


def path_policy(function: Callable[[Tensor, Tensor], Any]) -> Feedback:
    """Try function(adjacency [N, N], paths [N]) -> the policy that is uniform over paths [N, N].

    `paths[k]` is the number of paths from k to the target, 1 at the target itself.
    """
    graph = random_dag(10, 0.4, seeded(0, "graph"))
    adjacency, counts = graph.adjacency.double(), graph.count_paths().double()
    wanted = uniform_over_paths(graph)
    for target in (9, 8, 7):
        paths = counts[target]
        found, wrong = numbers(function, adjacency.clone(), paths.clone())
        if wrong:
            return wrong
        if found.shape != adjacency.shape:
            return Feedback(
                False, f"Expected a table {list(adjacency.shape)}, got {list(found.shape)}."
            )
        asked = ~wanted[target].isnan().any(-1)
        leads_on = adjacency * (paths > 0)
        told = {
            "": wanted[target],
            "this is uniform over the correct next nodes, U_C. Weigh each by the paths that lead "
            "on from it.": leads_on / leads_on.sum(-1, keepdim=True),
            "these are numbers of paths: divide each row by its sum.": adjacency * paths,
            "only edges may be taken: multiply by the adjacency.": (
                (paths / paths.sum()).expand_as(adjacency)
            ),
        }
        hint = next(
            (t for t, other in told.items() if torch.allclose(found[asked], other[asked])), "?"
        )
        if hint == "?":
            return Feedback(
                False,
                f"Target {target}: a step to k has as many paths as lead on from k. Its "
                "probability is their share of all the paths from the current node.",
            )
        if hint:
            return Feedback(False, f"Target {target}: {hint}")
    return Feedback(True, "Each path of a question has the same probability: uniform_over_paths.")


@cache
def _measured(cost: float) -> tuple[float, float] | str:
    """On four blocks at temperature 1: what arrives, and path entropy; or why there is neither."""
    graph = blocksworld(4)
    try:
        policy = soft_optimum(graph, cost=cost).policy
    except InputError as error:
        return str(error)
    apart = ~torch.eye(graph.n, dtype=torch.bool)
    measures = arrival(policy, graph, steps=LONGEST), path_entropy(policy)
    arrives, entropy = (float(table[apart].mean()) for table in measures)
    return arrives, entropy


def step_cost(cost: Any) -> Feedback:
    """Is this the smallest step cost, a multiple of 0.1, with which 99 % of the paths arrive?"""
    if not isinstance(cost, int | float) or not 0 <= cost <= 20:
        return Feedback(False, "Give one number from 0 to 20, a multiple of 0.1.")
    tenths = round(10 * cost)
    if abs(10 * cost - tenths) > 1e-6:
        return Feedback(False, f"{cost:g} is no multiple of 0.1.")
    found = _measured(tenths / 10)
    if isinstance(found, str):
        return Feedback(False, f"There are no soft values: {found}.")
    told = f"At most {LONGEST} steps long: {found[0]:.4f} of the paths, of {found[1]:.1f} nats."
    if found[0] < ENOUGH:
        return Feedback(False, f"{told} Too many are longer: a step must cost more.")
    cheaper = _measured((tenths - 1) / 10)
    if not isinstance(cheaper, str) and cheaper[0] >= ENOUGH:
        return Feedback(False, f"{told} A smaller cost is enough, and leaves more entropy.")
    return Feedback(True, f"{told} With a cost smaller by 0.1 fewer than {ENOUGH:.0%} would do.")
