"""Evidence in the book: a theorem's check, a claim's card, a number's expected range."""

from __future__ import annotations

import html
import json
import math
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from planrl.claims import Finding, Verdict, verdicts
from planrl.claims.history import is_current
from planrl.errors import InputError
from planrl.experiments import store
from planrl.io.files import write_atomically
from planrl.objectives.theory import Check

FILE = Path(__file__).with_name("numbers.json")
"""Chapter -> what it was measured with, and for each number its value at each seed."""
# two-sided 97.5 % points of Student's t for 1 to 9 degrees of freedom
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


class Backing:
    """The line under a theorem: formula, the claim's verdict, code, and the measured gap."""

    def __init__(
        self, held: Check, *, claim: str, code: Callable[..., Any] | type, formula: str = ""
    ) -> None:
        self.verdict = verdicts([claim])[0]
        self.held, self.code, self.formula = held, code, formula

    @property
    def _name(self) -> str:
        return f"{self.code.__module__}.{self.code.__qualname__}"

    @property
    def _gap(self) -> str:
        held = self.held
        return (
            f"gap here {held.gap:.2g} over {held.compared:,} value{'s' * (held.compared != 1)} "
            f"(allowed {held.tolerance:g})"
        )

    def _repr_html_(self) -> str:
        ending = _ending()
        claim = self.verdict.claim.id
        name = html.escape(self._name)
        parts = [
            f'claim <a href="{link_to(claim)}">{html.escape(claim)}</a> '
            f"{html.escape(verdict_words(self.verdict))}",
            f"code <code>{name}</code>",
            html.escape(self._gap),
        ]
        if ending == "html":
            parts[1] = f'code <a href="api.html#{name}"><code>{name}</code></a>'
        if self.formula:
            shown = html.escape(self.formula)
            link = f'<a href="#formula-{shown.replace(".", "-")}">({shown})</a>'
            parts.insert(0, f"formula {link if ending == 'html' else f'({shown})'}")
        return f'<p class="planrl-backing">{" · ".join(parts)}</p>'

    def __repr__(self) -> str:
        formula = f"formula ({self.formula}) · " if self.formula else ""
        claim = f"claim {self.verdict.claim.id} {verdict_words(self.verdict)}"
        return f"{formula}{claim} · code {self._name} · {self._gap}"


def anchor(claim: str) -> str:
    """The id of a claim's card on the page of verdicts."""
    return f"claim-{claim}".lower().replace(".", "-")


def link_to(claim: str) -> str:
    """The link to a claim's card from a page of the book or from a notebook."""
    return f"11_verdicts.{_ending()}" + f"#{anchor(claim)}" * (_ending() == "html")


def _ending() -> str:
    return "html" if os.environ.get("PLANRL_STATIC") else "ipynb"


def verdict_words(verdict: Verdict) -> str:
    """The verdict, and whether the claim was replaced by others and is not counted any more."""
    return verdict.told + ", replaced" * (not is_current(verdict.claim.id))


def on_model(findings: Sequence[Finding]) -> str:
    """The model in words if all conditions share it; else `condition_rows` names each one."""
    models = {found.model for found in findings}
    return f" ({models.pop()})" if len(models) == 1 else ""


def condition_rows(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """A row for each condition, numbers to three digits; values below 1e-12 are shown as 0."""
    shared = on_model(findings)
    rows = []
    for found in findings:
        low, mean, high = (
            "0" if abs(value) < 1e-12 else f"{value:.3g}"
            for value in (found.interval[0], found.mean, found.interval[1])
        )
        measured = f"{mean} ({low} to {high})" if len(found.values) > 1 else mean
        rows.append(
            {
                "where": found.condition if shared else f"{found.condition} ({found.model})",
                "predicted": found.prediction,
                "mean (95 % interval)": measured if found.values else "no result yet",
                "seeds": f"{len(found.values)}",
                "verdict": found.told,
            }
        )
    return rows


def reruns() -> list[dict[str, Any]]:
    """A row for each experiment: its saved results, the processor hours they took, the command.

    A result without processor time counts with its wall-clock time; "-" if it has neither.
    """
    rows = []
    for name in filter(store.saved, store.EXPERIMENTS):
        pages = store.results(name)
        took = [
            sum(store.cpu_seconds(p).values()) or p["made_with"].get("seconds", 0.0) for p in pages
        ]
        rows.append(
            {
                "experiment": name,
                "results": len(pages),
                "hours": f"{sum(took) / 3600:.1f}" if all(took) else "-",
                "command": f"python -m planrl reproduce --only {name} --folder mine",
            }
        )
    return rows


def expected_range(values: list[float]) -> tuple[float, float]:
    """The range of one more seed's value with probability 0.95, for normally distributed values."""
    if len(values) < 2:
        raise InputError(f"an expected range needs two values or more, but {len(values)} was given")
    mean = sum(values) / len(values)
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    reach = _T[min(len(values) - 1, len(_T)) - 1] * spread * math.sqrt(1 + 1 / len(values))
    reach += 1e-6 * max(1.0, abs(mean))  # rounding, where all seeds agree
    return mean - reach, mean + reach


def alike(values: Sequence[float], *, width: float) -> list[str]:
    """Numbers as text with the same number of decimals, enough to show a tenth of `width`."""
    scale = max(map(abs, values))
    if width < 1e-5 * scale or width < 1e-4:
        return [f"{value:.4g}" for value in values]
    decimals = max(0, 1 - math.floor(math.log10(width)))
    return [f"{0.0 if abs(v) < 10**-decimals / 2 else v:.{decimals}f}" for v in values]


def versions() -> dict[str, str]:
    """What a chapter's numbers may depend on."""
    return {"python": platform.python_version(), "torch": torch.__version__.split("+")[0]}


class Numbers:
    """A chapter's numbers as its reader has them, with the expected range from the stored seeds.

    `limits` maps the beginning of a name to the range of possible values: (0, 1) for a share.
    """

    def __init__(
        self,
        chapter: str,
        found: Mapping[str, float],
        *,
        limits: Mapping[str, tuple[float, float]] | None = None,
        file: Path = FILE,
    ) -> None:
        self.chapter, self.limits = chapter, limits or {}
        self.found = {name: float(value) for name, value in found.items()}
        writing = os.environ.get("PLANRL_NUMBERS")
        if writing:  # the stored values are being measured
            told = {"versions": versions()} | self.found
            write_atomically(Path(writing), json.dumps(told).encode())
        stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        self.stored = stored.get(chapter)

    @property
    def rows(self) -> list[dict[str, str]]:
        """A row for each number: its name, the reader's value, the expected range, the verdict."""
        rows = []
        for name, value in self.found.items():
            values = self.stored["values"].get(name) if self.stored else None
            if values is None:
                rows.append(
                    {
                        "number": name,
                        "here": f"{value:.4g}",
                        "expected range": "none stored yet",
                        "verdict": "not compared",
                    }
                )
                continue
            low, high = self.within(name, *expected_range(values))
            inside = low - 1e-6 <= value <= high + 1e-6
            here, least, most = alike((value, low, high), width=high - low)
            rows.append(
                {
                    "number": name,
                    "here": here,
                    "expected range": f"{least} to {most}",
                    "verdict": "inside" if inside else "outside",
                }
            )
        return rows

    def within(self, name: str, low: float, high: float) -> tuple[float, float]:
        """The expected range, cut to the number's limits."""
        for start, (least, most) in self.limits.items():
            if name.startswith(start):
                return max(low, least), min(high, most)
        return low, high

    @property
    def outside(self) -> list[str]:
        """The names of the numbers outside their expected ranges."""
        return [row["number"] for row in self.rows if row["verdict"] == "outside"]

    @property
    def why(self) -> str:
        """What the expected ranges are, and what may explain a number outside its range."""
        if not self.stored:
            return "No expected range is stored for this chapter yet."
        n = len(next(iter(self.stored["values"].values())))
        with_ = ", ".join(f"{key} {value}" for key, value in self.stored["versions"].items())
        told = f"Expected range: holds 95 of 100 further seeds, from {n} seeds ({with_})."
        if not self.outside:
            return told
        differ = [
            f"{key} {mine} instead of {self.stored['versions'].get(key)}"
            for key, mine in versions().items()
            if mine != self.stored["versions"].get(key)
        ]
        reason = (
            f"you run {' and '.join(differ)}, or you changed something above"
            if differ
            else "you changed something above, or this is one of the five seeds in 100"
        )
        return f"{told} Possible reasons for a number outside: {reason}."

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in self.rows[0])
        body = "".join(
            f'<tr><th scope="row">{html.escape(row["number"])}</th>'
            + "".join(
                f"<td>{html.escape(row[k])}</td>" for k in ("here", "expected range", "verdict")
            )
            + "</tr>"
            for row in self.rows
        )
        caption = f"<caption>{html.escape(self.why)}</caption>"
        return (
            f'<table class="planrl-table planrl-numbers">{caption}<thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )

    def __repr__(self) -> str:
        lines = [" · ".join(row.values()) for row in self.rows]
        return "\n".join([*lines, self.why])
