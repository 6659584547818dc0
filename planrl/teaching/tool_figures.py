"""Figures and tables of the study of tools, from all its seeds that are stored.

`of` says on which tools: SHIPPED, those that come with planrl, or ULTRATOOL. A learner is named as
in the study, and BASE is the model that all of them start from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import plotly.graph_objects as go

from planrl.errors import InputError
from planrl.experiments.store import FOLDER, results
from planrl.experiments.tools import DISCOUNTED
from planrl.figures import charts
from planrl.teaching.regime_figures import BASE, PG, SFT, Q, short, span_name

SHIPPED, ULTRATOOL = "seed", "ultratool"
DISCOUNT = DISCOUNTED
WHERE = {SHIPPED: "42 tools of an assistant", ULTRATOOL: "260 tools of UltraTool"}
"""Tools -> what a figure calls them."""
PAIRS = {
    "demonstrated": "train_greedy",
    "held out": "asked_greedy",
    "never asked for": "unasked_greedy",
}
"""Kind of pairs -> the greedy accuracy on them."""
GROUPS = {"never": "auc_never", "once": "auc_once", "2 to 9 times": "auc_some"}
"""How often the demonstrations use a link -> how well such links are told from pairs without."""


def has(of: str) -> bool:
    """Whether any seed is stored."""
    return any(FOLDER.glob(f"tools-{of}*.json"))


@cache
def pages(of: str) -> list[dict[str, Any]]:
    """The stored results, one per seed in their order."""
    return sorted(results("tools", of=of), key=lambda page: int(page["study"]["seed"]))


def ends(of: str, learner: str, key: str) -> list[float]:
    """What is measured of a learner at the end of training, or of the base, for each seed."""
    found = []
    for page in pages(of):
        learners = page["result"]["learners"]
        if learner != BASE and learner not in learners:
            raise InputError(f"no learner is called {learner!r}; there are: {', '.join(learners)}")
        found.append(page["result"]["base"][key] if learner == BASE else learners[learner][key][-1])
    return found


def condition(of: str) -> str:
    """The tools and the number of seeds in words."""
    number = len(pages(of))
    return f"{WHERE[of]}; {number} seed{'s' * (number != 1)}"


def shown(of: str) -> str:
    """What a table of these tools has, in words: the mean over seeds and what is beside it."""
    span = span_name(len(pages(of)))
    return f"mean and {span}" if span else "one seed's numbers"


def compared(
    of: str, learners: Sequence[str], keys: Mapping[str, str], *, title: str, x: str, y: str
) -> go.Figure:
    """Bars of learners' measures at the end: mean over seeds, whiskers from least to greatest."""
    figure = charts.seed_bars(
        {name: {words: ends(of, name, key) for words, key in keys.items()} for name in learners},
        title=title,
        about=f"{y} at the end of training, {condition(of)}",
        x=x,
        y=y,
    )
    return figure.update_layout(title_subtitle={"text": f"{condition(of)}; whiskers: all seeds"})


def rows(
    of: str, learners: Sequence[str], keys: Mapping[str, str], digits: int = 2
) -> list[dict[str, str]]:
    """A row for each learner with the means of some measures and what `shown` says."""
    return [
        {
            "method": name,
            **{words: short(ends(of, name, key), digits) for words, key in keys.items()},
        }
        for name in learners
    ]


def by_seed(of: str, learners: Sequence[str], keys: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row for each learner and seed, for a file."""
    return [
        {"tools": WHERE[of], "method": name, "seed": int(page["study"]["seed"])}
        | {words: ends(of, name, key)[number] for words, key in keys.items()}
        for name in learners
        for number, page in enumerate(pages(of))
    ]


def found_on(of: str) -> str:
    """What the study found on these tools, in sentences whose numbers are the stored ones."""
    facts = pages(of)[0]["result"]["facts"]

    def mean(learner: str, key: str) -> float:
        values = ends(of, learner, key)
        return sum(values) / len(values)

    most = max(mean(name, "unasked_greedy") for name in pages(of)[0]["result"]["learners"])
    many = "; means over seeds" if len(pages(of)) > 1 else ""
    return (
        f"Of its {facts['edges']:,} links, {facts['edges_never']} are in no chain of a training "
        f"question (seed {pages(of)[0]['study']['seed']}) and {facts['edges_once']} in one. The "
        f"base is {mean(BASE, 'variation_model'):.2f} from the log's frequencies in total "
        f"variation, a uniform choice of correct tools {mean(BASE, 'variation_uniform'):.2f}. "
        f"Policy gradient met {mean(PG, 'new_chains'):,.0f} correct chains that nobody "
        f"demonstrated, and its diversity went from {mean(BASE, 'train_diversity'):.1f} to "
        f"{mean(PG, 'train_diversity'):.1f} ({condition(of)}{many}; sampled at temperature 1). No "
        f"method answers more than {most:.2f} of "
        "the never-asked questions greedily, and Q-learning loses logged ones: with the discount "
        f"{mean(DISCOUNT, 'train_greedy'):.2f} of the demonstrated questions are left."
    )


def new_chains(of: str) -> list[dict[str, str | int]]:
    """The correct chains that nobody demonstrated and policy gradient sampled most often, seed 0.

    Tools are numbers: their names are `read_tools(folder).graph.labels`.
    """
    found = pages(of)[0]["result"]["learners"][PG]["found"]
    return [
        {"new chain, by the tools' numbers": " → ".join(map(str, chain)), "times sampled": count}
        for chain, count in found
    ]


__all__ = [
    "BASE",
    "DISCOUNT",
    "GROUPS",
    "PAIRS",
    "PG",
    "SFT",
    "SHIPPED",
    "ULTRATOOL",
    "WHERE",
    "Q",
    "by_seed",
    "compared",
    "condition",
    "ends",
    "found_on",
    "has",
    "new_chains",
    "pages",
    "rows",
    "short",
    "shown",
]
