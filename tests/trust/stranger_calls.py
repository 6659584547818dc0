"""Calls that strangers make: links and pasted graphs of labs, tensors and numbers given to functions."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlencode

import ground
import hypothesis.strategies as st
import torch
from ground import GRAPH, TASK, rng
from odd import ANYTHING, NUMBERS, PLAIN, TENSORS
from stranger_files import EDGES, SMALL

import planrl as pr
from planrl.evaluate import first_error
from planrl.figures.passing import edge_use
from planrl.io import formats
from planrl.labs import Session as LabSession
from planrl.labs.catalogue import labs
from planrl.labs.spec.controls import read_state, write_state
from planrl.labs.spec.graphs import own_graph
from planrl.objectives import theory

LABS = labs()


# --- Links and pasted graphs
@st.composite
def links(draw):
    lab = draw(st.sampled_from(sorted(LABS)))
    names = [*(c.name for c in LABS[lab].controls), "edges", "lab", "q"]
    values = [
        "0",
        "0.01",
        "own",
        "dag",
        "table",
        "0-1.1-2",
        "a-a",
        "-",
        "a-b.",
        "%00",
        "<script>",
        "x" * 20_000,
        "1e309",
        "nan",
    ]
    parts = [
        f"{draw(st.sampled_from(names))}={draw(st.one_of(st.sampled_from(values), st.text(max_size=6)))}"
        for _ in range(draw(st.integers(0, 4)))
    ]
    return lab, draw(st.one_of(st.just("&".join(parts)), st.text(max_size=30), ANYTHING))


def lab_links(call):
    name, link = call
    controls = LABS[name].controls
    state = read_state(controls, link, LABS[name].most_edges)
    for control in controls:
        assert state.values[control.name] in control.values
    assert read_state(controls, write_state(controls, state), 120) == state
    if state.edges:
        own_graph(state.edges)


PASTED = st.one_of(
    EDGES.map(lambda text: text if isinstance(text, str) else text.decode("latin-1")),
    st.lists(
        st.tuples(SMALL, st.sampled_from([" ", " -> ", ",", "->"]), SMALL).map("".join), max_size=8
    ).map("\n".join),
    st.sampled_from(
        [
            "\n".join(f"{a} {a + 1}" for a in range(100_000)),
            "a" + " " * 100_000 + "b c",
            "->" * 50_000,
            "<img/src=x> b",
            "a <svg/onload=1>",
        ]
    ),
)


def pasted_graphs(text):
    controls = LABS["race"].controls
    link = urlencode({"graph": "own", "edges": ".".join(text.split("\n")).replace(" ", "-")})
    state = read_state(controls, link, 120)
    labels = own_graph(state.edges).graph.labels
    assert set(labels) == {name for edge in state.edges for name in edge}
    assert read_state(controls, write_state(controls, state), 120).edges == state.edges


def lab_calls(call):
    how, value = call
    if how == "name":
        LabSession(value)
    elif how == "train":
        ground.LAB.train(min(value, 2) if isinstance(value, int) else value)
    else:
        ground.LAB.set(**{how: value})
        assert (
            ground.LAB.state.values[how]
            in next(c for c in ground.LAB.lab.controls if c.name == how).values
        )


LAB_CALLS = st.tuples(
    st.sampled_from(["name", "train", "kl", "lr", "seed", "nothing"]), st.one_of(PLAIN, NUMBERS)
)


# --- Tensors and numbers given to functions
MODELS = {"table": pr.LogitTable(pr.Vocab(4)), "linear": pr.LinearTransformer(pr.Vocab(4))}
MODELS["transformer"] = pr.Transformer(
    pr.Vocab(4), pr.TransformerConfig(width=4, positions=24), pr.seeded(0, "w")
)
BROKEN = pr.LogitTable(pr.Vocab(4))
with torch.no_grad():
    BROKEN.table[:] = float("nan")
MODELS["broken"] = BROKEN
TOKENS = st.one_of(
    TENSORS,
    st.lists(st.lists(st.integers(-1, 6), min_size=5, max_size=5), min_size=0, max_size=3).map(
        lambda rows: torch.tensor(rows, dtype=torch.int64).view(-1, 5)
    ),
    st.lists(st.lists(st.integers(-1, 5), min_size=2, max_size=2), min_size=0, max_size=3).map(
        lambda rows: torch.tensor(rows, dtype=torch.int64).view(-1, 2)
    ),
    st.just(torch.tensor([[0, 2, 0, 1, 2, 4]])),
)


def token_functions(call):
    name, tokens, value = call
    functions = {
        "is_path": lambda: pr.is_path(GRAPH, tokens),
        "outcome": lambda: pr.outcome_reward(GRAPH, tokens, scale=0.5),
        "process": lambda: pr.process_reward(GRAPH, tokens),
        "batch": lambda: TASK.batch(tokens),
        "Task": lambda: pr.Task(GRAPH, tokens),
        "observed": lambda: pr.observed(TASK.vocab, tokens),
        "first_error": lambda: first_error(GRAPH, tokens),
        "edge_use": lambda: edge_use(GRAPH, tokens),
        "sft_optimum": lambda: pr.sft_optimum(TASK, tokens),
        "model": lambda: MODELS["table"](tokens),
        "linear": lambda: MODELS["linear"](tokens),
        "transformer": lambda: MODELS["transformer"](tokens),
        "write_alpine": lambda: formats.write_alpine(ground.GIVEN / "out.txt", GRAPH, tokens),
        "demonstrations": lambda: next(pr.demonstrations(TASK, tokens, rng=rng(), size=value)),
        "split": lambda: pr.split(TASK, value, rng()),
        "sample_paths": lambda: (
            pr.is_path(GRAPH, pr.sample_paths(TASK, value, rng())).all() or 1 / 0
        ),
        "optimal_q": lambda: pr.optimal_q(TASK, discount=value),
        "check": lambda: pr.check("c", predicted=tokens, observed=value, tolerance=1e300),
        "tolerance": lambda: pr.check("c", predicted=0.0, observed=0.0, tolerance=value),
        "collapse": lambda: theory.collapse_times(2, lr=value, rng=rng()),
        "replay": lambda: next(pr.replay(iter([1]), rng=rng(), capacity=value)),
        "probe": lambda: pr.probe(iter([]), dict, every=value),
    }
    try:
        functions[name]()
    except AssertionError as error:  # the answer of a check
        if "does not hold" not in str(error):
            raise


TOKEN_CALLS = st.tuples(
    st.sampled_from(
        [
            "is_path",
            "outcome",
            "process",
            "batch",
            "Task",
            "observed",
            "first_error",
            "edge_use",
            "sft_optimum",
            "model",
            "linear",
            "transformer",
            "write_alpine",
            "demonstrations",
            "split",
            "sample_paths",
            "optimal_q",
            "check",
            "tolerance",
            "replay",
            "probe",
        ]
    ),
    TOKENS,
    st.one_of(NUMBERS, PLAIN),
)


def rollouts(call):
    model, pairs, kind, value = call
    sampler = pr.Sampler(
        **{kind: value} if kind in ("temperature", "epsilon", "max_tokens", "greedy") else {}
    )
    if kind == "samples":
        found = pr.sample_distinct(MODELS[model], pairs, value, rng=rng())
        assert int(found.count.sum()) == value * len(pairs)
    elif kind == "size":
        next(pr.on_policy(MODELS[model], TASK, rng=rng(), size=value))
    else:
        tokens = pr.rollout(MODELS[model], pairs, rng=rng(), sampler=sampler)
        pr.Vocab(4).check(tokens)
        assert torch.equal(tokens[:, :3], pairs[:, [0, 1, 0]])


PAIRS = st.one_of(TOKENS, st.just(TASK.pairs))
WALKS = st.tuples(
    st.sampled_from(list(MODELS)),
    PAIRS,
    st.sampled_from(["temperature", "epsilon", "max_tokens", "greedy", "samples", "size"]),
    st.one_of(NUMBERS, PLAIN),
)


def losses(call):
    kind, value = call
    made = {
        "value": lambda logits, batch: value,
        "detached": lambda logits, batch: logits.sum().detach(),
        "other": lambda logits, batch: torch.zeros(1, requires_grad=True).sum(),
        "rows": lambda logits, batch: logits.sum((1, 2)),
        "nan": lambda logits, batch: logits.sum() * float("nan"),
        "kl": partial(pr.policy_gradient, kl=value),
        "discount": partial(pr.q_learning, discount=value),
    }
    model = pr.LogitTable(TASK.vocab)
    batches = pr.on_policy(model, TASK, rng=rng(), size=4)
    list(pr.train(model, batches, made[kind], pr.TrainConfig(steps=2)))
    assert model.table.isfinite().all()


LOSSES = st.tuples(
    st.sampled_from(["value", "detached", "other", "rows", "nan", "kl", "discount"]),
    st.one_of(NUMBERS, PLAIN, TENSORS),
)
