"""Checkpoints whose weights are stored in few bits, made by hand, with the numbers that they stand for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors.torch import load_file, save_file

from tests.tiny import save_tiny, tiny_model, tiny_tokenizer

Numbers = dict[str, torch.Tensor]
_FP4 = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0])


def set_quantization(folder: Path, **entries: Any) -> Path:
    """Have a config say how weights are stored."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"quantization_config": entries}))
    return folder


def save_fp8(folder: Path, block: int = 8) -> Numbers:
    """A Llama in FP8 as DeepSeek stores it: one scale for each square block, the last ones smaller."""
    save_tiny(folder, "llama")
    stored, numbers = {}, {}
    for name, value in load_file(folder / "model.safetensors").items():
        stored[name] = numbers[name] = value
        if not name.endswith("proj.weight"):
            continue
        scales = torch.zeros(-(-value.shape[0] // block), -(-value.shape[1] // block))
        packed = torch.zeros(value.shape, dtype=torch.float8_e4m3fn)
        numbers[name] = torch.zeros(value.shape)
        for i in range(scales.shape[0]):
            for j in range(scales.shape[1]):
                place = slice(i * block, (i + 1) * block), slice(j * block, (j + 1) * block)
                scales[i, j] = value[place].abs().max() / 448
                packed[place] = (value[place] / scales[i, j]).to(torch.float8_e4m3fn)
                numbers[name][place] = packed[place].float() * scales[i, j]
        stored |= {name: packed, f"{name}_scale_inv": scales}
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    set_quantization(
        folder, quant_method="fp8", activation_scheme="dynamic", weight_block_size=[block, block], fmt="e4m3"
    )
    return numbers


def save_mxfp4(folder: Path) -> Numbers:
    """A GPT-OSS whose experts are in MXFP4: two numbers of four bits a byte, and a power of two for each 32 of them."""
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "head_dim": 16,
    }
    model = tiny_model(
        "GptOssForCausalLM",
        **sizes,
        num_key_value_heads=1,
        num_local_experts=2,
        num_experts_per_tok=1,
        pad_token_id=None,
    )
    save_tiny(folder, model=model, tokenizer=tiny_tokenizer("llama"))
    random = torch.Generator().manual_seed(3)
    stored, numbers = {}, {}
    for name, value in load_file(folder / "model.safetensors").items():
        if not name.endswith(("gate_up_proj", "down_proj")):
            stored[name] = numbers[name] = value
            continue
        experts, inputs, outputs = value.shape
        codes = torch.randint(0, 16, (experts, outputs, inputs // 32, 32), generator=random)
        scales = torch.randint(123, 126, (experts, outputs, inputs // 32), generator=random)
        stored[f"{name}_blocks"] = (codes[..., 0::2] + 16 * codes[..., 1::2]).to(torch.uint8)
        stored[f"{name}_scales"] = scales.to(torch.uint8)
        plain = _FP4[codes] * 2.0 ** (scales - 127)[..., None]
        numbers[name] = plain.reshape(experts, outputs, inputs).transpose(1, 2).contiguous()
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    set_quantization(folder, quant_method="mxfp4", modules_to_not_convert=["model.layers.*.self_attn", "lm_head"])
    return numbers


GGUF_SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "head_dim": 16}
_OUTSIDE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
_INSIDE = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def save_gguf(file: Path, kind: str = "F32", *, words: bool = True, start: bool = False) -> Numbers:
    """A Llama as llama.cpp converts it: queries and keys with their halves interleaved, matrices in blocks.

    Args:
        file: where to.
        kind: gguf's name of the type that matrices are stored in.
        words: whether the tokenizer is in it too.
        start: whether it asks for a token before each text.
    """
    model, tokenizer = tiny_model("llama", **GGUF_SIZES), tiny_tokenizer("llama")
    stored_as = getattr(gguf.GGMLQuantizationType, kind)
    file.parent.mkdir(parents=True, exist_ok=True)
    out = gguf.GGUFWriter(file, "llama")
    config = model.config
    out.add_context_length(config.max_position_embeddings)
    out.add_embedding_length(config.hidden_size)
    out.add_block_count(config.num_hidden_layers)
    out.add_feed_forward_length(config.intermediate_size)
    out.add_head_count(config.num_attention_heads)
    out.add_head_count_kv(config.num_key_value_heads)
    out.add_rope_dimension_count(config.head_dim)
    out.add_rope_freq_base(config.rope_parameters["rope_theta"])
    out.add_layer_norm_rms_eps(config.rms_norm_eps)
    out.add_vocab_size(config.vocab_size)
    if start:
        out.add_add_bos_token(True)
    if words:
        _add_words(out, tokenizer, config.vocab_size)
    numbers = {}
    for name, value in model.state_dict().items():
        parts = name.split(".")
        own = _OUTSIDE.get(name) or f"blk.{parts[2]}.{_INSIDE['.'.join(parts[3:-1])]}.weight"
        heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(own.split(".")[-2], 0)
        array = value.numpy()
        if heads:
            array = array.reshape(heads, 2, -1, array.shape[1]).swapaxes(1, 2).reshape(array.shape)
        array = np.ascontiguousarray(array)
        if array.ndim == 2 and kind != "F32":
            blocks = gguf.quants.quantize(array, stored_as)
            out.add_tensor(own, blocks, raw_dtype=stored_as)
            array = gguf.quants.dequantize(blocks, stored_as)
        else:
            out.add_tensor(own, array)
        if heads:
            array = array.reshape(heads, -1, 2, array.shape[1]).swapaxes(1, 2).reshape(array.shape)
        numbers[name] = torch.from_numpy(np.ascontiguousarray(array))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return numbers


def _add_words(out: gguf.GGUFWriter, tokenizer: Any, rows: int) -> None:
    document = json.loads(tokenizer.backend_tokenizer.to_str())
    tokens = [token for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])]
    tokens += [f"<unused{i}>" for i in range(rows - len(tokens))]
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("default")
    out.add_token_list(tokens)
    out.add_token_merges([" ".join(pair) for pair in document["model"]["merges"]])
    out.add_token_types([3 if token in tokenizer.all_special_tokens else 1 for token in tokens])
    out.add_bos_token_id(tokenizer.bos_token_id)
    out.add_eos_token_id(tokenizer.eos_token_id)
    out.add_unk_token_id(tokenizer.unk_token_id)
    out.add_pad_token_id(tokenizer.pad_token_id)
