"""Can one have both? Soft Q-learning, Q-learning and policy gradient at equal diversity.

On three graphs a linear Transformer is trained by SFT on half of the pairs, and copies of it by
each method on the same pairs. What is measured is of the other half. Accuracy and path entropy are
exact sums over paths; a curve is one model sampled at several temperatures.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from planrl.errors import InputError, whole
from planrl.evaluate import evaluate, next_logits
from planrl.experiments.datasets import Dataset, DatasetSettings
from planrl.experiments.study import Calculation
from planrl.graphs import seeded
from planrl.losses import Loss, policy_gradient, q_learning, sft
from planrl.models import LinearTransformer
from planrl.objectives.path_measures import arrival, greedy, path_entropy, uniform_steps
from planrl.objectives.soft import path_consistency, soft_q_learning
from planrl.objectives.soft_values import uniform_over_paths
from planrl.sampling import Sampler
from planrl.streams import demonstrations, on_policy
from planrl.tasks import PROMPT, Task, all_pairs, outcome_reward, process_reward
from planrl.train import TrainConfig, train

if TYPE_CHECKING:
    from torch import Tensor

Numbers = dict[str, Any]
TEMPERATURES = (3.0, 2.2, 1.6, 1.3, 1.0, 0.7, 0.5, 0.35, 0.25)
PAIRS, SAMPLES = 60, 30  # of a curve
ACCURATE = 0.99  # sampled accuracy at which diversities are compared
BETWEEN = 5  # points of a curve that are interpolated between two temperatures
SCALE = 10.0  # of Q-learning's reward
UPDATES = 450  # of each method


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A graph, and what the methods need to know of it.

    `cost` is soft Q-learning's step cost at temperature 1, `penalty` its process reward's scale,
    `discount` Q-learning's, and `longest` the most tokens of a path.
    """

    dataset: DatasetSettings
    cost: float
    penalty: float
    discount: float
    longest: int


SETTINGS = {
    "dag": Setting(
        dataset=DatasetSettings(
            "dag", nodes=24, edge_probability=0.35, train_share=0.5, paths_per_pair=4
        ),
        cost=0.0,
        penalty=15.0,
        discount=1.0,
        longest=16,
    ),
    "digraph": Setting(
        dataset=DatasetSettings(
            "digraph", nodes=20, edge_probability=0.12, train_share=0.5, paths_per_pair=4
        ),
        cost=1.5,
        penalty=25.0,
        discount=0.9,
        longest=24,
    ),
    "blocksworld": Setting(
        dataset=DatasetSettings(blocks=4, train_share=0.5, paths_per_pair=1),
        cost=2.0,
        penalty=25.0,
        discount=0.9,
        longest=34,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Method:
    """A loss, its reward, and how its paths are drawn."""

    loss: Loss
    reward: Callable[..., Tensor]
    epsilon: float = 0.0
    may_stop: bool = False
    from_base: bool = False


def methods(setting: Setting) -> dict[str, Method]:
    """The methods that are compared on one graph."""
    reward = partial(process_reward, scale=setting.penalty)
    bounds = (-torch.inf, setting.penalty if setting.cost else torch.inf)
    soft = partial(soft_q_learning, cost=setting.cost, value_bounds=bounds)
    consistency = partial(path_consistency, cost=setting.cost, length=1)
    values = partial(q_learning, discount=setting.discount, value_bounds=(0.0, SCALE))
    return {
        "soft": Method(loss=soft, reward=reward, epsilon=0.2),
        "soft_off_policy": Method(loss=soft, reward=reward, epsilon=0.2, from_base=True),
        "consistency": Method(loss=consistency, reward=reward, epsilon=0.2),
        "q": Method(loss=values, reward=partial(process_reward, scale=SCALE), epsilon=0.1),
        "pg": Method(loss=policy_gradient, reward=outcome_reward, may_stop=True),
    }


def a_base(dataset: Dataset, seed: int, steps: int) -> LinearTransformer:
    """A linear Transformer after SFT on the demonstrated paths."""
    model = LinearTransformer(dataset.train.vocab)
    rng = seeded(seed, "base batches")
    shown = demonstrations(dataset.train, dataset.paths, rng=rng, size=256)
    for _ in train(model, shown, sft, TrainConfig(steps=steps, lr=0.05)):
        pass
    return model


def follow(
    name: str,
    method: Method,
    base: LinearTransformer,
    task: Task,
    setting: Setting,
    *,
    seed: int,
    steps: int,
) -> LinearTransformer:
    """A copy of the base, trained by a method; the learning rate falls in the last quarter."""
    model = copy.deepcopy(base)
    sampler = Sampler(may_stop=method.may_stop, epsilon=method.epsilon, max_tokens=setting.longest)
    drawn = on_policy(
        base if method.from_base else model,
        replace(task, reward=method.reward),
        rng=seeded(seed, f"walks of {name}"),
        sampler=sampler,
        size=128,
    )
    for share, lr in ((0.75, 0.1), (0.25, 0.01)):
        config = TrainConfig(steps=max(round(share * steps), 1), lr=lr)
        for _ in train(model, drawn, method.loss, config):
            pass
    return model


def measured(model: LinearTransformer, task: Task, method: Method, setting: Setting) -> Numbers:
    """Exact accuracies of the task's pairs, sampled at temperature 1 and greedy."""
    logits = next_logits(model).double()
    nodes = logits[..., :-1]
    policy = logits.softmax(-1)[..., :-1] if method.may_stop else nodes.softmax(-1)
    source, target = task.pairs.T
    steps = setting.longest - PROMPT
    return {
        "sampled": float(arrival(policy, task.graph, steps=steps)[target, source].mean()),
        "greedy": float(arrival(greedy(nodes), task.graph, steps=steps)[target, source].mean()),
    }


def a_curve(
    model: LinearTransformer, task: Task, method: Method, setting: Setting, seed: int
) -> list[list[float]]:
    """[diversity, accuracy] at each temperature, of the first pairs of the task."""
    some = replace(task, pairs=task.pairs[:PAIRS])
    points = []
    for temperature in TEMPERATURES:
        sampler = Sampler(
            temperature=temperature, may_stop=method.may_stop, max_tokens=setting.longest
        )
        rng = seeded(seed, "curve")
        scores = evaluate(model, some, rng=rng, sampler=sampler, samples=SAMPLES)
        points.append([float(scores.diversity.mean()), float(scores.accuracy.mean())])
    return points


def diversity_at(accuracy: float, curve: list[list[float]]) -> float:
    """The largest diversity on a curve where it is at least so accurate; 0 if it never is.

    The curve is interpolated between its temperatures.
    """
    points = _interpolated(curve)
    return float(torch.where(points[:, 1] >= accuracy, points[:, 0], 0.0).max())


def _interpolated(points: list[list[float]]) -> Tensor:
    table = torch.tensor(points, dtype=torch.float64)
    share = torch.linspace(0, 1, BETWEEN + 1, dtype=torch.float64)[:, None, None]
    between = table[:-1] * (1 - share) + table[1:] * share
    return between.flatten(0, 1)


def entropies(model: LinearTransformer, dataset: Dataset) -> Numbers:
    """Path entropy of the model's choices among correct next nodes, of U_C, and the largest.

    Means over all pairs, in nats.
    """
    policy = next_logits(model).double()[..., :-1].softmax(-1) * dataset.graph.correct
    learnt = policy / policy.sum(-1, keepdim=True)
    source, target = all_pairs(dataset.graph).pairs.T
    tables = {
        "soft": learnt,
        "u_c": uniform_steps(dataset.graph),
        "most": uniform_over_paths(dataset.graph),
    }
    return {
        f"entropy_{name}": float(path_entropy(table)[target, source].mean())
        for name, table in tables.items()
    }


def on_graph(setting: Setting, seed: int, steps: int) -> Numbers:
    """All methods on one graph: accuracies, and diversities at sampled accuracy 0.99."""
    dataset = replace(setting.dataset, seed=seed).make()
    base = a_base(dataset, seed, max(steps // 4, 1))
    found: Numbers = {}
    curves = {}
    for name, method in methods(setting).items():
        model = follow(name, method, base, dataset.train, setting, seed=seed, steps=steps)
        scores = measured(model, dataset.test, method, setting)
        found |= {f"{key}_{name}": value for key, value in scores.items()}
        if name in ("soft", "q", "pg"):
            curves[name] = a_curve(model, dataset.test, method, setting, seed)
        if name == "soft" and dataset.graph.is_dag:
            found |= entropies(model, dataset)
    for name, curve in curves.items():
        found[f"diversity_{name}"] = diversity_at(ACCURATE, curve)
    return {**found, "curves": curves}


def measure(seed: int, *, steps: int = UPDATES) -> dict[str, Any]:
    """All measurements of one seed: {graph: {name: number}}, and the seconds that each took."""
    if whole(steps, "steps") < 10:
        raise InputError(f"steps={steps}: take at least 10 updates")
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for name, setting in SETTINGS.items():
        began = time.process_time()
        found[name] = on_graph(setting, seed, steps)
        seconds[name] = time.process_time() - began
    return {"facts": {"cpu_seconds": seconds, "temperatures": list(TEMPERATURES)}, **found}


CALL = "planrl.experiments.soft:measure"
STUDIES = (
    *(Calculation(name="soft", label=f"seed{seed}", seed=seed, call=CALL) for seed in range(10)),
    Calculation(name="soft", label="quick", tier="quick", seed=0, call=CALL, options={"steps": 40}),
)
"""Ten seeds, and one that trains less."""
