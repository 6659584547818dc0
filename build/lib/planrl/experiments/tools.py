"""Does it use tools? Learners on a tool-dependency graph with chains of calls of skewed frequency.

The base imitates the chains of 80 % of the pairs that the data ask for. What is asked: does it
repeat the data's frequencies (Theorem 3.1), do rare edges sink, which chains does policy gradient
find that nobody demonstrated, does Q-learning recover edges that were seen once or never.

`PREDICTIONS` were written before any run of these studies. `on_data` is the same study on other
tools, such as UltraTool's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from planrl.errors import InputError
from planrl.experiments.algorithms import Algorithm
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.paper import PROCESS, continual_sft, reinforced
from planrl.experiments.study import Base, Evaluation, Learner, Study, seeds, sft_base

STEPS = 800
DISCOUNTED = "Q-learning, discount 0.9"


def learners(steps: int = STEPS) -> dict[str, Learner]:
    """SFT that goes on, policy gradient, and Q-learning with process reward."""
    return {
        "continual SFT": continual_sft(steps),
        "policy gradient": reinforced(Algorithm("pg"), steps),
        "policy gradient + KL 0.1": reinforced(Algorithm("pg", kl=0.1), steps),
        "Q-learning": reinforced(PROCESS, steps),
        DISCOUNTED: reinforced(PROCESS.but(discount=0.9), steps),
    }


TOOLS = Study(
    name="tools",
    label="",
    dataset=DatasetSettings("tools", train_share=0.8),
    base=Base(learner=sft_base(700)),
    learners=learners(),
    evaluation=Evaluation(
        steps=(100, 200, 400, 800), measure="planrl.experiments.tool_calls:Calls", pairs=200
    ),
)
STUDIES = tuple(seeds(TOOLS, 10))


def on_data(study: Study, folder: Path) -> Study:
    """The same study on the tools in a folder, labelled with the folder's name."""
    name = "".join(sign for sign in folder.resolve().name.lower() if sign.isalnum())
    if not name:
        raise InputError(f"{folder} has no name that a result can be called by: rename it")
    dataset = replace(study.dataset, options={"data": str(folder)})
    return replace(study, label=f"{name}-seed{study.seed}", dataset=dataset)


ON_ULTRATOOL = tuple(on_data(study, Path("ultratool")) for study in STUDIES)
"""The study on UltraTool, in a folder `ultratool` that is not shipped."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What is expected of a mean over seeds: `value` of a result lies between `low` and `high`."""

    name: str
    claim: str
    value: Callable[[Mapping[str, Any]], float]
    low: float = -float("inf")
    high: float = float("inf")
    reason: str

    def holds(self, results: list[Mapping[str, Any]]) -> bool:
        """Whether the mean over these results is as predicted."""
        return self.low <= sum(map(self.value, results)) / len(results) <= self.high


def _end(learner: str, key: str) -> Callable[[Mapping[str, Any]], float]:
    """What is measured last of a learner."""
    return lambda result: float(result["learners"][learner][key][-1])


def _base(key: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda result: float(result["base"][key])


def _minus(
    one: Callable[[Mapping[str, Any]], float], other: Callable[[Mapping[str, Any]], float]
) -> Callable[[Mapping[str, Any]], float]:
    return lambda result: one(result) - other(result)


PREDICTIONS = (
    Prediction(
        name="frequencies",
        claim="The base repeats the data's frequencies: its distributions are nearer to them, in "
        "total variation, than the uniform one on the correct next tools is.",
        value=_minus(_base("variation_uniform"), _base("variation_model")),
        low=0.05,
        reason="Theorem 3.1; the data are skewed, so a uniform choice is far from them.",
    ),
    Prediction(
        name="rare-edges",
        claim="Rare edges sink: the base gives steps over edges seen once less of their "
        "demonstrated share than steps over edges seen ten times or more.",
        value=_minus(_base("kept_often"), _base("kept_once")),
        low=0.02,
        reason="An edge seen once moves few gradients, and the linear parts of the model share "
        "what they know of a tool over all targets.",
    ),
    Prediction(
        name="new-chains",
        claim="Policy gradient finds at least ten correct chains that nobody demonstrated.",
        value=_end("policy gradient", "new_chains"),
        low=10,
        reason="142 training pairs, some with several paths; the base is sampled at temperature 1.",
    ),
    Prediction(
        name="diversity",
        claim="Policy gradient ends with fewer different correct chains for a training pair than "
        "the base has.",
        value=_minus(_base("train_diversity"), _end("policy gradient", "train_diversity")),
        low=0.05,
        reason="Theorem 4.3; most pairs have one short chain, so there is little to lose.",
    ),
    Prediction(
        name="edges-once",
        claim="Q-learning with process reward recovers edges seen once: their logits tell them "
        "from non-edges better than those of policy gradient do.",
        value=_minus(_end("Q-learning", "auc_once"), _end("policy gradient", "auc_once")),
        low=0.02,
        reason="Theorem 5.2: f[k, j, k] goes to A[j, k] for all contexts that exploration visits.",
    ),
    Prediction(
        name="edges-never",
        claim="Q-learning with process reward finds edges never shown, policy gradient does not.",
        value=_minus(_end("Q-learning", "auc_never"), _end("policy gradient", "auc_never")),
        low=0.1,
        reason="As on the random DAG: .91 against .52 there.",
    ),
    Prediction(
        name="unasked-pairs",
        claim="Q-learning with process reward answers pairs that no chain joins more often than "
        "policy gradient does, greedily.",
        value=_minus(
            _end("Q-learning", "unasked_greedy"), _end("policy gradient", "unasked_greedy")
        ),
        low=0.0,
        reason="It knows more edges; but reachability of targets never asked for is not learnt.",
    ),
    Prediction(
        name="discount",
        claim="A discount of 0.9 does not lower the greedy accuracy of Q-learning on training "
        "pairs.",
        value=_minus(_end(DISCOUNTED, "train_greedy"), _end("Q-learning", "train_greedy")),
        low=0.0,
        reason="14 % of the steps stay inside a component, where values without a discount are "
        "equal; chains are short.",
    ),
)
"""Over the seeds of `STUDIES`, at the end of training; sampled at temperature 1."""
