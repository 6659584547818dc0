"""Other people's graph files: a valid one is read as it is, a malformed line is never made an edge."""

import os
import subprocess
import sys
from pathlib import Path

import graph_files
import pytest
from soaking import SOAK, times

import planrl as pr
from planrl.io.formats import read_alpine, read_graph


def read(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    graph = read_graph(path)
    edges = {(graph.labels[a], graph.labels[b]) for a, b in graph.edges}
    return set(graph.labels), edges


def test_every_writers_valid_file_is_read_with_exactly_its_nodes_and_edges(tmp_path):
    for number in range(times(250, 10_000)):
        file = graph_files.valid(number)
        nodes, edges = read(tmp_path, file.name, file.content)
        assert nodes == file.nodes, (number, file)
        assert edges == file.edges, (number, file)


def test_a_malformed_line_is_an_error_or_changes_nothing(tmp_path):
    refused = []
    for number in range(times(250, 10_000)):
        file, content = graph_files.spoilt(number)
        try:
            found = read(tmp_path, file.name, content)
        except pr.InputError as error:
            refused.append(len(str(error)))
            continue
        assert found == (file.nodes, file.edges), (number, content.decode(file.encoding))
    assert len(refused) > 0.8 * times(250, 10_000)
    assert max(refused) < 2_000


KINDS = ["spaces", "CSV", "attributes", "arrows", "GraphML", "JSON", "rows"]


def counts(kind, lines, path):
    """Nodes and edges of a graph of so many edges, or how many rows are read and invalid."""
    graph_files.large(kind, lines, path)
    if kind == "rows":
        rows = read_alpine(path, pr.random_dag(10, 1.0, pr.seeded(0, "graph")))
        return len(rows.tokens), len(rows.invalid)
    graph = read_graph(path)
    return graph.n, len(graph.edges)


@pytest.mark.parametrize("kind", KINDS)
def test_large_files_are_read_with_every_line(kind, tmp_path):
    assert counts(kind, 3_000, tmp_path / "large") == (
        (3_000, 0) if kind == "rows" else (3_000, 3_000)
    )


# Reads a file of a million lines in a process that may take 1 GB in all.
ALONE = """
import resource, sys
from pathlib import Path
import test_graph_files
pages = int(Path("/proc/self/statm").read_text().split()[0])
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
most = pages * resource.getpagesize() + 10**9 - used
resource.setrlimit(resource.RLIMIT_AS, (most, most))
print(*test_graph_files.counts(sys.argv[1], 1_000_000, Path(sys.argv[2])))
"""


@pytest.mark.skipif(not SOAK or sys.platform != "linux", reason="in `make soak`, on Linux")
@pytest.mark.parametrize("kind", KINDS)
def test_a_million_lines_are_read_in_one_gigabyte(kind, tmp_path):
    here = Path(__file__).parent
    places = [here, here.parent, Path(pr.__file__).parents[1], os.environ.get("PYTHONPATH")]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, kind, tmp_path / "large"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(p) for p in places if p)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == (["1000000", "0"] if kind == "rows" else ["50000", "1000000"])
