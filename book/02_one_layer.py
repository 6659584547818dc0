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
# # What can one layer hold?
#
# The paper's model has one layer with one attention head. It never sees the graph: what it knows of edges and
# paths is in its weights. This chapter trains such a model, takes one path through it step by step, and asks what
# the next step can depend on. You should have read [chapter 1](01_paths.ipynb): the tables $A$ and $R$, and the
# row `s t s ... t END`. Reading takes 12 minutes, running everything some 15 seconds.
#
# <details><summary>In one sentence</summary>
#
# Attention fetches the target, the feed-forward part combines it with the current node, and after 700 updates of SFT
# the next step depends on hardly anything else.
#
# </details>

# %% tags=["hide-input"]
from functools import partial

import torch

import planrl as pr
from planrl.experiments.datasets import DatasetSettings, make_dataset
from planrl.experiments.probes import adjusted, attention_by_position, explained
from planrl.figures import charts, sliders
from planrl.figures.table import Table
from planrl.labs import lab
from planrl.teaching import evidence, exercises, notebook, paper_tables
from planrl.teaching.logit_flow import Flow, logit_parts
from planrl.transformer.reference import plain

notebook.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# At each step the model reads the row so far: the source, the target, and the nodes of the path, of which the last is
# the *current node*. *Attention* gives each of these tokens a share; the shares sum to 1. Before training
# they are about equal.
#
# **What share goes to the target after training?**

# %% tags=["remove-cell"]
my_guess = 50

# %% [markdown]
# ## Experiment
#
# A graph of 40 nodes keeps the training short. The model imitates correct paths for three tenths of the questions.
# What this teaches is the subject of chapter 3; here we look inside.

# %%
settings = DatasetSettings(
    nodes=40, edge_probability=0.2, train_share=0.3, seed=seed
)
dataset = make_dataset(settings)
graph, vocab, n = dataset.graph, dataset.train.vocab, dataset.graph.n
size = pr.TransformerConfig(layers=1, heads=1, width=64)
print(f"{len(graph.edges)} edges, {len(dataset.paths)} rows to imitate")

# %% [markdown]
# We measure attention along correct paths of held-out questions, before training and after every 20 updates.

# %%
answers = pr.sample_paths(dataset.test, 1, pr.seeded(seed, "answers"))
model = pr.Transformer(vocab, size, pr.seeded(seed, "weights"))
before = attention_by_position(model, answers)
rng = pr.seeded(seed, "batches")
shown = pr.demonstrations(dataset.train, dataset.paths, rng=rng, size=64)
config = pr.TrainConfig(steps=600, lr=2e-3, weight_decay=0.1)
run = pr.train(model, shown, pr.sft, config)
evaluation = partial(attention_by_position, model, answers)
records = list(pr.probe(run, evaluation, every=20))
after = records[-1].measured

# %% [markdown]
# *About 3 s on 2 cores.*

# %% tags=["hide-input"]
steps, target = charts.track(records, "target")
steps, target = [0, *steps], 100 * torch.tensor([[before["target"], *target]])
figure = charts.range_figure(
    {"the target": (steps, target), "all other tokens": (steps, 100 - target)},
    title="Attention moves to the target: 40 nodes, one layer, one head, one seed",
    x="updates",
    y="share of attention, %",
    y_range=(0, 100),
    alt=f"The target's share of attention goes from {target[0, 0]:.0f} to {target[0, -1]:.0f} % "
    f"over {steps[-1]} updates; equal shares would be {100 * after['even']:.0f} %. One seed.",
)
figure.add_hline(y=100 * after["even"], line_dash="dot", line_color="#7F7F7F")
figure.add_annotation(
    x=1, xref="x domain", xanchor="right", y=100 * after["even"], yanchor="top",
    text="if all tokens got the same", showarrow=False,
)  # fmt: skip
sliders.ask(
    figure,
    "Percent of attention on the target, after training",
    guess=my_guess,
    low=0,
    high=100,
    step=1,
    unit="%",
    hidden=["the target", "all other tokens"],
    answer=f"It is {target[0, -1]:.0f} %, mean over all steps of held-out paths. The current node gets "
    f"{100 * after['current']:.0f} %.",
)

# %% tags=["remove-input"]
columns = {"updates": steps, "percent on the target": target[0].tolist()}
notebook.Download(
    [
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ],
    "attention.csv",
)

# %% [markdown]
# In the lab such a Transformer trains in this page, on a smaller graph. The matrix shows its probabilities of
# the next node.

# %% tags=["remove-input"]
lab("imitation", "model=transformer")

# %% [markdown]
# ## One path, step by step
#
# We take the longest of these paths. Choose a step: first you see the tokens that the model has read, each with its
# share of attention, then the six most probable next tokens.

# %%
path = answers[(answers != vocab.end).sum(1).argmax()]
flow = Flow(model, graph, path)
flow

# %% [markdown]
# A logit is a sum, read from left to right:
#
# - **node**: the embedding of the current node (its row of numbers) and that of its position. They are at this position
#   from the start, so they need no attention.
# - **+ attention**: what the head fetches. The current position sends out a *query*, each token read has a *key*, a
#   softmax of their products gives the shares, and the *values* of the tokens are summed with these shares.
# - **+ feed-forward**: what the feed-forward part computes from the sum of the first two.
#
# The three add up to the logit exactly, because the last layer norm divides all of them by one number. Softmax turns
# the logits of all tokens into probabilities. The column **A, R** says whether the next node is an edge away
# ($A[j, k]$) and whether the target can be reached from it ($R[i, k]$): a step is correct if both are 1.
#
# Two things can be seen. Attention adds little to the logits *directly*. It brings the target to the feed-forward part,
# and this part decides. And the last column, in which attention adds nothing, is the same for every target: the
# model then knows the edges of the current node, but not which of them lead to the target. Over the steps of two hundred held-out
# paths:


# %%
def probability(logits, where):  # [M, V], [M, N] -> mean over steps
    return float((logits.softmax(-1)[:, :n] * where).sum(-1).mean())


found = []
for row in answers[:200]:
    row = row[row != vocab.end]
    parts, i, at = logit_parts(model, row), row[1], row[2:-1]
    found.append((parts.logits[2:-1], parts.alone[2:-1],
                  graph.adjacency[at].float(), graph.correct[i, at].float()))  # fmt: skip
logits, alone, edges, correct = map(torch.cat, zip(*found, strict=True))

# %% tags=["remove-input"]
inside = {
    words: {
        "an edge": 100 * probability(one, edges),
        "a correct step": 100 * probability(one, correct),
    }
    for words, one in (("with attention", logits), ("without attention", alone))
}
charts.bars(
    inside,
    title="Without attention the model knows the edges, but not the target",
    x=f"probability of ({len(logits):,} steps of 200 held-out paths, one seed)",
    y="%",
    y_range=(0, 112),
    text=".0f",
    alt="; ".join(
        f"{words}: "
        + ", ".join(f"{name} {value:.0f} %" for name, value in row.items())
        for words, row in inside.items()
    ),
)

# %% [markdown]
# This is the whole model, in the version of planrl that is written to be read:

# %% tags=["remove-input"]
notebook.Source(plain)

# %% [markdown]
# ## What the next step can depend on
#
# If attention fetches the target alone, then the next logits can depend on the target $i$, on the current node $j$
# and on the position in the row. The nodes passed before play no part. The paper assumes that the position plays
# none either:
#
# > **Assumption 3.1.** After any row with target $i$ and current node $j$ the logits are one function of these two,
# >
# > $$ \mathrm{logits}(\text{s i s ... j}) = f(i, j), \tag{2.1} $$
# >
# > a number $f(i, j)[k]$ for each next token $k$.
#
# A pair $(i, j)$ is called a *context*. A model that satisfies (2.1) by construction is a table with a row of
# logits for each context. In planrl it is `LogitTable`, and all losses and samplers take it as they take a Transformer.
#
# How well does our Transformer satisfy the assumption? We collect rows that share target and current node, but not the
# nodes passed before: one group for each context. *Variance explained* is 1 minus the logits' variance
# within the groups divided by their variance over all rows: 1 if the nodes passed before play no part, 0 if the context does not
# matter. (Each variance is divided by its number of rows minus 1, so that groups made at random explain nothing.)

# %% tags=["remove-input"]
notebook.Source(adjusted)

# %%
told = explained(model, dataset, seed)
held = pr.check(
    "target and current node explain the logits",
    predicted=1.0,
    observed=told["explained_adjusted"],
    tolerance=0.1,
)
evidence.Backing(held, claim="A3.1-explained", code=explained, formula="2.1")

# %% [markdown]
# Nearly, then, and not exactly. Saved runs of the paper's size tell how far this goes, in deeper models and after
# more updates:

# %%
# made by: python -m planrl reproduce --only imitation
sizes = paper_tables.imitation_rows(["1x1", "1x4", "2x1", "4x1", "4x4"])
Table(sizes, caption="100 nodes, width 120, last layer; mean over seeds")

# %% [markdown]
# > **Finding.** The paper supports the assumption with attention maps of trained models of one and two layers. Ours
# > agree for one layer and one head: more than half of the attention is on the target (claim
# > [A3.1-attention](11_verdicts.ipynb), measured on graphs of 100 nodes). From two layers on the last layer attends to the target
# > less, and target and current node still explain nearly all. After some four times the updates, one layer begins to use what came before: the nodes passed, or how many.
#
# ## Two tables, added
#
# A logit table needs a row for each context. Far less is enough: one table for the current node, one for the
# target, and their sum. This book calls it the **linear Transformer**. With the true $A$ and $R$ of a graph without cycles, and
# a constant for END, it can plan:
#
# $$ f(i, j)[k] = A[j, k] + R[i, k], \qquad f(i, j)[\mathrm{END}] = 1.5. \tag{2.2} $$
#
# By hand, on the graph of chapter 1. The current node is 2, the target 7; edges lead to 3 and 4.

# %%
arrows = [(0, 1), (0, 2), (1, 3), (2, 3), (2, 4), (3, 5), (4, 6), (5, 7), (3, 7)]
small = pr.Graph(8, arrows)
for k in (3, 4, 5, 1):
    a, r = int(small.adjacency[2, k]), int(small.reachability[7, k])
    print(f"A[2, {k}] + R[7, {k}] = {a} + {r} = {a + r}")

# %% [markdown]
# Only the correct step has 2. An edge to a dead end has 1, and so has a node that leads to the target but is no
# edge away. END has 1.5, so it comes second to correct steps and before all others: a path along correct steps ends at
# its target.
#
# > **Check 2.1.** On a graph without cycles, the sum of two tables answers every question correctly. (The sum is
# > multiplied by 40, so that sampling takes the highest logit.)

# %%
two = pr.LinearTransformer(vocab)  # logits: current[j] + target[i]
with torch.no_grad():
    two.current[:, :n] = 40.0 * graph.adjacency
    two.target[:, :n] = 40.0 * graph.reachability
    two.current[:, n] = 40.0 * 1.5
everything = pr.all_pairs(graph)
scores = pr.evaluate(two, everything, rng=pr.seeded(seed, "two"), samples=20)
ones = torch.ones(len(everything.pairs))
print(pr.check("two tables", predicted=ones, observed=scores.accuracy, tolerance=0))

# %% [markdown]
# For a Transformer of one layer and one head, [ALPINE](https://arxiv.org/abs/2405.09220), the paper's predecessor,
# proves that there are weights that do it, if the width grows with the number of nodes. Whether training finds them
# is the question of the next chapters; [chapter 8](08_logits.ipynb) reads both tables from trained weights.
#
# ## A row for each context, or shared weights?
#
# In a logit table, training one context changes no other. A Transformer uses the same weights in all. We
# train a table on the same rows, and ask both models for the probability of correct steps: in contexts that the rows
# showed, and in the others.

# %%
table = pr.LogitTable(vocab)
all_rows = pr.demonstrations(dataset.train, dataset.paths, rng=rng, size=None)
list(pr.train(table, all_rows, pr.sft, pr.TrainConfig(steps=60, lr=0.5)))
contexts = graph.correct.any(-1)  # [target, current]: a path exists
optimum = pr.sft_optimum(dataset.train, dataset.paths)  # nan: never shown
known = contexts & ~optimum[..., 0].isnan()
known_mass, unknown_mass = {}, {}
for name, one in {"table": table, "Transformer": model}.items():
    mass = (pr.next_logits(one).softmax(-1)[..., :n] * graph.correct).sum(-1)
    known_mass[name] = float(mass[known].mean())
    unknown_mass[name] = float(mass[contexts & ~known].mean())

# %% tags=["remove-input"]
names = (
    f"shown ({int(known.sum()):,})",
    f"never shown ({int((contexts & ~known).sum()):,})",
)
charts.bars(
    {
        name: {names[0]: 100 * known_mass[name], names[1]: 100 * unknown_mass[name]}
        for name in known_mass
    },
    title="Shared weights know something of contexts that were never shown (40 nodes, one seed)",
    x="contexts (target, current node)",
    y="probability of a correct step, %",
    y_range=(0, 112),
    text=".0f",
    alt="Mean probability of correct steps: "
    + "; ".join(
        f"{name} {100 * known_mass[name]:.0f} % in contexts shown, "
        f"{100 * unknown_mass[name]:.0f} % in others"
        for name in known_mass
    ),
)

# %% [markdown]
# Where nothing was shown, the table is as it was before training. The Transformer combines what it learnt of the
# target in other rows with what it learnt of the current node in other rows. This is not yet planning: a planner would join edges, and
# so find out what can be reached although no row showed it.

# %% tags=["remove-input"]
notebook.QuickCheck(
    "A model satisfies Assumption 3.1. With target 9, one path came 0 → 3 → 5, "
    "another 1 → 5. How do its next steps differ?",
    {
        "Not at all": "The target is 9 and the current node is 5: the logits are f(9, 5) in either case.",
        "The longer path knows more": "No node passed before reaches the logits: attention fetches the "
        "target, and the rest is the current node itself.",
        "Only if the edges 3 → 5 and 1 → 5 were shown equally often": "That matters for how likely "
        "each path was to come to 5, not for what follows.",
    },
    right=["Not at all"],
)

# %% [markdown]
# ## Exercises
#
# > **Exercise 1.** *Easy, 4 minutes.* Compute the number of the main figure. The function gets
# > `attention [B, L, L]` (row, from, to) and `going [B, L]`, true at the positions that count, and returns
# > the mean share of the target. If it works, it agrees on six rows of random attention.


# %%
def my_share(attention, going): ...


exercises.attention_share(my_share)

# %% [markdown]
# <details><summary>Hint</summary>
#
# A row begins `s t s`, so the target is at position 1. `x[going]` keeps the positions that count, of all rows.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_share(attention, going):
#     return attention[:, :, 1][going].mean()
#
# exercises.attention_share(my_share)
# ```
#
# </details>
#
# > **Exercise 2.** *Medium, 8 minutes.* Fill a `LogitTable` so that it answers every question without
# > training. The function gets $A$ and $R$ as booleans and returns logits `[target, current, next]`; END is
# > the last next token. If it works, *sampled* paths are correct on three graphs.


# %%
def my_fill(adjacency, reachability): ...


exercises.fill(my_fill)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The correct next nodes are `adjacency[None] & reachability[:, None]`. At the target choose END. Logits of 1
# and 0 are not enough: a softmax over 13 tokens needs larger differences.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_fill(adjacency, reachability):
#     n = len(adjacency)
#     table = torch.zeros(n, n, n + 1)
#     table[:, :, :n] = 30.0 * (adjacency[None] & reachability[:, None])
#     table[torch.arange(n), torch.arange(n), n] = 30.0
#     return table
#
# exercises.fill(my_fill)
# ```
#
# </details>
#
# > **Exercise 3.** *Medium, 6 minutes.* How much does attention add to the lead of the correct choice? The
# > function gets `attended [V]`, the part of the logits that attention adds at one position, the whole
# > `logits [V]`, and `correct [V]`, true at the correct next tokens. It returns what attention adds to the
# > highest logit of a correct token minus the highest of a wrong one.


# %%
def my_lift(attended, logits, correct): ...


exercises.lift(my_lift)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Choose the two tokens by the whole logits: `logits.masked_fill(~correct, -torch.inf).argmax()` is one of them.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_lift(attended, logits, correct):
#     best = logits.masked_fill(~correct, -torch.inf).argmax()
#     rival = logits.masked_fill(correct, -torch.inf).argmax()
#     return attended[best] - attended[rival]
#
# exercises.lift(my_lift)
# ```
#
# </details>
#
# > **Exercise 4.** *Open.* In a new cell, train a model with `layers=2` on the same rows and follow
# > `attention_by_position`, which measures the last layer. If the target's share stays low, print
# > `plain(model, answers)[1][0]`, the first layer. Which layer fetches the target?

# %% [markdown]
# ## Your numbers beside ours
#
# The *expected range* of each number contains 95 of 100 further seeds.

# %%
evidence.Numbers(
    "02_one_layer",
    {
        "attention on the target": after["target"],
        "variance explained by target and node": told["explained_adjusted"],
        "correct in contexts never shown, Transformer": unknown_mass["Transformer"],
        "correct in contexts never shown, table": unknown_mass["table"],
    },
)

# %% [markdown]
# ## What we now know
#
# Attention fetches the target, the feed-forward part combines it with the current node, and after 700 updates of SFT
# the next step depends on hardly anything else. There is room in such a model for both tables, $A$ and $R$. Which of
# them does it learn from examples? **[Does imitation plan?](03_imitation.ipynb)**
#
# ## Further reading
#
# - [The paper](https://arxiv.org/abs/2509.22613), Section 3: Assumption 3.1, on which its theorems rest.
# - [ALPINE](https://arxiv.org/abs/2405.09220): the proof that one layer can suffice, and what training puts into its
#   weights.
# - [Deep sequence models tend to memorize geometrically](https://arxiv.org/abs/2510.26745): weights may
#   hold more of a graph than the pairs that were shown.
# - [Transformers struggle to learn to search](https://arxiv.org/abs/2412.04703): what deeper models do with
#   a graph that is given in the prompt.
