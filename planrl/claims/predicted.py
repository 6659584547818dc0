"""Claims from a file of predictions: an entry for each claim and regime, committed before its runs.

The file has `[[prediction]]` entries with id, regime, measure, bounds, reason and, where it differs
from the file's, `committed`. A module has, for each id, the sentence and how its numbers are
computed from the results of one seed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planrl.claims.regime_numbers import Number, Result, across
from planrl.claims.verdict import HOLDS, Claim, Condition, Registered

Page = dict[str, Any]
GRAPHS = {
    "A": "random DAG, {nodes} nodes, saturated base (regime A)",
    "B": "random DAG, {nodes} nodes, one demonstrated path per pair (regime B)",
    "C": "Blocksworld, {blocks} blocks, 20 % of the pairs (regime C)",
    "D": "Blocksworld, {blocks} blocks, 80 % of the pairs (regime D)",
    "E": "random digraph, {nodes} nodes, with cycles (regime E)",
    "G": "random DAG, {nodes} nodes, saturated base, 800 updates (regime G)",
    "H": "random DAG, {nodes} nodes, half of the training pairs demonstrated (regime H)",
    "P": "random DAG, {nodes} nodes, one demonstrated path per pair, rewards of steps (regime P)",
}
"""Letter of a regime -> its graph and base, with settings in braces."""


@dataclass(frozen=True)
class Sentence:
    """What is claimed, by whom, and the numbers that it is measured by.

    `needs` are the experiments whose learners the numbers read. `others` are the numbers of a
    regime in which another learner stands for the claim's.
    """

    statement: str
    source: str
    numbers: Mapping[str, Number]
    needs: tuple[str, ...] = ("regimes",)
    others: Mapping[str, Mapping[str, Number]] | None = None

    def of(self, regime: str) -> Mapping[str, Number]:
        """The numbers in a regime."""
        return (self.others or {}).get(regime, self.numbers)


def read_predictions(name: str) -> list[Page]:
    """The entries of a file of this folder, each with the date at which it was committed."""
    file = tomllib.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))
    return [{"committed": file["committed"], **one} for one in file["prediction"]]


def claims(
    sentences: Mapping[str, Sentence], predictions: Sequence[Page], prefix: str = ""
) -> tuple[Claim, ...]:
    """A claim for each sentence, with a condition for each regime that a prediction is about."""
    found = []
    for name, sentence in sentences.items():
        own = [page for page in predictions if page["id"] == name]
        found.append(
            Claim(
                id=f"{prefix}{name}",
                statement=sentence.statement,
                source=sentence.source,
                measured=_measured(own),
                conditions=tuple(one for page in own for one in _conditions(sentence, page)),
                registered={page["regime"]: _registered(page) for page in own},
            )
        )
    return tuple(found)


def _conditions(sentence: Sentence, page: Page) -> list[Condition]:
    """One condition for each number of a claim in a regime, with the predicted bounds."""
    return [
        Condition(
            graph=GRAPHS[page["regime"]],
            name=how,
            model="Transformer, 1 layer, 1 head",
            needs=sentence.needs,
            value=_value(number, sentence.needs),
            of=page["regime"],
            **{key: page[key] for key in ("low", "high") if key in page},
        )
        for how, number in sentence.of(page["regime"]).items()
        if _is_asked(how, page["measure"])
    ]


def _is_asked(how: str, measure: str) -> bool:
    """Whether the prediction's measure names this way of decoding; other numbers always count."""
    return how not in ("sampled", "greedy") or how in measure


def _value(number: Number, needs: Sequence[str]) -> Number:
    """The number of one seed's results by experiment, or of all seeds' results at once."""
    if getattr(number, "across", False):
        return across(lambda results: number([_merged(one, needs) for one in results]))
    return lambda results: number(_merged(results, needs))


def _merged(results: Mapping[str, Result], needs: Sequence[str]) -> Result:
    """One result with the learners of all experiments; they start from the same base."""
    if len(needs) == 1:
        return results[needs[0]]
    learners = {k: v for name in needs for k, v in results[name]["learners"].items()}
    return {**results[needs[0]], "learners": learners}


def _measured(pages: Sequence[Page]) -> str:
    """What is measured, once if it is the same in all regimes."""
    found: dict[str, list[str]] = {}
    for page in pages:
        found.setdefault(page["measure"], []).append(page["regime"])
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(
        f"in regime{'s' * (len(where) > 1)} {', '.join(where)}: {what}"
        for what, where in found.items()
    )


def _registered(page: Page) -> Registered:
    """What was committed before the runs."""
    return Registered(
        committed=page["committed"], reason=page["reason"], expected=page.get("expected", HOLDS)
    )
