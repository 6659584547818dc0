"""planrl claims: the paper claim by claim, with verdicts and intervals."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from planrl.claims import (
    FEW_SEEDS,
    SUCCESSION,
    UNKNOWN,
    Verdict,
    changes,
    needed,
    settings_in_words,
    verdicts,
)
from planrl.cli.options import JSON
from planrl.errors import InputError
from planrl.experiments import store
from planrl.io.files import to_json


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "claims", help="print the paper's claims, each with a verdict and its numbers"
    )
    command.add_argument(
        "--tier",
        choices=store.TIERS,
        help="quick: one small seed, run first if need be; full: the saved seeds (default: the "
        "tier of the results in the folder)",
    )
    command.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="ID",
        help="these claims or groups only (default: all)",
    )
    command.add_argument(
        "--folder",
        type=Path,
        default=None,
        help="folder with the results (default: the one that the book reads)",
    )
    command.add_argument(
        "--changes",
        action="store_true",
        help="print a table instead: each claim whose verdict moved since version 0.1.0, and why",
    )
    command.add_argument("--json", action="store_true", help=JSON)
    command.set_defaults(execute=run)


def run(options: argparse.Namespace) -> int:
    """Print the verdicts; the quick tier's missing results are made first."""
    folder = options.folder or store.FOLDER
    if options.tier == "full" and not folder.is_dir():
        raise InputError(f"there is no folder {folder}: leave --folder out, or name one of results")
    if options.tier == "quick":
        wanted = store.jobs(needed(options.only), tier="quick", folder=folder)
        for made in store.reproduce(wanted):
            if made.fresh:
                print(made.error or f"{made.path.name}: done", file=sys.stderr)
    if options.changes:
        return _print_changes(options, folder)
    found = verdicts(options.only, tier=options.tier, folder=folder)
    if options.json:
        print(to_json([as_row(verdict) for verdict in found]).decode())
        return 0
    for verdict in found:
        print("\n".join(_lines(verdict)))
    if any(verdict.verdict == UNKNOWN for verdict in found):
        print("not measured: make the results with `python -m planrl reproduce`", file=sys.stderr)
    if any(verdict.verdict == FEW_SEEDS for verdict in found):
        print("not enough seeds: numbers are shown, and ten seeds give a verdict", file=sys.stderr)
    return 0


def _print_changes(options: argparse.Namespace, folder: Path) -> int:
    """Print the verdicts that moved as a Markdown table, or as JSON."""
    if options.only or options.tier == "quick":
        raise InputError("--changes compares all claims of the full tier: leave --only and --tier")
    rows = changes({one.claim.id: one for one in verdicts(tier="full", folder=folder)})
    if options.json:
        print(to_json(rows).decode())
        return 0
    print("| " + " | ".join(rows[0]) + " |\n" + "|---" * len(rows[0]) + "|")
    for row in rows:
        print("| " + " | ".join(text.replace("|E|", "\\|E\\|") for text in row.values()) + " |")
    return 0


def as_row(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain values."""
    claim = verdict.claim
    return {
        "id": claim.id,
        "statement": claim.statement,
        "source": claim.source,
        "measured": claim.measured,
        "verdict": verdict.verdict,
        "replaced_by": _replaced_by(claim.id),
        "caution": verdict.caution,
        "cpu_seconds": verdict.seconds,
        "conditions": [
            {"condition": f.condition, **asdict(f), "mean": f.mean, "interval": f.interval}
            for f in verdict.findings
        ],
        "predictions": [
            {
                "conditions": [finding.condition for finding in findings],
                "expected": one.expected,
                "reason": one.reason,
                "committed": one.committed.isoformat(),
                "runs_made": [when.isoformat() for when in made],
            }
            for one, findings, made in verdict.registered
        ],
    }


def _replaced_by(claim: str) -> list[str] | None:
    """The ids of the claims that ask in this one's stead; None if it was not replaced."""
    known = SUCCESSION.get(claim)
    return list(known.by) if known and known.replaced else None


def _lines(verdict: Verdict) -> list[str]:
    claim = verdict.claim
    lines = [
        f"{verdict.told.upper()}  {claim.id}: {claim.statement}",
        f"    {claim.source}. {claim.measured}; {verdict.seconds:.0f} CPU seconds",
    ]
    if verdict.caution:
        lines.append(f"    ({verdict.caution})")
    replaced = _replaced_by(claim.id)
    if replaced is not None:
        instead = f" by {', '.join(replaced)}" if replaced else ""
        lines.append(f"    replaced{instead}: {SUCCESSION[claim.id].why}")
    lines += [f"    settings of {text}" for text in settings_in_words(verdict)]
    for found in verdict.findings:
        low, high = found.interval
        count = len(found.values)
        between = f" [{low:.4g}, {high:.4g}] of {count} seeds" if count > 1 else " of 1 seed"
        numbers = f"{found.mean:.4g}{between}"
        what = numbers if found.values else "no result"
        where = f"{found.condition} ({found.model})"
        lines.append(f"    {found.verdict:9} {where}: {what}; predicted {found.prediction}")
    for one, findings, made in verdict.registered:
        missed = any(finding.missed(one) for finding in findings)
        lines.append(
            f"    predicted on {one.committed:%Y-%m-%d %H:%M} UTC for {findings[0].graph}: "
            f"{one.expected}{' (missed)' if missed else ''}. {one.reason} First run "
            f"{f'of {made[0]:%Y-%m-%d %H:%M} UTC' if made else 'not yet'}."
        )
    return lines
