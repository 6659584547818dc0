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
# # Which rewards teach a learner?
#
# Q-learning reads a model's logits as *values*: how much a walk will still earn. Whoever sets the
# rewards decides what these values become, and a small change can empty them. Here you set the
# rewards and see what is learnt, beside what these rewards must lead to. You should have read
# [chapter 1](01_paths.ipynb). Reading takes 6 minutes; running everything under a minute.

# %% tags=["hide-input"]
import torch

import planrl as pr
from planrl import widgets
from planrl.live import Session, lab
from planrl.live.workshop import VERDICTS

widgets.setup()

# %% [markdown]
# ## Predict
#
# A walk earns 1 for the step into its target. Steps that follow no edge cost nothing: only walks
# that are right all the way are paid. **Does the learner still find out which steps are edges?**

# %% tags=["hide-input"]
widgets.QuickCheck(
    "A right walk is paid 1 at its end, every other walk nothing. What do the values become?",
    {
        "High for edges, low for others": "That takes someone who says which step was wrong. Here a "
        "step that is no edge costs nothing, and what follows it may look as good as anything.",
        "All the same, for one target": "Whatever node a step leads to, what is expected there is "
        "the same best value, so nothing tells the steps apart (Theorem 5.1).",
        "They grow without end": "No walk earns more than 1; values can be too high for a while, but "
        "what ruins them is that they become equal.",
    },
    right=["All the same, for one target"],
)

# %% [markdown]
# ## The workshop
#
# Each map shows one target: a row for where a walk stands, a column for the next node. On the left
# what has been learnt, on the right where Q-learning stops for these rewards. Press *Train*, then
# move a slider.

# %% tags=["hide-input"]
lab("rewards")

# %% [markdown]
# ## The same in three lines
#
# A lab's *Copy as planrl* gives such lines. They take the same updates as the page, with the same
# chance. First the paper's process reward, then outcome reward alone.

# %%
process = Session("rewards", "model=transformer")
outcome = Session("rewards", "model=transformer&strict=1&edge=0")
for session in (process, outcome):
    session.train(300)
looks = {"process": process.look()[0], "outcome": outcome.look()[0]}

# %% tags=["hide-input"]
widgets.Table(
    [
        {
            "reward": name,
            "right walks, training": look["train_sampled"],
            "right walks, held out": look["test_greedy"],
            "what the values say": VERDICTS[int(look["failure"])],
        }
        for name, look in looks.items()
    ],
    caption="After 300 updates from a base that imitates, seed 0; held-out questions greedily",
)

# %% [markdown]
# > **Theorem 5.1.** *With outcome reward alone the values of a target become one number,
# > wherever a walk stands and wherever a step leads, the target itself excepted.*
#
# > **Theorem 5.2.** *With process reward they become* $A_{jk} + R_{ik} - 1$*: 1 for an edge that
# > leads towards the target $i$, 0 if only one of the two holds, $-1$ if neither.*
#
# The right-hand map of the workshop is computed, not learnt: values are put into Q-learning's own
# equation until they stay. For process reward it must agree with the theorem.

# %%
target = int(process.given["question"][1])
exact = looks["process"]["exact"]  # [here, next]
theorem = pr.theory.process_optimum(process.world.graph)[target]
walking = torch.arange(len(exact)) != target  # nobody walks on from the target
pr.check(
    "the fixed point is A + R - 1",
    predicted=theorem[walking],
    observed=exact[walking],
    tolerance=1e-6,
)

# %% tags=["hide-input"]
assert looks["process"]["train_greedy"] > 0.9
assert looks["outcome"]["train_sampled"] < 0.1
assert VERDICTS[int(looks["process"]["failure"])].startswith("No such failure")
assert not VERDICTS[int(looks["outcome"]["failure"])].startswith("No such failure")

# %% [markdown]
# > **Exercise 1.** Which of the workshop's failures can you produce from the paper's process reward
# > by moving *one* control? Say first which one will come, then train.
#
# <details><summary>Hint</summary>
#
# The reward at the target and the fine each have a value that empties the map. The presets use two
# controls at a time.
#
# </details>
#
# ## What we now know
#
# Values are only as good as the rewards they add up. A fine for every wrong step puts the graph
# into the logits; a reward at the end alone leaves nothing there. A discount and bounds on what is
# believed decide whether the way there is safe.
