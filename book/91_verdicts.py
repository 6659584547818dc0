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
from planrl.claims import FAILS, HERE, HOLDS, UNDECIDED, exact, trained, verdicts

widgets.setup()

judged = {verdict.claim.id: verdict for verdict in verdicts()}
count = Counter(verdict.verdict for verdict in judged.values())
hours = sum(verdict.seconds for verdict in judged.values()) / 3600


def table(claims, caption):
    """One row for each place in which a claim is measured."""
    rows = []
    for claim in claims:
        for found in judged[claim.id].findings:
            low, high = found.interval
            rows.append(
                {
                    "claim": claim.id,
                    "where": f"{found.place} ({found.model})",
                    "predicted": found.prediction,
                    "measured": f"{found.mean:.3g} ({low:.3g} to {high:.3g})",
                    "seeds": len(found.values),
                    "verdict": found.verdict,
                }
            )
    return widgets.Table(rows, caption)


def sentences(claims):
    """What each claim says, who says it, what is measured."""
    return widgets.Table(
        [
            {
                "claim": claim.id,
                "says": claim.statement,
                "source": claim.source,
                "measured": claim.measured,
                "verdict": judged[claim.id].verdict,
            }
            for claim in claims
        ]
    )


print(
    ", ".join(f"{count[kind]} {kind}" for kind in (HOLDS, HERE, UNDECIDED, FAILS))
)

# %% [markdown]
# ## The theorems
#
# On small graphs each theorem can be followed exactly: every outcome counted, fixed points iterated
# to their end, gradients taken from the library's own losses in double precision.

# %% tags=["hide-input"]
sentences(exact.CLAIMS)

# %% tags=["hide-input"]
assert all(judged[claim.id].verdict == HOLDS for claim in exact.CLAIMS)
table(exact.CLAIMS, "Mean over seeds, each with a graph of its own; 95 % interval.")

# %% [markdown]
# All of them hold. What they leave open is what the next table is about: how much of it a trained
# Transformer shows, at the sizes and in the time of the paper's figures.
#
# ## The figures
#
# One layer, one head, width 120, on a random DAG of 100 nodes and on Blocksworld with four blocks.
# All learners start from one SFT base for each seed.

# %% tags=["hide-input"]
sentences(trained.CLAIMS)

# %% tags=["hide-input"]
table(
    trained.CLAIMS,
    "Mean over seeds; 95 % interval. Accuracy is of 1, diversity of 100.",
)

# %% [markdown]
# Two of these do not depend on how long one trains or which graph one takes, and the page stands on
# them: policy gradient ends above imitation that goes on, and outcome reward alone loses everything.

# %% tags=["hide-input"]
assert judged["2-pg-over-sft"].verdict == HOLDS
assert judged["3-outcome"].verdict == HOLDS
outcome = judged["3-outcome"].findings
print(
    "Accuracy after Q-learning with outcome reward alone: at most "
    f"{max(max(found.values) for found in outcome):.4f} in any seed, on either graph."
)
