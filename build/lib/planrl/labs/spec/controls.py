"""What a reader can set in a lab: controls, their values, and a lab's settings as a link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode

from planrl.errors import InputError, shown

Value = str | float
LONGEST_LINK = 10_000
LONGEST_LABEL = 16  # of a reader's own graph: more does not fit beside a node


@dataclass(frozen=True)
class Control:
    """One setting: the values it can have, the text of each, and what it means.

    `kind` is slider, choice or switch. A control that `restarts` takes effect only when training
    restarts.
    """

    name: str
    label: str
    meaning: str
    kind: str
    values: Sequence[Value]
    default: Value
    texts: Sequence[str] = ()
    restarts: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("slider", "choice", "switch"):
            raise InputError(f"{self.name} is a {self.kind!r}: choose slider, choice or switch")
        if self.default not in self.values:
            raise InputError(f"{self.name}: the default {self.default!r} is not among its values")
        if not self.texts:
            object.__setattr__(self, "texts", [text_of(value) for value in self.values])
        if len(self.texts) != len(self.values):
            raise InputError(f"{self.name}: {len(self.texts)} texts for {len(self.values)} values")

    def read(self, text: str) -> Value:
        """The value a link's text stands for."""
        for value in self.values:
            if text == text_of(value):
                return value
        raise InputError(
            f"{self.name}={shown(text)} is not possible: "
            f"choose {', '.join(map(text_of, self.values))}"
        )


def text_of(value: Value) -> str:
    """A control's value as a link has it."""
    return value if isinstance(value, str) else f"{value:g}"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Named settings, and what a reader can learn from them."""

    name: str
    title: str
    why: str
    settings: Mapping[str, Value]


@dataclass(frozen=True)
class State:
    """A reader's settings: each control's value, the edges of the reader's own graph, and a pair.

    `pair` names the source and the target that are shown, () those that the graph comes with.
    """

    values: Mapping[str, Value]
    edges: tuple[tuple[str, str], ...] = field(default=())
    pair: tuple[str, ...] = ()


def read_state(controls: Sequence[Control], link: str, most_edges: int = 0, lab: str = "") -> State:
    """The settings in a link's query, `kl=0.01&seed=3`.

    A control that the link does not name has its default. Raises InputError for a name or a value
    that the lab does not have, for a name that is there twice, and for a link of another lab than
    `lab`, if `lab` is given.
    """
    if not isinstance(link, str) or len(link) > LONGEST_LINK:
        raise InputError(f"a link is a text of at most {LONGEST_LINK:,} letters: {shown(link)}")
    known = {control.name: control for control in controls}
    values: dict[str, Value] = {control.name: control.default for control in controls}
    edges: tuple[tuple[str, str], ...] = ()
    pair: tuple[str, ...] = ()
    said = parse_qsl(link.lstrip("?"), keep_blank_values=True)
    names = [name for name, _ in said]
    for name, text in said:
        if names.count(name) > 1:
            raise InputError(f"{shown(name)} is there more than once: say it once")
        if name == "lab":
            if lab and text != lab:
                raise InputError(f"this is a link of the lab {shown(text)}, not of {lab}")
            continue
        if name == "edges" and most_edges:
            edges = _edges(text, most_edges)
        elif name == "pair":
            pair = _edge(text, "pair")
        elif name in known:
            values[name] = known[name].read(text)
        else:
            raise InputError(f"{shown(name)} can't be set here; there are: {', '.join(known)}")
    if bool(edges) != (values.get("graph") == "own"):
        raise InputError("edges and graph=own only go together")
    return State(values, edges, pair)


def _edges(text: str, most: int) -> tuple[tuple[str, str], ...]:
    found = []
    for part in filter(None, text.split(".")):
        found.append(_edge(part, "edges"))
    if len(found) > most:
        raise InputError(f"{len(found)} edges were given: a lab takes at most {most}")
    return tuple(found)


def _edge(part: str, name: str) -> tuple[str, str]:
    """The two nodes in `a-b`, a part of what the link says for `name`."""
    a, _, b = part.partition("-")
    if not a or not b or "-" in b:
        raise InputError(
            f"{name}={shown(part)}: two nodes are written a-b, and edges are joined by dots"
        )
    a, b = _unescaped(a), _unescaped(b)
    for label in (a, b):
        if len(label) > LONGEST_LABEL or not label.isprintable() or " " in label:
            raise InputError(
                f"{name}: {shown(label)} names no node: take a word of at most {LONGEST_LABEL} "
                "letters"
            )
    return a, b


def write_state(controls: Sequence[Control], state: State) -> str:
    """The link's query that `read_state` reads; it names only what differs from the defaults."""
    said = {
        control.name: text_of(state.values[control.name])
        for control in controls
        if state.values[control.name] != control.default
    }
    if state.edges:
        said["edges"] = ".".join(f"{_escaped(a)}-{_escaped(b)}" for a, b in state.edges)
    if state.pair:
        said["pair"] = "-".join(map(_escaped, state.pair))
    return urlencode(said)


_ESCAPES = (("~", "~0"), ("-", "~1"), (".", "~2"))
"""What separates edges in a link, and how a node's name has it; web/lab-state.js does the same."""


def _escaped(label: str) -> str:
    for sign, said in _ESCAPES:
        label = label.replace(sign, said)
    return label


def _unescaped(text: str) -> str:
    for sign, said in reversed(_ESCAPES):
        text = text.replace(said, sign)
    return text


def slider(name: str, label: str, values: Sequence[float], default: float, meaning: str) -> Control:
    """A control with ordered numbers."""
    return Control(name, label, meaning, "slider", values, default)


def switch(name: str, label: str, meaning: str, default: float = 0) -> Control:
    """A control that is off (0) or on (1)."""
    return Control(name, label, meaning, "switch", (0, 1), default, ("off", "on"))


def choice(name: str, label: str, values: Mapping[Value, str], meaning: str) -> Control:
    """A control with named values, of which the first is the default; a change restarts a run."""
    known, texts = tuple(values), tuple(values.values())
    return Control(name, label, meaning, "choice", known, known[0], texts, restarts=True)


# What several labs share
MODEL = choice(
    "model",
    "Model",
    {"table": "logit table", "transformer": "Transformer"},
    "The logit table holds one number for each target, node and next node; the Transformer "
    "has one layer, one head and width 48.",
)
SEED = choice(
    "seed",
    "Seed",
    {seed: str(seed) for seed in range(10)},
    "It decides the training pairs, the demonstrations, the first weights and all sampling.",
)
RATES = {
    0.25: "1/4",
    0.35: "0.35",
    0.5: "1/2",
    0.7: "0.7",
    1: "1",
    1.4: "1.4",
    2: "2",
    2.8: "2.8",
    4: "4",
}
LR = replace(
    slider(
        "lr",
        "Learning rate",
        tuple(RATES),
        1,
        "In multiples of the usual one: 0.1 for the table, 0.002 for the Transformer (Adam).",
    ),
    texts=[f"× {said}" for said in RATES.values()],
)
BATCH = slider("batch", "Batch", (1, 2, 4, 8, 16, 32), 32, "The number of paths in an update.")
_STEPS = [float(f"{step}e{decade}") for decade in (-3, -2, -1) for step in (1, 1.5, 2, 3, 5, 7)]
KL = slider(
    "kl",
    "KL penalty λ",
    (0, *_STEPS, 1),
    0,
    "The weight of the penalty for leaving the base model (Theorem 4.4).",
)
DISCOUNTS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1)
_GRAPHS = {
    "dag": "random DAG",
    "cyclic": "digraph with cycles",
    "blocks": "Blocksworld",
    "tools": "tools",
    "own": "your own",
}


def graph_control(*names: str) -> Control:
    """Which graph; "own" is a graph of the reader's."""
    meaning = "The graph whose paths are asked for; a prompt does not contain it."
    return choice("graph", "Graph", {name: _GRAPHS[name] for name in names}, meaning)
