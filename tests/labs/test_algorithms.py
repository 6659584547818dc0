"""One table says what an algorithm trains on and carries; whoever runs it reads that table."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

import planrl as pr
from planrl.errors import InputError
from planrl.labs import Session
from planrl.labs.catalogue import CATALOGUE, all_programs, imitation
from planrl.labs.engine.algorithms import ADAM, ALGORITHMS, Carried, begun
from planrl.labs.engine.algorithms import imitation as imitation_loss
from planrl.labs.engine.programs import programs
from planrl.labs.page import export
from planrl.labs.spec.lab import LabLearner

IMPORT = """
from planrl.transformer import Transformer
def refuse(*given, **named):
    raise AssertionError("a model was made on import")
Transformer.__init__ = refuse
import planrl.labs, planrl.labs.page.export, planrl.labs.page.recordings
import planrl.labs.engine.programs as programs
assert programs.programs.cache_info().currsize == 0
"""


def test_importing_the_labs_makes_no_model_and_no_program():
    subprocess.run([sys.executable, "-c", IMPORT], check=True)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_program_reads_what_its_algorithm_carries_and_what_its_stream_reads(name):
    algorithm = ALGORITHMS[name]
    for model in ("table", "transformer"):
        program = programs()[f"{model}-{name}"]
        others = {"t", "seed", "adjacency", *algorithm.stream.reads}
        assert program.examples.keys() == {*algorithm.carries, *others, *algorithm.options}
        assert program.carries == algorithm.carries


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_learner_begins_with_the_weights_it_is_given_and_the_values_of_the_table(name):
    weights = torch.arange(5.0)
    state = begun(ALGORITHMS[name], weights)
    assert state.keys() == ALGORITHMS[name].carries.keys()
    for key, carried in ALGORITHMS[name].carries.items():
        filled = carried.fill is not None
        expected = torch.full_like(weights, carried.fill) if filled else weights
        assert torch.equal(state[key], expected)


def follow(given):
    return {"slow": 0.9 * given["slow"] + 0.1 * given["params"], "seen": given["seen"] + 1.0}


@pytest.fixture
def averaged(monkeypatch):
    """A lab whose learner imitates, and carries a moving average of its weights and a count."""
    carries = {**ADAM, "slow": Carried(), "seen": Carried(3.0, shape=(1,))}
    algorithm = replace(ALGORITHMS["sft"], carries=carries, follow=follow, frozen="slow")
    monkeypatch.setitem(ALGORITHMS, "averaged", algorithm)
    learners = (LabLearner(name="averaged", algorithm="averaged", start="fresh"),)
    make = lambda: replace(imitation.lab(), name="averaged", learners=learners)  # noqa: E731
    monkeypatch.setitem(CATALOGUE, "averaged", make)
    programs.cache_clear()
    yield
    programs.cache_clear()


def test_a_new_algorithm_carries_what_its_entry_in_the_table_says(averaged):
    session, usual = Session("averaged"), Session("imitation")
    slow = session.learners[0].state["params"]
    for update in range(3):
        session.train(1)
        usual.train(1)
        state = session.learners[0].state
        slow = 0.9 * slow + 0.1 * state["params"]
        assert torch.allclose(state["slow"], slow)
        assert state["seen"].tolist() == [4.0 + update]
    assert torch.equal(state["params"], usual.learners[0].state["params"])
    session.reset()
    assert session.learners[0].state["seen"].tolist() == [3.0]


def test_a_page_is_told_what_a_learner_carries(averaged, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "to_onnx", lambda program, traced: b"")
    (path,) = export.export(tmp_path, ["table-averaged"])
    page = json.loads(path.with_suffix(".json").read_text())
    filled = {one["name"]: one["fill"] for one in page["carries"]}
    assert filled == {"params": None, "m": 0.0, "v": 0.0, "slow": None, "seen": 3.0}
    assert {f"in_{name}" for name in filled} <= {port["name"] for port in page["inputs"]}
    shapes = {port["name"]: port["shape"] for port in page["outputs"]}
    assert {f"out_{name}" for name in filled} <= shapes.keys()
    assert shapes["out_seen"] == [1]


@pytest.fixture
def own(monkeypatch):
    """A lab whose learner brings an algorithm of its own: imitation at half the gradient."""
    half = lambda given: lambda logits, batch: imitation_loss(logits, batch) / 2  # noqa: E731
    algorithm = replace(ALGORITHMS["sft"], loss=half)
    learners = (LabLearner(name="half", algorithm="half", start="fresh", trains=algorithm),)
    make = lambda: replace(imitation.lab(), name="own", learners=learners)  # noqa: E731
    monkeypatch.setitem(CATALOGUE, "own", make)
    return algorithm


def test_a_learner_may_bring_its_algorithm_which_is_trained_and_exported(own):
    session, usual = Session("own"), Session("imitation")
    (ours,), (theirs,) = session.train(1), usual.train(1)
    assert ours["loss"] == pytest.approx(theirs["loss"] / 2)
    others = {"table-objective"}  # of the lab of two objectives, which has a table alone
    added = all_programs().keys() - programs().keys()
    assert added == {"table-half", "transformer-half", *others}
    assert list(all_programs())[: len(programs())] == list(programs())


def test_two_algorithms_of_one_name_are_refused(own, monkeypatch):
    learners = (LabLearner(name="x", algorithm="sft", start="fresh", trains=own),)
    make = lambda: replace(imitation.lab(), name="other", learners=learners)  # noqa: E731
    monkeypatch.setitem(CATALOGUE, "other", make)
    with pytest.raises(InputError, match=r"two algorithms are called 'sft': rename .*other"):
        all_programs()


# --- a reader's own loss

MINE = """
import planrl

def my_loss(logits, batch, kl=0.0):
    return planrl.policy_gradient(logits, batch, kl=kl, correction="none")

not_a_loss = 5
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module of a reader's own, where Python finds it."""
    (tmp_path / "mine_in_labs.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)


def test_a_loss_by_its_dotted_path_trains_as_the_function_does(mine):
    named = Session("policy-gradient", "kl=0.1", loss="mine_in_labs:my_loss")
    usual = Session("policy-gradient", "kl=0.1")
    for session in (named, usual):
        session.train(3)
    one, other = (session.learners[0].state["params"] for session in (named, usual))
    assert torch.equal(one, other)
    assert named.about_loss == (
        "Trained here with a loss of yours, my_loss. It does not use: Baseline."
    )


def test_in_a_race_a_loss_of_ones_own_trains_the_learner_that_is_named_and_no_other(mine):
    link = "model=table"
    loss = {"policy gradient": "mine_in_labs:my_loss", "continual SFT": pr.policy_gradient}
    ours, usual = Session("race", link, loss=loss), Session("race", link)
    for session in (ours, usual):
        session.train(2)
    same = [
        torch.equal(one.state["params"], other.state["params"])
        for one, other in zip(ours.learners, usual.learners, strict=True)
    ]
    assert same == [False, True, True, True]
    assert "policy gradient is trained here with a loss of yours, my_loss." in ours.about_loss


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("nowhere:my_loss", "nowhere cannot be imported"),
        ("mine_in_labs:other", "mine_in_labs has no function other"),
        ("mine_in_labs", "write my_module:my_function"),
        ("", "'' names no function"),
        ("mine_in_labs:not_a_loss", "mine_in_labs has no function not_a_loss"),
        (5, "a loss is a function of logits and a batch, but 5 was given"),
        ({"nobody": pr.sft}, "no learner is called 'nobody'; there are: policy gradient"),
    ],
)
def test_what_names_no_loss_is_refused(mine, loss, said):
    with pytest.raises(InputError, match=said):
        Session("policy-gradient", loss=loss)
