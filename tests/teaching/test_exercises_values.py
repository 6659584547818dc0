"""The exercises on values tell right from wrong, and name the mistakes readers make."""

import re

import pytest
import torch

import planrl as pr
from planrl.teaching import exercises


def expect(verdict, right, words):
    assert verdict.right is right, verdict
    assert re.search(words, verdict.text), verdict


def target(logits, batch, *, over=True, nodes=True, later=True, reward=True, grad=False):
    next_node, goal = batch.tokens[:, 1:], batch.tokens[:, 1:2]
    end = logits.shape[-1] - 1
    logits = logits if grad else logits.detach()
    best = (logits[..., :-1] if nodes else logits).amax(-1)
    after = torch.cat([best[:, 1:], torch.zeros_like(best[:, :1])], 1) if later else best
    done = (next_node == goal) | (next_node == end) if over else torch.zeros_like(batch.chosen)
    return reward * batch.reward + after * ~done


def test_td_target_names_the_mistake():
    expect(exercises.td_target(target), True, "those of q_learning")
    expect(exercises.td_target(lambda *g: target(*g, over=False)), False, "after the target")
    expect(exercises.td_target(lambda *g: target(*g, nodes=False)), False, "END, the last token")
    expect(exercises.td_target(lambda *g: target(*g, nodes=False, over=False)), False, "hint")
    expect(exercises.td_target(lambda *g: target(*g, later=False)), False, "next. position")
    expect(exercises.td_target(lambda *g: target(*g, reward=False)), False, "missing")
    expect(exercises.td_target(lambda *g: target(*g, grad=True)), False, "detach")
    expect(exercises.td_target(lambda logits, batch: batch.reward), False, "reward alone")
    expect(exercises.td_target(lambda logits, batch: 7 + batch.reward), False, "differ")
    expect(exercises.td_target(lambda logits, batch: batch.reward[0]), False, "for each step")
    expect(exercises.td_target(lambda *g: None), False, "nothing yet")


def values(earned, target, discount, *, times=300, stops=True, used=True):
    found = torch.zeros_like(earned)
    for _ in range(times):
        best = found.amax(1)
        if stops:
            best[target] = 0.0
        found = earned + (discount if used else 1.0) * best
    return found


def test_fixed_point_names_the_mistake():
    expect(exercises.fixed_point(values), True, "optimal_q")
    expect(exercises.fixed_point(lambda e, t, d: e), False, "the reward of the step alone")
    expect(exercises.fixed_point(lambda *g: values(*g, times=2)), False, "not converged")
    expect(exercises.fixed_point(lambda *g: values(*g, stops=False)), False, "ends at its target")
    expect(exercises.fixed_point(lambda *g: values(*g, used=False)), False, "discount is not used")
    expect(exercises.fixed_point(lambda e, t, d: e + 5), False, "values are earned")
    expect(exercises.fixed_point(lambda e, t, d: e[0]), False, "Expected a table")
    expect(exercises.fixed_point(lambda *g: 1 / 0), False, "ZeroDivisionError")


def test_smallest_penalty_knows_a_tie():
    expect(exercises.smallest_penalty(0.45), True, "smaller by 0.05")
    expect(exercises.smallest_penalty(0.4), False, "earn the same")
    expect(exercises.smallest_penalty(0.2), False, "too small")
    expect(exercises.smallest_penalty(1), False, "smaller penalty")
    expect(exercises.smallest_penalty(...), False, "one number")


def reward(graph, tokens, *, free=True, chosen=True, penalty=1.0, pay=1.0, gave_up=True):
    current, next_node, goal = tokens[:, :-1], tokens[:, 1:], tokens[:, 1:2]
    legal = graph.legal[current, next_node]
    if free:
        legal = legal | (current == goal)
    if not gave_up:
        legal = legal | (next_node == graph.n)
    found = pay * (next_node == goal).float() - penalty * (~legal).float()
    return found * pr.Vocab(graph.n).chosen(tokens) if chosen else found


def test_process_names_the_mistake():
    expect(exercises.process(reward), True, "equal those of process_reward")
    expect(exercises.process(lambda *g: -reward(*g)), False, "sign is reversed")
    expect(exercises.process(lambda *g: reward(*g, chosen=False)), False, "does not choose")
    expect(exercises.process(lambda *g: reward(*g, free=False)), False, "to END has reward 0")
    expect(exercises.process(lambda *g: reward(*g, gave_up=False)), False, "END before the target")
    expect(exercises.process(lambda *g: reward(*g, pay=0.0)), False, "into the target earns 1")
    expect(
        exercises.process(lambda *g: reward(*g, penalty=0.0)), False, "a step that is no edge has"
    )
    expect(exercises.process(lambda *g: reward(*g, penalty=0.5, pay=2.0)), False, "minus 1")
    expect(exercises.process(lambda graph, tokens: tokens[0]), False, "for each step")
    expect(exercises.process(lambda *g: ...), False, "nothing yet")


def costly(cost):
    return lambda graph, tokens: pr.tasks.shaped_reward(graph, tokens, cost=cost)


def test_goal_back_wants_near_to_be_worth_more_than_far():
    expect(exercises.goal_back(costly(0.05)), True, "nearer to the goal")
    expect(exercises.goal_back(pr.process_reward), False, "have the same value")
    expect(exercises.goal_back(costly(0.6)), False, "a jump has a higher value")
    expect(exercises.goal_back(costly(-0.1)), False, "earns for ever")


def test_old_rollouts_wants_exploration():
    def rollouts(old, task, rng, epsilon=1.0, size=128):
        sampler = pr.Sampler(epsilon=epsilon, may_stop=False)
        batches = pr.on_policy(old, task, rng=rng, sampler=sampler, size=size)
        return pr.replay(batches, rng=rng, capacity=100)

    expect(exercises.old_rollouts(rollouts), True, "from an old model's rollouts")
    expect(
        exercises.old_rollouts(lambda *g: rollouts(*g, epsilon=0.0), steps=40),
        False,
        "sample with exploration",
    )
    expect(
        exercises.old_rollouts(lambda *g: rollouts(*g, size=2), steps=40),
        False,
        "exploration|too rarely",
    )
    expect(exercises.old_rollouts(lambda *g: 1 / 0), False, "ZeroDivisionError")
    expect(exercises.old_rollouts(lambda *g: iter([1])), False, "AttributeError")


def test_old_rollouts_leaves_the_checkpoint_alone():
    def spoiled(old, task, rng):
        with torch.no_grad():
            old.table += 1.0
        return pr.on_policy(old, task, rng=rng, sampler=pr.Sampler(epsilon=1.0), size=8)

    expect(exercises.old_rollouts(spoiled, steps=8), False, "sample only")


@pytest.mark.parametrize("name", ["td_target", "fixed_point", "process", "goal_back"])
def test_a_blank_is_answered_kindly(name):
    expect(getattr(exercises, name)(lambda *g: None), False, "nothing yet")
