"""Exercises on Blocksworld: its moves, a plan by hand, a reward that prefers short plans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from planrl.domains import Action, space, state, successors
from planrl.errors import InputError
from planrl.objectives.theory import optimal_q
from planrl.tasks import Reward, Task, all_pairs
from planrl.teaching.exercises.checks import Feedback, ask

Stacks = tuple[tuple[str, ...], ...]


def _piles(stacks: Any) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(stack) for stack in stacks if len(stack))


def moves(function: Callable[[Stacks], Any]) -> Feedback:
    """Try function(stacks) -> the states one move leads to, each a collection of stacks."""
    for current in space(4).states:
        answer, wrong = ask(function, current.stacks)
        if wrong:
            return wrong
        found, wrong = ask(lambda answer=answer: [_piles(stacks) for stacks in answer])
        if wrong:
            return Feedback(
                False,
                "Return a list of states; a state is a list of stacks, each from the bottom up.",
            )
        wanted = {_piles(next_node.stacks) for next_node in successors(current).values()}
        told = f"From {current}: {len(wanted)} moves, you gave {len(set(found))}."
        missing, extra = wanted - set(found), set(found) - wanted
        if not missing and not extra:
            continue
        if _piles(current.stacks) in extra:
            hint = "Staying is no move: a block that already lies on the table is not moved there."
        elif any(sorted("".join(map("".join, one))) != list(current.blocks) for one in extra):
            hint = (
                "A block is missing or appears twice: remove it from one stack, add it to another."
            )
        elif extra:
            hint = "Only the top block of a stack can move, onto another top block or the table."
        elif all(len(one) > len(current.stacks) for one in missing):
            hint = "A block can also go to the table, where it begins a stack."
        else:
            hint = "Each top can go onto every other stack."
        return Feedback(False, f"{told} {hint}")
    return Feedback(True, "Right for all 73 states: you have written the paper's graph.")


def sussman(plan: Any) -> Feedback:
    """Judge a plan from "C on A, and B" to the tower A on B on C: (block, where to) a step."""
    if plan is Ellipsis or not plan:
        return Feedback(False, "No move was given: write pairs such as ('C', 'table').")
    current, goal = state("AC", "B"), state("CBA")
    for number, step in enumerate(plan, 1):
        pair, wrong = ask(lambda step=step: (str(step[0]), str(step[1])))
        if wrong or len(step) != 2:
            return Feedback(False, f"Move {number}, {step!r}, is no pair (block, where to).")
        try:
            action = Action("move", (pair[0], current.below(pair[0]), pair[1]))
        except InputError as error:
            return Feedback(False, f"Move {number}: {error}.")
        possible = successors(current)
        if action not in possible:
            listed = ", ".join(f"{a.arguments[0]} to {a.arguments[2]}" for a in possible)
            return Feedback(
                False,
                f"Move {number}, {pair[0]} to {pair[1]}, is impossible in "
                f"{current}. Possible moves: {listed}.",
            )
        current = possible[action]
    if current != goal:
        return Feedback(
            False, f"The plan ends in {current}, the goal is {goal} (from the bottom up)."
        )
    if len(plan) > 3:
        return Feedback(
            False,
            f"The plan reaches the goal in {len(plan)} moves. Three are enough: no block has to "
            "move twice.",
        )
    return Feedback(
        True,
        "Three moves is the shortest plan. C moves first, because it lies on A.",
    )


def shortens(reward: Reward) -> Feedback:
    """Try a reward [B, T] without discount: do the highest values follow shortest plans?"""
    graph = space(3).graph
    task: Task = all_pairs(graph, reward)
    q, wrong = ask(lambda: optimal_q(task, sweeps=200))
    if wrong:
        if "for ever" in wrong.text:
            return Feedback(
                False,
                "A cycle earns reward without end: the reward of a step that does not "
                "reach the goal must not exceed 0.",
            )
        return wrong
    steps = graph.distances()  # [from, to]
    best, tied = q[..., : graph.n].max(-1), 0
    for source, target in task.pairs.tolist():
        choices = (q[target, source, : graph.n] >= best.values[target, source] - 1e-6).nonzero()
        for next_node in choices.flatten().tolist():
            if not graph.adjacency[source, next_node]:
                return Feedback(
                    False, "One of the best steps is illegal: keep the penalty for illegal steps."
                )
            tied += int(steps[next_node, target] != steps[source, target] - 1)
    if tied:
        return Feedback(
            False, f"{tied} of the best steps are detours: make each step cost something."
        )
    end = torch.as_tensor(q[..., graph.n])
    if bool((end[~end.isnan()] >= best.values[~end.isnan()] - 1e-6).any()):
        return Feedback(
            False, "END before the goal is as good as going on: make the cost of a step smaller."
        )
    return Feedback(
        True,
        "Without a discount the best steps follow shortest plans, for all "
        f"{len(task.pairs)} questions.",
    )
