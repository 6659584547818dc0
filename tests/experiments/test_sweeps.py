"""Many runs from one function: in order, stored, gone on with, and the same numbers everywhere."""

import dataclasses
import functools
import json
import os
import subprocess
import sys

import joblib
import numpy as np
import pytest
import torch
from sweep_work import files

import planrl as pr
from planrl.experiments.sweeps import FORMAT, grid, sweep


def test_a_grid_is_in_the_order_of_nested_loops(work):
    base = work.Settings(nap=0.5)
    settings = grid(base, lr=(0.1, 0.2), seed=range(2))
    assert [(s.lr, s.seed, s.nap) for s in settings] == [
        (0.1, 0, 0.5),
        (0.1, 1, 0.5),
        (0.2, 0, 0.5),
        (0.2, 1, 0.5),
    ]
    assert grid(base) == [base]
    settings = grid(pr.TrainConfig(), lr=[1e-3, 1e-2])
    assert settings == [pr.TrainConfig(lr=1e-3), pr.TrainConfig(lr=1e-2)]
    with pytest.raises(pr.InputError, match="lr is the learning rate"):
        grid(pr.TrainConfig(), lr=[-1.0])


@pytest.mark.parametrize(
    "values",
    [
        np.linspace(0.25, 0.5, 2),
        list(np.linspace(0.25, 0.5, 2)),
        np.array([0.25, 0.5], np.float32),
        torch.tensor([0.25, 0.5]),
        (np.float16(0.25), 0.5),
    ],
)
def test_an_axis_may_be_an_array_and_its_values_are_pythons_numbers(work, values, tmp_path):
    settings = grid(work.Settings(), lr=values, seed=np.arange(2))
    assert [(s.lr, s.seed) for s in settings] == [(0.25, 0), (0.25, 1), (0.5, 0), (0.5, 1)]
    assert {(type(s.lr), type(s.seed)) for s in settings} == {(float, int)}
    assert len(list(sweep(work.values, settings, store=tmp_path, n_jobs=1))) == 4


@dataclasses.dataclass
class Loose:
    seed: int = 0


@pytest.mark.parametrize(
    ("base", "axes", "words"),
    [
        (pr.TrainConfig(), {"rate": [1]}, "no setting 'rate': take one of steps, lr, weight_decay"),
        (pr.TrainConfig(), {"lr": []}, "axis lr is empty"),
        (pr.TrainConfig(), {"lr": 0.1}, r"give a list of values, lr=\[0.1\]"),
        (pr.TrainConfig(), {"lr": "ab"}, r"give a list of values, lr=\['ab'\]"),
        (pr.TrainConfig(), {"lr": {0.1}}, r"give a list of values, lr=list\(...\)"),
        (pr.TrainConfig(), {"lr": map(float, "12")}, r"give a list of values, lr=list\(...\)"),
        (pr.TrainConfig(), {"lr": np.array(0.5)}, r"give a list of values, lr=\[0.5\]"),
        (pr.TrainConfig(), {"lr": np.zeros((2, 2))}, "give a list of values"),
        (pr.TrainConfig(), {"lr": np.zeros(0)}, "axis lr is empty"),
        (pr.TrainConfig, {}, "frozen=True"),
        (Loose(), {}, "frozen=True"),
        ({"lr": 0.1}, {}, "frozen=True"),
    ],
)
def test_a_grid_says_what_is_wrong(base, axes, words):
    with pytest.raises(pr.InputError, match=words):
        grid(base, **axes)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_results_come_in_the_settings_order_whoever_ends_first(work, n_jobs):
    settings = [work.Settings(seed=k, nap=0.1 * (k == 0)) for k in range(5)]
    results = list(sweep(work.square, settings, n_jobs=n_jobs))
    assert [result.settings for result in results] == settings
    assert [result.value["square"] for result in results] == [0, 1, 4, 9, 16]
    assert all(result.fresh and result.cpu_seconds >= 0 for result in results)
    current = {result.value["process"] == os.getpid() for result in results}
    assert current == {n_jobs == 1}


def test_every_run_has_one_torch_thread_and_this_process_keeps_its_own(work):
    settings = grid(work.Settings(), seed=range(3))
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        for n_jobs in (1, 2):
            for result in sweep(work.square, settings, n_jobs=n_jobs):
                assert result.value["threads"] == 1
            with pytest.raises(pr.SweepError):
                list(sweep(work.ill, settings, n_jobs=n_jobs))
            assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_value_is_the_same_fresh_and_from_the_store(work, tmp_path):
    for fresh in (True, False):
        (result,) = sweep(work.values, [work.Settings()], store=tmp_path, n_jobs=1)
        assert result.value == {"pair": [1, 2.5], "3": None}
        assert result.fresh == fresh


def test_stored_runs_are_read_and_missing_ones_run(work, tmp_path):
    notes = tmp_path / "notes"
    settings = grid(work.Settings(notes=str(notes)), seed=range(4))
    store = tmp_path / "deep" / "store"
    first = list(sweep(work.square, settings[1:3], store=store, n_jobs=1))
    again = list(sweep(work.square, settings, store=str(store), n_jobs=1))
    assert [result.fresh for result in again] == [True, False, False, True]
    assert [dataclasses.replace(r, fresh=True) for r in again[1:3]] == first
    assert notes.read_text().split() == ["1", "2", "0", "3"]
    assert all(not result.fresh for result in sweep(work.square, settings, store=store))
    assert len(files(store)) == 4


def test_the_function_the_settings_and_the_recipe_name_a_stored_run(work, tmp_path):
    one = [work.Settings()]
    for run, settings, recipe in [
        (work.square, one, ""),
        (work.values, one, ""),
        (work.square, one, "2"),
        (work.square, [work.Settings(lr=0.2)], ""),
    ]:
        (result,) = sweep(run, settings, store=tmp_path, n_jobs=1, recipe=recipe)
        assert result.fresh
    assert len(files(tmp_path)) == 4
    page = json.loads((tmp_path / files(tmp_path)[0]).read_bytes())
    assert page["format"] == FORMAT
    assert page["settings"]["class"] == "sweep_work.Settings"
    assert page["function"].startswith("sweep_work.")


def test_a_lambda_a_local_function_and_a_partial_are_refused(work):
    def local(settings):
        return settings.seed

    for run in (local, lambda settings: 1, functools.partial(work.square), "square"):
        with pytest.raises(pr.InputError, match="top level of a module"):
            sweep(run, [work.Settings()])


@dataclasses.dataclass(frozen=True)
class Holds:
    what: object = None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ([Holds(1), Holds(2), Holds(1)], "settings 0 and 2 are the same"),
        ([Holds(1), Holds(1.0)], "settings 0 and 1 are the same"),
        ([Holds([1])], r"settings.what is \[1\]: settings hold text, finite numbers"),
        ([Holds({"a": 1})], "settings.what is {'a': 1}"),
        ([Holds((1, Holds(torch.float32)))], r"settings.what\[1\].what is torch.float32"),
        ([Holds(float("nan"))], "settings.what is nan"),
        ([{"seed": 1}], "frozen=True"),
        ([Loose()], "frozen=True"),
    ],
)
def test_settings_that_cannot_be_kept_are_refused_before_anything_runs(
    work, tmp_path, settings, words
):
    with pytest.raises(pr.InputError, match=words):
        sweep(work.square, settings, store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_settings_in_settings_are_told_apart_by_their_class(work, tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Other:
        what: object = None

    settings = [Holds(Holds(1)), Holds(Other(1)), Holds((1,)), Holds(None), Holds("1"), Holds(True)]
    assert len(list(sweep(work.values, settings, store=tmp_path, n_jobs=1))) == 6
    assert len(files(tmp_path)) == 6


@pytest.mark.parametrize("change", ["cut", "foreign", "other run", "no value"])
def test_a_damaged_store_is_named_and_left_as_it_is(work, tmp_path, change):
    list(sweep(work.square, [work.Settings()], store=tmp_path, n_jobs=1))
    (path,) = tmp_path.iterdir()
    page = json.loads(path.read_bytes())
    if change == "other run":
        page["settings"]["seed"] = 9
    if change == "foreign":
        page["format"] = "something else"
    if change == "no value":
        del page["value"]
    content = path.read_bytes()[:-20] if change == "cut" else json.dumps(page).encode()
    path.write_bytes(content)
    with pytest.raises(pr.InputError, match="Delete the file") as caught:
        sweep(work.square, [work.Settings()], store=tmp_path, n_jobs=1)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_a_store_that_is_a_file_and_no_workers_are_refused(work, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(pr.InputError, match="cannot be a folder"):
        sweep(work.square, [work.Settings()], store=tmp_path / "file")
    with pytest.raises(pr.InputError, match="n_jobs=0"):
        sweep(work.square, [work.Settings()], n_jobs=0)


def test_the_configuration_around_the_call_acts_unless_n_jobs_is_given(work):
    settings = grid(work.Settings(), seed=range(3))

    def processes(**options):
        with joblib.parallel_config(n_jobs=1):
            results = sweep(work.square, settings, **options)
        return {result.value["process"] for result in results}  # asked for outside

    assert processes() == {os.getpid()}
    assert os.getpid() not in processes(n_jobs=2)


def test_no_settings_no_results(work):
    assert list(sweep(work.square, [])) == []


def test_the_command_line_imports_no_joblib_and_without_it_sweeps_say_what_to_install():
    code = (
        "import sys, planrl.__main__\n"
        "print('joblib' in sys.modules)\n"
        "sys.modules['joblib'] = None\n"
        "import planrl.experiments.sweeps\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n"
    assert 'InputError: sweeps need joblib: pip install "planrl[sweeps]"' in done.stderr


@pytest.mark.slow
def test_the_numbers_are_the_same_in_this_process_and_in_others(work):
    settings = grid(work.Settings(), model=["table", "transformer"], seed=range(2))
    current, there = (list(sweep(work.train, settings, n_jobs=n)) for n in (1, 2))
    assert [result.value for result in current] == [result.value for result in there]
    assert len({result.value["weights"] for result in current}) == 4


@pytest.mark.slow
def test_the_numbers_are_the_same_on_a_cluster(work, tmp_path):
    distributed = pytest.importorskip("distributed")
    settings = grid(work.Settings(), model=["table", "transformer"], seed=range(3))
    current = [result.value for result in sweep(work.train, settings, n_jobs=1)]
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            host="127.0.0.1",
            local_directory=str(tmp_path / "dask"),
        ) as cluster,
        distributed.Client(cluster),
    ):
        with joblib.parallel_config(backend="dask"):
            results = sweep(work.train, settings, store=tmp_path / "store")
            squares = sweep(work.square, settings)
            failing = sweep(work.even_only, grid(work.Settings(), seed=[0, 1, 2, 4, 6, 8]))
            stopped = sweep(work.square, settings)
        assert [result.value for result in results] == current
        processes = {result.value["process"] for result in squares}
        assert len(processes) == 2
        assert os.getpid() not in processes
        assert next(failing).value == 0
        with pytest.raises(pr.SweepError, match=r"seed=1, .*1 is odd"):
            next(failing)
        next(stopped)
        stopped.close()
    again = list(sweep(work.train, settings, store=tmp_path / "store"))
    assert [result.value for result in again] == current
    assert not any(result.fresh for result in again)
