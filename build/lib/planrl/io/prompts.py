"""Other prompts: rows and models that write a source-target pair differently from planrl.

planrl's rows read `s t s a b t`: the question is `s t`, and the path starts with its source. Others
write the source again: `s t s` is the question of their rows `s t s s a b t`. Others leave it out:
`s t a b t`. A prompt is given by its words, s for the source and t for the target; the path with
its source follows, or, where the last word is `-`, without its source.

The rows of a file tell which prompt they have: since no edge leads from a node to itself, a row is
a correct path after one of the prompts in FORMS at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from planrl.errors import InputError, shown
from planrl.graphs import Graph
from planrl.io.text_rows import AT_ONCE, Lines, why_no_path
from planrl.models import Decoder, Readout
from planrl.tasks import PROMPT, Vocab, is_path
from planrl.transformer import Transformer

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

USUAL = "s t"
REPEATED = "s t s"  # the source is written again
LEFT_OUT = "s t -"  # the path is written without its source
FORMS = (USUAL, REPEATED, LEFT_OUT, "t s", "t s -")
"""The prompts that are recognised from the rows of a file."""
MOST_WORDS = 16


def check_prompt(words: str) -> str:
    """The words of a prompt, one blank between them. Raises InputError if they are none."""
    parts = words.split() if isinstance(words, str) else []
    named = parts[:-1] if parts[-1:] == ["-"] else parts
    if not 2 <= len(named) <= MOST_WORDS or set(named) != {"s", "t"}:
        raise InputError(
            f"prompt={shown(words)} was given: expected words s (source) and t (target), both and "
            f"at most {MOST_WORDS}: `{USUAL}` for planrl's rows, `{REPEATED}` for `s t s s a b t`, "
            f"`{LEFT_OUT}` for `s t a b t`, whose - says that the path leaves its source out"
        )
    return " ".join(parts)


def row_of(words: str) -> str:
    """A row with this prompt, for the path s, a, b, t: `s t s a b t`."""
    return " ".join([*("st"[i] for i in before_steps(words)), "a b t"])


def before_steps(words: str) -> list[int]:
    """What each token before the path's first step repeats: 0 the source, 1 the target."""
    named = check_prompt(words).split()
    tokens = named[:-1] if named[-1] == "-" else [*named, "s"]
    return [0 if word == "s" else 1 for word in tokens]


class Prompted:
    """A Transformer that was trained with another prompt, as a model of planrl's rows.

    Each row that planrl gives or asks for is put to the model in its own form, so that whatever
    takes a PathModel (`rollout`, `evaluate`, ...) takes this one. The source is given to the model
    however often its rows repeat it; `writes_source` says whether it would write it by itself.
    """

    def __init__(self, model: Transformer, words: str) -> None:
        self.model, self.words, self.positions = model, check_prompt(words), before_steps(words)

    @property
    def vocab(self) -> Vocab:
        """The tokens it reads and speaks of."""
        return self.model.vocab

    def _theirs(self, tokens: Tensor) -> Tensor:
        return torch.cat([tokens[:, self.positions], tokens[:, PROMPT:]], 1)

    def __call__(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L V"]:
        """Logits of the next token at every position; 0 where nothing is chosen."""
        self.vocab.check_prompts(tokens)
        logits = self.model(self._theirs(tokens), first=min(len(self.positions), PROMPT) - 1)
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
    since no node leads to itself, and near 1 for one whose rows repeat the source. With `s t -`,
    the question alone, it is near 0 for a model whose rows leave the source out.
    """
    positions = before_steps(words)
    given = pairs[:, positions if check_prompt(words).endswith("-") else positions[:-1]]
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
    end = graph.n
    if check_prompt(words) == USUAL or lines.tokens.shape[1] <= len(before_steps(words)):
        return lines
    if not len(lines.tokens):
        return lines
    wrong = _wrong(lines)
    moved, theirs = _moved(lines.tokens, words, end)
    theirs &= wrong
    width = max(moved.shape[1], lines.tokens.shape[1])
    rows = torch.where(theirs[:, None], _wide(moved, width, end), _wide(lines.tokens, width, end))
    rows = rows[:, : int((rows != end).sum(1).max()) + 1].contiguous()
    again = {line for line, mine in zip(lines.line, theirs.tolist(), strict=True) if mine}
    invalid = [item for item in lines.invalid if item[0] not in again]
    for row in (theirs & ~_correct(graph, rows)).nonzero().squeeze(1).tolist():
        path = rows[row][rows[row] != end].tolist()
        invalid.append((lines.line[row], why_no_path(graph, path)))
    return replace(lines, tokens=rows, invalid=tuple(sorted(invalid)))


def detected_prompt(lines: Lines, graph: Graph, name: str) -> str:
    """The prompt in FORMS after which the rows of a file are correct paths; "" if no row is one.

    Raises InputError if some rows are correct after one prompt and some after another, as a model
    could not tell which is asked. `name` is what the error calls the file.
    """
    wrong = _wrong(lines)
    left, at = lines.tokens[wrong], wrong.nonzero().squeeze(1)
    found = {USUAL: (~wrong).nonzero().squeeze(1)}
    for words in FORMS[1:]:
        if len(left) and left.shape[1] > len(before_steps(words)):
            moved, theirs = _moved(left, words, graph.n)
            found[words] = at[theirs & _correct(graph, moved)]
    found = {words: rows for words, rows in found.items() if len(rows)}
    if len(found) > 1:
        counts = ", ".join(
            f"{len(rows):,} rows as `{row_of(words)}` (the first is line {lines.line[rows[0]]})"
            for words, rows in found.items()
        )
        raise InputError(
            f"{name} mixes forms of rows: {counts}. Expected: one form in all rows of a data set. "
            "Rewrite the rows of the other form, or leave them out"
        )
    return next(iter(found), "")


def common_prompt(files: Mapping[str, Lines], graph: Graph) -> str:
    """The prompt of the rows in all these files; planrl's own if no row is a correct path.

    Raises InputError if the files differ, or one of them has several (see `detected_prompt`).
    """
    found = {name: detected_prompt(lines, graph, name) for name, lines in files.items()}
    forms = {name: words for name, words in found.items() if words}
    if len(set(forms.values())) > 1:
        said = ", ".join(f"{name} has rows as `{row_of(words)}`" for name, words in forms.items())
        raise InputError(f"{said}. Expected: one form in both files; rewrite one of them")
    return next(iter(forms.values()), USUAL)


def _wrong(lines: Lines) -> Bool[Tensor, " B"]:
    """The rows that are no correct paths as planrl writes them."""
    invalid = {line for line, _ in lines.invalid}
    return torch.tensor([line in invalid for line in lines.line], dtype=torch.bool)


def _moved(tokens: Tensor, words: str, end: int) -> tuple[Tensor, Tensor]:
    """Rows with this prompt in planrl's form, and which of the rows have it."""
    positions = before_steps(words)
    pair = tokens[:, [positions.index(0), positions.index(1)]]
    theirs = (tokens[:, : len(positions)] == pair[:, positions]).all(1) & (pair[:, 0] != pair[:, 1])
    if words.endswith("-"):
        theirs &= tokens[:, len(positions)] != pair[:, 0]
    moved = torch.cat([pair, pair[:, :1], tokens[:, len(positions) :]], 1)
    return _wide(moved, PROMPT + 1, end), theirs


def _wide(rows: Tensor, width: int, end: int) -> Tensor:
    """The rows, padded with END to at least this width."""
    padding = rows.new_full((len(rows), max(0, width - rows.shape[1])), end)
    return torch.cat([rows, padding], 1)


def _correct(graph: Graph, rows: Tensor) -> Bool[Tensor, " B"]:
    """Which rows are correct paths, some rows at a time."""
    parts = rows.split(max(1, AT_ONCE // rows.shape[1]))
    return torch.cat([is_path(graph, part) for part in parts])


def better_prompt(lines: Lines, graph: Graph, words: str) -> str:
    """What to say of rows that are invalid with this prompt and paths with another one, or ""."""
    wrong = len(in_usual_rows(lines, graph, words).invalid)
    fewer = {
        other: wrong - len(in_usual_rows(lines, graph, other).invalid)
        for other in FORMS
        if wrong and other != check_prompt(words)
    }
    other = max(fewer, key=lambda prompt: fewer[prompt], default=USUAL)
    if wrong and fewer[other] > 0:
        count = fewer[other]
        return f'; {count} of them are paths after the prompt `{other}`: give --prompt "{other}"'
    if not wrong or wrong < len(lines.tokens):
        return ""
    forms = ", ".join(f"`{row_of(form)}`" for form in FORMS)
    return f"; no row is a correct path in any of the forms {forms}"
