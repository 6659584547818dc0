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
# # What do the paper's figures look like when they are run again?
#
# <details><summary>In one sentence</summary>
#
# From a base that more SFT would improve, sampled policy gradient and Q-learning look as in the paper; decoded at equal
# temperatures, policy gradient gains where the base has few demonstrations, or cycles, and Q-learning on random graphs.
#
# </details>
#
# Each figure of the paper, on both of its graphs: a random DAG and Blocksworld. A thick line is the
# mean over seeds, the shaded range reaches from the smallest to the largest value, a thin line is one seed. Each
# seed draws a graph (on Blocksworld: a split), demonstrations and weights of its own. The base was trained by
# SFT for the few updates in the table, so it is *not saturated*. What a saturated base changes, and a base with
# one demonstrated path per question, is shown by the decoding curves below and in chapters
# [4](04_policy_gradient.ipynb), [6](06_kl.ipynb) and [10](10_choosing.ipynb).
#
# We could not read the paper's full text. Its summaries give no learning rates, batch sizes or numbers of updates;
# ours are in `planrl/experiments`. Made by `python -m planrl reproduce --only fig2` and `--only fig3`.

# %% tags=["hide-input"]
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.paper import LAMBDAS
from planrl.experiments.store import results
from planrl.figures.table import Table
from planrl.teaching import notebook, paper_figures, paper_tables, regime_rows
from planrl.teaching import regime_figures as regimes
from planrl.teaching.notebook import Download

notebook.setup()

SFT, PG, Q = "continual SFT", "policy gradient", "Q-learning, process reward"
KL = "policy gradient + KL"
OFF, OUTCOME = f"{Q}, off-policy", "Q-learning, outcome reward"
NAMES = {"dag": "random DAG", "blocksworld": "Blocksworld"}
dataset = DatasetSettings()
facts = []
for of, name in NAMES.items():
    made = {figure: results(figure, of=of) for figure in ("fig2", "fig3")}
    page = made["fig2"][0]
    how, found = page["settings"], page["result"]["facts"]
    graph = page["study"]["dataset"]["options"]
    sizes = ", ".join(
        f"{key.replace('_', ' ')} {value}" for key, value in graph.items()
    )
    facts.append(
        {
            "graph": f"{name}, {sizes}",
            "edges, seed 0": found["edges"],
            "seeds": " / ".join(str(len(some)) for some in made.values()),
            "SFT updates": how["base_steps"],
            "updates": how["steps"],
            "samples per pair, training / test": f"{how['samples']} / {how['samples'] // 5}",
        }
    )
Table(
    facts,
    caption=f"SFT shows {dataset.paths_per_pair} paths for each of {dataset.train_share:.0%} of the pairs; seeds of Figures 2 / 3",
)


# %% tags=["remove-input"]
def rows(names, keys):
    """The numbers of a figure on both graphs, for its download."""
    return [row for of in NAMES for row in paper_tables.rows(of, names, keys)]


ACCURACIES = list(paper_figures.ACCURACIES.values())

# %% [markdown]
# *Sampled* means temperature 1; Q-learning chooses among nodes only, the others may emit END. *Greedy* takes the
# most probable token. *Diversity* is the number of distinct correct paths among the samples of a pair.
#
# ## Figure 1: what the weights hold of the graph
#
# The read-out $W^{\mathrm{M}\prime}$ of ALPINE, an earlier paper on imitation, sends each node's embedding
# through the feed-forward part alone and scores all nodes. Blue is high. AUC is the probability that an edge
# scores above a pair that is no edge.

# %% tags=["remove-input"]
paper_figures.adjacency(
    "blocksworld",
    ["SFT", PG, Q],
    "weights",
    title="Blocksworld: read-out of the weights",
)

# %% tags=["remove-input"]
paper_figures.adjacency(
    "dag",
    ["SFT", PG, Q],
    "weights",
    title="Random DAG: read-out of the weights, as it is",
)

# %% tags=["remove-input"]
paper_figures.adjacency(
    "dag",
    ["SFT", PG, Q],
    "centred",
    title="Random DAG: the same minus the mean of each column",
)

# %% [markdown]
# On Blocksworld Q-learning's weights become the graph itself, as the paper's figure shows. On the DAG the read-out
# *as it is* hides this: by Theorem 5.3 Q-learning leaves a number free in each column, and the map compares
# numbers of different columns. Minus each column's mean, Q-learning's weights hold the DAG best
# ([chapter 8](08_logits.ipynb), also for edges that no demonstration contains).

# %% tags=["remove-input"]
held = {
    name: regimes.told(regimes.edges("A", name, "auc"))
    for name in (regimes.BASE, PG, regimes.Q)
}
notebook.Told(
    "From a saturated base, over all seeds, the AUC of the read-out minus each column's mean is "
    + ", ".join(f"{value} for {name}" for name, value in held.items())
    + f". {regimes.condition('A')}."
)

# %% tags=["remove-input"]
paper_figures.adjacency(
    "dag", [PG, Q, OFF], "logits", title="Random DAG: logits, averaged over targets"
)

# %% tags=["remove-input"]
Download(
    rows([SFT, PG, Q, OFF], ["adjacency_auc", "adjacency_auc_logits"]),
    "figure-1-auc.csv",
)

# %% [markdown]
# ## Figure 2: imitation that goes on, and policy gradient
#
# ### Accuracy
#
# On held-out and on training pairs, sampled at temperature 1 and greedy: choose below each figure.

# %% tags=["remove-input"]
paper_figures.chosen(
    "dag",
    [SFT, PG, KL],
    paper_figures.ACCURACIES,
    title="Random DAG: accuracy",
    y="accuracy",
)

# %% tags=["remove-input"]
paper_figures.chosen(
    "blocksworld",
    [SFT, PG, KL],
    paper_figures.ACCURACIES,
    title="Blocksworld: accuracy",
    y="accuracy",
)

# %% tags=["remove-input"]
Table(
    [
        {
            "graph": NAMES[of],
            "method": name,
            **{
                how: f"{paper_tables.gain(of, name, key):+.3f}"
                for how, key in paper_figures.ACCURACIES.items()
            },
        }
        for of in NAMES
        for name in (SFT, PG, KL)
    ],
    caption="Last evaluation minus base, mean over seeds",
)

# %% [markdown]
# Sampled at temperature 1, policy gradient gains most, and continual SFT gains, too. Greedily, neither gains on held-out
# pairs: most of the gain is sharpening, which a lower temperature gives without training.
#
# Decoding curves compare all models at equal decoding, each at temperatures 1, 0.7, 0.5, 0.3 and 0.1, first from a
# saturated base, then from a base with one demonstrated path per question.

# %% tags=["remove-input"]
METHODS = [regimes.BASE, SFT, PG, f"{KL} 0.1", regimes.Q, regimes.OFF]
regimes.decoding_curves(
    "A", METHODS, title="Ten demonstrated paths per question: base and methods"
)

# %% tags=["remove-input"]
regimes.decoding_curves(
    "B", METHODS, title="One demonstrated path per question: base and methods"
)

# %% [markdown]
# On graphs with cycles a path may take a detour, and a model that wanders has many such paths. Here only those count that
# visit no node twice.

# %% tags=["remove-input"]
CYCLES = [regimes.BASE, SFT, PG, f"{KL} 0.1"]
regimes.decoding_curves(
    "E",
    [*CYCLES, regimes.Q],
    title="A random digraph with cycles: base and methods",
)

# %% tags=["remove-input"]
regimes.decoding_curves(
    "D", CYCLES, title="Blocksworld, 80 % of the questions: base and methods"
)

# %% tags=["remove-input"]
shown = {
    "A": METHODS,
    "B": METHODS,
    "E": [*CYCLES, regimes.Q],
    "D": [*CYCLES, f"{regimes.Q}, discount 1"],
}
Download(regime_rows.decoding(shown), "decoding-curves.csv")

# %% [markdown]
# ### Accuracy, diversity, and lambda

# %% tags=["remove-input"]
paper_figures.chosen(
    "dag",
    list(LAMBDAS),
    paper_figures.ACCURACIES,
    title=f"Random DAG: accuracy, lambda 0 to {max(LAMBDAS.values()):g}",
    y="accuracy",
)

# %% tags=["remove-input"]
DIVERSITIES = {
    f"training questions, {how['samples']} samples": "train_diversity",
    f"test questions, {how['samples'] // 5} samples": "test_diversity",
}
paper_figures.chosen(
    "dag",
    [SFT, *LAMBDAS],
    DIVERSITIES,
    title=f"Random DAG: diversity, lambda 0 to {max(LAMBDAS.values()):g}",
    y="distinct correct paths",
)

# %% tags=["remove-input"]
paper_figures.chosen(
    "blocksworld",
    list(LAMBDAS),
    paper_figures.ACCURACIES,
    title=f"Blocksworld: accuracy, lambda 0 to {max(LAMBDAS.values()):g}",
    y="accuracy",
)

# %% tags=["remove-input"]
paper_figures.chosen(
    "blocksworld",
    [SFT, *LAMBDAS],
    DIVERSITIES,
    title=f"Blocksworld: diversity, lambda 0 to {max(LAMBDAS.values()):g}",
    y="distinct correct paths",
)

# %% [markdown]
# ### Where one should stop
#
# The update at which the mean test accuracy is best, sampled and greedy; accuracy and diversity then and at the
# end. (The update is found on test pairs, so this table is no rule for stopping; [chapter 10](10_choosing.ipynb)
# has one.)

# %% tags=["remove-input"]
Table(
    paper_tables.stops("dag", [SFT, *LAMBDAS]),
    caption="Random DAG, sampled; diversity: distinct correct paths, training questions",
)

# %% tags=["remove-input"]
Table(
    paper_tables.stops("dag", [SFT, *LAMBDAS], key="test_greedy"),
    caption="Random DAG, greedy",
)

# %% tags=["remove-input"]
Table(
    paper_tables.stops("blocksworld", [SFT, *LAMBDAS]),
    caption="Blocksworld, sampled",
)

# %% tags=["remove-input"]
Table(
    paper_tables.stops("blocksworld", [SFT, *LAMBDAS], key="test_greedy"),
    caption="Blocksworld, greedy",
)

# %% tags=["remove-input"]
Download(
    rows(
        [SFT, *LAMBDAS],
        [*ACCURACIES, "train_diversity", "test_diversity", "kl_to_uniform"],
    ),
    "figure-2.csv",
)

# %% [markdown]
# ### Pairs outside SFT
#
# The base here imitates one path for half of the training pairs only; policy gradient is rewarded on all of them. Does a
# penalty that holds it to the base keep it from the new ones? (Regime H, `python -m planrl reproduce --only regimes`.)

# %% tags=["remove-input"]
regimes.accuracy_over_updates(
    "H",
    [PG, f"{KL} 1"],
    title="A strong penalty keeps policy gradient from new questions",
    tasks=regimes.OUTSIDE,
)

# %% tags=["remove-input"]
said = {
    f"{words}, {how}": f"{task}_{key}"
    for words, task in regimes.OUTSIDE.items()
    for how, key in regimes.HOW.items()
}
Download(
    regime_rows.over_updates("H", [PG, f"{KL} 1"], said),
    "questions-outside-sft.csv",
)

# %% [markdown]
# ## Figure 3: Q-learning
#
# ### Accuracy
#
# On Blocksworld every state reaches every other, so values without a discount do not depend on the target; the
# discount is our addition. Q-learning with outcome reward, and Q-learning without a discount on Blocksworld, are
# trained for fewer updates, because they soon settle.

# %% tags=["remove-input"]
paper_figures.chosen(
    "dag",
    [PG, Q, OFF],
    paper_figures.ACCURACIES,
    title="Random DAG: accuracy",
    y="accuracy",
)

# %% tags=["remove-input"]
paper_figures.chosen(
    "dag",
    [Q, OUTCOME],
    paper_figures.ACCURACIES,
    title="Random DAG: outcome reward alone",
    y="accuracy",
)

# %% tags=["remove-input"]
paper_figures.chosen(
    "blocksworld",
    [PG, Q, f"{Q}, discount 0.9", f"{OFF}, discount 0.9", OUTCOME],
    paper_figures.ACCURACIES,
    title="Blocksworld: accuracy",
    y="accuracy",
)

# %% tags=["remove-input"]
paper_figures.chosen(
    "dag",
    [PG, Q, OFF],
    DIVERSITIES,
    title="Random DAG: diversity",
    y="distinct correct paths",
)

# %% tags=["remove-input"]
paper_figures.chosen(
    "blocksworld",
    [PG, Q, f"{Q}, discount 0.9", f"{OFF}, discount 0.9"],
    DIVERSITIES,
    title="Blocksworld: diversity",
    y="distinct correct paths",
)

# %% [markdown]
# ### By degree
#
# A held-out pair has degree 0 if a demonstrated path to its target contains its source, degree 1 if an
# edge leads from its source to a node of such a path, and so on: the higher the degree, the more edges that were
# never seen together must be combined. Accuracy at the last evaluation, mean over seeds; the whisker is the 95 %
# interval, wide where few pairs have that degree.

# %% tags=["remove-input"]
paper_figures.by_degree("dag", [SFT, PG, Q], "greedy", title="Random DAG, greedy")

# %% tags=["remove-input"]
paper_figures.by_degree(
    "dag", [SFT, PG, Q], "accuracy", title="Random DAG, sampled"
)

# %% tags=["remove-input"]
paper_figures.by_degree(
    "blocksworld",
    [SFT, PG, f"{Q}, discount 0.9"],
    "greedy",
    title="Blocksworld, greedy",
)

# %% tags=["remove-input"]
paper_figures.by_degree(
    "blocksworld",
    [SFT, PG, f"{Q}, discount 0.9"],
    "accuracy",
    title="Blocksworld, sampled",
)

# %% tags=["remove-input"]
Download(
    paper_tables.degree_rows("dag", [SFT, PG, Q])
    + paper_tables.degree_rows("blocksworld", [SFT, PG, f"{Q}, discount 0.9"]),
    "accuracy-by-degree.csv",
)

# %% tags=["remove-input"]
discounted = [f"{name}, discount 0.9" for name in (Q, OFF)]
keys = [*ACCURACIES, "train_diversity", "test_diversity"]
Download(
    rows([Q, OFF, OUTCOME], keys)
    + paper_tables.rows("blocksworld", discounted, keys),
    "figure-3.csv",
)

# %% [markdown]
# ## Figure 4: where the logits go
#
# By Theorem 5.2 the logits are 1, 0 and -1 times the reward for next nodes that are right in both respects (an edge, and
# a node from which the target can be reached), in one, and in none.

# %% tags=["remove-input"]
paper_figures.logits("dag", Q, title="Random DAG: three kinds of next nodes")

# %% tags=["remove-input"]
paper_figures.logits("blocksworld", Q, title="Blocksworld: two kinds of next nodes")

# %% tags=["remove-input"]
paper_figures.cell(
    "dag", Q, title="Random DAG: every next node's logit in one context, seed 0"
)

# %% tags=["remove-input"]
paper_figures.cell(
    "blocksworld",
    Q,
    title="Blocksworld: every next node's logit in one context, seed 0",
)

# %% tags=["remove-input"]
Download(
    [row for of in NAMES for row in paper_tables.logit_rows(of, Q)], "figure-4.csv"
)
