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
# # Does imitation plan?
#
# Show a model right answers to a fifth of all questions and train it to imitate them: supervised
# fine-tuning, SFT. Afterwards it answers questions it never saw. Has it learnt to plan, or does it
# replay what it saw? You should have read [chapter 1](01_paths.ipynb), the tables $A$ and $R$, and
# [chapter 2](02_one_layer.ipynb): logits that depend on target and node, and a read-out that shows what was
# demonstrated. Reading takes 14 minutes, running everything some 30 seconds: the model of the
# paper's size is trained here.

# %% tags=["hide-input"]
import torch

import planrl as pr
from planrl.experiments.datasets import DatasetSettings, make_dataset
from planrl.experiments.store import results
from planrl.figures import charts, sliders
from planrl.figures.scatter import scatter
from planrl.figures.table import Table
from planrl.teaching import evidence, exercises, notebook

notebook.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# After training, the model answers held-out questions. Some are easy: their source was *seen* on
# the way to that target, inside an answer to another question (degree 0). For others one edge leads
# from the source to such a node (degree 1), or it takes two edges or more (degree 2+): there, the
# model would have to join facts it saw apart. Only nodes *after* the source of an answer count as
# seen, as in ALPINE.
#
# **How often will it be right on questions of degree 2 and above**, when it draws its answer from
# its own probabilities? Many guess: about as often as on the rest.

# %% tags=["remove-cell"]
my_guess = 80

# %% [markdown]
# ## Experiment
#
# The paper's sizes: 100 nodes, edge probability 0.15, one fifth of the questions for training, ten
# random right answers to each. The model is the Transformer of chapter 2 at the paper's size: one layer,
# one head, width 120. It starts from random weights, so nothing is *fine*-tuned here; we keep the
# name that the paper uses for training on given answers.

# %%
dataset = make_dataset(DatasetSettings(nodes=100, seed=seed))
seen = pr.observed(dataset.train.vocab, dataset.paths)
print(len(dataset.graph.edges), "edges;", len(dataset.paths), "rows to imitate")
print(
    len(dataset.train.pairs),
    "training questions,",
    len(dataset.test.pairs),
    "held out",
)

# %% [markdown]
# An algorithm is a stream of batches and a loss. Here: the demonstrated rows, and `sft`.

# %%
vocab, rng = dataset.train.vocab, pr.seeded(seed, "batches")
model = pr.Transformer(vocab, pr.TransformerConfig(), pr.seeded(seed, "weights"))
shown = pr.demonstrations(dataset.train, dataset.paths, rng=rng, size=64)
config = pr.TrainConfig(steps=600, lr=1e-3, weight_decay=0.1)
run = list(pr.train(model, shown, pr.sft, config))
print(f"loss {run[0].loss:.2f} nats at first, {run[-1].loss:.2f} at last")

# %% [markdown]
# *About 6 s on 2 cores.*
#
# We ask every question 16 times, each token drawn by the model's probabilities (*sampled*), and once for
# the likeliest tokens (*greedy*), and sort the held-out questions by degree. A *temperature* divides
# the logits before the softmax makes probabilities of them; here it is 1, which changes nothing.

# %%
rng = pr.seeded(seed, "probe")
on_train = pr.evaluate(model, dataset.train, rng=rng, samples=16)
on_test = pr.evaluate(model, dataset.test, rng=rng, samples=16)
degree = pr.degrees(dataset.test, seen).clamp(max=2)
by_degree = on_test.by(degree)

# %% tags=["hide-input"]
names = ["0: source seen", "1: one edge away", "2+: further"]
percent = {
    kind: {"training": 100 * float(getattr(on_train, key).mean())}
    | {name: 100 * by_degree[d][key] for d, name in enumerate(names)}
    for kind, key in (("sampled, T = 1", "accuracy"), ("greedy", "greedy"))
}
sampled = [by_degree[d]["accuracy"] for d in range(3)]
assert sampled[0] > sampled[1] > sampled[2] + 0.1, (
    "the title says: the further, the worse"
)
assert by_degree[2]["greedy"] > 0.5 > by_degree[2]["accuracy"], "so says the end"
counts = " / ".join(str(by_degree[d]["pairs"]) for d in range(3))
figure = charts.bars(
    percent,
    title="The further from what was seen, the less it is right",
    x=f"held-out questions by degree ({counts} of them)",
    y="% right",
    y_range=(0, 112),
    text=".0f",
    height=420,
    alt="Percent right on training questions and on held-out ones of degree 0, 1, 2+, sampled: "
    + ", ".join(f"{v:.0f}" for v in percent["sampled, T = 1"].values())
    + "; greedy: "
    + ", ".join(f"{v:.0f}" for v in percent["greedy"].values()),
)
sliders.ask(
    figure,
    "Percent right on questions of degree 2+, sampled",
    guess=my_guess,
    low=0,
    high=100,
    step=1,
    unit="%",
    hidden=list(percent),
    answer=f"Sampled, it is right on {100 * sampled[2]:.0f} % of them, and on "
    f"{100 * sampled[0]:.0f} % of those whose source it has seen on the way to the target.",
)

# %% tags=["hide-input"]
notebook.Download(
    [
        {
            "questions": position,
            **{kind: round(v[position], 2) for kind, v in percent.items()},
        }
        for position in percent["greedy"]
    ],
    "degrees.csv",
)

# %% [markdown]
# One seed, 16 sampled answers for each question, one greedy answer for each. Greedy answers are
# better throughout, and few questions are of degree 2+ (the axis counts them). The most likely step is often right even where the probabilities are blurred.
# Sampling shows what the model *believes*. Both are given everywhere in this book, as they
# tell different stories. In the lab, train SFT yourself and compare, in one cell (a target and a node),
# what was shown with what the model says.

# %% tags=["hide-input"]
from planrl.labs import lab

lab("imitation")

# %% [markdown]
# > **Check 3.1.** The order of the degrees is the order of the accuracies.

# %%
held = pr.check(
    "the further from what was shown, the worse",
    predicted=torch.tensor([0, 1, 2]),
    observed=torch.tensor(sampled).argsort(descending=True),
    tolerance=0,
)
evidence.Backing(held, claim="3.1-degrees", code=pr.degrees)

# %% tags=["hide-input"]
Table(
    [
        {"questions": name, **scores.summary()}
        for name, scores in (("training", on_train), ("held out", on_test))
    ],
    caption=f"seed {seed}; accuracy and diversity from 16 samples a question",
)

# %% [markdown]
# *Diversity* counts the different right answers among the 16 samples of a question, *coverage* divides it by all right
# answers there are, and *entropy* is how undecided the model is at a step, in nats (0: sure). Each is a
# mean over questions or steps.
#
# It has also learnt to stop. The scores above do not count this, since END is written for the model at
# its target. In the demonstrated rows END follows the target; how likely does the model find END there?

# %%
steps = dataset.paths[:, :-1]
at_target = (steps == steps[:, 1:2]) & vocab.chosen(dataset.paths)
with torch.no_grad():
    says_end = model(steps).softmax(-1)[at_target][:, vocab.end].mean()
print(f"probability of END at the target: {says_end:.4f}")
assert says_end > 0.98, "the text says: it has learnt to stop"

# %% [markdown]
# ## Seen often, seen rarely
#
# Chapter 2 read a map of the edges from the weights: the read-out, one number for each pair of nodes.
# Here we set it against how often each edge was walked in the demonstrations.

# %%
readout = model.readout().adjacency
found = pr.recovery(model, dataset.graph)
print(f"AUC of the adjacency read-out: {found.adjacency_auc:.3f}")
edge_use = pr.edge_use(dataset.graph, dataset.paths) * len(dataset.paths)
edge = dataset.graph.adjacency & (edge_use > 0)
rare = torch.stack([edge_use[edge].log(), readout[edge]]).corrcoef()[0, 1]
print(f"correlation of read-out and log of the number of paths: {rare:.2f}")

# %% tags=["hide-input"]
assert rare > 0.5, "the title says: pale"
never = dataset.graph.adjacency & (edge_use == 0)
no_edge = ~dataset.graph.adjacency & ~torch.eye(dataset.graph.n, dtype=torch.bool)
assert never.sum() > 20
assert (
    readout[never].mean() < readout[no_edge].mean() + 1 < readout[edge].mean() - 1
)
figure = scatter(
    {
        "edges": (edge_use[edge], readout[edge]),
        "edges in no path": (
            torch.full((int(never.sum()),), 0.5),
            readout[never],
        ),
    },
    title="An edge in few demonstrations has a small read-out",
    x="demonstrated paths over the edge",
    y="read-out of the edge",
    alt="Read-out of each edge against its number of demonstrated paths, rising from about that of no edge "
    f"at all; correlation with the log {rare:.2f}",
)
figure.update_xaxes(
    type="log",
    tickvals=[0.5, 1, 3, 10, 30, 100, 300],
    ticktext=["none", "1", "3", "10", "30", "100", "300"],
)

# %% [markdown]
# An edge that no demonstration used reads like a pair that is no edge. So the model does not know edges. It
# knows *what it saw how often*. Does it also invent edges? In the saved runs we count the pairs that
# are no edge and still read higher than half of the true edges do:

# %% tags=["hide-input"]
# made by: python -m planrl reproduce --only imitation
ends = [
    {key: values[-1] for key, values in page["result"]["learners"]["SFT"].items()}
    for page in results("imitation", of="1x1")
]
spurious = [100 * end["spurious_edges"] for end in ends]
assert max(spurious) < 0.5, "the finding says: hardly any"
print(f"of all pairs that are no edge, above the median edge: {sum(spurious) / len(spurious):.2f} %, "
      f"mean of {len(spurious)} seeds")  # fmt: skip

# %% [markdown]
# > **Finding.** The paper's Figure 1, as others describe it (we have not seen it), shows Blocksworld after
# > SFT, with edges that do not exist beside those that do. On our random graphs of 100 nodes hardly any
# > pair that is no edge is rated above the median edge: what we find are holes rather than phantoms. It
# > is another graph, so the two need not contradict each other.

# %% [markdown]
# ## What SFT converges to
#
# The loss is the mean surprise (in nats: natural logarithms) at the demonstrated steps. With $q = \mathrm{softmax}(f)$,
#
# $$ \ell_{\mathrm{SFT}} = - \operatorname{mean}_m \log q(i_m, j_m)[k_m], \tag{3.1} $$
#
# where step $m$ of the data goes from node $j_m$ to $k_m$ on the way to target $i_m$. In planrl:

# %% tags=["hide-input"]
notebook.Source(pr.sft)

# %% [markdown]
# Suppose that the logits depend only on the target $i$ and the node $j$ one stands at
# (**Assumption 3.1**): a table $f(i, j)[k]$. Let $N_{ijk}$ be how often the data step from $j$ to $k$
# on the way to $i$, the step into END included.
#
# > **Theorem 3.1.** Where there are data, SFT's loss is least exactly at the demonstrated frequencies,
# >
# > $$ \operatorname{softmax} f(i, j)[k] = \frac{N_{ijk}}{\sum_{k'} N_{ijk'}}, \tag{3.2} $$
# >
# > and where there are none, the data say nothing at all. *For surprise, averaged over given frequencies, is
# > least for the probabilities that equal them.*
#
# A frequency of 0 is reached only in the limit: its logit falls for ever. We train such a table on the
# graph's rows, all of them at every update (the code's `steps` counts updates), and compare. The theorem
# is about tables; the Transformer shares its weights among cells and need not obey.

# %%
from_theory = pr.sft_optimum(
    dataset.train, dataset.paths
)  # [target, current, next]
table = pr.LogitTable(vocab)
everything = pr.demonstrations(dataset.train, dataset.paths, rng=rng, size=None)
for steps, lr in ((40, 0.5), (20, 0.05)):
    list(pr.train(table, everything, pr.sft, pr.TrainConfig(steps=steps, lr=lr)))
learnt = table.table.detach().softmax(-1)

# %% [markdown]
# *About 4 s on 2 cores.*

# %%
held = pr.check(
    "SFT of a table ends at how often each step was shown",
    predicted=from_theory,  # nan, and left out, where there are no data
    observed=learnt,
    tolerance=0.02,
)
evidence.Backing(held, claim="3.1-table", code=pr.sft_optimum, formula="3.2")

# %%
shown_steps = from_theory > 0
in_transformer = pr.next_logits(model).softmax(-1)
pairs = torch.stack([from_theory[shown_steps], in_transformer[shown_steps]])
correlation = float(pairs.corrcoef()[0, 1])
print(f"correlation of probability and frequency, Transformer: {correlation:.2f}")

# %% tags=["hide-input"]
assert 0.2 < correlation < 0.98, "the title says: related, but blurred"
scatter(
    {
        "table": (from_theory[shown_steps], learnt[shown_steps]),
        "Transformer": (from_theory[shown_steps], in_transformer[shown_steps]),
    },
    title="The table repeats the frequencies, the Transformer blurs them",
    x="frequency in the data (steps that were shown)",
    y="learnt probability",
    diagonal=True,
    alt="Learnt probability against demonstrated frequency: the table's points lie on the diagonal, "
    "the Transformer's scatter widely around it",
)

# %% [markdown]
# "Blurs" and [chapter 11](11_verdicts.ipynb)'s claim that a Transformer *follows* the frequencies are about
# different numbers. The claim is measured after 3,000 updates instead of 600, in cells that were shown at
# least ten times, and over all next tokens, most of which have frequency 0 and get hardly any
# probability. Here every step that was shown counts, and no other.
#
# ## By hand: a → b, b → c, and never a to c
#
# The smallest graph on which planning means joining two facts has three nodes, 0 → 1 → 2. We show a
# table how to go from 0 to 1 and from 1 to 2, and ask for the way from 0 to 2.

# %%
line = pr.chain(3)
lessons = torch.tensor([[0, 1, 0, 1, 3, 3], [1, 2, 1, 2, 3, 3]])  # END = 3
student = pr.LogitTable(pr.Vocab(3))
taught = pr.demonstrations(pr.all_pairs(line), lessons, rng=rng, size=None)
list(pr.train(student, taught, pr.sft, pr.TrainConfig(steps=300, lr=0.1)))
policy = student.table.detach().softmax(-1)
for target in (1, 2):
    print(
        f"at 0, on the way to {target}:",
        [round(p, 3) for p in policy[target, 0].tolist()],
    )

# %%
held = pr.check(
    "nothing was learnt in the context (target 2, current node 0)",
    predicted=torch.full((4,), 0.25),
    observed=policy[2, 0],
    tolerance=1e-6,
)
evidence.Backing(held, claim="3.1-transitivity", code=pr.sft)

# %% [markdown]
# A table begins with all logits 0. The cell (2, 0) never occurs in the data, so its gradient is zero at
# every update: all four tokens keep probability 1/4. The two facts that imply the answer were both learnt, and nothing joins
# them. **SFT does not learn transitivity.** Of a table this is proved. A Transformer's shared weights soften
# it (that is why degree 2 is not hopeless above), but nothing in the loss asks for it.

# %% tags=["hide-input"]
notebook.QuickCheck(
    "Which would help SFT most on held-out questions of degree 2?",
    {
        "More updates on the same rows": "They bring the frequencies nearer, but say nothing of "
        "targets and nodes that never met in these rows.",
        "Rows that visit those sources on the way to those targets": "That turns degree 2 into "
        "degree 0: SFT knows what it has seen. Chapter 4 lets the model make such rows itself.",
        "The list of all edges, as one-step rows": "They fill in A, but each such row is about one "
        "target, its own end: the cells of other targets stay empty.",
    },
    right=["Rows that visit those sources on the way to those targets"],
)

# %% [markdown]
# ## Exercises
#
# > **Exercise 1.** *Medium, 6 minutes.* Compute what SFT ends at from the rows themselves: the function
# > gets rows `[M, L]`, a target, a node `here` and the vocabulary's size, and returns that many
# > probabilities. If it works, it agrees in every cell that the rows of a small graph show.


# %%
def my_shares(rows, target, current, size): ...


exercises.frequencies(my_shares)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Token 1 of a row is its target. The path starts at token 2, so the steps are `rows[:, 2:-1]` to
# `rows[:, 3:]`. `bincount(minlength=size)` counts.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_shares(rows, target, current, size):
#     rows = rows[rows[:, 1] == target]
#     next_node = rows[:, 3:][rows[:, 2:-1] == current]
#     counts = next_node.bincount(minlength=size)
#     return counts / counts.sum()
#
# exercises.frequencies(my_shares)
# ```
#
# </details>
#
# > **Exercise 2.** *Easy, 3 minutes.* Add walks to the lessons of the three-node table so that it can go
# > from 0 to 2. A walk is a list of nodes, for example `[0, 1]`. Which is the shortest list that
# > works? If it does, nearly every sampled answer from 0 to 2 is right.

# %%
my_paths = ...

exercises.teach(my_paths)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Repeating an edge teaches nothing about the *target* 2 at node 0. What would?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# my_paths = [[0, 1, 2]]
# exercises.teach(my_paths)
# ```
#
# </details>
#
# > **Exercise 3.** *Medium, 6 minutes.* Change the stream, not the loss: every piece of a right answer is
# > itself a right answer, to another question. The function gets a path as a list of nodes and returns all
# > its pieces of two nodes or more, the whole path among them. If it works, a table that is shown the
# > pieces, too, is right on many more questions that were held out.


# %%
def my_pieces(path): ...


exercises.pieces(my_pieces)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `path[a:b]` for every beginning `a` and every end `b`. Cutting at the beginning keeps the target;
# what does cutting at the end bring?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_pieces(path):
#     size = len(path)
#     return [path[a:b] for a in range(size) for b in range(a + 2, size + 1)]
#
# exercises.pieces(my_pieces)
# ```
#
# </details>
#
# > **Exercise 4.** *Open.* In a new cell, make a world with `train_share=0.5` and count its degrees:
# > degree 2 all but disappears. Train on it. Has the model become a better planner, or the test
# > easier?

# %% [markdown]
# ## Your numbers beside ours
#
# The expected range contains 95 of 100 further seeds.

# %%
evidence.Numbers(
    "03_imitation",
    {
        "right at degree 0, sampled": sampled[0],
        "right at degree 1, sampled": sampled[1],
        "right at degree 2+, sampled": sampled[2],
        "right on held-out questions, greedy": float(on_test.greedy.mean()),
        "correlation of read-out and log paths": float(rare),
        "correlation of probability and frequency": correlation,
    },
)

# %% [markdown]
# ## What we now know
#
# SFT of a table ends at the frequencies of the steps it was shown, and the data say nothing about a target and a
# node that never met in them. A Transformer's shared weights carry it further, and less far
# the further a question is from what was shown: greedily it is right on most questions even of degree
# 2+, sampled on far fewer. Next, nobody shows it anything: it walks by itself and is
# told only whether it arrived. **Why does reward help?**
#
# ## Further reading
#
# - [The paper](https://arxiv.org/abs/2509.22613), Section 3: Theorem 3.1 and why SFT does not learn
#   transitivity.
# - [ALPINE](https://arxiv.org/abs/2405.09220): the read-out of adjacency and reachability, degrees,
#   and the same limits measured on larger graphs.
# - [The pitfalls of next-token prediction](https://arxiv.org/abs/2403.06963): another graph on which
#   imitation fails, for another reason.
