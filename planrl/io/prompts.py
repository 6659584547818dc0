"""Other prompts: rows and models that write a source-target pair differently from planrl.

planrl's rows read `s t s a b t`: the question is `s t`, and the path starts with its source. Others
write the source again: `s t s` is the question of their rows `s t s s a b t`. A prompt is given by
its words, s for the source and t for the target; the path with its source follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from planrl.errors import InputError, shown
from planrl.graphs import Graph
from planrl.io.text_rows import Lines, why_no_path
from planrl.models import Decoder, Readout
from planrl.tasks import PROMPT, Vocab, is_path
from planrl.transformer import Transformer

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

USUAL = "s t"
REPEATED = "s t s"  # the source is written again
MOST_WORDS = 16


def check_prompt(words: str) -> str:
    """The words of a prompt, one blank between them. Raises InputError if they are none."""
    parts = words.split() if isinstance(words, str) else []
    if not 2 <= len(parts) <= MOST_WORDS or set(parts) != {"s", "t"}:
        raise InputError(
            f"prompt={shown(words)} was given: expected words s (source) and t (target), both and "
            f"at most {MOST_WORDS}: `{USUAL}` for planrl's rows, `{REPEATED}` for `s t s s a b t`"
        )
    return " ".join(parts)


def _positions(words: str) -> list[int]:
    """The column of (source, target) that each token before the path's first step repeats."""
    return [0 if word == "s" else 1 for word in (*check_prompt(words).split(), "s")]


class Prompted:
    """A Transformer that was trained with another prompt, as a model of planrl's rows.

    Each row that planrl gives or asks for is put to the model in its own form, so that whatever
    takes a PathModel (`rollout`, `evaluate`, ...) takes this one. The source is given to the model
    however often its rows repeat it; `writes_source` says whether it would write it by itself.
    """

    def __init__(self, model: Transformer, words: str) -> None:
        self.model, self.words, self.positions = model, check_prompt(words), _positions(words)

    @property
    def vocab(self) -> Vocab:
        """The tokens it reads and speaks of."""
        return self.model.vocab

    def _theirs(self, tokens: Tensor) -> Tensor:
        return torch.cat([tokens[:, self.positions], tokens[:, PROMPT:]], 1)

    def __call__(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L V"]:
        """Logits of the next token at every position; 0 where nothing is chosen."""
        self.vocab.check_prompts(tokens)
        logits = self.model(self._theirs(tokens))
        asked = torch.zeros_like(logits[:, : PROMPT - 1])
        return torch.cat([asked, logits[:, len(self.positions) - 1 :]], 1)

    def decoder(self, tokens: Int[Tensor, "B P"], length: int) -> Decoder:
        """A decoder that has read these prompts; `length` is the longest row, in planrl's form."""
        return self.model.decoder(self._theirs(tokens), length + len(self.positions) - PROMPT)

    def readout(self) -> Readout:
        """The read-out of the model's weights, which does not depend on the prompt."""
        return self.model.readout()

    def parameters(self) -> Iterator[nn.Parameter]:
        """What is trained."""
        return self.model.parameters()

    def state_dict(self) -> dict[str, Any]:
        """The model's weights, by name."""
        return self.model.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Take these weights."""
        return self.model.load_state_dict(state_dict)


def writes_source(
    model: Transformer, pairs: Int[Tensor, "B 2"], words: str = REPEATED
) -> Float[Tensor, " B"]:
    """The probability that the model, given the prompt's words, itself writes the source next.

    With `s t s`, planrl's own question and first node, it is near 0 for a model of planrl's rows,
    since no node leads to itself, and near 1 for one whose rows repeat the source. The words are at
    least three, since the Transformer chooses nothing before.
    """
    given = pairs[:, _positions(words)[:-1]]
    with torch.inference_mode():
        all_probs = [
            model.decoder(rows, rows.shape[1]).logits().softmax(-1) for rows in given.split(1024)
        ]
        return torch.cat(all_probs).gather(1, pairs[:, :1]).squeeze(1)


def in_usual_rows(lines: Lines, graph: Graph, words: str) -> Lines:
    """Rows of a text file whose prompt has these words, as planrl's rows.

    Rows that have planrl's form already stay as they are. `invalid` tells of the rows that are no
    paths in either form.
    """
    positions, tokens, end = _positions(words), lines.tokens, graph.n
    start = len(positions) - 1  # the column at which their paths start
    if check_prompt(words) == USUAL or tokens.shape[1] <= start or not len(tokens):
        return lines
    pair = tokens[:, [positions.index(0), positions.index(1)]]
    theirs = (tokens[:, : start + 1] == pair[:, positions]).all(1) & (pair[:, 0] != pair[:, 1])
    padding = tokens.new_full((len(tokens), start - (PROMPT - 1)), end)
    moved = torch.cat([pair, tokens[:, start:], padding], 1)
    rows = torch.where(theirs[:, None], moved, tokens)
    rows = rows[:, : int((rows != end).sum(1).max()) + 1].contiguous()
    again = {line for line, mine in zip(lines.line, theirs.tolist(), strict=True) if mine}
    invalid = [item for item in lines.invalid if item[0] not in again]
    for row in (theirs & ~is_path(graph, rows)).nonzero().squeeze(1).tolist():
        path = rows[row][rows[row] != end].tolist()
        invalid.append((lines.line[row], why_no_path(graph, path)))
    return replace(lines, tokens=rows, invalid=tuple(sorted(invalid)))


def better_prompt(lines: Lines, graph: Graph, words: str) -> str:
    """What to say of rows that are invalid with this prompt and paths with another one, or ""."""
    wrong = len(in_usual_rows(lines, graph, words).invalid)
    other = REPEATED if check_prompt(words) != REPEATED else USUAL
    fewer = wrong and wrong - len(in_usual_rows(lines, graph, other).invalid)
    if fewer <= 0:
        return ""
    return f'; {fewer} of them are paths after the prompt `{other}`: give --prompt "{other}"'
