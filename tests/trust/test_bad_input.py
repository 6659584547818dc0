"""Bad input never crashes or misleads: every reader and public function, attacked in little memory.

The attacks are in stranger_*.py and listed in strangers.py; they run in a process of their own
(apart.py), which may take 1.5 GB beyond what the libraries need, has no network, and sees what is
written. They are part of `make test`; what each reader and function refuses, its own tests say.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from soaking import SOAK, times

import planrl as pr
from planrl.io.formats import read_graph

HERE = Path(__file__).parent
NAMES = [
    *("edge lists", "GraphML", "GraphML bombs", "graph functions", "ALPINE lines", "PDDL", "plans"),
    *("nanoGPT checkpoints", "saved runs", "saved results", "stored sweeps", "settings"),
    *("lab links", "pasted graphs", "lab calls", "token functions", "walks", "losses", "commands"),
]
SLOW = {"PDDL": 4, "plans": 10, "saved results": 4, "lab calls": 8, "commands": 4}  # cost more each


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What every attack achieved."""
    wanted = {name: max(times(60, 1500) // SLOW.get(name, 1), 12) for name in NAMES}
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            HERE / "apart.py",
            json.dumps(wanted),
            tmp_path_factory.mktemp("apart"),
        ],
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(Path(pr.__file__).parents[1]), os.environ.get("PYTHONPATH")])
            ),
            "OMP_NUM_THREADS": "1",
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_bad_input_meets_an_error_of_ours_does_not_hang_and_nothing_is_written(name, told):
    assert not told[name]["found"], told[name]["found"]
    assert told[name]["refused"] > 0


@pytest.mark.slow
def test_as_many_bad_inputs_were_refused_as_we_say(told):
    refused = sum(one["refused"] for one in told.values())
    assert refused >= (10_000 if SOAK else 400)


def many_edges(path, number):
    """A GraphML file of a thousand nodes and so many edges, the last of which is bad."""
    side = 1_001
    nodes = "".join(f'<node id="{v}"/>' for v in range(side))
    edges = (
        f'<edge source="{k // (side - 1)}" target="{(k // (side - 1) + 1 + k % (side - 1)) % side}"/>'
        for k in range(number)
    )
    text = f'<graphml><graph edgedefault="directed">{nodes}{"".join(edges)}'
    path.write_text(f'{text}<edge source="0" target="x"/></graph></graphml>')


def calls(path):
    """How many functions, Python's and C's, are called while a bad graph is read."""
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        with pytest.raises(pr.InputError, match=r"'x', which does not exist"):
            read_graph(path)
    finally:
        sys.setprofile(None)
    return count


def test_the_work_of_reading_graphml_grows_as_the_file_does(tmp_path):
    found = []
    for size in (2_000, 4_000, 8_000):
        many_edges(tmp_path / "g.graphml", size)
        found.append(calls(tmp_path / "g.graphml"))
    first, second = found[1] - found[0], found[2] - found[1]
    assert first > 2_000
    assert second < 2.5 * first  # twice as many edges: 2 if each costs the same, 4 if not


@pytest.mark.skipif(not hasattr(signal, "ITIMER_PROF"), reason="needs a clock of processor time")
def test_many_edges_of_graphml_are_read_without_a_search_through_all_for_each(tmp_path):
    """A search inside one call shows in no count; with it this would take minutes, not a second."""

    def hang(number, frame):
        raise AssertionError("it does not end")

    many_edges(tmp_path / "g.graphml", 200_000)
    before = signal.signal(signal.SIGPROF, hang)
    signal.setitimer(signal.ITIMER_PROF, 60)
    try:
        with pytest.raises(pr.InputError, match=r"'x', which does not exist"):
            read_graph(tmp_path / "g.graphml")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def test_the_edge_beyond_the_most_is_refused_where_it_stands(tmp_path, monkeypatch):
    monkeypatch.setattr("planrl.io.graphml.MOST_EDGES", 1_000)
    for size, words in ((999, "'x', which does not exist"), (1_000, "more than 1,000 edges")):
        many_edges(tmp_path / "g.graphml", size)
        with pytest.raises(pr.InputError, match=words):
            read_graph(tmp_path / "g.graphml")
