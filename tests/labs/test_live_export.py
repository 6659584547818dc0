"""Exported programs give torch's numbers: what a page trains is what a kernel trains.

The exporter is known to be wrong without a word in two ways; each has a test of its own here.
"""

import json
import sys
from pathlib import Path

import onnx
import pytest
import torch

from planrl.errors import InputError
from planrl.labs import Session
from planrl.labs.engine.programs import Program, programs
from planrl.labs.page.export import export, to_onnx
from planrl.labs.page.runtime import Exported

pytestmark = pytest.mark.slow
UPDATES = 100
OBJECTIVES = (
    "a_lambda=0.1&a_kl=k3-loss&b=dapo&b_lambda=0&b_beta=0.05&epochs=2",
    "a=gspo&epochs=4",
    "a=pass-2&a_lambda=0.1&a_kl=k2-loss",
)
STARTS = [
    ("table", "imitation", ""),
    ("table", "policy-gradient", "kl=0.01"),
    ("table", "rewards", ""),
    *(("table", "objectives", link) for link in OBJECTIVES),
    ("transformer", "imitation", ""),
    ("transformer", "policy-gradient", "kl=0.01"),
    ("transformer", "rewards", ""),
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """All programs, exported once: those of the book's last build if they are of today's sources,
    else anew."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book" / "_ext"))
    import live  # the book's own

    assert live.export_programs() == ""
    return Exported(live.PROGRAMS)


def test_the_programs_that_are_kept_in_the_repository_are_todays(exported):
    """Else each build of the book exports them anew: `python book/_ext/live.py write` renews them."""
    import live

    kept, now = (
        {path.name: path.read_bytes() for path in folder.glob("*.json")}
        for folder in (live.KEPT, live.PROGRAMS)
    )
    assert kept == now != {}


@pytest.mark.parametrize(("model", "name", "settings"), STARTS)
def test_a_hundred_updates_in_onnx_are_those_of_torch(exported, model, name, settings):
    """Each of them from the same weights: else a walk that is drawn otherwise, because of the last
    bit of a probability, would be followed by others."""
    link = f"seed=1&{settings}&model={model}" if name != "objectives" else f"seed=1&{settings}"
    ours, theirs = Session(name, link), Session(name, link, run=exported)
    theirs.given = ours.given
    start, others = ours.learners[0].state["params"], []
    for number in range(UPDATES):
        before = dict(ours.learners[0].state)
        theirs.learners[0].state = dict(before)
        a, b = ours.train(1)[0], theirs.train(1)[0]
        x, y = ours.learners[0].state, theirs.learners[0].state
        moved = float((x["params"] - before["params"]).abs().max())
        assert moved > 1e-5
        alike = (
            (a["right"], a["reward"]) == (b["right"], pytest.approx(b["reward"], abs=1e-4))
            and a["loss"] == pytest.approx(b["loss"], abs=1e-4, rel=1e-4)
            and a["gradient_norm"] == pytest.approx(b["gradient_norm"], abs=1e-3, rel=1e-3)
            # weights, and Adam's moments of the gradient
            and float((x["params"] - y["params"]).abs().max()) < 5e-3 * moved
            and all(
                float((x[part] - y[part]).abs().max()) < 5e-3 * float(x[part].abs().max())
                for part in ("m", "v")
            )
        )
        others += [] if alike else [number]
    assert len(others) <= 2, others
    assert float((ours.learners[0].state["params"] - start).abs().max()) > 0.01
    theirs.learners[0].state = dict(ours.learners[0].state)
    mine, other = ours.evaluate()[0], theirs.evaluate()[0]
    for key, value in mine.items():
        if isinstance(value, float):
            assert value == pytest.approx(other[key], abs=0.01, nan_ok=True), key
        else:
            assert torch.allclose(value, other[key], rtol=0, atol=0.05, equal_nan=True), key


@pytest.mark.parametrize("model", ["table", "transformer"])
@pytest.mark.parametrize("graph", ["dag", "cyclic"])
def test_questions_demonstrations_and_first_weights_are_the_same(exported, model, graph):
    link = f"model={model}&graph={graph}&seed=2"
    ours, theirs = Session("imitation", link), Session("imitation", link, run=exported)
    for key in ("pairs", "question", "train_count", "pair_count", "rows", "row_count"):
        assert torch.equal(ours.given[key], theirs.given[key]), key
    a, b = (s.learners[0].state["params"] for s in (ours, theirs))
    assert (a - b).abs().max() < 1e-6


def test_small_constants_are_not_lost_on_the_way(exported):
    """Known: the exporter drops `+ 1e-8`. So Adam's eps is an input: it is felt, and where the
    gradient is 0 it keeps 0 / 0 from happening."""
    moved = {}
    for eps in (1e-8, 1e-5, 1.0):
        session = Session("imitation", "seed=1", run=exported)
        session.learners[0].options["eps"] = eps
        session.train(1)
        params = session.learners[0].state["params"]
        assert torch.isfinite(params).all()
        moved[eps] = float(params.abs().max())
    assert moved[1.0] < 0.5 * moved[1e-5] <= 0.5 * moved[1e-8]


def test_a_mean_over_chosen_places_keeps_its_divisor(exported):
    """Known: the exported gradient of a mean cross-entropy may lack its divisor; Adam hides it."""
    ours, theirs = Session("imitation", "seed=1"), Session("imitation", "seed=1", run=exported)
    a, b = ours.train(1)[0], theirs.train(1)[0]
    assert a["gradient_norm"] == pytest.approx(b["gradient_norm"], rel=1e-4)


def left_at(session, accuracy, updates, rate):
    """The correct paths left when this accuracy is reached: with Adam, or in plain gradient descent
    by a `rate`."""
    learner = session.learners[0]
    for done in range(updates):
        if done % 10 == 0 and (found := session.evaluate()[0])["solved"] >= accuracy:
            return found["left"]
        new = session._update(learner, done)
        if rate:  # Adam's first moment, from 0, is a tenth of the gradient
            weights = learner.state["params"] - rate * 10 * new["m"]
            zero = torch.zeros_like(weights)
            new = {"params": weights, "behaviour": weights, "m": zero, "v": zero}
        learner.take(new)
    raise AssertionError(f"{accuracy} is not reached")


def test_pass_at_2_is_near_the_line_of_rloo_without_adam_and_above_it_with_adam(exported):
    for rate, low, high in ((1.0, 0.7, 1.7), (0.0, 2.0, 9.0)):
        left = [
            sum(
                left_at(
                    Session("objectives", f"a={method}&seed={seed}", run=exported), 0.95, 600, rate
                )
                for seed in range(3)
            )
            for method in ("rloo", "pass-2")
        ]
        assert low < left[1] / left[0] < high, (rate, left)


# Of the objective's options, what the prediction of its end does not depend on.
OF_THE_LOSS = {
    *("per_path", "per_token", "summed", "clip_low", "clip_high", "entropy_path", "k"),
    *("pass_at_k", "preferred"),
}


def test_every_input_of_a_program_is_felt_or_named_as_unused(exported):
    for program in programs().values():
        ports = json.loads((exported.folder / f"{program.name}.json").read_text())
        assert [port["name"] for port in ports["inputs"]] == [f"in_{k}" for k in program.examples]
        graph = onnx.load(exported.folder / f"{program.name}.onnx").graph
        assert {port.name for port in graph.input} == {f"in_{k}" for k in program.examples}
        used = {name for node in graph.node for name in node.input}
        unused = {port.name for port in graph.input} - used
        idle = {f"in_{k}" for k in OF_THE_LOSS} if program.name == "table-question" else set()
        assert unused <= {"in_seed", "in_t", "in_question"} | idle, program.name
        assert not [node for node in graph.node if node.metadata_props], "four times the size"


def test_a_missing_program_is_named(tmp_path):
    with pytest.raises(InputError, match=r"prepare\.onnx is missing"):
        Session("race", run=Exported(tmp_path))
    with pytest.raises(InputError, match="no program is called 'x'"):
        export(tmp_path, ["x"])


def test_two_inputs_that_are_one_object_stay_two():
    """Known: a tracer that is given one object twice makes one input of it."""
    shared = torch.zeros(3)
    program = Program("two", lambda v: {"sum": v["a"] + 2 * v["b"]}, {"a": shared, "b": shared})
    content = to_onnx(program)
    assert len(onnx.load_from_string(content).graph.input) == 2
