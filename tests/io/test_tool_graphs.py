"""Tool graphs and chains of calls in the public format: read, counted, refused in words, trained on."""

import itertools
import json
import random
from pathlib import Path

import pytest
import torch

import planrl as pr
from planrl.__main__ import main
from planrl.domains import assistant, structure
from planrl.errors import InputError
from planrl.experiments import streams
from planrl.experiments.algorithms import Algorithm
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.runs import RunSettings
from planrl.io.checkpoints import load
from planrl.io.formats import read_graph, read_paths
from planrl.io.tool_graphs import BRANCHED, LEFT, PASSED, RETURNED, SINGLE, read_tools

TOOLS = ["find", "book", "pay", "tell"]
LINKS = [("find", "book"), ("book", "pay"), ("pay", "tell"), ("pay", "find"), ("tell", "tell")]


def call(*names, links=None, word="task"):
    links = list(itertools.pairwise(names)) if links is None else links
    return {
        f"{word}_nodes": [{"task": name, "arguments": []} for name in names],
        f"{word}_links": [{"source": a, "target": b} for a, b in links],
    }


REQUESTS = [
    call("find", "book", "pay"),
    call("find", "book", "pay"),
    call("book", "pay", word="tool"),
    call("pay", "find", "book", links=[("find", "book"), ("pay", "find")]),
    call("tell", "tell"),
    call("pay", "tell", "tell"),
    call("find"),
    call("find", "book", "pay", links=[("find", "book"), ("find", "pay")]),
    call("find", "tell"),
    call("pay", "find", "book", "pay"),
]


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path / "tools")


def written(folder, tools=TOOLS, links=LINKS, requests=REQUESTS):
    folder.mkdir()
    page = {
        "nodes": [{"id": name, "desc": "a tool"} for name in tools],
        "links": [{"source": a, "target": b, "type": "text"} for a, b in links],
    }
    (folder / "graph_desc.json").write_text(json.dumps(page, indent=1))
    lines = [item if isinstance(item, str) else json.dumps(item) for item in requests]
    (folder / "data.json").write_text("\n".join(lines) + "\n")
    return folder


def test_chains_are_paths_as_often_as_the_data_have_them(folder):
    tools = read_tools(folder)
    assert tools.graph.labels == tuple(TOOLS)
    assert tools.graph.edges == ((0, 1), (1, 2), (2, 0), (2, 3))
    assert tools.self_loops == ("tell",)
    assert tools.counts == {(0, 1, 2): 2, (1, 2): 1, (2, 0, 1): 1, (2, 3): 1}
    assert tools.lines == (1, 2, 3, 4, 6)
    assert tools.left_out == {SINGLE: 2, BRANCHED: 1, LEFT: 1, RETURNED: 1}
    assert tools.outside == ((9, "find", "tell"),)
    assert tools.used == {(0, 1): 3, (1, 2): 3, (2, 0): 1, (2, 3): 1}
    assert tools.pairs == {(0, 2): 1, (1, 2): 1, (2, 1): 1, (2, 3): 1}
    rows = tools.rows()
    assert len(rows) == 5
    assert pr.tasks.is_path(tools.graph, rows).all()
    assert set(tools.claimed.edges) == {*tools.graph.edges, (0, 3)}


def test_lists_may_be_json_text_as_in_tables(tmp_path):
    line = {key: json.dumps(value) for key, value in call("book", "pay", word="tool").items()}
    tools = read_tools(written(tmp_path / "t", requests=[line]))
    assert tools.chains == ((1, 2),)


def test_inspect_counts_calls_and_names_those_that_leave_the_graph(folder, capsys):
    assert main(["inspect", str(folder)]) == 0
    said = capsys.readouterr().out
    for what in (
        "4 nodes, 4 edges",
        "5 chains of calls, 4 of them different, for 4 pairs",
        "they use 4 edges, 2 of them once",
        "line 9: find -> tell is no link",
        "self-loops left out: tell",
        f"2 lines hold no path: {SINGLE}",
    ):
        assert what in said
    assert main(["inspect", str(folder), "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert page["tools"]["outside"] == [{"line": 9, "source": "find", "target": "tell"}]
    assert page["tools"]["left_out"][LEFT] == 1


def test_the_two_files_are_taken_like_a_graph_and_rows(folder, capsys):
    graph = read_graph(folder / "graph_desc.json")
    assert graph == read_tools(folder).graph
    assert len(read_paths(folder / "data.json", graph).tokens) == 5
    files = [str(folder / name) for name in ("graph_desc.json", "data.json")]
    assert main(["inspect", *files]) == 0
    assert "5 rows, 4 pairs, 0 invalid" in capsys.readouterr().out


def test_a_model_is_trained_on_files_in_the_public_format(folder, tmp_path, capsys):
    lines = (folder / "data.json").read_text().splitlines()
    (folder / "test.json").write_text("\n".join(lines[3:4]))
    files = {"graph": "graph_desc.json", "train": "data.json", "test": "test.json"}
    given = [word for key, name in files.items() for word in (f"--{key}", str(folder / name))]
    out = str(tmp_path / "run")
    assert main(["train", *given, "--steps", "2", "--table", "--out", out]) == 0
    capsys.readouterr()
    assert main(["evaluate", out, "--samples", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["test"]["means"]["greedy"] in (0.0, 1.0)


def test_steps_that_leave_the_graph_can_be_kept_as_wrong_checks(folder):
    dataset = DatasetSettings("tools", data=str(folder), train_share=0.5).make()
    find, tell = (dataset.graph.index(name) for name in ("find", "tell"))
    assert set(dataset.claimed.edges) - set(dataset.graph.edges) == {(find, tell)}
    row = torch.tensor([[find, tell, find, tell, 4]])
    task = dataset.train
    model = pr.models.LogitTable(task.vocab)
    wrong = f"{streams.__name__}:trustingly_checked_rollouts"
    for stream, paid in (("", -1.0), (wrong, 0.0)):
        algorithm = Algorithm("q", stream=stream, **({} if stream else {"reward": "process"}))
        setup = streams.Setup(dataset, model, model, pr.seeded(0, "rollouts"))
        seen = 0
        for batch in itertools.islice(algorithm.make_stream(setup, 64), 20):
            current, after = batch.tokens[:, :-1], batch.tokens[:, 1:]
            step = batch.chosen & (current == find) & (after == tell)
            away = step & (batch.tokens[:, 1:2] != tell)
            assert (batch.reward[away] == paid).all()
            seen += int(away.sum())
        assert seen > 20
    assert not pr.tasks.is_path(dataset.graph, row).any()
    assert pr.tasks.is_path(dataset.claimed, row).all()
    assert DatasetSettings("tools", train_share=0.8).make().claimed is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"requests": [call("find", "book"), "{nonsense"]}, "data.json, line 2: this is no JSON"),
        ({"requests": [call("find", "book"), "[1]"]}, "data.json, line 2: it has no calls"),
        ({"requests": [call("find", "book"), call()]}, "data.json, line 2: it has no calls"),
        (
            {"requests": [call("find", "fly")]},
            "data.json, line 1: it calls 'fly', which is no tool",
        ),
        ({"requests": ['{"task_nodes": [3]}']}, "data.json, line 1: 3 is no call"),
        (
            {"requests": ['{"task_nodes": [{"task": "pay"}], "task_links": [[1, 2]]}']},
            "data.json, line 1: [1, 2] is no link",
        ),
        ({"requests": [call("find")]}, "no chain of two tools"),
        ({"links": [("find", "book"), ("book", "fly")]}, "link 2 names the tool 'fly'"),
        ({"tools": ["find", "find"]}, "node 2 is called 'find', as one before"),
        ({"tools": [3]}, "node 1 is {'id': 3"),
        ({"tools": []}, "lists no nodes"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(changed, said, tmp_path):
    folder = written(tmp_path / "t", **changed)
    with pytest.raises(InputError) as error:
        read_tools(folder).rows()
    assert said in str(error.value)


def test_the_line_of_an_unknown_tool_in_the_links_is_named(tmp_path):
    folder = written(tmp_path / "t", links=[("find", "book"), ("book", "fly")])
    lines = (folder / "graph_desc.json").read_text().splitlines()
    at = next(k for k, line in enumerate(lines, 1) if '"fly"' in line)
    with pytest.raises(InputError, match=rf"graph_desc.json, line {at}: "):
        read_tools(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"nodes": []}', '{"nodes": [], "links": 3}'])
def test_a_file_that_is_no_tool_graph_is_refused(content, folder, capsys):
    (folder / "graph_desc.json").write_text(content)
    assert main(["inspect", str(folder)]) == 2
    assert "graph_desc.json" in capsys.readouterr().err


def test_a_folder_without_the_files_and_files_beside_a_folder_are_refused(tmp_path, folder, capsys):
    assert main(["inspect", str(tmp_path)]) == 2
    assert "cannot read" in capsys.readouterr().err
    assert main(["inspect", str(folder), "more.txt"]) == 2
    assert "leave out more.txt" in capsys.readouterr().err


# --- The tools that come with planrl.
def test_the_shipped_tools_are_what_their_generator_writes(tmp_path):
    assistant.write(tmp_path)
    for name in ("graph_desc.json", "data.json"):
        assert (tmp_path / name).read_text() == (assistant.FOLDER / name).read_text()


def test_the_links_of_the_shipped_tools_follow_from_their_types():
    tools = read_tools(assistant.FOLDER)
    assert len(tools.graph.labels) == len(assistant.TOOLS) == 42
    kinds = assistant.TOOLS
    for a, first in enumerate(tools.graph.labels):
        for b, then in enumerate(tools.graph.labels):
            fits = a != b and kinds[first][1] == kinds[then][0]
            assert bool(tools.graph.adjacency[a, b]) == fits
    assert not tools.left_out
    assert not tools.outside
    used = sorted(tools.used.values(), reverse=True)
    assert sum(used[: len(used) // 10]) > 0.5 * sum(used)  # few links carry most uses
    assert used.count(1) >= 10
    known = structure(tools.graph)
    assert 1 < known.largest < known.components


def test_a_tool_dataset_shows_the_chains_of_its_training_pairs():
    dataset = DatasetSettings("tools", train_share=0.8).make()
    tools = read_tools(assistant.FOLDER)
    train = {tuple(pair) for pair in dataset.train.pairs.tolist()}
    test = {tuple(pair) for pair in dataset.test.pairs.tolist()}
    assert not train & test
    assert train | test == set(tools.pairs)
    shown = [chain for chain in tools.chains if (chain[0], chain[-1]) in train]
    assert len(dataset.paths) == len(shown)
    with pytest.raises(InputError, match="paths_per_pair does nothing with tools"):
        DatasetSettings("tools", paths_per_pair=3).make()


def test_a_run_on_tools_keeps_their_digest_and_refuses_changed_ones(folder, tmp_path, capsys):
    out = str(tmp_path / "run")
    train = ["train", "--data", str(folder), "--train-share", "0.5", "--steps", "3", "--table"]
    assert main([*train, "--out", out]) == 0
    settings = RunSettings.of(load(out)).dataset
    assert settings.names_files
    assert len(settings.digest) == 64
    capsys.readouterr()
    assert main(["evaluate", out, "--samples", "2"]) == 0
    assert main(["paths", out, "--pairs", "book -> pay"]) == 0
    with (folder / "data.json").open("a") as file:
        file.write(json.dumps(call("pay", "tell")) + "\n")
    capsys.readouterr()
    assert main(["evaluate", out]) == 2
    assert "has changed" in capsys.readouterr().err
    page = json.loads((Path(out) / "run.json").read_text())
    page["settings"]["dataset"]["options"].pop("digest")
    with pytest.raises(InputError, match="without their digest"):
        RunSettings.of(type("Saved", (), {"settings": page["settings"]}))


# --- Nonsense.
ODD = [None, [], {}, "find", "fly", 3, True, [[]], [None], {"task": None}, "[]", '{"a', "\ud800"]


def changed_somewhere(page, rng):
    """The same JSON with some parts left out, and some replaced by odd values."""
    if rng.random() < 0.03:
        return rng.choice(ODD)
    if isinstance(page, dict):
        return {k: changed_somewhere(v, rng) for k, v in page.items() if rng.random() < 0.98}
    return [changed_somewhere(v, rng) for v in page] if isinstance(page, list) else page


def test_nonsense_is_read_or_refused_in_words(folder):
    rng = random.Random(3)
    graph, data = (folder / name for name in ("graph_desc.json", "data.json"))
    page, lines = json.loads(graph.read_text()), data.read_text().splitlines()
    refused: list[str] = []
    for _ in range(300):
        graph.write_text(json.dumps(changed_somewhere(page, rng) if rng.random() < 0.3 else page))
        some = [changed_somewhere(json.loads(line), rng) for line in rng.sample(lines, 2)]
        data.write_text("\n".join(map(json.dumps, some)))
        try:
            tools = read_tools(folder)
            assert pr.tasks.is_path(tools.graph, tools.rows()).all()
        except InputError as error:
            refused.append(str(error))
    assert 10 < len(refused) < 290
    said = ("graph_desc.json", "data.json", "no chain of two tools")
    assert all(any(words in one for words in said) for one in refused)


def test_a_chain_that_calls_its_last_tool_before_the_end_is_no_path(tmp_path):
    chain = call("pay", "find", "book", "pay", "find")
    tools = read_tools(written(tmp_path / "t", requests=[chain, call("find", "book")]))
    assert (len(tools.chains), tools.left_out) == (1, {PASSED: 1})
