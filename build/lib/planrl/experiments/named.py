"""Functions named by dotted path, `module:function`, and their options.

A record of settings that names a function by its path can be saved as plain text, and a reader's
own function enters an experiment under the same kind of name as the library's. The options of a
function are its keyword arguments after the arguments that everybody gives; their defaults are
those of its signature.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import Parameter, signature
from math import isnan
from typing import Any

from planrl.errors import InputError, number, shown, whole

PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
MOVED = {"planrl.losses:group_relative": "planrl.objectives:dr_grpo"}
"""Paths that saved settings may name -> where the function is now."""
DROPPED = {"planrl.losses:group_relative": {"correction": None}}
"""Moved function -> options that it has no more, with the value that did nothing."""
ANYTHING = Parameter.empty
"""The default of an option that has none."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """What the help of the command line says of an option, and the range of its value."""

    help: str
    least: float | None = None
    most: float | None = None


def today(path: str) -> str:
    """The path itself, or where its function is now."""
    return MOVED.get(path, path)


def options_today(path: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, but for those that a moved function has no more and that did nothing."""
    idle = DROPPED.get(path, {})
    return {k: v for k, v in options.items() if k not in idle or v != idle[k]}


def function(path: str) -> Callable[..., Any]:
    """The function that a dotted path names. Its module is imported, so its code runs.

    Give it only paths that the user of this process or the package itself wrote. Raises InputError
    if the path is none, or if nothing can be called there.
    """
    if not isinstance(path, str) or not PATH.fullmatch(path):
        raise InputError(f"{shown(path)} names no function: write my_module:my_function")
    module, name = today(path).split(":")
    try:
        found = getattr(import_module(module), name, None)
    except Exception as error:  # the module is somebody's own code
        raise InputError(
            f"{module} cannot be imported ({type(error).__name__}: {error}): is it in the folder "
            "where Python looks for modules?"
        ) from error
    if not callable(found):
        raise InputError(f"{module} has no function {name}: is it spelt so in the module?")
    called: Callable[..., Any] = found
    return called


def keywords(called: Callable[..., Any], after: int) -> dict[str, Any]:
    """The options of a function, name -> default: its arguments but for the first `after`."""
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    arguments = list(signature(called).parameters.values())[after:]
    return {one.name: one.default for one in arguments if one.kind in kinds}


def check_value(name: str, value: Any, default: Any, option: Option | None = None) -> Any:
    """The value, as the type of its default wants it. Raises InputError if it is of another type.

    A tuple of two is a range (low, high) with low < high; a list counts as a tuple. An option with
    the default None, or without one, is checked by the function that it is given to.
    """
    least, most = (option.least, option.most) if option else (None, None)
    if isinstance(default, tuple):
        given = tuple(value) if isinstance(value, tuple | list) else (value,)
        if len(given) != len(default) or not all(_is_number(one) for one in given):
            raise InputError(f"{name}={shown(value)} was given: expected {len(default)} numbers")
        if len(given) == 2 and not given[0] < given[1]:
            raise InputError(f"{name} is (low, high) with low < high, not {shown(value)}")
        return given
    if isinstance(default, bool) and not isinstance(value, bool):
        raise InputError(f"{name}={shown(value)} was given: expected True or False")
    if isinstance(default, str) and not isinstance(value, str):
        raise InputError(f"{name}={shown(value)} was given: expected text")
    if isinstance(default, float):
        number(value, name, least=least, most=most)
    elif isinstance(default, int) and not isinstance(default, bool):
        whole(
            value,
            name,
            least=None if least is None else int(least),
            most=None if most is None else int(most),
        )
    return value


def as_options(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """A copy of a table of options. Raises InputError if it is no table, or a key is no name."""
    if options is None:
        return {}
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise InputError(f"options={shown(options)} was given: expected names and their values")
    return dict(options)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not isnan(value)


def with_defaults(given: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """All options with the values that hold: those given, and the defaults of the others."""
    return {
        name: given.get(name, value)
        for name, value in usual.items()
        if name in given or value is not ANYTHING
    }
