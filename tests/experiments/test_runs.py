import itertools
import sys
from dataclasses import replace

import pytest
import torch

import planrl as pr
from planrl.experiments.algorithms import ALGORITHMS, OPTIONS, usual_options
from planrl.experiments.datasets import DatasetSettings, FileDataset, make_dataset
from planrl.experiments.runs import (
    Algorithm,
    RunSettings,
    TrainingRun,
    resume,
)
from planrl.experiments.streams import Setup
from planrl.experiments.study import Learner
from planrl.io.formats import write_alpine, write_graphml

SMALL = DatasetSettings(nodes=14, edge_probability=0.3, train_share=0.5, paths_per_pair=2)
TINY = pr.TransformerConfig(width=16)


def settings(name="pg", steps=6, **more):
    reward = {"reward": "process"} if name == "q" else {}
    algorithm = Algorithm(name, **reward, **more)
    training = pr.TrainConfig(steps=steps, lr=1e-3)
    return RunSettings(algorithm=algorithm, dataset=SMALL, model=TINY, training=training, batch=8)


def bits(session):
    return {k: v.clone() for k, v in session.model.state_dict().items()}


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def test_the_same_settings_make_the_same_world_and_its_parts_fit():
    one, two = make_dataset(SMALL), make_dataset(SMALL)
    assert one.graph == two.graph
    assert torch.equal(one.paths, two.paths)
    assert pr.is_path(one.graph, one.paths).all()
    trained = {tuple(p) for p in one.train.pairs.tolist()}
    assert not trained & {tuple(p) for p in one.test.pairs.tolist()}
    assert make_dataset(replace(SMALL, seed=1)).graph != one.graph
    assert not make_dataset(replace(SMALL, kind="digraph")).graph.is_dag


def test_settings_equal_their_own_json_round_trip():
    given = settings("q", epsilon=0.1, off_policy=True)
    assert RunSettings.from_dict(given.to_dict()) == given
    files = replace(given, dataset=FileDataset(graph="a", train="b", test="c"))
    assert RunSettings.from_dict(files.to_dict()) == files
    with pytest.raises(pr.InputError, match="not the settings"):
        RunSettings.from_dict({"algorithm": {"name": "pg"}, "colour": 1})


@pytest.mark.parametrize("name", ["sft", "pg", "q"])
def test_a_run_stopped_and_resumed_equals_one_that_was_not(name, tmp_path):
    whole = TrainingRun(settings(name), tmp_path / "whole")
    list(whole.run())
    stopped = TrainingRun(settings(name), tmp_path / "stopped")
    list(itertools.islice(stopped.run(), 2))
    stopped.save()
    again = resume(tmp_path / "stopped")
    list(again.run())
    assert again.records == whole.records
    assert same(bits(again), bits(whole))


def test_a_penalised_run_keeps_its_base_when_resumed(tmp_path):
    base = TrainingRun(settings("sft"), tmp_path / "base")
    list(base.run())
    base.save()
    given = replace(settings("pg", kl=0.5), start=str(tmp_path / "base"))
    whole = TrainingRun(given, tmp_path / "whole")
    assert same(bits(whole), bits(base))
    list(whole.run())
    stopped = TrainingRun(given, tmp_path / "stopped")
    list(itertools.islice(stopped.run(), 3))
    stopped.save()
    again = resume(tmp_path / "stopped")
    list(again.run())
    assert same(bits(again), bits(whole))


def test_a_base_that_went_on_meanwhile_is_refused_since_it_would_give_other_numbers(tmp_path):
    base = TrainingRun(settings("sft", steps=2), tmp_path / "base")
    list(base.run())
    base.save()
    given = replace(settings("pg", kl=0.5), start=str(tmp_path / "base"))
    TrainingRun(given, tmp_path / "run").save()
    base.save()  # the same state again
    assert resume(tmp_path / "run").settings.start_digest
    longer = resume(tmp_path / "base", steps=3)
    list(longer.run())
    longer.save()
    with pytest.raises(pr.InputError, match="base has another state than it had"):
        resume(tmp_path / "run")
    assert resume(tmp_path / "base").settings.start_digest == ""


def test_off_policy_walks_are_the_bases(tmp_path):
    session = TrainingRun(settings("q", off_policy=True), tmp_path)
    behaviour = TrainingRun(settings("sft"), tmp_path)
    batch = next(
        session.settings.algorithm.make_stream(
            Setup(session.dataset, session.model, behaviour.model, pr.seeded(0, "w")), 8
        )
    )
    with torch.no_grad():
        for parameter in session.model.parameters():
            parameter.zero_()
    other = next(
        session.settings.algorithm.make_stream(
            Setup(session.dataset, session.model, behaviour.model, pr.seeded(0, "w")), 8
        )
    )
    assert torch.equal(batch.tokens, other.tokens)


def test_looks_are_recorded_and_more_steps_can_be_asked_for(tmp_path):
    session = TrainingRun(settings("pg", steps=4), tmp_path)
    records = list(session.run(eval_every=2, samples=4))
    assert set(records[1].measured) >= {"train_accuracy", "test_greedy", "train_diversity"}
    assert records[0].measured is None
    session.save()
    longer = resume(tmp_path, steps=6)
    assert [record.step for record in longer.run()] == [5, 6]


def test_a_strangers_files_make_a_world_and_a_change_is_noticed(tmp_path):
    data = make_dataset(SMALL)
    write_graphml(data.graph, tmp_path / "g.graphml")
    write_alpine(tmp_path / "train.txt", data.graph, data.paths)
    tests = pr.sample_paths(data.test, 1, pr.seeded(0, "paths"))
    write_alpine(tmp_path / "test.txt", data.graph, tests)
    names = {
        n: str(tmp_path / f)
        for n, f in (("graph", "g.graphml"), ("train", "train.txt"), ("test", "test.txt"))
    }
    files = FileDataset(**names)
    theirs = make_dataset(files)
    assert theirs.graph == data.graph
    assert torch.equal(theirs.paths, data.paths)
    assert len(theirs.test.pairs) == len(data.test.pairs)
    session = TrainingRun(replace(settings("pg", steps=1), dataset=files), tmp_path / "run")
    list(session.run())
    session.save()
    (tmp_path / "train.txt").write_text("0 1 0 1\n")
    with pytest.raises(pr.InputError, match="has changed"):
        resume(tmp_path / "run")
    (tmp_path / "test.txt").write_text("0 99\n")
    with pytest.raises(pr.InputError, match=r"line 1: has 2 words"):
        make_dataset(files)
    (tmp_path / "test.txt").write_text("\n")
    with pytest.raises(pr.InputError, match="no rows"):
        make_dataset(replace(files, train=names["test"]))
    with pytest.raises(pr.InputError, match="cannot read"):
        replace(files, graph=str(tmp_path / "no")).fingerprint()


def test_paths_may_be_as_long_as_the_longest_row_of_train_or_test(tmp_path):
    graph = pr.chain(31)
    write_graphml(graph, tmp_path / "g.graphml")
    (tmp_path / "short.txt").write_text("0 1 0 1\n")
    (tmp_path / "long.txt").write_text(f"0 30 {' '.join(graph.labels)}\n")
    for train, test in (("short", "long"), ("long", "short")):
        names = {"graph": "g.graphml", "train": f"{train}.txt", "test": f"{test}.txt"}
        dataset = make_dataset(
            FileDataset(**{n: str(tmp_path / file) for n, file in names.items()})
        )
        assert dataset.max_tokens == 34
        assert dataset.fitted(TINY).positions == 34
        dataset.check_positions(pr.LogitTable(dataset.train.vocab))


def test_labels_and_prompt_of_files_are_checked():
    names = {"graph": "g", "train": "a", "test": "b"}
    for bad in ({"labels": [1]}, {"labels": "ab"}, {"prompt": "s"}, {"prompt": 1}):
        with pytest.raises(pr.InputError, match=next(iter(bad))):
            FileDataset(**names, **bad)
    assert FileDataset(**names, labels=["a", "b"]).labels == ("a", "b")


def test_starting_from_a_run_on_another_graph_is_refused(tmp_path):
    base = TrainingRun(settings("sft", steps=1), tmp_path / "base")
    base.save()
    dataset = replace(SMALL, nodes=15)
    with pytest.raises(pr.InputError, match="graph of 14 nodes, this one has 15"):
        TrainingRun(
            replace(settings(), start=str(tmp_path / "base"), dataset=dataset), tmp_path / "x"
        )


OTHERS = {
    "kl": 0.1,
    "baseline": True,
    "reward": "process",
    "reward_scale": 2.0,
    "discount": 0.5,
    "epsilon": 0.9,
    "off_policy": True,
    "value_bounds": (0.0, 2.0),
}


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("option", OTHERS)
def test_an_algorithm_takes_the_options_that_act_on_it_and_no_other(name, option):
    assert set(OTHERS) == set(OPTIONS)
    if option in usual_options(name):
        made = Algorithm(name=name, **{option: OTHERS[option]})
        assert made.option(option) == OTHERS[option]
        assert Algorithm(name, **{option: usual_options(name)[option]}) == Algorithm(name)
        return
    users = " or ".join(other for other in ALGORITHMS if option in usual_options(other))
    with pytest.raises(
        pr.InputError, match=f"{option}=.* goes with the algorithm {users}, not with {name}"
    ):
        Algorithm(name=name, **{option: OTHERS[option]})


OWN = """
from planrl.experiments.streams import rollouts
from planrl.losses import policy_gradient

def loss(logits, batch, *, factor=0.5):
    return factor * policy_gradient(logits, batch)

def stream(setup, *, size=128):
    return rollouts(setup, size=size)

def reward(graph, tokens):
    from planrl.tasks import outcome_reward
    return outcome_reward(graph, tokens) / 2

def silent(setup):
    return rollouts(setup)
stream.carries = ""
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module of the reader's own, which Python finds."""
    (tmp_path / "my_code.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_code", raising=False)
    yield "my_code"
    sys.modules.pop("my_code", None)


def test_a_run_with_functions_of_your_own_is_resumed_when_they_are_named_again(own, tmp_path):
    paths = {"loss": f"{own}:loss", "stream": f"{own}:stream"}
    mine = Algorithm("pg", **paths, factor=0.25)
    given = replace(settings("pg"), algorithm=mine)
    whole = TrainingRun(given, tmp_path / "whole")
    list(whole.run())
    stopped = TrainingRun(given, tmp_path / "stopped")
    list(itertools.islice(stopped.run(), 2))
    stopped.save()
    with pytest.raises(pr.InputError, match=r"code that is not planrl's: my_code:loss, my_code:st"):
        resume(tmp_path / "stopped")
    with pytest.raises(pr.InputError, match="my_code:stream"):
        resume(tmp_path / "stopped", own=[paths["loss"]])
    with pytest.raises(pr.InputError, match="does not name other:loss"):
        resume(tmp_path / "stopped", own=[*paths.values(), "other:loss"])
    again = resume(tmp_path / "stopped", own=list(paths.values()))
    list(again.run())
    assert again.records == whole.records
    assert same(bits(again), bits(whole))


def test_a_reward_of_your_own_is_named_like_the_others(own):
    dataset = make_dataset(SMALL)
    model = pr.LogitTable(dataset.train.vocab)
    mine, theirs = (
        next(made.make_stream(Setup(dataset, model, model, pr.seeded(0, "w")), 32)).reward.sum()
        for made in (Algorithm("pg", reward=f"{own}:reward", reward_scale=4.0), Algorithm("pg"))
    )
    assert mine == 2 * theirs


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"loss": "my_code:nothing"}, "my_code has no function nothing"),
        ({"loss": "no_such_module:loss"}, "no_such_module cannot be imported"),
        ({"loss": "my_code.loss"}, "write my_module:my_function"),
        ({"loss": "my_code:loss", "speed": 3}, "speed=3 is no option"),
        ({"loss": "my_code:loss", "factor": True}, "factor=True was given: expected a finite"),
        ({"reward": "my_code:nothing"}, "my_code has no function nothing"),
    ],
)
def test_functions_that_are_not_there_are_told(options, said, own):
    with pytest.raises(pr.InputError, match=said):
        Algorithm("pg", **options)


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        ("planrl.experiments.streams:replayed", "keeps the last `capacity` batches"),
        ("my_code:silent", "does not say what it keeps"),
    ],
)
def test_a_stream_that_keeps_what_is_not_saved_is_not_resumed(stream, said, own, tmp_path):
    kind = "pg" if stream.startswith(own) else "q"  # the loss of pg refuses paths of old parameters
    given = replace(settings(kind), algorithm=Algorithm(kind, stream=stream), batch=128)
    session = TrainingRun(given, tmp_path / "run")
    list(itertools.islice(session.run(), 2))
    session.save()
    with pytest.raises(pr.InputError, match=f"cannot be resumed: .*{said}"):
        resume(tmp_path / "run", own=[stream] if stream.startswith(own) else [])


def test_a_batch_size_beside_a_stream_that_makes_its_own_is_refused(own, tmp_path):
    given = replace(settings("pg"), algorithm=Algorithm("pg", stream=f"{own}:silent"))
    with pytest.raises(pr.InputError, match="batch=8 does nothing beside my_code:silent"):
        next(TrainingRun(given, tmp_path / "run").run())


def test_a_run_that_version_0_1_0_saved_has_the_same_settings():
    old = {
        "algorithm": {
            "name": "q",
            "kl": 0.0,
            "baseline": False,
            "reward": "process",
            "reward_scale": 10.0,
            "discount": 1.0,
            "epsilon": 0.1,
            "off_policy": False,
            "believed": [0.0, 1.0],
        },
        "world": {
            "nodes": 14,
            "edge_probability": 0.3,
            "cycles": False,
            "train_share": 0.5,
            "force_edges": False,
            "paths_per_pair": 2,
            "blocks": 0,
            "seed": 0,
        },
        "model": vars(TINY),
        "table": False,
        "training": vars(pr.TrainConfig(steps=6, lr=1e-3)),
        "batch": 8,
        "seed": 0,
        "start": "",
        "start_digest": "",
    }
    assert RunSettings.from_dict(old) == settings("q", reward_scale=10.0, epsilon=0.1)
    blocks = {**old, "world": {**old["world"], "nodes": 100, "blocks": 3}, "table": True}
    made = RunSettings.from_dict(blocks)
    assert made.dataset.kind == "blocksworld"
    assert made.model is None
    digraph = {**old, "world": {**old["world"], "cycles": True}}
    assert RunSettings.from_dict(digraph).dataset == replace(SMALL, kind="digraph")
    files = {"graph": "a", "train": "b", "test": "c", "digest": "d", "prompt": "s t", "labels": []}
    assert RunSettings.from_dict({**old, "world": files}).dataset.digest == "d"


def test_sizes_that_the_run_to_start_from_does_not_have_are_refused(tmp_path):
    TrainingRun(settings("sft", steps=1), tmp_path / "base").save()
    given = replace(settings(), start=str(tmp_path / "base"))
    assert TrainingRun(given, tmp_path / "a").model.config.width == 16
    assert (
        TrainingRun(replace(given, model=pr.TransformerConfig()), tmp_path / "b").model.config
        == TINY
    )
    with pytest.raises(pr.InputError, match="width=32 was given, but the model of the run"):
        TrainingRun(replace(given, model=pr.TransformerConfig(width=32)), tmp_path / "c")
    with pytest.raises(pr.InputError, match=r"LogitTable, but .* is no table"):
        TrainingRun(replace(given, model=None), tmp_path / "d")


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Algorithm(name="ppo"), "algorithm 'ppo' is unknown"),
        (lambda: Algorithm(name="pg", reward="hope"), "reward 'hope' is unknown"),
        (lambda: Algorithm(name="pg", kl=-1.0), "at least 0"),
        (lambda: replace(settings(), training=pr.TrainConfig(refresh=5)), "keeps no frozen copy"),
        (
            lambda: DatasetSettings("blocksworld", edge_probability=0.2),
            "edge_probability=0.2 goes with the graph dag or digraph, not with blocksworld",
        ),
        (
            lambda: Algorithm(name="q", correction="token"),
            "correction='token' goes with the algorithm pg",
        ),
        (
            lambda: Learner(algorithm=Algorithm(name="pg"), training=pr.TrainConfig()),
            "updates of a learner=None",
        ),
        (lambda: Algorithm(name="q", value_bounds=(1.0, 0.0)), r"low < high, not \(1.0, 0.0\)"),
    ],
)
def test_bad_settings_are_refused(build, words):
    with pytest.raises(pr.InputError, match=words):
        build()
