"""The lab of rewards, and the names of what can go wrong in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, number
from planrl.graphs import Graph
from planrl.labs.engine.measure import EVALUATION_OPTIONS, failure
from planrl.labs.engine.models import NODES
from planrl.labs.spec.controls import (
    DISCOUNTS,
    LR,
    MODEL,
    SEED,
    Preset,
    graph_control,
    slider,
    switch,
)
from planrl.labs.spec.figure import Picture
from planrl.labs.spec.lab import Grid, Lab, LabLearner, Screen, Words

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

VERDICTS = (
    "Healthy: correct moves have the highest values.",
    "Diverging: values lie far outside what any path can earn.",
    "Constant: all next nodes have the same value.",
    "Wrong sign: correct next nodes have lower values than incorrect ones.",
    "Dead end: an edge from which the target cannot be reached has the value of a correct one.",
    "Not learnt: correct next nodes have the highest values on average, but most paths are not "
    "correct.",
    "Not settled: exact soft values still grow after 40 rounds, as they do where the sum over all "
    "paths has no end. Raise the cost of a step, or lower the temperature.",
)


def verdict(
    values: Float[Tensor, "N N"],
    graph: Graph,
    target: int,
    *,
    reward: float = 1.0,
    edge: float = 1.0,
    cost: float = 0.0,
    accuracy: float | None = None,
) -> str:
    """The lab's verdict on these values [current, next] of one target, for these rewards.

    The graph has as many nodes as the lab's. Values are per unit of reward. `accuracy` is the
    model's share of correct paths; the lab takes the larger one of sampled and greedy paths for its
    training pairs. Without `accuracy` the values alone are judged: they may be right on average
    although most paths are not correct. Raises InputError for a graph of another size.
    """
    if graph.n != NODES:
        raise InputError(f"the lab's graphs have {NODES} nodes, this one has {graph.n}")
    set_to = {**EVALUATION_OPTIONS, "target": reward, "edge": edge, "cost": cost}
    given = {
        name: torch.tensor(float(value), dtype=torch.float32) for name, value in set_to.items()
    }
    given["adjacency"] = graph.adjacency.float()
    share = None
    if accuracy is not None:
        share = torch.tensor(number(accuracy, "accuracy", least=0, most=1))
    return VERDICTS[int(failure(values, torch.tensor(target), given, share))]


WORDS = Words(
    title="A workshop for rewards",
    intro="Q-learning reads logits as values. Set the rewards, and compare the values learnt "
    "for one target with the exact fixed point for these rewards.",
    alt="A lab for Q-learning. With a reward at the target and a penalty for illegal steps "
    "the learnt values approach adjacency plus reachability minus one; with outcome "
    "reward alone they become constant and accuracy is lost.",
    verdicts=VERDICTS,
)
RATES_OF_ERROR = (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
CONTROLS = (
    slider(
        "target",
        "Reward at the target",
        [k / 4 for k in range(-4, 9)],
        1,
        "Earned by the step into the target.",
    ),
    slider(
        "edge",
        "Penalty for an illegal step",
        [k / 4 for k in range(9)],
        1,
        "Subtracted at each step that follows no edge.",
    ),
    slider(
        "cost",
        "Cost of every step",
        (0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25),
        0,
        "Subtracted at each step, legal or illegal.",
    ),
    switch(
        "strict",
        "Outcome reward",
        "On: the target is rewarded only if every step before it is legal.",
    ),
    slider(
        "discount",
        "Discount",
        DISCOUNTS,
        1,
        "The factor by which a reward counts less one step earlier.",
    ),
    slider(
        "epsilon",
        "Exploration ε",
        (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1),
        0.1,
        "The probability of a step to a node drawn uniformly.",
    ),
    switch(
        "off_policy",
        "Learn from the base model's rollouts (off-policy)",
        "On: paths are sampled from the frozen base model, not from the learner.",
    ),
    switch(
        "bounds",
        "Clip values to the possible range",
        "On: bootstrapped values are clipped to at most the reward at the target, and at least the "
        "reward of an illegal step straight to it. Soft values may be higher: by their temperature "
        "times the log of the number of paths.",
        1,
    ),
    slider(
        "soft",
        "Temperature of soft values",
        (0, 0.02, 0.05, 0.1, 0.15, 0.2),
        0,
        "In units of the reward. Above 0 a node's value is a soft maximum over its steps, and "
        "paths are sampled at this temperature (soft Q-learning, chapter 14). At 0 the value is "
        "the maximum, and paths are sampled as at 0.1.",
    ),
    slider(
        "checked",
        "Share of checked steps ρ",
        (0, 0.03, 0.1, 0.3, 0.5, 1),
        1,
        "An illegal step is charged only if it is checked (chapter 15).",
    ),
    slider(
        "false_alarm",
        "False alarms a",
        RATES_OF_ERROR,
        0,
        "The probability that a check calls a legal step illegal, anew at each check.",
    ),
    slider(
        "miss",
        "Misses m",
        RATES_OF_ERROR,
        0,
        "The probability that a check lets an illegal step pass.",
    ),
    MODEL,
    graph_control("dag", "cyclic", "own"),
    LR,
    SEED,
)
LEARNER = LabLearner(name="Q-learning, process reward", algorithm="q", title="Q-learning")
PRESETS = (
    Preset(
        name="process",
        title="The paper's process reward",
        settings={"model": "transformer"},
        why="A reward at the target and a penalty for illegal steps: the values approach "
        "A + R - 1 (Theorem 5.2). Greedy paths become correct, and most of the base's diversity "
        "stays.",
    ),
    Preset(
        name="outcome",
        title="Outcome reward alone",
        settings={"model": "transformer", "strict": 1, "edge": 0},
        why="The reward does not say which step was illegal, so all values of a target become the "
        "same (Theorem 5.1). Accuracy is lost within a hundred updates.",
    ),
    Preset(
        name="unfined",
        title="No penalty",
        settings={"model": "transformer", "edge": 0},
        why="An illegal step straight to the target earns as much as a correct path. So the values "
        "no longer depend on the edges, and accuracy is lost.",
    ),
    Preset(
        name="wrong-sign",
        title="A target that costs",
        settings={"target": -1, "edge": 0},
        why="The reward at the target is negative. So the model learns to avoid the target.",
    ),
    Preset(
        name="cycles",
        title="Cycles, and a discount",
        settings={"graph": "cyclic", "discount": 0.9},
        why="On a graph with cycles most nodes reach each other, so undiscounted values hardly "
        "depend on the distance to the target. With a discount they do.",
    ),
    Preset(
        name="diverging",
        title="Overestimation",
        settings={"model": "transformer", "graph": "cyclic", "off_policy": 1, "bounds": 0, "lr": 4},
        why="The largest of many noisy values is too large on average, and the next update "
        "bootstraps from it. On cycles, at a high learning rate and without value bounds, such "
        "errors grow; the base samples the paths, so no path corrects them. No path earns more "
        "than 1, but after 300 updates the best values are more than 2 and still rising.",
    ),
    Preset(
        name="soft",
        title="Soft values",
        settings={"soft": 0.1},
        why="A node's value is a soft maximum over its steps (soft Q-learning). So exact values "
        "exceed the reward of 1 where many paths lead on. Sampled at the temperature of these "
        "values, nearly all paths of training pairs become correct.",
    ),
    Preset(
        name="few-checks",
        title="Few checks",
        settings={"checked": 0.1},
        why="One step in ten is checked. Correct moves still have the highest exact values, but "
        "only by a tenth of the reward. After 300 updates the learnt values are about twice as "
        "far from the exact ones as if each step is checked.",
    ),
    Preset(
        name="false-alarms",
        title="False alarms",
        settings={"graph": "cyclic", "false_alarm": 0.1},
        why="One legal step in ten is called illegal. On average this is a cost of 0.1 for every "
        "legal step, so exact values fall with the distance to the target, without a discount.",
    ),
)
_FIXED = {
    **{"graph": "dag", "cost": 0, "off_policy": 0, "epsilon": 0.1, "bounds": 1, "lr": 1},
    **{"soft": 0, "checked": 1, "false_alarm": 0, "miss": 0},
}
GRIDS = {
    "rewards": Grid(
        "rewards",
        {"target": (-1, 1, 2), "edge": (0, 0.5, 1), "strict": (0, 1), "discount": (0.8, 1)},
        {"model": "table", **_FIXED},
    ),
    "rewards-transformer": Grid(
        "rewards",
        {"edge": (0, 0.5, 1), "strict": (0, 1)},
        {"model": "transformer", **_FIXED, "target": 1, "discount": 1},
    ),
}
"""The recorded runs, by the name of their file."""


def lab() -> Lab:
    """Q-learning for rewards that a reader sets: learnt values beside the exact ones."""
    picture = Picture("Accuracy", "Learnt values", "The exact fixed point")
    picture.curves(0, "train_greedy", "train_sampled", "test_greedy", name=LEARNER.name)
    picture.matrix(1, "logits")
    picture.matrix(2, "exact")
    return Lab(
        name="rewards",
        words=WORDS,
        controls=CONTROLS,
        learners=(LEARNER,),
        presets=PRESETS,
        metrics=("train_sampled", "train_greedy", "test_greedy", "diversity"),
        picture=picture,
        screen=Screen(controls=("target", "edge"), paths="Paths"),
    )
