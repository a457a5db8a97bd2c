"""Adapters of PEFT's: what is measured is what PEFT computes, and an adapter's files are not trusted."""

from __future__ import annotations

import json
import sys

import numpy as np
import peft
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from interfere import GradientSettings, ImportanceSettings, analyze_gradients, analyze_importance
from interfere.checkpoint import (
    checkpoint_from_model,
    find_units,
    hash_weights,
    load_checkpoint,
    map_parameters,
    scoped_parameters,
)
from interfere.errors import InputError, RunError
from tests.checkpoint.adapted import reference, save_adapter, save_base, set_adapter, unheard
from tests.checkpoint.refused import refused
from tests.tiny import TEXTS, save_tiny, tiny_model, tiny_tokenizer

METHODS = ("lora", "dora", "rslora", "adalora", "ia3", "loha", "lokr", "hra")
CLASSES = {
    "llama": transformers.AutoModelForCausalLM,
    "bert": transformers.AutoModelForMaskedLM,
    "t5": transformers.AutoModelForSeq2SeqLM,
}

PROMPTS = [
    made(num_virtual_tokens=3, task_type="CAUSAL_LM") for made in (peft.PrefixTuningConfig, peft.PromptTuningConfig)
]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save_base(tmp_path_factory.mktemp("base") / "model")


def own_name(name):
    return name.removeprefix("base_model.model.")


def loss_of(model, tokenizer, text):
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    if getattr(model.config, "is_encoder_decoder", False):
        return model(input_ids=ids, decoder_input_ids=ids, labels=ids).loss
    return model(input_ids=ids, labels=ids).loss


@pytest.mark.parametrize("method", METHODS)
def test_loss_and_gradients_are_those_of_peft(method, base, tmp_path):
    adapter = save_adapter(tmp_path / "adapter", None, method)
    checkpoint = load_checkpoint(adapter, base_model=base)
    assert (checkpoint.adapter, checkpoint.base) == (
        json.loads((adapter / "adapter_config.json").read_text())["peft_type"],
        str(base),
    )
    assert not checkpoint.model.training
    assert checkpoint.architecture == "LlamaForCausalLM"
    own = loss_of(checkpoint.model, checkpoint.tokenizer, TEXTS["en"][1])
    own.backward()
    plain = reference(base, adapter, transformers.AutoModelForCausalLM)
    for name, parameter in plain.named_parameters():
        parameter.requires_grad_("ranknum" not in name)
    other = loss_of(plain, checkpoint.tokenizer, TEXTS["en"][1])
    other.backward()
    assert own.item() == pytest.approx(other.item(), rel=1e-6)
    expected = {own_name(n): p.grad for n, p in plain.named_parameters() if "ranknum" not in n}
    found = {name: parameter.grad for name, parameter in checkpoint.model.named_parameters()}
    assert set(found) == set(expected)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-7)
    assert any(float(found[name].norm()) > 1e-4 for name in found if "default" in name)
    merged = plain.merge_and_unload()
    assert own.item() == pytest.approx(loss_of(merged, checkpoint.tokenizer, TEXTS["en"][1]).item(), rel=1e-4)
    without = loss_of(tiny_model("llama"), checkpoint.tokenizer, TEXTS["en"][1])
    assert abs(own.item() - without.item()) > 1e-3


@pytest.mark.parametrize("kind", ["bert", "t5"])
def test_adapters_of_other_kinds_of_models(kind, tmp_path):
    folder = save_base(tmp_path / "base", kind)
    adapter = save_adapter(tmp_path / "adapter", None, "lora", kind)
    checkpoint = load_checkpoint(adapter, base_model=folder)
    assert checkpoint.objective == load_checkpoint(folder).objective
    own = loss_of(checkpoint.model, checkpoint.tokenizer, TEXTS["en"][1])
    plain = reference(folder, adapter, CLASSES[kind])
    assert own.item() == pytest.approx(loss_of(plain, checkpoint.tokenizer, TEXTS["en"][1]).item(), rel=1e-6)


def test_an_adapters_parameters_are_in_the_layers_of_what_it_is_on(base, tmp_path):
    whole = map_parameters(load_checkpoint(base).model)
    found = map_parameters(
        load_checkpoint(
            save_adapter(tmp_path / "a", None, target_modules=["q_proj", "down_proj"]), base_model=base
        ).model
    )
    plain = {info.label: (info.layer, info.kind) for info in found.values() if info.kind != "adapter"}
    assert plain == {name: (info.layer, info.kind) for name, info in whole.items()}
    adapters = [info for info in found.values() if info.kind == "adapter"]
    assert {info.name: info.layer for info in adapters} == {
        f"model.layers.{i}.{path}.lora_{letter}.default.weight": f"decoder.{i}"
        for i in range(2)
        for path in ("self_attn.q_proj", "mlp.down_proj")
        for letter in "AB"
    }
    assert scoped_parameters(found, "adapters") == {info.name: info for info in adapters}
    assert set(scoped_parameters(found, "body")) >= {info.name for info in adapters}


def test_a_fresh_adapter_changes_nothing_and_is_measured(base, tmp_path):
    """Its B is zero, so that A has no gradient yet; B has."""
    adapter = save_adapter(tmp_path / "adapter", None, fresh=True)
    settings = GradientSettings(chunks=4, tokens_per_chunk=30, scope="adapters", granularity="tensor")
    checkpoint = load_checkpoint(adapter, base_model=base)
    text = loss_of(checkpoint.model, checkpoint.tokenizer, TEXTS["en"][1])
    assert torch.equal(text, loss_of(load_checkpoint(base).model, checkpoint.tokenizer, TEXTS["en"][1]))
    result = analyze_gradients(checkpoint, corpus(), "auto", settings)
    norms = result.tensors.groupby("tensor")["norm_share"].max()
    assert norms[norms.index.str.contains("lora_B")].gt(0).all()
    assert norms[norms.index.str.contains("lora_A")].eq(0).all()
    assert len(norms) == len(scoped_parameters(map_parameters(checkpoint.model), "adapters"))


def corpus():
    return {language: [f"{text} {i}" for text in TEXTS[language] for i in range(5)] for language in ("de", "en", "ru")}


@pytest.mark.parametrize(("scope", "twice"), [("adapters", False), ("body", False), ("body", True)])
def test_a_run_over_an_adapter_has_the_gradients_of_plain_autograd(scope, twice, base, tmp_path):
    from interfere.engine import Microbatches, only_gradients_of, whole_gradient
    from interfere.runs import prepare_reading

    adapter = save_adapter(tmp_path / "adapter", None, "dora")
    checkpoint = load_checkpoint(adapter, base_model=base)
    settings = GradientSettings(chunks=4, tokens_per_chunk=30, scope=scope, gradient_checkpointing=twice)
    result = analyze_gradients(checkpoint, corpus(), "auto", settings)
    assert result.settings["loss_path"] == "fast"
    assert result.model["adapter"] == "LORA"
    assert result.model["base"] == str(base)
    names = list(scoped_parameters(map_parameters(checkpoint.model), scope))
    reading = prepare_reading(checkpoint, corpus(), "auto", settings)
    plain = reference(base, adapter, transformers.AutoModelForCausalLM).get_base_model()
    vectors = []
    for language in ("de", "en", "ru"):
        for slot in range(4):
            chunk = reading.chunks[language, slot]
            with only_gradients_of(plain, names) as parameters:
                found = whole_gradient(plain, reading.objective, chunk, parameters, Microbatches(1))
            whole = torch.cat([found.gradients[name].double().reshape(-1) for name in names])
            vectors.append(whole / found.predictions)
    gram = torch.stack(vectors) @ torch.stack(vectors).T
    # Layers and what is beside them make up the body.
    found = result.arrays["euclidean/layer"].sum(0).reshape(12, 12)
    np.testing.assert_allclose(found, gram.numpy(), rtol=1e-4, atol=1e-6 * float(gram.max()))


@pytest.mark.parametrize("method", ["lora", "dora", "ia3"])
def test_units_are_those_of_the_base(method, base, tmp_path):
    checkpoint = load_checkpoint(save_adapter(tmp_path / "a", None, method), base_model=base)
    own, plain = find_units(checkpoint.model), find_units(load_checkpoint(base).model)
    assert own.without == plain.without == ()
    assert [(f.layer, f.kind, f.count, f.site, f.gate) for f in own.families] == [
        (f.layer, f.kind, f.count, f.site, f.gate) for f in plain.families
    ]


@pytest.mark.parametrize("method", ["lora", "dora"])
def test_importance_of_an_adapted_model_is_that_of_the_merged_one(method, base, tmp_path):
    """Scaling what a head gives is the same in both; what is removed is removed from the adapter's input too."""
    adapter = save_adapter(tmp_path / "a", None, method)
    merged = reference(base, adapter, transformers.AutoModelForCausalLM).merge_and_unload()
    save_tiny(tmp_path / "merged", model=merged, tokenizer=tiny_tokenizer("llama"))
    settings = ImportanceSettings(chunks=4, tokens_per_chunk=30, methods=("taylor", "activation"), ablate=True, draws=2)
    one = analyze_importance(load_checkpoint(adapter, base_model=base), corpus(), settings=settings)
    two = analyze_importance(tmp_path / "merged", corpus(), settings=settings)
    # A layer of DoRA's adapter is computed with and not called, so that its documents are read one at a time.
    assert one.settings["scoring"] == ("batched" if method == "lora" else "one by one")
    heads, neurons = ((one.tables["layers"]["kind"] == kind) for kind in ("head", "neuron"))
    assert heads.any()
    assert neurons.any()
    for name, columns in (("layers", ["score", "share"]), ("ablation", ["damage", "beyond_random"])):
        a, b = (run.tables[name] for run in (one, two))
        kept = a["kind"].isin(["head", "neuron", "kv"]) if name == "layers" else a["damage"].notna()
        for column in columns:
            assert a[kept][column].tolist() == pytest.approx(
                b[b["kind"].isin(["head", "neuron", "kv"]) if name == "layers" else b["damage"].notna()][
                    column
                ].tolist(),
                rel=1e-3,
                abs=1e-5,
            )


def test_the_hash_is_of_base_and_adapter(base, tmp_path):
    one = save_adapter(tmp_path / "one", None)
    hashes = {load_checkpoint(base).weights_sha256, load_checkpoint(one, base_model=base).weights_sha256}
    other = save_adapter(tmp_path / "two", None)
    weights = load_file(other / "adapter_model.safetensors")
    next(iter(weights.values())).view(-1)[0] += 1
    save_file(weights, other / "adapter_model.safetensors", metadata={"format": "pt"})
    hashes.add(load_checkpoint(other, base_model=base).weights_sha256)
    assert len(hashes) == 3
    checkpoint = load_checkpoint(one, base_model=base)
    assert checkpoint.weights_sha256 == hash_weights(checkpoint.model)
    assert checkpoint.parameters == sum(p.numel() for p in checkpoint.model.parameters())


def test_modules_that_were_trained_whole_take_the_place_of_the_bases(base, tmp_path):
    adapter = save_adapter(tmp_path / "a", None, modules_to_save=["lm_head"])
    checkpoint = load_checkpoint(adapter, base_model=base)
    assert "lm_head.weight" in dict(checkpoint.model.named_parameters())
    stored = load_file(adapter / "adapter_model.safetensors")["base_model.model.lm_head.weight"]
    assert torch.equal(checkpoint.model.lm_head.weight, stored)
    assert not torch.equal(stored, tiny_model("llama").lm_head.weight)
    plain = reference(base, adapter, transformers.AutoModelForCausalLM)
    own = loss_of(checkpoint.model, checkpoint.tokenizer, TEXTS["de"][0])
    assert torch.equal(own, loss_of(plain, checkpoint.tokenizer, TEXTS["de"][0]))


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_all_of_it_has_the_type_that_is_asked_for(dtype, base, tmp_path):
    model = load_checkpoint(save_adapter(tmp_path / "a", None), base_model=base, dtype=dtype).model
    assert {parameter.dtype for parameter in model.parameters()} == {getattr(torch, dtype)}
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_pickled_adapters_are_read(base, tmp_path):
    adapter = save_adapter(tmp_path / "a", None)
    wanted = load_checkpoint(adapter, base_model=base).weights_sha256
    torch.save(load_file(adapter / "adapter_model.safetensors"), adapter / "adapter_model.bin")
    (adapter / "adapter_model.safetensors").unlink()
    assert load_checkpoint(adapter, base_model=base).weights_sha256 == wanted


def test_the_tokenizer_is_the_adapters_where_it_has_one(base, tmp_path):
    adapter = save_adapter(tmp_path / "a", None)
    before = load_checkpoint(adapter, base_model=base).tokenizer
    tokenizer = tiny_tokenizer("llama")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<mine>"]})
    tokenizer.save_pretrained(adapter)
    assert "<mine>" in load_checkpoint(adapter, base_model=base).tokenizer.get_vocab()
    assert "<mine>" not in before.get_vocab()
    # Trainers save the base's config beside an adapter.
    tiny_model("llama").config.save_pretrained(adapter)
    assert load_checkpoint(adapter, base_model=base).adapter == "LORA"


def test_a_model_of_pefts_in_memory_is_measured_as_its_files_are(base, tmp_path):
    adapter = save_adapter(tmp_path / "a", None)
    stored = load_checkpoint(adapter, base_model=base)
    wrapped = reference(base, adapter, transformers.AutoModelForCausalLM)
    held = checkpoint_from_model(wrapped, stored.tokenizer)
    assert (held.architecture, held.weights_sha256) == (stored.architecture, stored.weights_sha256)
    with unheard():
        prompts = peft.get_peft_model(tiny_model("llama"), PROMPTS[0])
    with pytest.raises(InputError, match="which adds to the text"):
        checkpoint_from_model(prompts, stored.tokenizer)


# Which base


def cached(cache, name, folder_of):
    commit = f"{abs(hash(name)) % 16**8:08x}" * 5
    repository = cache / f"models--{name.replace('/', '--')}"
    folder_of(repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    return commit


def test_adapter_and_base_from_the_hub(base, tmp_path):
    one = cached(tmp_path / "cache", "somebody/base", lambda folder: save_base(folder))
    two = cached(tmp_path / "cache", "other/lora", lambda folder: save_adapter(folder, "somebody/base"))
    checkpoint = load_checkpoint("other/lora")
    assert (checkpoint.id, checkpoint.revision) == ("other/lora", two)
    assert (checkpoint.base, checkpoint.base_revision) == ("somebody/base", one)
    local = save_adapter(tmp_path / "local", "somebody/base")
    assert load_checkpoint(local).weights_sha256 == checkpoint.weights_sha256
    assert load_checkpoint("other/lora", base_model=base).base_revision is None
    assert load_checkpoint("other/lora", revision=two).revision == two


@pytest.mark.parametrize("named", ["/etc", "../base", "./base", "C:\\base", "//server/share", "~/base", "a/b/c"])
def test_paths_are_not_taken_from_an_adapter(named, base, tmp_path):
    adapter = save_adapter(tmp_path / "a", named)
    message = refused(adapter, InputError)
    assert "--base-model" in message
    assert load_checkpoint(adapter, base_model=base).base == str(base)


def test_a_name_that_is_a_folder_here_is_a_path(base, tmp_path, monkeypatch):
    adapter = save_adapter(tmp_path / "a", "somebody")
    save_base(tmp_path / "somebody")
    monkeypatch.chdir(tmp_path)
    assert "--base-model" in refused(adapter, InputError)
    monkeypatch.chdir(tmp_path / "a")
    assert "model 'somebody' is neither a folder nor in the cache" in refused(adapter)


def test_what_is_wrong_with_the_base_is_said(base, tmp_path):
    adapter = save_adapter(tmp_path / "a", None)
    assert "does not name its base model; give it with --base-model" in refused(adapter, InputError)
    assert "--base-model is for a PEFT adapter" in refused(base, InputError, base_model=base)
    assert "is an adapter itself" in refused(adapter, base_model=save_adapter(tmp_path / "b", None))
    assert "for modules that its base model has not" in refused(
        adapter, base_model=save_base(tmp_path / "bert", "bert")
    )
    wide = save_tiny(tmp_path / "wide", "llama", hidden_size=32)
    message = refused(adapter, base_model=wide)
    assert "does not fit its base model: model.layers.0." in message
    assert "name its base model with --base-model" in refused(
        save_adapter(tmp_path / "c", "x/y"), InputError, trust_remote_code=True
    )
    assert load_checkpoint(adapter, base_model=base, trust_remote_code=True).adapter == "LORA"


def test_without_peft_it_is_said_how_to_get_it(base, tmp_path, monkeypatch):
    adapter = save_adapter(tmp_path / "a", None)
    monkeypatch.setitem(sys.modules, "peft", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'interfere-nlp[peft]'" in refused(adapter, base_model=base)


# What is not supported


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (PROMPTS[0], "of type PREFIX_TUNING"),
        (PROMPTS[1], "of type PROMPT_TUNING"),
        (peft.VeraConfig(r=3, target_modules=["q_proj"]), "of type VERA"),
    ],
)
def test_methods_that_are_not_supported_are_named(made, words, base, tmp_path):
    with unheard():
        peft.get_peft_model(tiny_model("llama"), made).save_pretrained(tmp_path / "a")
    message = refused(tmp_path / "a", base_model=base)
    assert words in message
    assert "LORA, ADALORA, IA3" in message


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"layer_replication": [[0, 10**9]]}, "layer_replication"),
        ({"megatron_config": {"a": 1}}, "megatron_config"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices"),
        ({"brand_new": 5}, "brand_new"),
        ({"init_lora_weights": "pissa_niter_4"}, "changes the base's weights"),
        ({"r": 10**9}, "its r is 1000000000"),
        ({"r": -1}, "its r is -1"),
        ({"r": "8"}, "its r is 8"),
        ({"rank_pattern": {"q_proj": 10**30}}, "rank_pattern of q_proj"),
        ({"rank_pattern": [1]}, "no JSON object"),
        ({"alpha_pattern": {"(a+)+$": 5}}, "too intricate"),
        ({"r": 2}, "does not fit its base model"),
        ({"peft_type": "\x1b[31m"}, "is of type"),
        ({"peft_type": None}, "is of type None"),
        ({"lora_alpha": "x"}, "does not"),
    ],
)
def test_settings_that_are_not_taken(entries, words, base, tmp_path):
    adapter = save_adapter(tmp_path / "a", None)
    set_adapter(adapter, **entries)
    assert words in refused(adapter, base_model=base)


def test_weights_that_do_not_make_an_adapter(base, tmp_path):
    adapter = save_adapter(tmp_path / "a", None)
    file = adapter / "adapter_model.safetensors"
    weights = load_file(file)

    def stored(changed):
        save_file(changed, file, metadata={"format": "pt"})
        return refused(adapter, base_model=base)

    first = next(key for key in weights if "lora_B" in key)
    assert "lacks 1 of its weights" in stored({key: value for key, value in weights.items() if key != first})
    assert "fit nothing in its base model" in stored(weights | {"base_model.model.more": torch.zeros(2)})
    assert "hold nothing of type LORA" in stored({"a": torch.zeros(2)})
    assert "NaN" in stored(weights | {first: torch.full_like(weights[first], float("nan"))})
    file.write_bytes(b"\x08")
    assert "is damaged" in refused(adapter, base_model=base)
    file.unlink()
    assert "no weights: neither adapter_model.safetensors" in refused(adapter, base_model=base)


def test_both_an_adapter_and_a_whole_model_is_neither(base, tmp_path):
    folder = save_adapter(save_base(tmp_path / "m"), None)
    assert "beside weights of a whole model" in refused(folder, base_model=base)
    with pytest.raises(RunError, match="beside weights of a whole model"):
        load_checkpoint(folder)
