"""Soft values, and checks that are few or wrong: claims of ours, with committed predictions.

Measured by the experiments `soft` and `noise`. Sentences, bounds and reasons stand in
soft_and_noise.toml, which was committed before the runs of the seeds 0 to 9.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planrl.claims.verdict import HOLDS, Claim, Condition, Number, Registered

FILE = tomllib.loads((Path(__file__).parent / "soft_and_noise.toml").read_text(encoding="utf-8"))
"""The predictions: when they were committed, and an entry for each claim."""


def _condition(page: Mapping[str, Any], bound: Mapping[str, Any]) -> Condition:
    """One bound of a claim."""
    part, _, name = bound["number"].partition(".")
    return Condition(
        graph=FILE["graphs"][bound["graph"]],
        name=bound.get("name", ""),
        model=bound.get("model", "linear Transformer"),
        needs=(page["experiment"],),
        value=Number(page["experiment"], part, name),
        **{key: bound[key] for key in ("low", "high") if key in bound},
    )


def _claim(page: Mapping[str, Any]) -> Claim:
    """The claim of an entry."""
    registered = Registered(
        committed=page.get("committed", FILE["committed"]),
        reason=page["reason"],
        expected=page.get("expected", HOLDS),
    )
    return Claim(
        id=page["id"],
        statement=page["statement"],
        source=page.get("source", "our derivation"),
        measured=page["measured"],
        conditions=tuple(_condition(page, bound) for bound in page["bound"]),
        registered={"": registered},
    )


CLAIMS = tuple(_claim(page) for page in FILE["claim"])
"""A claim for each entry."""
