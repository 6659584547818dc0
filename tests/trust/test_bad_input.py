"""Bad input never crashes or misleads: every reader and public function, attacked in little memory.

The attacks are in strangers.py; they run in a process of their own (apart.py), which may take
1.5 GB beyond what the libraries need, has no network, and sees what is written.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from soaking import SOAK, times

import planrl as pr
from planrl.formats import read_graph

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
        [sys.executable, "-W", "ignore", HERE / "apart.py", json.dumps(wanted), tmp_path_factory.mktemp("apart")],
        capture_output=True, text=True, timeout=3600, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(pr.__file__).parents[1]), os.environ.get("PYTHONPATH")])), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_bad_input_meets_an_error_of_ours_within_a_second_and_nothing_is_written(name, told):
    assert not told[name]["found"], told[name]["found"]
    assert told[name]["refused"] > 0
    assert told[name]["seconds"] <= 1.0


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


@pytest.mark.parametrize("size", [100_000, 999_999, 1_000_000])
def test_graphml_is_read_in_time_that_grows_as_the_file_does(size, tmp_path):
    many_edges(tmp_path / "g.graphml", size)
    began = time.process_time()
    with pytest.raises(pr.InputError, match=r"'x', which does not exist|more than 1,000,000 edges"):
        read_graph(tmp_path / "g.graphml")
    assert time.process_time() - began <= 1 + 8 * size / 1_000_000
