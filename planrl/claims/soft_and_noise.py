"""Soft values, wrong checks, the ladder of planning problems: claims of ours, predicted first.

Measured by the experiments `soft`, `noise` and `ladder`. Sentences, bounds and reasons stand in
soft_and_noise.toml and ladder.toml, which were committed before the runs of the seeds 0 to 9.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planrl.claims.verdict import HOLDS, Claim, Condition, Registered, Results

Entry = Mapping[str, Any]


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))


FILE = _read("soft_and_noise.toml")
"""The predictions: when they were committed, and an entry for each claim."""
LADDER = _read("ladder.toml")
"""The same of the ladder, where each graph has results of its own."""


@dataclass(frozen=True)
class _Number:
    """A number of one part of the results, or its difference to another of the same part."""

    experiment: str
    part: str
    name: str

    def __call__(self, results: Results) -> float:
        found = results[self.experiment][self.part]
        first, _, second = self.name.partition(" - ")
        return float(found[first]) - (float(found[second]) if second else 0.0)


def _condition(file: Entry, page: Entry, bound: Entry) -> Condition:
    """One bound of a claim."""
    part, _, name = bound["number"].partition(".")
    return Condition(
        graph=file["graphs"][bound["graph"]],
        name=bound.get("name", ""),
        model=bound.get("model", "linear Transformer"),
        needs=(page["experiment"],),
        value=_Number(page["experiment"], part, name),
        of=bound["graph"] if file.get("results_by_graph") else "",
        **{key: bound[key] for key in ("low", "high") if key in bound},
    )


def _claim(file: Entry, page: Entry) -> Claim:
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
        registered={"": registered},
    )


CLAIMS = tuple(_claim(FILE, page) for page in FILE["claim"])
"""A claim for each entry."""
ON_LADDER = tuple(_claim(LADDER, page) for page in LADDER["claim"])
"""A claim for each entry about the ladder."""
