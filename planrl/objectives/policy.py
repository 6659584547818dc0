"""Policy objectives: REINFORCE, RLOO, GRPO and its family, as data.

An `Objective` is a loss that says what it is made of. With A the advantage of a path, rho = q / mu
the importance ratio (see `clipping`), and E_m the entropy at a step,

    loss = length-normalised sum over steps m of
               - min( rho_m A, clip(rho_m) A ) + KL penalty_m - entropy bonus_m

The functions below are these losses under the names that people use, with plain options, for
`planrl train --loss planrl.objectives:grpo --option kl=0.1` and for `Algorithm("pg", loss=...)`.
Their batches need groups: on_policy(group=G), or the stream
`planrl.experiments.streams:grouped_rollouts`. END after the target is written, not drawn: there the
ratio is 1, and KL and entropy terms leave it out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any

import torch

from planrl.errors import InputError, number, whole
from planrl.losses import Made, Rule, checked, chosen_log_probs, differentiable, drawn_steps
from planrl.objectives import advantages, clipping
from planrl.objectives.advantages import Advantage, Group, same_pair
from planrl.objectives.clipping import Length, Level
from planrl.objectives.penalties import ESTIMATORS, PLACEMENTS, Entropy, Kl, Terms, check_name
from planrl.tasks import Batch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

UNCLIPPED = (math.inf, math.inf)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A policy objective as data; called with logits and a batch, it is a loss.

    With `filtered`, groups whose returns are all equal are left out, and not counted where the loss
    takes a mean: DAPO's dynamic sampling, without drawing others in their place.
    """

    advantage: Advantage = advantages.own_return
    level: Level = clipping.of_token
    clip: tuple[float, float] = UNCLIPPED
    length: Length = clipping.summed
    filtered: bool = False
    kl: Kl | None = None
    entropy: Entropy | None = None

    def __post_init__(self) -> None:
        low, high = self.clip
        if not (low >= 0 and high >= 0):
            raise InputError(f"clip is (low, high), both at least 0, not {self.clip}")
        per_step = any(one and one.placement == "token" for one in (self.kl, self.entropy))
        if per_step and self.level is not clipping.of_token:
            raise InputError(
                'a penalty in the reward of a token needs ratios of tokens: take placement="path"'
            )
        per_path = any(one and one.placement == "path" for one in (self.kl, self.entropy))
        if per_path and getattr(self.advantage, "func", self.advantage) in advantages.OF_EARNED:
            raise InputError(
                "this advantage reads verdicts, so a penalty in the return of a path does nothing: "
                'take placement="token" or "loss"'
            )

    def __call__(self, logits: Float[Tensor, "B T V"], batch: Batch) -> Float[Tensor, ""]:
        """The loss of a batch, to be made smaller."""
        logits = differentiable(logits, batch)
        logp, drawn = chosen_log_probs(logits, batch), drawn_steps(batch)
        rho = self.level(clipping.log_ratio(logits, logp, batch), batch.chosen)
        terms = self._terms(logits, logp, batch, rho)
        log_prob = torch.where(drawn, logp.detach(), 0.0).sum(1)
        earned = batch.reward.sum(1)
        group = Group(earned + terms.path, same_pair(batch), earned, log_prob)
        advantage = self.advantage(group)[:, None] + terms.token
        mask = batch.chosen & group.differs[:, None] if self.filtered else batch.chosen
        return self.length(terms.loss - clipping.surrogate(rho, advantage, self.clip), mask)

    def _terms(self, logits: Tensor, logp: Tensor, batch: Batch, rho: Tensor) -> Terms:
        """The KL penalty and the entropy bonus."""
        terms, drawn = Terms(), drawn_steps(batch)
        if self.kl is not None:
            if batch.frozen is None:
                raise InputError(f"{self.kl} needs the frozen base: use TrainConfig(refresh=0)")
            base = chosen_log_probs(batch.frozen, batch)
            terms += self.kl.terms(logp - base, drawn, rho)
        if self.entropy is not None:
            terms += self.entropy.terms(logits, logp, drawn)
        return terms


CLIP, CLIP_HIGHER, CLIP_SEQUENCE = (0.2, 0.2), (0.2, 0.28), (3e-4, 4e-4)
REINFORCE = Objective()
RLOO = Objective(advantage=advantages.leave_one_out)
GRPO = Objective(advantage=advantages.standardised, clip=CLIP, length=clipping.per_path)
DR_GRPO = Objective(advantage=advantages.centred, clip=CLIP)
DAPO = Objective(
    advantage=advantages.standardised,
    clip=CLIP_HIGHER,
    length=clipping.per_token,
    filtered=True,
)
GSPO = replace(GRPO, level=clipping.of_sequence, clip=CLIP_SEQUENCE)
PPO = Objective(advantage=advantages.minus_batch_mean, clip=CLIP, length=clipping.per_token)
RFT = Objective(advantage=advantages.share_of_successes)
IPS = Objective(advantage=advantages.inverse_probability)

RULES: dict[str, Rule] = {
    "kl": partial(number, least=0.0),
    "kl_estimator": partial(check_name, table=ESTIMATORS),
    "kl_placement": partial(check_name, table=PLACEMENTS),
    "entropy": partial(number, least=0.0),
    "entropy_placement": partial(check_name, table=PLACEMENTS),
}
"""Options of `regularised` -> their rules, see `planrl.losses.checked`."""


def regularised(
    objective: Objective,
    *,
    kl: float = 0.0,
    kl_estimator: str = "k3",
    kl_placement: str = "loss",
    kl_corrected: bool = False,
    entropy: float = 0.0,
    entropy_placement: str = "loss",
) -> Objective:
    """The objective with a KL penalty and an entropy bonus of these weights; none at 0.

    These options go with each function below. TRL calls them beta, (k3), (GRPO: loss, RLOO: path),
    use_bias_correction_kl (True by default in version 1.16) and entropy_coef; verl
    kl_loss_coef, kl_loss_type, use_kl_loss or use_kl_in_reward, (none) and entropy_coeff.
    """
    penalty = Kl(weight=kl, estimator=kl_estimator, placement=kl_placement, corrected=kl_corrected)
    bonus = Entropy(weight=entropy, placement=entropy_placement)
    return replace(objective, kl=penalty if kl else None, entropy=bonus if entropy else None)


def regularisable(loss: Made) -> Made:
    """Have a loss with `**more` name the options of `regularised`, with their rules."""
    kinds = (Parameter.KEYWORD_ONLY,)
    shared = [p for p in signature(regularised).parameters.values() if p.kind in kinds]
    own = [p for p in signature(loss).parameters.values() if p.kind != Parameter.VAR_KEYWORD]
    loss.__signature__ = Signature([*own, *shared])  # type: ignore[attr-defined]
    return checked(**RULES)(loss)


@regularisable
@checked(baseline=number)
def reinforce(logits: Tensor, batch: Batch, *, baseline: float = 0.0, **more: Any) -> Tensor:
    """The return times log q, summed over steps; `baseline` is a share of the batch's mean return.

    verl: adv_estimator=reinforce_plus_plus_baseline comes near. With kl_estimator="k2" its KL term
    is that of `planrl.losses.policy_gradient`.
    """
    advantage = partial(advantages.minus_batch_mean, share=baseline)
    objective = replace(REINFORCE, advantage=advantage) if baseline else REINFORCE
    return regularised(objective, **more)(logits, batch)


@regularisable
def rloo(logits: Tensor, batch: Batch, **more: Any) -> Tensor:
    """REINFORCE with the mean return of the others of the group as baseline.

    On-policy it has the gradient of TRL's RLOOTrainer, which weighs later epochs by whole paths.
    Its KL term is kl_estimator="k1", kl_placement="path". verl: adv_estimator=rloo.
    """
    return regularised(RLOO, **more)(logits, batch)


@regularisable
def grpo(
    logits: Tensor,
    batch: Batch,
    *,
    clip_ratio_low: float = 0.2,
    clip_ratio_high: float = 0.2,
    **more: Any,
) -> Tensor:
    """GRPO: standardised advantages, clipped ratios of tokens, a mean over the steps of each path.

    TRL: loss_type="grpo", scale_rewards="group", epsilon, epsilon_high. verl: adv_estimator=grpo,
    loss_agg_mode="seq-mean-token-mean", clip_ratio_low, clip_ratio_high. On-policy its value is 0
    but for the KL term: only its gradient says something. Source: arXiv 2402.03300.
    """
    clipped = replace(GRPO, clip=(clip_ratio_low, clip_ratio_high))
    return regularised(clipped, **more)(logits, batch)


@regularisable
@checked(max_length=partial(number, least=1e-9))
def dr_grpo(
    logits: Tensor,
    batch: Batch,
    *,
    clip_ratio_low: float = 0.2,
    clip_ratio_high: float = 0.2,
    max_length: float = 1.0,
    **more: Any,
) -> Tensor:
    """Dr. GRPO: centred advantages, not divided by a deviation nor by the length of a path.

    It is (G - 1) / G times RLOO. TRL: loss_type="dr_grpo", scale_rewards="none", with max_length
    its max_completion_length. verl: norm_adv_by_std_in_grpo=False,
    loss_agg_mode="seq-mean-token-sum-norm". Source: arXiv 2503.20783.
    """
    clipped = replace(
        DR_GRPO,
        clip=(clip_ratio_low, clip_ratio_high),
        length=partial(clipping.summed, length=max_length),
    )
    return regularised(clipped, **more)(logits, batch)


@regularisable
def dapo(
    logits: Tensor,
    batch: Batch,
    *,
    clip_ratio_low: float = 0.2,
    clip_ratio_high: float = 0.28,
    filtered: bool = True,
    **more: Any,
) -> Tensor:
    """DAPO: GRPO with clip-higher, a mean over all tokens, and without groups of equal returns.

    TRL: loss_type="dapo" (its default; it leaves no group out: filtered=False), epsilon_high=0.28.
    verl: loss_agg_mode="token-mean", clip_ratio_high=0.28, filter_groups. Source: arXiv 2503.14476.
    """
    clipped = replace(DAPO, clip=(clip_ratio_low, clip_ratio_high), filtered=filtered)
    return regularised(clipped, **more)(logits, batch)


@regularisable
def gspo(
    logits: Tensor,
    batch: Batch,
    *,
    clip_ratio_low: float = 3e-4,
    clip_ratio_high: float = 4e-4,
    **more: Any,
) -> Tensor:
    """GSPO: GRPO with one ratio for each path, the geometric mean of the ratios of its tokens.

    TRL: importance_sampling_level="sequence", loss_type="grpo". verl: adv_estimator=grpo with
    policy_loss.loss_mode="gspo". Source: arXiv 2507.18071.
    """
    clipped = replace(GSPO, clip=(clip_ratio_low, clip_ratio_high))
    return regularised(clipped, **more)(logits, batch)


@regularisable
def ppo(
    logits: Tensor,
    batch: Batch,
    *,
    clip_ratio_low: float = 0.2,
    clip_ratio_high: float = 0.2,
    **more: Any,
) -> Tensor:
    """PPO-clip with the batch's mean return as its critic, which is one number.

    Use it with inner epochs: `grouped_rollouts` with epochs=4, which records the probabilities that
    paths were drawn with. verl: adv_estimator=gae, whose critic is learnt, with ppo_epochs; TRL has
    no option for it in its GRPO and RLOO trainers. Source: arXiv 1707.06347.
    """
    clipped = replace(PPO, clip=(clip_ratio_low, clip_ratio_high))
    return regularised(clipped, **more)(logits, batch)


@regularisable
@checked(k=partial(whole, least=1))
def pass_at_k(logits: Tensor, batch: Batch, *, k: int = 8, **more: Any) -> Tensor:
    """Policy gradient of the probability that one of k paths is correct; groups of k or more.

    verl: adv_estimator=grpo_passk, where k is rollout.n, up to a constant. TRL has no option for
    it. Source: arXiv 2505.15201.
    """
    advantage = partial(advantages.pass_at_k, k=k)
    return regularised(Objective(advantage=advantage), **more)(logits, batch)


@regularisable
def rft(logits: Tensor, batch: Batch, **more: Any) -> Tensor:
    """Rejection fine-tuning on fresh samples: log q of correct paths, each group counts the same.

    Its rounds are the stream `planrl.experiments.streams:expert_rounds` with the loss `sft`.
    """
    return regularised(RFT, **more)(logits, batch)


@regularisable
@checked(most=partial(number, least=1.0))
def ips(logits: Tensor, batch: Batch, *, most: float = 1e4, **more: Any) -> Tensor:
    """REINFORCE with the return over the probability of the path, at most `most` times it.

    Its fixed point is uniform over correct paths. Source: arXiv 2601.21669.
    """
    advantage = partial(advantages.inverse_probability, most=most)
    return regularised(replace(IPS, advantage=advantage), **more)(logits, batch)


@regularisable
@checked(uniformity=partial(number, least=0.0))
def ucpo(logits: Tensor, batch: Batch, *, uniformity: float = 1.0, **more: Any) -> Tensor:
    """RLOO with a pull towards the uniform distribution over correct paths.

    The idea is UCPO's, arXiv 2605.00365; the form is ours, see `advantages.uniform_correct`.
    """
    advantage = partial(advantages.uniform_correct, weight=uniformity)
    return regularised(Objective(advantage=advantage), **more)(logits, batch)
