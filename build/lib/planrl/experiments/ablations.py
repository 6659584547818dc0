"""When do the claims break, and what do our own choices change? Studies on the random DAG.

`conditions` is policy gradient that hardly explores, checks that err, stale rollouts. `choices` are
the settings that the paper does not state, each undone by itself. `falsify` changes the dataset or
the base instead, one thing at a time, and trains three of the figures' learners.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from planrl.experiments.algorithms import STREAMS, Algorithm
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.paper import (
    PROCESS,
    continual_sft,
    q_learners,
    reinforced,
    sft_and_policy_gradient,
)
from planrl.experiments.study import Base, Evaluation, Learner, Study, seeds, sft_base
from planrl.train import TrainConfig

PG = Algorithm("pg")


def _with_stream(name: str, **options: Any) -> Algorithm:
    """Q-learning with other rollouts."""
    return PROCESS.but(stream=f"{STREAMS}:{name}", **options)


def conditions(steps: int = 800, *, stale: int = 200, seed: int = 0) -> dict[str, Learner]:
    """The plain learners, and each condition changed by itself; `seed` draws the mistakes."""
    cold = Algorithm("pg", stream=f"{STREAMS}:rollouts", temperature=0.1, correction="none")
    aside = PROCESS.but(off_policy=True, epsilon=0.0)
    algorithms = {
        "policy gradient": PG,
        "policy gradient, cold": cold,
        "policy gradient, tiny batch": PG,
        "policy gradient, lambda 1": Algorithm("pg", kl=1.0),
        "Q-learning": PROCESS,
        "Q-learning, off-policy without exploration": aside,
        "Q-learning, stale walker": _with_stream("stale_rollouts", renewed=stale),
    }
    for share in (0.05, 0.2):
        algorithms[f"Q-learning, {share:.0%} of the checks wrong"] = Algorithm(
            "q",
            stream=f"{STREAMS}:wrongly_checked_rollouts",
            reward_scale=10.0,
            epsilon=0.1,
            share=share,
            seed=seed,
        )
    found = {name: reinforced(algorithm, steps) for name, algorithm in algorithms.items()}
    tiny = "policy gradient, tiny batch"
    return {"continual SFT": continual_sft(steps), **found, tiny: replace(found[tiny], batch=2)}


def choices(steps: int = 800) -> dict[str, Learner]:
    """Policy gradient and Q-learning as in the figures, and with one choice of ours undone."""
    algorithms = {
        "policy gradient": PG,
        "policy gradient, with a baseline": Algorithm("pg", baseline=True),
        "Q-learning": PROCESS,
        "Q-learning, no cap on values": PROCESS.but(value_bounds=(0.0, math.inf)),
        "Q-learning, no floor under values": PROCESS.but(value_bounds=(-math.inf, 1.0)),
        "Q-learning, may give up": PROCESS.but(may_stop=True),
        "Q-learning, rewards times 1": PROCESS.but(reward_scale=1.0),
        "Q-learning, no exploration": PROCESS.but(epsilon=0.0),
    }
    found = {name: reinforced(algorithm, steps) for name, algorithm in algorithms.items()}
    for name in ("policy gradient", "Q-learning"):
        faster = TrainConfig(steps=steps, lr=9e-4)
        found[f"{name}, learning rate times 3"] = replace(found[name], training=faster)
    return found


CHANGES: dict[str, dict[str, Any]] = {
    "plain": {},
    "half-train": {"dataset": DatasetSettings(train_share=0.5)},
    "edges-train": {"dataset": DatasetSettings(force_edges=True)},
    "one-path": {"dataset": DatasetSettings(paths_per_pair=1)},
    "early-base": {"base": Base(learner=sft_base(350))},
    "late-base": {"base": Base(learner=sft_base(5000))},
    "digraph": {"dataset": DatasetSettings("digraph", nodes=50, edge_probability=0.06)},
}
"""Label of `falsify` -> what is changed there, beside the settings of the figures."""
FALSIFIED = ("continual SFT", "policy gradient", "Q-learning, process reward")
_ALL = {**sft_and_policy_gradient(800), **q_learners(800)}
PLAIN = Study(
    name="falsify",
    label="",
    learners={name: _ALL[name] for name in FALSIFIED},
    evaluation=Evaluation(steps=(200, 400, 800), pairs=200),
)
STUDIES = (
    *(
        Study(
            name="conditions",
            label=f"seed{seed}",
            seed=seed,
            learners=conditions(seed=seed),
            evaluation=Evaluation(steps=(200, 400, 800)),
        )
        for seed in range(3)
    ),
    *(
        one
        for label, change in CHANGES.items()
        for one in seeds(replace(PLAIN, label=label, **change), 2)
    ),
    *seeds(replace(PLAIN, name="choices", learners=choices()), 2),
)
