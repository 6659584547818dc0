"""Settings records as plain values, and when two of them say the same.

A saved result holds all that made it. It is current as long as today's record says the same. What
a record has gained since must have its default: an option that is younger than a result was not
used by it. `plain` gives all values, `given` only those that differ from their defaults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from planrl.experiments.datasets import DatasetSettings
from planrl.io.files import to_json

Page = dict[str, Any]


def page_of(record: Any, *, given: bool) -> Page:
    """A record without its names, as JSON gives it back: lists for tuples, null for infinity."""
    page: Page = json.loads(to_json(_fields(record, given)))
    return {key: value for key, value in page.items() if key not in ("name", "label", "tier")}


def _plain(value: Any, given: bool) -> Any:
    """A value as plain ones; with `given` fields that have their default are left out."""
    own = getattr(value, "given" if given else "plain", None)
    if own is not None:
        return own()
    if is_dataclass(value):
        return _fields(value, given)
    if isinstance(value, Mapping):
        return {key: _plain(item, given) for key, item in value.items()}
    return value


def _fields(record: Any, given: bool) -> Page:
    return {
        entry.name: _plain(getattr(record, entry.name), given)
        for entry in fields(record)
        if not (given and getattr(record, entry.name) == _default(entry))
    }


def _default(entry: Any) -> Any:
    if entry.default_factory is not MISSING:
        return entry.default_factory()
    return entry.default


def same(saved: Any, whole_page: Any, given: Any) -> bool:
    """Whether a saved record says the same as one of today.

    `whole_page` is the `plain` form of today's record, and `given` its `given` form. What the saved
    record does not have must have its default today: the option is younger than the result. What
    today's record does not have, or has with another value, makes them different.
    """
    if not isinstance(whole_page, Mapping) or not isinstance(saved, Mapping):
        return bool(saved == whole_page)
    some = given if isinstance(given, Mapping) else {}
    if not saved.keys() <= whole_page.keys():
        return False
    return all(
        same(saved[key], whole_page[key], some.get(key)) if key in saved else key not in some
        for key in whole_page
    )


def in_words(page: Page) -> dict[str, Any]:
    """The settings of a saved record that a reader wants to know, in one flat table."""
    if "call" in page:
        return {key: value for key, value in page["options"].items() if key != "seed"}
    dataset, evaluation, base = page["dataset"], page["evaluation"], page["base"]
    usual = DatasetSettings().plain()
    found = dict(dataset["options"])
    found |= {
        key: value
        for key, value in dataset.items()
        if key not in ("options", "seed", "kind") and value != usual[key]
    }
    if base["learner"] is not None:
        found["base_steps"] = base["learner"]["training"]["steps"]
    learners = page["learners"].values()
    found["steps"] = max(learner["training"]["steps"] for learner in learners)
    found |= {"samples": evaluation["samples"], "pairs": evaluation["pairs"]}
    if evaluation["steps"]:
        found["eval_steps"] = evaluation["steps"]
    layers = {key: base["model"][key] for key in ("layers", "heads")}
    return found | ({} if set(layers.values()) == {1} else layers)
