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
# Most questions have many correct paths, and policy gradient pays the same for each of them. Accuracy does
# not say how many of them a model still finds. This chapter counts them, explains the count by a single
# context of a table, and tries two simple changes to the method: a baseline, and stopping early. You should
# have read [chapter 4](04_policy_gradient.ipynb).
# Reading takes 14 minutes, running everything some 15 seconds.
#
# <details><summary>In one sentence</summary>
#
# Although every correct path earns the same, plain policy gradient on random graphs ends near one path per question:
# most are lost while accuracy still rises, and when none is left to gain, each update still raises the path that
# happened to be sampled.
#
# </details>

# %% tags=["hide-input"]
from functools import partial

import torch

import planrl as pr
from planrl.figures import charts, sliders
from planrl.figures.frames import path_frame, widest_path
from planrl.figures.layout import graph_data
from planrl.figures.style import STYLES
from planrl.labs import Player, RecordedRun, lab
from planrl.objectives.theory import collapse_times, kl_drift
from planrl.teaching import (
    evidence,
    exercises,
    notebook,
    paper_figures,
    regime_rows,
    regime_tables,
)
from planrl.teaching import regime_figures as regimes
from planrl.teaching.regime_figures import BASE, PG

notebook.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# A graph of 100 nodes, ten demonstrated paths per training question, a base trained by SFT until more of it no longer
# helps (chapter 4). Greedily the base answers every training question correctly. Among 100 samples for one question
# it finds nine or ten distinct correct paths on average. Policy gradient goes on for 4,000 updates and ends with little
# more than one.
#
# **How many distinct correct paths are among 100 samples after the first tenth, 400 updates?**

# %% tags=["remove-cell"]
my_guess = 8

# %% tags=["hide-input"]
# made by: python -m planrl reproduce --only regimes
step, paths = regimes.series("A", PG, "train_diversity")
accuracy, greedy, entropy, apart = (
    regimes.series("A", PG, key)[1]
    for key in ("train_accuracy", "train_greedy", "train_entropy", "kl_to_uniform")
)
tenth = step.index(400)
first, early, last = (float(paths[:, k].mean()) for k in (0, tenth, -1))
sliders.ask(
    regimes.over_updates(
        "A", [PG], "train_diversity", y="distinct correct paths",
        title="More than half of the paths are gone after a tenth of the updates",
        alt=f"Distinct correct paths per training question fall from {first:.1f} to {early:.1f} after 400 updates "
        f"and to {last:.2f} at the end",
    ).update_yaxes(range=[0, 12], title="distinct correct paths among 100 samples"),
    "Distinct correct paths among 100 samples, after 400 updates",
    guess=my_guess, low=0, high=12, step=0.5, hidden=[PG],
    answer=f"{early:.1f} of {first:.1f} are left, and {last:.2f} at the end (mean of {len(paths)} seeds).",
)  # fmt: skip

# %% tags=["remove-input"]
keys = {name: f"train_{name}" for name in ("accuracy", "diversity", "entropy")}
notebook.Download(regime_rows.over_updates("A", [PG], keys), "collapse.csv")

# %% [markdown]
# Do lost paths pay for accuracy? Most vanish while sampled accuracy rises, others when nearly none is left to gain:

# %%
charts.range_figure(
    {
        "accuracy, sampled": (step, accuracy),
        "distinct correct paths, share of the base's": (step, paths / paths[:, :1]),
        "entropy, share of the base's": (step, entropy / entropy[:, :1]),
    },
    title="Most paths vanish while accuracy rises, the others after it",
    alt="Accuracy rises to nearly 1; the shares of paths and entropy fall towards 0",
    x="updates", y="training questions", y_range=(0, 1.03),
)  # fmt: skip

# %% tags=["remove-input"]
solved = int((accuracy.mean(0) >= 0.99).int().argmax())
cool, variety = (
    regimes.curve("A", BASE, "train", key).mean(0).tolist()
    for key in ("accuracy", "diversity")
)
notebook.Told(
    f"Greedily the model answers {float(greedy[:, 0].mean()):.0%} of the training questions at the start, and never fewer than "
    f"{float(greedy.mean(0).min()):.1%}: greedily, all paths are lost *after* 100 %. Sampled accuracy starts at "
    f"{float(accuracy[:, 0].mean()):.3f} and is "
    f"{float(accuracy[:, solved].mean()):.3f} after {step[solved]:,} updates (mean of {len(paths)} seeds). Until then "
    f"distinct correct paths fall from {first:.2f} to {float(paths[:, solved].mean()):.2f}, from then to the end to "
    f"{last:.2f}; the entropy of a step falls from {float(entropy[:, 0].mean()):.3f} to "
    f"{float(entropy[:, solved].mean()):.3f} and to {float(entropy[:, -1].mean()):.3f} nats. Accuracy does not need this "
    f"loss: the base sampled at T = 0.5 has {cool[2]:.3f} with {variety[2]:.1f} paths."
)

# %% [markdown]
# Two things lose paths. The climb to accuracy favours correct answers that are likelier already, even in expectation
# ([chapter 12](12_objective.ipynb)). Random drift, which the next sections explain, acts all the time. These runs do not
# separate the two.
#
# *Entropy* says how undecided the model is at a step; 0 is certain. (Claims R-pg-collapse and R-entropy-falls in [chapter 11](11_verdicts.ipynb).) Below, a smaller graph: press
# *Train* and see one question lose its paths, edge by edge.

# %%
lab("policy-gradient", "model=transformer")

# %% [markdown]
# ## Watch it happen
#
# The same on ten nodes with a table of logits. First SFT on correct paths for every question.

# %%
graph = pr.random_dag(10, 0.4, pr.seeded(2, "graph"))
task = pr.all_pairs(graph)
shown = pr.sample_paths(task, 10, pr.seeded(seed, "paths"))


def student():
    model, rng = pr.LogitTable(task.vocab), pr.seeded(seed, "lessons")
    lessons = pr.demonstrations(task, shown, rng=rng, size=None)
    list(pr.train(model, lessons, pr.sft, pr.TrainConfig(steps=40, lr=0.1)))
    return model


# %% [markdown]
# Then policy gradient on its own paths, twice. The two runs differ only in the random numbers that sample the paths. An
# evaluation counts the distinct correct paths, on all questions; every 20 updates a frame is kept: how likely a path
# from 0 to 9 passes each edge, and a few sampled paths.


# %%
def scores_of(given):
    rng = pr.seeded(seed, "probe")  # the same random numbers at every evaluation
    return pr.evaluate(given, task, rng=rng, samples=50).summary()


def frame_of(given, update):
    rng = pr.seeded(seed, "one question")
    return path_frame(given, graph, (0, 9), update=update, rng=rng)


# %%
def watched(random_numbers, size=64):
    model, rng = student(), pr.seeded(seed, random_numbers)
    frames = [frame_of(model, 0)]
    rollouts = pr.on_policy(model, task, rng=rng, size=size)
    for record in pr.train(model, rollouts, pr.policy_gradient, config):
        if record.step % 20 == 0:
            frames.append(frame_of(model, record.step))
    return model, frames


# %%
config = pr.TrainConfig(steps=1000, lr=0.2)
(model, frames), (_, again) = watched("walks"), watched("walks again")
base, end = scores_of(student()), scores_of(model)
for words, now in (("at first", base), ("at the end", end)):
    print(
        f"{words}: accuracy {now['accuracy']:.3f}, diversity {now['diversity']:.2f}"
    )

# %% tags=["remove-input"]
runs, names, pair = (frames, again), ("first", "second"), (0, 9)
ends = [widest_path(run[-1], pair) for run in runs]
there = int(graph.count_paths()[9, 0])
found = [run[-1]["distinct"] for run in runs]
likely = [" → ".join(map(str, nodes)) for nodes in ends]
Player(
    graph_data(graph, *pair),
    [
        RecordedRun(
            name=f"policy gradient, {name} run",
            colour=STYLES[PG][0],
            frames=run,
        )
        for name, run in zip(names, runs, strict=True)
    ],
    correct_paths=there,
    label="Policy gradient twice on one graph, from 0 to 9",
    finding=f"Edges fall out of use: after {config.steps:,} updates 100 sampled paths hold {found[0]} of {there} correct "
    f"paths in the first run and {found[1]} in the second; their likeliest paths "
    f"{'are the same' if ends[0] == ends[1] else 'differ'}.",
    conditions=f"The likeliest is {likely[0]} in the first run, {likely[1]} in the second. Both train a table of logits by AdamW from "
    f"the same base (seed {seed}), sampled at temperature 1; the mean of all questions in the first run is {end['diversity']:.2f} paths. An edge is as wide as paths from 0 (square) to 9 (star) pass "
    "it; a dashed red line is a step that is no edge.",
)

# %% [markdown]
# Nobody told the model to prefer one path: all of them earn 1. What it ends with depends on which paths happened to
# be sampled.
#
# ## One context under the microscope
#
# Let the model be correct whatever it does: one context with $c$ choices, all of them correct, logits $f$
# and policy $q = \mathrm{softmax}(f)$. Every path earns 1, so one might think that nothing moves any
# more. But the gradient of a single path is not zero. A plain gradient step of size $\eta$ on a path that took
# choice $k$ does
#
# $$ f \leftarrow f + \eta \, (e_k - q), \tag{5.1} $$
#
# where $e_k$ is 1 at $k$ and 0 elsewhere: the choice just taken rises, all others fall. (Our
# Transformers use AdamW, which rescales its steps.)

# %%
f, eta, over_time = torch.zeros(5), 0.5, []
rng = pr.seeded(seed, "microscope")
for _ in range(600):
    q = f.softmax(0)
    over_time.append(q)
    k = torch.multinomial(q, 1, generator=rng)
    f = f + eta * (torch.eye(5)[k[0]] - q)  # (5.1)
print("policy at the end:", [round(p, 3) for p in f.softmax(0).tolist()])

# %% tags=["remove-input"]
charts.heatmaps(
    {"": torch.stack(over_time)[::5].T},
    title="Five equally good choices, and one of them takes over",
    alt="Probability of each of five choices over 600 updates: equal at first, then one choice "
    f"grows; at the end the largest is {float(f.softmax(0).max()):.2f}",
    x="update", y="choice", colours="probability", height=300,
).update_yaxes(scaleanchor=None, dtick=1).update_xaxes(
    tickvals=[0, 30, 60, 90], ticktext=["0", "150", "300", "450"]
)  # fmt: skip

# %% [markdown]
# Which choice wins is random. On *average* over what may be drawn, (5.1) does nothing:
# $\sum_k q[k] (e_k - q) = 0$. The logits are a **martingale**, like the winnings in a fair game. But a choice that has
# become rare is rarely drawn, so it is rarely raised again. We call this random movement **drift**, as geneticists do:
# it has no direction, and yet it comes ever nearer to a single choice. Here are 500 such contexts.
# Their *mean* policy stays where it was, while each of them ends nearly certain.
# `distance` says how far a context is from the uniform policy $U_C$; (5.2) below is its formula.


# %%
def distance(f):  # KL(U_C || q) of a context whose choices are all correct
    return f.logsumexp(-1) - f.mean(-1) - torch.tensor(float(f.shape[-1])).log()


many, gaps, rng = torch.zeros(500, 5), [], pr.seeded(seed, "many cells")
for _ in range(600):
    gaps.append(distance(many))
    k = torch.multinomial(many.softmax(-1), 1, generator=rng)[:, 0]
    many = many + eta * (torch.eye(5)[k] - many.softmax(-1))
policy, over = many.softmax(-1), torch.stack(gaps)[::5].T  # [contexts, updates]
print("mean policy:", [round(p, 2) for p in policy.mean(0).tolist()])
print(f"mean of the likeliest choice: {policy.amax(-1).mean():.2f}")

# %% tags=["remove-input"]
charts.range_figure(
    {"mean of 500 contexts": (list(range(0, 600, 5)), over.mean(0)[None]),
     "one context": (list(range(0, 600, 5)), over[:1])},
    title="The distance from equal choices keeps growing",
    x="updates",
    y="KL(U_C || q), nats",
    alt="Distance of the policy from the uniform one over 600 updates: the mean of 500 contexts rises "
    f"steadily to {float(over.mean(0)[-1]):.1f} nats, a single context goes up and down",
)  # fmt: skip

# %% [markdown]
# ## What the theorem says
#
# The measure in that figure is the distance of the policy from $U_C$, the uniform policy on the correct choices:
#
# $$ \mathrm{KL}(U_C \,\|\, q) = - \frac{1}{c} \sum_{k \in C} \log q[k] - \log c. \tag{5.2} $$

# %%
notebook.Source(pr.kl_to_uniform)

# %% [markdown]
# > **Theorem 4.3.** Once all paths are correct, $\mathrm{KL}(U_C \,\|\, q)$ never decreases in
# > expectation, under plain gradient steps. *The logits are a martingale, and this distance is convex in them: a fair game makes a convex
# > function grow (Jensen). It stands still only where one choice has everything.*
#
# For any policy we can sum over what may be drawn. Here are twenty random contexts, and the smallest change in
# expectation among them:


# %%
def expected_change(f, eta):
    q = f.softmax(0)
    after = [distance(f + eta * (one - q)) for one in torch.eye(5)]
    return q @ torch.stack(after) - distance(f)


# %%
contexts = 2 * torch.randn(20, 5, generator=pr.seeded(seed, "twenty cells"))
changes = torch.stack([expected_change(f, 0.1) for f in contexts])
held = pr.check(
    "the distance never decreases in expectation",
    predicted=0.0,
    observed=changes.clamp(max=0),
    tolerance=1e-6,
)
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
drifts = torch.tensor([kl_drift(f.softmax(0), 0.1) for f in contexts])
by_hand = kl_drift(torch.full((5,), 0.2), 0.1)
print(f"five equal choices: {by_hand:.6f} nats an update")
held = pr.check(
    "the growth of all twenty contexts together, as a share of (5.3)",
    predicted=1.0,
    observed=changes.sum() / drifts.sum(),
    tolerance=0.05,
)
evidence.Backing(held, claim="4.3-size", code=kl_drift, formula="5.3")

# %% [markdown]
# The growth goes with $\eta^2$, and averaging over a batch of $B$ paths divides the variance of a step by $B$. So for
# small steps the time to collapse goes with $B / \eta^2$. We measure the updates until one of five equal
# choices has probability 0.99, and the exponents of $\eta$ and $B$.

# %%
rng = pr.seeded(seed, "times")
single, slow = (collapse_times(5, lr=lr, rng=rng).median() for lr in (1.0, 0.5))
eight = collapse_times(5, lr=1.0, batch=8, rng=rng).median()
print(f"updates: {single:.0f}; half the step {slow:.0f}; batch of 8 {eight:.0f}")
exponents = torch.stack([-(slow / single).log2(), (eight / single).log2() / 3])
held = pr.check(
    "exponents of eta and of B",
    predicted=torch.tensor([-2.0, 1.0]),
    observed=exponents,
    tolerance=0.6,
)
evidence.Backing(held, claim="4.3-time", code=collapse_times)

# %% tags=["remove-input"]
notebook.Told(
    f"Half the step takes {slow / single:.1f} times as many updates where small steps would take 4, and a batch "
    f"of 8 takes {eight / single:.1f} times as many instead of 8 (medians of 100 runs). Steps of size 1 are not small, "
    "so both factors stay below the derived ones."
)

# %% [markdown]
# Learning goes with $\eta$, and collapse with $\eta^2 / B$: small steps and large batches slow the collapse more than the
# learning. They do not stop it. And drift needs no perfect model: it acts from the first update on.

# %% tags=["remove-input"]
notebook.QuickCheck(
    "Training accuracy has reached 100 %. What does plain policy gradient (no baseline) do next?",
    {
        "Nothing: the loss cannot fall any further": "The gradient of each sampled path is not zero: "
        "an update makes that path more likely, at the expense of the others.",
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
# Subtract the batch's mean return from each return. When all paths are correct every return equals the
# mean, and the gradient is exactly zero. So this drift is a property of *un-baselined* policy gradient
# with returns of 0 and 1. The paper's has no baseline, as far as we know, so ours has none by default.

# %%
all_correct = task.batch(pr.sample_paths(task, 5, pr.seeded(seed, "all right")))
fresh, with_baseline = student(), partial(pr.policy_gradient, baseline=True)
value = with_baseline(fresh(all_correct.tokens[:, :-1]), all_correct)
(slope,) = torch.autograd.grad(value, fresh.table)
plain = pr.policy_gradient(fresh(all_correct.tokens[:, :-1]), all_correct)
(plain_slope,) = torch.autograd.grad(plain, fresh.table)
held = pr.check("with a baseline an all-correct batch moves nothing",
                predicted=0.0, observed=slope, tolerance=1e-7)  # fmt: skip
evidence.Backing(held, claim="4.3-baseline", code=pr.policy_gradient)

# %% [markdown]
# Does it keep the paths? It acts from the first update: when nine of ten paths are correct, a correct path has the
# weight 0.1. We train the small graph with a baseline by AdamW, and with and without it by plain gradient steps.


# %%
def trained(loss, optimiser, steps=1000):
    learner = student()
    stepper = optimiser(learner.parameters())
    rollouts = pr.on_policy(learner, task, rng=pr.seeded(seed, "walks"), size=64)
    for _, batch in zip(range(steps), rollouts, strict=False):
        stepper.zero_grad()
        loss(learner(batch.tokens[:, :-1]), batch).backward()
        stepper.step()
    return scores_of(learner)


# %%
learner = student()
rollouts = pr.on_policy(learner, task, rng=pr.seeded(seed, "walks"), size=64)
list(pr.train(learner, rollouts, with_baseline, config))
kept = scores_of(learner)
sgd = partial(torch.optim.SGD, lr=10.0)
slowed, without = trained(with_baseline, sgd), trained(pr.policy_gradient, sgd)
for words, now in (("AdamW, baseline", kept), ("AdamW, none", end),
                   ("plain, baseline", slowed), ("plain, none", without)):  # fmt: skip
    print(
        f"{words}: accuracy {now['accuracy']:.3f}, diversity {now['diversity']:.2f}"
    )

# %% [markdown]
# Under AdamW the baseline saves little in this table, as AdamW makes small gradients large again; a Transformer kept twice as
# many paths with it ([chapter 10](10_choosing.ipynb)). With plain steps more are left, not all: until every path is correct, a
# correct one counts more than the mean. GRPO, a policy gradient much used for language models, subtracts the mean
# of a *group* of answers to one question. Groups that are all correct have no gradient (TRL logs their
# share as `frac_reward_zero_std`), so there drift stops question by question; until then GRPO loses answers as the
# others do ([chapter 12](12_objective.ipynb)).
#
# ## Second remedy: stop early
#
# Held-out accuracy could tell when to stop. In the runs above:

# %% tags=["remove-input"]
held_out, held_greedy = (
    regimes.series("A", PG, f"test_{key}")[1].mean(0)
    for key in ("accuracy", "greedy")
)
peak, top = int(held_out.argmax()), int(held_greedy.argmax())
notebook.Told(
    f"Sampled, mean accuracy on held-out questions is best after {step[peak]:,} updates ({float(held_out[peak]):.3f}; "
    f"{float(held_out[0]):.3f} before, {float(held_out[-1]):.3f} at the end). By then {float(paths[:, peak].mean()):.1f} "
    f"of {first:.1f} distinct correct paths are left. Greedily, it is best "
    f"{f'after {step[top]:,} updates' if top else 'before the first update'}: {float(held_greedy[top]):.3f}, against "
    f"{float(held_greedy[-1]):.3f} at the end (mean of {len(paths)} seeds)."
)

# %% [markdown]
# So the two accuracies name different moments, and the one that policy gradient improves peaks when the paths are gone. To stop in time
# one has to measure the number of paths or the entropy; the reward shows neither.

# %% tags=["remove-input"]
blocks = paper_figures.series("blocksworld", PG, "train_diversity")
left = blocks[1].mean(0).tolist()
notebook.Told(
    "> **Finding.** In the paper one path per question is left, as on our random graphs. On Blocksworld, from a base of 700 "
    f"updates, {left[-1]:.1f} of {left[0]:.1f} distinct correct paths are left after {blocks[0][-1]:,} updates (mean of "
    f"{len(blocks[1])} seeds), and their number is still falling: with its cycles it has far more correct paths to lose."
    + regime_tables.collapse_on_blocksworld()
)

# %% [markdown]
# ## Exercises
#
# > **Exercise 1.** *Easy, 6 minutes.* Write policy gradient with the batch's mean return as a baseline.
# > `logits` is `[B, T, V]`; the batch has `tokens [B, L]`, `reward [B, T]`, `chosen [B, T]`. If it
# > works, a batch of correct paths only has no gradient.


# %%
def my_loss(logits, batch): ...


exercises.baseline(my_loss)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The return of a path is `batch.reward.sum(1)`. Divide the sum over chosen steps by the number of
# paths, as chapter 4's loss does.
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
# > the function gets a context's logits and the step size, and all choices are correct. If it works, your
# > number is never below 0.


# %%
def my_drift(f, eta): ...


exercises.drift(my_drift)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Choice k is drawn with probability `f.softmax(0)[k]`. Compute the distance after each draw, as
# `distance` above does; take the mean with these probabilities; subtract the distance now.
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
# > **Exercise 3.** *Medium, 8 minutes.* Stop a run in time. Your function gets a record with an evaluation in
# > `record.measured` ("accuracy", "diversity", "entropy", on training questions, every ten updates) and says
# > whether to stop. Reach accuracy 0.95 with 2 distinct correct paths or more on average. If it
# > works, you see what it cost.


# %%
def my_stop(record): ...


exercises.stop_in_time(my_stop)

# %% [markdown]
# <details><summary>Hint</summary>
#
# A table of ten nodes is accurate long before its paths are gone; the Transformer above is not.
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
# > `size=512`. AdamW rescales its steps: which of the two still slows the loss of paths?

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
# Although every correct path earns the same, plain policy gradient on random graphs ends near one path per question:
# most are lost while accuracy still rises, and when none is left to gain, each update still raises the path that
# happened to be sampled. A baseline stops the drift of all-correct batches, but paths are lost with it, too; an early
# stop keeps paths at the price of accuracy. Something has to pull back all the time. **What does KL buy?** is the question of [chapter 6](06_kl.ipynb).
#
# ## Further reading
#
# - [The paper](https://arxiv.org/abs/2509.22613), Section 4: Theorem 4.3 and Figure 2c. Theorems here have the paper's
#   numbers, formulas this book's.
# - [The entropy mechanism of RL for reasoning](https://arxiv.org/abs/2505.22617): the same collapse,
#   measured in large language models.
# - [Does RL incentivise reasoning beyond the base model?](https://arxiv.org/abs/2504.13837): pass@k,
#   another measure of what is lost.
# - [Differential smoothing](https://arxiv.org/abs/2511.19942): another proof of the collapse, and a
#   remedy.
