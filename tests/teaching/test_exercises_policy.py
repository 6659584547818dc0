"""The exercises of chapters 4 to 6 tell right from wrong, and name the mistakes readers make."""

import re

import pytest
import torch

import planrl as pr
from planrl.teaching import exercises


def expect(verdict, right, words):
    assert verdict.right is right, verdict
    assert re.search(words, verdict.text), verdict


def surprise(logits, batch):
    return -logits.log_softmax(-1).gather(-1, batch.tokens[:, 1:, None]).squeeze(-1)


def test_cell_gradient_names_the_mistake():
    def right(counts, q, walks):
        return (counts.sum() * q - counts) / walks

    expect(exercises.cell_gradient(right), True, "sums to 0")
    expect(exercises.cell_gradient(lambda *g: -right(*g)), False, "sign is reversed")
    expect(exercises.cell_gradient(lambda c, q, w: right(c, q, 1)), False, "number of paths")
    expect(exercises.cell_gradient(lambda c, q, w: (q - c) / w), False, "counts.sum")
    expect(exercises.cell_gradient(lambda c, q, w: -c / w), False, "term with q is missing")
    expect(exercises.cell_gradient(lambda c, q, w: c), False, "Expected")
    expect(exercises.cell_gradient(lambda c, q, w: q[:2]), False, "Expected 6 numbers")
    expect(exercises.cell_gradient(lambda c, q, w: None), False, "nothing")


def test_own_successes_names_the_mistake():
    def loss(logits, batch, sign=1.0):
        value = batch.reward.sum(1, keepdim=True)
        return sign * (value * surprise(logits, batch) * batch.chosen).sum() / len(value)

    def paid_step_only(logits, batch):
        return (batch.reward * surprise(logits, batch) * batch.chosen).sum() / len(batch.tokens)

    def mean_over_steps(logits, batch):
        right = batch.chosen & (batch.reward.sum(1, keepdim=True) > 0)
        return surprise(logits, batch)[right].mean()

    def sum_over_paths(logits, batch):
        return loss(logits, batch) * len(batch.tokens)

    expect(exercises.own_successes(loss), True, "gradient equals")
    expect(exercises.own_successes(pr.sft), False, "Leave out the paths")
    expect(exercises.own_successes(lambda *g: loss(*g, sign=-1.0)), False, "sign is reversed")
    expect(exercises.own_successes(paid_step_only), False, "every step of a path")
    expect(exercises.own_successes(mean_over_steps), False, "number of steps")
    expect(exercises.own_successes(sum_over_paths), False, "256 times too large")
    expect(exercises.own_successes(lambda *g: None), False, "nothing")


def only(batch, rows):
    return pr.Batch(batch.chosen[rows], batch.reward[rows], batch.tokens[rows])


def test_correct_paths_names_the_mistake():
    def stream(batches):
        for batch in batches:
            right = batch.reward.sum(1) > 0
            if right.any():
                yield only(batch, right)

    def with_empty_ones(batches):
        for batch in batches:
            yield only(batch, batch.reward.sum(1) > 0)

    def the_first_of_each(batches):
        for batch in stream(batches):
            yield only(batch, slice(0, 1))

    def uneven(batches):
        for batch in stream(batches):
            yield pr.Batch(batch.chosen[:1], batch.reward, batch.tokens)

    expect(exercises.correct_paths(stream), True, "as policy gradient does")
    expect(exercises.correct_paths(lambda batches: batches), False, "are correct")
    expect(exercises.correct_paths(with_empty_ones), False, "skip such a batch")
    expect(exercises.correct_paths(the_first_of_each), False, "keep all correct")
    expect(exercises.correct_paths(uneven), False, "the same rows|TypeCheckError")
    expect(exercises.correct_paths(lambda batches: []), False, "yielded no batch")
    expect(exercises.correct_paths(lambda batches: None), False, "TypeError")


def test_drift_names_the_mistake():
    def distance(f):
        return f.logsumexp(0) - f.mean() - torch.tensor(float(len(f))).log()

    def right(f, eta, weight=None, sign=1.0, less=1.0):
        q, one = f.softmax(0), torch.eye(len(f), dtype=f.dtype)
        weight = q if weight is None else weight
        after = [distance(f + sign * eta * (one[k] - q)) for k in range(len(f))]
        return (weight * torch.stack(after)).sum() - less * distance(f)

    expect(exercises.drift(right), True, "never below 0")
    expect(exercises.drift(lambda *g: right(*g, less=0.0)), False, "subtract the distance before")
    expect(exercises.drift(lambda *g: right(*g, weight=0.25)), False, "all choices equally")
    expect(exercises.drift(lambda *g: right(*g, sign=-1.0)), False, "update has the wrong sign")
    expect(exercises.drift(lambda *g: -right(*g)), False, "sign is reversed")
    expect(exercises.drift(lambda f, lr: pr.theory.kl_drift(f.softmax(0), lr)), False, "approxim")
    expect(exercises.drift(lambda f, lr: 0.0), False, "expected")
    expect(exercises.drift(lambda f, lr: f), False, "one number")


def test_stop_in_time_names_the_mistake():
    when = lambda level: lambda record: record.measured["accuracy"] > level  # noqa: E731
    expect(exercises.stop_in_time(when(0.97)), True, "two paths are left")
    expect(exercises.stop_in_time(when(0.5)), False, "Too early")
    expect(exercises.stop_in_time(lambda r: r.measured["diversity"] < 1.9), False, "Too late")
    expect(exercises.stop_in_time(lambda r: False, steps=60), False, "never returned True")
    expect(exercises.stop_in_time(lambda r: r.measured["ways"] > 1), False, "KeyError")


def test_kl_penalty_names_the_mistake():
    def loss(logits, batch, kl=0.3, cut=True):
        before = -surprise(batch.frozen, batch)
        price = -surprise(logits, batch) - before
        value = batch.reward.sum(1, keepdim=True) - kl * (price.detach() if cut else price)
        return (value * surprise(logits, batch) * batch.chosen).sum() / len(value)

    def summed(logits, batch):
        logp, before = logits.log_softmax(-1), batch.frozen.log_softmax(-1)
        whole = (logp.exp() * (logp - before)).sum(-1)
        return pr.policy_gradient(logits, batch) + 0.3 * (whole * batch.chosen).sum() / len(whole)

    expect(exercises.kl_penalty(loss), True, "gradient equals")
    expect(exercises.kl_penalty(pr.policy_gradient), False, "without the penalty")
    expect(exercises.kl_penalty(lambda *g: loss(*g, kl=-0.3)), False, "wrong sign")
    expect(exercises.kl_penalty(lambda *g: loss(*g, cut=False)), False, "detach")
    expect(exercises.kl_penalty(summed), False, "summed over all tokens")
    expect(exercises.kl_penalty(lambda *g: loss(*g, kl=3.0)), False, "0.3 times")


def test_stable_point_names_the_mistake():
    def right(base, p, kl):
        return (base.log() + p / kl).softmax(0)

    expect(exercises.stable_point(right), True, "keep their ratio")
    expect(exercises.stable_point(lambda b, p, kl: (p / kl).softmax(0)), False, "entropy bonus")
    expect(exercises.stable_point(lambda b, p, kl: right(b, p, 1 / kl)), False, "divide p")
    expect(exercises.stable_point(lambda b, p, kl: b * (p / kl).exp()), False, "sum to 1")
    expect(exercises.stable_point(lambda b, p, kl: b * p / (b * p).sum()), False, "exponent")
    expect(exercises.stable_point(lambda b, p, kl: b), False, "Expected base")
    expect(exercises.stable_point(lambda b, p, kl: b[:2]), False, "5 probabilities")


@pytest.mark.parametrize("checker", ["cell_gradient", "drift", "stable_point"])
def test_a_checker_never_raises_on_what_a_reader_returns(checker):
    for answer in ("text", [1, 2, 3], torch.ones(2, 2), {}):
        assert not getattr(exercises, checker)(lambda *given, answer=answer: answer).right
