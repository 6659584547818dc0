"""The lab of policy gradient: diversity that goes, and a KL penalty that keeps it."""

from __future__ import annotations

from planrl.figures.style import style_of
from planrl.labs.spec.controls import (
    BATCH,
    KL,
    LR,
    MODEL,
    SEED,
    Control,
    Preset,
    graph_control,
)
from planrl.labs.spec.figure import curves, edges, panels
from planrl.labs.spec.lab import Lab, LabLearner


def _policy_gradient() -> Lab:
    colour = style_of("policy gradient", 0)[0]
    figure, narrow, index = panels("Accuracy", "Ways and entropy", "Policy, one question")
    bound = [
        *curves(figure, index[0], 0, ("train_sampled", "test_sampled", "test_greedy"), colour),
        *curves(figure, index[1], 0, ("ways", "entropy"), colour),
        *edges(figure, index[2], 0, "policy", colour),
    ]
    return Lab(
        name="policy-gradient",
        title="Watch the other answers go, and buy them back",
        intro="Policy gradient from a base that imitates. The graph shows the policy on the way "
        "from the square to the star: the thicker an edge, the likelier it is taken.",
        alt="A lab for policy gradient. Without a KL penalty training accuracy comes near 1 while "
        "different answers go; with a strong penalty most of them stay.",
        controls=(
            KL, MODEL, graph_control("dag", "cyclic", "own"), LR, BATCH,
            Control(
                name="temperature", label="Temperature of the walks", kind="slider",
                default=1,
                values=(0.25, 0.35, 0.5, 0.7, 0.85, 1, 1.25, 1.5, 1.75, 2),
                meaning="Below 1 the walker prefers what is already likely: it explores less.",
            ),
            Control(
                name="baseline", label="Baseline", kind="switch", values=(0, 1), default=0,
                texts=("off", "on"),
                meaning="Takes the batch's mean return off each return: once all walks are right, "
                "nothing moves any more.",
            ),
            SEED,
        ),
        learners=(LabLearner(name="policy gradient", algorithm="pg"),),
        presets=(
            Preset(
                name="collapse", title="Collapse", settings={"model": "transformer"},
                why="Each update favours whatever right walks happened to be drawn (Theorem 4.3). "
                "After 200 updates most questions have one answer left.",
            ),
            Preset(
                name="bought-back", title="Bought back", settings={"model": "transformer", "kl": 1},
                why="The penalty holds the odds among right answers at those of the base (Theorem "
                "4.4). The price is sampled accuracy on the trained questions.",
            ),
            Preset(
                name="too-little", title="Too little", settings={"model": "transformer", "kl": 0.1},
                why="A weak penalty slows the loss of answers but does not stop it here. Compare "
                "the ways after 200 updates with those of Collapse.",
            ),
            Preset(
                name="baseline", title="With a baseline", settings={"baseline": 1},
                why="Walks below the mean now push their steps down, and a batch that is all right "
                "moves nothing. Answers still go, before that point; held-out questions lose.",
            ),
            Preset(
                name="cold", title="No exploring", settings={"temperature": 0.25},
                why="A cold walker only sees what it already does, and becomes sure of it. "
                "Held-out questions gain nothing.",
            ),
        ),
        metrics=("train_sampled", "test_sampled", "test_greedy", "ways", "entropy"),
        figure=figure, narrow=narrow, bindings=bound,
    )  # fmt: skip
