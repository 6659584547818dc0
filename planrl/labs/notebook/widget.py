"""A live lab in a notebook: its controls are widgets, its learners are trained in the kernel.

Training is a task of the kernel's own event loop. It pauses after every short slice, so that clicks
and cells are handled in between. The effect of a click takes place in the loop that the lab was
made in, because some front ends deliver clicks in a thread of their own.
"""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import Callable, Mapping
from typing import Any

from planrl.errors import InputError, TrainingError
from planrl.labs.notebook import render
from planrl.labs.notebook.panel import Panel
from planrl.labs.notebook.render import Evaluations, Point
from planrl.labs.own_loss import name_of
from planrl.labs.session import Session
from planrl.labs.spec.controls import Control, State, Value, write_state
from planrl.labs.spec.graphs import Edges, edge_list, numbered
from planrl.labs.spec.lab import EVERY

TASK = "planrl: a lab is training"  # the name of such a task, by which other labs find it
SLICE, BREATH = 0.04, 0.01  # seconds of training, and of the pause after it
MOST_POINTS = 1000  # of a curve; of a longer one every second point is removed
EXAMPLE = "home park\nhome shop\npark school\nshop school\nschool library"


class LiveLab:
    """A lab with widgets, as a cell's last expression: `LiveLab(Session("race", "seed=3"))`.

    `session` is the session that is trained now, `link` holds its settings. Only one lab of a
    kernel trains at a time: training or showing one pauses the others.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.lab = session.lab
        self._own, self._names = numbered(session.state.edges or edge_list(EXAMPLE))
        lines = [f"{self._names[int(a)]} {self._names[int(b)]}" for a, b in self._own]
        self.panel = Panel(session.lab, "\n".join(lines), session.about_loss)
        self._home = _running_loop()
        self._task: asyncio.Task[None] | None = None
        self._note, self._error, self._showing = "", "", False
        self._evaluations: Evaluations = ()
        self._connect()
        self._begin()

    @property
    def link(self) -> str:
        """The settings as the query string of the lab's page."""
        said = self._said(self.session.state)
        return f"lab={self.lab.name}" + (f"&{said}" if said else "")

    @property
    def training(self) -> bool:
        """Whether a task is training the learners."""
        return self._task is not None

    def train(self) -> None:
        """Train until paused, or up to the next multiple of the lab's end.

        Without an event loop, train up to the next evaluation.
        """
        self._hush()
        loop = _running_loop()
        if loop is None:
            updates = EVERY
            self._guarded(lambda: self._advance(updates), "Training stopped: ")
        elif self._task is None:
            _pause_all(loop)
            self._mark, self._rate = (time.perf_counter(), self.session.updates), 0.0
            self._goal = self._next_end()
            self._task = loop.create_task(self._keep_training(), name=TASK)
        self._show()

    def pause(self) -> None:
        """Stop training; the learners keep their weights."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._draw_anew()

    def close(self) -> None:
        """Stop training and remove the widgets."""
        self.pause()
        self.panel.close()

    def _ipython_display_(self) -> None:
        loop = _running_loop()
        if loop is not None and not self.training:
            _pause_all(loop)  # such as the lab that this cell has shown before
        self.panel.display(loop)

    # --- Training
    async def _keep_training(self) -> None:
        try:
            while self._guarded(self._slice, "Training stopped: "):
                if self.session.updates >= self._goal:
                    self._draw_anew()
                    break
                await asyncio.sleep(BREATH)
        finally:
            if self._task is asyncio.current_task():
                self._task = None
                self._show()

    def _slice(self) -> None:
        began = time.perf_counter()
        while time.perf_counter() - began < SLICE and self.session.updates < self._goal:
            self._advance(1)

    def _next_end(self) -> int:
        """The number of updates at which training stops by itself."""
        end = self.lab.screen.end
        return end * (self.session.updates // end + 1)

    def _advance(self, updates: int) -> None:
        """Take so many updates, and evaluate if an evaluation is due."""
        self.session.train(updates)
        if not self.training:
            self._evaluate()
            self._draw()
        elif self.session.updates % EVERY == 0:
            self._evaluate()
            now = time.perf_counter()
            if now - self._drawn > 1 / self.panel.redraws and self.panel.drawn:
                self._draw()
                self._pace(now)
                self._show()

    def _pace(self, now: float) -> None:
        then, before = self._mark
        if now - then > 1:
            self._rate = (self.session.updates - before) / (now - then)
            self._mark = now, self.session.updates

    def _guarded(self, act: Callable[[], object], saying: str = "") -> bool:
        """Whether `act` succeeded; if not, the status line says why, and the session is kept."""
        try:
            act()
        except Exception as error:  # a reader's own code may raise anything
            ours = isinstance(error, InputError | TrainingError)
            said = str(error) if ours else f"{type(error).__name__}: {error}"
            self._error = f"{saying}{said.rstrip('.')}."
            return False
        return True

    def _begin(self) -> None:
        """Show a session in which nothing has been trained yet."""
        self.history: list[Point] = []
        pair = self.session.given["question"].tolist()  # the graph's own pair may have no path
        names = self._names if self.session.state.edges else ()
        self._lab_graph = render.named_graph(self.session.lab_graph, names, pair)
        self._mixed, self._goal = False, self._next_end()
        self._mark, self._rate = (time.perf_counter(), self.session.updates), 0.0
        self._draw_anew()

    # --- A reader's actions
    def _connect(self) -> None:
        panel = self.panel
        for button, act in (
            (panel.train, self._toggle),
            (panel.step, self._one_step),
            (panel.reset, self._reset),
            (panel.copy, self._copy),
            (panel.use, self._use_own),
        ):
            button.on_click(lambda _, act=act: self._at_home(act))
        for control in self.lab.controls:
            panel.controls[control.name].observe(
                lambda new, c=control: self._at_home(lambda: self._choose(c, new["new"])), "value"
            )
        panel.presets.observe(
            lambda new: self._at_home(lambda: self._choose_preset(new["new"])), "value"
        )
        panel.box.observe(self._closed, "comm")

    def _at_home(self, act: Callable[[], object]) -> None:
        home, current = self._home, _running_loop()
        if home is not None and current is not home and home.is_running():
            home.call_soon_threadsafe(act)
        elif not self._showing:  # otherwise this program has set the widget
            act()

    def _closed(self, change: Mapping[str, Any]) -> None:
        if change["new"] is None:
            self.pause()

    def _toggle(self) -> None:
        return self.pause() if self.training else self.train()

    def _choose(self, control: Control, chosen: Any) -> None:
        """Apply a widget's new value, even if a redraw has reset the widget in the meantime."""
        value = self.panel.value(control, chosen)
        if value == self.session.state.values[control.name]:
            return
        self._hush()
        if control.restarts:
            self._restart({control.name: value}, control.label)
        elif self._guarded(lambda: self.session.set(**{control.name: value})):
            self._mixed = self.session.updates > 0
            if not self.training:
                self._draw_anew()
        self._show()

    def _choose_preset(self, name: str) -> None:
        for preset in self.lab.presets:
            if preset.name == name:
                usual = {control.name: control.default for control in self.lab.controls}
                self._restart({**usual, **preset.settings}, "preset")
        self._show()

    def _use_own(self) -> None:
        self._hush()
        text = self.panel.edges.value
        self._guarded(lambda: self._restart({"graph": "own"}, "graph", edge_list(text)))
        self._show()

    def _restart(self, changes: Mapping[str, Value], what: str, own: Edges = ()) -> None:
        """Begin a new session; if it cannot be made, the old one stays."""
        self._hush()
        values = {**self.session.state.values, **changes}
        edges, names = numbered(own) if own else (self._own, self._names)
        named = tuple((names[int(a)], names[int(b)]) for a, b in edges)
        pair = () if "graph" in changes else self.session.state.pair
        link = self._said(State(values, named if values.get("graph") == "own" else (), pair))
        self.panel.say("Preparing.")

        def renew() -> None:
            began = self.session.updates > 0
            old = self.session
            self.session = Session(self.lab.name, link, loss=old.loss, run=old._run)
            self._own, self._names = edges, names
            self._note = f"New {what.lower()}: started again." if began else ""

        if self._guarded(renew):
            self._begin()

    def _hush(self) -> None:
        self._note = self._error = self.panel.snippet.value = ""

    def _one_step(self) -> None:
        self.pause()
        self._hush()
        self._guarded(lambda: self._advance(1), "Training stopped: ")
        self._show()

    def _reset(self) -> None:
        self.pause()
        self._hush()
        if self._guarded(self.session.reset):
            self._begin()
        self._show()

    def _copy(self) -> None:
        """Show the lines of planrl that train the same; a kernel cannot write to the clipboard."""
        said, steps = self._said(self.session.state), self.session.updates or 100
        loss = name_of(self.session.loss)
        text = render.snippet(self.lab, said, steps, mixed=self._mixed, loss=loss)
        self.panel.snippet.value = f"<pre>{html.escape(text)}</pre>"

    def _said(self, state: State) -> str:
        return write_state(self.lab.controls, state)

    # --- What is shown
    def _evaluate(self) -> None:
        self._evaluations = self.session.evaluate()
        seen = [
            {k: v for k, v in evaluation.items() if isinstance(v, float)}
            for evaluation in self._evaluations
        ]
        if self.history and self.history[-1][0] == self.session.updates:
            self.history.pop()
        self.history.append((self.session.updates, seen))
        if len(self.history) > MOST_POINTS:
            del self.history[1:-1:2]

    def _draw(self) -> None:
        self._drawn = time.perf_counter()
        updates = render.fill(self.lab, self._lab_graph, self._evaluations, self.history)
        self.panel.draw(updates, render.numbers(self.lab, self._evaluations))

    def _draw_anew(self) -> None:
        if self._guarded(self._evaluate):
            self._draw()
        self._show()

    def _show(self) -> None:
        """Update everything but the figure and its numbers."""
        rate = self._rate if self.training else None
        how = render.told(self.lab, self._evaluations, self.session.updates, rate)
        words = " ".join(filter(None, [self._note, self._error, how]))
        self._showing = True
        try:
            self.panel.show(self.session.state.values, words, training=self.training)
        finally:
            self._showing = False


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _pause_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        if task.get_name() == TASK:
            task.cancel()
