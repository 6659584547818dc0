import plotly.graph_objects as go
import plotly.io as pio
import pytest
import torch

import planrl as pr
from planrl.figures import style
from planrl.figures.table import Table
from planrl.teaching import notebook


def test_setup_takes_one_thread_and_keeps_the_page_renderer_out_of_notebooks(monkeypatch):
    before = pio.renderers.default
    try:
        monkeypatch.delenv("PLANRL_STATIC", raising=False)
        notebook.setup()
        assert torch.get_num_threads() == 1
        assert pio.renderers.default == before
        monkeypatch.setenv("PLANRL_STATIC", "1")
        notebook.setup()
        assert pio.renderers.default == "plotly_mimetype"
    finally:
        pio.renderers.default = before
    with pytest.raises(pr.InputError, match="threads"):
        notebook.setup(threads=0)


def test_after_setup_plotly_shows_nothing_that_leads_to_its_makers_server():
    notebook.setup()
    figure = go.Figure(go.Scatter(y=[1, 2]), layout={"height": 300})
    shown = pio.renderers["plotly_mimetype"].to_mimebundle(figure.to_dict())
    assert shown["application/vnd.plotly.v1+json"]["config"] == style.AT_HOME
    for name in ("notebook", "colab", "jupyterlab", "vscode", "browser"):
        config = pio.renderers[name].config
        assert not config["showSendToCloud"]
        assert not config["plotlyServerURL"]
        assert not config["displaylogo"]
    text = pio.renderers["notebook"].to_mimebundle(figure.to_dict())["text/html"]
    assert '"showSendToCloud": false' in text
    assert "plotlyServerURL" not in text.replace('"plotlyServerURL": ""', "")


def test_a_quick_check_has_a_control_and_feedback_for_each_choice_and_escapes_text():
    check = notebook.QuickCheck("Is 1 < 2?", {"yes": "It is.", "no <b>": "Count."}, right=["yes"])
    page = check._repr_html_()
    assert page.count('type="radio"') == 2
    assert page.count("planrl-feedback planrl-right") == 1
    assert "1 &lt; 2" in page
    assert "<b>" not in page
    assert "<script" not in page
    assert "yes / no" in repr(check)
    with pytest.raises(pr.InputError, match="must name some"):
        notebook.QuickCheck("?", {"a": "", "b": ""}, right=["c"])


def test_a_table_shows_every_value_and_escapes_text():
    table = Table([{"who": "SFT & co", "accuracy": 0.12345}], caption="Scores")
    page = table._repr_html_()
    assert "SFT &amp; co" in page
    assert "0.123" in page
    assert "<caption>Scores</caption>" in page
    assert "accuracy: 0.123" in repr(table)
    with pytest.raises(pr.InputError, match="at least one row"):
        Table([])
    with pytest.raises(pr.InputError, match=r"same names: \['b'\] is not \['a'\]"):
        Table([{"a": 1}, {"b": 1}])


def test_a_column_of_sentences_starts_at_the_left_and_numbers_do_not():
    page = Table([{"n": 1, "why": "because it is long enough to read"}])._repr_html_()
    assert page.count("text-align: left") == 2
    assert "<td style" in page and '<th scope="row">1' in page  # noqa: PT018


def test_cards_say_everything_and_no_markup_gets_in():
    card = {
        "title": "1",
        "badge": "holds in part",
        "text": "a < b.",
        "note": "<b>n</b>",
        "rows": [{"where": "x", "mean": "1"}, {"where": "y", "mean": "<i>"}],
    }
    page = notebook.Cards([card])._repr_html_()
    assert "planrl-holds-in-part" in page
    assert "a &lt; b." in page
    assert "<b>n" not in page
    assert "<i>" not in page
    assert page.count("<tr>") == 3
    assert " id=" not in page
    assert '<div id="claim-1" class' in notebook.Cards([{**card, "id": "claim-1"}])._repr_html_()
    with pytest.raises(pr.InputError, match="at least one"):
        notebook.Cards([])


def test_folded_tables_show_nothing_until_they_are_opened():
    rows = [{"method": "base", "accuracy": 0.5}]
    folded = notebook.Folded("a < b", Table(rows, caption="one"), Table(rows, caption="two"))
    page = folded._repr_html_()
    assert page.startswith("<details><summary>a &lt; b</summary>")
    assert page.endswith("</details>")
    assert page.count("<table") == 2
    assert repr(folded) == "a < b: one, two"
    with pytest.raises(pr.InputError, match="at least one table"):
        notebook.Folded("nothing")
    said = notebook.Folded("a", Table(rows, caption="one"), said="b < c")
    assert said._repr_html_().endswith("<p>b &lt; c</p></details>")
    assert repr(said).endswith("one. b < c")
