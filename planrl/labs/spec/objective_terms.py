"""What the lab of two objectives can choose: options of the loss, names, parts of formulas."""

from __future__ import annotations

from collections.abc import Mapping

from planrl.labs.engine.objective import (
    ADVANTAGE,
    LEAST_BETA,
    LENGTH,
    OF_PAIRS,
    UNIFORMITY,
)
from planrl.labs.spec.controls import Value


def _of(*parts: str, **more: float) -> Mapping[str, float]:
    """The options of a method: its advantage and its length, or its loss, and its clip."""
    names = [*ADVANTAGE, *OF_PAIRS, *LENGTH]
    return {**dict.fromkeys(names, 0.0), **dict.fromkeys(parts, 1.0), **more}


CLIP = {"clip_low": 0.2, "clip_high": 0.2}
HIGHER = {"clip_low": 0.2, "clip_high": 0.28}
METHODS: Mapping[Value, Mapping[str, float]] = {
    "reinforce": _of("own_return", "summed"),
    "rloo": _of("leave_one_out", "summed"),
    "grpo": _of("standardised", "per_path", **CLIP),
    "grpo-higher": _of("standardised", "per_path", **HIGHER),
    "dr-grpo": _of("centred", "summed", **CLIP),
    "dapo": _of("standardised", "per_token", filtered=1.0, **HIGHER),
    "gspo": _of("standardised", "per_path", of_sequence=1.0, clip_low=3e-4, clip_high=4e-4),
    "pass-2": _of("pass_at_k", "summed", k=2.0),
    "pass-8": _of("pass_at_k", "summed", k=8.0),
    "rft": _of("share_of_successes", "summed"),
    "ips": _of("inverse_probability", "summed"),
    "ucpo": _of("uniform_correct", "summed"),
    "dpo": _of("preferred"),
    "balance": _of("balanced"),
}
"""The objectives of `planrl.objectives` by the names that links have for them."""
PENALTIES: Mapping[Value, Mapping[str, float]] = {
    "k3-ratio": {"k3": 1.0, "kl_loss": 1.0, "corrected": 1.0},
    **{
        f"{estimator}-{where}": {estimator: 1.0, f"kl_{where}": 1.0}
        for where in ("loss", "token", "path")
        for estimator in ("k1", "k2", "k3")
    },
}
BONUSES: Mapping[Value, Mapping[str, float]] = {
    "loss": {"entropy_loss": 1.0},
    "path": {"entropy_path": 1.0},
}
LAMBDAS = (0, 0.01, 0.02, 0.04, 0.1, 0.2, 0.3, 0.5, 1)
BETAS = (0, 0.01, 0.02, 0.05, 0.1, 0.2)
NAMES: Mapping[Value, str] = {
    "reinforce": "REINFORCE",
    "rloo": "RLOO",
    "grpo": "GRPO",
    "grpo-higher": "GRPO, clip-higher",
    "dr-grpo": "Dr. GRPO",
    "dapo": "DAPO",
    "gspo": "GSPO",
    "pass-2": "pass@2",
    "pass-8": "pass@8",
    "rft": "RFT",
    "ips": "IPS",
    "ucpo": "UCPO's idea",
    "dpo": "DPO",
    "balance": "trajectory balance",
}
WHERE = {"loss": "in the loss", "token": "in the token's reward", "path": "in the return"}
PLACED: Mapping[Value, str] = {
    "k3-ratio": "k3 times the ratio, in the loss",
    **{
        f"{estimator}-{where}": f"{estimator} {words}"
        for where, words in WHERE.items()
        for estimator in ("k1", "k2", "k3")
    },
}
OVER: Mapping[Value, str] = {
    "grpo": "loss = − mean over steps of",
    "grpo-higher": "loss = − mean over steps of",
    "gspo": "loss = − mean over paths of",
    "dapo": "loss = − mean over all tokens of",
    "dpo": "loss = − mean over a correct and a wrong path of",
    "balance": "loss = variance within a group of",
}
ADVANTAGES: Mapping[Value, str] = {
    "reinforce": "ρ R",
    "rloo": "ρ (R − mean of the others)",
    "dr-grpo": "ρ (R − mean)",
    "gspo": "ρ of the path × (R − mean) / std",
    "pass-2": "ρ [correct] × 2 P(one other of the group is wrong)",
    "pass-8": "ρ [correct] × 8 P(seven others of the group are wrong)",
    "rft": "ρ R / mean",
    "ips": "ρ R / q(path)",
    "ucpo": f"ρ (R − mean of the others − {UNIFORMITY:g} [correct] (log q − its mean))",
    "dpo": "log σ(β (log q/b of the correct − of the wrong one))",
    "balance": "log q − log b − R / temperature",
}
CLIPS: Mapping[Value, str] = {
    "grpo": ", ρ clipped to 0.8 … 1.2",
    "grpo-higher": ", ρ clipped to 0.8 … 1.28",
    "dr-grpo": ", ρ clipped to 0.8 … 1.2",
    "dapo": ", ρ clipped to 0.8 … 1.28, groups of equal R left out",
    "gspo": ", ρ clipped to 0.9997 … 1.0004",
    "dpo": f", β = λ, at least {LEAST_BETA:g}",
    "balance": f", temperature = λ, at least {LEAST_BETA:g}",
}
ESTIMATES: Mapping[Value, str] = {
    "k3-ratio": "+ λ ρ k3",
    **{f"{k}-loss": f"+ λ {k}" for k in ("k1", "k2", "k3")},
    **{f"{k}-token": f"+ λ ρ sg({k})" for k in ("k1", "k2", "k3")},
    **{f"{k}-path": f", with R − λ Σ {k} for R" for k in ("k1", "k2", "k3")},
}
OF_EARNED = ("pass-2", "pass-8", "rft", "ips")
"""The methods whose advantage does not read the return with its penalties, but what was earned."""
NOT_OF_STEPS = ("dpo", "balance")
"""The methods that have no loss of single steps, so no term in it either."""
IN_RETURN = tuple(name for name in PENALTIES if str(name).endswith("-path"))
