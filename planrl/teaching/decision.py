"""Which method to choose: what each needs and reached, its costs, and advice by constraints.

This module holds no results: numbers and costs come from the saved results, verdicts from
`planrl.claims`.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from statistics import mean
from typing import Any

import plotly.graph_objects as go

from planrl.claims import Verdict, verdicts
from planrl.errors import InputError
from planrl.figures import scatter
from planrl.teaching.evidence import link_to
from planrl.teaching.notebook import style
from planrl.teaching.regime_figures import BASE, OFF, PG, SFT, Q, base_updates, best, curve
from planrl.teaching.regime_figures import pages as regime_pages
from planrl.teaching.regime_figures import series as regime_series
from planrl.teaching.regime_tables import at, at_best

QUESTIONS: dict[str, dict[str, str]] = {
    "base": {
        "ask": "What does your model answer at its best temperature, before any further training?",
        "fails": "it fails on many that I need, as ours with one path per question",
        "answers": "it answers nearly all, as ours with ten paths per question",
        "none": "there is no trained model yet",
    },
    "check": {
        "ask": "What can you check?",
        "answers": "whole answers only",
        "steps": "every step",
        "nothing": "nothing",
    },
    "diversity": {
        "ask": "Do you need many distinct correct answers to one question?",
        "no": "no",
        "yes": "yes",
    },
    "paths": {
        "ask": "Which paths can you train on?",
        "own": "new paths sampled from the model itself",
        "others": "old paths, or paths of another model",
        "none": "none: no budget for sampling",
    },
}
"""Name of a constraint -> its question (`ask`) and choices; the first choice is preselected."""


@dataclass(frozen=True)
class Advice:
    """A method, the reason for it and its claims."""

    method: str
    why: str
    claims: tuple[str, ...]


START = Advice(
    "SFT",
    "Every method here starts from a model that imitates. From random weights hardly any sampled "
    "path is correct, so there is no reward to learn from. Demonstrate paths that cover the "
    "sources and targets you need.",
    ("3.1-table", "3.1-degrees"),
)
DECODE = Advice(
    "No training: a lower temperature",
    "With ten demonstrated paths per question, policy gradient was less accurate than its base at "
    "the best temperature, with a KL penalty of 0.1, too. A lower temperature needs no training, "
    "but it costs distinct answers: use the highest one whose accuracy suffices. If you need many "
    "answers, policy gradient with a penalty of 1 was a little above its base at temperatures of "
    "0.3 and more, with as many paths (chapter 6). If every step can be checked, Q-learning with "
    "process reward gained even over this base.",
    ("R-sharpening", "R-pg-collapse", "R-kl-keeps", "R-q-over-all-at-equal-decoding"),
)
IMITATE = Advice(
    "SFT on further demonstrations",
    "SFT needs demonstrations only. It learns their frequencies and no edge that they do not "
    "contain, so choose them to cover the sources and targets you need.",
    ("3.1-table", "3.1-degrees", "3.1-transitivity"),
)
SIFTED = Advice(
    "SFT on the demonstrations that pass the check",
    "SFT needs demonstrations only, and the check removes incorrect ones. Without sampling the "
    "model sees no new paths.",
    ("3.1-table", "3.1-transitivity"),
)
GRADIENT = Advice(
    "Policy gradient with a baseline",
    "Policy gradient explores: with one demonstrated path per question, where the base failed, it "
    "became more accurate than the base at any temperature. Subtract the mean return of the batch: "
    "with this baseline it was as accurate, greedily a little more, and at temperature 1 it kept "
    "twice as many paths (chapter 10). Stop when greedy accuracy on held-out "
    "questions no longer rises while the entropy goes on falling. Do not use Q-learning with the "
    "outcome reward alone.",
    ("R-exploration", "R-beyond-sharpening", "R-pg-collapse", "3-outcome"),
)
PENALTY = Advice(
    "Policy gradient with a baseline, then a KL penalty",
    "With one demonstrated path per question a baseline alone left about two thirds of the base's "
    "paths at temperature 1 after 2,000 updates, and cost no accuracy. A KL penalty with a weight "
    "of 0.1 and no baseline left a little more paths and only about half of the gain; on a random "
    "digraph with cycles it left nearly all of them, and most of the gain (chapter 10). So begin "
    "with the baseline, and add a penalty if you need still more paths; the two together were not "
    "run. Compare with the base at the temperature that gives as many distinct paths.",
    ("R-exploration", "R-kl-keeps", "R-kl-order", "4.4-branches"),
)
CORRECT = Advice(
    "SFT on the correct ones of the old paths",
    "With outcome reward and no baseline, policy gradient that takes old paths for its own is SFT "
    "on the correct ones. In chapter 8 this did as well on old paths as on new ones (linear "
    "Transformer, 10 nodes, one seed). Only new paths show what the model does wrong now. "
    "Q-learning with the outcome reward alone ends near accuracy 0.",
    ("R-no-exploration-is-sft", "3-outcome"),
)
VALUES = Advice(
    "Q-learning with process reward",
    "On random graphs without cycles it had the highest held-out accuracy and the most distinct "
    "correct paths; on those with cycles it was about as accurate as policy gradient at its best "
    "temperature (chapter 10). On Blocksworld policy gradient was "
    "ahead when both were sampled at temperature 1, with rewards of 10. Policy gradient with a "
    "baseline and the same checks of steps made up most of the lead in accuracy, not that in "
    "paths, and without random steps Q-learning was more accurate still (chapter 10). It learns "
    "errors of its checks that are always the same; those that vary cost it far targets (chapter "
    "15). Where steps can be undone, use a discount, and large rewards if you sample. Or try soft "
    "Q-learning: on Blocksworld, in a linear Transformer, it was more accurate than Q-learning "
    "with a discount when both were sampled at temperature 1 (on a random digraph hardly so). But "
    "its rewards were larger, which explains this (chapter 14). On a Transformer it has no stored "
    "run yet.",
    (
        "R-q-over-all-at-equal-decoding",
        "3-q-over-pg",
        "R-q-over-pg-same-checks",
        "fixed-noise-is-predicted",
        "5.2-discount",
        "soft-sampled-over-q",
    ),
)
AGED = Advice(
    "Q-learning with process reward, off-policy",
    "Its loss accepts paths of any policy: on random graphs, on rollouts of the base with one step "
    "in ten at random, it did about as well as on its own. In theory the paths must contain "
    "errors, whose cost is never learnt otherwise: from a saturated base on a random DAG paths "
    "without errors cost little accuracy greedily and much when sampled at temperature 1 (claim "
    "R-q-without-errors). On Blocksworld policy gradient on new paths was ahead of Q-learning when "
    "both were sampled at temperature 1. Use a discount where steps can be undone.",
    ("R-off-policy-is-as-good", "R-q-without-errors", "3-q-over-pg", "5.2-discount"),
)


def advise(*, base: str, check: str, diversity: str, paths: str) -> Advice:
    """The method to try first under these constraints, which are choices of `QUESTIONS`."""
    given = {"base": base, "check": check, "diversity": diversity, "paths": paths}
    for name, choice in given.items():
        choices = [one for one in QUESTIONS[name] if one != "ask"]
        if choice not in choices:
            raise InputError(f"{name}={choice!r}: choose {' or '.join(choices)}")
    if base == "none":
        return START
    checked = check == "steps" and paths != "none"
    if base == "answers" and not (checked and diversity == "yes"):
        return DECODE
    if paths == "none" or check == "nothing":
        return IMITATE if check == "nothing" else SIFTED
    if check == "answers":
        return CORRECT if paths == "others" else PENALTY if diversity == "yes" else GRADIENT
    return AGED if paths == "others" else VALUES


METHODS: dict[str, str] = {
    BASE: "demonstrations",
    SFT: "demonstrations",
    PG: "own paths, each judged as a whole",
    f"{PG} + KL 0.1": "own paths, each judged as a whole",
    Q: "own paths, every step judged",
    OFF: "the base's paths with random steps, every step judged",
}
"""Method of the regimes -> what it was trained on."""
STRONG = f"{PG} + KL 1"
"""A penalty that was tried from the saturated base only, for fewer updates."""
SETTINGS = {"10 paths per question": "A", "1 path per question": "B"}
"""What the base saw of each training pair -> the regime."""


def best_accuracy() -> dict[str, dict[str, list[float]]]:
    """Method -> setting -> for each seed held-out accuracy at its best decoding temperature."""
    return {
        name: {words: best(regime, name) for words, regime in SETTINGS.items()} for name in METHODS
    }


def summary(setting: str) -> list[dict[str, Any]]:
    """One row for each method in a setting, held-out pairs, mean over seeds.

    Accuracy and distinct correct paths of 100 samples stand at the same temperature: at 1, and at
    each seed's best.
    """
    regime = SETTINGS[setting]
    methods = dict(METHODS)
    if STRONG in regime_pages(regime)[0]["result"]["learners"]:
        updates = regime_series(regime, STRONG, "test_greedy")[0][-1]
        methods[STRONG] = f"{methods[PG]} ({updates:,} updates)"
    return [
        {
            "method": name,
            "trained on": learnt_from,
            "accuracy, T = 1": at(regime, name, 1.0, "test", "accuracy"),
            "paths, T = 1": f"{at(regime, name, 1.0, 'test', 'diversity'):.1f}",
            "accuracy, best T": mean(best(regime, name)),
            "paths, best T": f"{mean(at_best(regime, name, 'diversity')):.1f}",
        }
        for name, learnt_from in methods.items()
    ]


def trained(setting: str) -> str:
    """Updates of the base, of the methods, and number of seeds of a setting, in words."""
    regime = SETTINGS[setting]
    updates = regime_series(regime, PG, "test_greedy")[0][-1]
    return (
        f"base of {_base(regime)} updates, then {updates:,} updates of each method, "
        f"{len(regime_pages(regime))} seeds"
    )


def _reached(setting: str, method: str) -> float:
    """Held-out accuracy of a method at its best temperature, mean over seeds."""
    return mean(best(SETTINGS[setting], method))


def where_the_base_answers() -> str:
    """That policy gradient gains nothing from the base of ten paths, and what this reaches."""
    able = f"{100 * _reached(next(iter(SETTINGS)), BASE):.0f} %"
    return f"From a base that answers {able}, policy gradient gains nothing"


def sharpened() -> str:
    """What a lower temperature of the base that answers buys and costs, in a sentence."""
    regime = next(iter(SETTINGS.values()))
    coldest = min(curve(regime, BASE, "test", "temperature")[0].tolist())
    right, paths = (
        [at(regime, BASE, heat, "test", key) for heat in (1.0, coldest)]
        for key in ("accuracy", "diversity")
    )
    return (
        f"With ten paths per question, going from temperature 1 to {coldest:g} raises the base's "
        f"held-out accuracy from {right[0]:.2f} to {right[1]:.2f} and leaves {paths[1]:.1f} of "
        f"{paths[0]:.1f} distinct correct paths among 100 samples."
    )


def gained() -> str:
    """What Q-learning gains over each base, and what it loses on Blocksworld, with conditions."""
    many, one = (
        f"from {_reached(words, BASE):.3f} to {_reached(words, Q):.3f}" for words in SETTINGS
    )
    (claim,) = verdicts(["3-q-over-pg"])
    sampled, greedy = (
        next(f for f in claim.findings if "Blocksworld" in f.graph and f.name == how)
        for how in ("sampled", "greedy")
    )
    return (
        f"On random graphs, at the best temperature of each, Q-learning with process reward raises "
        f"held-out accuracy {one} with one path per question, and even where the base answers, "
        f"with ten, {many}. On Blocksworld (a base of 700 updates, discount 0.9, "
        f"{len(sampled.values)} seeds) it is {-sampled.mean:.3f} *below* policy gradient when both "
        f"are sampled at temperature 1 (Q-learning's values times 10), and "
        f"{-greedy.mean:.3f} when both are greedy."
    )


def without_errors() -> str:
    """What is known of a Transformer that learns from paths without errors, in a sentence."""
    (claim,) = verdicts(["R-q-without-errors"])
    name = f'<a href="{link_to(claim.claim.id)}">{claim.claim.id}</a>'
    return f"Whether Transformers need errors in the paths is claim {name}: **{claim.told}**."


def seeds() -> str:
    """How many seeds each setting has, in words; once if they have equally many."""
    found = dict.fromkeys(str(len(regime_pages(regime))) for regime in SETTINGS.values())
    return " and ".join(found) + " seeds"


def _base(regime: str) -> str:
    return f"{base_updates(regime_pages(regime)[0]):,}"


def stopping(*, title: str) -> go.Figure:
    """Greedy held-out accuracy against entropy on training pairs while policy gradient trains."""
    lines = {
        words: (
            regime_series(regime, PG, "train_entropy")[1].mean(0),
            regime_series(regime, PG, "test_greedy")[1].mean(0),
        )
        for words, regime in SETTINGS.items()
    }
    said = "; ".join(
        f"{words}: " + ", ".join(f"{e:.2f} {g:.3f}" for e, g in zip(*line, strict=True))
        for words, line in lines.items()
    )
    figure = scatter.trajectories(
        lines,
        title=title,
        alt=f"Entropy and greedy accuracy of policy gradient from the base to the last update, "
        f"mean of {seeds()}. {said}.",
        x="entropy of a step, training pairs (nats)",
        y="greedy accuracy, held-out pairs",
        y_range=(0.7, 1.0),
    )
    under = ";<br>".join(f"{words}: {trained(words)}" for words in SETTINGS)
    return figure.update_layout(title_subtitle={"text": f"Means. {under}"}, margin_t=90)


def _badges(found: Sequence[Verdict]) -> str:
    return "".join(
        f'<span class="planrl-claim">{html.escape(one.claim.statement)} '
        f'<a href="{link_to(one.claim.id)}">{html.escape(one.claim.id)}</a>: '
        f"<b>{html.escape(one.told)}</b>.</span>"
        for one in found
    )


class Chooser:
    """Four questions with choices, and the advice for the chosen answers; needs no script."""

    def _repr_html_(self) -> str:
        parts = []
        for name, choices in QUESTIONS.items():
            rows = "".join(
                f'<label><input type="radio" name="choose-{name}" id="choose-{name}-{key}"'
                f"{' checked' * (position == 0)}> {html.escape(words)}</label>"
                for position, (key, words) in enumerate(list(choices.items())[1:])
            )
            parts.append(
                f"<fieldset><legend>{html.escape(choices['ask'])}</legend>{rows}</fieldset>"
            )
        shown, rules = [], []
        for number, (advice, cases) in enumerate(self.cases().items()):
            claims = _badges(verdicts(advice.claims))
            shown.append(
                f'<div class="planrl-advice planrl-advice-{number}"><p><strong>'
                f"{html.escape(advice.method)}.</strong> {html.escape(advice.why)}</p>"
                f"<p>{claims}</p></div>"
            )
            for case in cases:
                held = "".join(f":has(#choose-{n}-{c}:checked)" for n, c in case.items())
                rules.append(f".planrl-choose{held} .planrl-advice-{number}")
            rules[-1] += "{display:block}"
        css = ",".join(rules).replace("{display:block},", "{display:block}")
        answers = f"<div aria-live='polite'>{''.join(shown)}</div>"
        form = f"<div class='planrl-choose'>{''.join(parts)}{answers}</div>"
        return f"{style('decision')}<style>{css}</style>{form}"

    @staticmethod
    def cases() -> dict[Advice, list[dict[str, str]]]:
        """Each advice and the constraints it is given under."""
        found: dict[Advice, list[dict[str, str]]] = {}
        choices = [[key for key in keys if key != "ask"] for keys in QUESTIONS.values()]
        for case in product(*choices):
            given = dict(zip(QUESTIONS, case, strict=True))
            found.setdefault(advise(**given), []).append(given)
        return found

    def __repr__(self) -> str:
        return "\n".join(f"{advice.method}. {advice.why}" for advice in self.cases())
