"""Live labs in a kernel: their updates are planrl's, their chance is theirs, their links are read."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch

import planrl as pr
from planrl.errors import InputError, TrainingError
from planrl.labs import PageLab, Session, lab
from planrl.labs.catalogue import labs
from planrl.labs.catalogue.rewards import VERDICTS, verdict
from planrl.labs.engine.algorithms import ALGORITHMS
from planrl.labs.engine.data import prepare
from planrl.labs.engine.measure import PAIRS, SAMPLES
from planrl.labs.engine.models import NODES, TOKENS, VOCAB, model_named
from planrl.labs.engine.rng import uniform
from planrl.labs.engine.sampling import SCALE
from planrl.labs.engine.update import update
from planrl.labs.spec.controls import read_state, write_state
from planrl.tasks import shaped_reward

LABS = {
    "sft": ("imitation", pr.sft, None),
    "pg": ("policy-gradient", partial(pr.policy_gradient, kl=0.1), 0),
    "q": ("rewards", partial(pr.q_learning, value_bounds=(0.0, SCALE)), None),
}


def given_of(session):
    one = session.learners[0]
    options = {**ALGORITHMS[one.algorithm].options, **one.options}
    numbers = {k: torch.tensor(float(v)) for k, v in options.items()}
    return {**session.given, **numbers, **one.state, "t": torch.tensor(float(session.updates))}


@pytest.mark.parametrize("model", ["table", "transformer"])
@pytest.mark.parametrize("algorithm", ["sft", "pg", "q"])
def test_an_update_is_the_one_that_train_makes_of_the_same_walks(
    model, algorithm, bases_are_trained_once
):
    name, loss, refresh = LABS[algorithm]
    link = f"model={model}" + ("&kl=0.1" if algorithm == "pg" else "")
    session, engine = Session(name, link), model_named(model)
    session.train(4)  # away from the start, where the KL penalty is 0
    given = given_of(session)
    tokens = ALGORITHMS[algorithm].stream.rows(engine, given)
    reward = partial(pr.process_reward, scale=SCALE) if algorithm == "q" else pr.outcome_reward
    task = pr.Task(session.lab_graph.graph, session.given["pairs"][:1].long(), reward)
    task = replace(task, graph=pr.Graph(NODES, session.lab_graph.graph.edges))
    ours = engine.module(given["params"])
    base = engine.module(session.starts["base" if algorithm != "sft" else "fresh"])
    optimizer = torch.optim.AdamW(
        ours.parameters(), lr=engine.lr, weight_decay=0.0, eps=1e-5, fused=False
    )
    moments = [engine.module(given[k]).parameters() for k in ("m", "v")]
    for parameter, m, v in zip(ours.parameters(), *moments, strict=True):
        optimizer.state[parameter] = {
            "step": given["t"].clone(),
            "exp_avg": m.detach().clone(),
            "exp_avg_sq": v.detach().clone(),
        }
    run = pr.train(
        ours,
        iter([task.batch(tokens)]),
        loss,
        pr.TrainConfig(steps=1, lr=engine.lr, refresh=refresh),
        optimizer=optimizer,
        frozen=base if refresh == 0 else None,
    )
    record = next(run)
    made = update(ALGORITHMS[algorithm], engine, given)
    assert float(made["loss"]) == pytest.approx(record.loss, rel=1e-4, abs=1e-6)
    assert float(made["reward"]) == pytest.approx(record.reward, abs=1e-5) or algorithm == "sft"
    theirs = torch.cat([p.detach().flatten() for p in ours.parameters()])
    moved = (theirs - given["params"]).abs().max()
    assert moved > 1e-5
    assert (made["params"] - theirs).abs().max() < 2e-3 * moved


@pytest.mark.parametrize("model", ["table", "transformer"])
def test_walks_follow_the_models_law(model, bases_are_trained_once):
    session = Session("race", f"model={model}")
    engine, weights = model_named(model), session.learners[0].state["params"]
    prompt = VOCAB.prompt(session.given["pairs"][:8].long()).repeat(50, 1)
    drawn = []

    def draw(logits, number):
        drawn.append(logits)
        return logits.argmax(-1)

    tokens = engine.rollout(weights, prompt, draw)
    assert tokens.shape == (400, TOKENS)
    whole = engine.logits(weights, tokens[:, :-1])[:, 2:]
    before_end = (tokens[:, 2:-1] != VOCAB.end)[..., None]  # what follows END is arbitrary
    gap = (torch.stack(drawn, 1) - whole) * before_end
    assert gap.abs().max() < 1e-4
    ours = engine.module(weights)(tokens[:8, :3])[:, 2]
    assert (ours - drawn[0][:8]).abs().max() < 1e-4


def test_chance_is_uniform_the_same_each_time_and_different_for_each_use():
    seed, step = torch.tensor(3), torch.tensor(7)
    numbers = uniform(seed, step, 2, 100, 100)
    assert torch.equal(numbers, uniform(seed, step, 2, 100, 100))
    assert 0 <= numbers.min() < numbers.max() < 1
    counts = torch.histc(numbers, 20, 0, 1)
    assert ((counts - 500).square() / 500).sum() < 45  # chi-square with 19 degrees, p > 0.0007
    for other in (
        uniform(seed, step, 1, 100, 100),
        uniform(seed, step + 1, 2, 100, 100),
        uniform(seed + 1, step, 2, 100, 100),
    ):
        both = torch.stack([numbers.flatten(), other.flatten()])
        assert abs(float(torch.corrcoef(both)[0, 1])) < 0.05


def mixed(x):
    """The mixing function of `chance`, in Python's own whole numbers."""
    x ^= x >> 16
    x = x * 0x21F0AAAD % 2**32
    x ^= x >> 15
    x = x * 0x735A2D97 % 2**32
    return x ^ (x >> 15)


def test_chance_has_these_numbers_for_ever():
    drawn = (uniform(torch.tensor(5), torch.tensor(9), 2, 300) * 2**24).long().tolist()
    key = mixed((mixed((mixed(5 + 1) + 9) % 2**32) + 2) % 2**32)
    assert drawn == [mixed((0x3C6EF373 * i + key) % 2**32) >> 8 for i in range(300)]


def test_the_same_link_gives_the_same_numbers_and_looking_changes_none():
    watched, plain = Session("race", "seed=4&model=table"), Session("race", "seed=4&model=table")
    for _ in range(2):
        watched.train(3)
        watched.evaluate()
    told = plain.train(6)
    assert [one["loss"] for one in watched.train(1)] == [one["loss"] for one in plain.train(1)]
    watched.reset()
    assert watched.train(6) == told


def test_every_control_of_every_lab_can_be_set_to_every_value():
    for made in labs().values():
        for control in made.controls:
            for value in control.values:
                if value == "own" or (control.name == "seed" and value > 1):
                    continue
                link = write_state(made.controls, replace_value(made, control.name, value))
                assert read_state(made.controls, link).values[control.name] == value


def replace_value(made, name, value):
    state = read_state(made.controls, "")
    return replace(state, values={**state.values, name: value})


@pytest.mark.parametrize(
    ("name", "link", "said"),
    [
        ("nonsense", "", "no lab is called 'nonsense'"),
        ("race", "kl=0.1", "'kl' can't be set here"),
        ("policy-gradient", "kl=0.25", "kl='0.25' is not possible: choose 0, 0.001"),
        ("policy-gradient", "kl=<b>", "kl='<b>' is not possible"),
        ("policy-gradient", "kl=0.1&seed=1&kl=1", "'kl' is there more than once"),
        ("policy-gradient", "lab=race&seed=1", "a link of the lab 'race', not of policy-gradient"),
        ("race", "graph=own", "edges and graph=own only go together"),
        ("race", "edges=0-1", "edges and graph=own only go together"),
        ("race", "graph=own&edges=0", "two nodes are written a-b"),
        ("race", "graph=own&edges=0-1.1-1", "self-loop"),
        ("race", "graph=own&edges=" + ".".join(f"{i}-{i + 1}" for i in range(21)), "22 nodes"),
        ("race", "graph=own&edges=" + ".".join(["0-1"] * 121), "121 edges"),
        ("blocks", "graph=own&edges=0-1", "'edges' can't be set here|graph='own'"),
    ],
)
def test_a_bad_link_is_refused_by_name(name, link, said):
    with pytest.raises(InputError, match=said):
        Session(name, link)


def test_settings_can_be_changed_in_a_run_but_not_the_seed():
    session = Session("policy-gradient")
    session.train(2)
    session.set(kl=0.1)
    assert session.learners[0].options["kl"] == 0.1
    with pytest.raises(InputError, match=r"seed.*can't be set in a run"):
        session.set(seed=3)
    with pytest.raises(InputError, match="choose among"):
        session.set(kl=7.0)
    with pytest.raises(InputError, match="at least 1"):
        session.train(0)


def test_an_update_that_is_not_finite_is_refused_and_nothing_is_lost():
    session = Session("policy-gradient")
    session.train(3)
    before = session.learners[0].state["params"].clone()
    session.learners[0].options["kl"] = math.nan
    with pytest.raises(TrainingError, match="keeps its weights"):
        session.train(1)
    assert torch.equal(session.learners[0].state["params"], before)
    assert session.updates == 3


def test_a_readers_own_graph_is_asked_about_and_learnt():
    session = Session("rewards", "graph=own&model=table&edges=0-1.0-2.1-3.2-3.3-4")
    assert session.lab_graph.graph.n == 5
    assert session.given["question"].tolist() == [0, 4]
    session.train(150)
    assert session.evaluate()[0]["train_greedy"] == 1.0


def test_questions_are_all_pairs_once_and_demonstrations_are_right():
    session = Session("race", "model=table")
    graph = pr.Graph(NODES, session.lab_graph.graph.edges)
    count, train = int(session.given["pair_count"]), int(session.given["train_count"])
    pairs = session.given["pairs"][:count].long()
    expected = pr.all_pairs(graph).pairs
    assert sorted(pairs.tolist()) == sorted(expected.tolist())
    assert 0.25 < train / count < 0.35
    assert set(pairs[:train, 1].tolist()) == set(pairs[:, 1].tolist())  # every target is trained
    rows = session.given["rows"][: int(session.given["row_count"])].long()
    assert pr.is_path(graph, rows).all()
    asked = {tuple(pair) for pair in rows[:, :2].tolist()}
    assert asked <= {tuple(pair) for pair in pairs[:train].tolist()}


def test_the_fixed_point_shown_is_the_one_that_theory_computes():
    session = Session("rewards", "target=2&edge=0.5&cost=0.1&discount=0.8&graph=cyclic")
    graph = pr.Graph(NODES, session.lab_graph.graph.edges)
    reward = partial(shaped_reward, target=2.0, edge=0.5, cost=0.1)
    task = pr.Task(graph, session.given["pairs"][:1].long(), reward)
    target = int(session.given["question"][1])
    expected = pr.optimal_q(task, discount=0.8)[target, :, :NODES]
    shown = session.evaluate()[0]["exact"]
    underway = torch.arange(NODES) != target
    assert (expected - shown)[underway].abs().max() < 1e-2  # 40 sweeps at discount 0.8


def test_diversity_counts_distinct_correct_paths():
    session = Session("policy-gradient", "model=table&graph=own&edges=0-1.0-2.1-3.2-3")
    assert 0 < session.evaluate()[0]["diversity"] <= SAMPLES
    graph = session.lab_graph.graph
    table = torch.full((NODES, NODES, NODES + 1), -50.0)  # each correct next node is as likely
    optimum = pr.process_optimum(graph)
    table[: graph.n, : graph.n, : graph.n] = torch.where(optimum == 1.0, 0.0, -50.0)
    table.diagonal(dim1=0, dim2=1)[NODES] = 0.0  # at the target the path ends
    session.learners[0].state["params"] = table.flatten()
    evaluation = session.evaluate()[0]
    pairs = session.given["pairs"][: int(session.given["train_count"])].long()
    asked = pairs[torch.arange(PAIRS) % len(pairs)]
    paths = graph.count_paths()[asked[:, 1], asked[:, 0]]
    assert paths.max() == 2
    assert evaluation["train_sampled"] == 1.0
    assert evaluation["diversity"] == pytest.approx(float(paths.double().mean()))


def test_shaped_rewards_are_the_papers_two():
    graph = pr.random_dag(8, 0.4, pr.seeded(0, "graph"))
    tokens = pr.rollout(
        pr.LogitTable(pr.Task(graph, torch.tensor([[0, 7]])).vocab),
        torch.tensor([[0, 7]]).repeat(200, 1),
        rng=pr.seeded(0, "walks"),
    )
    process = pr.process_reward(graph, tokens)
    assert torch.equal(process, shaped_reward(graph, tokens))
    assert torch.equal(
        pr.outcome_reward(graph, tokens), shaped_reward(graph, tokens, edge=0.0, strict=1.0)
    )
    dearer = shaped_reward(graph, tokens, cost=0.25)
    paid = process - dearer
    assert set(paid.unique().tolist()) <= {0.0, 0.25}


def test_what_a_page_gets_is_text_that_cannot_be_markup():
    page = PageLab("policy-gradient")._repr_html_()
    script = page.split('<script type="application/json">')[1].split("</script>")[0]
    assert "<" not in script
    assert 'id="lab-policy-gradient"' in page
    with pytest.raises(InputError, match="no lab is called"):
        PageLab("<b>")
    assert (
        'data-state="kl=0.1&amp;seed=3"'
        in PageLab("policy-gradient", "kl=0.1&seed=3")._repr_html_()
    )
    with pytest.raises(InputError, match="kl='9' is not possible"):
        PageLab("policy-gradient", "kl=9")


def test_in_a_page_a_lab_is_html_and_needs_no_widgets(monkeypatch):
    monkeypatch.setenv("PLANRL_STATIC", "1")
    assert isinstance(lab("race"), PageLab)
    with pytest.raises(InputError, match="a page runs no Python"):
        lab("policy-gradient", loss=pr.policy_gradient)


@pytest.mark.parametrize("model", ["table", "transformer"])
def test_the_labs_own_loss_given_as_a_readers_trains_the_same_and_hears_the_sliders(
    model, bases_are_trained_once
):
    link = f"model={model}&kl=0.1"
    usual, ours = (
        Session("policy-gradient", link),
        Session("policy-gradient", link, loss=pr.policy_gradient),
    )
    for session in (usual, ours):
        session.train(3)
        session.set(kl=1, baseline=1)
        session.train(3)
    one, other = (session.learners[0].state["params"] for session in (usual, ours))
    assert torch.equal(one, other)
    assert ours.about_loss == "Trained here with a loss of yours, policy_gradient."


def test_a_loss_of_ones_own_is_trained_on_the_labs_walks_and_idle_controls_are_named():
    def still(logits, batch):
        return pr.sft(logits, batch)

    still_session = Session("policy-gradient", loss=still)
    assert still_session.about_loss.endswith("still. It does not use: KL penalty λ, Baseline.")
    usual = Session("policy-gradient")
    for session in (still_session, usual):
        session.train(30)
    one, other = (session.learners[0].state["params"] for session in (still_session, usual))
    assert not torch.equal(one, other)
    assert all(torch.isfinite(one))
    assert Session("rewards", loss=still).about_loss.count(",") >= 2


def test_a_base_is_trained_as_ever_before_a_loss_of_ones_own(bases_are_trained_once):
    session = Session("policy-gradient", "model=transformer", loss=lambda logits, _: logits.sum())
    usual = Session("policy-gradient", "model=transformer")
    assert torch.equal(session.learners[0].state["base"], usual.learners[0].state["base"])


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (5, "a loss is a function of logits and a batch, but 5 was given"),
        (lambda logits: logits.sum(), "a loss is a function of logits and a batch"),
        (lambda logits, batch, weight, *, other: 0, "after which options may follow by name"),
        (lambda logits, batch: 3.0, "a loss returns one number as a tensor"),
        (lambda logits, batch: logits, "a loss returns one number as a tensor"),
        (lambda logits, batch: torch.tensor(1.0), "a loss returns one number as a tensor"),
    ],
)
def test_what_is_no_loss_is_refused(loss, said):
    def begin():
        Session("imitation", loss=loss).train(1)

    with pytest.raises(InputError, match=said):
        begin()


def test_several_learners_take_no_loss_of_ones_own():
    with pytest.raises(
        InputError, match="race has several learners: say which one your loss trains"
    ):
        Session("race", loss=pr.sft)


def test_prepare_forces_the_question_that_is_shown_into_training():
    adjacency = torch.zeros(NODES, NODES)
    adjacency[0, 1] = adjacency[1, 2] = adjacency[2, 3] = 1.0
    given = {
        "adjacency": adjacency,
        "seed": torch.tensor(5, dtype=torch.int32),
        "share": torch.tensor(0.1),
        "question": torch.tensor([0, 3], dtype=torch.int32),
    }
    assert prepare(given)["question"].tolist() == [0, 3]
    impossible = {**given, "question": torch.tensor([3, 0], dtype=torch.int32)}
    assert prepare(impossible)["question"].tolist() != [3, 0]


def test_a_readers_values_get_the_labs_verdict():
    graph = pr.random_dag(20, 0.3, pr.seeded(0, "graph"))
    target = int(graph.reachability.sum(1).argmax())
    exact = pr.process_optimum(graph)[target]
    assert verdict(exact, graph, target) == VERDICTS[0]
    assert verdict(torch.ones(20, 20), graph, target).startswith("Constant")
    assert verdict(-exact, graph, target).startswith("Wrong sign")
    assert verdict(9 * exact, graph, target).startswith("Diverging")
    assert verdict(exact, graph, target, accuracy=0.9) == VERDICTS[0]
    assert verdict(exact, graph, target, accuracy=0.2).startswith("Not learnt")
    assert verdict(9 * exact, graph, target, accuracy=0.2).startswith("Diverging")
    with pytest.raises(InputError, match="accuracy=20 was given"):
        verdict(exact, graph, target, accuracy=20)
    with pytest.raises(InputError, match="20 nodes"):
        verdict(torch.ones(3, 3), pr.chain(3), 2)


@pytest.mark.parametrize("taught", ["every target", "the shown target alone"])
def test_a_lab_names_no_failure_only_of_a_learner_most_of_whose_paths_are_correct(taught):
    session = Session("rewards")
    target = int(session.given["question"][1])
    table = torch.zeros(NODES, NODES, NODES + 1)
    told = slice(None) if taught == "every target" else target
    table[told, :, :NODES] = pr.process_optimum(session.lab_graph.graph)[told]
    session.learners[0].state["params"] = (SCALE * table).flatten()
    evaluation = session.evaluate()[0]
    accuracy = max(evaluation["train_sampled"], evaluation["train_greedy"])
    if taught == "every target":
        assert accuracy > 0.9
        assert VERDICTS[int(evaluation["failure"])].startswith("Healthy")
    else:
        assert accuracy < 0.2
        assert VERDICTS[int(evaluation["failure"])].startswith("Not learnt")
