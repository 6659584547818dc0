"""What strangers try, by name: how its inputs are made, and what planrl is asked to do with each.

An attack ends well when planrl raises one of its own errors, or when what it returns holds what the
attack asserts. `prepare` is called once, in the process that attacks.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pickle
import shutil
import zipfile
from dataclasses import fields
from pathlib import Path

import hypothesis.strategies as st
import torch
from odd import ANYTHING, NUMBERS, PLAIN, TENSORS, WORDS, spoilt, spoilt_bytes, spoilt_text
from safetensors.torch import save as dump_tensors

import planrl as pr
from planrl import sweeps, theory
from planrl.__main__ import main as command_line
from planrl.claims import CLAIMS, verdicts
from planrl.domains import blocksworld, read_plan, recognise, space
from planrl.domains.pddl import read_problem
from planrl.evaluate import edge_use, first_error
from planrl.experiments import costs, store
from planrl.experiments.datasets import DatasetSettings, FileDataset, make_dataset
from planrl.experiments.runs import Algorithm, RunSettings, TrainingRun, resume
from planrl.experiments.study import Base, Evaluation, Learner, Study
from planrl.io import checkpoints, formats, keys
from planrl.io.files import to_json
from planrl.labs import Session as LabSession
from planrl.labs.catalogue import labs
from planrl.labs.spec.controls import State, read_state, write_state
from planrl.labs.spec.graphs import edge_list, numbered, own_graph

LABS = labs()
UNTOUCHED = Path()  # planrl's own writing would go here
GIVEN = Path()  # the stranger's files
GRAPH = pr.Graph(4, [(0, 1), (1, 2), (0, 3), (3, 2)])
TASK = pr.all_pairs(GRAPH)
PROBLEM = "(define (problem p) (:domain {name}) (:objects a b) (:init (ontable a) (on b a) (clear b) (handempty) ) (:goal (and (on a b) ) ) )"
DOMAIN = """(define (domain blocks) (:requirements :strips ) (:predicates (on ?x ?y) (ontable ?x) (clear ?x) (handempty) (holding ?x) )
 (:action pick-up :parameters (?x) :precondition (and (clear ?x) (ontable ?x) (handempty) ) :effect (and (not (ontable ?x) ) (not (clear ?x) ) (not (handempty) ) (holding ?x) ) )
 (:action put-down :parameters (?x) :precondition (holding ?x) :effect (and (not (holding ?x) ) (clear ?x) (handempty) (ontable ?x) ) )
 (:action stack :parameters (?x ?y) :precondition (and (holding ?x) (clear ?y) ) :effect (and (not (holding ?x) ) (not (clear ?y) ) (clear ?x) (handempty) (on ?x ?y) ) )
 (:action unstack :parameters (?x ?y) :precondition (and (on ?x ?y) (clear ?x) (handempty) ) :effect (and (holding ?x) (clear ?y) (not (clear ?x) ) (not (handempty) ) (not (on ?x ?y) ) ) ) )"""


def given(name: str, content: bytes | str) -> Path:
    path = GIVEN / name
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    )
    return path


def rng() -> torch.Generator:
    return pr.seeded(0, "attack")


# --- Graphs
LINE = st.lists(WORDS, min_size=0, max_size=4).map(" ".join)
EDGE = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(lambda e: f"{e[0]} {e[1]}")
EDGES = st.one_of(
    st.lists(st.one_of(LINE, EDGE), max_size=8).map("\n".join),
    st.binary(max_size=60),
    st.text(max_size=60),
)


def sound(graph: pr.Graph) -> None:
    """What holds of every graph."""
    assert len(graph.labels) == graph.n == len(set(graph.labels))
    assert all(0 <= a < graph.n and 0 <= b < graph.n and a != b for a, b in graph.edges)
    assert int(graph.adjacency.sum()) == len(graph.edges)
    assert bool(graph.reachability.diagonal().all())


def edge_lists(content):
    sound(formats.read_graph(given("g.txt", content)))


ELEMENT = st.sampled_from(
    [
        '<node id="{}"/>',
        '<node id="{}"><data key="d0">{}</data></node>',
        '<edge source="{}" target="{}"/>',
        '<edge source="{}"/>',
        '<edge directed="false" source="{}" target="{}"/>',
        "<graph>",
        "</graph>",
        "<node>",
        "<hyperedge/>",
        '<port name="{}"/>',
        '<data key="{}">{}</data>',
        "<!-- {} -->",
        "<![CDATA[{}]]>",
        "&{};",
        '<key id="d0" for="node" attr.name="label" attr.type="string"><default>{}</default></key>',
        "{}",
        "<{}>",
        '<!DOCTYPE x [<!ENTITY e "{}">]>',
        '<?xml version="1.0" encoding="{}"?>',
        '<data key="d0"><y:NodeLabel xmlns:y="y">{}</y:NodeLabel></data>',
    ]
)
SMALL = st.sampled_from(["0", "1", "2", "a", "b", "10", "é", "<", "&", "utf-16", "x" * 300])


@st.composite
def graphml(draw):
    parts = [draw(ELEMENT).format(draw(SMALL), draw(SMALL)) for _ in range(draw(st.integers(0, 7)))]
    kind = draw(st.sampled_from(["directed", "directed", "directed", "undirected", "{}"]))
    space = draw(
        st.sampled_from(['xmlns="http://graphml.graphdrawing.org/xmlns"', "", 'xmlns="other"'])
    )
    text = f'<graphml {space}><graph edgedefault="{kind}">{"".join(parts)}</graph></graphml>'
    return draw(st.one_of(st.just(text), spoilt_bytes(text.encode())))


LAUGHS = "".join(f'<!ENTITY l{k + 1} "{f"&l{k};" * 10}">' for k in range(9))
DEEP = 200_000
BOMBS = [
    f'<!DOCTYPE g [<!ENTITY l0 "lol">{LAUGHS}]><graphml>&l9;</graphml>',
    f'<!DOCTYPE g [<!ENTITY a "{"a" * 100_000}">]><graphml>{"&a;" * 10_000}</graphml>',
    '<!DOCTYPE g SYSTEM "file:///etc/passwd"><graphml/>',
    '<!DOCTYPE g [<!ENTITY x SYSTEM "file:///etc/passwd">]><graphml><graph><node id="&x;"/></graph></graphml>',
    '<!DOCTYPE g [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x">%p;]><graphml/>',
    "<graphml>" + "<graph>" * DEEP,
    '<graphml><graph edgedefault="directed">' + '<node id="a"/>' * DEEP,
    '<graphml><graph edgedefault="directed">' + "".join(f'<node id="{v}"/>' for v in range(60_000)),
    "<graphml " + " ".join(f'a{k}="1"' for k in range(20_000)) + "/>",
    "<" + "a" * 1_000_000,
    '<?xml version="1.0" encoding="utf-7"?><graphml/>',
    "\x00" * 1000,
]


def graphml_files(content):
    sound(formats.read_graph(given("g.graphml", content)))


def graph_functions(call):
    name, values = call
    functions = {
        "Graph": lambda n, e, p, w: pr.Graph(n, e, w),
        "random_dag": lambda n, e, p, w: pr.random_dag(n, p, rng()),
        "random_digraph": lambda n, e, p, w: pr.random_digraph(n, p, rng()),
        "layered": lambda n, e, p, w: pr.layered(w, p, rng()),
        "chain": lambda n, e, p, w: pr.chain(n),
        "fork": lambda n, e, p, w: pr.fork(n),
        "diamond": lambda n, e, p, w: pr.diamond(n),
        "seeded": lambda n, e, p, w: pr.seeded(n, p),
        "index": lambda n, e, p, w: GRAPH.index(n),
        "blocksworld": lambda n, e, p, w: blocksworld(n),
        "space": lambda n, e, p, w: space(w),
        "Vocab": lambda n, e, p, w: pr.Vocab(n),
    }
    made = functions[name](*values)
    if isinstance(made, pr.Graph) and made.n < 500:
        sound(made)


GRAPH_CALLS = st.tuples(
    st.sampled_from(
        [
            "Graph",
            "Graph",
            "random_dag",
            "random_digraph",
            "layered",
            "chain",
            "fork",
            "diamond",
            "seeded",
            "index",
            "blocksworld",
            "space",
            "Vocab",
        ]
    ),
    st.tuples(
        st.one_of(NUMBERS, ANYTHING),
        st.one_of(
            st.lists(st.tuples(st.integers(-1, 9), st.integers(-1, 9)), max_size=6), ANYTHING
        ),
        st.one_of(st.floats(0, 1), ANYTHING),
        st.one_of(st.lists(st.integers(-1, 5), max_size=4), st.just(()), ANYTHING),
    ),
)


# --- Rows of text, PDDL
ROWS = st.one_of(
    st.lists(
        st.one_of(
            st.lists(st.sampled_from("0123"), min_size=2, max_size=7).map(" ".join),
            st.sampled_from(["0 2 0 1 2", "0 2 0 3 2", "0 1 0 1"]),
            LINE,
        ),
        max_size=6,
    ).map("\n".join),
    st.binary(max_size=60),
    st.sampled_from(["0 1 0 1\n" * 5_000 + "0 1 " + "0 " * 20_000, "0 " * 100_000, "\n" * 100_000]),
)


def alpine_lines(content):
    lines = formats.read_alpine(given("rows.txt", content), GRAPH)
    wrong = {at for at, _ in lines.invalid}
    right = pr.is_path(GRAPH, lines.tokens)
    assert [at not in wrong for at in lines.line] == right.tolist()
    if lines.invalid:  # reported line by line, as every user of these lines asks
        make_dataset(
            FileDataset(
                graph=str(GIVEN / "good.txt"),
                train=str(GIVEN / "rows.txt"),
                test=str(GIVEN / "rows.txt"),
            )
        )


PDDL = st.one_of(
    st.tuples(spoilt_text(DOMAIN), st.just(PROBLEM.format(name="blocks"))),
    st.tuples(st.just(DOMAIN), spoilt_text(PROBLEM.format(name="blocks"))),
    st.sampled_from(
        [
            ("(" * DEEP, PROBLEM),
            (DOMAIN, "(define (problem p" + " " * 20_000),
            (DOMAIN, "(:length " * 3_000),
            (DOMAIN + "(:action a :parameters ())" * 2_000, PROBLEM.format(name="blocks")),
            (
                DOMAIN.replace(
                    "(?x ?y) :precondition (and (holding",
                    "(?x ?y "
                    + " ".join(f"?v{k}" for k in range(14))
                    + ") :precondition (and (holding",
                ),
                PROBLEM.format(name="blocks").replace(
                    "a b)", " ".join(f"o{k}" for k in range(40)) + " a b)"
                ),
            ),
            (DOMAIN, "x" * 1_000_001),
            (b"\xff\xfe", ""),
        ]
    ),
)


def pddl_files(texts):
    problem = read_problem(given("d.pddl", texts[0]), given("p.pddl", texts[1]))
    plan = problem.solve()
    if plan is not None:
        assert problem.validate(plan).valid
    recognise(problem)


PLANS = st.one_of(
    spoilt_text("(unstack b a) \n (put-down b) \n (pick-up a) \n (stack a b)"),
    st.binary(max_size=40),
    EDGES,
)


def plans(content):
    problem = read_problem(given("d.pddl", DOMAIN), given("p.pddl", PROBLEM.format(name="blocks")))
    assert str(problem.validate(read_plan(given("plan.txt", content))))


# --- Checkpoints
def nanogpt_page() -> dict:
    width, tokens = 4, 6
    shapes = {"wte": (tokens, width), "wpe": (8, width), "ln_f": (width,)}
    block = {"ln_1": (width,), "attn.c_attn": (3 * width, width), "attn.c_proj": (width, width)}
    block |= {"ln_2": (width,), "mlp.c_fc": (4 * width, width), "mlp.c_proj": (width, 4 * width)}
    shapes |= {f"h.0.{name}": shape for name, shape in block.items()}
    weights = {f"transformer.{name}.weight": torch.ones(shape) for name, shape in shapes.items()}
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": width, "block_size": 8, "bias": False}
    return {"model": weights, "model_args": sizes}


def torch_bytes(page) -> bytes:
    buffer = io.BytesIO()
    torch.save(page, buffer)
    return buffer.getvalue()


def zipped(content: bytes, kind: int = zipfile.ZIP_STORED) -> bytes:
    """A checkpoint whose pickle is this."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(torch_bytes({}))) as old,
        zipfile.ZipFile(buffer, "w", kind) as new,
    ):
        for part in old.infolist():
            new.writestr(
                part.filename, content if part.filename.endswith("data.pkl") else old.read(part)
            )
    return buffer.getvalue()


def calls(module: str, name: str, argument: bytes) -> bytes:
    """A pickle that calls something: opcodes written by hand."""
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + argument + b"\x85R."


CODE = [
    calls("os", "system", b"X\x06\x00\x00\x00exit 1"),
    calls("builtins", "eval", b"X\x03\x00\x00\x001+1"),
    calls("posix", "system", b"X\x02\x00\x00\x00ls"),
    calls("subprocess", "Popen", b"X\x02\x00\x00\x00ls"),
    calls("builtins", "bytearray", b"\x8a\x05\x00\x00\x00\x00\x10"),
    calls("torch", "Tensor", b"\x8a\x05\x00\x00\x00\x00\x10"),
    calls("torch.hub", "load", b"X\x01\x00\x00\x00x"),
    calls("importlib", "import_module", b"X\x02\x00\x00\x00os"),
    calls("planrl.io.checkpoints", "load", b"X\x01\x00\x00\x00x"),
    calls("collections", "Counter", b"X\x02\x00\x00\x00aa"),
    b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x06exit 1\x85R.",
    b"\x80\x02(X\x02\x00\x00\x00lsios\nsystem\n.",
    b"\x80\x02" + b"]" * 100_000 + b".",
    b"\x80\x02" + b"(" * 100_000 + b".",
    b"\x80\x02}]K\x01s.",
    b"",
    calls("numpy", "dtype", b"X\x0b\x00\x00\x00V4000000000"),
    calls("torch", "Size", b"X\x02\x00\x00\x00ab"),
    b"\x80\x02]q\x00" + b"".join(b"(h\x00h\x00lq\x00" for _ in range(60)) + b".",
]


def wide() -> dict:
    page = nanogpt_page()
    page["model"]["transformer.wte.weight"] = torch.ones(1, 1).expand(10**6, 10**6)
    return page


@st.composite
def nanogpt(draw):
    how = draw(st.integers(0, 5))
    if how == 0:
        return draw(spoilt_bytes(torch_bytes(nanogpt_page())))
    if how == 5:
        return draw(spoilt_bytes(dump_tensors(nanogpt_page()["model"], {"n_head": "1"})))
    if how == 1:
        content = draw(st.sampled_from(CODE))
        return draw(
            st.sampled_from([content, zipped(content), zipped(content, zipfile.ZIP_DEFLATED)])
        )
    if how == 2:
        return zipped(draw(spoilt_bytes(pickle.dumps(draw(PLAIN), 2))))
    page = nanogpt_page()
    if how == 3:
        page["model_args"] = draw(spoilt(page["model_args"]))
    else:
        name = draw(st.sampled_from(list(page["model"])))
        page["model"][name] = draw(
            st.one_of(TENSORS, PLAIN, st.just(page["model"][name] * float("nan")))
        )
        if draw(st.booleans()):
            page = draw(st.one_of(st.just(wide()), PLAIN, st.just({"model": page["model"]})))
    return torch_bytes(page)


def nanogpt_checkpoints(content):
    model = formats.read_nanogpt(given("c.pt", content))
    assert all(bool(p.isfinite().all()) for p in model.parameters())
    assert pr.next_logits(model).isfinite().all()


def a_run() -> tuple[dict, dict]:
    """The manifest and the tensors of a small good run."""
    return json.loads((GIVEN / "run" / "run.json").read_text()), TENSOR_FILE


HUGE = {"n_nodes": 10**9, "layers": 10**9, "width": 10**6, "positions": 10**9, "heads": 0}


@st.composite
def runs(draw):
    page, tensors = a_run()
    how = draw(st.integers(0, 5))
    content = None
    if how == 0:
        page["model"] = draw(
            spoilt(page["model"], st.one_of(PLAIN, st.sampled_from(list(HUGE.values()))))
        )
    elif how == 1:
        page["settings"] = draw(spoilt(page["settings"]))
    elif how == 2:
        page = draw(spoilt(page))
    elif how == 3:
        tensors = dict(tensors)
        name = draw(st.sampled_from(list(tensors)))
        if draw(st.booleans()):
            del tensors[name]
        tensors[
            draw(
                st.one_of(
                    st.just(name),
                    st.just("optimizer/x/y"),
                    st.just("optimizer/99/z"),
                    st.text(max_size=9),
                )
            )
        ] = draw(TENSORS)
    elif how == 4:
        content = draw(spoilt_bytes(dump_tensors(tensors)))
    else:
        page["tensors"]["file"] = draw(
            st.sampled_from(
                [
                    "..",
                    "",
                    ".",
                    "run.json",
                    "../run.json",
                    "/etc/passwd",
                    "a\0b",
                    "state-0000000000000000.safetensors",
                    "x" * 5000,
                ]
            )
        )
    try:
        content = dump_tensors(tensors) if content is None else content
    except Exception:  # what can't be written at all becomes an empty file, another bad one
        content = b""
    return page, content, draw(st.booleans())


def saved_runs(given_run):
    page, content, honest = given_run
    folder = GIVEN / "spoilt"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if (
        honest
        and isinstance(page, dict)
        and isinstance(page.get("tensors"), dict)
        and checkpoints.NAME.fullmatch(str(page["tensors"].get("file")))
    ):
        page["tensors"]["sha256"] = hashlib.sha256(content).hexdigest()
        (folder / page["tensors"]["file"]).write_bytes(content)
    with contextlib.suppress(ValueError):  # numbers of more digits than Python writes
        (folder / "run.json").write_text(json.dumps(page))
    saved = checkpoints.load(folder)
    assert all(bool(p.isfinite().all()) for p in saved.model.parameters())
    settings = RunSettings.of(saved)
    if (
        isinstance(settings.dataset, DatasetSettings)
        and settings.dataset.kind != "blocksworld"
        and settings.dataset.plain()["options"]["nodes"] <= 12
    ):
        training_run = resume(folder, steps=2)
        for _ in training_run.run():
            pass


# --- Saved results
RESULT = store.FOLDER / "choices-seed0.json"
NEEDING = [
    claim.id for claim in CLAIMS if any("choices" in place.needs for place in claim.conditions)
]
NESTED = [
    "[" * 100_000,
    '{"a":' * 100_000,
    "1" * 10_000,
    "NaN",
    "null",
    '{"format": "planrl-result/2"}',
    "",
]


@st.composite
def results(draw):
    how = draw(st.integers(0, 2))
    if how == 0:
        return draw(spoilt_bytes(RESULT.read_bytes()[:3000]))
    if how == 1:
        return draw(st.sampled_from(NESTED))
    return json.dumps(
        draw(
            spoilt(
                json.loads(RESULT.read_text()),
                st.one_of(
                    st.none(),
                    st.booleans(),
                    st.floats(),
                    st.text(max_size=5),
                    st.lists(st.integers(0, 3), max_size=3),
                ),
            )
        )
    )


def saved_results(content):
    folder = GIVEN / "results"
    folder.mkdir(exist_ok=True)
    path = folder / RESULT.name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    store.read(path)
    assert store.results("choices", folder=folder)
    for verdict in verdicts(NEEDING, folder=folder):
        assert verdict.verdict


def job(settings):
    return settings.lr


def sweep_pages(settings):
    code, _ = keys.fingerprint(job, pr.TrainConfig)
    return keys.pages("strangers.job", code, "", settings)


def stored_sweeps(content):
    folder = GIVEN / "sweep"
    shutil.rmtree(folder, ignore_errors=True)
    settings = [pr.TrainConfig(lr=0.5)]
    file = sweeps._files(folder, sweep_pages(settings))[0]
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    for result in sweeps.sweep(job, settings, store=folder, n_jobs=1):
        assert result.settings in settings


@st.composite
def sweep_files(draw):
    page = {
        "format": sweeps.FORMAT,
        **sweep_pages([pr.TrainConfig(lr=0.5)])[0],
    }
    page |= {"value": 0.5, "cpu_seconds": 0.1}
    if draw(st.booleans()):
        return draw(st.one_of(st.sampled_from(NESTED), spoilt_bytes(json.dumps(page).encode())))
    try:
        return json.dumps(draw(spoilt(page)))
    except ValueError:
        return ""


# --- Settings
KINDS = {
    kind.__name__ + module: kind
    for kind, module in [
        (pr.TrainConfig, ""),
        (pr.Sampler, ""),
        (pr.TransformerConfig, ""),
        (Algorithm, ""),
        (DatasetSettings, ""),
        (FileDataset, ""),
        (RunSettings, ""),
        (costs.Point, " of costs"),
    ]
}
KINDS |= {kind.__name__: kind for kind in (Evaluation, Base, Learner, Study, costs.Settings)}
NEEDED = {
    "Algorithm": {"name": "sft"},
    "FileDataset": {"graph": "g", "train": "a", "test": "b"},
    "RunSettings": {"algorithm": Algorithm(name="sft")},
    "Learner": {"algorithm": Algorithm("sft"), "training": pr.TrainConfig(steps=1)},
    "Study": {"name": "x", "label": "y", "learners": {}, "evaluation": Evaluation()},
}


@st.composite
def settings_given(draw):
    name = draw(st.sampled_from(sorted(KINDS)))
    own = [entry.name for entry in fields(KINDS[name]) if entry.init]
    chosen = draw(st.lists(st.sampled_from(own), min_size=1, max_size=3, unique=True))
    return name, {key: draw(st.one_of(NUMBERS, ANYTHING)) for key in chosen}


def settings_records(call):
    name, values = call
    record = KINDS[name](**{**NEEDED.get(name, {}), **values})
    json.loads(
        to_json(
            {
                entry.name: getattr(record, entry.name)
                for entry in fields(record)
                if entry.name
                not in (
                    "algorithm",
                    "dataset",
                    "model",
                    "training",
                    "base",
                    "learner",
                    "evaluation",
                )
            }
        )
    )


# --- Links and pasted graphs
@st.composite
def links(draw):
    lab = draw(st.sampled_from(sorted(LABS)))
    names = [*(c.name for c in LABS[lab].controls), "edges", "lab", "q"]
    values = [
        "0",
        "0.01",
        "own",
        "dag",
        "table",
        "0-1.1-2",
        "a-a",
        "-",
        "a-b.",
        "%00",
        "<script>",
        "x" * 20_000,
        "1e309",
        "nan",
    ]
    parts = [
        f"{draw(st.sampled_from(names))}={draw(st.one_of(st.sampled_from(values), st.text(max_size=6)))}"
        for _ in range(draw(st.integers(0, 4)))
    ]
    return lab, draw(st.one_of(st.just("&".join(parts)), st.text(max_size=30), ANYTHING))


def lab_links(call):
    name, link = call
    controls = LABS[name].controls
    state = read_state(controls, link, LABS[name].most_edges)
    for control in controls:
        assert state.values[control.name] in control.values
    assert read_state(controls, write_state(controls, state), 120) == state
    if state.edges:
        own_graph(state.edges)


PASTED = st.one_of(
    EDGES.map(lambda text: text if isinstance(text, str) else text.decode("latin-1")),
    st.lists(
        st.tuples(SMALL, st.sampled_from([" ", " -> ", ",", "->"]), SMALL).map("".join), max_size=8
    ).map("\n".join),
    st.sampled_from(
        [
            "\n".join(f"{a} {a + 1}" for a in range(100_000)),
            "a" + " " * 100_000 + "b c",
            "->" * 50_000,
            "<img/src=x> b",
            "a <svg/onload=1>",
        ]
    ),
)


def pasted_graphs(text):
    edges, names = numbered(edge_list(text))
    dataset = own_graph(edges)
    assert dataset.graph.n == len(names)
    controls = LABS["race"].controls
    state = read_state(
        controls,
        write_state(
            controls,
            State({c.name: "own" if c.name == "graph" else c.default for c in controls}, edges),
        ),
        120,
    )
    assert state.edges == edges


def lab_calls(call):
    how, value = call
    if how == "name":
        LabSession(value)
    elif how == "train":
        LAB.train(min(value, 2) if isinstance(value, int) else value)
    else:
        LAB.set(**{how: value})
        assert LAB.state.values[how] in next(c for c in LAB.lab.controls if c.name == how).values


LAB_CALLS = st.tuples(
    st.sampled_from(["name", "train", "kl", "lr", "seed", "nothing"]), st.one_of(PLAIN, NUMBERS)
)


# --- Tensors and numbers given to functions
MODELS = {"table": pr.LogitTable(pr.Vocab(4)), "linear": pr.LinearTransformer(pr.Vocab(4))}
MODELS["transformer"] = pr.Transformer(
    pr.Vocab(4), pr.TransformerConfig(width=4, positions=24), pr.seeded(0, "w")
)
BROKEN = pr.LogitTable(pr.Vocab(4))
with torch.no_grad():
    BROKEN.table[:] = float("nan")
MODELS["broken"] = BROKEN
TOKENS = st.one_of(
    TENSORS,
    st.lists(st.lists(st.integers(-1, 6), min_size=5, max_size=5), min_size=0, max_size=3).map(
        lambda rows: torch.tensor(rows, dtype=torch.int64).view(-1, 5)
    ),
    st.lists(st.lists(st.integers(-1, 5), min_size=2, max_size=2), min_size=0, max_size=3).map(
        lambda rows: torch.tensor(rows, dtype=torch.int64).view(-1, 2)
    ),
    st.just(torch.tensor([[0, 2, 0, 1, 2, 4]])),
)


def token_functions(call):
    name, tokens, value = call
    functions = {
        "is_path": lambda: pr.is_path(GRAPH, tokens),
        "outcome": lambda: pr.outcome_reward(GRAPH, tokens, scale=0.5),
        "process": lambda: pr.process_reward(GRAPH, tokens),
        "batch": lambda: TASK.batch(tokens),
        "Task": lambda: pr.Task(GRAPH, tokens),
        "observed": lambda: pr.observed(TASK.vocab, tokens),
        "first_error": lambda: first_error(GRAPH, tokens),
        "edge_use": lambda: edge_use(GRAPH, tokens),
        "sft_optimum": lambda: pr.sft_optimum(TASK, tokens),
        "model": lambda: MODELS["table"](tokens),
        "linear": lambda: MODELS["linear"](tokens),
        "transformer": lambda: MODELS["transformer"](tokens),
        "write_alpine": lambda: formats.write_alpine(GIVEN / "out.txt", GRAPH, tokens),
        "demonstrations": lambda: next(pr.demonstrations(TASK, tokens, rng=rng(), size=value)),
        "split": lambda: pr.split(TASK, value, rng()),
        "sample_paths": lambda: (
            pr.is_path(GRAPH, pr.sample_paths(TASK, value, rng())).all() or 1 / 0
        ),
        "optimal_q": lambda: pr.optimal_q(TASK, discount=value),
        "check": lambda: pr.check("c", predicted=tokens, observed=value, tolerance=1e300),
        "tolerance": lambda: pr.check("c", predicted=0.0, observed=0.0, tolerance=value),
        "collapse": lambda: theory.collapse_times(2, lr=value, rng=rng()),
        "replay": lambda: next(pr.replay(iter([1]), rng=rng(), capacity=value)),
        "probe": lambda: pr.probe(iter([]), dict, every=value),
    }
    try:
        functions[name]()
    except AssertionError as error:  # the answer of a check
        if "does not hold" not in str(error):
            raise


TOKEN_CALLS = st.tuples(
    st.sampled_from(
        [
            "is_path",
            "outcome",
            "process",
            "batch",
            "Task",
            "observed",
            "first_error",
            "edge_use",
            "sft_optimum",
            "model",
            "linear",
            "transformer",
            "write_alpine",
            "demonstrations",
            "split",
            "sample_paths",
            "optimal_q",
            "check",
            "tolerance",
            "replay",
            "probe",
        ]
    ),
    TOKENS,
    st.one_of(NUMBERS, PLAIN),
)


def rollouts(call):
    model, pairs, kind, value = call
    sampler = pr.Sampler(
        **{kind: value} if kind in ("temperature", "epsilon", "max_tokens", "greedy") else {}
    )
    if kind == "samples":
        found = pr.sample_distinct(MODELS[model], pairs, value, rng=rng())
        assert int(found.count.sum()) == value * len(pairs)
    elif kind == "size":
        next(pr.on_policy(MODELS[model], TASK, rng=rng(), size=value))
    else:
        tokens = pr.rollout(MODELS[model], pairs, rng=rng(), sampler=sampler)
        pr.Vocab(4).check(tokens)
        assert torch.equal(tokens[:, :3], pairs[:, [0, 1, 0]])


PAIRS = st.one_of(TOKENS, st.just(TASK.pairs))
WALKS = st.tuples(
    st.sampled_from(list(MODELS)),
    PAIRS,
    st.sampled_from(["temperature", "epsilon", "max_tokens", "greedy", "samples", "size"]),
    st.one_of(NUMBERS, PLAIN),
)


def losses(call):
    kind, value = call
    made = {
        "value": lambda logits, batch: value,
        "detached": lambda logits, batch: logits.sum().detach(),
        "other": lambda logits, batch: torch.zeros(1, requires_grad=True).sum(),
        "rows": lambda logits, batch: logits.sum((1, 2)),
        "nan": lambda logits, batch: logits.sum() * float("nan"),
        "kl": lambda logits, batch: pr.policy_gradient(logits, batch, kl=value),
        "discount": lambda logits, batch: pr.q_learning(logits, batch, discount=value),
    }
    model = pr.LogitTable(TASK.vocab)
    batches = pr.on_policy(model, TASK, rng=rng(), size=4)
    list(pr.train(model, batches, made[kind], pr.TrainConfig(steps=2)))
    assert model.table.isfinite().all()


LOSSES = st.tuples(
    st.sampled_from(["value", "detached", "other", "rows", "nan", "kl", "discount"]),
    st.one_of(NUMBERS, PLAIN, TENSORS),
)

# --- The command line
TINY = [
    "--nodes",
    "8",
    "--edge-probability",
    "0.6",
    "--train-share",
    "0.5",
    "--width",
    "4",
    "--steps",
    "1",
    "--batch",
    "4",
]
FLAGS = [
    "--nodes",
    "--edge-probability",
    "--train-share",
    "--width",
    "--heads",
    "--layers",
    "--positions",
    "--steps",
    "--batch",
    "--lr",
]
FLAGS += [
    "--kl",
    "--reward",
    "--reward-scale",
    "--discount",
    "--epsilon",
    "--algorithm",
    "--clip",
    "--weight-decay",
    "--seed",
    "--blocks",
]
FLAGS += [
    "--eval-every",
    "--save-every",
    "--paths-per-pair",
    "--graph",
    "--train",
    "--test",
    "--start",
    "--resume",
    "--value-bounds",
    "--nonsense",
]
SAID = st.one_of(
    st.sampled_from(
        [
            "0",
            "-1",
            "nan",
            "inf",
            "1e400",
            "1e-9",
            "99999999999",
            "",
            "a",
            "{given}/good.txt",
            "{given}",
            "/dev/zero",
            "/dev/null",
            "pg",
            "q",
            "process",
            "2.5",
            "--",
            "x" * 5000,
            "\udc80",
        ]
    ),
    st.integers(-5, 40).map(str),
    st.floats().map(str),
    st.text(st.characters(exclude_characters="\0"), max_size=5),
)


@st.composite
def arguments(draw):
    command = draw(
        st.sampled_from(
            [
                "train",
                "train",
                "train",
                "evaluate",
                "inspect",
                "plan",
                "claims",
                "reproduce",
                "export",
                "nonsense",
            ]
        )
    )
    if command == "train":
        more = [
            part
            for _ in range(draw(st.integers(1, 2)))
            for part in (draw(st.sampled_from(FLAGS)), draw(SAID))
        ]
        return ["train", *TINY, "--out", "{new}/run", *more]
    if command == "evaluate":
        options = [
            draw(st.sampled_from(["--samples", "--temperature", "--seed", "--graph", "--train"])),
            draw(SAID),
        ]
        return [
            "evaluate",
            draw(st.one_of(st.just("{given}/run"), SAID)),
            "--samples",
            "2",
            *options,
        ]
    if command in ("reproduce", "export"):  # what is good would run for long: these are all bad
        return [
            command,
            *draw(
                st.sampled_from(
                    [
                        ["--only", "nonsense"],
                        ["--tier", "quick", "--only", "fig2", "--seeds", "77"],
                        ["--jobs", "x"],
                        ["--seeds", "a"],
                        ["--tier", "slow"],
                        ["--folder"],
                        ["{new}/x", "--only", "nonsense"],
                        ["{new}/x", "--record", "nonsense"],
                        ["{new}/x", "--jobs", "0"],
                    ]
                )
            ),
        ]
    if command == "claims":
        return [
            "claims",
            *draw(
                st.sampled_from(
                    [["--only", "nonsense"], ["--folder", "{new}/nowhere"], ["--tier", "x"]]
                )
            ),
        ]
    return [command, *draw(st.lists(SAID, max_size=3))]


def commands(given_words):
    words = [
        word.replace("{new}", str(UNTOUCHED)).replace("{given}", str(GIVEN)) for word in given_words
    ]
    if ["--steps", "99999999999"] in [words[at : at + 2] for at in range(len(words))]:
        return  # good, and it would take that long
    error = io.StringIO()
    try:
        with contextlib.redirect_stderr(error):
            code = command_line(words)
    except SystemExit as ended:
        code = ended.code
    if code == 2:
        said = error.getvalue()
        assert "Traceback" not in said
        if "Saved in" in said:
            shutil.rmtree(UNTOUCHED / "run")
        raise pr.InputError(said.strip()[-500:])
    assert code in (0, 1)
    shutil.rmtree(UNTOUCHED / "run", ignore_errors=True)


ATTACKS = {
    "edge lists": (EDGES, edge_lists),
    "GraphML": (graphml(), graphml_files),
    "GraphML bombs": (st.sampled_from(BOMBS), graphml_files),
    "graph functions": (GRAPH_CALLS, graph_functions),
    "ALPINE lines": (ROWS, alpine_lines),
    "PDDL": (PDDL, pddl_files),
    "plans": (PLANS, plans),
    "nanoGPT checkpoints": (nanogpt(), nanogpt_checkpoints),
    "saved runs": (runs(), saved_runs),
    "saved results": (results(), saved_results),
    "stored sweeps": (sweep_files(), stored_sweeps),
    "settings": (settings_given(), settings_records),
    "lab links": (links(), lab_links),
    "pasted graphs": (PASTED, pasted_graphs),
    "lab calls": (LAB_CALLS, lab_calls),
    "token functions": (TOKEN_CALLS, token_functions),
    "walks": (WALKS, rollouts),
    "losses": (LOSSES, losses),
    "commands": (arguments(), commands),
}


def prepare(folder: Path) -> None:
    """The folders, a good run, and everything that is slow the first time."""
    global UNTOUCHED, GIVEN, TENSOR_FILE, LAB
    UNTOUCHED, GIVEN = folder / "untouched", folder / "given"
    UNTOUCHED.mkdir(parents=True)
    GIVEN.mkdir()
    os.chdir(UNTOUCHED)
    given("good.txt", "\n".join(f"{a} {b}" for a, b in GRAPH.edges))
    dataset = DatasetSettings(nodes=8, edge_probability=0.6, train_share=0.5)
    model = pr.TransformerConfig(width=4, positions=24)
    settings = RunSettings(
        algorithm=Algorithm(name="sft"),
        dataset=dataset,
        model=model,
        batch=4,
        training=pr.TrainConfig(steps=1),
    )
    training_run = TrainingRun(settings, GIVEN / "run")
    assert len(list(training_run.run())) == 1
    training_run.save()
    TENSOR_FILE = checkpoints.load(GIVEN / "run").tensors
    LAB = LabSession("policy-gradient")
    LAB.train(1)
    nanogpt_checkpoints(torch_bytes(nanogpt_page()))
    saved_results(RESULT.read_bytes())
    pddl_files((DOMAIN, PROBLEM.format(name="blocks")))
    assert command_line(["train", *TINY, "--out", str(UNTOUCHED / "run")]) == 0
    shutil.rmtree(UNTOUCHED / "run")
