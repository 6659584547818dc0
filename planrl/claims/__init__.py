"""The paper, claim by claim: what it says, how we measure it, and the verdict with its interval.

    for verdict in verdicts():
        print(verdict.claim.id, verdict.verdict)

Numbers come from the saved results of `planrl.experiments`; nothing is typed in here but the
predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from planrl.claims import conditional, exact, imitated, trained
from planrl.claims.judge import (
    FAILS,
    HERE,
    HOLDS,
    UNDECIDED,
    UNKNOWN,
    Claim,
    Finding,
    Place,
    Results,
    Verdict,
    find,
    interval,
    judge,
)
from planrl.errors import InputError
from planrl.experiments import store

CLAIMS: tuple[Claim, ...] = (
    *exact.CLAIMS,
    *imitated.CLAIMS,
    *trained.CLAIMS,
    *conditional.CLAIMS,
)

__all__ = [
    "CLAIMS",
    "FAILS",
    "HERE",
    "HOLDS",
    "UNDECIDED",
    "UNKNOWN",
    "Claim",
    "Finding",
    "Place",
    "Verdict",
    "find",
    "interval",
    "judge",
    "needed",
    "verdicts",
]


def chosen(only: Sequence[str] = ()) -> list[Claim]:
    """The claims of these ids, or all. Raises InputError for an id that no claim has."""
    known = {claim.id: claim for claim in CLAIMS}
    for name in only:
        if name not in known:
            raise InputError(f"no claim has the id {name!r}; there are: {', '.join(known)}")
    return [known[name] for name in only] if only else list(CLAIMS)


def needed(only: Sequence[str] = ()) -> list[str]:
    """The experiments that these claims (all, if none is named) are measured by."""
    needs = {need for claim in chosen(only) for place in claim.places for need in place.needs}
    return [name for name in store.EXPERIMENTS if name in needs]


def verdicts(
    only: Sequence[str] = (), *, tier: str = "full", folder: Path = store.FOLDER
) -> list[Verdict]:
    """The verdict on each claim, from the results saved for this tier.

    What has no result yet is *not measured*; `planrl reproduce` makes it.
    """
    if tier not in store.TIERS:
        raise InputError(f"tier {tier!r} is unknown: choose {' or '.join(store.TIERS)}")
    pages: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    found = []
    for claim in chosen(only):
        findings, seconds = [], 0.0
        for place in claim.places:
            seeds = _results(place, tier, folder, pages)
            findings.append(find(place, seeds))
            seconds += sum(_seconds(results, place) for results in seeds)
        found.append(judge(claim, findings, seconds))
    return found


def _results(
    place: Place, tier: str, folder: Path, pages: dict[tuple[str, str], dict[int, dict[str, Any]]]
) -> list[Results]:
    """The results of each seed that has all the experiments this place needs."""
    of = place.of if tier == "full" else "-".join(filter(None, ["quick", place.of]))
    for name in place.needs:
        if (name, of) not in pages:
            try:
                saved = store.results(name, of=of, folder=folder)
            except InputError:
                if any(folder.glob(f"{name}-{of}*.json")):
                    raise  # there, but it can't be read
                saved = []
            pages[name, of] = {page["settings"]["seed"]: page["result"] for page in saved}
    seeds = set.intersection(*(set(pages[name, of]) for name in place.needs))
    return [{name: pages[name, of][seed] for name in place.needs} for seed in sorted(seeds)]


def _seconds(results: Results, place: Place) -> float:
    """CPU seconds of the runs, or of the part of them that is about this place."""
    took = [result["facts"]["cpu_seconds"] for result in results.values()]
    if place.part:
        return sum(float(parts[place.part]) for parts in took)
    return sum(sum(parts.values()) for parts in took)
