"""What a claim is, and how it is judged: a number for each seed against a prediction.

A claim is measured in one place or several (a graph, a model). In a place every seed gives one
number; the prediction bounds their mean. The verdict there is by the 95 % bootstrap interval of the
mean over seeds: inside the bounds it *holds*, outside it *fails*, across them it is *undecided*.
A claim that holds in all its places holds; in some, it *holds only here*.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from planrl.errors import InputError
from planrl.graphs import seeded

HOLDS, HERE, FAILS, UNDECIDED, UNKNOWN = (
    "holds",
    "holds only here",
    "fails",
    "undecided",
    "not measured",
)
Results = Mapping[str, Any]
"""Experiment -> its result for one seed."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a claim is measured, and what is predicted there.

    `needs` are the experiments whose results `value` reads, `of` begins the labels of theirs
    ("dag", "blocksworld"), `part` is what of their seconds it took ("": all). The mean over seeds
    is predicted to be at least `low` and at most `high`.
    """

    name: str
    model: str
    needs: tuple[str, ...]
    value: Callable[[Results], float]
    of: str = ""
    part: str = ""
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if not self.low <= self.high or (math.isinf(self.low) and math.isinf(self.high)):
            raise InputError(f"{self.name}: predict a bound, low={self.low} <= high={self.high}")

    @property
    def prediction(self) -> str:
        """The bounds in words."""
        if math.isinf(self.low):
            return f"at most {self.high:g}"
        if math.isinf(self.high):
            return f"at least {self.low:g}"
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One sentence that can be wrong: who says it, what is measured, where, what is predicted."""

    id: str
    statement: str
    source: str
    measured: str
    places: tuple[Place, ...]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A claim in one place: the seeds' numbers, their mean, its interval, and the verdict."""

    place: str
    model: str
    prediction: str
    verdict: str
    values: tuple[float, ...] = ()
    mean: float = math.nan
    interval: tuple[float, float] = (math.nan, math.nan)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a claim, place by place; `seconds` is what its runs took together."""

    claim: Claim
    verdict: str
    findings: tuple[Finding, ...] = field(default=())
    seconds: float = 0.0


def interval(values: Sequence[float], *, draws: int = 2000) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean; of one value, that value. The same every time."""
    if len(values) < 2:
        return (values[0], values[0]) if values else (math.nan, math.nan)
    data = torch.tensor(values, dtype=torch.float64)
    rows = torch.randint(len(data), (draws, len(data)), generator=seeded(0, "bootstrap"))
    low, high = data[rows].mean(1).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64))
    return float(low), float(high)


def find(place: Place, seeds: Iterable[Results]) -> Finding:
    """The verdict in one place, from the results of each seed."""
    values = tuple(float(place.value(results)) for results in seeds)
    finding = Finding(
        place=place.name, model=place.model, prediction=place.prediction, verdict=UNKNOWN
    )
    if not values:
        return finding
    low, high = interval(values)
    if any(map(math.isnan, values)):
        verdict = FAILS
    elif place.low <= low and high <= place.high:
        verdict = HOLDS
    elif high < place.low or low > place.high:
        verdict = FAILS
    else:
        verdict = UNDECIDED
    mean = sum(values) / len(values)
    return replace(finding, verdict=verdict, values=values, mean=mean, interval=(low, high))


def judge(claim: Claim, findings: Sequence[Finding], seconds: float = 0.0) -> Verdict:
    """The claim's verdict over all its places."""
    seen = [finding.verdict for finding in findings if finding.verdict != UNKNOWN]
    if not seen:
        verdict = UNKNOWN
    elif all(one == HOLDS for one in seen):
        verdict = HOLDS
    elif HOLDS in seen:
        verdict = HERE
    else:
        verdict = FAILS if FAILS in seen else UNDECIDED
    return Verdict(claim=claim, verdict=verdict, findings=tuple(findings), seconds=seconds)
