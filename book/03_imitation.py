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
# Supervised fine-tuning, SFT, shows a model correct paths for a fifth of all questions and trains it to
# imitate them. Afterwards the model also answers questions that it never saw. Has it learnt to plan, or
# does it replay what it saw? You should have read [chapter 1](01_paths.ipynb), with the tables $A$ and
# $R$, and [chapter 2](02_one_layer.ipynb): logits that depend on target and current node. Reading takes
# 13 minutes, running everything some 30 seconds.
#
# <details><summary>In one sentence</summary>
#
# SFT learns which steps were demonstrated for which target, and how often; so the further a question is from the
# demonstrations, the less often the model answers it correctly, and on a random graph an edge that no demonstration
# takes stays unknown.
#
# </details>

# %% tags=["hide-input"]
import torch

import planrl as pr
from planrl.experiments.datasets import DatasetSettings, make_dataset
from planrl.experiments.probes import imitation_distance
from planrl.figures import sliders
from planrl.figures.scatter import scatter
from planrl.figures.table import Table
from planrl.labs import lab
from planrl.teaching import evidence, exercises, notebook
from planrl.teaching import regime_figures as regimes
from planrl.teaching.regime_figures import BASE, Q

notebook.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# Questions can be sorted by their *degree*, which compares them with the demonstrations. Degree 0: the
# source was seen on a demonstrated path to the same target, after the first node of that path (as in the
# earlier paper ALPINE, from which the measure comes). Degree 1: one edge leads from the source to such a
# node. Degree 2+: it takes two edges or more, so the model has to join steps that were never shown together.
#
# A Transformer was trained on *one* demonstrated path for each training question. It samples a correct path for
# about 95 % of the training questions, and its most likely path is correct for all of them.
#
# **How often does it sample a correct path for held-out questions of degree 2 and above?**

# %% tags=["remove-cell"]
my_guess = 80

# %% tags=["hide-input"]
# made by: python -m planrl reproduce --only regimes
title = (
    "SFT's signature: nearly perfect on training questions, poor on held-out ones"
)
asked = regimes.degree_values("B", BASE, "accuracy")
percent = {name: 100 * sum(values) / len(values) for name, values in asked.items()}
sliders.ask(
    regimes.signature(title=title),
    "Percent correct on held-out questions of degree 2+, sampled",
    guess=my_guess, low=0, high=100, step=1, unit="%", hidden=list(regimes.HOW),
    answer=f"Sampled, {percent['degree 2+']:.0f} % are correct at degree 2+, {percent['degree 1']:.0f} % "
    f"at degree 1 and {percent['degree 0']:.0f} % at degree 0.",
)  # fmt: skip

# %% [markdown]
# Means and 95 % intervals. A *sampled* path draws each token from the model's
# probabilities (temperature 1); a *greedy* one takes the most likely token. The gap between training and
# held-out questions is how you recognise a model that was trained by SFT alone.
#
# ## Train one
#
# The paper's sizes: 100 nodes, edge probability 0.15, a fifth of the questions for training, and now ten random
# correct paths for each instead of one. The model is the Transformer of chapter 2: one layer, one head, width 120. It
# starts from random weights, so nothing is *fine*-tuned; we keep the paper's name.

# %%
dataset = make_dataset(DatasetSettings(nodes=100, seed=seed))
seen = pr.observed(dataset.train.vocab, dataset.paths)
vocab, rng = dataset.train.vocab, pr.seeded(seed, "batches")
model = pr.Transformer(vocab, pr.TransformerConfig(), pr.seeded(seed, "weights"))
shown = pr.demonstrations(dataset.train, dataset.paths, rng=rng, size=64)
config = pr.TrainConfig(steps=600, lr=1e-3, weight_decay=0.1)
run = list(pr.train(model, shown, pr.sft, config))
print(f"loss {run[0].loss:.2f} nats at first, {run[-1].loss:.2f} at last")

# %% [markdown]
# *About 6 s on 2 cores.*
#
# We sample 16 paths for each held-out question and sort the questions by degree. For comparison: how
# often would a model arrive that knows the edges and nothing else? From each node it takes any edge with
# the same probability. On a graph without cycles that is one matrix inverse.

# %%
rng = pr.seeded(seed, "probe")
on_train = pr.evaluate(model, dataset.train, rng=rng, samples=16)
on_test = pr.evaluate(model, dataset.test, rng=rng, samples=16)
degree = pr.degrees(dataset.test, seen).clamp(max=2)
by_degree = on_test.by(degree)
edges = dataset.graph.adjacency.float()
steps = edges / edges.sum(1, keepdim=True).clamp(min=1)
arrives = torch.linalg.inv(torch.eye(100) - steps)  # [source, target]
source, target = dataset.test.pairs.T
edges_only = [float(arrives[source, target][degree == d].mean()) for d in range(3)]

# %%
sampled = [by_degree[d]["accuracy"] for d in range(3)]
Table(
    [
        {"degree": ["0", "1", "2+"][d], "questions": by_degree[d]["pairs"],
         "correct, sampled": sampled[d], "correct, greedy": by_degree[d]["greedy"],
         "knows the edges only": edges_only[d]}
        for d in range(3)
    ],
    caption=f"Held-out questions, share correct; seed {seed}, 16 samples per question",
)  # fmt: skip

# %% [markdown]
# Even at degree 2+ the Transformer is far better than knowing the edges only: its weights also say which nodes
# lead to which target. Greedy answers are better throughout, as the most likely step is often
# correct where the probabilities are blurred.
#
# > **Check 3.1.** The order of the degrees is the order of the accuracies.

# %%
held = pr.check(
    "the further from what was shown, the less often correct",
    predicted=torch.tensor([0, 1, 2]),
    observed=torch.tensor(sampled).argsort(descending=True),
    tolerance=0.0,
)
evidence.Backing(held, claim="3.1-degrees", code=pr.degrees)

# %% [markdown]
# In the lab, train SFT yourself, and compare in one context (a target and a current node) what was shown
# with the model's probabilities.

# %%
lab("imitation")

# %% [markdown]
# ## What SFT converges to
#
# The loss is the mean negative log-likelihood of the demonstrated steps, in nats. With
# $q = \mathrm{softmax}(f)$,
#
# $$ \ell_{\mathrm{SFT}} = - \operatorname{mean}_m \log q(i_m, j_m)[k_m], \tag{3.1} $$
#
# where step $m$ of the data goes from node $j_m$ to $k_m$ and its path ends at target $i_m$.

# %%
notebook.Source(pr.sft)

# %% [markdown]
# Suppose that the logits depend only on the target $i$ and the current node $j$ (**Assumption 3.1**): a
# table $f(i, j)[k]$. Let $N_{ijk}$ be how often the data step from $j$ to $k$ with target $i$, the step
# into END included.
#
# > **Theorem 3.1.** Where there are data, SFT's loss is smallest exactly at the demonstrated frequencies,
# >
# > $$ \operatorname{softmax} f(i, j)[k] = \frac{N_{ijk}}{\sum_{k'} N_{ijk'}}, \tag{3.2} $$
# >
# > and where there are none, the data say nothing. *The cross-entropy with given frequencies is smallest
# > for the probabilities that equal them.*
#
# We train a table on all rows at every update, and compare.

# %%
from_theory = pr.sft_optimum(
    dataset.train, dataset.paths
)  # [target, current, next]
table = pr.LogitTable(vocab)
everything = pr.demonstrations(dataset.train, dataset.paths, rng=rng, size=None)
for updates, lr in ((40, 0.5), (20, 0.05)):
    list(pr.train(table, everything, pr.sft, pr.TrainConfig(steps=updates, lr=lr)))
learnt = table.table.detach().softmax(-1)

# %% [markdown]
# *About 4 s on 2 cores.*

# %%
held = pr.check(
    "SFT of a table converges to how often each step was shown",
    predicted=from_theory, observed=learnt, tolerance=0.02,  # contexts without data: nan, left out
)  # fmt: skip
evidence.Backing(held, claim="3.1-table", code=pr.sft_optimum, formula="3.2")

# %% [markdown]
# ## Does the Transformer memorise frequencies?
#
# A Transformer shares its weights among contexts and need not obey. A natural test correlates
# its probabilities with the demonstrated shares. That test is empty: the *uniform policy on the
# correct next nodes*, $U_C$, knows no frequency and passes it better. The informative number is what is
# left after $U_C$ is subtracted from both.

# %%
counts = pr.theory.step_counts(vocab, dataset.paths)  # [target, current, next]
often = (counts.sum(-1) >= 10) & ~torch.eye(100, dtype=torch.bool)
shares = (counts[often] / counts[often].sum(-1, keepdim=True))[:, :100]
logits = pr.next_logits(model)
probs = logits[often].softmax(-1)[:, :100]
uniform = dataset.graph.correct[often].float()
uniform /= uniform.sum(-1, keepdim=True)
for name, policy in (("Transformer", probs), ("uniform", uniform)):
    r = torch.stack([policy.flatten(), shares.flatten()]).corrcoef()[0, 1]
    print(f"correlation of {name} with the shares: {r:.3f}")
beyond = imitation_distance(dataset, logits)["beyond_uniform"]
print(f"beyond uniform: {beyond:.2f}")

# %% tags=["remove-input"]
imitated = [page["end"]["imitation"] for page in regimes.measured("A", BASE)]
saturated = {key: [one[key] for one in imitated] for key in imitated[0]}
notebook.Told(
    "With ten paths per question and 5,000 updates the correlation beyond the uniform policy is "
    f"{regimes.told(saturated['beyond_uniform'], 2)}: the Transformer does memorise frequencies. But it departs "
    "from the uniform policy in part towards the demonstrated shares and in part elsewhere, so in the end it is no "
    "nearer to them. Its mean total variation distance (half the summed absolute differences of the probabilities) to the shares is "
    f"{regimes.told(saturated['to_shares'])}, that of the uniform policy "
    f"{regimes.told(saturated['uniform_to_shares'])} (claims R-memorises-beyond-uniform and "
    "R-memorises-nearer-than-uniform in chapter 11)."
)

# %% [markdown]
# ## Phantom edges and missing edges
#
# Which edges do the weights hold? A *read-out* gives one number to each pair of nodes: how much the weights
# favour the step from one to the other, whatever the target ([chapter 8](08_logits.ipynb) derives it).
# We plot it against how many demonstrated paths take the edge.

# %%
readout = model.readout().adjacency
edge_use = pr.edge_use(dataset.graph, dataset.paths) * len(dataset.paths)
edge = dataset.graph.adjacency & (edge_use > 0)
never = dataset.graph.adjacency & (edge_use == 0)
no_edge = ~dataset.graph.adjacency & ~torch.eye(100, dtype=torch.bool)
rare = torch.stack([edge_use[edge].log(), readout[edge]]).corrcoef()[0, 1]
print(f"correlation of read-out and log of the number of paths: {rare:.2f}")
print(f"mean read-out: edges in no path {readout[never].mean():.2f},", end=" ")
print(f"pairs that are no edge {readout[no_edge].mean():.2f}")

# %% tags=["hide-input"]
scatter(
    {
        "edges": (edge_use[edge], readout[edge]),
        "edges in no path": (torch.full((int(never.sum()),), 0.5), readout[never]),
    },
    title="An edge in few demonstrations has a small read-out",
    x="demonstrated paths over the edge",
    y="read-out of the edge",
    alt="Read-out of each edge against its number of demonstrated paths, rising from about that of no edge "
    f"at all; correlation with the log {rare:.2f}",
).update_xaxes(
    type="log",
    tickvals=[0.5, 1, 3, 10, 30, 100, 300],
    ticktext=["none", "1", "3", "10", "30", "100", "300"],
)

# %% tags=["remove-input"]
precision, unseen = (
    regimes.edges("A", BASE, score) for score in ("precision", "auc_unseen")
)
by_q = regimes.edges("A", Q, "precision")
notebook.Told(
    "> **Finding.** The paper's Figure 1, as others describe it (we have not seen it), shows edges after SFT that do "
    "not exist. So does our saturated base (10 paths per question, 5,000 updates). Take as many pairs with the highest "
    "read-out, minus the mean of its column (chapter 8), as there are edges: only a share of "
    f"{regimes.told(precision, 2)} are edges, after Q-learning {regimes.told(by_q, 2)}. The others are phantoms. "
    "And the edges that no demonstration takes are missing: they score even lower than pairs that are no edge, with "
    f"an AUC of {regimes.told(unseen, 2)}, where 0.5 is chance."
)

# %% [markdown]
# ## By hand: a → b, b → c, and never a to c
#
# The smallest graph on which planning means joining two facts has three nodes, 0 → 1 → 2. We show a
# table the paths from 0 to 1 and from 1 to 2, and ask for the path from 0 to 2.

# %%
line = pr.chain(3)
lessons = torch.tensor([[0, 1, 0, 1, 3, 3], [1, 2, 1, 2, 3, 3]])  # END = 3
student = pr.LogitTable(pr.Vocab(3))
taught = pr.demonstrations(pr.all_pairs(line), lessons, rng=rng, size=None)
list(pr.train(student, taught, pr.sft, pr.TrainConfig(steps=300, lr=0.1)))
policy = student.table.detach().softmax(-1)
for target in (1, 2):
    print(
        f"at 0, target {target}:",
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
# A table begins with all logits 0. The context (target 2, current node 0) never occurs in the data, so its
# gradient is zero at every update, and all four tokens keep probability 1/4. The two steps that imply the
# answer were both learnt, and nothing joins them. **SFT does not learn transitivity.** For a table this is
# proved. A Transformer's shared weights soften it, but nothing in the loss asks for it.

# %% tags=["remove-input"]
notebook.QuickCheck(
    "Which would help SFT most on held-out questions of degree 2?",
    {
        "More updates on the same paths": "They bring the frequencies nearer, but say nothing of "
        "targets and nodes that never met in these paths.",
        "Paths that visit those sources and end at those targets": "That turns degree 2 into "
        "degree 0: SFT knows what it has seen. Chapter 4 lets the model find such paths itself.",
        "The list of all edges, as one-step paths": "They fill in A, but each such path has one "
        "target, its own end: the contexts of other targets stay empty.",
    },
    right=["Paths that visit those sources and end at those targets"],
)

# %% [markdown]
# ## Exercises
#
# > **Exercise 1.** *Medium, 6 minutes.* Compute what SFT converges to from the rows of tokens: the
# > function gets rows `[M, L]`, a target, a current node and the vocabulary's size, and returns that many
# > probabilities. If it works, it agrees in every context that the rows of a small graph show.


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
# > **Exercise 2.** *Easy, 3 minutes.* Add paths to the demonstrations of the three-node table so that it
# > can go from 0 to 2. A path is a list of nodes, for example `[0, 1]`. Which is the shortest list that
# > works? If it does, nearly every sampled path from 0 to 2 is correct.

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
# > **Exercise 3.** *Medium, 6 minutes.* Change the stream, not the loss: every piece of a correct
# > path is itself a correct path, for another question. The function gets a path as a list of nodes and
# > returns all its pieces of two nodes or more, the whole path among them. If it works, a table that is
# > shown the pieces, too, answers many more held-out questions correctly.


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
# > **Exercise 4.** *Open.* In a new cell, make a dataset with `train_share=0.5` and count its degrees:
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
        "correct at degree 0, sampled": sampled[0],
        "correct at degree 1, sampled": sampled[1],
        "correct at degree 2+, sampled": sampled[2],
        "correct on held-out questions, greedy": float(on_test.greedy.mean()),
        "correlation of read-out and log paths": float(rare),
        "correlation with the shares beyond uniform": beyond,
    },
)

# %% [markdown]
# ## What we now know
#
# SFT learns which steps were demonstrated for which target, and how often; so the further a question is from the
# demonstrations, the less often the model answers it correctly, and on a random graph an edge that no demonstration
# takes stays unknown. Next, nobody shows the model anything: it samples paths itself and is told only whether they are
# correct. **[Why does reward help?](04_policy_gradient.ipynb)**
#
# ## Further reading
#
# - [The paper](https://arxiv.org/abs/2509.22613), Section 3: Theorem 3.1 and why SFT does not learn
#   transitivity.
# - [ALPINE](https://arxiv.org/abs/2405.09220): the read-out of adjacency and reachability, degrees,
#   and the same limits measured on larger graphs.
# - [The pitfalls of next-token prediction](https://arxiv.org/abs/2403.06963): another graph on which
#   imitation fails, for another reason.
