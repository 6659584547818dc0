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
    source = "git+https://github.com/planrl/planrl"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", source],
        check=True,
    )

# %% tags=["remove-cell"]
# Colab lacks the library that reads PDDL.
if "google.colab" in sys.modules and importlib.util.find_spec("pddl") is None:
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "pddl>=0.4.3"], check=True
    )

# %% [markdown]
# # Does it stack blocks?
#
# Blocksworld is the oldest toy of planning: blocks on a table, a hand that moves one at a time, a
# goal. Its states and moves are a graph, a plan is a path in it, and so everything this book says
# of graphs can be said of blocks. This page is for those who come from planning: what the
# graph is, how PDDL becomes a path and back, what a small Transformer makes of it, and where
# reward helps or harms.

# %% tags=["hide-input"]
import tempfile
from pathlib import Path

import networkx as nx
import torch

import planrl as pr
from planrl import block_pictures, redrawn, widgets
from planrl.blocksworld import parse_plan, recognise, space
from planrl.blocksworld.pddl_files import read_problem

widgets.setup()

# %% [markdown]
# ## Two graphs of the same blocks
#
# In the paper a **move** takes a block from the top of a stack to the table or onto another stack:
# 73 states with four blocks. Planners say it with **four operators** (pick-up, put-down, stack,
# unstack), and the hand is part of the state: 125 states. A move is two steps of the second graph. In
# both, every state can be reached from every other.


# %%
def sizes(blocks):
    one, four = space(blocks).graph, space(blocks, hand=True).graph
    return {
        "blocks": blocks,
        "states, one move": one.n,
        "moves": len(one.edges),
        "states, four operators": four.n,
        "steps": len(four.edges),
    }


widgets.Table([sizes(blocks) for blocks in (2, 3, 4, 5)])

# %% tags=["hide-input"]
assert [sizes(b)["states, one move"] for b in (2, 3, 4, 5)] == [3, 13, 73, 501]
assert [sizes(b)["states, four operators"] for b in (2, 3, 4, 5)] == [
    5,
    22,
    125,
    866,
]
world = space(4)
graph = world.graph
towers = [here for here in world.states if len(here.stacks) == 1]
assert all(len(graph.adjacency[world.node(here)].nonzero()) == 1 for here in towers)
print(
    f"{len(towers)} of the {graph.n} states are single towers, with one way out each"
)
block_pictures.draw_state(world.states[40], title="One state of 73")

# %% [markdown]
# ## From PDDL to a path, and back
#
# `planrl.blocksworld` reads domain and problem files as planners write them: with types or
# without, in any case, with comments, with goals that leave things open, and under any names (it
# recognises the four operators by what they do).

# %% tags=["hide-input"]
DOMAIN = """
(define (domain blocks) (:requirements :strips)
 (:predicates (on ?x ?y) (ontable ?x) (clear ?x) (handempty) (holding ?x))
 (:action pick-up :parameters (?x)
  :precondition (and (clear ?x) (ontable ?x) (handempty))
  :effect (and (holding ?x) (not (ontable ?x)) (not (clear ?x)) (not (handempty))))
 (:action put-down :parameters (?x)
  :precondition (holding ?x)
  :effect (and (ontable ?x) (clear ?x) (handempty) (not (holding ?x))))
 (:action stack :parameters (?x ?y)
  :precondition (and (holding ?x) (clear ?y))
  :effect (and (on ?x ?y) (clear ?x) (handempty) (not (holding ?x)) (not (clear ?y))))
 (:action unstack :parameters (?x ?y)
  :precondition (and (on ?x ?y) (clear ?x) (handempty))
  :effect (and (holding ?x) (clear ?y) (not (on ?x ?y)) (not (clear ?x)) (not (handempty)))))
"""
folder = Path(tempfile.mkdtemp())
(folder / "domain.pddl").write_text(DOMAIN)


def problem_of(text):
    (folder / "problem.pddl").write_text(text)
    return read_problem(folder / "domain.pddl", folder / "problem.pddl")


# %%
problem = problem_of("""
(define (problem turn-over) (:domain blocks) (:objects a b c d)
  (:init (ontable a) (on b a) (on c b) (on d c) (clear d) (handempty))
  (:goal (and (on a b) (on b c))))  ; where d goes is left open
""")
shortest = problem.solve()
print(*shortest, sep="\n")

# %% [markdown]
# A plan is judged step by step. A verdict names the step and the precondition that is not met, or
# the part of the goal:

# %%
print(problem.validate(shortest))
print(problem.validate(parse_plan("(unstack d c)\n(unstack c b)")))
print(problem.validate(shortest[:-2]))
never = problem_of("""
(define (problem circle) (:domain blocks) (:objects a b)
  (:init (ontable a) (ontable b) (clear a) (clear b) (handempty))
  (:goal (and (on a b) (on b a))))
""")
print("a on b on a:", never.solve() or "unsolvable")

# %% tags=["hide-input"]
assert problem.validate(shortest).valid
assert never.solve() is None
blocks = recognise(problem)
nodes = blocks.path(shortest)
assert blocks.plan(nodes) == shortest
print("As a path (stacks from the bottom up, + held):")
names = [str(blocks.space.states[node]) for node in nodes]
print(" ->\n".join(" -> ".join(names[k : k + 4]) for k in range(0, len(names), 4)))
moves = blocks.path_of_moves(shortest)
assert blocks.plan_of_moves(moves) == shortest
print("In the paper's graph, where two operators are one move:")
print(" -> ".join(str(blocks.moves.states[node]) for node in moves))

# %% [markdown]
# From a shell: `python -m planrl plan domain.pddl problem.pddl`, with `--check plan.txt` to judge a
# plan and `--json` for programs.
#
# ## A model that stacks
#
# A Transformer with one layer and one head learns from ten demonstrated plans for each of a fifth
# of all questions. Nothing tells it what a block is: a state is a number.

# %%
train, test = pr.split(pr.all_pairs(graph), 0.2, pr.seeded(0, "split"))
paths = pr.sample_paths(train, 10, pr.seeded(0, "paths"))
model = pr.Transformer(
    train.vocab, pr.TransformerConfig(width=48), pr.seeded(0, "weights")
)
lessons = pr.demonstrations(train, paths, rng=pr.seeded(0, "lessons"), size=64)
config = pr.TrainConfig(steps=400, lr=1e-3)
losses = [record.loss for record in pr.train(model, lessons, pr.sft, config)]
print(f"loss {losses[0]:.2f} -> {losses[-1]:.2f} on {len(train.pairs)} questions")

# %% [markdown]
# Now we ask it what it was never shown: held-out questions whose shortest plan is as long as any.

# %%
steps = graph.distances()  # [from, to]
far = [(s, t) for s, t in test.pairs.tolist() if steps[s, t] == steps.max()]
greedy = pr.Sampler(greedy=True, max_tokens=paths.shape[1])
answers = pr.rollout(
    model, torch.tensor(far), rng=pr.seeded(0, "x"), sampler=greedy
)
right = pr.is_path(graph, answers)
print(f"{int(right.sum())} of {len(far)} plans reach their goal by legal moves")

# %% tags=["hide-input"]
walks = [row[2:].tolist() for row in answers[right]]
walks = [walk[: walk.index(graph.n)] for walk in walks]
longest = max(walks, key=len)
extra = [len(walk) - 1 - int(steps[walk[0], walk[-1]]) for walk in walks]
best = nx.shortest_path(graph.to_networkx(), longest[0], longest[-1])
assert float(right.float().mean()) > 0.5
print(
    f"{sum(extra) / len(extra):.1f} moves more than needed, on average; {max(extra)} at most"
)
names = {"shortest": best, "model": longest}
block_pictures.play(
    {name: [world.states[v] for v in walk] for name, walk in names.items()},
    actions={
        name: [str(a) for a in world.plan(walk)] for name, walk in names.items()
    },
    title="The model's longest right plan, beside a shortest one",
)

# %% [markdown]
# Press Play or move the slider. The plan is legal and arrives, and it is not the shortest: its
# lessons were random walks among useful moves, and nobody rewarded shortness.
#
# ## Reward on blocks
#
# What do the paper's learners make of this graph? The runs of [the figures](80_figures.ipynb), all
# from SFT bases of their own:

# %% tags=["hide-input"]
PG, KL = "policy gradient", "policy gradient + KL"
Q, OFF = "Q-learning, process reward", "Q-learning, process reward, off-policy"
names = ["continual SFT", PG, KL, Q, f"{Q}, discount 0.9", f"{OFF}, discount 0.9"]
kinds = {
    "test, sampled": "test_accuracy",
    "test, greedy": "test_greedy",
    "ways of 100": "train_diversity",
    "AUC of the weights": "adjacency_auc",
}


def ends(name, key):
    """At the last look, one value a seed."""
    return redrawn.series("blocksworld", name, key)[1][:, -1]


rows = [
    {
        "learner": name,
        "seeds": len(ends(name, "test_greedy")),
        "updates": redrawn.series("blocksworld", name, "test_greedy")[0][-1],
        **{title: float(ends(name, key).mean()) for title, key in kinds.items()},
    }
    for name in names
]
widgets.Table(
    rows,
    caption="At the learner's last look, mean over seeds; ways: different right plans. Without a "
    "discount walks are long and accuracy is soon gone, so that Q-learning stops early",
)

# %% [markdown]
# - **Without a discount Q-learning forgets the goal.** Every state reaches every other, so the fixed
#   point $A + R - 1$ of Theorem 5.2 is $A$: all legal moves are worth the same, and the policy
#   wanders at random. Its weights are then nearly a map of the graph (AUC in the table).
# - **A discount of 0.9 brings the goal back**, and as many ways as before or more are kept.
# - **Policy gradient has not collapsed yet** to one plan a question when its updates end, as it has
#   on the random DAG: plans are longer here and there are many more of them.

# %% tags=["hide-input"]
assert float(ends(Q, "test_greedy").mean()) < 0.5
assert float(ends(Q, "adjacency_auc").mean()) > 0.95
assert rows[3]["updates"] < rows[4]["updates"], "it stops early"
assert float(ends(f"{Q}, discount 0.9", "test_greedy").mean()) > 0.8
start = redrawn.series("blocksworld", PG, "train_diversity")[1][:, 0]
kept = ends(f"{Q}, discount 0.9", "train_diversity")
assert float(kept.mean()) > float(start.mean())
assert float(ends(PG, "train_diversity").mean()) > 1.5
widgets.QuickCheck(
    "A robot may undo any of its moves. You train it by Q-learning with process reward and no "
    "discount. What will its values tell it?",
    {
        "Which moves are legal, but not which way to go": "Every goal can be reached from everywhere, "
        "so every legal move keeps the full reward ahead.",
        "The shortest way": "Nothing is lost by a detour when there is no discount: short and long "
        "ways are worth the same.",
        "Nothing, as with outcome reward alone": "The fine for illegal moves is still felt: legal and "
        "illegal moves differ.",
    },
    right=["Which moves are legal, but not which way to go"],
)

# %% [markdown]
# ## Try it
#
# Three blocks are few enough to train here. The plan that is drawn is the model's own, while it
# trains.

# %% tags=["hide-input"]
from planrl.live import lab

lab("blocks")
