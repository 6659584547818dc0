"""The cheat sheet's tables: each objective, where it leads, and its options in TRL and in verl.

All of it is told by `planrl.objectives.sheet`; the page holds what is said around the tables.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping

from docutils import nodes
from docutils.parsers.rst import Directive

# What verl's names begin with is said once, above the tables.
_PREFIXES = ("actor_rollout_ref.actor.", "algorithm.")


def options(library: str, given: Mapping[str, str]) -> str:
    """The options of a library as code, in a line; nothing if it has none for this."""
    if not given:
        return f"<span>{library}: none</span>"
    words = []
    for name, value in given.items():
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
        sign = " " if value.startswith(">") else "="
        text = f"{name}{sign}{value}" if value else name
        words.append(f"<code>{html.escape(text)}</code>")
    return f"<span>{library}: {', '.join(words)}</span>"


def methods() -> list[dict[str, str]]:
    """A row for each method, as HTML."""
    from planrl.objectives import sheet

    rows = []
    for entry in sheet.METHODS:
        limit = sheet.ends(entry)
        found = [sheet.weight_at(entry, p) for p in (0.1, 0.5, 0.9)]
        numbers = " · ".join("–" if w is None else f"{w:.2f}" for w in found)
        rows.append(
            {
                "objective": _named(entry.name, entry.note),
                "weight(p)": html.escape(sheet.formula(entry)),
                "at p = 0.1 · 0.5 · 0.9": numbers,
                "several correct answers": sheet.diversity(limit),
                "": options("TRL", entry.trl) + options("verl", entry.verl),
            }
        )
    return rows


def penalties() -> list[dict[str, str]]:
    """A row for each penalty and bonus, as HTML."""
    from planrl.objectives import sheet

    rows = []
    for entry in sheet.PENALTIES:
        limit = sheet.ends(entry)
        end = sheet.reached(limit)
        formula = limit.says.partition(":")[0] if end else "no fixed policy"
        rows.append(
            {
                "penalty or bonus": _named(entry.name, entry.note),
                "ends at": html.escape(formula)
                .replace("lambda", "λ")
                .replace("beta", "β"),
                "accuracy, λ = 0.3": f"{end[0]:.3f}" if end else "–",
                "several correct answers": sheet.diversity(limit),
                "": options("TRL", entry.trl) + options("verl", entry.verl),
            }
        )
    return rows


def _named(name: str, note: str) -> str:
    said = f" <small>({html.escape(note)})</small>" if note else ""
    return f"{html.escape(name)}{said}"


def table(rows: list[dict[str, str]], caption: str) -> str:
    """Two lines for each row: what is told, and options; on a phone each cell says what it is."""
    names = [name for name in rows[0] if name]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = ""
    for row in rows:
        first, *others = (row[name] for name in names)
        cells = "".join(
            f'<td data-name="{name}">{cell}</td>'
            for name, cell in zip(names[1:], others, strict=True)
        )
        body += f'<tr><th scope="row">{first}</th>{cells}</tr>'
        body += f'<tr class="planrl-options"><td colspan="{len(names)}">{row[""]}</td></tr>'
    return (
        f'<table class="planrl-sheet"><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


class CheatSheet(Directive):
    """Both tables."""

    def run(self) -> list[nodes.Node]:
        """The tables, as HTML that needs no script."""
        tables = table(
            methods(), "Methods: how fast each question is learnt"
        ) + table(penalties(), "Penalties and bonuses, on RLOO")
        return [nodes.raw("", tables, format="html")]


EXAMPLES = {
    "config": "loss_type: grpo\nscale_rewards: group\nbeta: 0.04\nepsilon_high: 0.28\n"
    "use_bias_correction_kl: false",
    "log": "reward,entropy\n"
    + "\n".join(f"{min(0.9, 0.3 + k / 15):.2f},{0.94**k:.2f}" for k in range(20)),
}
LABELS = {
    "config": "A GRPOConfig or RLOOConfig, or verl's YAML or overrides",
    "log": "A log: CSV, JSON lines, or TRL's trainer_state.json",
}


def data() -> str:
    """What explain.js knows, as JSON that may stand in a page."""
    from planrl.labs.page.links import SHEET
    from planrl.labs.spec.objective_terms import BETAS, LAMBDAS
    from planrl.objectives import configs, logs

    page = {
        "rules": configs.rules(),
        "outcomes": configs.outcomes(),
        "filter": configs.FILTER,
        "log": logs.log_rules(),
        "lab": {"sheet": SHEET, "lambdas": LAMBDAS, "betas": BETAS},
    }
    text = json.dumps(page, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


class Explain(Directive):
    """A box for a config or a log: pasted, dropped or chosen, it is told below."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The box; the first one brings the rules."""
        kind = self.arguments[0]
        label, example = html.escape(LABELS[kind]), html.escape(EXAMPLES[kind])
        box = (
            f'<div class="planrl-explain" data-kind="{kind}">'
            f'<label for="explain-{kind}">{label}</label>'
            f'<textarea id="explain-{kind}" rows="7" spellcheck="false" autocomplete="off" '
            f'placeholder="{example}"></textarea>'
            f'<p><button type="button">Take the example</button> '
            f'<label>or a file <input type="file"></label></p>'
            f'<output aria-live="polite"></output></div>'
            f"<noscript><p>This box needs a script. Without one: "
            f"<code>planrl explain-{kind} FILE</code>.</p></noscript>"
        )
        if kind == "config":
            box += (
                '<script type="application/json" id="planrl-explain-data">'
                f"{data()}</script>"
            )
        return [nodes.raw("", box, format="html")]
