"""Plans as pictures, a state a step: discs on pegs, pegs in holes, packages on their way.

A picture is an SVG in the colours of the page; the steps are radio buttons, so that a plan plays
without a script, and on paper all its states are printed.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from planrl.domains import Problem, example
from planrl.domains.blocksworld import Action
from planrl.domains.operators import Atom
from planrl.errors import InputError
from planrl.teaching.notebook import hash_of, style

State = frozenset[Atom]
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
WIDTH, HEIGHT = 360, 190  # of a picture
LINE = 'stroke="currentColor" stroke-width="2"'


def _facts(state: State, name: str) -> list[tuple[str, ...]]:
    """The arguments of all atoms of a predicate that hold, in the order of their names."""
    return sorted(atom[1:] for atom in state if atom[0] == name)


def _text(x: float, y: float, words: str, size: int = 13) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="middle" '
        f'fill="currentColor">{html.escape(words)}</text>'
    )


def _hanoi(state: State) -> str:
    """Discs on their pegs; a disc is the larger, the fewer things it fits on."""
    above = {below: disc for disc, below in _facts(state, "on")}
    on = set(above.values())
    fits = Counter(disc for disc, _ in _facts(state, "fits"))
    order = sorted(on, key=lambda disc: -fits[disc])
    pegs = sorted({below for _, below in _facts(state, "fits")} - on)
    step, parts = WIDTH / len(pegs), []
    tall = min(24, (HEIGHT - 50) // len(order))
    for column, peg in enumerate(pegs):
        x, y = (column + 0.5) * step, HEIGHT - 40
        parts.append(f'<line x1="{x:.0f}" y1="30" x2="{x:.0f}" y2="{y}" {LINE}/>')
        parts.append(_text(x, HEIGHT - 12, peg))
        disc = above.get(peg)
        while disc is not None:
            y -= tall
            wide = (step - 12) * (order.index(disc) + 1.5) / (len(order) + 0.5)
            colour = COLOURS[order.index(disc) % len(COLOURS)]
            parts.append(
                f'<rect x="{x - wide / 2:.1f}" y="{y}" width="{wide:.1f}" height="{tall - 2}" '
                f'rx="5" fill="{colour}"/>'
            )
            disc = above.get(disc)
    ground = f'<line x1="4" y1="{HEIGHT - 40}" x2="{WIDTH - 4}" y2="{HEIGHT - 40}" {LINE}/>'
    return "".join([*parts, ground])


def _pegs(state: State) -> str:
    """Holes in rows of a triangle, the full ones coloured; a hole is called by row and number."""
    full = {hole for (hole,) in _facts(state, "peg")}
    holes = sorted(full | {hole for (hole,) in _facts(state, "empty")})
    if odd := next((hole for hole in holes if not re.fullmatch("[a-z][0-9]+", hole)), None):
        raise InputError(f"a hole is called {odd}: expected its row and its number in it, as b2")
    rows = sorted({hole[0] for hole in holes})
    step, parts = (HEIGHT - 20) / len(rows), []
    for hole in holes:
        row = rows.index(hole[0])
        x = WIDTH / 2 + (int(hole[1:]) - 1 - row / 2) * step * 1.2
        y = 10 + (row + 0.5) * step
        fill = COLOURS[0] if hole in full else "none"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{step * 0.38:.1f}" fill="{fill}" '
            'stroke="currentColor" stroke-width="1.5"/>'
        )
    return "".join(parts)


def _in_line(state: State) -> list[str]:
    """The locations along the routes, from one with the fewest neighbours; all, if they part."""
    near: dict[str, set[str]] = {where: set() for _, where in _facts(state, "at")}
    for _, a, b in _facts(state, "route"):
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    found: list[str] = []
    while left := set(near) - set(found):
        part = [min(left, key=lambda stop: (len(near[stop]), stop))]
        for stop in part:
            part += sorted(near[stop] - set(part))
        found += part
    return found


def _logistics(state: State) -> str:
    """Locations side by side, in each its vehicles and packages; loaded ones in their vehicle."""
    stops = _in_line(state)
    step = WIDTH / len(stops)
    vehicles = {vehicle for vehicle, _, _ in _facts(state, "route")}
    loads: dict[str, list[str]] = {}
    for package, vehicle in _facts(state, "in"):
        loads.setdefault(vehicle, []).append(package)
    parts = []
    for column, stop in enumerate(stops):
        x = (column + 0.5) * step
        parts.append(
            f'<rect x="{x - step / 2 + 3:.0f}" y="10" width="{step - 6:.0f}" '
            f'height="{HEIGHT - 44}" rx="8" fill="none" stroke="currentColor" stroke-opacity=".5"/>'
        )
        parts.append(_text(x, HEIGHT - 12, stop))
        there = [what for what, where in _facts(state, "at") if where == stop]
        y = 16.0
        for what in sorted(there, key=lambda what: what not in vehicles):
            parts.append(_thing(x, y, what, loads.get(what, []), vehicle=what in vehicles))
            y += 46 if what in vehicles else 26
    return "".join(parts)


def _thing(x: float, y: float, name: str, loads: Sequence[str], *, vehicle: bool) -> str:
    """A vehicle with what it holds, or a package."""
    if not vehicle:
        return _package(x, y, name)
    box = (
        f'<rect x="{x - 36:.0f}" y="{y:.0f}" width="72" height="42" rx="6" fill="#0072B233" '
        'stroke="#0072B2" stroke-width="2"/>'
    )
    middle = (len(loads) - 1) / 2
    inside = "".join(
        _package(x + 33 * (column - middle), y + 17, load) for column, load in enumerate(loads)
    )
    return f"{box}{_text(x, y + 14, name, 12)}{inside}"


def _package(x: float, y: float, name: str) -> str:
    return (
        f'<rect x="{x - 15:.1f}" y="{y:.0f}" width="30" height="22" rx="3" fill="#E69F00"/>'
        f'<text x="{x:.0f}" y="{y + 16:.0f}" font-size="13" text-anchor="middle" '
        f'fill="#111">{html.escape(name)}</text>'
    )


PICTURES: Mapping[str, Callable[[State], str]] = {
    "hanoi": _hanoi,
    "peg": _pegs,
    "logistics": _logistics,
}
"""Name of a domain -> the inside of the SVG of one of its states."""
OWN = {"hanoi": "hanoi-4", "peg": "peg-4", "logistics": "logistics-1"}
"""Name of a domain -> a problem that comes with planrl: others may call another domain the same."""


class PlanPictures:
    """A plan of a problem as pictures: its start and the state after each action.

    Without a plan, a shortest one. Raises InputError for a domain without pictures, names that say
    no place, a problem without a plan, and with the first action of a plan that can't be done.
    """

    def __init__(self, problem: Problem, plan: Sequence[Action] | None = None) -> None:
        if problem.domain not in PICTURES:
            raise InputError(
                f"there are no pictures of the domain {problem.domain}; there are of "
                f"{', '.join(PICTURES)}"
            )
        if problem.operators != example(OWN[problem.domain]).operators:
            raise InputError(
                f"the pictures are of planrl's own domain {problem.domain}, whose actions are not "
                f"those of {problem.name}"
            )
        PICTURES[problem.domain](problem.init)  # what cannot be drawn is told here
        found = problem.solve() if plan is None else plan
        if found is None:
            raise InputError(f"{problem.name} has no plan to be shown")
        self.problem, self.plan = problem, list(found)
        self.states: list[State] = [problem.init]
        for number, action in enumerate(self.plan, 1):
            needs, after = problem.step(self.states[-1], action)
            if unmet := needs.unmet(self.states[-1]):
                raise InputError(f"step {number}, {action}, needs {', '.join(map(str, unmet))}")
            self.states.append(after)

    def _repr_html_(self) -> str:
        name = f"plan-{hash_of(f'{self.problem.name} {self.plan}')}"
        steps = []
        for number, state in enumerate(self.states):
            said = f"after {self.plan[number - 1]}" if number else "the start"
            steps.append(
                f'<input type="radio" name="{name}" id="{name}-{number}" '
                f'aria-label="Step {number}, {html.escape(said)}"{"" if number else " checked"}>'
                f'<label for="{name}-{number}">{number}</label>'
                f'<div class="planrl-step">{self._picture(state, said)}'
                f"<p><strong>Step {number} of {len(self.plan)}:</strong> {html.escape(said)}</p>"
                "</div>"
            )
        legend = f"A plan for {html.escape(self.problem.name)}, step by step"
        return (
            f'{style("flow")}<fieldset class="planrl-flow planrl-plan"><legend>{legend}</legend>'
            f"{''.join(steps)}</fieldset>"
        )

    def _picture(self, state: State, said: str) -> str:
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" style="width:100%;max-width:34em" '
            f'aria-label="{html.escape(self.problem.name)}, {html.escape(said)}">'
            f"{PICTURES[self.problem.domain](state)}</svg>"
        )

    def __repr__(self) -> str:
        return f"{self.problem.name}: {' '.join(map(str, self.plan))}"
