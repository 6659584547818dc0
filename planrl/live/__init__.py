"""Live labs: training that a reader can touch, from one definition, in a kernel and in a page.

A lab is data: controls, presets, a figure, and learners that take the steps of `planrl.live.steps`.
A kernel runs these steps in torch (`Session`); a page runs the same steps, exported to ONNX
(`planrl.live.export`), in the reader's browser. Chance is part of the step, so that the same seed
gives the same numbers in both.
"""

import os
from typing import Any

from planrl.errors import InputError
from planrl.live.page import PageLab
from planrl.live.session import Session
from planrl.objectives import Loss

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
    from planrl.live.host import LiveLab  # needs ipywidgets

    return LiveLab(Session(name, link, loss=loss))
