"""Where a batch's paths came from, so that a loss can tell whether they are the policy's own.

A batch is on-policy if the model that is trained drew its paths itself, with the parameters it has
now, from softmax(logits). Streams write down what they know of that, `train` adds whom it trains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


def parameter_state(model: Any) -> tuple[tuple[int, int], ...]:
    """A mark of a model's parameters that changes whenever torch changes them in place.

    Fused optimizers are the exception: after their step `train` tells torch of the change.
    """
    return tuple((p.data_ptr(), 0 if p.is_inference() else p._version) for p in model.parameters())


@dataclass(frozen=True)
class Source:
    """Who drew the paths of a batch, and how.

    `policy` is the model that drew them (None: they were demonstrated) and `parameters` the
    `parameter_state` it had. `sampling` names the options by which the sampler departs from
    softmax(logits); `covers` is False if it leaves out tokens that have a probability; `may_stop`
    and `stop_at_target` are the sampler's own. `learner` is the model that is being trained, where
    `train` has said so.
    """

    policy: Any
    parameters: tuple[tuple[int, int], ...] = ()
    sampling: str = ""
    covers: bool = True
    may_stop: bool = True
    stop_at_target: bool = True
    learner: Any = None

    def off_policy(self, stops: bool) -> str:
        """Why these paths are not the policy's own; "" if nothing says so.

        `stops` says whether the policy that is trained may end a path before its target.
        """
        if self.policy is None:
            return "its rows are demonstrations, the model did not draw them"
        forced = "may_stop=False" if stops and not self.may_stop else ""
        if self.sampling or forced:
            sampler = ", ".join(filter(None, (self.sampling, forced)))
            return f"its paths were drawn with Sampler({sampler})"
        if self.learner is not None and self.learner is not self.policy:
            return "its paths were drawn from another model than the one that is trained"
        if self.parameters != parameter_state(self.policy):
            return "its paths were drawn before the model's parameters were last changed"
        return ""

    def leaves_out(self, stops: bool) -> str:
        """Which of the policy's paths can't be among these, so that no weights help; "" if none."""
        if self.policy is None:
            return "all but the demonstrated ones"
        if not self.covers:
            return "all but the most likely ones (greedy=True)"
        return "those that end before the target (may_stop=False)" * (stops and not self.may_stop)
