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
# # What does history buy?
#
# So far the best next node followed from the target and the current node: a table sufficed ([chapter 2](02_one_layer.ipynb),
# Assumption 3.1). Here it depends on the path so far, which a Transformer can read. Does it? You need
# [chapter 3](03_imitation.ipynb) for SFT (supervised fine-tuning) and [chapter 7](07_reward.ipynb) for process reward.
# Reading takes 11 minutes, running everything some 10 seconds.
#
# <details><summary>In one sentence</summary>
#
# A Transformer of one layer answers questions of history that no table answers; after SFT and after policy gradient, even with
# process reward, it goes by what accompanies the fact in the paths it saw, and after Q-learning by the fact (a corridor of
# seven rooms, ten seeds).
#
# </details>

# %% tags=["hide-input"]
import itertools

import torch

import planrl as pr
from planrl.claims import verdicts
from planrl.experiments.corridor import corridor, goes_on, wandering
from planrl.experiments.waypoints import (
    demonstrate,
    most_by_tables,
    shortest_policy,
)
from planrl.figures import sliders
from planrl.figures.table import Table
from planrl.sampling import rollout
from planrl.teaching import evidence, exercises, notebook
from planrl.teaching import history_figures as figures
from planrl.teaching.claim_cards import Statements

notebook.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# Seven rooms lie in a row, 0 to 6, each joined to its neighbours. In room 0 there is a key. A question (source, target)
# is answered by a path that **first fetches the key** and then ends at the target. Who enters the target without it has lost.
# There are 15 such questions, with the source between the key and the target. The prompt names source and target, as always.
#
# ```
# key 0 - 1 - 2 - 3 - 4 - 5 - 6
# ```
#
# A Transformer of one layer learns one correct path for each question by SFT, until it answers all of them greedily. Then we hand it
# paths that *wander*: random legal steps from room to room that never came to room 0. The model is asked for the next room.
# The right way is back, towards the key; a coin would be right in half of the cases.
#
# **After which share of the paths without the key does it go back, after SFT?**

# %% tags=["remove-cell"]
my_guess = 0.9

# %% tags=["hide-input"]
# made by: python -m planrl reproduce --only corridor
share = {method: figures.mean(method, "without_key") for method in figures.METHODS}
figure = figures.after_wandering(
    title="Only Q-learning, or other data, teach it to look for the key"
)
sliders.ask(
    figure,
    "Share of paths without the key after which SFT's model goes back",
    guess=my_guess,
    low=0,
    high=1,
    step=0.01,
    hidden=[figures.WITHOUT],
    answer=f"It goes back after {share['SFT']:.2f} of them, as a coin would. After policy gradient it is "
    f"{share['policy gradient']:.2f}, after Q-learning with process reward {share['Q-learning']:.2f} (means of "
    f"{len(figures.pages())} seeds).",
)

# %% tags=["remove-input"]
notebook.Download(figures.by_seed(), "corridor.csv")

# %% [markdown]
# All of these models answer all 15 questions greedily, so accuracy on questions does not tell who looks for the key. After
# wandering paths *with* the key nearly all go on, as they should.
#
# ## Experiment

# %%
moves, task = corridor()
paths = demonstrate(moves, task, 1, pr.seeded(seed, "paths"))


# %%
def trained(model, lr):
    rng = pr.seeded(seed, "batches")
    shown = pr.demonstrations(task, paths, rng=rng, size=32)
    list(pr.train(model, shown, pr.sft, pr.TrainConfig(steps=150, lr=lr)))
    return model


# %%
weights = pr.seeded(seed, "weights")
transformer = pr.Transformer(task.vocab, pr.TransformerConfig(), weights)
models = {
    "logit table": trained(pr.LogitTable(task.vocab), 0.1),
    "Transformer": trained(transformer, 1e-3),
}


# %%
def answered(model, greedy):
    sampler = pr.Sampler(greedy=greedy, max_tokens=24)
    rng = pr.seeded(seed, "evaluation")
    drawn = rollout(model, task.pairs.repeat(100, 1), rng=rng, sampler=sampler)
    return float(moves.right(drawn).float().mean())


# %%
right = {}
for name, model in models.items():
    right[name] = answered(model, greedy=True), answered(model, greedy=False)
    print("{}: greedy {:.2f}, sampled {:.2f}".format(name, *right[name]))

# %% [markdown]
# *About 3 s on 2 cores.*
#
# The table answers nothing greedily. Sampled at temperature 1 it wanders, and sometimes by luck past the key and then to the target.
#
# ## Why no table can
#
# One correct path, from room 3 to room 5:

# %% tags=["hide-input"]
figures.in_time(
    {"the path": [3, 2, 1, 0, 1, 2, 3, 4, 5]},
    title="In room 3 the path goes left first, and right later",
    marked=3,
)

# %% [markdown]
# Target and current room are the same both times, so a table $f(i, j)$ has one row for both. Greedily it always goes
# left there, or always right. On any graph, if a greedy table answers some question of a target, it leads from the waypoint to
# the target, and every source on that way is lost. `most_by_tables` counts these. In the corridor all tables can be tried:

# %%
source, target = task.pairs.T
found = []
for turns in itertools.product((-1, 1), repeat=5):
    inner = [room + turn for room, turn in zip(range(1, 6), turns, strict=True)]
    policy = torch.eye(7)[[1, *inner, 5]].repeat(7, 2, 1)  # [target, state, next]
    found.append(moves.arrival(policy, 24)[target, source])
best = torch.stack(found).amax(0).mean()  # any table for each question

# %%
limit = most_by_tables(moves, task)
print(pr.check("best greedy table", predicted=limit, observed=best, tolerance=0.0))

# %% [markdown]
# What is missing is one bit: is the key fetched? With it the corridor has 14 *states* (room, key or not). A table over these
# answers everything:

# %%
by_state = moves.arrival(shortest_policy(moves), 24)[target, source]
words = "a table by target, room and key"
print(pr.check(words, predicted=1.0, observed=by_state, tolerance=0.0))

# %% [markdown]
# ## What SFT reads instead
#
# In every demonstration a step to the left means that the key is not fetched yet, and a step to the right that it is. So the
# *direction* of the last step tells as much as the key, and it stands just before the current room. Our model, after wandering paths:

# %%
rows, last = wandering(moves, 400, pr.seeded(seed, "wandering paths"))
onward = goes_on(transformer, rows, last)[400:]  # those without the key
number = torch.arange(800)
to_right = (rows[number, last] > rows[number, last - 1])[400:]
for words, some in (("right", to_right), ("left", ~to_right)):
    print(f"last step to the {words}: goes on in {onward[some].float().mean():.2f}")

# %% [markdown]
# Mostly it keeps its direction (one seed here, ten below). On the paths of SFT that is never wrong.
#
# Could reward mend this? Policy gradient learns from the model's own samples, so let us look at them:

# %%
sampler = pr.Sampler(max_tokens=24)
rng = pr.seeded(seed, "samples")
drawn = rollout(transformer, task.pairs.repeat(400, 1), rng=rng, sampler=sampler)
room = drawn[:, 2:]
no_key = ((room == 0).cumsum(1) == 0)[:, :-1]
turned = ((room.diff() > 0) & no_key & (room[:, 1:] < 7)).any(1)
saved = turned & moves.right(drawn)
print(
    f"{len(drawn):,} paths, {turned.sum()} turn too early, {saved.sum()} of these correct"
)

# %% [markdown]
# Few paths step right before they have the key, and those enter the target without it and fail. A failed path has return 0, so it teaches
# nothing. The path that would teach, one that steps right and then goes back, is hardly ever drawn.
#
# > **Finding.** What SFT has learnt is true of its data and not of the task ([Theorem 3.1](03_imitation.ipynb) says that it learns the data's
# > frequencies). Policy gradient learns from its own successes (Theorem 4.1), and so it keeps the mistake.
# > A baseline, and even the process reward of each step, do not change this. Q-learning has the same start and the same reward, ten
# > times as large, and turns back nearly always.
#
# The process reward here charges illegal steps and the target without the key, and pays for the target with it; policy gradient gets what is still to come
# of it, minus the mean. Why does Q-learning learn what policy gradient does not? Our reading, not tested: while its values are learnt its samples
# err often ([chapter 7](07_reward.ipynb) shows how far accuracy falls at first), so it meets the turn many times.

# %% tags=["remove-input"]
Table(
    figures.rows(),
    caption="Greedy accuracy, and shares of wandering paths, mean and 95 % interval. More SFT: 600 further updates, as many "
    f"as reward has; {figures.condition()}",
)

# %% [markdown]
# The last row is SFT on other data, correct paths that turn on their way: they close most of the gap, not all of it. Nobody had to
# try anything, but somebody had to write such paths.

# %% tags=["remove-input"]
notebook.QuickCheck(
    "An agent is fine-tuned on logs in which every tool call that needs a login comes after one. On the test set it is perfect. "
    "What does this tell about a session in which the login failed?",
    {
        "It will log in again": "Only if it reads whether the login succeeded. In the logs the call itself tells as much.",
        "Nothing": "In the logs 'login was called' and 'login succeeded' go together, so both explain them.",
        "It will fail": "It may, or may not: the data do not decide which of the two it has learnt.",
    },
    right=["Nothing"],
)

# %% [markdown]
# ## What we predicted
#
# The bounds were committed before the ten seeds were run. Trials with other seeds came first; the cards say what was seen.

# %% tags=["remove-input"]
ids = [
    "corridor-answered",
    "corridor-sft-blind",
    "corridor-direction",
    "corridor-pg-blind",
    "corridor-q-reads",
    "corridor-no-random-steps",
    "corridor-turns-teach",
    "corridor-baseline",
    "corridor-checks-help",
]
judgements = verdicts(ids)
Statements({one.claim.statement: [one] for one in judgements}, ordered=False)

# %% [markdown]
# Larger graphs with a waypoint, two and four layers and soft values are a study of their own, *depth*. Its
# predictions are committed ([chapter 11](11_verdicts.ipynb)), its runs are still to come.
#
# ## Exercises
#
# > **Exercise 1.** *Easy, 4 minutes.* The key now lies in room 2. From the state (room, has the key?) and the next room return the next state. If
# > it works, all steps lead to the right state.


# %%
def my_next_state(room, has_key, onward): ...


exercises.next_state(my_next_state)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Who has the key keeps it.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_next_state(room, has_key, onward):
#     return onward, has_key or onward == 2
#
# exercises.next_state(my_next_state)
# ```
#
# </details>
#
# > **Exercise 2.** *Easy, 4 minutes.* Write a legal path towards target 6 that never met the key (room 0), after which a model
# > trained as on this page goes on towards the target. If it works, the model is fooled.

# %%
my_path = [5, 4]
exercises.fools(my_path)

# %% [markdown]
# <details><summary>Hint</summary>
#
# By what does it go?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# my_path = [3, 2, 1, 2, 3]
# exercises.fools(my_path)
# ```
#
# </details>
#
# > **Exercise 3.** *Medium, 8 minutes.* Join two rooms of the corridor (key in room 0) by one further edge, in one direction, so that one greedy table
# > answers *all* questions. Only one edge does it.

# %%
my_edge = (3, 5)
exercises.one_edge(my_edge)

# %% [markdown]
# <details><summary>Hint</summary>
#
# In each room the table has to be right with the key and without it.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# my_edge = (0, 6)
# exercises.one_edge(my_edge)
# ```
#
# The table always goes left: first to the key, then over the new edge to room 6, and from there down to the target.
#
# </details>
#
# ## What we now know
#
# A Transformer of one layer answers questions of history that no table answers; after SFT and after policy gradient, even with
# process reward, it goes by what accompanies the fact in the paths it saw, and after Q-learning by the fact (a corridor of
# seven rooms, ten seeds). **What else do we do otherwise than the paper?** [Where we differ](92_deviations.ipynb).
#
# ## Further reading
#
# - [Causal confusion in imitation learning](https://arxiv.org/abs/1905.11979): policies that copy what accompanies the cause.
# - [Shortcut learning in deep neural networks](https://arxiv.org/abs/2004.07780): the same in many fields.
# - [The paper](https://arxiv.org/abs/2509.22613): Assumption 3.1 and Theorems 3.1, 4.1, 5.2.

# %%
evidence.Numbers(
    "16_history",
    {
        "Transformer, greedy": right["Transformer"][0],
        "Transformer, sampled": right["Transformer"][1],
        "table, sampled": right["logit table"][1],
        "goes on after a step right": onward[to_right].float().mean(),
        "goes on after a step left": onward[~to_right].float().mean(),
    },
    limits={"greedy": (0, 1)},
)
