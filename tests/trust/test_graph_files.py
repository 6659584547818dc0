"""Other people's graph files: a valid one is read as it is, and of a malformed line nothing is made."""

import graph_files
from attacks import times

import planrl as pr
from planrl.formats import read_graph


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
    refused = 0
    for number in range(times(250, 10_000)):
        file, content = graph_files.spoilt(number)
        try:
            nodes, edges = read(tmp_path, file.name, content)
        except pr.InputError as error:
            refused += 1
            assert 0 < len(str(error)) < 2000
            continue
        assert (nodes, edges) == (file.nodes, file.edges), (number, content.decode(file.encoding))
    assert refused > 0.8 * times(250, 10_000)
