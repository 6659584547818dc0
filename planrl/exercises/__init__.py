"""The book's exercises: each takes what a reader wrote, tries it, and names the likely mistake."""

from planrl.exercises.asking import Verdict
from planrl.exercises.graphs import path_count, reachability
from planrl.exercises.imitation import frequencies, teach
from planrl.exercises.policy import baseline, keeps_diversity

__all__ = [
    "Verdict",
    "baseline",
    "frequencies",
    "keeps_diversity",
    "path_count",
    "reachability",
    "teach",
]
