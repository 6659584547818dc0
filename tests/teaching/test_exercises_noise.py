"""The exercises on wrong checks tell right from wrong, and name the mistake."""

import math
import re

import torch

from planrl.teaching import exercises


def expect(feedback, right, words):
    assert feedback.right is right, feedback
    assert re.search(words, feedback.text), feedback


def value(edge, distance, a, m, charge=None):
    step = (a if edge else 1 - m) if charge is None else charge
    return 1 - step - min(a * distance, 1 - m)


def test_values_with_fresh_noise():
    expect(exercises.noisy_value(value), True, "All 36 values")
    for wrong, words in (
        (lambda e, d, a, m: 1 - (a if e else 1 - m) - a * d, "take the smaller"),
        (lambda e, d, a, m: value(e, d, a, m, charge=0 if e else 1 - m), "legal step is charged"),
        (lambda e, d, a, m: value(e, d, a, m, charge=0), "step itself is missing"),
        (lambda e, d, a, m: 1 - (a if e else 1 - m), "that follow"),
        (lambda e, d, a, m: 7.0, "expected"),
        (lambda e, d, a, m: [1.0, 2.0], "one number"),
        (lambda *_: None, "nothing yet"),
        (lambda *_: 1 / 0, "ZeroDivisionError"),
    ):
        expect(exercises.noisy_value(wrong), False, words)


def rounded(a, m):
    limit = round((1 - m) / a, 9)
    return int(limit) - (limit == int(limit))


def test_the_farthest_legal_question():
    expect(exercises.farthest(rounded), True, "one illegal step")
    expect(exercises.farthest(lambda a, m: math.floor((1 - m) / a + 1e-9)), False, "only below")
    expect(exercises.farthest(lambda a, m: (1 - m) / a), False, "whole number|only below")
    expect(exercises.farthest(lambda a, m: 1), False, "You gave 1")
    expect(exercises.farthest(lambda a, m: "many"), False, "TypeError")
    for value in (math.inf, math.nan, 2.5, torch.tensor([1, 2])):
        expect(exercises.farthest(lambda a, m, value=value: value), False, "whole number")
    expect(exercises.farthest(lambda a, m: torch.tensor(rounded(a, m))), True, "one illegal step")
    expect(exercises.farthest(lambda a, m: ...), False, "nothing yet")


def test_votes():
    expect(exercises.votes(7), True, "5.13")
    expect(exercises.votes(5), False, "More votes")
    expect(exercises.votes(9), False, "Fewer votes")
    expect(exercises.votes(4), False, "may tie")
    expect(exercises.votes(7.0), False, "odd number")
