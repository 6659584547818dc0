"""Which objective? The methods of `planrl.objectives` on the Transformer, in regimes A and B.

Datasets, bases and measurements are those of `planrl.experiments.regimes`. Every learner samples
eight paths for each of 16 pairs an update, REINFORCE too, so that they differ in the loss alone;
only expert iteration draws four for each training pair once a round.
What is predicted of them is in planrl/claims/methods.toml.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from planrl.experiments.algorithms import STREAMS, Algorithm
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.paper import reinforced
from planrl.experiments.regimes import REGIMES, shortened
from planrl.experiments.study import Evaluation, Learner, Study, seeds

GROUPED = f"{STREAMS}:grouped_rollouts"


def method(loss: str, steps: int, **options: Any) -> Learner:
    """A learner with this loss of `planrl.objectives`, on groups of eight paths."""
    algorithm = Algorithm("pg", loss=f"planrl.objectives:{loss}", stream=GROUPED, **options)
    return reinforced(algorithm, steps)


def _methods(steps: int) -> dict[str, Learner]:
    """Group methods, which are to follow one curve, and what is to leave it."""
    rounds = Algorithm("sft", stream=f"{STREAMS}:expert_rounds", per_pair=4, batches=50)
    return {
        "REINFORCE": method("reinforce", steps),
        "RLOO": method("rloo", steps),
        "Dr. GRPO": method("dr_grpo", steps),
        "GRPO": method("grpo", steps),
        "DAPO": method("dapo", steps),
        "GSPO": method("gspo", steps),
        "PPO, four epochs": method("ppo", steps, epochs=4),
        "pass@8": method("pass_at_k", steps, k=8),
        "RFT": method("rft", steps),
        "IPS": method("ips", steps, most=100.0),
        "UCPO": method("ucpo", steps, uniformity=0.1),
        "expert iteration": reinforced(rounds, steps),
        "DPO": method("dpo", steps),
        "trajectory balance": method("trajectory_balance", steps, temperature=0.1, kl=1.0),
    }


def _penalties(steps: int, weight: float = 0.1) -> dict[str, Learner]:
    """RLOO with each KL placement, and with an entropy bonus in the loss and over the path."""
    placed = {
        "KL k2 in the loss": ("k2", "loss"),
        "KL k3 in the loss": ("k3", "loss"),
        "KL k1 in the return": ("k1", "path"),
        "KL k1 in the loss": ("k1", "loss"),
        "KL k1 in the token's reward": ("k1", "token"),
        "KL k2 in the token's reward": ("k2", "token"),
        "KL k3 in the token's reward": ("k3", "token"),
    }
    found = {
        f"RLOO, {name}": method(
            "rloo", steps, kl=weight, kl_estimator=estimator, kl_placement=placement
        )
        for name, (estimator, placement) in placed.items()
    }
    found["RLOO, KL k3 in the loss, corrected"] = method(
        "rloo", steps, kl=weight, kl_estimator="k3", kl_corrected=True
    )
    for placement in ("loss", "path"):
        found[f"RLOO, entropy in the {placement}"] = method(
            "rloo", steps, entropy=0.03, entropy_placement=placement
        )
    return found


def _study(letter: str, steps: int = 2000) -> Study:
    regime = REGIMES[letter]
    evaluation = replace(regime.evaluation, steps=())
    learners = {**_methods(steps), **_penalties(steps)}
    return replace(regime, name="methods", learners=learners, evaluation=evaluation)


METHODS = {letter: _study(letter) for letter in ("B", "A")}
"""Letter of the regime -> the study of seed 0; in the order in which they are run."""
_few = ("RLOO", "Dr. GRPO", "GRPO", "DAPO", "PPO, four epochs", "pass@8", "RLOO, KL k3 in the loss")
_small = replace(
    shortened(replace(METHODS["B"], learners={n: METHODS["B"].learners[n] for n in _few}), 100),
    label="quick-B",
    tier="quick",
    dataset=DatasetSettings(nodes=20, paths_per_pair=1),
    evaluation=Evaluation(measure=METHODS["B"].evaluation.measure, samples=20, pairs=40),
)
STUDIES = (*(one for study in METHODS.values() for one in seeds(study, 10)), _small)
"""Ten seeds of each regime, and a small one."""
