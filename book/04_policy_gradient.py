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
# # Why does reward help?
#
# SFT copies correct paths that were shown. In reinforcement learning nobody shows the model anything: it
# samples paths from itself and is told only whether each one is correct. Why can it help, and when does it not? You should have read
# [chapter 3](03_imitation.ipynb). Reading takes 14 minutes, running everything about half a minute.
#
# <details><summary>In one sentence</summary>
#
# Policy gradient helps where sampling finds correct paths that no demonstration showed; from a base that ten paths
# per question have saturated, it raises only the accuracy of sampled paths, loses some greedily, and sampling the
# base at a lower temperature does better.
#
# </details>

# %% tags=["hide-input"]
import copy

import torch

import planrl as pr
from planrl.experiments.datasets import DatasetSettings, make_dataset
from planrl.figures import charts, sliders
from planrl.figures.table import Table
from planrl.labs import lab
from planrl.teaching import (
    evidence,
    exercises,
    exploration,
    notebook,
    regime_rows,
    regime_tables,
    saturation,
)
from planrl.teaching import regime_figures as regimes
from planrl.teaching.regime_figures import BASE, PAID, PG, SFT, Q

notebook.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# A graph of 100 nodes; one demonstrated path for each training question. A *base model* is trained on these
# by SFT. From this base, three methods train on the same questions:
#
# - *continual SFT* goes on imitating the demonstrations;
# - *policy gradient* samples paths from the model as it is, and makes the correct ones more likely;
# - *policy gradient, paid for demonstrated paths* is the control. It samples and learns in the same
#   manner, but a correct path is rewarded only if it is one of the demonstrations.
#
# The figure has policy gradient's accuracy on held-out questions. **Where does the control
# end?**

# %% tags=["remove-cell"]
my_guess = 0.8

# %% tags=["hide-input"]
# made by: python -m planrl reproduce --only regimes
at_end = {
    name: regimes.ends("B", name, "test_accuracy") for name in regimes.EXPLORATION
}
mean = {name: sum(values) / len(values) for name, values in at_end.items()}
sliders.ask(
    regimes.over_updates(
        "B", (PG, PAID, SFT), "test_accuracy", y="held-out accuracy, sampled",
        title="Paid only for demonstrated paths, policy gradient gains no more than SFT does",
        alt="Held-out accuracy over updates; at the end: "
        + ", ".join(f"{name} {value:.3f}" for name, value in mean.items()),
    ),
    "Held-out accuracy of the control after 2,000 updates",
    guess=my_guess, low=0.5, high=1, step=0.01, hidden=[PAID, SFT],
    answer=f"The control ends at {mean[PAID]:.2f} and continual SFT at {mean[SFT]:.2f}, both from "
    f"{mean[BASE]:.2f}. Policy gradient with the full reward ends at {mean[PG]:.2f}.",
)  # fmt: skip

# %% [markdown]
# Lines are means, bands span all seeds. Answers are *sampled* at temperature 1; a *greedy* answer takes
# the most likely token at each step.
#
# ## The gain over SFT is exploration
#
# The control and policy gradient have the same loss, batches, sampling and number of updates.
# They differ in one respect: policy gradient may learn from correct paths that it found by itself. This is
# **exploration**. Without it the control ends where continual SFT ends, so on this graph exploration
# is the whole gain that policy gradient has over SFT. Both were predicted (claims
# R-exploration and R-no-exploration-is-sft in [chapter 11](11_verdicts.ipynb)).

# %%
title = "The gain over SFT is largest where edges must be joined anew"
exploration.by_degree(title=title)

# %% [markdown]
# Chapter 3 sorts held-out questions by degree. At degree 0 the source was seen on a demonstrated path to the same target,
# and SFT does nearly as well as policy gradient. At degree 1 and above steps must be joined that were never shown
# together: there policy gradient gains most. The means, with 95 % intervals:

# %%
updates = regime_tables.trained_for("B", regimes.EXPLORATION[1:])
Table(regime_rows.exploration(), caption=f"{regimes.condition('B')}; {updates}")

# %% tags=["remove-input"]
notebook.Download(regime_rows.exploration_by_seed(), "exploration.csv")

# %% tags=["hide-input"]
exploration.new_paths(title="What rewarded new paths add to what SFT reaches")

# %% [markdown]
# Try it on a smaller graph. In its recorded runs, on a table of logits for 20 nodes, sampled accuracy on held-out questions rises only to the greedy one, which does not move.

# %%
lab("policy-gradient")

# %% [markdown]
# ## With ten paths per question it gains nothing greedily
#
# Now each training question has ten demonstrated paths, and the base is *saturated*: it was trained until more
# SFT no longer helps. That took 5,000 updates instead of 700, and each method then trains for 4,000 updates instead
# of 2,000. Of our settings this one is closest to what is reported of the paper.
#
# A model can also be changed without training: divide its logits by a *decoding temperature* $T$ when
# sampling. Below 1, likely steps become likelier; greedy is the limit $T \to 0$. A *decoding curve* shows a
# model at five temperatures; the larger a mark, the higher its temperature.

# %%
title = (
    "Ten paths per question: the base at a lower temperature beats policy gradient"
)
with_kl = "policy gradient + KL 0.1"
regimes.decoding_curves("A", [BASE, SFT, PG, with_kl, Q], title=title)

# %% tags=["remove-input"]
colder = regimes.curve("A", BASE, "test", "accuracy").mean(0).tolist()
number = regimes.curve("A", BASE, "test", "diversity").mean(0).tolist()
warm = regimes.curve("A", PG, "test", "accuracy").mean(0).tolist()
few = regimes.curve("A", PG, "test", "diversity").mean(0).tolist()
greedy = {name: regimes.ends("A", name, "test_greedy") for name in (BASE, PG)}
notebook.Told(
    f"At T = 1 policy gradient is better than its base on held-out questions, {warm[0]:.3f} "
    f"against {colder[0]:.3f}. The base at T = 0.5 is better still: {colder[2]:.3f}, with "
    f"{number[2]:.1f} distinct correct paths instead of {few[0]:.1f}. No temperature brings policy "
    f"gradient there; its best mean is {max(warm):.3f} (mean of {len(regimes.pages('A'))} seeds). Greedily policy "
    f"gradient loses some: {regimes.told(greedy[PG])} (last three evaluations) after {regimes.told(greedy[BASE])}."
)

# %% [markdown]
# > **Finding.** From a saturated base that has seen ten paths per question, what policy gradient gains at T = 1 is
# > *sharpening*: likely steps become likelier, which a lower temperature gives for free. The paper, as far as we know
# > it, compares at one temperature. Q-learning, whose every step is checked, does gain: its curve lies above the base's
# > (chapters 7 and 8). Claims R-sharpening and R-q-over-all-at-equal-decoding.
#
# Is there nothing to explore, then? The control, with ten paths:

# %% tags=["remove-input"]
lead = exploration.ahead_at_equal_paths("G")
notebook.Folded(
    "With ten paths, too, the control is worse",
    Table(
        exploration.rows("G"),
        caption="Held-out questions at T = 1, greedily and at the best temperature, and distinct correct paths of "
        f"100 on training questions; {regimes.condition('G')}",
    ),
    said="When the control has as many paths left as policy gradient has at its end, it is "
    f"{regimes.told(lead)} below it. So new paths do not carry policy gradient above its base here; they keep it "
    "from falling below.",
)

# %% [markdown]
# Shorter and longer trained bases:

# %%
saturation.shown()

# %% tags=["remove-input"]
saturation.told()

# %% [markdown]
# With one path per question (base of 700 updates, 2,000 of each method), no temperature of the base, of
# continual SFT or of the control reaches policy gradient (claim R-beyond-sharpening).

# %%
title = "One path per question: no temperature of the base reaches policy gradient"
regimes.decoding_curves("B", [BASE, SFT, PAID, PG], title=title)

# %% tags=["remove-input"]
best = {
    name: regimes.short(regimes.best("B", name)) for name in regimes.EXPLORATION
}
notebook.Told(
    f"Best accuracy on held-out questions over the five temperatures: base {best[BASE]}, continual SFT "
    f"{best[SFT]}, control {best[PAID]}, policy gradient {best[PG]}; means and 95 % intervals of "
    f"{len(regimes.pages('B'))} seeds."
)

# %% tags=["remove-input"]
of = {"A": [BASE, SFT, PG, with_kl, Q], "B": regimes.EXPLORATION}
notebook.Download(regime_rows.decoding(of), "decoding_curves.csv")

# %% [markdown]
# Sampling training paths at a low temperature does not isolate exploration: by Theorem 4.1 below that is SFT on the most
# likely correct paths, so it sharpens. The control above changes only the data.
#
# ## Predict: a base of 60 %
#
# A base was trained for 350 updates only, on ten paths per question, and answers about 60 % of its
# training questions, sampled. Policy gradient without KL ($\lambda = 0$) goes on for 800 updates.
# **What happens to the accuracy of sampled paths on held-out questions?**

# %% tags=["remove-cell"]
my_second_guess = 0.6

# %% tags=["hide-input"]
# made by: python -m planrl reproduce --only falsify
early = regime_rows.early_base()
ended = {name: float(values[:, -1].mean()) for name, (_, values) in early.items()}
start, rise = float(early[PG][1][:, 0].mean()), ended[PG]
sliders.ask(
    charts.range_figure(
        early, title="From a base of 60 %, sampled accuracy rises far, with SFT, too",
        x="updates", y="held-out accuracy, sampled",
        alt=f"Held-out accuracy, sampled, rises from {start:.2f}; at the end: "
        + ", ".join(f"{name} {value:.2f}" for name, value in ended.items()),
    ).update_layout(
        title_subtitle={"text": f"{regimes.GRAPHS['A']}; base of 350 updates; {len(early[PG][1])} seeds"}
    ),
    "Held-out accuracy, sampled, after 800 updates", guess=my_second_guess, low=0, high=1, step=0.01,
    hidden=[PG, SFT], answer=f"It rises from {start:.2f} to {rise:.2f} (mean of {len(early[PG][1])} seeds). "
    f"Continual SFT, with as many updates from the same base, ends at {ended[SFT]:.2f}.",
)  # fmt: skip

# %% tags=["remove-input"]
early_greedy = {
    name: values.mean(0)
    for name, (_, values) in regime_rows.early_base("test_greedy").items()
}
notebook.Told(
    f"Here continual SFT makes {(ended[SFT] - start) / (rise - start):.0%} of the gain of 800 updates. Greedily "
    f"policy gradient gains nothing ({float(early_greedy[PG][0]):.2f} before, {float(early_greedy[PG][-1]):.2f} after), "
    f"and continual SFT rises to {float(early_greedy[SFT][-1]):.2f} (held-out questions, mean of "
    f"{len(early[PG][1])} seeds). Other temperatures were not measured here."
)

# %% [markdown]
# So "does reward help?" has no answer without saying from which base, decoded how, and compared with what other training.
#
# ## What the reward did
#
# Let $R(u)$ be the *return* of a sampled path $u$, the sum of its rewards (not the table $R$): 1 if the path
# is correct, else 0. With $B$ paths in a batch, and $q(i, j)[k]$ the probability of the step from node
# $j$ to node $k$ when the target is $i$, the loss is
#
# $$ \ell = - \frac{1}{B} \sum_{u} R(u) \sum_{(i, j, k) \in u} \log q(i, j)[k], \tag{4.1} $$
#
# where the inner sum runs over the steps of the path, the one into END included.

# %%
notebook.Source(pr.policy_gradient)

# %% [markdown]
# (`kl` and `baseline` belong to the next two chapters.) A correct path counts as a training
# example; a wrong one is dropped.
#
# > **Theorem 4.1.** With returns of 0 and 1 and no KL penalty, policy gradient on a batch of sampled
# > paths *is* SFT on the correct ones among them, up to the number one divides by. *Multiply by 1 or by 0.*
#
# Here is a base of one path per question and 400 updates, and 200 of its paths. We compare the two gradients, weight
# by weight.

# %%
settings = DatasetSettings(nodes=100, paths_per_pair=1, seed=seed)
dataset = make_dataset(settings)
vocab, task = dataset.train.vocab, dataset.train
model = pr.Transformer(vocab, pr.TransformerConfig(), pr.seeded(seed, "weights"))
shown = pr.demonstrations(task, dataset.paths, rng=pr.seeded(seed, "batches"))
config = pr.TrainConfig(steps=400, lr=2e-3, weight_decay=0.1)
list(pr.train(model, shown, pr.sft, config))
before = pr.evaluate(model, dataset.test, rng=pr.seeded(seed, "probe"), samples=8)

# %% [markdown]
# *About 7 s on 2 cores.*


# %%
def slope(model, loss, given):
    value = loss(model(given.tokens[:, :-1]), given)
    gradients = torch.autograd.grad(value, list(model.parameters()))
    return torch.cat([gradient.flatten() for gradient in gradients])


batch = next(pr.on_policy(model, task, rng=pr.seeded(seed, "a batch"), size=200))
won = task.batch(batch.tokens[pr.is_path(dataset.graph, batch.tokens)])
share = won.chosen.sum() / len(batch.tokens)  # means over steps and over paths
by_sft = slope(model, pr.sft, won)
by_reward = slope(model, pr.policy_gradient, batch)

# %%
held = pr.check(
    "policy gradient has SFT's gradient on its own correct paths",
    predicted=share * by_sft,
    observed=by_reward,
    tolerance=1e-5,
)
evidence.Backing(held, claim="4.1-identity", code=pr.policy_gradient, formula="4.1")

# %% [markdown]
# So rewards of 0 and 1, without a baseline, add no new kind of learning. What they add is *data*: policy gradient
# samples anew at every update, and its correct paths are a training set that grows by itself. We count them over 300
# updates.


# %%
def counted(batches, found):
    for batch in batches:
        correct = batch.tokens[batch.reward.sum(1) > 0]
        found.update(vocab.show(correct))
        yield batch


# %%
learner, found = copy.deepcopy(model), set()
rollouts = pr.on_policy(learner, task, rng=pr.seeded(seed, "walks"))
config = pr.TrainConfig(steps=300, lr=5e-4)
list(pr.train(learner, counted(rollouts, found), pr.policy_gradient, config))
after = pr.evaluate(learner, dataset.test, rng=pr.seeded(seed, "probe"), samples=8)
fresh = found - set(vocab.show(dataset.paths))
share_new = len(fresh) / len(found)
print(f"{len(found):,} distinct correct paths, {share_new:.0%} of them new")
base_accuracy, accuracy = (x.accuracy.mean() for x in (before, after))
print(f"held-out accuracy: {base_accuracy:.2f}, then {accuracy:.2f}")

# %% [markdown]
# *About 9 s on 2 cores.*
#
# ## Why no wrong step is ever taught
#
# Take a table of logits $f(i, j)[k]$, and one context of it: a target $i$ and a current node $j$. Of
# the *correct* paths in the batch let $N_{ijk}$ steps go from $j$ to $k$, and $N_{ij}$ from $j$ in all.
# The gradient of (4.1) is
#
# $$ \frac{\partial \ell}{\partial f(i, j)[k]} = \frac{1}{B} \left( N_{ij} \, q(i, j)[k] - N_{ijk} \right). \tag{4.2} $$
#
# By hand: two paths lead from 0 to 3, over node 1 and over node 2. Of four sampled paths two take 1, one
# takes 2, and one jumps to 3 at once, which is wrong. At node 0 there are three correct steps, and each of
# the five tokens (four nodes and END) has probability 0.2: each is due $3 \cdot 0.2 = 0.6$ steps.

# %%
fork, table = pr.diamond(2), pr.LogitTable(pr.Vocab(4))
tokens = [[0, 3, 0, 1, 3, 4]] * 2 + [[0, 3, 0, 2, 3, 4], [0, 3, 0, 3, 4, 4]]
four = pr.all_pairs(fork).batch(torch.tensor(tokens))
gradient = slope(table, pr.policy_gradient, four).view(4, 4, 5)[3, 0]
print("gradient at 0, target 3:", [round(g, 3) for g in gradient.tolist()])
steps = torch.tensor([0.0, 2.0, 1.0, 0.0, 0.0])
by_hand = (steps.sum() * 0.2 - steps) / 4
print("(4.2):", [round(g, 3) for g in by_hand.tolist()])

# %% [markdown]
# Descent goes against the gradient: the logits of nodes 1 and 2 rise, all others fall, the wrong
# step to 3 as far as a node that nobody tried. A failed path has return 0, so it contributes
# no gradient; its steps become less likely only because the softmax normalises.
#
# > **Theorem 4.2.** For a step outside $C(i, j)$, the correct next nodes, the gradient is never negative.
# > So no plain gradient step on a table raises its *logit*. *A correct path holds no such step:
# > $N_{ijk} = 0$, and (4.2) is $N_{ij} \, q(i, j)[k] / B \geq 0$.*
#
# The check: a fresh table, and the 200 paths from above.

# %%
table = pr.LogitTable(vocab)
counts = pr.theory.step_counts(vocab, won.tokens)  # [target, current, next]
q = table.table.detach().softmax(-1)
expected = (counts.sum(-1, keepdim=True) * q - counts) / len(batch.tokens)
observed = slope(table, pr.policy_gradient, batch).view_as(expected)
print(pr.check("(4.2)", predicted=expected, observed=observed, tolerance=1e-6))

# %%
wrong = ~dataset.graph.correct & ~torch.eye(100, dtype=torch.bool)[:, :, None]
held = pr.check(
    "the gradient of a wrong step is never negative",
    predicted=0.0,
    observed=observed[..., :100][wrong].clamp(max=0),
    tolerance=0.0,
)
counting = pr.theory.step_counts
evidence.Backing(held, claim="4.2-sign", code=counting, formula="4.2")

# %% [markdown]
# The theorem is about *plain* gradient steps: AdamW, which trains our
# models, has momentum and a weight decay that pulls negative logits up towards 0. It is about a *table*: a
# Transformer shares its weights among contexts. And it is about *logits*: a wrong step's probability can
# rise for a while if other logits fall faster. Let two correct steps have probability 0.9 and 0.05, and a
# wrong one 0.05. A correct path takes the rare one, and we make a plain step of size 0.5:

# %%
was = torch.tensor([0.9, 0.05, 0.05])  # correct, correct, wrong
moved = 0.5 * (torch.tensor([0.0, 1.0, 0.0]) - was)  # against (4.2), one path
now = (was.log() + moved).softmax(0)
print("logits move by:", [round(x, 3) for x in moved.tolist()])
print("probabilities now:", [round(x, 3) for x in now.tolist()])

# %% [markdown]
# In the long run wrong logits fall wherever correct paths pass, so training accuracy *can reach* 1 in a
# table. We train one from scratch on every question of a small graph.

# %%
small = pr.all_pairs(pr.random_dag(10, 0.4, pr.seeded(seed, "small graph")))
student = pr.LogitTable(small.vocab)
rollouts = pr.on_policy(student, small, rng=pr.seeded(seed, "small walks"))
config = pr.TrainConfig(steps=800, lr=0.1)
list(pr.train(student, rollouts, pr.policy_gradient, config))
scores = pr.evaluate(student, small, rng=pr.seeded(seed, "probe"), samples=50)
reached = scores.accuracy.mean()
held = pr.check(
    "accuracy goes to 1", predicted=1.0, observed=reached, tolerance=0.02
)
evidence.Backing(held, claim="4.2-train", code=pr.policy_gradient)

# %% tags=["remove-input"]
notebook.QuickCheck(
    "None of the 64 paths of a batch is correct. What does policy gradient's update do?",
    {
        "It makes the steps of these paths less likely": "That would take a negative return. With 0 "
        "and 1 every term of (4.1) is zero here.",
        "Nothing at all": "Every return is 0, so loss and gradient are 0 (AdamW still moves by momentum "
        "and decay). Reward teaches only what the model does now and then: so one starts from SFT.",
        "It tries other steps": "Sampling tries other steps, at random. The update does not: its "
        "gradient is zero.",
    },
    right=["Nothing at all"],
)

# %% [markdown]
# ## Exercises
#
# > **Exercise 1.** *Easy, 5 minutes.* Write (4.2): from a context's counts `[V]` (how often the
# > correct paths took each token), its probabilities `q` `[V]` and the number of paths, return the
# > gradient of its logits. If it works, you see which tokens gain and which lose.


# %%
def my_gradient(counts, q, rollouts): ...


exercises.cell_gradient(my_gradient)

# %% [markdown]
# <details><summary>Hint</summary>
#
# How many visits has the context in all? Multiplied by `q`, that is what each token is due.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_gradient(counts, q, rollouts):
#     return (counts.sum() * q - counts) / rollouts
#
# exercises.cell_gradient(my_gradient)
# ```
#
# </details>
#
# > **Exercise 2.** *Easy, 8 minutes.* Turn SFT's loss into policy gradient's. Below is the mean
# > negative log-likelihood of the chosen steps; the batch has `tokens [B, L]`, `reward [B, T]` and `chosen [B, T]`. If it works,
# > your gradient is that of `pr.policy_gradient`.


# %%
def my_loss(logits, batch):
    logp = logits.log_softmax(-1)
    logp = logp.gather(-1, batch.tokens[:, 1:, None]).squeeze(-1)  # [B, T]
    return -logp[batch.chosen].mean()


exercises.own_successes(my_loss)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The return of a path is `batch.reward.sum(1, keepdim=True)`. (4.1) divides by the number of paths.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_loss(logits, batch):
#     logp = logits.log_softmax(-1)
#     logp = logp.gather(-1, batch.tokens[:, 1:, None]).squeeze(-1)
#     value = batch.reward.sum(1, keepdim=True)
#     return -(value * logp * batch.chosen).sum() / len(logp)
#
# exercises.own_successes(my_loss)
# ```
#
# </details>
#
# > **Exercise 3.** *Medium, 10 minutes.* Keep SFT's loss and change the *stream* instead. Your generator
# > gets batches of sampled paths and yields batches that hold only the correct ones:
# > `pr.Batch(chosen, reward, tokens)`. If it works, `pr.sft` trained on it does what policy gradient does.


# %%
def my_stream(batches):
    yield from batches


exercises.correct_paths(my_stream)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `correct = batch.reward.sum(1) > 0` indexes all three tensors. What if no path is correct?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_stream(batches):
#     for batch in batches:
#         correct = batch.reward.sum(1) > 0
#         if correct.any():
#             kept = batch.chosen[correct], batch.reward[correct], batch.tokens[correct]
#             yield pr.Batch(*kept)
#
# exercises.correct_paths(my_stream)
# ```
#
# </details>
#
# > **Exercise 4.** *Open.* Write the control: a generator that sets `batch.reward` to 0 for each correct path
# > that is not in `vocab.show(dataset.paths)`. Train a copy of `model` on it for 300 updates, and on
# > the full reward. How many updates does it take until the two differ by more than two seeds do?

# %% [markdown]
# ## Your numbers beside ours
#
# The *expected range* of each number contains 95 of 100 further seeds.

# %%
evidence.Numbers(
    "04_policy_gradient",
    {
        "accuracy held out, sampled, base": base_accuracy,
        "accuracy held out, sampled, policy gradient": accuracy,
        "% of its correct paths that were new": 100 * share_new,
        "distinct correct paths that were sampled": len(found),
    },
)

# %% [markdown]
# ## What we now know
#
# Policy gradient helps where sampling finds correct paths that no demonstration showed; from a base that ten paths
# per question have saturated, it raises only the accuracy of sampled paths, loses some greedily, and sampling the
# base at a lower temperature does better. Both figures also show a price: few distinct correct
# paths are left.
# **Where do the other answers go?** [Chapter 5](05_collapse.ipynb) follows one context to see.
#
# ## Further reading
#
# - [The paper](https://arxiv.org/abs/2509.22613), Section 4: Theorems 4.1 and 4.2, and Figure 2.
# - [Does RL incentivise reasoning beyond the base model?](https://arxiv.org/abs/2504.13837): the same
#   question for language models, with pass@k in the part of the temperature.
# - [SFT memorises, RL generalises](https://arxiv.org/abs/2501.17161): rules and images.
# - [RL's Razor](https://arxiv.org/abs/2509.04259): learning from one's own samples also forgets less.
