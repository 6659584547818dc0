"""How logits become the next token, and how likely the tokens of a path were."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from planrl.checked import check_fields, whole
from planrl.errors import InputError
from planrl.models import PathModel
from planrl.tasks import PROMPT

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

COLDEST = 1e-6  # the lowest temperature: below it, a difference of logits may overflow
MOST_TOKENS = 10_000  # of a path


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """How logits become the next token.

    With probability `epsilon` a token drawn uniformly from all, otherwise one drawn from
    softmax(logits / temperature), or the best one if `greedy`. Walks end after `max_tokens` tokens.
    Without `may_stop` the walker cannot give up: END is never drawn before the target.

    `stop_at_target` ends a path when it arrives: END is written for it. With False the model goes
    on until it says END itself, so a path that runs past its target is wrong unless it comes back.
    """

    temperature: float = 1.0
    epsilon: float = 0.0
    greedy: bool = False
    max_tokens: int = 20
    may_stop: bool = True
    stop_at_target: bool = True

    def __post_init__(self) -> None:
        check_fields(self)
        if not (self.may_stop or self.stop_at_target):
            raise InputError(
                "may_stop=False never draws END, and stop_at_target=False ends no path without it: "
                "leave one of them out"
            )
        if not COLDEST <= self.temperature < math.inf:
            raise InputError(
                f"temperature={self.temperature} cannot be sampled from: take a positive number, "
                f"at least {COLDEST:g}, or Sampler(greedy=True) for the most likely token"
            )
        if not 0.0 <= self.epsilon <= 1.0:
            raise InputError(f"epsilon is a probability, between 0 and 1; {self.epsilon} was given")
        if self.max_tokens <= PROMPT:
            raise InputError(
                f"max_tokens={self.max_tokens} leaves no room to walk: the prompt alone is {PROMPT}"
            )
        whole(self.max_tokens, "max_tokens", most=MOST_TOKENS)
        if self.greedy and self.temperature != 1.0:
            raise InputError(
                f"temperature={self.temperature} says nothing beside greedy=True, which takes the "
                "most likely token at any temperature: leave one of them out"
            )

    def ends(self, tokens: Tensor, target: Tensor, end: int) -> Tensor:
        """Which of these next tokens end their path."""
        return (tokens == target) | (tokens == end) if self.stop_at_target else tokens == end

    def law(self, logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        """The probabilities with which the next token is drawn."""
        if not self.may_stop:  # END is the last token
            law = replace(self, may_stop=True).law(logits[:, :-1])
            return torch.cat([law, torch.zeros_like(law[:, :1])], 1)
        if self.greedy:
            best = logits.max(-1, keepdim=True)
            refuse_undrawable(best.values)
            law = torch.zeros_like(logits).scatter_(-1, best.indices, 1.0)
        else:
            law = (logits if self.temperature == 1.0 else logits / self.temperature).softmax(-1)
        return law * (1 - self.epsilon) + self.epsilon / logits.shape[-1] if self.epsilon else law

    def cumulative(self, logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        """The cumulative law, up to 1."""
        cumulative = self.law(logits).cumsum(-1)
        return cumulative / cumulative[:, -1:]

    def draw(
        self,
        logits: Float[Tensor, "B V"],
        rng: torch.Generator,
        going: Bool[Tensor, " B"] | None = None,
    ) -> Int[Tensor, " B"]:
        """One token a row, by inverting the cumulative law at one uniform number a row.

        Of rows that are not `going` any token will do: their logits may forbid all of them.
        """
        if self.greedy and not self.epsilon:
            best = (logits if self.may_stop else logits[:, :-1]).max(-1)
            refuse_undrawable(best.values, going)
            return best.indices
        uniform = torch.rand(len(logits), 1, generator=rng)
        cumulative = self.cumulative(logits)
        refuse_undrawable(cumulative[:, -1], going)
        drawn = torch.searchsorted(cumulative, uniform, right=True).squeeze(1)
        return drawn.clamp_(max=logits.shape[-1] - 1)


def refuse_undrawable(values: Tensor, going: Tensor | None = None) -> None:
    """Raise InputError if a row's largest logit, or total probability, is none to draw by."""
    undrawable = values.isnan() | (values == -math.inf)
    if (undrawable if going is None else undrawable & going).any():
        raise InputError(
            "the model's logits are not finite, and no token can be drawn by them. If they forbid "
            "every next token (all are -inf), allow one: END, if the sampler may stop. If they are "
            "nan, the training has diverged: go back to a saved state, or take a smaller lr"
        )


@torch.no_grad()
def log_probs(
    policy: PathModel, tokens: Int[Tensor, "B L"], sampler: Sampler | None = None
) -> Float[Tensor, "B T"]:
    """The log-probability with which `rollout` draws each token of these rows from the policy.

    0 where nothing is drawn: in the prompt, after the path, and, with `stop_at_target`, at END
    behind the target, which is written. So a row's sum is the log-probability of its path.
    """
    here, following = tokens[:, :-1], tokens[:, 1:]
    sampler = sampler or Sampler()
    drawn = policy.vocab.chosen(tokens)
    if sampler.stop_at_target:
        drawn = drawn & (here != tokens[:, 1:2])
    logits = policy(here)
    law = sampler.law(logits[drawn].double())  # rows of one step each
    found = law.gather(1, following[drawn][:, None]).squeeze(1).log().to(logits.dtype)
    return logits.new_zeros(drawn.shape).masked_scatter_(drawn, found)
