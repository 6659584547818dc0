"""Beyond the paper: pairs that SFT never saw, and rollouts of rounded weights.

`beyond`: the base imitates paths of half of the training pairs, the *old* ones, and the learners
are rewarded on all of them. Does a strong KL penalty block the *new* pairs? Are old ones forgotten?

`quantised`: rollouts are cheaper with weights of few bits, but then the policy that samples is not
the one that is trained. Q-learning may use the paths of any policy; the policy gradient may not,
strictly. Before every batch the model is copied with its matrices rounded, and the copy samples.
What is measured is whether accuracy survives; the arithmetic stays in 32 bits, so nothing is said
of speed.
"""

from __future__ import annotations

from dataclasses import replace

from planrl.experiments.ablations import PG
from planrl.experiments.algorithms import STREAMS, Algorithm
from planrl.experiments.paper import PROCESS, reinforced
from planrl.experiments.study import Base, Evaluation, Learner, Study, seeds, sft_base

BITS = (32, 8, 4, 3, 2)
MEASURES = "planrl.experiments.evaluations"


def half_base(steps: int) -> Base:
    """A base that was shown demonstrations of the old pairs only."""
    learner = sft_base(steps)
    half = replace(learner.algorithm, stream=f"{STREAMS}:half_demonstrated")
    return Base(learner=replace(learner, algorithm=half))


def rounded(steps: int = 800) -> dict[str, Learner]:
    """Both learners, each with rollouts of weights of these widths in bits; 32 is not rounded."""
    stream = f"{STREAMS}:rounded_rollouts"
    both = {
        "Q-learning": PROCESS.but(stream=stream),
        "policy gradient": PG.but(stream=stream, correction="none"),
    }
    return {
        f"{name}, {bits} bits": replace(
            reinforced(algorithm.but(bits=bits), steps), rng=f"walks of {name}"
        )
        for name, algorithm in both.items()
        for bits in BITS
    }


BEYOND = Study(
    name="beyond",
    label="",
    base=half_base(700),
    learners={
        f"lambda {kl:g}": reinforced(Algorithm("pg", kl=kl), 1000) for kl in (0.0, 0.01, 0.1, 1.0)
    },
    evaluation=Evaluation(steps=(200, 500, 1000), measure=f"{MEASURES}:NewPairs", samples=20),
)
QUANTISED = Study(
    name="quantised",
    label="",
    learners=rounded(),
    evaluation=Evaluation(steps=(800,), measure=f"{MEASURES}:Rounded", samples=20),
)
STUDIES = (*seeds(BEYOND, 3), *seeds(QUANTISED, 2))
