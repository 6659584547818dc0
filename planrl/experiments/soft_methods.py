"""Soft Q-learning on the Transformer, beside Q-learning and policy gradient of the regimes.

Datasets and bases are those of `planrl.experiments.regimes`, where the learners that these are
compared with are stored, too. Soft values spread over more paths above temperature 1, so decoding
curves begin there. Q-learning is among these learners once more with rewards as large as the soft
penalty and as many updates: what is left between the two is not a matter of scale. Trajectory
balance, which is to end at the same policy, is told of whole paths only. What is predicted is in
claims/soft_methods.toml.

An illegal step has to cost more than the longest shortest path: `reward_scale` is the process
reward's penalty, in units of the temperature, and each step costs `cost`. Values are clipped as
Q-learning's are: a step straight to the target earns the reward and pays the penalty, so no node is
worth less than -cost, and none more than the reward, where steps cost something.
"""

from __future__ import annotations

from dataclasses import replace

from planrl.experiments.algorithms import STREAMS, Algorithm
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.paper import PROCESS, reinforced
from planrl.experiments.regimes import MEASURES, REGIMES, shortened
from planrl.experiments.study import Evaluation, Learner, Study, seeds

COSTS = {"A": 0.5, "C": 2.3, "E": 2.0}
SCALES = {"A": 15.0, "C": 25.0, "E": 25.0}
DISCOUNTS = {"A": 1.0, "C": 0.9, "E": 0.9}
UPDATES = 2000


def soft(loss: str, letter: str, **options: object) -> Algorithm:
    """A soft loss of `planrl.objectives` with the step cost and the penalty of a regime."""
    return Algorithm(
        "q",
        loss=f"planrl.objectives:{loss}",
        reward="process",
        reward_scale=SCALES[letter],
        cost=COSTS[letter],
        epsilon=0.1,
        options=options,
    )


def learners(letter: str) -> dict[str, Learner]:
    """Soft Q-learning on three kinds of rollouts, two more losses that end there, Q-learning."""
    bounds = (-COSTS[letter], SCALES[letter])
    own = soft("soft_q_learning", letter, value_bounds=bounds)
    algorithms = {
        "soft Q-learning": own,
        "soft Q-learning, off-policy": own.but(off_policy=True),
        "soft Q-learning, stale rollouts": own.but(stream=f"{STREAMS}:stale_rollouts", renewed=200),
        "path consistency": soft("path_consistency", letter, length=1),
        "trajectory balance": Algorithm(
            "pg",
            loss="planrl.objectives:trajectory_balance",
            stream=f"{STREAMS}:grouped_rollouts",
            reward_scale=SCALES[letter],
            temperature=1.0,
            cost=COSTS[letter],
        ),
        "Q-learning, same rewards": PROCESS.but(
            reward_scale=SCALES[letter], discount=DISCOUNTS[letter]
        ),
    }
    return {
        name: replace(reinforced(algorithm, UPDATES), settles=True)
        for name, algorithm in algorithms.items()
    }


def _study(letter: str) -> Study:
    return replace(
        REGIMES[letter],
        name="soft-methods",
        learners=learners(letter),
        evaluation=replace(REGIMES[letter].evaluation, steps=(), measure=f"{MEASURES}:WarmRegime"),
    )


SOFT = {letter: _study(letter) for letter in COSTS}
"""Letter of the regime -> the study of seed 0; in the order in which they are run."""
_small = replace(
    shortened(SOFT["E"], 100),
    label="quick-E",
    tier="quick",
    dataset=DatasetSettings("digraph", nodes=16, edge_probability=0.15),
    evaluation=Evaluation(measure=SOFT["E"].evaluation.measure, samples=20, pairs=40),
)
STUDIES = (*(one for study in SOFT.values() for one in seeds(study, 10)), _small)
"""Ten seeds of each regime, and a small one."""
