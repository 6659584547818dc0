"""The losses of the family: worked by hand, against each other, and what they refuse."""

from dataclasses import replace
from functools import partial

import pytest
import torch

import planrl as pr
from planrl.objectives import (
    Objective,
    advantages,
    dapo,
    dpo,
    dr_grpo,
    grpo,
    gspo,
    ips,
    pass_at_k,
    policy,
    ppo,
    reinforce,
    rft,
    rloo,
    trajectory_balance,
    ucpo,
)
from planrl.objectives.advantages import Group, same_pair
from planrl.objectives.penalties import ESTIMATORS, PLACEMENTS, Entropy, Kl
from planrl.streams import repeat
from planrl.tasks import Batch

LOSSES = {
    "reinforce": reinforce,
    "rloo": rloo,
    "grpo": grpo,
    "dr_grpo": dr_grpo,
    "dapo": dapo,
    "gspo": gspo,
    "ppo": ppo,
    "pass_at_k": partial(pass_at_k, k=2),
    "rft": rft,
    "ips": ips,
    "ucpo": ucpo,
}


@pytest.fixture
def grouped(small_task):
    """Sixteen rollouts for each of 25 pairs, some right and some wrong, and their model."""
    model = pr.LogitTable(small_task.vocab).double()
    with torch.no_grad():
        model.table.normal_(generator=pr.seeded(0, "table"))
        model.table[:, :, :12] += 3.0 * small_task.graph.correct
    batch = next(
        pr.on_policy(
            model, small_task, rng=pr.seeded(0, "walks"), size=400, group=16, record_probs=True
        )
    )
    batch = replace(batch, reward=batch.reward.double(), log_probs=batch.log_probs.double())
    right = pr.is_path(small_task.graph, batch.tokens)
    assert 50 < right.sum() < 350
    return model, batch


def slope(loss, model, batch):
    value = loss(model(batch.tokens[:, :-1]), batch)
    return value.detach(), torch.autograd.grad(value, model.table)[0]


def test_a_grouped_batch_has_that_many_rollouts_of_different_pairs(grouped):
    _, batch = grouped
    pairs = batch.tokens[:, :2].view(25, 16, 2)
    assert (pairs == pairs[:, :1]).all()
    assert len(pairs[:, 0].unique(dim=0)) == 25
    assert (same_pair(batch).sum(1) == 16).all()


@pytest.mark.parametrize(("size", "group"), [(10, 4), (400, 1)])
def test_groups_that_do_not_fit_into_a_batch_are_refused(size, group, small_task):
    model, few = pr.LogitTable(small_task.vocab), replace(small_task, pairs=small_task.pairs[:9])
    with pytest.raises(pr.InputError, match=f"group={group} rollouts"):
        next(pr.on_policy(model, few, rng=pr.seeded(0, "w"), size=size, group=group))


def test_without_groups_a_stream_draws_what_it_always_drew(small_task):
    model = pr.LogitTable(small_task.vocab)
    first, second = (
        next(pr.on_policy(model, small_task, rng=pr.seeded(0, "w"), size=32, **more)).tokens
        for more in ({}, {"group": 0})
    )
    assert torch.equal(first, second)


def test_dr_grpo_subtracts_each_pairs_mean():
    tokens = torch.tensor([[0, 1, 0, 1], [0, 1, 0, 2], [0, 2, 0, 2]])
    chosen = torch.tensor([[False, False, True]] * 3)
    reward = torch.tensor([[0, 0, 1.0], [0, 0, 0], [0, 0, 1.0]])
    logits = torch.zeros(3, 3, 4, requires_grad=True)
    dr_grpo(logits, Batch(chosen=chosen, reward=reward, tokens=tokens)).backward()
    step = logits.grad[:, 2]
    wanted = torch.tensor([[0.25, -0.75, 0.25, 0.25], [-0.25, -0.25, 0.75, -0.25], [0.0] * 4])
    assert torch.allclose(step, wanted * 0.5 / 3)


def test_groups_are_told_apart_by_source_and_by_target():
    """Every row is of another pair, so there is nothing to compare with: nothing moves."""
    for starts in ([[0, 1], [0, 2], [1, 2]], [[0, 3], [1, 0], [2, 0]]):
        start = torch.tensor(starts)
        tokens = torch.cat([start, start[:, :1], torch.tensor([[1], [2], [3]])], 1)
        chosen = torch.tensor([[False, False, True]] * 3)
        reward = torch.tensor([[0, 0, 1.0], [0, 0, 0], [0, 0, 0]])
        for loss in (dr_grpo, rloo, grpo):
            logits = torch.zeros(3, 3, 5, requires_grad=True)
            loss(logits, Batch(chosen, reward, tokens)).backward()
            assert (logits.grad == 0).all()


def test_dr_grpo_is_policy_gradient_with_a_baseline_for_each_pair(grouped):
    model, batch = grouped
    _, found = slope(dr_grpo, model, batch)
    wanted = torch.zeros_like(found)
    pairs = batch.tokens[:, :2]
    for pair in pairs.unique(dim=0):
        rows = (pairs == pair).all(1)
        part = Batch(batch.chosen[rows], batch.reward[rows], batch.tokens[rows])
        wanted += slope(partial(pr.policy_gradient, baseline=True), model, part)[1] / 25
    assert found.abs().max() > 1e-3
    assert torch.allclose(found, wanted, atol=1e-12)
    assert torch.allclose(slope(rloo, model, batch)[1], found * 16 / 15, atol=1e-12)


def test_reinforce_is_policy_gradient_whatever_its_kl_is_called(grouped):
    model, batch = grouped
    # END after the target is not drawn: only policy_gradient counts its KL, so it is taken off
    drawn = batch.chosen & (batch.tokens[:, :-1] != batch.tokens[:, 1:2])
    frozen = torch.randn(*batch.chosen.shape, 13, generator=pr.seeded(0, "base")).double()
    batch = replace(batch, frozen=frozen, chosen=drawn)
    wanted = slope(partial(pr.policy_gradient, kl=0.3, baseline=0.5), model, batch)[1]
    for estimator, placement in (("k2", "loss"), ("k1", "token")):
        loss = partial(
            reinforce, kl=0.3, kl_estimator=estimator, kl_placement=placement, baseline=0.5
        )
        assert torch.allclose(slope(loss, model, batch)[1], wanted, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["grpo", "dr_grpo", "rloo", "dapo", "gspo", "ppo", "pass_at_k", "ucpo"]
)
def test_groups_that_are_all_right_teach_nothing(name, small_task):
    """ucpo still levels probabilities, unless these are equal."""
    model = pr.LogitTable(pr.all_pairs(pr.chain(3)).vocab)
    tokens = torch.tensor([[0, 2, 0, 1, 2, 3]] * 4)
    task = pr.Task(pr.chain(3), torch.tensor([[0, 2]]))
    _, found = slope(LOSSES[name], model, task.batch(tokens))
    assert (found == 0).all()


def test_the_value_of_grpo_on_policy_is_that_of_its_kl_term_alone(grouped):
    """The loss of "loss is 0" threads: the gradient says what the value does not."""
    model, batch = grouped
    batch = replace(batch, log_probs=None)
    value, found = slope(grpo, model, batch)
    assert abs(value) < 1e-12
    assert found.abs().max() > 1e-3
    frozen = torch.randn(*batch.chosen.shape, 13, generator=pr.seeded(0, "base")).double()
    with_base = replace(batch, frozen=frozen)
    value, _ = slope(partial(grpo, kl=0.1), model, with_base)
    zero, _ = slope(partial(grpo, kl=1e-12), model, with_base)
    assert value.item() > 0.01
    assert abs(zero) < 1e-11


def test_clip_higher_changes_no_bit_until_the_policy_has_moved(grouped):
    model, batch = grouped
    narrow, wide = (partial(grpo, clip_ratio_high=high) for high in (0.2, 0.28))
    assert torch.equal(slope(narrow, model, batch)[1], slope(wide, model, batch)[1])
    with torch.no_grad():
        model.table += 0.3 * torch.randn(model.table.shape, generator=pr.seeded(0, "m")).double()
    assert not torch.equal(slope(narrow, model, batch)[1], slope(wide, model, batch)[1])


def test_clipping_stops_the_gradient_of_a_step_that_went_far_enough():
    """A right and a wrong path of one step, whose probability has doubled or halved."""
    task = pr.Task(pr.chain(2), torch.tensor([[0, 1]]))
    logits = torch.tensor([0.2, 0.4, 0.4]).log().expand(2, 4, 3).clone().requires_grad_()
    tokens = torch.tensor([[0, 1, 0, 1, 2], [0, 1, 0, 2, 2]])
    for ratio, moves in ((2.0, [False, True]), (0.5, [True, False])):
        log_probs = torch.zeros(2, 4)
        log_probs[:, 2] = torch.tensor(0.4 / ratio).log()
        batch = replace(task.batch(tokens), log_probs=log_probs)
        for loss, wanted in ((dr_grpo, moves), (rloo, [True, True])):
            (found,) = torch.autograd.grad(loss(logits, batch), logits)
            assert (found[:, 2].abs().sum(1) > 0).tolist() == wanted


def test_inner_epochs_need_the_recorded_probabilities(small_task):
    model = pr.LogitTable(small_task.vocab)
    drawn = partial(pr.on_policy, model, small_task, rng=pr.seeded(0, "w"), size=32, group=8)
    config = pr.TrainConfig(steps=6, lr=0.1)
    assert len(list(pr.train(model, repeat(drawn(record_probs=True), 3), ppo, config))) == 6
    with pytest.raises(pr.InputError, match=r"last changed.*record_probs=True"):
        list(pr.train(model, repeat(drawn(), 3), ppo, config))


@pytest.mark.parametrize("name", LOSSES)
def test_paths_of_another_policy_are_refused_without_their_probabilities(name, small_task):
    model, other = pr.LogitTable(small_task.vocab), pr.LogitTable(small_task.vocab)
    drawn = partial(pr.on_policy, other, small_task, rng=pr.seeded(0, "w"), size=32, group=8)
    with pytest.raises(pr.InputError, match=r"on-policy batch, but .* another model"):
        next(pr.train(model, drawn(), LOSSES[name]))
    assert next(pr.train(model, drawn(record_probs=True), LOSSES[name])).step == 1
    greedy = drawn(record_probs=True, sampler=pr.Sampler(greedy=True))
    with pytest.raises(pr.InputError, match="can't be in it"):
        next(pr.train(model, greedy, LOSSES[name]))


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_of_the_family_takes_the_same_penalties(name, grouped):
    """A weight that has no effect, or a name that nobody knows, would go unnoticed in an option."""
    model, batch = grouped
    frozen = torch.randn(*batch.chosen.shape, 13, generator=pr.seeded(0, "base")).double()
    batch = replace(batch, frozen=frozen)
    plain = slope(LOSSES[name], model, batch)[1]
    in_path = [{"kl": 0.1, "kl_placement": "path"}, {"entropy": 0.1, "entropy_placement": "path"}]
    if name in ("pass_at_k", "rft", "ips"):
        for more in in_path:
            with pytest.raises(pr.InputError, match="reads verdicts"):
                LOSSES[name](model(batch.tokens[:, :-1]), batch, **more)
        in_path = []
    for more in (
        {"kl": 0.1},
        {"entropy": 0.1},
        {"kl": 0.1, "kl_corrected": True},
        *in_path,
    ):
        assert (slope(partial(LOSSES[name], **more), model, batch)[1] - plain).abs().max() > 1e-6
    for wrong in ({"kl_estimator": "k4"}, {"kl_placement": "head"}):
        with pytest.raises(pr.InputError, match=next(iter(wrong)).split("_")[-1]):
            LOSSES[name](model(batch.tokens[:, :-1]), batch, **wrong)
    with pytest.raises(pr.InputError, match=r"refresh=0"):
        LOSSES[name](model(batch.tokens[:, :-1]), replace(batch, frozen=None), kl=0.1)


def test_a_sequence_ratio_does_not_go_with_a_reward_of_single_tokens():
    kl = Kl(weight=0.1, estimator="k1", placement="token")
    with pytest.raises(pr.InputError, match='placement="path"'):
        replace(policy.GSPO, kl=kl)
    with pytest.raises(pr.InputError, match="corrected=True"):
        replace(kl, corrected=True)
    with pytest.raises(pr.InputError, match="clip is"):
        Objective(clip=(-0.1, 0.2))


def test_the_three_lengths_weigh_paths_of_two_steps_and_of_four():
    """A right path of two steps, wrong ones of four: each step's weight in the gradient."""
    tokens = torch.tensor([[0, 3, 0, 3, 4, 4, 4], [0, 3, 0, 1, 1, 1, 4]])
    task = pr.Task(pr.Graph(4, [(0, 3), (0, 1)]), torch.tensor([[0, 3]]))
    batch = task.batch(tokens)
    assert batch.chosen.sum(1).tolist() == [2, 4]
    logits = torch.zeros(2, 6, 5, requires_grad=True)
    for loss, weights in (
        (partial(grpo, clip_ratio_high=9.0), [1 / 4, 1 / 8]),
        (partial(dapo, filtered=False), [1 / 6, 1 / 6]),
        (dr_grpo, [1 / 2, 1 / 2]),
        (partial(dr_grpo, max_length=8.0), [1 / 16, 1 / 16]),
    ):
        (found,) = torch.autograd.grad(loss(logits, batch), logits)
        size = 0.5 if loss is dr_grpo or "max_length" in loss.keywords else 0.5**0.5
        of_steps = found.abs().amax(-1) / (0.8 * size)
        assert of_steps[0, 2].item() == pytest.approx(weights[0], rel=1e-3)
        assert of_steps[1, 2].item() == pytest.approx(weights[1], rel=1e-3)


def test_dapo_leaves_out_groups_of_equal_returns_and_does_not_count_them(grouped):
    model, batch = grouped
    reward = batch.reward.clone()
    reward[:160] = reward[160]  # ten groups whose paths all earn the same
    batch = replace(batch, reward=reward)
    mixed = Group(reward.sum(1), same_pair(batch), reward.sum(1), torch.zeros(400)).differs
    assert mixed.tolist() == [False] * 160 + [True] * 240
    some = replace(
        batch,
        chosen=batch.chosen[mixed],
        reward=batch.reward[mixed],
        tokens=batch.tokens[mixed],
        log_probs=batch.log_probs[mixed],
    )
    wanted = slope(partial(dapo, filtered=False), model, some)
    found = slope(dapo, model, batch)
    assert torch.allclose(found[1], wanted[1], atol=1e-12)
    whole = slope(partial(dapo, filtered=False), model, batch)[1]
    share = some.chosen.sum() / batch.chosen.sum()
    assert torch.allclose(whole, share * found[1], atol=1e-12)  # same direction, another clock


def test_pass_at_k_pays_what_the_others_missed():
    """Three of four paths wrong: with k = 2 one of the others, drawn at random, is wrong surely."""
    returns = torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    same = torch.block_diag(torch.ones(4, 4), torch.ones(4, 4))
    group = Group(returns, same, returns, torch.zeros(8))
    advantage = advantages.pass_at_k

    assert advantage(group, k=1).tolist() == returns.tolist()
    assert advantage(group, k=2).tolist() == pytest.approx([2, 0, 0, 0, 4 / 3, 4 / 3, 0, 0])
    assert advantage(group, k=4).tolist() == pytest.approx([4, 0, 0, 0, 0, 0, 0, 0])


def test_dpo_of_one_right_and_one_wrong_path_by_hand():
    task = pr.Task(pr.chain(2), torch.tensor([[0, 1]]))
    tokens = torch.tensor([[0, 1, 0, 1, 2], [0, 1, 0, 2, 2], [0, 1, 0, 0, 2]])
    logits = torch.tensor([0.2, 0.5, 0.3]).log().expand(3, 4, 3)
    base = torch.tensor([0.4, 0.4, 0.2]).log().expand(3, 4, 3)
    batch = replace(task.batch(tokens), frozen=base)
    margin = lambda k: torch.tensor([0.2 / 0.4, 0.5 / 0.4, 0.3 / 0.2]).log()[k]  # noqa: E731
    wrong = [margin(2), margin(0) + margin(2)]  # END at once; back to 0, then END
    wanted = sum(-torch.nn.functional.logsigmoid(0.7 * (margin(1) - w)) for w in wrong) / 2
    assert dpo(logits, batch, kl=0.7).item() == pytest.approx(wanted.item(), abs=1e-6)
    alone = replace(task.batch(tokens[:1]), frozen=base[:1])
    assert dpo(logits[:1], alone) == 0
    with pytest.raises(pr.InputError, match="refresh=0"):
        dpo(logits, task.batch(tokens))


def test_trajectory_balance_is_zero_where_q_is_what_it_is_to_become():
    """Log q = return / temperature + a constant for each pair."""
    task = pr.Task(pr.chain(2), torch.tensor([[0, 1]]))
    tokens = torch.tensor([[0, 1, 0, 1, 2], [0, 1, 0, 2, 2], [0, 1, 0, 2, 2]])
    wanted = torch.tensor([0.0, 2.0, 0.0]).exp()
    logits = (wanted / wanted.sum()).log().expand(3, 4, 3)
    loss = partial(trajectory_balance, temperature=0.5)
    assert loss(logits, task.batch(tokens)).item() == pytest.approx(0, abs=1e-12)
    assert loss(logits + torch.tensor([0.0, 1.0, 0.0]), task.batch(tokens)).item() > 0.1


def test_the_weight_of_trajectory_balances_base_is_its_power():
    """Log q = return / temperature + kl log(base) + a constant for each pair."""
    task = pr.Task(pr.chain(2), torch.tensor([[0, 1]]))
    tokens = torch.tensor([[0, 1, 0, 1, 2], [0, 1, 0, 2, 2], [0, 1, 0, 2, 2]])
    base = torch.tensor([0.2, 0.5, 0.3]).log()
    logits = (torch.tensor([0.0, 2.0, 0.0]) + 0.5 * base).log_softmax(-1).expand(3, 4, 3)
    batch = replace(task.batch(tokens), frozen=base.expand(3, 4, 3))
    loss = partial(trajectory_balance, temperature=0.5)
    assert loss(logits, batch, kl=0.5).item() == pytest.approx(0, abs=1e-12)
    assert loss(logits, batch, kl=1.0).item() > 1e-3


def test_pass_at_k_says_so_where_no_group_is_large_enough():
    task = pr.Task(pr.chain(2), torch.tensor([[0, 1]]))
    batch = task.batch(torch.tensor([[0, 1, 0, 1, 2]] * 3))
    with pytest.raises(pr.InputError, match=r"pass@4 needs groups of at least 4 .* has 3"):
        pass_at_k(torch.zeros(3, 4, 3), batch, k=4)
    assert pass_at_k(torch.zeros(3, 4, 3), batch, k=3).isfinite()


@pytest.mark.parametrize("name", [*LOSSES, "dpo", "trajectory_balance"])
def test_every_loss_is_an_algorithm_by_its_dotted_path(name):
    from planrl.experiments.algorithms import STREAMS, Algorithm

    algorithm = Algorithm(
        "pg", loss=f"planrl.objectives:{name}", stream=f"{STREAMS}:grouped_rollouts", trusted=False
    )
    assert algorithm.foreign() == []
    assert "kl" in algorithm.usual() or name == "trajectory_balance"
    assert algorithm.reads_base is (name == "dpo")
    assert algorithm.option("group") == 8


WRONG = [
    *((name, {"kl": -1.0}, "kl=-1.0") for name in (*LOSSES, "dpo", "trajectory_balance")),
    *((name, {"entropy": -1.0}, "entropy=-1.0") for name in LOSSES),
    *((name, {"kl_estimator": "k4"}, "kl_estimator='k4'") for name in LOSSES),
    *((name, {"kl_placement": "head"}, "kl_placement='head'") for name in LOSSES),
    *((name, {"entropy_placement": "head"}, "entropy_placement='head'") for name in LOSSES),
    ("reinforce", {"baseline": float("nan")}, "baseline=nan"),
    ("dr_grpo", {"max_length": 0.0}, "max_length=0.0"),
    ("pass_at_k", {"k": 0}, "k=0"),
    ("ips", {"most": 0.5}, "most=0.5"),
    ("ucpo", {"uniformity": -1.0}, "uniformity=-1.0"),
    ("trajectory_balance", {"temperature": 0.0}, "temperature=0.0"),
    ("trajectory_balance", {"cost": float("inf")}, "cost=inf"),
    ("soft_q_learning", {"temperature": 0.0}, "temperature=0.0"),
    ("soft_q_learning", {"value_bounds": (1.0, 0.0)}, "low < high"),
    ("path_consistency", {"length": 0}, "length=0"),
]


@pytest.mark.parametrize(("name", "wrong", "words"), WRONG)
def test_options_are_refused_where_settings_are_made_and_before_the_first_update(
    name, wrong, words
):
    from planrl.experiments.algorithms import Algorithm

    with pytest.raises(pr.InputError, match=words):
        Algorithm("pg", loss=f"planrl.objectives:{name}", **wrong)
    loss = partial(getattr(pr.objectives, name), **wrong)
    with pytest.raises(pr.InputError, match=words):
        pr.train(pr.LogitTable(pr.Vocab(3)), iter([]), loss)


def test_saved_settings_that_name_the_old_group_relative_loss_still_resolve():
    from planrl.experiments.algorithms import Algorithm
    from planrl.experiments.named import function

    old = Algorithm("pg", loss="planrl.losses:group_relative", trusted=False)
    assert old.loss == "planrl.objectives:dr_grpo"
    assert old.foreign() == []
    assert function("planrl.losses:group_relative") is dr_grpo


def test_a_saved_run_of_the_old_group_relative_loss_loads_if_its_correction_was_the_usual_one():
    """Its saved options hold `correction`, which Dr. GRPO does not have; None changed nothing."""
    from planrl.experiments.runs import Algorithm, RunSettings

    page = RunSettings(algorithm=Algorithm("pg", loss="planrl.objectives:dr_grpo")).to_dict()
    saved = {"loss": "planrl.losses:group_relative", "options": {"correction": None}}
    page["algorithm"] |= saved
    assert RunSettings.from_dict(page).algorithm == Algorithm(
        "pg", loss="planrl.objectives:dr_grpo"
    )
    saved["options"]["correction"] = "token"
    with pytest.raises(pr.InputError, match="correction='token'"):
        RunSettings.from_dict({**page, "algorithm": page["algorithm"] | saved})


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_penalties_are_data_with_a_name(estimator, placement):
    kl = Kl(weight=0.1, estimator=estimator, placement=placement)
    assert Objective(kl=kl) == Objective(kl=replace(kl))
    assert Objective(kl=kl) != Objective(kl=kl, entropy=Entropy(weight=0.1))
