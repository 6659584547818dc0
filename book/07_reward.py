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
# Policy gradient asks only whether a walk was right. *Q-learning* asks more of each logit: that it
# say how much a walk will still earn. Whoever sets the rewards decides what these numbers become,
# and rewards that look harmless can empty them. You should have read [chapter 4](04_policy_gradient.ipynb). Reading
# takes 14 minutes, running everything some 20 seconds. One figure comes from saved runs, with the
# command that made them.

# %% tags=["hide-input"]
import copy
from dataclasses import replace
from functools import partial

import torch

import planrl as pr
from planrl.figures import charts, sliders, style
from planrl.figures.table import Table
from planrl.labs.catalogue.rewards import verdict
from planrl.tasks import shaped_reward
from planrl.teaching import evidence, exercises, notebook, paper_figures
from planrl.teaching.paper_tables import rows as curve_rows

notebook.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# A small model has imitated right answers until it is right on nearly every question of a graph
# with 20 nodes. Now it goes on by Q-learning, on its own walks. A right answer earns its reward at
# the step into the target; every other walk earns nothing. That is exactly what we want of it.
#
# **How often will it be right after 400 updates?** Guess, in percent, before you scroll to
# the figure. Many guess: at least as often as before.

# %% tags=["remove-cell"]
my_guess = 97

# %% [markdown]
# ## Experiment
#
# The model is the one of two tables from [chapter 2](02_one_layer.ipynb), the linear Transformer. It starts as
# a student of SFT, on all questions: in this chapter none are held out.

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
# A measure, and Q-learning from that base with a reward of our choice. Rewards are times 10: a softmax
# over many logits of 1, 0 and -1 would hardly prefer the best; over 10, 0 and -10 it does. One step in
# ten goes to any node at all ($\varepsilon = 0.1$), and the walker can't give up: it never says END before
# its target. `value_bounds` keeps values between 0 and the reward; the last experiment shows why. The bounds
# are not what ruins the learner, as we check below.

# %%
chooser, explorer = [pr.Sampler(epsilon=e, may_stop=False) for e in (0.0, 0.1)]
bounded = partial(pr.q_learning, value_bounds=(0.0, 10.0))


def right(model):
    rng = pr.seeded(seed, "probe")  # the same random numbers at every evaluation
    scores = pr.evaluate(model, task, rng=rng, samples=16, sampler=chooser)
    return scores.summary()


# %%
def taught(reward, loss=bounded):
    model, rng = copy.deepcopy(base), pr.seeded(seed, "walks")
    paid = replace(task, reward=lambda *path: 10 * reward(*path))
    rollouts = pr.on_policy(model, paid, rng=rng, sampler=explorer, size=64)
    run = pr.train(model, rollouts, loss, pr.TrainConfig(steps=400, lr=0.1))
    return model, list(pr.probe(run, lambda: right(model), every=20))


# %% [markdown]
# Beside the outcome reward runs the paper's *process reward*: 1 for the step into the target, less
# 1 for every step that is no edge.

# %%
runs = {
    "Q-learning, outcome reward": taught(pr.outcome_reward),
    "Q-learning, process reward": taught(pr.process_reward),
}

# %% tags=["hide-input"]
before = 100 * right(base)["accuracy"]
tracks = {name: charts.track(run, "accuracy") for name, (_, run) in runs.items()}
percent = {
    name: ([0, *steps], torch.tensor([[before, *(100 * v for v in values)]]))
    for name, (steps, values) in tracks.items()
}
ends = {name: float(values[0, -1]) for name, (_, values) in percent.items()}
ruined, process = ends.values()
assert before > 90, "the text says: right on nearly every question"
assert ruined < 15, "the title says: it forgets them"
assert process > 97
figure = charts.range_figure(
    percent,
    title="Paid for right answers alone, it forgets them",
    x="updates",
    y="% right, sampled",
    y_range=(0, 104),
    alt=f"Percent of right answers over 400 updates, one seed. Before: {before:.0f}. With outcome "
    f"reward it falls to {ruined:.0f}, with process reward it ends at {process:.0f}.",
)
sliders.ask(
    figure,
    "Percent right after 400 updates with outcome reward",
    guess=my_guess,
    low=0,
    high=100,
    step=1,
    unit="%",
    hidden=["Q-learning, outcome reward"],
    answer=f"It falls from {before:.0f} % to {ruined:.0f} %. With process reward, the same sampler "
    f"and the same loss, it ends at {process:.0f} %.",
)

# %% tags=["hide-input"]
notebook.Download(
    [
        {"learner": name, "updates": step, "% right": float(value)}
        for name, (steps, values) in percent.items()
        for step, value in zip(steps, values[0], strict=True)
    ],
    "rewards_live.csv",
)

# %% [markdown]
# One seed; 16 sampled walks a question. Below you can set the rewards yourself. Each map shows one
# target: a row for where a walk stands, a column for the next node. On the left what has been
# learnt, on the right where Q-learning stops for these rewards. Press *Train*, then move a slider.

# %% tags=["hide-input"]
from planrl.labs import lab

lab("rewards")

# %% [markdown]
# At the paper's size, 100 nodes and a trained Transformer, accuracy is lost, too.

# %%
# made by: python -m planrl reproduce --only fig3
saved = {name: paper_figures.series("dag", name, "train_accuracy") for name in runs}

# %% tags=["hide-input"]
steps, lost = saved["Q-learning, outcome reward"]
assert float(lost[:, steps.index(100)].max()) < 0.05, "the title says: 100 updates"
charts.range_figure(
    saved,
    title="At the paper's size, outcome reward ruins a model in 100 updates",
    x="updates",
    y="accuracy, sampled",
    y_range=(0, 1.02),
    alt=f"Accuracy on training questions over updates, mean and range of {len(lost)} seeds: with "
    f"outcome reward {float(lost[:, steps.index(100)].mean()):.3f} after 100 updates, with process "
    f"reward {float(saved['Q-learning, process reward'][1][:, -1].mean()):.3f} after 2,000",
)

# %% tags=["hide-input"]
notebook.Download(
    curve_rows("dag", list(saved), ["train_accuracy", "test_accuracy"]),
    "rewards_paper_size.csv",
)

# %% [markdown]
# ## What Q-learning asks of a logit
#
# Read the logit $f(i, j)[k]$ as a *value*: what a walk to target $i$ earns from now on if it steps
# from $j$ to $k$ and then does its best. If so, a step's value is its reward plus the best value at
# the next place. That sum is the **TD target**. Q-learning makes the squared difference small:
#
# $$ \ell_{\mathrm{Q}} = \frac{1}{M} \sum_m \Big( f_m[k_m] - r_m - \gamma \max_k f_{m+1}[k] \Big)^2. \tag{7.1} $$
#
# Step $m$ of the batch's $M$ steps chose token $k_m$, earned $r_m$, and had the logits $f_m$ to
# choose by. The *discount* $\gamma$ says what a reward counts one step later; here it is 1. After the
# step into the target node nothing more is earned, so the value aimed at is $r_m$ alone. The value aimed
# at is treated as a constant: no gradient flows through it.

# %% tags=["hide-input"]
notebook.Source(pr.q_learning)

# %% [markdown]
# ## By hand
#
# Take 0 → 1 → 2, target 2, and outcome reward. A step earns 1 if it is 1 → 2 and the walk was right
# so far; we take this best case. (After a wrong step 1 → 2 earns 0, so averaged over walks it is worth
# less.) Start from zeros and set each value to its TD target, again and again. A row is where one stands
# (0, 1), a column where one steps (0, 1, 2).

# %%
earned = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
values = torch.zeros(2, 3)
for sweep in (1, 2, 3):
    best = torch.cat([values.amax(1), torch.zeros(1)])  # nothing after the target
    values = earned + best
    print(f"sweep {sweep}:", values.tolist())

# %% tags=["hide-input"]
by_theory = pr.optimal_q(pr.all_pairs(pr.chain(3)))[2, :2, :3]
assert torch.equal(values, by_theory)
assert values.tolist() == [[1, 1, 0], [1, 1, 1]], (
    "the text says: 0 → 0 as good as 0 → 1"
)

# %% [markdown]
# First 1 → 2 is worth 1. Then every step *to* 1 is, as 1 is a good place to be. Then every step to 0
# is, too. So staying at 0, where there is no edge, looks as good as going on: it earns nothing, it
# costs nothing, and the goal seems as near as before. In truth that walk has lost its reward. But a
# value knows where a walk stands, not how it came there. And where a wrong step loses nothing, as in
# *No fine* below, the values are flat all the same: what costs nothing cannot be told apart.
#
# > **Theorem 5.1.** With outcome reward alone Q-learning is stable only where, for each target $i$,
# > all values $f(i, j)[k]$ with $k \ne i$ are one constant. The step into the target is never worth
# > more. *Each such value is the best value at $k$, wherever one stands; the best of these is open to
# > all places, so all places are worth the same.*
#
# The theorem assumes that every step is tried again and again (Assumption 5.1; the exploration
# $\varepsilon$ is there for that). Which constant it is depends on the start: the largest value wins. From
# values below 1 that is the reward, 1; larger ones keep themselves. We iterate the equation from four starts.

# %%
n, away = graph.n, ~torch.eye(graph.n, dtype=torch.bool)
noise = 3 * torch.randn(n, n, n + 1, generator=pr.seeded(seed, "noise"))
spread, constants = [], {}
for name, start in {"0": 0.0, "3": 3.0, "-3": -3.0, "noise": noise}.items():
    ends_at = pr.optimal_q(task, start=start)[..., :n]
    others = torch.stack(
        [ends_at[i][away[i]][:, away[i]] for i in range(n)]
    ).flatten(1)
    spread.append(others.amax(1) - others.amin(1))
    constants[name] = float(others[task.pairs[:, 1]].mean())
print("mean constant by start:", {k: round(v, 2) for k, v in constants.items()})

# %%
held = pr.check(
    "Theorem 5.1: one value for each target",
    predicted=torch.zeros(4, n),
    observed=torch.stack(spread),
    tolerance=1e-6,
)
evidence.Backing(held, claim="5.1-constant", code=pr.optimal_q, formula="7.1")

# %% [markdown]
# Where all values are equal, the next node is drawn at random, and few walks are right by chance: next to
# none on 100 nodes, a few in a hundred on 20. Our learner, with the bounds and without:

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
print(f"without bounds: {boundless[-1].measured['accuracy']:.3f} right")

# %% tags=["hide-input"]
random_model = pr.LinearTransformer(task.vocab)
for weight in random_model.parameters():
    torch.nn.init.zeros_(weight)
at_random = right(random_model)["accuracy"]
assert 0.005 < at_random < 0.05, "the text says: a few in a hundred"
assert boundless[-1].measured["accuracy"] < 0.15, "the text says: not the bounds"

# %% [markdown]
# And the Transformers of the saved runs, mean of all seeds:

# %%
held = pr.check(
    "the same at the paper's size",
    predicted=0.0,
    observed=float(lost[:, -1].mean()),
    tolerance=0.05,
)
evidence.Backing(held, claim="3-outcome", code=pr.q_learning)

# %% [markdown]
# The paper's first version called this *reward hacking*, the second calls it *Q-value bias*.
#
# ## Four rewards that ruin, and one that teaches
#
# Four of these look harmless; `c` is what one of them takes for every step. The
# table says how often the learner is right at the end; the exact values of three kinds of steps,
# means over places and targets; and what the lab calls the values it learnt for one target. *Constant*
# means that these hardly differ among next nodes *other* than the target; a step into it may have another.

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
    "right step": graph.correct & asked,
    "jump to the target": goal & ~graph.adjacency & asked,
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
by_name = {row["reward"]: row for row in rows}
sampled = {name: row["sampled"] for name, row in by_name.items()}
assert (
    sampled["process reward"]
    > 0.97
    > 0.9
    > sampled["every step costs, small penalty"]
)
small = partial(shaped_reward, edge=0.1)  # of 0 → 1 → 3 and 0 → 2, a dead end
dead = pr.optimal_q(pr.all_pairs(pr.Graph(4, [(0, 1), (1, 3), (0, 2)]), small))[
    3, 0
]
assert abs(float(dead[1] - dead[2]) - 0.1) < 1e-6, (
    "the text says: one penalty fewer"
)
assert max(list(sampled.values())[:2]) < 0.35
assert sampled["wrong sign at the target"] < 0.05
assert by_name["process reward"]["named failure"] == "Healthy"
assert by_name["every step costs, small penalty"]["named failure"] == "Healthy"
assert by_name["no penalty for illegal steps"]["named failure"] != "Healthy"
assert by_name["outcome alone"]["named failure"] != "Healthy"
assert by_name["wrong sign at the target"]["named failure"] != "Healthy"
Table(
    rows,
    caption=f"after 400 updates, seed {seed}",
)

# %% [markdown]
# - **No fine.** A jump straight to the target pays as much as a path of edges. Nothing tells an
#   edge from no edge.
# - **Every step costs, and the fine is small.** Now a jump is cheaper than the edges it saves.
#   Shortest paths were wanted, illegal short cuts were learnt. The last column, which compares values
#   *averaged* over all nodes, says "Healthy" all the same, because most paths are still correct. It misses the
#   nodes where a jump is worth more.
# - **Wrong sign.** The walker learns to stay away from the target. One number decides.
#
# Two more failures are in the lab: an edge into a *dead end* is worth one fine less than a right step,
# so with a small fine it looks nearly as good; and values can *diverge*. The latter deserves its own
# experiment.

# %% tags=["hide-input"]
notebook.QuickCheck(
    "A target pays 1, each step costs 0.1, a step that is no edge is fined 0.2. The shortest path "
    "has four edges. What will the learner do?",
    {
        "Follow the four edges": "That earns 1 - 0.4 = 0.6. Is there a path that earns more?",
        "Jump straight to the target": "That earns 1 - 0.1 - 0.2 = 0.7, more than the path's 0.6. "
        "The penalty must exceed what cheating saves.",
        "Stand still": "Each step costs 0.1, and nothing is earned until the target.",
    },
    right=["Jump straight to the target"],
)

# %% [markdown]
# ## Values that nobody can earn
#
# The TD target takes the *largest* of many estimates, and the largest of many noisy numbers is too
# large. Such an error goes into the next target. On a graph without cycles it dies at the target;
# on a cycle of edges, which costs nothing without a discount, it can feed itself for ever. (With
# a discount it shrinks at each round, until only what rewards support is left.)
#
# With process reward no walk earns more than 1; and no place is worth less than 0, since a step
# straight to the target earns 1 and has a penalty of 1. `value_bounds` clips the values that the loss aims
# at to this range. We start tables far too high (3) and, the mirror image, far too low (-3).

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


losses = {"without bounds": pr.q_learning, "with bounds": bounded}
high = {name: learnt_values(3, loss) for name, loss in losses.items()}
low = {name: learnt_values(-3, loss) for name, loss in losses.items()}

# %% tags=["hide-input"]
truth = float(pr.process_optimum(cycles).amax(-1)[asked_for][positions].mean())
stuck, kept = (run[-1].measured["value"] for run in high.values())
risen, held_low = (run[-1].measured["value"] for run in low.values())
assert min(stuck, risen) > 1.2, (
    "the title says: above every reward, from either side"
)
assert max(kept, held_low) < 1.05
figure = charts.learning_curves(
    high,
    "value",
    title="Unless bounded, values end above every reward, from either side",
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
plain = pr.LogitTable(circling.vocab)  # the text says: plain steps do not overshoot
plain.load_state_dict({"table": torch.full_like(plain.table, -30.0)})
some = pr.on_policy(
    plain, circling, rng=pr.seeded(seed, "any"), sampler=anywhere, size=64
)
descent = torch.optim.SGD(plain.parameters(), lr=20.0)
config = pr.TrainConfig(steps=600, clip=None)
list(pr.train(plain, some, pr.q_learning, config, optimizer=descent))
assert abs(best_value(plain)["value"] - truth) < 0.1
figure

# %% [markdown]
# One seed, walks at random, one table each; dotted: the mean that [chapter 8](08_logits.ipynb)
# predicts. From 3, without bounds, every edge of a cycle confirms the error of the next. From -3 it
# ends no better: AdamW's steps carry values a little too far each time, the maximum picks the largest, and
# on a cycle each excess becomes the next target. (With plain gradient steps the start at -3 ends where it should.) With bounds
# both starts do. The lab's preset *Overestimation* shows a Transformer in which such errors feed on
# themselves.
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
# > step `[here, next]` earns on the way to `target`, and a discount; it returns the values. If it
# > works, three rewards agree with `pr.optimal_q`.


# %%
def my_values(earned, target, discount): ...


exercises.fixed_point(my_values)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Do as *By hand*: from zeros, set the values to their TD targets until nothing changes. The target
# itself is worth 0: a walk that is there has ended.
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
# > costs 0.1. Which is the smallest fine for a missing edge, a multiple of 0.05, that leaves no
# > jump worth its price? If it works, 0.05 less would be a tie.

# %%
my_penalty = ...

exercises.smallest_penalty(my_penalty)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The longest way has five edges. What does it earn, and what does one jump?
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
evidence.Numbers(
    "07_reward",
    {
        "correct paths with outcome reward": sampled["outcome alone"],
        "correct paths without a penalty": sampled["no penalty for illegal steps"],
        "correct paths when steps cost": sampled["every step costs, small penalty"],
        "correct paths with process reward": sampled["process reward"],
        "best value from 3, without bounds": stuck,
        "best value from 3, with bounds": kept,
    },
    limits={"correct paths": (0, 1)},
)

# %% [markdown]
# ## What we now know
#
# Q-learning makes logits add up rewards, so they can hold only what the rewards tell apart. A reward
# for the outcome alone leaves one constant a target; a fine that is missing or too small makes
# short cuts pay; values above every reward must not be believed. One reward did teach: **when do
# logits become the graph?** [Chapter 8](08_logits.ipynb) says.
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
