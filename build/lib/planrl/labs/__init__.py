"""Live labs: training runs that a reader can control, in a notebook and in a page.

A lab is data: controls, presets, a figure, and learners whose updates are `engine.update`. A kernel
takes these updates in torch (`Session`). A page takes the same updates, exported to ONNX
(`page.export`), in the reader's browser. Random numbers are part of an update, so the same seed
gives the same numbers in both.

catalogue/          the labs, a file each
spec/               what a lab consists of: controls, graphs, learners, a figure and its bindings
engine/             the training step, in operations that any exporter knows
session.py          a lab that runs in a kernel; own_loss.py: a reader's loss in it
notebook/, page/    its two hosts; web/ holds the page's scripts
"""

import os
from typing import Any

from planrl.errors import InputError
from planrl.labs.own_loss import OwnLoss
from planrl.labs.page.hero_html import Hero
from planrl.labs.page.html import PageLab
from planrl.labs.page.player import Player, RecordedRun
from planrl.labs.session import Session

__all__ = ["Hero", "PageLab", "Player", "RecordedRun", "Session", "lab"]


def lab(name: str, link: str = "", *, loss: OwnLoss = None) -> Any:
    """A lab as the last line of a cell: widgets in a notebook, a live figure in a page of the book.

    `link` holds settings, as a page's "Copy link" writes them after the question mark: for example
    `kl=0.1&seed=3`. With `loss`, a notebook trains a loss of your own, given as a function or as
    "my_module:my_loss" (see `Session`). Raises InputError for a lab, a control or a value that does
    not exist, and for a loss in a page, because no Python runs there.
    """
    if os.environ.get("PLANRL_STATIC"):
        if loss is not None:
            raise InputError("a page runs no Python, so it cannot train your loss: use a notebook")
        return PageLab(name, link)
    from planrl.labs.notebook import LiveLab  # needs anywidget

    return LiveLab(Session(name, link, loss=loss))
