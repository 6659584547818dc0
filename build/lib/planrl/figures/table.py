"""Rows of named values as a table, in a notebook and in a page."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from planrl.errors import InputError

SENTENCE = 30  # characters; longer texts are aligned left


class Table:
    """Rows of named values as an HTML table: numbers to three digits, sentences aligned left."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], caption: str = "") -> None:
        if not rows:
            raise InputError("a table needs at least one row")
        for row in rows:
            if list(row) != list(rows[0]):
                raise InputError(
                    f"a table's rows have the same names: {list(row)} is not {list(rows[0])}"
                )
        self.rows, self.caption = [dict(row) for row in rows], caption

    def _repr_html_(self) -> str:
        styles = [
            self._style(column) for column in zip(*(row.values() for row in self.rows), strict=True)
        ]
        head = "".join(
            f'<th scope="col"{style}>{html.escape(str(key))}</th>'
            for key, style in zip(self.rows[0], styles, strict=True)
        )
        body = ""
        for row in self.rows:
            cells = [self._cell(value) for value in row.values()]
            body += f'<tr><th scope="row"{styles[0]}>{cells[0]}</th>'
            body += "".join(
                f"<td{style}>{cell}</td>" for cell, style in zip(cells[1:], styles[1:], strict=True)
            )
            body += "</tr>"
        caption = f"<caption>{html.escape(self.caption)}</caption>" if self.caption else ""
        rows = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        return f'<table class="planrl-table">{caption}{rows}</table>'

    def __repr__(self) -> str:
        return "\n".join(
            "  ".join(f"{k}: {self._cell(v)}" for k, v in r.items()) for r in self.rows
        )

    @staticmethod
    def _style(column: Sequence[Any]) -> str:
        """Align words left, give sentences a minimum width, and align numbers right."""
        if any(isinstance(value, str) and len(value) > SENTENCE for value in column):
            return ' style="text-align: left; min-width: 12rem"'
        words = all(isinstance(value, str) and value[:1].isalpha() for value in column)
        return ' style="text-align: left"' if words else ""

    @staticmethod
    def _cell(value: Any) -> str:
        return f"{value:.3f}" if isinstance(value, float) else html.escape(str(value))
