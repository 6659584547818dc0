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
# # Teach with it
#
# Two plans for a class, 45 and 90 minutes, with labs in prepared states, the questions to ask, their answers, and
# figures for slides. Students need to know what a probability, a softmax, a gradient and a directed graph are; the
# dictionary has the rest. Nothing has to be installed: the labs train in a browser, and a chapter's rocket opens it in
# Colab.

# %% tags=["hide-input"]
from planrl.figures.slides import Slides
from planrl.labs.page.links import LabLink
from planrl.teaching import notebook, paper_figures
from planrl.teaching import regime_figures as regimes

notebook.setup()
SFT, PG, KL = "continual SFT", "policy gradient", "policy gradient + KL"
Q, OUTCOME = "Q-learning, process reward", "Q-learning, outcome reward"

# %% [markdown]
# ## 45 minutes: where do the other answers go?
#
# | minutes | what happens | material |
# | --- | --- | --- |
# | 0-5 | A plan is a path. How many correct paths has a question? Everybody guesses. | [chapter 1](01_paths.ipynb), slider |
# | 5-10 | What the model sees: rows of tokens, never the graph. | [chapter 1](01_paths.ipynb#what-a-language-model-sees) |
# | 10-15 | Imitation: the probability of a step becomes its share among the examples. | lab A |
# | 15-30 | Policy gradient in pairs: predict, train, explain. | lab B, [chapter 5](05_collapse.ipynb) |
# | 30-38 | The KL penalty: who keeps most paths at 95 % accuracy? | lab C |
# | 38-45 | Would a lower temperature have done the same? And what does this say about large models? | [chapter 4](04_policy_gradient.ipynb), [ten minutes](70_ten_minutes.ipynb#what-to-keep-in-mind) |
#
# **Lab A, imitation.** Ask before training: *one next node was shown in three of four examples. What will its probability be?*

# %% tags=["remove-input"]
LabLink("imitation", "", "Lab A: a logit table imitates")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Three quarters. SFT ends at the demonstrated shares (Theorem 3.1). A context that no example shows keeps the probabilities it
# had before.
#
# </details>
#
# **Lab B, policy gradient.** Ask: *all correct paths earn 1. What happens to the number of distinct correct paths?*

# %% tags=["remove-input"]
LabLink(
    "policy-gradient", "model=transformer", "Lab B: policy gradient, no penalty"
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# It falls, at the end to about one path per question, because each update raises the paths that were sampled (Theorem
# 4.3). Most of them are lost while accuracy still rises. But it is no exchange for accuracy alone: once all paths are
# correct, the drift goes on.
#
# </details>
#
# **Lab C, the penalty.** The same lab with $\lambda = 1$. Ask: *which $\lambda$ keeps the most paths while training accuracy stays
# at 95 % or more?* Students move the slider and compare.

# %% tags=["remove-input"]
LabLink(
    "policy-gradient", "model=transformer&kl=1", "Lab C: with a KL penalty of 1"
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# In this lab's recorded runs (a graph of 20 nodes, 300 updates, mean of ten seeds) sampled training accuracy stays above 95 % up to $\lambda = 0.1$ and is
# below from $\lambda = 0.3$ on, while a larger $\lambda$ keeps more paths. So of the recorded values 0.1 is the answer. Between them, and
# on other seeds and graphs, the number may differ: compare the groups' curves and not one value.
#
# </details>
#
# ## 90 minutes: what can a reward teach?
#
# The first 45 minutes as above, then:
#
# | minutes | what happens | material |
# | --- | --- | --- |
# | 45-55 | Q-learning: a logit is a value. By hand, with one edge from 0 to 1 and one from 1 to 2, and 2 as the target: what is each step worth? | [chapter 7](07_reward.ipynb) |
# | 55-70 | Outcome reward alone: predict, train, explain. Then mend it in groups. | lab D |
# | 70-78 | The logits become the graph: $A + R - 1$, for four kinds of steps. | [chapter 8](08_logits.ipynb), slider |
# | 78-85 | Blocks: why do values forget the goal? | lab E, [chapter 9](09_blocksworld.ipynb) |
# | 85-90 | Which method would you choose for unit tests as reward? | [chapter 10](10_choosing.ipynb), chooser |
#
# <details><summary>Answer to the last question</summary>
#
# None before the base was measured at lower temperatures. Where it still fails, policy gradient, with a KL penalty if several
# programs shall stay; Q-learning needs a check of each step, and on the outcome alone it loses everything. How far this
# carries over to large models is open: nothing here was measured on one.
#
# </details>
#
# A class that trains language models can take lab F instead of lab E; it needs to know RLOO and the KL penalty.
#
# **Lab D, outcome reward.** Ask: *only a whole correct path earns 1. What do the values become?*

# %% tags=["remove-input"]
LabLink(
    "rewards", "model=transformer&strict=1&edge=0", "Lab D: outcome reward alone"
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# All steps that do not enter the target get the same value, and a step into it no more (Theorem 5.1). In this lab
# accuracy is lost within about a hundred updates. It is mended by a charge for each illegal step, the *process reward*
# (preset "The paper's process reward").
#
# </details>
#
# **Lab E, blocks.** Ask: *every move can be undone. What is a detour worth without a discount?*

# %% tags=["remove-input"]
LabLink("blocks", "discount=1", "Lab E: three blocks without a discount")

# %% [markdown]
# <details><summary>Answer</summary>
#
# As much as the shortest plan, so that all legal moves have the same value and greedy plans run in circles. With a discount of 0.9 a
# nearer goal is worth more.
#
# </details>
#
# **Lab F, for a class that trains language models.** Ask: *RLOO subtracts a KL estimate from the return. k3 has the lower variance. Which
# estimate keeps more correct paths?*

# %% tags=["remove-input"]
LabLink(
    "objectives",
    "a=rloo&a_kl=k1-path&a_lambda=0.3&b=rloo&b_kl=k3-path&b_lambda=0.3",
    "Lab F: k1 or k3 in the return",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# k1: after 300 updates about four fifths of the base's effective number of correct paths are left with k1, and about two paths with k3
# (one question on a graph of 20 nodes, λ = 0.3, mean of ten seeds). A number in the return counts by how it differs between paths, and
# near the base k3 is flat.
#
# </details>
#
# [Chapter 12](12_objective.ipynb) says why.
#
# ## Figures for slides
#
# Made from the saved runs when these pages are built, as SVG in 16:9, light background, letters large enough for the last row. Click one
# to save it.

# %% tags=["remove-input"]
# made by: python -m planrl reproduce --only fig2, --only fig3, and --only regimes
Slides(
    {
        "imitation": regimes.signature(
            title="The base answers what it was trained on, and far fewer held-out questions"
        ),
        "paths": paper_figures.curves(
            "dag",
            [SFT, PG, KL],
            "train_diversity",
            title="Policy gradient ends with one path per question (random graphs, 100 nodes)",
        ),
        "accuracy": paper_figures.curves(
            "dag",
            [SFT, PG, KL],
            "train_accuracy",
            title="Training accuracy, sampled (random graphs, 100 nodes)",
        ),
        "rewards": paper_figures.curves(
            "dag",
            [Q, OUTCOME],
            "train_accuracy",
            title="Outcome reward alone loses everything (random graphs, 100 nodes)",
        ),
        "blocksworld": paper_figures.curves(
            "blocksworld",
            [PG, KL, f"{Q}, discount 0.9"],
            "test_accuracy",
            title="Blocksworld, held out, sampled: policy gradient is above Q-learning",
        ),
    }
)

# %% [markdown]
# **Licence.** Text, code and figures are under the [MIT licence](references.md#how-to-cite): use, change and pass them on, and
# name the source, for example "planrl, MIT licence, after arXiv 2509.22613". Every other figure of the book has a camera button that saves
# it as PNG.
#
# ## Homework
#
# Every chapter ends with exercises that check themselves, with hints and solutions. We estimate 3 to 15 minutes for each; *open* ones
# have no single answer. Good ones to start with: chapter 1 (reachability), chapter 3, chapter 7 (the target of one step), chapter 8 (write
# a reward, write a stream).
