"""The lab of policy gradient: diversity is lost, and a KL penalty keeps it."""

from __future__ import annotations

from planrl.labs.spec.controls import (
    BATCH,
    KL,
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

WORDS = Words(
    title="Watch the other answers go, and buy them back",
    intro="Policy gradient from a base that imitates. The graph shows the policy on the way "
    "from the square to the star: the thicker an edge, the likelier it is taken.",
    alt="A lab for policy gradient. Without a KL penalty training accuracy comes near 1 while "
    "different answers go; with a strong penalty most of them stay.",
)
TEMPERATURE = slider(
    "temperature",
    "Temperature of the walks",
    (0.25, 0.35, 0.5, 0.7, 0.85, 1, 1.25, 1.5, 1.75, 2),
    1,
    "Below 1 the walker prefers what is already likely: it explores less.",
)
BASELINE = switch(
    "baseline",
    "Baseline",
    "Takes the batch's mean return off each return: once all walks are right, "
    "nothing moves any more.",
)
LEARNER = LabLearner(name="policy gradient", algorithm="pg")
PRESETS = (
    Preset(
        name="collapse",
        title="Collapse",
        settings={"model": "transformer"},
        why="Each update favours whatever right walks happened to be drawn (Theorem 4.3). "
        "After 200 updates most questions have one answer left.",
    ),
    Preset(
        name="bought-back",
        title="Bought back",
        settings={"model": "transformer", "kl": 1},
        why="The penalty holds the odds among right answers at those of the base (Theorem "
        "4.4). The price is sampled accuracy on the trained questions.",
    ),
    Preset(
        name="too-little",
        title="Too little",
        settings={"model": "transformer", "kl": 0.1},
        why="A weak penalty slows the loss of answers but does not stop it here. Compare "
        "the ways after 200 updates with those of Collapse.",
    ),
    Preset(
        name="baseline",
        title="With a baseline",
        settings={"baseline": 1},
        why="Walks below the mean now push their steps down, and a batch that is all right "
        "moves nothing. Answers still go, before that point; held-out questions lose.",
    ),
    Preset(
        name="cold",
        title="No exploring",
        settings={"temperature": 0.25},
        why="A cold walker only sees what it already does, and becomes sure of it. "
        "Held-out questions gain nothing.",
    ),
)


def policy_gradient_lab() -> Lab:
    """Policy gradient from a base that imitates, its diversity, and its policy for one pair."""
    picture = Picture("Accuracy", "Ways and entropy", "Policy, one question")
    name = LEARNER.name
    picture.curves(0, "train_sampled", "test_sampled", "test_greedy", name=name)
    picture.curves(1, "ways", "entropy", name=name)
    picture.edges(2, "policy", name)
    graph = graph_control("dag", "cyclic", "own")
    return Lab(
        name="policy-gradient",
        words=WORDS,
        controls=(KL, MODEL, graph, LR, BATCH, TEMPERATURE, BASELINE, SEED),
        learners=(LEARNER,),
        presets=PRESETS,
        metrics=("train_sampled", "test_sampled", "test_greedy", "ways", "entropy"),
        picture=picture,
    )
