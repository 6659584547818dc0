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
# here**. Predictions were written before the ten seeds were run, from the paper's text; they are not
# fitted.
#
# All runs: `python -m planrl reproduce`. This page: `python -m planrl claims`.

# %% tags=["hide-input"]
from collections import Counter

from planrl import widgets
from planrl.claims import (
    FAILS,
    HERE,
    HOLDS,
    UNDECIDED,
    UNKNOWN,
    conditional,
    exact,
    imitated,
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
    return {
        "where": f"{found.place} ({found.model})",
        "predicted": found.prediction,
        "mean (95 % interval)": f"{number(found.mean)} ({low} to {high})",
        "seeds": len(found.values),
        "verdict": found.verdict,
    }


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
cards(exact.CLAIMS)

# %% [markdown]
# All of them hold. What they leave open is what the next table is about: how much of it a trained
# Transformer shows, at the sizes and in the time of the paper's figures.
#
# ## The figures
#
# One layer, one head, width 120, on a random DAG of 100 nodes and on Blocksworld with four blocks.
# All learners start from one SFT base for each seed. Ten seeds are planned; a row says
# how many there are.

# %% tags=["hide-input"]
cards(trained.CLAIMS)

# %% [markdown]
# ## What imitation memorises
#
# Theorem 3.1 speaks of a table; Assumption 3.1 says that a Transformer is nearly one. Both can be
# measured on trained models, deeper ones too.

# %% tags=["hide-input"]
cards(imitated.CLAIMS)

# %% [markdown]
# ## Where claims break
#
# Each condition is changed by itself, beside plain learners from the same base: exploration taken
# away, a penalty that is too strong, checks that err, walks that are old, questions that are new.

# %% tags=["hide-input"]
cards(conditional.CLAIMS)

# %% [markdown]
# Two of the figures' claims hold on both graphs, and this page is not built unless they do: policy
# gradient ends above imitation that goes on, and outcome reward alone loses everything.

# %% tags=["hide-input"]
assert judged["2-pg-over-sft"].verdict == HOLDS
assert judged["3-outcome"].verdict == HOLDS
outcome = judged["3-outcome"].findings
print(
    "Accuracy after Q-learning with outcome reward alone: at most "
    f"{max(max(found.values) for found in outcome):.4f} in any seed, on either graph."
)
