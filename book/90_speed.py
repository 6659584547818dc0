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
# # How fast is it, what does it cost, and what would break?
#
# A claim of speed is a ratio: the same work, done twice in one process on one thread, both sides
# taking turns, with a check that both did the same. This page shows the last such table, what each
# technique gained, what did not pay, where the time goes now, and how costs grow. Everything but
# one figure is read from saved measurements; the commands that made them stand beside them.

# %% tags=["hide-input"]
import math
import textwrap

import plotly.graph_objects as go
import torch

import planrl as pr
from planrl.experiments import store
from planrl.experiments.datasets import DatasetSettings, make_dataset
from planrl.experiments.store import results
from planrl.figures import charts, sliders, style
from planrl.figures.table import Table
from planrl.teaching import notebook
from planrl.teaching import regime_figures as regimes

notebook.setup()

# %% [markdown]
# ## Next to what else one would use
#
# The peers: Hugging Face `generate` and a REINFORCE loop around it, TRL's GRPO trainer, a plain
# GPT loop in nanoGPT's manner (rows padded to 32, no cache, paths checked in Python), NetworkX, and
# eager torch for the table. Made by `make peers` and `make bench KEEP=1`.


# %% tags=["hide-input"]
def number(value):
    """Three digits that matter."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


rows = results("speed")[0]["result"]["rows"]
assert all(row["equal"] is not False for row in rows), (
    "a row without equal sides is no row"
)
named = {row["name"]: row for row in rows}
undone = [row for row in rows if row["peer_name"] == "the same without it"]
tried = [row for row in rows if row["name"].startswith("tried: ")]
shares = [row for row in rows if row["unit"] == "%"]
compared = [
    row for row in rows if row not in [*undone, *tried, *shares] and row["ratio"]
]


def said(row):
    """A row of the tables below."""
    most = "at most " if row["name"].startswith("import") else ""
    goal = "" if row["goal"] is None else f"{most}{row['goal']:g}"
    if row["reached"] is not None:
        goal += " (reached)" if row["reached"] else " (missed)"
    return {
        "work": row["name"],
        "ratio": number(row["ratio"]),
        "lowest to highest": f"{number(row['low'])} to {number(row['high'])}",
        "goal": goal,
        "ours": number(row["ours"]),
        "peer": number(row["peer"]),
        "unit": row["unit"],
    }


dates = sorted({row["date"] for row in rows})
machines = sorted({"; ".join(row["machine"]) for row in rows})
said_first = [
    f"measured {' and '.join(dates)}",
    *machines,
    f"policy: {rows[0]['policy']}",
]
print("\n".join(textwrap.fill(line, 76) for line in said_first))
Table(
    [said(row) for row in compared],
    caption="Processor seconds, one thread; the ratio is the median over the rounds.",
)

# %% tags=["hide-input"]
order = sorted(compared, key=lambda row: row["ratio"])
figure = go.Figure()
figure.add_scatter(
    x=[row["ratio"] for row in order],
    y=[row["name"] for row in order],
    error_x={
        "type": "data",
        "symmetric": False,
        "array": [row["high"] - row["ratio"] for row in order],
        "arrayminus": [row["ratio"] - row["low"] for row in order],
    },
    mode="markers",
    name="measured",
    marker={"size": 9, "color": style.STYLES["policy gradient"][0]},
)
aimed = [row for row in order if row["goal"] is not None]
figure.add_scatter(
    x=[row["goal"] for row in aimed],
    y=[row["name"] for row in aimed],
    mode="markers",
    name="goal",
    marker={
        "size": 12,
        "symbol": "line-ns-open",
        "color": style.STYLES["truth"][0],
    },
)
figure.update_xaxes(type="log", title="how many times faster")
figure.update_yaxes(automargin=True, tickfont={"size": 11})
figure.update_layout(legend={"orientation": "h", "y": -0.12})
reached = [row["reached"] for row in aimed]
style.finish(
    figure,
    f"{sum(reached)} of the {len(reached)} goals of this table are reached",
    "Ratio of peer to ours for each row on a log axis, with spread and goal; the same numbers as "
    "in the table above",
    120 + 30 * len(order),
)

# %% [markdown]
# What a ratio says depends on how strong the peer is. Ours were made as strong as we could: the
# padded loop uses torch's fused attention, and the NetworkX walks have their sets of useful nodes
# made before the clock starts, while ours builds graph and tables within it. The goals for
# fine-tuning and for paths were set against weaker peers and are missed against these: a loop that
# asks NetworkX for a path at every step, as one writes it first, is left behind more than a
# hundredfold. For the others the table says how near they came.

# %% tags=["hide-input"]
asking = [row for row in compared if "asking networkx" in row["name"]]
assert len(asking) == 2 and all(row["low"] > 100 for row in asking)  # noqa: PT018
missed = [row for row in [*aimed, *shares] if row["reached"] is False]
Table(
    [
        {
            "missed": row["name"],
            "goal": f"{row['goal']:g}",
            "measured": f"{row['ratio']:.3g}",
            "lowest to highest": f"{row['low']:.3g} to {row['high']:.3g}",
        }
        for row in missed
    ],
    caption="Goals that are missed; a share is a part of 1.",
)

# %% [markdown]
# ## Next to what the processor can do
#
# A matrix product of the layer's own shape runs at some rate; that is the limit. *Real tokens*
# counts every token a row really has, in full. But our Transformer leaves out what no loss reads:
# the prompt's first two places choose nothing, so only their keys and values are computed. *Needed
# work* counts just what is left.

# %% tags=["hide-input"]
Table(
    [
        {
            "work": row["name"].removeprefix("share of sgemm, "),
            "share of the limit": f"{row['ours']:.0f} %",
            "goal": "" if row["goal"] is None else f"{100 * row['goal']:.0f} %",
            "GFLOP per second": row["note"].split(" GFLOP")[0],
        }
        for row in shares
    ],
    caption="The limit: torch.mm [1024, 120] x [120, 480], timed in turns with the work.",
)

# %% [markdown]
# ## What each technique gained, and what did not pay
#
# Each row is the library against itself, with one technique undone; and then what we tried and left
# out, where *ratio* says how many times slower the attempt was (below 1: faster). On this processor
# and this build of torch, products in bfloat16 and int8 are far slower than in 32 bits: roll-outs
# from weights of few bits do not pay here, whatever they may do on a GPU. `torch.compile` makes the
# feed-forward part a little faster, but not by enough to pay for compiling it in a session of
# minutes, nor for needing a C++ compiler. One flat tensor of weights would save
# a part of AdamW's small part of a step, which is not worth weights without names. The gradient's
# norm in few calls saves a fixed time a step, which 256 rows hide.

# %% tags=["hide-input"]
small = ("gradient norm", "inference mode")  # too small to be seen in every run
assert all(
    row["ratio"] > 1
    for row in undone
    if not any(name in row["name"] for name in small)
)
assert all(
    row["ratio"] > 2
    for row in tried
    if "float16" in row["name"] or "int8" in row["name"]
)
short = ("work", "ours", "peer", "unit", "ratio", "lowest to highest")
Table(
    [{key: said(row)[key] for key in short} for row in [*undone, *tried]],
    caption="peer: the same without the technique, or the attempt",
)

# %% [markdown]
# Four more ideas would make an update of policy gradient cheaper. They were measured in turns on a busy machine, 128 rows on
# the random graph of 100 nodes, five rounds, and none was taken:
#
# | idea | what it could save |
# | --- | --- |
# | use the activations of the rollout again in the loss's forward pass | the forward pass, at most 23 % of an update, minus what it costs to keep activations of rows that are dropped on the way |
# | policy and frozen base in one pass | nothing: stacked products are 0.75 to 1.11 times as fast as one by one |
# | several seeds in one batch | nothing: 4 models are 0.98 to 1.17 times as fast stacked, 8 are 0.98 to 1.02 times; 128 rows fill the processor |
# | cut Q-learning's long rollouts (7.4 tokens on average, 17 steps taken) | about half of the rollout's 15 to 22 ms, by training on other data: all numbers would move |

# %% [markdown]
# ## Where the time goes now
#
# The one figure measured while this page was built: a profile of the fine-tuning step and of a
# roll-out, on the paper's graph.

# %% tags=["hide-input"]
KINDS = {
    "matrix products": ("aten::mm", "aten::addmm"),
    "attention": ("aten::bmm", "aten::baddbmm", "aten::_softmax", "_Attend"),
    "GELU": (
        "aten::sigmoid_",
        "aten::mul",
        "aten::mul_",
        "aten::add_",
        "_Gelu",
        "aten::addcmul",
    ),
    "fetching rows": (
        "aten::index",
        "aten::index_select",
        "aten::index_copy",
        "aten::copy_",
    ),
    "layer norm": ("aten::native_layer_norm", "aten::native_layer_norm_backward"),
}


def profile(work, times=10):
    """The share of each kind of operation in the time of `work`."""
    for _ in range(3):
        work()
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU]
    ) as seen:
        for _ in range(times):
            work()
    spent = {event.key: event.self_cpu_time_total for event in seen.key_averages()}
    whole = sum(spent.values())
    table = {
        kind: sum(spent.get(name, 0) for name in names) / whole
        for kind, names in KINDS.items()
    }
    return {**table, "all else": 1 - sum(table.values())}


dataset = make_dataset(DatasetSettings())
model = pr.Transformer(
    dataset.train.vocab, pr.TransformerConfig(), pr.seeded(0, "weights")
)
rows_of_256 = pr.demonstrations(
    dataset.train, dataset.paths, rng=pr.seeded(0, "rows"), size=256
)
run = pr.train(model, rows_of_256, pr.sft, pr.TrainConfig(lr=5e-4))
for _ in range(60):  # so that its paths resemble those of a trained model
    next(run)
pairs = dataset.train.pairs[:512].repeat(2, 1)
rng = pr.seeded(0, "walks")
profiles = {
    "fine-tuning step, 256 rows": profile(lambda: next(run)),
    "rollout, 1,024 paths": profile(lambda: pr.rollout(model, pairs, rng=rng)),
}
assert all(
    max(parts, key=parts.get) == "matrix products" for parts in profiles.values()
)
charts.bars(
    profiles,
    title="Matrix products take the largest part; the rest is spread thin",
    alt="Share of processor time by kind of operation, for a fine-tuning step and a rollout",
    x="",
    y="share of the time",
    text=".0%",
)

# %% [markdown]
# ## How costs grow
#
# Around one base (100 nodes, one layer, width 120, 256 rows a batch; a roll-out walks four prompts
# for each row) one size is changed at a time. Both axes are relative to the base, so a straight
# line of slope 1 is "twice the size, twice the cost". Dotted: what the multiplications alone would
# cost. Made by `python -m planrl reproduce --only costs`, each point in a process of its own.

# %% tags=["hide-input"]
from planrl.experiments import costs

grown = results("costs")[0]
points, base = grown["result"]["rows"], grown["settings"]["base"]
MEANS = {
    "nodes": "nodes of the graph",
    "batch": "rows of a batch",
    "layers": "layers",
    "width": "width of the layers",
    "length": "edges of a path",
}


def called(work):
    """A piece of work in the book's words."""
    return work.replace("sft", "SFT")


def curve(work, axis, of):
    """Sizes and values along an axis, relative to the base (for path length: to the shortest)."""
    on_it = costs.along(points, work, axis, base)
    start = next((row for row in on_it if row[axis] == base[axis]), on_it[0])
    return (
        [row[axis] / start[axis] for row in on_it],
        [row[of] / start[of] for row in on_it],
    )


SCALE = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
frames = {}
for axis, meaning in MEANS.items():
    drawn = go.Figure()
    for position, work in enumerate(costs.MODELS):
        colour = ("#0072B2", "#D55E00", "#009E73")[position]
        for of, dash, name in (
            ("cpu_seconds", "solid", called(work)),
            ("flops", "dot", f"{called(work)}: products"),
        ):
            x, y = curve(work, axis, of)
            drawn.add_scatter(
                x=x,
                y=y,
                name=name,
                mode="lines+markers" if dash == "solid" else "lines",
                line={
                    "color": colour,
                    "dash": dash,
                    "width": 2 if dash == "solid" else 1,
                },
            )
    drawn.update_xaxes(title="size, relative to the base")
    drawn.update_yaxes(title="cost, relative to the base")
    for along in "xy":
        exponents = [math.log10(v) for trace in drawn.data for v in trace[along]]
        low, high = min(exponents) - 0.1, max(exponents) + 0.1
        ticks = [v for v in SCALE if low <= math.log10(v) <= high]
        drawn.layout[f"{along}axis"].update(
            type="log",
            range=[low, high],
            tickvals=ticks,
            ticktext=[f"{v:g}" for v in ticks],
        )
    drawn.update_layout(legend={"orientation": "h", "y": -0.45})
    frames[meaning] = style.finish(
        drawn,
        "What one more of each costs",
        "Relative cost over relative size on log axes for a fine-tuning step, a policy-gradient "
        "step and a roll-out, with the cost of the multiplications alone; one chooses the size",
        520,
    )
sliders.with_slider(frames, name="what grows", start=MEANS["nodes"])

# %% tags=["hide-input"]
MB = 1e6
Table(
    [
        {
            "size": f"{axis} {row[axis]}",
            "work": called(work),
            "CPU-ms": number(1e3 * row["cpu_seconds"]),
            "share that is products": f"{row['floor']:.0%}"
            if row["flops"]
            else "-",
            "memory it adds, MB": number(
                (row["memory_peak"] - row["memory_before"]) / MB
            ),
        }
        for axis, chosen in {
            "nodes": ("sft step", "roll-out", "graph", "paths"),
            "batch": ("sft step", "roll-out"),
        }.items()
        for work in chosen
        for row in (
            costs.along(points, work, axis, base)[0],
            costs.along(points, work, axis, base)[-1],
        )
    ],
    caption="The two ends of some curves; absolute times are those of one machine at one hour.",
)

# %% [markdown]
# Where does each curve stop being linear, and why? From one end to the other:

# %% tags=["hide-input"]
WHY = {
    (
        "sft step",
        "batch",
    ): "below about 128 rows the fixed cost of a step shows (calls of torch, "
    "the update of the weights); above, a line",
    (
        "roll-out",
        "batch",
    ): "the same; memory stays flat, as paths are sampled 1,024 at a time",
    (
        "sft step",
        "layers",
    ): "each further layer costs the same, and more than the first: only the "
    "last may leave out positions that choose nothing",
    (
        "sft step",
        "width",
    ): "products grow with the square, all else with the width: so between the "
    "two, and nearer to the limit the wider",
    (
        "sft step",
        "nodes",
    ): "only the logits grow with the nodes, and paths get a little longer",
    (
        "sft step",
        "length",
    ): "linear in the tokens; attention's square is still small",
    (
        "roll-out",
        "length",
    ): "more than linear: each new token reads all earlier keys and values, "
    "which by then do not fit the processor's cache",
    (
        "graph",
        "nodes",
    ): "reachability by squaring matrices: towards the cube of the nodes",
    ("paths", "nodes"): "the table of useful successors: pairs times successors",
}


def ends(work, axis, of):
    """How many times larger `of` is at the largest size than at the smallest."""
    on_it = costs.along(points, work, axis, base)
    if not on_it[0][of]:
        return None
    return on_it[-1][of] / on_it[0][of]


def per_size(work, axis, of="cpu_seconds"):
    """Size and value of each point."""
    return {row[axis]: row[of] for row in costs.along(points, work, axis, base)}


batch, layers = per_size("sft step", "batch"), per_size("sft step", "layers")
assert batch[256] / batch[32] < 6.5, "fixed cost below 128 rows"
assert 6 < batch[2048] / batch[256] < 11, "then a line"
added = [layers[k + 1] - layers[k] for k in (1, 2, 3)]
assert max(added) < 1.5 * min(added), "each further layer costs the same"
assert min(added) > 0.85 * layers[1]
assert 4 < ends("sft step", "width", "cpu_seconds") < 16
assert ends("sft step", "width", "floor") > 1.5
assert ends("sft step", "nodes", "cpu_seconds") < 4
rollouts = per_size("roll-out", "length")
assert rollouts[60] / rollouts[30] > 2.5, "more than linear"
assert ends("graph", "nodes", "cpu_seconds") > 16**1.5
assert ends("paths", "nodes", "memory_peak") > 2
held = costs.along(points, "roll-out", "batch", base)
held = {row["batch"]: row["memory_peak"] - row["memory_before"] for row in held}
assert held[2048] < 2 * held[256], "memory stays flat"
Table(
    [
        {
            "work": called(work),
            "what grows": MEANS[axis],
            "times": f"{ends(work, axis, axis):.0f}",
            "cost, times": number(ends(work, axis, "cpu_seconds")),
            "products, times": number(ends(work, axis, "flops")),
            "why": why,
        }
        for (work, axis), why in WHY.items()
    ],
    caption="Growth from the smallest size measured to the largest.",
)

# %% [markdown]
# ## What the book's runs cost
#
# Processor time of the runs behind the book's numbers, each run counted once, on one thread
# each. Not every study recorded it.

# %% tags=["remove-input"]
spent = []
for name in store.EXPERIMENTS:
    saved = store.saved(name) and results(name)
    seconds = [sum(store.cpu_seconds(page).values()) for page in saved]
    if saved:
        spent.append(
            {
                "study": name,
                "runs": len(saved),
                "CPU hours": f"{sum(seconds) / 3600:.2f}" if any(seconds) else "",
                "runs without a record": seconds.count(0.0),
            }
        )
total = sum(float(row["CPU hours"] or 0) for row in spent)
Table(
    spent,
    caption=f"{total:.1f} CPU hours in all, where recorded; runs thrown away are not counted",
)

# %% tags=["remove-input"]
hours = {
    letter: sum(
        sum(store.cpu_seconds(page).values()) for page in regimes.pages(letter)
    )
    / 3600
    for letter in "ABCDEGHPS"
    if regimes.has(letter)
}
notebook.Told(
    "Of the regimes: "
    + ", ".join(f"{letter} {value:.1f}" for letter, value in hours.items())
    + " hours. We had aimed at ten for A to G together, which is too little for ten seeds of each."
)

# %% [markdown]
# ## Rollouts from rounded weights
#
# The paper recommends Q-learning's indifference to who samples for cheap, quantised rollouts. Does
# accuracy survive? Here the sampler is the learner with its weight matrices rounded to few bits,
# anew before every batch; the learner itself stays in 32 bits and is scored as such. The policy
# gradient, which in theory may *not* use another's rollouts, stands beside it. Made by
# `python -m planrl reproduce --only quantised`.

# %% tags=["hide-input"]
studies = results("quantised")
seeds = [page["settings"]["seed"] for page in studies]
learners = list(studies[0]["result"]["learners"])  # "Q-learning, 8 bits" and so on
names = list(dict.fromkeys(one.rpartition(", ")[0] for one in learners))
bits = list(dict.fromkeys(one.split()[-2] for one in learners))
steps = studies[0]["settings"]["steps"]


def scored(name, width, key):
    return torch.tensor(
        [
            page["result"]["learners"][f"{name}, {width} bits"][key][-1]
            for page in studies
        ]
    )


greedy = {
    name: torch.stack([scored(name, b, "train_greedy") for b in bits])
    for name in names
}  # bits x seeds
at = {b: bits.index(b) for b in bits}
for name, values in greedy.items():
    assert (values[at["8"]] - values[at["32"]]).abs().max() < 0.03, name
assert all(float(values[at["3"]].mean()) > 0.9 for values in greedy.values())
assert all(float(values[at["2"]].mean()) < 0.7 for values in greedy.values())
charts.bars(
    {
        name: {
            f"{b} bits": float(scored(name, b, "train_greedy").mean()) for b in bits
        }
        for name in names
    },
    title="Three bits do, in both learners; two do not",
    alt="Greedy accuracy on training questions for samplers of 32, 8, 4, 3 and 2 bits, for "
    "Q-learning and policy gradient",
    x="bits of the sampler's weights",
    y="greedy accuracy, training questions",
    y_range=(0, 1.12),
)

# %% tags=["hide-input"]
print(f"seeds {seeds}, {steps} updates from the same SFT base")
Table(
    [
        {
            "learner": f"{name}, sampler of {b} bits",
            "greedy, train": " / ".join(
                f"{v:.3f}" for v in scored(name, b, "train_greedy")
            ),
            "greedy, test": " / ".join(
                f"{v:.3f}" for v in scored(name, b, "test_greedy")
            ),
            "diversity (20 samples)": " / ".join(
                f"{v:.1f}" for v in scored(name, b, "train_diversity")
            ),
            "sampler is off by": " / ".join(
                f"{v:.3f}" for v in scored(name, b, "mismatch")
            ),
        }
        for name in names
        for b in bits
    ],
    caption="One number a seed. Off by: total variation between the two next-step distributions.",
)

# %% [markdown]
# So greedy accuracy on training questions survives a sampler of 3 bits in both learners, and 2 bits ruin both. On held-out
# questions policy gradient, which in theory may not use another's rollouts, loses more at 3 bits than Q-learning, which may, in one of two seeds. Before
# Q-learning was kept from believing values below 0, it lost most of its accuracy at 3 bits. So what
# ruined it then was not the rounded sampler alone, but values that sank where it did not go. Two seeds
# and one recipe show this much, and no more.
#
# ## On paper: a graph of 10,000 nodes
#
# With the edge probability kept at 0.15 such a graph has 7.5 million edges and nearly 50 million
# questions. What would break, first things first?

# %% tags=["hide-input"]
n, p, width = 10_000, 0.15, 120
edges, task = p * n * (n - 1) / 2, n * (n - 1) / 2
token = 24 * width**2 + 2 * width * (n + 1)  # operations for one token, forward
small = 24 * width**2 + 2 * width * 101
Table(
    [
        {
            "what": "C(i, j) as a table over target, current, next (Graph.correct, LogitTable)",
            "it takes": f"{n**3 / 1e12:.0f} TB at one byte a cell",
            "instead": "never made for such graphs: the Transformer holds the graph in n x 120",
        },
        {
            "what": "successors of every (target, current), for sampling paths",
            "it takes": f"{n * edges / 1e9:.0f} GB of flags",
            "instead": "the reachability rows of the batch's targets only, edges sparse",
        },
        {
            "what": "reachability by squaring matrices",
            "it takes": f"{2 * n**3 * 14 / 80e9 / 60:.0f} CPU-minutes at 80 GFLOP/s",
            "instead": f"bit sets in topological order: {edges * n / 8 / 1e9:.0f} GB to pass over, seconds",
        },
        {
            "what": "all pairs, as rows",
            "it takes": f"{task * 16 / 1e9:.1f} GB",
            "instead": "draw questions; a held-out one is told by a hash of (s, t)",
        },
        {
            "what": "the diversity of all questions, 100 samples each",
            "it takes": f"{task * 100 / 1e9:.0f} billion paths",
            "instead": "2,000 questions: a standard error of 1 % on an accuracy",
        },
        {
            "what": "the last layer, one logit for each node",
            "it takes": f"{token / small:.0f} times the operations of 100 nodes a token",
            "instead": "nothing: it stays the largest product, near the limit",
        },
    ],
    caption="What a graph of 10,000 nodes takes, and what it would take instead.",
)

# %% [markdown]
# So the table from which demonstrated paths are drawn breaks first, at a few thousand nodes; the
# model itself would still fit a laptop. And ten seeds of the figures' nine learners in ten
# minutes? The saved runs say how many processor minutes a seed takes:

# %% tags=["hide-input"]
both = [
    {
        page["settings"]["seed"]: sum(
            page["result"]["facts"]["cpu_seconds"].values()
        )
        for page in results(figure, of="dag")
    }
    for figure in ("fig2", "fig3")
]
spent = [
    (both[0][seed] + both[1][seed]) / 60
    for seed in sorted(set(both[0]) & set(both[1]))
]
workers = 10 * sum(spent) / len(spent) / 10
print(
    f"{min(spent):.1f} to {max(spent):.1f} CPU-minutes a seed: ten seeds in ten minutes need "
    f"{workers:.0f}\nworkers such as ours if the work splits evenly. With one worker a seed, ten "
    f"workers need {max(spent):.1f} minutes."
)

# %% [markdown]
# Runs share nothing, so a sweep is a map: `sweep(run, settings)` of `planrl.experiments.sweeps` hands
# them to processes, or, inside `joblib.parallel_config(backend="dask")`, to a cluster, with results
# that are the same bit for bit. Two processes on two cores gain:

# %% tags=["hide-input"]
(two,) = (row for row in rows if row["name"].startswith("sweep of"))
print(
    f"{two['name']}: {two['ratio']:.2f} times faster in wall-clock time\n"
    f"({two['low']:.2f} to {two['high']:.2f} over the rounds)"
)
