"""What a notebook needs: set-up, cards, sources, and questions that work without a kernel."""

from __future__ import annotations

import base64
import csv
import html
import inspect
import io
import os
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import torch

from planrl.errors import InputError
from planrl.figures.table import Table


@cache
def style(name: str) -> str:
    """The style element of an output, the same in a notebook and on a page."""
    text = files("planrl.teaching").joinpath("css", f"{name}.css").read_text(encoding="utf-8")
    return f"\n<style>\n{text}</style>"


def setup(threads: int = 1) -> None:
    """Set the number of torch threads and the plotly renderer of a notebook.

    One thread is the default, because for small tensors several threads are slower.
    """
    if threads < 1:
        raise InputError(f"threads must be at least 1, but {threads} was given")
    torch.set_num_threads(threads)
    weight = torch.nn.Parameter(torch.zeros(1))
    torch.optim.AdamW([weight])  # its first use imports for seconds, so import it during set-up
    from planrl.figures.style import keep_figures_at_home

    keep_figures_at_home()
    if "google.colab" in sys.modules:
        return  # Colab's own plotly renderer is the right one
    import plotly.io as pio

    if os.environ.get("PLANRL_STATIC"):
        pio.renderers.default = "plotly_mimetype"


class QuickCheck:
    """A question with choices; choosing one shows its feedback, in a notebook and on a page."""

    def __init__(self, question: str, choices: Mapping[str, str], *, right: Sequence[str]) -> None:
        missing = [choice for choice in right if choice not in choices]
        if missing or not right or len(choices) < 2:
            raise InputError(
                f"right={list(right)} must name some of the choices, two or more of them: "
                f"{list(choices)}"
            )
        self.question, self.choices, self.right = question, dict(choices), set(right)

    def _repr_html_(self) -> str:
        name = f"check-{abs(hash_of(self.question))}"
        rows = []
        for number, (choice, feedback) in enumerate(self.choices.items()):
            kind = " planrl-right" if choice in self.right else ""
            verdict = "Yes." if choice in self.right else "Not quite."
            rows.append(
                f'<input type="radio" name="{name}" id="{name}-{number}">'
                f'<label for="{name}-{number}">{html.escape(choice)}</label>'
                f'<div class="planrl-feedback{kind}"><strong>{verdict}</strong> '
                f"{html.escape(feedback)}</div>"
            )
        body = "".join(f"<div>{row}</div>" for row in rows)
        legend = f"<legend>{html.escape(self.question)}</legend>"
        return f'{style("check")}<fieldset class="planrl-check">{legend}{body}</fieldset>'

    def __repr__(self) -> str:
        return f"{self.question} {' / '.join(self.choices)}"


def hash_of(text: str) -> int:
    """A number for a text, the same in every process."""
    import zlib

    return zlib.crc32(text.encode())


class Told:
    """Sentences in Markdown whose numbers code has computed."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_markdown_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text


class Folded:
    """Tables, and what they say, that a click unfolds: they answer nothing before readers ask."""

    def __init__(self, words: str, *tables: Table, said: str = "") -> None:
        if not tables:
            raise InputError(f"{words!r} would be empty: give at least one table")
        self.words, self.tables, self.said = words, tables, said

    def _repr_html_(self) -> str:
        scrolls = '<div style="overflow-x: auto" tabindex="0" role="region" aria-label="{}">'
        inside = "".join(
            f"{scrolls.format(html.escape(one.caption))}{one._repr_html_()}</div>"
            for one in self.tables
        )
        said = f"<p>{html.escape(self.said)}</p>" if self.said else ""
        return f"<details><summary>{html.escape(self.words)}</summary>{inside}{said}</details>"

    def __repr__(self) -> str:
        tables = ", ".join(table.caption for table in self.tables)
        return f"{self.words}: {tables}{f'. {self.said}' if self.said else ''}"


class Source:
    """The source of library functions, shown in a chapter next to the formula.

    Of a docstring only the first line is shown; the page of the library's functions has all of it.
    """

    def __init__(self, *functions: Callable[..., Any]) -> None:
        self.text = "\n\n".join(map(self._short, functions))

    @staticmethod
    def _short(function: Callable[..., Any]) -> str:
        source = textwrap.dedent(inspect.getsource(function)).rstrip()
        first, _, rest = (inspect.getdoc(function) or "").partition("\n")
        if not rest:
            return source
        begin = source.index('"""')
        end = source.index('"""', begin + 3)
        return f'{source[:begin]}"""{first}{source[end:]}'

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.text}\n```"

    def __repr__(self) -> str:
        return self.text


class Download:
    """A link that saves rows of named values as a CSV file; it works without a network."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], file: str) -> None:
        if not rows:
            raise InputError(f"{file} would be empty: give at least one row")
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.file, self.text = file, text.getvalue()

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.text.encode()).decode()
        kilobytes = max(1, round(len(self.text) / 1000))
        return (
            f'<p class="planrl-download"><a download="{html.escape(self.file)}" '
            f'href="data:text/csv;base64,{data}">Numbers of this figure (CSV, {kilobytes} kB)</a>'
            "</p>"
        )

    def __repr__(self) -> str:
        return self.text


class Cards:
    """Claims with their verdicts: the statement, and a row for each condition of measurement.

    A card is a dict of `title`, `badge` (a verdict), `text`, `note` and `rows`, each row a dict. An
    optional `id` is the target of links to the card.
    """

    def __init__(self, cards: Sequence[Mapping[str, Any]]) -> None:
        if not cards:
            raise InputError("there is no card to show: give at least one")
        self.cards = list(cards)

    def _repr_html_(self) -> str:
        return style("cards") + "".join(map(self._card, self.cards))

    def _card(self, card: Mapping[str, Any]) -> str:
        told = {key: html.escape(str(card[key])) for key in ("title", "badge", "text", "note")}
        kind = told["badge"].replace(" ", "-")
        number = f' id="{html.escape(str(card["id"]))}"' if "id" in card else ""
        return (
            f'<div{number} class="planrl-card planrl-{kind}"><p><strong>{told["title"]}</strong> '
            f'<span class="planrl-badge">{told["badge"]}</span> {told["text"]}</p>'
            f'<p class="planrl-note">{told["note"]}</p>{self.table(card["rows"])}</div>'
        )

    @staticmethod
    def table(rows: Sequence[Mapping[str, Any]]) -> str:
        """A row for each condition, as HTML; on a phone each number says what it is."""
        names = list(rows[0])
        head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in names)
        body = ""
        for row in rows:
            cells = [html.escape(str(value)) for value in row.values()]
            body += f'<tr><th scope="row">{cells[0]}</th>'
            body += "".join(
                f'<td data-name="{html.escape(name)}">{cell}</td>'
                for name, cell in zip(names[1:], cells[1:], strict=True)
            )
            body += "</tr>"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __repr__(self) -> str:
        return "\n".join(f"{c['title']}: {c['badge']}. {c['text']}" for c in self.cards)
