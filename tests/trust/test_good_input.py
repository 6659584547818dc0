"""Good input comes back as it was: round trips and identities on generated graphs and settings."""

import json

import hypothesis.strategies as st
import networkx as nx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from soaking import times

import planrl as pr
from planrl.evaluate import first_error
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.runs import Algorithm, RunSettings
from planrl.io import checkpoints
from planrl.io.formats import read_alpine, read_graph, write_alpine, write_graphml
from planrl.labs.catalogue import labs
from planrl.labs.spec.controls import State, read_state, write_state

again = settings(
    max_examples=times(40, 2000),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
CONTROLS = {name: lab.controls for name, lab in labs().items()}
XML = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=8
)
WORD = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=8
)


@st.composite
def graphs(draw, labels=XML, acyclic=False):
    n = draw(st.integers(2, 9))
    numbers = st.integers(0, n - 1)
    edges = draw(
        st.sets(
            st.tuples(numbers, numbers).filter(lambda e: e[0] < e[1] if acyclic else e[0] != e[1]),
            max_size=20,
        )
    )
    names = (
        draw(st.lists(labels, min_size=n, max_size=n, unique=True)) if draw(st.booleans()) else ()
    )
    return n, edges, names  # made into a Graph by the test: its annotations are checked by chance


def of_networkx(graph):
    made = nx.DiGraph(list(graph.edges))
    made.add_nodes_from(range(graph.n))
    return made


@again
@given(graphs())
def test_graphml_comes_back_with_every_label_and_networkx_reads_the_same(tmp_path_factory, graph):
    graph = pr.Graph(*graph)
    path = tmp_path_factory.mktemp("g") / "g.graphml"
    write_graphml(graph, path)
    assert read_graph(path) == graph
    theirs = nx.read_graphml(path)
    assert {(int(a), int(b)) for a, b in theirs.edges} == set(graph.edges)
    assert pr.from_networkx(graph.to_networkx()) == graph


@again
@given(graphs())
def test_reachability_and_distances_are_those_of_networkx(graph):
    graph = pr.Graph(*graph)
    theirs = dict(nx.all_pairs_shortest_path_length(of_networkx(graph)))
    distances = graph.distances()
    for here in range(graph.n):
        for there in range(graph.n):
            known = theirs[here].get(there, -1)
            assert int(distances[there, here]) == known
            assert bool(graph.reachability[there, here]) == (known >= 0)
    assert graph.is_dag == nx.is_directed_acyclic_graph(of_networkx(graph))


@again
@given(graphs(acyclic=True))
def test_path_counts_are_those_of_listing_them(graph):
    graph = pr.Graph(*graph)
    counts, theirs = graph.count_paths(), of_networkx(graph)
    for here in range(graph.n):
        for there in set(range(graph.n)) - {here}:
            assert int(counts[there, here]) == len(list(nx.all_simple_paths(theirs, here, there)))


@again
@given(graphs(labels=WORD), st.integers(1, 3), st.integers(0, 9))
def test_sampled_paths_are_paths_and_come_back_from_a_text_file(
    tmp_path_factory, graph, each, seed
):
    graph = pr.Graph(*graph)
    if not graph.edges:
        with pytest.raises(pr.InputError):
            pr.all_pairs(graph)
        return
    task = pr.all_pairs(graph)
    paths = pr.sample_paths(task, each, pr.seeded(seed, "paths"))
    assert pr.is_path(graph, paths).all()
    assert (first_error(graph, paths) == -1).all()
    assert torch.equal(pr.outcome_reward(graph, paths).sum(1), torch.ones(len(paths)))
    path = tmp_path_factory.mktemp("a") / "rows.txt"
    write_alpine(path, graph, paths)
    lines = read_alpine(path, graph)
    assert torch.equal(lines.tokens, paths)
    assert not lines.invalid


@again
@given(graphs(), st.floats(0.05, 0.95), st.integers(0, 9))
def test_a_split_divides_the_questions_and_loses_none(graph, share, seed):
    graph = pr.Graph(*graph)
    if not graph.edges:
        return
    task = pr.all_pairs(graph)
    try:
        train, test = pr.split(task, share, pr.seeded(seed, "split"))
    except pr.InputError:
        return  # no question would be left
    both = sorted([*train.pairs.tolist(), *test.pairs.tolist()])
    assert both == sorted(task.pairs.tolist())
    assert set(test.pairs[:, 1].tolist()) <= set(train.pairs[:, 1].tolist())


@again
@given(graphs(), st.floats(0.01, 5), st.floats(0, 1), st.booleans(), st.integers(0, 9))
def test_walks_begin_with_their_question_and_right_ones_earn_their_reward(
    graph, temperature, epsilon, may_stop, seed
):
    graph = pr.Graph(*graph)
    if not graph.edges:
        return
    task, model = pr.all_pairs(graph), pr.LogitTable(pr.Vocab(graph.n))
    with torch.no_grad():
        model.table.normal_(generator=pr.seeded(seed, "table"))
    sampler = pr.Sampler(temperature=temperature, epsilon=epsilon, may_stop=may_stop)
    tokens = pr.rollout(model, task.pairs, rng=pr.seeded(seed, "walks"), sampler=sampler)
    assert torch.equal(tokens[:, :3], task.vocab.prompt(task.pairs))
    right = pr.is_path(graph, tokens)
    assert torch.equal(pr.outcome_reward(graph, tokens).sum(1) > 0, right)
    assert torch.equal(first_error(graph, tokens) == -1, right)


@again
@given(
    st.integers(2, 9),
    st.sampled_from(["table", "linear", "transformer"]),
    st.integers(0, 9),
    st.lists(st.floats(0, 9, allow_nan=False), max_size=4),
)
def test_a_saved_run_comes_back_bit_for_bit(tmp_path_factory, n, kind, seed, losses):
    vocab = pr.Vocab(n)
    rng = pr.seeded(seed, "weights")
    model = {"table": pr.LogitTable, "linear": pr.LinearTransformer}.get(
        kind, lambda v: pr.Transformer(v, pr.TransformerConfig(width=4), rng)
    )(vocab)
    records = [pr.Step(k, loss, 0.5) for k, loss in enumerate(losses, 1)]
    folder = tmp_path_factory.mktemp("run")
    checkpoints.save(folder, model, {"seed": seed}, records, rngs={"walks": rng})
    saved = checkpoints.load(folder)
    assert saved.records == records
    for key, value in model.state_dict().items():
        assert torch.equal(saved.model.state_dict()[key], value)
    restored = pr.seeded(99, "other")
    saved.resume(None, {"walks": restored})
    assert torch.equal(torch.rand(700, generator=rng), torch.rand(700, generator=restored))


@again
@given(st.sampled_from(sorted(CONTROLS)), st.data())
def test_a_labs_link_says_its_settings(name, data):
    controls = CONTROLS[name]
    values = {c.name: data.draw(st.sampled_from(list(c.values)), c.name) for c in controls}
    edges = (("0", "1"), ("1", "2")) if values.get("graph") == "own" else ()
    state = State(values, edges)
    assert read_state(controls, write_state(controls, state), 120) == state


@again
@given(
    st.integers(1, 100),
    st.floats(0, 1),
    st.floats(1e-6, 1),
    st.integers(1, 500),
    st.sampled_from(["sft", "pg", "q"]),
)
def test_settings_are_equal_to_their_own_json(nodes, share, lr, batch, name):
    made = RunSettings(
        algorithm=Algorithm(name=name),
        dataset=DatasetSettings(nodes=nodes, edge_probability=share),
        training=pr.TrainConfig(lr=lr, steps=batch),
        batch=batch,
    )
    assert RunSettings.from_dict(json.loads(json.dumps(made.to_dict()))) == made
