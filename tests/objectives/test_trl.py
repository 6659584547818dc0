"""Our losses equal TRL's own loss code on one frozen batch: the outside check.

The expected numbers are stored (see trl_numbers.py, which says how they were made); where TRL is
installed they are also computed anew.
"""

import importlib.util
import json
from functools import partial
from pathlib import Path

import pytest
import torch

import planrl as pr
from planrl.objectives import dapo, dr_grpo, grpo, gspo
from planrl.objectives.advantages import Group, centred, same_pair, standardised
from planrl.tasks import Batch, Source, parameter_state

FOLDER = Path(__file__).parent
PAGE = json.loads((FOLDER / "trl_numbers.json").read_text(encoding="utf-8"))
END, GROUP, LENGTH = 5, 4, 5
spec = importlib.util.spec_from_file_location("trl_numbers", FOLDER / "trl_numbers.py")
trl_numbers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(trl_numbers)

OURS = {
    "grpo": grpo,
    "grpo, two iterations": grpo,
    "grpo with k3": partial(grpo, kl=0.3),
    "grpo with corrected k3": partial(grpo, kl=0.3, kl_corrected=True),
    "grpo with corrected k3, two iterations": partial(grpo, kl=0.3, kl_corrected=True),
    "dr_grpo": partial(dr_grpo, max_length=LENGTH),
    "dr_grpo, two iterations": partial(dr_grpo, max_length=LENGTH),
    "dapo": partial(dapo, clip_ratio_high=0.2, filtered=False),
    "dapo with clip-higher, two iterations": partial(dapo, filtered=False),
    "dapo with entropy": partial(dapo, clip_ratio_high=0.2, filtered=False, entropy=0.1),
    "gspo, two iterations": gspo,
    "gspo with a wide clip, two iterations": partial(
        gspo, clip_ratio_low=0.2, clip_ratio_high=0.28
    ),
}


def the_batch(old=True):
    """The frozen batch as planrl sees it, END drawn like any other token."""
    rows = [
        [s, t, s, *path, *[END] * (LENGTH - len(path))]
        for (s, t), path in zip(
            [pair for pair in trl_numbers.PAIRS for _ in range(GROUP)],
            trl_numbers.COMPLETIONS,
            strict=True,
        )
    ]
    tokens = torch.tensor(rows)
    vocab = pr.Vocab(END)
    reward = torch.zeros(len(rows), tokens.shape[1] - 1, dtype=torch.float64)
    reward[:, 2] = torch.tensor(trl_numbers.REWARDS)
    given = {
        name: torch.cat(
            [
                torch.zeros(len(rows), 2, END + 1).double(),
                torch.tensor(values).double().view(len(rows), LENGTH, END + 1),
            ],
            1,
        )
        for name, values in PAGE["logits"].items()
    }
    policy = pr.LogitTable(vocab)
    source = Source(policy, parameter_state(policy), stop_at_target=False)
    chosen = vocab.chosen(tokens)
    log_probs = given["old"].log_softmax(-1).gather(-1, tokens[:, 1:, None]).squeeze(-1)
    log_probs = torch.where(chosen, log_probs, 0.0) if old else None
    return given["policy"], Batch(chosen, reward, tokens, given["reference"], log_probs, source)


def ours(name):
    """Our loss, and its gradient by the logits of the completions."""
    logits, batch = the_batch(old="two iterations" in name)
    logits.requires_grad_()
    loss = OURS[name](logits, batch)
    (gradient,) = torch.autograd.grad(loss, logits)
    return loss.item(), gradient[:, 2:].flatten()


@pytest.mark.parametrize("name", OURS)
def test_loss_and_gradient_are_those_that_trl_computed(name):
    wanted = PAGE["cases"][name]
    loss, gradient = ours(name)
    theirs = torch.tensor(wanted["gradient"], dtype=torch.float64)
    assert theirs.abs().max() > 1e-3
    assert loss == pytest.approx(wanted["loss"], abs=1e-6)
    assert (gradient - theirs).abs().max() < 1e-6


@pytest.mark.parametrize(("name", "advantage"), [("grpo", standardised), ("dr_grpo", centred)])
def test_advantages_are_those_that_trl_computed(name, advantage):
    _, batch = the_batch()
    group = Group(batch.reward.sum(1), same_pair(batch), batch.reward.sum(1), torch.zeros(12))
    theirs = torch.tensor(PAGE["cases"][name]["advantages"], dtype=torch.float64)
    assert (advantage(group) - theirs).abs().max() < 1e-6


def test_the_cases_do_differ():
    """A stored number that any loss would meet proves nothing."""
    gradients = [torch.tensor(page["gradient"]) for page in PAGE["cases"].values()]
    for at, one in enumerate(gradients):
        for other in gradients[at + 1 :]:
            assert (one - other).abs().max() > 1e-4


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OURS)
def test_trl_still_computes_the_stored_numbers(name):
    pytest.importorskip("trl", reason="the extra `bench` is not installed")
    found, stored = trl_numbers.case(trl_numbers.CASES[name]), PAGE["cases"][name]
    assert found["loss"] == pytest.approx(stored["loss"], abs=1e-6)
    assert found["gradient"] == pytest.approx(stored["gradient"], abs=1e-6)
