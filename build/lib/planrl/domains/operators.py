"""The parts of PDDL's conditions and actions, as planrl's records.

An atom is a tuple of a predicate's name and its arguments, `("on", "a", "b")`; a state is a set of
atoms. PDDL does not distinguish case, so all names are in small letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Atom = tuple[str, ...]


def text_of(atom: Atom) -> str:
    """An atom as PDDL writes it: `(on a b)`."""
    return f"({' '.join(atom)})"


@dataclass(frozen=True)
class Conjunction:
    """Atoms that must hold, atoms that must not, pairs of names that must differ or be the same."""

    holds: frozenset[Atom] = frozenset()
    absent: frozenset[Atom] = frozenset()
    differ: frozenset[tuple[str, str]] = frozenset()
    same: frozenset[tuple[str, str]] = frozenset()

    @property
    def consistent(self) -> bool:
        """Whether its equalities hold, once names have been put in for variables."""
        return all(a != b for a, b in self.differ) and all(a == b for a, b in self.same)

    def unmet(self, state: frozenset[Atom]) -> tuple[str, ...]:
        """The parts of the condition that a state does not meet, as sorted PDDL text."""
        missing = [text_of(atom) for atom in sorted(self.holds - state)]
        extra = [f"(not {text_of(atom)})" for atom in sorted(self.absent & state)]
        equal = [f"(not (= {a} {b}))" for a, b in sorted(self.differ) if a == b]
        other = [f"(= {a} {b})" for a, b in sorted(self.same) if a != b]
        return (*missing, *extra, *equal, *other)

    def grounded(self, names: Mapping[str, str]) -> Conjunction:
        """The same with names put in for variables."""
        return Conjunction(
            put_in(self.holds, names),
            put_in(self.absent, names),
            frozenset((names.get(a, a), names.get(b, b)) for a, b in self.differ),
            frozenset((names.get(a, a), names.get(b, b)) for a, b in self.same),
        )


def put_in(atoms: Iterable[Atom], names: Mapping[str, str]) -> frozenset[Atom]:
    """Atoms with names put in for variables."""
    return frozenset((head, *(names.get(term, term) for term in rest)) for head, *rest in atoms)


@dataclass(frozen=True)
class Operator:
    """An action with variables `?x`: parameters with their types, precondition, what changes."""

    name: str
    parameters: tuple[tuple[str, frozenset[str]], ...]
    precondition: Conjunction
    adds: frozenset[Atom]
    deletes: frozenset[Atom]

    def bound(self, arguments: Sequence[str]) -> dict[str, str]:
        """The name that each variable stands for."""
        variables = (variable for variable, _ in self.parameters)
        return dict(zip(variables, arguments, strict=True))
