"""Exercises on what a layer holds, and on pieces of paths: right answers, and named mistakes."""

import re

import torch

import planrl as pr
from planrl.experiments.probes import attention_by_position
from planrl.teaching import exercises
from planrl.transformer.reference import plain


def expect(verdict, right, words):
    assert verdict.right is right, verdict
    assert re.search(words, verdict.text), verdict


def test_attention_share_names_the_mistake():
    share = exercises.attention_share
    expect(share(lambda a, going: a[..., 1][going].mean()), True, "attention on the target")
    expect(share(lambda a, going: a[..., 0][going].mean()), False, "position 0, the source")
    expect(share(lambda a, going: a[..., 1].mean()), False, "every position")
    expect(share(lambda a, going: a[:, 1][going].mean()), False, "attended")
    expect(share(lambda a, going: a[..., 1][going].sum()), False, "a sum")
    expect(share(lambda a, going: a[..., 1]), False, "Expected one number")
    expect(share(lambda a, going: 0.5), False, "Got 0.500")
    expect(share(lambda a, going: None), False, "nothing")
    expect(share(lambda a, going: "half"), False, "raised")
    mean_of_means = lambda a, g: ((a[..., 1] * g).sum(1) / g.sum(1)).mean()  # noqa: E731
    expect(share(mean_of_means), False, "short paths")


def test_lift_names_the_mistake():
    def chosen(part, logits, correct):
        best = logits.masked_fill(~correct, -torch.inf).argmax()
        worst = logits.masked_fill(correct, -torch.inf).argmax()
        return part[best] - part[worst]

    lift = exercises.lift
    expect(lift(chosen), True, "lead of the correct token")
    expect(lift(lambda a, z, c: -chosen(a, z, c)), False, "other way round")
    expect(lift(lambda a, z, c: chosen(z, z, c)), False, "whole lead")
    expect(lift(lambda a, z, c: chosen(a, a, c)), False, "by `attended`")
    expect(lift(lambda a, z, c: a[z.masked_fill(~c, -9).argmax()]), False, "alone")
    expect(lift(lambda a, z, c: a[c].mean() - a[~c].mean()), False, "averaged")
    expect(lift(lambda a, z, c: 7.0), False, "expected -0.500")
    expect(lift(lambda a, z, c: a), False, "one number")


def test_readout_names_the_mistake():
    def table(model, own=1.0, fed=1.0, n=9):
        x = model.tokens.weight
        return ((own * x + fed * model.blocks[0].feed_forward(x)) @ x.T)[:n, :n]

    expect(exercises.readout(table), True, "model.readout")
    expect(exercises.readout(lambda m: table(m, own=0.0)), False, "own embedding")
    expect(exercises.readout(lambda m: table(m, fed=0.0)), False, "feed-forward part is missing")
    expect(exercises.readout(lambda m: m.readout().adjacency), False, "layer norms")
    expect(exercises.readout(lambda m: table(m).T), False, "exchanged")
    expect(exercises.readout(lambda m: table(m, n=10)), False, "END")
    expect(exercises.readout(lambda m: torch.zeros(9, 9)), False, "differs")
    expect(exercises.readout(lambda m: torch.zeros(3)), False, "Expected a table 9 x 9")
    expect(exercises.readout(lambda m: m.nothing), False, "AttributeError")


def filled(a, r, scale=40.0, use_a=1.0, use_r=1.0, stop=1.5):
    table = use_a * a.float()[None] + use_r * r.float()[:, None]  # [target, here, next]
    end = torch.full((*table.shape[:2], 1), stop)
    return scale * torch.cat([table, end], -1)


def test_fill_names_the_mistake():
    expect(exercises.fill(filled), True, "every question")
    expect(exercises.fill(lambda a, r: filled(a, r, scale=1.0)), False, "too small")
    expect(
        exercises.fill(lambda a, r: filled(a, r, use_r=0.0, stop=0.5)), False, "Choose END|Use R"
    )
    expect(
        exercises.fill(lambda a, r: filled(a, r, use_a=0.0, stop=0.5)), False, "Use A|Choose END"
    )
    expect(exercises.fill(lambda a, r: filled(a, r, stop=-1.0)), False, "Choose END")
    expect(exercises.fill(lambda a, r: filled(a, r, stop=9.0)), False, "not reached the target")
    expect(exercises.fill(lambda a, r: filled(a.T, r.T)), False, "order|END|Use")
    expect(exercises.fill(lambda a, r: filled(a, r)[..., :-1]), False, "END is one more")
    expect(exercises.fill(lambda a, r: filled(a, r) / 0.0), False, "not finite")
    expect(exercises.fill(lambda a, r: None), False, "nothing")


def test_pieces_names_the_mistake():
    def cut(path):
        n = len(path)
        return [path[a:b] for a in range(n) for b in range(a + 2, n + 1)]

    expect(exercises.pieces(cut), True, "held-out")
    expect(exercises.pieces(lambda p: [*cut(p), p[:1]]), False, "one node")
    expect(exercises.pieces(lambda p: [*cut(p), [p[0], p[2]]]), False, "consecutive nodes")
    expect(exercises.pieces(lambda p: [p[a:] for a in range(len(p) - 1)]), False, "new targets")
    expect(exercises.pieces(lambda p: [p[:b] for b in range(2, len(p))]), False, "old source")
    expect(exercises.pieces(lambda p: cut(p)[:-1]), False, "missing")
    expect(exercises.pieces(lambda p: ...), False, "nothing")
    expect(exercises.pieces(lambda p: 7), False, "TypeError")
    expect(exercises.pieces(lambda p: cut(p) if p[0] == 4 else 1 / 0), False, "ZeroDivisionError")


def test_pieces_of_paths_help_on_questions_that_were_held_out():
    told = exercises.pieces(
        lambda p: [p[a:b] for a in range(len(p)) for b in range(a + 2, len(p) + 1)]
    ).text
    cut, whole = (int(percent) for percent in re.findall(r"(\d+)%", told))
    assert cut > whole + 5


def test_attention_by_place_is_where_the_last_layer_looks():
    task = pr.all_pairs(pr.chain(5))
    rows = pr.sample_paths(task, 1, pr.seeded(0, "paths"))
    config = pr.TransformerConfig(layers=2, heads=2, width=8)
    model = pr.Transformer(task.vocab, config, pr.seeded(0, "weights"))
    found = attention_by_position(model, rows)
    parts = [found[name] for name in ("target", "source", "current", "between")]
    assert abs(sum(parts) - 1) < 1e-5
    shares = plain(model, rows)[1][-1].mean(1).detach()
    by_hand, even = [], []
    for row, share in zip(rows.tolist(), shares, strict=True):
        for position in range(2, row.index(row[1], 2)):
            by_hand.append(float(share[position, 1]))
            even.append(1 / (position + 1))
    assert abs(found["target"] - sum(by_hand) / len(by_hand)) < 1e-6
    assert abs(found["even"] - sum(even) / len(even)) < 1e-6
