"""The lab of Blocksworld."""

from __future__ import annotations

from planrl.figures.style import style_of
from planrl.labs.spec.controls import (
    DISCOUNTS,
    LR,
    MODEL,
    SEED,
    Control,
    Preset,
    graph_control,
)
from planrl.labs.spec.figure import curves, panels, plan
from planrl.labs.spec.lab import Lab, LabLearner


def _blocks() -> Lab:
    colour = style_of("Q-learning, process reward", 0)[0]
    figure, narrow, index = panels("Accuracy", "The model's plan, step by step")
    bound = [
        *curves(figure, index[0], 0, ("train_greedy", "train_sampled", "test_greedy"), colour),
        *plan(figure, index[1], 0),
    ]
    return Lab(
        name="blocks",
        title="Does it stack blocks?",
        intro="Three blocks, 13 states, 30 moves. The plan that is drawn is the model's own, its "
        "most likely next state each time, from one tower to the other.",
        alt="A lab on Blocksworld with three blocks: the plan of a model, drawn state by state "
        "while it trains by Q-learning with process reward.",
        controls=(
            MODEL, graph_control("blocks"),
            Control(
                name="discount", label="Discount", kind="slider", values=DISCOUNTS,
                default=0.9, meaning="With 1 every legal move is worth the same: all states reach "
                "each other.",
            ),
            LR, SEED,
        ),
        learners=(
            LabLearner(name="Q-learning, process reward", algorithm="q"),
        ),
        presets=(
            Preset(
                name="discount", title="With a discount", settings={},
                why="Near is worth more than far. So the best plan the values know is a short one.",
            ),
            Preset(
                name="no-discount", title="Without", settings={"discount": 1},
                why="Every state reaches every other, so all legal moves are worth 1. After 600 "
                "updates many of the likeliest plans go round in circles and never arrive.",
            ),
        ),
        metrics=("train_sampled", "train_greedy", "test_greedy"),
        figure=figure, narrow=narrow, bindings=bound, own=False,
    )  # fmt: skip
