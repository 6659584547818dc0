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
# # Which of the paper's claims hold?
#
# A paper is a list of sentences that can be wrong. This chapter has them all: what was predicted and
# when, what was measured, and the verdict. You need nothing from other chapters: their words are explained above
# the cards, and in [the dictionary](dictionary.md). Reading takes 10 minutes, or as long as you like with
# the cards; running takes about 20 seconds, since results are saved.

# %% tags=["hide-input"]
from collections import Counter

import torch

import planrl as pr
from planrl.claims import (
    FAILS,
    FEW_SEEDS,
    GROUPS,
    HOLDS,
    IN_PART,
    SO_FAR,
    UNDECIDED,
    UNKNOWN,
    interval,
    is_current,
    verdicts,
)
from planrl.figures import charts, sliders
from planrl.figures.table import Table
from planrl.teaching import evidence, exercises, notebook, regime_tables
from planrl.teaching.claim_cards import ClaimCards, Statements, counted
from planrl.teaching.claim_figures import by_seed

notebook.setup()
seed = 0
judged = {verdict.claim.id: verdict for verdict in verdicts()}
STATEMENTS = {
    "On small tables every theorem that we could follow exactly holds.": (
        "3.1-table",
        "4.2-sign",
        "4.3-monotone",
        "4.4-stationary",
        "5.1-constant",
        "5.2-exact",
        "5.3-linear",
    ),
    "Policy gradient without a KL penalty ends with about one path per question on the random "
    "DAG. On Blocksworld it is not seen within 1,000 updates."
    + regime_tables.collapse_on_blocksworld(): (
        "2-pg-collapse",
        "R-pg-collapse",
    ),
    "Policy gradient gains by new paths where the base model lacks them. With one demonstrated path "
    "per pair the gain over SFT is gone if only demonstrated paths are paid. With ten, the base at a "
    "lower temperature is more accurate than policy gradient at any.": (
        "R-exploration",
        "R-no-exploration-is-sft",
        "R-beyond-sharpening",
        "R-sharpening",
    ),
    "Q-learning needs a reward for each step. With a reward for the whole path alone, accuracy ends "
    "near 0, on both graphs, sampled and greedy.": (
        "5.1-constant",
        "3-outcome",
        "R-outcome-loses-all",
    ),
    "On the random DAG, Q-learning's weights tell edges that no demonstration takes from pairs that "
    "are no edge. Those of policy gradient and of SFT do not; SFT's rank them so far below chance that the "
    "claim of chance is undecided.": (
        "R-unseen-edges-q",
        "R-unseen-edges-pg",
        "R-unseen-edges-sft",
    ),
}

# %% [markdown]
# <details><summary>In one sentence</summary>
#
# Theorems hold exactly on small tables; whether a trained Transformer shows them depends on the regime,
# above all on what its base model leaves to be learnt.
#
# </details>

# %% [markdown]
# ## Predict
#
# Some of the paper's sentences about trained models were measured ten times on each of two graphs, a
# random DAG (a directed graph without cycles) and Blocksworld, from a base model of 700 updates of SFT,
# supervised fine-tuning. Each has several conditions: the graph, and whether paths are sampled or greedy.
#
# **What percentage of these claims holds under every condition?** Guess before you scroll to the figure.

# %% tags=["remove-cell"]
my_guess = 50

# %% [markdown]
# ## Experiment
#
# One line reads the saved results of all seeds and judges every claim.

# %%
# made by: python -m planrl reproduce
judged = {verdict.claim.id: verdict for verdict in verdicts()}

# %% tags=["hide-input"]
KINDS = {
    "hold under all conditions": (HOLDS,),
    "hold under some": (IN_PART, SO_FAR),
    "fail or are undecided": (FAILS, UNDECIDED),
    "no verdict yet": (FEW_SEEDS, UNKNOWN),
}
GROUP = {"figures": "base of 700 updates"}
groups = {
    GROUP.get(name, name): [judged[c.id] for c in claims if is_current(c.id)]
    for name, claims in GROUPS.items()
}
groups = {name: found for name, found in groups.items() if found}
shares = {
    kind: {
        f"{name} ({len(found)})".replace(" ", "\u00a0"): 100  # on one line
        * sum(one.verdict in some for one in found)
        / len(found)
        for name, found in groups.items()
    }
    for kind, some in KINDS.items()
}
trained = groups["base of 700 updates"]
everywhere = sum(one.verdict == HOLDS for one in trained)
figure = charts.bars(
    shares,
    title=f"Of {len(trained)} claims about models from a base of 700 updates, {everywhere} "
    f"hold{'s' * (everywhere == 1)} under all conditions",
    x="group of claims (number of claims)",
    y="% of the group's claims",
    y_range=(0, 100),
    stacked=True,
    height=460,
    alt="Percent of each group's claims by verdict. "
    + "; ".join(
        f"{kind}: " + ", ".join(f"{n} {v:.0f}" for n, v in values.items())
        for kind, values in shares.items()
    ),
)
for trace, colour in zip(
    figure.data, ("#009E73", "#E69F00", "#D55E00", "#7F7F7F"), strict=True
):
    trace.marker.color = colour  # as the cards have them
sliders.ask(
    figure,
    "Percent of the claims about models from a base of 700 updates that hold under every condition",
    guess=my_guess,
    low=0,
    high=100,
    step=1,
    unit="%",
    hidden=list(KINDS),
    answer=f"{100 * everywhere / len(trained):.0f} %. Decoded greedily, the base of 700 updates "
    "answers nearly all questions, so there is nothing to gain; sampled, there is. The regimes ask the "
    "same where there is room.",
)

# %% [markdown]
# The groups: *theorems* are followed exactly on small graphs; *imitation* is what SFT makes of a model;
# the claims from a *base of 700 updates* are those of the paper's figures; *regimes* ask them again in
# the settings that each is meant for: a *saturated* base, which more SFT would not change (A), one demonstrated
# path per pair (B), Blocksworld with longer training (C) and with 80 % of the pairs (D), a graph with cycles (E),
# conditions under which methods should break (G, H), and what is due to the loss and what to its feedback (P).

# %% tags=["remove-input"]
elsewhere = sum("arXiv" in one.claim.source for one in groups["objectives"])
notebook.Told(
    "*Objectives* ask what holds of GRPO, a policy gradient that compares the answers to one question, and of "
    f"its family, on small tables and a DAG of 10 nodes: {len(groups['objectives'])} claims, of which "
    f"{elsewhere} have other papers as their source."
)

# %% [markdown]
# *Methods* ask this of the Transformer. *Soft-and-noise* and *soft-methods* belong to chapters
# [14](14_both.ipynb) and [15](15_wrong_checks.ipynb), *tools* to [13](13_tools.ipynb), *ladder* to [its page](85_ladder.ipynb);
# *corridor* to [16](16_history.ipynb). *Depth*, about deeper models, is not told in a chapter yet.
#
# The verdicts of all groups. Claims that were replaced by better ones do not count.

# %%
for kind, number in Counter(v.verdict for v in counted(judged)).items():
    print(f"{number:3} {kind}")

# %% [markdown]
# ## Five statements to remember
#
# Each statement rests on the claims below it, a link and a verdict each. *Not enough seeds* means that
# there are numbers and, with fewer than ten seeds, no verdict yet; such a statement begins with *so far*. (*KL
# penalty*: a reward for staying near the base; *greedy*: always the most probable next node.)

# %% tags=["remove-input"]
Statements(
    {text: [judged[name] for name in names] for text, names in STATEMENTS.items()}
)

# %% [markdown]
# ## Every claim
#
# A card opens to the source, the prediction with its date and reason, and the numbers of each condition.
# Beside the verdict stands what was predicted where that was not that the paper is right, and where the
# outcome missed the prediction.
#
# <details><summary>Words and letters of the cards</summary>
#
# - **A, R**: adjacency, A[j, k] = 1 if an edge leads from node j to k; reachability, R[i, k] = 1 if a path leads
#   from k to target i. **|E|** is the number of edges.
# - **W^M', W^V'**: what a trained model's weights alone say of the next node, one table for the current
#   node, to be compared with A, and one for the target, to be compared with R. In the *linear Transformer*, whose
#   logits are the sum of two tables, these are W^M and W^V.
# - **AUC**: the probability that an edge scores above a pair of nodes that is no edge; 0.5 is guessing.
# - **q, q_base**: the probabilities of the next node, of the model and of its base. **KL(U_C || q)**: how far q is
#   from the uniform distribution U_C on the correct next nodes; 0 if all are equally likely, and the larger the
#   fewer are left.
# - **lambda**: the weight of the KL penalty. **k1, k2, k3**: three estimates of that penalty from sampled paths.
# - **saturated base**: a base model that more SFT on the same demonstrations does not change.
# - **outcome reward, process reward**: for a whole path; for each step. **off-policy**: on paths of another
#   policy.
#
# </details>
#
# [The dictionary](dictionary.md) has all words, and what other papers and libraries call them.

# %% tags=["remove-input"]
ClaimCards(list(judged.values()), filtered=True)

# %% tags=["remove-input"]
notebook.Download(
    [
        {
            "claim": name,
            "counts": is_current(name),
            "verdict": one.verdict,
            "condition": finding.condition,
            "model": finding.model,
            "predicted": finding.prediction,
            "seed": one_seed,
            "value": value,
        }
        for name, one in judged.items()
        for finding in one.findings
        for one_seed, value in zip(finding.seeds, finding.values, strict=True)
    ],
    "every_claim_by_seed.csv",
)

# %% [markdown]
# ## How a verdict is made
#
# A claim is measured under one *condition* or several: a graph, a model, a way of decoding. There each
# seed gives one number $v_s$. The claim is about the mean over the $n$ seeds, and the prediction bounds
# that mean. How far the mean can be trusted is said by Student's 95 % interval, with the standard
# deviation of the seeds' numbers and the quantile $t_{n-1}$ of Student's t:
#
# $$ \bar v \pm t_{n-1} \, \frac{\operatorname{sd}(v)}{\sqrt{n}} \tag{11.1} $$

# %%
notebook.Source(interval)

# %% [markdown]
# If the interval lies inside the prediction, the claim **holds** under that condition; if outside, it
# **fails**; if a bound lies inside the interval, it is **undecided**. With fewer than ten seeds there is
# no verdict. Over all conditions the claim holds if it holds in each; if in some, it **holds in part**;
# if in each that has a verdict while others have none yet, it **holds where measured**.
#
# **When were the predictions written?**

# %% tags=["remove-input"]
first = {
    name: all(one.claim.registered for one in found)
    for name, found in groups.items()
}
notebook.Told(
    f"Those of {', '.join(name for name, yes in first.items() if yes)} were committed before the runs, with a reason "
    "for each bound; a card names both dates. One came later: R-spurious-edges was added after seeds 0 and 1 of "
    "regime A had been seen. Where something had been seen before, the reason says what. The predictions of "
    f"the other groups ({', '.join(name for name, yes in first.items() if not yes)}) cannot show this: they entered "
    "the project together with their results. Directions are the paper's; where the paper gives no number, the bound "
    "is ours."
)

# %% [markdown]
# **What became of earlier claims?** Some could not fail, read an artefact, or asked in the wrong regime.
# Such a claim is *replaced*: its card stays, with the reason and a link to the claims that ask in its
# stead. The claims of the paper's figures, before and now, graph by graph: [a table](92_deviations.ipynb#the-claims-of-the-figures-before-and-now).
# All verdicts that moved: `python -m planrl claims --changes`.
#
# Look at any claim: each seed's number, the mean with its interval, the prediction in grey.

# %% tags=["remove-input"]
by_seed(counted(judged), start="2-pg-collapse")

# %% [markdown]
# ## By hand: two seeds
#
# Two seeds give the numbers 1 and 3. Their mean is 2 and their standard deviation $\sqrt 2$, which over
# $\sqrt 2$ is 1. With one degree of freedom the quantile of Student's t is 12.7, so the interval goes from
# -10.7 to 14.7: two seeds say nearly nothing about the mean.

# %%
print("interval of 1 and 3:", [round(end, 1) for end in interval([1.0, 3.0])])

# %% [markdown]
# The interval is wide because it keeps its promise:
#
# > **Check 11.1.** The interval covers the true mean 95 times in 100, for two seeds as for ten, if the
# > seeds' numbers are normally distributed. *That is how the quantiles of Student's t are defined.*


# %%
def tried(n, rng, times=4000):
    ends = [
        interval(row)
        for row in torch.randn(times, n, generator=rng).double().tolist()
    ]
    covers = sum(low <= 0 <= high for low, high in ends) / times
    return covers, sum(high - low for low, high in ends) / times


# %%
rng = pr.seeded(seed, "values")
found = {n: tried(n, rng) for n in (2, 3, 5, 10)}
for n, (covers, wide) in found.items():
    print(f"{n:2} seeds: covers {covers:.1%}, mean width {wide:.1f}")

# %%
held = pr.check(
    "the interval covers the mean",
    predicted=0.95,
    observed=torch.tensor([covers for covers, _ in found.values()]),
    tolerance=0.015,
)
print(held)

# %% [markdown]
# With three seeds the interval is more than three times as wide as with ten: a verdict from three is
# nearly always *undecided*, or luck. And a true 95 % interval errs once in twenty, so among all these
# claims expect a few wrong verdicts where a mean lies close to its bound.

# %% tags=["remove-input"]
notebook.QuickCheck(
    "A claim predicts at least 0. Ten seeds give an interval from -0.02 to 0.11. What is the verdict?",
    {
        "It holds: the mean is above 0": "The mean may be, but 0 is inside the interval: these seeds "
        "would also fit a true mean just below it.",
        "It fails: part of the interval is below 0": "It would fail if all of the interval were.",
        "Undecided": "The bound lies inside the interval. More seeds would narrow it, to one side or "
        "the other.",
    },
    right=["Undecided"],
)

# %% [markdown]
# ## Run it again
#
# `--folder mine` leaves the saved results alone. Hours are processor hours of the saved runs; with
# `--jobs 2` two runs go side by side. What is there is not run again, so you may stop at any time.

# %% tags=["remove-input"]
runs = evidence.reruns()
hours = sum(float(row["hours"]) for row in runs if row["hours"] != "-")
Table(
    runs, caption=f"All of it: {hours:.1f} processor hours, where times were saved"
)

# %% [markdown]
# ```sh
# python -m planrl reproduce --tier quick --folder mine   # one small seed of each, some minutes
# python -m planrl reproduce --folder mine --jobs 2       # everything
# python -m planrl claims --folder mine                   # judge what you made
# python -m planrl claims --only 2-pg-collapse --json     # one claim, for programs
# ```
#
# Your numbers need not equal ours to the last digit: another processor or version of torch rounds
# differently, and training amplifies it. Verdicts should agree. If one does not, please tell us, with the
# output of `claims --json`. To cite a claim, name it and the version, for instance "planrl 0.2.0, claim
# 2-pg-collapse"; [how to cite](references.md#how-to-cite) has the entries.
#
# ## Exercises
#
# > **Exercise 1.** *Easy, 5 minutes.* Write the verdict. Given an interval from `low` to `high` and a
# > prediction from `least` to `most`, return "holds", "fails" or "undecided". If it works, seven
# > cases agree with the library.


# %%
def my_verdict(low, high, least, most): ...


exercises.judging(my_verdict)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Ask first whether the whole interval is inside, then whether the whole interval is on one side.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_verdict(low, high, least, most):
#     if least <= low and high <= most:
#         return "holds"
#     if high < least or low > most:
#         return "fails"
#     return "undecided"
#
# exercises.judging(my_verdict)
# ```
#
# </details>
#
# > **Exercise 2.** *Medium, 8 minutes.* Write the interval (11.1): from a list of ten numbers, the lower
# > and the upper end. The quantile of Student's t with nine degrees of freedom is 2.262. If it works, it
# > agrees with the library for five samples.


# %%
def my_interval(values): ...


exercises.student(my_interval)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `torch.tensor(values).std()` divides the squares by nine, as it should: the mean was taken from the same
# ten numbers.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_interval(values):
#     values = torch.tensor(values, dtype=torch.float64)
#     half = 2.262 * values.std() / 10**0.5
#     return values.mean() - half, values.mean() + half
#
# exercises.student(my_interval)
# ```
#
# </details>
#
# > **Exercise 3.** *Medium, 10 minutes.* Write a claim that holds on one graph and fails on the other: "of
# > the base's distinct correct paths per question, policy gradient keeps at most a tenth". Your function
# > measures it: it gets the result of one seed of Fig. 2 and returns the share that is left at the end.
# > `result["learners"]["policy gradient"]["train_diversity"]` has the number at every evaluation. If it
# > works, the claim is judged on both graphs. On which does it fail?


# %%
def my_share(result): ...


exercises.kept(my_share)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The first evaluation is the base, the last is the end. A share is a quotient.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_share(result):
#     paths = result["learners"]["policy gradient"]["train_diversity"]
#     return paths[-1] / paths[0]
#
# exercises.kept(my_share)
# ```
#
# </details>
#
# > **Exercise 4.** *Open.* Write a claim of your own and have it judged: a `planrl.claims.Condition` says
# > where, what is measured and what you predict, and `planrl.claims.find(condition, results)` judges.
# > Write the prediction down before you look. Would you have kept it?
#
# ## What we now know
#
# Theorems hold exactly on small tables; whether a trained Transformer shows them depends on the regime,
# above all on what its base model leaves to be learnt. A verdict is no better than its seeds, and a
# prediction counts only if it was written down first. From here, ask [which objective you need](12_objective.ipynb),
# [look at the figures](80_figures.ipynb) themselves, or ask **what would change if our choices were others**: [where we
# differ](92_deviations.ipynb).
#
# ## Further reading
#
# - [The paper](https://arxiv.org/abs/2509.22613): where the claims come from; each card names the
#   section, theorem or figure.
# - [ALPINE](https://arxiv.org/abs/2405.09220), the paper on how Transformers learn to plan by imitation:
#   source of the claims on read-outs and degrees.
# - [Deep reinforcement learning at the edge of the statistical
#   precipice](https://arxiv.org/abs/2108.13264): why few seeds mislead.
# - [Deep reinforcement learning that matters](https://arxiv.org/abs/1709.06560): how much seeds alone
#   can change a published comparison.

# %%
evidence.Numbers(
    "11_verdicts",
    {f"coverage, {n} seeds": covers for n, (covers, _) in found.items()}
    | {f"mean width, {n} seeds": wide for n, (_, wide) in found.items()},
)
