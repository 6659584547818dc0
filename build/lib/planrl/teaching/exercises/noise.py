"""Exercises on checks that are wrong: values with noise, how far they reach, majorities."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from planrl.domains import blocksworld
from planrl.objectives.noisy import Checks, legal_distance
from planrl.teaching.exercises.checks import Feedback, numbers

RATES = ((0.05, 0.05), (0.3, 0.1), (0.25, 0.25))
WRONG = 0.3  # of the checks, in the exercise on majorities


def noisy_value(function: Callable[[bool, float, float, float], Any]) -> Feedback:
    """Try function(edge, distance, a, m) -> the value of a step with fresh noise.

    `distance` is the number of edges from the next node to the target, inf if no path leads there.
    """
    asked = 0
    for a, m in RATES:
        for edge in (False, True):
            for distance in (2.0, 1.0, 0.0, 5.0, 30.0, math.inf):
                found, wrong = numbers(function, edge, distance, a, m)
                if wrong:
                    return wrong
                hint = _why_not(found.tolist(), edge, distance, a, m)
                if hint:
                    kind = "an edge" if edge else "no edge"
                    return Feedback(False, f"a {a}, m {m}, {kind}, distance {distance:g}: {hint}")
                asked += 1
    return Feedback(True, f"All {asked} values are those of noisy_optimum.")


def _why_not(found: Any, edge: bool, distance: float, a: float, m: float) -> str:
    """What is wrong with this value, or nothing."""
    step, jump = (a if edge else 1 - m), 1 - m
    told = {
        "": 1 - step - min(a * distance, jump),
        "no more than an illegal step straight to the target is ever charged: take the smaller.": (
            1 - step - a * distance
        ),
        "an illegal step is missed with probability m, so it is charged 1 - m on average.": (
            1 - (a if edge else m) - min(a * distance, jump)
        ),
        "a legal step is charged, too: a on average.": (
            1 - (0 if edge else jump) - min(a * distance, jump)
        ),
        "the charge of the step itself is missing.": 1 - min(a * distance, jump),
        "the charge of the steps that follow is missing.": 1 - step,
    }
    if not isinstance(found, float):
        return "give one number."
    for hint, value in told.items():
        if abs(found - value) < 1e-6:
            return hint
    return f"expected {told['']:.3f}, got {found:.3f}."


def farthest(function: Callable[[float, float], Any]) -> Feedback:
    """Try function(a, m) -> the largest distance at which greedy choices are legal."""
    for a, m in (*RATES, (0.2, 0.1), (0.5, 0.5)):
        answer, wrong = numbers(function, a, m)
        if wrong:
            return wrong
        limit = (1 - m) / a
        wanted = math.ceil(limit - 1e-9) - 1
        found = float(answer) if answer.numel() == 1 else math.nan
        if found == wanted:
            continue
        told = f"a {a}, m {m}: (1 - m) / a is {limit:.3g}"
        if not found.is_integer():  # nor are inf and nan
            return Feedback(False, f"{told}. Give a whole number of steps.")
        if abs(found - limit) < 1e-6:
            return Feedback(
                False,
                f"{told}. There the legal path and the illegal step are charged the same: greedy "
                "choices are legal only below.",
            )
        return Feedback(False, f"{told}, so {wanted} steps are legal. You gave {found:g}.")
    return Feedback(True, "Up to there a legal path is charged less than one illegal step.")


def votes(number: Any) -> Feedback:
    """Is this the smallest odd number of votes that makes all questions on four blocks legal?"""
    if not isinstance(number, int) or not 1 <= number <= 101 or number % 2 == 0:
        return Feedback(False, "Give an odd number from 1 to 101: an even one may tie.")
    graph = blocksworld(4)
    farthest_pair = int(graph.distances().max())

    def reached(count: int) -> float:
        return legal_distance(Checks(false_alarm=WRONG, miss=WRONG, votes=count))

    told = (
        f"With {number} vote{'s' * (number > 1)} the boundary is {reached(number):.2f} steps, and "
        f"the farthest question needs {farthest_pair}."
    )
    if reached(number) <= farthest_pair:
        return Feedback(False, f"{told} More votes are needed.")
    if number > 1 and reached(number - 2) > farthest_pair:
        return Feedback(False, f"{told} Fewer votes are enough.")
    return Feedback(True, f"{told} Two votes fewer reach {reached(number - 2):.2f}.")
