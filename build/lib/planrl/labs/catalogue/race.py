"""The lab of four learners that start from one base."""

from __future__ import annotations

from dataclasses import replace

from planrl.labs.spec.controls import BATCH, LR, MODEL, SEED, Preset, graph_control
from planrl.labs.spec.figure import Picture
from planrl.labs.spec.lab import Grid, Lab, LabLearner, Screen, Words

WORDS = Words(
    title="Four learners from one base",
    intro="All four start from the same base, which imitates demonstrated paths, and take the "
    "same number of updates on the same graph. The KL penalty has the weight λ = 0.1 here, and "
    "λ = 1 in the first picture of the welcome page.",
    alt="A lab with four learners. Policy gradient loses diversity, with a KL penalty it loses "
    "it later; Q-learning with process reward keeps most of it.",
    differs={
        "transformer": "On this graph of 20 nodes the Transformer's base already answers most "
        "held-out pairs greedily, and its policy gradient ends below continual SFT on them. In "
        "chapter 4 it ends above: there the graph has 100 nodes, and paths are sampled at "
        "temperature 1.",
        "table": "In logit tables greedy accuracy on held-out pairs stays that of the base under "
        "continual SFT and under policy gradient, and only Q-learning raises it. Of paths sampled "
        "at temperature 1, policy gradient ends below continual SFT on them (means of ten seeds, "
        "300 updates, 20 nodes). In chapter 4 it ends above: there a Transformer learns a graph "
        "of 100 nodes.",
    },
)
LEARNERS = (
    LabLearner(name="continual SFT", algorithm="sft"),
    LabLearner(name="policy gradient", algorithm="pg", settings={"kl": 0.0}),
    LabLearner(
        name="policy gradient + KL",
        algorithm="pg",
        title="policy gradient + KL, λ = 0.1",
        settings={"kl": 0.1},
    ),
    LabLearner(name="Q-learning, process reward", algorithm="q"),
)
PRESETS = (
    Preset(
        name="race",
        title="Transformers",
        settings={},
        why="All four train on the same graph and the same pairs. Compare both panels: "
        "a learner can be accurate and yet have lost its diversity.",
    ),
    Preset(
        name="table",
        title="Logit tables",
        settings={"model": "table"},
        why="The same four losses on one number for each target, node and next node. Nothing is "
        "shared between targets: decoded greedily, only Q-learning becomes more accurate on "
        "held-out pairs.",
    ),
)
GRIDS = {
    "race": Grid(
        "race", {"lr": (0.5, 1, 2)}, {"model": "transformer", "graph": "dag", "batch": 32}
    ),
}
"""The recorded runs, by the name of their file."""


def lab() -> Lab:
    """Four learners from one base, their held-out accuracy and their diversity."""
    picture = Picture("Held-out pairs, greedy", "Distinct correct paths among 16")
    for number, learner in enumerate(LEARNERS):
        for panel, metric in enumerate(("test_greedy", "diversity")):
            picture.curves(panel, metric, name=learner.name, number=number, own=True)
    model = replace(MODEL, default="transformer")
    return Lab(
        name="race",
        words=WORDS,
        controls=(model, graph_control("dag", "cyclic", "own"), LR, BATCH, SEED),
        learners=LEARNERS,
        presets=PRESETS,
        metrics=("train_sampled", "test_sampled", "test_greedy", "diversity"),
        picture=picture,
        screen=Screen(controls=("lr", "batch"), paths="Paths"),
    )
