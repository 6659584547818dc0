"""What a claim is, and how it is judged: a number for each seed against a prediction.

A claim is measured under one condition or several (a graph, a model). Under a condition every seed
gives one number, and the prediction bounds their mean. The verdict there is by the 95 % confidence
interval of the mean over seeds (Student's t): inside the bounds the claim *holds*, outside it
*fails*, and across a bound it is *undecided*. A claim that holds under all its conditions holds;
under some, it *holds in part*. A condition without a result is not passed over: what holds under
the others *holds where measured*. Below `FEW` seeds there is no verdict but *not enough seeds*.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from planrl.errors import InputError

HOLDS = "holds"
"""The interval lies inside the prediction in every condition."""
SO_FAR = "holds where measured"
"""The claim holds in every condition that has a verdict; at least one has none."""
IN_PART = "holds in part"
"""The claim holds in some of the conditions that have a verdict, but not in all."""
FAILS = "fails"
"""The interval lies outside the prediction, or the claim holds in no condition."""
UNDECIDED = "undecided"
"""The interval overlaps the prediction, but does not lie inside it."""
UNKNOWN = "not measured"
"""There is no saved result."""
FEW_SEEDS = "not enough seeds"
"""There are results, of fewer seeds than a verdict needs."""
DECIDED = (HOLDS, FAILS, UNDECIDED)
"""The verdicts on one condition that say something of the prediction."""
FEW = 10
"""Seeds below which there is no verdict."""
T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
)  # fmt: skip
"""The 97.5 % quantile of Student's t with 1, 2, ... degrees of freedom."""
ROUNDING = 1e-12
"""An interval whose end is this near a bound ends there: sums of shares are rounded."""
Results = Mapping[str, Any]
"""Experiment -> its result for one seed."""
Settings = Mapping[str, Mapping[str, Any]]
"""Experiment -> the settings of its results, but for the seed."""


@dataclass(frozen=True)
class Number:
    """A number of one part of an experiment's results; of "a - b", the difference of two.

    b is a number of the same part, or it names another part: "a - part.b".
    """

    experiment: str
    part: str
    name: str

    def __call__(self, results: Results) -> float:
        """The number in the results of one seed."""
        found = results[self.experiment][self.part]
        first, _, second = self.name.partition(" - ")
        value = _number(found[first])
        if second and second not in found:
            other, _, second = second.partition(".")
            found = results[self.experiment][other]
        return value - (_number(found[second]) if second else 0.0)


def _number(value: Any) -> float:
    """A saved number as a float. JSON has no nan, so null is nan again."""
    return math.nan if value is None else float(value)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Where a claim is measured, and what is predicted there.

    `graph` may name settings of the first experiment in braces, such as {nodes}; `name` tells this
    condition from others of the same graph and model.
    `needs` are the experiments whose results `value` reads, and `of` begins the labels of theirs
    ("dag", "blocksworld"). A `value` with an attribute `part` took that part of their seconds only.
    The mean over seeds is predicted to be at least `low` and at most `high`.
    """

    graph: str
    model: str
    name: str = ""
    needs: tuple[str, ...]
    value: Callable[[Results], float]
    of: str = ""
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if not self.low <= self.high or (math.isinf(self.low) and math.isinf(self.high)):
            where = ", ".join(filter(None, (self.graph, self.name)))
            raise InputError(f"{where}: predict a bound, low={self.low} <= high={self.high}")

    def values(self, results: Sequence[Results]) -> tuple[float, ...]:
        """The number of each seed. A `value` with the attribute `across` gets all seeds at once."""
        if getattr(self.value, "across", False):
            many: Callable[..., Iterable[float]] = self.value  # type: ignore[assignment]
            return tuple(map(_number, many(results)))
        return tuple(_number(self.value(one)) for one in results)

    @property
    def prediction(self) -> str:
        """The bounds in words."""
        if math.isinf(self.low):
            return f"at most {self.high:g}"
        if math.isinf(self.high):
            return f"at least {self.low:g}"
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A prediction that was committed before the runs: when, which verdict, and why this bound."""

    committed: datetime
    reason: str
    expected: str = HOLDS


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One sentence that can be wrong: who says it, what is measured, where, what is predicted.

    `registered` has the predictions that were committed before the runs, by the `of` of the
    conditions that they are about.
    """

    id: str
    statement: str
    source: str
    measured: str
    conditions: tuple[Condition, ...]
    registered: Mapping[str, Registered] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A claim under one condition: the seeds' numbers, their mean, its interval, and the verdict.

    `seeds` are those that gave `values`, in their order, where known; `settings` are those of the
    results, by experiment.
    """

    graph: str
    model: str
    name: str
    prediction: str
    verdict: str
    values: tuple[float, ...] = ()
    seeds: tuple[int, ...] = ()
    settings: Settings = field(default_factory=dict)

    @cached_property
    def mean(self) -> float:
        """The mean of the values; nan without one."""
        return sum(self.values) / len(self.values) if self.values else math.nan

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the mean."""
        return interval(self.values)

    @property
    def condition(self) -> str:
        """Graph and what is special, in words."""
        return ", ".join(filter(None, (self.graph, self.name)))

    @property
    def few(self) -> bool:
        """Whether there are results, but of too few seeds for a verdict."""
        return self.verdict == FEW_SEEDS

    @property
    def told(self) -> str:
        """The verdict, and with too few seeds how many there are."""
        return f"{self.verdict} ({len(self.values)} of {FEW})" if self.few else self.verdict

    def missed(self, registered: Registered) -> bool:
        """Whether there is a verdict, and another one than was predicted."""
        return self.verdict in DECIDED and self.verdict != registered.expected


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a claim, condition by condition.

    `seconds` is what its runs took together, each counted once, where that was recorded; `made` is
    when they were made, by the `of` of the conditions, where that is known.
    """

    claim: Claim
    verdict: str
    findings: tuple[Finding, ...] = field(default=())
    seconds: float = 0.0
    made: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """Under how many conditions it is not measured."""
        return sum(finding.verdict == UNKNOWN for finding in self.findings)

    @property
    def told(self) -> str:
        """The verdict, and with too few seeds how many there are."""
        if self.verdict != FEW_SEEDS:
            return self.verdict
        least = min((len(f.values) for f in self.findings if f.few), default=0)
        return f"{FEW_SEEDS} ({least} of {FEW})"

    @property
    def caution(self) -> str:
        """What to know before the verdict is taken at its word; nothing if there is nothing."""
        said = []
        if self.missing:
            said.append(f"{self.missing} of {len(self.findings)} conditions not measured")
        few = [len(finding.values) for finding in self.findings if finding.few]
        if few:
            said.append(
                f"{len(few)} of {len(self.findings)} conditions have fewer than {FEW} seeds, "
                f"one of them {min(few)}: no verdict there"
            )
        return "; ".join(said)

    @property
    def registered(self) -> list[tuple[Registered, list[Finding], tuple[datetime, ...]]]:
        """Each committed prediction with the findings that it is about, and their runs' dates.

        One that is the same for several beginnings of labels counts once.
        """
        of = [condition.of for condition in self.claim.conditions]
        about: dict[Registered, list[str]] = {}
        for key, one in self.claim.registered.items():
            if key in of:
                about.setdefault(one, []).append(key)
        return [
            (
                one,
                [f for name, f in zip(of, self.findings, strict=True) if name in keys],
                tuple(sorted(date for key in keys for date in self.made.get(key, ()))),
            )
            for one, keys in about.items()
        ]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % confidence interval of the mean by Student's t; of one value, that value.

    With more than 21 values the quantile of 20 degrees of freedom is used, which is too wide by at
    most 7 %.
    """
    if not values or any(map(math.isnan, values)):
        return math.nan, math.nan
    if len(values) == 1:
        return values[0], values[0]
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    half = T_975[min(len(values) - 1, len(T_975)) - 1] * deviation / len(values) ** 0.5
    return mean - half, mean + half


def find(
    condition: Condition,
    results: Iterable[Results],
    settings: Settings | None = None,
    seeds: Sequence[int] = (),
) -> Finding:
    """The verdict under one condition, from the results of each seed; `settings` are theirs.

    `seeds` says of which seed each result is. Raises InputError if it says so of more or fewer, or
    if a result lacks what is to be measured: it was made by another version.
    """
    try:
        values = condition.values(list(results))
    except (KeyError, TypeError) as error:
        lacks = error if isinstance(error, KeyError) else "number where one is measured"
        raise InputError(
            f"a saved result of {' or '.join(condition.needs)} has no {lacks}: make it again with "
            f"`python -m planrl reproduce --only {condition.needs[0]} --again`"
        ) from error
    if len(seeds) not in (0, len(values)):
        raise InputError(f"results: {len(values)}, seeds: {len(seeds)}; give one for each, or none")
    known = settings or {}
    finding = Finding(
        graph=condition.graph.format(**known.get(condition.needs[0], {})),
        model=condition.model,
        name=condition.name,
        prediction=condition.prediction,
        verdict=UNKNOWN,
        settings=known,
    )
    if not values:
        return finding
    verdict = compared(condition, values) if len(values) >= FEW else FEW_SEEDS
    return replace(finding, verdict=verdict, values=values, seeds=tuple(seeds))


def compared(condition: Condition, values: Sequence[float]) -> str:
    """Where the interval of the mean lies: *holds* is inside the predicted bounds, *fails* outside.

    This asks of no number of seeds; `find` does.
    """
    low, high = interval(values)
    least, most = condition.low - ROUNDING, condition.high + ROUNDING
    if any(map(math.isnan, values)):
        return FAILS
    if least <= low and high <= most:
        return HOLDS
    return FAILS if high < least or low > most else UNDECIDED


def judge(
    claim: Claim,
    findings: Sequence[Finding],
    seconds: float = 0.0,
    made: Mapping[str, tuple[datetime, ...]] | None = None,
) -> Verdict:
    """The claim's verdict over all its conditions."""
    seen = [finding.verdict for finding in findings if finding.verdict in DECIDED]
    if not seen:
        few = any(finding.verdict == FEW_SEEDS for finding in findings)
        verdict = FEW_SEEDS if few else UNKNOWN
    elif all(one == HOLDS for one in seen):
        verdict = HOLDS if len(seen) == len(findings) else SO_FAR
    elif HOLDS in seen:
        verdict = IN_PART
    else:
        verdict = FAILS if FAILS in seen else UNDECIDED
    return Verdict(
        claim=claim, verdict=verdict, findings=tuple(findings), seconds=seconds, made=made or {}
    )
