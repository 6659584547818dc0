"""A chapter's cells run in this process, as often and from where one likes, and what each of them gives."""

from __future__ import annotations

import ast
import builtins
import contextlib
import dataclasses
import functools
import json
import re
import symtable
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

import planrl as pr

TRAINS = re.compile(r"\b(train|taught|plainly|after|learnt_values|multinomial|settle)\(")
TIMES = "torch.profiler"  # a cell that measures time gives something else each time
FEW = 4  # updates of a training that is cut short: if a second one goes on from the first, it shows


@contextlib.contextmanager
def chapter(notebook: Path, *, short: bool) -> Iterator[Chapter]:
    """A chapter, and afterwards no trace of IPython, which other code asks after."""
    before, hooks = dict(vars(builtins)), (sys.excepthook, sys.displayhook)
    try:
        yield Chapter(notebook, short=short)
    finally:
        InteractiveShell.clear_instance()
        for name in vars(builtins).keys() - before.keys():
            delattr(builtins, name)
        sys.excepthook, sys.displayhook = hooks


class Chapter:
    """The code cells of a chapter, by their places in the notebook.

    With `short`, trainings are cut short, and what a cell asserts of trained models is left out. Then
    a cell may fail, in the same way each time.
    """

    def __init__(self, notebook: Path, *, short: bool) -> None:
        cells = nbformat.read(notebook, 4).cells
        self.cells = {
            place: cell.source for place, cell in enumerate(cells) if cell.cell_type == "code"
        }
        InteractiveShell.clear_instance()
        settings = Config()
        settings.HistoryManager.enabled = False
        self._shell = InteractiveShell.instance(config=settings)
        self._short = short
        if short:
            self._shell.ast_transformers.append(_WithoutAssertions())

    def run(self, place: int) -> dict[str, Any]:
        """What a cell shows, and the values of the names in it, as they are after it has run."""
        source = self.cells[place]
        with capture_output() as caught:
            ended = self._shell.run_cell(source)
        if TIMES in source:
            return {}
        error = ended.error_before_exec or ended.error_in_exec
        if error is not None and not self._short:
            raise error
        if error is not None:
            return {"the error": f"{type(error)}: {error}"}
        found = {"the text": caught.stdout}
        for number, out in enumerate(caught.outputs):
            found[f"output {number}"] = json.dumps(out.data, sort_keys=True)
        names = symtable.symtable(source, "cell", "exec").get_identifiers()
        here = self._shell.user_ns
        return found | {name: told(here[name]) for name in here.keys() & names}


class _WithoutAssertions(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return ast.copy_location(ast.Pass(), node)


def told(value: Any) -> Any:
    """A value as something that is equal for equal numbers: models by their weights, and so on."""
    if isinstance(value, torch.Tensor):
        value = value.detach().contiguous()
        return str(value.dtype), tuple(value.shape), zlib.crc32(value.numpy().tobytes())
    if isinstance(value, torch.nn.Module):
        return told(value.state_dict())
    if isinstance(value, torch.Generator):
        return told(value.get_state())
    if isinstance(value, dict):
        return [(told(key), told(one)) for key, one in value.items()]
    if isinstance(value, list | tuple):
        return [told(one) for one in value]
    if isinstance(value, set | frozenset):
        return sorted(str(told(one)) for one in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = [field for field in dataclasses.fields(value) if field.repr]
        return [told(getattr(value, field.name)) for field in shown]
    if isinstance(value, str | bytes | int | float | complex | None):
        return repr(value)
    return type(value).__name__


def differences(chapter: Chapter) -> list[str]:
    """Where running a chapter's cells again gives something else.

    Every cell is run twice, in order. Then each stretch from one training cell to before the next
    is run once more, the last one first: all that it reads from before it is what the cells after
    it have left, such as a name that they gave to something else.
    """
    first: dict[int, dict[str, Any]] = {}
    wrong = []
    for place in chapter.cells:
        first[place] = chapter.run(place)
        wrong += _compared(first[place], chapter.run(place), f"cell {place}, run twice")
    starts = [place for place, source in chapter.cells.items() if TRAINS.search(source)]
    for start, end in reversed(list(zip(starts, [*starts[1:], 10**6], strict=False))):
        for place in chapter.cells:
            if start <= place < end:
                how = f"cell {place}, run again from cell {start} on"
                wrong += _compared(first[place], chapter.run(place), how)
    return wrong


def _compared(before: dict[str, Any], now: dict[str, Any], how: str) -> list[str]:
    names = [name for name in before.keys() | now.keys() if before.get(name) != now.get(name)]
    return [f"{how}: {', '.join(sorted(names))} not as before"] if names else []


def shorten(monkeypatch: Any) -> None:
    """Cut short what takes a chapter's time."""
    config, probe, evaluate, watch = pr.TrainConfig, pr.probe, pr.evaluate, pr.watch

    def few(**given: Any) -> pr.TrainConfig:
        return config(**{**given, "steps": min(given.get("steps") or FEW, FEW)})

    def often(run: pr.Run, look: Any, every: int = 1) -> pr.Run:
        return probe(run, look, min(every, FEW))

    monkeypatch.setattr(pr, "TrainConfig", few)
    monkeypatch.setattr(pr, "probe", often)
    monkeypatch.setattr(pr, "check", functools.partial(_unheeded, pr.check))
    for name, one in (("evaluate", evaluate), ("watch", watch)):
        cut = lambda *given, samples=1, one=one, **named: one(*given, samples=2, **named)  # noqa: E731
        monkeypatch.setattr(pr, name, cut)


def _unheeded(check: Any, *given: Any, tolerance: float, **named: Any) -> pr.Check:
    return check(*given, tolerance=1e9, **named)


def prepare(monkeypatch: Any) -> None:
    """Draw as in the book's build; chapters read files beside them."""
    monkeypatch.setenv("PLANRL_STATIC", "1")
    monkeypatch.setenv("PLOTLY_RENDERER", "plotly_mimetype")
    monkeypatch.chdir(Path(__file__).resolve().parents[2] / "book")
    torch.set_num_threads(1)
