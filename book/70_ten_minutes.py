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
# # The paper in ten minutes
#
# A language model that plans is trained further: by imitation, by policy gradient, by Q-learning. What does each of
# them teach it? *Benefits and Pitfalls of Reinforcement Learning for Language Model Planning*
# ([arXiv 2509.22613](https://arxiv.org/abs/2509.22613)) answers with theorems about small models and with experiments.
# This page gives its answer in five statements, each with its condition, a picture of our runs, and a lab. The paper's full
# text and code were not available to us: we work from its abstract, from public notes and reviews.
#
# **The setting.** A graph is fixed and never shown to the model. A question names a source and a target; a plan is a path
# of edges between them, and most questions have many. The model is a Transformer of one layer with one head. A *base* model imitates
# demonstrated paths (SFT, supervised fine-tuning). All methods start from it. *Sampled* means drawn at temperature 1, *greedy* that the
# most probable token is taken. *Held-out* questions are in no training data.

# %% tags=["hide-input"]
from planrl.claims import verdicts
from planrl.labs.page.links import LabLink
from planrl.teaching import claim_figures, exploration, notebook, paper_figures
from planrl.teaching import regime_figures as regimes
from planrl.teaching.claim_cards import Statements

notebook.setup()
SFT, PG, KL = "continual SFT", "policy gradient", "policy gradient + KL 0.1"
Q, OUTCOME = "Q-learning, process reward", "Q-learning, outcome reward"
judged = {verdict.claim.id: verdict for verdict in verdicts()}


def claims(text, *names):
    """A statement with its claims and their verdicts, each a link to its numbers."""
    return Statements({text: [judged[name] for name in names]}, ordered=False)


# %% [markdown]
# ## 1. Imitation repeats the frequencies of its examples
#
# SFT ends where the probability of each step equals its share among the demonstrated steps with the same target and
# current node (Theorem 3.1). It does not join facts of different examples.

# %% tags=["remove-input"]
# made by: python -m planrl reproduce --only regimes
regimes.signature(
    title="The base answers what it was trained on, and far fewer held-out questions"
)

# %% [markdown]
# *Degree* says how far a held-out question is from the examples: at 0 its source was shown on a path to its target, at 1
# a neighbour of the source was, at 2 or more none of them.

# %% tags=["remove-input"]
claims(
    "A table ends at the frequencies exactly. A Transformer takes them up in part: it leans towards them, and ends no "
    "nearer to them than equal shares of all correct steps are. With one demonstrated path per question, held-out accuracy "
    "stays far below training accuracy, and falls with the degree.",
    "3.1-table",
    "3.1-counts",
    "R-memorises-beyond-uniform",
    "R-memorises-nearer-than-uniform",
    "R-sft-signature",
)

# %% tags=["remove-input"]
LabLink("imitation", "", "Lab: a table learns the demonstrated shares")

# %% [markdown]
# ## 2. Policy gradient gains by exploring
#
# Policy gradient with reward 1 for a correct path is SFT on the model's *own* correct paths (Theorem 4.1). What it
# gains over SFT comes from paths that no demonstration has.

# %% tags=["remove-input"]
exploration.by_degree(
    title="Without new paths the gain of policy gradient is gone (one demonstrated path per question)"
)

# %% tags=["remove-input"]
claims(
    "With one demonstrated path per question, policy gradient beats SFT, and if only demonstrated paths are paid it "
    "does not: new paths are necessary for the gain. With ten, the base at a lower temperature beats policy gradient.",
    "R-exploration",
    "R-no-exploration-is-sft",
    "R-sharpening",
)

# %% tags=["remove-input"]
LabLink("race", "", "Lab: four methods from one base, on a small graph")

# %% [markdown]
# ## 3. Policy gradient loses paths, and a KL penalty keeps some
#
# All correct paths earn the same. Each update still raises the path that happened to be sampled, so the policy drifts to
# one path, also when everything is correct (Theorem 4.3). Most paths are lost before that, while accuracy still
# rises, and then climb and drift act together ([chapter 5](05_collapse.ipynb)). A KL penalty, which pulls towards the base, keeps
# the base's ratios among correct answers in a table, in expectation (Theorem 4.4). Our Transformers keep
# more paths with it, but not these ratios.

# %% tags=["remove-input"]
# made by: python -m planrl reproduce --only regimes
paths = {
    name: regimes.series("A", name, "train_diversity")[1].mean(0)
    for name in (SFT, PG, KL)
}
regimes.over_updates(
    "A",
    [SFT, PG, KL],
    "train_diversity",
    y="distinct correct paths among 100 samples",
    title="Policy gradient ends with one path per question, with a KL penalty of 0.1 about half are left",
    alt="Distinct correct paths per training question, at first and at the end: "
    + "; ".join(
        f"{name} {float(v[0]):.1f}, {float(v[-1]):.1f}" for name, v in paths.items()
    ),
)

# %% tags=["remove-input"]
step, blocks = paper_figures.series("blocksworld", PG, "train_diversity")
notebook.Told(
    f"Training questions, mean of {len(regimes.pages('A'))} seeds. Of {float(paths[PG][0]):.1f} paths of the base policy "
    f"gradient leaves {float(paths[PG][-1]):.1f}, and {float(paths[KL][-1]):.1f} with the penalty. On Blocksworld with "
    f"four blocks {step[-1]:,} updates of policy gradient without a penalty leave {float(blocks[:, -1].mean()):.1f} of "
    f"{float(blocks[:, 0].mean()):.1f}, and the number is still falling."
)

# %% tags=["remove-input"]
claims(
    "Without a baseline, the drift in a table is as large as computed. In Transformers the paths vanish on random graphs; the penalty keeps "
    "paths, but not the base's ratios. What it costs depends on the base and on λ.",
    "4.3-monotone",
    "4.3-size",
    "R-pg-collapse",
    "R-kl-keeps",
    "2-kl-ratios",
    "R-kl-no-price",
    "R-kl-price",
)

# %% tags=["remove-input"]
LabLink(
    "policy-gradient", "model=transformer", "Lab: watch one question lose its paths"
)

# %% [markdown]
# ## 4. Q-learning needs a reward for each step
#
# Q-learning reads logits as values. If only a whole correct path earns a reward (*outcome reward*), all values of a target become
# the same but those of steps into the target, which are worth no more (Theorem 5.1): the model even learns to avoid its
# target. With *process reward*, 1 for the step into the target and
# a charge of 1 for each illegal step, the values of a graph without cycles become adjacency plus reachability minus 1 (Theorem 5.2).

# %% tags=["remove-input"]
paper_figures.curves(
    "dag",
    [Q, OUTCOME],
    "train_accuracy",
    title="Outcome reward alone loses everything within a hundred updates (random graphs, base of 700 updates)",
)

# %% tags=["remove-input"]
claims(
    "The values come out exactly on tables. In Transformers outcome reward ends near accuracy 0, on both graphs, sampled "
    "and greedy.",
    "5.1-constant",
    "5.2-exact",
    "5.2-learned",
    "3-outcome",
)

# %% tags=["remove-input"]
LabLink(
    "rewards",
    "model=transformer&strict=1&edge=0",
    "Lab: outcome reward alone, and what mends it",
)

# %% [markdown]
# ## 5. Q-learning with process reward keeps many paths, and may learn from others' paths
#
# In a table, correct steps of one context have the same value, so nothing makes one of them win; in Transformers the values differ
# a little ([chapter 8](08_logits.ipynb)), and the paths survive. And because a value is about a step,
# whoever took it, paths sampled by another model will do, in our runs with one random step in ten.

# %% tags=["remove-input"]
claim_figures.one_claim(
    judged["3-q-over-pg"],
    title="Held out, Q-learning minus policy gradient (bases of 700 updates)",
)

# %% tags=["remove-input"]
reverse = next(
    f
    for f in judged["3-q-over-pg"].findings
    if f.condition == "Blocksworld, 4 blocks, sampled"
)
low, high = reverse.interval
notebook.Told(
    "**Blocksworld is different.** Every move can be undone there, and Q-learning needs a discount of 0.9 to "
    f"keep the goal. Sampled at temperature 1, with rewards of 10, it then ends {-reverse.mean:.3f} below policy gradient on "
    f"held-out questions (95 % interval of the difference {low:.3f} to {high:.3f}, {len(reverse.values)} seeds); greedy, the "
    "difference is undecided. Larger rewards or a lower temperature help such samples (chapter 14)."
)

# %% tags=["remove-input"]
claims(
    "Q-learning keeps the diversity of the base. It ends above policy gradient on random graphs without cycles, not on "
    "Blocksworld; with a baseline and the same checks of steps policy gradient makes up most of this lead in accuracy. Off-policy "
    "Q-learning is nearly as good as on-policy on random graphs.",
    "R-q-diversity",
    "R-q-over-all-at-equal-decoding",
    "3-q-over-pg",
    "R-checks-help-pg",
    "R-q-over-pg-same-checks",
    "3-on-off",
)

# %% tags=["remove-input"]
LabLink("blocks", "", "Lab: three blocks, with a discount and without")

# %% [markdown]
# ## What to keep in mind
#
# - *Holds in part* means: under some of the conditions where we measured. *Holds where measured*: some condition has no
#   verdict yet. *Not enough seeds*: there are numbers, from fewer than ten seeds, and no verdict yet. Every verdict is a link to its numbers ([chapter 11](11_verdicts.ipynb)).
# - The theorems are about logits that depend on the target and the current node alone. A Transformer of one layer nearly satisfies
#   this after 700 updates of SFT, and less after 3,000 ([chapter 2](02_one_layer.ipynb)); a large language model need not.
# - Q-learning has every step checked and tries random steps; policy gradient learns one verdict per path.
#   [Chapter 10](10_choosing.ipynb) takes apart what is due to this feedback and what to the loss.
# - Rewards come from a checker that never errs, and are multiplied by 10 for Q-learning. Learning rates and numbers of updates are
#   [our choices](references.md#where-we-chose), and [what they change](92_deviations.ipynb) is measured.
#
# **Read on**: [chapter 1](01_paths.ipynb) begins with the graph, [chapter 10](10_choosing.ipynb) helps to choose a method.
