"""What became of the claims of version 0.1.0: which were replaced, by which others, and why.

`history.toml` holds their verdicts of then and the reasons, and which claims decide on those of the
paper's figures (`figure_claims`). Ids of replaced claims keep resolving: they are judged and shown
with a note, and not counted.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planrl.claims.verdict import FEW_SEEDS, HOLDS, SO_FAR, UNKNOWN, Finding, Verdict, judge


@dataclass(frozen=True, kw_only=True)
class Succession:
    """The claims that ask in a claim's stead or in another regime, why, and whether it is out."""

    by: tuple[str, ...]
    why: str
    replaced: bool


_FILE = tomllib.loads((Path(__file__).parent / "history.toml").read_text(encoding="utf-8"))
BEFORE: Mapping[str, str] = _FILE["before"]
"""Id -> its verdict in version 0.1.0."""
SUCCESSION: Mapping[str, Succession] = {
    page["id"]: Succession(by=tuple(page["by"]), why=page["why"], replaced=page["replaced"])
    for page in _FILE["claim"]
}
"""Id -> what became of it."""
FIGURES: Mapping[str, tuple[str, ...]] = {
    name: tuple(others) for name, others in _FILE["figures"].items()
}
"""Claim of the paper's figures -> those that decide on it in the regimes that it is meant for."""
RANDOM, BLOCKS = "random graphs", "Blocksworld"
GRAPHS = {RANDOM: "ABE", BLOCKS: "CD"}
"""Kind of graph -> its regimes."""
NOT_YET, NOT_ASKED = "not yet run", "not asked"
BOTH, NOT_BOTH, OPEN = "yes", "no", "open"


def is_current(claim: str) -> bool:
    """Whether the claim counts: it was not replaced."""
    return claim not in SUCCESSION or not SUCCESSION[claim].replaced


def changes(judged: Mapping[str, Verdict]) -> list[dict[str, str]]:
    """A row for each claim of version 0.1.0 whose verdict moved or that has a successor.

    `judged` has the verdicts of all claims by id.
    """
    rows = []
    for name, before in BEFORE.items():
        known = SUCCESSION.get(name, Succession(by=(), why="", replaced=False))
        own = judged[name].told
        after = [f"replaced ({own} by the new rules)" if known.replaced else own]
        after += [f"{other}: {judged[other].told}" for other in known.by]
        if known.why or own != before:
            rows.append(
                {"claim": name, "before": before, "after": "; ".join(after), "why": known.why}
            )
    return rows


@dataclass(frozen=True, kw_only=True)
class FigureClaim:
    """A claim of the paper's figures: its verdict in version 0.1.0, and in the regimes by graph.

    `both` says whether it holds on random graphs and on Blocksworld: yes, no, or open. It is open
    where nothing speaks against the claim and a run is missing or is not planned.
    """

    claim: str
    statement: str
    before: str
    on: Mapping[str, str]
    both: str
    why: str

    @property
    def differs(self) -> bool:
        """Whether it does not hold on some kind of graph that has a verdict."""
        return self.both == NOT_BOTH


def figure_claims(judged: Mapping[str, Verdict]) -> list[FigureClaim]:
    """The claims of the figures, before and now; `judged` has the verdicts of all claims by id."""
    rows = []
    for name, deciding in FIGURES.items():
        verdicts = {kind: _on(kind, [judged[one] for one in deciding]) for kind in GRAPHS}
        held = [one is not None and one.verdict == HOLDS for one in verdicts.values()]
        open_ = (HOLDS, SO_FAR, UNKNOWN, FEW_SEEDS)
        against = any(one is not None and one.verdict not in open_ for one in verdicts.values())
        rows.append(
            FigureClaim(
                claim=name,
                statement=judged[name].claim.statement,
                before=BEFORE[name],
                on={kind: _in_words(one) for kind, one in verdicts.items()},
                both=BOTH if all(held) else NOT_BOTH if against else OPEN,
                why=SUCCESSION[name].why,
            )
        )
    return rows


def _on(kind: str, deciding: Sequence[Verdict]) -> Verdict | None:
    """The verdict over the conditions on one kind of graph; None if there is no condition."""
    found: list[Finding] = [
        finding
        for one in deciding
        for condition, finding in zip(one.claim.conditions, one.findings, strict=True)
        if condition.of in GRAPHS[kind]
    ]
    return judge(deciding[0].claim, found) if found else None


def _in_words(verdict: Verdict | None) -> str:
    if verdict is None:
        return NOT_ASKED
    return NOT_YET if verdict.verdict == UNKNOWN else verdict.told
