"""How the numbers of the claims in regimes are computed from the result of one seed, or of all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

Result = Mapping[str, Any]
Number = Callable[..., Any]

PG, SFT, Q, OFF = "policy gradient", "continual SFT", "Q-learning", "Q-learning, off-policy"
PAID = "policy gradient, paid for demonstrated paths"
OUTCOME = "Q-learning, outcome reward"
SAMPLED, GREEDY = "test_accuracy", "test_greedy"
BOTH = {"sampled": SAMPLED, "greedy": GREEDY}


def end(result: Result, learner: str, key: str) -> float:
    """The mean of the last three evaluations."""
    last = result["learners"][learner][key][-3:]
    return float(sum(last) / len(last))


def last(result: Result, learner: str, key: str) -> float:
    """The last evaluation."""
    return float(result["learners"][learner][key][-1])


def gain(learner: str, key: str, result: Result) -> float:
    """The end minus the base, both as this learner samples."""
    return end(result, learner, key) - float(result["learners"][learner][key][0])


def difference(one: str, other: str, key: str, result: Result) -> float:
    """The end of one learner minus the end of another."""
    return end(result, one, key) - end(result, other, key)


def best(result: Result, learner: str, key: str = "accuracy", task: str = "test") -> float:
    """The highest accuracy over the decoding temperatures; of the base if no learner is named."""
    page = result["learners"][learner] if learner else result["base"]
    return float(max(page["end"]["curves"][task][key]))


def best_difference(one: str, others: Sequence[str], result: Result) -> float:
    """The best accuracy of one learner minus the largest of the others' best accuracies."""
    return best(result, one) - max(best(result, other) for other in others)


def share_kept(learner: str, result: Result) -> float:
    """Distinct correct paths of 100 per training pair: the end over the base."""
    return end(result, learner, "train_diversity") / float(result["base"]["train_diversity"])


def at_one(page: Result, task: str, key: str) -> float:
    """What a decoding curve, of a learner or the base, has at temperature 1."""
    curve = page["end"]["curves"][task]
    return float(curve[key][curve["temperature"].index(1.0)])


def simple_share_kept(learner: str, result: Result) -> float:
    """The same at temperature 1, of paths that visit no node twice."""
    own, base = result["learners"][learner], result["base"]
    return at_one(own, "train", "simple") / at_one(base, "train", "simple")


def held_out_paths(learner: str, result: Result) -> float:
    """Distinct correct paths of 100 per held-out pair at the last evaluation, at temperature 1."""
    return at_one(result["learners"][learner], "test", "diversity")


def difference_at_equal_accuracy(one: str, other: str, key: str, result: Result) -> float:
    """A measure of one learner minus another's, at the training accuracy the slower one ends with.

    Between two evaluations of the faster one the measure is interpolated, where its training
    accuracy first gets there. If the slower one does not end above the base, there is no such
    accuracy, and the number is nan, which no bound holds.
    """
    ends = {name: last(result, name, "train_accuracy") for name in (one, other)}
    slower = min(ends, key=ends.__getitem__)
    level = ends[slower]

    def there(name: str) -> float:
        page = result["learners"][name]
        right, values = page["train_accuracy"], page[key]
        if level <= right[0]:
            return math.nan
        if name == slower:
            return float(values[-1])
        after = next(k for k, accuracy in enumerate(right) if accuracy >= level)
        share = (level - right[after - 1]) / (right[after] - right[after - 1])
        return float(values[after - 1] + share * (values[after] - values[after - 1]))

    return there(one) - there(other)


def smallest_lead(one: str, other: str, result: Result) -> float:
    """The smallest lead in held-out accuracy at a number of simple paths that both curves reach.

    Each learner's best accuracy with at least so many distinct correct paths that visit no node
    twice, over decoding temperatures, with straight lines between these; compared at the points
    of both curves, up to the most paths that both reach.
    """
    fronts = [_front(result["learners"][name]["end"]["curves"]["test"]) for name in (one, other)]
    high = min(front[-1][0] for front in fronts)
    at = sorted({x for front in fronts for x, _ in front if x <= high} | {high})
    return min(_on(fronts[0], x) - _on(fronts[1], x) for x in at)


def _front(curve: Mapping[str, Sequence[float]]) -> list[tuple[float, float]]:
    """Number of simple paths, best accuracy with at least so many, in ascending order."""
    points = sorted(zip(curve["simple"], curve["accuracy"], strict=True))
    return [(x, max(accuracy for _, accuracy in points[k:])) for k, (x, _) in enumerate(points)]


def _on(front: Sequence[tuple[float, float]], x: float) -> float:
    """A front's accuracy at a number of paths, at most its last one's."""
    after = next(k for k, (paths, _) in enumerate(front) if paths >= x)
    if after == 0 or front[after][0] == x:
        return front[after][1]
    (x0, y0), (x1, y1) = front[after - 1], front[after]
    return y0 + (x - x0) / (x1 - x0) * (y1 - y0)


def edges(result: Result, learner: str, score: str, readout: str = "weights") -> float:
    """What a read-out tells of edges at the last evaluation; of the base if no learner is named."""
    page = result["learners"][learner]["edges"][-1] if learner else result["base"]["edges"]
    return float(page[readout][score])


def spread(learner: str, result: Result) -> float:
    """The spread among a context's correct next nodes, visited contexts, per unit of reward."""
    return float(result["learners"][learner]["end"]["spread"]["visited"]) / 10.0


def rank_correlation(learner: str, key: str, result: Result) -> float:
    """Spearman's, of the number of updates with a measured value."""
    page = result["learners"][learner]
    return correlation(ranks(page["step"]), ranks(page[key]))


def ranks(values: Sequence[float]) -> list[float]:
    """Positions in ascending order; equal values share the mean of theirs."""
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) - 1) / 2
        for value in values
    ]


def correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson's; 0 where one of them does not vary."""
    means = sum(a) / len(a), sum(b) / len(b)
    left, right = [x - means[0] for x in a], [y - means[1] for y in b]
    norm = (sum(x * x for x in left) * sum(y * y for y in right)) ** 0.5
    return sum(x * y for x, y in zip(left, right, strict=True)) / norm if norm else 0.0


def fall_after_peak(learner: str, key: str, results: Sequence[Result]) -> list[float]:
    """For each seed: the evaluation at the other seeds' best step, minus the end.

    The step is the one, after the base, at which the other seeds' mean is highest. So a seed's own
    noise cannot make a peak.
    """
    curves = [[float(x) for x in one["learners"][learner][key]] for one in results]
    found = []
    for own, one in enumerate(results):
        others = [curve for seed, curve in enumerate(curves) if seed != own] or curves
        means = [sum(values) / len(values) for values in zip(*others, strict=True)]
        peak = max(range(1, len(means)), key=means.__getitem__)
        found.append(curves[own][peak] - end(one, learner, key))
    return found


def _both(make: Callable[[str], Number]) -> dict[str, Number]:
    """One number for sampled and one for greedy accuracy on held-out pairs."""
    return {how: make(key) for how, key in BOTH.items()}


def _minus(one: str, other: str) -> dict[str, Number]:
    return _both(lambda key: partial(difference, one, other, key))


def _noise(kind: str, share: int, other: int = 0) -> Number:
    """Greedy accuracy with this share of wrong checks, minus that with another share."""
    less = f"{Q}, {kind} noise {other}%" if other else Q
    return partial(difference, f"{Q}, {kind} noise {share}%", less, GREEDY)


def _edges(one: str, other: str, score: str) -> Number:
    """What a read-out of W^M' tells of edges: one learner minus another."""
    return lambda result: edges(result, one, score) - edges(result, other, score)


def _kl(weight: str) -> str:
    return f"{PG} + KL {weight}"


def _last_minus(one: str, other: str, key: str) -> Number:
    return lambda result: last(result, one, key) - last(result, other, key)


def _plateau(result: Result) -> float:
    """The last evaluation of lambda 1 minus the one at 60 % of its updates."""
    page = result["learners"][_kl("1")]
    at = page["step"].index(round(0.6 * page["step"][-1]))
    return float(page[SAMPLED][-1] - page[SAMPLED][at])


def _forgotten_paths(result: Result) -> float:
    """How much likelier the demonstrated paths stay under lambda 1 than without a penalty."""
    return last(result, PG, "demonstrated_nll") - last(result, _kl("1"), "demonstrated_nll")


def _base(key: str) -> Number:
    return lambda result: result["base"]["end"]["imitation"][key]


def _nearer_than_uniform(result: Result) -> float:
    found = result["base"]["end"]["imitation"]
    return float(found["uniform_to_shares"] - found["to_shares"])


def _signature(result: Result) -> float:
    return float(result["base"]["train_accuracy"] - result["base"][SAMPLED])


def across(number: Number) -> Number:
    """Mark a number that is computed from the results of all seeds at once."""
    number.across = True  # type: ignore[attr-defined]
    return number
