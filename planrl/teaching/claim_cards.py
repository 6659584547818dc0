"""Claims on a page: a folded card for each, a filter over them, and statements that rest on claims.

The filter is a form whose choices hide cards by style rules, so it needs no script; a browser that
does not know the rules shows the plain list.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import datetime

from planrl.claims import (
    COUNTED,
    FAILS,
    FEW_SEEDS,
    HOLDS,
    IN_PART,
    SO_FAR,
    SUCCESSION,
    UNDECIDED,
    UNKNOWN,
    Finding,
    Verdict,
    is_current,
)
from planrl.claims.verdict import Registered
from planrl.errors import InputError
from planrl.teaching.evidence import (
    anchor,
    condition_rows,
    link_to,
    on_model,
    verdict_words,
)
from planrl.teaching.notebook import Cards, style

METHODS: dict[str, tuple[str, ...]] = {
    "SFT": ("SFT", "Theorem 3", "Assumption 3", "Sec. 3", "memoris", "spurious"),
    "policy gradient": ("olicy gradient", "Theorem 4.1", "Theorem 4.2", "Theorem 4.3"),
    "KL penalty": ("KL", "penalty", "lambda", "Theorem 4.4", "k1", "placement"),
    "Q-learning": (
        "Q-learning",
        "Theorem 5",
        "Theorems 5",
        "Assumption 5",
        "Fig. 4",
        "noise",
        "always wrong",
    ),
    "GRPO and others": (
        *(
            "GRPO",
            "RLOO",
            "group method",
            "RFT",
            "REINFORCE",
            "own clock",
            "Clip-higher",
            "expert iteration",
        ),
        *("inverse probability", "With a baseline, too", "entropy bonus", "exp(entropy)"),
    ),
}
"""Method -> words in a claim's statement, measure or source that tell a claim about the method."""
VERDICTS: dict[str, tuple[str, ...]] = {
    "holds": (HOLDS,),
    "holds in part": (IN_PART, SO_FAR),
    "fails or undecided": (FAILS, UNDECIDED),
    "no verdict yet": (FEW_SEEDS, UNKNOWN),
    "replaced": (),
}
"""Choice -> verdicts; replaced claims are a kind of their own, whatever their numbers say."""
GRAPHS: dict[str, tuple[str, ...]] = {
    "random DAG": ("random DAG",),
    "Blocksworld": ("Blocksworld",),
    "digraph": ("digraph",),
    "tool graph": ("tools",),
    "hand-made": ("diamond", "chain", "one choice", "one correct path", "corridor"),
}
"""Choice -> words in the graph of a condition."""


def tags(verdict: Verdict) -> dict[str, list[str]]:
    """The choices of the filter that show this claim."""
    claim = verdict.claim
    told = f"{claim.statement} {claim.measured} {claim.source}"
    graphs = " ".join(finding.graph for finding in verdict.findings)
    kinds = [name for name, some in VERDICTS.items() if verdict.verdict in some]
    return {
        "method": [name for name, words in METHODS.items() if any(w in told for w in words)],
        "verdict": kinds if is_current(claim.id) else ["replaced"],
        "graph": [name for name, words in GRAPHS.items() if any(w in graphs for w in words)],
    }


def on_day(when: datetime) -> str:
    """A date and time of day in words."""
    return f"{when.day} {when:%B %Y, %H:%M} UTC"


def prediction_in_words(
    prediction: Registered, findings: Sequence[Finding], made: Sequence[datetime]
) -> str:
    """What was predicted for some conditions, when, why, and what came of it."""
    bounds: dict[str, list[str]] = {}
    for graph in dict.fromkeys(finding.graph for finding in findings):
        own = dict.fromkeys(one.prediction for one in findings if one.graph == graph)
        bounds.setdefault(" and ".join(own), []).append(graph)
    told = ", and for ".join(f"{'; '.join(graphs)}: {bound}" for bound, graphs in bounds.items())
    runs = (
        f"Runs from {on_day(made[0])} to {on_day(made[-1])}."
        if made
        else "No run yet."
        if not any(finding.values for finding in findings)
        else "The date of the runs is not known."
    )
    missed = " The outcome missed this prediction." * any(f.missed(prediction) for f in findings)
    return (
        f"Prediction of {on_day(prediction.committed)} for {told}, with the "
        f"verdict {prediction.expected}. Reason: {prediction.reason} {runs}{missed}"
    )


class ClaimCards(Cards):
    """A folded card for each claim: statement, predictions with dates, numbers per condition.

    With `filtered` a form above them chooses by method, verdict and graph. Replaced claims are
    hidden by it until they are asked for, or linked to.
    """

    def __init__(self, found: Sequence[Verdict], *, filtered: bool = False) -> None:
        if not found:
            raise InputError("there is no claim to show: give at least one verdict")
        super().__init__(
            [
                {"title": one.claim.id, "badge": one.told, "text": one.claim.statement}
                for one in found
            ]
        )
        self.found, self.filtered = list(found), filtered

    def _repr_html_(self) -> str:
        shown = "".join(map(self._claim, self.found))
        if not self.filtered:
            return f"{style('cards')}{shown}"
        count = '<p class="planrl-count" aria-hidden="true"></p>'
        form = f'<div class="planrl-filter">{"".join(map(self._choices, self.choices()))}</div>'
        return (
            f"{style('cards')}<style>{self.rules()}</style>"
            f'<div class="planrl-claims">{form}{shown}{count}</div>'
        )

    def _claim(self, one: Verdict) -> str:
        claim = one.claim
        known = SUCCESSION.get(claim.id)
        data = "".join(
            f' data-{name}="{" ".join(map(_slug, values))}"' for name, values in tags(one).items()
        )
        notes = [f"{claim.source}. Measured: {claim.measured}{on_model(one.findings)}."]
        notes += [prediction_in_words(*registered) for registered in one.registered]
        body = "".join(f'<p class="planrl-note">{html.escape(text)}</p>' for text in notes)
        if known:
            body += f'<p class="planrl-note planrl-linked">{_successors(known.by, known.replaced)}'
            body += f"{html.escape(known.why)}</p>"
        marks = "".join(
            f'<span class="planrl-badge planrl-mark">{html.escape(text)}</span> '
            for text in self.marks(one)
        )
        return (
            f'<details id="{anchor(claim.id)}" class="planrl-card {_kind(one)}"{data}>'
            f"<summary><strong>{html.escape(claim.id)}</strong> "
            f'<span class="planrl-badge">{html.escape(one.told)}</span> {marks}'
            f"{html.escape(claim.statement)}</summary>"
            f"{body}{self.table(condition_rows(one.findings))}</details>"
        )

    @staticmethod
    def marks(one: Verdict) -> list[str]:
        """What stands beside the verdict: another prediction than *holds*, a miss, replaced."""
        where: dict[str, list[str]] = {}
        for of, registered in one.claim.registered.items():
            where.setdefault(registered.expected, []).append(of)
        expected = [
            f"predicted{'' if len(where) == 1 else ' in regime ' + ', '.join(some)}: {kind}"
            for kind, some in where.items()
            if kind != HOLDS
        ]
        missed = any(
            finding.missed(registered)
            for registered, findings, _ in one.registered
            for finding in findings
        )
        replaced = ["replaced"] * (not is_current(one.claim.id))
        return [*replaced, *expected, *["prediction missed"] * missed]

    def choices(self) -> list[tuple[str, list[str]]]:
        """The filter's questions, each with the choices that some card has."""
        found = [tags(one) for one in self.found]
        return [
            (name, [c for c in some if any(c in one[name] for one in found)])
            for name, some in (
                ("method", list(METHODS)),
                ("verdict", list(VERDICTS)),
                ("graph", list(GRAPHS)),
            )
        ]

    @staticmethod
    def _choices(question: tuple[str, list[str]]) -> str:
        name, choices = question
        rows = "".join(
            f'<label><input type="radio" name="claims-{name}" id="claims-{name}-{_slug(choice)}"'
            f"{' checked' * (position == 0)}> {html.escape(choice)}</label>"
            for position, choice in enumerate(["any", *choices])
        )
        return f"<fieldset><legend>{name}</legend>{rows}</fieldset>"

    def rules(self) -> str:
        """The style rules by which the form hides cards. What is linked to is shown in any case."""
        hidden = [
            f".planrl-claims:has(#claims-{name}-{_slug(choice)}:checked)"
            f' .planrl-card:not([data-{name}~="{_slug(choice)}"]):not(:target)'
            for name, choices in self.choices()
            for choice in choices
        ]
        hidden.append(
            ".planrl-claims:has(#claims-verdict-any:checked)"
            ' .planrl-card[data-verdict="replaced"]:not(:target)'
        )
        total = len(self.found)
        return (
            f"{','.join(hidden)}{{display:none}}"
            f'.planrl-count::after{{content:counter(claims) " of {total} claims are shown"}}'
        )


class Statements:
    """Sentences with the claims that each rests on, linked, with their verdicts.

    A sentence whose claims have no verdict yet, or some of whose claims have none, says so first.
    """

    def __init__(self, found: Mapping[str, Sequence[Verdict]], *, ordered: bool = True) -> None:
        if not found:
            raise InputError("there is no statement to show: give at least one")
        self.found, self.ordered = dict(found), ordered

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<li>{self._caution(verdicts)}{html.escape(text)} <span class='planrl-rests'>"
            f"{' · '.join(map(self._link, verdicts))}</span></li>"
            for text, verdicts in self.found.items()
        )
        kind = "ol" if self.ordered else "ul"
        return f'{style("cards")}<{kind} class="planrl-statements">{rows}</{kind}>'

    @staticmethod
    def _caution(verdicts: Sequence[Verdict]) -> str:
        without = sum(one.verdict in (FEW_SEEDS, UNKNOWN) for one in verdicts)
        if not without:
            return ""
        some = "" if without == len(verdicts) else f"{without} of {len(verdicts)} claims "
        return f"<em>So far, {some}without a verdict:</em> "

    @staticmethod
    def _link(one: Verdict) -> str:
        name = html.escape(one.claim.id)
        verdict = html.escape(verdict_words(one))
        return f'<span><a href="{link_to(one.claim.id)}">{name}</a> <b>{verdict}</b></span>'

    def __repr__(self) -> str:
        return "\n".join(
            f"{text} ({', '.join(f'{one.claim.id}: {verdict_words(one)}' for one in verdicts)})"
            for text, verdicts in self.found.items()
        )


def counted(found: Mapping[str, Verdict]) -> list[Verdict]:
    """Those of these verdicts, by id, whose claims were not replaced."""
    return [found[claim.id] for claim in COUNTED if claim.id in found]


def _slug(choice: str) -> str:
    return choice.lower().replace(" ", "-")


def _kind(one: Verdict) -> str:
    kind = f"planrl-{one.verdict.replace(' ', '-')}"
    return kind if is_current(one.claim.id) else "planrl-replaced"


def _successors(by: Sequence[str], replaced: bool) -> str:
    """The links to the claims that ask in a claim's stead, or elsewhere."""
    links = ", ".join(f'<a href="#{anchor(name)}">{html.escape(name)}</a>' for name in by)
    if replaced:
        return f"<strong>Replaced by {links}.</strong> " if by else "<strong>Replaced.</strong> "
    return f"Also asked in the regimes: {links}. " if by else ""
