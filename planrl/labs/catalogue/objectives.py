"""The lab of two objectives: any two that planrl has, trained on one question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from planrl.labs.engine.objective import ALGORITHM, LEAST_BETA
from planrl.labs.spec.controls import (
    LR,
    SEED,
    Control,
    Preset,
    Value,
    choice,
    graph_control,
    slider,
)
from planrl.labs.spec.figure import Picture
from planrl.labs.spec.lab import Grid, Idle, Lab, LabLearner, Screen, Term, Words
from planrl.labs.spec.objective_terms import (
    ADVANTAGES,
    BETAS,
    BONUSES,
    CLIPS,
    ESTIMATES,
    IN_RETURN,
    LAMBDAS,
    METHODS,
    NAMES,
    NOT_OF_STEPS,
    OF_EARNED,
    OVER,
    PENALTIES,
    PLACED,
)

WORDS = Words(
    title="Two objectives, one question",
    intro="Two copies of one logit table train on the shown pair alone, 32 rollouts an update. "
    "Dotted lines and outlined bars show the end that theory predicts, where it knows one: exactly "
    "if the loss is a sum over steps, nearly if it is GRPO's mean.",
    alt="A lab with two learners on one question. Without a KL penalty GRPO ends with about one "
    "correct path; with k3 in the loss, times the ratio, at λ = 0.3, it returns to many.",
)
SIDES = ("A", "B")


def _controls(side: str) -> tuple[Control, ...]:
    """What is set for one side: method, penalty and its weight, bonus and its weight."""
    key = side.lower()
    return (
        choice(
            key,
            f"{side}: objective",
            NAMES,
            "How a rollout's return R becomes its weight, and what the loss takes a mean of. ρ is "
            "the ratio of the policy q to the one that drew the rollouts, b is the base; GSPO has "
            "one ratio for a whole path. pass@8 is pass@G where G is smaller. DPO's β and the "
            "temperature of trajectory balance are the KL weight.",
        ),
        slider(
            f"{key}_lambda",
            f"{side}: KL weight λ",
            LAMBDAS,
            0,
            "TRL's beta, verl's kl_loss_coef. 0: no penalty. For DPO it is β, for trajectory "
            f"balance the temperature, and 0 means {LEAST_BETA:g} there.",
        ),
        choice(
            f"{key}_kl",
            f"{side}: KL penalty",
            PLACED,
            "The estimator of the KL divergence from the base, and where it is placed. sg: a "
            "number, without gradient. pass@k, RFT and IPS read verdicts, so nothing in the return "
            "acts on them.",
        ),
        slider(
            f"{key}_beta",
            f"{side}: entropy weight",
            BETAS,
            0,
            "TRL's entropy_coef, verl's entropy_coeff. 0: no bonus.",
        ),
        choice(
            f"{key}_bonus",
            f"{side}: entropy bonus",
            {"loss": "in the loss", "path": "in the return"},
            "In the loss it is the entropy H of each choice; in the return, − log q of the path.",
        ),
    )


GROUP = slider(
    "group",
    "Rollouts in a group, G",
    (2, 4, 8, 16, 32),
    8,
    "Advantages compare a rollout with the others of its group; 32 / G groups are one batch.",
)
EPOCHS = slider(
    "epochs",
    "Updates per batch",
    (1, 2, 4, 8),
    1,
    "With 1 every ratio ρ is 1, so no clip acts. TRL's num_iterations.",
)
RATE = replace(LR, meaning="In multiples of 0.1 (Adam).")


def _learner(side: str) -> LabLearner:
    key = side.lower()
    every = dict.fromkeys(NAMES)
    return LabLearner(
        name=side,
        algorithm="objective",
        trains=ALGORITHM,
        reads={
            key: METHODS,
            f"{key}_lambda": {value: {"kl": value} for value in LAMBDAS},
            f"{key}_kl": PENALTIES,
            f"{key}_beta": {value: {"entropy": value} for value in BETAS},
            f"{key}_bonus": BONUSES,
        },
        formula=(
            Term(control=key, texts={name: OVER.get(name, "loss = − Σ") for name in every}),
            Term(
                control=key,
                texts={name: ADVANTAGES.get(name, "ρ (R − mean) / std") for name in every},
            ),
            Term(control=key, texts={name: CLIPS.get(name, "") for name in every}),
            Term(
                control=f"{key}_kl",
                texts=ESTIMATES,
                number=f"{key}_lambda",
                idle=(
                    Idle({key: NOT_OF_STEPS}),
                    Idle(
                        {key: OF_EARNED, f"{key}_kl": IN_RETURN},
                        ", and a KL penalty without effect: only verdicts are read",
                    ),
                ),
            ),
            Term(
                control=f"{key}_bonus",
                texts={"loss": "− λ H", "path": ", with R − λ Σ log q for R"},
                number=f"{key}_beta",
                idle=(
                    Idle({key: NOT_OF_STEPS}, ", and an entropy bonus without effect"),
                    Idle(
                        {key: OF_EARNED, f"{key}_bonus": ("path",)},
                        ", and an entropy bonus without effect: only verdicts are read",
                    ),
                ),
            ),
        ),
    )


PRESETS = (
    Preset(
        name="pull",
        title="A KL penalty",
        settings={},
        why="GRPO alone ends with about one correct path. k3 times the ratio in the loss (TRL's "
        "default since 1.16) at λ = 0.3 loses paths at first, because near the base the reward is "
        "the stronger force. Then the penalty takes most of them back, at the price of some "
        "accuracy.",
    ),
    Preset(
        name="clock",
        title="RLOO or GRPO",
        settings={"a": "rloo", "b_lambda": 0},
        why="Both lose all but about one correct path, at the same accuracy. Their weights differ "
        "between questions, and here is one question; Adam removes most of the other difference.",
    ),
    Preset(
        name="return",
        title="k1 or k3 in the return",
        settings={
            **{"a": "rloo", "a_kl": "k1-path", "a_lambda": 0.3},
            **{"b": "rloo", "b_kl": "k3-path", "b_lambda": 0.3},
        },
        why="In the return the estimate is a number, which counts by how it differs between paths. "
        "k1 holds most of the base's paths. k3 is flat near the base, so it does not pull: about "
        "two paths are left.",
    ),
    Preset(
        name="loss",
        title="k2 or k3 in the loss",
        settings={
            **{"a": "rloo", "a_kl": "k2-loss", "a_lambda": 0.3},
            **{"b": "rloo", "b_kl": "k3-loss", "b_lambda": 0.3},
        },
        why="Both pull towards the base and keep several paths. k3 in the loss pulls by the "
        "divergence from base to policy, which costs accuracy: it ends below k2, as predicted.",
    ),
    Preset(
        name="preference",
        title="DPO",
        settings={"a": "rloo", "b": "dpo", "b_lambda": 0.3},
        why="DPO prefers a correct path to a wrong one and never compares two correct ones. So "
        "nothing holds the others: about one path is left, as with RLOO. Its β is a weight of the "
        "base, but the base's ratios are not what it goes back to.",
    ),
    Preset(
        name="noise",
        title="k1 in the loss",
        settings={"a": "rloo", "b": "rloo", "b_kl": "k1-loss"},
        why="The expected gradient of k1 in the loss is 0. So the penalty keeps nothing: both sides"
        " end with about one correct path.",
    ),
    Preset(
        name="entropy",
        title="Entropy",
        settings={
            **{"a": "rloo", "a_beta": 0.1},
            **{"b": "rloo", "b_lambda": 0, "b_beta": 0.1, "b_bonus": "path"},
        },
        why="In the loss, the bonus brings paths back after most were lost. In the return, a wrong "
        "path that goes on collects more bonus than a correct path that ends: accuracy is lost.",
    ),
    Preset(
        name="clip",
        title="Clip-higher",
        settings={"b": "grpo-higher", "b_lambda": 0},
        why="With one update per batch every ratio is 1, so no clip acts: both runs are equal to "
        "the bit. Set Updates per batch to 4, and they part.",
    ),
    Preset(
        name="pass",
        title="pass@k",
        settings={"a": "rloo", "b": "pass-2", "b_lambda": 0},
        why="pass@2 pays a correct path by how often another one is wrong: in expectation a clock "
        "that slows down on the same line as RLOO's. Adam scales each logit by itself and leaves "
        "the line: at accuracy 0.97 pass@2 has about nine paths, RLOO two to three. pass@8 stops "
        "learning near 0.8.",
    ),
    Preset(
        name="gspo",
        title="GSPO",
        settings={"b": "gspo", "b_lambda": 0, "epochs": 4},
        why="GSPO clips the ratio of a whole path, at 0.9997 … 1.0004. With one update per batch "
        "it is GRPO. With four, most of the later gradients are clipped away: GSPO is slower, and "
        "at accuracy 0.97 it has four paths, GRPO two. Steps here are large for such a clip.",
    ),
    Preset(
        name="shares",
        title="Equal shares",
        settings={"a": "ips", "b": "ucpo", "b_lambda": 0},
        why="IPS divides a return by the probability of its path, UCPO's idea takes from a correct "
        "path what is more probable than the others. Both are predicted to end with all correct "
        "paths equally likely. They are on their way there: after 300 updates there are several "
        "times as many as the base has.",
    ),
)


_SIDES: Mapping[str, Value] = {
    **{"a": "grpo", "a_lambda": 0, "a_kl": "k3-ratio", "a_beta": 0, "a_bonus": "loss"},
    **{"b": "grpo", "b_lambda": 0, "b_kl": "k3-ratio", "b_beta": 0, "b_bonus": "loss"},
    **{"graph": "dag", "group": 8, "epochs": 1, "lr": 1},
}
_RLOO = {**_SIDES, "a": "rloo", "b": "rloo"}


def _without(*names: str) -> dict[str, Value]:
    """The usual settings, without those of these axes."""
    return {name: value for name, value in _SIDES.items() if name not in names}


GRIDS = {
    "objectives": Grid(
        "objectives",
        {"b_lambda": (0, 0.04, 0.1, 0.3, 1)},
        _without("b_lambda"),
    ),
    "objectives-clock": Grid("objectives", {}, {**_SIDES, "a": "rloo"}),
    "objectives-return": Grid(
        "objectives",
        {},
        {**_RLOO, "a_kl": "k1-path", "b_kl": "k3-path", "a_lambda": 0.3, "b_lambda": 0.3},
    ),
    "objectives-loss": Grid(
        "objectives",
        {},
        {**_RLOO, "a_kl": "k2-loss", "b_kl": "k3-loss", "a_lambda": 0.3, "b_lambda": 0.3},
    ),
    "objectives-loss-weak": Grid(
        "objectives",
        {},
        {**_RLOO, "a_kl": "k2-loss", "b_kl": "k3-loss", "a_lambda": 0.04, "b_lambda": 0.04},
    ),
    "objectives-noise": Grid("objectives", {}, {**_RLOO, "b_kl": "k1-loss", "b_lambda": 0.3}),
    "objectives-entropy": Grid(
        "objectives", {}, {**_RLOO, "a_beta": 0.1, "b_beta": 0.1, "b_bonus": "path"}
    ),
    "objectives-clip": Grid("objectives", {}, {**_SIDES, "b": "grpo-higher"}),
    "objectives-pass": Grid(
        "objectives", {"b": ("gspo", "pass-2", "pass-8")}, {**_without("b"), "a": "rloo"}
    ),
    "objectives-gspo": Grid("objectives", {}, {**_SIDES, "b": "gspo", "epochs": 4}),
    "objectives-shares": Grid("objectives", {}, {**_SIDES, "a": "ips", "b": "ucpo"}),
    "objectives-balance": Grid(
        "objectives",
        {},
        {**_RLOO, "b": "balance", "a_kl": "k1-path", "a_lambda": 0.3, "b_lambda": 0.3},
    ),
    "objectives-preference": Grid(
        "objectives",
        {"b": ("rft", "ips", "ucpo", "dpo", "balance"), "b_lambda": (0, 0.3)},
        {**_without("b", "b_lambda"), "a": "rloo"},
    ),
    "objectives-collapse": Grid(
        "objectives",
        {"b_lambda": (0, 0.01, 0.1), "b_beta": (0.01, 0.1)},
        {
            **{**_without("b_lambda", "b_beta"), "a": "grpo-higher", "epochs": 2},
            **{"a_kl": "k3-loss", "a_lambda": 0.01, "a_beta": 0.01, "b_kl": "k3-loss"},
        },
    ),
}
"""The recorded runs, by the name of their file: for each preset, one of a weak penalty, one of a
config whose entropy collapses, beside advice for it, and one of trajectory balance beside k1 in the
return. That of DPO has other losses, too."""


def lab() -> Lab:
    """Two objectives on one question: accuracy, correct paths left, and the first step."""
    picture = Picture("Accuracy", "Paths left", "First step")
    for number, side in enumerate(SIDES):
        for panel, metric in enumerate(("solved", "left")):
            for one in (metric, f"limit_{metric}"):
                picture.curves(panel, one, name=side, number=number, own=True)
        picture.first_step(2, side, number)
    sides = [_controls(side) for side in SIDES]
    a, b = (list(one) for one in sides)
    a[0] = replace(a[0], default="grpo")
    b[0], b[1] = replace(b[0], default="grpo"), replace(b[1], default=0.3)
    return Lab(
        name="objectives",
        words=WORDS,
        controls=(*a, *b, GROUP, EPOCHS, graph_control("dag", "own"), RATE, SEED),
        learners=tuple(_learner(side) for side in SIDES),
        presets=PRESETS,
        metrics=("solved", "left", "limit_solved", "limit_left"),
        picture=picture,
        screen=Screen(
            controls=("a_lambda", "b_lambda"),
            more=("a", "b", "a_kl", "b_kl"),
            paths="Paths",
            panel=2,
        ),
    )
