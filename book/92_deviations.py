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
# # Where do we differ from the paper, and what does it change?
#
# Three lists: what came out otherwise than the paper says, with the reason that we can show; what the paper
# leaves open, with one setting changed at a time; and what we added to make Q-learning work, taken away again. All
# numbers come from saved runs (`python -m planrl reproduce --only falsify` and so on). A faint mark is one
# seed, a strong one the mean.
#
# The paper's full text and its code were not available to us; we worked from summaries. Most of its statements
# that fail on the page of figures fail because the base there is not saturated, or because sampled and greedy
# accuracy differ. With a saturated base, or with one demonstrated path per pair, some of them hold: chapters
# [4](04_policy_gradient.ipynb), [6](06_kl.ipynb) and [8](08_logits.ipynb) show which.

# %% tags=["hide-input"]
from planrl.claims import (
    FAILS,
    IN_PART,
    UNDECIDED,
    imitation,
    is_current,
    verdicts,
)
from planrl.errors import InputError
from planrl.experiments import store
from planrl.experiments.ablations import choices as choice_learners
from planrl.experiments.paper import LAMBDAS
from planrl.experiments.store import results
from planrl.figures import scatter
from planrl.figures.table import Table
from planrl.teaching import notebook, paper_figures
from planrl.teaching.claim_cards import Statements

notebook.setup()

# %% [markdown]
# ## What came out otherwise
#
# Every claim of the paper's figures and discussion that does not hold under all conditions where we
# measured it. Theorems are not in this
# list, because [all of them hold](11_verdicts.ipynb#every-claim). A reason is given where this page measures
# it, and only as long as the numbers bear it out; *our reading* is not tested.

# %% tags=["hide-input"]
from planrl.teaching import regime_figures as regimes
from planrl.teaching import regime_tables

SFT, PG, Q = "continual SFT", "policy gradient", "Q-learning, process reward"
GRAPHS = ("dag", "blocksworld")


def saved(name, of=""):
    """The results of that name, none if there are none yet."""
    try:
        return results(name, of=of)
    except InputError:
        return []


def gain(page, learner, key):
    """The last evaluation minus the base."""
    curve = page["result"]["learners"][learner][key]
    return curve[-1] - curve[0]


def mean_gain(name, learner, key, of=""):
    """Mean over seeds; nan, for which every comparison is false, if there are none."""
    found = [gain(page, learner, key) for page in saved(name, of)]
    return sum(found) / len(found) if found else float("nan")


def curve(of, learner, key):
    """Mean over seeds, by evaluation."""
    return paper_figures.series(of, learner, key)[1].mean(0)


def if_so(condition, text):
    """A reason, while the numbers bear it out."""
    return text if condition else ""


def reading(text):
    return f"Our reading: {text}"


sampled_up = all(mean_gain("fig2", SFT, "test_accuracy", of) > 0 for of in GRAPHS)
greedy_up = any(mean_gain("fig2", SFT, "test_greedy", of) > 0.01 for of in GRAPHS)
last = {
    (of, key): float(curve(of, PG, key)[-1] - curve(of, PG, key)[-2])
    for of in GRAPHS
    for key in ("train_accuracy", "train_diversity")
}
swinging = []
for name in (PG, f"{Q}, discount 0.9", f"{Q}, off-policy, discount 0.9"):
    for key in ("test_accuracy", "test_greedy"):
        late = paper_figures.series("blocksworld", name, key)[1][:, 3:]
        swinging.append(float((late.amax(1) - late.amin(1)).mean()) > 0.03)
apart = {of: float(curve(of, Q, "spread_of_right")[-1]) / 10 for of in GRAPHS}
dip = curve("blocksworld", PG, "test_greedy")


def a_mean(values):
    return sum(values) / len(values)


def above(regime, one, other, key):
    """How far a learner ends above another one in a regime, mean over seeds."""
    return a_mean(
        regimes.minus(
            regimes.ends(regime, one, key), regimes.ends(regime, other, key)
        )
    )


own_auc, pg_auc = (
    a_mean(regimes.edges("A", name, "auc")) for name in (regimes.Q, PG)
)
evaluations = {
    size: [page["result"]["learners"]["SFT"] for page in saved("imitation", size)]
    for size in imitation.SIZES
}
attention = {
    size: sum(evaluation["attention_on_target"][0] for evaluation in found)
    / len(found)
    for size, found in evaluations.items()
    if found
}
greedily = {
    name: sum(float(curve(of, name, "train_greedy")[-1]) for of in GRAPHS)
    for name in LAMBDAS
}
SWINGS = if_so(
    all(swinging),
    "On Blocksworld accuracy, sampled and greedy, swings between evaluations, for Q-learning as for "
    "policy gradient; the last evaluation alone decides little.",
)
REASONS = {
    "3.1-spurious": [
        f"The claim counts pairs above the median edge, which few reach. Among as many of the highest "
        f"pairs as there are edges, {1 - a_mean(regimes.edges('A', regimes.BASE, 'precision')):.0%} are no "
        "edges after SFT (regime A)."
    ],
    "A3.1-attention": [
        if_so(
            attention["1x1"] > 0.5
            and all(
                attention["1x1"] > a for s, a in attention.items() if s != "1x1"
            ),
            "In one layer with one head it does; models with more of either also attend elsewhere.",
        ),
    ],
    "2-continual-sft-test": [
        if_so(
            sampled_up,
            "Our base is not saturated: sampled accuracy still rises.",
        ),
        if_so(
            not greedy_up,
            "Greedy accuracy, which sharpening leaves alone, does not.",
        ),
        if_so(
            above("A", SFT, regimes.BASE, "test_accuracy") < 0.01,
            "From a saturated base (5,000 updates) sampled accuracy does not rise either "
            f"({above('A', SFT, regimes.BASE, 'test_accuracy'):+.3f}).",
        ),
    ],
    "2-pg-test": [
        if_so(
            all(
                mean_gain("fig2", PG, "test_accuracy", of)
                > 0
                > mean_gain("fig2", PG, "test_greedy", of)
                for of in GRAPHS
            ),
            "Sampled accuracy rises, greedy accuracy falls: most of the gain is sharpening.",
        ),
        if_so(
            above("B", PG, regimes.BASE, "test_greedy") > 0.03,
            "From a base with one demonstrated path per pair, greedy accuracy has room and rises by "
            f"{above('B', PG, regimes.BASE, 'test_greedy'):.2f}.",
        ),
    ],
    "2-pg-over-sft": [
        if_so(
            all(
                curve(of, PG, "test_accuracy")[-1]
                > curve(of, SFT, "test_accuracy")[-1]
                and curve(of, PG, "test_greedy")[-1]
                < curve(of, SFT, "test_greedy")[-1]
                for of in GRAPHS
            ),
            "Sampled it ends above continual SFT on both graphs, greedily below on both.",
        ),
        if_so(
            min(
                above("B", PG, SFT, f"test_{how}") for how in ("accuracy", "greedy")
            )
            > 0.03,
            "With one demonstrated path per pair it ends above, sampled by "
            f"{above('B', PG, SFT, 'test_accuracy'):.2f} and greedily by "
            f"{above('B', PG, SFT, 'test_greedy'):.2f}.",
        ),
    ],
    "2-kl-price": [
        "Theorem 4.4 predicts nearly no price where the base can answer: a wrong step keeps the share "
        "exp(-1/λ) of its weight. A price is paid where the base cannot answer (chapter 6).",
        if_so(
            curve("dag", "policy gradient + KL", "train_accuracy")[-1]
            > curve("dag", "policy gradient + KL", "train_accuracy")[-2],
            "Sampled accuracy with the penalty still rises at the last update.",
        ),
    ],
    "2-kl-order": [
        if_so(
            greedily["policy gradient + KL"] == max(greedily.values()),
            "Greedily, 0.1 is the best of the five on both graphs together. Smaller weights hardly differ "
            "from none.",
        )
    ],
    "2-pg-train": [
        if_so(
            last["blocksworld", "train_accuracy"] > 0,
            "On Blocksworld accuracy still rises at the last update.",
        )
    ],
    "2-pg-collapse": [
        if_so(
            last["blocksworld", "train_diversity"] < 0,
            "On Blocksworld diversity is still being lost at the last update.",
        ),
        reading("plans are longer there, and many more of them are correct."),
    ],
    "2-pg-test-falls": [
        "The best evaluation minus the last one is never negative, so noise counts as a fall.",
        if_so(
            float(dip[-1]) > float(dip.min()) + 0.03,
            f"On Blocksworld greedy accuracy falls to {float(dip.min()):.2f} early and rises again to "
            f"{float(dip[-1]):.2f}.",
        ),
    ],
    "3-on-off": [SWINGS],
    "3-q-over-pg": [
        SWINGS,
        reading(
            "on Blocksworld, discounted values of a step and of a detour differ little, so sampling at "
            "temperature 1 takes detours."
        ),
    ],
    "1-q-adjacency": [
        if_so(
            own_auc > pg_auc + 0.05,
            "The claim reads the weights as they are, and each of their columns contains a number that "
            "Q-learning leaves free (Theorem 5.3). With centred columns Q-learning has an AUC of "
            f"{own_auc:.2f}, policy gradient {pg_auc:.2f} (regime A).",
        )
    ],
    "1-pg-adjacency": [
        reading(
            "policy gradient lowers the logits of correct edges that it no longer takes."
        )
    ],
    "4-one-value": [
        if_so(
            apart["dag"] > 0.1 > apart["blocksworld"],
            f"On the DAG the values of correct next nodes stay {apart['dag']:.2f} of the reward apart "
            f"(standard deviation), on Blocksworld {apart['blocksworld']:.2f}.",
        ),
        if_so(
            a_mean(regime_tables.spread("A", regimes.Q)) < 0.1,
            "After 4,000 updates with a falling learning rate they are "
            f"{a_mean(regime_tables.spread('A', regimes.Q)):.2f} apart on the DAG, too (regime A).",
        ),
    ],
    "C-cold": [
        "A low temperature sharpens by itself, so this condition does not isolate exploration. The "
        "control that does pays policy gradient for demonstrated paths only (chapter 4)."
    ],
    "C-off-policy": [
        reading("the base errs enough by itself to show most illegal steps.")
    ],
    "C-forgets": [
        reading(
            "old pairs are trained on, too, so sampled answers to them sharpen, and new pairs share "
            "their edges with old ones."
        ),
    ],
}


falsify = {
    study.label.removesuffix("-seed0"): study
    for study in store.studies("falsify")
    if study.seed == 0
}


differing = {}
for verdict in verdicts(["imitation", "figures", "conditions", "regimes"]):
    claim = verdict.claim
    told = verdict.verdict in (FAILS, IN_PART, UNDECIDED)
    if not told or not is_current(claim.id):
        continue
    who = "We expected" if claim.source.startswith("Break") else "The paper"
    why = " ".join(filter(None, REASONS.get(claim.id, [])))
    text = f"{who}: {claim.statement} Why: {why or 'no reason found yet.'}"
    differing[text] = [verdict]
Statements(differing, ordered=False)

# %% [markdown]
# ## What the paper leaves open
#
# One setting at a time is changed, and three methods train on from the resulting base:

# %% tags=["remove-input"]
WORLDS = {
    "plain": "as in the figures",
    "early-base": "early base",
    "late-base": "late base",
    "half-train": "half of the questions",
    "edges-train": "all edges in training",
    "one-path": "one path a question",
    "digraph": "digraph",
}
MEANING = {
    "base_steps": "SFT updates of the base",
    "train_share": "share of the questions that train",
    "force_edges": "every edge is a training question",
    "paths_per_pair": "demonstrated paths a question",
    "kind": "kind of graph",
    "nodes": "nodes",
    "edge_probability": "probability of an edge",
}


def flat(study):
    """Settings of the dataset, and the updates of base and learners."""
    dataset = study.dataset.plain()
    base_steps = study.base.learner.steps
    steps = study.learners[SFT].steps
    return {
        **dataset.pop("options"),
        **dataset,
        "base_steps": base_steps,
        "steps": steps,
    }


grid = {label: flat(study) for label, study in falsify.items()}
assert set(grid) == set(WORLDS)
Table(
    [
        {
            "setting": WORLDS[label],
            "changed": MEANING[key],
            "in the figures": str(grid["plain"][key]),
            "here": str(value),
        }
        for label, settings in grid.items()
        for key, value in settings.items()
        if value != grid["plain"][key]
    ],
    caption=f"The three learners then go on for {grid['plain']['steps']} updates.",
)

# %% tags=["remove-input"]
changed = {label: saved("falsify", label) for label in WORLDS}
assert changed["plain"]
assert changed["late-base"]
steps = grid["plain"]["steps"]


def gains(learners, key):
    """{setting: {learner: one gain a seed}}."""
    return {
        WORLDS[label]: {
            name: [gain(page, name, key) for page in pages] for name in learners
        }
        for label, pages in changed.items()
        if pages
    }


def drawn(found, title, x):
    """The figure, its means in words."""
    told = "; ".join(
        f"{row}: "
        + ", ".join(
            f"{name} {sum(v) / len(v):+.3f}" for name, v in learners.items()
        )
        for row, learners in found.items()
    )
    return scatter.dots(found, title=title, alt=f"{title}. {told}.", x=x)


sampled, greedy = (
    gains([SFT, PG, Q], "test_accuracy"),
    gains([SFT, PG, Q], "test_greedy"),
)
drawn(
    sampled,
    f"Test accuracy, sampled: what {steps} updates add",
    "last evaluation minus base",
)

# %% tags=["remove-input"]
drawn(
    greedy,
    f"Test accuracy, greedy: what {steps} updates add",
    "last evaluation minus base",
)

# %% tags=["remove-input"]
late, plain = (sampled[WORLDS[label]][SFT] for label in ("late-base", "plain"))
assert sum(late) / len(late) < sum(plain) / len(plain)
print(
    "Continual SFT, sampled test accuracy: "
    f"{sum(plain) / len(plain):+.3f} from our base, {sum(late) / len(late):+.3f} from a late one"
)

# %% [markdown]
# So the paper's "continual SFT does not raise test accuracy" depends on the base: from an unsaturated base it
# rises while probabilities sharpen; from a saturated one it does not. The figures show for each setting whether the
# order of the three methods changes.

# %% tags=["remove-input"]
notebook.Download(
    [
        {
            "setting": WORLDS[label],
            "seed": page["settings"]["seed"],
            "learner": name,
            **{
                key: curve[key][-1]
                for key in (
                    "train_accuracy",
                    "train_greedy",
                    "test_accuracy",
                    "test_greedy",
                    "train_diversity",
                    "adjacency_auc",
                )
            },
        }
        for label, pages in changed.items()
        for page in pages
        for name, curve in page["result"]["learners"].items()
    ],
    "settings-left-open.csv",
)

# %% [markdown]
# ## What we added
#
# How the paper makes Q-learning on logits work is not known to us. Ours needs the settings below, and each is
# taken away by itself. For policy gradient a baseline is *added*, which the paper does not have, and both
# are trained at a higher learning rate.

# %% tags=["remove-input"]
known = choice_learners()
care = known["Q-learning"].algorithm
faster = (
    known["Q-learning, learning rate times 3"].training.lr
    / known["Q-learning"].training.lr
)
low, high = care.option("value_bounds")
print(
    f"rewards times {care.option('reward_scale'):g}\n"
    f"a share of {care.option('epsilon'):g} of the steps at random\n"
    "END is allowed only at the target\n"
    f"values clipped to {low:g} .. {high:g} times the reward\n"
    f"learning rate {known['Q-learning'].training.lr:g}, and {faster:g} times that"
)

# %% tags=["remove-input"]
choices = saved("choices", "seed")
seeds = f"{len(choices)} seed{'s' * (len(choices) != 1)}"


def both(keys):
    """{learner: {words: one number a seed}}."""
    return {
        name: {
            words: [page["result"]["learners"][name][key][-1] for page in choices]
            for words, key in keys.items()
        }
        for name in choices[0]["result"]["learners"]
    }


drawn(
    both({"training, greedy": "train_greedy", "test, greedy": "test_greedy"}),
    f"Greedy accuracy after {choices[0]['settings']['steps']} updates, {seeds}",
    "accuracy",
)

# %% tags=["remove-input"]
drawn(
    both({"distinct correct paths among 100 samples": "train_diversity"}),
    f"Diversity after {choices[0]['settings']['steps']} updates, {seeds}",
    "distinct correct paths among 100 samples",
)

# %% tags=["remove-input"]
ends = {
    name: sum(v["x"]) / len(v["x"])
    for name, v in both({"x": "test_greedy"}).items()
}
lost = {
    name: ends[name.split(",")[0]] - end
    for name, end in ends.items()
    if "," in name
}
broken = [name for name, value in lost.items() if value > 0.2]
assert "Q-learning, rewards times 1" in broken
print(
    f"Greedy test accuracy lost ({seeds}): "
    + "; ".join(f"{name} {value:+.3f}" for name, value in lost.items())
)
print(f"Broken, that is more than 0.2 lost: {'; '.join(broken)}")

# %% [markdown]
# So one of these settings is needed here: rewards large enough that a softmax prefers the best step. For the others
# the line above says what they are worth on these seeds.
#
# ## What it cost
#
# Processor time of the runs behind the book's numbers, each run counted once, on one thread
# each. Not every study recorded it.

# %% tags=["remove-input"]
rows = []
for name in store.EXPERIMENTS:
    pages = saved(name)
    took = [sum(store.cpu_seconds(page).values()) for page in pages]
    if pages:
        rows.append(
            {
                "study": name,
                "runs": len(pages),
                "CPU hours": f"{sum(took) / 3600:.2f}" if any(took) else "",
                "runs without a record": took.count(0.0),
            }
        )
whole = sum(float(row["CPU hours"] or 0) for row in rows)
Table(
    rows,
    caption=f"{whole:.1f} CPU hours in all, where recorded; runs thrown away are not counted",
)

# %% [markdown]
# Choices that no run here undoes (no cycles, where a path ends, how the optimiser is set) are listed
# with their reasons under [References and notes](references.md).
