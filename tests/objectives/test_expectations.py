"""Expected gradients: formulas against exact enumeration of every group of paths."""

import math
from dataclasses import replace
from functools import partial
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import planrl as pr
from planrl.objectives import (
    advantages,
    dapo,
    dr_grpo,
    grpo,
    gspo,
    ips,
    pass_at_k,
    reinforce,
    rft,
    rloo,
    trajectory_balance,
)
from planrl.objectives.clock import (
    curve,
    equal_groups,
    gradient_of_success,
    polarisation,
    weight,
)
from planrl.objectives.contexts import (
    entropy_update,
    inverse_probability_update,
    kl_update,
    reward_update,
)
from planrl.objectives.enumeration import every_path, expected_gradient, path_probs, success
from planrl.objectives.penalties import Entropy, Kl
from planrl.objectives.theory import kl_drift
from planrl.sampling import log_probs

from .conftest import TASK, a_policy

EXACT = 1e-9
TOKENS = 6
seeds = st.integers(0, 2**31)
many = settings(max_examples=25, deadline=None)


def at_nodes(gradient):
    """The gradient where something is drawn: END after the target is written."""
    return gradient[3, [0, 1, 2, 4]].nan_to_num(0.0)


def gradient_of_p(model, task=TASK):
    """The gradient of the probability of a correct path, by automatic differentiation."""
    rows = every_path(task, max_tokens=TOKENS)
    rows = rows[pr.is_path(task.graph, rows)]
    chosen = task.vocab.chosen(rows) & (rows[:, :-1] != rows[:, 1:2])
    log_q = model(rows[:, :-1]).log_softmax(-1).gather(-1, rows[:, 1:, None]).squeeze(-1)
    p = torch.where(chosen, log_q, 0.0).sum(1).exp().sum()
    return torch.autograd.grad(p, model.table)[0], float(p.detach())


def test_all_paths_are_there_and_their_probabilities_sum_to_one():
    rows = every_path(TASK, max_tokens=TOKENS)
    assert len(rows.unique(dim=0)) == len(rows)
    assert path_probs(a_policy(0), rows, max_tokens=TOKENS).sum().item() == pytest.approx(
        1, abs=1e-12
    )
    assert success(a_policy(0), TASK) == pytest.approx(gradient_of_p(a_policy(0))[1], abs=1e-12)
    with pytest.raises(pr.InputError, match="one pair"):
        every_path(pr.all_pairs(TASK.graph))
    with pytest.raises(pr.InputError, match="more than 20,000 rows"):
        every_path(TASK, max_tokens=20)
    with pytest.raises(pr.InputError, match="more than 200,000 groups"):
        expected_gradient(rloo, a_policy(0), TASK, group=40)


METHODS = {
    "rloo": (rloo, advantages.leave_one_out),
    "dr_grpo": (dr_grpo, advantages.centred),
    "grpo": (partial(dr_grpo, clip_ratio_low=9.0), advantages.centred),
    "pass_at_2": (partial(pass_at_k, k=2), partial(advantages.pass_at_k, k=2)),
    "pass_at_3": (partial(pass_at_k, k=3), partial(advantages.pass_at_k, k=3)),
    "rft": (rft, advantages.share_of_successes),
    "reinforce": (reinforce, advantages.own_return),
    "baseline": (partial(reinforce, baseline=1.0), advantages.minus_batch_mean),
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("group", "seed"), [(3, 0), (4, 1)])
def test_the_expected_gradient_is_weight_of_p_times_the_gradient_of_p(name, group, seed):
    loss, advantage = METHODS[name]
    model = a_policy(seed)
    (found,) = expected_gradient(loss, model, TASK, group=group, max_tokens=TOKENS)
    of_p, p = gradient_of_p(model)
    wanted = -weight(advantage, p, group) * of_p
    assert at_nodes(wanted).abs().max() > 1e-3
    assert (at_nodes(found) - at_nodes(wanted)).abs().max() < EXACT


def test_standardised_advantages_have_it_too_where_all_paths_are_equally_long():
    """With a mean over each path's steps, paths of other lengths would count otherwise."""
    model = a_policy(0, allowed={0: [1, 2], 1: [3, 4], 2: [3, 4], 4: [5]})
    of_p, p = gradient_of_p(model)
    for loss in (grpo, gspo):
        (found,) = expected_gradient(loss, model, TASK, group=4, max_tokens=TOKENS)
        wanted = -weight(advantages.standardised, p, 4) * of_p / 3  # three steps with the END
        assert (at_nodes(found) - at_nodes(wanted)).abs().max() < EXACT


def test_length_normalisation_leaves_the_curve():
    """Right paths of three steps, wrong ones of two and three: not a multiple of grad p."""
    model = a_policy(0)
    of_p = at_nodes(gradient_of_p(model)[0]).flatten()
    (found,) = expected_gradient(grpo, model, TASK, group=4, max_tokens=TOKENS)
    found = at_nodes(found).flatten()
    cosine = (found @ of_p) / (found.norm() * of_p.norm())
    assert cosine.abs() < 1 - 1e-4


def test_filtering_of_equal_groups_keeps_the_direction():
    """All groups drawn alone: dividing by the share of mixed groups is what is left."""
    model = a_policy(0, allowed={0: [1, 2], 1: [3, 4], 2: [3, 4], 4: [5]})
    _, p = gradient_of_p(model)
    (found,) = expected_gradient(dapo, model, TASK, group=4, max_tokens=TOKENS)
    (plain,) = expected_gradient(
        partial(dapo, filtered=False), model, TASK, group=4, max_tokens=TOKENS
    )
    assert (at_nodes(found) - at_nodes(plain)).abs().max() < EXACT  # a batch of one group
    assert 0 < equal_groups(p, 4) < 1
    assert equal_groups(p, 4) == pytest.approx(p**4 + (1 - p) ** 4)


@given(st.floats(1e-6, 1 - 1e-6), st.integers(2, 40))
@many
def test_weights_are_the_closed_forms(p, group):
    k = min(group, 5)
    for advantage, wanted in (
        (advantages.own_return, 1),
        (advantages.minus_constant, 1),
        (advantages.leave_one_out, 1),
        (advantages.centred, (group - 1) / group),
        (partial(advantages.pass_at_k, k=k), k * (1 - p) ** (k - 1)),
        (advantages.share_of_successes, -math.expm1(group * math.log1p(-p)) / p),
    ):
        assert weight(advantage, p, group).item() == pytest.approx(wanted, rel=EXACT, abs=EXACT)


def test_the_weight_of_grpo_is_near_one_over_the_deviation_and_not_at_the_ends():
    for p in (0.2, 0.5, 0.8):
        exact = weight(advantages.standardised, p, 256).item()
        assert exact == pytest.approx(1 / math.sqrt(p * (1 - p)), rel=0.01)
    ends = weight(advantages.standardised, torch.tensor([1e-12, 1 - 1e-12]), 8)
    assert ends.tolist() == pytest.approx([7 / math.sqrt(8)] * 2, rel=1e-3)


@given(seeds)
@many
def test_the_gradient_of_success_at_a_context_is_that_of_autograd(seed):
    logits = torch.randn(6, generator=pr.seeded(seed, "q"), dtype=torch.float64).requires_grad_()
    correct = torch.tensor([True, False, True, True, False, False])
    (wanted,) = torch.autograd.grad(logits.softmax(-1)[correct].sum(), logits)
    found = gradient_of_success(logits.detach().softmax(-1), correct)
    assert torch.allclose(found, wanted, atol=EXACT)
    assert torch.allclose(
        found, reward_update(logits.detach().softmax(-1), correct.double()), atol=EXACT
    )


def context(seed, size=5):
    """A random policy and base."""
    draw = torch.randn(2, size, generator=pr.seeded(seed, "context"), dtype=torch.float64)
    return draw[0].softmax(-1), draw[1].softmax(-1)


@given(seeds)
@many
def test_each_kl_placement_pulls_as_the_table_says(seed):
    q, b = context(seed)
    x = (q / b).log()
    reverse = -q * (x - (q * x).sum())  # minus the gradient of KL(q || b)
    forward = b - q  # minus the gradient of KL(b || q)
    for estimator, placement, corrected, wanted in (
        ("k1", "token", False, reverse),
        ("k1", "path", False, reverse),
        ("k2", "loss", False, reverse),
        ("k1", "loss", True, reverse),
        ("k3", "loss", True, reverse),
        ("k3", "loss", False, forward),
        ("k1", "loss", False, torch.zeros(5)),
        ("k3", "token", False, reverse - forward),
    ):
        kl = Kl(weight=0.7, estimator=estimator, placement=placement, corrected=corrected)
        assert (kl_update(kl, q, b) - 0.7 * wanted).abs().max() < EXACT


@given(seeds)
@many
def test_k2_and_k3_in_the_reward_have_no_pull_of_first_order(seed):
    """Near the base the pull of k1 is linear in the distance, theirs is quadratic."""
    q, b = context(seed)
    sizes = {}
    for step in (1e-3, 1e-4):
        near = (b.log() + step * (q.log() - b.log())).softmax(-1)
        for name in ("k1", "k2", "k3"):
            kl = Kl(weight=1.0, estimator=name, placement="token")
            sizes[name, step] = float(kl_update(kl, near, b).norm())
    assert sizes["k1", 1e-3] / sizes["k1", 1e-4] == pytest.approx(10, rel=0.05)
    for name in ("k2", "k3"):
        assert sizes[name, 1e-4] < 1e-3 * sizes["k1", 1e-4]
        assert sizes[name, 1e-3] / sizes[name, 1e-4] == pytest.approx(100, rel=0.2)


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
@pytest.mark.parametrize(
    ("placement", "corrected"), [("loss", False), ("loss", True), ("token", False)]
)
def test_the_kl_terms_of_the_losses_are_visits_times_the_pull_at_each_node(
    estimator, placement, corrected
):
    model, base = a_policy(0), a_policy(1)
    more = {"kl_estimator": estimator, "kl_placement": placement, "kl_corrected": corrected}
    loss = partial(reinforce, kl=0.7, **more)
    (with_kl,) = expected_gradient(loss, model, TASK, max_tokens=TOKENS, frozen=base)
    (without,) = expected_gradient(reinforce, model, TASK, max_tokens=TOKENS)
    q, b = (one.table[3].detach().softmax(-1) for one in (model, base))
    visits = {0: 1.0, 1: q[0, 1], 2: q[0, 2], 4: q[0, 4] + q[0, 1] * q[1, 4]}
    kl = Kl(weight=0.7, estimator=estimator, placement=placement, corrected=corrected)
    for node, often in visits.items():
        able = q[node] > 0
        wanted = -often * kl_update(kl, q[node, able], b[node, able])
        found = (with_kl - without)[3, node, able]
        assert (found - wanted).abs().max() < EXACT, node


def test_entropy_in_the_loss_and_in_the_reward_of_a_token_are_the_same_and_over_a_path_not():
    model = a_policy(0)
    found = {
        placement: at_nodes(
            expected_gradient(
                partial(reinforce, entropy=0.7, entropy_placement=placement),
                model,
                TASK,
                max_tokens=TOKENS,
            )[0]
        )
        for placement in ("loss", "token", "path")
    }
    assert (found["loss"] - found["token"]).abs().max() < EXACT
    assert (found["loss"] - found["path"])[0].abs().max() > 0.01  # credit for what follows
    assert (found["loss"] - found["path"])[3].abs().max() < EXACT  # the last choice: nothing does
    q = model.table[3, 0].detach().softmax(-1)
    q = q[q > 0]
    for placement in ("loss", "token"):
        wanted = -q * (q.log() - (q * q.log()).sum())
        entropy = Entropy(weight=1.0, placement=placement)
        assert (entropy_update(entropy, q) - wanted).abs().max() < EXACT


def test_the_gradient_of_the_path_entropy_is_that_of_the_bonus_over_the_path():
    model = a_policy(0)
    loss = partial(reinforce, entropy=0.7, entropy_placement="path")
    (found,) = expected_gradient(loss, model, TASK, max_tokens=TOKENS)
    (without,) = expected_gradient(reinforce, model, TASK, max_tokens=TOKENS)
    wanted = of_log_prob(model, lambda log_q, _: (log_q.exp() * log_q).sum())
    assert (at_nodes(found - without) - 0.7 * at_nodes(wanted)).abs().max() < EXACT


def of_log_prob(model, function):
    """The gradient of a function of the log-probabilities and returns of all possible paths."""
    rows = every_path(TASK, max_tokens=TOKENS)
    chosen = TASK.vocab.chosen(rows) & (rows[:, :-1] != rows[:, 1:2])
    possible = log_probs(model, rows, pr.Sampler(max_tokens=TOKENS)).sum(1) > -torch.inf
    rows, chosen = rows[possible], chosen[possible]
    logits = torch.where(chosen[..., None], model(rows[:, :-1]), 0.0)
    log_q = logits.log_softmax(-1).gather(-1, rows[:, 1:, None]).squeeze(-1)
    log_q = torch.where(chosen, log_q, 0.0).sum(1)
    value = function(log_q, pr.is_path(TASK.graph, rows).double())
    return torch.autograd.grad(value, model.table)[0]


def test_trajectory_balance_is_twice_the_kl_to_the_wanted_distribution_of_paths():
    model = a_policy(0)

    def kl(log_q, reward):
        wanted = (reward / 0.5).log_softmax(-1)
        return (log_q.exp() * (log_q - wanted)).sum()

    wanted = 2 * of_log_prob(model, kl)
    for group in (2, 3):
        loss = partial(trajectory_balance, temperature=0.5)
        (found,) = expected_gradient(loss, model, TASK, group=group, max_tokens=TOKENS)
        assert (at_nodes(found) - at_nodes(wanted)).abs().max() < EXACT


def test_inverse_probabilities_weigh_every_correct_path_the_same():
    model = a_policy(0)
    (found,) = expected_gradient(partial(ips, most=1e9), model, TASK, max_tokens=TOKENS)
    wanted = -of_log_prob(model, lambda log_q, reward: (reward * log_q).sum())
    assert (at_nodes(found) - at_nodes(wanted)).abs().max() < EXACT
    q, _ = context(3)
    correct = torch.tensor([1.0, 0, 1, 1, 0]).double()
    assert torch.allclose(inverse_probability_update(q, correct), correct - 3 * q)
    uniform = correct / 3
    assert inverse_probability_update(uniform, correct).abs().max() < EXACT


@given(seeds)
@many
def test_the_curve_polarises_as_its_formula_says(seed):
    q, _ = context(seed, 6)
    correct = torch.tensor([True, True, True, False, False, False])
    p, step = float(q[correct].sum()), 1e-6
    if p > 0.99:
        return
    after = curve(q, correct, [p + step], pieces=2).policy[0]
    ratio = lambda one: (one[correct][:, None] / one[correct]).log()  # noqa: E731
    wanted = polarisation(q, correct)
    assert torch.allclose((ratio(after) - ratio(q)) / step, wanted, rtol=1e-3, atol=1e-4)
    assert ((q[correct][:, None] - q[correct]) * wanted >= 0).all()  # the richer get richer


def ascent(q, correct, advantage, group, seconds, steps=4000):
    """Gradient ascent by its definition, in time: fourth-order Runge-Kutta."""
    f, h = q.log(), seconds / steps
    speed = lambda f: (  # noqa: E731
        weight(advantage, f.softmax(-1)[correct].sum(), group)
        * gradient_of_success(f.softmax(-1), correct)
    )
    for _ in range(steps):
        a = speed(f)
        b = speed(f + h / 2 * a)
        c = speed(f + h / 2 * b)
        f = f + h / 6 * (a + 2 * b + 2 * c + speed(f + h * c))
    return f.softmax(-1)


@pytest.mark.parametrize(
    "advantage",
    [
        advantages.leave_one_out,
        advantages.centred,
        advantages.standardised,
        advantages.share_of_successes,
        partial(advantages.pass_at_k, k=4),
    ],
)
def test_all_group_methods_follow_one_curve_each_by_its_own_clock(advantage):
    q, _ = context(1, 6)
    correct = torch.tensor([True, True, True, False, False, False])
    reached = ascent(q, correct, advantage, 8, seconds=8.0, steps=150)
    p = float(reached[correct].sum())
    assert p > float(q[correct].sum()) + 0.02
    told = curve(q, correct, [p], advantage=advantage, group=8, pieces=100)
    assert (told.policy[0] - reached).abs().max() < EXACT
    assert told.time[0].item() == pytest.approx(8.0, abs=1e-6)


def test_the_curve_refuses_accuracies_that_do_not_ascend():
    q, _ = context(1, 4)
    correct = torch.tensor([True, True, False, False])
    with pytest.raises(pr.InputError, match="ascend"):
        curve(q, correct, [0.99, 0.9])
    with pytest.raises(pr.InputError, match="ascend"):
        curve(q, correct, [float(q[correct].sum()) / 2])


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_the_drift_of_pure_noise_is_its_formula_to_second_order(scale):
    """Every draw counted: logits f + lr scale (e_k - q), k with probability q_k."""
    q, _ = context(2)
    for lr in (0.1, 0.01):
        kl = lambda f: f.logsumexp(-1) - f.mean(-1) - math.log(5)  # noqa: E731
        after = torch.stack(
            [q[k] * kl(q.log() + lr * scale * (torch.eye(5)[k] - q)) for k in range(5)]
        ).sum()
        found = float(after - kl(q.log()))
        assert found == pytest.approx(kl_drift(q, lr * scale), rel=2 * lr)


def test_a_loss_of_k1_moves_the_policy_by_noise_alone():
    """Its expected gradient is 0 at each node, and that of a single draw is not."""
    model, base = a_policy(0), a_policy(1)
    loss = partial(reinforce, kl=1.0, kl_estimator="k1")
    (both,) = expected_gradient(loss, model, TASK, max_tokens=TOKENS, frozen=base)
    (without,) = expected_gradient(reinforce, model, TASK, max_tokens=TOKENS)
    assert (at_nodes(both) - at_nodes(without)).abs().max() < EXACT
    batch = next(pr.on_policy(model, TASK, rng=pr.seeded(0, "w"), size=1))
    batch = replace(batch, frozen=base(batch.tokens[:, :-1]).detach(), reward=0 * batch.reward)
    (one,) = torch.autograd.grad(loss(model(batch.tokens[:, :-1]), batch), model.table)
    assert at_nodes(one).abs().max() > 0.1


def test_groups_are_counted_with_their_probabilities():
    """The mean of what does not depend on the paths is that, for every size of group."""
    model, sizes = a_policy(0), set()

    def loss(logits, batch):
        sizes.add(len(batch.tokens))
        return 3.0 * model.table[0, 0, 0]

    for group in (1, 2, 4):
        (found,) = expected_gradient(loss, model, TASK, group=group, max_tokens=TOKENS)
        assert found[0, 0, 0].item() == pytest.approx(3.0, abs=1e-9)
    assert sizes == {1, 2, 4}


def test_products_of_small_tables_are_all_there():
    """Five possible paths: 5 choose 2 plus 5 multisets of two."""
    model, seen = a_policy(0, allowed={0: [1, 2, 5], 1: [3, 5], 2: [3, 5]}), []

    def loss(logits, batch):
        seen.append(tuple(map(tuple, batch.tokens.tolist())))
        return model.table[0, 0, 0]

    expected_gradient(loss, model, TASK, group=2, max_tokens=TOKENS)
    assert len(seen) == len(set(seen)) == 15
    rows = {row for pair in seen for row in pair}
    assert {tuple(sorted(pair)) for pair in seen} == {tuple(sorted(p)) for p in product(rows, rows)}
