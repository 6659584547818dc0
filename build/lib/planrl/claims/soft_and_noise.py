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

Page = Mapping[str, Any]


def _condition(file: Page, page: Page, bound: Page) -> Condition:
    """One bound of a claim."""
    part, _, name = bound["number"].partition(".")
    return Condition(
        graph=file["graphs"][bound["graph"]],
        name=bound.get("name", ""),
        model=bound.get("model", "linear Transformer"),
        needs=(page["experiment"],),
        of=bound.get("of", ""),
        value=Number(page["experiment"], part, name),
        **{key: bound[key] for key in ("low", "high") if key in bound},
    )


def _claim(file: Page, page: Page) -> Claim:
    """The claim of an entry."""
    registered = Registered(
        committed=page.get("committed", file["committed"]),
        reason=page["reason"],
        expected=page.get("expected", HOLDS),
    )
    return Claim(
        id=page["id"],
        statement=page["statement"],
        source=page.get("source", "our derivation"),
        measured=page["measured"],
        conditions=tuple(_condition(file, page, bound) for bound in page["bound"]),
        registered=dict.fromkeys([bound.get("of", "") for bound in page["bound"]], registered),
    )


def read_claims(name: str) -> tuple[Claim, ...]:
    """The claims of a file of predictions: when they were committed, and an entry for each."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    file = tomllib.loads(text)
    return tuple(_claim(file, page) for page in file["claim"])


CLAIMS = read_claims("soft_and_noise.toml")
"""A claim for each entry."""
