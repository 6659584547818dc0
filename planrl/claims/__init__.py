"""The paper, claim by claim: what it says, how we measure it, and the verdict with its interval.

    for verdict in verdicts():
        print(verdict.claim.id, verdict.verdict)

Numbers come from the saved results of `planrl.experiments`; nothing is typed in here but the
predictions. Those of the regimes, but one, were committed before their runs (`predictions.toml`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from planrl.claims import (
    ablations,
    depth,
    imitation,
    methods,
    objectives,
    paper,
    regimes,
    soft_and_noise,
    soft_methods,
    theorems,
    tools,
)
from planrl.claims.history import SUCCESSION, changes, figure_claims, is_current
from planrl.claims.verdict import (
    DECIDED,
    FAILS,
    FEW,
    FEW_SEEDS,
    HOLDS,
    IN_PART,
    SO_FAR,
    UNDECIDED,
    UNKNOWN,
    Claim,
    Condition,
    Finding,
    Settings,
    Verdict,
    find,
    interval,
    judge,
)
from planrl.errors import InputError, whole
from planrl.experiments import store
from planrl.experiments.records import in_words

GROUPS: dict[str, tuple[Claim, ...]] = {
    "theorems": theorems.CLAIMS,
    "imitation": imitation.CLAIMS,
    "figures": paper.CLAIMS,
    "conditions": ablations.CLAIMS,
    "regimes": regimes.CLAIMS,
    "objectives": objectives.CLAIMS,
    "methods": methods.CLAIMS,
    "soft-and-noise": soft_and_noise.CLAIMS,
    "soft-methods": soft_methods.CLAIMS,
    "ladder": soft_and_noise.read_claims("ladder.toml"),
    "tools": tools.CLAIMS,
    "depth": depth.CLAIMS,
    "corridor": soft_and_noise.read_claims("corridor.toml"),
}
"""Group -> its claims, in the paper's order."""
CLAIMS: tuple[Claim, ...] = tuple(claim for group in GROUPS.values() for claim in group)
"""All claims, those that were replaced by others included."""
COUNTED: tuple[Claim, ...] = tuple(claim for claim in CLAIMS if is_current(claim.id))
"""The claims that were not replaced."""

__all__ = [
    "CLAIMS",
    "COUNTED",
    "DECIDED",
    "FAILS",
    "FEW",
    "FEW_SEEDS",
    "GROUPS",
    "HOLDS",
    "IN_PART",
    "SO_FAR",
    "SUCCESSION",
    "UNDECIDED",
    "UNKNOWN",
    "Claim",
    "Condition",
    "Finding",
    "Verdict",
    "changes",
    "figure_claims",
    "find",
    "interval",
    "is_current",
    "judge",
    "needed",
    "settings_in_words",
    "verdicts",
]


def chosen(only: Sequence[str] = ()) -> list[Claim]:
    """The claims of these ids or groups, or all. Raises InputError for a name that nothing has."""
    known = {claim.id: [claim] for claim in CLAIMS} | {name: list(GROUPS[name]) for name in GROUPS}
    for name in only:
        if name not in known:
            raise InputError(f"no claim has the id {name!r}; there are: {', '.join(known)}")
    return [claim for name in only for claim in known[name]] if only else list(CLAIMS)


def needed(only: Sequence[str] = (), tier: str = "full") -> list[str]:
    """The experiments that these claims (all, if none is named) are measured by in a tier."""
    needs = {
        need
        for claim in chosen(only)
        for condition in _measured(claim, tier)
        for need in condition.needs
    }
    return [name for name in store.EXPERIMENTS if name in needs]


def verdicts(
    only: Sequence[str] = (), *, tier: str | None = None, folder: Path = store.FOLDER
) -> list[Verdict]:
    """The verdict on each claim, from the results saved for this tier.

    Without a tier it is that of the results in the folder. A claim that no study of the tier
    measures is left out. What has no result yet is *not measured*; `planrl reproduce` makes it.
    """
    tier = tier or store.tier_of(folder)
    store.check_tier(tier)
    pages: Pages = {}
    return [
        _judged(claim, conditions, tier, folder, pages)
        for claim in chosen(only)
        if (conditions := _measured(claim, tier))
    ]


def _measured(claim: Claim, tier: str) -> list[Condition]:
    """The conditions of a claim that studies of the tier measure."""
    return [
        condition
        for condition in claim.conditions
        if all(
            any(study.label.startswith(_of(condition, tier)) for study in store.known(name, tier))
            for name in condition.needs
        )
    ]


def _judged(
    claim: Claim, conditions: Sequence[Condition], tier: str, folder: Path, pages: Pages
) -> Verdict:
    """The verdict on one claim. `pages` keeps what was read for others."""
    findings, took = [], dict[tuple[str, ...], float]()
    made: dict[str, tuple[datetime, ...]] = {}
    for condition in conditions:
        seeds = _pages(condition, tier, folder, pages)
        runs = list(seeds.values())
        results = [{name: page["result"] for name, page in one.items()} for one in runs]
        try:
            findings.append(find(condition, results, _settings(condition, tier, runs), list(seeds)))
            took |= _seconds(condition, runs)
            made[condition.of] = _made(runs)
        except InputError:
            raise
        except Exception as error:  # a file that is a result in name only can fail anyhow
            raise InputError(
                f"a saved result of {' or '.join(condition.needs)} in {folder} is not one "
                f"({type(error).__name__}: {str(error)[:200]}): have it made anew with `python "
                "-m planrl reproduce --again`"
            ) from None
    claim = replace(claim, conditions=tuple(conditions))  # those that this tier measures
    if tier == "quick":
        claim = replace(claim, registered={})  # they are about the regimes in full size
    return judge(claim, findings, sum(took.values()), made)


def _made(runs: Sequence[dict[str, dict[str, Any]]]) -> tuple[datetime, ...]:
    """When these runs were made, in order, as far as that is known."""
    return tuple(
        sorted(page["made_at"] for one in runs for page in one.values() if page["made_at"])
    )


def settings_in_words(verdict: Verdict) -> list[str]:
    """The settings of a claim's results, a line for each experiment and each that differs."""
    found: dict[str, None] = {}
    for finding in verdict.findings:
        for name, settings in finding.settings.items():
            told = ", ".join(
                f"{key} {' '.join(map(str, value)) if isinstance(value, list | tuple) else value}"
                for key, value in settings.items()
            )
            found[f"{name}: {told}"] = None
    return list(found)


Pages = dict[tuple[str, str], dict[int, dict[str, Any]]]


def _pages(
    condition: Condition, tier: str, folder: Path, pages: Pages
) -> dict[int, dict[str, dict[str, Any]]]:
    """Seed -> experiment -> saved result, for the seeds that have all that this condition needs."""
    of = _of(condition, tier)
    for name in condition.needs:
        if (name, of) not in pages:
            there = store.saved(name, of=of, folder=folder)
            found = store.results(name, of=of, folder=folder) if there else []
            pages[name, of] = {whole(p["study"].get("seed"), "seed"): p for p in found}
    seeds = set.intersection(*(set(pages[name, of]) for name in condition.needs))
    return {
        seed: {name: pages[name, of][seed] for name in condition.needs} for seed in sorted(seeds)
    }


def _of(condition: Condition, tier: str) -> str:
    return condition.of if tier == "full" else "-".join(filter(None, ["quick", condition.of]))


def _settings(condition: Condition, tier: str, seeds: list[dict[str, dict[str, Any]]]) -> Settings:
    """The settings of a condition's results, but for the seed; without results, those to be run."""
    if seeds:
        return {name: in_words(seeds[0][name]["study"]) for name in condition.needs}
    of = _of(condition, tier)
    return {
        name: in_words(next(s for s in store.known(name, tier) if s.label.startswith(of)).plain())
        for name in condition.needs
    }


def _seconds(
    condition: Condition, seeds: list[dict[str, dict[str, Any]]]
) -> dict[tuple[str, ...], float]:
    """CPU seconds of the runs by run and part: of the condition's part if its own were measured."""
    found: dict[tuple[str, ...], float] = {}
    for pages in seeds:
        for name, page in pages.items():
            took, key = store.cpu_seconds(page), (name, str(page["study"]))
            part = getattr(condition.value, "part", "")
            parts = {part: took[part]} if part in took else took
            found |= {(*key, of): seconds for of, seconds in parts.items()}
    return found
