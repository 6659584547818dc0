"""Deeper models, and what history buys: three methods at 1, 2 and 4 layers, on two tasks.

`plain` is the paper's random DAG, `waypoint` the task of `planrl.experiments.waypoints`, for which
no table f(target, current) is enough. Policy gradient, Q-learning and soft Q-learning start from
copies of one Transformer after SFT.

Of each model the *table projection* is taken: its logits are averaged over all contexts of its own
rollouts that share target and state. The table's accuracy is exact and is compared with the
model's own: what the table loses, the model had from history. With a waypoint there are two such
tables: by current node, as in Assumption 3.1, and by current node and whether the waypoint was
visited. Where there is none, the table is also compared with what theory says of a table:
uniformity (Theorem 4.3), A + R - 1 (Theorem 5.2) and the soft optimum.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from planrl.errors import InputError, whole
from planrl.experiments.datasets import Dataset, DatasetSettings
from planrl.experiments.named import function
from planrl.experiments.probes import TEMPERATURES, WARM, adjusted, correlation
from planrl.experiments.study import Calculation
from planrl.experiments.waypoints import Moves, step_reward, waypoint_dataset
from planrl.graphs import seeded
from planrl.losses import policy_gradient, q_learning, sft
from planrl.models import PathModel
from planrl.objectives.path_measures import greedy
from planrl.objectives.soft import soft_q_learning
from planrl.objectives.soft_values import soft_optimum
from planrl.objectives.theory import kl_to_uniform, process_optimum
from planrl.sampling import Sampler, rollout, sample_distinct
from planrl.streams import demonstrations, on_policy
from planrl.tasks import PROMPT, Batch, Task
from planrl.train import TrainConfig, train
from planrl.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    from torch import Tensor

Numbers = dict[str, float]
DEPTHS = (1, 2, 4)
SCALE = 10.0  # of Q-learning's reward
MOST_PAIRS, SAMPLES = 200, 20  # that are measured, and paths for each
HEATS = (*WARM, *TEMPERATURES)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A task, and what the methods need to know of it.

    `cost` is soft Q-learning's step cost at temperature 1, `penalty` its process reward's scale,
    and `longest` the most tokens of a path.
    """

    dataset: Dataset
    moves: Moves
    cost: float
    penalty: float
    discount: float
    longest: int


def plain(seed: int, *, nodes: int = 100) -> Setting:
    """Paths on the paper's random DAG."""
    dataset = DatasetSettings("dag", nodes=nodes, seed=seed).make()
    return Setting(
        dataset=dataset,
        moves=Moves(dataset.graph),
        cost=0.5,
        penalty=15.0,
        discount=1.0,
        longest=max(20, dataset.max_tokens),
    )


def waypoint(seed: int, *, nodes: int = 24) -> Setting:
    """Paths on a random digraph that have to visit a waypoint first."""
    dataset, moves = waypoint_dataset(seed, nodes=nodes, edge_probability=2.4 / nodes)
    return Setting(
        dataset=dataset,
        moves=moves,
        cost=1.5,
        penalty=30.0,
        discount=0.9,
        longest=max(24, dataset.max_tokens),
    )


@dataclass(frozen=True, kw_only=True)
class Method:
    """A loss, its training task, how paths are drawn, and whether the learning rate falls."""

    loss: Callable[[Tensor, Batch], Tensor]
    task: Task
    sampler: Sampler
    settles: bool = True


def methods(setting: Setting) -> dict[str, Method]:
    """The three methods on one task."""
    own, moves = setting.dataset.train, setting.moves
    free = Sampler(max_tokens=setting.longest)
    nodes = replace(free, may_stop=False, epsilon=0.1)
    values = partial(q_learning, discount=setting.discount, value_bounds=(0.0, SCALE))
    bounds = (-setting.cost, setting.penalty)
    soft = partial(soft_q_learning, cost=setting.cost, value_bounds=bounds)
    charged = [replace(own, reward=step_reward(moves, s)) for s in (SCALE, setting.penalty)]
    return {
        "pg": Method(loss=policy_gradient, task=own, sampler=free, settles=False),
        "q": Method(loss=values, task=charged[0], sampler=nodes),
        "soft": Method(loss=soft, task=charged[1], sampler=nodes),
    }


def a_base(setting: Setting, seed: int, layers: int, steps: int) -> Transformer:
    """A Transformer with so many layers after SFT on the demonstrated paths."""
    positions = 32 * -(-setting.longest // 32)
    config = TransformerConfig(layers=layers, positions=positions)
    task = setting.dataset.train
    model = Transformer(task.vocab, config, seeded(seed, "weights"))
    rng = seeded(seed, "base batches")
    shown = demonstrations(task, setting.dataset.paths, rng=rng, size=256)
    for _ in train(model, shown, sft, TrainConfig(steps=steps, lr=5e-4, weight_decay=0.1)):
        pass
    return model


def follow(name: str, method: Method, base: Transformer, seed: int, steps: int) -> Transformer:
    """A copy of the base, trained by a method."""
    model, rng = copy.deepcopy(base), seeded(seed, f"walks of {name}")
    drawn = on_policy(model, method.task, rng=rng, sampler=method.sampler, size=128)
    last = steps // 4 if method.settles else 0
    for count, lr in ((steps - last, 3e-4), (last, 3e-5)):
        if count:
            for _ in train(model, drawn, method.loss, TrainConfig(steps=count, lr=lr)):
                pass
    return model


def contexts(model: PathModel, pairs: Tensor, method: Method, seed: int) -> Tensor:
    """Rollouts of a model as it is measured, sampled four times a pair, and greedy ones."""
    sampler = replace(method.sampler, epsilon=0.0)
    rng = seeded(seed, "contexts")
    rows = [rollout(model, pairs, rng=rng, sampler=sampler) for _ in range(4)]
    rows.append(rollout(model, pairs, rng=rng, sampler=replace(sampler, greedy=True)))
    width = max(one.shape[1] for one in rows)
    end = model.vocab.end
    return torch.cat(
        [torch.nn.functional.pad(one, (0, width - one.shape[1]), value=end) for one in rows]
    )


@torch.no_grad()
def chosen_logits(
    model: PathModel, rows: Tensor, moves: Moves, may_stop: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Of each step before the target: target, state, and centred logits of what may be chosen."""
    chosen = model.vocab.chosen(rows) & (rows[:, :-1] != rows[:, 1:2])
    states = moves.states(rows)[:, :-1]
    size = model.vocab.size if may_stop else model.vocab.n_nodes
    logits = []
    for part, where in zip(rows.split(256), chosen.split(256), strict=True):
        logits.append(model(part[:, :-1])[where][:, :size].double())
    found = torch.cat(logits)
    target = rows[:, 1:2].expand_as(chosen)
    return target[chosen], states[chosen], found - found.mean(-1, keepdim=True)


def projection(target: Tensor, state: Tensor, logits: Tensor, states: int, nodes: int) -> Tensor:
    """Mean logits of each (target, state), [target, state, choice]; nan where there is no step."""
    key = target * states + state
    total = logits.new_zeros(nodes * states, logits.shape[1]).index_add_(0, key, logits)
    count = torch.bincount(key, minlength=nodes * states)[:, None]
    means = torch.where(count > 0, total / count.clamp(min=1), torch.nan)
    return means.view(nodes, states, -1)


def explained(target: Tensor, state: Tensor, logits: Tensor) -> float:
    """The share of the logits' variance that (target, state) explains; see `probes.explained`."""
    number = (target * 10_000 + state).unique(return_inverse=True)[1]
    several = (torch.bincount(number) > 1)[number]
    group = number[several].unique(return_inverse=True)[1]
    return adjusted(logits[several], group) if several.any() else 1.0


def own_scores(model: PathModel, pairs: Tensor, method: Method, moves: Moves, seed: int) -> Numbers:
    """The model's accuracy, sampled and greedy, and its number of distinct correct paths.

    Names without a temperature are of temperature 1, the others as "sampled_at_0.5".
    """
    sampler = replace(method.sampler, epsilon=0.0)
    best = rollout(model, pairs, rng=seeded(seed, "greedy"), sampler=replace(sampler, greedy=True))
    found = moves.right(best)
    between = moves.on_the_way(pairs)
    numbers = {"greedy": float(found.float().mean())}
    if between.any():
        numbers["greedy_between"] = float(found[between].float().mean())
    for heat in HEATS:
        rng = seeded(seed, "evaluation")
        warm = replace(sampler, temperature=heat)
        drawn = sample_distinct(model, pairs, SAMPLES, rng=rng, sampler=warm)
        right = moves.right(drawn.tokens)
        named = "" if heat == 1.0 else f"_at_{heat:g}"
        numbers[f"sampled{named}"] = float(drawn.count[right].sum()) / (len(pairs) * SAMPLES)
        numbers[f"diversity{named}"] = float(right.sum()) / len(pairs)
    return numbers


def table_scores(table: Tensor, pairs: Tensor, setting: Setting) -> Numbers:
    """The exact accuracy of a table of logits [target, state, choice], sampled and greedy."""
    moves, nodes = setting.moves, setting.dataset.graph.n
    steps = setting.longest - PROMPT - 1  # END is a token of a correct path
    source, target = pairs.T
    policies = {"sampled": table.softmax(-1)[..., :nodes], "greedy": greedy(table)[..., :nodes]}
    found: Numbers = {}
    for name, policy in policies.items():
        right = moves.arrival(policy, steps)[target, source]
        found[name] = float(right.mean())
        between = moves.on_the_way(pairs)
        if between.any() and name == "greedy":
            found["greedy_between"] = float(right[between].mean())
    return found


def theory_scores(table: Tensor, setting: Setting) -> Numbers:
    """How near a table of logits [target, current, choice] is to what theory says of one.

    Over the contexts that rollouts visited and that can reach their target: the mean of
    KL(U_C || q) where more than one next node is correct (Theorem 4.3), the correlation of the
    logits with A + R - 1, both minus their context's mean (Theorem 5.2), and the mean total
    variation to the soft optimum of the setting's cost and penalty.
    """
    graph, n = setting.dataset.graph, setting.dataset.graph.n
    able = graph.reachability & ~torch.eye(n, dtype=torch.bool)
    visited = able & ~table.isnan().any(-1)
    several = visited & (graph.correct.sum(-1) > 1)
    nodes = table[..., :n]
    told = process_optimum(graph)[visited][..., :n].double()
    own = nodes[visited] - nodes[visited].mean(-1, keepdim=True)
    best = soft_optimum(graph, cost=setting.cost, penalty=setting.penalty).policy
    apart = (nodes.softmax(-1) - best)[visited].abs().sum(-1) / 2
    return {
        "kl_to_uniform": float(kl_to_uniform(graph, table)[several].mean()),
        "with_process_optimum": correlation(
            own.flatten(), (told - told.mean(-1, keepdim=True)).flatten()
        ),
        "from_soft_optimum": float(apart.mean()),
    }


def measured(model: PathModel, method: Method, setting: Setting, seed: int) -> Numbers:
    """What is measured of one model, on held-out pairs.

    Names ending in `_table` are of the projection by (target, current), those in `_memory` of the
    one by (target, current, visited?), where there is a waypoint. See also `theory_scores`.
    """
    moves, n = setting.moves, setting.dataset.graph.n
    pairs = setting.dataset.test.pairs[:MOST_PAIRS]
    rows = contexts(model, pairs, method, seed)
    target, state, logits = chosen_logits(model, rows, moves, method.sampler.may_stop)
    found = own_scores(model, pairs, method, moves, seed)
    found["explained"] = explained(target, state % n, logits)
    table = projection(target, state % n, logits, n, n)
    memory = len(moves.after) // n
    if memory == 1:
        found |= theory_scores(table, setting)
    told = {"table": table.repeat(1, memory, 1)}
    if memory > 1:
        found["explained_memory"] = explained(target, state, logits)
        told["memory"] = projection(target, state, logits, memory * n, n)
    for name, one in told.items():
        scores = table_scores(one, pairs, setting)
        found |= {f"{key}_{name}": value for key, value in scores.items()}
    return found


def measure(
    seed: int, *, make: str, layers: int, nodes: int, base_steps: int = 700, steps: int = 600
) -> dict[str, Any]:
    """All measurements of one seed at one depth: {method: {name: number}}, and CPU seconds.

    `make` names the function that makes the task: `plain` or `waypoint` of this module, or one like
    them, as my_module:my_task.
    """
    if whole(steps, "steps") < 4:
        raise InputError(f"steps={steps}: take at least 4 updates")
    torch.set_num_threads(1)
    setting: Setting = function(make)(seed, nodes=nodes)
    compared = methods(setting)
    began = time.process_time()
    base = a_base(setting, seed, layers, base_steps)
    found = {"base": measured(base, compared["pg"], setting, seed)}  # which may emit END, too
    seconds = {"base": time.process_time() - began}
    for name, method in compared.items():
        began = time.process_time()
        model = follow(name, method, base, seed, steps)
        found[name] = measured(model, method, setting, seed)
        seconds[name] = time.process_time() - began
    return {"facts": {"cpu_seconds": seconds, "layers": layers}, **found}


HERE = "planrl.experiments.depth"
SIZES = {"plain": 100, "waypoint": 24}
SEEDS = {1: 10, 2: 10, 4: 5}
"""Layers -> how many seeds."""


def _all() -> Iterator[Calculation]:
    for task, nodes in SIZES.items():
        for layers, seeds in SEEDS.items():
            options = {"make": f"{HERE}:{task}", "layers": layers, "nodes": nodes}
            for seed in range(seeds):
                yield Calculation(
                    name="depth",
                    label=f"{task}-{layers}-layers-seed{seed}",
                    seed=seed,
                    call=f"{HERE}:measure",
                    options=options,
                )


STUDIES = (
    *_all(),
    Calculation(
        name="depth",
        label="quick",
        tier="quick",
        seed=0,
        call=f"{HERE}:measure",
        options={
            "make": f"{HERE}:waypoint",
            "layers": 1,
            "nodes": 12,
            "base_steps": 150,
            "steps": 40,
        },
    ),
)
"""Ten seeds at 1 and 2 layers, five at 4, of both tasks; and one small run."""
