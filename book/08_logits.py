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
# # When do logits become the graph?
#
# In [chapter 7](07_reward.ipynb) one reward worked: 1 for the step into the target, minus 1 for every illegal
# step. The paper says what the logits become under it: the two tables of chapter 1, adjacency and
# reachability, added up. A learner with these logits knows the graph, including edges that nobody
# showed it. Reading takes 14 minutes, running everything some 25 seconds.
#
# <details><summary>In one sentence</summary>
#
# With process reward, no cycles and every step tried often, the logits of a table become $A + R - 1$, in a Transformer
# their order; on random graphs Q-learning's weights then hold edges that no demonstration showed, and those of policy
# gradient, which is told of whole paths only, do not.
#
# </details>

# %% tags=["hide-input"]
import copy
from dataclasses import replace
from functools import partial

import torch

import planrl as pr
from planrl.domains import blocksworld
from planrl.figures import charts, sliders
from planrl.figures.table import Table
from planrl.labs import lab
from planrl.teaching import (
    evidence,
    exercises,
    notebook,
    paper_tables,
    regime_tables,
)
from planrl.teaching import regime_figures as regimes

notebook.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# A step can be good in two ways: it follows an edge, and the target can be reached from the node that it
# leads to. Take a step that is good in the first way only: an edge into a *dead end*.
#
# **Which value will its logit take, in units of the reward?** A step that is good in both ways will have 1.

# %% tags=["remove-cell"]
my_guess = -1

# %% [markdown]
# ## Experiment
#
# Ten nodes, all questions, process reward times 10. The learner is a table of logits. Its rollouts are
# random: every step goes to a node drawn uniformly, edge or not.

# %%
graph = pr.random_dag(10, 0.4, pr.seeded(seed, "graph"))
reward = partial(pr.process_reward, scale=10.0)
task = pr.all_pairs(graph, reward)
at_random = pr.Sampler(epsilon=1.0, may_stop=False)
print(f"{len(graph.edges)} edges, {len(task.pairs)} questions")

# %% [markdown]
# In every context, which is a target and a current node, each next node falls into one of four kinds. We
# follow the mean value of each kind.

# %%
n, edge, leads_on = graph.n, graph.adjacency[None], graph.reachability[:, None]
asked = torch.zeros(n, 1, 1, dtype=torch.bool)
asked[task.pairs[:, 1]] = True  # targets of some question
underway = asked & ~torch.eye(n, dtype=torch.bool)[:, :, None]
kinds = {
    "edge, leads on": edge & leads_on & underway,
    "edge, dead end": edge & ~leads_on & underway,
    "no edge, leads on": ~edge & leads_on & underway,
    "neither": ~edge & ~leads_on & underway,
}


# %%
def means(model):
    values = pr.next_logits(model)[..., :n] / 10  # [target, current, next]
    return {name: float(values[where].mean()) for name, where in kinds.items()}


def taught(model, rollouts, loss=pr.q_learning):
    config = pr.TrainConfig(steps=600, lr=0.1, clip=None)
    run = pr.train(model, rollouts, loss, config)
    return list(pr.probe(run, lambda: means(model), every=20))


# %%
table, rng = pr.LogitTable(task.vocab), pr.seeded(seed, "walks")
rollouts = pr.on_policy(table, task, rng=rng, sampler=at_random, size=256)
records = taught(table, rollouts)
first = next(pr.on_policy(table, task, rng=rng, sampler=at_random, size=2000))
share = pr.is_path(graph, first.tokens).float().mean()
print(f"correct among the random paths: {share:.3f}")

# %% tags=["hide-input"]
ends = records[-1].measured
figure = charts.range_figure(
    {
        name: (
            [0, *charts.track(records, name)[0]],
            torch.tensor([[0.0, *charts.track(records, name)[1]]]),
        )
        for name in kinds
    },
    title="Mean logits of four kinds of steps, a table on ten nodes, one seed",
    x="updates",
    y="mean logit, in units of the reward",
    y_range=(-1.25, 1.3),
    alt="Mean logits of four kinds of steps over 600 updates, one seed. At the end: "
    + ", ".join(f"{name} {value:.2f}" for name, value in ends.items()),
)
figure.update_layout(showlegend=False)
for trace, position in zip(
    figure.data, ("top", "top", "bottom", "top"), strict=True
):
    trace.mode, trace.textposition = "lines+text", f"{position} left"
    words = f"{trace.name}<br> " if position == "top" else f" <br>{trace.name}"
    trace.text = [
        *[""] * (len(trace.x) - 1),
        words,
    ]  # a covered line hides its name, too
sliders.ask(
    figure,
    "The logit of an edge into a dead end, in units of the reward",
    guess=my_guess,
    low=-1,
    high=1,
    step=0.1,
    hidden=["edge, dead end"],
    answer=f"It goes to {ends['edge, dead end']:.2f}, the same as an illegal step to a node from "
    "which the target can be reached. Each lacks one of two things, and each costs one penalty: "
    "now, or later on the path.",
)

# %% tags=["remove-input"]
notebook.Download(
    [
        {"updates": r.step} | dict(r.measured)
        for r in records
        if r.measured is not None
    ],
    "logits_by_kind.csv",
)

# %% [markdown]
# Hardly any rollout was correct, and yet all of this was learnt from them. In the lab a Transformer learns
# under the same reward.

# %% tags=["remove-input"]
lab("rewards", "model=transformer")

# %% [markdown]
# ## Why: two facts, added up
#
# Let a path to target $i$ be at node $j$. A step to $k$ earns $A[j, k] - 1$: nothing along an edge, a penalty
# otherwise. The path *goes on* after an illegal step, otherwise nothing could be learnt about the nodes
# behind it. If $k$ reaches $i$, some path of edges leads there and earns 1 at its end. If not, the best
# choice is one illegal step straight to the target, which earns 1 and costs 1. So the best value at $k$ is
# $R[i, k]$, and
#
# $$ f^*(i, j)[k] = A[j, k] + R[i, k] - 1. \tag{8.1} $$
#
# For $k = i$ the path ends with the step and earns $1 + A[j, i] - 1$, which is the same formula, as
# $R[i, i] = 1$. For target $k$ it gives $f^*(k, j)[k] = A[j, k]$: these logits are the adjacency alone.

# %% tags=["remove-input"]
notebook.Source(pr.process_optimum)

# %% [markdown]
# By hand: 0 → 1 → 3 and 0 → 2, where 2 is a dead end; target 3, current node 0. To 0: no edge, leads on. To 1:
# edge, leads on. To 2: edge, dead end. To 3: no edge, but it is the target.

# %%
small = pr.Graph(4, [(0, 1), (1, 3), (0, 2)])
by_formula = pr.process_optimum(small)[3]
by_iteration = pr.optimal_q(pr.all_pairs(small, pr.process_reward))[3, :3, :4]
print("formula:  ", by_formula[0].tolist())
print("iteration:", by_iteration[0].tolist())

# %% [markdown]
# > **Theorem 5.2.** With process reward, on a graph without cycles, Q-learning is stable only at
# > $f^*(i, j)[k] = A[j, k] + R[i, k] - 1$, from any start. *Along edges, the best value of each node follows
# > from those of later nodes. An illegal step may lead back, but it costs 1, so a cycle that contains one
# > cannot confirm its own values.*
#
# The theorem assumes that every step is tried again and again (**Assumption 5.1**). We iterate the
# equation from four starts; then comes what the table learnt.

# %%
noise = 3 * torch.randn(n, n, n + 1, generator=pr.seeded(seed, "noise"))
unscaled = replace(task, reward=pr.process_reward)
reached = [pr.optimal_q(unscaled, start=s) for s in (0.0, 3.0, -3.0, noise)]
exact = pr.process_optimum(graph).masked_fill(~underway, torch.nan)

# %%
held = pr.check(
    "Theorem 5.2: A + R - 1, from any start",
    predicted=exact.expand(4, n, n, n),
    observed=torch.stack(reached)[..., :n],
    tolerance=1e-6,
)
evidence.Backing(held, claim="5.2-exact", code=pr.process_optimum, formula="8.1")

# %%
learnt = pr.next_logits(table)[..., :n] / 10
held = pr.check(
    "Theorem 5.2: Q-learning on random paths finds it",
    predicted=exact,
    observed=learnt,
    tolerance=0.2,
)
table_gap = held.gap
evidence.Backing(held, claim="5.2-learned", code=pr.q_learning, formula="8.1")

# %% [markdown]
# ## Which part of the weights holds what?
#
# The linear Transformer's logits are a sum of two tables, $W^{\mathrm{M}}[j, k]$ for the current node and
# $W^{\mathrm{V}}[i, k]$ for the target. The optimum is a sum, too.
#
# > **Theorem 5.3.** In the linear Transformer the two parts go to
# >
# > $$ W^{\mathrm{M}}[j, k] = A[j, k] - 1 + b_k, \qquad W^{\mathrm{V}}[i, k] = R[i, k] - b_k, \tag{8.2} $$
# >
# > where $b_k$ is any number for each column $k$. *Only the sum enters the loss.*
#
# Such a freedom is called a *gauge*. To compare, we subtract the mean of each column. (`value_bounds`:
# [chapter 7](07_reward.ipynb).)

# %%
linear, rng = pr.LinearTransformer(task.vocab), pr.seeded(seed, "linear walks")
bounded = partial(pr.q_learning, value_bounds=(0.0, 10.0))
rollouts = pr.on_policy(linear, task, rng=rng, sampler=at_random, size=256)
steps = taught(linear, rollouts, bounded)

# %%
parts, goals = linear.readout(), task.pairs[:, 1].unique()
found = torch.cat([parts.adjacency, parts.reachability[goals]]) / 10
told = torch.cat([graph.adjacency, graph.reachability[goals]]).float()
sizes = (n, len(goals))
held = pr.check(
    "Theorem 5.3: the weights are A - 1 and R, apart from a number per column",
    predicted=torch.cat([part - part.mean(0) for part in told.split(sizes)]),
    observed=torch.cat([part - part.mean(0) for part in found.split(sizes)]),
    tolerance=0.05,
)

# %%
linear_gap = held.gap
evidence.Backing(held, claim="5.3-linear", code=pr.LinearTransformer, formula="8.2")

# %% [markdown]
# ## What Transformers know of the graph
#
# ALPINE, an earlier paper on imitation with the same graphs, reads the adjacency from a Transformer's weights:
# the embedding $E[j]$ of node $j$ passes through the feed-forward part (FFN) alone and is scored against all nodes,
#
# $$ W^{\mathrm{M}\prime}[j] = \bigl(E[j] + \mathrm{FFN}(E[j])\bigr) E^\top, \tag{8.3} $$
#
# apart from layer norms. It stands for $W^{\mathrm{M}}$ above, so its column $k$ contains $b_k$: to rank all pairs of
# nodes by it, the columns must be centred first.
#
# AUC is the probability that an edge scores above a pair that is no edge. Precision is the share
# of edges among as many of the highest scores as there are edges. The last column reads the logits
# $f(k, j)[k]$, where (8.1) leaves no gauge.

# %%
# made by: python -m planrl reproduce --only regimes
methods = [regimes.BASE, regimes.SFT, regimes.PG, regimes.Q, regimes.OFF]
scores = regime_tables.edge_rows("B", methods)
Table(scores, caption=f"{regimes.condition('B')}; mean over seeds")

# %% [markdown]
# As read, Q-learning's weights seem to hold the graph hardly better than policy gradient's. That is an artefact of
# the gauge: with centred columns Q-learning is far ahead, and so it is in the logits.
#
# The clearest difference concerns edges that *no demonstration contains*: with one demonstrated path per
# question about four in ten, with ten paths fewer than one in six.

# %%
regimes.unseen_edges(
    "B", methods, title="Edges that nobody showed: only Q-learning finds them"
)

# %% tags=["remove-input"]
notebook.Download(regime_tables.edge_values("AB", methods), "edges_in_weights.csv")

# %% tags=["remove-input"]
column = "AUC of edges never shown"
ten = [
    {
        "method": name,
        column: regimes.told(regimes.edges("A", name, "auc_unseen"), 2),
    }
    for name in methods
]
caption = f"The same for ten paths. {regimes.condition('A')}"
notebook.Folded("The same for ten paths per question", Table(ten, caption=caption))

# %% [markdown]
# > **Finding.** On random graphs of 100 nodes, with one and with ten demonstrated paths per question, imitation and
# > policy gradient rank edges that no demonstration contains like pairs that are no edge, or lower (AUC about 0.5 or
# > less). Q-learning with process reward ranks most of them above (0.85 and more). The comparison
# > is not about the loss alone: the process reward judges every step that Q-learning tries, one in ten at
# > random, and policy gradient is told only whether a whole path is correct ([chapter 10](10_choosing.ipynb) gives it
# > the checks, too). For ten paths this was predicted
# > ([claims R-unseen-edges-q, R-unseen-edges-pg](11_verdicts.ipynb)), for one path it was not.
#
# How near do a Transformer's logits come to 10, 0 and -10, the theorem's values times 10? Means over next nodes
# that are right in both respects, in one, and in none, after 2,000 updates on 100 nodes:

# %%
for name in ("", ", off-policy"):
    name = f"Q-learning, process reward{name}"
    values, seeds = paper_tables.last_logits("dag", name)
    told = ", ".join(f"{kind} {value:.2f}" for kind, value in values.items())
    print(f"{name}, {seeds} seeds: {told}")

# %% [markdown]
# The order is that of (8.1). Steps that are wrong in both respects, which are seldom tried, are furthest off.
#
# ## Where the theorem ends
#
# With cycles the start matters: a cycle of edges costs nothing and confirms whatever value it has
# (chapter 7). No node's best value is below 0, so a start at 0 confirms nothing false.

# %%
cycles = pr.all_pairs(pr.random_digraph(10, 0.3, pr.seeded(seed, "cycles")))
cycles = replace(cycles, reward=pr.process_reward)
off = torch.eye(10, dtype=torch.bool)[:, :, None]
formula = pr.process_optimum(cycles.graph).masked_fill(off, torch.nan)
from_0, from_3 = (pr.optimal_q(cycles, start=s)[..., :10] for s in (0.0, 3.0))
held = pr.check(
    "with cycles, from 0", predicted=formula, observed=from_0, tolerance=1e-6
)
print("largest gap from 3:", float((from_3 - formula).nan_to_num().abs().max()))
evidence.Backing(held, claim="5.2-cycles", code=pr.optimal_q, formula="8.1")

# %% [markdown]
# Where every node reaches every other, $R$ is 1 throughout and $f^* = A$: all legal steps have one value,
# whatever the target. Blocksworld with three blocks is such a graph:

# %%
blocks = pr.all_pairs(blocksworld(3), pr.process_reward)
m = blocks.graph.n
legal = blocks.graph.adjacency.float().expand(m, m, m)
at_target = torch.eye(m, dtype=torch.bool)[:, :, None]
held = pr.check(
    "in Blocksworld the values do not depend on the target",
    predicted=legal.masked_fill(at_target, torch.nan),
    observed=pr.optimal_q(blocks)[..., :m],
    tolerance=1e-6,
)
evidence.Backing(held, claim="5.2-no-goal", code=pr.optimal_q, formula="8.1")

# %% [markdown]
# With a discount of 0.9 a reward loses a tenth of its value with each step of distance, and the values depend on
# the target again.

# %%
discounted = pr.optimal_q(blocks, discount=0.9, start=3.0).nan_to_num()
planner = pr.LogitTable(blocks.vocab)
planner.load_state_dict({"table": 100 * discounted})
sampler = pr.Sampler(may_stop=False, max_tokens=34)

# %%
rng = pr.seeded(seed, "blocks")
planned = pr.evaluate(planner, blocks, rng=rng, samples=1, sampler=sampler)
held = pr.check(
    "discounted, greedy paths are correct",
    predicted=1.0,
    observed=planned.greedy.mean(),
    tolerance=0,
)
evidence.Backing(held, claim="5.2-discount", code=pr.optimal_q)

# %% [markdown]
# ## Why many paths survive
#
# Policy gradient ended with one path per question ([chapter 5](05_collapse.ipynb)). Under (8.1) all correct steps of
# a context have one value, and an update pulls each of them *to* it, however often it was taken. The policy is then
# uniform on the correct steps. In the table it is; in Transformers it depends on the training:

# %%
distance = pr.kl_to_uniform(graph, pr.next_logits(table))[goals]
print(
    f"table, largest KL to uniform: {float(distance[~distance.isnan()].max()):.4f}"
)
print("Transformers, standard deviation among a context's correct steps, reward 1:")
for regime, updates in {"A": "4,000", "B": "2,000"}.items():
    apart = regime_tables.spread(regime, regimes.Q)
    print(f"  {updates} updates, {regimes.GRAPHS[regime]}: {regimes.told(apart)}")

# %%
regimes.decoding_curves(
    "A",
    [regimes.BASE, regimes.PG, regimes.Q, regimes.OFF],
    title="Q-learning leads at every temperature: more paths, more of them correct",
)

# %% [markdown]
# ([Chapter 4](04_policy_gradient.ipynb) explains decoding curves.)
#
# ## Whose rollouts?
#
# A TD target is about one step, whoever took it. The gradient of
# policy gradient is exact only on paths *of the current policy*. From an old checkpoint, SFT after eight updates,
# we train on half of the questions: on fresh rollouts, or on those of the checkpoint (`pr.replay`).

# %%
train, held_out = pr.split(task, 0.5, pr.seeded(seed, "split"))
rows = pr.sample_paths(train, 5, pr.seeded(seed, "paths"))
shown = pr.demonstrations(train, rows, rng=pr.seeded(seed, "lessons"), size=None)
old = pr.LinearTransformer(task.vocab)
list(pr.train(old, shown, pr.sft, pr.TrainConfig(steps=8, lr=0.1)))
explorer, chooser = [pr.Sampler(epsilon=e, may_stop=False) for e in (0.1, 0.0)]


def scored(model, task):
    rng = pr.seeded(seed, "probe")
    found = pr.evaluate(model, task, rng=rng, samples=32, sampler=chooser)
    return 100 * float(found.accuracy.mean())


# %%
def after(loss, pays, kept):
    model, rng = copy.deepcopy(old), pr.seeded(seed, "walks")
    behaviour, paid = old if kept else model, replace(train, reward=pays)
    fresh = pr.on_policy(behaviour, paid, rng=rng, sampler=explorer, size=64)
    batches = pr.replay(fresh, rng=rng, capacity=50) if kept else fresh
    list(pr.train(model, batches, loss, pr.TrainConfig(steps=300, lr=0.1)))
    return scored(model, held_out)


# %% [markdown]
# With `correction="none"` old paths are used as if the current policy had sampled them. No learner here has a
# baseline.

# %%
uncorrected = partial(pr.policy_gradient, correction="none")
learners = {
    "PG, outcome reward": (uncorrected, pr.outcome_reward),
    "PG, process reward": (uncorrected, reward),
    "Q-learning, process reward": (bounded, reward),
}
from_old = {"new paths": False, "the old checkpoint's paths": True}
kept_up = {
    words: {name: after(*how, kept) for name, how in learners.items()}
    for words, kept in from_old.items()
}

# %% tags=["hide-input"]
new, stale = kept_up.values()
before = scored(old, held_out)
figure = charts.bars(
    {
        words: {name.replace(", ", "<br>"): value for name, value in row.items()}
        for words, row in kept_up.items()
    },
    title="Old paths harm policy gradient with process reward, not Q-learning",
    x="",
    y="% correct, held-out questions, sampled",
    y_range=(0, 112),
    text=".0f",
    alt=f"Percentage correct on held-out questions, sampled; the checkpoint itself {before:.0f}. "
    + "; ".join(
        f"{words}: "
        + ", ".join(f"{name} {value:.0f}" for name, value in row.items())
        for words, row in kept_up.items()
    ),
)
figure.update_layout(
    title_subtitle={
        "text": f"Linear Transformer, 10 nodes, one seed; the checkpoint itself: {before:.0f} %"
    }
)

# %% [markdown]
# With process reward most returns are negative, and policy gradient lowers the probability of every step of
# such a path. Fresh rollouts soon stop taking wrong steps. The old ones never do, so correct steps of failed paths are
# pushed down again and again. With outcome reward policy gradient does on old paths as well as on new ones: by
# Theorem 4.1 it is then SFT on the checkpoint's correct paths. (A Transformer that learns from a rounded copy of itself:
# [the page on speed](90_speed.ipynb#rollouts-from-rounded-weights).)

# %% tags=["remove-input"]
notebook.QuickCheck(
    "On the old checkpoint's paths, policy gradient with process reward, without correction or baseline, did "
    "far worse than on new ones. Why did Q-learning not?",
    {
        "Its target is about one step, whoever took it": "Reward and best next value of a step do "
        "not depend on the sampler. Policy gradient weighs steps by how often the sampler takes "
        "them, and only the current policy takes them as often as its gradient supposes.",
        "It has a target network": "Not here: the targets come from the model itself.",
        "Old paths are nearly as good as new ones": "These were far worse, and random paths "
        "would do as well.",
    },
    right=["Its target is about one step, whoever took it"],
)

# %% [markdown]
# The next table shows what Assumption 5.1 is for: fresh tables, trained on rollouts of five policies.

# %%
imitator = copy.deepcopy(old)
list(pr.train(imitator, shown, pr.sft, pr.TrainConfig(steps=150, lr=0.3)))
print(f"the checkpoint is correct on {scored(old, task):.0f} %,")
print(f"the imitator on {scored(imitator, task):.0f} %")

# %%
behaviours = {
    "itself, ε = 0.1": (None, explorer),
    "the old checkpoint, ε = 0.1": (old, explorer),
    "a good imitator, ε = 0.1": (imitator, explorer),
    "a good imitator, ε = 0": (imitator, chooser),
}
pupils = {"a uniform policy (above)": table}
for name, (behaviour, how) in behaviours.items():
    pupil, rng = pr.LogitTable(task.vocab), pr.seeded(seed, name)
    taught(pupil, pr.on_policy(behaviour or pupil, task, rng=rng, sampler=how))
    pupils[name] = pupil

# %% tags=["hide-input"]
near, answered = {}, {}
for name, pupil in pupils.items():
    gap = (pr.next_logits(pupil)[..., :n] / 10 - exact).abs()
    near[name] = float((gap[~exact.isnan()] < 0.1).float().mean())
    answered[name] = scored(pupil, task)
Table(
    [
        {
            "sampled by": name,
            "share of logits within 0.1 of A + R - 1": near[name],
            "% correct, sampled": answered[name],
        }
        for name in pupils
    ],
    caption=f"fresh tables after 600 updates of 64 rollouts (uniform: 256), seed {seed}, all questions",
)

# %% [markdown]
# A uniform policy tries every step. A good policy seldom errs, so little is learnt of what errors cost, and many
# logits stay far from (8.1). And yet each of these tables answers nearly all questions: to *answer* takes less than to
# hold the whole graph. On Transformers the figures above show the easy case: the off-policy learner used rollouts of
# the base, which errs by itself, with one step in ten drawn uniformly.

# %% tags=["remove-input"]
notebook.Told(regime_tables.without_errors())

# %% [markdown]
# ## Exercises
#
# > **Exercise 1.** *Easy, 8 minutes.* Write the process reward. The function gets a graph and rows
# > `tokens [B, L]`, and returns what each step earns, `[B, L - 1]`. If it works, hundreds of rollouts
# > earn what `pr.process_reward` gives.


# %%
def my_reward(graph, tokens): ...


exercises.process(my_reward)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `pr.Vocab(graph.n).chosen(tokens)` says which steps were chosen: others earn nothing.
# `graph.legal[current, next_node]` is true for edges and knows END (never an edge). The step from the
# target to END is free.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_reward(graph, tokens):
#     current, next_node, target = tokens[:, :-1], tokens[:, 1:], tokens[:, 1:2]
#     arrives = (next_node == target).float()
#     illegal = ~graph.legal[current, next_node] & (current != target)
#     return (arrives - illegal.float()) * pr.Vocab(graph.n).chosen(tokens)
#
# exercises.process(my_reward)
# ```
#
# </details>
#
# > **Exercise 2.** *Medium, 8 minutes.* On a ring of twelve nodes every node reaches every other, so
# > the process reward's fixed point does not depend on the target. Mend this *without* a discount: change
# > the reward. If it works, greedy paths are correct on every question.


# %%
def my_ring_reward(graph, tokens): ...


exercises.goal_back(my_ring_reward)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Start from `pr.process_reward(graph, tokens)`. What could make a longer path earn less? Mind
# chapter 7: no illegal step may become worth its penalty.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_ring_reward(graph, tokens):
#     chosen = pr.Vocab(graph.n).chosen(tokens)
#     underway = chosen & (tokens[:, :-1] != tokens[:, 1:2])
#     return pr.process_reward(graph, tokens) - 0.05 * underway
#
# exercises.goal_back(my_ring_reward)
# ```
#
# </details>
#
# > **Exercise 3.** *Hard, 10 minutes.* Write a stream: batches of rollouts of an `old` model, which
# > imitates well, that teach a fresh table the whole of $A + R - 1$. If it works, nearly every value is
# > within 0.1.


# %%
def my_rollouts(old, task, rng): ...


exercises.old_rollouts(my_rollouts)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `pr.on_policy(old, task, rng=rng, sampler=..., size=128)` makes batches, `pr.replay` mixes them.
# Which sampler shows every step (Assumption 5.1)?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_rollouts(old, task, rng):
#     sampler = pr.Sampler(epsilon=0.9, may_stop=False)
#     batches = pr.on_policy(old, task, rng=rng, sampler=sampler, size=128)
#     return pr.replay(batches, rng=rng, capacity=100)
#
# exercises.old_rollouts(my_rollouts)
# ```
#
# </details>
#
# > **Exercise 4.** *Medium, 8 minutes.* Read the adjacency from a model's weights by (8.3).
# > `model.tokens.weight` is $E$ with a row for END at its end, `model.blocks[0].feed_forward(x)` is FFN. Return
# > `[N, N]`. If it works, it equals `model.readout(norms=False).adjacency`.


# %%
def my_readout(model): ...


exercises.readout(my_readout)

# %% [markdown]
# <details><summary>Hint</summary>
#
# All nodes at once: `x = model.tokens.weight`. A layer adds to its input. The scores are products with all
# embeddings.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_readout(model):
#     x = model.tokens.weight
#     scores = (x + model.blocks[0].feed_forward(x)) @ x.T
#     return scores[:-1, :-1]
#
# exercises.readout(my_readout)
# ```
#
# </details>
#
# > **Exercise 5.** *Open.* Let the checker err: give `reward` a graph with one edge too few and one too
# > many, and train the table again. Which logits are wrong now, only those two or more?

# %% [markdown]
# ## Your numbers beside ours
#
# The *expected range* of each number contains 95 of 100 further seeds.

# %%
with_pg, with_q = list(stale.values())[1:]
numbers = {
    "largest gap to A + R - 1, table": table_gap,
    "largest gap of the linear Transformer's weights": linear_gap,
    "logit of an edge into a dead end": ends["edge, dead end"],
    "PG on old paths, % right on held-out questions": with_pg,
    "Q-learning on old paths, % right on held-out questions": with_q,
    "logits within 0.1, taught by its own paths": near["itself, ε = 0.1"],
}
shares = dict.fromkeys(["PG on old paths", "Q-learning on old paths"], (0, 100))
limits = {"largest gap": (0, float("inf")), **shares}
evidence.Numbers("08_logits", numbers, limits=limits)

# %% [markdown]
# ## What we now know
#
# With process reward, no cycles and every step tried often, the logits of a table become $A + R - 1$, in a Transformer
# their order; on random graphs Q-learning's weights then hold edges that no demonstration showed, and those of policy
# gradient, which is told of whole paths only, do not. On graphs
# where every node reaches every other, the values lose the target unless there is a discount: **how does one move
# blocks then?** [Chapter 9](09_blocksworld.ipynb) does it.
#
# ## Further reading
#
# - [The paper](https://arxiv.org/abs/2509.22613), Section 5: Theorems 5.2 and 5.3, and Figures 3, 4.
# - [ALPINE](https://arxiv.org/abs/2405.09220): where adjacency and reachability sit in a
#   Transformer's weights.
# - [Off-policy learning and the deadly triad](https://arxiv.org/abs/1812.02648): when others'
#   rollouts, bootstrapping and shared weights make values diverge.
# - [Q#](https://arxiv.org/abs/2502.20548): value-based training of language models, tried on a graph.
