import pytest
import torch

import planrl as pr
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.evaluations import mismatch
from planrl.experiments.streams import FULL, Setup, rollouts, rounded, rounded_rollouts


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_a_rounded_row_has_so_many_values_and_none_is_more_than_half_a_step_away(bits):
    weight = torch.randn(5, 4000, generator=pr.seeded(0, "weights"))
    found = rounded(weight, bits)
    step = weight.abs().amax(-1, keepdim=True) / (2 ** (bits - 1) - 1)
    assert max(len(row.unique()) for row in found) <= 2**bits - 1
    assert ((found - weight).abs() <= step / 2 + 1e-6).all()
    assert torch.equal(rounded(weight, FULL), weight)


def test_fewer_bits_walk_further_from_the_learner_and_all_of_them_do_not_at_all(
    small_task, sharp_transformer
):
    model = sharp_transformer(4)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    gaps = [mismatch(model, small_task, bits, pr.seeded(0, "gap")) for bits in (FULL, 8, 4, 2)]
    assert gaps[0] == 0
    assert gaps == sorted(gaps)
    assert gaps[-1] > 0.05
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_a_policy_that_is_not_rounded_samples_what_the_model_samples():
    dataset = DatasetSettings(nodes=14, edge_probability=0.3).make()
    model = pr.LogitTable(dataset.train.vocab)
    ours, plain = (
        stream(Setup(dataset, model, model, pr.seeded(0, "w")), size=9, **options)
        for stream, options in ((rounded_rollouts, {"bits": FULL}), (rollouts, {}))
    )
    assert torch.equal(next(ours).tokens, next(plain).tokens)


def test_bits_nobody_has_are_refused():
    with pytest.raises(pr.InputError, match=r"bits is 2 \.\. 16, or 32"):
        rounded(torch.ones(2, 2), 1)
