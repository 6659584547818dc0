import math
from dataclasses import replace
from functools import partial

import pytest
import torch

import planrl as pr
from planrl.tasks import Batch


@pytest.fixture
def walked(small_task):
    """A batch of a wandering model's walks, some right and some wrong, and that model's logits."""
    model = pr.LogitTable(small_task.vocab)
    with torch.no_grad():
        model.table.normal_(generator=pr.seeded(0, "table"))
        model.table[:, :, :12] += 3.0 * small_task.graph.correct
    batch = next(pr.on_policy(model, small_task, rng=pr.seeded(0, "walks"), size=400))
    right = pr.is_path(small_task.graph, batch.tokens)
    assert 50 < right.sum() < 350
    return model, batch, right


def gradient(model, loss, batch):
    model.table.grad = None
    value = loss(model(batch.tokens[:, :-1]), batch)
    value.backward()
    return value.detach(), model.table.grad.clone()


def a_batch(rows=2, choices=3, vocab=5):
    tokens = torch.zeros(rows, choices + 1, dtype=torch.long)
    chosen = torch.ones(rows, choices, dtype=torch.bool)
    return Batch(chosen, torch.zeros(rows, choices), tokens)


def test_sft_of_a_uniform_model_is_log_v():
    assert pr.sft(torch.zeros(2, 3, 5), a_batch()).item() == pytest.approx(math.log(5))


def test_theorem_4_1_policy_gradient_is_sft_on_its_own_successes(walked):
    """With rewards 0 and 1 and no penalty: same loss and same gradient as SFT on the right walks."""
    model, batch, right = walked
    loss, grad = gradient(model, pr.policy_gradient, batch)
    kept = Batch(batch.chosen[right], batch.reward[right], batch.tokens[right])
    sft_loss, sft_grad = gradient(model, pr.sft, kept)
    share = kept.chosen.sum() / len(batch.tokens)  # PG is a mean over walks, SFT over steps
    assert loss == pytest.approx(float(sft_loss * share), abs=1e-6)
    assert torch.allclose(grad, sft_grad * share, atol=1e-6)


def test_theorem_4_2_the_gradient_never_raises_a_wrong_logit(walked, small_task):
    model, batch, _ = walked
    _, grad = gradient(model, pr.policy_gradient, batch)
    wrong = ~small_task.graph.correct
    at_target = torch.eye(12, dtype=torch.bool)[:, :, None]  # END is right there, nodes are not
    nodes = grad[:, :, :12]
    assert (nodes[wrong & ~at_target] >= 0).all()
    assert (nodes[wrong & ~at_target] > 0).any()
    assert (nodes[small_task.graph.correct] < 0).any()


def test_a_failed_batch_teaches_policy_gradient_nothing(walked):
    model, batch, right = walked
    lost = Batch(batch.chosen[~right], batch.reward[~right], batch.tokens[~right])
    loss, grad = gradient(model, pr.policy_gradient, lost)
    assert loss == 0
    assert (grad == 0).all()


def test_a_baseline_stops_learning_once_every_walk_is_right(walked):
    model, batch, right = walked
    won = Batch(batch.chosen[right], batch.reward[right], batch.tokens[right])
    _, plain = gradient(model, pr.policy_gradient, won)
    _, with_baseline = gradient(model, partial(pr.policy_gradient, baseline=True), won)
    assert plain.abs().max() > 1e-3
    assert with_baseline.abs().max() < 1e-7


def test_the_kl_term_is_a_penalty_that_pulls_towards_the_base():
    """Without reward, one small step along it must lower the KL divergence from the base."""
    base = torch.tensor([0.0, 1.0, -1.0, 0.5])
    logits = torch.tensor([2.0, 0.0, 0.0, 0.0], requires_grad=True)
    tokens = torch.zeros(4, 4, dtype=torch.long)
    tokens[:, 3] = torch.arange(4)  # every choice once, so weighting by q gives the expectation
    chosen = torch.tensor([[False, False, True]]).expand(4, 3)
    frozen = base.expand(4, 3, 4)
    batch = Batch(chosen, torch.zeros(4, 3), tokens, frozen)
    q = logits.detach().softmax(-1)
    loss = 0.0
    for k in range(4):
        one = Batch(chosen[k : k + 1], batch.reward[k : k + 1], tokens[k : k + 1], frozen[:1])
        loss = loss + q[k] * pr.policy_gradient(logits.expand(1, 3, 4), one, kl=0.5)
    loss.backward()
    kl = lambda f: (f.softmax(-1) * (f.log_softmax(-1) - base.log_softmax(-1))).sum()  # noqa: E731
    assert kl(logits.detach() - 0.01 * logits.grad) < kl(logits.detach())
    exact = torch.autograd.functional.jacobian(kl, logits.detach())
    assert torch.allclose(logits.grad, 0.5 * exact, atol=1e-6)


def test_a_share_of_the_mean_return_can_be_the_baseline():
    """Two walks over a uniform model, returns 3 and 1: log 5 a step, 2 steps, advantages 2 and 0."""
    batch = a_batch(choices=2)
    batch.reward[:] = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    logits = torch.zeros(2, 2, 5)
    for share, advantages in ((False, 3 + 1), (True, 1 - 1), (0.25, 2.5 + 0.5), (1.5, 0 - 2)):
        wanted = math.log(5) * 2 * advantages / 2
        loss = pr.policy_gradient(logits, batch, baseline=share)
        assert loss.item() == pytest.approx(wanted, abs=1e-5)


def test_only_differences_of_the_bases_logits_matter_to_the_penalty():
    frozen = torch.randn(2, 3, 5, generator=pr.seeded(0, "base"))
    logits = torch.randn(2, 3, 5, generator=pr.seeded(0, "logits"), requires_grad=True)
    slope = []
    for shift in (0.0, 7.0):
        batch = replace(a_batch(), frozen=frozen + shift)
        slope += torch.autograd.grad(pr.policy_gradient(logits, batch, kl=0.5), logits)
    assert torch.allclose(*slope, atol=1e-5)


@pytest.mark.parametrize(
    ("loss", "name", "value"),
    [
        (pr.policy_gradient, "kl", 0.25),
        (pr.policy_gradient, "baseline", 0.25),
        (pr.q_learning, "discount", 0.25),
    ],
)
def test_an_option_may_be_a_tensor_of_one_number(loss, name, value):
    logits, frozen = torch.randn(2, 2, 4, 5, generator=pr.seeded(0, "logits"))
    tokens = torch.tensor([[0, 3, 0, 1, 3], [0, 3, 0, 2, 0]])
    chosen = torch.tensor([[False, False, True, True]] * 2)
    batch = Batch(chosen, torch.tensor([[0, 0, 0, 1.0], [0, 0, 2.0, 0]]), tokens, frozen)
    plain = loss(logits, batch, **{name: value})
    assert plain != loss(logits, batch)
    assert loss(logits, batch, **{name: torch.tensor(value)}) == plain


def test_a_kl_penalty_needs_the_base():
    assert pr.policy_gradient(torch.zeros(2, 3, 5), a_batch(), kl=0.0) == 0
    with pytest.raises(pr.InputError, match=r"TrainConfig\(refresh=0\)"):
        pr.policy_gradient(torch.zeros(2, 3, 5), a_batch(), kl=0.1)


def test_q_learning_is_the_squared_td_error_worked_by_hand():
    # walk 0 -> 1 -> 2 = target, END; two states, rewards 0 and 1
    tokens = torch.tensor([[0, 2, 0, 1, 2, 3]])
    graph = pr.chain(3)
    batch = Batch(torch.tensor([[0, 0, 1, 1, 1]]).bool(), pr.process_reward(graph, tokens), tokens)
    logits = torch.zeros(1, 5, 4)
    logits[0, 2] = torch.tensor([0.1, 0.4, 0.2, 0.0])  # at 0: took 1
    logits[0, 3] = torch.tensor([0.3, 0.9, 0.6, 0.0])  # at 1: took 2
    logits[0, 4] = 7.0  # at the target nothing is learnt
    wanted = ((0.4 - 0 - 0.5 * 0.9) ** 2 + (0.6 - 1) ** 2) / 2
    loss = pr.q_learning(logits, batch, discount=0.5)
    assert loss.item() == pytest.approx(wanted, abs=1e-6)


def test_q_learning_takes_its_target_from_the_frozen_copy_if_there_is_one():
    tokens = torch.tensor([[0, 2, 0, 1, 2, 3]])
    batch = Batch(torch.tensor([[0, 0, 1, 0, 0]]).bool(), torch.zeros(1, 5), tokens)
    frozen = torch.zeros(1, 5, 4)
    frozen[0, 3, 0] = 2.0
    assert pr.q_learning(torch.zeros(1, 5, 4), batch).item() == 0
    assert pr.q_learning(torch.zeros(1, 5, 4), replace(batch, frozen=frozen)).item() == 4.0


def test_q_learning_does_not_learn_from_a_step_whose_outcome_was_cut_off():
    tokens = torch.tensor([[0, 2, 0, 1, 1]])  # never arrives
    batch = Batch(torch.tensor([[0, 0, 1, 1]]).bool(), torch.full((1, 4), 5.0), tokens)
    logits = torch.zeros(1, 4, 4, requires_grad=True)
    pr.q_learning(logits, batch).backward()
    assert logits.grad[0, 2].abs().sum() > 0
    assert (logits.grad[0, 3] == 0).all()


def test_the_td_target_looks_at_nodes_only_since_giving_up_is_no_move():
    tokens = torch.tensor([[0, 2, 0, 1, 2, 3]])
    batch = Batch(torch.tensor([[0, 0, 1, 0, 0]]).bool(), torch.zeros(1, 5), tokens)
    logits = torch.zeros(1, 5, 4)
    logits[0, 3, 3] = 50.0  # END, at node 1
    assert pr.q_learning(logits, batch).item() == 0


def test_the_td_target_looks_at_every_node_the_last_one_too():
    tokens = torch.tensor([[0, 2, 0, 1, 2, 3]])
    batch = Batch(torch.tensor([[0, 0, 1, 0, 0]]).bool(), torch.zeros(1, 5), tokens)
    for node in range(3):
        logits = torch.zeros(1, 5, 4)
        logits[0, 3, node] = 2.0
        assert pr.q_learning(logits, batch).item() == 4
        assert pr.q_learning(logits, batch, discount=0.0).item() == 0


def test_q_learning_of_a_batch_in_which_nothing_is_learnt_is_zero():
    """Not nan: one such batch would end a run."""
    tokens = torch.tensor([[0, 2, 0, 1]])
    batch = Batch(torch.tensor([[0, 0, 1]]).bool(), torch.ones(1, 3), tokens)
    assert pr.q_learning(torch.ones(1, 3, 4), batch).item() == 0


def test_no_value_above_the_upper_bound_is_bootstrapped():
    tokens = torch.tensor([[0, 2, 0, 1, 2, 3]])
    batch = Batch(torch.tensor([[0, 0, 1, 0, 0]]).bool(), torch.zeros(1, 5), tokens)
    logits = torch.zeros(1, 5, 4)
    logits[0, 3, 0] = 5.0
    assert pr.q_learning(logits, batch).item() == 25
    assert pr.q_learning(logits, batch, value_bounds=(-math.inf, 2.0)).item() == 4


def test_no_value_below_the_lower_bound_is_bootstrapped():
    tokens = torch.tensor([[0, 2, 0, 1, 2, 3]])
    batch = Batch(torch.tensor([[0, 0, 1, 0, 0]]).bool(), torch.zeros(1, 5), tokens)
    logits = torch.full((1, 5, 4), -3.0)
    logits[0, 2] = 0.0
    assert pr.q_learning(logits, batch).item() == 9
    assert pr.q_learning(logits, batch, value_bounds=(0.0, math.inf)).item() == 0


def test_giving_up_is_terminal_for_q_learning():
    tokens = torch.tensor([[0, 2, 0, 3]])
    batch = Batch(torch.tensor([[0, 0, 1]]).bool(), torch.tensor([[0.0, 0, -1]]), tokens)
    assert pr.q_learning(torch.zeros(1, 3, 4), batch).item() == 1.0


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (partial(pr.policy_gradient, kl=-0.1), "kl=-0.1"),
        (partial(pr.policy_gradient, kl=float("nan")), "kl=nan"),
        (partial(pr.q_learning, discount=1.1), "discount=1.1"),
        (partial(pr.q_learning, value_bounds=(2.0, 1.0)), r"value_bounds is .*\(2.0, 1.0\)"),
        (partial(pr.q_learning, value_bounds=(-math.inf, float("nan"))), "nan"),
        (partial(pr.policy_gradient, baseline=float("nan")), "baseline=nan"),
        (partial(pr.policy_gradient, correction="clipped"), "correction='clipped'"),
    ],
)
def test_bad_options_are_refused_before_the_first_update(loss, words):
    with pytest.raises(pr.InputError, match=words):
        pr.train(pr.LogitTable(pr.Vocab(4)), iter(()), loss)


def test_a_kl_weight_that_is_not_one_number_is_refused():
    with pytest.raises(pr.InputError, match="kl is one number"):
        pr.policy_gradient(torch.zeros(2, 3, 5), a_batch(), kl=torch.zeros(0))
