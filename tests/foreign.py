"""planrl's Transformer as another program would save it: what several tests start from."""

import torch

import planrl as pr
from planrl.io.formats import write_alpine, write_graphml
from planrl.io.nanogpt import _NAMES


def as_nanogpt(model, **sizes):
    """The page of a nanoGPT checkpoint that holds this model."""
    state, config = model.state_dict(), model.config
    tokens = state["tokens.weight"]
    weights = {
        "transformer.wte.weight": torch.cat(
            [torch.zeros_like(tokens[:1]), tokens[-1:], tokens[:-1]]
        ),
        "transformer.wpe.weight": state["positions.weight"],
        "transformer.ln_f.weight": state["norm.weight"],
    }
    for layer in range(config.layers):
        for theirs, ours in _NAMES.items():
            key = f"transformer.h.{layer}.{theirs}.weight"
            weights[key] = state[f"blocks.{layer}.{ours}.weight"]
    weights["lm_head.weight"] = weights["transformer.wte.weight"]
    told = {
        "n_layer": config.layers,
        "n_head": config.heads,
        "n_embd": config.width,
        "block_size": config.positions,
        "vocab_size": len(tokens) + 1,
        "bias": False,
    }
    return {"model": weights, "model_args": told | sizes}


def write_folders(root):
    """A graph, rows and an untrained model below `root`, in folders as ALPINE's template has them."""
    data, out = root / "data/simple_graph/100", root / "out/simple_graph_1_1_120_100"
    for folder in (data, out):
        folder.mkdir(parents=True)
    task = pr.all_pairs(pr.random_dag(10, 0.4, pr.seeded(0, "graph")))
    write_graphml(task.graph, data / "path_graph.graphml")
    train, test = pr.split(task, 0.5, pr.seeded(0, "split"))
    for name, part in (("train_20.txt", train), ("test.txt", test)):
        write_alpine(data / name, task.graph, pr.sample_paths(part, 2, pr.seeded(0, "paths")))
    model = pr.Transformer(task.vocab, pr.TransformerConfig(width=8), pr.seeded(0, "weights"))
    torch.save(as_nanogpt(model), out / "10000_ckpt_20.pt")
