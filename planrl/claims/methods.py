"""Which objective? What is said of group methods, KL placements and entropy, on the Transformer.

Measured by the experiment `methods` in the regimes A and B; methods.toml was committed before any
run.
"""

from __future__ import annotations

from functools import partial

from planrl.claims import regime_numbers as of
from planrl.claims.predicted import Sentence, claims, read_predictions
from planrl.claims.regime_numbers import Number, Result

DERIVED = "our derivation"
RLOO = "RLOO"
PATHS = "train_diversity"
BASE_RATIO = "RLOO, KL k2 in the loss"


def _than_rloo(key: str, *names: str) -> dict[str, Number]:
    """A measure of each learner minus RLOO's, at equal training accuracy."""
    return {name: partial(of.difference_at_equal_accuracy, name, RLOO, key) for name in names}


def _gains(*names: str) -> dict[str, Number]:
    """Held-out accuracy, sampled, at the last evaluation minus the base."""

    def gain(name: str, result: Result) -> float:
        return of.last(result, name, of.SAMPLED) - float(result["base"][of.SAMPLED])

    return {name: partial(gain, name) for name in names}


SENTENCES = {
    "methods-one-curve": Sentence(
        "At equal training accuracy, group methods are as far from equal shares as RLOO.",
        DERIVED,
        _than_rloo("kl_to_uniform", "Dr. GRPO", "DAPO", "PPO, four epochs", "pass@8"),
        ("methods",),
    ),
    "methods-diversity-at-accuracy": Sentence(
        "At equal training accuracy, group methods keep as many correct paths as RLOO.",
        DERIVED,
        _than_rloo(PATHS, "Dr. GRPO", "GRPO", "DAPO", "pass@8"),
        ("methods",),
    ),
    "methods-no-baseline": Sentence(
        "At equal training accuracy, REINFORCE without a baseline, RFT and GSPO keep as many "
        "correct paths as RLOO.",
        DERIVED,
        _than_rloo(PATHS, "REINFORCE", "RFT", "GSPO"),
        ("methods",),
    ),
    "methods-off-curve": Sentence(
        "IPS, UCPO's idea and trajectory balance keep more correct paths than RLOO.",
        "arXiv 2601.21669 and 2605.00365, our derivation",
        {name: of._last_minus(name, RLOO, PATHS) for name in ("IPS", "UCPO", "trajectory balance")},
        ("methods",),
    ),
    "methods-expert-iteration": Sentence(
        "Rounds of expert iteration lose correct paths.",
        "our derivation, Wright-Fisher",
        {
            "": lambda result: (
                of.last(result, "expert iteration", PATHS) / float(result["base"][PATHS])
            )
        },
        ("methods",),
    ),
    "methods-dpo": Sentence(
        "At equal training accuracy, DPO keeps at least as many correct paths as RLOO.",
        DERIVED,
        _than_rloo(PATHS, "DPO"),
        ("methods",),
    ),
    "methods-kl-forward": Sentence(
        "k3 in the loss costs training accuracy against k2 in the loss.",
        DERIVED,
        {"": of._last_minus("RLOO, KL k3 in the loss", BASE_RATIO, "train_accuracy")},
        ("methods",),
    ),
    "methods-kl-corrected": Sentence(
        "k3 in the loss, times the importance ratio, keeps as many correct paths as k2.",
        DERIVED,
        {"": of._last_minus("RLOO, KL k3 in the loss, corrected", BASE_RATIO, PATHS)},
        ("methods",),
    ),
    "methods-kl-k1-token": Sentence(
        "k1 in the token's reward keeps as many correct paths as k2 in the loss.",
        DERIVED,
        {"": of._last_minus("RLOO, KL k1 in the token's reward", BASE_RATIO, PATHS)},
        ("methods",),
    ),
    "methods-kl-odd-token": Sentence(
        "A penalty k2 or k3 in the token's reward does not hold the base's ratios.",
        DERIVED,
        {
            name: of._last_minus(f"RLOO, KL {name} in the token's reward", BASE_RATIO, PATHS)
            for name in ("k2", "k3")
        },
        ("methods",),
    ),
    "methods-kl-k1-loss": Sentence(
        "k1 in the loss keeps no more correct paths than no penalty.",
        DERIVED,
        {"": of._last_minus("RLOO, KL k1 in the loss", RLOO, PATHS)},
        ("methods",),
    ),
    "methods-entropy": Sentence(
        "An entropy bonus keeps more correct paths.",
        DERIVED,
        {
            "in the loss": of._last_minus("RLOO, entropy in the loss", RLOO, PATHS),
            "over the path": of._last_minus("RLOO, entropy in the path", RLOO, PATHS),
        },
        ("methods",),
    ),
    "methods-exploration": Sentence(
        "Group methods, too, gain by exploring where one path per pair was demonstrated.",
        "Takeaway 2, our reading",
        _gains(RLOO, "GRPO", "DAPO", "pass@8"),
        ("methods",),
    ),
}
"""Id of a prediction -> the sentence it is about."""

PREDICTIONS = read_predictions("methods.toml")
"""The entries of methods.toml."""
CLAIMS = claims(SENTENCES, PREDICTIONS)
"""A claim for each sentence."""
