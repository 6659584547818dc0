import pytest
import torch
from torch.nn import functional as F

import planrl as pr
from planrl.transformer.kernels import Packing, attend, gelu


def test_gelu_and_its_derivative_are_torchs():
    x = torch.linspace(-12, 12, 2001, dtype=torch.float64, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    ours, theirs = gelu(x), F.gelu(y, approximate="tanh")
    ours.sum().backward()
    theirs.sum().backward()
    assert torch.allclose(ours, theirs, atol=1e-12)
    assert torch.allclose(x.grad, y.grad, atol=1e-12)
    assert torch.autograd.gradcheck(gelu, torch.linspace(-3, 3, 13).double().requires_grad_())


def plain(q, kv, live, asking, heads):
    """Row by row, with torch's own attention and nothing packed."""
    out = []
    for row in range(len(live)):
        count = int(live[row].sum())
        skip = live.shape[1] - asking.row.shape[1]
        keys, values = kv[row][:count].chunk(2, -1)
        query = q[row][skip:count]
        split = lambda x: x.unflatten(-1, (heads, -1)).transpose(0, 1)  # noqa: E731
        mask = torch.ones(count, count, dtype=torch.bool).tril()[skip:]
        seen = F.scaled_dot_product_attention(split(query), split(keys), split(values), mask)
        out.append(seen.transpose(0, 1).flatten(1))
    return torch.cat(out)


@pytest.mark.parametrize("skip", [0, 2])
@pytest.mark.parametrize("heads", [1, 3])
def test_packed_attention_and_its_derivatives_are_torchs_row_by_row(heads, skip):
    rng = pr.seeded(0, "attention")
    live = torch.arange(7) < torch.tensor([[7], [3], [5]])
    reading, asking = Packing.of(live), Packing.of(live[:, skip:])
    q, kv = (torch.randn(3, 7, w, generator=rng, dtype=torch.float64) for w in (6, 12))
    q, kv = q.requires_grad_(), kv.requires_grad_()
    ours = attend(q[live & (torch.arange(7) >= skip)], kv[live], asking, reading, heads)
    theirs = plain(q, kv, live, asking, heads)
    assert torch.allclose(ours, theirs, atol=1e-12)
    above = torch.randn(ours.shape, generator=rng, dtype=torch.float64)
    for one, two in zip(
        torch.autograd.grad(ours, (q, kv), above),
        torch.autograd.grad(theirs, (q, kv), above),
        strict=True,
    ):
        assert torch.allclose(one, two, atol=1e-12)


def test_filling_with_numbers_or_without_changes_nothing():
    """What a rectangle's filling happens to hold must not reach any result."""
    model = pr.Transformer(pr.Vocab(9), pr.TransformerConfig(width=12), pr.seeded(0, "w"))
    short = torch.tensor([[0, 4, 0, 4, 9]])
    longer = torch.tensor([[0, 4, 0, 4, 9, 9, 9, 9], [1, 5, 1, 2, 3, 4, 5, 9]])
    assert torch.allclose(model(short)[0], model(longer)[0, :5], atol=1e-6)


def test_packing_there_and_back_is_the_identity_on_live_places():
    live = torch.tensor([[True, True, False], [True, False, False], [True, True, True]])
    packing = Packing.of(live)
    padded = torch.arange(18.0).view(3, 3, 2)
    packed = packing.pack(padded)
    assert torch.equal(packed, padded[live])
    assert torch.equal(packing.pad(packed), padded * live[..., None])
    assert torch.equal(packing.fetch(packed)[live], padded[live])
