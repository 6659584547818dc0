"""Exercises on methods and verdicts: GRPO and RFT as small changes, judging claims."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from planrl.claims import FAILS, HOLDS, UNDECIDED, Condition, find, interval
from planrl.experiments import store
from planrl.graphs import random_dag, seeded
from planrl.losses import Loss, policy_gradient, sft
from planrl.models import LogitTable
from planrl.objectives import dr_grpo
from planrl.streams import on_policy
from planrl.tasks import Batch, all_pairs
from planrl.teaching.exercises.checks import Feedback, ask


def _sampled_batch() -> tuple[LogitTable, Batch]:
    """A half-trained table and 256 of its rollouts, several for each source-target pair."""
    task = all_pairs(random_dag(7, 0.5, seeded(0, "graph")))
    model = LogitTable(task.vocab)
    with torch.no_grad():
        model.table[:, :, :7] += 2.0 * task.graph.correct
    return model, next(on_policy(model, task, rng=seeded(0, "walks"), size=256))


def _slope(loss: Loss, model: LogitTable, batch: Batch) -> Tensor:
    (slope,) = torch.autograd.grad(loss(model(batch.tokens[:, :-1]), batch), model.table)
    return slope


def grouped(loss: Loss) -> Feedback:
    """Try the reader's policy gradient with a baseline for each question."""
    model, batch = _sampled_batch()
    answer, wrong = ask(loss, model(batch.tokens[:, :-1]), batch)
    if not wrong:
        answer, wrong = ask(lambda: _slope(loss, model, batch))
    if wrong:
        return wrong
    wanted = _slope(dr_grpo, model, batch)
    if torch.allclose(answer, wanted, atol=1e-6):
        return Feedback(
            True,
            "The gradient equals that of dr_grpo. It is 0 for a pair whose paths are all "
            "correct or all incorrect.",
        )
    if torch.allclose(answer, _slope(policy_gradient, model, batch), atol=1e-6):
        return Feedback(False, "That is the plain policy gradient: nothing is subtracted yet.")
    whole = _slope(lambda *given: policy_gradient(*given, baseline=True), model, batch)
    if torch.allclose(answer, whole, atol=1e-6):
        return Feedback(
            False,
            "You subtract the mean return of the whole batch: take the mean over the paths with "
            "the same source and target.",
        )
    ratio = float((answer * wanted).sum() / wanted.square().sum())
    if torch.allclose(answer, ratio * wanted, atol=1e-6):
        if ratio < 0:
            return Feedback(False, "The sign is reversed: training minimises the loss.")
        return Feedback(
            False,
            f"The direction is right, but the size is {ratio:.3g} times that expected: divide by "
            "the number of paths.",
        )
    return Feedback(
        False,
        "Subtract from each path's return the mean return of its group, which is all "
        "paths with the same two prompt tokens.",
    )


def sieve(function: Callable[[Iterator[Batch]], Iterator[Batch]]) -> Feedback:
    """Try the reader's stream of correct paths: SFT on it is policy gradient (Theorem 4.1)."""
    model, batch = _sampled_batch()
    stream, wrong = ask(function, iter([batch]))
    if wrong:
        return wrong
    sieved, wrong = ask(lambda: next(iter(stream)))
    if wrong:
        return wrong
    if not isinstance(sieved, Batch):
        return Feedback(False, f"Yield a pr.Batch, not a {type(sieved).__name__}.")
    right = batch.reward.sum(1) > 0
    rows = len(sieved.tokens)
    if rows == len(batch.tokens):
        return Feedback(False, "You kept all paths: leave out the rows whose return is 0.")
    if rows == int((~right).sum()) and not torch.equal(sieved.tokens, batch.tokens[right]):
        return Feedback(False, "You kept the incorrect paths: keep those with a return above 0.")
    if not torch.equal(sieved.tokens, batch.tokens[right]):
        return Feedback(
            False, f"{int(right.sum())} of {len(right)} paths are correct, but you kept {rows}."
        )
    answer, wrong = ask(lambda: _slope(sft, model, sieved))
    if wrong:
        return Feedback(False, "Take the same rows of chosen, reward and tokens.")
    wanted = _slope(policy_gradient, model, batch)
    ratio = float((answer * wanted).sum() / wanted.square().sum())
    if not torch.allclose(answer, ratio * wanted, atol=1e-6):
        return Feedback(False, "Take the same rows of chosen, reward and tokens.")
    return Feedback(
        True,
        "SFT on your stream and policy gradient agree in direction and differ in "
        f"size by {ratio:.2f}, since SFT takes a mean over steps.",
    )


def front(function: Callable[[list[tuple[float, float]]], Any]) -> Feedback:
    """Try function(points) -> indices of the points on the Pareto front (higher is better)."""
    for number in range(5):
        points = [
            (round(float(a), 2), round(float(b), 2))
            for a, b in torch.rand(8, 2, generator=seeded(number, "points")).tolist()
        ]
        points.append(points[0])  # equal points do not dominate each other
        answer, wrong = ask(function, list(points))
        if wrong:
            return wrong
        found, wrong = ask(lambda answer=answer: sorted(int(index) for index in answer))
        if wrong:
            return Feedback(False, "Return the indices of points in the list, as whole numbers.")
        wanted = [
            index
            for index, (a, b) in enumerate(points)
            if not any(c >= a and d >= b and (c, d) != (a, b) for c, d in points)
        ]
        if found == wanted:
            continue
        sums = [a + b for a, b in points]
        missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
        told = f"Of {points} you kept {found}."
        if found == [sums.index(max(sums))]:
            hint = "You kept the largest sum only: keep every point that no other point dominates."
        elif missing:
            hint = f"Index {missing[0]} is missing: no other point is at least as good in both."
        else:
            hint = f"Index {extra[0]} is dominated: another point is at least as good in both."
        return Feedback(False, f"{told} {hint}")
    return Feedback(
        True,
        "Your answer is right for five sets of points, each with two equal points. Every "
        "point you drop is worse than some point you keep, whatever the weights.",
    )


def judging(function: Callable[[float, float, float, float], Any]) -> Feedback:
    """Try function(low, high, least, most) -> holds, fails or undecided."""
    cases = [
        (0.2, 0.4, 0.0, 1.0, HOLDS, "the interval lies inside the prediction"),
        (1.2, 1.4, 0.0, 1.0, FAILS, "the whole interval lies above the prediction"),
        (-0.4, -0.2, 0.0, 1.0, FAILS, "the whole interval lies below the prediction"),
        (0.9, 1.1, 0.0, 1.0, UNDECIDED, "a bound lies inside the interval"),
        (-0.1, 0.3, 0.0, math.inf, UNDECIDED, "a bound lies inside the interval"),
        (-0.5, 1.5, 0.0, 1.0, UNDECIDED, "both bounds lie inside the interval"),
        (0.5, 0.9, 0.5, math.inf, HOLDS, "the bound itself belongs to the prediction"),
    ]
    for low, high, least, most, wanted, why in cases:
        answer, wrong = ask(function, low, high, least, most)
        if wrong:
            return wrong
        if answer != wanted:
            return Feedback(
                False,
                f"Interval {low:g} to {high:g}, predicted {least:g} to {most:g}: "
                f"expected {wanted!r}, since {why}; got {answer!r}.",
            )
    return Feedback(True, "Your answers to seven cases equal those of planrl.claims.find.")


def student(function: Callable[[list[float]], Any]) -> Feedback:
    """Try function(values) -> the 95 % interval of their mean by Student's t, for ten values."""
    for number in range(5):
        values = torch.randn(10, generator=seeded(number, "values")).tolist()
        answer, wrong = ask(function, list(values))
        if wrong:
            return wrong
        found, wrong = ask(lambda answer=answer: [float(bound) for bound in answer])
        if wrong or len(found) != 2:
            return Feedback(False, "Return two numbers: the interval's lower and upper end.")
        low, high = interval(values)
        ratio = (found[1] - found[0]) / (high - low)
        if abs(ratio - 1) < 1e-3 and abs(sum(found) - low - high) < 1e-3 * (high - low):
            continue
        return Feedback(
            False, f"Your interval is {ratio:.3f} times as wide. {_student_hint(ratio)}"
        )
    return Feedback(
        True, "For five samples of ten values your interval agrees with planrl.claims.interval."
    )


def _student_hint(ratio: float) -> str:
    """What makes an interval of ten values wrong by this factor, as far as one can guess."""
    hints = {
        1.0: "Its centre is not the mean.",
        10**0.5: "Divide by the square root of 10: the mean of ten varies less than one value.",
        10**-0.5: "Divide by the square root of 10, not by 10.",
        0.5: "It reaches from the mean to both sides.",
        1.96 / 2.262: "Take the quantile of Student's t with 9 degrees of freedom, 2.262.",
        0.9**0.5: "Divide the squares by 9, not by 10: the mean was taken from the same values.",
        1.96 / 2.262 * 0.9**0.5: "Take 2.262, not 1.96, and divide the squares by 9, not by 10.",
    }
    near = min(hints, key=lambda factor: abs(ratio / factor - 1))
    usual = "Mean plus and minus 2.262 standard deviations over the square root of 10."
    return hints[near] if abs(ratio / near - 1) < 0.01 else usual


def kept(function: Callable[[Any], Any]) -> Feedback:
    """Try the reader's measure: the share of the base's diversity that policy gradient keeps.

    The claim that at most a tenth of it is left is then judged on both graphs.
    """
    told = []
    for of in ("dag", "blocksworld"):
        results = [page["result"] for page in store.results("fig2", of=of)]
        curves = [result["learners"]["policy gradient"]["train_diversity"] for result in results]
        for result, curve in zip(results, curves, strict=True):
            answer, wrong = ask(function, result)
            if wrong:
                return wrong
            value, wrong = ask(float, answer)
            if wrong:
                return Feedback(False, "Return one number: what the claim measures in this seed.")
            wanted = curve[-1] / curve[0]
            if abs(value - wanted) < 1e-6:
                continue
            hint = _kept_hint(value, curve)
            return Feedback(
                False, f"In one seed on {of} expected {wanted:.3f}, got {value:.3f}: {hint}"
            )
        condition = Condition(
            graph=of,
            model="Transformer",
            needs=("fig2",),
            high=0.1,
            value=lambda found: float(function(found["fig2"])),
        )
        finding = find(condition, [{"fig2": result} for result in results])
        told.append(f"{of} {finding.verdict} (mean {finding.mean:.2f})")
    return Feedback(True, f"Your claim, that at most a tenth is kept: {', '.join(told)}.")


def _kept_hint(value: float, curve: list[float]) -> str:
    """What is wrong with this answer for this curve, as far as one can guess."""
    hints = {
        curve[-1]: "that is the diversity at the end: divide by the diversity of the base.",
        curve[0] / curve[-1]: "the fraction is inverted: divide the end by the beginning.",
        curve[-1] - curve[0]: "that is a difference: divide the end by the beginning.",
        1.0: "that divides an evaluation by itself: divide the last by the first.",
    }
    hint = "use train_diversity. The first evaluation is the base, the last is the end."
    for other, words in hints.items():
        hint = words if abs(other - value) < 1e-6 else hint
    return hint
