"""Loading checkpoints as users have them, and the words in which a bad one is refused."""

from __future__ import annotations

import json
import logging
import os
import warnings
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers.utils import logging as chatter

from interfere.checkpoint import checkpoint_from_model, hash_weights, load_checkpoint, map_parameters, resolve_objective
from interfere.errors import InputError, RunError
from tests.checkpoint.refused import refused
from tests.tiny import MODELS, TEXTS, save_tiny, tiny_model, tiny_pair, tiny_tokenizer


def _edit_config(folder: Path, **entries: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))
    return folder


def _edit_weights(folder: Path, change) -> Path:
    path = folder / "model.safetensors"
    changed = {name: change(name, value) for name, value in load_file(path).items()}
    kept = {name: value.contiguous() for name, value in changed.items() if value is not None}
    save_file(kept, path, metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_a_folder_loads_as_what_was_saved(kind, tmp_path):
    model = tiny_model(kind, seed=5)
    checkpoint = load_checkpoint(save_tiny(tmp_path / "m", kind, seed=5))
    assert checkpoint.architecture == type(model).__name__
    assert checkpoint.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert checkpoint.weights_sha256 == hash_weights(model)
    assert checkpoint.revision is None
    assert checkpoint.id == str(tmp_path / "m")
    assert not checkpoint.model.training
    assert all(parameter.requires_grad for parameter in checkpoint.model.parameters())
    text = TEXTS["hi"][0]
    assert checkpoint.tokenizer(text)["input_ids"] == tiny_tokenizer(MODELS[kind][1])(text)["input_ids"]
    for name, value in model.state_dict().items():
        assert torch.equal(value, checkpoint.model.state_dict()[name])


@pytest.mark.parametrize(
    ("kind", "objective"),
    [
        ("bert", "masked-lm"),
        ("deberta-v2", "masked-lm"),
        ("gpt2", "causal-lm"),
        ("gemma3", "causal-lm"),
        ("bloom", "causal-lm"),
        ("t5", "span-corruption"),
        ("mbart", "text-infilling"),
    ],
)
def test_the_objective_follows_from_the_config(kind, objective, tmp_path):
    folder = save_tiny(tmp_path, kind)
    assert load_checkpoint(folder).objective == objective
    assert load_checkpoint(folder, objective=objective).objective == objective
    # The kind of model tells it where no class is named.
    assert load_checkpoint(_edit_config(folder, architectures=None)).objective == objective


def test_the_class_decides_before_the_kind_of_model():
    config = transformers.BertConfig(architectures=["BertLMHeadModel"], is_decoder=True)
    assert resolve_objective(config) == "causal-lm"
    config = transformers.BertConfig(architectures=["BertForSequenceClassification"])
    assert resolve_objective(config) == "text-classification"
    config = transformers.BertConfig(architectures=["BertForQuestionAnswering"])
    assert resolve_objective(config) == "masked-lm"
    config = transformers.XLMConfig(architectures=["XLMWithLMHeadModel"])
    assert resolve_objective(config) == "masked-lm"
    config = transformers.BartConfig(architectures=["BartForCausalLM"])
    assert resolve_objective(config) == "causal-lm"
    with pytest.raises(RunError, match=r"'vit'.*no language-model head"):
        resolve_objective(transformers.ViTConfig())


def test_equal_weights_have_one_hash_however_they_are_stored(tmp_path):
    model = tiny_model("bert")
    whole = load_checkpoint(save_tiny(tmp_path / "whole"))
    model.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    tiny_tokenizer().save_pretrained(tmp_path / "shards")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    pickled = save_tiny(tmp_path / "pickled")
    (pickled / "model.safetensors").unlink()
    torch.save(model.state_dict(), pickled / "pytorch_model.bin")
    hashes = {load_checkpoint(tmp_path / name).weights_sha256 for name in ("whole", "shards", "pickled")}
    assert hashes == {whole.weights_sha256}
    assert whole.weights_sha256 != load_checkpoint(save_tiny(tmp_path / "other", seed=1)).weights_sha256
    with torch.no_grad():
        whole.model.bert.embeddings.LayerNorm.bias[3] += 1e-6
    assert hash_weights(whole.model) not in hashes


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_weights_come_in_the_type_that_is_asked_for(dtype, tmp_path):
    checkpoint = load_checkpoint(save_tiny(tmp_path, "llama"), dtype=dtype)
    assert {parameter.dtype for parameter in checkpoint.model.parameters()} == {getattr(torch, dtype)}


def test_a_model_in_memory_is_a_checkpoint_too():
    model, tokenizer = tiny_pair("gpt2")
    model.train()
    checkpoint = checkpoint_from_model(model, tokenizer, id="mine")
    assert (checkpoint.id, checkpoint.objective, checkpoint.revision) == ("mine", "causal-lm", None)
    assert checkpoint.model is model
    assert not model.training
    assert model.config.architectures is None
    with pytest.raises(InputError, match="not a model of transformers"):
        checkpoint_from_model(torch.nn.Linear(2, 2), tokenizer)


def test_a_head_that_is_tied_is_not_missing(tmp_path):
    folder = save_tiny(tmp_path, "gpt2")
    tiny_model("gpt2").transformer.save_pretrained(folder)
    assert load_checkpoint(folder).weights_sha256 == hash_weights(tiny_model("gpt2"))


def test_a_head_that_was_saved_untied_stays_untied(tmp_path):
    """mT5 has a head of its own, though transformers would tie it."""
    folder = save_tiny(tmp_path, "t5")
    weights = load_file(folder / "model.safetensors")
    head = torch.randn(weights["shared.weight"].shape)
    save_file(weights | {"lm_head.weight": head}, folder / "model.safetensors", metadata={"format": "pt"})
    model = load_checkpoint(folder).model
    assert torch.equal(model.lm_head.weight, head)
    assert map_parameters(model)["lm_head.weight"].layer == "head"


def test_loading_says_nothing_and_changes_no_setting(tmp_path, capfd):
    folder = save_tiny(tmp_path / "good")
    headless = save_tiny(tmp_path / "headless")
    tiny_model("bert").bert.save_pretrained(headless)
    capfd.readouterr()
    before = (chatter.get_verbosity(), chatter._tqdm_active, logging.getLogger("huggingface_hub").level)
    filters = list(warnings.filters)
    load_checkpoint(folder)
    refused(headless)
    assert capfd.readouterr() == ("", "")
    assert (chatter.get_verbosity(), chatter._tqdm_active, logging.getLogger("huggingface_hub").level) == before
    assert list(warnings.filters) == filters


def test_weights_that_no_parameter_takes_are_logged(tmp_path, caplog):
    folder = save_tiny(tmp_path)
    weights = load_file(folder / "model.safetensors") | {"bert.pooler.dense.bias": torch.zeros(16)}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    load_checkpoint(folder)
    assert "1 weights in its files are not used: bert.pooler.dense.bias" in caplog.text


# What is not there


def test_folders_that_lack_a_file(tmp_path):
    folder = save_tiny(tmp_path / "weights")
    (folder / "model.safetensors").rename(folder / "weights.gguf")
    message = refused(folder)
    assert "has no weights: neither model.safetensors nor pytorch_model.bin" in message
    assert "it has weights.gguf" in message
    (folder / "config.json").unlink()
    assert "has no config.json" in refused(folder)
    (folder / "adapter_config.json").write_text("{}")
    assert "has no weights: neither adapter_model.safetensors" in refused(folder)
    (folder / "adapter_config.json").unlink()
    tiny_model("bert").save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    lost = sorted((tmp_path / "shards").glob("model-*"))[1]
    lost.unlink()
    assert lost.name in refused(tmp_path / "shards")


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_a_folder_without_tokenizer_files(kind, tmp_path):
    """For some kinds transformers would make a tokenizer that knows no word."""
    folder = save_tiny(tmp_path / "m", kind)
    for path in folder.glob("token*"):
        path.unlink()
    assert "has no tokenizer files" in refused(folder)
    assert "--tokenizer" in refused(folder)
    other = tmp_path / "tokenizer"
    tiny_tokenizer(MODELS[kind][1]).save_pretrained(other)
    assert load_checkpoint(folder, tokenizer=other).objective
    assert "tokenizer 'no/where' is neither" in refused(folder, tokenizer="no/where")
    assert "tokenizer '/no/where' is neither" in refused(folder, tokenizer="/no/where")


# What is there and is wrong


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ('{"hidden_size": 3}', "without a model_type"),
        ('{"model_type": "nonesuch"}', "of type 'nonesuch', which the installed transformers does not know"),
        ('{"model_type": "vit"}', "no language-model head"),
        ('{"model_type": "bert", "hidden_size": "x"}', "'hidden_size'"),
        ('{"model_type": "x", "auto_map": {"AutoConfig": "a.B"}}', "--trust-remote-code"),
        (
            '{"model_type": "bert", "quantization_config": {"quant_method": "gptq", "bits": 4}}',
            "quantized weights (gptq)",
        ),
        ('{"model_type": "bert", "architectures": ["BertLMHeadModel"]}', "its attention is bidirectional"),
    ],
)
def test_a_config_that_will_not_do(content, words, tmp_path):
    folder = save_tiny(tmp_path)
    (folder / "config.json").write_text(content)
    assert words in refused(folder)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda content: content[: len(content) // 2], "cut short"),
        (lambda content: content[:4], "cut short"),
        (lambda content: b"<html>not found</html>" * 20, "damaged"),
        (lambda content: b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
    ],
)
def test_a_damaged_file_is_named(spoil, words, tmp_path):
    folder = save_tiny(tmp_path)
    path = folder / "model.safetensors"
    path.write_bytes(spoil(path.read_bytes()))
    message = refused(folder)
    assert words in message
    assert str(path) in message


class _Harmful:
    def __reduce__(self):
        return (os.mkdir, (os.environ["HARM"],))


def test_pickled_weights_are_read_as_tensors_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("HARM", str(tmp_path / "harm"))
    folder = save_tiny(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    torch.save({"a": _Harmful()}, folder / "pytorch_model.bin")
    assert "more than tensors" in refused(folder)
    assert not (tmp_path / "harm").exists()
    (folder / "pytorch_model.bin").write_bytes(b"junkjunk")
    assert "damaged" in refused(folder)


@pytest.mark.parametrize(("kind", "missing"), [("bert", "cls.predictions.bias"), ("llama", "lm_head.weight")])
def test_a_checkpoint_without_a_head_is_refused_and_not_filled_at_random(kind, missing, tmp_path):
    folder = save_tiny(tmp_path, kind)
    model = tiny_model(kind)
    getattr(model, model.base_model_prefix).save_pretrained(folder)
    message = refused(folder)
    assert "no language-model head for" in message
    assert missing in message


def test_weights_that_are_missing_are_named(tmp_path):
    lost = ("layer.0.attention.self.query", "layer.1.output.dense")
    folder = _edit_weights(save_tiny(tmp_path), lambda name, value: None if any(p in name for p in lost) else value)
    message = refused(folder)
    assert "lacks 4 of its weights: bert.encoder.layer.0.attention.self.query.weight" in message


def test_weights_of_another_shape_are_named(tmp_path):
    folder = _edit_weights(
        save_tiny(tmp_path), lambda name, value: value[:, :8] if name.endswith("1.output.dense.weight") else value
    )
    message = refused(folder)
    assert "bert.encoder.layer.1.output.dense.weight has shape (16, 8) in the weights and (16, 24)" in message


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(value, tmp_path):
    def spoil(name, tensor):
        return tensor.index_fill(0, torch.tensor([2]), value) if name.endswith("layer.1.output.dense.bias") else tensor

    message = refused(_edit_weights(save_tiny(tmp_path), spoil))
    assert "NaN or infinite weights in bert.encoder.layer.1.output.dense.bias" in message


def test_a_tokenizer_of_another_model(tmp_path):
    folder = save_tiny(tmp_path, model=tiny_model("bert", vocab_size=300))
    message = refused(folder)
    assert "up to 419" in message
    assert "300 embedding rows" in message


def test_added_tokens_may_lie_beyond_the_embedding(tmp_path):
    """Gemma 3 has one, for images, that plain text never holds."""
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    assert tokenizer.convert_tokens_to_ids("<image>") == tiny_model().get_input_embeddings().num_embeddings
    assert load_checkpoint(save_tiny(tmp_path, tokenizer=tokenizer)).objective == "masked-lm"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": "int8"}, "dtype 'int8'"),
        ({"device": "gpu"}, "device 'gpu'"),
        ({"device": "cuda:99"}, "'cuda:99' is not available"),
        ({"device": "meta"}, "'meta' is not supported"),
        ({"objective": "nonsense"}, "objective 'nonsense' is unknown"),
        ({"objective": "causal-lm"}, "made for masked-lm"),
    ],
)
def test_options_that_are_wrong(options, words, tmp_path):
    assert words in refused(save_tiny(tmp_path), InputError, **options)
