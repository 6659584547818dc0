"""Hugging Face transformers as a peer: the same weights in a GPT-2, its walks, REINFORCE on them.

It is given every advantage that a knowing user would find: one thread's best attention, a cache,
inference mode, a criterion that ends a walk at its target (so that walks follow planrl's law and no
step is wasted on saying END), no gradient for the biases that planrl does not have.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy

import planrl as pr

NAMES = {  # of a layer: planrl's parameter, GPT-2's, and whether GPT-2 keeps it transposed
    "norm_1": ("ln_1", False),
    "qkv": ("attn.c_attn", True),
    "project": ("attn.c_proj", True),
    "norm_2": ("ln_2", False),
    "expand": ("mlp.c_fc", True),
    "contract": ("mlp.c_proj", True),
}


def matching(model: pr.Transformer) -> dict[str, tuple[str, bool]]:
    """planrl's parameter -> (GPT-2's, transposed?)."""
    names = {
        "tokens.weight": ("transformer.wte.weight", False),
        "positions.weight": ("transformer.wpe.weight", False),
        "norm.weight": ("transformer.ln_f.weight", False),
    }
    for layer in range(model.config.layers):
        for mine, (theirs, turned) in NAMES.items():
            there = f"transformer.h.{layer}.{theirs}.weight"
            names[f"blocks.{layer}.{mine}.weight"] = there, turned
    return names


def gpt2(model: pr.Transformer) -> Any:
    """A GPT2LMHeadModel with these weights and biases that are 0 and stay so."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config, vocab = model.config, model.vocab
    net = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocab.size,
            n_positions=config.positions,
            n_embd=config.width,
            n_layer=config.layers,
            n_head=config.heads,
            activation_function="gelu_new",
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            layer_norm_epsilon=1e-5,
            bos_token_id=vocab.end,
            eos_token_id=vocab.end,
            pad_token_id=vocab.end,
            tie_word_embeddings=True,
            attn_implementation="sdpa",
        )
    )
    weights, theirs = model.state_dict(), dict(net.named_parameters())
    with torch.no_grad():
        for name, parameter in theirs.items():
            if name.endswith("bias"):
                parameter.zero_().requires_grad_(False)
        for mine, (name, turned) in matching(model).items():
            theirs[name].copy_(weights[mine].T if turned else weights[mine])
    return net.eval()


def gradients(model: pr.Transformer, net: Any) -> dict[str, torch.Tensor]:
    """The gradients that GPT-2 holds, under planrl's names and the right way round."""
    theirs = dict(net.named_parameters())
    return {
        mine: (theirs[name].grad.T if turned else theirs[name].grad).clone()
        for mine, (name, turned) in matching(model).items()
    }


def _at_target(targets: torch.Tensor) -> Any:
    from transformers import StoppingCriteria, StoppingCriteriaList

    class AtTarget(StoppingCriteria):
        def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
            return input_ids[:, -1] == targets

    return StoppingCriteriaList([AtTarget()])


@torch.inference_mode()
def rollouts(
    net: Any, pairs: torch.Tensor, new: int, *, cached: bool = True, greedy: bool = False
) -> torch.Tensor:
    """One walk for each pair by `generate`, filled with END."""
    prompt = pairs[:, [0, 1, 0]]
    drawing = {} if greedy else {"top_k": 0, "top_p": 1.0, "temperature": 1.0}
    return net.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=not greedy,
        max_new_tokens=new,
        use_cache=cached,
        stopping_criteria=_at_target(pairs[:, 1]),
        **drawing,
    )


def is_right(edges: set[tuple[int, int]], row: list[int], end: int) -> bool:
    """Whether a row is a right answer, seen with Python alone."""
    if end not in row or row[0] != row[2]:
        return False
    path = row[2 : row.index(end)]
    return path[-1:] == [row[1]] and all(step in edges for step in zip(path, path[1:]))  # noqa: B905, RUF007


def rewards(edges: set[tuple[int, int]], rows: torch.Tensor, end: int) -> torch.Tensor:
    """1 for each right row, else 0, by a loop over the rows."""
    return torch.tensor([float(is_right(edges, row, end)) for row in rows.tolist()])


def chosen_targets(rows: torch.Tensor, end: int) -> torch.Tensor:
    """The next tokens that a loss asks for; -100 where nothing was chosen."""
    next_node = rows[:, 1:].clone()
    given = torch.arange(next_node.shape[1]) < 2
    next_node[((rows[:, :-1] == end).cumsum(1) > 0) | given] = -100
    return next_node


def reinforce(logits: torch.Tensor, rows: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """- (1/B) sum over walks of log-probability times reward."""
    end = logits.shape[-1] - 1
    surprise = cross_entropy(
        logits.flatten(0, 1), chosen_targets(rows, end).flatten(), reduction="none"
    )
    return (surprise.view(len(rows), -1).sum(1) * value).mean()


class Reinforce:
    """A REINFORCE loop on `generate`, as one writes it: sample, reward, forward, backward, update."""

    def __init__(self, model: pr.Transformer, task: pr.Task, size: int, new: int, lr: float):
        self.net, self.task, self.size, self.new = gpt2(model), task, size, new
        self.edges, self.end = set(task.graph.edges), task.vocab.end
        self.parameters = [p for p in self.net.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=lr, weight_decay=0.0)
        self.rng = pr.seeded(0, "peer's questions")

    def loss(self, rows: torch.Tensor) -> torch.Tensor:
        """The loss of these walks."""
        value = rewards(self.edges, rows, self.end)
        logits = self.net(rows[:, :-1], use_cache=False).logits
        return reinforce(logits, rows, value)

    def step(self) -> None:
        """One update."""
        drawn = torch.randint(len(self.task.pairs), (self.size,), generator=self.rng)
        rows = rollouts(self.net, self.task.pairs[drawn], self.new).clone()
        loss = self.loss(rows)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
