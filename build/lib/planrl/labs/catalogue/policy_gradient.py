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
from planrl.labs.spec.lab import Grid, Lab, LabLearner, Screen, Words

STAYS = "On this graph of 20 nodes greedy accuracy on held-out pairs"
GAIN = "The gain of chapter 4 is that of paths sampled at temperature 1, on 100 nodes."
WORDS = Words(
    title="Watch diversity collapse, and keep it with a KL penalty",
    intro="Policy gradient from a base that imitates. The graph shows the policy for paths "
    "from the square to the star: likelier edges are thicker.",
    alt="A lab for policy gradient. Without a KL penalty training accuracy approaches 1 while "
    "diversity falls; with a strong penalty most of the diversity stays.",
    differs={
        "table": f"{STAYS} stays that of the base in the logit table. {GAIN}",
        "transformer": f"{STAYS} does not rise: it falls in the Transformer. {GAIN}",
    },
)
TEMPERATURE = slider(
    "temperature",
    "Sampling temperature",
    (0.25, 0.35, 0.5, 0.7, 0.85, 1, 1.25, 1.5, 1.75, 2),
    1,
    "Below 1 the model samples likely steps more often and explores less.",
)
BASELINE = switch(
    "baseline",
    "Baseline",
    "On: the batch's mean return is subtracted from each return. Once all paths are correct, "
    "the gradient is 0.",
)
LEARNER = LabLearner(name="policy gradient", algorithm="pg")
PRESETS = (
    Preset(
        name="collapse",
        title="Collapse",
        settings={"model": "transformer"},
        why="Each update makes the correct paths that were sampled more likely (Theorem 4.3). "
        "After 200 updates most pairs have one correct path left among 16 samples.",
    ),
    Preset(
        name="bought-back",
        title="Diversity kept",
        settings={"model": "transformer", "kl": 1},
        why="The penalty holds the odds among correct paths at those of the base (Theorem "
        "4.4). The cost is a lower sampled accuracy on training pairs.",
    ),
    Preset(
        name="too-little",
        title="Too little",
        settings={"model": "transformer", "kl": 0.1},
        why="A weak penalty slows the loss of diversity but does not stop it here. Compare "
        "the diversity after 200 updates with that of Collapse.",
    ),
    Preset(
        name="baseline",
        title="With a baseline",
        settings={"baseline": 1},
        why="Steps of paths below the mean become less likely, and a batch of correct paths "
        "alone has no gradient. Diversity still falls before that point, and so does accuracy on "
        "held-out pairs.",
    ),
    Preset(
        name="cold",
        title="No exploring",
        settings={"temperature": 0.25},
        why="At temperature 0.25 the model samples little but its likeliest paths. Those of "
        "training pairs are correct from the start, so nothing new is found: diversity falls to "
        "one path within 40 updates, and accuracy on held-out pairs does not rise. Sampled at "
        "temperature 1, it rises.",
    ),
)
_LAMBDAS = (0, 0.003, 0.01, 0.03, 0.1, 0.3, 1)
GRIDS = {
    "policy-gradient": Grid(
        "policy-gradient",
        {"kl": _LAMBDAS, "lr": (0.5, 1, 2), "temperature": (0.25, 1, 2), "baseline": (0, 1)},
        {"model": "table", "graph": "dag", "batch": 32},
    ),
    "policy-gradient-transformer": Grid(
        "policy-gradient",
        {"kl": _LAMBDAS},
        {
            "model": "transformer",
            "graph": "dag",
            "batch": 32,
            "lr": 1,
            "temperature": 1,
            "baseline": 0,
        },
    ),
}
"""The recorded runs, by the name of their file."""


def lab() -> Lab:
    """Policy gradient from a base that imitates, and its diversity."""
    picture = Picture("Accuracy", "Diversity and entropy")
    name = LEARNER.name
    picture.curves(0, "train_sampled", "test_sampled", "test_greedy", name=name)
    picture.curves(1, "diversity", "entropy", name=name)
    graph = graph_control("dag", "cyclic", "own")
    return Lab(
        name="policy-gradient",
        words=WORDS,
        controls=(KL, MODEL, graph, LR, BATCH, TEMPERATURE, BASELINE, SEED),
        learners=(LEARNER,),
        presets=PRESETS,
        metrics=("train_sampled", "test_sampled", "test_greedy", "diversity", "entropy"),
        picture=picture,
        screen=Screen(controls=("kl", "temperature"), paths="Paths"),
    )
