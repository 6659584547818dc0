"""Claims in the regimes where they can be tested; the predictions are those of a file.

`predictions.toml` was committed before the first run of any regime, but for entries with a date of
their own, whose reasons say what had been seen. `regime_sentences` has the sentence of each id and
how its numbers are computed.
"""

from __future__ import annotations

from planrl.claims.regime_numbers import PREDICTIONS, Number, across
from planrl.claims.regime_sentences import SENTENCES, numbers
from planrl.claims.verdict import HOLDS, Claim, Condition, Registered

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


def _is_asked(how: str, measure: str) -> bool:
    """Whether the prediction's measure names this way of decoding; other numbers always count."""
    return how not in ("sampled", "greedy") or how in measure


def _value(number: Number) -> Number:
    """The number of one seed's results by experiment, or of all seeds' results at once."""
    if getattr(number, "across", False):
        return across(lambda results: number([one["regimes"] for one in results]))
    return lambda results: number(results["regimes"])


def _conditions(name: str) -> tuple[Condition, ...]:
    """One condition for each regime and number of a claim, with the predicted bounds."""
    return tuple(
        Condition(
            graph=GRAPHS[page["regime"]],
            name=how,
            model="Transformer, 1 layer, 1 head",
            needs=("regimes",),
            value=_value(number),
            of=page["regime"],
            **{key: page[key] for key in ("low", "high") if key in page},
        )
        for page in PREDICTIONS
        if page["id"] == name
        for how, number in numbers(name, page["regime"]).items()
        if _is_asked(how, page["measure"])
    )


def _measured(name: str) -> str:
    """What is measured, once if it is the same in all regimes."""
    found: dict[str, list[str]] = {}
    for page in PREDICTIONS:
        if page["id"] == name:
            found.setdefault(page["measure"], []).append(page["regime"])
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(
        f"in regime{'s' * (len(where) > 1)} {', '.join(where)}: {what}"
        for what, where in found.items()
    )


def _registered(name: str) -> dict[str, Registered]:
    """What was committed before the runs, by regime."""
    return {
        page["regime"]: Registered(
            committed=page["committed"],
            reason=page["reason"],
            expected=page.get("expected", HOLDS),
        )
        for page in PREDICTIONS
        if page["id"] == name
    }


CLAIMS = tuple(
    Claim(
        id=f"R-{name}",
        statement=sentence.statement,
        source=sentence.source,
        measured=_measured(name),
        conditions=_conditions(name),
        registered=_registered(name),
    )
    for name, sentence in SENTENCES.items()
)
"""A claim for each id of the predictions."""
