# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["remove-cell"]
# In Colab, this adds planrl to what is there already; anywhere else it does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("planrl") is None:
    source = "git+https://github.com/planrl/planrl"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", source],
        check=True,
    )

# %% [markdown]
# # Which of the paper's claims hold?
#
# Every claim is data and a measurement: one sentence, where it comes from, what number is measured,
# what is predicted. Each seed gives one number; the verdict is by the 95 % bootstrap interval of
# their mean. Inside the prediction, the claim **holds**; outside, it **fails**; across its bound, it
# is **undecided**. A claim that holds in some of the places where we measured it **holds only
# here**. What holds, while other places have no result yet, **holds where measured**. Fewer than five
# seeds make the interval too narrow; the row says so.
#
# When predictions were written: those of the theorems follow from the paper's text or our
# derivation. Those of the figures were written when first seeds of earlier versions of the runs had
# been seen; those of imitation and of the conditions, when seed 0 had been seen; how lambda orders
# answers and accuracy, when all seeds but a few had been. Directions are the paper's; where a bound is
# a number that the paper does not give, it is ours.
#
# All runs: `python -m planrl reproduce`. This page: `python -m planrl claims`.

# %% tags=["hide-input"]
from collections import Counter

from planrl import widgets
from planrl.claims import (
    FAILS,
    FEW,
    HERE,
    HOLDS,
    SO_FAR,
    UNDECIDED,
    UNKNOWN,
    conditional,
    exact,
    imitated,
    settings_in_words,
    trained,
    verdicts,
)

widgets.setup()

judged = {verdict.claim.id: verdict for verdict in verdicts()}
count = Counter(verdict.verdict for verdict in judged.values())


def number(value):
    """Three digits that matter, 0 for what is 0 but for rounding."""
    return "0" if abs(value) < 1e-12 else f"{value:.3g}"


def row(found):
    """What was measured in one place."""
    low, high = map(number, found.interval)
    few = f" (under {FEW}: too narrow)" if found.few else ""
    return {
        "where": f"{found.place} ({found.model})",
        "predicted": found.prediction,
        "mean (95 % interval)": f"{number(found.mean)} ({low} to {high})"
        if found.values
        else "no result yet",
        "seeds": f"{len(found.values)}{few}",
        "verdict": found.verdict,
    }


def settings(claims):
    """What the runs behind some claims were made with, each said once."""
    lines = {line: None for c in claims for line in settings_in_words(judged[c.id])}
    print("\n".join(["Made with", *lines]))


def cards(claims):
    """What each claim says, and what was measured where."""
    return widgets.Cards(
        [
            {
                "title": claim.id,
                "badge": judged[claim.id].verdict,
                "text": claim.statement,
                "note": f"{claim.source}. Measured: {claim.measured}.",
                "rows": [row(found) for found in judged[claim.id].findings],
            }
            for claim in claims
        ]
    )


WORDS = {
    HOLDS: "hold",
    SO_FAR: "hold where measured",
    HERE: "hold only here",
    UNDECIDED: "are undecided",
    FAILS: "fail",
    UNKNOWN: "are not measured yet",
}
print(f"{len(judged)} claims")
for kind, words in WORDS.items():
    print(f"{count[kind]:3} {words}")

# %% [markdown]
# ## The theorems
#
# On small graphs each theorem can be followed exactly: every outcome counted, fixed points iterated
# to their end, gradients taken from the library's own losses in double precision.

# %% tags=["hide-input"]
assert all(judged[claim.id].verdict == HOLDS for claim in exact.CLAIMS)
settings(exact.CLAIMS)
cards(exact.CLAIMS)

# %% [markdown]
# All of them hold. What they leave open is what the next table is about: how much of it a trained
# Transformer shows, at the sizes and in the time of the paper's figures.
#
# ## The figures
#
# One layer, one head, width 120, on a random DAG of 100 nodes and on Blocksworld with four blocks.
# All learners start from one SFT base for each seed. A row says how many seeds there are.

# %% tags=["hide-input"]
settings(trained.CLAIMS)
cards(trained.CLAIMS)

# %% [markdown]
# ## What imitation memorises
#
# Theorem 3.1 speaks of a table; Assumption 3.1 says that a Transformer is nearly one. Both can be
# measured on trained models, deeper ones too.

# %% tags=["hide-input"]
settings(imitated.CLAIMS)
cards(imitated.CLAIMS)

# %% [markdown]
# ## Where claims break
#
# Each condition is changed by itself, beside plain learners from the same base: exploration taken
# away, a penalty that is too strong, checks that err, walks that are old, questions that are new.

# %% tags=["hide-input"]
settings(conditional.CLAIMS)
cards(conditional.CLAIMS)

# %% [markdown]
# What of the figures holds wherever it was measured, on both graphs where both have the claim. The page
# is not built unless two of these do: policy gradient ends above imitation that goes on, and outcome
# reward alone loses everything.

# %% tags=["hide-input"]
everywhere = [
    claim for claim in trained.CLAIMS if judged[claim.id].verdict == HOLDS
]
assert {"2-pg-over-sft", "3-outcome"} <= {claim.id for claim in everywhere}
print(f"{len(everywhere)} of {len(trained.CLAIMS)} claims of the figures:")
for claim in everywhere:
    print(f"- {claim.statement}")
outcome = [v for found in judged["3-outcome"].findings for v in found.values]
print(
    "Accuracy after Q-learning with outcome reward alone, mean over seeds, graphs, and training "
    f"and test questions: {sum(outcome) / len(outcome):.4f}"
)
