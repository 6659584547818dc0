"""The exercises of chapter 12 tell right from wrong, and name the mistakes readers make."""

import re
from functools import partial

import pytest

import planrl as pr
from planrl.objectives import dr_grpo, grpo, ips, rloo
from planrl.teaching import exercises


def expect(verdict, right, words):
    assert verdict.right is right, verdict
    assert re.search(words, verdict.text), verdict


def test_rloo_names_the_mistake():
    expect(exercises.rloo(rloo), True, "gradient equals")
    expect(exercises.rloo(dr_grpo), False, "that is Dr. GRPO")
    expect(exercises.rloo(pr.policy_gradient), False, "nothing is subtracted")
    expect(exercises.rloo(lambda *g: -rloo(*g)), False, "sign is reversed")
    expect(exercises.rloo(lambda *g: None), False, "nothing")

    def of_the_batch(logits, batch):
        logp = logits.log_softmax(-1).gather(-1, batch.tokens[:, 1:, None]).squeeze(-1)
        value = batch.reward.sum(1)
        value = value - (value.sum() - value) / (len(value) - 1)
        return -(logp * value[:, None] * batch.chosen).sum() / len(logp)

    expect(exercises.rloo(of_the_batch), False, "whole batch")


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_a_penalty_in_the_loss_never_leaves_fewer_answers_in_expectation(estimator):
    said = "changes nothing" if estimator == "k1" else "keeps answers"
    expect(exercises.collapsing(estimator, "loss", updates=800), False, said)


def test_k3_in_the_reward_leaves_fewer_answers_than_no_penalty():
    expect(exercises.collapsing("k3", "token", updates=800), True, "fewer answers than none")
    expect(exercises.collapsing("k3", "path", updates=800), True, "fewer answers than none")
    expect(exercises.collapsing("k1", "token", updates=800), False, "keeps answers")


def test_what_is_no_estimator_or_placement_is_named():
    expect(exercises.collapsing("k4", "loss"), False, "'k4' is unknown: choose k1, k2, k3")
    expect(exercises.collapsing("k1", "reward"), False, "choose loss, token, path")
    expect(exercises.collapsing(None, "loss"), False, "unknown")


def test_leaving_the_line_needs_accuracy_and_more_than_verdicts():
    expect(exercises.leaves_line(ips, steps=150), True, "leaves the line upwards")
    expect(exercises.leaves_line(grpo, steps=200), False, "on the line")
    expect(exercises.leaves_line(rloo, steps=5), False, "too low")
    falling = partial(rloo, entropy=50.0)
    expect(exercises.leaves_line(falling, steps=20), False, "too low")
    expect(exercises.leaves_line(lambda *g: 1 / 0), False, "ZeroDivisionError")
