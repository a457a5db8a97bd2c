"""A tiny config of any class of transformers, by rules on the names of its sizes."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from benchmarks.architectures._tokenizer import BOS, EOS, MASK, PAD, UNK, VOCABULARY

# The first that fits a name decides. A number is a size; None leaves the value as it is.
_SIZES: tuple[tuple[str, int | None], ...] = (
    (r"^(vocab_size|n_words|src_vocab_size|tgt_vocab_size|decoder_vocab_size|vocab_size_per_layer_input)$", VOCABULARY),
    (r"^type_vocab|chunk_size_feed_forward|per_n_layers|every_n|n_layers_per|pretraining_tp|hc_sinkhorn", None),
    (r"^(pad_token_id|pad_index)$", PAD),
    (r"^(bos_token_id|cls_token_id|bos_index)$", BOS),
    (r"^(eos_token_id|sep_token_id|forced_eos_token_id|eos_index)$", EOS),
    (r"^decoder_start_token_id$", EOS),
    (r"^(mask_token_id|mask_index)$", MASK),
    (r"^(unk_token_id|unk_index)$", UNK),
    (r"kv_shared_layers|nextn_predict|num_mtp", 0),
    (r"first_k_dense|dense_layers", 1),
    (r"(^|_)(num_)?(hidden_)?layers?$|^num_blocks$|^num_hidden_groups$", 2),
    (r"layers_per_stack|_cycles$", 1),
    (r"query_pre_attn_scalar", 8),
    (r"(key_value|kv)_heads|query_groups|linear_num_key", 2),
    (r"mamba_(n|num)_heads$", 8),
    (r"index_n_heads", 2),
    (r"^qk_head_dim$", 16),
    (r"head_dim$|^d_kv$|^kv_channels$|^d_head$|^dim_head$|head_size$|d_head$|headdim$|^index_head_dim$", 8),
    (r"rotary_dim$", 4),
    (r"heads$|^n_head$", 4),
    (r"topk_group|^n_groups?$|mamba_n_?groups|expert_group", 1),
    (r"shared_experts?$", 1),
    (r"experts_per_tok|moe_top_?k|^moe_k$|^top_k", 2),
    (r"experts?$|zero_expert_num", 4),
    (r"moe_.*intermediate|expert_.*hidden|shared.*intermediate", 16),
    (r"intermediate|ffn_|d_ff$|^dff$|dim_ff$|hidden_dim$|feed_forward_size|d_inner", 64),
    (r"hidden_size$|^d_model$|^n_embd$|^dim$|emb_dim$|embed_?dim$|embedding_size$|embedding_dim$|embed_proj_dim$", 32),
    (r"lru_width$|^d_latents$|pooler_hidden|backbone_hidden", 32),
    (r"rank$|_dim$", 8),
    (r"position_embeddings$|^n_positions$|max_seq_len|_positions$|^n_ctx$|^context_length$|^model_max_length$", 128),
    (r"sliding_window$|^sliding_window_size$|^local_attention$|attention_window_size|^window_size$", 8),
    (r"d_state|state_size", 8),
    (r"^(mamba_)?chunk_size$|attn_chunk_length$", 8),
    (r"num_buckets", 8),
    (r"num_latents", 8),
    (r"^attention_window$", 8),
    (r"entity_vocab_size|vocab_size_base|_group_vocab$", 64),
    (r"max_num_(rows|columns)|max_2d", 128),
)
_TOKENS = re.compile(r"token_(id|index)$")
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers")
_MOST_LAYERS = 4
_HEAD = 8


def tiny_config(config_class: Any, changes: Mapping[str, Any]) -> Any:
    """A config of a class with sizes of a few numbers.

    Its defaults are taken, each whole number whose name says that it is a size is replaced, and of lists with an entry
    for each layer one entry of each kind is kept, two at least.

    Args:
        config_class: a class of transformers' configs.
        changes: entries to set after that; those of a part have its name before a dot.
    """
    own = {name: value for name, value in changes.items() if "." not in name}
    document = _shrunk(config_class().to_dict())
    for name, value in changes.items():
        holder = document
        *path, last = name.split(".")
        for part in path:
            holder = holder[part]
        holder[last] = value
    config = config_class.from_dict({**document, **own})
    if config.is_encoder_decoder and getattr(config, "decoder_start_token_id", None) is None:
        config.decoder_start_token_id = PAD
    return config


def _shrunk(document: Mapping[str, Any]) -> dict[str, Any]:
    out = copy.deepcopy(dict(document))
    for name in ("architectures", "transformers_version", "dtype", "quantization_config", "per_layer_config"):
        out.pop(name, None)
    if "head_dim" in out and out["head_dim"] is None:
        out["head_dim"] = _HEAD
    kept = _kept_layers(out)
    spare = VOCABULARY
    for name, value in out.items():
        if isinstance(value, dict) and "model_type" in value:
            out[name] = _shrunk(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            size = _size(name, value)
            if _TOKENS.search(name) and size >= VOCABULARY:
                # A token of another kind of input, which text does not have.
                spare -= 1
                size = spare
            out[name] = size
        elif isinstance(value, list) and kept and len(value) == kept[0]:
            out[name] = [_size(name, v) if type(v) is int else v for v in (value[index] for index in kept[1])]
        elif _TOKENS.search(name) and isinstance(value, list):
            out[name] = EOS
    for name in ("num_key_value_heads", "n_kv_heads"):
        # Attention with keys and values of low rank has as many of them as queries.
        if name in out and (document.get("num_attention_heads") == document[name] or document.get("kv_lora_rank")):
            out[name] = out.get("num_attention_heads")
    if kept:
        for name in _LAYERS:
            if name in out and document[name] == kept[0]:
                out[name] = len(kept[1])
    return out


def _size(name: str, value: int) -> int:
    for pattern, size in _SIZES:
        if re.search(pattern, name):
            # Nought and one are switches more often than sizes.
            return value if size is None or (value <= 1 and not _TOKENS.search(name)) or value < 0 else size
    return value


def _kept_layers(document: Mapping[str, Any]) -> tuple[int, list[int]] | None:
    """How many layers there are, and which are kept, where lists tell of each layer what it is."""
    count = next((document[name] for name in _LAYERS if isinstance(document.get(name), int)), 0)
    lists = [value for value in document.values() if isinstance(value, list) and len(value) == count > 2]
    if not lists:
        return None
    seen: list[Any] = []
    kept = []
    for index in range(count):
        what = [values[index] for values in lists]
        if what not in seen:
            seen.append(what)
            kept.append(index)
    kept = kept[:_MOST_LAYERS] if len(kept) > 1 else [0, 1]
    return count, kept
