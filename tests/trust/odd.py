"""What strangers write: odd values, spoilt bytes, spoilt JSON."""

from __future__ import annotations

import copy
from typing import Any

import hypothesis.strategies as st
import torch

WORDS = st.sampled_from(
    [
        "0",
        "1",
        "2",
        "07",
        "a",
        "b",
        "Bern",
        "-1",
        "1.5",
        "nan",
        "",
        "#",
        "²",
        "٣",
        "9" * 5000,
        "x" * 5000,
        "a b",
        "a\tb",
        "\x1b[31m",
        "\u202e",
        "é",
        "😀",
        "<b>",
        "&amp;",
        "]]>",
        "'",
        '"',
        "%s{0}",
    ]
)
NUMBERS = st.one_of(
    st.integers(-3, 12),
    st.sampled_from([2**31, 2**63, -(2**63) - 1, 10**12, 10**400, -1]),
    st.floats(),
    st.sampled_from([0.5, -0.0, 1e-320, 1e308, float("nan"), float("inf")]),
)
PLAIN: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS, st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=6,
)
TENSORS = st.builds(
    lambda shape, kind, fill: torch.full(shape, fill).to(kind),
    st.lists(st.integers(0, 4), max_size=4),
    st.sampled_from([torch.float32, torch.int64, torch.bool, torch.complex64, torch.int8]),
    st.sampled_from([0.0, 1.0, 2.0, -1.0, 7.0, float("nan"), float("inf")]),
)
ANYTHING = st.one_of(PLAIN, TENSORS, st.binary(max_size=8), st.just(object()), st.just(int))


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """The path to everything inside plain values, at most 200 of them."""
    found = [path]
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in inner:
        if len(found) < 200:
            found += places(item, (*path, key))
    return found


@st.composite
def spoilt(draw, value: Any, odd: Any = PLAIN, most: int = 3) -> Any:
    """The same plain values but for one to `most` places: replaced, left out or doubled."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, most))):
        path = draw(st.sampled_from(places(value)))
        if not path:
            return draw(odd)
        inside = value
        for key in path[:-1]:
            inside = inside[key]
        how = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if how == "replace":
            inside[path[-1]] = draw(odd)
        elif how == "remove":
            del inside[path[-1]]
        elif isinstance(inside, list):
            inside.append(draw(odd))
        else:
            inside[draw(st.text(max_size=6))] = draw(odd)
    return value


@st.composite
def spoilt_bytes(draw, content: bytes) -> bytes:
    """The same bytes cut short, with some changed, with some put in, or others altogether."""
    at = draw(st.integers(0, max(len(content) - 1, 0)))
    how = draw(st.sampled_from(["cut", "flip", "insert", "zero", "other", "double"]))
    if how == "cut":
        return content[:at]
    if how == "flip":
        changed = bytearray(content)
        for place in draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
            changed[place] ^= draw(st.integers(1, 255))
        return bytes(changed)
    if how == "insert":
        return content[:at] + draw(st.binary(min_size=1, max_size=40)) + content[at:]
    if how == "zero":
        return content[:at] + bytes(min(64, len(content) - at)) + content[at + 64 :]
    return content + content if how == "double" else draw(st.binary(max_size=200))


@st.composite
def spoilt_text(draw, text: str) -> str:
    """The same text with a word of it replaced, left out, doubled or moved, or a bracket changed."""
    for _ in range(draw(st.integers(1, 3))):
        words = text.split(" ")
        at = draw(st.integers(0, len(words) - 1))
        how = draw(st.sampled_from(["replace", "remove", "double", "cut", "bracket", "swap"]))
        if how == "replace":
            words[at] = draw(st.one_of(WORDS, st.sampled_from(words)))
        elif how == "remove":
            del words[at]
        elif how == "double":
            words[at:at] = words[at : at + draw(st.integers(1, 30))]
        elif how == "cut":
            words = words[:at]
        elif how == "swap":
            other = draw(st.integers(0, len(words) - 1))
            words[at], words[other] = words[other], words[at]
        else:
            words[at] = draw(
                st.sampled_from(["(", ")", "(not", "(or", "(forall (?x)", "(=", "((", "))", "(and"])
            )
        text = " ".join(words) or " "
    return text
