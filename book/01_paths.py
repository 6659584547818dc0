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
# A plan is a sequence of steps, each of them allowed, that ends where one wants to be. Draw a dot
# for every situation and an arrow for every allowed step, and a plan is a *path*. This book asks
# what training can teach a language model about such paths, so this chapter says precisely what
# there is to know: two tables, and the rows of tokens a model reads. You need to know what a
# directed graph is. Reading takes 12 minutes, running everything some 10 seconds.

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
# The paper's random graph has 100 nodes and edge probability 0.15. So has ours: an edge leads
# from each node to each of a higher number with probability 0.15. Each node leads to about seven others on
# average, and no path ever comes back. (Whether the paper's graph has cycles is not said in
# what we could read; to have none is [our choice](references.md#where-we-chose).) A *question* is a
# pair (source, target) that some path connects.
#
# **How many of the questions have ten or more different right answers?** Guess, in
# percent, before you scroll to the figure.

# %% tags=["remove-cell"]
my_guess = 15

# %% [markdown]
# ## Experiment
#
# Make the graph, list its questions, and count the right answers to each.

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
assert shares["10"] > 50, "the title and the answer below say: more than half"
figure = charts.bars(
    {"questions": shares},
    title="Most questions have many correct paths",
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
    answer=f"It is {shares['10']:.0f} %. Few edges make many paths: their number multiplies at "
    "every fork. That is why this book counts not only how often a model is right, but in how "
    "many ways.",
)

# %% tags=["hide-input"]
notebook.Download(
    [
        {"at least so many correct paths": m, "% of questions": s}
        for m, s in shares.items()
    ],
    "ways.csv",
)

# %%
print(f"{len(graph.edges)} edges, {len(whole_task.pairs)} questions, seed {seed}")
print(f"correct paths: median {int(answers.median())}, most {int(answers.max()):,}")

# %% [markdown]
# One graph, one seed; other seeds give other graphs, and the median differs more than the bars (the
# table at the end says how much). Was your guess too low? A node has few edges, but each edge leads to a
# node with edges of its own. Every fork multiplies the number of paths, and long ways have many
# forks. So two things can be asked of a model: *how often* is its answer right, and in *how many
# different ways* can it be right? Training can raise one and ruin the other; much of this book is
# about that. We call different right answers to one question its **ways**.
#
# ## Two tables say it all
#
# Take a graph small enough to see. **Adjacency** is the table
#
# $$ A[j, k] = 1 \text{ if there is an edge } j \to k, \text{ else } 0. \tag{1.1} $$
#
# **Reachability** is the table
#
# $$ R[i, k] = 1 \text{ if some path leads from } k \text{ to } i, \text{ else } 0. \tag{1.2} $$
#
# Mind the order: in $R$ the *target* comes first, and every node reaches itself. The code has the
# same names and the same order: `graph.adjacency[j, k]`, `graph.reachability[i, k]`.

# %%
edges = [(0, 1), (0, 2), (1, 3), (2, 3), (2, 4), (3, 5), (4, 6), (5, 7), (3, 7)]
small = pr.Graph(8, edges)

# %% tags=["hide-input"]
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
# A walker who stands at $j$ and wants to go to $i$ may step to $k$ exactly if there is an edge
# and $i$ can still be reached afterwards. So the **correct next nodes** are
#
# $$ C(i, j) = \{\, k : A[j, k] = 1 \text{ and } R[i, k] = 1 \,\}. \tag{1.3} $$
#
# Move the slider to choose a target: the thick edges are the correct steps, `graph.correct[i, j]`,
# from wherever one stands. At the target itself the walk is over and nothing is chosen, whatever (1.3)
# says: on a graph with cycles $C(i, i)$ need not be empty.


# %% tags=["hide-input"]
def steps_to(target):
    correct = small.correct[target].float()  # [current, next]
    return graphs.graph_view(
        small, weights=0.6 * correct, alt=f"Edges that lead on to {target}"
    )


frames = {str(target): steps_to(target) for target in range(1, 8)}
views = sliders.with_slider(frames, name="target", start="7")
views.update_layout(
    title_text="Which steps are right depends on where one wants to go"
)

# %% [markdown]
# From 2, the step to 3 is right on the way to 7 and wrong on the way to 6: there is an edge from 2 to
# 3, but 6 cannot be reached from 3. A walker who knows only $A$ gets lost; one who knows only $R$
# would jump.

# %% tags=["hide-input"]
assert small.correct[7, 2, 3], "the text says: right on the way to 7"
assert small.adjacency[2, 3], "the text says: there is an edge"
assert not small.reachability[6, 3], "the text says: no way from 3 to 6"
notebook.QuickCheck(
    "A graph has the edges a → b and b → c and no others. What are A[a, c] and R[c, a]?",
    {
        "A[a, c] = 0 and R[c, a] = 1": "There is no edge from a to c, yet c can be reached from a, "
        "by way of b. That is transitivity; remember it for chapter 3.",
        "A[a, c] = 1 and R[c, a] = 1": "An entry of A is one edge, and there is none from a to c.",
        "A[a, c] = 0 and R[c, a] = 0": "R is about paths of any length, target first: R[c, a] asks "
        "whether a reaches c.",
        "R[c, a] cannot be known": "It follows from A: that is what a planner has to work out.",
    },
    right=["A[a, c] = 0 and R[c, a] = 1"],
)

# %% [markdown]
# ## What a language model sees
#
# A language model reads and writes **tokens**: numbers from a fixed list, its vocabulary. For a chat
# model tokens are pieces of words. Here each node is one token, numbered as in the graph, and one
# more, END, says that an answer is finished: the vocabulary has $N + 1$ tokens for $N$ nodes.
#
# A **row** is what the model is trained on. Its first two tokens, source $s$ and target $t$, are the
# prompt: they ask the question. Then comes the answer, a path that starts again at $s$ and ends
# with $t$; END closes the row, and fills it up if other rows are longer. At each place the model gives
# a probability to every token of the vocabulary: how likely it is to come next. To answer, one
# gives it the prompt and $s$, chooses the next token by these probabilities, appends it, and asks
# again. Our walks end at the target: END is then written *for* the model, which is not asked for it.
# A model that says END earlier has given up, and its answer is wrong. Drawing by the probabilities
# is called *sampling*; taking the likeliest token each time is called *greedy*.
#
# The graph itself is never shown. What the model knows of it has to end up in its weights.

# %%
task = pr.all_pairs(small)
rows = pr.sample_paths(task, 1, pr.seeded(seed, "paths"))
for line in task.vocab.show(rows)[:6]:
    print("s t s ... t END:", line)

# %% [markdown]
# Read the first row, `0 1 0 1 END`, aloud: "From node 0 to node 1: start at 0, go to 1, END."
# A model that only ever learnt which token follows which would not know where to go. The second token, the target,
# has to be looked at at every step.
#
# `sample_paths` draws each next node uniformly from $C(i, j)$, so that a path with fewer forks comes up
# more often. On a graph without cycles, whoever
# does so never fails: there, planning *is* knowing $A$ and $R$. On a graph with cycles, such as
# that of chapter 9, the rule alone may go round and round: each step keeps the target in reach, and none
# makes the walk arrive. There `sample_paths` draws from those of $C(i, j)$ that the walk has not visited, and a walk that
# gets stuck begins anew.
#
# > **Check 1.1.** A walk that draws every step from $C(i, j)$ is a right answer, to every question of a graph
# > without cycles.

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

# %% tags=["hide-input"]
assert task.vocab.show(rows)[0] == "0 1 0 1 END", "the text reads it aloud"

# %% [markdown]
# The function that decides what counts as right is the referee of this whole book. Here it is, as
# it stands in the library: the row repeats its source, every chosen step is an edge, and END
# comes right after the target. `is_path` refuses what is no row of this graph; `judged` decides.

# %% tags=["hide-input"]
notebook.Source(pr.is_path, judged)

# %% [markdown]
# ## By hand
#
# In the little graph, list the paths from 0 to 7. At 0 both 1 and 2 are correct, at 2 only 3 is
# (4 leads to 6 alone), at 3 both 5 and 7 are:
#
# 0 → 1 → 3 → 5 → 7, 0 → 1 → 3 → 7, 0 → 2 → 3 → 5 → 7, 0 → 2 → 3 → 7.
#
# Two ways to 3, two ways on: four paths. On a graph without cycles the count follows from counts
# further on, $P[i, j] = \sum_{k : A[j, k] = 1} P[i, k]$ with $P[i, i] = 1$.

# %%
diversity = small.count_paths()[7, 0].float()
print(
    pr.check(
        "four paths lead from 0 to 7",
        predicted=4.0,
        observed=diversity,
        tolerance=0,
    )
)

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
# > **Exercise 2.** *Easy, 4 minutes.* Write the planner's rule (1.3): given both tables, a target and the
# > node one stands at, return the list of correct next nodes. If it works, every question of three
# > graphs agrees.


# %%
def my_correct(adjacency, reachability, target, current): ...


exercises.correct_steps(my_correct)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Two rows of booleans, joined by `&`: where can one go, and from where is the target still in reach?
# `nonzero()` lists the places that are true.
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
# At the target there is one path, the empty one. Anywhere else, sum over the next nodes.
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
# > count the answers as above. How does the share of questions with ten or more change, and why
# > so fast?

# %% [markdown]
# ## Your numbers beside ours
#
# Every chapter ends with a few of its numbers, as computed here, with an *expected range*: the range of
# 95 in 100 further seeds, computed from five seeds. Inside, your run is one
# like ours; outside, something was changed, or it is the rare seed.

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
# Is planning more than finding a path? Not in this book: a plan is a path, and on a graph without
# cycles the tables $A$ and $R$ are all one has to know to find one, often one of many. But edges alone
# are not enough: planning is to know what can be *reached* after a step, which has to be worked out
# by joining edges.
# A language model has to keep these tables in its weights. Is there room for them in a small one, and where?
# **[What can one layer hold?](02_one_layer.ipynb)**
#
# ## Further reading
#
# - [Benefits and Pitfalls of Reinforcement Learning for Language Model Planning](https://arxiv.org/abs/2509.22613):
#   the paper this book runs; its Section 2 sets up what this chapter shows.
# - [ALPINE](https://arxiv.org/abs/2405.09220): where planning as path-finding in a Transformer's
#   weights, with tables A and R, comes from.
# - [Searchformer](https://arxiv.org/abs/2402.14083): Transformers trained on a planner's search
#   instead of on its answers.
