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
# # Where do the other answers go?
#
# Most questions have many right answers, and policy gradient pays the same for each of them. A
# model that starts with a dozen and is paid for all should keep a dozen, one would think. It
# does not. Sampled accuracy does not show the loss; this chapter finds the mechanism in a single cell of
# a table, and tries the two simplest remedies: stopping early, and a baseline. You should have read
# [chapter 4](04_policy_gradient.ipynb). Reading takes 15 minutes, running everything some 15 seconds.

# %% tags=["hide-input"]
from functools import partial

import torch

import planrl as pr
from planrl.claims import verdicts
from planrl.figures import charts, graphs, sliders
from planrl.figures.table import Table
from planrl.teaching import evidence, exercises, notebook, paper_figures
from planrl.teaching.paper_tables import rows as curve_rows
from planrl.teaching.paper_tables import stops as best_stops
from planrl.theory import collapse_times, kl_drift

notebook.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# On the 100-node graph the model starts as a student of SFT. Asked the same training question 100
# times, it then finds a dozen different right answers or more, on average. We train it by policy
# gradient on those questions until nearly every answer is right.
#
# **How many different right answers are among 100, after that?** Many guess that they stay, as all of
# them earn the same.

# %% tags=["remove-cell"]
my_guess = 13

# %% [markdown]
# ## Experiment
#
# Ten seeds, each with its own graph, 2,000 updates of policy gradient from the base.


# %%
# made by: python -m planrl reproduce --only fig2
def over_seeds(key, of="dag"):
    return paper_figures.series(of, "policy gradient", key)[
        1
    ]  # [seeds, evaluations]


step, number_of_paths = paper_figures.series(
    "dag", "policy gradient", "train_diversity"
)

# %% tags=["hide-input"]
sampled = over_seeds("train_accuracy")
assert number_of_paths[:, 0].mean() > 12, "the title says: from many"
assert number_of_paths[:, -1].mean() < 1.5, "the title says: to one"
assert sampled[:, -1].mean() > 0.97
figure = charts.range_figure(
    {"policy gradient": (step, number_of_paths)},
    title="Trained to be right, the model forgets all paths but one",
    x="updates",
    y="distinct correct paths among 100 samples",
    y_range=(0, 20),
    alt=f"Distinct right paths per training question fall from {float(number_of_paths[:, 0].mean()):.1f} to "
    f"{float(number_of_paths[:, -1].mean()):.2f} over {step[-1]} updates, mean of {len(number_of_paths)} seeds",
)
sliders.ask(
    figure,
    "Distinct correct paths among 100 samples, at the end",
    guess=my_guess,
    low=0,
    high=20,
    step=0.5,
    hidden=["policy gradient"],
    answer=f"They fall from {float(number_of_paths[:, 0].mean()):.1f} to {float(number_of_paths[:, -1].mean()):.2f}, while "
    f"accuracy rises from {float(sampled[:, 0].mean()):.2f} to {float(sampled[:, -1].mean()):.2f} "
    f"(training questions, mean of {len(number_of_paths)} seeds).",
)

# %% tags=["hide-input"]
keys = ["train_diversity", "train_accuracy", "test_accuracy", "test_greedy"]
notebook.Download(
    curve_rows("dag", ["policy gradient"], keys), "fig2_policy_gradient.csv"
)

# %% [markdown]
# The line is the mean over seeds, the band spans them all. Below, a smaller graph: press *Train* and
# watch one question lose its answers, edge by edge.

# %% tags=["hide-input"]
from planrl.labs import lab

lab("policy-gradient", "model=transformer")

# %% [markdown]
# ## Watch it happen
#
# The same on ten nodes with a table of logits, step by step. First SFT on right answers to every
# question.

# %%
graph = pr.random_dag(10, 0.4, pr.seeded(2, "graph"))
task = pr.all_pairs(graph)
paths = pr.sample_paths(task, 10, pr.seeded(seed, "paths"))


def student():
    model, rng = pr.LogitTable(task.vocab), pr.seeded(seed, "lessons")
    lessons = pr.demonstrations(task, paths, rng=rng, size=None)
    list(pr.train(model, lessons, pr.sft, pr.TrainConfig(steps=40, lr=0.1)))
    return model


# %% [markdown]
# Then policy gradient on its own walks. A look every 50 updates counts the ways, on all
# questions, and draws how often each edge is taken from 0 to 9.

# %% tags=["hide-input"]
asked = torch.tensor([[0, 9]])


def scores_of(given):
    rng = pr.seeded(seed, "probe")  # the same random numbers at every evaluation
    return pr.evaluate(given, task, rng=rng, samples=50).summary()


def watch(model, pictures_of):
    rng = pr.seeded(seed, "one question")
    rollouts = pr.rollout(model, asked.expand(500, 2), rng=rng)
    pictures_of[str(50 * len(pictures_of))] = graphs.graph_view(
        graph, weights=pr.edge_use(graph, rollouts)
    )
    return scores_of(model)


# %%
model, pictures_of = student(), {}
evaluation = partial(watch, model, pictures_of)
base = evaluation()
rollouts = pr.on_policy(model, task, rng=pr.seeded(seed, "walks"), size=64)
config = pr.TrainConfig(steps=1000, lr=0.2)
run = pr.train(model, rollouts, pr.policy_gradient, config)
records = list(pr.probe(run, evaluation, every=50))
end = records[-1].measured
print(f"at first: {base['accuracy']:.3f} right, diversity {base['diversity']:.2f}")
print(f"at the end: {end['accuracy']:.3f} right, diversity {end['diversity']:.2f}")

# %% tags=["hide-input"]
assert end["accuracy"] > 0.98
assert end["diversity"] < 1.6 < 2.4 < base["diversity"], "distinct paths are lost"
figure = sliders.with_slider(pictures_of, name="update", start="0")
figure.layout.meta = {**figure.layout.meta, "alt": "The graph, each edge as thick as it is often "
                      "taken from 0 to 9: many edges at first, few at the end"}  # fmt: skip
figure.update_layout(title_text="From 0 to 9: edges fall out of use")

# %% [markdown]
# Move the slider, or press Play. Nobody told the model to prefer one path: all of them earn 1.
#
# ## One cell under the microscope
#
# Let the model be right whatever it does: one cell with $c$ choices, all of them correct, logits $f$
# and policy $q = \mathrm{softmax}(f)$. Every walk earns 1, so one might think that nothing moves any
# more. But the loss is not zero. A plain gradient step of size $\eta$ on a single walk that took
# choice $k$ does
#
# $$ f \leftarrow f + \eta \, (e_k - q), \tag{5.1} $$
#
# where $e_k$ is 1 at $k$ and 0 elsewhere: the choice just taken rises, all others fall. (Our runs use
# AdamW, which rescales its steps.)

# %%
f, eta, seen = torch.zeros(5), 0.5, []
rng = pr.seeded(seed, "microscope")
for _ in range(600):
    q = f.softmax(0)
    seen.append(q)
    k = torch.multinomial(q, 1, generator=rng)
    f = f + eta * (torch.eye(5)[k[0]] - q)  # (5.1)
print("policy at the end:", [round(p, 3) for p in f.softmax(0).tolist()])

# %% tags=["hide-input"]
drawn = charts.heatmaps(
    {"": torch.stack(seen)[::5].T},
    title="Five equally good choices, and one of them takes over",
    alt="Probability of each of five choices over 600 updates: equal at first, then one choice "
    f"grows; at the end the largest is {float(seen[-1].max()):.2f}",
    x="update",
    y="choice",
    colours="probability",
    height=300,
)
assert seen[-1].max() > 0.8, "the title says: takes over"
drawn.update_yaxes(scaleanchor=None, dtick=1)
drawn.update_xaxes(tickvals=[0, 30, 60, 90], ticktext=["0", "150", "300", "450"])

# %% [markdown]
# Which choice wins is chance. On *average* over what may be drawn, (5.1) does nothing at all:
# $\sum_k q[k] (e_k - q) = 0$. The logits are a **martingale**, a fair game. But a fair game can be lost for
# good. A choice that has become rare is rarely drawn, so it is rarely raised again; a choice at
# zero would never be drawn. The probabilities come ever closer to such a wall. We call this wandering
# **drift**, as geneticists do: it has no direction, and yet it comes ever nearer to a single
# choice. We watch 500 such cells. Their choices are all alike, so their *mean* policy stays
# where it was, while each of them ends up sure of something. `distance` says how far a cell is from taking
# its right choices equally often (the policy $U_C$); the next section has the formula, (5.2).


# %%
def distance(f):  # KL(U_C || q) of a cell whose choices are all right
    return f.logsumexp(-1) - f.mean(-1) - torch.tensor(float(f.shape[-1])).log()


many, apart, rng = torch.zeros(500, 5), [], pr.seeded(seed, "many cells")
for _ in range(600):
    apart.append(distance(many))
    k = torch.multinomial(many.softmax(-1), 1, generator=rng)[:, 0]
    many = many + eta * (torch.eye(5)[k] - many.softmax(-1))
policy = many.softmax(-1)
print("mean policy:", [round(p, 2) for p in policy.mean(0).tolist()])
print(f"mean of the likeliest choice: {policy.amax(-1).mean():.2f}")

# %% tags=["hide-input"]
gap = (policy.mean(0) - 0.2).abs().max()
assert gap < 0.08, "the text says: the mean policy stays where it was"
assert policy.amax(-1).mean() > 0.9, "the text says: each is sure of something"
some = torch.stack(apart)[::5].T  # [contexts, evaluations]
assert (some.mean(0)[20::20].diff() > 0).all(), "the title says: keeps growing"
charts.range_figure(
    {"mean of 500 cells": (list(range(0, 600, 5)), some.mean(0)[None]),
     "one cell": (list(range(0, 600, 5)), some[:1])},
    title="The distance from equal choices keeps growing",
    x="updates",
    y="KL(U_C || q), nats",
    alt="Distance of the policy from the uniform one over 600 updates: the mean of 500 cells rises "
    f"steadily to {float(some.mean(0)[-1]):.1f} nats, a single cell goes up and down",
)  # fmt: skip

# %% [markdown]
# ## What the theorem says
#
# (Theorems have the paper's numbers, formulas this book's.) The measure in that figure is the distance of the policy from $U_C$, the uniform policy on the
# correct choices:
#
# $$ \mathrm{KL}(U_C \,\|\, q) = - \frac{1}{c} \sum_{k \in C} \log q[k] - \log c. \tag{5.2} $$

# %% tags=["hide-input"]
notebook.Source(pr.kl_to_uniform)

# %% [markdown]
# > **Theorem 4.3.** Once all answers are right, $\mathrm{KL}(U_C \,\|\, q)$ never decreases in expectation.
# > *The logits are a martingale, and this distance is convex in them: a fair game makes a convex
# > function grow (Jensen). It stands still only where one choice has everything.*
#
# For every policy we can sum over what may be drawn. Twenty random cells, and the smallest change in
# expectation among them:


# %%
def expected_change(f, eta):
    q = f.softmax(0)
    after = [distance(f + eta * (one - q)) for one in torch.eye(5)]
    return q @ torch.stack(after) - distance(f)


# %%
cells = 2 * torch.randn(20, 5, generator=pr.seeded(seed, "twenty cells"))
changes = torch.stack([expected_change(f, 0.1) for f in cells])
held = pr.check(
    "the distance never decreases in expectation",
    predicted=0.0, observed=changes.clamp(max=0), tolerance=1e-6,
)  # fmt: skip
evidence.Backing(held, claim="4.3-monotone", code=pr.kl_to_uniform, formula="5.2")

# %% [markdown]
# By how much does it grow? To second order in $\eta$ (our derivation), one update adds
#
# $$ \frac{\eta^2}{2} \sum_{j, k} \left( q[j] \, 1_{j = k} - q[j] \, q[k] \right)^2, \tag{5.3} $$
#
# the squared entries of the covariance of the draw: here $j$ and $k$ are two choices, and
# $1_{j = k}$ is 1 if they are the same, else 0. With $c$ equal choices that is $\eta^2 (c - 1) / (2 c^2)$. By hand, for $c = 5$ and
# $\eta = 0.1$: $0.01 \cdot 4 / 50 = 0.0008$ nats an update.

# %%
told = torch.tensor([kl_drift(f.softmax(0), 0.1) for f in cells])
by_hand = kl_drift(torch.full((5,), 0.2), 0.1)
print(f"five equal choices: {by_hand:.6f} nats an update")
held = pr.check(
    "the growth of all twenty cells together, as a share of (5.3)",
    predicted=1.0,
    observed=changes.sum() / told.sum(),
    tolerance=0.05,
)
evidence.Backing(held, claim="4.3-size", code=kl_drift, formula="5.3")

# %% tags=["hide-input"]
assert abs(by_hand - 0.0008) < 1e-9, "worked by hand above"

# %% [markdown]
# The growth goes with $\eta^2$, so the time to collapse goes with $1 / \eta^2$. An update that averages
# over $B$ walks makes steps whose variance is $B$ times smaller: it takes about $B$ times as long. We
# measure how many updates it takes until one of five equal choices has 99 of 100. Only the $1 / \eta^2$ is
# derived: the 140 in the check was read off such runs, and it allows 50, as a median of 100 runs still varies.

# %%
rng = pr.seeded(seed, "times")
single = collapse_times(5, lr=1.0, rng=rng).median()
slow = collapse_times(5, lr=0.5, rng=rng).median()
eight = collapse_times(5, lr=1.0, batch=8, rng=rng).median()
print(
    f"median updates: {single:.0f}; half the rate {slow:.0f}; batch of 8 {eight:.0f}"
)
held = pr.check(
    "about 140 / eta^2 updates",
    predicted=140.0, observed=torch.stack([single, 0.25 * slow]), tolerance=50,
)  # fmt: skip
evidence.Backing(held, claim="4.3-time", code=collapse_times)

# %% tags=["hide-input"]
assert 4 < eight / single < 12, "the text says: about B times as long"

# %% [markdown]
# So with plain gradient steps what counts is $\eta^2 / B$ for each update, while learning goes with $\eta$.
# Small steps and large batches slow the collapse more than they slow the learning. They do not stop it.
# (With AdamW, which our runs use, try it: exercise 4.) And drift needs no perfect model to start: it works
# from the first update on, beneath the rise in accuracy.

# %% tags=["hide-input"]
notebook.QuickCheck(
    "Training accuracy has reached 100 %. What does plain policy gradient (no baseline) do next?",
    {
        "Nothing: the loss cannot fall any further": "The loss is not zero: correct paths have "
        "a surprise, and each update lowers that of the sampled path.",
        "It goes on to narrow down to one path per question": "Each update favours what was just "
        "taken; on average nothing moves, but drift ends at one choice.",
        "It spreads out again, as all paths earn the same": "Equal rewards do not push towards "
        "equality; nothing in the loss does. A KL penalty pulls back: the next chapter.",
    },
    right=["It goes on to narrow down to one path per question"],
)

# %% [markdown]
# ## First remedy: a baseline
#
# Subtract the batch's mean return from each return. When all walks are right every return equals the
# mean, and the gradient is exactly zero. So this drift is a property of *un-baselined* policy gradient
# with returns of 0 and 1; the paper's has no baseline, so ours has none by default.

# %%
rows = pr.sample_paths(task, 5, pr.seeded(seed, "all right"))
right_only, fresh = task.batch(rows), student()
loss = partial(pr.policy_gradient, baseline=True)
value = loss(fresh(right_only.tokens[:, :-1]), right_only)
(slope,) = torch.autograd.grad(value, fresh.table)
held = pr.check(
    "with a baseline an all-right batch moves nothing",
    predicted=0.0, observed=slope, tolerance=1e-7,
)  # fmt: skip
evidence.Backing(held, claim="4.3-baseline", code=pr.policy_gradient)

# %% tags=["hide-input"]
plain = pr.policy_gradient(fresh(right_only.tokens[:, :-1]), right_only)
assert torch.autograd.grad(plain, fresh.table)[0].abs().max() > 1e-3

# %% [markdown]
# Does it keep the paths apart? It acts from the first update: a correct path has the weight 1 minus the mean
# return, so 0.1 when nine of ten paths are correct. On the small graph, from the same base:

# %%
learner = student()
rollouts = pr.on_policy(learner, task, rng=pr.seeded(seed, "walks"), size=64)
list(pr.train(learner, rollouts, loss, config))
kept = scores_of(learner)
print(
    f"with a baseline: {kept['accuracy']:.3f} right, diversity {kept['diversity']:.2f}"
)

# %% tags=["hide-input"]
assert end["diversity"] - 0.1 < kept["diversity"] < base["diversity"] - 0.5, (
    "the text says: it saves little"
)

# %% [markdown]
# In this run that saves little. One reason is the optimiser: AdamW divides each step by the size of recent
# gradients, and so makes the small ones large again. The same loss with plain gradient steps, and
# beside it the loss without a baseline:


# %%
def plainly(loss):
    learner = student()
    steps = torch.optim.SGD(learner.parameters(), lr=10.0)
    rollouts = pr.on_policy(learner, task, rng=pr.seeded(seed, "walks"), size=64)
    for _, batch in zip(range(1000), rollouts, strict=False):
        steps.zero_grad()
        loss(learner(batch.tokens[:, :-1]), batch).backward()
        steps.step()
    return scores_of(learner)


# %%
slowed, without = plainly(loss), plainly(pr.policy_gradient)
for words, is_so in (("with", slowed), ("without", without)):
    print(f"plain steps {words} it: {is_so['accuracy']:.3f} right,", end=" ")
    print(f"diversity {is_so['diversity']:.2f}")

# %% tags=["hide-input"]
assert min(slowed["accuracy"], without["accuracy"]) > 0.98
assert without["diversity"] + 0.2 < slowed["diversity"], "the text: without, fewer"
assert kept["diversity"] + 0.3 < slowed["diversity"] < base["diversity"] - 0.3, (
    "the text says: more distinct paths, not all"
)

# %% [markdown]
# More ways are left than without the baseline, at the same accuracy, but not all: until every walk is
# right, a right one still counts more than the mean, and is favoured over others as right. GRPO, a policy gradient much used for language
# models, subtracts the mean of a *group* of answers to one question and divides by their spread; TRL, a
# library that trains them, logs as `frac_reward_zero_std` how many groups are all alike. These groups
# have no gradient from the reward. So there drift stops question by question, not the narrowing on the way.

# %% [markdown]
# ## Second remedy: stop early
#
# In the paper held-out accuracy rises to a peak and falls again; why not stop at the peak? In the saved
# runs we look up when mean held-out accuracy is best, and how many ways are left then.

# %%
# made by: python -m planrl reproduce --only fig2
stops = {
    (of, how): best_stops(of, ["policy gradient"], key=f"test_{how}")[0]
    for of in paper_figures.GRAPHS
    for how in ("accuracy", "greedy")
}

# %% tags=["hide-input"]
assert stops["dag", "accuracy"]["diversity then"] < 2, (
    "the text says: by the peak they are gone"
)
assert all(stops[of, "greedy"]["best after"] == 0 for of in paper_figures.GRAPHS)
falls = {f.name: f.verdict for f in verdicts(["2-pg-test-falls"])[0].findings
         if f.name == "sampled"}  # fmt: skip
assert falls == {"sampled": "undecided"}, "the text says so"
blocks = over_seeds("train_diversity", "blocksworld").mean(0)
assert 5 < blocks[-1] < blocks[-2] < blocks[0] / 3, (
    "the finding says: not yet one, and falling"
)
Table(
    [
        {
            "graph": "random" if of == "dag" else "Blocksworld",
            "held-out answers": "sampled" if how == "accuracy" else "greedy",
            **{key: row[key] for key in list(row)[1:]},
        }
        for (of, how), row in stops.items()
    ],
    caption="Policy gradient: after how many updates held-out accuracy is best, accuracy and "
    "diversity then, and both at the last evaluation; mean of ten seeds",
)

# %% [markdown]
# When sampled accuracy is best on the random graph, the ways are gone. After that it hardly falls: whether
# it does is undecided ([claim 2-pg-test-falls](11_verdicts.ipynb)). Greedy accuracy is best before any
# update, with all ways still there. So the two accuracies name different moments, and wherever one stops,
# sampled accuracy has been bought with ways. To stop in time one would have to measure ways and
# greedy accuracy; the reward shows neither.
#
# > **Finding.** In the paper one path per question is left. That is what we see on the random graph. On
# > Blocksworld ([claim 2-pg-collapse](11_verdicts.ipynb)) several ways are left after 1,000 updates, see
# > the table, and the curve is still falling: it has cycles, and so far more right answers to lose.

# %% [markdown]
# ## Exercises
#
# > **Exercise 1.** *Easy, 6 minutes.* Write policy gradient with the batch's mean return as a baseline.
# > `logits` is `[B, T, V]`; the batch has `tokens [B, L]`, `reward [B, T]`, `chosen [B, T]`. If it
# > works, a batch that is all right has no gradient.


# %%
def my_loss(logits, batch): ...


exercises.baseline(my_loss)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The return of a walk is `batch.reward.sum(1)`. Divide the sum over chosen steps by the number of
# walks, as chapter 4's loss does.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_loss(logits, batch):
#     logp = logits.log_softmax(-1).gather(-1, batch.tokens[:, 1:, None]).squeeze(-1)
#     value = batch.reward.sum(1, keepdim=True)
#     advantage = value - value.mean()
#     return -(advantage * logp * batch.chosen).sum() / len(logp)
#
# exercises.baseline(my_loss)
# ```
#
# </details>
#
# > **Exercise 2.** *Medium, 10 minutes.* Compute the expected change of the distance (5.2) in one update:
# > the function gets a cell's logits and the step size, all choices are right. If it works, your number
# > is never below 0.


# %%
def my_drift(f, eta): ...


exercises.drift(my_drift)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Choice k is drawn with chance `f.softmax(0)[k]`. Compute the distance after each draw, as
# `distance` above does; take the mean with these chances; subtract the distance now.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_drift(f, eta):
#     def distance(f):
#         return f.logsumexp(0) - f.mean()
#
#     q, change = f.softmax(0), -distance(f)
#     for k in range(len(f)):
#         step = -q.clone()
#         step[k] += 1
#         change = change + q[k] * distance(f + eta * step)
#     return change
#
# exercises.drift(my_drift)
# ```
#
# </details>
#
# > **Exercise 3.** *Medium, 8 minutes.* Stop a run in time. Your function gets a record with a look in
# > `record.measured` ("accuracy", "diversity", "entropy", on trained questions, every ten updates) and says
# > whether to stop. Be right at least 0.95 of the time, with 2 ways or more on average. If it
# > works, you see what it cost.


# %%
def my_stop(record): ...


exercises.stop_in_time(my_stop)

# %% [markdown]
# <details><summary>Hint</summary>
#
# A table of ten nodes is right long before its ways are gone; the Transformer above is not.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_stop(record):
#     return record.measured["accuracy"] > 0.97
#
# exercises.stop_in_time(my_stop)
# ```
#
# </details>
#
# > **Exercise 4.** *Open.* For plain gradient steps the drift goes with the square of the step and averages
# > out over a batch. In a new cell, train again as in *Watch it happen*, with `lr=0.05` and with
# > `size=512`. AdamW rescales its steps: which of the two still slows the loss of ways?

# %% [markdown]
# ## Your numbers beside ours
#
# The *expected range* of each number contains 95 of 100 further seeds.

# %%
evidence.Numbers(
    "05_collapse",
    {
        "diversity at first": base["diversity"],
        "diversity at the end": end["diversity"],
        "accuracy at the end": end["accuracy"],
        "diversity at the end, with a baseline": kept["diversity"],
        "updates until one choice of five is left, step 1": float(single),
        "likeliest of five choices, mean of 500 cells": policy.amax(-1).mean(),
    },
    limits={"accuracy": (0, 1)},
)

# %% [markdown]
# ## What we now know
#
# Policy gradient raises whatever correct path was drawn. Where all paths are correct that moves nothing on
# average, and step by step it ends at one answer. A baseline slows the drift (under AdamW only a little, in one
# run on a small graph), and an early stop keeps more paths at the price of accuracy. Something has to pull
# back all the time. **What does KL buy?** is the question
# of [chapter 6](06_kl.ipynb).
#
# ## Further reading
#
# - [The paper](https://arxiv.org/abs/2509.22613), Section 4: Theorem 4.3 and Figure 2c.
# - [The entropy mechanism of RL for reasoning](https://arxiv.org/abs/2505.22617): the same collapse,
#   measured in large language models.
# - [Does RL incentivise reasoning beyond the base model?](https://arxiv.org/abs/2504.13837): pass@k,
#   another way to see what is lost.
# - [Differential smoothing](https://arxiv.org/abs/2511.19942): another proof of the collapse, and a
#   remedy.
