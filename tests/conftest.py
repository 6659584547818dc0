"""Shared by all tests: one torch thread, annotated shapes checked at run time, tiny worlds."""

import gc
import random
import sys
from pathlib import Path

import torch

sys.path.append(
    str(Path(__file__).parent)
)  # what tests share: live_labs, shape_checks, soaking, sweep_work

import shape_checks

shape_checks.install(
    (
        *("graphs", "tasks", "streams", "models", "transformer"),
        *("sampling", "losses", "evaluate", "theory"),
        *("io.formats", "io.text_rows"),
    )
)

sys.path.append(str(Path(__file__).parent / "disturbed"))
import disturbed  # noqa: E402

if disturbed.SIZE:
    disturbed.install()

import pytest  # noqa: E402

import planrl as pr  # noqa: E402

torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    """Leave out what can't be disturbed, when first weights are."""
    for item in items if disturbed.SIZE else ():
        place = item.path.relative_to(Path(__file__).parent).as_posix()
        if place in disturbed.EXACT:
            item.add_marker(pytest.mark.skip(reason=disturbed.EXACT[place]))


def pytest_collection_finish():
    """What is imported by now stays: whoever collects garbage need not look through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _same_chance_every_time():
    """The annotation check looks at one item of a list, drawn from here: let it be the same one."""
    random.seed(0)
    shape_checks.begin()


@pytest.fixture
def rng():
    return pr.seeded(0, "test")


@pytest.fixture
def small_task():
    """A DAG of 12 nodes on which every question has an answer."""
    return pr.all_pairs(pr.random_dag(12, 0.35, pr.seeded(3, "graph")))


@pytest.fixture
def sharp_transformer(small_task):
    """A function factor -> Transformer whose random weights are that much larger than usual."""

    def make(factor):
        config = pr.TransformerConfig(width=24)
        model = pr.Transformer(small_task.vocab, config, pr.seeded(0, "weights"))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(factor)
        return model

    return make


@pytest.fixture(params=["table", "linear", "transformer"])
def make_model(request):
    """A function vocab -> model, for each kind of model there is."""

    def make(vocab, seed=0):
        if request.param == "table":
            return pr.LogitTable(vocab)
        if request.param == "linear":
            return pr.LinearTransformer(vocab)
        config = pr.TransformerConfig(width=24, heads=2)
        return pr.Transformer(vocab, config, pr.seeded(seed, "weights"))

    return make


@pytest.fixture
def make_lab():
    """LiveLab of a link; all are closed in the end."""
    from planrl.labs import Session  # asks for plotly
    from planrl.labs.notebook import LiveLab

    made = []

    def start(name, link="", **options):
        made.append(LiveLab(Session(name, link, **options)))
        return made[-1]

    yield start
    for lab in made:
        lab.close()


@pytest.fixture(scope="module")
def work():
    """What the tests' sweeps run; no worker process is left from other tests, nor for them."""
    import sweep_work
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)
    yield sweep_work
    get_reusable_executor().shutdown(wait=True)
