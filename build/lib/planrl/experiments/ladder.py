"""Learners on the ladder of planning problems, beside the exact policies that they should reach.

On one problem of each domain, and on the library's own tool graph, a linear Transformer is trained
by SFT on random paths, and copies of it by policy gradient, Q-learning (with a discount and
without) and soft Q-learning. All pairs that have a path are trained on and measured, as they are
for the exact policies of `planrl.domains.outcomes`: the probability to arrive within 30 steps, an
exact sum over paths, and the number of distinct correct paths among samples. A linear Transformer
can hold each of the exact policies, so what is missing has not been learnt in these updates.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from planrl.domains import example, state_graph
from planrl.domains.assistant import FOLDER
from planrl.domains.outcomes import (
    STEPS,
    arrivals,
    greedy_policy,
    sampled_policy,
    soft_policy,
    uniform_policy,
)
from planrl.errors import InputError, whole
from planrl.evaluate import evaluate, next_logits
from planrl.experiments.study import Calculation
from planrl.graphs import Graph, seeded
from planrl.io.tool_graphs import read_tools
from planrl.losses import Loss, policy_gradient, q_learning, sft
from planrl.models import LinearTransformer
from planrl.objectives.soft import soft_q_learning
from planrl.sampling import Sampler, rollout
from planrl.streams import demonstrations, on_policy
from planrl.tasks import PROMPT, Task, all_pairs, outcome_reward, process_reward
from planrl.train import TrainConfig, train

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

Numbers = dict[str, Any]
TOOLS = "assistant"
"""What the library's own tool graph is called here."""
PROBLEMS = (
    "hanoi-4",
    "blocks-4",
    "gripper-3",
    "logistics-1",
    "fuel-6",
    TOOLS,
    "sokoban-4",
    "peg-4",
)
"""What is trained on: of each domain the largest example of at most 350 states, and the tools."""
LONGEST = STEPS + PROMPT  # tokens of a path
SHOWN = 8192  # demonstrated paths
SCALE = 10.0  # of Q-learning's reward
DISCOUNT = 0.9
NEVER = -30.0  # a logit
MOST_WEIGHT = 0.2  # of a step in soft Q-learning
PHASES = (*((0.1, 1.0),) * 6, (0.2, 0.3), (0.1, 0.1), (0.1, 0.03))
"""Share of the updates, and factor on the learning rate.

The first errors of soft values are large, and Adam remembers squares of gradients for a thousand
updates. With one phase in the place of the first six it learns values of far targets too slowly.
"""
PAIRS, SAMPLES = 60, 30  # whose distinct paths are counted


@dataclass(frozen=True, kw_only=True)
class Method:
    """A loss, its reward, its learning rate, and how its paths are drawn."""

    loss: Loss
    reward: Callable[..., Tensor]
    lr: float = 0.1
    epsilon: float = 0.1
    may_stop: bool = False


def graph_of(problem: str) -> Graph:
    """The states of a problem, or the tools."""
    return read_tools(FOLDER).graph if problem == TOOLS else state_graph(example(problem))


def step_weight(graph: Graph) -> float:
    """What a step weighs in soft Q-learning; its cost at temperature 1 is the log of 1 / weight.

    Half of the weight at which the sums over paths become infinite, and at most 0.2.
    """
    largest = float(torch.linalg.eigvals(graph.adjacency.double()).abs().max())
    return min(0.5 / max(largest, 1e-9), MOST_WEIGHT)


def step_cost(graph: Graph) -> float:
    """Soft Q-learning's cost of a step, in temperatures."""
    return -math.log(step_weight(graph))


def penalty(graph: Graph) -> float:
    """Soft Q-learning's penalty for an illegal step: more than the longest shortest path costs."""
    return step_cost(graph) * (int(graph.distances().max()) + 2)


def methods(graph: Graph) -> dict[str, Method]:
    """The methods that are compared on one graph."""
    most = penalty(graph)
    process = partial(process_reward, scale=SCALE)
    values = partial(q_learning, value_bounds=(0.0, SCALE))
    cost = step_cost(graph)
    soft = partial(soft_q_learning, cost=cost, value_bounds=(-cost, most))
    return {
        "pg": Method(loss=policy_gradient, reward=outcome_reward, epsilon=0.0, may_stop=True),
        "q": Method(loss=values, reward=process),
        "q_discounted": Method(loss=partial(values, discount=DISCOUNT), reward=process),
        "soft": Method(loss=soft, reward=partial(process_reward, scale=most), lr=0.3),
    }


def random_paths(task: Task, rng: torch.Generator) -> Int[Tensor, "M L"]:
    """Paths of random pairs, each step uniform over the correct next nodes, cut at 30 steps.

    With cycles a random path may visit a node often and seldom arrives. A path that is cut off is
    one all the same: what is to be learnt of it is the choice at each step.
    """
    teacher = LinearTransformer(task.vocab)
    n, certain = task.graph.n, 100.0
    with torch.no_grad():
        teacher.current[:, :n] = certain * task.graph.adjacency.float()
        teacher.target[:, :n] = certain * task.graph.reachability.float()
    pairs = task.pairs[torch.randint(len(task.pairs), (SHOWN,), generator=rng)]
    return rollout(teacher, pairs, rng=rng, sampler=Sampler(may_stop=False, max_tokens=LONGEST))


def a_base(task: Task, seed: int, steps: int) -> LinearTransformer:
    """A linear Transformer after SFT on random paths; it never emits END.

    END is right where the current node is the target, and a sum of a row for each cannot tell
    where that is. Rollouts end at the target anyway.
    """
    model = LinearTransformer(task.vocab)
    paths = random_paths(task, seeded(seed, "paths"))
    shown = demonstrations(task, paths, rng=seeded(seed, "base batches"), size=256)
    for share, lr in ((0.3, 0.3), (0.3, 0.3), (0.2, 0.3), (0.2, 0.03)):
        for _ in train(model, shown, sft, TrainConfig(steps=max(round(share * steps), 1), lr=lr)):
            pass
    with torch.no_grad():
        for rows in (model.current, model.target):
            rows.sub_(rows[:, :-1].amax(1, keepdim=True))
        model.current[:, -1] = NEVER
    return model


def follow(
    name: str, method: Method, base: LinearTransformer, task: Task, *, seed: int, steps: int
) -> LinearTransformer:
    """A copy of the base, trained by a method: Adam begins anew with each phase."""
    model = copy.deepcopy(base)
    drawn = on_policy(
        model,
        replace(task, reward=method.reward),
        rng=seeded(seed, f"rollouts of {name}"),
        sampler=Sampler(may_stop=method.may_stop, epsilon=method.epsilon, max_tokens=LONGEST),
        size=128,
    )
    for share, factor in PHASES:
        config = TrainConfig(steps=max(round(share * steps), 1), lr=factor * method.lr)
        for _ in train(model, drawn, method.loss, config):
            pass
    return model


def on_edges(
    logits: Float[Tensor, "N N V"], graph: Graph, *, greedy: bool, may_stop: bool
) -> Float[Tensor, "N E"]:
    """The policy of logits [target, current, next] as `planrl.domains.outcomes` reads it."""
    current, following = torch.tensor(graph.edges).T
    choices = logits if may_stop else logits[..., : graph.n]
    if greedy:
        best: Tensor = choices.argmax(-1)[:, current] == following
        return best.float()
    return choices.softmax(-1)[:, current, following]


def measured(model: LinearTransformer, task: Task, *, may_stop: bool, seed: int) -> Numbers:
    """Of the pairs of a task: how often they arrive sampled and greedily, steps, and diversity.

    Diversity is of 60 pairs that the seed draws.
    """
    graph, logits = task.graph, next_logits(model)
    sampled, greedy = (
        arrivals(graph, on_edges(logits, graph, greedy=best, may_stop=may_stop))
        for best in (False, True)
    )
    order = torch.randperm(len(task.pairs), generator=seeded(seed, "pairs"))
    some = replace(task, pairs=task.pairs[order[:PAIRS]])
    sampler = Sampler(may_stop=may_stop, max_tokens=LONGEST)
    scores = evaluate(model, some, rng=seeded(seed, "diversity"), sampler=sampler, samples=SAMPLES)
    return {
        "sampled": sampled.share,
        "greedy": greedy.share,
        "steps": sampled.steps,
        "diversity": float(scores.diversity.mean()),
    }


def told(task: Task) -> Numbers:
    """What the exact policies reach on the pairs of a task; ties go to the first edge."""
    graph = task.graph
    policies = {
        "sampled_sft": uniform_policy(graph),
        "greedy_q": greedy_policy(graph, 1.0),
        "greedy_q_discounted": greedy_policy(graph, DISCOUNT),
        "sampled_q": sampled_policy(graph, 1.0, SCALE),
        "sampled_q_discounted": sampled_policy(graph, DISCOUNT, SCALE),
        "sampled_soft": soft_policy(graph, step_weight(graph)),
    }
    return {f"{name}_told": arrivals(graph, one).share for name, one in policies.items()}


def measure(seed: int, *, problem: str, steps: int = 600) -> dict[str, Any]:
    """All measurements of one seed on one problem: {"found": {name: number}}, and the seconds."""
    if whole(steps, "steps") < 10:
        raise InputError(f"steps={steps}: take at least 10 updates")
    torch.set_num_threads(1)
    began = time.process_time()
    graph = graph_of(problem)
    task = all_pairs(graph)
    base = a_base(task, seed, max(steps // 2, 1))
    models = {"sft": (base, True)}
    for name, method in methods(graph).items():
        model = follow(name, method, base, task, seed=seed, steps=steps)
        models[name] = (model, method.may_stop)
    found = told(task)
    for name, (model, may_stop) in models.items():
        numbers = measured(model, task, may_stop=may_stop, seed=seed)
        found |= {f"{key}_{name}": value for key, value in numbers.items()}
    facts = {
        "cpu_seconds": {"found": time.process_time() - began},
        "states": graph.n,
        "pairs": len(task.pairs),
        "penalty": penalty(graph),
    }
    return {"facts": facts, "found": found}


CALL = "planrl.experiments.ladder:measure"
LONGER = "sokoban-4"
"""Here values fall far short of the exact ones, so it is trained four times as long, too."""
STUDIES = (
    *(
        Calculation(
            name="ladder",
            label=f"{problem}-seed{seed}",
            seed=seed,
            call=CALL,
            options={"problem": problem},
        )
        for seed in range(10)
        for problem in PROBLEMS
    ),
    *(
        Calculation(
            name="ladder",
            label=f"longer-{LONGER}-seed{seed}",
            seed=seed,
            call=CALL,
            options={"problem": LONGER, "steps": 2400},
        )
        for seed in range(3)
    ),
    Calculation(
        name="ladder",
        label="quick-gripper-3-seed0",
        tier="quick",
        seed=0,
        call=CALL,
        options={"problem": "gripper-3", "steps": 40},
    ),
)
"""Ten seeds of each problem, seed by seed, three that train longer, and one that trains little."""
