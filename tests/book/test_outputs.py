"""What a cell may show: at most 15 lines of text, or the build fails and names the cell."""

import chapters
import nbformat.v4 as nb
import pytest


def shows(*outputs):
    """A notebook with one cell that shows these outputs."""
    return nb.new_notebook(cells=[nb.new_code_cell("run", outputs=list(outputs))])


def printed(lines):
    return nb.new_output("stream", text="a line\n" * lines)


def result(lines, **richer):
    data = {"text/plain": "\n".join(["a line"] * lines), **richer}
    return nb.new_output("execute_result", data=data)


@pytest.mark.parametrize(
    "outputs",
    [[printed(16)], [result(16)], [printed(8), result(8)]],
    ids=["print", "result", "both"],
)
def test_a_cell_that_shows_more_than_15_lines_is_named_with_their_number(outputs):
    (said,) = chapters.too_long("05_collapse", shows(*outputs))
    assert said.startswith("05_collapse, cell 0 ends in `run` and shows 16 lines of text")


@pytest.mark.parametrize(
    "outputs",
    [
        [printed(15)],
        [result(15)],
        [result(500, **{"text/html": "<table></table>"})],
        [result(500, **{"application/vnd.plotly.v1+json": {}})],
    ],
    ids=["print", "result", "table", "figure"],
)
def test_fifteen_lines_and_figures_tables_and_cards_of_any_length_pass(outputs):
    assert chapters.too_long("05_collapse", shows(*outputs)) == []
