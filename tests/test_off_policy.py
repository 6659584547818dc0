"""Policy gradient on paths that others drew: refused, or weighted, and how wrong it is without.

Expectations are exact: every path of a small question is enumerated, with its probability.
"""

from dataclasses import replace
from functools import partial
from itertools import islice, product

import pytest
import torch

import planrl as pr
from planrl.sampling import log_probs
from planrl.tasks import PROMPT, Batch, shaped_reward

TASK = pr.Task(pr.diamond(2), torch.tensor([[0, 3]]), pr.process_reward)
END = TASK.vocab.end
HOT, CURIOUS = pr.Sampler(temperature=3.0, max_tokens=5), pr.Sampler(epsilon=0.3, max_tokens=5)
PURE = pr.Sampler(max_tokens=5)
NEARLY_GREEDY = pr.Sampler(greedy=True, epsilon=0.5, max_tokens=5)


def a_table(name, vocab=TASK.vocab):
    model = pr.LogitTable(vocab).double()
    with torch.no_grad():
        model.table.normal_(generator=pr.seeded(0, name))
    return model


def all_paths(task=TASK, max_tokens=5):
    """Every row that a path of the task's one question can be."""
    source, target = task.pairs[0].tolist()
    end, rows = task.vocab.end, set()
    for picked in product(range(task.vocab.size), repeat=max_tokens - PROMPT):
        ends = [at for at, token in enumerate(picked, 1) if token in (target, end)]
        kept = picked[: ends[0]] if ends else picked
        rows.add((source, target, source, *kept, *[end] * (len(picked) - len(kept))))
    return torch.tensor(sorted(rows))


def drawn_by(model, sampler, rows):
    """The probability of each row, which is checked to be one."""
    probs = log_probs(model, rows, sampler).sum(1).exp()
    assert probs.sum().item() == pytest.approx(1.0, abs=1e-12)
    return probs


def expected(loss, model, rows, probs, log_probs, task=TASK, frozen=None):
    """The expected gradient of the loss on a batch of one path with these probabilities."""
    logits, whole = model(rows[:, :-1]), task.batch(rows)
    base = None if frozen is None else frozen(rows[:, :-1]).detach()
    total = torch.zeros((), dtype=torch.float64)
    for row, prob in enumerate(probs.detach()):
        one = slice(row, row + 1)
        batch = Batch(
            whole.chosen[one],
            whole.reward[one],
            rows[one],
            None if base is None else base[one],
            log_probs[one],
        )
        total = total + prob * loss(logits[one], batch)
    return torch.autograd.grad(total, model.table)[0]


@pytest.mark.parametrize("sampler", [PURE, HOT, CURIOUS, NEARLY_GREEDY])
@pytest.mark.parametrize("other", [False, True])
def test_sequence_weights_make_any_covering_behaviour_exactly_unbiased(sampler, other):
    policy, base = a_table("policy"), a_table("base")
    source, rows = (a_table("walker") if other else policy), all_paths()
    plain = log_probs(policy, rows, PURE)
    own = expected(pr.policy_gradient, policy, rows, plain.sum(1).exp(), plain)
    # minus the slope of the expected return, and of the END that is written at the target
    batch, returns = TASK.batch(rows), TASK.reward(TASK.graph, rows).sum(1).double()
    taken = policy(rows[:, :-1]).log_softmax(-1).gather(-1, rows[:, 1:, None]).squeeze(-1)
    written = batch.chosen & (rows[:, :-1] == 3)
    paths = torch.where(batch.chosen & ~written, taken, 0.0).sum(1).exp()
    slope = (returns * paths).sum() + (taken * written).sum(1) @ (returns * paths).detach()
    wanted = -torch.autograd.grad(slope, policy.table)[0]
    assert torch.allclose(own, wanted, atol=1e-12)
    probs = drawn_by(source, sampler, rows)
    for kl in (0.0, 0.3):
        loss = partial(pr.policy_gradient, kl=kl)
        own = expected(loss, policy, rows, plain.sum(1).exp(), plain, frozen=base)
        weighted = partial(loss, correction="sequence")
        behaviour = log_probs(source, rows, sampler)
        found = expected(weighted, policy, rows, probs, behaviour, frozen=base)
        assert own.abs().max() > 0.01
        assert torch.allclose(found, own, atol=1e-12)


@pytest.mark.parametrize("sampler", [PURE, HOT, CURIOUS])
def test_the_bias_of_token_weights_and_of_none_is_the_one_that_is_stated(sampler):
    """Token weights: nodes as often as mu visits them, what follows as mu earns it. None: steps too."""
    policy, source, rows = a_table("policy"), a_table("walker"), all_paths()
    probs, returns = drawn_by(source, sampler, rows), TASK.reward(TASK.graph, rows).sum(1).double()
    chosen, behaviour = TASK.vocab.chosen(rows), log_probs(source, rows, sampler)
    logq = policy(rows[:, :-1]).log_softmax(-1)
    token, none = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for at in range(PROMPT - 1, rows.shape[1] - 1):
        for start in rows[:, : at + 1].unique(dim=0):  # a beginning that mu may draw
            current = (rows[:, : at + 1] == start).all(1) & chosen[:, at]
            for k in rows[current, at + 1].unique():
                some = current & (rows[:, at + 1] == k)
                visited_and_earned = probs[some] @ returns[some]  # d(start) mu(k) Q(start, k)
                step = logq[some][0, at, k]
                if start[-1] == 3:  # END is written here, so every weight is 1
                    token, none = (
                        token + visited_and_earned * step,
                        none + visited_and_earned * step,
                    )
                    continue
                mu = behaviour[some][0, at].exp()
                token = token + visited_and_earned / mu * step.exp()
                none = none + visited_and_earned * step
    plain = log_probs(policy, rows, PURE)
    own = expected(pr.policy_gradient, policy, rows, plain.sum(1).exp(), plain)
    for correction, stated in (("token", token), ("none", none)):
        wanted = -torch.autograd.grad(stated, policy.table, retain_graph=True)[0]
        loss = partial(pr.policy_gradient, correction=correction)
        found = expected(loss, policy, rows, probs, behaviour)
        assert torch.allclose(found, wanted, atol=1e-12)
        assert (found - own).abs().max() > 0.01


def test_on_paths_of_one_step_token_weights_are_exact_and_without_them_it_is_this_much_less():
    """0 -> 1, logits 0, 1 and 0, drawn at temperature 3: q = e / (e + 2), slope q (1 - q)."""
    arrived = partial(shaped_reward, edge=0.0)
    task = pr.Task(pr.chain(2), torch.tensor([[0, 1]]), arrived)
    sampler = pr.Sampler(temperature=3.0, max_tokens=4)
    policy = pr.LogitTable(task.vocab).double()
    with torch.no_grad():
        policy.table[1, 0, 1] = 1.0
    rows = all_paths(task, max_tokens=4)
    probs, behaviour = drawn_by(policy, sampler, rows), log_probs(policy, rows, sampler)
    found = {
        correction: -expected(
            partial(pr.policy_gradient, correction=correction), policy, rows, probs, behaviour, task
        )[1, 0, 1].item()
        for correction in ("none", "token", "sequence")
    }
    assert found["token"] == pytest.approx(0.2442, abs=1e-4)
    assert found["sequence"] == pytest.approx(0.2442, abs=1e-4)
    assert found["none"] == pytest.approx(0.1743, abs=1e-4)


def test_sequence_weights_leave_a_mean_over_the_batch_unbiased():
    """A batch of two paths: each of all pairs of paths, with its probability.

    But for END behind the target, which is written: there a mean return does not cancel.
    """
    loss = partial(pr.policy_gradient, baseline=True)
    task = pr.Task(pr.chain(2), torch.tensor([[0, 1]]), pr.process_reward)
    policy, source = a_table("policy", task.vocab), a_table("walker", task.vocab)
    rows = all_paths(task, max_tokens=5)
    sampler = pr.Sampler(epsilon=0.2, max_tokens=5)

    def gradient(source, sampler, loss):
        behaviour, total = log_probs(source, rows, sampler), torch.zeros(())
        probs = behaviour.sum(1).exp()
        for a, b in product(range(len(rows)), repeat=2):
            two = rows[[a, b]]
            batch = replace(task.batch(two), log_probs=behaviour[[a, b]])
            total = total + (probs[a] * probs[b]).detach() * loss(policy(two[:, :-1]), batch)
        return torch.autograd.grad(total, policy.table)[0][:, 0]

    own = gradient(policy, pr.Sampler(max_tokens=5), loss)
    assert own.abs().max() > 0.01
    found = gradient(source, sampler, partial(loss, correction="sequence"))
    assert torch.allclose(found, own, atol=1e-12)
    assert not torch.allclose(gradient(source, sampler, loss), own, atol=1e-3)


def streams(model, task):
    """Streams whose batches are not the model's own paths, and what is said of each."""
    rng, rows = pr.seeded(0, "w"), pr.sample_paths(task, 2, pr.seeded(0, "p"))
    drawn = partial(pr.on_policy, task=task, rng=rng, size=4)
    return {
        "temperature=3.0": drawn(model, sampler=pr.Sampler(temperature=3.0)),
        "epsilon=0.1": drawn(model, sampler=pr.Sampler(epsilon=0.1)),
        "greedy=True": drawn(model, sampler=pr.Sampler(greedy=True)),
        "may_stop=False": drawn(model, sampler=pr.Sampler(may_stop=False)),
        "epsilon=0.5, may_stop=False": drawn(
            model, sampler=pr.Sampler(epsilon=0.5, may_stop=False)
        ),
        "another model": drawn(pr.LogitTable(task.vocab)),
        "last changed": pr.replay(drawn(model), rng=rng),
        "demonstrations": pr.demonstrations(task, rows, rng=rng),
    }


WORDS = list(streams(pr.LogitTable(TASK.vocab), TASK))


@pytest.mark.parametrize("words", WORDS)
def test_paths_that_are_not_the_policys_own_are_refused_and_the_reason_is_named(words):
    model, config = pr.LogitTable(TASK.vocab), pr.TrainConfig(steps=12)
    with pytest.raises(pr.InputError, match=rf"on-policy batch, but .*{words}.*correction="):
        list(pr.train(model, streams(model, TASK)[words], pr.policy_gradient, config))


@pytest.mark.parametrize("words", WORDS)
def test_whoever_asks_for_no_weights_or_does_not_need_them_is_served(words):
    for loss in (partial(pr.policy_gradient, correction="none"), pr.q_learning, pr.sft):
        model = pr.LogitTable(TASK.vocab)
        assert (
            len(list(pr.train(model, streams(model, TASK)[words], loss, pr.TrainConfig(steps=12))))
            == 12
        )


def test_a_batch_is_stale_once_its_model_was_trained_on():
    model = pr.LogitTable(TASK.vocab)
    rollouts = pr.on_policy(model, TASK, rng=pr.seeded(0, "w"), size=4)
    batch = next(rollouts)
    pr.policy_gradient(model(batch.tokens[:, :-1]), batch)
    list(pr.train(model, rollouts, pr.policy_gradient, pr.TrainConfig(steps=1)))
    with pytest.raises(pr.InputError, match="before the model's parameters were last changed"):
        pr.policy_gradient(model(batch.tokens[:, :-1]), batch)


def test_of_a_batch_made_by_hand_nothing_is_known_and_it_is_taken():
    model = pr.LogitTable(TASK.vocab)
    batch = next(pr.on_policy(model, TASK, rng=pr.seeded(0, "w"), sampler=HOT))
    own = Batch(batch.chosen, batch.reward, batch.tokens)
    assert pr.policy_gradient(model(batch.tokens[:, :-1]), own).isfinite()
    assert next(iter(pr.train(model, iter([own]), pr.policy_gradient))).step == 1


@pytest.mark.parametrize("correction", ["token", "sequence"])
def test_on_its_own_paths_weights_change_no_bit(correction):
    runs = []
    for loss in (pr.policy_gradient, partial(pr.policy_gradient, correction=correction)):
        model = pr.LogitTable(TASK.vocab)
        rollouts = pr.on_policy(model, TASK, rng=pr.seeded(0, "w"), size=8)
        runs.append(
            [*pr.train(model, rollouts, loss, pr.TrainConfig(steps=5)), model.table.tolist()]
        )
    assert runs[0] == runs[1]


@pytest.mark.parametrize("correction", ["token", "sequence"])
def test_old_paths_of_a_replay_are_weighted_by_what_was_recorded(correction):
    model = pr.LogitTable(TASK.vocab)
    drawn = pr.on_policy(model, TASK, rng=pr.seeded(0, "w"), sampler=HOT, record_probs=True)
    batches = pr.replay(drawn, rng=pr.seeded(0, "r"), capacity=20)
    loss = partial(pr.policy_gradient, correction=correction)
    records = list(pr.train(model, batches, loss, pr.TrainConfig(steps=8, lr=0.1)))
    assert len(records) == 8
    assert model.table.isfinite().all()


def test_recording_probabilities_changes_no_path():
    table = a_table("policy")
    one, two = (
        list(islice(pr.on_policy(table, TASK, rng=pr.seeded(0, "w"), record_probs=record), 3))
        for record in (False, True)
    )
    for a, b in zip(one, two, strict=True):
        assert torch.equal(a.tokens, b.tokens)
        assert a.log_probs is None
        assert torch.equal(b.log_probs, log_probs(table, b.tokens))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("greedy=True", "all but the most likely ones"),
        ("may_stop=False", "those that end before the target"),
        ("demonstrations", "all but the demonstrated ones"),
        ("temperature=3.0", "record_probs=True"),
        ("another model", "record_probs=True"),
    ],
)
@pytest.mark.parametrize("correction", ["token", "sequence"])
def test_weights_that_can_not_be_had_are_refused(words, said, correction):
    model = pr.LogitTable(TASK.vocab)
    loss = partial(pr.policy_gradient, correction=correction)
    with pytest.raises(pr.InputError, match=said):
        list(pr.train(model, streams(model, TASK)[words], loss, pr.TrainConfig(steps=2)))


def test_a_policy_that_can_not_give_up_may_be_sampled_without_giving_up():
    model = pr.LogitTable(TASK.vocab)
    with torch.no_grad():
        model.table[:, :, END] = -torch.inf
        model.table[3, 3, END] = 0.0  # at the target END is written, and learnt
    rollouts = pr.on_policy(model, TASK, rng=pr.seeded(0, "w"), sampler=pr.Sampler(may_stop=False))
    records = list(pr.train(model, rollouts, pr.policy_gradient, pr.TrainConfig(steps=3)))
    assert len(records) == 3


def test_an_unknown_correction_is_refused():
    batch = TASK.batch(torch.tensor([[0, 3, 0, 1, 3, 4]]))
    with pytest.raises(pr.InputError, match="'clipped' was given: choose"):
        pr.policy_gradient(torch.zeros(1, 5, 5), batch, correction="clipped")


def test_where_paths_run_past_their_target_the_end_behind_it_is_drawn_and_weighed(small_task):
    task = pr.all_pairs(small_task.graph, pr.process_reward)
    other, learner = pr.LogitTable(task.vocab), pr.LogitTable(task.vocab)
    with torch.no_grad():
        for seed, model in enumerate((other, learner)):
            model.table.normal_(generator=pr.seeded(seed, "table"))
    for stops in (True, False):
        sampler = pr.Sampler(stop_at_target=stops)
        drawn = pr.on_policy(
            other, task, rng=pr.seeded(0, "paths"), sampler=sampler, record_probs=True
        )
        batch = next(drawn)
        logq = [
            model(batch.tokens[:, :-1])
            .log_softmax(-1)
            .gather(-1, batch.tokens[:, 1:, None])[..., 0]
            for model in (other, learner)
        ]
        counted = batch.chosen
        if stops:
            counted = counted & (batch.tokens[:, :-1] != batch.tokens[:, 1:2])
        zero = torch.zeros(())
        assert torch.allclose(batch.log_probs, torch.where(counted, logq[0], zero), atol=1e-5)
        weight = torch.where(counted, logq[1] - logq[0], zero).sum(1, keepdim=True).exp()
        value = weight * batch.reward.sum(1, keepdim=True)
        wanted = -(torch.where(batch.chosen, logq[1], zero) * value).sum() / len(batch.tokens)
        source = replace(batch.source, learner=learner)
        loss = pr.policy_gradient(
            learner(batch.tokens[:, :-1]), replace(batch, source=source), correction="sequence"
        )
        assert loss != 0.0
        assert torch.allclose(loss, wanted, rtol=1e-4)
        assert bool((batch.chosen & ~counted).any()) == stops
