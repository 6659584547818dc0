"""Which objective? Losses and what they lead to, exactly: the theorems, policy gradient's family.

advantages, penalties, clipping    what they are made of: advantages, KL and entropy, ratios
policy, preferences                the losses: REINFORCE, GRPO, DAPO, ...; DPO, trajectory balance
soft, soft_values                  soft Q-learning, path consistency; their optimum, exactly
noisy                              process rewards with few or wrong checks; their optimum
path_measures                      arrival, length and entropy of the paths of a table, exactly
clock, contexts                    expected gradients: one factor of p for every group method
enumeration, rounds                small graphs path by path; expert iteration, pass@k
fixed_points                       where an objective stops, or what it conserves
theory                             the paper's theorems as exact tensors, and checks against them
"""

from planrl.objectives.policy import (
    Objective,
    dapo,
    dr_grpo,
    grpo,
    gspo,
    ips,
    pass_at_k,
    ppo,
    reinforce,
    rft,
    rloo,
    ucpo,
)
from planrl.objectives.preferences import dpo, trajectory_balance
from planrl.objectives.soft import path_consistency, soft_q_learning

__all__ = [
    "Objective",
    "dapo",
    "dpo",
    "dr_grpo",
    "grpo",
    "gspo",
    "ips",
    "pass_at_k",
    "path_consistency",
    "ppo",
    "reinforce",
    "rft",
    "rloo",
    "soft_q_learning",
    "trajectory_balance",
    "ucpo",
]
