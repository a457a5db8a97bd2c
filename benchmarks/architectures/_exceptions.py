"""What rules on names do not get right: entries of configs, by model class or config class."""

from __future__ import annotations

from typing import Any

from benchmarks.architectures._tokenizer import BOS, MASK, PAD, VOCABULARY

CHANGES: dict[str, dict[str, Any]] = {
    "BambaConfig": {"attn_layer_indices": [1]},
    "BltConfig": {"encoder_config.hidden_size_global": 32, "decoder_config.hidden_size_global": 32},
    "CohereCompassTextConfig": {
        "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}}
    },
    "DbrxConfig": {
        "attn_config": {"kv_n_heads": 2, "clip_qkv": 8.0, "rope_theta": 10000.0},
        "ffn_config": {"ffn_hidden_size": 16, "moe_num_experts": 4, "moe_top_k": 2, "hidden_size": 32},
        "n_heads": 4,
    },
    "DeepseekV2Config": {"num_experts_per_tok": 2, "first_k_dense_replace": 1},
    "Dots1Config": {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_shared_experts": 1, "first_k_dense_replace": 1},
    "EncoderDecoderConfig": {"pad_token_id": PAD, "decoder_start_token_id": BOS},
    "EsmConfig": {"vocab_size": VOCABULARY, "mask_token_id": MASK, "pad_token_id": PAD},
    "FalconH1Config": {"mamba_d_ssm": 64, "mamba_n_heads": 8, "mamba_d_head": 8},
    "GraniteMoeHybridConfig": {"layer_types": ["mamba", "attention"]},
    "JambaConfig": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "Lfm2MoeConfig": {"layer_types": ["conv", "full_attention"]},
    "Mamba2Config": {"num_heads": 8},
    "MobileBertConfig": {"intra_bottleneck_size": 32, "true_hidden_size": 32},
    "MPNetConfig": {"relative_attention_num_buckets": 32},
    "NemotronConfig": {"num_key_value_heads": 2},
    "NeoMMEConfig": {"head_dim": 16},
    "Qwen4ExpTextConfig": {
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 8,
        "indexer_budget": 8,
        "indexer_compress_ratio": 4,
    },
    "RecurrentGemmaConfig": {"num_hidden_layers": 3},
    "ReformerConfig": {"axial_pos_embds_dim": [16, 16], "axial_pos_shape": [8, 16], "num_buckets": 4},
    "SqueezeBertConfig": {f"{name}_groups": 2 for name in ("q", "k", "v", "post_attention", "intermediate", "output")},
    "xLSTMConfig": {"hidden_size": 128, "embedding_dim": 128, "num_heads": 2},
    "XmodConfig": {"languages": ["de_DE", "ru_RU"]},
    "ZambaConfig": {
        "layers_block_type": ["mamba", "hybrid", "hybrid"],
        "num_hidden_layers": 3,
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
    },
    "Dots3NoteTextConfig": {
        f"swa_{name}": size
        for name, size in {
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "q_lora_rank": 8,
            "kv_lora_rank": 8,
            "head_dim": 16,
            "qk_nope_head_dim": 8,
            "v_head_dim": 8,
        }.items()
    },
    "XLMConfig": {"n_langs": 2, "lang2id": {"de": 0, "ru": 1}, "id2lang": {"0": "de", "1": "ru"}},
    "Zamba2Config": {
        "layers_block_type": ["mamba", "hybrid", "hybrid"],
        "num_hidden_layers": 3,
        "hybrid_layer_ids": [1, 2],
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "n_mamba_heads": 8,
        "num_key_value_heads": 4,
    },
}
