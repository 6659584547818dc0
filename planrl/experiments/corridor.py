"""The corridor: a question of history that one-layer Transformers answer, for which reason?

Rooms 0 to 6 in a row, each joined to its neighbours, and a key in room 0. A path from the source
must fetch the key before it ends at the target: the waypoint task on the smallest graph. In each
room before the target the best next room is the one towards the key without it, and the one
towards the target with it, so no table f(target, current) answers a single question greedily.

A model that answers all questions may read the key from the path, or something that goes with it
in the paths that it saw, such as a room that comes twice. *Wandering paths* tell these apart:
random legal paths, with and without the key, that no demonstration contains. After each it is
asked which of the two neighbouring rooms the model prefers.
"""

from __future__ import annotations

import copy
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from planrl.errors import whole
from planrl.experiments.algorithms import reinforce_to_go
from planrl.experiments.datasets import Dataset
from planrl.experiments.depth import Method, Setting, a_base, follow, methods
from planrl.experiments.study import Calculation
from planrl.experiments.waypoints import Moves, all_questions, demonstrate, step_reward
from planrl.graphs import Graph, seeded
from planrl.losses import policy_gradient, sft
from planrl.models import PathModel
from planrl.sampling import Sampler, rollout
from planrl.streams import demonstrations
from planrl.tasks import PROMPT, Task
from planrl.train import TrainConfig, train
from planrl.transformer import Transformer

if TYPE_CHECKING:
    from torch import Tensor

ROOMS = 7
LONGEST = 24  # tokens of a path
STEPS = range(4, 13)  # of a wandering path
WANDERING = 400  # such paths with the key, and as many without
TURNS = 0.3  # of the steps of a demonstration that turns lead away from its arrival


def corridor(rooms: int = ROOMS) -> tuple[Moves, Task]:
    """The rooms with the key in room 0, and all questions that have an answer."""
    right = [(k, k + 1) for k in range(rooms - 1)]
    moves = Moves(Graph(rooms, right + [(b, a) for a, b in right]), waypoint=0)
    return moves, all_questions(moves)


def wandering(moves: Moves, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random legal paths that have not met their target yet, `count` with the key, then without.

    Rows `s t s ... j` padded by END [2 count, L], and the position of j, the last room. Each step
    is drawn evenly among the neighbouring rooms but the target; j is never the key's room, so both
    of its neighbours may come next. Without the key no path of this kind leaves room 1 alone, so
    targets are 3 and more.
    """
    n = moves.graph.n
    kept: dict[bool, list[list[int]]] = {True: [], False: []}

    def drawn(low: int, high: int) -> int:
        return int(torch.randint(low, high, (), generator=rng))

    while min(map(len, kept.values())) < count:
        target = drawn(3, n)
        path = [drawn(1, target)]
        for _ in range(drawn(STEPS[0], STEPS[-1] + 1)):
            now = path[-1]
            near = [room for room in (now - 1, now + 1) if 0 <= room < target]
            path.append(near[drawn(0, len(near))])
        some = kept[0 in path]
        if path[-1] > 0 and len(some) < count:
            some.append([path[0], target, *path])
    rows = kept[True] + kept[False]
    last = torch.tensor([len(row) - 1 for row in rows])
    width = int(last.max()) + 1
    return torch.tensor([row + [n] * (width - len(row)) for row in rows]), last


def turning_paths(
    moves: Moves, task: Task, per_pair: int, rng: torch.Generator, *, turns: float = TURNS
) -> Tensor:
    """Correct paths of which each step leads away from the arrival with probability `turns`.

    So many for each pair, none longer than LONGEST tokens.
    """
    n, rows = moves.graph.n, []
    for source, target in task.pairs.repeat_interleave(per_pair, 0).tolist():
        ahead, (goal, wrong) = moves.distances(target).tolist(), moves.ends(target)
        path = [source]
        while path[-1] != goal:
            if len(path) > LONGEST - PROMPT - 1:
                path = [source]
            open_ = [s for s in moves.after[path[-1]].tolist() if s >= 0 and s != wrong]
            open_.sort(key=lambda state: ahead[state])
            away = float(torch.rand((), generator=rng)) < turns
            path.append(open_[-1 if away else 0])
        rows.append([source, target, *(state % n for state in path)])
    width = max(map(len, rows)) + 1
    return torch.tensor([row + [n] * (width - len(row)) for row in rows])


@torch.no_grad()
def goes_on(model: PathModel, rows: Tensor, last: Tensor) -> Tensor:
    """Whether the model prefers the room towards the target to the one towards the key, [B]."""
    room = rows[torch.arange(len(rows)), last]
    logits = model(rows)[torch.arange(len(rows)), last]
    towards, back = (logits.gather(1, (room + step)[:, None])[:, 0] for step in (1, -1))
    return towards > back


def measured(model: PathModel, setting: Setting, may_stop: bool, seed: int) -> dict[str, float]:
    """Accuracy, and how often the model goes the right way after wandering paths.

    `with_key` and `without_key` are shares of the wandering paths of each kind; a model that reads
    the key has 1 in both, one that guesses has 1 in their sum. `on_after_right` and `on_after_left`
    are the shares of those without the key after which it goes on towards the target, wrongly, by
    the direction of their last step.
    """
    task, moves = setting.dataset.train, setting.moves
    sampler = Sampler(max_tokens=LONGEST, may_stop=may_stop)
    best = rollout(
        model, task.pairs, rng=seeded(seed, "greedy"), sampler=replace(sampler, greedy=True)
    )
    many = task.pairs.repeat(100, 1)
    drawn = rollout(model, many, rng=seeded(seed, "evaluation"), sampler=sampler)
    rows, last = wandering(moves, WANDERING, seeded(seed, "wandering paths"))
    onward = goes_on(model, rows, last).double()
    number = torch.arange(len(rows))
    right = (rows[number, last] > rows[number, last - 1])[WANDERING:]
    return {
        "greedy": float(moves.right(best).double().mean()),
        "sampled": float(moves.right(drawn).double().mean()),
        "with_key": float(onward[:WANDERING].mean()),
        "without_key": float(1 - onward[WANDERING:].mean()),
        "on_after_right": float(onward[WANDERING:][right].mean()),
        "on_after_left": float(onward[WANDERING:][~right].mean()),
    }


def a_setting(seed: int, *, turning: bool = False) -> Setting:
    """The corridor with one demonstration a question, or with twenty that turn."""
    moves, task = corridor()
    rng = seeded(seed, "paths")
    shown = turning_paths(moves, task, 20, rng) if turning else demonstrate(moves, task, 1, rng)
    return Setting(
        dataset=Dataset(moves.graph, task, task, shown),
        moves=moves,
        cost=1.5,
        penalty=30.0,
        discount=0.9,
        longest=LONGEST,
    )


def learners(setting: Setting) -> dict[str, Method]:
    """Policy gradient, and Q-learning with and without random steps."""
    found = methods(setting)
    q = found["q"]
    return {
        "pg": found["pg"],
        "q": replace(q, sampler=replace(q.sampler, epsilon=0.2)),
        "q_calm": replace(q, sampler=replace(q.sampler, epsilon=0.0)),
    }


def controls(
    seed: int, *, layers: int = 1, base_steps: int = 200, steps: int = 600
) -> dict[str, Any]:
    """Loss or feedback? Policy gradient from the same base, with what Q-learning is told.

    `pg_baseline` subtracts the mean return of the batch; `pg_checks` has the process reward of each
    step to go, minus its mean.
    """
    whole(steps, "steps", least=4)
    torch.set_num_threads(1)
    setting = a_setting(seed)
    began = time.process_time()
    base, pg = a_base(setting, seed, layers, base_steps), learners(setting)["pg"]
    checked = replace(setting.dataset.train, reward=step_reward(setting.moves, 1.0))
    compared = {
        "pg_baseline": replace(pg, loss=partial(policy_gradient, baseline=True)),
        "pg_checks": replace(pg, loss=reinforce_to_go, task=checked),
    }
    found = {
        name: measured(follow(name, method, base, seed, steps), setting, True, seed)
        for name, method in compared.items()
    }
    return {"facts": {"cpu_seconds": time.process_time() - began, "layers": layers}, **found}


def _more_sft(base: Transformer, setting: Setting, seed: int, steps: int) -> Transformer:
    """A copy of the base after further SFT on the same paths."""
    model, task = copy.deepcopy(base), setting.dataset.train
    rng = seeded(seed, "further batches")
    shown = demonstrations(task, setting.dataset.paths, rng=rng, size=128)
    for _ in train(model, shown, sft, TrainConfig(steps=steps, lr=3e-4)):
        pass
    return model


def measure(
    seed: int, *, layers: int = 1, base_steps: int = 200, steps: int = 600
) -> dict[str, Any]:
    """All measurements of one seed: {method: {name: number}}, and CPU seconds.

    `base` is the model after SFT on one path a question, `turns` another after SFT on paths that
    turn; the others start from the base.
    """
    whole(steps, "steps", least=4)
    torch.set_num_threads(1)
    setting, turned = a_setting(seed), a_setting(seed, turning=True)
    began = time.process_time()
    base = a_base(setting, seed, layers, base_steps)
    models = {
        "base": base,
        "turns": a_base(turned, seed, layers, base_steps + steps),
        "sft": _more_sft(base, setting, seed, steps),
    }
    found = {name: measured(model, setting, True, seed) for name, model in models.items()}
    for name, method in learners(setting).items():
        model = follow(name, method, base, seed, steps)
        found[name] = measured(model, setting, method.sampler.may_stop, seed)
    return {"facts": {"cpu_seconds": time.process_time() - began, "layers": layers}, **found}


HERE = "planrl.experiments.corridor"
STUDIES = (
    *(
        Calculation(name="corridor", label=f"seed{seed}", seed=seed, call=f"{HERE}:measure")
        for seed in range(10)
    ),
    *(
        Calculation(
            name="corridor", label=f"controls-seed{seed}", seed=seed, call=f"{HERE}:controls"
        )
        for seed in range(10)
    ),
    Calculation(
        name="corridor",
        label="quick-seed0",
        tier="quick",
        seed=0,
        call=f"{HERE}:measure",
        options={"base_steps": 60, "steps": 8},
    ),
)
"""Ten seeds of both, and one small run."""
