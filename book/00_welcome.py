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
# # What does reward teach a model that plans?
#
# To plan is to find a path from here to the goal. A small model that knows many paths is trained
# further by four methods: which paths does it keep?

# %% tags=["remove-input"]
# made by: python -m planrl export FOLDER --record hero
from planrl.labs import Hero

Hero()

# %% [markdown]
# This book takes the smallest setting in which such training can be watched from beginning to end, a
# graph of 100 nodes held in the weights of a one-layer Transformer, and asks what imitation, policy
# gradient and Q-learning do to it. It is the paper
# [*Benefits and Pitfalls of Reinforcement Learning for Language Model Planning*](https://arxiv.org/abs/2509.22613)
# as something you can run. Every number comes from code you can run, and theorems and figure titles
# are checked when the book is built. Little time? [The paper in ten minutes](70_ten_minutes.ipynb). A class?
# [Teach with it](71_teach.ipynb).

# %% tags=["hide-input"]
from planrl.figures import charts
from planrl.teaching import notebook
from planrl.teaching import regime_figures as regimes

notebook.setup()

# %% [markdown]
# ## One picture
#
# Four methods start from the same model, the *base*. A *question* names two nodes, and any path from the
# first to the second is correct: most questions have many. The base was trained to imitate ten such paths for each
# training question, until more imitation changed little. Two things are measured on questions that no method saw
# in training: how often a sampled path is correct (up is better), and how many *distinct* correct paths there are among
# 100 samples (to the right is better). Each line is one model, sampled at five temperatures; the larger a mark, the
# higher the temperature, and at a low one likely steps become likelier.

# %% tags=["hide-input"]
# made by: python -m planrl reproduce --only regimes
penalised = "policy gradient + KL 0.1"
regimes.decoding_curves(
    "A",
    [regimes.BASE, regimes.SFT, regimes.PG, penalised, regimes.Q],
    title="Ten demonstrated paths: at lower temperatures the base beats policy gradient, Q-learning beats both",
)

# %% [markdown]
# - **Policy gradient** is more often correct than the base if both are sampled at temperature 1. But it keeps little
#   more than one path per question, and the base at a lower temperature is more often correct and keeps more.
# - A **KL penalty**, a pull towards the model it began as (here with weight λ = 0.1), keeps more paths per question.
#   Still the base has more paths at equal accuracy. (The moving picture at the top has λ = 1.)
# - **Q-learning** with a reward for each step (*process reward*) is on these graphs at each temperature the most often
#   correct and finds the most paths. It alone has every step checked; with a baseline and the same checks policy gradient makes
#   up most of its lead in accuracy, not that in paths ([chapter 10](10_choosing.ipynb)). Where moves can be undone it needs a discount, and
#   sampled at temperature 1 it is then below policy gradient ([chapter 9](09_blocksworld.ipynb)). With a reward for the
#   outcome alone (*outcome reward*, not shown) it loses everything.
# - **Imitation** that just goes on (*continual SFT*, supervised fine-tuning) changes little.
#
# So here policy gradient gains nothing that a lower temperature does not give for free. That depends on the base: from
# one that imitated *one* path per question, policy gradient finds new paths and ends above the base at any temperature.
# [Chapter 4](04_policy_gradient.ipynb) shows both cases, and the control that tells them apart.
#
# For tables of logits, theorems say where each method ends. The chapters show each run and check its
# theorem against it, also where the model is a Transformer and the theorem no longer has to hold.
#
# ## What we know of the paper
#
# The paper's full text and the code of its reinforcement learning part were not available to us. We work from its
# abstract, from public notes, quotations and reviews of it, and from the full text of its predecessor,
# [ALPINE](https://arxiv.org/abs/2405.09220). That has three consequences:
#
# - Theorems are stated as those notes report them. We derive each again where we can, and check it by code;
#   the paper's own wording and assumptions may differ.
# - Learning rates, batch sizes, numbers of updates and the exact graphs are [our choices](references.md). What
#   [some of them change](92_deviations.ipynb) is measured.
# - Where our result differs from what is reported of the paper, the text says **Finding** and shows ours. We
#   cannot tell whether the paper's own code would give the same.
#
# ## Race them yourself
#
# Below the same four train while you watch, on a graph of 20 nodes, in this page or in your notebook:
# press *Train*. Nothing is sent anywhere. On so small a graph policy gradient can end below imitation on
# held-out questions; the chapters' graphs have 100 nodes.

# %% tags=["hide-input"]
from planrl.labs import lab

lab("race")

# %% [markdown]
# ## Sixty seconds
#
# 1. **Look** at [the picture above](#one-picture): a higher point is more often correct, and a point further right
#    has more different answers.
# 2. **Train** [in the lab](#race-them-yourself): press *Train* and watch four methods part.
# 3. **Check yourself**: chapter 1 asks [what two tables say](01_paths.ipynb#two-tables-say-it-all) of three
#    nodes. A wrong answer tells you why.
# 4. **Change it**: the rocket at the top of a chapter opens it in Colab. Nothing has to be installed.
# 5. **Doubt it**: [which of the paper's claims hold?](11_verdicts.ipynb) Every one has its numbers, its seeds
#    and a verdict.
# 6. **Find it**: Ctrl+K (on a Mac ⌘K) searches all pages; the half-filled circle at the top goes from light to dark.
#
# ## Sixteen chapters, sixteen questions
#
# **The problem**
#
# 1. [Is planning more than finding a path?](01_paths.ipynb) The graph, its two tables, and the
#    rows of tokens a model reads.
# 2. [What can one layer hold?](02_one_layer.ipynb) Where a small Transformer keeps the two tables, and
#    how much of them.
# 3. [Does imitation plan?](03_imitation.ipynb) A Transformer trained in front of you: what it knows,
#    and what it cannot know.
#
# **Reward**
#
# 4. [Why does reward help?](04_policy_gradient.ipynb) Policy gradient is imitation of the model's own
#    correct paths. Where does its gain come from?
# 5. [Where do the other answers go?](05_collapse.ipynb) All correct paths earn the same, and yet they do not
#    all stay.
# 6. [What does KL buy?](06_kl.ipynb) A pull towards the base model, and its price.
#
# **Values**
#
# 7. [How can a reward ruin a learner?](07_reward.ipynb) Q-learning, and a workshop in which you set the
#    rewards.
# 8. [When do logits become the graph?](08_logits.ipynb) What values end at, and what can be read from
#    them.
#
# **What follows**
#
# 9. [Does it stack blocks?](09_blocksworld.ipynb) Blocksworld: PDDL as paths, and a model's plans
#    beside the shortest.
# 10. [Which method should you choose?](10_choosing.ipynb) All methods in one plane, and four questions
#     about your own project.
# 11. [Which of the paper's claims hold?](11_verdicts.ipynb) Claim by claim, with verdicts.
# 12. [Which objective?](12_objective.ipynb) GRPO and its family on one curve, and where a KL penalty belongs.
# 13. [Does it use tools?](13_tools.ipynb) An assistant's tools as a graph, logged chains of calls, and questions
#     that no log contains.
# 14. [Can one have both?](14_both.ipynb) Soft values: accurate and diverse at once, and where they lose.
# 15. [What if the checks are wrong?](15_wrong_checks.ipynb) False alarms, misses and few checks: how far planning
#     survives, computed in advance.
# 16. [What does history buy?](16_history.ipynb) A key to fetch before the door: who remembers it, and who guesses?
#
# **To look things up**: [the paper's figures](80_figures.ipynb) run again on ten seeds,
# [where we differ](92_deviations.ipynb) and what our choices change, [how fast it is](90_speed.ipynb),
# the [dictionary](dictionary.md) of words and symbols, the [library's functions](api.md),
# [references and choices](references.md), and [what changed](changelog.md). To cite this book, see [how to
# cite](references.md#how-to-cite).
#
# ## How to use these pages
#
# **Read.** Text, figures and recorded runs need no network and no server, even from a folder of files; only training
# in the page needs one, because a web server (this site's, or `make serve` on your own machine) must deliver its program.
# Fold-outs hide plotting code.
# Reading times and the minutes beside exercises are our estimates.
#
# **Guess.** Each chapter asks for a guess before it shows the result. Set the slider and press
# the button: your guess stays in the figure. In a notebook, type it into the
# cell `my_guess = ...` above the figure.
#
# **Move.** Sliders under figures work with mouse, finger and arrow keys. Hover over a figure for its
# numbers, and choose light or dark at the top of the page. A *live lab* trains when you press
# *Train*; its link says all you have set, so that you can pass an experiment on.
#
# **Run.** The rocket at the top opens a chapter in Colab; its first cell adds planrl to what is
# there. On your own machine, `make book` builds these pages and `pip install .` gives you the library:

# %%
import planrl as pr

task = pr.all_pairs(pr.random_dag(12, 0.3, pr.seeded(0, "graph")))
model = pr.LogitTable(task.vocab)
rollouts = pr.on_policy(model, task, rng=pr.seeded(0, "walks"))
run = list(
    pr.train(model, rollouts, pr.policy_gradient, pr.TrainConfig(steps=400, lr=0.1))
)
# %%
charts.learning_curves(
    {"policy gradient": run},
    title="Twelve nodes, 400 updates, from nothing",
    y="share of right answers in a batch of 64",
    alt="The share of right answers rises from near zero to nearly one over 400 updates",
)

# %% [markdown]
# An algorithm is a stream of batches and a loss; a run is a generator of records. Change one argument
# and you have another algorithm; write one function and you have a new one. The exercises ask
# you to.
#
# ## How sure you can be
#
# The number of seeds and their spread stand beside the numbers. Where the paper is silent we chose, and say so. The
# largest such choices: the graph has no cycles; a path ends when it reaches its target; Q-learning's
# rewards are multiplied by ten, without which sampling by its values would be nearly random.
# [All of them](references.md), with reasons, and [what they change](92_deviations.ipynb).
