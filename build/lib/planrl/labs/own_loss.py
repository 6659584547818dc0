"""A reader's own loss in a lab: a function or its dotted path, for one learner or for several."""

from __future__ import annotations

from collections.abc import Mapping

from planrl.errors import InputError, shown
from planrl.experiments.named import function
from planrl.labs.engine.update import options_of
from planrl.labs.spec.lab import Lab
from planrl.losses import Loss

OwnLoss = Loss | str | Mapping[str, Loss | str] | None
"""A loss, or "module:function"; in a lab with several learners {learner's name: one of these}."""


def own_losses(lab: Lab, loss: OwnLoss) -> dict[str, Loss]:
    """The reader's losses by the name of the learner that they train.

    Raises InputError for a learner that does not exist, a path that names nothing, and anything
    that cannot be called as a loss.
    """
    names = {learner.name: learner.trained for learner in lab.learners}
    if loss is None:
        return {}
    if not isinstance(loss, Mapping):
        if len(names) > 1:
            raise InputError(
                f"{lab.name} has several learners: say which one your loss trains, as in "
                f"loss={{{next(iter(names))!r}: ...}}; there are: {', '.join(names)}"
            )
        loss = dict.fromkeys(names, loss)
    own = {}
    for name, one in loss.items():
        if name not in names:
            raise InputError(f"no learner is called {shown(name)}; there are: {', '.join(names)}")
        own[name] = function(one) if isinstance(one, str) else one
        options_of(own[name], names[name])
    return own


def name_of(loss: OwnLoss) -> str:
    """How a reader's loss is written in code, after `loss=`; "" if there is none."""
    if isinstance(loss, Mapping):
        return "{" + ", ".join(f"{name!r}: {name_of(one)}" for name, one in loss.items()) + "}"
    if loss is None or isinstance(loss, str):
        return repr(loss) if loss else ""
    return str(getattr(loss, "__name__", type(loss).__name__))


def about(lab: Lab, own: Mapping[str, Loss]) -> str:
    """In words, which losses of the reader's are trained, and which controls have no effect."""
    return " ".join(_about(lab, name, loss) for name, loss in own.items())


def _about(lab: Lab, name: str, loss: Loss) -> str:
    learner = next(learner for learner in lab.learners if learner.name == name)
    unused = learner.trained.loss_options.keys() - options_of(loss, learner.trained)
    idle = [control.label for control in lab.controls if control.name in unused]
    who = f"{name} is trained" if len(lab.learners) > 1 else "Trained"
    more = f" It does not use: {', '.join(idle)}." if idle else ""
    return f"{who} here with a loss of yours, {name_of(loss)}.{more}"
