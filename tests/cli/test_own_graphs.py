"""A reader's own graph and rows, with names: `planrl rows`, `inspect`, `train` and `paths`."""

import itertools
import json
import re
from pathlib import Path

import planrl as pr
from planrl.__main__ import main
from planrl.io.formats import read_alpine, read_graph, write_graphml

NAMES = "Bern,Thun\nBern,Spiez\nThun,Spiez\nThun,Brig\nSpiez,Brig\nBrig,Sion\nSpiez,Sion\n"


def test_a_strangers_files_are_trained_on_and_inspected(files, tmp_path, capsys):
    own = ["--graph", files[0], "--train", files[1], "--test", files[2]]
    assert main(["train", *own, "--width", "16", "--steps", "2", "--out", str(tmp_path / "r")]) == 0
    assert main(["evaluate", str(tmp_path / "r"), "--samples", "2"]) == 0
    assert main(["inspect", *files]) == 0
    printed = capsys.readouterr().out
    assert "12 nodes" in printed
    assert "0 invalid" in printed


def test_inspect_names_invalid_lines_and_exits_with_1(files, capsys):
    with open(files[1], "a") as file:  # noqa: PTH123
        file.write("0 1 0 99\n" * 30)
    assert main(["inspect", *files[:2]]) == 1
    printed = capsys.readouterr().out
    assert "names the node '99'" in printed
    assert "and 10 more" in printed
    assert main(["inspect", *files[:2], "--json"]) == 1
    page = json.loads(capsys.readouterr().out)
    assert len(page["files"][files[1]]["invalid"]) == 30


def test_a_bare_graph_with_names_becomes_rows_a_run_scores_and_paths(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("graph.csv").write_text(NAMES)
    make = ["rows", "graph.csv", "--out", "data", "--train-share", "0.5", "--paths-per-pair", "3"]
    assert main([*make, "--json"]) == 0
    said = capsys.readouterr()
    page = json.loads(said.out)
    assert page["train"]["rows"] == 3 * page["train"]["pairs"]
    assert main(["inspect", "data/graph.graphml", "data/train.txt", "data/test.txt"]) == 0
    go_on = said.err.split("next: planrl ")[1].split()
    assert main([*go_on[:-1], "run", "--steps", "20", "--width", "16"]) == 0
    assert main(["evaluate", "run", "--samples", "2"]) == 0
    capsys.readouterr()
    assert main(["paths", "run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) == page["test"]["pairs"]
    edges = {tuple(line.split(",")) for line in NAMES.split()}
    for entry in found:
        path = entry["path"]
        steps = set(itertools.pairwise(path))
        right = path[-1] == entry["target"] and steps <= edges
        assert entry["correct"] == right == (not entry["reason"])
        assert entry["count"] == 1
    assert main(["paths", "run", "--pairs", "Bern -> Brig", "Thun Sion", "--samples", "30"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(int(line.split(" x ")[0]) for line in lines[:-1]) == 60
    assert lines[0].split(" x ")[1].startswith("Bern -> ")
    assert lines[-1].endswith(" of 60 paths are correct")
    assert main(make) == 2  # what is there is not written over
    assert "is there already" in capsys.readouterr().err


def test_names_of_several_words_are_joined_in_rows(tmp_path, capsys):
    nodes = "".join(
        f'<node id="n{k}"><data key="d0">{name}</data></node>'
        for k, name in enumerate(("New York", "New_York", "El  Paso", "Rome"))
    )
    edges = "".join(f'<edge source="n{a}" target="n{b}"/>' for a, b in ((0, 1), (1, 2), (2, 3)))
    (tmp_path / "g.graphml").write_text(
        '<graphml><key id="d0" for="node" attr.name="label" attr.type="string"/>'
        f'<graph edgedefault="directed">{nodes}{edges}</graph></graphml>'
    )
    make = [
        "rows",
        str(tmp_path / "g.graphml"),
        "--out",
        str(tmp_path / "d"),
        "--train-share",
        ".6",
    ]
    assert main(make) == 0
    assert "2 names of more than one word" in capsys.readouterr().err
    graph = read_graph(tmp_path / "d" / "graph.graphml")
    assert graph.labels == ("New_York_", "New_York", "El_Paso", "Rome")
    assert read_alpine(tmp_path / "d" / "train.txt", graph).invalid == ()


def test_a_runs_names_outlive_its_files_and_older_runs_without_them_are_read(
    files, tmp_path, capsys
):
    graph = read_graph(files[0])
    named = pr.Graph(graph.n, graph.edges, [f"v{k}" for k in range(graph.n)])
    write_graphml(named, files[0])
    for name in files[1:]:
        Path(name).write_text(re.sub(r"(\d+)", r"v\1", Path(name).read_text()))
    own = ["--graph", files[0], "--train", files[1], "--test", files[2]]
    run = tmp_path / "run"
    assert main(["train", *own, "--width", "16", "--steps", "1", "--out", str(run)]) == 0
    page = json.loads((run / "run.json").read_text())
    assert page["settings"]["dataset"]["labels"] == list(named.labels)
    Path(files[0]).rename(tmp_path / "moved.graphml")
    capsys.readouterr()
    assert main(["paths", str(run), "--pairs", "v0 v11"]) == 0
    said = capsys.readouterr()
    assert re.fullmatch(r"v0( -> v\d+)*: not checked\n", said.out)
    assert "not checked" in said.err
    assert main(["paths", str(run)]) == 2  # of which pairs?
    (tmp_path / "moved.graphml").rename(files[0])
    for name in ("labels", "prompt"):  # as version 0.1.0 saved it
        del page["settings"]["dataset"][name]
    (run / "run.json").write_text(json.dumps(page))
    assert main(["paths", str(run), "--pairs", "v0 v11"]) == 0
    assert main(["train", "--resume", str(run), "--steps", "2"]) == 0
