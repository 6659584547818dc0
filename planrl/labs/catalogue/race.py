"""The lab of four learners that start from one base."""

from __future__ import annotations

from dataclasses import replace

from planrl.figures.style import style_of
from planrl.labs.spec.controls import (
    BATCH,
    LR,
    MODEL,
    SEED,
    Preset,
    graph_control,
)
from planrl.labs.spec.figure import curves, panels
from planrl.labs.spec.lab import Lab, LabLearner

FOUR = (
    LabLearner(name="continual SFT", algorithm="sft"),
    LabLearner(name="policy gradient", algorithm="pg", knobs={"kl": 0.0}),
    LabLearner(name="policy gradient + KL", algorithm="pg", knobs={"kl": 0.1}),
    LabLearner(name="Q-learning, process reward", algorithm="q"),
)


def _race() -> Lab:
    figure, narrow, index = panels("Held-out questions, greedy", "Different right answers of 16")
    bound = [
        binding
        for number, learner in enumerate(FOUR)
        for panel, metric in ((0, "test_greedy"), (1, "ways"))
        for binding in curves(
            figure, index[panel], number, (metric,), style_of(learner.name, number)[0],
            name=learner.name, dash=style_of(learner.name, number)[1],
        )
    ]  # fmt: skip
    return Lab(
        name="race",
        title="Four learners, one clock",
        intro="All four start from the same base, which imitates demonstrated paths, and take the "
        "same number of updates on the same graph.",
        alt="A lab with four learners. Policy gradient loses different answers, with a KL penalty "
        "it loses them later; Q-learning with process reward keeps most of them.",
        controls=(
            replace(MODEL, default="transformer"), graph_control("dag", "cyclic", "own"), LR, BATCH,
            SEED,
        ),
        learners=FOUR,
        presets=(
            Preset(
                name="race", title="Transformers", settings={},
                why="One graph, the same questions, one clock. Look at both panels: being right "
                "and being right in many ways are two things.",
            ),
            Preset(
                name="table", title="Logit tables", settings={"model": "table"},
                why="The same four losses on one number for each target, node and next node. "
                "Nothing is shared between targets: only Q-learning gains on held-out questions.",
            ),
        ),
        metrics=("train_sampled", "test_sampled", "test_greedy", "ways"),
        figure=figure, narrow=narrow, bindings=bound,
    )  # fmt: skip
