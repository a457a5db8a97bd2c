"""Tiny random models and tokenizers, saved to a folder so that they load as a user's checkpoint does.

A model here has a width of 16 to 32 and two or three layers. Its weights come from a seed and are a few times larger
than a real initialisation's: with those a model this small gives gradients that are all but zero, and a test on them
would pass whatever they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

TEXTS: dict[str, tuple[str, ...]] = {
    "de": (
        "Der Fluss fließt langsam durch das alte Dorf.",
        "Am Morgen war der Himmel über den Bergen ganz klar, und niemand sprach ein Wort.",
        "Zwei Kinder suchen ihren Hund.",
    ),
    "en": (
        "The river runs slowly through the old village.",
        "In the morning the sky above the mountains was quite clear, and nobody spoke a word.",
        "Two children look for their dog.",
    ),
    "hi": ("नदी पुराने गाँव से होकर धीरे-धीरे बहती है।", "सुबह पहाड़ों के ऊपर आसमान साफ़ था।", "दो बच्चे अपना कुत्ता ढूँढ रहे हैं।"),
    "ru": (
        "Река медленно течёт через старую деревню.",
        "Утром небо над горами было совсем ясным, и никто не сказал ни слова.",
        "Двое детей ищут свою собаку.",
    ),
    "zh": ("河水缓缓流过古老的村庄。", "早晨山上的天空十分晴朗,没有人说一句话。", "两个孩子在找他们的狗。"),
}
"""A few sentences in five languages, the same ones in each, written for these tests."""

STYLES: dict[str, dict[str, Any]] = {
    "bert": {
        "specials": {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"},
        "template": ("[CLS]", "[SEP]"),
    },
    "roberta": {
        "specials": {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>"},
        "template": ("<s>", "</s>"),
    },
    "gpt2": {"specials": {"eos": "<|endoftext|>"}, "template": (None, None)},
    "llama": {"specials": {"unk": "<unk>", "bos": "<s>", "eos": "</s>", "pad": "<pad>"}, "template": ("<s>", None)},
    "t5": {"specials": {"pad": "<pad>", "eos": "</s>", "unk": "<unk>"}, "template": (None, "</s>"), "sentinels": 40},
}
"""The special tokens of each family of tokenizers, and what it puts around a text."""

VOCABULARY = 420
"""Rows that every tiny tokenizer has at most, and every tiny model has exactly."""


def tiny_tokenizer(
    style: str = "bert", *, padding_side: str = "right", without: tuple[str, ...] = (), max_length: int | None = None
) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer trained on `TEXTS`, with the special tokens of a family.

    Args:
        style: a key of `STYLES`.
        padding_side: what the tokenizer would pad on.
        without: special tokens to leave out, such as `("pad",)` or `("mask",)`. They stay in the vocabulary.
        max_length: the tokenizer's `model_max_length`.
    """
    family = STYLES[style]
    specials = dict(family["specials"])
    sentinels = [f"<extra_id_{i}>" for i in range(family.get("sentinels", 0))]
    tokenizer = Tokenizer(models.BPE(unk_token=specials.get("unk")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(sentinels),
        special_tokens=list(specials.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text for texts in TEXTS.values() for text in texts], trainer)
    tokenizer.add_special_tokens(sentinels)
    before, after = family["template"]
    if before or after:
        pattern = " ".join(piece for piece in (before, "$A", after) if piece)
        ids = [(token, tokenizer.token_to_id(token)) for token in {before, after} if token]
        tokenizer.post_processor = processors.TemplateProcessing(single=pattern, special_tokens=ids)
    named = {f"{role}_token": token for role, token in specials.items() if role not in without}
    if style == "roberta":
        named |= {"cls_token": "<s>", "sep_token": "</s>"}
    if max_length is not None:
        named["model_max_length"] = max_length
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, padding_side=padding_side, **named)


_ENCODER: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 128,
}
_DECODER: dict[str, Any] = _ENCODER | {"num_key_value_heads": 1, "head_dim": 8}

MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert": ("BertForMaskedLM", "bert", _ENCODER | {"pad_token_id": 0}),
    "xlm-r": (
        "XLMRobertaForMaskedLM",
        "roberta",
        _ENCODER | {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1},
    ),
    "distilbert": (
        "DistilBertForMaskedLM",
        "bert",
        {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24, "max_position_embeddings": 128, "pad_token_id": 0},
    ),
    "deberta-v2": (
        "DebertaV2ForMaskedLM",
        "bert",
        _ENCODER
        | {
            "pad_token_id": 0,
            "relative_attention": True,
            "position_buckets": 8,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_biased_input": False,
            "type_vocab_size": 0,
            "legacy": False,
        },
    ),
    "gpt2": (
        "GPT2LMHeadModel",
        "gpt2",
        {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 128, "bos_token_id": 0, "eos_token_id": 0},
    ),
    "llama": ("LlamaForCausalLM", "llama", _DECODER | {"pad_token_id": None}),
    "gemma3": (
        "Gemma3ForCausalLM",
        "llama",
        _DECODER
        | {
            "sliding_window": 4,
            "layer_types": ["sliding_attention", "full_attention"],
            "query_pre_attn_scalar": 8,
            "pad_token_id": 3,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
    ),
    "qwen3": ("Qwen3ForCausalLM", "llama", _DECODER | {"pad_token_id": None}),
    "bloom": (
        "BloomForCausalLM",
        "llama",
        {"hidden_size": 16, "n_layer": 2, "n_head": 2, "pad_token_id": 3, "bos_token_id": 1, "eos_token_id": 2},
    ),
    "t5": (
        "T5ForConditionalGeneration",
        "t5",
        {
            "d_model": 16,
            "d_kv": 8,
            "d_ff": 24,
            "num_layers": 2,
            "num_decoder_layers": 2,
            "num_heads": 2,
            "relative_attention_num_buckets": 8,
            "pad_token_id": 0,
            "eos_token_id": 1,
            "decoder_start_token_id": 0,
        },
    ),
    "mbart": (
        "MBartForConditionalGeneration",
        "roberta",
        {
            "d_model": 16,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 24,
            "decoder_ffn_dim": 24,
            "max_position_embeddings": 128,
            "pad_token_id": 1,
            "bos_token_id": 0,
            "eos_token_id": 2,
        },
    ),
    "mixtral": (
        "MixtralForCausalLM",
        "llama",
        _DECODER | {"num_local_experts": 3, "num_experts_per_tok": 2, "pad_token_id": None, "sliding_window": None},
    ),
}
"""kind → (model class, tokenizer family, config); every one has `VOCABULARY` rows."""


def tiny_model(kind: str = "bert", *, seed: int = 0, **config: Any) -> PreTrainedModel:
    """A tiny random model in eval mode.

    Args:
        kind: a key of `MODELS`, or the name of a class of transformers, which then needs its whole `config`.
        seed: of the weights; equal seeds give equal weights.
        config: entries of the config to add or to replace.
    """
    name, _, defaults = MODELS.get(kind, (kind, "", {}))
    model_class = getattr(transformers, name)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = model_class(model_class.config_class(**({"vocab_size": VOCABULARY} | defaults | config)))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.15)
    model.eval()
    return model  # type: ignore[no-any-return]


def tiny_pair(kind: str = "bert", *, seed: int = 0, **config: Any) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A tiny random model, and a tokenizer of its family."""
    return tiny_model(kind, seed=seed, **config), tiny_tokenizer(MODELS[kind][1])


def save_tiny(
    folder: Path,
    kind: str = "bert",
    *,
    seed: int = 0,
    tokenizer: PreTrainedTokenizerFast | None = None,
    model: PreTrainedModel | None = None,
    **config: Any,
) -> Path:
    """Save a tiny random model and a tokenizer of its family to a folder, and return the folder.

    Args:
        folder: where to; it is created.
        kind: a key of `MODELS`.
        seed: of the weights.
        tokenizer: another tokenizer than the family's.
        model: another model than `tiny_model(kind, seed=seed, **config)`.
        config: entries of the config to add or to replace.
    """
    model = tiny_model(kind, seed=seed, **config) if model is None else model
    tokenizer = tiny_tokenizer(MODELS[kind][1]) if tokenizer is None else tokenizer
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
