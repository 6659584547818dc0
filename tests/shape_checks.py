"""planrl's shape annotations, checked while tests run: a wrong shape in a call is an error.

planrl imports its annotations for type checkers only. Here every function of the modules that are
named is wrapped by jaxtyping. A check costs as much as the small call that it is about, and a
training calls the same function with the same shapes a thousand times: so of the calls of a
function in one test, the first FIRST are checked and then one in EVERY.
"""

import builtins
import functools
import inspect

import jaxtyping
import torch

FIRST, EVERY = 8, 16
_checked = jaxtyping.jaxtyped
_calls = {}  # of each function, in this test


def begin():
    """A new test: the first calls of each function are checked again."""
    _calls.clear()


def _now_and_then(always, plain):
    """`always` for the calls of a test that are checked, and `plain` for the others."""

    @functools.wraps(plain)
    def call(*args, **kwargs):
        count = _calls[call] = _calls.get(call, 0) + 1
        if count <= FIRST or count % EVERY == 0:
            return always(*args, **kwargs)
        return plain(*args, **kwargs)

    return call


def _jaxtyped(*, typechecker):
    """What jaxtyping's import hook puts before each function and class."""

    def decorate(thing):
        begun = thing.__init__ if inspect.isclass(thing) else None
        checked = _checked(thing, typechecker=typechecker)
        if begun and checked.__init__ is not begun:  # a dataclass: its fields are checked
            checked.__init__ = _now_and_then(checked.__init__, begun)
        return _now_and_then(checked, thing) if inspect.isfunction(thing) else checked

    return decorate


def install(modules):
    """Check these modules of planrl, none of which may have been imported yet."""
    for name in ("Bool", "Float", "Int"):
        setattr(builtins, name, getattr(jaxtyping, name))
    builtins.Tensor = torch.Tensor
    jaxtyping.jaxtyped = _jaxtyped
    jaxtyping.install_import_hook([f"planrl.{name}" for name in modules], "beartype.beartype")
