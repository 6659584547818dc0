"""A lab in a kernel, as its front end speaks to it: runs, settings, and what goes wrong."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anywidget")

from live_labs import Failing, same, seen

from planrl.labs import Session, notebook
from planrl.labs.catalogue import CATALOGUE
from planrl.losses import policy_gradient

NAMES = list(CATALOGUE)
pytestmark = pytest.mark.usefixtures("bases_are_trained_once")


class Front:
    """A front end: what it sends to a lab, and what it is told."""

    def __init__(self, lab, view="view", links=("",)):
        self.lab, self.view, self.links, self.epoch = lab, view, list(links), 0
        self.told = []
        lab.send = lambda content, buffers=(): self.told.append((content, buffers))

    def ask(self, kind, **more):
        """The answer to a message, without the bytes."""
        before = len(self.told)
        told = {"type": kind, "epoch": self.epoch, "view": self.view, "links": self.links, **more}
        self.lab._handle_custom_msg(told, [])
        assert len(self.told) == before + (kind != "close")
        return self.told[-1][0] if kind != "close" else None

    def open(self, *links):
        self.links = list(links) or self.links
        self.epoch += 1
        return self.ask("open")

    def train(self, steps, *links):
        self.links = list(links) or self.links
        left, answer = steps, {}
        while left and not answer.get("stopped"):
            answer = self.ask("run", steps=left)
            left = answer["left"]
        return answer

    @property
    def numbers(self):
        """The metrics of the newest evaluation, of each learner."""
        content, buffers = self.told[-1]
        rest = np.frombuffer(buffers[0], dtype="<f4")
        found = []
        for _ in range(content["learners"]):
            found.append({})
            for name, shape in content["shapes"].items():
                size = int(np.prod(shape))
                if not shape:
                    found[-1][name] = float(rest[0])
                rest = rest[size:]
        assert not len(rest)
        return found


@pytest.mark.parametrize("name", NAMES)
def test_a_front_end_is_told_what_a_session_measures(name, make_lab):
    front = Front(make_lab(name))
    assert front.open()["type"] == "ready"
    front.train(2)
    plain = Session(name)
    plain.train(2)
    for ours, theirs in zip(front.numbers, seen(plain.evaluate()), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-6, nan_ok=True)
    assert same(front.lab.session, plain)


def test_what_was_made_for_the_lab_is_trained_and_not_made_again(make_lab):
    lab = make_lab("policy-gradient", "kl=0.1")
    made, front = lab.session, Front(lab)
    front.open("kl=0.1")
    assert lab.session is made
    front.train(3)
    front.open("kl=0.1")
    assert lab.session is not made
    assert lab.session.updates == 0


def test_an_update_that_is_asked_for_alone_comes_with_its_paths(make_lab):
    front = Front(make_lab("race"))
    front.open()
    front.ask("run", steps=1, told=True)
    assert len(front.told[-1][1]) == 1 + 2 * 4
    paths, earned = (np.frombuffer(one, dtype="<f4") for one in front.told[-1][1][1:3])
    assert earned.shape == (32,)
    assert paths.reshape(32, -1).shape[1] > 3
    front.train(1)
    assert len(front.told[-1][1]) == 1


def test_a_control_and_a_pair_act_on_the_run_at_once(make_lab):
    front = Front(make_lab("rewards"))
    front.open()
    front.train(10)
    answer = front.train(10, "edge=0.5&strict=1&pair=0-19")
    plain = Session("rewards")
    plain.train(10)
    plain.set(edge=0.5, strict=1)
    plain.train(10)
    assert same(front.lab.session, plain)
    assert answer["question"] == [0, 19]
    assert front.lab.link == "lab=rewards&edge=0.5&strict=1&pair=0-19"
    answer = front.ask("run", steps=0, links=["edge=0.5&strict=1"])
    assert answer["step"] == 20
    assert answer["question"] == plain.given["question"].tolist()


def test_two_settings_are_trained_side_by_side(make_lab):
    front = Front(make_lab("policy-gradient"))
    answer = front.open("kl=0.1", "")
    assert answer["learners"] == 2
    front.train(4)
    for link, ours in zip(("kl=0.1", ""), front.numbers, strict=True):
        plain = Session("policy-gradient", link)
        plain.train(4)
        assert ours == pytest.approx(seen(plain.evaluate())[0], abs=1e-6, nan_ok=True)


def test_a_slow_update_leaves_the_rest_for_later_so_that_other_cells_are_run(make_lab, monkeypatch):
    front = Front(make_lab("blocks"))
    front.open()
    monkeypatch.setattr(notebook, "SLICE", 0.0)
    answer = front.ask("run", steps=5)
    assert (answer["step"], answer["left"]) == (1, 4)
    ticks = iter(range(100))
    monkeypatch.setattr(notebook, "SLICE", 3.0)
    monkeypatch.setattr(notebook.time, "perf_counter", lambda: next(ticks))
    answer = front.ask("run", steps=5)
    assert (answer["step"], answer["left"]) == (4, 2)


def test_two_views_of_a_lab_do_not_share_a_run_and_a_closed_one_is_forgotten(make_lab):
    lab = make_lab("blocks")
    one, other = Front(lab, "one"), Front(lab, "other")
    one.told = other.told
    one.open()
    other.open()
    one.train(3)
    assert other.train(1)["step"] == 1
    assert one.train(1)["step"] == 4
    one.ask("close")
    assert list(lab._views) == ["other"]


def test_a_run_that_cannot_be_made_says_why_and_the_old_one_stays(make_lab):
    front = Front(make_lab("policy-gradient"))
    front.open()
    front.train(2)
    old = front.lab.session
    answer = front.open("graph=own&edges=a-b&pair=b-a")
    assert answer["type"] == "error"
    assert "no path leads" in answer["message"]
    assert front.lab.session is old


def test_an_error_in_training_is_told_and_what_was_good_stays(make_lab):
    run = Failing(ZeroDivisionError("a reader's <own>"))
    front = Front(make_lab("policy-gradient", run=run))
    front.open()
    front.train(10)
    good = seen(front.lab.session.evaluate())
    run.on = True
    answer = front.train(10)
    assert answer["stopped"] == "ZeroDivisionError: a reader's <own>"
    assert answer["step"] == 10
    assert seen(front.lab.session.evaluate()) == good
    run.on = False
    answer = front.train(10)
    assert (answer["stopped"], answer["step"]) == ("", 20)


def test_a_base_whose_training_is_interrupted_is_told_and_can_be_asked_for_again(make_lab):
    lab = make_lab("policy-gradient")
    front, made = Front(lab), lab.session.run

    def interrupted(program, given):
        if program.name == "transformer-sft":
            raise KeyboardInterrupt
        return made(program, given)

    lab.session.run = interrupted
    answer = front.open("model=transformer")
    assert (answer["type"], answer["message"]) == ("error", "the kernel was interrupted")
    lab.session.run = made
    assert front.open("")["type"] == "ready"


def test_a_loss_of_ones_own_may_fail_and_is_named_in_the_lab_and_in_what_is_copied(make_lab):
    left = [2]

    def mine(logits, batch, kl=0.0):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return policy_gradient(logits, batch, kl=kl)

    front = Front(make_lab("policy-gradient", loss=mine))
    shown = front.lab.shown
    assert "a loss of yours, mine. It does not use: Baseline." in shown["intro"]
    assert "{state!r}, loss=mine)" in shown["lab"]["snippet"]
    assert shown["lab"]["recorded"] == []  # they are of the lab's own loss
    front.open()
    answer = front.train(5)
    assert (answer["step"], answer["stopped"]) == (2, "the kernel was interrupted")
    front.open("seed=1")  # a new session, of the same loss
    assert front.lab.session.loss is mine


def test_an_update_that_is_not_finite_is_not_applied(make_lab):
    front = Front(
        make_lab("policy-gradient", loss=lambda logits, batch: logits.sum() * float("nan"))
    )
    front.open()
    answer = front.ask("run", steps=1, told=True)
    assert answer["stopped"].startswith("update 1 of policy-gradient")
    assert answer["step"] == 0
    assert len(front.told[-1][1]) == 1  # no paths of an update that was not made


def test_a_notebook_gets_the_scripts_of_a_page_and_plotly_when_it_asks(make_lab, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "book" / "_ext"))
    live = pytest.importorskip("live")
    assert [f"{name}.js" for name in notebook.SCRIPTS[1:-2]] == list(live.SCRIPTS[:-1])
    lab = make_lab("blocks", "seed=2")
    assert lab.shown["link"] == "seed=2"
    assert lab.shown["lab"]["recorded"]
    assert "import.meta" not in lab._esm  # it is loaded from a blob, which has no folder
    assert "rem" not in lab._css
    front = Front(lab)
    assert front.ask("plotly") == {"type": "plotly"}
    assert len(front.told[-1][1][0]) > 1e6
    assert "blocks" in repr(lab)
