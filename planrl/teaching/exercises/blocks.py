"""Exercises on Blocksworld: its moves, a plan by hand, a reward that prefers short plans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from planrl.domains import Action, space, state, successors
from planrl.errors import InputError
from planrl.tasks import Reward, Task, all_pairs
from planrl.teaching.exercises.checks import Feedback, ask
from planrl.theory import optimal_q

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
            hint = (
                "Staying is no move: a block that lies on the table alone is not put there again."
            )
        elif any(sorted("".join(map("".join, one))) != list(current.blocks) for one in extra):
            hint = "A block is lost or doubled: take it off one stack and put it on another."
        elif extra:
            hint = "Only the top of a stack can be taken, and it is put on top."
        elif all(len(one) > len(current.stacks) for one in missing):
            hint = "A block can also go to the table, where it begins a stack."
        else:
            hint = "Each top can go onto every other stack."
        return Feedback(False, f"{told} {hint}")
    return Feedback(True, "All 73 states agree: you have written the paper's graph.")


def sussman(plan: Any) -> Feedback:
    """Judge a plan from "A, and C on it; B" to the tower A on B on C: (block, where to) a step."""
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
                f"Move {number}, {pair[0]} to {pair[1]}, can't be done in "
                f"{current}; there one can do {listed}.",
            )
        current = possible[action]
    if current != goal:
        return Feedback(
            False, f"The plan ends in {current}, the goal is {goal} (from the bottom up)."
        )
    if len(plan) > 3:
        return Feedback(
            False,
            f"It arrives, in {len(plan)} moves. Three are enough: no block of "
            "the tower need be moved twice.",
        )
    return Feedback(
        True,
        "Three moves, none wasted: C makes way first, though it is the last block "
        "anybody asked for.",
    )


def shortens(reward: Reward) -> Feedback:
    """Try a reward [B, T] without discount: do the best values lead along shortest plans?"""
    graph = space(3).graph
    task: Task = all_pairs(graph, reward)
    q, wrong = ask(lambda: optimal_q(task, sweeps=200))
    if wrong:
        if "for ever" in wrong.text:
            return Feedback(
                False,
                "A cycle of your reward earns for ever: a step that does not "
                "arrive must not be worth more than 0.",
            )
        return wrong
    steps = graph.distances()  # [from, to]
    best, tied = q[..., : graph.n].max(-1), 0
    for source, target in task.pairs.tolist():
        choices = (q[target, source, : graph.n] >= best.values[target, source] - 1e-6).nonzero()
        for next_node in choices.flatten().tolist():
            if not graph.adjacency[source, next_node]:
                return Feedback(
                    False, "Among the best steps is one that is no move: keep the fine for it."
                )
            tied += int(steps[next_node, target] != steps[source, target] - 1)
    if tied:
        return Feedback(
            False, f"{tied} of the best steps are detours: make each step cost something."
        )
    end = torch.as_tensor(q[..., graph.n])
    if bool((end[~end.isnan()] >= best.values[~end.isnan()] - 1e-6).any()):
        return Feedback(False, "Giving up is as good as going on: make a step cost less.")
    return Feedback(
        True,
        "Without any discount the best steps are those of shortest plans, on all "
        f"{len(task.pairs)} questions.",
    )
