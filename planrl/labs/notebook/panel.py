"""The widgets of a lab: controls, buttons, a figure and texts, without any learner.

The figure is a widget where plotly can make one that is sure to be shown. Elsewhere it is displayed
as an output, and displayed again in the same output whenever it changes.
"""

from __future__ import annotations

import asyncio
import html
import math
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import IPython
import IPython.display
import ipywidgets as ipw
import plotly.graph_objects as go

from planrl.figures.style import AT_HOME, keep_figures_at_home
from planrl.figures.table import Table
from planrl.labs.notebook.render import Update, formulas, named_axes
from planrl.labs.spec.controls import Control, Value
from planrl.labs.spec.lab import Lab

_ipython: Any = IPython.display  # its functions have no types
PLOTLY = "application/vnd.plotly.v1+json"
ARROWS = """<script>
if (!window.planrlArrows) {
  window.planrlArrows = true;
  window.addEventListener("keydown", (event) => {
    event.target.closest?.(".noUi-handle")?.toggleAttribute(
      "data-lm-suppress-shortcuts", event.key.startsWith("Arrow"));
  }, true);
}
</script>"""
"""JupyterLab handles arrow keys itself, whatever has the focus; this leaves them to a slider."""
WHOLE = {"description_width": "initial"}  # the style of a widget whose label is shown whole
NUMBERS = "planrl-numbers"
ROOM = f"<style>.{NUMBERS} :is(th, td) {{ padding: 0.2em 0.8em 0.2em 0; }}</style>"
PATIENCE = 5.0  # seconds to wait for a front end that may be gone
SHOWN = (1, 3, 8)  # seconds after which a front end may have put the figure on the page
_fits: dict[str, list[asyncio.TimerHandle]] = {}  # what a cell's figure is still to be told


class Panel:
    """A lab's figure, controls, buttons and texts; `text` is the list of edges to begin with.

    `about` follows the lab's own introduction.
    """

    def __init__(self, lab: Lab, text: str, about: str = "") -> None:
        self.lab = lab
        self.figure = go.Figure(lab.picture.figure)
        self.figure.update_layout({axis: {"type": "category"} for axis in named_axes(lab)})
        keep_figures_at_home()
        self.canvas = _canvas(self.figure)
        self._element = f"planrl-{uuid.uuid4().hex}"
        self._displayed = False
        self._sent = -math.inf  # when the front end was given what it has not drawn yet
        if self.canvas is not None:
            # Not on_edits_completed: in plotly 7 the layout's part of an edit gets no answer.
            self.canvas.observe(self._answered, "_js2py_traceDeltas")
        self.controls = {control.name: _widget(control) for control in lab.controls}
        presets = [("your own settings", ""), *((p.title, p.name) for p in lab.presets)]
        self.presets = ipw.Dropdown(options=presets, description="Try", style=WHOLE)
        self.train = ipw.Button(description="Train", button_style="primary")
        self.step = ipw.Button(description="One step")
        self.reset = ipw.Button(description="Reset")
        self.copy = ipw.Button(description="Copy as planrl")
        self.use = ipw.Button(description="Use this graph")
        self.edges = ipw.Textarea(text, rows=6, description="Edges")
        texts = (ipw.HTML() for _ in range(5))
        self.status, self.why, self.snippet, self.numbers, self.formulas = texts
        self._own = ipw.VBox([self.edges, self.use])
        title = lab.words.title if lab.words.title.endswith("?") else f"{lab.words.title}."
        intro = f"{lab.words.intro} {about}".strip()
        self.head = ipw.HTML(f"<strong>{html.escape(title)}</strong> {html.escape(intro)}")
        rows = ipw.Layout(display="flex", flex_flow="row wrap", grid_gap="4px 16px")
        buttons = ipw.HBox([self.train, self.step, self.reset, self.copy], layout=rows)
        canvas = [] if self.canvas is None else [self.canvas]
        run = [self.status, buttons, self.snippet, self.presets, self.why, self.formulas]
        controls = ipw.Box(list(self.controls.values()), layout=rows)
        meanings = ipw.HTML(_meanings(lab.controls))
        self.box = ipw.VBox([*canvas, *run, controls, self._own, meanings, self.numbers])

    @property
    def redraws(self) -> float:
        """How many times a second the figure is drawn at most."""
        return 1 if self.canvas is None else 20

    @property
    def drawn(self) -> bool:
        """Whether the front end has drawn the last update; a slow one would fall further behind.

        If it has not answered for PATIENCE seconds there may be none, and the answer is yes.
        """
        return time.perf_counter() - self._sent > PATIENCE

    def _answered(self, change: Mapping[str, Any]) -> None:
        if change["new"]:
            self._sent = -math.inf

    def value(self, control: Control, shown: Any) -> Value:
        """The control's value that its widget shows as `shown`."""
        value: Value = control.values[int(shown)] if control.kind == "switch" else shown
        return value

    def show(self, values: Mapping[str, Value], status: str, *, training: bool) -> None:
        """Put the settings into the controls, and show the status."""
        for control in self.lab.controls:
            value = values[control.name]
            shown = control.values.index(value) == 1 if control.kind == "switch" else value
            self.controls[control.name].value = shown
        usual = {control.name: control.default for control in self.lab.controls}
        same = [p for p in self.lab.presets if {**usual, **p.settings} == dict(values)]
        self.presets.value = same[0].name if same else ""
        self.why.value = html.escape(same[0].why) if same else ""
        self.formulas.value = formulas(self.lab, values)
        self._own.layout.display = "" if values.get("graph") == "own" else "none"
        self.train.description = "Pause" if training else "Train"
        self.say(status)

    def say(self, status: str) -> None:
        """Show this text in the status line."""
        self.status.value = f'<span role="status">{html.escape(status)}</span>'

    def draw(self, updates: Sequence[Update], numbers: Sequence[Mapping[str, Any]]) -> None:
        """Show new data in the figure's traces, and new numbers in the table."""
        figure = self.figure if self.canvas is None else self.canvas
        with figure.batch_update():
            for trace, update in zip(figure.data, updates, strict=True):
                trace.update(update)
        if self.canvas is not None and self._displayed:
            self._sent = time.perf_counter()
        if self.canvas is None and self._displayed:
            self._display_again()
        self.numbers.value = f'{ROOM}<div class="{NUMBERS}">{Table(numbers)._repr_html_()}</div>'

    def _display_again(self) -> None:
        bundle = self.figure._repr_mimebundle_()
        if PLOTLY in bundle:  # JupyterLab keeps the picture of a kind of data that it has drawn
            room = f'<div style="height:{self.figure.layout.height}px"></div>'
            _ipython.update_display({"text/html": room}, raw=True, display_id=self._element)
        _ipython.update_display(bundle, raw=True, display_id=self._element)

    def display(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Show everything below the running cell; `loop` fits the figure to its width later."""
        _ipython.display(self.head)
        if self.canvas is None:
            # display(figure) would not pass an id on: plotly's figures display themselves.
            bundle = self.figure._repr_mimebundle_()
            _ipython.display(bundle, raw=True, display_id=self._element)
        _ipython.display(self.box)
        if not ipw.__version__.startswith("7."):
            _ipython.display({"text/html": ARROWS, "text/plain": ""}, raw=True)
        self._displayed = True
        if loop is not None:
            cell = _running_cell()
            for fit in _fits.pop(cell, []):  # of a figure that is off the page now
                fit.cancel()
            fits = [loop.call_later(seconds, self.fit) for seconds in SHOWN]
            if cell:
                _fits[cell] = fits

    def fit(self) -> None:
        """Fit the figure to its width, which plotly 7 measures before the figure is on the page."""
        if self.canvas is not None:
            self.canvas.layout.autosize = None
            self.canvas.layout.autosize = True

    def close(self) -> None:
        """Remove all widgets."""
        shown = [self.head, self.box]
        while shown:
            widget = shown.pop()
            shown += widget.children if isinstance(widget, ipw.Box) else ()
            widget.close()


def _canvas(figure: go.Figure) -> Any:
    """The figure as a widget, or None in Colab, which would show an empty box.

    The front end is told of the widget when it is whole, in one message. If a browser takes more
    than 2 s to load plotly, anywidget loses all later messages: the figure would stay empty, and
    would offer to send itself to plotly's server.
    """
    if "google.colab" in sys.modules:
        return None
    try:

        class Canvas(go.FigureWidget):  # type: ignore[misc]
            """A figure whose front end is told of it only after it was made."""

            made = False

            def open(self) -> None:
                if self.made:
                    super().open()

        canvas = Canvas(figure)
    except ImportError:  # plotly 6 and later need anywidget for it
        return None
    canvas._config = {**canvas._config, **AT_HOME}
    canvas.made = True
    canvas.open()
    return canvas


def _running_cell() -> str:
    """The id of the running cell, if the front end sends it, as JupyterLab does; else ""."""
    shell: Any = IPython.get_ipython()
    try:
        return str(shell.get_parent()["metadata"]["cellId"])
    except (AttributeError, KeyError):  # no kernel, or one that is not told
        return ""


def _widget(control: Control) -> Any:
    tip = "description_tooltip" if ipw.__version__.startswith("7.") else "tooltip"
    told = {"description": control.label, tip: control.meaning}
    shared = {**told, "style": WHOLE, "layout": {"width": "26em"}}
    if control.kind == "switch":
        return ipw.Checkbox(value=control.default == control.values[1], indent=False, **shared)
    options = list(zip(control.texts, control.values, strict=True))
    kind = ipw.SelectionSlider if control.kind == "slider" else ipw.Dropdown
    return kind(options=options, value=control.default, **shared)


def _meanings(controls: Sequence[Control]) -> str:
    """What each control does, for readers who get no tooltip (touch screen, keyboard)."""
    rows = ""
    for control in controls:
        more = " A change starts the training again." if control.restarts else ""
        rows += f"<dt>{html.escape(control.label)}</dt>"
        rows += f"<dd>{html.escape(control.meaning)}{more}</dd>"
    marked = "<summary style='display: list-item'>"  # Notebook 6 takes the triangle away
    return f"<details>{marked}What the controls do</summary><dl>{rows}</dl></details>"
