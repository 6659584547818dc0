"""The book's exercises: each takes what a reader wrote, tries it, and names the likely mistake."""

from planrl.exercises.asking import Verdict
from planrl.exercises.blocks import moves, shortens, sussman
from planrl.exercises.graphs import correct_steps, path_count, reachability
from planrl.exercises.imitation import frequencies, pieces, teach
from planrl.exercises.layers import attention_share, fill, readout
from planrl.exercises.methods import bootstrap, front, grouped, judging, kept, sieve
from planrl.exercises.policy import baseline, keeps_diversity

__all__ = [
    "Verdict",
    "attention_share",
    "baseline",
    "bootstrap",
    "correct_steps",
    "fill",
    "frequencies",
    "front",
    "grouped",
    "judging",
    "keeps_diversity",
    "kept",
    "moves",
    "path_count",
    "pieces",
    "reachability",
    "readout",
    "shortens",
    "sieve",
    "sussman",
    "teach",
]
