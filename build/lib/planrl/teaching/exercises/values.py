"""Exercises on values: TD target, fixed point, rewards, rollouts of an old checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from planrl.evaluate import evaluate, next_logits
from planrl.graphs import Graph, chain, random_dag, random_digraph, seeded
from planrl.losses import q_learning, sft
from planrl.models import LogitTable
from planrl.objectives.theory import optimal_q, process_optimum
from planrl.sampling import Sampler, rollout
from planrl.streams import demonstrations, on_policy, sample_paths
from planrl.tasks import (
    Batch,
    Reward,
    Task,
    Vocab,
    all_pairs,
    outcome_reward,
    process_reward,
    shaped_reward,
)
from planrl.teaching.exercises.checks import Feedback, ask
from planrl.train import TrainConfig, train

SCALE = 10.0  # of the rewards, so that softmax follows the values
COST = 0.1  # of every step, in the exercise on the smallest penalty


def td_target(function: Callable[[Tensor, Batch], Any]) -> Feedback:
    """Try function(logits [B, T, V], batch) -> TD targets [B, T], discount 1."""
    task = all_pairs(random_dag(8, 0.4, seeded(0, "graph")), process_reward)
    model, rng = LogitTable(task.vocab), seeded(0, "walks")
    with torch.no_grad():
        model.table.normal_(generator=rng)
        model.table[..., -1] += 2.0  # so that an answer which counts END differs
    batch = next(on_policy(model, task, rng=rng, sampler=Sampler(epsilon=0.5), size=64))
    logits = model(batch.tokens[:, :-1])
    answer, wrong = ask(function, logits, batch)
    if wrong:
        return wrong
    found = torch.as_tensor(answer)
    if found.shape != batch.reward.shape:
        return Feedback(
            False,
            f"Expected a number for each step, {list(batch.reward.shape)}, got "
            f"{list(found.shape)}.",
        )
    if found.requires_grad:
        return Feedback(False, "The target must not carry a gradient: detach the logits first.")
    with torch.no_grad():
        return _named_target(found, logits, batch)


def _named_target(found: Tensor, logits: Tensor, batch: Batch) -> Feedback:
    target, end = batch.tokens[:, 1:2], logits.shape[-1] - 1
    current, next_node = batch.tokens[:, :-1], batch.tokens[:, 1:]
    over = (next_node == target) | (next_node == end)
    asked = batch.chosen & (current != target)
    asked[:, -1] &= over[:, -1]

    def later(best: Tensor) -> Tensor:
        return torch.cat([best[:, 1:], torch.zeros_like(best[:, :1])], 1)

    best, every = logits[..., :-1].amax(-1), logits.amax(-1)
    reward, mean = batch.reward, logits[..., :-1].mean(-1)
    told = {
        "": reward + later(best) * ~over,
        "after the target or END no reward follows: the TD target is the reward alone.": (
            reward + later(best)
        ),
        "take the maximum over nodes only: no step follows END, the last token.": (
            reward + later(every) * ~over
        ),
        "treat END and the step into the target separately: see the hint.": reward + later(every),
        "take the best value at the *next* position, where the step leads.": (
            reward + best * ~over
        ),
        "the reward of the step itself is missing.": later(best) * ~over,
        "take the largest next value, not the mean.": reward + later(mean) * ~over,
        "that is the reward alone: the value of the next position is missing.": reward,
    }
    for hint, wanted in told.items():
        if torch.allclose(found[asked].float(), wanted[asked], atol=1e-4):
            text = f"All {int(asked.sum())} targets equal those of q_learning."
            return Feedback(False, f"Close: {hint}") if hint else Feedback(True, text)
    return Feedback(
        False,
        "The targets differ. Expected: the reward of the step plus the largest logit over "
        "nodes one position later.",
    )


def fixed_point(function: Callable[[Tensor, int, float], Any]) -> Feedback:
    """Try function(earned [N, N], target, discount) -> Q-values [current, next]."""
    dag = random_dag(8, 0.4, seeded(0, "graph"))
    cyclic = random_digraph(8, 0.3, seeded(0, "graph"))
    for name, task, discount in (
        ("process reward on a DAG", all_pairs(dag, process_reward), 1.0),
        ("outcome reward on a DAG", all_pairs(dag, outcome_reward), 1.0),
        ("process reward on cycles, discount 0.9", all_pairs(cyclic, process_reward), 0.9),
    ):
        for target in task.pairs[:, 1].unique().tolist():
            earned = _earned(task, target)
            answer, wrong = ask(function, earned.clone(), target, discount)
            if wrong:
                return wrong
            found = torch.as_tensor(answer).float()
            if found.shape != earned.shape:
                return Feedback(
                    False, f"Expected a table {list(earned.shape)}, got {list(found.shape)}."
                )
            underway = torch.arange(len(earned)) != target
            wanted = optimal_q(task, discount=discount)[target, :, : len(earned)]
            if torch.allclose(found[underway], wanted[underway], atol=1e-3):
                continue
            hint = _why_not(found, earned, target, discount, underway)
            return Feedback(False, f"{name}, target {target}: {hint}")
    return Feedback(
        True, "For three rewards and every target your values equal those of pr.optimal_q."
    )


def _earned(task: Task, target: int) -> Tensor:
    """The reward of each single step on a path to one target.  # [current, next]"""
    n = task.graph.n
    current, next_node = torch.cartesian_prod(torch.arange(n), torch.arange(n)).T
    last = torch.full_like(current, n)
    rows = torch.stack([current, torch.full_like(current, target), current, next_node, last], 1)
    return task.reward(task.graph, rows)[:, 2].view(n, n)


def _why_not(found: Tensor, earned: Tensor, target: int, discount: float, underway: Tensor) -> str:
    def swept(times: int, gamma: float, *, stops: bool) -> Tensor:
        values = torch.zeros_like(earned)
        for _ in range(times):
            best = values.amax(1)
            if stops:
                best[target] = 0.0
            values = earned + gamma * best
        return values

    def same(other: Tensor) -> bool:
        return torch.allclose(found[underway], other[underway], atol=1e-3)

    if same(earned):
        return "that is the reward of the step alone: sweep again until nothing changes."
    if any(same(swept(times, discount, stops=True)) for times in range(2, 8)):
        return "the values have not converged yet: sweep until nothing changes."
    if discount < 1 and same(swept(200, 1.0, stops=True)):
        return "the discount is not used."
    if any(same(swept(times, discount, stops=False)) for times in range(2, 400)):
        return "a path ends at its target: after that step no reward follows."
    return "values are earned + discount times the best value of the node a step leads to."


def smallest_penalty(penalty: Any) -> Feedback:
    """Is this the smallest penalty, a multiple of 0.05, at which no jump pays on a chain of six?"""
    if not isinstance(penalty, int | float):
        return Feedback(False, "Give one number, a multiple of 0.05.")
    honest, jump = _chain_values(float(penalty))
    told = f"From 0 to 5 the best correct path earns {honest:.2f}, the best jump {jump:.2f}."
    if honest < jump - 1e-4:
        return Feedback(False, f"{told} Jumping pays: the penalty is too small.")
    if honest < jump + 1e-4:
        return Feedback(False, f"{told} Both earn the same: about half of the paths will jump.")
    honest, jump = _chain_values(float(penalty) - 0.05)
    if honest > jump + 1e-4:
        return Feedback(False, f"{told} No jump pays, but a smaller penalty is enough.")
    return Feedback(True, f"{told} With a penalty smaller by 0.05 both would earn the same.")


def _chain_values(penalty: float) -> tuple[float, float]:
    """At node 0 of a chain of six, target 5: the value of the edge, and of the best jump."""
    reward = partial(shaped_reward, edge=penalty, cost=COST)
    values = optimal_q(all_pairs(chain(6), reward))[5, 0, :6]
    return float(values[1]), float(values[2:].max())


def process(function: Reward) -> Feedback:
    """Try the reader's process reward: function(graph, tokens [B, L]) -> reward [B, T]."""
    graph = random_dag(8, 0.4, seeded(0, "graph"))
    pairs = all_pairs(graph).pairs.repeat(8, 1)
    behaviour = LogitTable(Vocab(graph.n))
    with torch.no_grad():
        behaviour.table[..., :-1] += 1.5 * graph.correct
    tokens = rollout(behaviour, pairs, rng=seeded(0, "walks"), sampler=Sampler(max_tokens=9))
    answer, wrong = ask(function, graph, tokens.clone())
    if wrong:
        return wrong
    found, wanted = torch.as_tensor(answer).float(), process_reward(graph, tokens)
    if found.shape != wanted.shape:
        return Feedback(
            False,
            f"Expected a number for each step, {list(wanted.shape)}, got {list(found.shape)}.",
        )
    if torch.allclose(found, wanted):
        return Feedback(
            True, f"The rewards of all {len(tokens)} paths equal those of process_reward."
        )
    return _process_mistake(graph, tokens, found, wanted)


def _process_mistake(graph: Graph, tokens: Tensor, found: Tensor, wanted: Tensor) -> Feedback:
    """What is wrong with this process reward, as far as one can guess."""
    chosen = Vocab(graph.n).chosen(tokens)
    current, next_node, target = tokens[:, :-1], tokens[:, 1:], tokens[:, 1:2]
    if torch.allclose(found, -wanted):
        return Feedback(
            False, "The sign is reversed: arriving has reward 1, an illegal step has reward -1."
        )
    if torch.allclose(found * chosen, wanted):
        return Feedback(
            False,
            "Positions that the model does not choose (the prompt and the padding) have reward 0: "
            "Vocab(graph.n).chosen(tokens) says which are chosen.",
        )
    into_end, arrives = chosen & (next_node == graph.n), (chosen & (next_node == target)).float()
    for other, hint in (
        (
            wanted - (into_end & (current == target)).float(),
            "the step from the target to END has reward 0.",
        ),
        (
            wanted + (into_end & (current != target)).float(),
            "END before the target has reward -1, like a step that is no edge.",
        ),
        (wanted - arrives, "the step into the target earns 1, minus 1 if that step is no edge."),
        (arrives, "a step that is no edge has reward -1; an edge has reward 0."),
    ):
        if torch.allclose(found, other):
            return Feedback(False, f"Almost: {hint}")
    return Feedback(
        False, "Expected 1 for the step into the target, minus 1 for a step that is no edge."
    )


def goal_back(function: Reward) -> Feedback:
    """Does the reader's reward, undiscounted, lead greedy paths to every goal on cycles?"""
    graph = _ring()
    task = all_pairs(graph, function)
    _, wrong = ask(function, graph, torch.tensor([[0, 2, 0, 1, 2, graph.n]]))
    if wrong:
        return wrong
    values, wrong = ask(lambda: optimal_q(task))
    if wrong:
        return wrong
    model = LogitTable(task.vocab)
    model.load_state_dict({"table": 100 * values.nan_to_num(0.0)})
    sampler = Sampler(may_stop=False, max_tokens=40)
    scores = evaluate(model, task, rng=seeded(0, "walks"), samples=8, sampler=sampler)
    n, off = graph.n, ~torch.eye(graph.n, dtype=torch.bool)
    table = values[..., :n]
    legal = table.masked_fill(~graph.adjacency, -torch.inf).amax(-1)
    jumps = (table.amax(-1) > legal + 1e-4) & off
    told = f"Greedy paths are correct for {float(scores.greedy.mean()):.0%} of the questions."
    if jumps.any():
        return Feedback(
            False,
            f"{told} In {int(jumps.sum())} contexts a jump has a higher value than any edge: "
            "the cost of a step is too high compared with the penalty.",
        )
    if float(scores.greedy.mean()) == 1.0 and float(scores.accuracy.mean()) > 0.95:
        return Feedback(
            True, f"{told} Each step costs, so nodes nearer to the goal have higher values."
        )
    return Feedback(
        False, f"{told} Near and far nodes have the same value. How can a longer path earn less?"
    )


def _ring() -> Graph:
    """Twelve nodes in a circle with edges in both directions, and one edge pair across."""
    around = [(k, (k + step) % 12) for k in range(12) for step in (1, 11)]
    return Graph(12, [*around, (0, 6), (6, 0)])


ToStream = Callable[[LogitTable, Task, torch.Generator], Iterator[Batch]]


def old_rollouts(stream: ToStream, *, steps: int = 400) -> Feedback:
    """Does Q-learning on the reader's rollouts of an old checkpoint give a table A + R - 1?"""
    graph = random_dag(8, 0.45, seeded(0, "graph"))
    task = all_pairs(graph, partial(process_reward, scale=SCALE))
    old, n = _checkpoint(task), graph.n
    before = copy.deepcopy(old.state_dict())
    batches, wrong = ask(stream, old, task, seeded(0, "walks"))
    if wrong:
        return wrong
    tried = torch.zeros(n, n, n + 1, dtype=torch.bool)  # [target, current, next]

    def watched() -> Iterator[Batch]:
        for batch in batches:
            some = batch.chosen
            target = batch.tokens[:, 1:2].expand_as(some)[some]
            tried[target, batch.tokens[:, :-1][some], batch.tokens[:, 1:][some]] = True
            yield replace(batch, frozen=None)

    model, rollouts = LogitTable(task.vocab), watched()

    def learn() -> bool:
        for some, lr in ((3 * steps // 4, 0.3), (steps // 4, 0.03)):
            config = TrainConfig(steps=some, lr=lr, clip=None)
            for _ in train(
                model, rollouts, partial(q_learning, value_bounds=(-float("inf"), SCALE)), config
            ):
                pass
        return True

    _, wrong = ask(learn)
    if wrong:
        return wrong
    if not torch.equal(before["table"], old.state_dict()["table"]):
        return Feedback(False, "The old checkpoint was changed: use it to sample only.")
    return _learnt_values(model, task, tried)


def _checkpoint(task: Task) -> LogitTable:
    """A table fitted to two correct paths of each pair."""
    old = LogitTable(task.vocab)
    shown = demonstrations(task, sample_paths(task, 2, seeded(0, "paths")), rng=seeded(0, "shown"))
    for _ in train(old, shown, sft, TrainConfig(steps=150, lr=0.3)):
        pass
    return old


def _learnt_values(model: LogitTable, task: Task, tried: Tensor) -> Feedback:
    """How many of the steps were tried, and how near the learnt values are to A + R - 1."""
    graph, n = task.graph, task.graph.n
    asked = task.pairs[:, 1].unique()
    underway = (~torch.eye(n, dtype=torch.bool))[asked]
    share = float(tried[asked][..., :n][underway].float().mean())
    gap = (next_logits(model)[..., :n] / SCALE - process_optimum(graph))[asked][underway].abs()
    good = float((gap < 0.1).float().mean())
    told = f"{share:.0%} of the steps were tried, {good:.0%} of the values are within 0.1."
    if good > 0.99:
        return Feedback(
            True, f"{told} The logits are A + R - 1, learned from an old model's rollouts."
        )
    if share < 0.99:
        return Feedback(
            False, f"{told} Steps never tried have no learned value: sample with exploration."
        )
    return Feedback(
        False, f"{told} Each step is tried too rarely: explore more, or use larger batches."
    )
