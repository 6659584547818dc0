"""What if the checks are wrong? Q-learning from checks that are few or wrong, beside its theory.

A linear Transformer, which can hold each fixed point of `planrl.objectives.noisy` exactly, is
trained from 0 on all pairs of a graph by undiscounted Q-learning with rewards of 10. Accuracies are
exact sums over paths, of the trained model and of the formula. Policy gradient is followed on the
one choice of `objectives`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from planrl.domains import blocksworld
from planrl.evaluate import next_logits
from planrl.experiments import objectives as toy
from planrl.experiments.study import Calculation
from planrl.graphs import Graph, random_dag, seeded
from planrl.losses import q_learning
from planrl.models import LinearTransformer
from planrl.objectives import rloo
from planrl.objectives.noisy import (
    Checks,
    checked_reward,
    judged_graph,
    legal_distance,
    noisy_optimum,
    outcome_checked_reward,
    scaled,
)
from planrl.objectives.path_measures import arrival, greedy
from planrl.sampling import Sampler
from planrl.streams import on_policy
from planrl.tasks import PROMPT, Task, all_pairs
from planrl.train import TrainConfig, train

Numbers = dict[str, float]
SCALE = 10.0
UPDATES = 600
LONGEST = 24  # tokens of a path
SHARES = (1.0, 0.3, 0.1, 0.03, 0.0)  # of the steps that are checked
GRID = ((0.2, 0.1), (0.3, 0.15), (0.4, 0.3))
"""False-alarm and miss rates on three blocks; legal below 4.5, 2.83 and 1.75 steps."""
MILD = Checks(false_alarm=0.05, miss=0.05)
FIXED = Checks(false_alarm=0.1, miss=0.1)
STRONG = Checks(false_alarm=0.3, miss=0.1)  # legal below 3 steps
OUTCOME = Checks(false_alarm=0.1, miss=0.2)


def a_dag(seed: int) -> Graph:
    """The random DAG of one seed."""
    return random_dag(20, 0.3, seeded(seed, "graph"))


def learn(
    graph: Graph, checks: Checks, seed: int, steps: int, *, judge: Graph | None = None
) -> LinearTransformer:
    """A linear Transformer after Q-learning from these checks; the learning rate falls twice."""
    reward = checked_reward(checks, seeded(seed, "noise"), scale=SCALE, judge=judge)
    task = all_pairs(graph, reward)
    model = LinearTransformer(task.vocab)
    sampler = Sampler(may_stop=False, epsilon=0.2, max_tokens=LONGEST)
    drawn = on_policy(model, task, rng=seeded(seed, "walks"), sampler=sampler, size=128)
    loss = partial(q_learning, value_bounds=(0.0, SCALE))
    for share, lr in ((0.5, 0.1), (0.3, 0.02), (0.2, 0.004)):
        config = TrainConfig(steps=max(round(share * steps), 1), lr=lr)
        for _ in train(model, drawn, loss, config):
            pass
    return model


def accuracies(graph: Graph, values: torch.Tensor) -> dict[str, torch.Tensor]:
    """Of each pair, with values [target, current, next] for rewards of 1: sampled and greedy."""
    source, target = all_pairs(graph).pairs.T
    longest = LONGEST - PROMPT
    policies = {"sampled": scaled(values, SCALE), "greedy": greedy(values)}
    return {
        name: arrival(policy, graph, steps=longest)[target, source]
        for name, policy in policies.items()
    }


def both(
    graph: Graph, checks: Checks, seed: int, steps: int, *, judge: Graph | None = None
) -> Numbers:
    """Accuracy of the trained model, sampled and greedy, and of the formula (`told`)."""
    model = learn(graph, checks, seed, steps, judge=judge)
    values = next_logits(model).double()[..., :-1] / SCALE
    told = accuracies(graph, noisy_optimum(judge or graph, checks))
    found = accuracies(graph, values)
    return {
        **{name: float(found[name].mean()) for name in found},
        **{f"{name}_told": float(told[name].mean()) for name in told},
    }


def bridge(seed: int, steps: int) -> Numbers:
    """On a DAG, checks of a share rho of the steps, from 1 to 0."""
    graph = a_dag(seed)
    return {
        f"{key}_{rho:g}": value
        for rho in SHARES
        for key, value in both(graph, Checks(checked=rho), seed, steps).items()
    }


def fresh(seed: int, steps: int) -> Numbers:
    """On three blocks, fresh noise: greedy accuracy nearer and further than the legal distance.

    `curve` has the greedy accuracy of pairs by their distance, from 1 on.
    """
    graph = blocksworld(3)
    source, target = all_pairs(graph).pairs.T
    distance = graph.distances()[target, source]
    found: dict[str, Any] = {}
    for a, m in GRID:
        checks, name = Checks(false_alarm=a, miss=m), f"{a:g}"
        values = next_logits(learn(graph, checks, seed, steps)).double()[..., :-1] / SCALE
        right = accuracies(graph, values)["greedy"]
        near = distance < legal_distance(checks)
        found[f"greedy_{name}"] = float(right.mean())
        found[f"greedy_told_{name}"] = float(near.double().mean())
        found[f"near_{name}"] = float(right[near].mean())
        if not near.all():
            found[f"far_{name}"] = float(right[~near].mean())
        found[f"curve_{name}"] = [
            float(right[distance == d].mean()) for d in range(1, int(distance.max()) + 1)
        ]
    return found


def helps(seed: int, steps: int) -> Numbers:
    """On four blocks, without a discount: accuracy with 5 % of wrong checks and with none."""
    graph, found = blocksworld(4), {}
    for name, checks in (("clean", Checks()), ("noisy", MILD)):
        for key, value in both(graph, checks, seed, steps).items():
            found[f"{key}_{name}"] = value
    return found


def fixed(seed: int, steps: int) -> Numbers:
    """On a DAG, the same steps always judged wrongly, a tenth of all."""
    graph = a_dag(seed)
    judge = judged_graph(graph, FIXED, seeded(seed, "fixed noise"))
    return both(graph, Checks(), seed, steps, judge=judge)


def corrections(seed: int, steps: int) -> Numbers:
    """On a DAG, strong fresh noise as it is, divided by 1 - a - m, and the majority of 9 checks."""
    graph = a_dag(seed)
    kinds = {
        "plain": STRONG,
        "corrected": Checks(false_alarm=0.3, miss=0.1, corrected=True),
        "majority": Checks(false_alarm=0.3, miss=0.1, votes=9),
    }
    return {
        f"{key}_{name}": value
        for name, checks in kinds.items()
        for key, value in both(graph, checks, seed, steps).items()
    }


def outcome(seed: int, steps: int) -> Numbers:
    """RLOO on the one choice of `objectives`, its outcomes judged wrongly: updates and unevenness.

    `rate` is the updates with noise times 1 - a - m over those without; `off` is KL(U_C || r) at
    accuracy 0.95 minus that without noise, in nats.
    """
    done, uneven = [], []
    for checks in (Checks(), OUTCOME):
        reward = outcome_checked_reward(checks, seeded(seed, "noise"))
        model = toy.a_table(toy.a_base(seed))
        task = Task(toy.TASK.graph, toy.TASK.pairs, reward)
        done.append(toy.descend(model, rloo, seed, 8 * steps, until=toy.REACHED, task=task))
        uneven.append(float(toy.uneven(toy.choices(model)).mean()))
    return {
        "rate": done[1] * OUTCOME.informative / done[0],
        "off": uneven[1] - uneven[0],
        "updates": float(done[0]),
        "updates_noisy": float(done[1]),
    }


PARTS: tuple[toy.Part, ...] = (bridge, fresh, helps, fixed, corrections, outcome)


def measure(seed: int, *, steps: int = UPDATES) -> dict[str, Any]:
    """All measurements of one seed: {part: {name: number}}, and the seconds that each part took."""
    return toy.timed(PARTS, seed, steps)


CALL = "planrl.experiments.noise:measure"
STUDIES = (
    *(Calculation(name="noise", label=f"seed{seed}", seed=seed, call=CALL) for seed in range(10)),
    Calculation(
        name="noise", label="quick", tier="quick", seed=0, call=CALL, options={"steps": 40}
    ),
)
"""Ten seeds, and one that trains less."""
