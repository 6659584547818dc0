"""Live labs: training that a reader can touch, from one definition, in a kernel and in a page.

A lab is data: controls, presets, a figure, and learners that take the steps of
`planrl.labs.engine.update`. A kernel runs these steps in torch (`Session`); a page runs the same
steps, exported to ONNX (`planrl.labs.page.export`), in the reader's browser. Chance is part of the
step, so that the same seed gives the same numbers in both.

catalogue/          the labs, and in rewards.py the names of what can go wrong in one of them
spec/               what a lab consists of: controls, graphs, a figure and its bindings
engine/             the training step, in operations that any exporter knows
session.py          a lab that runs in a kernel
notebook/, page/    its two hosts; web/ holds the page's scripts
"""

import os
from typing import Any

from planrl.errors import InputError
from planrl.labs.page.html import PageLab
from planrl.labs.session import Session
from planrl.losses import Loss

__all__ = ["PageLab", "Session", "lab"]


def lab(name: str, link: str = "", *, loss: Loss | None = None) -> Any:
    """A lab as the last line of a cell: with widgets in a notebook, live by itself in a page.

    `link` is what its "Copy link" says behind the question mark, `kl=0.1&seed=3` say. With `loss`,
    a notebook trains a loss of your own (see `Session`). Raises InputError for a lab, a control or
    a value that does not exist, and for a loss in a page: no Python runs there.
    """
    if os.environ.get("PLANRL_STATIC"):
        if loss is not None:
            raise InputError("a page runs no Python, so no loss of yours: use a notebook")
        return PageLab(name, link)
    from planrl.labs.notebook.widget import LiveLab  # needs ipywidgets

    return LiveLab(Session(name, link, loss=loss))
