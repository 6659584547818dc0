"""The lab of imitation."""

from __future__ import annotations

from planrl.labs.spec.controls import BATCH, LR, MODEL, SEED, Preset, graph_control
from planrl.labs.spec.figure import Picture
from planrl.labs.spec.lab import Grid, Lab, LabLearner, Screen, Words

WORDS = Words(
    title="Does a model reproduce its demonstrations?",
    intro="SFT on demonstrated paths. The bars are about one source-target pair: how often each "
    "next node was demonstrated at the source, and how likely the model makes it.",
    alt="A lab for imitation. After 200 updates the model's probabilities in one context are close "
    "to the shares of the demonstrations; accuracy is lower on held-out pairs than on trained "
    "ones.",
)
LEARNER = LabLearner(name="SFT", algorithm="sft", start="fresh")
PRESETS = (
    Preset(
        name="table",
        title="Logit table",
        settings={},
        why="The table's probabilities approach the demonstrated shares. Contexts that were never "
        "demonstrated keep their probabilities.",
    ),
    Preset(
        name="transformer",
        title="The same in a Transformer",
        settings={"model": "transformer"},
        why="The Transformer shares what it learns between targets, so accuracy on held-out pairs "
        "rises. Its probabilities stay farther from the demonstrated shares than the table's.",
    ),
    Preset(
        name="restless",
        title="Too fast",
        settings={"lr": 4, "batch": 2},
        why="Two paths an update at four times the usual rate: the probabilities stay far "
        "from the shares, because each update follows the two paths it was shown. A larger "
        "batch averages, and they come nearer.",
    ),
)
GRIDS = {
    "imitation": Grid(
        "imitation", {"lr": (0.25, 1, 4), "batch": (2, 8, 32)}, {"model": "table", "graph": "dag"}
    ),
    "imitation-transformer": Grid(
        "imitation", {"lr": (0.25, 1, 4)}, {"model": "transformer", "graph": "dag", "batch": 32}
    ),
}
"""The recorded runs, by the name of their file."""


def lab() -> Lab:
    """SFT from fresh weights, and its probabilities beside the shares of the demonstrations."""
    picture = Picture("Accuracy", "Demonstrated shares and probabilities")
    picture.curves(0, "train_sampled", "test_sampled", "test_greedy", name=LEARNER.name)
    picture.bars(1, {"shown": "share of the demonstrations", "cell": "model"})
    return Lab(
        name="imitation",
        words=WORDS,
        controls=(MODEL, graph_control("dag", "cyclic", "own"), LR, BATCH, SEED),
        learners=(LEARNER,),
        presets=PRESETS,
        metrics=("train_sampled", "test_sampled", "test_greedy", "entropy"),
        picture=picture,
        screen=Screen(controls=("lr", "batch"), panel=1),
    )
