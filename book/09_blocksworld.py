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
# # Does it stack blocks?
#
# Blocksworld is one of the oldest toys of planning: blocks on a table, a hand that moves one at a time, a
# goal. Its states and moves are a graph, a plan is a path in it, and so everything this book says
# of graphs can be said of blocks. This chapter is for those who come from planning: how PDDL becomes
# a path and back, what a small Transformer makes of it, and where reward helps or harms. You should
# have read [chapter 1](01_paths.ipynb); words of later chapters are explained where they come. Reading takes 15 minutes, running everything some 15 seconds.

# %% tags=["hide-input"]
import tempfile
from pathlib import Path

import networkx as nx
import torch

import planrl as pr
from planrl.claims import UNDECIDED, verdicts
from planrl.domains import parse_plan, recognise, space
from planrl.domains.pddl import read_problem
from planrl.figures import blocks as block_pictures
from planrl.figures import charts, sliders
from planrl.figures.table import Table
from planrl.teaching import evidence, exercises, notebook, paper_figures

notebook.setup()
seed = 0

# %% [markdown]
# ## Predict
#
# With four blocks there are 73 states. A model with one layer is shown ten plans for each of a
# fifth of all questions. Then it is asked the others, from next door to six moves away, and takes
# the likeliest move each time (*greedy*).
#
# **Of the questions whose shortest plan has six moves, how many does it answer?** Guess, in
# percent, before you scroll to the figure. The longer a plan, the more often one can go wrong.

# %% tags=["remove-cell"]
my_guess = 50

# %% [markdown]
# ## Experiment
#
# A **move** takes a block from the top of a stack to the table or onto another stack.

# %%
dataset = space(4)
graph = dataset.graph
train, test = pr.split(pr.all_pairs(graph), 0.2, pr.seeded(seed, "split"))
paths = pr.sample_paths(train, 10, pr.seeded(seed, "paths"))
print(f"{graph.n} states, {len(graph.edges)} moves")
print(f"{len(train.pairs)} training questions, {len(test.pairs)} held out")

# %% [markdown]
# Nothing tells the model what a block is: a state is a number. Since every state can be reached from every
# other, $R = 1$ everywhere, and by (1.3) every move is correct, whatever the goal. So the rows it
# imitates are random walks that visit no state twice and go on until they meet the goal.

# %%
sizes = pr.TransformerConfig(width=48, positions=64)
model = pr.Transformer(train.vocab, sizes, pr.seeded(seed, "weights"))
lessons = pr.demonstrations(train, paths, rng=pr.seeded(seed, "lessons"), size=64)
config = pr.TrainConfig(steps=500, lr=2e-3)
losses = [record.loss for record in pr.train(model, lessons, pr.sft, config)]
print(f"loss {losses[0]:.2f} -> {losses[-1]:.2f} nats")

# %% [markdown]
# *About 5 s on 2 cores.*
#
# Now a thousand held-out questions: eight sampled plans and a greedy one for each.

# %%
drawn = torch.randperm(len(test.pairs), generator=pr.seeded(seed, "asked"))[:1000]
asked = pr.Task(graph, test.pairs[drawn])
sampler = pr.Sampler(max_tokens=paths.shape[1])
rng = pr.seeded(seed, "probe")
scores = pr.evaluate(model, asked, rng=rng, samples=8, sampler=sampler)
source, target = asked.pairs.T
by_moves = scores.by(graph.distances()[source, target])

# %% tags=["hide-input"]
percent = {
    kind: {f"{moves}": 100 * row[key] for moves, row in by_moves.items()}
    for kind, key in (("sampled, T = 1", "accuracy"), ("greedy", "greedy"))
}
sampled, greedy = (list(row.values()) for row in percent.values())
assert min(greedy) > 85, "the title says: from anywhere"
assert sampled[0] > sampled[2] > sampled[5] + 5, (
    "the title says: sampled ones fail more"
)
figure = charts.bars(
    percent,
    title="Greedy plans arrive from anywhere; sampled ones fail more with distance",
    x="moves that the shortest plan needs",
    y="% of held-out plans that arrive",
    y_range=(0, 112),
    text=".0f",
    height=420,
    alt="Percent of held-out questions answered by a legal plan that arrives, by the number of moves "
    "the shortest plan needs, 1 to 6. Greedy: "
    + ", ".join(f"{v:.0f}" for v in greedy)
    + "; sampled: "
    + ", ".join(f"{v:.0f}" for v in sampled),
)
sliders.ask(
    figure,
    "Percent of greedy plans that arrive, six moves away",
    guess=my_guess,
    low=0,
    high=100,
    step=1,
    unit="%",
    hidden=list(percent),
    answer=f"{greedy[-1]:.0f} % arrive. The likeliest move is legal nearly always, and a detour costs "
    f"only moves. Sampled plans do go wrong: {sampled[-1]:.0f} % arrive.",
)

# %% tags=["hide-input"]
counts = ", ".join(f"{row['pairs']}" for row in by_moves.values())
print(f"seed {seed}; questions by distance: {counts}")
notebook.Download(
    [{"moves": moves, **row} for moves, row in by_moves.items()], "blocks.csv"
)

# %% [markdown]
# One seed, one graph. Why does greedy not fall? A clumsy move costs little here: every move can be
# undone, and from wherever the model lands it mostly knows the way again. A sampled plan breaks when
# a step is drawn that is no move at all, and every move is another chance for that.

# %% tags=["hide-input"]
errors = scores.errors
assert errors["no edge"] == max(errors.values()), "the text says why plans break"

# %% [markdown]
# And why does it head for the goal at all, if the walks it imitates are random? A walk that got stuck was
# thrown away and begun anew, so only arrivals are shown. We count how often a step comes nearer to the
# goal: in the walks shown, if a random neighbour not yet visited were taken instead, and in the
# model's greedy plans.

# %%
apart = graph.distances().T  # [target, current]
nearer = apart[:, None, :] < apart[:, :, None]  # [target, current, next]
best = pr.Sampler(greedy=True, max_tokens=paths.shape[1])
plans = pr.rollout(model, asked.pairs, rng=rng, sampler=best)

# %% tags=["hide-input"]


def counted(rows):
    """For each step: moves away, whether it comes nearer, and the probability of that."""
    visited = torch.zeros(len(rows), graph.n, dtype=torch.bool)
    found = []
    for position in range(2, rows.shape[1] - 1):
        rollouts_on = (
            (rows[:, position : position + 2] < graph.n).all(1).nonzero()[:, 0]
        )
        i, j, k = rows[rollouts_on][:, [1, position, position + 1]].T
        visited[rollouts_on, j] = True
        new = graph.adjacency[j] & ~visited[rollouts_on]
        probability = (new & nearer[i, j]).sum(1) / new.sum(1)
        found.append(
            torch.stack([apart[i, j].float(), nearer[i, j, k].float(), probability])
        )
    return torch.cat(found, 1)


shown, own = counted(paths), counted(plans)
rows = []
for away in range(1, 7):
    step, plan = shown[:, shown[0] == away], own[:, own[0] == away]
    means = step[1].mean(), step[2].mean(), plan[1].mean()
    rows.append([100 * float(value) for value in means])
assert min(row[0] / row[1] for row in rows[:2]) > 2, "the text says: twice as often"
assert min(row[2] for row in rows) > 50, "the text says: mostly"
names = ("steps shown", "random, to new states", "the model's, greedily")
Table(
    [
        {"moves away": away}
        | {name: f"{v:.0f}" for name, v in zip(names, row, strict=True)}
        for away, row in enumerate(rows, 1)
    ],
    caption=f"% of steps that come nearer to the goal, seed {seed}",
)

# %% [markdown]
# Near the goal the steps shown come nearer twice as often as random ones to new states: walks that stray
# seldom arrive. The likeliest step is then mostly one that comes nearer, and greedy takes it. **Keeping only
# what arrived already points to the goal.**
#
# ## Try it
#
# Three blocks are few enough to train here. The plan that is drawn is the model's own, while it
# trains by Q-learning.

# %% tags=["hide-input"]
from planrl.labs import lab

lab("blocks")

# %% [markdown]
# ## A plan, move by move
#
# The longest of its right plans to a question six moves away, beside a shortest one.

# %% tags=["hide-input"]
steps = graph.distances()  # [from, to]
far = [(s, t) for s, t in test.pairs.tolist() if steps[s, t] == steps.max()]
answers = pr.rollout(
    model,
    torch.tensor(far),
    rng=pr.seeded(seed, "far"),
    sampler=pr.Sampler(greedy=True, max_tokens=paths.shape[1]),
)
right = pr.is_path(graph, answers)
rollouts = [row[2:].tolist() for row in answers[right]]
rollouts = [one_path[: one_path.index(graph.n)] for one_path in rollouts]
longest = max(rollouts, key=len)
extra = [
    len(one_path) - 1 - int(steps[one_path[0], one_path[-1]])
    for one_path in rollouts
]
best = nx.shortest_path(graph.to_networkx(), longest[0], longest[-1])
wasted = sum(extra) / len(extra)
assert max(extra) > 0, "the text says: not the shortest"
print(f"{wasted:.1f} moves more than needed, on average; {max(extra)} at most")
names = {"shortest": best, "model": longest}
figure = block_pictures.play(
    {
        name: [dataset.states[v] for v in one_path]
        for name, one_path in names.items()
    },
    actions={
        name: [str(a) for a in dataset.plan(one_path)]
        for name, one_path in names.items()
    },
    title="The model's longest right plan, beside a shortest one",
)
asked_for = [str(dataset.states[node]) for node in (longest[0], longest[-1])]
figure.update_layout(
    title_subtitle={
        "text": f"From {asked_for[0]} to {asked_for[1]}, stacks from the bottom up"
    }
)

# %% [markdown]
# Press Play or move the slider. The plan is legal and arrives, and it is not the shortest: the plans
# that the model was shown were random, and it never saw short plans preferred. It is the longest of them;
# on average its correct greedy plans are nearly shortest (above).
#
# ## Two graphs of the same blocks
#
# In the paper, as we read it, a move is one step: its graph has 73 states, as ours has. Planners say it with **four operators** (pick-up, put-down, stack,
# unstack), and the hand is part of the state. A move is then two steps. In both graphs, every state
# can be reached from every other.


# %% tags=["hide-input"]
def sizes_of(blocks):
    one, four = space(blocks).graph, space(blocks, hand=True).graph
    return {
        "blocks": blocks,
        "states, one move": one.n,
        "moves": len(one.edges),
        "states, four operators": four.n,
        "steps": len(four.edges),
    }


table = [sizes_of(blocks) for blocks in (2, 3, 4, 5)]
assert [row["states, one move"] for row in table] == [3, 13, 73, 501]
assert [row["states, four operators"] for row in table] == [5, 22, 125, 866]
assert graph.reachability.all()
Table(table)

# %% tags=["hide-input"]
towers = [current for current in dataset.states if len(current.stacks) == 1]
assert all(
    len(graph.adjacency[dataset.node(current)].nonzero()) == 1 for current in towers
)
print(
    f"{len(towers)} of the {graph.n} states are single towers, with one way out each"
)
block_pictures.draw_state(dataset.states[40], title="One state of 73")

# %% [markdown]
# ## From PDDL to a path, and back
#
# `planrl.domains` reads domain and problem files as planners write them: with types or
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
# ## Why reward forgets the goal
#
# Q-learning reads the logit $f(i, j)[k]$ as the value of the step from state $j$ to $k$ on the way to
# target $i$. *Process reward* fines a step that is no move by 1 and pays 1 at the target. With the
# adjacency $A$ and the reachability $R$ of [chapter 1](01_paths.ipynb), the values it seeks are
#
# $$ f^*(i, j)[k] = A[j, k] + R[i, k] - 1. \tag{9.1} $$

# %% tags=["hide-input"]
notebook.Source(pr.process_optimum)

# %% [markdown]
# > **Theorem 5.2.** With process reward and no discount, (9.1) solves the equation that Q-learning
# > iterates; on a graph without cycles nothing else does. *What can reach the target is worth 1 from
# > there on; a step that is no edge is fined once.*
#
# Now look at blocks: every state reaches every other, so $R = 1$ everywhere and the values are $A$.
# They know which moves are legal, and not where to go. ([Chapter 8](08_logits.ipynb) has this check, too; it is
# repeated for those who begin here.) The theorem's assumption, no cycles, does not hold on blocks, so
# that its second half is lost: (9.1) still solves the equation, but other values may, too, and where
# Q-learning ends depends on where it starts. We start at 0.

# %%
three = space(3).graph
values = pr.optimal_q(pr.all_pairs(three, pr.process_reward))[..., : three.n]
silent = torch.eye(three.n, dtype=torch.bool)[
    ..., None
]  # at the target nothing is chosen
moves_alone = three.adjacency.float().expand(three.n, -1, -1)

# %%
held = pr.check(
    "three blocks: the values are the adjacency, whatever the target",
    predicted=moves_alone.masked_fill(silent, torch.nan),
    observed=values,
    tolerance=1e-6,
)
evidence.Backing(held, claim="5.2-no-goal", code=pr.optimal_q, formula="9.1")

# %% [markdown]
# ## By hand: two blocks
#
# Two blocks have three states: A on B, B on A, and both on the table. From the table one can move to
# either tower. Let the target be the tower `AB` (stacks are written from the bottom up). Moving to it
# earns 1. Moving to the wrong tower `BA` earns nothing now, but from there one can come back and
# earn 1 later. Without a discount, later is as good as now.

# %%
two = space(2)
states = [str(current) for current in two.states]
at, to = states.index("A|B"), states.index("AB")
for discount in (1.0, 0.9):
    q = pr.optimal_q(pr.all_pairs(two.graph, pr.process_reward), discount=discount)
    worth = {name: round(float(q[to, at, k]), 2) for k, name in enumerate(states)}
    print(f"discount {discount}: from A|B, on the way to AB: {worth}")

# %% [markdown]
# (Staying at `A|B` is no move, so it is fined.) With a discount of 0.9 the detour of two more moves
# is worth $0.9^2$, and the better move stands out. So a **discount brings the goal back**: near is
# worth more than far.

# %% tags=["hide-input"]
assert worth["AB"] == 1.0 and abs(worth["BA"] - 0.81) < 0.01  # noqa: PT018

# %% [markdown]
# ## Reward on blocks, trained
#
# What do the paper's learners make of four blocks? The runs of [the figures](80_figures.ipynb) all start
# from a *base*, a model trained by SFT, imitation as above. *Continual SFT* goes on imitating. *Policy
# gradient* ([chapter 4](04_policy_gradient.ipynb)) makes plans of its own and raises the probability of
# those that arrive; *+ KL* ([chapter 6](06_kl.ipynb)) also pulls it towards the base. Q-learning is
# *off-policy* ([chapter 8](08_logits.ipynb)) if it learns from the base's walks instead of its own. *Ways* are
# different right plans for one question.

# %% tags=["hide-input"]
# made by: python -m planrl reproduce --only fig2, and --only fig3
PG, KL = "policy gradient", "policy gradient + KL"
Q, OFF = "Q-learning, process reward", "Q-learning, process reward, off-policy"
learners = [
    "continual SFT",
    PG,
    KL,
    Q,
    f"{Q}, discount 0.9",
    f"{OFF}, discount 0.9",
]
kinds = {
    "test, sampled": "test_accuracy",
    "test, greedy": "test_greedy",
    "diversity (100 samples)": "train_diversity",
    "AUC of the weights": "adjacency_auc",
}


def ends(name, key):
    """At the last evaluation, one value per seed."""
    return paper_figures.series("blocksworld", name, key)[1][:, -1]


rows = [
    {
        "learner": name,
        "seeds": len(ends(name, "test_greedy")),
        "updates": paper_figures.series("blocksworld", name, "test_greedy")[0][-1],
        **{title: float(ends(name, key).mean()) for title, key in kinds.items()},
    }
    for name in learners
]
start = {
    title: paper_figures.series("blocksworld", PG, k)[1]
    for title, k in kinds.items()
}
rows.insert(
    0,
    {
        "learner": "base",
        "seeds": len(start["test, greedy"]),
        "updates": 0,
        **{title: float(values[:, 0].mean()) for title, values in start.items()},
    },
)
Table(
    rows,
    caption="At the learner's last evaluation, mean over seeds; diversity: distinct plans. Without a "
    "discount paths are long and accuracy is soon lost, so we stopped it early",
)

# %% [markdown]
# - **Without a discount Q-learning forgets the goal**, as (9.1) says: accuracy is lost, and its
#   weights are nearly a map of the moves (AUC: how well they tell moves from other pairs).
# - **A discount of 0.9 brings the goal back**, and more ways are left than the base had (first row).
# - **Policy gradient has not collapsed** to one plan a question when its updates end, as it nearly has
#   on the random graph of 100 nodes. Ways are still falling; whether more updates would end in one plan,
#   these runs do not tell.
# - **Greedily, no rewarded learner is above the base here**; how SFT and policy gradient differ from it is
#   undecided ([chapter 11](11_verdicts.ipynb)). Sampled, policy gradient is first.

# %% tags=["hide-input"]
assert float(ends(Q, "test_greedy").mean()) < 0.5
assert float(ends(Q, "adjacency_auc").mean()) > 0.95
assert rows[4]["updates"] < rows[5]["updates"], "we stopped it early"
by_greed = sorted(rows, key=lambda row: row["test, greedy"])
assert by_greed[-1]["learner"] == "continual SFT", "the text says: best"
assert by_greed[-2]["learner"] == "base", "the text says: all others below it"
for verdict in verdicts(["2-pg-test", "2-continual-sft-test"]):
    (there,) = [
        f
        for f in verdict.findings
        if f.condition == "Blocksworld, 4 blocks, greedy"
    ]
    assert there.verdict == UNDECIDED, "the text says so"
assert max(rows, key=lambda row: row["test, sampled"])["learner"] == PG
assert float(ends(f"{Q}, discount 0.9", "test_greedy").mean()) > 0.8
base = paper_figures.series("blocksworld", PG, "train_diversity")[1][:, 0]
kept = ends(f"{Q}, discount 0.9", "train_diversity")
assert float(kept.mean()) > float(base.mean())
falling = paper_figures.series("blocksworld", PG, "train_diversity")[1].mean(0)
assert falling[-1] > 5, "the text says: not collapsed"
assert falling[-1] < falling[-2] < falling[-3], "the text says: still falling"
assert paper_figures.series("dag", PG, "train_diversity")[1][:, -1].mean() < 1.5
notebook.QuickCheck(
    "A robot may undo any of its moves. You train it by Q-learning with process reward and no "
    "discount. What will its values tell it?",
    {
        "Which moves are legal, but not which way to go": "Every goal can be reached from everywhere, "
        "so every legal move keeps the full reward ahead.",
        "The shortest way": "Nothing is lost by a detour when there is no discount: short and long "
        "ways are worth the same.",
        "Nothing, as with outcome reward alone": "The penalty for illegal moves still acts: legal and "
        "illegal moves differ.",
    },
    right=["Which moves are legal, but not which way to go"],
)

# %% [markdown]
# ## Exercises
#
# > **Exercise 1.** *Easy, 4 minutes.* Sussman's anomaly: C lies on A, B stands beside them, and the
# > goal is A on B on C. Write the plan as pairs (block, where to), where to being a block or "table".
# > If it works, three moves are enough.

# %%
my_plan = ...

exercises.sussman(my_plan)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The tower is built from the bottom: what must stand lowest, and what lies in its way?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# my_plan = [("C", "table"), ("B", "C"), ("A", "B")]
# exercises.sussman(my_plan)
# ```
#
# </details>
#
# > **Exercise 2.** *Medium, 10 minutes.* Write the graph: given a state, a tuple of stacks such as
# > `(("A", "C"), ("B",))`, each from the bottom up, return the states that one move leads to. If it
# > works, all 73 states agree with the library.


# %%
def my_moves(stacks): ...


exercises.moves(my_moves)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Only the last block of a stack can go. It goes onto each other stack, or to the table, where it
# begins one; if it lay on the table alone, that would be no move.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_moves(stacks):
#     found = []
#     for stack in stacks:
#         others = [other for other in stacks if other != stack]
#         top, below = stack[-1], stack[:-1]
#         if below:
#             found.append([*others, below, (top,)])
#         for onto in others:
#             rest = [other for other in others if other != onto]
#             found.append([*rest, below, (*onto, top)])
#     return found
#
# exercises.moves(my_moves)
# ```
#
# </details>
#
# > **Exercise 3.** *Medium, 8 minutes.* Bring the goal back without a discount: change the *reward*.
# > The function gets graph and tokens and returns the reward of each step. If it works, the best
# > values lead along shortest plans, on all questions of three blocks.


# %%
def my_reward(graph, tokens):
    return pr.process_reward(graph, tokens)


exercises.shortens(my_reward)

# %% [markdown]
# <details><summary>Hint</summary>
#
# What should a step cost that is legal and does not arrive? Less than a step that is no move, and
# more than nothing.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def my_reward(graph, tokens):
#     return pr.process_reward(graph, tokens) - 0.1
#
# exercises.shortens(my_reward)
# ```
#
# </details>
#
# > **Exercise 4.** *Open.* Train the model on shortest plans only: `networkx.shortest_path` gives one
# > for each question. Does it still know a way from states that no shortest plan goes through?

# %% [markdown]
# ## Your numbers beside ours
#
# The expected range contains 95 of 100 further seeds.

# %%
evidence.Numbers(
    "09_blocksworld",
    {
        "% greedy plans that arrive, six moves away": greedy[-1],
        "% sampled plans that arrive, one move away": sampled[0],
        "% sampled plans that arrive, six moves away": sampled[-1],
        "moves more than needed, six moves away": wasted,
    },
    limits={"%": (0, 100)},
)

# %% [markdown]
# ## What we now know
#
# A plan is a path. A small Transformer that imitates random plans and decodes greedily answers most questions
# that it was never asked, seldom by a long detour. Where every move can be undone, process reward without a
# discount teaches the moves and forgets the goal; a discount, or a cost for each step, brings it
# back. By now there are many methods on the table. **[Which method should you
# choose?](10_choosing.ipynb)**
#
# ## Further reading
#
# - [The paper](https://arxiv.org/abs/2509.22613): Blocksworld as one of its two graphs.
# - [ALPINE](https://arxiv.org/abs/2405.09220): the same 73 states, learnt by imitation.
# - [On the planning abilities of large language models](https://arxiv.org/abs/2305.15771):
#   Blocksworld put to large models in words, and how far they get.
# - [Searchformer](https://arxiv.org/abs/2402.14083): Transformers that imitate a planner's search, on
#   other planning tasks.
