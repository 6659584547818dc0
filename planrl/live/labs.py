"""The labs: what can be set in each, which learners train in it, and what its figure shows.

A lab is data. A host (a kernel's widgets, a page's script) changes nothing of a figure but the data
of its traces, as the `bindings` say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import plotly.graph_objects as go

from planrl.live.drawing import Binding, bars, curves, edges, matrix, panels, plan
from planrl.live.settings import Control, Preset
from planrl.live.worlds import MOST_EDGES, SHARE, lab_worlds
from planrl.style import style_of

BASE_UPDATES = {"table": 0, "transformer": 150}
"""SFT updates that make the base a learner starts from; the table's is made by counting."""
LOOKS_EVERY = {"table": 10, "transformer": 10}

METRICS = {
    "train_sampled": "training questions, sampled",
    "train_greedy": "training questions, greedy",
    "test_sampled": "held-out questions, sampled",
    "test_greedy": "held-out questions, greedy",
    "ways": "different right answers in 16 walks",
    "entropy": "entropy of a choice (nats)",
}

MODEL = Control(
    name="model", label="Model", kind="choice", values=("table", "transformer"), default="table",
    texts=("logit table", "Transformer"), restarts=True,
    meaning="The logit table holds one number for each target, node and next node; the Transformer "
    "has one layer, one head and width 48.",
)  # fmt: skip
SEED = Control(
    name="seed",
    label="Seed",
    kind="choice",
    values=tuple(range(10)),
    default=0,
    restarts=True,
    meaning="It chooses the training questions, the demonstrations, the weights and all walks.",
)
LR = Control(
    name="lr", label="Learning rate", kind="slider", values=(0.25, 0.5, 1, 2, 4), default=1,
    texts=("× 1/4", "× 1/2", "× 1", "× 2", "× 4"),
    meaning="In multiples of the usual one: 0.1 for the table, 0.002 for the Transformer (Adam).",
)  # fmt: skip
BATCH = Control(
    name="batch", label="Batch", kind="slider", values=(1, 2, 4, 8, 16, 32), default=32,
    meaning="How many walks an update averages over.",
)  # fmt: skip


def graph_control(*names: str) -> Control:
    """Which graph; a reader's own is always possible but in Blocksworld."""
    texts = {"dag": "random DAG, 20 nodes", "cyclic": "random digraph with cycles",
             "blocks": "Blocksworld, 3 blocks", "own": "your own"}  # fmt: skip
    return Control(
        name="graph", label="Graph", kind="choice", values=names, default=names[0], restarts=True,
        texts=[texts[name] for name in names],
        meaning="The graph whose paths are asked for; it is nowhere in a question.",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Learner:
    """Who trains: by which algorithm, from which start (base or fresh), with which knobs fixed."""

    name: str
    algorithm: str
    start: str = "base"
    knobs: Mapping[str, float] = ()  # type: ignore[assignment]

    @property
    def fixed(self) -> dict[str, float]:
        """Knobs that no control moves. A learner by Q-learning never says END by itself."""
        return {"may_stop": float(self.algorithm != "q"), **dict(self.knobs)}


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Controls, learners, presets and a figure; `alt` is for those who see none of it."""

    name: str
    title: str
    intro: str
    alt: str
    controls: Sequence[Control]
    learners: Sequence[Learner]
    presets: Sequence[Preset]
    metrics: Sequence[str]
    figure: go.Figure
    narrow: Mapping[str, Any]
    bindings: Sequence[Binding]
    own: bool = True
    verdicts: Sequence[str] = ()

    @property
    def graphs(self) -> tuple[str, ...]:
        """The graphs one can choose, the reader's own left out."""
        control = next(control for control in self.controls if control.name == "graph")
        return tuple(str(name) for name in control.values if name != "own")

    def knobs(self, place: int, values: Mapping[str, Any]) -> dict[str, float]:
        """All numbers that a learner's programs are given."""
        given = {k: float(v) for k, v in values.items() if not isinstance(v, str)}
        return {**given, **self.learners[place].fixed}

    def to_json(self, recorded: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The lab as a page reads it."""
        figure = json.loads(self.figure.to_json())
        layout = {k: v for k, v in figure["layout"].items() if k != "template"}
        worlds = lab_worlds()
        return {
            "name": self.name,
            "controls": [asdict(control) for control in self.controls],
            "learners": [
                {"name": one.name, "algorithm": one.algorithm, "start": one.start,
                 "knobs": one.fixed} for one in self.learners
            ],
            "presets": [asdict(preset) for preset in self.presets],
            "metrics": [{"name": name, "label": METRICS[name]} for name in self.metrics],
            "verdicts": list(self.verdicts),
            "figure": {"data": figure["data"], "layout": layout, "narrow": dict(self.narrow)},
            "bindings": [dict(binding) for binding in self.bindings],
            "share": SHARE,
            "base_updates": BASE_UPDATES,
            "looks_every": LOOKS_EVERY,
            "worlds": {name: worlds[name].to_json() for name in self.graphs},
            "own": {"nodes": 20, "edges": MOST_EDGES} if self.own else None,
            "recorded": recorded,
            "snippet": SNIPPET,
        }  # fmt: skip


SNIPPET = """from planrl.live import Session

lab = Session({name!r}, {state!r})
lab.train({steps})
lab.look()"""


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
                "cell still ends near the demonstrated shares.",
            ),
            Preset(
                name="restless", title="Too fast", settings={"lr": 4, "batch": 2},
                why="Two walks an update at four times the usual rate: the probabilities jump "
                "about the shares. A smaller rate, or a larger batch, averages.",
            ),
        ),
        metrics=("train_sampled", "test_sampled", "test_greedy", "entropy"),
        figure=figure, narrow=narrow, bindings=bound,
    )  # fmt: skip


KL = Control(
    name="kl", label="KL penalty λ", kind="slider", default=0,
    values=(0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1),
    meaning="How strongly the policy is held to the base it started from (Theorem 4.4).",
)  # fmt: skip


def _policy_gradient() -> Lab:
    colour = style_of("policy gradient", 0)[0]
    figure, narrow, place = panels("Accuracy", "Ways and entropy", "Policy of the question shown")
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
        alt="A lab for policy gradient. Without a KL penalty training accuracy goes to 1 while "
        "different answers go; with a penalty more of them stay.",
        controls=(
            KL, MODEL, graph_control("dag", "cyclic", "own"), LR, BATCH,
            Control(
                name="temperature", label="Temperature of the walks", kind="slider",
                values=(0.25, 0.5, 1, 1.5, 2), default=1,
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
                "After some 300 updates every question has one answer left.",
            ),
            Preset(
                name="bought-back", title="Bought back", settings={"model": "transformer", "kl": 1},
                why="The penalty holds the odds among right answers at those of the base (Theorem "
                "4.4). The price is accuracy on the trained questions.",
            ),
            Preset(
                name="too-little", title="Too little", settings={"model": "transformer", "kl": 0.1},
                why="A weak penalty slows the loss of answers but does not stop it here. Compare "
                "the ways after 100 updates and after 300.",
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


VERDICTS = (
    "These values lead to the target.",
    "Diverging: values lie far outside what any walk can earn.",
    "Constant: all next nodes are worth the same, so the values say nothing.",
    "Wrong sign: right next nodes are worth less than wrong ones.",
    "Dead end: an edge that leads away from the target is worth as much as a right one.",
)


def _rewards() -> Lab:
    colour = style_of("Q-learning, process reward", 0)[0]
    figure, narrow, place = panels("Accuracy", "Learnt values", "The exact fixed point")
    bound = [
        *curves(figure, place[0], 0, ("train_greedy", "train_sampled", "test_greedy"), colour),
        *matrix(figure, place[1], 0, "logits"),
        *matrix(figure, place[2], 0, "exact"),
    ]

    def reward(name: str, label: str, values: Sequence[float], default: float, why: str) -> Control:
        return Control(
            name=name, label=label, kind="slider", values=values, default=default, meaning=why
        )

    return Lab(
        name="rewards",
        title="A workshop for rewards",
        intro="Q-learning reads logits as values. Set what a walk earns and watch what is learnt "
        "for one target, beside the values that these rewards would have exactly.",
        alt="A lab for Q-learning. With a reward at the target and a fine for steps that are no "
        "edge the learnt values become adjacency plus reachability less one; with outcome reward "
        "alone they become constant and accuracy is lost.",
        controls=(
            reward("target", "Reward at the target", (-1, 0, 0.5, 1, 2), 1,
                   "Earned by the step into the target."),
            reward("edge", "Fine for a step that is no edge", (0, 0.25, 0.5, 1, 2), 1,
                   "Taken for each step that follows no edge."),
            reward("cost", "Cost of every step", (0, 0.05, 0.1, 0.25), 0,
                   "Taken for each step, right or wrong."),
            Control(
                name="strict", label="Outcome reward", kind="switch", values=(0, 1), default=0,
                texts=("off", "on"),
                meaning="On: the target pays only if every step before was an edge.",
            ),
            Control(
                name="discount", label="Discount", kind="slider", values=(0.5, 0.8, 0.9, 1),
                default=1, meaning="What a reward is worth one step earlier.",
            ),
            Control(
                name="epsilon", label="Exploration ε", kind="slider",
                values=(0, 0.05, 0.1, 0.3, 1), default=0.1,
                meaning="How often the walker takes any node at all.",
            ),
            Control(
                name="off_policy", label="Walks of the base", kind="switch", values=(0, 1),
                default=0, texts=("off", "on"),
                meaning="On: the frozen base walks, not the learner (off-policy).",
            ),
            Control(
                name="bounds", label="Believe no impossible value", kind="switch", values=(0, 1),
                default=1, texts=("off", "on"),
                meaning="On: nothing above the reward at the target, and nothing below a step "
                "straight to it, is bootstrapped.",
            ),
            MODEL, graph_control("dag", "cyclic", "own"), LR, SEED,
        ),
        learners=(Learner(name="Q-learning, process reward", algorithm="q"),),
        presets=(
            Preset(
                name="process", title="The paper's process reward",
                settings={"model": "transformer"},
                why="A reward at the target and a fine for no edge: the values go to A + R - 1 "
                "(Theorem 5.2). Greedy walks are right, in many ways.",
            ),
            Preset(
                name="outcome", title="Outcome reward alone",
                settings={"model": "transformer", "strict": 1, "edge": 0},
                why="Nothing says which step was wrong, so all values of a target become the same "
                "(Theorem 5.1). Accuracy is lost within a hundred updates.",
            ),
            Preset(
                name="unfined", title="No fine", settings={"model": "transformer", "edge": 0},
                why="A jump straight to the target pays as much as a path of edges. So edges stop "
                "mattering, and accuracy is lost.",
            ),
            Preset(
                name="wrong-sign", title="A target that costs", settings={"target": -1, "edge": 0},
                why="Walkers learn to stay away from the target. The sign of one number decides.",
            ),
            Preset(
                name="cycles", title="Cycles, and a discount",
                settings={"graph": "cyclic", "discount": 0.9},
                why="Where much reaches much, undiscounted values hardly tell near from far. With "
                "a discount the way to the goal stands out.",
            ),
            Preset(
                name="diverging", title="Overestimation",
                settings={"model": "transformer", "bounds": 0, "lr": 4},
                why="The largest of many noisy values is too large, and it is what the next update "
                "believes. At a high rate, and without bounds, these errors feed on themselves.",
            ),
        ),
        metrics=("train_sampled", "train_greedy", "test_greedy", "ways"),
        figure=figure, narrow=narrow, bindings=bound, verdicts=VERDICTS,
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
        "it loses fewer; Q-learning with process reward keeps them.",
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
                name="discount", label="Discount", kind="slider", values=(0.5, 0.8, 0.9, 1),
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
                why="Every state reaches every other, so all legal moves are worth 1. The plan "
                "wanders.",
            ),
        ),
        metrics=("train_sampled", "train_greedy", "test_greedy"),
        figure=figure, narrow=narrow, bindings=bound, own=False,
    )  # fmt: skip


def labs() -> dict[str, Lab]:
    """All labs by name."""
    made = (_race(), _imitation(), _policy_gradient(), _rewards(), _blocks())
    return {lab.name: lab for lab in made}
