"""The lab of Blocksworld."""

from __future__ import annotations

from planrl.labs.spec.controls import DISCOUNTS, LR, MODEL, SEED, Preset, graph_control, slider
from planrl.labs.spec.figure import Picture
from planrl.labs.spec.lab import Grid, Lab, LabLearner, Screen, Words

WORDS = Words(
    title="Does it stack blocks?",
    intro="Three blocks, 13 states, 30 moves. The figure shows the model's greedy plan from one "
    "tower to the other: at each step its most likely next state.",
    alt="A lab on Blocksworld with three blocks: the plan of a model, drawn state by state "
    "while it trains by Q-learning with process reward.",
)
DISCOUNT = slider(
    "discount",
    "Discount",
    DISCOUNTS,
    0.9,
    "With 1 every legal move has the same value, because all states reach each other.",
)
LEARNER = LabLearner(name="Q-learning, process reward", algorithm="q")
PRESETS = (
    Preset(
        name="discount",
        title="With a discount",
        settings={},
        why="A state nearer to the target has a higher value. So the plan with the highest values "
        "is a short one. After 300 updates the sampled accuracy falls again, to less than 0.9 by "
        "update 1,000, while greedy plans stay correct: a detour costs little value, so sampled "
        "paths take more of them and run out of steps.",
    ),
    Preset(
        name="no-discount",
        title="Without",
        settings={"discount": 1},
        why="Every state reaches every other one, so all legal moves have value 1. After 600 "
        "updates many greedy plans run in circles and never arrive.",
    ),
)
GRIDS = {
    "blocks": Grid(
        "blocks",
        {"discount": (0.5, 0.8, 0.9, 1), "lr": (0.5, 1, 2)},
        {"model": "table", "graph": "blocks"},
    ),
}
"""The recorded runs, by the name of their file."""


def lab() -> Lab:
    """Q-learning on the states of Blocksworld with three blocks, and the plan of its model."""
    picture = Picture("Accuracy", "The model's plan, step by step")
    picture.curves(0, "train_greedy", "train_sampled", "test_greedy", name=LEARNER.name)
    picture.plan(1)
    return Lab(
        name="blocks",
        words=WORDS,
        controls=(MODEL, graph_control("blocks"), DISCOUNT, LR, SEED),
        learners=(LEARNER,),
        presets=PRESETS,
        metrics=("train_sampled", "train_greedy", "test_greedy"),
        picture=picture,
        screen=Screen(controls=("discount", "lr"), panel=1),
    )
