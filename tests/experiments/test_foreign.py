"""Checkpoints of other programs are opened with their data, and a report says what they do."""

from dataclasses import replace
from functools import cache

import foreign
import pytest
import torch

import planrl as pr
import planrl.experiments.report
from planrl.__main__ import main
from planrl.experiments.foreign import open_checkpoint, with_prompt
from planrl.experiments.probes import edges_read
from planrl.experiments.report import measure_model
from planrl.figures.report import report_figures
from planrl.io.formats import write_graphml
from planrl.io.prompts import Prompted, before_steps, writes_source

GRAPH = pr.Graph(
    6, [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (3, 5), (4, 5)], ["0", "1", "2", "3", "4", "5"]
)
FORMS = ["s t", "s t s", "s t -"]


def rows_of(words, paths):
    """Token rows with this prompt, by indexing planrl's rows."""
    return torch.cat([paths[:, before_steps(words)], paths[:, 3:]], 1)


@cache
def laid_out(words, root):
    """ALPINE's two folders, with a model that has learned rows of one form, and this form."""
    task = pr.all_pairs(GRAPH)
    paths = pr.sample_paths(task, 6, pr.seeded(0, "paths"))
    rows = rows_of(words, paths)
    data, out = root / "data", root / "out"
    data.mkdir()
    out.mkdir()
    write_graphml(GRAPH, data / "path_graph.graphml")
    text = "".join(" ".join(str(v) for v in row if v < GRAPH.n) + "\n" for row in rows.tolist())
    for name in ("train_6.txt", "test.txt"):
        (data / name).write_text(text)
    model = pr.Transformer(task.vocab, pr.TransformerConfig(width=24), pr.seeded(0, "weights"))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    first = len(before_steps(words)) - 1
    for _ in range(150):  # every step behind the prompt, as another program trains
        logits = model(rows, first=min(first, 2))[:, first:-1]
        chosen = rows[:, first:-1] != GRAPH.n
        loss = torch.nn.functional.cross_entropy(logits[chosen], rows[:, first + 1 :][chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for updates in (100, 2000):
        torch.save(foreign.as_nanogpt(model), out / f"{updates}_ckpt_6.pt")
    return words, out, data


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return {words: tmp_path_factory.mktemp("layout") for words in FORMS}


@pytest.fixture(params=FORMS)
def layout(request, places):
    return laid_out(request.param, places[request.param])


@pytest.fixture
def prompted(places):
    """The form that differs most from planrl's own."""
    return laid_out("s t -", places["s t -"])


def test_a_model_of_any_form_is_opened_and_scores_as_it_was_trained(layout):
    words, out, data = layout
    opened = open_checkpoint(out, data)
    assert opened.dataset.prompt == words
    assert isinstance(opened.model, Prompted) == (words != "s t")
    assert any("2000_ckpt_6.pt" in note for note in opened.notes)
    report = measure_model(opened.model, opened.dataset, sampler=opened.sampler, samples=20)
    assert report.test.greedy.mean() > 0.9
    assert report.test.accuracy.mean() > 0.9
    if words == "s t -":  # asked with the source before the first step, it does not know it
        rng = pr.seeded(0, "e")
        usual = pr.evaluate(opened.model.model, opened.dataset.test, rng=rng, samples=4)
        assert usual.greedy.mean() < 0.7
    assert report.test.diversity.max() >= 2  # from 0 to 5 there are four paths
    assert report.edges.name == "the read-out W^M'"
    scores = opened.model.readout().adjacency
    assert report.edges.quality == edges_read(scores, GRAPH, report.edges.seen)
    off = ~torch.eye(GRAPH.n, dtype=torch.bool)
    mean = report.edges.scores.masked_fill(~off, 0).sum(0)
    assert torch.allclose(mean, torch.zeros(GRAPH.n), atol=1e-4)
    assert report.edges.seen.sum() == 7


def test_the_figures_show_the_reports_own_numbers(prompted):
    _, out, data = prompted
    opened = open_checkpoint(out, data)
    report = measure_model(opened.model, opened.dataset, samples=8, strict=True)
    figures = report_figures(report)
    assert list(figures) == ["accuracy", "diversity", "errors", "degree", "quality", "edges"]
    for figure in figures.values():
        assert figure.layout.meta["alt"]
    train, test = figures["accuracy"].data
    assert list(test.y) == pytest.approx(
        [
            float(value.mean())
            for value in (
                *(report.test.accuracy, report.test.greedy),
                *(report.test.strict_accuracy, report.test.strict_greedy),
            )
        ]
    )
    assert train.name == "training pairs"
    for bars in figures["diversity"].data:
        assert sum(bars.y) == pytest.approx(1)
    assert "temperature 1" in figures["accuracy"].layout.title.text


def test_a_deep_model_is_read_from_its_logits(prompted):
    _, _, data = prompted
    opened = open_checkpoint(prompted[1], data)
    config = pr.TransformerConfig(width=8, layers=2)
    deep = pr.Transformer(opened.dataset.train.vocab, config, pr.seeded(0, "deep"))
    report = measure_model(deep, opened.dataset, samples=2)
    assert report.edges.name == "the mean logits"
    logits = pr.next_logits(deep)[..., : GRAPH.n]
    of_one = logits[[3, 4, 5], 2] - logits[[3, 4, 5], 2].mean(-1, keepdim=True)
    difference = report.edges.scores[2] - report.edges.scores[1]  # 1 has the same three targets
    of_other = logits[[3, 4, 5], 1] - logits[[3, 4, 5], 1].mean(-1, keepdim=True)
    assert torch.allclose(difference, of_one.mean(0) - of_other.mean(0), atol=1e-5)
    told = edges_read(report.edges.scores, GRAPH, report.edges.seen)
    assert report.edges.quality["auc"] == pytest.approx(told["auc"])


def test_edges_are_not_looked_for_where_there_are_none_or_too_many_nodes(prompted, monkeypatch):
    opened = open_checkpoint(prompted[1], prompted[2])
    monkeypatch.setattr(planrl.experiments.report, "MOST_READ", 5)
    report = measure_model(opened.model, opened.dataset, samples=2)
    assert report.edges is None
    assert list(report_figures(report)) == ["accuracy", "diversity", "errors", "degree"]


def test_the_command_writes_a_page_with_the_figures(prompted, tmp_path, capsys):
    _, out, data = prompted
    page = tmp_path / "report.html"
    ask = ["evaluate", str(out), "--data", str(data), "--samples", "4"]
    assert main([*ask, "--plot", str(page)]) == 0
    said = capsys.readouterr()
    assert "edges in the read-out W^M', AUC with centred columns:" in said.out
    assert f"figures in {page}" in said.err
    text = page.read_text()
    assert text.count("plotly-graph-div") == 6
    assert "6 nodes, 7 edges" in text
    assert main([*ask, "--plot", str(tmp_path / "no" / "report.html")]) == 2
    assert main([*ask, "--plot", str(tmp_path / "report.png")]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("s t s", "the source is given after `s t s`; by itself the model writes it"),
        ("t s", "the source is given after `t s`; by itself the model writes it"),
        ("s t -", "the rows have the form `s t a b t`"),
        ("t s -", "the rows have the form `t s a b t`"),
    ],
)
def test_of_every_other_form_it_is_said_what_the_model_itself_writes(layout, words, said):
    opened = open_checkpoint(layout[1], layout[2])
    model = getattr(opened.model, "model", opened.model)
    asked = with_prompt(model, replace(opened.dataset, prompt=words), opened.sampler)
    assert asked.notes[-1].startswith(said)
    share = float(writes_source(model, opened.dataset.train.pairs, words).mean())
    assert asked.notes[-1].endswith(f"probability {share:.3f}")


def test_folders_that_lack_something_are_refused_by_name(prompted, tmp_path):
    _, out, data = prompted
    with pytest.raises(pr.InputError, match="no graph and no train and no test file"):
        open_checkpoint(out)
    with pytest.raises(pr.InputError, match="has no checkpoint"):
        open_checkpoint(data, data)
    with pytest.raises(pr.InputError, match="expected a folder"):
        open_checkpoint(out, tmp_path / "none")
    with pytest.raises(pr.InputError, match=r"none\.pt was given: expected a checkpoint"):
        open_checkpoint(tmp_path / "none.pt", data)
    other = pr.Transformer(pr.tasks.Vocab(9), pr.TransformerConfig(width=8), pr.seeded(0, "w"))
    torch.save(foreign.as_nanogpt(other), tmp_path / "ckpt.pt")
    with pytest.raises(pr.InputError, match="the model knows 9 nodes, the graph has 6"):
        open_checkpoint(tmp_path, data)
