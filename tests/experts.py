"""Tiny mixtures of experts of several architectures, and text whose tokens a router can tell apart."""

from __future__ import annotations

import random
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from tests.tiny import tiny_model, tiny_tokenizer

_DECODER: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "pad_token_id": None,
}

MIXTURES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "mixtral": (
        "MixtralForCausalLM",
        "llama",
        _DECODER | {"num_local_experts": 6, "num_experts_per_tok": 2, "sliding_window": None},
    ),
    "qwen2-moe": (
        "Qwen2MoeForCausalLM",
        "llama",
        _DECODER
        | {
            "num_experts": 6,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 8,
            "shared_expert_intermediate_size": 8,
        },
    ),
    "olmoe": ("OlmoeForCausalLM", "llama", _DECODER | {"num_experts": 6, "num_experts_per_tok": 2}),
    "gpt-oss": (
        "GptOssForCausalLM",
        "llama",
        _DECODER | {"num_local_experts": 6, "num_experts_per_tok": 2, "sliding_window": 64},
    ),
    "deepseek-v2": (
        "DeepseekV2ForCausalLM",
        "llama",
        _DECODER
        | {
            "num_key_value_heads": 2,
            "moe_intermediate_size": 8,
            "n_routed_experts": 6,
            "num_experts_per_tok": 2,
            "n_shared_experts": 1,
            "first_k_dense_replace": 1,
            "q_lora_rank": 8,
            "kv_lora_rank": 8,
            "qk_rope_head_dim": 4,
            "qk_nope_head_dim": 4,
            "v_head_dim": 8,
            "topk_method": "greedy",
        },
    ),
    "deepseek-v3": (
        "DeepseekV3ForCausalLM",
        "llama",
        {key: value for key, value in _DECODER.items() if key != "head_dim"}
        | {
            "num_key_value_heads": 2,
            "moe_intermediate_size": 8,
            "n_routed_experts": 6,
            "num_experts_per_tok": 2,
            "n_group": 1,
            "topk_group": 1,
            "first_k_dense_replace": 0,
            "q_lora_rank": 8,
            "kv_lora_rank": 8,
            "qk_rope_head_dim": 4,
            "qk_nope_head_dim": 4,
            "v_head_dim": 8,
        },
    ),
    "switch": (
        "SwitchTransformersForConditionalGeneration",
        "t5",
        {
            "d_model": 16,
            "d_kv": 8,
            "d_ff": 12,
            "num_layers": 2,
            "num_sparse_encoder_layers": 1,
            "num_decoder_layers": 2,
            "num_sparse_decoder_layers": 1,
            "num_heads": 2,
            "num_experts": 6,
            "expert_capacity": 64,
            "relative_attention_num_buckets": 8,
            "pad_token_id": 0,
            "eos_token_id": 1,
            "decoder_start_token_id": 0,
        },
    ),
    "nllb-moe": (
        "NllbMoeForConditionalGeneration",
        "roberta",
        {
            "d_model": 16,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 12,
            "decoder_ffn_dim": 12,
            "encoder_sparse_step": 2,
            "decoder_sparse_step": 2,
            "num_experts": 6,
            "expert_capacity": 64,
            "pad_token_id": 1,
            "bos_token_id": 0,
            "eos_token_id": 2,
            "decoder_start_token_id": 2,
        },
    ),
}
"""kind → (model class, tokenizer family, config)."""


def tiny_mixture(kind: str, *, seed: int = 0, **config: Any) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A tiny random mixture of experts in eval mode, and a tokenizer of its family."""
    name, style, defaults = MIXTURES[kind]
    return tiny_model(name, seed=seed, **(defaults | config)), tiny_tokenizer(style)


ALPHABETS = {"aa": "abcdefghijklm", "bb": "бвгджзклмнпрс", "cc": "あいうえおかきくけこ"}
"""Languages of random letters; no two have a byte in common."""


def lettered_texts(languages: tuple[str, ...] = ("aa", "bb"), documents: int = 60) -> dict[str, list[str]]:
    """Documents of one word each, without spaces, in alphabets that share no byte."""
    out = {}
    for language in languages:
        source = random.Random(language)
        out[language] = [
            "".join(source.choices(ALPHABETS[language], k=source.randint(8, 16))) for _ in range(documents)
        ]
    return out


def forced_mixture(sides: tuple[str, ...] = ("aa", "bb")) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A Mixtral whose router sends the tokens of each side's alphabet to experts of its own: 0 and 1, 2 and 3, …

    The first numbers of every embedding say which alphabet the token is of, far larger than all else in the residual
    stream, and the router reads nothing but them.
    """
    tokenizer = tiny_tokenizer("gpt2")  # puts no token around a text that all languages would share
    model = tiny_model(
        "MixtralForCausalLM",
        **(MIXTURES["mixtral"][2] | {"num_local_experts": 2 * len(sides), "tie_word_embeddings": False}),
    )
    with torch.no_grad():
        embedding = model.get_input_embeddings().weight
        for place, side in enumerate(sides):
            texts = lettered_texts(sides)[side]
            used = sorted({token for text in texts for token in tokenizer(text)["input_ids"]})
            embedding[used, : len(sides)] = -40.0
            embedding[used, place] = 40.0
        for layer in model.model.layers:
            router = layer.mlp.gate.weight
            router.zero_()
            for place in range(len(sides)):
                router[2 * place : 2 * place + 2, place] = 5.0
    return model, tokenizer
