"""Plain PyTorch as a peer: a GPT trained on padded blocks, and a table trained on padded batches.

This is what a competent user of torch writes without further thought: blocks of a fixed length,
every position computed, no cache and no early end when generating.
"""

from __future__ import annotations

import torch
from peers_hf import chosen_targets, reinforce, rewards
from torch import nn
from torch.nn.functional import cross_entropy, gelu, scaled_dot_product_attention

import planrl as pr


class Layer(nn.Module):
    """Attention and a feed-forward part, each after a norm and added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_1 = nn.LayerNorm(width, bias=False)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.project = nn.Linear(width, width, bias=False)
        self.norm_2 = nn.LayerNorm(width, bias=False)
        self.expand = nn.Linear(width, 4 * width, bias=False)
        self.contract = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, L, D] -> [B, L, D]."""
        rows, length, width = x.shape
        q, k, v = (
            part.view(rows, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.qkv(self.norm_1(x)).split(width, dim=2)
        )
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(mixed.transpose(1, 2).reshape(rows, length, width))
        return x + self.contract(gelu(self.expand(self.norm_2(x)), approximate="tanh"))


class Gpt(nn.Module):
    """planrl's Transformer, computed at every position of every row. Names as in planrl."""

    def __init__(self, model: pr.Transformer) -> None:
        super().__init__()
        config = model.config
        self.tokens = nn.Embedding(model.vocab.size, config.width)
        self.positions = nn.Embedding(config.positions, config.width)
        self.blocks = nn.ModuleList(Layer(config.width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width, bias=False)
        self.load_state_dict(model.state_dict())

    def forward(self, tokens: torch.Tensor, *, last: bool = False) -> torch.Tensor:
        """Logits [B, L, V]; only those of the last position if `last`."""
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return (x[:, -1:] if last else x) @ self.tokens.weight.T


@torch.no_grad()
def generate(net: Gpt, pairs: torch.Tensor, new: int, *, greedy: bool = False) -> torch.Tensor:
    """One row for each pair, always `new` tokens long, each from a forward pass over all before."""
    tokens = pairs[:, [0, 1, 0]]
    for _ in range(new):
        probs = net(tokens, last=True)[:, -1].softmax(-1)
        best = probs.argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, best if greedy else torch.multinomial(probs, 1)], 1)
    return tokens


def cut(tokens: torch.Tensor, end: int) -> torch.Tensor:
    """The same rows with END in place of all that follows the target, or the first END."""
    stop = (tokens == tokens[:, 1:2]) | (tokens == end)
    stop[:, :3] = False
    over = stop.cumsum(1) - stop.long() > 0
    return torch.where(over, end, tokens)


def descend(net: nn.Module, optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    """One update, its gradient clipped at length 1."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()


class Blocks:
    """SFT on rows padded to the block size, drawn from memory by random index."""

    def __init__(self, model: pr.Transformer, rows: torch.Tensor, size: int, lr: float) -> None:
        self.net, self.size, self.end = Gpt(model), size, model.vocab.end
        block = model.config.positions
        padded = torch.full((len(rows), block + 1), self.end)
        padded[:, : rows.shape[1]] = rows
        self.inputs, self.targets = padded[:, :-1], chosen_targets(padded, self.end)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=lr, weight_decay=0.0)
        self.rng = pr.seeded(0, "peer's rows")

    def loss(self, rows: torch.Tensor) -> torch.Tensor:
        """Mean surprise at the chosen steps of these rows, given by number."""
        logits = self.net(self.inputs[rows])
        return cross_entropy(logits.flatten(0, 1), self.targets[rows].flatten(), ignore_index=-100)

    def step(self) -> None:
        """One update."""
        rows = torch.randint(len(self.inputs), (self.size,), generator=self.rng)
        descend(self.net, self.optimizer, self.loss(rows))


class PlainReinforce:
    """REINFORCE on `generate`: no cache, no early end, reward by a Python loop."""

    def __init__(self, model: pr.Transformer, task: pr.Task, size: int, new: int, lr: float):
        self.net, self.task, self.size, self.new = Gpt(model), task, size, new
        self.edges, self.end = set(task.graph.edges), task.vocab.end
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=lr, weight_decay=0.0)
        self.rng = pr.seeded(0, "peer's questions")

    def loss(self, rows: torch.Tensor) -> torch.Tensor:
        """The loss of these walks."""
        value = rewards(self.edges, rows, self.end)
        return reinforce(self.net(rows[:, :-1]), rows, value)

    def step(self) -> None:
        """One update."""
        drawn = torch.randint(len(self.task.pairs), (self.size,), generator=self.rng)
        rows = cut(generate(self.net, self.task.pairs[drawn], self.new), self.end)
        descend(self.net, self.optimizer, self.loss(rows))


class TableReinforce:
    """Online REINFORCE of a table of logits [target, here, next], on padded batches."""

    def __init__(self, table: torch.Tensor, task: pr.Task, size: int, length: int, lr: float):
        n = task.graph.n
        self.table, self.task, self.size, self.length = (
            nn.Parameter(table.clone()),
            task,
            size,
            length,
        )
        self.end, self.edge = n, torch.zeros(n + 1, n + 1, dtype=torch.bool)
        self.edge[:n, :n] = task.graph.adjacency
        self.optimizer = torch.optim.AdamW([self.table], lr=lr, weight_decay=0.0)
        self.rng = pr.seeded(0, "peer's questions")

    @torch.no_grad()
    def walks(self, pairs: torch.Tensor) -> torch.Tensor:
        """One walk for each pair; the loop ends when all have ended."""
        end, target = self.end, pairs[:, 1]
        columns, current = [pairs[:, 0], target, pairs[:, 0]], pairs[:, 0]
        going = torch.ones(len(pairs), dtype=torch.bool)
        while len(columns) < self.length:
            probs = self.table[target, current.clamp(max=end - 1)].softmax(-1)
            drawn = torch.multinomial(probs, 1, generator=self.rng).squeeze(1)
            current = torch.where(going, drawn, end)
            columns.append(current)
            going = going & (current != target) & (current != end)
            if not going.any():
                columns.append(torch.full_like(current, end))
                break
        return torch.stack(columns[: self.length], 1)

    def reward(self, rows: torch.Tensor) -> torch.Tensor:
        """1 for each right row, else 0, by looking its steps up."""
        current, next_node = rows[:, 2:-1], rows[:, 3:]
        into_end = next_node == self.end
        legal = (self.edge[current, next_node] | into_end | (current == self.end)).all(1)
        arrived = (into_end & (current == rows[:, 1:2])).any(1)
        return (legal & arrived).float()

    def loss(self, rows: torch.Tensor) -> torch.Tensor:
        """REINFORCE over the padded batch."""
        current, next_node, end = rows[:, :-1], rows[:, 1:], self.end
        chosen = current != end
        chosen[:, :2] = False
        logits = self.table[rows[:, 1:2], current.clamp(max=end - 1)]  # [B, T, V]
        logp = logits.log_softmax(-1).gather(-1, next_node.unsqueeze(-1)).squeeze(-1)
        return -(logp * chosen * self.reward(rows).unsqueeze(1)).sum() / len(rows)

    def step(self) -> None:
        """One update."""
        drawn = torch.randint(len(self.task.pairs), (self.size,), generator=self.rng)
        loss = self.loss(self.walks(self.task.pairs[drawn]))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_([self.table], 1.0)
        self.optimizer.step()
