"""What an exercise says to the reader, and how their function is tried."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what it says to the reader."""

    right: bool
    text: str

    def __repr__(self) -> str:
        return ("Right. " if self.right else "Not yet. ") + self.text

    def _repr_html_(self) -> str:
        kind = "planrl-right" if self.right else "planrl-wrong"
        return f'<p class="planrl-verdict {kind}">{html.escape(repr(self))}</p>'


def ask(function: Callable[..., Any], *given: Any) -> tuple[Any, Verdict | None]:
    """What the reader's function returns, or the verdict on why it returns nothing of use."""
    try:
        answer = function(*given)
    except Exception as error:  # the reader's code may raise anything; it is told what
        return None, Verdict(False, f"Your function raised {type(error).__name__}: {error}")
    if answer is None or answer is Ellipsis:
        return None, Verdict(False, "Your function returned nothing yet: write its body.")
    return answer, None


def tensor_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, what it returns as a tensor of floats, if it returns anything."""

    def converted(*given: Any) -> Any:
        answer = function(*given)
        if answer is None or answer is Ellipsis:
            return answer
        return torch.as_tensor(answer).detach().float()

    return converted
