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
# # Which method should you choose?
#
# You have one project, one budget and one kind of feedback. This chapter leads through four decisions, puts
# the numbers of all methods beside each other, and ends with a chooser whose advice follows these numbers. It
# helps to have read [chapter 4](04_policy_gradient.ipynb) to [chapter 8](08_logits.ipynb). Reading takes 12 minutes,
# running everything half a minute.
#
# <details><summary>In one sentence</summary>
#
# First decode the base at a lower temperature; where that fails, explore by policy gradient if only whole
# answers can be checked, and on random graphs without cycles by Q-learning on logits if every step can be checked reliably.
#
# </details>

# %% tags=["hide-input"]
import copy
from statistics import mean

import torch

import planrl as pr
from planrl.experiments.algorithms import Algorithm
from planrl.experiments.datasets import DatasetSettings, make_dataset
from planrl.experiments.store import results
from planrl.experiments.streams import Setup
from planrl.figures import sliders
from planrl.figures.table import Table
from planrl.labs import lab
from planrl.objectives.advantages import centred
from planrl.teaching import decision, evidence, exercises, notebook, regime_tables
from planrl.teaching import regime_figures as regimes

notebook.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# Random graphs of 100 nodes; a base that imitates *one* demonstrated path per training pair. Each method trains
# on from this base for 2,000 updates. Every model is decoded at the temperature that suits it best. The
# base is then correct on about three quarters of the samples for held-out questions, policy gradient on
# nearly nine in ten.
#
# **And Q-learning with process reward?**

# %% tags=["remove-cell"]
my_guess = 0.8

# %% [markdown]
# ## Experiment
#
# Each line is a method, decoded at the temperatures 1 (large mark), 0.7, 0.5, 0.3 and 0.1; a faint line is a seed. *Paths*
# counts the distinct correct ones among 100 samples for a held-out question.

# %%
# made by: python -m planrl reproduce --only regimes
best = decision.best_accuracy()
own, others = (
    mean(best[name]["1 path per question"]) for name in (regimes.Q, regimes.OFF)
)

# %% tags=["hide-input"]
sliders.ask(
    regimes.decoding_curve(
        "B",
        list(decision.METHODS),
        "test",
        title="One demonstrated path per question",
    ),
    "Q-learning's held-out accuracy at its best temperature",
    guess=my_guess,
    low=0.7,
    high=1.0,
    step=0.01,
    hidden=[regimes.Q, regimes.OFF],
    answer=f"{own:.2f}, and {others:.2f} on rollouts of the base. The process reward tells it about every "
    "step, policy gradient hears only of whole paths.",
)

# %% tags=["remove-input"]
notebook.Download(
    [
        {"method": name, "setting": words, "result": number, "accuracy": value}
        for name, row in best.items()
        for words, values in row.items()
        for number, value in enumerate(values)
    ],
    "choosing.csv",
)

# %%
tables = [
    Table(decision.summary(words), caption=f"{words}: {decision.trained(words)}")
    for words in decision.SETTINGS
]
notebook.Folded("The numbers, once you have guessed", *tables)

# %% [markdown]
# In the tables the *best* temperature is chosen for each seed on the same held-out questions. Q-learning's rewards are times 10.

# %% [markdown]
# ## Four decisions
#
# **1. Does the base fail, or only its sampling?** Here the base with one path per question *fails*:
# at its best temperature it answers about three quarters of the held-out questions. The base with ten *answers*:
# more than nineteen in twenty, which is more than policy gradient reaches from it, with a KL penalty of 0.1 or
# without. Only with a penalty of 1 it is a little above its base at equal temperature, with as many paths ([chapter 6](06_kl.ipynb)).
# So measure the base greedily and at lower temperatures *before* you train, and
# compare every trained model with that.

# %% tags=["hide-input"]
regimes.decoding_curve(
    "A",
    list(decision.METHODS),
    "test",
    title=decision.where_the_base_answers(),
)

# %% [markdown]
# **2. What can you check?** Whole answers: policy gradient. Where the base fails it explores, and its gain remains
# at every temperature. Every step: Q-learning with process reward, which finds even edges that no demonstration contains
# ([chapter 8](08_logits.ipynb)), if the checks are reliable. Never Q-learning with the outcome reward alone
# ([chapter 7](07_reward.ipynb)).

# %% tags=["remove-input"]
notebook.Told(decision.gained())

# %% [markdown]
# *Loss or feedback?* The comparison changes three things at once: the loss, the checks of steps, and one random step in ten.
# So we gave policy gradient the checks, and took the random steps from Q-learning. Predictions came first
# ([claims](11_verdicts.ipynb) R-checks-help-pg, R-q-over-pg-same-checks, R-q-random-steps). With *process reward*
# every step is judged; each step of policy gradient then has the return of its whole path, or, *to go*, that from it on. Both
# have a baseline, the batch's mean.

# %%
Table(
    regime_tables.feedback_rows(),
    caption=f"Held-out questions. {regimes.condition('P')}; 2,000 updates of each method",
)

# %% tags=["hide-input"]
regimes.decoding_curve(
    "P",
    [
        name
        for name in regime_tables.FEEDBACK
        if not name.endswith("process reward")
    ],
    "test",
    title="Checks lift policy gradient's accuracy, not its number of paths",
)

# %% tags=["remove-input"]
notebook.Told(regime_tables.lead_explained())

# %% [markdown]
# So the baseline and the reward to go make up most of the lead in *accuracy* of Q-learning with random steps; whether the loss
# makes the rest is undecided. The lead in *paths* is the loss: values of all correct steps are pulled to one number, while policy
# gradient multiplies what it samples. Random steps add some of the edges that nobody showed, and cost accuracy here.
#
# **3. Do you need one answer or many?** On random graphs policy gradient without a baseline ends with about one path per
# question. With the baseline, from one demonstrated path, about two thirds of the base's are left at temperature 1 (table above); a KL
# penalty of $\lambda = 0.1$ leaves a little more and gives up about half of the gain ([chapter
# 6](06_kl.ipynb)). A lower temperature of the base costs paths, too.
# Q-learning has the most on these graphs.

# %% tags=["remove-input"]
notebook.Told(decision.sharpened())

# %% [markdown]
# **4. Whose paths do you have, and when do you stop?** On old paths policy gradient with process reward, without
# correction and baseline, did far worse in [chapter 8](08_logits.ipynb#whose-rollouts) (linear Transformer, one seed);
# with outcome reward it is SFT on the correct ones among them. Q-learning also learns from others' paths. In theory these must contain errors, whose cost is never learnt otherwise.

# %% tags=["remove-input"]
notebook.Told(decision.without_errors())

# %% [markdown]
# To stop policy gradient in time, watch the *entropy* of its choices on training questions beside greedy accuracy on
# held-out ones. Each line runs from the base to the large mark, the last update:

# %%
decision.stopping(title="Falling entropy pays only while greedy accuracy rises")

# %% [markdown]
# With one path per question entropy first *rises*: the model tries other paths. Then it falls, while greedy accuracy
# rises, until it is about as low as in the base. With ten paths entropy falls from the start, and greedy accuracy never
# rises. The rule: **stop when entropy falls and greedy held-out accuracy no longer rises**. What follows costs paths, and with ten
# paths accuracy, too.
#
# **On random digraphs with cycles** it is otherwise:

# %% tags=["hide-input"]
regimes.decoding_curve(
    "E",
    [regimes.BASE, regimes.SFT, regimes.PG, f"{regimes.PG} + KL 0.1", regimes.Q],
    "test",
    title="With cycles a small penalty keeps the paths (T = 1)",
)

# %% tags=["remove-input"]
notebook.Told(regime_tables.with_cycles())

# %% [markdown]
# On Blocksworld, from an unsaturated base, Q-learning needs a discount, and policy gradient is
# the most often correct when all are sampled at temperature 1 ([chapter 9](09_blocksworld.ipynb)).
#
# ## Your constraints
#
# Answer four questions, and read below what we would try first.

# %% tags=["remove-input"]
decision.Chooser()

# %% [markdown]
# The same as a function:

# %%
advice = decision.advise(
    base="fails", check="answers", diversity="yes", paths="own"
)
print(advice.method, advice.why, advice.claims, sep="\n")

# %% tags=["remove-input"]
notebook.QuickCheck(
    "Unit tests tell you whether a whole program is correct. Your model, sampled at temperature 1, solves half of "
    "the tasks. You want many different correct programs. What do you do first?",
    {
        "Q-learning with the tests as its only reward": "That is outcome reward: all values become "
        "equal, and accuracy goes to nothing.",
        "Policy gradient with a KL penalty to the base": "Perhaps later. It keeps more of the base's "
        "correct answers (in a table also their ratios), but first find out what the base can do.",
        "Measure the base at lower temperatures": "It costs no training, though a lower temperature costs "
        "distinct programs. If the base solves the tasks at one that leaves enough of them, you are done. If "
        "not, you know what training has to beat, in both.",
        "Policy gradient without a penalty, for longer": "The longer it runs, the fewer programs are "
        "left.",
    },
    right=["Measure the base at lower temperatures"],
)

# %% [markdown]
# ## Train them yourself
#
# Four learners train on a small graph from one base. (There, policy gradient can end below continual SFT on
# held-out pairs.)

# %% tags=["remove-input"]
lab("race")

# %% [markdown]
# ## Why they differ: one sum, other paths and weights
#
# Five methods have the same loss, apart from the paths in the sum and their weights. A batch holds $B$ paths $u$; $q$ is
# the model's policy, and step $m$ of a path goes from node $j_m$ to $k_m$ with target $i$:
#
# $$ \ell = - \frac{1}{B} \sum_u \sum_m w(u, m) \, \log q(i, j_m)[k_m]. \tag{10.1} $$
#
# | method | paths $u$ | weight $w$ |
# | --- | --- | --- |
# | SFT | demonstrated | 1 |
# | RFT, rejection fine-tuning | own, correct ones only | 1 |
# | policy gradient | own | the return $R(u)$: 1 if correct, else 0 |
# | with KL penalty | own | $R(u)$ minus $\lambda$ times the log-ratio to the base |
# | group-relative (Dr. GRPO) | own, several per question | $R(u)$ minus the mean return of its question |
#
# ([Chapter 12](12_objective.ipynb) compares GRPO, DeepSeekMath's group-relative policy gradient, and its
# family.) If all paths are correct, RFT and policy gradient go on: each update favours what happened to be sampled, and paths are
# lost. Group-relative weights are then 0, and nothing moves. Q-learning is another kind of loss
# ([chapter 7](07_reward.ipynb)): no probability stands in it, so it does not ask who sampled a step.

# %% tags=["remove-input"]
notebook.Source(centred)

# %% [markdown]
# By hand: a question has three correct first steps and one wrong one, all equally likely. Four paths were
# sampled: two took step 0, one took step 1, one took the wrong step 3. How does each weight move the logits? (A
# gradient step adds, for each path, its weight times "chosen minus probability".)

# %%
drawn, returns = torch.tensor([0, 0, 1, 3]), torch.tensor([1.0, 1.0, 1.0, 0.0])
towards = torch.nn.functional.one_hot(drawn, 4) - 0.25  # [path, step]
three = torch.ones(3)  # the returns of the three correct paths
weights = {"policy gradient": returns, "group-relative": returns - returns.mean()}
moved = {name: weight @ towards / 4 for name, weight in weights.items()}
moved["group-relative, correct ones"] = (three - three.mean()) @ towards[:3] / 3
for name, change in moved.items():
    print(f"{name:28}", [round(v, 3) + 0.0 for v in change.tolist()])

# %% [markdown]
# Both prefer step 0, which was sampled twice, to step 2, which is correct too and was not sampled: this is how
# paths are lost. Plain policy gradient pushes step 2 down as far as the wrong step; with the group's mean step 2 stays
# where it is. Of three correct paths the group-relative weights move nothing.
#
# ## A GRPO-like learner, live
#
# Thirty nodes, a small Transformer, one seed. An algorithm names its stream and its loss; the group-relative learner
# has policy gradient's stream and another loss.

# %%
dataset = make_dataset(DatasetSettings(nodes=30, edge_probability=0.25, seed=seed))
vocab, rng = dataset.train.vocab, pr.seeded(seed, "batches")
config = pr.TransformerConfig(width=48)
start = pr.Transformer(vocab, config, pr.seeded(seed, "weights"))
shown = pr.demonstrations(dataset.train, dataset.paths, rng=rng, size=64)
list(pr.train(start, shown, pr.sft, pr.TrainConfig(steps=300, lr=1e-3)))
print(len(dataset.train.pairs), "training questions")

# %%
race = {
    "continual SFT": Algorithm("sft"),
    "policy gradient": Algorithm("pg"),
    "group-relative": Algorithm("pg", loss="planrl.objectives:dr_grpo"),
    "policy gradient + KL": Algorithm("pg", kl=0.1),
    "Q-learning, process reward": Algorithm(
        "q", reward="process", reward_scale=10.0, epsilon=0.1
    ),
}

# %%
models = {}
for name, algorithm in race.items():
    models[name] = learner = copy.deepcopy(start)
    setup = Setup(dataset, learner, start, pr.seeded(seed, "walks"))
    rollouts, loss = algorithm.make_stream(setup), algorithm.make_loss()
    frozen = 0 if algorithm.reads_base else None
    config = pr.TrainConfig(steps=400, lr=1e-3, refresh=frozen)
    list(pr.train(learner, rollouts, loss, config))

# %% [markdown]
# *About 15 s on 2 cores.*

# %% tags=["hide-input"]
table = []
for name, algorithm in race.items():
    train, test = (
        pr.evaluate(
            models[name],
            part,
            rng=pr.seeded(seed, "probe"),
            sampler=algorithm.sampler(dataset),
            samples=50,
        )
        for part in (dataset.train, dataset.test)
    )
    table.append(
        {
            "learner": name,
            "diversity (50 samples)": float(train.diversity.mean()),
            "training, sampled": float(train.accuracy.mean()),
            "held out, sampled": float(test.accuracy.mean()),
            "held out, greedy": float(test.greedy.mean()),
        }
    )
live = {row["learner"]: row for row in table}
Table(table, caption=f"30 nodes, seed {seed}, 400 updates each")

# %% [markdown]
# Group-relative weights keep a little more than plain policy gradient (diversity 1.6 against 1.1, mean of five
# seeds). Perhaps it is only slower: with about two paths per question the weights are
# small.
#
# ## What it costs

# %%
# made by: python -m planrl reproduce --only costs
measured = results("costs")[0]["result"]["rows"]
size = {"nodes": 100, "batch": 256, "layers": 1, "width": 120, "length": 0}
took = {
    row["work"]: row["cpu_seconds"]
    for row in measured
    if all(row[key] == value for key, value in size.items())
}
ratio = took["policy-gradient step"] / took["sft step"]
print(f"a policy-gradient update costs {ratio:.1f} SFT updates of the same batch")

# %% [markdown]
# Do not carry the ratio over: here an answer has a handful of tokens. In a large model, sampling long answers can
# cost far more than the update; then old paths are worth most.
#
# **Limits.** All of this is a Transformer of one layer, graphs of 50 to 100 nodes, and answers that a program
# judges. The theorems ask for logits that depend on target and current node alone. Language has neither a graph
# that one can list nor a checker that never errs. Take the *directions* as hypotheses for your setting, and
# none of the numbers.
#
# ## Exercises
#
# > **Exercise 1.** *Easy, 6 minutes.* Which methods can be left out? Given points (accuracy, paths),
# > return the positions of those that no other point beats: none is at least as good in both and
# > better in one. If it works, five clouds of points agree.


# %%
def my_front(points): ...


exercises.front(my_front)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Point `(a, b)` is beaten if some other `(c, d)` has `c >= a` and `d >= b`. An equal point beats
# nobody.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_front(points):
#     def beaten(a, b):
#         return any(c >= a and d >= b and (c, d) != (a, b) for c, d in points)
#
#     return [number for number, point in enumerate(points) if not beaten(*point)]
#
# exercises.front(my_front)
# ```
#
# </details>
#
# > **Exercise 2.** *Medium, 10 minutes.* Turn policy gradient into RFT by changing its *stream*. The
# > function gets an endless stream of batches and yields batches of the correct paths alone. If it
# > works, `pr.sft` on your stream pulls in the same direction as policy gradient on the old one.


# %%
def my_sieve(batches): ...


exercises.sieve(my_sieve)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `batch.reward.sum(1) > 0` says which paths are correct. A `pr.Batch` is made of `chosen`, `reward` and
# `tokens`: take the same rows of each.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_sieve(batches):
#     for batch in batches:
#         keep = batch.reward.sum(1) > 0
#         yield pr.Batch(
#             chosen=batch.chosen[keep], reward=batch.reward[keep], tokens=batch.tokens[keep]
#         )
#
# exercises.sieve(my_sieve)
# ```
#
# </details>
#
# > **Exercise 3.** *Hard, 15 minutes.* Turn policy gradient into a group-relative one by changing its
# > *loss*: subtract from each path's return the mean return of the batch's paths with the same source and target.
# > If it works, the gradient agrees with `dr_grpo`, shown above.


# %%
def my_grouped(logits, batch): ...


exercises.grouped(my_grouped)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Tokens 0 and 1 of a row are its question. A table `same` of size $B \times B$, 1 where two rows
# have the same question, gives sums over groups: `same @ value`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_grouped(logits, batch):
#     logp = logits.log_softmax(-1).gather(-1, batch.tokens[:, 1:, None]).squeeze(-1)
#     question = batch.tokens[:, :2]
#     same = (question[:, None] == question).all(-1).float()
#     value = batch.reward.sum(1)
#     value = value - same @ value / same.sum(1)
#     return -(logp * value[:, None] * batch.chosen).sum() / len(logp)
#
# exercises.grouped(my_grouped)
# ```
#
# </details>
#
# > **Exercise 4.** *Open.* Let the race above go on for 2,000 updates, once with `dr_grpo` and once
# > with policy gradient. Where does the diversity settle? Then divide each group's advantages by their
# > standard deviation, as GRPO does, and compare.

# %% [markdown]
# ## Your numbers beside ours
#
# The *expected range* of each number contains 95 of 100 further seeds.

# %%
_, pg, grouped, penalised, q = live.values()
kept = "diversity (50 samples)"
numbers = {
    f"{kept}, policy gradient": pg[kept],
    f"{kept}, group-relative": grouped[kept],
    f"{kept}, policy gradient + KL": penalised[kept],
    f"{kept}, Q-learning": q[kept],
    "held-out accuracy, Q-learning": q["held out, sampled"],
}
evidence.Numbers("10_choosing", numbers, limits={"held-out": (0, 1)})

# %% [markdown]
# ## What we now know
#
# First decode the base at a lower temperature; where that fails, explore by policy gradient if only whole answers can
# be checked, and on random graphs without cycles by Q-learning on logits if every step can be checked reliably. **Which
# of the paper's claims hold?** [The next chapter](11_verdicts.ipynb) lists them all.
#
# ## Further reading
#
# - [The paper](https://arxiv.org/abs/2509.22613): its takeaways compare SFT, policy gradient and
#   Q-learning.
# - [DeepSeekMath](https://arxiv.org/abs/2402.03300): GRPO, the group-relative policy gradient that many now use.
# - [Does RL really incentivise reasoning capacity?](https://arxiv.org/abs/2504.13837): the loss of
#   distinct answers in large models, seen through pass@k.
# - [Let's verify step by step](https://arxiv.org/abs/2305.20050): process against outcome supervision for a
#   large model's reasoning.
# - [ShiQ](https://arxiv.org/abs/2505.11081): what it takes to read a language model's logits as
#   values.
