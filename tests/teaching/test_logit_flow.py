"""The parts of a layer's logits add up, and each choice of a path is one step of the picture."""

import pytest
import torch
from bs4 import BeautifulSoup

import planrl as pr
from planrl.teaching.logit_flow import Flow, logit_parts
from planrl.transformer.reference import plain

GRAPH = pr.random_dag(12, 0.4, pr.seeded(0, "graph"))


def a_model(**sizes):
    return pr.Transformer(
        pr.Vocab(12), pr.TransformerConfig(width=32, **sizes), pr.seeded(1, "weights")
    )


def longest_path():
    rows = pr.sample_paths(pr.all_pairs(GRAPH), 1, pr.seeded(0, "paths"))
    return rows[(rows != 12).sum(1).argmax()]


@pytest.fixture
def trained():
    """A model whose parts are no longer small."""
    model = a_model()
    with torch.no_grad():
        for weight in model.blocks.parameters():
            weight.mul_(12.0 if weight.ndim == 2 else 1.0)
    return model


def test_the_parts_add_up_to_the_models_logits(trained):
    row = longest_path()
    row = row[row != 12]
    found = logit_parts(trained, row)
    logits, attention = plain(trained, row[None])
    assert torch.allclose(found.logits, logits[0], atol=1e-4)
    assert torch.allclose(found.attention, attention[0, 0, 0], atol=1e-6)
    assert min(part.abs().max() for part in (found.own, found.attended, found.fed)) > 0.005


def test_without_attention_the_logits_do_not_depend_on_the_target(trained):
    one, other = torch.tensor([[0, 5, 0, 3], [0, 9, 0, 3]])
    assert torch.equal(logit_parts(trained, one).alone[3], logit_parts(trained, other).alone[3])
    gap = logit_parts(trained, one).logits[3] - logit_parts(trained, other).logits[3]
    assert gap.abs().max() > 0.1


@pytest.mark.parametrize("sizes", [{"layers": 2}, {"heads": 2}])
def test_a_model_of_more_layers_or_heads_is_refused(sizes):
    with pytest.raises(pr.InputError, match="one layer and one head"):
        logit_parts(a_model(**sizes), longest_path())


def test_a_row_without_a_choice_is_refused(trained):
    with pytest.raises(pr.InputError, match="no choice"):
        Flow(trained, GRAPH, torch.tensor([3, 5, 3, 12]))


def test_each_choice_is_a_step_that_shows_shares_sums_and_the_most_probable_node(trained):
    flow = Flow(trained, GRAPH, longest_path())
    page = BeautifulSoup(flow._repr_html_(), "html.parser")
    steps = page.select(".planrl-step")
    assert len(steps) == len(flow.row) - 3 == len(page.select("input[type=radio]"))
    assert len(page.select("input[checked]")) == 1
    assert page.find("script") is None
    for position, step in zip(flow.positions, steps, strict=True):
        shares = [float(item["style"].split(":")[1]) for item in step.select("li")]
        assert len(shares) == position + 1
        assert sum(shares) == pytest.approx(1, abs=0.01)
        rows = [[cell.text for cell in tr.select("th, td")] for tr in step.select("tbody tr")]
        for name, facts, *numbers in rows:
            own, attended, fed, logit, *_ = map(float, numbers)
            assert own + attended + fed == pytest.approx(logit, abs=0.21), "rounded to a tenth"
            if name != "END":
                edge, reach = facts.split(", ")
                assert int(edge) == GRAPH.adjacency[flow.row[position], int(name)]
                assert int(reach) == GRAPH.reachability[flow.row[1], int(name)]
        assert step.select("p")[-1].strong.text == rows[0][0]
        logits = [float(row[5]) for row in rows]
        assert logits == sorted(logits, reverse=True)
