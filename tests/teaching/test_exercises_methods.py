"""The exercises on methods and verdicts tell right from wrong, and name the mistake."""

import re

import planrl as pr
from planrl.objectives import dr_grpo
from planrl.teaching import exercises


def expect(verdict, right, words):
    assert verdict.right is right, verdict
    assert re.search(words, verdict.text), verdict


def test_grouped_names_the_mistake():
    expect(exercises.grouped(dr_grpo), True, "gradient equals")
    expect(exercises.grouped(pr.policy_gradient), False, "plain policy gradient")
    whole = lambda *given: pr.policy_gradient(*given, baseline=True)  # noqa: E731
    expect(exercises.grouped(whole), False, "same source and target")
    expect(exercises.grouped(lambda *given: -dr_grpo(*given)), False, "sign is reversed")
    expect(exercises.grouped(lambda *given: 256 * dr_grpo(*given)), False, "256 times")
    half = lambda *given: dr_grpo(*given) + 0.5 * pr.policy_gradient(*given)  # noqa: E731
    expect(exercises.grouped(half), False, "mean return of its group")
    expect(exercises.grouped(lambda *given: None), False, "nothing yet")


def rows_of(batch, keep, **other):
    parts = {name: getattr(batch, name)[keep] for name in ("chosen", "reward", "tokens")}
    return pr.Batch(**{**parts, **other})


def test_sieve_names_the_mistake():
    def only(choose):
        return lambda batches: (rows_of(one, choose(one.reward.sum(1) > 0)) for one in batches)

    expect(exercises.sieve(only(lambda right: right)), True, "agree in direction")
    expect(exercises.sieve(lambda batches: batches), False, "kept all paths")
    expect(exercises.sieve(only(lambda right: ~right)), False, "incorrect paths")
    few = only(lambda right: right & (right.cumsum(0) < 4))
    expect(exercises.sieve(few), False, "you kept 3")

    def torn(batches):
        for one in batches:
            right = one.reward.sum(1) > 0
            yield rows_of(one, right, chosen=one.chosen[: int(right.sum())])

    expect(exercises.sieve(torn), False, "the same rows of chosen")
    expect(exercises.sieve(lambda batches: (one.tokens for one in batches)), False, "pr.Batch")
    expect(exercises.sieve(lambda batches: None), False, "nothing yet")


def test_front_names_the_mistake():
    def best(points, same=False):
        def beaten(a, b):
            return any(c >= a and d >= b and (same or (c, d) != (a, b)) for c, d in points)

        return [position for position, point in enumerate(points) if not beaten(*point)]

    expect(exercises.front(best), True, "whatever the weights")
    most = lambda points: [max(range(len(points)), key=lambda k: sum(points[k]))]  # noqa: E731
    expect(exercises.front(most), False, "largest sum only")
    expect(exercises.front(lambda points: range(len(points))), False, "is dominated")
    expect(exercises.front(lambda points: best(points, same=True)), False, "missing")
    expect(exercises.front(lambda points: points), False, "indices of points")
    expect(exercises.front(lambda points: 1 / 0), False, "ZeroDivisionError")


def test_judging_names_the_mistake():
    def verdict(low, high, least, most):
        if least <= low and high <= most:
            return "holds"
        return "fails" if high < least or low > most else "undecided"

    expect(exercises.judging(verdict), True, "seven cases")
    by_mean = lambda a, b, c, d: "holds" if c <= (a + b) / 2 <= d else "fails"  # noqa: E731
    expect(exercises.judging(by_mean), False, "inside the interval")
    expect(exercises.judging(lambda *given: "fails"), False, "lies inside the prediction")
    expect(exercises.judging(lambda *given: None), False, "nothing yet")


def test_student_names_the_mistake():
    def bounds(values, t=2.262, over=9, root=10**0.5, sides=1.0, move=0.0):
        mean = sum(values) / 10
        deviation = (sum((v - mean) ** 2 for v in values) / over) ** 0.5
        reach = t * deviation / root * sides
        return [mean - reach + move, mean + reach + move]

    expect(exercises.student(bounds), True, "agrees with")
    expect(exercises.student(lambda v: bounds(v, root=1.0)), False, "square root of 10: the mean")
    expect(exercises.student(lambda v: bounds(v, root=10.0)), False, "not by 10")
    expect(exercises.student(lambda v: bounds(v, t=1.96)), False, "9 degrees of freedom")
    expect(exercises.student(lambda v: bounds(v, over=10)), False, "squares by 9")
    expect(exercises.student(lambda v: bounds(v, t=1.96, over=10)), False, "not 1.96, and divide")
    expect(exercises.student(lambda v: bounds(v, sides=0.5)), False, "both sides")
    expect(exercises.student(lambda v: bounds(v, move=1.0)), False, "centre is not the mean")
    expect(exercises.student(lambda v: [sum(v) / 10] * 2), False, "plus and minus 2.262")
    expect(exercises.student(lambda v: 3.0), False, "two numbers")


def test_kept_names_the_mistake():
    diversity = lambda result: result["learners"]["policy gradient"]["train_diversity"]  # noqa: E731
    expect(
        exercises.kept(lambda r: diversity(r)[-1] / diversity(r)[0]), True, "dag holds.*world fails"
    )
    expect(exercises.kept(lambda r: diversity(r)[-1]), False, "divide by")
    expect(exercises.kept(lambda r: diversity(r)[0] / diversity(r)[-1]), False, "inverted")
    expect(exercises.kept(lambda r: diversity(r)[-1] - diversity(r)[0]), False, "difference")
    expect(exercises.kept(lambda r: 1.0), False, "by itself")
    expect(exercises.kept(lambda r: diversity(r)[-1] / diversity(r)[1]), False, "first evaluation")
    expect(exercises.kept(lambda r: r["nothing"]), False, "KeyError")
    expect(exercises.kept(diversity), False, "one number")
