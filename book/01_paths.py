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
# # Is planning more than finding a path?
#
# A plan is a sequence of legal steps from where one is to the goal. Draw a node for every situation and an edge for
# every legal step, and a plan is a *path* in a graph. This book asks what training can teach a language model about such
# paths. This chapter says what there is to know: two tables, and the rows of tokens that a model
# reads. You need to know what a directed graph is. Reading takes 12 minutes, running everything some 10 seconds.
#
# <details><summary>In one sentence</summary>
#
# A plan is a path, and to find one is to know which node can still be reached after a step, not only which steps
# are legal.
#
# </details>

# %% tags=["hide-input"]
import torch

import planrl as pr
from planrl.figures import charts, graphs, sliders
from planrl.tasks import judged
from planrl.teaching import evidence, exercises, notebook

notebook.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# The paper's random graph has 100 nodes and edge probability 0.15. So has ours: from each node an edge leads
# to each node of a higher number with probability 0.15. A node has about seven edges on average, and there are no
# cycles. (Whether the paper's graph has cycles is not said in what we could read; to have none is
# [our choice](references.md#where-we-chose).) A *question* is a source-target pair that some path
# connects. Every path from the source to the target is a correct answer.
#
# **What percentage of the questions has ten or more correct paths?**

# %% tags=["remove-cell"]
my_guess = 50

# %% [markdown]
# ## Experiment
#
# Make the graph, list its questions, and count the correct paths of each.

# %%
graph = pr.random_dag(100, 0.15, pr.seeded(seed, "graph"))
whole_task = pr.all_pairs(graph)
source, target = whole_task.pairs.T
answers = graph.count_paths()[target, source]

# %% tags=["hide-input"]
shares = {
    f"{m:,}": 100 * float((answers >= m).float().mean())
    for m in (1, 2, 5, 10, 100, 1000)
}
figure = charts.bars(
    {"questions": shares},
    title="Most questions have many correct paths (a random graph of 100 nodes, edge probability 0.15)",
    x="at least so many correct paths",
    y="% of questions",
    y_range=(0, 108),
    text=".0f",
    alt="Bars: percent of questions with at least 1, 2, 5, 10, 100, 1000 correct paths: "
    + ", ".join(f"{share:.0f}" for share in shares.values()),
)
sliders.ask(
    figure,
    "Percent of questions with ten or more correct paths",
    guess=my_guess,
    low=0,
    high=100,
    step=1,
    unit="%",
    hidden=["questions"],
    answer=f"It is {shares['10']:.0f} %. A node has few edges, but each leads to a node with edges of its own, so "
    "the number of paths multiplies at every fork.",
)

# %% tags=["remove-input"]
notebook.Download(
    [
        {"at least so many correct paths": m, "% of questions": s}
        for m, s in shares.items()
    ],
    "paths.csv",
)

# %%
print(f"{len(graph.edges)} edges, {len(whole_task.pairs)} questions, seed {seed}")
print(f"correct paths: median {int(answers.median())}, most {int(answers.max()):,}")

# %% [markdown]
# This is one graph, from one seed. Other seeds give other graphs; the table at the end of the chapter says by how much
# the numbers differ.
#
# Because a question has many correct paths, two things can be asked of a model. **Accuracy** is the probability
# that its path is correct. **Diversity** is the number of distinct correct paths among a stated number of samples.
# Training can raise one and lower the other; much of this book is about that.
#
# ## Two tables say it all
#
# Take a graph that is small enough to be drawn. **Adjacency** is the table
#
# $$ A[j, k] = 1 \text{ if there is an edge } j \to k, \text{ else } 0. \tag{1.1} $$
#
# **Reachability** is the table
#
# $$ R[i, k] = 1 \text{ if some path leads from } k \text{ to } i, \text{ else } 0. \tag{1.2} $$
#
# The letters are the same in the whole book: $i$ is the target, $j$ the current node, $k$ the next node. In $R$
# the *target* comes first, and every node reaches itself. In code: `graph.adjacency[j, k]`,
# `graph.reachability[i, k]`.

# %%
edges = [(0, 1), (0, 2), (1, 3), (2, 3), (2, 4), (3, 5), (4, 6), (5, 7), (3, 7)]
small = pr.Graph(8, edges)

# %% tags=["remove-input"]
charts.heatmaps(
    {
        "adjacency A": small.adjacency,
        "reachability R": small.reachability,
    },
    title="What can be known of a graph with eight nodes",
    x="k",
    y="j (in A), i (in R)",
    labels=[f"{v}" for v in range(8)],
    colours="blue: 1, else 0",
    alt="Two tables of ones and zeros: the nine edges, and which node reaches which",
    height=400,
)

# %% [markdown]
# At the current node $j$, with target $i$, a step to $k$ is correct if it follows an edge and if $i$ can still
# be reached afterwards. The **correct next nodes** are
#
# $$ C(i, j) = \{\, k : A[j, k] = 1 \text{ and } R[i, k] = 1 \,\}. \tag{1.3} $$
#
# Choose a target with the slider: thick edges are the correct steps, `graph.correct[i, j]`, from every current
# node. At the target itself the path ends and no step is chosen.


# %% tags=["remove-input"]
def steps_to(target):
    correct = small.correct[target].float()  # [current, next]
    return graphs.graph_view(
        small, weights=0.6 * correct, alt=f"Edges that lead on to {target}"
    )


frames = {str(target): steps_to(target) for target in range(1, 8)}
views = sliders.with_slider(frames, name="target", start="7")
views.update_layout(title_text="Which steps are correct depends on the target")

# %% [markdown]
# From 2, the step to 3 is correct with target 7 and wrong with target 6: there is an edge from 2 to
# 3, but no path leads from 3 to 6. Who knows only $A$ may end in a dead end. Who knows only $R$ takes steps that are
# no edges.

# %% tags=["remove-input"]
notebook.QuickCheck(
    "A graph has the edges a → b and b → c and no others. What are A[a, c] and R[c, a]?",
    {
        "A[a, c] = 0 and R[c, a] = 1": "There is no edge from a to c, yet c can be reached from a, "
        "through b. That is transitivity; remember it for chapter 3.",
        "A[a, c] = 1 and R[c, a] = 1": "An entry of A is one edge, and there is none from a to c.",
        "A[a, c] = 0 and R[c, a] = 0": "R is about paths of any length, target first: R[c, a] asks "
        "whether a reaches c.",
        "R[c, a] cannot be known": "It follows from A: that is what a planner has to compute.",
    },
    right=["A[a, c] = 0 and R[c, a] = 1"],
)

# %% [markdown]
# ## What a language model sees
#
# A language model reads and writes **tokens**: numbers from a fixed list, its vocabulary. For a chat
# model tokens are pieces of words. Here each node is one token. One more token, END, says that a path is
# finished, so the vocabulary has $N + 1$ tokens for $N$ nodes.
#
# A model is trained on **rows** of tokens. The first two tokens of a row, source $s$ and target $t$, are the prompt:
# they ask the question. The path follows. It starts again at $s$ and ends with $t$, and END closes the
# row.

# %%
task = pr.all_pairs(small)
rows = pr.sample_paths(task, 1, pr.seeded(seed, "paths"))
for line in task.vocab.show(rows)[:6]:
    print("s t s ... t END:", line)

# %% [markdown]
# The first row, `0 1 0 1 END`, says: "From node 0 to node 1: start at 0, go to 1, END."
#
# At each position the model gives every token of the vocabulary a probability of being next. To let it answer, one
# gives it the prompt and $s$, chooses the next token by these probabilities, appends it, and repeats. *Sampling*
# draws the token at random by the probabilities; *greedy* takes the most probable one. A path ends when it reaches
# the target: END is then written for the model. If the model itself says END earlier, its answer is wrong.
#
# The graph itself is never shown. Whatever the model knows of it is in its weights.
#
# `sample_paths` makes correct paths for training: it draws each next node uniformly from $C(i, j)$. (A path with fewer forks is
# therefore more probable.) On a graph without cycles, such a path always arrives, so that there planning
# *is* knowing $A$ and $R$. On a graph with cycles, as in chapter 9, steps from $C(i, j)$ keep the target within reach, and
# the path may still go round for ever. There `sample_paths` draws only nodes that the path has not visited, and starts again when
# none is left.
#
# > **Check 1.1.** On a graph without cycles, a path whose steps are all drawn from $C(i, j)$ is correct, for every
# > question.

# %%
rollouts = pr.sample_paths(whole_task, 10, pr.seeded(seed, "walks"))
right = pr.is_path(graph, rollouts).float()
held = pr.check(
    "paths along C(i, j) are correct",
    predicted=torch.ones(len(rollouts)),
    observed=right,
    tolerance=0,
)
print(held)

# %% [markdown]
# Which paths are correct is decided by one function in the whole book: the row repeats its source, every step is an
# edge, and END comes right after the target. `is_path` refuses what is no row of this graph, `judged` decides.

# %% tags=["remove-input"]
notebook.Source(pr.is_path, judged)

# %% [markdown]
# ## By hand
#
# In the small graph, list the paths from 0 to 7. At 0 both 1 and 2 are correct. At 2 only 3 is correct, because
# 4 leads to 6 alone. At 3 both 5 and 7 are correct:
#
# 0 → 1 → 3 → 5 → 7, 0 → 1 → 3 → 7, 0 → 2 → 3 → 5 → 7, 0 → 2 → 3 → 7.
#
# Two choices before 3 and two after it make four paths. On a graph without cycles the number of paths to $i$ is the sum
# over next nodes: $P[i, j] = \sum_{k : A[j, k] = 1} P[i, k]$, with $P[i, i] = 1$.

# %%
number = small.count_paths()[7, 0].float()
print(pr.check("four paths", predicted=4.0, observed=number, tolerance=0))

# %% [markdown]
# ## Exercises
#
# > **Exercise 1.** *Medium, 8 minutes.* Compute reachability from adjacency. The function gets $A$ as a
# > table of booleans, `[N, N]`, and returns $R$, target first. If it works, four graphs agree.


# %%
def my_reachability(adjacency): ...


exercises.reachability(my_reachability)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Start with "every node reaches itself". If $k$ reaches $j'$ and $j' \to i$ is an edge, then $k$
# reaches $i$. Repeat until nothing changes, and mind which index comes first.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_reachability(adjacency):
#     reach = torch.eye(len(adjacency), dtype=torch.bool)  # [from, to]
#     for _ in range(len(adjacency)):
#         reach = reach | (reach.float() @ adjacency.float() > 0)
#     return reach.T  # target first
#
# exercises.reachability(my_reachability)
# ```
#
# </details>
#
# > **Exercise 2.** *Easy, 4 minutes.* Write the planner's rule (1.3): from both tables, a target and the
# > current node, return the list of correct next nodes. If it works, every question of three
# > graphs agrees.


# %%
def my_correct(adjacency, reachability, target, current): ...


exercises.correct_steps(my_correct)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Two rows of booleans, joined by `&`: which nodes are an edge away, and from which can the target be reached?
# `nonzero()` lists the positions that are true.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_correct(adjacency, reachability, target, current):
#     return (adjacency[current] & reachability[target]).nonzero().flatten().tolist()
#
# exercises.correct_steps(my_correct)
# ```
#
# </details>
#
# > **Exercise 3.** *Medium, 6 minutes.* Count the paths from `source` to `target`. If it works, every
# > question of three graphs agrees.


# %%
def my_count(adjacency, source, target): ...


exercises.path_count(my_count)

# %% [markdown]
# <details><summary>Hint</summary>
#
# At the target there is one path, the empty one. At any other node, sum over the next nodes.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_count(adjacency, source, target):
#     if source == target:
#         return 1
#     next_node = adjacency[source].nonzero().flatten().tolist()
#     return sum(my_count(adjacency, k, target) for k in next_node)
#
# exercises.path_count(my_count)
# ```
#
# </details>
#
# > **Exercise 4.** *Open.* In a new cell, make `pr.random_dag(100, 0.05, ...)`, and one with 0.3, and
# > count the correct paths as above. How does the share of questions with ten or more change, and why
# > so fast?

# %% [markdown]
# ## Your numbers beside ours
#
# Every chapter ends with a few of its numbers as computed here, and an *expected range* for each: it contains
# 95 of 100 further seeds, judged from five seeds. A number outside it means that something was changed, or that the seed
# is a rare one.

# %%
evidence.Numbers(
    "01_paths",
    {
        "edges": len(graph.edges),
        "questions": len(whole_task.pairs),
        "% of questions with ten or more correct paths": shares["10"],
        "median of correct paths": answers.float().median(),
    },
)

# %% [markdown]
# ## What we now know
#
# A plan is a path, and to find one is to know which node can still be reached after a step, not only which steps
# are legal. On a graph without cycles the tables $A$ and $R$ say all of it. A language model has to keep them in its weights:
# **[What can one layer hold?](02_one_layer.ipynb)**
#
# ## Further reading
#
# - [Benefits and Pitfalls of Reinforcement Learning for Language Model Planning](https://arxiv.org/abs/2509.22613):
#   the paper that this book is about; its Section 2 sets up what this chapter shows.
# - [ALPINE](https://arxiv.org/abs/2405.09220), the paper's predecessor: planning as path-finding in the
#   weights of a Transformer, with the tables A and R.
# - [Searchformer](https://arxiv.org/abs/2402.14083): Transformers trained on a planner's search
#   and not only on its results.
