"""The lab of a tool graph: chains of calls, questions that were never asked, and a discount."""

from __future__ import annotations

from planrl.labs.spec.controls import (
    BATCH,
    DISCOUNTS,
    LR,
    MODEL,
    SEED,
    Preset,
    graph_control,
    slider,
)
from planrl.labs.spec.figure import Picture
from planrl.labs.spec.lab import Grid, Lab, LabLearner, Screen, Words

EVENLY = (
    "Here demonstrated chains take each correct tool equally often; in the chapter's log a few "
    "chains are very common. This graph has 20 of the chapter's 42 tools."
)
WORDS = Words(
    title="Answer with tools",
    intro="Twenty tools of an office, from a scanned page or a mail to what can be done with it. "
    "The graph shows chains from the square to the star. Three in ten questions are trained; the "
    "others were never asked. Three learners go on from one base.",
    alt="A lab on a graph of twenty tools. In logit tables only Q-learning answers more of the "
    "questions that were never asked; policy gradient keeps the fewest distinct chains.",
    differs={
        "table": EVENLY,
        "transformer": "On these 20 tools the Transformer's base already answers most never-asked "
        "questions greedily, and after 300 updates no learner answers more of them. On the "
        f"chapter's 42 tools its base answers fewer than half. {EVENLY.partition('. ')[0]}.",
    },
)
DISCOUNT = slider(
    "discount",
    "Discount",
    DISCOUNTS,
    0.9,
    "Of Q-learning: what a reward counts that comes one call later. With 1 a detour is free.",
)
LEARNERS = (
    LabLearner(name="continual SFT", algorithm="sft"),
    LabLearner(name="policy gradient", algorithm="pg", settings={"kl": 0.0}),
    LabLearner(name="Q-learning, process reward", algorithm="q"),
)
PRESETS = (
    Preset(
        name="tables",
        title="Logit tables",
        settings={},
        why="Nothing is shared between questions. So continual SFT and policy gradient leave "
        "never-asked questions where the base has them, and only Q-learning, which is told of each "
        "call whether it follows a link, answers more.",
    ),
    Preset(
        name="transformers",
        title="Transformers",
        settings={"model": "transformer"},
        why="A Transformer shares what it learns, so its base answers most never-asked questions. "
        "Policy gradient then keeps one chain for each question, and Q-learning keeps more than "
        "two.",
    ),
    Preset(
        name="no-discount",
        title="Without a discount",
        settings={"model": "transformer", "discount": 1},
        why="The tools summarise and translate lead to each other. Without a discount turning "
        "around there costs nothing, so chains run out of steps: Q-learning loses greedy accuracy, "
        "and keeps the most distinct chains.",
    ),
)
GRIDS = {
    "tools": Grid(
        "tools",
        {"discount": (0.5, 0.8, 0.9, 1)},
        {"model": "table", "graph": "tools", "batch": 32, "lr": 1},
    ),
    "tools-transformer": Grid(
        "tools",
        {"discount": (0.5, 0.8, 0.9, 1)},
        {"model": "transformer", "graph": "tools", "batch": 32, "lr": 1},
    ),
}
"""The recorded runs, by the name of their file."""


def lab() -> Lab:
    """Three learners on the tools of an office: questions never asked, and chains that are left."""
    picture = Picture("Never asked, greedy", "Distinct correct chains")
    for number, learner in enumerate(LEARNERS):
        for panel, metric in enumerate(("test_greedy", "diversity")):
            picture.curves(panel, metric, name=learner.name, number=number, own=True)
    return Lab(
        name="tools",
        words=WORDS,
        controls=(
            DISCOUNT,
            MODEL,
            graph_control("tools", "own"),
            LR,
            BATCH,
            SEED,
        ),
        learners=LEARNERS,
        presets=PRESETS,
        metrics=("train_sampled", "test_sampled", "test_greedy", "diversity"),
        picture=picture,
        screen=Screen(controls=("discount", "lr"), paths="Chains"),
    )
