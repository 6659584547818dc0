"""Which objective? What is said of group methods, KL placements and entropy, tried on a table.

Measured by the experiment `objectives`; the bounds were committed before the runs, with reasons, in
objectives.toml. Statements of others are phrased so that *holds* means that they are right.
"""

from __future__ import annotations

from planrl.claims.predicted import read_predictions
from planrl.claims.verdict import HOLDS, Claim, Condition, Number, Registered

PREDICTIONS = read_predictions("objectives.toml")
"""The entries of objectives.toml; those of one claim have an id that begins with the claim's."""
INF = float("inf")
TOY = "one choice among 3 correct and 3 wrong next nodes"
DAG = "random DAG, 10 nodes"
LENGTHS = "one correct path, a short wrong one, a long wrong one"


def _claim(
    name: str,
    source: str,
    statement: str,
    measured: str,
    part: str,
    *bounds: tuple[str, str, float, float],
    graph: str = TOY,
) -> Claim:
    """A claim with a condition for each (number, what it is called, low, high); a - b subtracts."""
    conditions = []
    for number, condition, low, high in bounds:
        conditions.append(
            Condition(
                graph=graph,
                name=condition,
                model="table",
                needs=("objectives",),
                value=Number("objectives", part, number),
                low=low,
                high=high,
            )
        )
    return Claim(
        id=name,
        statement=statement,
        source=source,
        measured=measured,
        conditions=tuple(conditions),
        registered={"": _registered(name)},
    )


def _registered(name: str) -> Registered:
    """What was committed before the runs; a claim of two entries has both reasons."""
    own = [one for one in PREDICTIONS if f"{one['id']}-".startswith(f"{name}-")]
    return Registered(
        committed=own[0]["committed"],
        reason=" ".join(one["reason"] for one in own),
        expected=own[0].get("expected", HOLDS),
    )


DERIVED = "our derivation"
OFF = "KL(U_C || r) at accuracy 0.95 minus that of the curve, which rises by 1.18 on average; nats"
METHODS = {
    "rloo": "RLOO",
    "dr_grpo": "Dr. GRPO",
    "grpo": "GRPO",
    "pass_at_2": "pass@2",
    "reinforce": "REINFORCE",
    "rft": "RFT",
}

CLAIMS = (
    _claim(
        "objective-one-curve",
        DERIVED,
        "At equal accuracy, all group methods have the same distribution over correct answers.",
        OFF,
        "one_curve",
        *((f"{key}_off_curve", name, -0.15, 0.15) for key, name in list(METHODS.items())[:4]),
    ),
    _claim(
        "objective-no-baseline",
        DERIVED,
        "REINFORCE without a baseline and RFT follow the curve, too, until nearly all is correct.",
        OFF,
        "one_curve",
        *((f"{key}_off_curve", name, -0.15, 0.3) for key, name in list(METHODS.items())[4:]),
    ),
    _claim(
        "objective-clock",
        DERIVED,
        "Each method follows the curve by its own clock, weight(p).",
        "updates until accuracy 0.95 over those predicted",
        "one_curve",
        *((f"{key}_clock", name, 0.9, 1.1) for key, name in METHODS.items()),
    ),
    _claim(
        "objective-polarises",
        "arXiv 2603.06248 and 2605.00365, our derivation",
        "With a baseline, too, correct answers drift apart until accuracy is 1.",
        "rise of KL(U_C || r) from accuracy 0.3 to 0.95; exact, from 0.9 to 0.9999; nats",
        "one_curve",
        ("rloo_rise", "RLOO", 0.8, 1.6),
        ("grpo_rise", "GRPO", 0.8, 1.6),
    ),
    _claim(
        "objective-levels",
        "arXiv 2601.21669 and 2605.00365",
        "Weights of inverse probability, and a pull to equal shares, keep several answers alive.",
        "rise of KL(U_C || r) from accuracy 0.3 to 0.95, nats",
        "one_curve",
        ("ips_rise", "IPS", -INF, 0.0),
        ("ucpo_rise", "UCPO's idea", -INF, 0.0),
    ),
    _claim(
        "kl-reverse",
        "Theorem 4.4, our derivation",
        "These placements all end where q is proportional to b exp(Q / lambda).",
        "largest gap between the mean policy and the formula, lambda 0.3",
        "kl_placements",
        ("k2_loss_gap", "k2 in the loss", 0.0, 0.03),
        ("k1_token_gap", "k1 in the token's reward", 0.0, 0.03),
        ("k1_path_gap", "k1 in the path's return", 0.0, 0.03),
        ("k3_corrected_gap", "k3 in the loss, times the ratio", 0.0, 0.03),
    ),
    _claim(
        "kl-forward",
        DERIVED,
        "k3 in the loss ends at lambda b / (lambda + V - Q), which costs accuracy.",
        "largest gap between the mean policy and the formula; accuracy minus that of k2 in the "
        "loss; lambda 0.3",
        "kl_placements",
        ("k3_loss_gap", "gap", 0.0, 0.03),
        ("k3_loss_accuracy - k2_loss_accuracy", "accuracy", -0.2, -0.05),
    ),
    _claim(
        "kl-no-pull",
        DERIVED,
        "k1 in the loss and k3 in the token's reward do not hold the base's ratios.",
        "KL(U_C || r) at the end minus that with k2 in the loss, lambda 0.3, nats",
        "kl_placements",
        ("k1_loss_uneven - k2_loss_uneven", "k1 in the loss", 0.5, INF),
        ("k3_token_uneven - k2_loss_uneven", "k3 in the token's reward", 0.5, INF),
    ),
    _claim(
        "kl-k2-token",
        DERIVED,
        "k2 in the token's reward holds the ratios of choices that the reward has raised.",
        "KL(U_C || r) at the end minus that with k2 in the loss, and accuracy minus that; "
        "lambda 0.3",
        "kl_placements",
        ("k2_token_uneven - k2_loss_uneven", "unevenness", -0.05, 0.05),
        ("k2_token_accuracy - k2_loss_accuracy", "accuracy", 0.02, 0.1),
    ),
    _claim(
        "kl-noise",
        DERIVED,
        "Without any reward, k1 in the loss alone ends at one answer; k2 and k3 stay at the base.",
        "largest probability, mean over copies; minus the base's for k2 and k3",
        "penalty_noise",
        ("k1_largest", "k1", 0.8, 1.0),
        ("k2_largest - base_largest", "k2", -1e-4, 1e-4),
        ("k3_largest - base_largest", "k3", -1e-4, 1e-4),
    ),
    _claim(
        "kl-on-a-dag",
        DERIVED,
        "On a DAG, too, each placement ends at its own formula.",
        "total variation to the predicted policy, mean over visits, lambda 0.3",
        "on_a_dag",
        ("k2_loss_gap", "k2 in the loss", 0.0, 0.05),
        ("k3_loss_gap", "k3 in the loss", 0.0, 0.05),
        ("k1_path_gap", "k1 in the path's return", 0.0, 0.05),
        graph=DAG,
    ),
    _claim(
        "entropy-has-no-effect",
        "arXiv 2601.21669",
        "Outcomes collapse whether or not there is an entropy bonus.",
        "KL(U_C || r) at the end of RLOO with a bonus of 0.1 minus that without, nats",
        "entropy_bonus",
        ("with_uneven - without_uneven", "", -0.1, INF),
    ),
    _claim(
        "entropy-tells-accuracy",
        "arXiv 2505.22617",
        "Along a run accuracy is a linear function of exp(entropy).",
        "share of the variance of p that its best line in exp(H) explains, p from 0.31 to 0.99, "
        "on the exact curve of one context",
        "polarises",
        ("entropy_fit", "", 0.9, 1.0),
    ),
    _claim(
        "clip-higher",
        DERIVED,
        "Clip-higher does nothing on-policy, and something with inner epochs.",
        "largest difference of a probability after 80 updates, clip_ratio_high 0.28 and 0.2",
        "clip_higher",
        ("difference_1", "one epoch", 0.0, 0.0),
        ("difference_4", "four epochs", 1e-3, 1.0),
    ),
    _claim(
        "length-normalisation",
        "Dr. GRPO, arXiv 2503.20783",
        "The mean over the steps of each path spares long wrong paths; a constant does not.",
        "share of the long path among wrong ones at accuracy 0.9, from 0.5",
        "lengths",
        ("long_path", "mean over steps", 0.6, 0.75),
        ("long_constant", "constant", 0.45, 0.55),
        graph=LENGTHS,
    ),
    _claim(
        "expert-iteration",
        DERIVED,
        "Rounds of expert iteration are Wright-Fisher: 1 - sum q^2 shrinks by 1 - 1/N a round.",
        "its share left after ten rounds with 20 paths; (1 - 1/20)^10 = 0.599",
        "rounds",
        ("left", "", 0.52, 0.68),
    ),
)
