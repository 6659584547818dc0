"""The lab of imitation."""

from __future__ import annotations

from planrl.labs.spec.controls import BATCH, LR, MODEL, SEED, Preset, graph_control
from planrl.labs.spec.figure import Picture
from planrl.labs.spec.lab import Lab, LabLearner, Words

WORDS = Words(
    title="Does a model say what it was shown?",
    intro="SFT on demonstrated paths. On the right one cell: standing at the source of the "
    "question that is shown, on the way to its target, how often each next node was "
    "demonstrated, and how often the model says it.",
    alt="A lab for imitation. After 200 updates the model's probabilities in a cell are close "
    "to the shares of the demonstrations; held-out questions stay behind the trained ones.",
)
LEARNER = LabLearner(name="SFT", algorithm="sft", start="fresh")
PRESETS = (
    Preset(
        name="table",
        title="Counting",
        settings={},
        why="The table's probabilities go to the demonstrated shares. What was never shown "
        "stays as it was.",
    ),
    Preset(
        name="transformer",
        title="The same in a Transformer",
        settings={"model": "transformer"},
        why="It shares what it learns between targets, so held-out questions gain. The "
        "probabilities in the cell stay farther from the demonstrated shares than the "
        "table's.",
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


def imitation_lab() -> Lab:
    """SFT from fresh weights, and its probabilities beside the shares of the demonstrations."""
    picture = Picture("Accuracy", "Shown, and said")
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
    )
