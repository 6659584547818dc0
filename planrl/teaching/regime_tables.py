"""Tables of the regimes: what weights know of edges, what a temperature and a penalty buy.

As in `regime_figures`, everything is computed from all seeds that are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

from planrl.claims.regime_numbers import smallest_lead
from planrl.experiments.datasets import DatasetSettings
from planrl.teaching.regime_figures import (
    BASE,
    PG,
    Q,
    base_updates,
    best,
    curve,
    edges,
    ends,
    has,
    measured,
    minus,
    pages,
    series,
    short,
    told,
)

Row = dict[str, Any]
READ_OUT = {
    "AUC, as read": ("auc_raw", "weights"),
    "AUC, columns centred": ("auc", "weights"),
    "precision, centred": ("precision", "weights"),
    "AUC of f(k, j)[k]": ("auc", "diagonal"),
}
"""Column of the table of edges -> what is measured, and where it is read."""
SCORES = ("auc_raw", "auc", "precision", "auc_shown", "auc_unseen")


def edge_rows(regime: str, learners: Sequence[str]) -> list[Row]:
    """What the weights tell of edges at the last evaluation: a row per learner, mean over seeds."""
    return [
        {"method": name}
        | {words: mean(edges(regime, name, *how)) for words, how in READ_OUT.items()}
        for name in learners
    ]


def edge_values(regimes: str, learners: Sequence[str]) -> list[Row]:
    """The same for each seed and each regime of `regimes` ("AB"), to be saved."""
    return [
        {"regime": regime, "method": name, "result": number, "score": score, "value": value}
        for regime in regimes
        for name in learners
        for score in SCORES
        for number, value in enumerate(edges(regime, name, score))
    ]


def decoding_rows(regime: str, choices: Sequence[tuple[str, float]]) -> list[Row]:
    """One row for each (learner, temperature): accuracy and distinct correct paths of 100.

    The share kept is that of the base's distinct correct paths at temperature 1, training pairs.
    """
    own = float(at(regime, BASE, 1.0, "train", "diversity"))
    rows = []
    for name, heat in choices:
        paths = at(regime, name, heat, "train", "diversity")
        rows.append(
            {
                "method": plain(name),
                "temperature": f"{heat:g}",
                "training accuracy": at(regime, name, heat, "train", "accuracy"),
                "distinct paths, training": f"{paths:.1f}",
                "share kept": f"{paths / own:.0%}",
                "held-out accuracy": at(regime, name, heat, "test", "accuracy"),
                "distinct paths, held out": f"{at(regime, name, heat, 'test', 'diversity'):.1f}",
            }
        )
    return rows


def at(regime: str, learner: str, temperature: float, task: str, key: str) -> float:
    """A point of a decoding curve, mean over seeds."""
    heats = curve(regime, learner, task, "temperature")[0].tolist()
    return float(curve(regime, learner, task, key)[:, heats.index(temperature)].mean())


def gained(regime: str, learner: str, temperature: float, key: str = "accuracy") -> list[float]:
    """A learner minus the base at one temperature, for each seed; held-out pairs."""
    heats = curve(regime, learner, "test", "temperature")[0].tolist()
    column = heats.index(temperature)
    one, base = (curve(regime, name, "test", key)[:, column].tolist() for name in (learner, BASE))
    return minus(one, base)


def trained_for(regime: str, learners: Sequence[str]) -> str:
    """How long each learner was trained, in words: those of equally many updates together."""
    together: dict[int, list[str]] = {}
    for name in learners:
        training = pages(regime)[0]["study"]["learners"][name]["training"]
        together.setdefault(int(training["steps"]), []).append(plain(name))
    return "; ".join(f"{', '.join(some)}: {steps:,} updates" for steps, some in together.items())


def plain(learner: str) -> str:
    """A learner's name for a narrow column: of a penalty the weight is said."""
    return learner.replace("policy gradient + KL ", "λ = ")


def at_best(regime: str, learner: str, key: str, task: str = "test") -> list[float]:
    """What each seed has at the temperature of its highest accuracy, the hottest of several."""
    right = curve(regime, learner, task, "accuracy").tolist()
    values = curve(regime, learner, task, key).tolist()
    return [row[some.index(max(some))] for some, row in zip(right, values, strict=True)]


def spread(regime: str, learner: str, *, scale: float = 10.0) -> list[float]:
    """For each seed the standard deviation among the correct next nodes, per unit of reward.

    Contexts that training visited, at the end.
    """
    return [page["end"]["spread"]["visited"] / scale for page in measured(regime, learner)]


def collapse_on_blocksworld() -> str:
    """How many paths policy gradient leaves in regime C; nothing before a run is stored."""
    if not has("C"):
        return ""
    steps, values = series("C", PG, "train_diversity")
    start = mean(ends("C", BASE, "train_diversity"))
    drawn = pages("C")[0]["study"]["evaluation"]["samples"]
    return (
        f" From a base of {base_updates(pages('C')[0]):,} updates (regime C), {steps[-1]:,} "
        f"updates leave {told(values[:, -1].tolist(), 1)} of {start:.1f} distinct correct paths on "
        f"Blocksworld ({drawn} samples of a training question at temperature 1)."
    )


FEEDBACK = (
    BASE,
    PG,
    f"{PG}, baseline",
    f"{PG}, process reward",
    f"{PG}, reward to go",
    f"{Q}, no random steps",
    Q,
)
"""Methods of regime P, each with more of what Q-learning is told; the last two change the loss."""


def feedback_rows() -> list[Row]:
    """Loss or feedback? A row for each method of regime P, held-out questions, mean over seeds."""
    return [
        {
            "method": name,
            "accuracy, best T": short(best("P", name)),
            "paths, T = 1": short(curve("P", name, "test", "diversity")[:, 0].tolist(), 1),
            "AUC, edges never shown": short(edges("P", name, "auc_unseen")),
        }
        for name in FEEDBACK
    ]


def with_cycles() -> str:
    """What a small penalty and Q-learning keep and gain in regime E, in sentences."""
    light = f"{PG} + KL 0.1"
    right, paths = (
        {name: at("E", name, 1.0, "test", key) for name in (BASE, light, Q)}
        for key in ("accuracy", "simple")
    )
    ahead = [smallest_lead(Q, light, page["result"]) > 0 for page in pages("E")]
    return (
        f"At T = 1 the penalty of 0.1 keeps {paths[light]:.0f} of the base's {paths[BASE]:.0f} "
        f"paths with accuracy {right[light]:.2f} against {right[BASE]:.2f}; at its best "
        "temperature it has most of policy gradient's gain, and few paths. Q-learning has at most "
        f"{paths[Q]:.0f} paths, but with as many it is the more accurate in {sum(ahead)} of "
        f"{len(ahead)} seeds."
    )


def lead_explained() -> str:
    """What policy gradient makes up of Q-learning's lead in regime P, in sentences."""
    checked, calm = f"{PG}, reward to go", f"{Q}, no random steps"
    lead, own = minus(best("P", Q), best("P", PG)), best("P", PG)
    shares = [
        f"{mean(minus(best('P', name), own)) / mean(lead):.0%}"
        for name in (f"{PG}, baseline", checked)
    ]
    more = told(minus(best("P", calm), best("P", Q)))
    paths = {n: mean(curve("P", n, "test", "diversity")[:, 0].tolist()) for n in (checked, Q)}
    known = {n: mean(edges("P", n, "auc_unseen")) for n in (checked, Q, calm)}
    return (
        f"At the best temperature of each, Q-learning is {told(lead)} above policy gradient. A "
        f"baseline alone makes up {shares[0]} of this, and with the reward of each step to go it "
        f"is {shares[1]}. Without random steps Q-learning is {more} above itself with them; we had "
        "predicted that it would be below. What policy gradient does not get from the same checks "
        f"are the paths ({paths[checked]:.1f} against {paths[Q]:.1f}) and "
        f"the edges that no demonstration takes (AUC {known[checked]:.2f} against {known[Q]:.2f}, "
        f"and {known[calm]:.2f} without random steps)."
    )


DOSES = (0, 5, 10, 20)


def _noisy(kind: str, dose: int) -> str:
    return f"{Q}, {kind} noise {dose}%" if dose else Q


def dose_rows() -> list[Row]:
    """Regime G: accuracy of Q-learning on held-out questions by the share of checks that err."""
    return [
        {"checks that err": f"{dose} %"}
        | {
            f"{words}, {how}": short(ends("G", _noisy(kind, dose), key))
            for kind, words in (("fresh", "anew"), ("fixed", "always the same"))
            for how, key in (("greedy", "test_greedy"), ("sampled", "test_accuracy"))
        }
        for dose in DOSES
    ]


def still_averaging(dose: int = 20) -> str:
    """How greedy accuracy rises in regime G while noise is averaged out, in a sentence."""
    steps, greedy = series("G", _noisy("fresh", dose), "test_greedy")
    found = list(zip(steps, greedy.mean(0).tolist(), strict=True))
    said = ", ".join(f"{value:.2f} after {step:,}" for step, value in (*found[-5:-3], found[-1]))
    return f"With {dose} % it is {said} updates."


def nearer_than(distance: float) -> float:
    """The share of regime G's held-out questions that fewer steps than these can answer."""
    shares = []
    for page in pages("G"):
        dataset = DatasetSettings(**page["study"]["dataset"]).make()
        source, target = dataset.test.pairs.T
        steps = dataset.graph.distances()[target, source]
        shares.append(float((steps < distance).double().mean()))
    return mean(shares)


def without_errors() -> str:
    """What is known of Q-learning from rollouts that never err: numbers, once they are stored."""
    if not has("G"):
        return (
            "Rollouts that never err, such as demonstrations, were not given to Transformers in "
            "any stored run, so nothing is claimed about them here."
        )
    own = ends("G", Q, "test_greedy")
    others = {
        "demonstrations": f"{Q}, from demonstrations",
        "greedy rollouts of the base": f"{Q}, from the greedy base",
    }
    said = ", from ".join(
        f"{words} {told(ends('G', learner, 'test_greedy'))}" for words, learner in others.items()
    )
    drawn = [mean(ends("G", learner, "test_accuracy")) for learner in (Q, *others.values())]
    return (
        "Rollouts that never err were given to Transformers, too, with a saturated base and 800 "
        f"updates. Greedy accuracy on held-out questions: from its own rollouts {told(own)}, from "
        f"{said}. Sampled at temperature 1 it is {drawn[0]:.2f}, {drawn[1]:.2f} and "
        f"{drawn[2]:.2f}: what an illegal step costs was not learnt, so only the base's habits "
        "speak against it."
    )
