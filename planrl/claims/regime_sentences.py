"""What is claimed in the regimes: the sentence and the numbers of each id of `predictions.toml`."""

from __future__ import annotations

from functools import partial

from planrl.claims import regime_numbers as of
from planrl.claims.predicted import Sentence
from planrl.claims.regime_numbers import (
    GREEDY,
    OFF,
    OUTCOME,
    PAID,
    PG,
    SAMPLED,
    SFT,
    Number,
    Q,
)


def _one(number: Number) -> dict[str, Number]:
    return {"": number}


KL, STRONG = of._kl("0.1"), of._kl("1")
TO_GO, NO_RANDOM = f"{PG}, reward to go", f"{Q}, no random steps"
SENTENCES = {
    "sft-does-not-gain": Sentence(
        "Continual SFT does not raise test accuracy.",
        "Sec. 4.2, Fig. 2a",
        of._both(lambda key: partial(of.gain, SFT, key)),
    ),
    "pg-gains": Sentence(
        "Policy gradient raises test accuracy.",
        "Sec. 4.2, Fig. 2a",
        of._both(lambda key: partial(of.gain, PG, key)),
    ),
    "pg-gains-greedy": Sentence(
        "Policy gradient raises greedy test accuracy.",
        "Sec. 4.2, Fig. 2a",
        _one(partial(of.gain, PG, GREEDY)),
    ),
    "pg-over-sft": Sentence(
        "Policy gradient ends above continual SFT on held-out pairs.",
        "Takeaway 2, Fig. 2a",
        of._minus(PG, SFT),
    ),
    "exploration": Sentence(
        "Policy gradient gains by exploring: without new paths the gain is gone.",
        "Takeaway 2",
        of._minus(PG, PAID),
    ),
    "no-exploration-is-sft": Sentence(
        "Policy gradient that is paid for demonstrated paths only ends where continual SFT ends.",
        "Theorem 4.1",
        of._minus(PAID, SFT),
    ),
    "little-to-explore": Sentence(
        "With ten demonstrated paths per pair, new paths add little to what policy gradient gains.",
        "our control",
        of._minus(PG, PAID),
    ),
    "sharpening": Sentence(
        "With ten demonstrated paths per pair, the base at a lower temperature is at least as "
        "accurate as policy gradient.",
        "our control",
        _one(partial(of.best_difference, "", (PG,))),
    ),
    "beyond-sharpening": Sentence(
        "Policy gradient is more accurate than the base at any temperature.",
        "our control",
        _one(partial(of.best_difference, PG, ("",))),
    ),
    "pg-train": Sentence(
        "Policy gradient reaches and keeps a training accuracy of 1.",
        "Theorem 4.2, Fig. 2b",
        _one(lambda result: of.end(result, PG, "train_accuracy")),
    ),
    "pg-collapse": Sentence(
        "Without a KL penalty the answers to a question collapse to one path.",
        "Theorem 4.3, Fig. 2c",
        _one(lambda result: of.last(result, PG, "train_diversity")),
    ),
    "entropy-falls": Sentence(
        "The entropy of the policy falls all the time.",
        "Theorem 4.3",
        _one(partial(of.rank_correlation, PG, "train_entropy")),
    ),
    "pg-test-falls": Sentence(
        "Policy gradient's test accuracy falls again after a peak.",
        "Fig. 2a",
        _one(of.across(partial(of.fall_after_peak, PG, SAMPLED))),
    ),
    "kl-keeps": Sentence(
        "With a KL penalty (lambda 0.1) half of the base's distinct paths stay, or more.",
        "Theorem 4.4, Fig. 2c",
        _one(partial(of.share_kept, KL)),
    ),
    "kl-order": Sentence(
        "The larger lambda, the more distinct paths stay.",
        "Theorem 4.4",
        {
            "lambda 0.1 minus 0": of._last_minus(KL, PG, "train_diversity"),
            "lambda 1 minus 0.1": of._last_minus(STRONG, KL, "train_diversity"),
        },
        others={"C": {"lambda 0.1 minus 0": of._last_minus(KL, PG, "train_diversity")}},
    ),
    "kl-no-price": Sentence(
        "Where the base can answer, a small penalty (lambda 0.1) costs hardly any training "
        "accuracy.",
        "Theorem 4.4, our reading",
        _one(partial(of.difference, KL, PG, "train_accuracy")),
    ),
    "kl-price": Sentence(
        "A strong penalty (lambda 1) costs training accuracy.",
        "Theorem 4.4, Fig. 2b",
        _one(partial(of.difference, STRONG, PG, "train_accuracy")),
    ),
    "penalty-plateau": Sentence(
        "Under a strong penalty test accuracy reaches a plateau.", "Theorem 4.4", _one(of._plateau)
    ),
    "outcome-loses-all": Sentence(
        "Q-learning with outcome reward alone loses everything.",
        "Theorem 5.1, Fig. 3a",
        of._both(lambda key: lambda result: of.last(result, OUTCOME, key)),
    ),
    "off-policy-is-as-good": Sentence(
        "Off-policy Q-learning is as good as on-policy.", "Sec. 5, Fig. 3a", of._minus(OFF, Q)
    ),
    "q-over-pg": Sentence(
        "Q-learning with process reward is at or above policy gradient on held-out pairs.",
        "Fig. 3a",
        of._minus(Q, PG),
    ),
    "q-over-all-at-equal-decoding": Sentence(
        "At the best temperature of each, Q-learning is above policy gradient and above the base.",
        "Fig. 3a, our control",
        _one(partial(of.best_difference, Q, ("", PG))),
    ),
    "q-diversity": Sentence(
        "Q-learning keeps the diversity of the base.",
        "Takeaway 6, Fig. 3b",
        _one(partial(of.simple_share_kept, Q)),
        others={"A": _one(partial(of.share_kept, Q))},
    ),
    "q-holds-the-graph": Sentence(
        "Q-learning's weights hold the adjacency better than policy gradient's.",
        "Fig. 1",
        _one(of._edges(Q, PG, "auc")),
        others={"C": _one(of._edges(f"{Q}, discount 1", PG, "auc"))},
    ),
    "q-precision": Sentence(
        "Of the highest weights more are edges after Q-learning than after policy gradient.",
        "Fig. 1",
        _one(of._edges(Q, PG, "precision")),
    ),
    "unseen-edges-q": Sentence(
        "Q-learning learns edges that no demonstration takes.",
        "Theorem 5.3",
        {
            "on-policy": lambda result: of.edges(result, Q, "auc_unseen"),
            "off-policy": lambda result: of.edges(result, OFF, "auc_unseen"),
        },
    ),
    "unseen-edges-pg": Sentence(
        "Policy gradient does not learn edges that no demonstration takes.",
        "Theorem 4.1, our reading",
        _one(lambda result: of.edges(result, PG, "auc_unseen")),
    ),
    "unseen-edges-sft": Sentence(
        "SFT does not learn edges that no demonstration takes.",
        "Theorem 3.1",
        _one(lambda result: of.edges(result, "", "auc_unseen")),
    ),
    "shown-edges-sft": Sentence(
        "SFT learns the edges that demonstrations take.",
        "Theorem 3.1",
        _one(lambda result: of.edges(result, "", "auc_shown")),
    ),
    "spurious-edges": Sentence(
        "After SFT some of the highest weights are no edges.",
        "Fig. 1",
        _one(lambda result: of.edges(result, "", "precision")),
    ),
    "pg-holds-the-graph": Sentence(
        "Policy gradient's weights hold the adjacency better than continual SFT's.",
        "Fig. 1",
        _one(of._edges(PG, SFT, "auc")),
        others={"D": _one(of._edges(KL, SFT, "auc"))},
    ),
    "one-value": Sentence(
        "The logits of a context's correct next nodes converge to one value.",
        "Theorem 5.2, Fig. 4",
        {"on-policy": partial(of.spread, Q), "off-policy": partial(of.spread, OFF)},
        others={"C": {"on-policy": partial(of.spread, f"{Q}, discount 1")}},
    ),
    "diagonal": Sentence(
        "Where the next node is the target, logits are the adjacency.",
        "Theorem 5.2",
        _one(lambda result: of.edges(result, Q, "auc", "diagonal")),
    ),
    "memorises-beyond-uniform": Sentence(
        "SFT memorises frequencies that a planner who knows the graph would not know.",
        "Theorem 3.1",
        _one(of._base("beyond_uniform")),
    ),
    "memorises-nearer-than-uniform": Sentence(
        "SFT ends nearer to the demonstrated frequencies than a planner that takes each correct "
        "next node equally often.",
        "Theorem 3.1",
        _one(of._nearer_than_uniform),
    ),
    "sft-signature": Sentence(
        "SFT alone has high training accuracy and poor test accuracy.",
        "Takeaway 1",
        _one(of._signature),
    ),
    "q-without-errors": Sentence(
        "Rollouts that never err break Q-learning.",
        "Assumption 5.1",
        {
            "from demonstrations": partial(of.difference, f"{Q}, from demonstrations", Q, GREEDY),
            "from the greedy base": partial(of.difference, f"{Q}, from the greedy base", Q, GREEDY),
        },
    ),
    "stale-is-as-good": Sentence(
        "Rollouts of a copy that is up to 200 updates old do as well as fresh ones.",
        "Sec. 5",
        of._minus(f"{Q}, stale rollouts", Q),
    ),
    "fresh-noise-5": Sentence(
        "Q-learning tolerates checks that err anew, 5 % of the time.",
        "our theory of noise",
        _one(of._noise("fresh", 5)),
    ),
    "fresh-noise-10": Sentence(
        "Q-learning tolerates checks that err anew, 10 % of the time.",
        "our theory of noise",
        _one(of._noise("fresh", 10)),
    ),
    "fresh-noise-20": Sentence(
        "Q-learning tolerates checks that err anew, 20 % of the time.",
        "our theory of noise",
        _one(of._noise("fresh", 20)),
    ),
    "fixed-noise-5": Sentence(
        "Checks that always err on the same 5 % of pairs break Q-learning.",
        "Theorem 5.2",
        _one(of._noise("fixed", 5)),
    ),
    "fixed-noise-order": Sentence(
        "The more pairs are always judged wrongly, the lower is the accuracy.",
        "Theorem 5.2",
        {
            "10 % minus 5 %": of._noise("fixed", 10, 5),
            "20 % minus 10 %": of._noise("fixed", 20, 10),
        },
    ),
    "checks-help-pg": Sentence(
        "Policy gradient gains from checks and a baseline.", "our control", of._minus(TO_GO, PG)
    ),
    "q-over-pg-same-checks": Sentence(
        "With checks of steps for both, Q-learning is above policy gradient at the best T of each.",
        "our control",
        _one(partial(of.best_difference, Q, (TO_GO,))),
    ),
    "q-random-steps": Sentence(
        "Without random steps Q-learning is less accurate at its best temperature.",
        "Assumption 5.1, our control",
        _one(partial(of.best_difference, NO_RANDOM, (Q,))),
    ),
    "pg-collapses-with-checks": Sentence(
        "With checks of steps policy gradient still collapses to one path.",
        "Theorem 4.3, our control",
        _one(partial(of.held_out_paths, TO_GO)),
    ),
    "unseen-edges-pg-checked": Sentence(
        "With checks of steps policy gradient learns no edges that no demonstration takes, either.",
        "Theorem 4.2, our control",
        _one(lambda result: of.edges(result, TO_GO, "auc_unseen")),
    ),
    "unseen-edges-q-random-steps": Sentence(
        "Without random steps Q-learning learns fewer of the edges that no demonstration takes.",
        "Assumption 5.1, our control",
        _one(of._edges(NO_RANDOM, Q, "auc_unseen")),
    ),
    "penalty-blocks-new-pairs": Sentence(
        "A strong penalty (lambda 1) blocks pairs that the base cannot answer.",
        "Appendix",
        _one(of._last_minus(STRONG, PG, "new_greedy")),
    ),
    "old-pairs-forgotten": Sentence(
        "Policy gradient forgets hardly any pair that the base answers.",
        "Appendix",
        _one(lambda result: of.last(result, PG, "train_forgotten")),
    ),
    "old-paths-forgotten": Sentence(
        "Policy gradient forgets demonstrated paths, and a penalty keeps them.",
        "Appendix",
        _one(of._forgotten_paths),
    ),
}
"""Id of a prediction -> the sentence it is about."""
