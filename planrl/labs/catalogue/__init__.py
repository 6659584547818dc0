"""The labs: what can be set in each, which learners train in it, and what its figure shows.

What a preset says beside it is asserted in tests/test_live_presets.py.
"""

from __future__ import annotations

from dataclasses import replace

from planrl.figures.style import style_of
from planrl.labs.catalogue.rewards import rewards_lab
from planrl.labs.spec.controls import Control, Preset
from planrl.labs.spec.figure import bars, curves, edges, panels, plan
from planrl.labs.spec.lab import Lab, Learner
from planrl.labs.spec.shared_controls import BATCH, DISCOUNTS, KL, LR, MODEL, SEED, graph_control


def _imitation() -> Lab:
    colour = style_of("SFT", 0)[0]
    figure, narrow, place = panels("Accuracy", "Shown, and said", height=420)
    bound = [
        *curves(figure, place[0], 0, ("train_sampled", "test_sampled", "test_greedy"), colour),
        *bars(figure, place[1], 0, {"shown": "share of the demonstrations", "cell": "model"}),
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
        learners=(Learner(name="SFT", algorithm="sft", start="fresh"),),
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


def _policy_gradient() -> Lab:
    colour = style_of("policy gradient", 0)[0]
    figure, narrow, place = panels("Accuracy", "Ways and entropy", "Policy, one question")
    bound = [
        *curves(figure, place[0], 0, ("train_sampled", "test_sampled", "test_greedy"), colour),
        *curves(figure, place[1], 0, ("ways", "entropy"), colour),
        *edges(figure, place[2], 0, "policy", colour),
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
        learners=(Learner(name="policy gradient", algorithm="pg"),),
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


FOUR = (
    Learner(name="continual SFT", algorithm="sft"),
    Learner(name="policy gradient", algorithm="pg", knobs={"kl": 0.0}),
    Learner(name="policy gradient + KL", algorithm="pg", knobs={"kl": 0.1}),
    Learner(name="Q-learning, process reward", algorithm="q"),
)


def _race() -> Lab:
    figure, narrow, place = panels("Held-out questions, greedy", "Different right answers of 16")
    bound = [
        binding
        for number, learner in enumerate(FOUR)
        for panel, metric in ((0, "test_greedy"), (1, "ways"))
        for binding in curves(
            figure, place[panel], number, (metric,), style_of(learner.name, number)[0],
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


def _blocks() -> Lab:
    colour = style_of("Q-learning, process reward", 0)[0]
    figure, narrow, place = panels("Accuracy", "The model's plan, step by step")
    bound = [
        *curves(figure, place[0], 0, ("train_greedy", "train_sampled", "test_greedy"), colour),
        *plan(figure, place[1], 0),
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
            Learner(name="Q-learning, process reward", algorithm="q"),
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


def labs() -> dict[str, Lab]:
    """All labs by name."""
    made = (_race(), _imitation(), _policy_gradient(), rewards_lab(), _blocks())
    return {lab.name: lab for lab in made}
