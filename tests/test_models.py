import pytest
import torch
from torch.nn.functional import gelu

import planrl as pr
from planrl.tasks import Vocab


def by_hand(model, tokens):
    """The one-layer, one-head Transformer written out plainly, filling and all."""
    weights = model.state_dict()

    def norm(x, name):
        x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        return x * weights[f"{name}.weight"]

    length, width = tokens.shape[1], model.config.width
    x = weights["tokens.weight"][tokens] + weights["positions.weight"][:length]
    q, k, v = (norm(x, "blocks.0.norm_1") @ weights["blocks.0.qkv.weight"].T).split(width, -1)
    score = (q @ k.transpose(1, 2)) / width**0.5
    score = score.masked_fill(torch.ones(length, length).triu(1).bool(), -torch.inf)
    x = x + score.softmax(-1) @ v @ weights["blocks.0.project.weight"].T
    hidden = norm(x, "blocks.0.norm_2") @ weights["blocks.0.expand.weight"].T
    x = x + gelu(hidden, approximate="tanh") @ weights["blocks.0.contract.weight"].T
    return norm(x, "norm") @ weights["tokens.weight"].T


def sharp(vocab, **sizes):
    """A Transformer whose weights are large enough for differences to show, in double precision.

    In single precision rounding alone is amplified by such weights, differently on each processor.
    """
    model = pr.Transformer(vocab, pr.TransformerConfig(**sizes), pr.seeded(0, "weights")).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8)
    return model


def test_the_transformer_computes_what_its_formula_says_wherever_something_is_chosen():
    model = sharp(Vocab(6), width=16)
    tokens = torch.tensor([[0, 3, 0, 1, 3, 6, 6], [1, 5, 1, 2, 3, 4, 5], [2, 4, 2, 6, 6, 6, 6]])
    ours, theirs = model(tokens), by_hand(model, tokens)
    live = tokens != 6
    live[:, :2] = False  # the prompt's first two places only spell the question
    assert torch.allclose(ours[live], theirs[live], atol=1e-9)
    assert (ours[~live] == 0).all()


@pytest.mark.parametrize("count", [5, 40], ids=["fewer walks than tokens", "more"])
@pytest.mark.parametrize("layers", [1, 3])
def test_the_decoder_gives_the_logits_of_the_whole_row(layers, count):
    model = sharp(Vocab(8), width=16, heads=2, layers=layers)
    tokens = torch.randint(0, 8, (count, 9), generator=pr.seeded(0, "tokens"))
    decoder = model.decoder(tokens[:, :3], 9)
    whole = model(tokens)
    rows = torch.arange(count)
    with torch.no_grad():
        for place in range(3, 9):
            assert torch.allclose(decoder.logits(), whole[rows, place - 1], atol=1e-9)
            if place in (5, 7):  # drop, double and reorder rows on the way
                keep = torch.tensor([3, 0, 2, 3] * (place - 4))
                decoder.keep(keep)
                rows = rows[keep]
            decoder.push(tokens[rows, place])


def test_the_table_looks_up_target_and_here():
    table = pr.LogitTable(Vocab(3))
    with torch.no_grad():
        table.table.copy_(torch.arange(36.0).view(3, 3, 4))
    logits = table(torch.tensor([[0, 2, 0, 1, 3]]))
    assert torch.equal(logits[0, 2], table.table[2, 0])
    assert torch.equal(logits[0, 3], table.table[2, 1])
    assert (logits[0, 4] == 0).all()
    decoder = table.decoder(torch.tensor([[0, 2, 0]]), 5)
    decoder.push(torch.tensor([1]))
    assert torch.equal(decoder.logits()[0], table.table[2, 1])


def test_all_models_satisfy_the_protocol_and_start_from_their_seed(make_model):
    one, two, other = make_model(Vocab(5)), make_model(Vocab(5)), make_model(Vocab(5), seed=1)
    assert isinstance(one, pr.PathModel)
    tokens = torch.tensor([[0, 4, 0, 2]])
    assert torch.equal(one(tokens), two(tokens))
    assert not isinstance(one, pr.Transformer) or not torch.equal(one(tokens), other(tokens))


def test_default_sizes_are_the_papers_and_embeddings_are_tied():
    model = pr.Transformer(Vocab(100), pr.TransformerConfig(), pr.seeded(0, "weights"))
    assert (model.config.layers, model.config.heads, model.config.width) == (1, 1, 120)
    count = 101 * 120 + 32 * 120 + 12 * 120 * 120 + 3 * 120
    assert sum(p.numel() for p in model.parameters()) == count


def test_readout_without_norms_is_alpines_formula():
    model = sharp(Vocab(6), width=16)
    embedding, block = model.tokens.weight, model.blocks[0]
    ours = model.readout(norms=False)
    current = (embedding + block.feed_forward(embedding)) @ embedding.T
    value = block.project(embedding @ block.qkv.weight[32:].T)
    target = (value + block.feed_forward(value)) @ embedding.T
    assert torch.allclose(ours.adjacency, current[:6, :6], atol=1e-5)
    assert torch.allclose(ours.reachability, target[:6, :6], atol=1e-5)
    assert not torch.allclose(model.readout().adjacency, ours.adjacency)


def test_readout_of_a_table_averages_the_other_index_away():
    table = pr.LogitTable(Vocab(3))
    with torch.no_grad():
        table.table[2, :, 1] = 3.0
    assert torch.allclose(table.readout().adjacency[:, 1], torch.ones(3))
    assert table.readout().reachability[2, 1] == 3.0


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: pr.TransformerConfig(width=10, heads=3), "width 10 does not divide"),
        (lambda: pr.TransformerConfig(layers=0), "layers=0 .* at least 1"),
        (lambda: sharp(Vocab(5), positions=4)(torch.zeros(1, 6, dtype=torch.long)), "positions=6"),
        (lambda: sharp(Vocab(5))(torch.zeros(1, 2, dtype=torch.long)), "starts with the prompt"),
        (lambda: sharp(Vocab(5), layers=2).readout(), "defined for one layer"),
        (lambda: sharp(Vocab(5))(torch.tensor([[0, 1, 9]])), "token 9 at position 2"),
        (lambda: pr.LogitTable(Vocab(5))(torch.tensor([[0, -1, 0]])), "token -1 at position 1"),
    ],
)
def test_bad_sizes_are_refused(build, words):
    with pytest.raises(pr.InputError, match=words):
        build()


def test_a_linear_transformer_of_many_nodes_decodes_as_its_table_would(monkeypatch):
    vocab, rng = Vocab(12), pr.seeded(3, "weights")
    model = pr.LinearTransformer(vocab)
    with torch.no_grad():
        for rows in model.parameters():
            rows.normal_(generator=rng)
    pairs = torch.tensor([[s, t] for s in range(12) for t in range(12) if s != t])
    found = []
    for most in (12, 11):
        monkeypatch.setattr("planrl.models.MOST_CHAINED", most)
        decoder = model.decoder(vocab.prompt(pairs), 9)
        steps = [decoder.logits()]
        decoder.push(pairs[:, 1].flip(0))
        steps.append(decoder.logits())
        decoder.keep(torch.arange(0, len(pairs), 3))
        found.append([*steps, decoder.logits()])
    table, summed = found
    assert all(torch.equal(*both) for both in zip(table, summed, strict=True))
    assert not torch.equal(table[0], table[1])
