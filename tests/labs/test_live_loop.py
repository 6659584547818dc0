"""A lab in a running loop, as in a notebook's kernel, and its figure there and in Colab."""

import asyncio
import sys
import threading
import types

import pytest
from comm.base_comm import BaseComm

pytest.importorskip("ipywidgets")

from live_labs import Failing, same, status

from planrl.figures.style import AT_HOME
from planrl.labs import Session
from planrl.labs.catalogue import labs
from planrl.labs.notebook.panel import PATIENCE, PLOTLY, Panel
from planrl.labs.notebook.widget import TASK, LiveLab


async def until(true, seconds=20.0):
    for _ in range(int(seconds / 0.01)):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come")


def leftover():
    return [task for task in asyncio.all_tasks() if task.get_name() == TASK and not task.done()]


def test_training_is_a_task_that_others_can_get_a_word_in(make_lab):
    async def notebook():
        lab = make_lab("policy-gradient")
        lab.panel.train.click()
        assert lab.training
        assert lab.panel.train.description == "Pause"
        heard = 0
        while lab.session.updates < 20:
            await asyncio.sleep(0)
            heard += 1
        assert heard > 1
        lab.panel.controls["kl"].value = 0.1
        assert lab.session.state.values["kl"] == 0.1
        assert lab.training
        lab.panel.train.click()
        assert lab.panel.train.description == "Train"
        assert f"Paused at update {lab.session.updates}" in status(lab)
        await asyncio.sleep(0)
        assert leftover() == []
        updates = lab.session.updates
        await asyncio.sleep(0.1)
        assert lab.session.updates == updates
        assert lab.history[-1][0] == updates

    asyncio.run(notebook())


def test_the_loop_trains_as_a_plain_session_does(make_lab):
    async def notebook():
        lab = make_lab("blocks")
        lab.train()
        await until(lambda: lab.session.updates >= 15)
        lab.panel.controls["seed"].value = 2  # restarts; training goes on
        assert lab.training
        assert "New seed" in status(lab)
        await until(lambda: lab.session.updates >= 15)
        lab.pause()
        plain = Session("blocks", "seed=2")
        plain.train(lab.session.updates)
        assert same(lab.session, plain)

    asyncio.run(notebook())


def test_training_stops_at_the_labs_end_and_goes_on_from_there(make_lab):
    async def notebook():
        lab = make_lab("blocks")
        end = lab.lab.screen.end
        lab.train()
        await until(lambda: not lab.training)
        assert lab.session.updates == end
        assert lab.history[-1][0] == end
        assert f"Paused at update {end}, where this lab stops by itself" in status(lab)
        assert lab.panel.train.description == "Train"
        lab.train()
        await until(lambda: lab.session.updates > end)
        lab.pause()

    asyncio.run(notebook())


def test_an_error_ends_the_task_and_is_shown(make_lab):
    async def notebook():
        run = Failing(ValueError("no"))
        lab = make_lab("policy-gradient", run=run)
        lab.train()
        await until(lambda: lab.session.updates >= 5)
        run.on = True
        await until(lambda: not lab.training)
        assert "Training stopped: ValueError: no." in status(lab)
        assert lab.panel.train.description == "Train"
        await asyncio.sleep(0)
        assert leftover() == []

    asyncio.run(notebook())


@pytest.mark.parametrize("close", [LiveLab.close, lambda lab: lab.panel.box.close()])
def test_nothing_trains_when_the_widgets_are_closed(make_lab, close):
    async def notebook():
        lab = make_lab("blocks")
        lab.train()
        await until(lambda: lab.session.updates > 0)
        close(lab)
        assert not lab.training
        await asyncio.sleep(0)
        assert leftover() == []

    asyncio.run(notebook())


def test_one_lab_trains_at_a_time_and_showing_one_pauses_the_others(make_lab, capsys):
    async def notebook():
        one, two = make_lab("blocks"), make_lab("blocks", "seed=1")
        one.train()
        await asyncio.sleep(0)
        two.train()
        await until(lambda: not one.training)
        assert two.training
        assert "Pause" not in one.panel.train.description
        one._ipython_display_()
        await until(lambda: not two.training)
        assert leftover() == []

    asyncio.run(notebook())


def test_a_slider_moved_from_another_thread_is_not_put_back_by_a_redraw(make_lab):
    async def notebook():
        lab = make_lab("policy-gradient")
        slider, presets = lab.panel.controls["kl"], lab.panel.presets
        for widget, value in ((slider, 0.1), (presets, "cold")):
            mover = threading.Thread(target=setattr, args=(widget, "value", value))
            mover.start()
            mover.join()
            lab._show()  # as after each look, with the settings that are trained still
            await until(lambda widget=widget, value=value: widget.value == value)
            assert lab.session.state.values["kl"] == (0.1 if widget is slider else 0)
        assert lab.session.state.values["temperature"] == 0.25

    asyncio.run(notebook())


def test_a_click_from_another_thread_is_handled_in_the_labs_own_loop(make_lab):
    async def notebook():
        lab = make_lab("blocks")
        await asyncio.to_thread(lab.panel.step.click)
        await until(lambda: lab.session.updates == 1)

        async def subshell():
            lab.panel.step.click()

        await asyncio.to_thread(asyncio.run, subshell())
        await until(lambda: lab.session.updates == 2)

    asyncio.run(notebook())


# --- the figure


def test_colab_gets_a_displayed_figure_and_it_is_displayed_again(monkeypatch, make_lab):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    sent = []
    ipython = types.SimpleNamespace(
        display=lambda what, **how: sent.append((what, how)),
        update_display=lambda what, **how: sent.append((what, how)),
    )
    monkeypatch.setattr("planrl.labs.notebook.panel._ipython", ipython)
    lab = make_lab("blocks")
    assert lab.panel.canvas is None
    assert lab.panel.redraws == 1
    lab.panel.train.click()
    assert sent == []  # nothing is displayed yet
    lab._ipython_display_()
    (head, _), (_, how), (box, _) = sent[:3]
    del sent[3:]  # the arrow keys' script, where ipywidgets is new
    assert (head, box) == (lab.panel.head, lab.panel.box)
    assert how["raw"]
    bundle = {"text/html": "figure"}
    monkeypatch.setattr("plotly.graph_objects.Figure._repr_mimebundle_", lambda self: bundle)
    lab.panel.step.click()
    assert sent[3:] == [(bundle, how)]
    bundle[PLOTLY] = {}
    lab.panel.step.click()
    room, (figure, again) = sent[4:]  # JupyterLab would not draw over its picture
    assert "height:420px" in room[0]["text/html"]
    assert room[1] == again == how
    assert figure is bundle


def test_a_front_end_gets_no_new_drawing_before_it_has_drawn_the_last(monkeypatch, make_lab):
    lab = make_lab("race")
    panel, now = lab.panel, [1000.0]
    if panel.canvas is None:
        pytest.skip("needs plotly's widget: install anywidget")
    monkeypatch.setattr("planrl.labs.notebook.panel.time.perf_counter", lambda: now[0])
    monkeypatch.setattr(
        "planrl.labs.notebook.panel._ipython", types.SimpleNamespace(display=lambda *a, **k: None)
    )
    assert panel.drawn  # it is not displayed, so nobody is waited for
    panel.display(None)
    lab._draw()
    now[0] += 1
    assert not panel.drawn
    panel.canvas._js2py_traceDeltas = {"trace_deltas": [], "trace_edit_id": 1}  # as plotly does
    assert panel.drawn
    lab._draw()
    now[0] += PATIENCE + 1  # whoever has closed the page never answers
    assert panel.drawn


def test_a_figure_whose_cell_has_run_again_is_told_nothing_more(monkeypatch, make_lab):
    told, cell = [], {"metadata": {"cellId": "one"}}
    monkeypatch.setattr("planrl.labs.notebook.panel.SHOWN", (0.01, 0.02))
    monkeypatch.setattr(Panel, "fit", lambda panel: told.append(panel))
    quiet = types.SimpleNamespace(display=lambda *a, **k: None)
    monkeypatch.setattr("planrl.labs.notebook.panel._ipython", quiet)
    shell = types.SimpleNamespace(get_parent=lambda: cell)
    monkeypatch.setattr("planrl.labs.notebook.panel.IPython.get_ipython", lambda: shell)
    first, again, other, unknown = (make_lab("blocks").panel for _ in range(4))

    async def notebook():
        loop = asyncio.get_running_loop()
        first.display(loop)
        again.display(loop)
        cell["metadata"]["cellId"] = "two"
        other.display(loop)
        cell["metadata"].clear()  # a front end that names no cells
        unknown.display(loop)
        await asyncio.sleep(0.1)

    asyncio.run(notebook())
    assert first not in told
    assert all(told.count(panel) == 2 for panel in (again, other, unknown))


@pytest.fixture
def told(monkeypatch):
    """What the front end is told: (kind of message, its data)."""
    said = []

    class Comm(BaseComm):
        def publish_msg(self, msg_type, data=None, **others):
            said.append((msg_type, data))

    monkeypatch.setattr("comm.create_comm", Comm)
    return said


def test_the_front_end_is_told_of_a_whole_figure_at_once_and_of_changes_afterwards(told):
    """A browser that is still loading plotly loses what it is told after the first message."""
    panel = Panel(labs()["race"], "")
    if panel.canvas is None:
        pytest.skip("needs plotly's widget: install anywidget")
    opened = [data["state"] for kind, data in told if kind == "comm_open"]
    (figure,) = [state for state in opened if "_widget_data" in state]
    assert len(figure["_widget_data"]) == len(panel.figure.data) > 0
    assert figure["_widget_layout"]["xaxis"]
    assert AT_HOME.items() <= figure["_config"].items(), "no button sends it to plotly's maker"
    told.clear()
    panel.canvas.data[0].y = [3, 4]
    assert any("_py2js_restyle" in data["state"] for kind, data in told if kind == "comm_msg")
    panel.close()


def test_a_live_figure_is_part_of_the_box_where_there_is_one(monkeypatch):
    lab = labs()["race"]
    monkeypatch.setattr("planrl.labs.notebook.panel.go.FigureWidget", _NoWidget)
    panel = Panel(lab, "")
    assert panel.canvas is None
    panel.close()


class _NoWidget:
    """What plotly has in a figure's place where anywidget is missing."""

    def __init__(self, figure):
        raise ImportError("Please install anywidget")
