"""Regimes: the settings in which each claim of the paper can be tested, and some in which it can't.

A regime is a dataset, a base model trained by so many SFT updates, and the methods that start from
that base. The regimes differ in what the base leaves to be learnt:

    A  random DAG, ten demonstrated paths per pair, saturated base: training accuracy is 1 early
    B  the same graph with one demonstrated path per pair: greedy accuracy has room, so exploration
       can be told apart from sharpening
    C  Blocksworld, 20 % of the pairs for training, trained until the collapse is complete
    D  Blocksworld, 80 % of the pairs for training, as in the paper's Fig. 1
    E  random digraph with cycles
    G  conditions: what should break each method, from the base of A
    H  pairs that the base cannot answer: the base saw demonstrations of half of the training pairs
    P  loss or feedback? From the base of B, policy gradient with the reward of each step, and
       Q-learning without random steps
    S  how saturated is the base? The dataset of A with bases of 350 to 10,000 updates

Every method and the base are also measured as a *decoding curve*: accuracy and number of distinct
correct paths at temperatures from 1 to 0.1, so that methods are compared at equal decoding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from planrl.experiments.algorithms import STREAMS, Algorithm
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.extensions import half_base
from planrl.experiments.paper import PROCESS, continual_sft, reinforced
from planrl.experiments.study import Base, Evaluation, Learner, Study, seeds, sft_base

Learners = dict[str, Learner]
SCALE = 10.0  # what a process reward of 1 counts in logits
MEASURES = "planrl.experiments.evaluations"
BASES = (350, 700, 2000, 10000)  # of regime S; A itself has 5,000
PAID = Algorithm("pg", stream=f"{STREAMS}:demonstrated_paths_pay")


def _pg(steps: int, *lambdas: float) -> Learners:
    """Policy gradient for each of these weights of a KL penalty."""
    return {
        f"policy gradient + KL {kl:g}" if kl else "policy gradient": reinforced(
            Algorithm("pg", kl=kl), steps
        )
        for kl in lambdas
    }


def _sft_and_pg(steps: int, *lambdas: float) -> Learners:
    return {"continual SFT": continual_sft(steps), **_pg(steps, 0.0, *lambdas)}


def _paid_for_demonstrated(steps: int) -> Learners:
    return {"policy gradient, paid for demonstrated paths": reinforced(PAID, steps)}


def _q(name: str, steps: int, algorithm: Algorithm = PROCESS, *, settles: bool = True) -> Learners:
    return {name: replace(reinforced(algorithm, steps), settles=settles)}


def _both_q(steps: int, **options: Any) -> Learners:
    """Q-learning on its own rollouts and on the base's."""
    own = PROCESS.but(**options)
    aside = own.but(off_policy=True)
    return {**_q("Q-learning", steps, own), **_q("Q-learning, off-policy", steps, aside)}


def _outcome(steps: int) -> Learners:
    outcome = PROCESS.but(reward="outcome")
    return _q("Q-learning, outcome reward", steps, outcome, settles=False)


def _conditions() -> Learners:
    """The plain methods, and Q-learning from other rollouts and with checks that err."""
    found = {**_sft_and_pg(800), **_paid_for_demonstrated(800), **_q("Q-learning", 800)}
    process = {"reward": "process", "reward_scale": SCALE}
    others = {
        "from demonstrations": Algorithm(
            "q", stream=f"{STREAMS}:demonstrations_with_reward", options=process
        ),
        "from the greedy base": Algorithm("q", options=process, off_policy=True, greedy=True),
        "stale rollouts": PROCESS.but(stream=f"{STREAMS}:stale_rollouts", renewed=200),
    }
    for fresh, kind in ((True, "fresh"), (False, "fixed")):
        for share in (0.05, 0.1, 0.2):
            others[f"{kind} noise {share:.0%}"] = Algorithm(
                "q",
                stream=f"{STREAMS}:noisily_checked_rollouts",
                reward_scale=SCALE,
                epsilon=0.1,
                share=share,
                fresh=fresh,
            )
    for name, algorithm in others.items():
        found |= _q(f"Q-learning, {name}", 800, algorithm)
    return found


def _feedback() -> Learners:
    """What Q-learning has and policy gradient has not, given to one or taken from the other."""
    process = {"reward": "process", "baseline": True}
    to_go = "planrl.experiments.algorithms:reinforce_to_go"
    found = _pg(2000, 0.0)
    for name, algorithm in {
        "policy gradient, baseline": Algorithm("pg", baseline=True),
        "policy gradient, process reward": Algorithm("pg", options=process),
        "policy gradient, reward to go": Algorithm("pg", loss=to_go, reward="process"),
    }.items():
        found[name] = reinforced(algorithm, 2000)
    return (
        found
        | _q("Q-learning", 2000)
        | _q("Q-learning, no random steps", 2000, PROCESS.but(epsilon=0.0))
    )


def _regime(
    letter: str,
    dataset: DatasetSettings,
    base_steps: int,
    learners: Mapping[str, Learner],
    *,
    base: Callable[[int], Base] = lambda steps: Base(learner=sft_base(steps)),
    measure: str = "Regime",
) -> Study:
    evaluation = Evaluation(measure=f"{MEASURES}:{measure}", pairs=200)
    return Study(
        name="regimes",
        label=letter,
        dataset=dataset,
        base=base(base_steps),
        learners=learners,
        evaluation=evaluation,
    )


DAG, ONE_PATH = DatasetSettings(), DatasetSettings(paths_per_pair=1)
REGIMES = {
    "B": _regime(
        "B",
        ONE_PATH,
        700,
        {
            **_sft_and_pg(2000),
            **_paid_for_demonstrated(2000),
            **_pg(2000, 0.1),
            **_both_q(2000),
        },
    ),
    "A": _regime(
        "A",
        DAG,
        5000,
        {
            **_sft_and_pg(4000, 0.001, 0.01, 0.1),
            **_pg(2000, 1.0),
            **_both_q(4000),
            **_outcome(400),
        },
    ),
    "C": _regime(
        "C",
        DatasetSettings(blocks=4),
        3000,
        {
            **_sft_and_pg(3000, 0.01, 0.1),
            **_pg(2000, 1.0),
            **_both_q(2000, discount=0.9),
            **_q("Q-learning, discount 1", 500),
            **_outcome(200),
        },
        measure="WarmRegime",
    ),
    "E": _regime(
        "E",
        DatasetSettings("digraph", nodes=50, edge_probability=0.06),
        3000,
        {**_sft_and_pg(2000, 0.1), **_q("Q-learning", 2000, PROCESS.but(discount=0.9))},
    ),
    "D": _regime(
        "D",
        DatasetSettings(blocks=4, train_share=0.8),
        3000,
        {**_sft_and_pg(1000, 0.1), **_q("Q-learning, discount 1", 500)},
    ),
    "G": _regime("G", DAG, 5000, _conditions()),
    "H": _regime("H", ONE_PATH, 700, _pg(1000, 0.0, 1.0), base=half_base, measure="HalfRegime"),
    "P": _regime("P", ONE_PATH, 700, _feedback()),
    "S": _regime("S", DAG, 700, _sft_and_pg(2000)),
}
"""Letter -> the study of seed 0; in the order in which they are run."""


def shortened(study: Study, factor: int) -> Study:
    """The same study with all numbers of updates divided, for tests and the quick tier."""
    learners = {
        name: replace(one, training=replace(one.training, steps=max(one.steps // factor, 4)))
        for name, one in study.learners.items()
    }
    base = study.base.learner
    assert base is not None
    training = replace(base.training, steps=max(base.steps // factor, 1))
    return replace(
        study,
        learners=learners,
        base=replace(study.base, learner=replace(base, training=training)),
    )


_small = replace(
    shortened(REGIMES["B"], 40),
    label="quick-B",
    tier="quick",
    dataset=DatasetSettings(nodes=20, paths_per_pair=1),
    evaluation=replace(REGIMES["B"].evaluation, samples=20, pairs=40),
)
STUDIES = (
    *(one for letter, study in REGIMES.items() if letter != "S" for one in seeds(study, 10)),
    *(
        replace(REGIMES["S"], label=f"S-base{steps}", base=Base(learner=sft_base(steps)))
        for steps in BASES
    ),
    _small,
)
"""Ten seeds of each regime, one seed of each base of regime S, and a small one."""
