"""Heads that a checkpoint has, lacks, or is to be given."""

from __future__ import annotations

import pytest
import torch

from interfere.checkpoint import expected_task, load_checkpoint
from interfere.errors import InputError, RunError
from tests.checkpoint.adapted import save_adapter
from tests.tiny import MODELS, VOCABULARY, save_tiny, tiny_model, tiny_tokenizer

TASK = "text-classification"


def save_body(folder, kind="bert"):
    """The body alone, as `AutoModel` saves it."""
    model = tiny_model(kind)
    model.base_model.save_pretrained(folder)
    tiny_tokenizer(MODELS[kind][1]).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("BertForSequenceClassification", TASK),
        ("BertForTokenClassification", "token-classification"),
        ("T5ForSequenceClassification", TASK),
        ("BertForMaskedLM", None),
    ],
)
def test_the_class_of_a_checkpoint_tells_its_objective(tmp_path, name, task):
    kind = "t5" if name.startswith("T5") else "bert"
    config = {"vocab_size": VOCABULARY, "num_labels": 3} | MODELS[kind][2]
    save_tiny(tmp_path, kind, model=tiny_model(name, **config))
    assert expected_task(tmp_path) == task
    assert load_checkpoint(tmp_path).objective == (task or "masked-lm")
    assert expected_task(tmp_path, "causal-lm") is None
    assert expected_task(tmp_path, TASK) == TASK


def test_nothing_is_expected_of_a_config_that_cannot_be_read(tmp_path):
    assert expected_task(tmp_path) is None
    for text in ("", "[]", '{"architectures": 3}', "[" * 100_000):
        (tmp_path / "config.json").write_text(text)
        assert expected_task(tmp_path) is None
    assert expected_task("no-such/model") is None


def test_of_an_adapter_its_base_tells_the_objective(tmp_path):
    """Text has to be read with its labels before either of the two is loaded."""
    config = {"vocab_size": VOCABULARY, "num_labels": 3} | MODELS["bert"][2]
    classifier = tiny_model("BertForSequenceClassification", **config)
    base = save_tiny(tmp_path / "base", "bert", model=classifier)
    adapter = save_adapter(tmp_path / "adapter", "/elsewhere", kind="bert", model=classifier)
    assert expected_task(adapter, base_model=base) == TASK
    assert load_checkpoint(adapter, base_model=base).objective == TASK
    assert expected_task(adapter) is None
    assert expected_task(tmp_path, subfolder="adapter", base_model=base) == TASK


@pytest.mark.parametrize("options", [{}, {"objective": TASK}, {"objective": TASK, "head": "train", "labels": "ab"}])
def test_a_classifiers_adapter_on_a_body_without_head_is_refused_with_what_to_do(tmp_path, options):
    config = {"vocab_size": VOCABULARY} | MODELS["bert"][2]
    classifier = tiny_model("BertForSequenceClassification", **config)
    adapter = save_adapter(tmp_path / "adapter", None, kind="bert", model=classifier, task_type="SEQ_CLS")
    with pytest.raises(RunError, match=r"is of a classifier, whose head is stored with it .* merge it"):
        load_checkpoint(adapter, base_model=save_tiny(tmp_path / "base", "bert"), **options)


@pytest.mark.parametrize("kind", ["bert", "xlm-r", "distilbert", "llama"])
def test_a_body_alone_is_refused_and_the_message_names_the_way_out(tmp_path, kind):
    save_body(tmp_path, kind)
    with pytest.raises(RunError, match=r"no language-model head for .*--head train"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("kind", ["bert", "xlm-r", "distilbert", "llama"])
def test_a_head_is_drawn_from_the_seed_and_the_body_is_the_files(tmp_path, kind):
    body = tiny_model(kind).base_model.state_dict()
    save_body(tmp_path, kind)
    first, again, other = (load_checkpoint(tmp_path, head="train", seed=seed) for seed in (1, 1, 2))
    assert first.fresh == again.fresh
    assert 0 < len(first.fresh) < len(list(first.model.parameters()))
    for name, value in first.model.base_model.state_dict().items():
        torch.testing.assert_close(value, body[name], rtol=0, atol=0)
    same = [torch.equal(first.model.get_parameter(n), again.model.get_parameter(n)) for n in first.fresh]
    changed = [not torch.equal(first.model.get_parameter(n), other.model.get_parameter(n)) for n in first.fresh]
    assert all(same)
    assert any(changed)
    assert first.weights_sha256 == other.weights_sha256


def test_a_tied_table_is_not_a_part_of_the_head(tmp_path):
    fresh = load_checkpoint(save_body(tmp_path), head="train").fresh
    assert fresh
    assert all(name.startswith("cls.predictions.") for name in fresh)
    assert "cls.predictions.decoder.weight" not in fresh


def test_a_head_that_is_there_is_not_trained(tmp_path):
    save_tiny(tmp_path)
    with pytest.raises(InputError, match="has a head for masked-lm already"):
        load_checkpoint(tmp_path, head="train")


def test_a_head_for_labels_is_made_for_those_of_the_text(tmp_path):
    save_tiny(tmp_path)
    checkpoint = load_checkpoint(tmp_path, objective=TASK, head="train", labels=("code", "law", "sport"))
    assert checkpoint.objective == TASK
    assert dict(checkpoint.model.config.id2label) == {0: "code", 1: "law", 2: "sport"}
    assert {name.split(".")[0] for name in checkpoint.fresh} == {"bert", "classifier"}
    assert all("pooler" in name or "classifier" in name for name in checkpoint.fresh)
    with pytest.raises(InputError, match="two labels at least"):
        load_checkpoint(tmp_path, objective=TASK, head="train", labels=("code",))
    with pytest.raises(InputError, match=r"made for masked-lm.*--head train"):
        load_checkpoint(tmp_path, objective=TASK)


def test_the_body_of_a_classifier_can_be_given_a_language_model_head(tmp_path):
    config = {"vocab_size": VOCABULARY, "num_labels": 3} | MODELS["bert"][2]
    save_tiny(tmp_path, model=tiny_model("BertForSequenceClassification", **config))
    assert load_checkpoint(tmp_path, objective="masked-lm", head="train").objective == "masked-lm"
    with pytest.raises(InputError, match="has a head for text-classification already"):
        load_checkpoint(tmp_path, objective=TASK, head="train", labels=("a", "b", "c"))


def test_a_hole_in_the_body_is_no_matter_of_the_head(tmp_path):
    model = tiny_model("bert")
    save_tiny(tmp_path, model=model)
    state = {n: v for n, v in model.state_dict().items() if "layer.1.attention.self.query" not in n and "cls" not in n}
    model.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(RunError, match=r"lacks .* of its weights: bert.encoder.layer.1.attention.self.query"):
        load_checkpoint(tmp_path, head="train")


def test_an_unknown_choice_is_refused(tmp_path):
    save_tiny(tmp_path)
    with pytest.raises(InputError, match="--head 'new'"):
        load_checkpoint(tmp_path, head="new")
