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
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
    subprocess.run([*pip, "git+https://github.com/planrl/planrl"], check=True)

# %% [markdown]
# # The ladder of planning problems
#
# Hanoi, Logistics, Sokoban, peg solitaire: planning knows many standard problems. The states of each are the nodes of
# a graph, its actions the edges (*arcs*), and a plan is a path. Which of this book's theorems helps on a problem can be read from
# its graph before anything is trained. This page needs [chapter 8](08_logits.ipynb). Reading takes 5 minutes,
# running everything some 5 seconds.

# %% tags=["hide-input"]
from IPython.display import display

from planrl.claims import verdicts
from planrl.domains import EXAMPLES, example
from planrl.domains.outcomes import discounted_optimum
from planrl.experiments import ladder as study
from planrl.figures import charts
from planrl.figures.table import Table
from planrl.teaching import ladder, notebook
from planrl.teaching.claim_cards import Statements
from planrl.teaching.plan_pictures import PlanPictures

notebook.setup()

# %% [markdown]
# ## What a state is
#
# A state is a position of all pegs, discs or packages; an action leads from one to the next. Each picture below is a
# node of such a graph, and the numbers above it follow a shortest plan, which is a shortest path. A peg jumps over another one,
# which is taken out. A disc never lies on a smaller one. A package is loaded, carried and unloaded.

# %%
for name in ("peg-4", "hanoi-4", "logistics-1"):
    display(PlanPictures(example(name)))

# %% [markdown]
# The peg that is taken out never returns, while a disc or a package can be brought back. This difference decides what
# follows.
#
# ## Three kinds of graphs
#
# A *component* is a set of states that all reach each other. Without a discount, Q-learning with process reward
# goes to $A[j, k] + R[i, k] - 1$ (Theorem 5.2; with cycles if it starts at 0), where $j$ is the current state, $k$ the next one and $i$ the target. Inside a
# component $R[i, k]$ is 1 for all its states, so these values do not say which step comes nearer.

# %%
graphs = ladder.ladder_graphs()
Table(ladder.structure_rows(graphs))

# %% [markdown]
# From top to bottom fewer steps stay inside a component. At the top every move can be undone: values without a discount
# are *blind to the target*. At the bottom no move can be undone, as a peg that was taken never returns: there the
# values are *exact*. In between, fuel is used up while trucks drive back and forth, and a box that was pushed into a
# corner stays there: values *tell components apart*. The row `assistant` is the graph of the chapter [Does it use
# tools?](13_tools.ipynb)
#
# ## What learners would do there
#
# Suppose that a learner learns all there is to learn. Then its policy is known exactly, and so is the probability that
# it arrives. SFT on random walks, which may come back to a state, goes to the uniform choice among correct next states. (The
# plans of [chapter 9](09_blocksworld.ipynb) never come back, so they head for the goal, and a model that imitates them arrives far more often.) Q-learning with a discount
# $\gamma$ goes to
#
# $$ f^*(i, j)[k] = A[j, k] + \gamma^{d(k, i)} - 1, \tag{85.1} $$
#
# where $d(k, i)$ is the number of steps from $k$ to the target, and the power is 0 where there is no path. *Soft
# Q-learning* pays for each step and keeps all paths, short ones with the larger probabilities.

# %%
notebook.Source(discounted_optimum)

# %%
found = ladder.shares(graphs)
Table(
    ladder.share_rows(found),
    caption="% of all pairs with a path for which the exact policy arrives within 30 steps",
)

# %% tags=["remove-input"]
notebook.Download(ladder.share_rows(found), "ladder.csv")

# %% tags=["hide-input"]
shown = ["Q-learning, greedy", "Q-learning, discount 0.9, sampled"]
charts.bars(
    {name: found[name] for name in shown},
    title="Without a discount, cycles keep exact values from arriving",
    x="problem, from the most cycles to none",
    y="% of pairs for which it arrives within 30 steps",
    y_range=(0, 115),
    text=".0f",
    height=460,
    alt="Percentage of pairs for which an exact policy arrives within 30 steps. "
    + "; ".join(
        f"{name}: " + ", ".join(f"{p} {v:.0f}" for p, v in found[name].items())
        for name in shown
    ),
)

# %% [markdown]
# Greedy choices take the first of equally good steps, sampled ones are drawn at temperature 1 with values
# that count a reward as 10, and soft Q-learning's steps weigh 0.1 each. Three things can be read:
#
# - **No cycles, no discount needed.** On peg solitaire $A + R - 1$ arrives from everywhere.
# - **With cycles a discount is needed, and greedy choices.** Sampled, the difference between a nearer and a farther
#   state is a tenth of the value or less, and paths to far targets take detours until they are too long.
# - **Soft Q-learning needs neither**, but a step cost that is large enough. Its exact policy arrives sampled, on every rung.
#
# ## What trained models reach
#
# Those are exact policies. How near to them does training come, on one problem of each domain? We wrote down what we
# expected before the seeds below were run, but after trials with another seed, most of them on Hanoi. A linear
# Transformer, which can hold each exact policy, is trained on all pairs: 300 updates of SFT on random walks, then 600 of each
# method from there.

# %% tags=["remove-input"]
charged = [study.penalty(graphs[name]) for name in study.PROBLEMS]
notebook.Told(
    f"Rewards of Q-learning are {study.SCALE:g}. In soft Q-learning a step weighs half of what would make the sums over paths "
    f"infinite, and at most {study.MOST_WEIGHT}. An illegal step is charged more than the longest shortest path costs, "
    f"{min(charged):.0f} to {max(charged):.0f}: larger rewards than those of Q-learning, which by themselves make samples "
    "more accurate (chapter 14)."
)

# %%
# made by: python -m planrl reproduce --only ladder
Table(
    ladder.trained_rows(),
    caption="% of all pairs for which the trained policy arrives within 30 steps, mean over seeds; in brackets the exact policy; "
    "sampled at temperature 1",
)

# %% tags=["remove-input"]
notebook.Download(ladder.trained_rows(), "trained.csv")

# %% [markdown]
# Without a discount many steps are equally good. Of these the exact policy takes the first and a trained one any, so
# either may arrive more often.

# %% tags=["remove-input"]
notebook.Told(ladder.longer())

# %% [markdown]
# The predictions and what became of them:

# %% tags=["remove-input"]
judged = verdicts(["ladder"])
Statements({one.claim.statement: [one] for one in judged}, ordered=False)

# %% [markdown]
# Those were linear Transformers, whose logits are the sum of two tables: one of state and next state, one of target and
# next state. What the Transformer of the other chapters reaches is measured on Blocksworld ([chapter 9](09_blocksworld.ipynb)) and on [tool
# graphs](13_tools.ipynb).
#
# ## How large can a problem be?
#
# Up to four thousand states, listing them takes a tenth of a second, who reaches whom and how far some seconds, at most
# about ten, and an update less than a fifth of a second:

# %%
# made by: python -m planrl reproduce --only state-costs
Table(
    ladder.cost_rows(),
    caption="Milliseconds of processor time, one thread; updates of 128 paths",
)

# %% [markdown]
# An update is one of a Transformer of width 120, by SFT or by policy gradient (RL), on paths of pairs at most 8 edges
# apart; memory is the most that a row added. What grows fastest is the table of which state reaches which: it
# multiplies square matrices. `planrl inspect` refuses a problem of more than 5,000 states, after it has counted so
# many, unless `--most` allows more.
#
# ## Your own problem
#
# `planrl inspect domain.pddl problem.pddl` prints these facts for any small problem in PDDL, the usual language of
# planners, and `planrl plan` finds a shortest plan, or asks an outside planner where its own search gives up (`--planner
# fast-downward`). Fast Downward's shortest plans of the examples are as long as planrl's. The examples that come with planrl can be named instead of
# files. This page itself reads no PDDL: your own files need Python, either the command line or a notebook with
# `planrl.domains.state_graph`.

# %% tags=["hide-input"]
Table([{"name": name, "problem": what} for name, what in EXAMPLES.items()])
