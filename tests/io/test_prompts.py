"""Rows and models whose prompt is another one than planrl's."""

import pytest
import torch

import planrl as pr
from planrl.experiments.datasets import FileDataset
from planrl.io.formats import read_alpine, write_graphml
from planrl.io.prompts import (
    FORMS,
    Prompted,
    before_steps,
    better_prompt,
    detected_prompt,
    in_usual_rows,
    row_of,
    writes_source,
)
from planrl.transformer.reference import plain

GRAPH = pr.Graph(4, [(0, 1), (0, 2), (1, 3), (2, 3)], ["Bern", "Thun", "Spiez", "Brig"])


def rows(tmp_path, text, words, graph=GRAPH):
    (tmp_path / "rows.txt").write_text(text)
    return in_usual_rows(read_alpine(tmp_path / "rows.txt", graph), graph, words)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("s t", "Bern Brig Bern Thun Brig"),
        ("s t s", "Bern Brig Bern Bern Thun Brig"),
        (" s  t s s ", "Bern Brig Bern Bern Bern Thun Brig"),
        ("t s", "Brig Bern Bern Thun Brig"),
        ("t s s", "Brig Bern Bern Bern Thun Brig"),
        ("s s t", "Bern Bern Brig Bern Thun Brig"),
        ("s t -", "Bern Brig Thun Brig"),
        ("t s -", "Brig Bern Thun Brig"),
    ],
)
def test_rows_of_any_prompt_are_read_as_planrls(words, line, tmp_path):
    usual = "Thun Brig Thun Brig"
    lines = rows(tmp_path, f"{line}\n\n{usual}\n", words)
    assert lines.tokens.tolist() == [[0, 3, 0, 1, 3, 4], [1, 3, 1, 3, 4, 4]]
    assert lines.line == (1, 3)
    assert lines.invalid == ()
    assert lines.pairs == 2


def test_rows_that_are_no_paths_keep_their_line_and_get_the_reason_of_their_own_form(tmp_path):
    text = (
        "Bern Brig Bern Bern Thun Brig\nBern Brig Bern Bern Brig\nBern Brig\n"
        "Bern Brig Bern Bern Thun\nBern Brig Bern Zug\nBern Brig Thun Thun Brig\nBern Bern Bern Bern\n"
    )
    lines = rows(tmp_path, text, "s t s")
    assert dict(lines.invalid) == {
        2: "steps Bern -> Brig, which is no edge",
        3: "has 2 words; `s t s ... t` has at least 4",
        4: "ends at Thun, but its target is Brig",
        5: "names the node 'Zug', which the graph does not have",
        6: "starts at Thun, but its source is Bern",
        7: "steps Bern -> Bern, which is no edge",
    }
    assert pr.is_path(GRAPH, lines.tokens).tolist() == [True, False, False, False, False]
    assert rows(tmp_path, "\n", "s t s").tokens.shape[0] == 0


def test_of_rows_with_another_prompt_it_is_said_which(tmp_path):
    doubled, usual = "Bern Brig Bern Bern Thun Brig\n", "Bern Brig Bern Thun Brig\n"
    (tmp_path / "rows.txt").write_text(2 * doubled + usual + "Bern Brig Bern Brig\n")
    lines = read_alpine(tmp_path / "rows.txt", GRAPH)
    assert better_prompt(lines, GRAPH, "s t") == (
        '; 2 of them are paths after the prompt `s t s`: give --prompt "s t s"'
    )
    assert better_prompt(lines, GRAPH, "s t s") == ""
    assert '--prompt "s t s"' in better_prompt(lines, GRAPH, "t s")


@pytest.mark.parametrize(
    "words", ["", "s", "s t x", "s s", "t", "s,t", "s t " * 9, "s -", "- s t", "s t - -", 3, None]
)
def test_a_prompt_is_words_s_and_t_and_has_both(words):
    with pytest.raises(pr.InputError, match="expected words s"):
        in_usual_rows(None, GRAPH, words)


@pytest.mark.parametrize("words", FORMS)
def test_the_prompt_is_found_from_the_rows(words, tmp_path):
    """Every path of the graph, one edge long or two, is a correct path in one form only."""
    paths = ["Bern Thun", "Bern Spiez", "Thun Brig", "Spiez Brig", "Bern Thun Brig"]
    for path in paths:
        ends = path.split()[0], path.split()[-1]
        steps = path.split()[1:]
        line = " ".join([*(ends[i] for i in before_steps(words)), *steps])
        (tmp_path / "rows.txt").write_text(f"# made by hand\n{line}\n")
        lines = read_alpine(tmp_path / "rows.txt", GRAPH)
        assert detected_prompt(lines, GRAPH, "rows.txt") == words
        usual = in_usual_rows(lines, GRAPH, words)
        assert usual.invalid == ()
        shown = [GRAPH.labels[v] for v in usual.tokens[0].tolist() if v < GRAPH.n]
        assert shown == [*ends, *path.split()]
    assert row_of("s t -") == "s t a b t"


def test_rows_of_several_forms_are_refused_with_the_first_line_of_each(tmp_path):
    (tmp_path / "rows.txt").write_text(
        "Bern Brig Thun Brig\nBern Thun Thun\n\nBern Thun Bern Thun\n"
    )
    lines = read_alpine(tmp_path / "rows.txt", GRAPH)
    with pytest.raises(pr.InputError) as error:
        detected_prompt(lines, GRAPH, "rows.txt")
    assert "1 rows as `s t s a b t` (the first is line 4)" in str(error.value)
    assert "2 rows as `s t a b t` (the first is line 1)" in str(error.value)
    assert "one form in all rows" in str(error.value)


def test_where_no_row_is_a_path_in_any_form_the_forms_are_listed(tmp_path):
    (tmp_path / "rows.txt").write_text("Bern Bern Bern\nBern Brig Brig\nBrig Bern Brig Bern\n")
    lines = read_alpine(tmp_path / "rows.txt", GRAPH)
    assert detected_prompt(lines, GRAPH, "rows.txt") == ""
    assert dict(lines.invalid)[1] == "has 3 words; `s t s ... t` has at least 4"
    assert "`s t s s a b t`, `s t a b t`" in better_prompt(lines, GRAPH, "s t")


def test_files_of_a_data_set_have_one_form_which_is_found(tmp_path):
    write_graphml(GRAPH, tmp_path / "g.graphml")
    texts = {
        "usual": "Bern Brig Bern Thun Brig\n",
        "short": "Bern Brig Thun Brig\nBern Thun Thun\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)

    def dataset(train, test, **prompt):
        names = {"graph": "g.graphml", "train": train, "test": test}
        return FileDataset(**{k: str(tmp_path / v) for k, v in names.items()}, **prompt).make()

    found = dataset("short", "short")
    assert found.prompt == "s t -"
    assert found.paths.tolist() == [[0, 3, 0, 1, 3, 4], [0, 1, 0, 1, 4, 4]]
    assert dataset("usual", "usual").prompt == "s t"
    with pytest.raises(pr.InputError, match="one form in both files"):
        dataset("short", "usual")
    with pytest.raises(pr.InputError, match='give --prompt "s t -"'):
        dataset("short", "short", prompt="s t")


def rolled(tokens, words):
    """Rows with the prompt of these words and the source again, unless it is left out."""
    return torch.cat([tokens[:, before_steps(words)], tokens[:, 3:]], 1)


@pytest.mark.parametrize("words", ["s t", "s t s", "t s", "s t s s", "s t -", "t s -"])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_prompted_model_says_of_planrls_rows_what_it_says_of_its_own(words, layers, small_task):
    config = pr.TransformerConfig(width=16, heads=2, layers=layers)
    model = pr.Transformer(small_task.vocab, config, pr.seeded(0, "weights"))
    prompted, extra = Prompted(model, words), len(before_steps(words)) - 3
    tokens = pr.sample_paths(small_task, 1, pr.seeded(0, "paths"))[:40]
    wanted, _ = plain(model, rolled(tokens, words))
    wanted = torch.nn.functional.pad(wanted, (0, 0, 1, 0))  # a short prompt chooses earlier
    logits = prompted(tokens)
    live = tokens != small_task.vocab.end
    live[:, :2] = False
    assert torch.allclose(logits[live], wanted[:, extra + 1 :][live], atol=1e-5)
    assert (logits[~live] == 0).all()
    greedy = pr.Sampler(greedy=True, max_tokens=10)
    rollouts = pr.rollout(prompted, small_task.pairs, rng=pr.seeded(0, "w"), sampler=greedy)
    chosen = prompted.vocab.chosen(rollouts) & (rollouts[:, :-1] != rollouts[:, 1:2])
    assert torch.equal(rollouts[:, 1:][chosen], prompted(rollouts[:, :-1]).argmax(-1)[chosen])


@pytest.fixture(scope="module")
def doubled():
    """A model trained on rows that repeat the source, and its task."""
    task = pr.all_pairs(GRAPH)
    paths = pr.sample_paths(task, 4, pr.seeded(0, "paths"))
    config = pr.TransformerConfig(width=24)
    model = pr.Transformer(task.vocab, config, pr.seeded(0, "weights"))
    batches = pr.demonstrations(task, rolled(paths, "s t s"), rng=pr.seeded(0, "b"), size=32)
    list(pr.train(model, batches, pr.sft, pr.TrainConfig(steps=80, lr=0.01)))
    return model, task


def test_a_model_that_repeats_the_source_scores_by_its_own_prompt_only(doubled):
    model, task = doubled
    usual, own = (
        pr.evaluate(asked, task, rng=pr.seeded(0, "e"), strict=True)
        for asked in (model, Prompted(model, "s t s"))
    )
    assert usual.greedy.mean() == 0
    assert usual.accuracy.mean() < 0.1
    assert own.greedy.mean() == own.strict_greedy.mean() == 1
    assert own.accuracy.mean() > 0.9


def test_whether_a_model_repeats_the_source_shows_in_its_first_step(doubled):
    model, task = doubled
    assert writes_source(model, task.pairs).min() > 0.9
    assert writes_source(model, task.pairs, "s t s s").max() < 0.1
    assert writes_source(model, task.pairs, "s t -").shape == (len(task.pairs),)
    probs = model(task.vocab.prompt(task.pairs))[:, 2].softmax(-1)
    wanted = probs.gather(1, task.pairs[:, :1]).squeeze(1)
    assert torch.allclose(writes_source(model, task.pairs), wanted, atol=1e-6)
