"""Fixed points: the expected update is 0 there, updates lead there, and the losses agree."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import planrl as pr
from planrl.objectives import (
    Objective,
    advantages,
    contexts,
    policy,
    reinforce,
    rloo,
    trajectory_balance,
)
from planrl.objectives.clock import weight
from planrl.objectives.contexts import entropy_update, kl_update, reward_update
from planrl.objectives.enumeration import expected_gradient
from planrl.objectives.fixed_points import fixed_point, on_graph
from planrl.objectives.penalties import Entropy, Kl

from .conftest import GRAPH, TASK, a_policy

EXACT = 1e-9
many = settings(max_examples=8, deadline=None)
VALUE = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
REVERSE = [
    ("k1", "token", False),
    ("k2", "loss", False),
    ("k1", "loss", True),
    ("k3", "loss", True),
]
ADVANTAGES = {
    "REINFORCE": advantages.own_return,
    "RLOO": advantages.leave_one_out,
    "Dr. GRPO": advantages.centred,
    "GRPO": advantages.standardised,
    "pass@4": partial(advantages.pass_at_k, k=4),
    "RFT": advantages.share_of_successes,
}


def a_base(seed, size=5):
    return torch.randn(size, generator=pr.seeded(seed, "base"), dtype=torch.float64).softmax(-1)


def update(objective, q, base, value, group=8):
    """The expected update at a context, from its parts."""
    scale = float(weight(objective.advantage, (q * value).sum(), group))
    found = reward_update(q, value, scale)
    if objective.kl:
        found = found + kl_update(objective.kl, q, base)
    if objective.entropy:
        found = found + entropy_update(objective.entropy, q)
    return found


def kl_of(estimator, placement, corrected, strength=0.3):
    return Kl(weight=strength, estimator=estimator, placement=placement, corrected=corrected)


@pytest.mark.parametrize("kind", [*REVERSE, ("k3", "loss", False)])
@pytest.mark.parametrize("name", ADVANTAGES)
@given(seed=st.integers(0, 2**31), strength=st.floats(0.15, 3.0))
@many
def test_the_expected_update_is_zero_at_the_fixed_point(kind, name, seed, strength):
    base = a_base(seed)
    objective = Objective(advantage=ADVANTAGES[name], kl=kl_of(*kind, strength))
    limit = fixed_point(objective, base, VALUE)
    assert limit.policy.sum().item() == pytest.approx(1, abs=1e-12)
    assert update(objective, limit.policy, base, VALUE).abs().max() < EXACT


@pytest.mark.parametrize("kind", [("k2", "loss", False), ("k3", "loss", False)])
@pytest.mark.parametrize("name", ["RLOO", "GRPO"])
def test_updates_from_the_base_lead_there(kind, name):
    base = a_base(5)
    objective = Objective(advantage=ADVANTAGES[name], kl=kl_of(*kind, 1.0))
    logits = base.log()
    for _ in range(2_000):
        step = update(objective, logits.softmax(-1), base, VALUE)
        logits = logits + 4.0 * step
        if step.abs().max() < 1e-12:
            break
    wanted = fixed_point(objective, base, VALUE).policy
    assert (logits.softmax(-1) - wanted).abs().max() < EXACT


def test_theorem_4_4_is_the_fixed_point_of_reinforce_with_our_kl_term():
    base = a_base(0)
    found = fixed_point(Objective(kl=kl_of("k2", "loss", False, 0.1)), base, VALUE).policy
    wanted = base * (VALUE / 0.1).exp()
    assert torch.allclose(found, wanted / wanted.sum(), atol=EXACT)


def test_k3_in_the_loss_keeps_ratios_and_limits_accuracy():
    """Half of the base is right, lambda 0.1: .9525 instead of .99995."""
    base = torch.tensor([0.4, 0.1, 0.3, 0.1, 0.1], dtype=torch.float64)
    forward, reverse = (
        fixed_point(Objective(kl=kl_of(estimator, "loss", False, 0.1)), base, VALUE).policy
        for estimator in ("k3", "k2")
    )
    assert float(forward[:2].sum()) == pytest.approx(0.9525, abs=5e-5)
    assert float(reverse[:2].sum()) == pytest.approx(0.99995, abs=5e-6)
    for one in (forward, reverse):
        assert float(one[0] / one[1]) == pytest.approx(4, abs=EXACT)


@pytest.mark.parametrize("placement", ["loss", "token", "path"])
@pytest.mark.parametrize("name", ["REINFORCE", "RLOO", "GRPO"])
def test_an_entropy_bonus_ends_at_equal_shares_for_equal_values(placement, name):
    objective = Objective(
        advantage=ADVANTAGES[name], entropy=Entropy(weight=0.3, placement=placement)
    )
    if placement == "path" and name == "GRPO":
        with pytest.raises(pr.InputError, match="standardised"):
            fixed_point(objective, a_base(0), VALUE)
        return
    found = fixed_point(objective, a_base(0), VALUE).policy
    assert found[0].item() == pytest.approx(found[1].item(), abs=EXACT)
    assert found[2].item() == pytest.approx(found[4].item(), abs=EXACT)
    if placement != "path" or name == "REINFORCE":
        assert update(objective, found, a_base(0), VALUE).abs().max() < EXACT


def test_what_has_no_fixed_policy_says_what_is_conserved():
    base = a_base(0)
    for objective, words in (
        (policy.REINFORCE, "martingale"),
        (policy.RFT, "martingale"),
        (Objective(advantage=partial(advantages.minus_constant, baseline=0.5)), "1 - baseline"),
        (Objective(advantage=partial(advantages.minus_batch_mean, share=0.5)), "1 - share"),
        (Objective(advantage=advantages.minus_batch_mean), "one curve"),
        (policy.RLOO, "one curve"),
        (policy.GRPO, "one curve"),
        (policy.DAPO, "one curve"),
        (Objective(kl=kl_of("k1", "loss", False)), "expected gradient 0"),
        (Objective(kl=kl_of("k3", "token", False)), "opposite signs"),
        (Objective(kl=kl_of("k2", "token", False)), "even"),
        (Objective(kl=kl_of("k2", "loss", True)), "no unbiased"),
    ):
        limit = fixed_point(objective, base, VALUE)
        assert limit.policy is None
        assert words in limit.says
    assert fixed_point(policy.IPS, base, VALUE).policy.tolist() == [0.5, 0.5, 0, 0, 0]


def test_where_nothing_is_earned_inverse_probability_leaves_the_base_as_it_is():
    limit = fixed_point(policy.IPS, a_base(0), torch.zeros(5))
    assert (limit.policy - a_base(0)).abs().max() < EXACT
    assert "nothing is earned" in limit.says


def test_what_is_not_known_is_refused():
    base, kl = a_base(0), kl_of("k3", "loss", False)
    unknown = Objective(advantage=lambda group: group.returns**2)
    for objective, words in (
        (unknown, "lambda"),
        (Objective(advantage=advantages.uniform_correct), "uniform_correct"),
        (
            Objective(advantage=advantages.standardised, kl=kl_of("k1", "path", False)),
            "standardised",
        ),
        (Objective(kl=kl, entropy=Entropy(weight=0.1)), "not for both"),
        (Objective(advantage=advantages.standardised, kl=kl, filtered=True), "left out"),
    ):
        with pytest.raises(pr.InputError, match=words):
            fixed_point(objective, base, VALUE)


def test_away_from_the_base_k3_in_the_reward_leads_to_one_choice_without_any_reward():
    """A penalty for leaving the base that ends at no base: in expectation, without noise."""
    kl = kl_of("k3", "token", False, 1.0)
    for seed in range(5):
        logits = a_base(seed + 100).log()
        for _ in range(200):
            logits = logits + kl_update(kl, logits.softmax(-1), a_base(seed))
        assert float(logits.softmax(-1).max()) > 0.999


def test_k2_in_the_reward_holds_what_the_reward_has_raised_at_the_bases_ratios():
    """Expected updates from the base with the reward: accuracy goes to 1, ratios come back."""
    base, kl = a_base(3), kl_of("k2", "token", False)
    objective, logits = Objective(kl=kl), base.log() + torch.tensor([0.3, -0.1, 0, 0, 0]).double()
    for _ in range(3000):
        logits = logits + 2.0 * update(objective, logits.softmax(-1), base, VALUE)
    q = logits.softmax(-1)
    assert float(q[:2].sum()) > 0.999
    assert float(q[0] / q[1]) == pytest.approx(float(base[0] / base[1]), rel=0.01)


def gradient_at(model, loss, base, group=1):
    (found,) = expected_gradient(loss, model, TASK, group=group, max_tokens=6, frozen=base)
    return found[3, [0, 1, 2, 4]].nan_to_num(0.0)


def settled(objective, base):
    """A table with the policies that are predicted for a small graph."""
    model = a_policy(0)
    found = on_graph(objective, GRAPH, 3, base.table[3].detach().softmax(-1))
    with torch.no_grad():
        model.table[3, [0, 1, 2, 4]] = found[[0, 1, 2, 4]].log()
    return model


def a_legal_base(seed=1):
    return a_policy(seed, allowed={0: [1, 2, 4, 5], 1: [3, 4, 5], 2: [3, 5], 4: [5]})


@pytest.mark.parametrize("kind", [*REVERSE, ("k3", "loss", False), ("k1", "path", False)])
def test_on_a_graph_the_gradient_of_the_loss_is_zero_there(kind):
    """Every path of the graph counted, with the library's own loss."""
    base = a_legal_base()
    estimator, placement, corrected = kind
    options = {"kl": 0.4, "kl_estimator": estimator, "kl_placement": placement}
    for loss, advantage, group in (
        (reinforce, advantages.own_return, 1),
        (rloo, advantages.leave_one_out, 2),
    ):
        model = settled(Objective(advantage=advantage, kl=kl_of(*kind, 0.4)), base)
        given = partial(loss, **options, kl_corrected=corrected)
        assert gradient_at(model, given, base, group).abs().max() < EXACT
        assert gradient_at(base, given, base, group).abs().max() > 1e-3


@pytest.mark.parametrize("placement", ["loss", "path"])
def test_on_a_graph_an_entropy_bonus_is_balanced_there(placement):
    base = a_legal_base()
    model = settled(Objective(entropy=Entropy(weight=0.4, placement=placement)), base)
    loss = partial(reinforce, entropy=0.4, entropy_placement=placement)
    found = gradient_at(model, loss, base)
    if placement == "loss":  # of the entropies at single nodes, not of that of the paths ahead
        able = model.table[3].detach().softmax(-1)[[0, 1, 2, 4]] > 0
        assert found[able].abs().max() < EXACT
    else:
        assert found.abs().max() < EXACT


def test_trajectory_balance_ends_where_kl_summed_over_the_path_ends():
    base = a_legal_base()
    model = settled(Objective(kl=kl_of("k1", "path", False, 0.4)), base)
    loss = partial(trajectory_balance, temperature=0.4, kl=1.0)
    assert gradient_at(model, loss, base, 2).abs().max() < EXACT
    assert gradient_at(base, loss, base, 2).abs().max() > 1e-3


def test_kl_over_the_path_differs_from_theorem_4_4():
    base = a_legal_base()
    token, path = (
        on_graph(
            Objective(kl=kl_of("k1", placement, False, 0.4)),
            GRAPH,
            3,
            base.table[3].detach().softmax(-1),
        )
        for placement in ("token", "path")
    )
    assert (token[0] - path[0]).abs().max() > 0.01
    assert (token[1] - path[1]).abs().max() < EXACT  # at the last choice they are the same


def test_graphs_on_which_no_policy_is_known_are_refused():
    base = a_policy(0).table[3].detach().softmax(-1)
    objective = Objective(kl=kl_of("k2", "loss", False))
    with pytest.raises(pr.InputError, match="cycles"):
        on_graph(objective, pr.Graph(5, [(0, 1), (1, 0)]), 1, base)
    with pytest.raises(pr.InputError, match="no edges"):
        on_graph(objective, pr.chain(5), 3, base)
    with pytest.raises(pr.InputError, match="standardised"):
        on_graph(policy.GRPO, GRAPH, 3, base)


def test_expected_updates_with_a_pull_lead_to_the_fixed_point():
    base = torch.tensor([0.2, 0.1, 0.4, 0.3], dtype=torch.float64)
    value = torch.tensor([1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    for estimator in ("k2", "k3"):
        kl = Kl(weight=0.3, estimator=estimator)
        told = fixed_point(Objective(advantage=advantages.leave_one_out, kl=kl), base, value).policy
        found = contexts.followed(
            lambda q, kl=kl: contexts.reward_update(q, value) + contexts.kl_update(kl, q, base),
            base,
        )
        torch.testing.assert_close(found, told, atol=1e-6, rtol=0)


def test_the_effective_number_counts_equal_correct_choices_and_ignores_wrong_ones():
    correct = torch.tensor([True, True, True, False])
    equal = torch.tensor([[0.1, 0.1, 0.1, 0.7], [0.3, 0.3, 0.3, 0.1], [0.0, 0.5, 0.0, 0.5]])
    found = contexts.answers_left(equal, correct)
    torch.testing.assert_close(found, torch.tensor([3.0, 3.0, 1.0]))


def test_an_entropy_bonus_may_end_below_the_accuracy_of_the_base():
    base = torch.tensor([0.9, 0.05, 0.05], dtype=torch.float64)
    value = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    objective = Objective(advantage=advantages.standardised, entropy=Entropy(weight=1.0))
    end = fixed_point(objective, base, value).policy
    assert float(end[0]) < 0.8
    assert update(objective, end, base, value).abs().max() < EXACT
