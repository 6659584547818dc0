"""What became of the claims of version 0.1.0: which were replaced, by which others, and why.

`history.toml` holds their verdicts of then and the reasons. Ids of replaced claims keep resolving:
they are judged and shown with a note, and not counted.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planrl.claims.verdict import Verdict


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
