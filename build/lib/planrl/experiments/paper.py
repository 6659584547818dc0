"""The paper's figures as studies: `fig2` and `fig3`, ten seeds on two graphs, and a small tier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from planrl.experiments.algorithms import Algorithm
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.study import Base, Evaluation, Learner, Study, seeds, sft_base
from planrl.train import TrainConfig

LAMBDAS = {  # the paper's are 0, 0.001, 0.01 and a sweep up to 0.1
    "policy gradient": 0.0,
    "policy gradient + KL 0.0001": 1e-4,
    "policy gradient + KL 0.001": 1e-3,
    "policy gradient + KL 0.01": 1e-2,
    "policy gradient + KL": 1e-1,
}
"""Learner of `fig2` -> the weight of its KL penalty."""
PROCESS = Algorithm("q", reward="process", reward_scale=10.0, epsilon=0.1)
"""Q-learning as in the figures."""
DISCOUNTED = 0.9
DAG, BLOCKS = DatasetSettings(), DatasetSettings(blocks=4)


def continual_sft(steps: int) -> Learner:
    """SFT that goes on from the base."""
    how = TrainConfig(steps=steps, lr=5e-4, weight_decay=0.1)
    return Learner(algorithm=Algorithm("sft"), training=how)


def reinforced(algorithm: Algorithm, steps: int) -> Learner:
    """A learner with the optimizer that all reinforcement learning of the figures has."""
    return Learner(algorithm=algorithm, training=TrainConfig(steps=steps, lr=3e-4))


def sft_and_policy_gradient(steps: int) -> dict[str, Learner]:
    """Fig. 2: SFT that goes on, and policy gradient for each lambda."""
    return {
        "continual SFT": continual_sft(steps),
        **{name: reinforced(Algorithm("pg", kl=kl), steps) for name, kl in LAMBDAS.items()},
    }


def q_learners(steps: int, *, discounted: bool = False) -> dict[str, Learner]:
    """Fig. 3: Q-learning with process reward, on- and off-policy, and with outcome reward.

    On a graph in which every node reaches every other, values without a discount hold no goal. So
    `discounted` adds learners with one, and trains the others half as long.
    """
    both = {
        "Q-learning, process reward": PROCESS,
        "Q-learning, process reward, off-policy": PROCESS.but(off_policy=True),
    }
    plain = max(steps // 2, 1) if discounted else steps
    found = {name: reinforced(algorithm, plain) for name, algorithm in both.items()}
    if discounted:
        found |= {
            f"{name}, discount {DISCOUNTED}": reinforced(algorithm.but(discount=DISCOUNTED), steps)
            for name, algorithm in both.items()
        }
    outcome = PROCESS.but(reward="outcome")
    return {**found, "Q-learning, outcome reward": reinforced(outcome, max(steps // 5, 1))}


def _figure(name: str, learners: Mapping[str, Mapping[str, Learner]]) -> list[Study]:
    """The studies of a figure: {"dag": learners, "blocksworld": ..., "quick-dag": ..., ...}."""
    steps = (100, 200, 300, 400, 600, 800, 1000, 1200, 1400, 1600, 1800, 2000)
    dag = Study(
        name=name,
        label="dag",
        dataset=DAG,
        learners=learners["dag"],
        evaluation=Evaluation(steps=steps, matrices=True),
    )
    blocks = replace(  # paths are long there and differ much, so an evaluation costs more
        dag,
        label="blocksworld",
        dataset=BLOCKS,
        learners=learners["blocksworld"],
        evaluation=replace(dag.evaluation, steps=(50, 100, 200, 400, 600, 800, 1000), pairs=200),
    )
    quick = replace(
        dag,
        label="quick-dag",
        tier="quick",
        dataset=DatasetSettings(nodes=30),
        base=Base(learner=sft_base(150)),
        learners=learners["quick-dag"],
        evaluation=replace(dag.evaluation, steps=(50, 150), samples=20, pairs=60),
    )
    quick_blocks = replace(
        quick,
        label="quick-blocksworld",
        dataset=DatasetSettings(blocks=3),
        learners=learners["quick-blocksworld"],
    )
    return [*seeds(dag, 10), *seeds(blocks, 10), quick, quick_blocks]


UPDATES = {"dag": 2000, "blocksworld": 1000, "quick-dag": 150, "quick-blocksworld": 150}
STUDIES = (
    *_figure("fig2", {of: sft_and_policy_gradient(steps) for of, steps in UPDATES.items()}),
    *_figure(
        "fig3",
        {of: q_learners(steps, discounted="blocks" in of) for of, steps in UPDATES.items()},
    ),
)
