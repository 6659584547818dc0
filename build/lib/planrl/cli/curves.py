"""The learning curves of a run: written as a page, and summed up in a line."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from string import Template
from typing import Any

from planrl.errors import InputError
from planrl.io.files import write_atomically
from planrl.train import Step

TITLES = {"loss": "Loss", "reward": "Mean return of the batch"}
PAIRS = {"train": "training pairs", "test": "held-out pairs"}
LAST = 10  # the summary takes the mean over the last tenth of the updates


def refuse(path: Path) -> None:
    """Raise InputError, before anything is trained, if the page could not be written there."""
    if path.suffix != ".html" or path.is_dir():
        raise InputError(f"--plot writes a file: give it a name ending in .html, not {path}")
    if not path.parent.is_dir():
        raise InputError(f"--plot: there is no folder {path.parent}; make it first")
    if find_spec("plotly") is None:
        raise InputError('--plot needs plotly: pip install "planrl[notebook]"')


def write(records: Sequence[Step], path: Path, title: str, algorithm: str) -> None:
    """Write loss, return and all that was measured over the updates, on a page of its own.

    The return is left out for SFT, whose batches are demonstrations. What was measured on training
    and on held-out pairs shares a figure; what was nowhere a number has none. The page needs no
    network: plotly is inside it, which makes it some 5 MB large.
    """
    write_page(_figures(records, algorithm), path, title)


def write_page(figures: Iterable[Any], path: Path, title: str, text: str = "") -> None:
    """Write figures on a page of their own, with a title and perhaps a text below it."""
    from planrl.figures.style import AT_HOME

    parts: list[str] = []
    for figure in figures:
        parts.append(
            figure.to_html(full_html=False, include_plotlyjs=not parts, config=dict(AT_HOME))
        )
    template = Template(files("planrl.cli").joinpath("curves.html").read_text("utf-8"))
    told = f"<p>{html.escape(text)}</p>\n" if text else ""
    page = template.substitute(title=html.escape(title), figures=told + "\n".join(parts))
    write_atomically(path, page.encode())


def _figures(records: Sequence[Step], algorithm: str) -> Iterator[Any]:
    import torch

    from planrl.figures.charts import range_figure, track

    lines: dict[str, dict[str, str]] = {
        words: {words: key}
        for key, words in TITLES.items()
        if key != "reward" or algorithm != "sft"
    }
    measured = [pair for record in records for pair in (record.measured or {}).items()]
    for key in dict.fromkeys(key for key, value in measured if value is not None):
        pairs, _, measure = key.partition("_")
        if pairs in PAIRS and measure:
            lines.setdefault(measure, {})[PAIRS[pairs]] = key
        else:
            lines[key] = {key: key}
    for name, keys in lines.items():
        words = name.replace("_", " ").capitalize()
        groups = {}
        for line, key in keys.items():
            steps, values = track(records, key)
            groups[line] = steps, torch.tensor([values])
        figure = range_figure(groups, title=words, alt=words, x="updates", y=words)
        figure.update_layout(showlegend=len(keys) > 1)
        yield figure


def summary(records: Sequence[Step], algorithm: str) -> str:
    """What a run has reached, in a line.

    The batches of SFT are demonstrations, so that their return says nothing and is left out.
    """
    last = records[-max(1, len(records) // LAST) :]
    over = f"mean of the last {len(last)}" if len(last) > 1 else "the last one"
    updates = "1 update" if len(records) == 1 else f"{len(records)} updates"
    said = f"{updates}: loss {fmean(record.loss for record in last):.3f}"
    if algorithm != "sft":
        said += f", return {fmean(record.reward for record in last):.3f}"
    return f"{said} ({over})"
