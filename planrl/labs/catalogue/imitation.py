"""The lab of imitation."""

from __future__ import annotations

from planrl.figures.style import style_of
from planrl.labs.spec.controls import (
    BATCH,
    LR,
    MODEL,
    SEED,
    Preset,
    graph_control,
)
from planrl.labs.spec.figure import bars, curves, panels
from planrl.labs.spec.lab import Lab, LabLearner


def _imitation() -> Lab:
    colour = style_of("SFT", 0)[0]
    figure, narrow, index = panels("Accuracy", "Shown, and said", height=420)
    bound = [
        *curves(figure, index[0], 0, ("train_sampled", "test_sampled", "test_greedy"), colour),
        *bars(figure, index[1], 0, {"shown": "share of the demonstrations", "cell": "model"}),
    ]
    figure.update_layout(barmode="group")
    return Lab(
        name="imitation",
        title="Does a model say what it was shown?",
        intro="SFT on demonstrated paths. On the right one cell: standing at the source of the "
        "question that is shown, on the way to its target, how often each next node was "
        "demonstrated, and how often the model says it.",
        alt="A lab for imitation. After 200 updates the model's probabilities in a cell are close "
        "to the shares of the demonstrations; held-out questions stay behind the trained ones.",
        controls=(MODEL, graph_control("dag", "cyclic", "own"), LR, BATCH, SEED),
        learners=(LabLearner(name="SFT", algorithm="sft", start="fresh"),),
        presets=(
            Preset(
                name="table", title="Counting", settings={},
                why="The table's probabilities go to the demonstrated shares. What was never shown "
                "stays as it was.",
            ),
            Preset(
                name="transformer", title="The same in a Transformer",
                settings={"model": "transformer"},
                why="It shares what it learns between targets, so held-out questions gain. The "
                "probabilities in the cell stay farther from the demonstrated shares than the "
                "table's.",
            ),
            Preset(
                name="restless", title="Too fast", settings={"lr": 4, "batch": 2},
                why="Two paths an update at four times the usual rate: the probabilities stay far "
                "from the shares, because each update follows the two paths it was shown. A larger "
                "batch averages, and they come nearer.",
            ),
        ),
        metrics=("train_sampled", "test_sampled", "test_greedy", "entropy"),
        figure=figure, narrow=narrow, bindings=bound,
    )  # fmt: skip
