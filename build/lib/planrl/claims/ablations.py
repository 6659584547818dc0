"""Claims about when the others break; measured by the experiments `conditions` and `beyond`."""

from __future__ import annotations

from collections.abc import Callable

from planrl.claims.verdict import Claim, Condition, Results

INF = float("inf")
DAG, MODEL = "random DAG, {nodes} nodes", "Transformer, 1 layer, 1 head"
PG, SFT, Q = "policy gradient", "continual SFT", "Q-learning"


def _end(results: Results, learner: str, key: str, condition: int = -1) -> float:
    return float(results["conditions"]["learners"][learner][key][condition])


def _difference(one: str, other: str, key: str) -> Callable[[Results], float]:
    return lambda results: _end(results, one, key) - _end(results, other, key)


def _share_of_gain(one: str, other: str, key: str) -> Callable[[Results], float]:
    """What one gains from the base, as a share of what the other does."""

    def of(results: Results) -> float:
        gains = [_end(results, who, key) - _end(results, who, key, 0) for who in (one, other)]
        return gains[0] / gains[1]

    return of


def _condition(
    name: str,
    value: Callable[[Results], float],
    *,
    low: float = -INF,
    high: float = INF,
    needs: str = "conditions",
) -> Condition:
    return Condition(
        graph=DAG, name=name, model=MODEL, needs=(needs,), value=value, low=low, high=high
    )


def _both(
    name: str,
    value: Callable[[str], Callable[[Results], float]],
    *,
    low: float = -INF,
    high: float = INF,
) -> tuple[Condition, ...]:
    """Test accuracy both ways: answers sampled at temperature 1, and greedy ones."""
    return tuple(
        _condition(f"{name}, {how}", value(key), low=low, high=high)
        for how, key in (("sampled", "test_accuracy"), ("greedy", "test_greedy"))
    )


def _new(kl: str, key: str, other: str = "") -> Callable[[Results], float]:
    """The last evaluation for one lambda, minus that for another or minus the base's."""

    def of(results: Results) -> float:
        curves = results["beyond"]["learners"]
        curve = curves[f"lambda {kl}"][key]
        base = curves[f"lambda {other}"][key][-1] if other else curve[0]
        return float(curve[-1] - base)

    return of


def _beyond(name: str, value: Callable[[Results], float], *, high: float) -> Condition:
    return _condition(name, value, high=high, needs="beyond")


def _constrained(which: str) -> tuple[Condition, ...]:
    return _both(which, lambda key: _difference(f"{PG}, {which}", SFT, key), low=-0.05, high=0.05)


def _noisy(share: str) -> tuple[Condition, ...]:
    name = f"{share} of the checks wrong"
    return _both(name, lambda key: _difference(f"{Q}, {name}", Q, key), high=-0.05)


CLAIMS = (
    Claim(
        id="C-cold",
        statement="Policy gradient that hardly explores falls back to continual SFT.",
        source="Break condition of takeaway 2",
        measured="test accuracy after 800 updates, minus that of continual SFT: temperature 0.1 "
        "(cold), or batches of 2 (tiny); far below, the model is wrecked: no falling back",
        conditions=(*_constrained("cold"), *_constrained("tiny batch")),
    ),
    Claim(
        id="C-plateau",
        statement="A penalty that is too strong (lambda 1) takes half of the gain away, or more.",
        source="Break condition of Theorem 4.4",
        measured="gain in training accuracy, as a share of what policy gradient gains without it "
        "(sampled only: greedily the base leaves nearly nothing to gain)",
        conditions=(
            _condition(
                "sampled", _share_of_gain(f"{PG}, lambda 1", PG, "train_accuracy"), high=0.5
            ),
        ),
    ),
    Claim(
        id="C-noise",
        statement="Checks of the edges that err break Q-learning with process reward.",
        source="Break condition of Theorem 5.2",
        measured="test accuracy minus that with right checks",
        conditions=(*_noisy("5%"), *_noisy("20%")),
    ),
    Claim(
        id="C-off-policy",
        statement="Off-policy rollouts without exploration break Q-learning.",
        source="Break condition of Assumption 5.1",
        measured="test accuracy minus that on-policy with exploration",
        conditions=_both(
            "rollouts of the base, epsilon 0",
            lambda key: _difference(f"{Q}, off-policy without exploration", Q, key),
            high=-0.05,
        ),
    ),
    Claim(
        id="C-stale",
        statement="Q-learning does as well from rollouts that are up to 200 updates old.",
        source="Sec. 5, asynchronous training",
        measured="test accuracy minus that with fresh rollouts",
        conditions=_both(
            "renewed every 200",
            lambda key: _difference(f"{Q}, stale walker", Q, key),
            low=-0.05,
            high=0.05,
        ),
    ),
    Claim(
        id="C-kl-blocks",
        statement="A strong KL penalty blocks pairs that SFT never saw.",
        source="Appendix, pairs outside SFT",
        measured="accuracy on the new pairs, lambda 1 minus lambda 0",
        conditions=(
            _beyond("sampled", _new("1", "new_accuracy", "0"), high=-0.02),
            _beyond("greedy", _new("1", "new_greedy", "0"), high=-0.02),
        ),
    ),
    Claim(
        id="C-forgets",
        statement="Without a penalty some of the old pairs are forgotten.",
        source="Appendix, pairs outside SFT",
        measured="accuracy on SFT's own pairs, at the end minus that of the base, lambda 0",
        conditions=(
            _beyond("sampled", _new("0", "old_accuracy"), high=-0.01),
            _beyond("greedy", _new("0", "old_greedy"), high=-0.01),
        ),
    ),
)
