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
# # How can a reward ruin a learner?
#
# Policy gradient asks only whether a path is correct. *Q-learning* asks more of each logit: it should say
# how much reward the rest of the path will earn. So whoever sets the rewards decides what the logits become.
# You need [chapter 4](04_policy_gradient.ipynb). Reading takes 14 minutes, running everything some
# 25 seconds. One figure comes from saved runs; the command that made them stands beside it.
#
# <details><summary>In one sentence</summary>
#
# Under Q-learning the logits can hold only what the reward tells apart, and a reward for the outcome alone tells
# nothing apart: all steps that do not enter the target get one value, a step into it no more, and accuracy falls to
# zero.
#
# </details>

# %% tags=["hide-input"]
import copy
from dataclasses import replace
from functools import partial

import torch

import planrl as pr
from planrl.figures import charts, sliders, style
from planrl.figures.table import Table
from planrl.labs import lab
from planrl.labs.catalogue.rewards import verdict
from planrl.tasks import shaped_reward
from planrl.teaching import evidence, exercises, notebook, paper_figures
from planrl.teaching.paper_tables import rows as curve_rows

notebook.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# A small model has imitated correct paths until it answers nearly every question of a graph with 20
# nodes. Then it trains by Q-learning on paths that it samples itself. A correct path earns its reward at
# the step into the target. Every other path earns nothing.
#
# **What percentage of its sampled paths will be correct after 400 updates?** The figure below asks you.

# %% tags=["remove-cell"]
my_guess = 97

# %% [markdown]
# ## Experiment
#
# The model is the linear Transformer of [chapter 2](02_one_layer.ipynb), whose logits are the sum of two
# tables. It starts from SFT on all questions; in this chapter none are held out.

# %%
graph = pr.random_dag(20, 0.3, pr.seeded(seed, "graph"))
task = pr.all_pairs(graph)
paths = pr.sample_paths(task, 10, pr.seeded(seed, "paths"))
rng = pr.seeded(seed, "lessons")
lessons = pr.demonstrations(task, paths, rng=rng, size=None)
base = pr.LinearTransformer(task.vocab)
list(pr.train(base, lessons, pr.sft, pr.TrainConfig(steps=60, lr=0.1)))
print(f"{len(graph.edges)} edges, {len(task.pairs)} questions")

# %% [markdown]
# The rewards are multiplied by 10, because a softmax over many logits of 1, 0 and -1 would hardly prefer
# the largest. One step in ten goes to a node drawn uniformly ($\varepsilon = 0.1$), and END is allowed only at the
# target. `value_bounds` clips values to the range from 0 to the reward; the last experiment shows why.

# %%
chooser, explorer = [pr.Sampler(epsilon=e, may_stop=False) for e in (0.0, 0.1)]
bounded = partial(pr.q_learning, value_bounds=(0.0, 10.0))


def scored(model):
    rng = pr.seeded(seed, "probe")  # the same random numbers at every evaluation
    scores = pr.evaluate(model, task, rng=rng, samples=16, sampler=chooser)
    return scores.summary()


# %%
def taught(reward, loss=bounded, start=base):
    model, rng = copy.deepcopy(start), pr.seeded(seed, "walks")
    paid = replace(task, reward=lambda *path: 10 * reward(*path))
    rollouts = pr.on_policy(model, paid, rng=rng, sampler=explorer, size=64)
    run = pr.train(model, rollouts, loss, pr.TrainConfig(steps=400, lr=0.1))
    return model, list(pr.probe(run, lambda: scored(model), every=20))


# %% [markdown]
# The same learner is also trained with the paper's *process reward*: 1 for the step into the target, minus
# 1 for every *illegal* step, which is a step along no edge.

# %%
runs = {
    "Q-learning, outcome reward": taught(pr.outcome_reward),
    "Q-learning, process reward": taught(pr.process_reward),
}

# %% tags=["hide-input"]
before = 100 * scored(base)["accuracy"]
tracks = {name: charts.track(run, "accuracy") for name, (_, run) in runs.items()}
percent = {
    name: ([0, *steps], torch.tensor([[before, *(100 * v for v in values)]]))
    for name, (steps, values) in tracks.items()
}
ends = {name: float(values[0, -1]) for name, (_, values) in percent.items()}
ruined, process = ends.values()
figure = charts.range_figure(
    percent,
    title="Accuracy of Q-learning under two rewards, 20 nodes, one seed",
    x="updates",
    y="% correct, sampled",
    y_range=(0, 104),
    alt=f"Percentage of correct paths over 400 updates, one seed. Before: {before:.0f}. With outcome "
    f"reward it falls to {ruined:.0f}, with process reward it ends at {process:.0f}.",
)
sliders.ask(
    figure,
    "Percentage correct after 400 updates with outcome reward",
    guess=my_guess,
    low=0,
    high=100,
    step=1,
    unit="%",
    hidden=["Q-learning, outcome reward"],
    answer=f"It falls from {before:.0f} % to {ruined:.0f} %. With process reward, the same sampler "
    f"and the same loss, it ends at {process:.0f} %.",
)

# %% tags=["remove-input"]
notebook.Download(
    [
        {"learner": name, "updates": step, "% correct": float(value)}
        for name, (steps, values) in percent.items()
        for step, value in zip(steps, values[0], strict=True)
    ],
    "rewards_live.csv",
)

# %% [markdown]
# In the lab you set the rewards yourself. Each map belongs to one target, with a line for the current node
# and a column for the next node: the values learnt so far, and the values at which Q-learning would stop.

# %% tags=["remove-input"]
lab("rewards")

# %% [markdown]
# A Transformer on the paper's graph of 100 nodes loses its accuracy, too, and within 100 updates.

# %%
# made by: python -m planrl reproduce --only fig3
saved = {name: paper_figures.series("dag", name, "train_accuracy") for name in runs}
steps, lost = saved["Q-learning, outcome reward"]
charts.range_figure(
    saved,
    title=f"100 nodes, Transformer: mean and range of {len(lost)} seeds",
    x="updates",
    y="accuracy, sampled",
    y_range=(0, 1.02),
    alt=f"Accuracy on training pairs with outcome reward ends at {float(lost[:, -1].mean()):.3f}",
)

# %% tags=["remove-input"]
notebook.Download(
    curve_rows("dag", list(saved), ["train_accuracy", "test_accuracy"]),
    "rewards_paper_size.csv",
)

# %% [markdown]
# ## What Q-learning asks of a logit
#
# Read the logit $f(i, j)[k]$ as a *Q-value*: the reward that a path to target $i$ earns from now on if it
# steps from $j$ to $k$ and then does its best. Then the value of a step is its reward plus the best value at
# the next node. This sum is called the **TD target**, and Q-learning minimises the squared difference:
#
# $$ \ell_{\mathrm{Q}} = \frac{1}{M} \sum_m \Bigl( f_m[k_m] - r_m - \gamma \max_k f_{m+1}[k] \Bigr)^2. \tag{7.1} $$
#
# Step $m$ of the batch's $M$ steps chose token $k_m$, earned $r_m$, and had the logits $f_m$. The *discount*
# $\gamma$ is the factor by which a reward counts less one step earlier; here it is 1. The step into the
# target is the last one, so its TD target is $r_m$ alone. No gradient flows through a TD target.

# %% tags=["remove-input"]
notebook.Source(pr.q_learning)

# %% [markdown]
# ## By hand
#
# The outcome reward depends on the history of a path, and the table of values does not. The step 1 → 2 earns
# 1 if all steps before it were legal and 0 otherwise, but the table has only one value for it.
#
# Take 0 → 1 → 2, target 2, and assume the best case: every path that reaches node 1 was legal so far. Start
# from zeros and replace each value by its TD target, three times. A line belongs to the current node (0, 1),
# a column to the next node (0, 1, 2).

# %%
earned = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
values = torch.zeros(2, 3)
for sweep in (1, 2, 3):
    best = torch.cat([values.amax(1), torch.zeros(1)])  # nothing after the target
    values = earned + best
    print(f"sweep {sweep}:", values.tolist())

# %% [markdown]
# After the first sweep 1 → 2 is worth 1. Then every step *to* node 1 is worth 1, and then every step to node
# 0 as well. In the end the illegal step 0 → 0 has the same value as the edge 0 → 1: it earns nothing and it
# costs nothing. In truth it spoils the path. The table cannot say so, because it sees only the target and the
# current node.
#
# > **Theorem 5.1.** With outcome reward alone Q-learning is stable only where, for each target $i$,
# > all values $f(i, j)[k]$ with $k \ne i$ are one constant, and the step into the target is worth no more
# > than this constant. *A step to $k \ne i$ earns nothing, so its value is the best value at $k$, whatever
# > $j$ is. From every node every $k$ can be chosen, so no node has a smaller best value than
# > another.*
#
# The theorem assumes that every step is tried again and again (**Assumption 5.1**); the exploration
# $\varepsilon$ provides for that. The constant depends on the start. We iterate the equation from four
# starts and compare the values of each target with each other.

# %%
n, away = graph.n, ~torch.eye(graph.n, dtype=torch.bool)
noise = 3 * torch.randn(n, n, n + 1, generator=pr.seeded(seed, "noise"))
spread, constants = [], {}
for name, start in {"0": 0.0, "3": 3.0, "-3": -3.0, "noise": noise}.items():
    stable = pr.optimal_q(task, start=start)[..., :n]
    own = [stable[i][away[i]][:, away[i]] for i in range(n)]
    others = torch.stack(own).flatten(1)
    spread.append(others.amax(1) - others.amin(1))
    constants[name] = round(float(others[task.pairs[:, 1]].mean()), 2)
print("mean constant by start:", constants)

# %%
held = pr.check(
    "Theorem 5.1: one value for each target",
    predicted=torch.zeros(4, n),
    observed=torch.stack(spread),
    tolerance=1e-6,
)
evidence.Backing(held, claim="5.1-constant", code=pr.optimal_q, formula="7.1")

# %% [markdown]
# Equal values alone would give a uniform policy. The learner becomes worse than that, because it learns to
# *avoid its target*: a step into the target after an illegal step earns 0, so on average this step is worth
# less than the constant. A table that starts from zeros, which is the uniform policy, shows it best:

# %%
blank = pr.LogitTable(task.vocab)
from_zeros, _ = taught(pr.outcome_reward, start=blank)
logits = pr.next_logits(from_zeros)[..., :n] / 10
into = logits[torch.arange(n), :, torch.arange(n)]  # [target, current]
others = (logits.sum(-1) - into) / (n - 1)
lower = float((into - others)[graph.adjacency.T].mean())
uniform, avoiding = (scored(one)["accuracy"] for one in (blank, from_zeros))
print(f"uniform policy {uniform:.3f} correct, after 400 updates {avoiding:.3f}")
print(f"edge into the target against other steps: {lower:+.2f} of the reward")

# %% [markdown]
# So accuracy goes to 0, with the value bounds and without them:

# %%
held = pr.check(
    "with outcome reward accuracy goes to 0",
    predicted=0.0,
    observed=runs["Q-learning, outcome reward"][1][-1].measured["accuracy"],
    tolerance=0.15,
)
evidence.Backing(held, claim="5.1-accuracy-table", code=pr.outcome_reward)

# %%
_, boundless = taught(pr.outcome_reward, pr.q_learning)
print(f"without bounds: {boundless[-1].measured['accuracy']:.3f} correct")

# %%
held = pr.check(
    "the same for Transformers on 100 nodes, mean over seeds",
    predicted=0.0,
    observed=float(lost[:, -1].mean()),
    tolerance=0.05,
)
evidence.Backing(held, claim="3-outcome", code=pr.q_learning)

# %% [markdown]
# The paper's first version calls this *reward hacking*, its second version *Q-value bias*.
#
# ## Four rewards that ruin, and one that teaches
#
# `c` is what one of these rewards subtracts at every step. The table shows the accuracy at the end, the
# exact values of three kinds of steps (means over all contexts), and the lab's name for the values learnt
# for one target. *Constant* means that the next nodes *other than the target* have nearly the same value.

# %%
c = 0.25
rewards = {
    "outcome alone": pr.outcome_reward,
    "no penalty for illegal steps": partial(shaped_reward, edge=0.0),
    "every step costs, small penalty": partial(shaped_reward, cost=c, edge=c),
    "wrong sign at the target": partial(shaped_reward, target=-1.0, edge=0.0),
    "process reward": pr.process_reward,
}
models = {name: taught(reward) for name, reward in rewards.items()}

# %% [markdown]
# *About 5 s on 2 cores.*

# %% tags=["hide-input"]
watched = int(graph.reachability.sum(1).argmax())
asked = graph.reachability[:, :, None] & away[:, :, None]  # [target, current, 1]
goal = torch.eye(n, dtype=torch.bool)[:, None]  # [target, 1, next]
kinds = {
    "correct step": graph.correct & asked,
    "illegal step into the target": goal & ~graph.adjacency & asked,
    "other wrong step": ~goal & ~graph.correct & asked,
}
told = {
    "no penalty for illegal steps": {"edge": 0.0},
    "outcome alone": {"edge": 0.0},
    "every step costs, small penalty": {"cost": c, "edge": c},
    "wrong sign at the target": {"reward": -1.0, "edge": 0.0},
}
rows = []
for name, (model, run) in models.items():
    exact = pr.optimal_q(replace(task, reward=rewards[name]))[..., :n]
    learnt = pr.next_logits(model)[watched, :, :n] / 10
    seen = run[-1].measured
    best = max(seen["accuracy"], seen["greedy"])
    named = verdict(learnt, graph, watched, accuracy=best, **told.get(name, {}))
    rows.append(
        {"reward": name, "sampled": seen["accuracy"], "greedy": seen["greedy"]}
        | {kind: float(exact[where].mean()) for kind, where in kinds.items()}
        | {"named failure": named.split(":")[0]}
    )
Table(
    rows,
    caption=f"after 400 updates, seed {seed}",
)

# %% [markdown]
# - **No penalty.** An illegal step straight to the target earns as much as a correct path, so nothing
#   separates an edge from any other pair of nodes.
# - **Every step costs, and the penalty is small.** An illegal step is cheaper than the edges it saves. The
#   last column says "Healthy", because it compares *means* over all nodes and most paths are still
#   correct. It misses the nodes where the illegal step is worth more.
# - **Wrong sign.** The learner avoids the target.
#
# A check that notices an illegal step only in a random share $\rho$ of the cases acts like a penalty of $\rho$ instead of 1:
# the values become $1 - \rho\,(2 - A - R)$, with the adjacency $A$ and the reachability $R$ of chapter 1. Their
# order stays right for every $\rho > 0$, but their distances shrink, so noise and sampling hide them sooner.

# %% tags=["remove-input"]
notebook.QuickCheck(
    "The target pays 1, each step costs 0.1, and an illegal step has a penalty of 0.2. The shortest path "
    "has four edges. What will the learner do?",
    {
        "Follow the four edges": "That earns 1 - 0.4 = 0.6. Is there a path that earns more?",
        "Step straight to the target": "That earns 1 - 0.1 - 0.2 = 0.7, more than the 0.6 of the legal path. "
        "The penalty must exceed what an illegal step saves.",
        "Stand still": "Each step costs 0.1, and nothing is earned before the target.",
    },
    right=["Step straight to the target"],
)

# %% [markdown]
# ## Values that nobody can earn
#
# The TD target contains the *maximum* of many estimates, and the maximum of noisy numbers is too large on
# average. The error enters the next TD target. On a graph without cycles it ends at the target. On a cycle of
# edges without a discount, the error of one node confirms that of the next.
#
# With process reward no path earns more than 1, and no node has a best value below 0, because an illegal step
# straight to the target earns 1 and has a penalty of 1. `value_bounds` clips TD targets to this range. We
# start tables far too high (3) and far too low (-3).

# %%
cycles = pr.random_digraph(8, 0.35, pr.seeded(seed, "cycles"))
circling = pr.all_pairs(cycles, partial(pr.process_reward, scale=10.0))
anywhere = pr.Sampler(epsilon=1.0, may_stop=False)
asked_for = circling.pairs[:, 1].unique()
positions = (~torch.eye(8, dtype=torch.bool))[asked_for]  # [target, current]


def best_value(table):
    best = pr.next_logits(table)[asked_for, :, :8].amax(-1) / 10
    return {"value": float(best[positions].mean())}


# %%
def learnt_values(start, loss):
    table, rng = pr.LogitTable(circling.vocab), pr.seeded(seed, "any")
    table.load_state_dict({"table": torch.full_like(table.table, 10.0 * start)})
    rollouts = pr.on_policy(table, circling, rng=rng, sampler=anywhere, size=64)
    config = pr.TrainConfig(steps=400, lr=0.5, clip=None)
    run = pr.train(table, rollouts, loss, config)
    return list(pr.probe(run, lambda: best_value(table), every=20))


# %%
losses = {"without bounds": pr.q_learning, "with bounds": bounded}
high = {name: learnt_values(3, loss) for name, loss in losses.items()}
low = {name: learnt_values(-3, loss) for name, loss in losses.items()}

# %% tags=["hide-input"]
truth = float(pr.process_optimum(cycles).amax(-1)[asked_for][positions].mean())
stuck, kept = (run[-1].measured["value"] for run in high.values())
risen, held_low = (run[-1].measured["value"] for run in low.values())
figure = charts.learning_curves(
    high,
    "value",
    title="With cycles, values without bounds end above every reward",
    y="best value, mean over contexts",
    alt=f"The mean best value on a graph with cycles over 400 updates. From 3 without bounds it "
    f"ends at {stuck:.2f}, with bounds at {kept:.2f}; from -3 at {risen:.2f} and {held_low:.2f}. "
    f"A + R - 1 says {truth:.2f}.",
)
for position, (name, run) in enumerate(low.items()):
    steps, value = charts.track(run, "value")
    charts.add_range(figure, name, steps, torch.tensor([value]), position=position)
    figure.data[-1].showlegend = False
figure.add_hline(
    y=truth, line={"dash": "dot", "width": 1.5, "color": style.STYLES["truth"][0]}
)
for x, y, text in ((20, 3.3, "from 3"), (60, -2, "from -3")):
    figure.add_annotation(x=x, y=y, text=text, showarrow=False, xanchor="left")
figure

# %% [markdown]
# One seed, rollouts drawn at random; the dotted line is the mean that [chapter 8](08_logits.ipynb) predicts.
# Without bounds, the values that start at 3 stay near 3. Those that start at -3 rise too far: AdamW's
# steps overshoot a little, the maximum picks the largest value, and the cycle passes it on. With bounds
# both starts end where they should. The lab's preset *Overestimation* shows a Transformer in which such errors
# grow.
#
# ## Exercises
#
# > **Exercise 1.** *Easy, 8 minutes.* Write the TD target of equation (7.1), with discount 1. The
# > function gets `logits [B, T, V]` and a batch and returns a number for each step, `[B, T]`. If it
# > works, all targets are those of `pr.q_learning`.


# %%
def my_target(logits, batch): ...


exercises.td_target(my_target)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Step $m$ goes from `batch.tokens[:, m]` to `batch.tokens[:, m + 1]`; the logits there are
# `logits[:, m + 1]`. END is the last token: leave it out of the maximum. A step into the target
# (`batch.tokens[:, 1:2]`) or into END has nothing after it. Detach the logits.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_target(logits, batch):
#     best = logits.detach()[..., :-1].amax(-1)
#     after = torch.cat([best[:, 1:], torch.zeros_like(best[:, :1])], 1)
#     next_node, end = batch.tokens[:, 1:], logits.shape[-1] - 1
#     over = (next_node == batch.tokens[:, 1:2]) | (next_node == end)
#     return batch.reward + after * ~over
#
# exercises.td_target(my_target)
# ```
#
# </details>
#
# > **Exercise 2.** *Medium, 10 minutes.* Find where Q-learning stops. The function gets what each
# > step `[current, next]` earns on a path to `target`, and a discount; it returns the values. If it
# > works, three rewards agree with `pr.optimal_q`.


# %%
def my_values(earned, target, discount): ...


exercises.fixed_point(my_values)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Do as *By hand*: from zeros, set the values to their TD targets until nothing changes. The target
# itself is worth 0, because a path ends there.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_values(earned, target, discount):
#     values = torch.zeros_like(earned)
#     for _ in range(200):
#         best = values.amax(1)
#         best[target] = 0.0
#         values = earned + discount * best
#     return values
#
# exercises.fixed_point(my_values)
# ```
#
# </details>
#
# > **Exercise 3.** *Medium, 5 minutes.* On a chain of six nodes a target pays 1 and every step
# > costs 0.1. Which is the smallest penalty for an illegal step, a multiple of 0.05, under which no
# > illegal step is worth its price? If it works, a penalty smaller by 0.05 would be a tie.

# %%
my_penalty = ...

exercises.smallest_penalty(my_penalty)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The longest path has five edges. What does it earn, and what does one illegal step to the target earn?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# my_penalty = 0.45
# exercises.smallest_penalty(my_penalty)
# ```
#
# </details>
#
# > **Exercise 4.** *Open.* Which of the lab's failures can you produce from the paper's process
# > reward by moving *one* control? Say first which one will come, then train.

# %% [markdown]
# ## Your numbers beside ours
#
# The *expected range* of each number contains 95 of 100 further seeds.

# %%
outcome, unpunished, costly, _, process = (row["sampled"] for row in rows)
numbers = {
    "correct paths with outcome reward": outcome,
    "correct paths without a penalty": unpunished,
    "correct paths when steps cost": costly,
    "correct paths with process reward": process,
    "best value from 3, without bounds": stuck,
    "best value from 3, with bounds": kept,
}
evidence.Numbers("07_reward", numbers, limits={"correct paths": (0, 1)})

# %% [markdown]
# ## What we now know
#
# Under Q-learning the logits can hold only what the reward tells apart, and a reward for the outcome alone tells
# nothing apart: all steps that do not enter the target get one value, a step into it no more, and accuracy falls to
# zero. A missing or small penalty makes illegal steps pay. One reward did teach: **when do logits become the graph?**
# [Chapter 8](08_logits.ipynb) answers.
#
# ## Further reading
#
# - [The paper](https://arxiv.org/abs/2509.22613), Section 5: the loss, and Theorem 5.1.
# - [Reinforcement Learning: An Introduction](http://incompleteideas.net/book/the-book.html),
#   Chapter 6: TD targets and Q-learning, from the beginning.
# - [Deep reinforcement learning with double Q-learning](https://arxiv.org/abs/1509.06461): why the
#   largest of noisy values is too large, measured on games.
# - [ShiQ](https://arxiv.org/abs/2505.11081): logits as values in large language models, and why the
#   plain loss fails there.
