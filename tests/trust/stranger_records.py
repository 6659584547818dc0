"""Records that strangers give: saved results, stored sweeps, settings."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields

import ground
import hypothesis.strategies as st
from odd import ANYTHING, NUMBERS, spoilt, spoilt_bytes

import planrl as pr
from planrl.claims import CLAIMS, verdicts
from planrl.experiments import costs, store, sweeps
from planrl.experiments.datasets import DatasetSettings, FileDataset
from planrl.experiments.runs import Algorithm, RunSettings
from planrl.experiments.study import Base, Evaluation, Learner, Study
from planrl.io import keys
from planrl.io.files import to_json

# --- Saved results
RESULT = store.FOLDER / "choices-seed0.json"
NEEDING = [
    claim.id for claim in CLAIMS if any("choices" in place.needs for place in claim.conditions)
]
NESTED = [
    "[" * 100_000,
    '{"a":' * 100_000,
    "1" * 10_000,
    "NaN",
    "null",
    '{"format": "planrl-result/2"}',
    "",
]


@st.composite
def results(draw):
    how = draw(st.integers(0, 2))
    if how == 0:
        return draw(spoilt_bytes(RESULT.read_bytes()[:3000]))
    if how == 1:
        return draw(st.sampled_from(NESTED))
    return json.dumps(
        draw(
            spoilt(
                json.loads(RESULT.read_text()),
                st.one_of(
                    st.none(),
                    st.booleans(),
                    st.floats(),
                    st.text(max_size=5),
                    st.lists(st.integers(0, 3), max_size=3),
                ),
            )
        )
    )


def saved_results(content):
    folder = ground.GIVEN / "results"
    folder.mkdir(exist_ok=True)
    path = folder / RESULT.name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    store.read(path)
    assert store.results("choices", folder=folder)
    for verdict in verdicts(NEEDING, folder=folder):
        assert verdict.verdict


def job(settings):
    return settings.lr


def sweep_pages(settings):
    code, _ = keys.fingerprint(job, pr.TrainConfig)
    return keys.pages("stranger_records.job", code, "", settings)


def stored_sweeps(content):
    folder = ground.GIVEN / "sweep"
    shutil.rmtree(folder, ignore_errors=True)
    settings = [pr.TrainConfig(lr=0.5)]
    file = sweeps._files(folder, sweep_pages(settings))[0]
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    for result in sweeps.sweep(job, settings, store=folder, n_jobs=1):
        assert result.settings in settings


@st.composite
def sweep_files(draw):
    page = {
        "format": sweeps.FORMAT,
        **sweep_pages([pr.TrainConfig(lr=0.5)])[0],
    }
    page |= {"value": 0.5, "cpu_seconds": 0.1}
    if draw(st.booleans()):
        return draw(st.one_of(st.sampled_from(NESTED), spoilt_bytes(json.dumps(page).encode())))
    try:
        return json.dumps(draw(spoilt(page)))
    except ValueError:
        return ""


# --- Settings
KINDS = {
    kind.__name__ + module: kind
    for kind, module in [
        (pr.TrainConfig, ""),
        (pr.Sampler, ""),
        (pr.TransformerConfig, ""),
        (Algorithm, ""),
        (DatasetSettings, ""),
        (FileDataset, ""),
        (RunSettings, ""),
        (costs.Point, " of costs"),
    ]
}
KINDS |= {kind.__name__: kind for kind in (Evaluation, Base, Learner, Study, costs.Settings)}
NEEDED = {
    "Algorithm": {"name": "sft"},
    "FileDataset": {"graph": "g", "train": "a", "test": "b"},
    "RunSettings": {"algorithm": Algorithm(name="sft")},
    "Learner": {"algorithm": Algorithm("sft"), "training": pr.TrainConfig(steps=1)},
    "Study": {"name": "x", "label": "y", "learners": {}, "evaluation": Evaluation()},
}


@st.composite
def settings_given(draw):
    name = draw(st.sampled_from(sorted(KINDS)))
    own = [entry.name for entry in fields(KINDS[name]) if entry.init]
    chosen = draw(st.lists(st.sampled_from(own), min_size=1, max_size=3, unique=True))
    return name, {key: draw(st.one_of(NUMBERS, ANYTHING)) for key in chosen}


def settings_records(call):
    name, values = call
    record = KINDS[name](**{**NEEDED.get(name, {}), **values})
    json.loads(
        to_json(
            {
                entry.name: getattr(record, entry.name)
                for entry in fields(record)
                if entry.name
                not in (
                    "algorithm",
                    "dataset",
                    "model",
                    "training",
                    "base",
                    "learner",
                    "evaluation",
                )
            }
        )
    )
