"""Exercises on history: the state that a waypoint needs, and when a table is enough."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch

from planrl.experiments.corridor import LONGEST, ROOMS, corridor, goes_on
from planrl.experiments.waypoints import Moves, all_questions, demonstrate, most_by_tables
from planrl.graphs import Graph, seeded
from planrl.losses import sft
from planrl.models import PathModel
from planrl.streams import demonstrations
from planrl.teaching.exercises.checks import Feedback, ask
from planrl.train import TrainConfig, train
from planrl.transformer import Transformer, TransformerConfig

KEY = 2  # the room of the key in the exercise on states


def next_state(function: Callable[[int, bool, int], Any]) -> Feedback:
    """Try function(room, has_key, next) -> (room, has_key) after the step; the key is in room 2."""
    asked = 0
    for room, has_key, onward in itertools.product(range(ROOMS), (False, True), range(ROOMS)):
        if room == onward:
            continue
        found, wrong = ask(function, room, has_key, onward)
        if wrong:
            return wrong
        try:
            where, holds = found
        except (TypeError, ValueError):
            return Feedback(False, f"give a pair (room, has_key), not {found!r}.")
        if where != onward:
            return Feedback(False, f"a step from {room} to {onward} ends in {onward}, not {where}.")
        if bool(holds) != (has_key or onward == KEY):
            return Feedback(False, _why(room, has_key, onward, bool(holds)))
        asked += 1
    return Feedback(True, f"All {asked} steps lead to the right state.")


def _why(room: int, has_key: bool, onward: int, holds: bool) -> str:
    """Which rule of the key a state breaks."""
    if has_key and not holds:
        return f"a step from {room} to {onward}: who has the key keeps it."
    if onward == KEY:
        return f"a step from {room} to {KEY}: the key lies there."
    return f"a step from {room} to {onward} without the key: it is not there."


@cache
def after_sft() -> PathModel:
    """A Transformer after SFT on one path a question, as the chapter trains one."""
    moves, task = corridor()
    paths = demonstrate(moves, task, 1, seeded(0, "paths"))
    model = Transformer(task.vocab, TransformerConfig(), seeded(0, "weights"))
    shown = demonstrations(task, paths, rng=seeded(0, "batches"), size=32)
    for _ in train(model, shown, sft, TrainConfig(steps=150, lr=1e-3)):
        pass
    return model


def fools(path: Sequence[int]) -> Feedback:
    """Whether `after_sft` goes on after this path of rooms, without the key, towards target 6."""
    moves, _ = corridor()
    target = ROOMS - 1
    try:
        rooms = [int(room) for room in path]
    except (TypeError, ValueError):
        return Feedback(False, f"give a list of rooms such as [5, 4], not {path!r}.")
    if not rooms or any(not 0 <= room < ROOMS for room in rooms):
        return Feedback(False, f"give rooms from 1 to {target - 1}.")
    if target in rooms or 0 in rooms:
        return Feedback(False, f"room {target} is the target and room 0 has the key: avoid both.")
    for a, b in itertools.pairwise(rooms):
        if not moves.graph.adjacency[a, b]:
            return Feedback(False, f"rooms {a} and {b} are not joined.")
    if len(rooms) > LONGEST - 2:
        return Feedback(False, f"the model reads at most {LONGEST - 2} rooms.")
    row = torch.tensor([[rooms[0], target, *rooms]])
    if bool(goes_on(after_sft(), row, torch.tensor([len(rooms) + 1]))):
        return Feedback(True, f"It goes on to room {rooms[-1] + 1}, without the key.")
    return Feedback(False, f"It goes back to room {rooms[-1] - 1}, which is right.")


def one_edge(edge: tuple[int, int]) -> Feedback:
    """Whether this edge, added to the corridor, lets one table answer all questions greedily."""
    try:
        a, b = (int(node) for node in edge)
    except (TypeError, ValueError):
        return Feedback(False, f"give two rooms such as (3, 5), not {edge!r}.")
    moves, _ = corridor()
    if not (0 <= a < ROOMS and 0 <= b < ROOMS) or a == b:
        return Feedback(False, f"rooms are 0 to {ROOMS - 1}, and an edge joins two of them.")
    if moves.graph.adjacency[a, b]:
        return Feedback(False, f"{a} and {b} are joined already.")
    joined = Moves(Graph(ROOMS, [*moves.graph.edges, (a, b)]), waypoint=0)
    task = all_questions(joined)
    share = most_by_tables(joined, task)
    told = f"With an edge from {a} to {b} there are {len(task.pairs)} questions"
    if share < 1:
        return Feedback(False, f"{told}, and a table answers at most {share:.0%} of them.")
    return Feedback(True, f"{told}. A table that always goes left, and from 0 to {b}, answers all.")
