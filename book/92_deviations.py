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
# <details><summary>In one sentence</summary>
#
# Where a base has room the paper's explanation holds; what differs are greedy gains, the falling test accuracy, and what
# the weights of policy gradient hold, each with a reason where saved runs show one.
#
# </details>
#
# Four lists: what became of the claims of the paper's figures; what still comes out otherwise than the paper says,
# with the reason that we can show; what the paper leaves open, with one setting changed at a time; and what we added
# to make Q-learning work, taken away again. All
# numbers come from saved runs (`python -m planrl reproduce --only falsify` and so on). A faint mark is one
# seed, a strong one the mean.
#
# The paper's full text and its code were not available to us; we worked from summaries.

# %% tags=["hide-input"]
from statistics import mean

from planrl.claims import (
    FAILS,
    GROUPS,
    HOLDS,
    IN_PART,
    UNDECIDED,
    figure_claims,
    interval,
    is_current,
    verdicts,
)
from planrl.claims.history import BOTH, FIGURES, NOT_BOTH, OPEN, RANDOM
from planrl.experiments import store
from planrl.experiments.ablations import choices as choice_learners
from planrl.experiments.store import results
from planrl.figures import scatter
from planrl.figures.table import Table
from planrl.teaching import exploration, notebook, regime_tables
from planrl.teaching import regime_figures as regimes
from planrl.teaching.claim_cards import Statements

notebook.setup()
judged = {verdict.claim.id: verdict for verdict in verdicts()}

# %% [markdown]
# ## The claims of the figures, before and now
#
# In version 0.1.0 each claim of the paper's figures was measured on two graphs from a base of 700 updates, which more
# SFT still improves. Now each is asked in the settings that it is meant for, the *regimes*
# ([chapter 11](11_verdicts.ipynb)): on random graphs (A, B, E) and on Blocksworld (C, D).

# %% tags=["remove-input"]
made = {
    letter: len(regimes.pages(letter)) for letter in "ABCDE" if regimes.has(letter)
}
waiting = ", ".join(
    f"{letter} has {made.get(letter, 0)}"
    for letter in "ABCDE"
    if made.get(letter) != 10
)
rows = figure_claims(judged)
count = {
    kind: sum(row.both == kind for row in rows) for kind in (BOTH, NOT_BOTH, OPEN)
}
before = sum(row.before == HOLDS for row in rows)
on_random = sum(row.on[RANDOM] == HOLDS for row in rows)
notebook.Told(
    f"Of {len(rows)} claims {before} held on both graphs in version 0.1.0. Now {count[BOTH]} hold on both, "
    f"{count[NOT_BOTH]} do not, and {count[OPEN]} are open: in the regimes nothing speaks against them so far, "
    f"and runs on Blocksworld are missing or not planned. On random graphs {on_random} hold. "
    f"{f'Seeds of ten that are stored: {waiting}.' if waiting else 'Each regime has ten seeds.'}"
)

# %% tags=["remove-input"]
notebook.Folded(
    "The claims, a row each",
    Table(
        [
            {
                "claim": f"{row.claim}: {row.statement}",
                "0.1.0": row.before,
                **row.on,
                "both": row.both,
                "what changed, and why": row.why,
            }
            for row in rows
        ],
        caption="Verdicts in version 0.1.0, and now: on random graphs, on Blocksworld, on both",
    ),
)

# %% tags=["remove-input"]
notebook.Download(
    [
        {
            "claim": row.claim,
            "statement": row.statement,
            "version 0.1.0": row.before,
            **row.on,
            "holds on both": row.both,
            "decided by": " ".join(FIGURES[row.claim]),
            "why": row.why,
        }
        for row in rows
    ],
    "claims-before-and-now.csv",
)

# %% [markdown]
# ## What still comes out otherwise
#
# Every claim of the paper or of ours that has a verdict and does not hold under all conditions that it is now asked
# under. Theorems are not in this list, because [all of them hold](11_verdicts.ipynb#every-claim). A reason is given
# where saved runs show it, and only as long as the numbers bear it out; *our reading* is not tested.

# %% tags=["hide-input"]
SFT, PG, Q = "continual SFT", "policy gradient", "Q-learning, process reward"


def saved(name, of=""):
    """The results of that name, none if there are none yet."""
    return results(name, of=of) if store.saved(name, of=of) else []


def gain(page, learner, key):
    """The last evaluation minus the base."""
    curve = page["result"]["learners"][learner][key]
    return curve[-1] - curve[0]


def if_so(condition, text):
    """A reason, while the numbers bear it out."""
    return text if condition else ""


def end(regime, learner, key):
    """The end of a learner, or the base, mean over seeds."""
    return mean(regimes.ends(regime, learner, key))


def auc(learner, kind="auc"):
    """What the weights tell of edges in regime A, mean over seeds."""
    return mean(regimes.edges("A", learner, kind))


greedy, start = (end("A", name, "test_greedy") for name in (PG, regimes.BASE))
room = end("B", PG, "test_greedy") - end("B", regimes.BASE, "test_greedy")
over = regimes.series("A", PG, "test_accuracy")[1].mean(0)[1:]
own, aside = (mean(regimes.best("A", name)) for name in (regimes.Q, regimes.OFF))
at_1 = end("A", regimes.OFF, "test_accuracy") - end("A", regimes.Q, "test_accuracy")
kept, plain, longer = map(auc, ("policy gradient + KL 0.1", PG, SFT))
early, late = (judged["A3.1-explained"].findings[k].mean for k in (0, -1))
(lost,) = judged["R-old-pairs-forgotten"].findings
cycles = next(
    f
    for f in judged["R-pg-gains"].findings
    if "digraph" in f.graph and f.name == "greedy"
)
gained, (gain_low, gain_high) = cycles.mean, interval(cycles.values)
least, most = min(cycles.values), max(cycles.values)
forgotten, (lost_low, lost_high) = lost.mean, interval(lost.values)
calm, to_go = f"{regimes.Q}, no random steps", f"{PG}, reward to go"
errs = 1 - end("P", calm, "train_accuracy")
plain_p, based, checked, valued = (
    mean(regimes.best("P", name))
    for name in (PG, f"{PG}, baseline", to_go, regimes.Q)
)
own_g, shown_g, greedy_g = (
    [mean(regimes.ends("G", name, key)) for key in ("test_greedy", "test_accuracy")]
    for name in (
        regimes.Q,
        f"{regimes.Q}, from demonstrations",
        f"{regimes.Q}, from the greedy base",
    )
)
blind_high = interval(judged["corridor-pg-blind"].findings[1].values)[1]
fixed_g = mean(regimes.ends("G", f"{regimes.Q}, fixed noise 5%", "test_greedy"))
ahead = exploration.ahead_at_equal_paths("G")
many = mean(
    regimes.curve("P", f"{PG}, baseline", "test", "diversity")[:, 0].tolist()
)
REASONS = {
    "R-q-without-errors": [
        if_so(
            own_g[1] - shown_g[1] > 0.15,
            f"Sampled at T = 1 it falls from {own_g[1]:.2f} to {shown_g[1]:.2f} (demonstrations) and {greedy_g[1]:.2f} "
            f"(greedy base), greedily only from {own_g[0]:.2f} to {shown_g[0]:.2f} and {greedy_g[0]:.2f}: the base "
            "makes illegal steps unlikely before, and greedy answers need no more.",
        )
    ],
    "R-fresh-noise-20": [
        if_so(
            regime_tables.nearer_than(4) > 0.9,
            "The theory of averages allows it for nearly all of these questions, but "
            "800 updates do not average so much noise. "
            + regime_tables.still_averaging(),
        )
    ],
    "R-fixed-noise-order": [
        if_so(
            fixed_g < 0.2,
            f"With 5 % it is down to {fixed_g:.2f}, so little is left to lose.",
        )
    ],
    "corridor-pg-blind": [
        if_so(
            blind_high > 0,
            "It does not look for the key more often than before; that it does so less often, too, ten seeds do not tell.",
        )
    ],
    "R-little-to-explore": [
        if_so(
            min(ahead) > 0,
            "Without the new paths policy gradient falls below its base. This is not only its faster collapse: with as many "
            f"paths left, it is {regimes.told(ahead)} less accurate than with them.",
        )
    ],
    "R-pg-gains": [
        if_so(
            gain_low < 0.05 < gain_high,
            f"In all but one condition it does. Greedily, on the digraph, it gains {gained:.3f} (95 % interval {gain_low:.3f} to "
            f"{gain_high:.3f}), which reaches below our bound of 0.05: how much a base leaves differs from graph to graph "
            f"({least:.2f} to {most:.2f}).",
        )
    ],
    "R-old-pairs-forgotten": [
        if_so(
            lost_low < 0.05 < lost_high,
            f"{forgotten:.3f} of the questions are lost (95 % interval {lost_low:.3f} to {lost_high:.3f}): the interval "
            "reaches across our bound of 0.05, so ten seeds are too few to tell.",
        )
    ],
    "R-q-random-steps": [
        if_so(
            errs > 0.03,
            f"Sampled at temperature 1, it errs in {errs:.0%} of its training paths, so illegal steps are tried "
            "without random ones.",
        )
    ],
    "R-q-over-pg-same-checks": [
        if_so(
            based - plain_p < checked - plain_p < valued - plain_p,
            f"Best accuracy: policy gradient {plain_p:.3f}, with a baseline {based:.3f}, with the checks of steps, too, "
            f"{checked:.3f}; Q-learning {valued:.3f}, of which random steps cost it some.",
        )
    ],
    "R-pg-collapses-with-checks": [
        if_so(many > 2, f"A baseline alone keeps {many:.1f} paths.")
    ],
    "R-pg-gains-greedy": [
        if_so(
            start > 0.95 and greedy < start,
            f"Greedily the saturated base answers {start:.2f} of the held-out questions, so there is little to "
            "gain, and the collapse to one path costs some.",
        ),
        if_so(
            room > 0.03,
            f"With one demonstrated path per question greedy accuracy rises by {room:.2f}.",
        ),
    ],
    "R-pg-test-falls": [
        if_so(
            float(over.max() - over[-3:].mean()) < 0.01,
            f"Sampled at T = 1, mean accuracy is {float(over.max()):.3f} where it is highest and "
            f"{float(over[-3:].mean()):.3f} at the end (regime A).",
        ),
        if_so(
            greedy < start,
            "What falls is greedy accuracy, and it falls from the base on.",
        ),
    ],
    "R-off-policy-is-as-good": [
        if_so(
            own - aside < -at_1,
            f"Sampled at T = 1 the off-policy learner ends {-at_1:.3f} below; at the best temperature of "
            f"each, {own - aside:.3f} (regime A).",
        )
    ],
    "R-unseen-edges-sft": [
        if_so(
            auc(regimes.BASE, "auc_unseen") < 0.5,
            f"They rank below pairs that are no edge (AUC {auc(regimes.BASE, 'auc_unseen'):.2f}), so SFT does not "
            "learn them. Our bound asked for chance, 0.5.",
        )
    ],
    "R-pg-holds-the-graph": [
        if_so(
            plain < kept < longer,
            f"Policy gradient stops taking correct edges. With a penalty of 0.1, which keeps more paths, its "
            f"weights hold more (AUC {kept:.3f} against {plain:.3f}; continual SFT {longer:.3f}; regime A).",
        )
    ],
    "R-memorises-nearer-than-uniform": [
        "Our reading: of ten demonstrated paths few pass through a context, so their frequencies are nearly "
        "uniform themselves, up to noise."
    ],
    "A3.1-explained": [
        if_so(
            late < 0.9 < early,
            f"In one layer with one head it is true after 700 updates of SFT (they explain {early:.2f} of the variance) and no longer after "
            f"3,000 ({late:.2f}): then the logits depend on what came before, too, be it the nodes or their number.",
        )
    ],
    "2-kl-ratios": [
        "They stay where the expected update is 0. Sampled updates also drift, and a weak penalty pulls back too "
        "little: chapter 6 measures this in a table."
    ],
}


falsify = {
    study.label.removesuffix("-seed0"): study
    for study in store.studies("falsify")
    if study.seed == 0
}


asked = [
    judged[claim.id]
    for group in ("imitation", "figures", "conditions", "regimes")
    for claim in GROUPS[group]
    if is_current(claim.id) and claim.id not in FIGURES
]
differing, why = {}, {}
for verdict in asked:
    claim = verdict.claim
    if verdict.verdict not in (FAILS, IN_PART, UNDECIDED):
        continue
    ours = "our " in claim.source or claim.source.startswith("Break")
    said = f"{'We expected' if ours else 'The paper'}: {claim.statement}"
    differing.setdefault(said, []).append(verdict)
    why.setdefault(said, []).extend(filter(None, REASONS.get(claim.id, [])))
Statements(
    {
        f"{said} Why: {' '.join(why[said]) or 'no reason found yet.'}": found
        for said, found in differing.items()
    },
    ordered=False,
)

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
# Choices that no run here undoes (no cycles, where a path ends, how the optimiser is set) are listed
# with their reasons under [References and notes](references.md).
