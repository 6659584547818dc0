"""What makes a stored run of a sweep the one it is: its function and that function's code, the
settings, and a recipe.

The code is hashed as Python runs it, so comments don't count. What it reaches by name counts too:
functions, classes and values of the same program, closures, defaults and arguments of a `partial`.
Libraries do not, planrl's version excepted. What can't be hashed is reported.
"""

from __future__ import annotations

import dis
import enum
import functools
import hashlib
import importlib
import importlib.util
import json
import logging
import math
import re
import sys
import types
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch

from planrl.errors import InputError

Page = dict[str, Any]

# Attributes that Python adds, and those without effect on what a class does
_ADDED = {
    "__abstractmethods__",
    "__annotate__",
    "__annotate_func__",
    "__annotations__",
    "__annotations_cache__",
    "__dataclass_fields__",
    "__dataclass_params__",
    "__dict__",
    "__doc__",
    "__firstlineno__",
    "__match_args__",
    "__module__",
    "__orig_bases__",
    "__parameters__",
    "__qualname__",
    "__slotnames__",
    "__slots__",
    "__static_attributes__",
    "__weakref__",
    "_abc_impl",
}
_DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType)
_BUILT_IN = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
    np.ufunc,
)
_PLAIN = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    types.EllipsisType,
    range,
    PurePath,
    torch.dtype,
    torch.device,
    np.generic,
    np.dtype,
    re.Pattern,
)


def pages(name: str, code: str, recipe: str, records: Sequence[Any]) -> list[Page]:
    """What makes each run the one it is, as plain values."""
    made: list[Page] = []
    positions: dict[Any, int] = {}
    for position, record in enumerate(records):
        check_record(record)
        settings = _as_json(record, "settings")
        page = {"function": name, "code": code, "recipe": recipe, "settings": settings}
        try:
            same = positions.setdefault(record, position), positions.setdefault(key(page), position)
        except TypeError as error:
            raise InputError(f"{record} has a setting that can change ({error})") from None
        if min(same) < position:
            raise InputError(
                f"settings {min(same)} and {position} are the same, {record}: leave one"
            )
        made.append(page)
    return made


def check_record(record: Any) -> None:
    """Raise InputError unless it is a frozen dataclass."""
    kind = getattr(type(record), "__dataclass_params__", None)
    if kind is None or not kind.frozen:
        raise InputError(f"settings are records of a @dataclass(frozen=True), not {record!r}")


def key(page: Page) -> str:
    """The name of a run's file in a store."""
    return hashlib.sha256(json.dumps(page, sort_keys=True).encode()).hexdigest()[:32]


def _as_json(value: Any, where: str) -> Any:
    """Settings as JSON holds them. `class` cannot be the name of a field, so nothing is hidden."""
    if is_dataclass(value) and not isinstance(value, type):
        names = [entry.name for entry in fields(value)]
        entries = {name: _as_json(getattr(value, name), f"{where}.{name}") for name in names}
        return {"class": f"{type(value).__module__}.{type(value).__qualname__}", **entries}
    if isinstance(value, tuple):
        return [_as_json(item, f"{where}[{at}]") for at, item in enumerate(value)]
    finite = not isinstance(value, float) or math.isfinite(value)
    if value is None or (isinstance(value, str | int | float) and finite):
        return value
    raise InputError(
        f"{where} is {value!r}: settings hold text, finite numbers, True, False, None, tuples of "
        "these and frozen dataclasses of these"
    )


def fingerprint(*reached: Any) -> tuple[str, tuple[str, ...]]:
    """A hash of what functions and classes do, and a list of what of it could not be hashed."""
    seen = _Seen(str(getattr(reached[0], "__module__", "")).partition(".")[0])
    for one in reached:
        where = getattr(one, "__qualname__", type(one).__name__)
        try:
            seen.add(one, where)
        except RecursionError:
            seen.unknown.append(f"{where} (nested too deeply)")
    return seen.digest.hexdigest()[:32], tuple(seen.unknown)


class _Seen:
    """A hash in the making, of a program whose functions are in the package `own` or in scripts."""

    def __init__(self, own: str) -> None:
        self.own = own
        self.digest = hashlib.sha256()
        self.positions: dict[int, int] = {}
        self.alive: list[Any] = []  # so that no memory address is used twice
        self.unknown: list[str] = []

    def note(self, *words: object) -> None:
        self.digest.update(repr(words).encode("utf-8", "surrogatepass"))

    def add(self, value: Any, where: str) -> None:
        """Take in a value, called so in a message."""
        if isinstance(value, _PLAIN):
            self.note(type(value).__name__, repr(value))
            return
        if not isinstance(value, tuple | frozenset):  # which of these are one object is chance
            if id(value) in self.positions:
                self.note("again", self.positions[id(value)])
                return
            self.positions[id(value)] = len(self.positions)
            self.alive.append(value)
        if isinstance(value, types.FunctionType):
            self._function(value, where)
        elif isinstance(value, type):
            self._class(value, where)
        elif isinstance(value, types.ModuleType):
            self.note("module", value.__name__)
            self._version(value.__name__)
        elif isinstance(value, _BUILT_IN):
            self.note("built in", getattr(value, "__qualname__", value.__name__))
        elif isinstance(value, np.ndarray) and value.dtype != object:
            self.note("array", value.dtype.str, value.shape)
            self.digest.update(value.tobytes())
        elif isinstance(value, torch.Tensor) and value.device.type != "meta":
            self.note("tensor", value.dtype, tuple(value.shape))
            flat = value.detach().cpu().contiguous().flatten()
            self.digest.update(flat.view(torch.uint8).numpy().tobytes())
        elif not self._parts(value, where):
            self.note("unknown", type(value).__qualname__)
            self.unknown.append(f"{where} ({type(value).__qualname__})")

    def _parts(self, value: Any, where: str) -> bool:
        """Take in a value by its parts; False if it has none that are known."""
        kind = type(value)
        parts: Any = None
        if isinstance(value, list | tuple | dict):
            parts = list(value.items()) if isinstance(value, dict) else list(value)
        elif isinstance(value, set | frozenset):
            parts = sorted(self._apart(item, where) for item in value)
        elif isinstance(value, functools.partial):
            parts = [value.func, value.args, value.keywords]
        elif isinstance(value, types.MethodType):
            parts = [value.__func__, value.__self__]
        elif isinstance(value, staticmethod | classmethod):
            parts = [value.__func__]
        elif isinstance(value, property):
            parts = [value.fget, value.fset, value.fdel]
        elif isinstance(value, functools.cached_property):
            parts = [value.func]
        elif isinstance(value, enum.Enum):
            parts = [kind.__qualname__, value.name, value.value]
        elif isinstance(value, logging.Logger):
            parts = [value.name]
        elif kind.__module__ in ("typing", "types"):
            parts = [repr(value)]
        elif hasattr(value, "__wrapped__"):  # of functools.cache, say
            parts = [value.__wrapped__]
        elif is_dataclass(value):
            parts = [kind, *((f.name, getattr(value, f.name, None)) for f in fields(value))]
        elif isinstance(value, torch.nn.Module) or (
            hasattr(value, "__dict__") and not self._is_library(kind.__module__)
        ):
            parts = [kind, vars(value)]
        if parts is None:
            return False
        self.note(kind.__name__, len(parts))
        for part in parts:
            self.add(part, where)
        return True

    def _apart(self, value: Any, where: str) -> str:
        """The hash of a value alone."""
        inner = _Seen(self.own)
        inner.add(value, where)
        self.unknown += inner.unknown
        return inner.digest.hexdigest()

    def _function(self, function: types.FunctionType, where: str) -> None:
        self.note("function", function.__module__, function.__qualname__)
        if self._is_library(function.__module__):
            self._version(function.__module__)
            return
        self._code(function.__code__)
        self.add(function.__defaults__, f"a default of {where}")
        self.add(function.__kwdefaults__, f"a default of {where}")
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            try:
                self.add(cell.cell_contents, f"{name} of {where}")
            except ValueError:  # not yet assigned
                self.note("empty")
        for name, value in self._reached(function.__code__, function.__globals__):
            self.note(name)
            self.add(value, name)

    def _code(self, code: types.CodeType) -> None:
        self.note(
            code.co_code,
            code.co_names,
            code.co_varnames,
            code.co_freevars,
            code.co_cellvars,
            code.co_argcount,
            code.co_kwonlyargcount,
            code.co_posonlyargcount,
            code.co_flags,
            code.co_exceptiontable,
        )
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._code(constant)
            else:
                self.add(constant, "a constant")

    def _reached(self, code: types.CodeType, names: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """What code reaches by name: globals, and what it takes from its program's modules."""
        last: list[Any] = [None, None]  # before an import: how many dots it has, what it takes
        found: dict[str, Any] = {}
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and step.argval in names:
                found[step.argval] = names[step.argval]
            elif step.opname == "IMPORT_NAME":
                module = self._imported(str(step.argval), last[0], names)
                if module is not None:
                    found[f"import {step.argval}"] = module
            if step.opname != "EXTENDED_ARG":
                last = [last[1], step.argval]
        todo = list(found.values())
        while todo:
            module = todo.pop()
            if isinstance(module, types.ModuleType) and not self._is_library(module.__name__):
                for name in set(code.co_names) & set(vars(module)):
                    full = f"{module.__name__}.{name}"
                    if full not in found:
                        found[full] = vars(module)[name]
                        todo.append(found[full])
        yield from sorted(found.items())
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                yield from self._reached(constant, names)

    def _imported(self, name: str, level: Any, names: dict[str, Any]) -> types.ModuleType | None:
        """The module of an import inside a function, if it is of this program."""
        try:
            dots = "." * (level if isinstance(level, int) else 0)
            full = importlib.util.resolve_name(dots + name, names.get("__package__") or "")
            if self._is_library(full):
                return None
            return importlib.import_module(full)
        except (ImportError, ValueError):
            return None

    def _class(self, kind: type, where: str) -> None:
        self.note("class", kind.__module__, kind.__qualname__)
        if self._is_library(kind.__module__):
            self._version(kind.__module__)
            return
        for base in kind.__bases__:
            self.add(base, where)
        for name, value in sorted(vars(kind).items()):
            if name not in _ADDED and not isinstance(value, _DESCRIPTORS):
                self.note(name)
                self.add(value, f"{where}.{name}")

    def _version(self, module: str) -> None:
        if module.partition(".")[0] == "planrl":
            self.note(getattr(sys.modules.get("planrl"), "__version__", ""))

    def _is_library(self, module: str) -> bool:
        """Whether a module is no part of the program: installed, Python's or planrl's own."""
        top = module.partition(".")[0]
        if top == self.own or top == "__main__":
            return False
        if top in sys.stdlib_module_names or top in ("planrl", "torch", "numpy"):
            return True
        try:
            found = sys.modules.get(top) or importlib.util.find_spec(top)
        except (ImportError, ValueError):
            return False
        file = getattr(found, "__file__", None) or getattr(found, "origin", None) or ""
        return bool({"site-packages", "dist-packages"} & set(Path(file).parts))
