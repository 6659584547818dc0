"""The theorems, followed exactly on small graphs; measured by the experiment `theorems`."""

from __future__ import annotations

from planrl.claims.verdict import Claim, Condition, Number


def _claim(
    name: str,
    source: str,
    statement: str,
    measured: str,
    part: str,
    *bounds: tuple[str, str, float, float],
) -> Claim:
    """A claim with a place for each (number, what it is called, low, high)."""
    conditions = tuple(
        Condition(
            graph=_graph(part, number),
            name=condition,
            model=_model(part, number),
            needs=("theorems",),
            value=Number("theorems", part, number),
            low=low,
            high=high,
        )
        for number, condition, low, high in bounds
    )
    return Claim(
        id=name, statement=statement, source=source, measured=measured, conditions=conditions
    )


DAG, MOVES = "random DAG, {nodes} nodes", "Blocksworld, {blocks} blocks"
GRAPHS = {
    "collapse": "diamond, 5 right choices",
    "loss_gradient": "diamond, 2 right choices",
    "stuck_accuracy": "chain of 5 nodes",
    "solved_accuracy": "chain of 5 nodes",
    "stuck_from_zero": "random digraph, {nodes} nodes",
    "stuck_from_3": "random digraph, {nodes} nodes",
    "goal_information": MOVES,
    "hits": MOVES,
    "discounted_greedy": MOVES,
}


def _graph(part: str, number: str) -> str:
    return GRAPHS.get(number, GRAPHS.get(part, DAG))


def _model(part: str, number: str) -> str:
    if part == "linear":
        return "linear Transformer"
    return "Transformer" if number.endswith("_transformer") else "table"


INF = float("inf")

CLAIMS = (
    _claim(
        "3.1-table",
        "Theorem 3.1",
        "SFT of a table ends at the frequencies of the demonstrated steps.",
        "largest |softmax - N_ijk / sum_k N_ijk| over cells with data",
        "stable_point",
        ("largest_gap", "", 0.0, 0.01),
    ),
    _claim(
        "4.1-identity",
        "Theorem 4.1",
        "Policy gradient's loss and gradient are those of SFT on the batch's correct paths.",
        "largest relative gap, double precision",
        "identity",
        ("loss_table", "loss", 0.0, 1e-12),
        ("gradient_table", "gradient", 0.0, 1e-12),
        ("loss_transformer", "loss", 0.0, 1e-12),
        ("gradient_transformer", "gradient", 0.0, 1e-12),
    ),
    _claim(
        "4.2-sign",
        "Theorem 4.2",
        "No update of policy gradient lifts the logit of a wrong choice.",
        "smallest derivative of the loss by a wrong choice's logit, and the share of wrong logits "
        "pushed down where a correct path came by",
        "wrong_actions",
        ("least_gradient", "smallest derivative", 0.0, INF),
        ("pushed_down", "share pushed down", 1.0, 1.0),
    ),
    _claim(
        "4.2-train",
        "Theorem 4.2",
        "So training accuracy goes to 1.",
        "accuracy on the trained pairs, 100 paths each at temperature 1",
        "wrong_actions",
        ("train_accuracy", "", 0.99, 1.0),
    ),
    _claim(
        "4.3-monotone",
        "Theorem 4.3",
        "Once all paths are correct, KL(U_C || q) does not decrease in expectation.",
        "smallest expected change in one update over 20 random policies, every outcome counted",
        "collapse",
        ("least_drift", "", 0.0, INF),
    ),
    _claim(
        "4.3-size",
        "Theorem 4.3, our derivation",
        "It rises by (lr^2 / 2) ||diag(q) - q q^T||^2 an update.",
        "measured over predicted rise, mean of 20 policies, lr 0.05",
        "collapse",
        ("drift_ratio", "", 0.95, 1.05),
    ),
    _claim(
        "4.3-time",
        "Theorem 4.3, our derivation",
        "Collapse takes 110 to 190 / lr^2 single-sample updates, and a batch of 8 takes 5 to 10 "
        "times as many; for small steps the factor is 8.",
        "updates until one of five equal choices is taken 99 times of 100, median of 100 runs",
        "collapse",
        ("updates_to_collapse", "lr 1", 110.0, 190.0),
        ("times_lr_squared", "lr 0.5, times lr^2", 110.0, 190.0),
        ("batch_of_8_takes", "batch of 8 over batch of 1, lr 1", 5.0, 10.0),
    ),
    _claim(
        "4.3-baseline",
        "Theorem 4.3, our derivation",
        "Once all paths are correct, the drift is a property of rewards without a baseline: with "
        "one it is exactly 0.",
        "largest derivative by any logit, all paths correct",
        "collapse",
        ("drift_with_baseline", "", 0.0, 0.0),
    ),
    _claim(
        "4.4-formula",
        "Theorem 4.4",
        "Policy gradient with a KL penalty stops where q is proportional to "
        "q_base exp(p / lambda).",
        "largest |q - formula| for lambda 0.1, 0.3, 1, and the library's expected gradient there",
        "kl_point",
        ("formula_gap", "gap to the formula", 0.0, 1e-5),
        ("loss_gradient", "gradient of the loss", 0.0, 1e-6),
    ),
    _claim(
        "4.4-stationary",
        "Theorem 4.4",
        "At the formula's policy the expected gradient of policy gradient with a KL penalty is 0.",
        "largest entry of the library's expected gradient, lambda 0.1, 0.3 and 1",
        "kl_point",
        ("loss_gradient", "", 0.0, 1e-6),
    ),
    _claim(
        "4.4-branches",
        "Theorem 4.4, our derivation",
        "There can be two such points: stuck at the base, and solved.",
        "accuracy at the end on a chain of 4 decisions, each 0.01 likely in the base, lambda 0.1",
        "kl_point",
        ("stuck_accuracy", "from the base", 0.0, 1e-6),
        ("solved_accuracy", "from a policy right 0.99 times of 100 a step", 0.95, 1.0),
    ),
    _claim(
        "5.1-constant",
        "Theorem 5.1",
        "With outcome reward alone all values of a target that do not lead into it are the same.",
        "largest difference among f(i, j)[k], j and k other than i, at the fixed point; and how "
        "far a step into the target is ever above",
        "outcome",
        ("spread_from_zero", "from 0", 0.0, 1e-6),
        ("spread_from_three", "from 3", 0.0, 1e-6),
        ("spread_from_noise", "from noise", 0.0, 1e-6),
        ("spread_from_sft", "from SFT's logits", 0.0, 1e-6),
        ("target_above", "steps into the target", -INF, 1e-6),
    ),
    _claim(
        "5.1-accuracy-table",
        "Theorem 5.1",
        "So accuracy goes to 0.",
        "accuracy at temperature 1 of a table trained with outcome reward",
        "outcome",
        ("accuracy_from_zero", "from zero", 0.0, 0.05),
        ("accuracy_from_noise", "from noise", 0.0, 0.05),
        ("accuracy_from_sft", "from SFT", 0.0, 0.05),
    ),
    _claim(
        "5.2-exact",
        "Theorem 5.2",
        "With process reward the values on a DAG are A + R - 1, from any start.",
        "largest gap at the fixed point from 0, 3, -3 and noise",
        "process",
        ("exact_gap", "", 0.0, 0.0),
    ),
    _claim(
        "5.2-learned",
        "Theorem 5.2",
        "Q-learning on random rollouts finds them.",
        "largest |f / reward scale - (A + R - 1)| of the trained table",
        "process",
        ("learned_gap", "", 0.0, 0.1),
    ),
    _claim(
        "5.2-cycles",
        "Theorem 5.2's limit, our derivation",
        "On a graph with cycles a start above 1 stays: the fixed point is not unique.",
        "largest gap to A + R - 1 on a random digraph",
        "cycles",
        ("stuck_from_zero", "from 0", 0.0, 0.0),
        ("stuck_from_3", "from 3", 1.0, INF),
    ),
    _claim(
        "5.2-no-goal",
        "Theorem 5.2's limit, our derivation",
        "Where everything reaches everything the values hold no goal: f = A, a random walk.",
        "largest difference between two targets' values, and accuracy of drawing among the best "
        "(30 steps)",
        "cycles",
        ("goal_information", "difference of values", 0.0, 0.0),
        ("hits", "accuracy of the random walk", 0.0, 0.3),
    ),
    _claim(
        "5.2-discount",
        "Theorem 5.2's limit, our derivation",
        "A discount of 0.9 brings the goal back, from any start.",
        "greedy accuracy of the discounted values, the worse of two starts",
        "cycles",
        ("discounted_greedy", "", 1.0, 1.0),
    ),
    _claim(
        "5.3-linear",
        "Theorem 5.3",
        "In the linear Transformer W^M goes to A - 1 and W^V to R, up to one number a column.",
        "largest gap, column means taken off, per unit of reward",
        "linear",
        ("adjacency_gap", "W^M and A", 0.0, 0.05),
        ("reachability_gap", "W^V and R", 0.0, 0.05),
        ("sum_gap", "their sum and A + R - 1", 0.0, 0.1),
    ),
)
