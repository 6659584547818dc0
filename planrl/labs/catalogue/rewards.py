"""The lab of rewards, and the names of what can go wrong in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, number
from planrl.graphs import Graph
from planrl.labs.engine.measure import failure
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
from planrl.labs.spec.lab import Lab, LabLearner, Words

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

VERDICTS = (
    "No such failure: right next nodes are worth most, on average.",
    "Diverging: values lie far outside what any walk can earn.",
    "Constant: all next nodes are worth the same, so the values say nothing.",
    "Wrong sign: right next nodes are worth less than wrong ones.",
    "Dead end: an edge that leads away from the target is worth as much as a right one.",
    "Not learnt: right next nodes are worth most, on average, but most paths are not correct.",
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
    set_to = {"target": reward, "edge": edge, "cost": cost}
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
    intro="Q-learning reads logits as values. Set what a walk earns and watch what is learnt "
    "for one target, beside the values that these rewards would have exactly.",
    alt="A lab for Q-learning. With a reward at the target and a fine for steps that are no "
    "edge the learnt values move towards adjacency plus reachability minus one; with outcome "
    "reward alone they become constant and accuracy is lost.",
)
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
        "Fine for a step that is no edge",
        [k / 4 for k in range(9)],
        1,
        "Taken for each step that follows no edge.",
    ),
    slider(
        "cost",
        "Cost of every step",
        (0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25),
        0,
        "Taken for each step, right or wrong.",
    ),
    switch(
        "strict", "Outcome reward", "On: the target pays only if every step before was an edge."
    ),
    slider("discount", "Discount", DISCOUNTS, 1, "What a reward is worth one step earlier."),
    slider(
        "epsilon",
        "Exploration ε",
        (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1),
        0.1,
        "How often the walker takes any node at all.",
    ),
    switch(
        "off_policy",
        "Walks of the base",
        "On: the frozen base walks, not the learner (off-policy).",
    ),
    switch(
        "bounds",
        "Believe no impossible value",
        "On: nothing above the reward at the target, and nothing below a step "
        "straight to it, is bootstrapped.",
        1,
    ),
    MODEL,
    graph_control("dag", "cyclic", "own"),
    LR,
    SEED,
)
LEARNER = LabLearner(name="Q-learning, process reward", algorithm="q")
PRESETS = (
    Preset(
        name="process",
        title="The paper's process reward",
        settings={"model": "transformer"},
        why="A reward at the target and a fine for no edge: the values move towards "
        "A + R - 1 (Theorem 5.2). Greedy paths become correct, and most of the different "
        "correct paths of the base stay.",
    ),
    Preset(
        name="outcome",
        title="Outcome reward alone",
        settings={"model": "transformer", "strict": 1, "edge": 0},
        why="Nothing says which step was wrong, so all values of a target become the same "
        "(Theorem 5.1). Accuracy is lost within a hundred updates.",
    ),
    Preset(
        name="unfined",
        title="No fine",
        settings={"model": "transformer", "edge": 0},
        why="A jump straight to the target pays as much as a path of edges. So edges stop "
        "mattering, and accuracy is lost.",
    ),
    Preset(
        name="wrong-sign",
        title="A target that costs",
        settings={"target": -1, "edge": 0},
        why="Walkers learn to stay away from the target. The sign of one number decides.",
    ),
    Preset(
        name="cycles",
        title="Cycles, and a discount",
        settings={"graph": "cyclic", "discount": 0.9},
        why="Where much reaches much, undiscounted values hardly tell near from far. With "
        "a discount the way to the goal stands out.",
    ),
    Preset(
        name="diverging",
        title="Overestimation",
        settings={"model": "transformer", "graph": "cyclic", "off_policy": 1, "bounds": 0, "lr": 4},
        why="The largest of many noisy values is too large, and the next update is trained "
        "towards it. On cycles, at a high rate and without bounds, such errors feed on "
        "themselves; the base walks, so no walk shows them wrong. No path earns more than "
        "1, but after 300 updates the best values are more than twice that, and rising.",
    ),
)


def rewards_lab() -> Lab:
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
        metrics=("train_sampled", "train_greedy", "test_greedy", "ways"),
        picture=picture,
        verdicts=VERDICTS,
    )
