"""The exercises on soft values tell right from wrong, and name the mistake."""

import re

import torch

from planrl.teaching import exercises


def expect(feedback, right, words):
    assert feedback.right is right, feedback
    assert re.search(words, feedback.text), feedback


def soft(values, temperature):
    return temperature * (values / temperature).logsumexp(0)


def test_the_soft_target():
    expect(exercises.soft_target(lambda r, v, c, t: r - c + soft(v, t)), True, "three temperatures")
    for wrong, words in (
        (lambda r, v, c, t: r - c + v.max(), "soft maximum"),
        (lambda r, v, c, t: r + soft(v, t), "cost of the step is missing"),
        (lambda r, v, c, t: r + c + soft(v, t), "subtract"),
        (lambda r, v, c, t: r - c + v.logsumexp(0), "divide the values"),
        (lambda r, v, c, t: r - c + (v / t).logsumexp(0), "multiply the logarithm"),
        (lambda r, v, c, t: r - c + t * (v / t).exp().mean().log(), "their mean"),
        (lambda r, v, c, t: 0.0, "[Ee]xpected"),
        (lambda r, v, c, t: v, "one number"),
        (lambda *_: None, "nothing yet"),
        (lambda *_: 1 / 0, "ZeroDivisionError"),
    ):
        expect(exercises.soft_target(wrong), False, words)


def shares(table):
    return table / table.sum(-1, keepdim=True)


def test_the_policy_that_is_uniform_over_paths():
    expect(exercises.path_policy(lambda a, p: shares(a * p)), True, "same probability")
    for wrong, words in (
        (lambda a, p: shares(a * (p > 0)), "U_C"),
        (lambda a, p: a * p, "divide each row"),
        (lambda a, p: shares(torch.ones_like(a) * p), "only edges"),
        (lambda a, p: a, "as many paths"),
        (lambda a, p: p, "Expected a table"),
        (lambda *_: ..., "nothing yet"),
    ):
        expect(exercises.path_policy(wrong), False, words)


def test_the_cost_of_a_step():
    expect(exercises.step_cost(1.9), True, "10.8 nats")
    expect(exercises.step_cost(1.8), False, "must cost more")
    expect(exercises.step_cost(2), False, "smaller cost is enough")
    expect(exercises.step_cost(1.5), False, "no soft values")
    expect(exercises.step_cost(0), False, "no soft values")
    expect(exercises.step_cost(1.95), False, "no multiple of 0.1")
    expect(exercises.step_cost("2"), False, "one number")
    expect(exercises.step_cost(float("nan")), False, "one number")
