"""Which method to choose: claims for and against each method, costs, advice by constraints.

This module holds no results. A method is a name with the ids of the claims about it; the verdicts
come from `planrl.claims` and the costs from the saved results.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from planrl.claims import Verdict, verdicts
from planrl.errors import InputError
from planrl.experiments import store
from planrl.teaching.evidence import link_to
from planrl.teaching.notebook import style
from planrl.teaching.paper_figures import pages, series

METHODS: dict[str, dict[str, tuple[str, ...]]] = {
    "SFT that goes on": {
        "what speaks for it": ("3.1-table", "3.1-edges"),
        "its price": ("3.1-degrees", "3.1-rare"),
        "its limits": ("3.1-transitivity", "2-continual-sft-test"),
    },
    "policy gradient": {
        "what speaks for it": ("2-pg-over-sft", "2-pg-train", "4.1-identity"),
        "its price": ("2-pg-collapse", "2-pg-test-falls"),
        "its limits": ("C-cold", "C-forgets"),
    },
    "policy gradient with a baseline": {
        "what speaks for it": ("4.3-baseline",),
        "its price": (),
        "its limits": (),
    },
    "policy gradient + KL": {
        "what speaks for it": ("2-kl-diversity", "4.4-formula"),
        "its price": ("2-kl-price", "2-kl-order"),
        "its limits": ("C-plateau", "C-kl-blocks", "4.4-branches"),
    },
    "Q-learning, process reward": {
        "what speaks for it": ("3-q-diversity", "3-q-over-pg", "3-on-off", "C-stale"),
        "its price": ("C-noise",),
        "its limits": ("5.2-cycles", "5.2-no-goal", "C-off-policy"),
    },
    "Q-learning, outcome reward": {
        "what speaks for it": (),
        "its price": ("3-outcome",),
        "its limits": ("5.1-constant",),
    },
}
"""Method -> column of the decision table -> ids of claims."""

QUESTIONS: dict[str, dict[str, str]] = {
    "answers": {
        "ask": "Do you have correct answers to imitate?",
        "yes": "yes",
        "no": "no",
    },
    "check": {
        "ask": "What can you check?",
        "steps": "every step",
        "answers": "whole answers only",
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
    """A method, the reason for it and its claims; without claims the advice is our inference."""

    method: str
    why: str
    claims: tuple[str, ...] = ()


NOTHING = Advice(
    "None yet",
    "There is nothing to learn from without correct answers to imitate or paths that can be "
    "checked. Obtain one of the two first.",
)
IMITATE = Advice(
    "SFT",
    "SFT needs demonstrations only. It learns their frequencies, so choose the demonstrations "
    "to cover the sources and targets you need. Stop at the best accuracy on held-out questions.",
    ("3.1-table", "3.1-degrees", "3.1-transitivity"),
)
SIFTED = Advice(
    "SFT on the rows that pass the check",
    "SFT needs demonstrations only, and the check removes incorrect ones. Without sampling the "
    "model sees no new paths.",
    ("3.1-table", "3.1-transitivity"),
)
GRADIENT = Advice(
    "Policy gradient",
    "On held-out questions it ends above imitation when answers are sampled, and below imitation "
    "when they are greedy. Measure both accuracies and the diversity: no stopping time is best "
    "for all three. Do not use Q-learning with the outcome reward alone.",
    ("2-pg-over-sft", "2-pg-test-falls", "2-pg-collapse", "3-outcome"),
)
PENALTY = Advice(
    "Policy gradient + KL",
    "The penalty keeps more distinct correct paths and lowers sampled accuracy. Tune lambda: "
    "if it is too large, the gain in accuracy is lost.",
    ("2-kl-diversity", "2-kl-price", "C-plateau"),
)
ROUNDS = Advice(
    "SFT on the correct paths, in rounds",
    "Policy gradient needs newly sampled paths, and Q-learning with the outcome reward alone "
    "fails. SFT on correct paths has the gradient of policy gradient when the paths are new. On "
    "old paths it did as well in chapter 8, on one seed.",
    ("4.1-identity", "3-outcome"),
)
VALUES = Advice(
    "Q-learning with process reward",
    "It ends with more distinct correct paths. The checks must be reliable, because it learns "
    "their errors. Use a discount where steps can be undone.",
    ("3-q-diversity", "3-q-over-pg", "C-noise", "5.2-no-goal"),
)
AGED = Advice(
    "Q-learning with process reward, off-policy",
    "Its loss accepts paths of any policy. With greedy decoding, paths up to 200 updates old did "
    "as well as new ones; sampled, one of three seeds lost 11 points. Use a discount where steps "
    "can be undone.",
    ("3-on-off", "C-stale", "C-off-policy", "5.2-discount"),
)
EITHER = Advice(
    "Policy gradient or Q-learning with process reward",
    "Policy gradient is simpler and needs no value scale. Where checks of steps are reliable, "
    "test Q-learning on your held-out questions.",
    ("2-pg-over-sft", "3-q-over-pg", "C-noise"),
)


def advise(*, answers: str, check: str, diversity: str, paths: str) -> Advice:
    """The method to try first under these constraints, which are choices of `QUESTIONS`."""
    given = {"answers": answers, "check": check, "diversity": diversity, "paths": paths}
    for name, choice in given.items():
        choices = [one for one in QUESTIONS[name] if one != "ask"]
        if choice not in choices:
            raise InputError(f"{name}={choice!r}: choose {' or '.join(choices)}")
    if paths == "none" or check == "nothing":
        if answers == "no":
            return NOTHING
        return IMITATE if check == "nothing" else SIFTED
    if check == "answers":
        if paths == "others":
            return ROUNDS
        return PENALTY if diversity == "yes" else GRADIENT
    if paths == "others":
        return AGED
    return VALUES if diversity == "yes" else EITHER


def _badges(found: Sequence[Verdict], *, statement: bool = True) -> str:
    return "".join(
        f'<span class="planrl-claim">{html.escape(one.claim.statement) if statement else ""} '
        f'<a href="{link_to(one.claim.id)}">{html.escape(one.claim.id)}</a>: '
        f"<b>{html.escape(one.told)}</b>.</span>"
        for one in found
    )


class DecisionTable:
    """The methods, and the claims for and against each method with their verdicts."""

    def __init__(self, methods: Mapping[str, Mapping[str, Sequence[str]]] = METHODS) -> None:
        names = {name for columns in methods.values() for ids in columns.values() for name in ids}
        self.verdicts = {one.claim.id: one for one in verdicts(sorted(names))}
        self.methods = methods

    def _repr_html_(self) -> str:
        columns = list(next(iter(self.methods.values())))
        head = "".join(f'<th scope="col">{name}</th>' for name in ("method", *columns))
        body = ""
        for method, cells in self.methods.items():
            body += f'<tr><th scope="row">{html.escape(method)}</th>'
            for name, ids in cells.items():
                claims = _badges([self.verdicts[one] for one in ids]) or "no claim measured"
                body += f'<td data-name="{name}">{claims}</td>'
            body += "</tr>"
        table = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        return f'{style("decision")}<table class="planrl-decide">{table}</table>'

    def __repr__(self) -> str:
        lines = []
        for method, cells in self.methods.items():
            for name, ids in cells.items():
                told = [
                    f"{self.verdicts[i].claim.statement} ({i}: {self.verdicts[i].told})"
                    for i in ids
                ]
                lines.append(f"{method}, {name}: {' '.join(told) or 'no claim measured'}")
        return "\n".join(lines)


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
            claims = _badges(verdicts(advice.claims) if advice.claims else [])
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


def costs(of: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each learner: processor seconds for 1,000 updates, evaluations included."""
    rows = []
    for name in names:
        updates = series(of, name, "test_accuracy")[0][-1]
        took = [1000 * store.cpu_seconds(page)[name] / updates for page in pages(of, name)]
        rows.append(
            {
                "learner": name,
                "seeds": len(took),
                "updates": updates,
                "CPU seconds for 1,000 updates": f"{sum(took) / len(took):.0f}",
                "least to most": f"{min(took):.0f} to {max(took):.0f}",
            }
        )
    return rows
