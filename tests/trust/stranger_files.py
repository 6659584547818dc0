"""Files that strangers give: graphs, rows of text, PDDL and plans, checkpoints and runs."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import pickle
import shutil
import zipfile

import ground
import hypothesis.strategies as st
import torch
from ground import DOMAIN, GRAPH, PROBLEM, given, rng
from odd import ANYTHING, NUMBERS, PLAIN, TENSORS, WORDS, spoilt, spoilt_bytes, spoilt_text
from safetensors.torch import save as dump_tensors

import planrl as pr
from planrl.domains import blocksworld, read_plan, recognise, space
from planrl.domains.pddl import read_problem
from planrl.experiments.datasets import DatasetSettings, FileDataset, make_dataset
from planrl.experiments.runs import RunSettings, resume
from planrl.io import checkpoints, formats

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
                graph=str(ground.GIVEN / "good.txt"),
                train=str(ground.GIVEN / "rows.txt"),
                test=str(ground.GIVEN / "rows.txt"),
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
    return json.loads((ground.GIVEN / "run" / "run.json").read_text()), ground.TENSOR_FILE


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
    folder = ground.GIVEN / "spoilt"
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
