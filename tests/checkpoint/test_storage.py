"""The forms in which a checkpoint is stored: packed in few bits, in one file, in shards, in a subfolder."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest
import torch
import transformers
from huggingface_hub import constants

from interfere import GradientSettings, analyze_gradients
from interfere.checkpoint import hash_weights, load_checkpoint
from interfere.errors import InputError
from tests.checkpoint.adapted import save_adapter
from tests.checkpoint.packed import GGUF_SIZES, save_fp8, save_gguf, save_mxfp4, set_quantization
from tests.checkpoint.refused import refused
from tests.tiny import TEXTS, save_tiny, tiny_model, tiny_tokenizer

TEXT = {language: [f"{text} {i}" for text in TEXTS[language] for i in range(5)] for language in ("de", "en")}
SETTINGS = GradientSettings(chunks=4, tokens_per_chunk=40)


def gradients_of(model, tokenizer):
    ids = torch.tensor([tokenizer(TEXTS["de"][1])["input_ids"]])
    model.zero_grad()
    model(input_ids=ids, labels=ids).loss.backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def with_numbers(model, numbers):
    """A model of the same shape with other weights: what is loaded has to be this one."""
    model.load_state_dict(numbers)
    return model


# In few bits


@pytest.mark.parametrize("block", [8, 4])
def test_fp8_is_the_model_of_the_numbers_that_are_stored(block, tmp_path):
    numbers = save_fp8(tmp_path / "m", block)
    checkpoint = load_checkpoint(tmp_path / "m")
    assert checkpoint.stored_as == "fp8"
    assert {parameter.dtype for parameter in checkpoint.model.parameters()} == {torch.float32}
    plain = with_numbers(tiny_model("llama", seed=9), numbers)
    own, other = gradients_of(checkpoint.model, checkpoint.tokenizer), gradients_of(plain, checkpoint.tokenizer)
    for name, gradient in other.items():
        torch.testing.assert_close(own[name], gradient, rtol=1e-5, atol=1e-8)
    result = analyze_gradients(checkpoint, TEXT, settings=SETTINGS)
    assert result.model["stored_as"] == "fp8"
    assert load_checkpoint(tmp_path / "m", dtype="bfloat16").model.dtype == torch.bfloat16


@pytest.mark.parametrize("block", [16, 5])
def test_fp8_in_blocks_that_are_not_full_is_refused(block, tmp_path):
    """Of 24 rows in blocks of 16 transformers makes two blocks of 12, and says nothing."""
    save_fp8(tmp_path / "m", block)
    assert f"its FP8 blocks of {block} by {block} do not fill model.layers.0." in refused(tmp_path / "m")


@pytest.mark.parametrize("skipped", [["(.*.*)*.*(a+)+$"], "(a+)+", [5], ["x" * 1000]])
def test_patterns_of_modules_that_are_left_out_are_tame(skipped, tmp_path):
    save_fp8(tmp_path / "m")
    settings = json.loads((tmp_path / "m" / "config.json").read_text())["quantization_config"]
    set_quantization(tmp_path / "m", **settings, modules_to_not_convert=skipped)
    assert "modules_to_not_convert of config.json is too intricate" in refused(tmp_path / "m")


def test_mxfp4_is_the_model_of_the_numbers_that_are_stored(tmp_path):
    numbers = save_mxfp4(tmp_path / "m")
    checkpoint = load_checkpoint(tmp_path / "m")
    assert checkpoint.stored_as == "mxfp4"
    stored = checkpoint.model.state_dict()
    assert set(stored) == set(numbers)
    for name, value in numbers.items():
        assert torch.equal(stored[name], value), name
    assert torch.stack([value.abs().max() for name, value in numbers.items() if "down_proj" in name]).gt(0).all()
    own = gradients_of(checkpoint.model, checkpoint.tokenizer)
    assert float(own["model.layers.0.mlp.experts.down_proj"].norm()) > 0


@pytest.mark.parametrize(
    ("entries", "method"),
    [
        ({"quant_method": "gptq", "bits": 4}, "gptq"),
        ({"quant_method": "awq", "bits": 4}, "awq"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
        ({"load_in_8bit": True}, "bitsandbytes"),
        ({"quant_method": "compressed-tensors"}, "compressed-tensors"),
        ({"quant_method": "torchao"}, "torchao"),
        ({"quant_method": "gguf"}, "gguf"),
        ({"quant_method": ["x"]}, "['x']"),
        ({"bits": 4}, "?"),
    ],
)
def test_what_cannot_be_turned_back_is_refused_by_its_name(entries, method, tmp_path):
    folder = set_quantization(save_tiny(tmp_path, "llama"), **entries)
    message = refused(folder)
    assert f"quantized weights ({method})" in message
    assert "measure the checkpoint that they were made from" in message


def test_quantized_weights_within_a_config_are_seen(tmp_path):
    folder = save_tiny(tmp_path, "llama")
    config = json.loads((folder / "config.json").read_text())
    inner = config | {"quantization_config": {"quant_method": "gptq", "bits": 4}}
    outer = {"model_type": "gemma3", "text_config": inner | {"model_type": "gemma3_text"}}
    (folder / "config.json").write_text(json.dumps(outer))
    assert "quantized weights (gptq)" in refused(folder)


def test_an_adapter_on_a_quantized_base_is_measured_on_its_numbers(tmp_path):
    """QLoRA's own base is a plain one, which training packs; a base that is stored packed is unpacked."""
    save_fp8(tmp_path / "m")
    adapter = save_adapter(tmp_path / "a", None)
    checkpoint = load_checkpoint(adapter, base_model=tmp_path / "m")
    assert (checkpoint.adapter, checkpoint.stored_as) == ("LORA", "fp8")
    assert {parameter.dtype for parameter in checkpoint.model.parameters()} == {torch.float32}


# In one file


@pytest.mark.parametrize("kind", ["F32", "F16", "Q8_0", "Q4_0"])
def test_a_gguf_is_the_model_of_the_numbers_that_are_stored(kind, tmp_path):
    numbers = save_gguf(tmp_path / "m.gguf", kind)
    original = tiny_model("llama", **GGUF_SIZES)
    tokenizer = tiny_tokenizer("llama")
    checkpoint = load_checkpoint(tmp_path / "m.gguf")
    assert (checkpoint.id, checkpoint.stored_as) == (str(tmp_path / "m.gguf"), "gguf")
    assert checkpoint.objective == "causal-lm"
    ids = torch.tensor([tokenizer(TEXTS["ru"][1])["input_ids"]])
    logits = checkpoint.model(input_ids=ids).logits
    if kind == "F32":
        torch.testing.assert_close(logits, original(input_ids=ids).logits)
        assert checkpoint.weights_sha256 == hash_weights(original)
    plain = with_numbers(original, numbers)
    torch.testing.assert_close(logits, plain(input_ids=ids).logits)
    own, other = gradients_of(checkpoint.model, tokenizer), gradients_of(plain, tokenizer)
    for name, gradient in other.items():
        torch.testing.assert_close(own[name], gradient, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("start", [True, False])
def test_the_tokenizer_of_a_gguf_is_in_it(start, tmp_path):
    save_gguf(tmp_path / "m.gguf", start=start)
    checkpoint = load_checkpoint(tmp_path / "m.gguf")
    tokenizer = tiny_tokenizer("llama")
    for texts in TEXTS.values():
        for text in texts:
            # What is put before a text is the file's to say.
            assert checkpoint.tokenizer(text)["input_ids"] == tokenizer(text)["input_ids"][0 if start else 1 :]
    result = analyze_gradients(checkpoint, TEXT, settings=SETTINGS)
    assert result.model["id"] == str(tmp_path / "m.gguf")
    assert result.model["stored_as"] == "gguf"


def test_another_tokenizer_may_be_given_to_a_gguf(tmp_path):
    save_gguf(tmp_path / "m.gguf", words=False)
    assert "--tokenizer" in refused(tmp_path / "m.gguf")
    tiny_tokenizer("llama").save_pretrained(tmp_path / "words")
    checkpoint = load_checkpoint(tmp_path / "m.gguf", tokenizer=tmp_path / "words")
    assert checkpoint.tokenizer.get_vocab() == tiny_tokenizer("llama").get_vocab()


def test_an_adapter_on_a_gguf(tmp_path):
    save_gguf(tmp_path / "m.gguf", "Q8_0")
    adapter = save_adapter(tmp_path / "a", None, model=tiny_model("llama", **GGUF_SIZES))
    checkpoint = load_checkpoint(adapter, base_model=tmp_path / "m.gguf")
    assert (checkpoint.adapter, checkpoint.stored_as, checkpoint.base) == ("LORA", "gguf", str(tmp_path / "m.gguf"))


def test_a_gguf_that_will_not_do(tmp_path, monkeypatch):
    save_gguf(tmp_path / "m.gguf")
    whole = (tmp_path / "m.gguf").read_bytes()

    def said(content, name="x.gguf"):
        (tmp_path / name).write_bytes(content)
        return refused(tmp_path / name)

    for content in (b"", b"GGUF", b"PK\x03\x04" + b"\0" * 40, whole[:20]):
        assert "is no GGUF file, or it is damaged or cut short" in said(content)
    for tensors, entries in ((2**63, 5), (5, 2**63), (10**9, 1)):
        assert "is no GGUF file" in said(struct.pack("<4sIQQ", b"GGUF", 3, tensors, entries) + b"\0" * 100)
    assert "does not load" in said(struct.pack("<4sIQQ", b"GGUF", 3, 2, 2) + b"\xff" * 100)
    assert said(whole[: len(whole) // 2])
    assert "one of 3 files of a GGUF in parts" in said(whole, "x-00001-of-00003.gguf")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "m.gguf").write_bytes(whole)
    assert "It has m.gguf: give that file itself" in refused(tmp_path / "folder")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'interfere-nlp[gguf]'" in refused(tmp_path / "m.gguf")


def cache_in_hub(name, write):
    """Have a repository in the hub's cache as its client leaves it, links to blobs; `write` fills its snapshot."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    (repository / "snapshots" / commit).mkdir(parents=True)
    write(repository / "snapshots" / commit)
    (repository / "blobs").mkdir()
    for number, file in enumerate(sorted((repository / "snapshots").rglob("*.*"))):
        blob = file.rename(repository / "blobs" / f"{number:040x}")
        file.symlink_to(os.path.relpath(blob, file.parent))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    return commit


def test_a_gguf_on_the_hub():
    commit = cache_in_hub("somebody/tiny", lambda folder: save_gguf(folder / "quants" / "m-F32.gguf"))
    checkpoint = load_checkpoint("somebody/tiny/quants/m-F32.gguf")
    assert (checkpoint.id, checkpoint.revision) == ("somebody/tiny/quants/m-F32.gguf", commit)
    assert checkpoint.weights_sha256 == hash_weights(tiny_model("llama", **GGUF_SIZES))
    assert "somebody/tiny/other.gguf" in refused("somebody/tiny/other.gguf")


# In shards


def test_pickled_shards_are_read(tmp_path):
    folder = save_tiny(tmp_path, "llama")
    (folder / "model.safetensors").unlink()
    state = tiny_model("llama").state_dict()
    names = sorted(state)
    files = {}
    for part, own in enumerate((names[::2], names[1::2]), start=1):
        file = f"pytorch_model-{part:05}-of-00002.bin"
        torch.save({name: state[name] for name in own}, folder / file)
        files |= dict.fromkeys(own, file)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    assert load_checkpoint(folder).weights_sha256 == hash_weights(tiny_model("llama"))
    (folder / "pytorch_model-00002-of-00002.bin").unlink()
    assert "pytorch_model-00002-of-00002.bin, which is missing" in refused(folder)


# In a subfolder


def test_a_subfolder_of_a_folder(tmp_path):
    save_tiny(tmp_path / "m" / "step" / "2", "llama", seed=2)
    save_tiny(tmp_path / "m", "bert")
    checkpoint = load_checkpoint(tmp_path / "m", subfolder="step/2")
    assert checkpoint.id == f"{tmp_path / 'm'}/step/2"
    assert checkpoint.weights_sha256 == hash_weights(tiny_model("llama", seed=2))
    assert checkpoint.tokenizer.bos_token == "<s>"
    assert load_checkpoint(tmp_path / "m", subfolder="step/2/").weights_sha256 == checkpoint.weights_sha256
    # Where it has no tokenizer of its own, that of the folder around it is taken.
    for file in (tmp_path / "m" / "step" / "2").glob("token*"):
        file.unlink()
    assert load_checkpoint(tmp_path / "m", subfolder="step/2").tokenizer.cls_token == "[CLS]"
    (tmp_path / "m" / "tokenizer.json").rename(tmp_path / "elsewhere.json")
    (tmp_path / "m" / "tokenizer.json").symlink_to("../elsewhere.json")
    assert "tokenizer.json is a link out of the folder" in refused(tmp_path / "m", subfolder="step/2")


def test_a_subfolder_of_a_repository():
    def write(folder):
        save_tiny(folder, "bert")
        save_tiny(folder / "step" / "2", "llama", seed=2)
        save_adapter(folder / "lora", "somebody/tiny")

    commit = cache_in_hub("somebody/tiny", write)
    for revision in (None, "main", commit):
        checkpoint = load_checkpoint("somebody/tiny", subfolder="step/2", revision=revision)
        assert (checkpoint.id, checkpoint.revision) == ("somebody/tiny/step/2", commit)
        assert checkpoint.weights_sha256 == hash_weights(tiny_model("llama", seed=2))
        assert checkpoint.tokenizer.bos_token == "<s>"
    snapshot = Path(constants.HF_HUB_CACHE) / "models--somebody--tiny" / "snapshots" / commit
    for file in (snapshot / "step" / "2").glob("token*"):
        file.unlink()
    assert load_checkpoint("somebody/tiny", subfolder="step/2").tokenizer.cls_token == "[CLS]"
    base = snapshot / "step" / "2"
    tiny_tokenizer("llama").save_pretrained(base)
    assert load_checkpoint("somebody/tiny", subfolder="lora", base_model=base).id == "somebody/tiny/lora"
    assert "no-such" in refused("somebody/tiny", subfolder="no-such")


@pytest.mark.parametrize(
    "subfolder", ["..", "../other", "a/../../b", "/etc", "", "/", "a//b", ".", "a\\..\\b", "C:x", "\0"]
)
def test_a_subfolder_leads_nowhere_else(subfolder, tmp_path):
    save_tiny(tmp_path / "m")
    save_tiny(tmp_path / "other")
    for model in (tmp_path / "m", "somebody/tiny"):
        assert "--subfolder" in refused(model, InputError, subfolder=subfolder)


def test_a_subfolder_that_is_a_link_or_is_not_there(tmp_path):
    save_tiny(tmp_path / "m")
    save_tiny(tmp_path / "other")
    (tmp_path / "m" / "inside").symlink_to("../other")
    assert "is a link out of the folder" in refused(tmp_path / "m", subfolder="inside")
    assert "has no folder none" in refused(tmp_path / "m", subfolder="none")
    save_gguf(tmp_path / "m.gguf")
    assert "is a file and has no folders" in refused(tmp_path / "m.gguf", InputError, subfolder="x")


def test_transformers_still_leaves_the_storage_of_these_to_others():
    """Methods that are new to transformers should be looked at: they may be turned back as well."""
    from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING as KNOWN

    undone = {name for name, made in KNOWN.items() if "dequantize" in made.__init__.__code__.co_varnames}
    assert undone - {"metal", "compressed-tensors", "gguf"} == {"fp8", "mxfp8", "mxfp4"}
    assert transformers.__version__.startswith("5.")
