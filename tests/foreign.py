"""planrl's Transformer as another program would save it: what several tests start from."""

import torch

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
