"""How costs are measured; what they are is measured at leisure, and packaged."""

import dataclasses

import pytest
import torch

import planrl as pr
from planrl.__main__ import main
from planrl.experiments import costs, store
from planrl.tasks import PROMPT

QUICK = {"repetitions": 2, "seconds": 1e-4}
TINY = costs.Point(nodes=14, batch=8, width=8, **QUICK)


def test_the_axes_cross_in_the_base_which_is_measured_once():
    settings = costs.Settings()
    points = costs.points(settings)
    assert len(points) == len(set(points)) == 86
    for work in costs.WORK:
        assert costs.Point(work=work) in points
    sizes = {(p.batch, p.layers, p.width) for p in points if p.work in ("graph", "paths")}
    assert sizes == {(256, 1, 120)}  # what the model's sizes do not touch is not measured for them
    changed = [sum(getattr(p, a) != getattr(settings.base, a) for a in costs.AXES) for p in points]
    assert max(changed) == 1


def test_the_rows_of_a_curve_are_found_by_work_and_axis():
    points = costs.points(costs.Settings())
    base = vars(costs.Point())
    rows = [vars(point) for point in reversed(points)]
    for axis in costs.AXES:
        sizes = [row[axis] for row in costs.along(rows, "roll-out", axis, base)]
        assert sizes == list(getattr(costs.Settings(), axis))
    assert costs.along(rows, "paths", "batch", base) == [vars(costs.Point(work="paths"))]


@pytest.mark.parametrize("length", [4, 15, 60])
def test_on_the_axis_of_lengths_every_answer_has_that_many_edges(length):
    point = costs.Point(work="paths", length=length)
    task, facts = costs._task(point, most=50)
    tokens = pr.sample_paths(task, 2, pr.seeded(0, "paths"))
    assert task.graph.n == 100
    assert ((tokens != task.vocab.end).sum(1) == PROMPT + length).all()
    assert facts["pairs_used"] == len(task.pairs) == min(facts["pairs"], 50)


@pytest.mark.parametrize("work", costs.WORK)
def test_each_work_does_what_it_says_at_any_length(work, monkeypatch):
    monkeypatch.setattr(costs, "SHOWN_STEPS", 2)
    for length in (0, 6):
        point = costs.Point(work=work, nodes=14, batch=8, width=8, length=length)
        call, facts = costs.WORK[work](point)
        done = call()
        assert facts["edges"] > 0
        if work == "roll-out":
            assert len(done) == facts["prompts"] == 32
        if work == "paths":
            assert pr.is_path(costs._graph(point), done).all()
            assert len(done) == 10 * facts["pairs_used"]


def test_timed_updates_leave_the_model_as_it_is():
    setting = costs._Setting.of(TINY, steps=2)
    before = {name: value.clone() for name, value in setting.model.state_dict().items()}
    update, _ = setting.updates(setting.shown, pr.sft)
    for _ in range(5):
        update()
    for name, value in setting.model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=1e-9)


def test_the_operations_of_known_products_are_counted():
    left, right = torch.ones(3, 4), torch.ones(4, 5)
    assert costs.flops(lambda: left @ right) == 2 * 3 * 4 * 5


def test_a_sft_step_has_three_times_the_products_of_a_look():
    setting = costs._Setting.of(TINY, steps=0)
    batch = next(setting.shown)
    forward = costs.flops(lambda: setting.model(batch.tokens[:, :-1]))
    update = costs.flops(setting.updates(iter([batch] * 20), pr.sft)[0])
    assert 2.5 * forward < update <= 3 * forward


def test_memory_counts_what_was_held_only_since_the_last_look():
    held = torch.ones(30_000_000)
    del held
    before = costs.memory(afresh=True)
    held = torch.ones(15_000_000)
    assert 0.9 * held.nbytes < costs.memory() - before < 1.5 * held.nbytes


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"work": "nap"}, "choose sft step"),
        ({"work": 3}, "work=3 was given: expected text"),
        ({"length": 97}, "need 101 nodes"),
        ({"length": -1}, "length=-1 .* at least 0"),
        ({"nodes": "100"}, "nodes='100' was given: expected a whole number"),
        ({"nodes": 2}, "nodes=2 .* at least 3"),
        ({"nodes": 10**9}, "nodes=1000000000 .* at most"),
        ({"batch": 0}, "batch=0 .* at least 1"),
        ({"batch": 2.5}, "batch=2.5 was given: expected a whole number"),
        ({"batch": True}, "batch=True was given"),
        ({"layers": 0}, "layers=0 was given"),
        ({"width": -8}, "width=-8 was given"),
        ({"repetitions": 0}, "repetitions=0 .* at least 1"),
        ({"seconds": float("nan")}, "seconds=nan"),
        ({"seconds": float("inf")}, "seconds=inf"),
        ({"seconds": -1.0}, "seconds=-1.0 .* at least 0"),
    ],
)
def test_a_point_says_what_is_wrong(wrong, words):
    with pytest.raises(pr.InputError, match=words):
        costs.Point(**wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"base": {"nodes": 100}}, "base is a Point"),
        ({"nodes": 100}, "nodes=100 was given: expected a tuple"),
        ({"nodes": ()}, "nodes has no sizes"),
        ({"nodes": (50, 1)}, "nodes=1 .* at least 3"),
        ({"batch": (32, "3")}, "expected a tuple, each of it a whole number"),
        ({"batch": (32, -1)}, "batch=-1 .* at least 1"),
        ({"layers": (1, float("nan"))}, "expected a tuple, each of it a whole number"),
        ({"length": (4, 97)}, "need 101 nodes"),
    ],
)
def test_settings_say_what_is_wrong_before_anything_is_measured(wrong, words):
    with pytest.raises(pr.InputError, match=words):
        costs.Settings(**wrong)


@pytest.mark.slow
def test_costs_are_measured_by_the_command_in_processes_of_their_own(tmp_path, monkeypatch, capsys):
    few = {"nodes": (14,), "batch": (8,), "layers": (1,), "width": (8,), "length": (4,)}
    real, whole = costs.Settings, costs.points
    small = dataclasses.asdict(real(base=TINY, **few))
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    study = dataclasses.replace(store.studies("costs")[0], options=small)
    monkeypatch.setattr(store, "STUDIES", [study])
    monkeypatch.setattr(
        costs, "points", lambda s: [p for p in whole(s) if p.work != "roll-out"][:4]
    )
    assert main(["reproduce", "--only", "costs"]) == 0
    assert "costs.json: done" in capsys.readouterr().out
    (page,) = store.results("costs", folder=tmp_path)
    rows = page["result"]["rows"]
    assert [row["work"] for row in rows] == ["sft step", "policy-gradient step", "graph", "paths"]
    for row in rows:
        assert row["cpu_seconds"] > 0
        assert row["gemm_gflops"] > 0
        assert 50e6 < row["memory_before"] <= row["memory_peak"]
    first = (tmp_path / "costs.json").read_bytes()
    assert main(["reproduce", "--only", "costs"]) == 0
    assert "already there" in capsys.readouterr().out
    assert (tmp_path / "costs.json").read_bytes() == first
    assert main(["reproduce", "--only", "costs", "--seeds", "1"]) == 2
    assert "has no seeds" in capsys.readouterr().err
