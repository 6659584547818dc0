"""Labs and recorded runs in a notebook: the page's own scripts as an anywidget.

The kernel trains a lab. The front end asks for a few updates, and draws the answer before it asks
for more. So the kernel runs other cells in between, and a slow browser makes no queue. Messages are
those between a page and its worker (web/lab-training.js), but settings come as links, and tensors
go as bytes.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import plotly
import torch
import traitlets

from planrl.errors import InputError, TrainingError
from planrl.figures.style import ON_DARK
from planrl.labs.own_loss import name_of
from planrl.labs.page.recordings import recorded
from planrl.labs.session import Session
from planrl.labs.spec.controls import write_state

WEB = Path(__file__).parent / "web"
PLOTLY = Path(plotly.__file__).parent / "package_data"
SCRIPTS = (
    *("theme", "lab-state", "lab-figure", "lab-panels", "lab-controls", "graph-view"),
    *("graph-policy", "lab-paths", "lab-step", "lab-words", "lab-hosting", "lab-training", "lab"),
    *("notebook-host", "lab-notebook"),  # which take the place of a page's lab-page
)
"""The scripts of a lab's front end, in this order."""
PLAYER = ("graph-view", "player", "notebook-host", "player-notebook")
"""The scripts that play recorded runs."""
STYLES = ("notebook", "lab", "graph-view")
Message = Mapping[str, Any]
SLICE = 0.3  # seconds of training after which other cells have their turn
TROUBLE = (Exception, KeyboardInterrupt)
"""What the front end is told of: a reader's own loss may raise anything, or be interrupted."""


class LiveLab(anywidget.AnyWidget):
    """A lab as a cell's last expression: `LiveLab(Session("race", "seed=3"))`.

    `session` is the session that is trained now, `link` holds its settings. If the lab is shown
    twice, each view has a session of its own, and `session` is that of the view made last.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    shown = traitlets.Dict().tag(sync=True)
    """What the front end begins with."""

    def __init__(self, session: Session) -> None:
        self.session, self.lab = session, session.lab
        self._views: dict[str, list[Session]] = {}
        self._answers: Mapping[str, Callable[[Message], None]] = {
            "open": self._open,
            "run": self._train,
            "close": self._close,
            "plotly": self._send_plotly,
        }
        style = _in_pixels(_joined(STYLES, ".css"))
        super().__init__(_esm=_joined(SCRIPTS, ".js"), _css=style, shown=_shown(session))
        self.on_msg(lambda _, message, buffers: self._answers[message["type"]](message))

    @property
    def link(self) -> str:
        """The settings as the query string of the lab's page."""
        said = write_state(self.lab.controls, self.session.state)
        return f"lab={self.lab.name}" + (f"&{said}" if said else "")

    def __repr__(self) -> str:
        return f"{self.lab.words.title} Run this cell to see the lab ({self.lab.name!r})."

    def _open(self, message: Message) -> None:
        """Begin new runs, one for each link; if one can't be made, the front end says why."""
        try:
            sessions = [self._begun(link) for link in message["links"]]
        except TROUBLE as error:
            return self._fail(message, error)
        self._views[message["view"]] = sessions
        self.session = sessions[0]
        return self._tell_evaluation("ready", message)

    def _begun(self, link: str) -> Session:
        """A session at its start: ours, if it is of this link and nobody has trained it."""
        ours = self.session
        shown = any(ours in sessions for sessions in self._views.values())
        if not (shown or ours.updates) and link == write_state(self.lab.controls, ours.state):
            return ours
        return Session(self.lab.name, link, loss=ours.loss, run=ours.run)

    def _train(self, message: Message) -> None:
        """Take so many updates, fewer if they are slow or one fails; all sessions keep in step."""
        sessions, stopped, left = self._views[message["view"]], "", message["steps"]
        end = time.perf_counter() + SLICE
        try:
            for session, link in zip(sessions, message["links"], strict=True):
                session.follow(link)
            while left and (left == message["steps"] or time.perf_counter() < end):
                goal = 1 + min(session.updates for session in sessions)
                for session in sessions:
                    if session.updates < goal:
                        session.train()
                left -= 1
        except TROUBLE as error:
            stopped = _said(error)
        self._tell_evaluation("progress", message, stopped=stopped, left=left)

    def _tell_evaluation(self, kind: str, message: Message, **more: Any) -> None:
        sessions = self._views[message["view"]]
        try:
            found = [one for session in sessions for one in session.evaluate()]
        except TROUBLE as error:
            return self._fail(message, error)
        tensors = [{k: torch.as_tensor(v) for k, v in one.items()} for one in found]
        buffers = [_bytes(value for one in tensors for value in one.values())]
        if message.get("told") and not more["stopped"]:
            made = [one for session in sessions for one in session.made]
            buffers += [_bytes([one[name]]) for one in made for name in ("paths", "earned")]
        more |= {"step": sessions[0].updates, "question": sessions[0].given["question"].tolist()}
        shapes = {name: list(value.shape) for name, value in tensors[0].items()}
        return self._tell(kind, message, buffers, shapes=shapes, learners=len(tensors), **more)

    def _fail(self, message: Message, error: BaseException) -> None:
        more: dict[str, Any] = {"message": _said(error), "trouble": None}
        self._tell("error", message, **more)

    def _tell(self, kind: str, asked: Message, buffers: Sequence[bytes] = (), **more: Any) -> None:
        told = {"type": kind, "epoch": asked["epoch"], "view": asked["view"], **more}
        self.send(told, list(buffers))

    def _close(self, message: Message) -> None:
        self._views.pop(message["view"], None)

    def _send_plotly(self, message: Message) -> None:
        self.send({"type": "plotly"}, [(PLOTLY / "plotly.min.js").read_bytes()])


class PlayedRuns(anywidget.AnyWidget):
    """Recorded runs that play (see `page.player`); the kernel has nothing more to say."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    shown = traitlets.Dict().tag(sync=True)
    """The HTML and the frames."""

    def __init__(self, markup: str, film: Mapping[str, Any]) -> None:
        style = _in_pixels(_joined(("notebook", "graph-view"), ".css"))
        shown = {"markup": markup, "film": film}
        super().__init__(_esm=_joined(PLAYER, ".js"), _css=style, shown=shown)


def _shown(session: Session) -> dict[str, Any]:
    """The lab, its words and colours; no recorded runs beside a loss of a reader's own."""
    lab = session.lab
    page = lab.to_json(() if session.about_loss else recorded(lab))
    if session.loss:
        page["snippet"] = page["snippet"].replace(")", f", loss={name_of(session.loss)})", 1)
    return {
        "lab": page,
        "title": lab.words.title,
        "intro": f"{lab.words.intro} {session.about_loss}".strip(),
        "link": write_state(lab.controls, session.state),
        "template": json.loads((PLOTLY / "templates" / "plotly_white.json").read_text("utf-8")),
        "colours": ON_DARK,
    }


def _said(error: BaseException) -> str:
    """Why there was no update, in words."""
    if isinstance(error, KeyboardInterrupt):
        return "the kernel was interrupted"
    ours = isinstance(error, InputError | TrainingError)
    return (str(error) if ours else f"{type(error).__name__}: {error}").rstrip(".: ")


def _bytes(values: Iterable[torch.Tensor]) -> bytes:
    return torch.cat([value.float().flatten() for value in values]).numpy().tobytes()


def _joined(names: Sequence[str], ending: str) -> str:
    return "\n".join((WEB / f"{name}{ending}").read_text(encoding="utf-8") for name in names)


def _in_pixels(style: str) -> str:
    """A style in which a rem is 16 pixels, as in a page; in the classic notebook it is 10."""
    return re.sub(r"([\d.]+)rem", lambda found: f"{16 * float(found[1]):g}px", style)
