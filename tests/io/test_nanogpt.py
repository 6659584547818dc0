"""Other programs' checkpoints: read as they are, or refused for what is wrong with them."""

import io
import json
import os
import pickle
import threading
import zipfile

import foreign
import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention

import planrl as pr
from planrl.io.formats import read_nanogpt
from planrl.tasks import Vocab


class Theirs(nn.Module):
    """A GPT of nanoGPT's layout, written here plainly to compare with."""

    def __init__(self, vocab, width, block_size):
        super().__init__()
        norm = lambda: nn.LayerNorm(width, bias=False)  # noqa: E731
        line = lambda a, b: nn.Linear(a, b, bias=False)  # noqa: E731
        attention = nn.ModuleDict({"c_attn": line(width, 3 * width), "c_proj": line(width, width)})
        mlp = nn.ModuleDict({"c_fc": line(width, 4 * width), "c_proj": line(4 * width, width)})
        block = {"ln_1": norm(), "attn": attention, "ln_2": norm(), "mlp": mlp}
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(vocab, width),
                "wpe": nn.Embedding(block_size, width),
                "h": nn.ModuleList([nn.ModuleDict(block)]),
                "ln_f": norm(),
            }
        )
        self.lm_head = line(width, vocab)
        self.lm_head.weight = self.transformer["wte"].weight

    def forward(self, tokens):
        parts = self.transformer
        x = parts["wte"](tokens) + parts["wpe"].weight[: tokens.shape[1]]
        for block in parts["h"]:
            q, k, v = block["attn"]["c_attn"](block["ln_1"](x)).chunk(3, -1)
            mixed = scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + block["attn"]["c_proj"](mixed)
            hidden = gelu(block["mlp"]["c_fc"](block["ln_2"](x)), approximate="tanh")
            x = x + block["mlp"]["c_proj"](hidden)
        return self.lm_head(parts["ln_f"](x))


@pytest.fixture
def theirs():
    torch.manual_seed(0)
    return Theirs(vocab=9, width=12, block_size=32)


def page_of(model, **more):
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 12, "block_size": 32, "vocab_size": 9}
    return {"model": model.state_dict(), "model_args": {**sizes, "bias": False}, **more}


def test_a_nanogpt_checkpoint_gives_the_same_logits_its_tokens_renumbered(theirs, tmp_path):
    more = {"iter_num": 5, "best_val_loss": np.float64(1.5), "config": {"dtype": "float32"}}
    torch.save(page_of(theirs, **more), tmp_path / "ckpt.pt")
    ours = read_nanogpt(tmp_path / "ckpt.pt")
    assert ours.vocab.n_nodes == 7
    tokens = torch.tensor([[0, 6, 0, 3, 6]])
    wanted = theirs(tokens + 2)[..., [*range(2, 9), 1]]
    assert torch.allclose(ours(tokens)[:, 2:], wanted[:, 2:], atol=1e-5)


@pytest.fixture
def ours():
    """A small model of two layers and two heads."""
    config = pr.TransformerConfig(layers=2, heads=2, width=8, positions=12)
    return pr.Transformer(Vocab(5), config, pr.seeded(0, "weights"))


@pytest.fixture
def page(ours):
    return foreign.as_nanogpt(ours)


@pytest.fixture
def written(tmp_path):
    """Write what torch.save is given, or bytes, and return the path."""

    def write(content, name="c.pt", **how):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(content, path, **how)
        return path

    return write


def same(one, two):
    two = two.state_dict()
    return one.keys() == two.keys() and all(torch.equal(v, two[k]) for k, v in one.items())


# --- What may stand in a checkpoint
@pytest.mark.parametrize(
    "value",
    [
        *(getattr(np, f"{kind}{bits}")(1) for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
        *(np.float16(1), np.float32(1.5), np.float64(1), np.longdouble(1)),
        *(np.bool_(True), np.complex64(1j), np.str_("é"), np.bytes_(b"x")),
        *(np.datetime64("2024-02-03"), np.array(1.5, ">f4")[()], torch.float32, torch.Size([2])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_harmless_value_in_a_checkpoint_is_no_reason_to_refuse_it(value, ours, page, written):
    assert same(ours.state_dict(), read_nanogpt(written(page | {"best_val_loss": value})))


def test_sizes_may_be_numpys_numbers(ours, page, written):
    sizes = {name: np.int64(value) for name, value in page["model_args"].items()}
    page["model_args"] = sizes | {"bias": np.bool_(False)}
    assert same(ours.state_dict(), read_nanogpt(written(page)))


class Evil:
    def __reduce__(self):
        return os.system, ("touch pwned",)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros(3), "it names numpy._core.multiarray._reconstruct"),
        (np.void(b"abc"), "it holds a NumPy value of the type 'V3'"),
        (np.zeros(1, "i4,f4")[0], "it holds a NumPy value of the type 'V8'"),
        (threading.Thread, "it names threading.Thread"),
        ({1, 2}, "it names __builtin__.set"),
        (nn.Linear(1, 1), "it names torch.nn.modules.linear.Linear"),
        (Evil(), "it names .*system"),
    ],
)
def test_any_other_value_is_named_and_nothing_of_it_is_run(
    value, words, page, written, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pr.InputError, match=f"is refused: {words}.*save it anew with torch.save"):
        read_nanogpt(written(page | {"extra": value}))
    assert not (tmp_path / "pwned").exists()


def pickled(program):
    """A checkpoint whose pickle is these opcodes."""
    buffer = io.BytesIO()
    torch.save({}, buffer)
    made = io.BytesIO()
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(made, "w") as new:
        for part in old.infolist():
            is_pickle = part.filename.endswith("data.pkl")
            new.writestr(part.filename, program if is_pickle else old.read(part))
    return made.getvalue()


DTYPE = b"cnumpy\ndtype\n"
SCALAR = b"cnumpy._core.multiarray\nscalar\n"
GIGABYTES = b"X\x0b\x00\x00\x00V4000000000\x85R"


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x02" + SCALAR + DTYPE + GIGABYTES + b"\x85R.",  # a value of 4 GB, without its bytes
        b"\x80\x02" + SCALAR + DTYPE + b"X\x02\x00\x00\x00f8\x85R\x85R.",
        b"\x80\x02" + SCALAR + DTYPE + b"X\x01\x00\x00\x00O\x85RX\x01\x00\x00\x00x\x86R.",
        # a type that is then told that its numbers are objects in memory
        b"\x80\x02"
        + DTYPE
        + b"X\x02\x00\x00\x00f8\x85R(K\x03X\x01\x00\x00\x00#NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK?tb.",
        b"\x80\x02" + SCALAR + b"]X\x01\x00\x00\x00x\x86R.",
    ],
)
def test_numpys_own_unpickling_is_never_asked(program, written, monkeypatch):
    monkeypatch.setattr(np._core.multiarray, "scalar", None)
    with pytest.raises(pr.InputError, match=r"is refused: .*NumPy"):
        read_nanogpt(written(pickled(program)))


def test_the_callers_own_safe_globals_stay_as_they_were(page, written):
    mine = [np.dtype, (Evil, "numpy.dtype"), (np._core.multiarray.scalar, "numpy.core.x")]
    before = set(torch.serialization.get_safe_globals())
    torch.serialization.add_safe_globals(mine)
    try:
        read_nanogpt(written(page | {"loss": np.float32(1)}))  # nor do they let more in
        for bad in (page | {"loss": Evil()}, pickled(b"\x80\x02}]K\x01s.")):
            with pytest.raises(pr.InputError):
                read_nanogpt(written(bad))
        assert set(torch.serialization.get_safe_globals()) == before | set(mine)
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(list(before))


# --- What wraps a model
@pytest.mark.parametrize(
    "wrapped",
    [
        "module.{}",
        "_orig_mod.{}",
        "_orig_mod.module.{}",
        "module._orig_mod.module.{}",
        "model.{}",
        "module._fsdp_wrapped_module.{}",
    ],
)
def test_names_of_a_wrapped_model_are_read_whatever_wrapped_it(wrapped, ours, page, written):
    page["model"] = {wrapped.format(name): value for name, value in page["model"].items()}
    assert same(ours.state_dict(), read_nanogpt(written(page)))


def test_parts_that_were_wrapped_one_by_one_are_read(ours, page, written):
    page["model"] = {
        name.replace(".h.1.", ".h.1._orig_mod."): value for name, value in page["model"].items()
    }
    assert same(ours.state_dict(), read_nanogpt(written(page)))


def test_two_weights_of_one_name_are_refused(page, written):
    page["model"]["module.lm_head.weight"] = page["model"]["lm_head.weight"]
    with pytest.raises(pr.InputError, match=r"two of its weights are called 'lm_head.weight'"):
        read_nanogpt(written(page))


# --- Sizes
def plain(model):
    """Its weights for safetensors, which keeps no two names for one tensor."""
    return {
        name: value
        for name, value in foreign.as_nanogpt(model)["model"].items()
        if name != "lm_head.weight"
    }


def test_weights_alone_show_all_sizes_but_the_heads_which_are_asked_for(ours, written, tmp_path):
    for path in (
        written(plain(ours)),
        written({"state_dict": plain(ours)}, "s.pt"),
        written(safetensors.torch.save(plain(ours)), "w.safetensors"),
        written(safetensors.torch.save(plain(ours)), "safe.bin"),
    ):
        with pytest.raises(pr.InputError, match=r"without model_args.* n_head.*--heads N") as said:
            read_nanogpt(path)
        assert path.with_suffix(".json").name in str(said.value)
        model = read_nanogpt(path, heads=2)
        assert same(ours.state_dict(), model)
        assert model.config == ours.config
        with pytest.raises(pr.InputError, match="does not divide among 3 heads"):
            read_nanogpt(path, heads=3)


@pytest.mark.parametrize("name", ["w.json", "config.json"])
def test_the_heads_may_stand_in_a_json_file_beside_the_weights(name, ours, written, tmp_path):
    path = written(safetensors.torch.save(plain(ours)), "w.safetensors")
    for page in ({"n_head": 2, "vocab_size": 50_000}, {"model_args": {"n_head": 2, "n_layer": 2}}):
        (tmp_path / name).write_text(json.dumps(page))
        assert read_nanogpt(path).config == ours.config
    (tmp_path / name).write_text('{"n_head": 2, "n_layer": 3}')
    with pytest.raises(pr.InputError, match="other names or shapes"):
        read_nanogpt(path)
    (tmp_path / name).write_text('{"n_head": ')
    with pytest.raises(pr.InputError, match=f"its sizes in {name} can't be read"):
        read_nanogpt(path)
    assert read_nanogpt(path, heads=2).config == ours.config
    (tmp_path / name).write_text('{"num_attention_heads": 2}')  # of something else
    with pytest.raises(pr.InputError, match="--heads N"):
        read_nanogpt(path)


def test_the_heads_may_stand_in_the_file_itself(ours, page, written):
    metadata = {"n_head": "2", "format": "pt"}
    path = written(safetensors.torch.save(plain(ours), metadata), "w.safetensors")
    assert read_nanogpt(path).config == ours.config
    path = written({"model": page["model"], "config": {"n_head": 2, "learning_rate": 1e-3}})
    assert read_nanogpt(path).config == ours.config
    with pytest.raises(pr.InputError, match=r"it has n_head=2, but heads=4 was given"):
        read_nanogpt(path, heads=4)


# --- What a file is that cannot be read
def legacy(page):
    buffer = io.BytesIO()
    torch.save(page, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def test_a_file_that_is_cut_off_says_so_wherever_it_was_cut(ours, page, written, tmp_path):
    whole = written(page).read_bytes()
    for length in (5, 400, len(whole) // 2, len(whole) - 1):
        with pytest.raises(pr.InputError, match=f"c.pt: it is cut off after {length:,} bytes"):
            read_nanogpt(written(whole[:length]))
    safe = safetensors.torch.save(plain(ours))
    for length in (3, 8, 9, 100, len(safe) - 1):
        with pytest.raises(pr.InputError, match=f"it is cut off after {length:,} bytes"):
            read_nanogpt(written(safe[:length], "w.safetensors"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"hello world, hello world", "no torch checkpoint but a file that begins with b'hello"),
        (b"\n <!DOCTYPE html><html>", "but a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "but a pointer of Git LFS.*git lfs pull"),
        (b"\x1f\x8b\x08\x00abc", "packed by gzip: unpack it"),
        (pickle.dumps({"model": 1}), "a plain pickle, which could run code"),
        (b"\0" * 257 + b"ustar\0" + b"\0" * 250, "a tar archive: unpack it"),
        (legacy({"model": 1}), r"torch's older format.*torch.save\(torch.load\(path"),
        (legacy({"model": 1})[:30], "torch's older format"),
    ],
)
def test_a_file_that_is_none_is_called_what_it_is(content, words, written):
    with pytest.raises(pr.InputError, match=words):
        read_nanogpt(written(content))


def test_archives_that_are_no_checkpoints_are_called_what_they_are(page, written):
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(2))
    with pytest.raises(pr.InputError, match="a zip archive, but no torch checkpoint"):
        read_nanogpt(written(buffer.getvalue()))
    made = io.BytesIO()
    with zipfile.ZipFile(written(page)) as old, zipfile.ZipFile(made, "w") as new:
        for part in old.infolist():
            new.writestr(part.filename, old.read(part))
        new.writestr("c/constants.pkl", b"")  # as TorchScript writes it
    with pytest.raises(pr.InputError, match="a TorchScript program"):
        read_nanogpt(written(made.getvalue()))
    with pytest.raises(pr.InputError, match="no safetensors file, whatever its name"):
        read_nanogpt(written(page, "c.safetensors"))
    with pytest.raises(pr.InputError, match="it uses STACK_GLOBAL"):
        read_nanogpt(written(page, pickle_protocol=4))


def test_checkpoints_of_another_layout_are_refused_with_the_reason(page, written):
    def refused(page, words):
        with pytest.raises(pr.InputError, match=words):
            read_nanogpt(written(page))

    refused({"weights": 1}, "lacks part of nanoGPT's layout: it holds 'weights'")
    refused([1, 2], "lacks part of nanoGPT's layout")
    refused(torch.zeros(3), "lacks part of nanoGPT's layout")
    refused(page | {"model_args": [1]}, "lacks part of nanoGPT's layout")
    refused(page | {"model_args": page["model_args"] | {"bias": True}}, "has no biases")
    refused(page | {"model_args": page["model_args"] | {"n_embd": 24}}, "other names or shapes")
    refused(page | {"model_args": page["model_args"] | {"n_head": "two"}}, "n_head='two'")

    def changed(name, value):
        return page | {"model": page["model"] | {name: value}}

    refused(changed("transformer.h.0.attn.c_attn.bias", torch.zeros(24)), "has no biases")
    refused(changed("lm_head.weight", page["model"]["lm_head.weight"] + 1), "ties input and output")
    norm = torch.full((8,), float("nan"))
    refused(changed("transformer.ln_f.weight", norm), "transformer.ln_f.weight")
    refused(changed("transformer.ln_f.weight", 1), "'transformer.ln_f.weight' is no tensor")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(pr.InputError, match=r"cannot read .*none\.pt"):
        read_nanogpt(tmp_path / "none.pt")
