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
# # What does a reward add, and what does it take away?
#
# Now nobody shows the model anything. It walks by itself; a right answer earns 1, any other 0, and
# *policy gradient* makes what was rewarded more likely. Accuracy rises above what imitation
# reached, and then something is lost that no accuracy shows. You should have read
# [chapter 2](03_imitation.ipynb). Reading takes 15 minutes; running everything under a minute. One figure
# is read from saved runs; the command that made them stands beside it.

# %% tags=["hide-input"]
from functools import partial

import torch

import planrl as pr
from planrl import controls, exercises, pictures, plots, redrawn, widgets
from planrl.experiments.store import results

widgets.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# On the 100-node graph the model starts as a student of SFT. Asked the same training question 100
# times, it then finds a dozen different right answers or more, on average. We train it by policy
# gradient on those questions until nearly every answer is right.
#
# **How many different right answers are among 100, after that?** Many guess that they stay.

# %%
my_guess = 13


# %%
# made by: python -m planrl reproduce --only fig2, and --only fig3
def over_seeds(key, learner="policy gradient"):
    return redrawn.series("dag", learner, key)[1]  # [seeds, looks]


step, _ = redrawn.series("dag", "policy gradient", "train_accuracy")

# %% tags=["hide-input"]
ways, sampled = over_seeds("train_diversity"), over_seeds("train_accuracy")
assert ways[:, 0].mean() > 12, "the title says: from many"
assert ways[:, -1].mean() < 1.5, "the title says: to one"
assert sampled[:, -1].mean() > 0.97
figure = plots.band_figure(
    {"policy gradient": (step, ways)},
    title="Trained to be right, the model forgets all ways but one",
    x="updates",
    y="different right answers among 100",
    y_range=(0, 20),
    alt=f"Distinct right paths per training question fall from {float(ways[:, 0].mean()):.1f} to "
    f"{float(ways[:, -1].mean()):.2f} over {step[-1]} updates, mean of {len(ways)} seeds",
)
controls.ask(
    figure,
    "Different right answers among 100, at the end",
    guess=my_guess,
    low=0,
    high=20,
    step=0.5,
    hidden=["policy gradient"],
    answer=f"They fall from {float(ways[:, 0].mean()):.1f} to {float(ways[:, -1].mean()):.2f}, while "
    f"accuracy rises from {float(sampled[:, 0].mean()):.2f} to {float(sampled[:, -1].mean()):.2f} "
    f"(training questions, mean of {len(ways)} seeds).",
)

# %% [markdown]
# The line is the mean over seeds (each with its own graph), the band spans them all. The
# same runs, seen from the other side:

# %% tags=["hide-input"]
plots.band_figure(
    {
        "training, sampled": (step, over_seeds("train_accuracy")),
        "held out, sampled": (step, over_seeds("test_accuracy")),
        "training, greedy": (step, over_seeds("train_greedy")),
        "held out, greedy": (step, over_seeds("test_greedy")),
    },
    title="Sampled answers get better; greedy ones, on held-out questions, get worse",
    x="updates",
    y="accuracy",
    y_range=(0.6, 1.02),
    alt="Accuracy over updates on training and held-out questions, sampled and greedy",
)

# %% tags=["hide-input"]
start, end = (over_seeds("test_greedy")[:, k].mean() for k in (0, -1))
assert end < start, "the title says: greedy answers on held-out questions get worse"
kinds = {
    "train sampled": "train_accuracy",
    "train greedy": "train_greedy",
    "train ways": "train_diversity",
    "test sampled": "test_accuracy",
    "test greedy": "test_greedy",
}
rows = [
    {
        "from the same SFT base": name,
        "updates": redrawn.series("dag", name, "train_greedy")[0][-1],
        "seeds": len(over_seeds("train_greedy", name)),
    }
    | {
        title: float(over_seeds(key, name)[:, -1].mean())
        for title, key in kinds.items()
    }
    for figure in ("fig2", "fig3")
    for name in redrawn.learners("dag", figure)
]
by_name = {row["from the same SFT base"]: row for row in rows}
on = over_seeds("test_accuracy", "continual SFT")
assert (on[:, -1] > on[:, 0]).float().mean() > 0.8
on = over_seeds("test_greedy", "continual SFT")
assert (on[:, -1] - on[:, 0]).mean().abs() < 0.03, "the finding: it hardly moves"
assert by_name["Q-learning, process reward"]["train ways"] > 12
assert by_name["Q-learning, process reward"]["train greedy"] > 0.97
assert by_name["Q-learning, outcome reward"]["train sampled"] < 0.05
hours = (
    sum(
        sum(page["result"]["facts"]["cpu_seconds"].values())
        for figure in ("fig2", "fig3")
        for page in results(figure, of="dag")
    )
    / 3600
)
widgets.Table(rows, caption="at the learner's last update, mean over seeds; ways: different right "
              f"answers among 100; {hours:.1f} CPU-hours in all")  # fmt: skip

# %% [markdown]
# The table sets policy gradient beside its neighbours, each started from the same base: SFT that
# simply goes on, policy gradient with a KL penalty, and Q-learning with two kinds of reward.
# Two rows tell what is to come: a reward for the outcome alone ruins Q-learning, a reward for the
# process leaves it right *and* diverse. Later chapters are about these.
#
# Accuracy means the same for all of them: the walk reaches its target by edges alone. Only what may
# be chosen differs: a model trained by Q-learning chooses among nodes, the others may also say END
# early, which counts as wrong ([why](references.md)).
#
# > **Finding.** In the paper, continual SFT's test accuracy keeps falling. Here, from a base that is
# > not yet saturated, sampled test accuracy still *rises* under continual SFT; greedy accuracy
# > hardly moves. [Which condition makes the difference](92_deviations.ipynb).
#
# > **Finding.** Q-learning with process reward takes precautions here that our sources do not
# > mention. Undone one at a time, one is needed: rewards that are large enough for a softmax to follow.
# > The others (a walker that can't give up, bounds on what is believed, exploration) each change
# > [less than that](92_deviations.ipynb).

# %% tags=["hide-input"]
undone = {
    name: sum(
        page["result"]["learners"][name]["test_greedy"][-1]
        for page in results("choices")
    )
    / len(results("choices"))
    for name in results("choices")[0]["result"]["learners"]
    if name.startswith("Q-learning")
}
small = undone.pop("Q-learning, rewards times 1")
assert small < undone["Q-learning"] - 0.2
assert small < min(undone.values())
print(f"Greedy accuracy on held-out questions, {len(results('choices'))} seed(s): ")
print(
    f"rewards times 1 {small:.3f}; the others at least {min(undone.values()):.3f}"
)

# %% [markdown]
# ## Watch it happen
#
# A graph of ten nodes and a table of logits: small enough to train here, in seconds. First
# SFT on right answers to every question, then policy gradient on the model's own walks.

# %%
graph = pr.random_dag(10, 0.4, pr.seeded(2, "graph"))
task = pr.all_pairs(graph)
model = pr.LogitTable(task.vocab)
paths = pr.sample_paths(task, 10, pr.seeded(seed, "paths"))
rng = pr.seeded(seed, "lessons")
lessons = pr.demonstrations(task, paths, rng=rng, size=None)
list(pr.train(model, lessons, pr.sft, pr.TrainConfig(steps=40, lr=0.1)))
base = pr.evaluate(model, task, rng=pr.seeded(seed, "probe"), samples=50).summary()
print(
    f"base: accuracy {base['accuracy']:.2f}, {base['diversity']:.2f} ways a question"
)

# %% [markdown]
# We keep watch on one question, from 0 to 9: how likely is each edge to be taken on the way?

# %%
asked = torch.tensor([[0, 9]])
pictures_of = {}


def watch():
    rng = pr.seeded(seed, "probe")  # the same chance at every look
    scores = pr.evaluate(model, task, rng=rng, samples=50).summary()
    taken = pr.edge_use(graph, pr.rollout(model, asked.expand(500, 2), rng=rng))
    pictures_of[str(20 * len(pictures_of))] = pictures.graph_view(
        graph, weights=taken
    )
    return scores


# %%
watch()
walks = pr.on_policy(model, task, rng=pr.seeded(seed, "walks"), size=64)
config = pr.TrainConfig(steps=400, lr=0.2)
run = pr.train(model, walks, pr.policy_gradient, config)
records = list(pr.probe(run, watch, every=20))
end = records[-1].measured
print(
    f"at the end: {end['accuracy']:.3f} right, {end['diversity']:.2f} ways a question"
)

# %% tags=["hide-input"]
assert records[-1].measured["accuracy"] > 0.98
assert records[-1].measured["diversity"] < 1.3 < base["diversity"], "ways are lost"
last = pr.rollout(model, asked.expand(500, 2), rng=pr.seeded(seed, "probe"))
commonest = last.unique(dim=0, return_counts=True)[1].max()
assert commonest > 450, "the title says: one path"
figure = controls.with_slider(pictures_of, name="update", start="0")
figure.layout.meta = {**figure.layout.meta, "alt": "The graph, each edge as thick as it is often "
                      "taken from 0 to 9: many edges at first, one path at the end"}  # fmt: skip
figure.update_layout(title_text="From 0 to 9: many paths become one")

# %% [markdown]
# Move the slider, or press Play. Nobody told the model to prefer one path: all of them earn 1.

# %% tags=["hide-input"]
plots.learning_curves(
    {"policy gradient": records},
    "diversity",
    title="On the small graph, too, ways are lost",
    y="different right answers among 50",
    y_range=(0, 3),
    alt="Distinct right paths per question over updates, falling",
)

# %% [markdown]
# ## Why it wins
#
# For a walk $u$ with return $R(u)$ (its summed rewards; not the table $R$), policy gradient makes
# the steps of the walk more likely in proportion to the return. With $B$ walks in the batch, $k_m$
# the token chosen at step $m$ and $q_m$ the policy there:
#
# $$ \ell_{\mathrm{PG}} = - \frac{1}{B} \sum_{u} R(u) \sum_m \log q_m[k_m]. \tag{3.1} $$

# %% tags=["hide-input"]
widgets.Source(pr.policy_gradient)

# %% [markdown]
# > **Theorem 4.1.** With rewards 0 and 1 and no KL penalty, the policy gradient loss on a batch of
# > walks *is* the SFT loss on the right walks among them (up to the number one divides by).
# > *A return of 1 leaves the surprise as it is, a return of 0 removes the walk.*
#
# So policy gradient is SFT on one's own successes. What it adds to SFT is not another kind of
# learning but other data: the model walks, explores, and what succeeds becomes its lesson.

# %%
fresh = pr.LogitTable(task.vocab)
batch = next(pr.on_policy(fresh, task, rng=pr.seeded(seed, "one batch"), size=2000))
won = pr.is_path(graph, batch.tokens)


def slope(loss, given):
    (gradient,) = torch.autograd.grad(
        loss(fresh(given.tokens[:, :-1]), given), fresh.table
    )
    return gradient


successes = task.batch(batch.tokens[won])
share = successes.chosen.sum() / len(
    batch.tokens
)  # means over steps and over walks
print(f"{int(won.sum())} of {len(won)} walks are right")
held = pr.check(
    "Theorem 4.1: same gradient as SFT on the successes",
    predicted=slope(pr.sft, successes) * share,
    observed=slope(pr.policy_gradient, batch),
    tolerance=1e-6,
)
print(held)

# %% [markdown]
# > **Theorem 4.2.** No step outside $C(i, j)$ is ever made more likely: its logit's gradient is
# > never negative. *Right walks hold no such step, so it only ever loses to those taken.*

# %%
gradient = slope(pr.policy_gradient, batch)[..., : graph.n]
elsewhere = ~torch.eye(graph.n, dtype=torch.bool)[
    :, :, None
]  # at the target END is right
lowest = gradient[~graph.correct & elsewhere].min()
held = pr.check(
    "Theorem 4.2: no wrong step is ever raised",
    predicted=0.0,
    observed=lowest.clamp(max=0),
    tolerance=0,
)
print(held)

# %% [markdown]
# ## Why it collapses
#
# Once every walk is right, every walk earns 1 and one might think that nothing moves any more. Take
# one cell with $c$ correct choices and logits $f$, and plain gradient steps of size $\eta$ (the
# runs here use AdamW, which scales them). The walk takes choice $k$ with probability $q[k]$, and
# the update adds $\eta (e_k - q)$ to the logits, where $e_k$ is 1 at $k$ and 0
# elsewhere. On *average* that is zero: $\sum_k q[k] (e_k - q) = 0$. But each single update makes
# the choice just taken a little likelier, so it is taken more often, and so on. The policy
# wanders until it hits a wall: one choice.
#
# > **Theorem 4.3.** Once all answers are right, $\mathrm{KL}(U_C \,\|\, q)$, the distance from the
# > uniform law on the correct choices, never decreases in expectation. *The logits are a martingale
# > and KL is convex in them; the drift is about* $\tfrac{\eta^2}{2} \|\mathrm{diag}(q) - q q^\top\|_F^2$ *(sum of squares),*
# > *at the uniform law* $\tfrac{\eta^2}{2} \tfrac{c - 1}{c^2}$. *(Our derivation.)*
#
# By hand, for five choices and $\eta = 0.1$, summing over what might be taken:

# %%
c, eta = 5, 0.1


def distance(f):  # KL(U_C || q)
    return f.logsumexp(0) - f.mean() - torch.tensor(float(c)).log()


f = torch.zeros(c, dtype=torch.float64)
q = f.softmax(0)
after = sum(q[k] * distance(f + eta * (torch.eye(c)[k] - q)) for k in range(c))
held = pr.check(
    "Theorem 4.3: the drift of one update from the uniform law",
    predicted=eta**2 / 2 * (c - 1) / c**2,
    observed=after - distance(f),
    tolerance=3e-5,
)
print(held)

# %% [markdown]
# And with a *baseline*, the batch's mean return subtracted? When all walks are right, every return
# equals the mean: the gradient is exactly zero and the collapse stops. The paper's policy gradient
# has none, so ours has none by default.

# %%
right_only = task.batch(pr.sample_paths(task, 5, pr.seeded(seed, "all right")))
with_baseline = slope(partial(pr.policy_gradient, baseline=True), right_only)
held = pr.check(
    "a baseline leaves nothing to drift",
    predicted=0.0,
    observed=with_baseline.abs().max(),
    tolerance=1e-7,
)
print(held)
assert slope(pr.policy_gradient, right_only).abs().max() > 1e-3

# %% tags=["hide-input"]
widgets.QuickCheck(
    "Training accuracy has reached 100 %. What does plain policy gradient (no baseline) do next?",
    {
        "Nothing: the loss cannot fall any further": "The loss is not zero: right walks still have "
        "a surprise, and each update lowers that of the walk just taken.",
        "It goes on to narrow down to one path per question": "Each update favours what was just "
        "taken; on average nothing moves, but the walk of the logits ends at one choice.",
        "It spreads out again, as all paths earn the same": "Equal rewards do not push towards "
        "equality; nothing in the loss does. A KL penalty does: a later chapter.",
    },
    right=["It goes on to narrow down to one path per question"],
)

# %% [markdown]
# ## Try it
#
# Watch the answers of one question go, and buy some of them back with a penalty:
# λ times how far the policy has moved from the base (Theorem 4.4).

# %% tags=["hide-input"]
from planrl.live import lab

lab("policy-gradient")

# %% [markdown]
# ## Exercises
#
# > **Exercise 1.** *6 minutes.* Write policy gradient with the batch's mean return as a baseline.
# > `logits` is `[B, T, V]`; the batch has `tokens [B, L]`, `reward [B, T]`, `chosen [B, T]`.


# %%
def my_loss(logits, batch): ...


exercises.baseline(my_loss)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The return of a walk is `batch.reward.sum(1)`. Divide the sum over chosen steps by the number of
# walks, as (3.1) does.
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
# > **Exercise 2.** *8 minutes.* Write a loss that pays for curiosity: policy gradient minus a bonus
# > for the entropy of each choice. Your model should keep clearly more ways and stay right.


# %%
def my_curious_loss(logits, batch): ...


exercises.keeps_diversity(my_curious_loss)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Start from `pr.policy_gradient(logits, batch)`. Entropy is $-\sum_k q[k] \log q[k]$; average it over
# `batch.chosen`. Try weights between 0.05 and 0.5.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_curious_loss(logits, batch):
#     logp = logits.log_softmax(-1)
#     entropy = -(logp.exp() * logp).sum(-1)
#     return pr.policy_gradient(logits, batch) - 0.2 * entropy[batch.chosen].mean()
#
# exercises.keeps_diversity(my_curious_loss)
# ```
#
# </details>
#
# > **Exercise 3.** *Open.* For plain gradient steps the drift goes with $\eta^2$ and averages out
# > over a batch. In a new cell, train again as in *Watch it happen*, with `lr=0.05` and with
# > `size=512`. AdamW rescales its steps: which of the two still slows the loss of ways?

# %% [markdown]
# ## What we now know
#
# Policy gradient is SFT on one's own successes: it wins by exploring, and never raises a wrong
# step. Once right, it goes on to drift until one path per question is left, although nothing
# rewards that. What would hold it back, and at what price, is the question of the chapters to come.
#
# ## Further reading
#
# - [The paper](https://arxiv.org/abs/2509.22613), Section 4: Theorems 4.1 to 4.4.
# - [The entropy mechanism of RL for reasoning](https://arxiv.org/abs/2505.22617): the same collapse,
#   measured in large language models.
# - [Does RL incentivise reasoning beyond the base model?](https://arxiv.org/abs/2504.13837): pass@k,
#   another way to see what is lost.
