import asyncio
import html
import sys
import threading
import types

import pytest

pytest.importorskip("ipywidgets")

from planrl import InputError
from planrl.live import Session
from planrl.live.catalogue import labs
from planrl.live.filling import FILLERS, edge_list, fill, named_axes, named_world, numbered, told
from planrl.live.host import EXAMPLE, MOST_POINTS, TASK, LiveLab
from planrl.live.panel import PATIENCE, PLOTLY, Panel
from planrl.live.workshop import VERDICTS
from planrl.live.worlds import own_world
from planrl.objectives import policy_gradient
from planrl.style import AT_HOME

NAMES = list(labs())


@pytest.fixture(scope="module")
def sessions():
    """A session of every lab, a little trained; nobody trains it further."""
    made = {name: Session(name) for name in NAMES}
    for session in made.values():
        session.train(2)
    return made


def seen(looks):
    return [{k: v for k, v in look.items() if isinstance(v, float)} for look in looks]


def filled(session, kind, history=()):
    """The bindings of one kind, each with its traces' data."""
    looks = session.look()
    updates = fill(session.lab, session.world, looks, history)
    for binding in session.lab.bindings:
        if binding["kind"] == kind:
            traces = binding.get("traces") or [binding["trace"]]
            yield binding, looks, [updates[trace] for trace in traces]


def same(one, other):
    """Do two sessions measure the same of every learner?"""
    return seen(one.look()) == seen(other.look())


# --- filling


@pytest.mark.parametrize("name", NAMES)
def test_every_trace_is_filled_and_plotly_takes_it(name, sessions):
    session = sessions[name]
    updates = fill(session.lab, session.world, session.look(), [(2, seen(session.look()))])
    figure = session.lab.figure
    assert len(updates) == len(figure.data)
    assert all("x" in update and "y" in update for update in updates)
    for trace, update in zip(figure.data, updates, strict=True):
        trace.update(update)


def test_the_labs_show_every_kind_of_binding(sessions):
    assert {b["kind"] for s in sessions.values() for b in s.lab.bindings} == set(FILLERS)


@pytest.mark.parametrize("name", NAMES)
def test_curves_follow_the_history_and_the_recorded_stay_empty(name, sessions):
    session = sessions[name]
    history = [(0, seen(session.look())), (10, seen(session.look()))]
    for binding, looks, (line,) in filled(session, "curve", history):
        assert line["x"] == [0, 10]
        assert line["y"] == [looks[binding["learner"]][binding["metric"]]] * 2
    empty = [*filled(session, "band", history), *filled(session, "recorded", history)]
    empty += filled(session, "curve")
    assert all(line == {"x": [None], "y": [None]} for *_, (line,) in empty)


def test_each_edge_is_drawn_once_in_the_width_of_its_probability(sessions):
    session = sessions["policy-gradient"]
    ((binding, looks, lines),) = filled(session, "edges")
    drawn = [line["x"].count(None) if line["x"] != [None] else 0 for line in lines]
    policy = [float(looks[0]["policy"][edge]) for edge in session.world.graph.edges]
    at = binding["at"]
    assert drawn == [sum(at[k] <= p < at[k + 1] for p in policy) for k in range(5)]
    assert sum(drawn) == len(policy)


def test_nodes_have_symbols_for_the_question_and_escaped_names():
    world = named_world(own_world([("0", "1"), ("1", "2")]), ["<b>", "b", "c & d"], [0, 2])
    session = Session("policy-gradient", "graph=own&edges=0-1.1-2")
    trace = next(b["trace"] for b in session.lab.bindings if b["kind"] == "nodes")
    nodes = fill(session.lab, world, session.look(), [])[trace]
    assert nodes["text"] == ["&lt;b&gt;", "b", "c &amp; d"]
    assert nodes["marker"]["symbol"] == ["square", "circle", "star"]
    assert len(nodes["x"]) == len(nodes["y"]) == 3


def test_matrices_and_bars_have_the_nodes_of_their_graph():
    session = Session("rewards", "graph=own&edges=0-1.1-2.0-2")
    for binding, looks, (heat,) in filled(session, "matrix"):
        values = looks[0][binding["matrix"]]
        assert heat["x"] == heat["y"] == ["0", "1", "2"]
        assert heat["z"] == values[:3, :3].tolist()
    session = Session("imitation", "graph=own&edges=0-1.1-2.0-2")
    for binding, looks, (bars,) in filled(session, "bars"):
        values = looks[0][binding["matrix"]].tolist()
        assert bars["x"] == ["0", "1", "2", "END"]
        assert bars["y"] == [*values[:3], values[20]]
    assert named_axes(session.lab) == ["xaxis2"]
    assert named_axes(labs()["rewards"]) == ["xaxis2", "xaxis3", "yaxis2", "yaxis3"]


def test_a_plan_is_drawn_state_by_state_until_it_ends(sessions):
    session = sessions["blocks"]
    trace = session.lab.bindings[-1]["trace"]
    looks = session.look()

    def drawn(*tokens):
        plan = looks[0]["plan"].new_tensor([*tokens, *[20] * (12 - len(tokens))])
        return fill(session.lab, session.world, [{**looks[0], "plan": plan}], [])[trace]

    first, second = session.world.pictures[0], session.world.pictures[5]
    blocks = drawn(0, 5, 0, 5)
    assert blocks["text"] == [name for *_, name in [*first, *second]]
    assert blocks["x"] == pytest.approx(
        [0.28 * (s - 1) for s, *_ in first] + [1 + 0.28 * (s - 1) for s, *_ in second]
    )
    assert blocks["y"] == [height for _, height, _ in [*first, *second]]
    colour = dict(zip("ABC", session.lab.bindings[-1]["colours"], strict=True))
    assert blocks["marker"]["color"] == [colour[name] for name in blocks["text"]]
    endless = drawn(0, 5, *[0] * 10)
    assert len(endless["x"]) == 9 * 3
    assert max(endless["x"]) <= 8.6
    assert len(drawn(0, 5, 0, 19)["x"]) == 3  # 19 is no state of three blocks


@pytest.mark.parametrize("text", ["a b\nb c", "a->b\n\n b -> c", "a,b\nb , c\na b"])
def test_edges_can_be_written_in_three_ways(text):
    assert edge_list(text) == (("a", "b"), ("b", "c"))


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "no edge"), ("a b c", "line 1"), ("a b\nc", "line 2"), ("a a", "another node"),
     ("a ->", "two words"), (f"a {'b' * 17}", "16 letters")],
)  # fmt: skip
def test_a_bad_list_of_edges_is_refused_with_its_line(text, said):
    with pytest.raises(InputError, match=said):
        edge_list(text)


def test_edges_are_numbered_as_a_page_numbers_them():
    assert numbered(edge_list("x-1 y.2\ny.2 z")) == ((("0", "1"), ("1", "2")), ("x-1", "y.2", "z"))


def test_the_status_tells_pace_pause_and_verdict(sessions):
    lab = labs()["rewards"]
    looks = [{"failure": 4.0}]
    assert told(lab, looks, 0, None) == "Nothing is trained: press Train."
    assert told(lab, looks, 10, None) == f"Paused at update 10. {VERDICTS[4]}"
    assert told(labs()["race"], looks, 10, 123.4) == "Training: update 10, 120 updates a second."
    assert told(labs()["race"], looks, 10, 0.0) == "Training: update 10."


# --- a lab without a front end


@pytest.fixture
def make():
    """LiveLab of a link; all are closed in the end."""
    made = []

    def start(name, link="", **options):
        made.append(LiveLab(Session(name, link, **options)))
        return made[-1]

    yield start
    for lab in made:
        lab.close()


def status(lab):
    return lab.panel.status.value


def shown(lab, trace):
    return (lab.panel.canvas or lab.panel.figure).data[trace]


@pytest.mark.parametrize("name", NAMES)
def test_a_control_is_a_labelled_widget_with_its_meaning(name, make):
    lab = make(name)
    for control in lab.lab.controls:
        widget = lab.panel.controls[control.name]
        kind = {"slider": "SelectionSlider", "choice": "Dropdown", "switch": "Checkbox"}
        assert type(widget).__name__ == kind[control.kind]
        assert widget.description == control.label
        tip = "tooltip" if "tooltip" in widget.trait_names() else "description_tooltip"
        assert getattr(widget, tip) == control.meaning
        assert lab.panel.value(control, widget.value) == control.default
        if control.kind != "switch":
            assert [text for text, _ in widget.options] == list(control.texts)


def test_without_a_loop_train_goes_to_the_next_look(make):
    lab = make("policy-gradient")
    assert "press Train" in status(lab)
    lab.panel.train.click()
    lab.panel.step.click()
    assert lab.session.updates == 11
    assert not lab.training
    assert "Paused at update 11" in status(lab)
    plain = Session("policy-gradient", lab.link)
    plain.train(11)
    assert same(lab.session, plain)
    assert [step for step, _ in lab.history] == [0, 10, 11]
    assert list(shown(lab, 2).x) == [0, 10, 11]
    assert "policy gradient" in lab.panel.numbers.value


def test_a_control_acts_on_the_run_at_once(make):
    lab = make("rewards")
    lab.panel.train.click()
    lab.panel.controls["edge"].value = 0.5
    lab.panel.controls["strict"].value = True
    lab.panel.train.click()
    plain = Session("rewards")
    plain.train(10)
    plain.set(edge=0.5, strict=1)
    plain.train(10)
    assert same(lab.session, plain)
    assert lab.link == "lab=rewards&edge=0.5&strict=1"
    lab.panel.copy.click()
    assert "others earlier" in lab.panel.snippet.value
    assert "lab.train(20)" in lab.panel.snippet.value
    lab.panel.reset.click()
    assert lab.panel.snippet.value == ""
    plain.reset()
    assert same(lab.session, plain)
    assert [step for step, _ in lab.history] == [0]


def test_a_look_follows_a_control_while_the_run_pauses(make):
    lab = make("rewards")
    exact = next(b["trace"] for b in lab.lab.bindings if b.get("matrix") == "exact")
    before = shown(lab, exact).z[0]
    lab.panel.controls["cost"].value = 0.25
    assert list(shown(lab, exact).z[0]) != list(before)
    assert len(lab.history) == 1


def test_what_restarts_makes_a_new_session(make):
    lab = make("policy-gradient", "kl=0.1")
    lab.panel.train.click()
    old = lab.session
    lab.panel.controls["seed"].value = 3
    assert lab.session is not old
    assert "New seed: started again." in status(lab)
    lab.panel.train.click()
    plain = Session("policy-gradient", lab.link)
    plain.train(10)
    assert same(lab.session, plain)
    assert lab.link == "lab=policy-gradient&kl=0.1&seed=3"


def test_a_preset_sets_defaults_and_its_own(make):
    lab = make("rewards", "edge=0.5&cost=0.25&seed=4")
    panel = lab.panel
    assert panel.presets.value == ""
    assert panel.why.value == ""
    usual = {control.name: control.default for control in lab.lab.controls}
    for preset in lab.lab.presets[:2]:
        panel.presets.value = preset.name
        assert lab.session.state.values == {**usual, **preset.settings}
        assert panel.why.value == html.escape(preset.why)
        assert panel.presets.value == preset.name
        shown = {c.name: panel.value(c, panel.controls[c.name].value) for c in lab.lab.controls}
        assert shown == lab.session.state.values
    panel.controls["lr"].value = 0.25
    assert panel.presets.value == ""
    panel.presets.value = preset.name
    assert lab.session.state.values == {**usual, **preset.settings}


def test_a_graph_of_ones_own_keeps_its_names_and_a_bad_one_changes_nothing(make):
    lab = make("policy-gradient")
    panel, nodes = lab.panel, next(b["trace"] for b in lab.lab.bindings if b["kind"] == "nodes")
    assert panel._own.layout.display == "none"
    panel.controls["graph"].value = "own"
    assert panel._own.layout.display == ""
    assert panel.edges.value == EXAMPLE
    assert list(shown(lab, nodes).text) == ["home", "park", "shop", "school", "library"]
    link, session = lab.link, lab.session
    panel.edges.value = "a b\nb"
    panel.use.click()
    assert "line 2" in status(lab)
    assert (lab.link, lab.session) == (link, session)
    panel.edges.value = "\n".join(f"{k} {k + 1}" for k in range(20))
    panel.use.click()
    assert "21 nodes" in status(lab)
    assert (lab.link, lab.session) == (link, session)
    panel.edges.value = "a.1 b-2\nb-2 c"
    panel.use.click()
    assert lab.link == "lab=policy-gradient&graph=own&edges=0-1.1-2"
    assert list(shown(lab, nodes).text) == ["a.1", "b-2", "c"]
    lab.panel.train.click()
    plain = Session("policy-gradient", lab.link)
    plain.train(10)
    assert same(lab.session, plain)


def test_a_session_with_named_edges_gets_a_link_that_a_page_reads(make):
    lab = make("race", "graph=own&edges=home-park.park-school")
    assert lab.link == "lab=race&graph=own&edges=0-1.1-2"
    assert lab.panel.edges.value == "home park\npark school"


class Failing:
    """Programs as they are, until told to fail."""

    def __init__(self, error):
        self.error, self.on = error, False

    def __call__(self, program, given):
        if self.on and program.name.endswith("-pg"):
            raise self.error
        return {key: value.detach() for key, value in program.run(given).items()}


def test_an_error_in_training_is_shown_and_what_was_good_stays(make):
    run = Failing(ZeroDivisionError("a reader's <own>"))
    lab = make("policy-gradient", run=run)
    lab.panel.train.click()
    good = seen(lab.session.look())
    run.on = True
    lab.panel.train.click()
    assert "Training stopped: ZeroDivisionError: a reader&#x27;s &lt;own&gt;." in status(lab)
    assert lab.session.updates == 10
    assert seen(lab.session.look()) == good
    run.on = False
    lab.panel.train.click()
    assert "stopped" not in status(lab)
    assert lab.session.updates == 20


def test_a_loss_of_ones_own_may_fail_and_is_named_in_the_lab_and_in_what_is_copied(make):
    left = [2]

    def mine(logits, batch, kl=0.0):
        left[0] -= 1
        if left[0] < 0:
            raise ValueError("not <yet>")
        return policy_gradient(logits, batch, kl=kl)

    lab = make("policy-gradient", loss=mine)
    assert "a loss of yours, mine. It does not use: Baseline." in lab.panel.head.value
    lab.panel.step.click()
    lab.panel.step.click()
    good = seen(lab.session.look())
    lab.panel.step.click()
    assert "Training stopped: ValueError: not &lt;yet&gt;. Paused at update 2." in status(lab)
    assert seen(lab.session.look()) == good
    lab.panel.copy.click()
    assert ", loss=mine)" in html.unescape(lab.panel.snippet.value)
    lab.panel.controls["seed"].value = 1  # a new session, of the same loss
    assert lab.session.loss is mine


def test_an_update_that_is_not_finite_is_not_applied(make):
    lab = make("policy-gradient")
    lab.session.learners[0].knobs["kl"] = float("nan")
    lab.panel.step.click()
    assert "Training stopped: update 1 of policy-gradient" in status(lab)
    assert lab.session.updates == 0


def test_a_long_curve_is_thinned_and_keeps_its_ends(make):
    lab = make("blocks")
    for step in range(1, MOST_POINTS + 1):
        lab.session.updates = step
        lab.history.append((step, lab.history[0][1]))
    lab._look()
    steps = [step for step, _ in lab.history]
    assert len(steps) < MOST_POINTS
    assert (steps[0], steps[-1]) == (0, MOST_POINTS)


# --- in a loop, as in a kernel


async def until(true, seconds=20.0):
    for _ in range(int(seconds / 0.01)):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come")


def leftover():
    return [task for task in asyncio.all_tasks() if task.get_name() == TASK and not task.done()]


def test_training_is_a_task_that_others_can_get_a_word_in(make):
    async def notebook():
        lab = make("policy-gradient")
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


def test_the_loop_trains_as_a_plain_session_does(make):
    async def notebook():
        lab = make("blocks")
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


def test_an_error_ends_the_task_and_is_shown(make):
    async def notebook():
        run = Failing(ValueError("no"))
        lab = make("policy-gradient", run=run)
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
def test_nothing_trains_when_the_widgets_are_closed(make, close):
    async def notebook():
        lab = make("blocks")
        lab.train()
        await until(lambda: lab.session.updates > 0)
        close(lab)
        assert not lab.training
        await asyncio.sleep(0)
        assert leftover() == []

    asyncio.run(notebook())


def test_one_lab_trains_at_a_time_and_showing_one_pauses_the_others(make, capsys):
    async def notebook():
        one, two = make("blocks"), make("blocks", "seed=1")
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


def test_a_slider_moved_from_another_thread_is_not_put_back_by_a_redraw(make):
    async def notebook():
        lab = make("policy-gradient")
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


def test_a_click_from_another_thread_is_handled_in_the_labs_own_loop(make):
    async def notebook():
        lab = make("blocks")
        await asyncio.to_thread(lab.panel.step.click)
        await until(lambda: lab.session.updates == 1)

        async def subshell():
            lab.panel.step.click()

        await asyncio.to_thread(asyncio.run, subshell())
        await until(lambda: lab.session.updates == 2)

    asyncio.run(notebook())


# --- the figure


def test_colab_gets_a_displayed_figure_and_it_is_displayed_again(monkeypatch, make):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    sent = []
    ipython = types.SimpleNamespace(
        display=lambda what, **how: sent.append((what, how)),
        update_display=lambda what, **how: sent.append((what, how)),
    )
    monkeypatch.setattr("planrl.live.panel._ipython", ipython)
    lab = make("blocks")
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


def test_a_front_end_gets_no_new_drawing_before_it_has_drawn_the_last(monkeypatch, make):
    lab = make("race")
    panel, now = lab.panel, [1000.0]
    if panel.canvas is None:
        pytest.skip("needs plotly's widget: install anywidget")
    monkeypatch.setattr("planrl.live.panel.time.perf_counter", lambda: now[0])
    monkeypatch.setattr(
        "planrl.live.panel._ipython", types.SimpleNamespace(display=lambda *a, **k: None)
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


def test_a_figure_whose_cell_has_run_again_is_told_nothing_more(monkeypatch, make):
    told, cell = [], {"metadata": {"cellId": "one"}}
    monkeypatch.setattr("planrl.live.panel.SHOWN", (0.01, 0.02))
    monkeypatch.setattr(Panel, "fit", lambda panel: told.append(panel))
    quiet = types.SimpleNamespace(display=lambda *a, **k: None)
    monkeypatch.setattr("planrl.live.panel._ipython", quiet)
    shell = types.SimpleNamespace(get_parent=lambda: cell)
    monkeypatch.setattr("planrl.live.panel.IPython.get_ipython", lambda: shell)
    first, again, other, unknown = (make("blocks").panel for _ in range(4))

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


def test_a_live_figure_has_no_button_that_sends_it_to_plotlys_maker(make):
    canvas = make("race").panel.canvas
    if canvas is None:
        pytest.skip("needs plotly's widget: install anywidget")
    assert AT_HOME.items() <= canvas._config.items()
    assert AT_HOME.items() <= canvas.get_state()["_config"].items()


def test_a_live_figure_is_part_of_the_box_where_there_is_one(monkeypatch):
    lab = labs()["race"]
    monkeypatch.setattr("planrl.live.panel.go.FigureWidget", _no_widget)
    panel = Panel(lab, "")
    assert panel.canvas is None
    panel.close()


def _no_widget(figure):
    raise ImportError("Please install anywidget")
