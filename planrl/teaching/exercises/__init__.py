"""The book's exercises: each runs what a reader wrote and names the likely mistake."""

from planrl.teaching.exercises.blocks import moves, shortens, sussman
from planrl.teaching.exercises.checks import Feedback
from planrl.teaching.exercises.diversity import (
    drift,
    keeps_diversity,
    kl_penalty,
    stable_point,
    stop_in_time,
)
from planrl.teaching.exercises.graphs import correct_steps, path_count, reachability
from planrl.teaching.exercises.history import fools, next_state, one_edge
from planrl.teaching.exercises.imitation import frequencies, pieces, teach
from planrl.teaching.exercises.layers import attention_share, fill, lift, readout
from planrl.teaching.exercises.methods import front, grouped, judging, kept, sieve, student
from planrl.teaching.exercises.noise import farthest, noisy_value, votes
from planrl.teaching.exercises.objectives import collapsing, leaves_line, rloo
from planrl.teaching.exercises.policy import baseline, cell_gradient, correct_paths, own_successes
from planrl.teaching.exercises.soft import path_policy, soft_target, step_cost
from planrl.teaching.exercises.tools import fresh_chains, never_asked, next_tools
from planrl.teaching.exercises.values import (
    fixed_point,
    goal_back,
    old_rollouts,
    process,
    smallest_penalty,
    td_target,
)

__all__ = [
    "Feedback",
    "attention_share",
    "baseline",
    "cell_gradient",
    "collapsing",
    "correct_paths",
    "correct_steps",
    "drift",
    "farthest",
    "fill",
    "fixed_point",
    "fools",
    "frequencies",
    "fresh_chains",
    "front",
    "goal_back",
    "grouped",
    "judging",
    "keeps_diversity",
    "kept",
    "kl_penalty",
    "leaves_line",
    "lift",
    "moves",
    "never_asked",
    "next_state",
    "next_tools",
    "noisy_value",
    "old_rollouts",
    "one_edge",
    "own_successes",
    "path_count",
    "path_policy",
    "pieces",
    "process",
    "reachability",
    "readout",
    "rloo",
    "shortens",
    "sieve",
    "smallest_penalty",
    "soft_target",
    "stable_point",
    "step_cost",
    "stop_in_time",
    "student",
    "sussman",
    "td_target",
    "teach",
    "votes",
]
