"""What the lab of tools says beside its presets is what ten recorded seeds found."""

import pytest

from planrl.domains.assistant import OFFICE, TOOLS, office
from planrl.domains.structure import structure
from planrl.labs.catalogue.tools import PRESETS
from planrl.labs.engine.models import NODES
from planrl.labs.page.recordings import recorded_at

SFT, PG, Q = range(3)


def found(preset, metric, updates=300):
    """The mean of each learner at a preset."""
    settings = next(one.settings for one in PRESETS if one.name == preset)
    name = "tools-transformer" if settings.get("model") == "transformer" else "tools"
    link = "&".join(f"{key}={value}" for key, value in settings.items())
    return [one[metric] for one in recorded_at(name, link, updates)]


def test_the_office_is_a_part_of_the_assistants_tools_that_a_lab_can_hold():
    graph = office()
    assert set(OFFICE) < set(TOOLS)
    assert graph.n == NODES
    start, end = graph.index("list_inbox"), graph.index("send_mail")
    assert graph.reachability[end, start]
    known = structure(graph)
    assert (known.largest, len(graph.edges)) == (2, 35)
    assert all(graph.adjacency[v].any() or graph.adjacency[:, v].any() for v in range(graph.n))


def test_in_tables_only_q_learning_answers_more_never_asked_questions():
    base, end = found("tables", "test_greedy", 0), found("tables", "test_greedy")
    assert end[Q] - base[Q] > 0.1
    assert max(abs(end[who] - base[who]) for who in (SFT, PG)) < 0.05
    chains = found("tables", "diversity")
    assert chains[PG] == min(chains)


def test_in_transformers_the_base_answers_most_of_them_and_nobody_raises_that():
    base, end = found("transformers", "test_greedy", 0), found("transformers", "test_greedy")
    assert base[SFT] > 0.8
    assert all(after < before + 0.02 for before, after in zip(base, end, strict=True))
    chains = found("transformers", "diversity")
    assert chains[PG] < 1.2
    assert chains[Q] > 2


def test_without_a_discount_q_learning_loses_accuracy_and_keeps_the_most_chains():
    accuracy, chains = found("no-discount", "test_greedy"), found("no-discount", "diversity")
    assert accuracy[Q] < min(accuracy[SFT], accuracy[PG]) - 0.1
    assert chains[Q] == max(chains)
    with_it = found("transformers", "test_greedy")[Q]
    assert with_it - accuracy[Q] > 0.1


@pytest.mark.parametrize("label", OFFICE)
def test_a_tools_name_fits_beside_its_node(label):
    assert len(label) <= 16
