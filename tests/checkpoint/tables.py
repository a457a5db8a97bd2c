"""Hand-written tables of what each parameter of an architecture is. `SEEN` are the architectures that the parameter
map was made with; those of `UNSEEN` were written from knowledge of the architectures before the map had met them."""

from __future__ import annotations

from typing import Any

_BERT_LAYER = """
    encoder.N attention: {M}.attention.self.{query,key,value} {M}.attention.output.dense
    encoder.N mlp: {M}.intermediate.dense {M}.output.dense
    encoder.N norm: {M}.attention.output.LayerNorm {M}.output.LayerNorm
"""


def _bert_layer(path: str) -> str:
    return _BERT_LAYER.replace("{M}", path).strip()


def _llama(extra_norms: str = "", head: bool = True, mlp: str = "") -> str:
    return f"""
    embeddings embedding: model.embed_tokens
    decoder.N attention: model.layers.N.self_attn.{{q,k,v,o}}_proj
    {mlp or "decoder.N mlp: model.layers.N.mlp.{gate,up,down}_proj"}
    decoder.N norm: model.layers.N.{{input,post_attention}}_layernorm {extra_norms}
    decoder.norm norm: model.norm
    {"head head: lm_head" if head else ""}
    """


def _bart_layers(norms: str = "") -> str:
    return f"""
    embeddings embedding: model.shared {norms}
    encoder.N attention: model.encoder.layers.N.self_attn.{{q,k,v,out}}_proj
    encoder.N mlp: model.encoder.layers.N.fc{{1,2}}
    encoder.N norm: model.encoder.layers.N.{{self_attn,final}}_layer_norm
    decoder.N attention: model.decoder.layers.N.{{self,encoder}}_attn.{{q,k,v,out}}_proj
    decoder.N mlp: model.decoder.layers.N.fc{{1,2}}
    decoder.N norm: model.decoder.layers.N.{{self_attn,encoder_attn,final}}_layer_norm
    encoder.norm norm: model.encoder.layer_norm
    decoder.norm norm: model.decoder.layer_norm
    """


def _t5(mlp: str) -> str:
    return f"""
    embeddings embedding: shared
    encoder.N attention: encoder.block.N.layer.0.SelfAttention.{{q,k,v,o,relative_attention_bias}}
    encoder.N mlp: encoder.block.N.layer.1.DenseReluDense.{{{mlp}}}
    encoder.N norm: encoder.block.N.layer.{{0,1}}.layer_norm
    encoder.norm norm: encoder.final_layer_norm
    decoder.N attention: decoder.block.N.layer.0.SelfAttention.{{q,k,v,o,relative_attention_bias}}
    decoder.N attention: decoder.block.N.layer.1.EncDecAttention.{{q,k,v,o}}
    decoder.N mlp: decoder.block.N.layer.2.DenseReluDense.{{{mlp}}}
    decoder.N norm: decoder.block.N.layer.{{0,1,2}}.layer_norm
    decoder.norm norm: decoder.final_layer_norm
    """


SEEN: dict[str, str] = {
    "bert": f"""
    embeddings embedding: bert.embeddings.{{word,position,token_type}}_embeddings
    embeddings norm: bert.embeddings.LayerNorm
    {_bert_layer("bert.encoder.layer.N")}
    head head: cls.predictions cls.predictions.transform.dense
    head norm: cls.predictions.transform.LayerNorm
    """,
    # The tied weight goes by its first name, which is the head's here.
    "xlm-r": f"""
    embeddings embedding: roberta.embeddings.{{position,token_type}}_embeddings lm_head.decoder
    embeddings norm: roberta.embeddings.LayerNorm
    {_bert_layer("roberta.encoder.layer.N")}
    head head: lm_head lm_head.dense
    head norm: lm_head.layer_norm
    """,
    "distilbert": """
    embeddings embedding: distilbert.embeddings.{word,position}_embeddings
    embeddings norm: distilbert.embeddings.LayerNorm
    encoder.N attention: distilbert.transformer.layer.N.attention.{q,k,v,out}_lin
    encoder.N mlp: distilbert.transformer.layer.N.ffn.lin{1,2}
    encoder.N norm: distilbert.transformer.layer.N.{sa,output}_layer_norm
    head head: vocab_transform vocab_projector
    head norm: vocab_layer_norm
    """,
    "deberta-v2": """
    embeddings embedding: deberta.embeddings.word_embeddings deberta.encoder.rel_embeddings
    embeddings norm: deberta.embeddings.LayerNorm
    encoder.N attention: deberta.encoder.layer.N.attention.self.{query,key,value}_proj
    encoder.N attention: deberta.encoder.layer.N.attention.output.dense
    encoder.N mlp: deberta.encoder.layer.N.{intermediate,output}.dense
    encoder.N norm: deberta.encoder.layer.N.attention.output.LayerNorm deberta.encoder.layer.N.output.LayerNorm
    encoder.norm norm: deberta.encoder.LayerNorm
    head head: lm_predictions.lm_head lm_predictions.lm_head.dense
    head norm: lm_predictions.lm_head.LayerNorm
    """,
    "gpt2": """
    embeddings embedding: transformer.{wte,wpe}
    decoder.N attention: transformer.h.N.attn.{c_attn,c_proj}
    decoder.N mlp: transformer.h.N.mlp.{c_fc,c_proj}
    decoder.N norm: transformer.h.N.ln_{1,2}
    decoder.norm norm: transformer.ln_f
    """,
    "llama": _llama(),
    "gemma3": _llama("model.layers.N.{pre,post}_feedforward_layernorm model.layers.N.self_attn.{q,k}_norm", head=False),
    "qwen3": _llama("model.layers.N.self_attn.{q,k}_norm"),
    "bloom": """
    embeddings embedding: transformer.word_embeddings
    embeddings norm: transformer.word_embeddings_layernorm
    decoder.N attention: transformer.h.N.self_attention.{query_key_value,dense}
    decoder.N mlp: transformer.h.N.mlp.{dense_h_to_4h,dense_4h_to_h}
    decoder.N norm: transformer.h.N.{input,post_attention}_layernorm
    decoder.norm norm: transformer.ln_f
    """,
    "t5": _t5("wi,wo"),
    "mbart": _bart_layers("model.{encoder,decoder}.embed_positions")
    + "embeddings norm: model.{encoder,decoder}.layernorm_embedding",
    "mixtral": _llama(
        mlp="""decoder.N router: model.layers.N.mlp.gate
    decoder.N expert: model.layers.N.mlp.experts.{gate_up,down}_proj"""
    ),
}

_SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "eos_token_id": 2,
    "bos_token_id": 1,
}

UNSEEN: dict[str, tuple[dict[str, Any], str]] = {
    "OPTForCausalLM": (
        {"hidden_size": 16, "word_embed_proj_dim": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_dim": 24},
        """
    embeddings embedding: model.decoder.embed_tokens model.decoder.embed_positions
    decoder.other other: model.decoder.project_{in,out}
    decoder.N attention: model.decoder.layers.N.self_attn.{q,k,v,out}_proj
    decoder.N mlp: model.decoder.layers.N.fc{1,2}
    decoder.N norm: model.decoder.layers.N.{self_attn,final}_layer_norm
    decoder.norm norm: model.decoder.final_layer_norm
    """,
    ),
    "ModernBertForMaskedLM": (
        _SMALL,
        """
    embeddings embedding: model.embeddings.tok_embeddings
    embeddings norm: model.embeddings.norm
    encoder.N attention: model.layers.N.attn.{Wqkv,Wo}
    encoder.N mlp: model.layers.N.mlp.{Wi,Wo}
    encoder.N norm: model.layers.N.{attn,mlp}_norm
    encoder.norm norm: model.final_norm
    head head: head.dense decoder
    head norm: head.norm
    """,
    ),
    "FalconForCausalLM": (
        {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "new_decoder_architecture": True},
        """
    embeddings embedding: transformer.word_embeddings
    decoder.N attention: transformer.h.N.self_attention.{query_key_value,dense}
    decoder.N mlp: transformer.h.N.mlp.{dense_h_to_4h,dense_4h_to_h}
    decoder.N norm: transformer.h.N.ln_{attn,mlp}
    decoder.norm norm: transformer.ln_f
    """,
    ),
    "MptForCausalLM": (
        {"d_model": 16, "n_heads": 2, "n_layers": 2, "max_seq_len": 128},
        """
    embeddings embedding: transformer.wte
    decoder.N attention: transformer.blocks.N.attn.{Wqkv,out_proj}
    decoder.N mlp: transformer.blocks.N.ffn.{up,down}_proj
    decoder.N norm: transformer.blocks.N.norm_{1,2}
    decoder.norm norm: transformer.norm_f
    """,
    ),
    "ElectraForMaskedLM": (
        {**_SMALL, "embedding_size": 8},
        f"""
    embeddings embedding: electra.embeddings.{{word,position,token_type}}_embeddings electra.embeddings_project
    embeddings norm: electra.embeddings.LayerNorm
    {_bert_layer("electra.encoder.layer.N")}
    head head: generator_predictions.dense generator_lm_head
    head norm: generator_predictions.LayerNorm
    """,
    ),
    "XGLMForCausalLM": (
        {"d_model": 16, "num_layers": 2, "attention_heads": 2, "ffn_dim": 24},
        """
    embeddings embedding: model.embed_tokens
    decoder.N attention: model.layers.N.self_attn.{q,k,v,out}_proj
    decoder.N mlp: model.layers.N.fc{1,2}
    decoder.N norm: model.layers.N.{self_attn,final}_layer_norm
    decoder.norm norm: model.layer_norm
    """,
    ),
    "M2M100ForConditionalGeneration": (
        {
            "d_model": 16,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 24,
            "decoder_ffn_dim": 24,
        },
        _bart_layers(),
    ),
    "Qwen3MoeForCausalLM": (
        {
            **_SMALL,
            "num_key_value_heads": 1,
            "head_dim": 8,
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 8,
        },
        _llama(
            "model.layers.N.self_attn.{q,k}_norm",
            mlp="""decoder.N router: model.layers.N.mlp.gate
    decoder.N expert: model.layers.N.mlp.experts.{gate_up,down}_proj""",
        ),
    ),
    "Qwen2MoeForCausalLM": (
        {
            **_SMALL,
            "num_key_value_heads": 1,
            "num_experts": 4,
            "moe_intermediate_size": 8,
            "shared_expert_intermediate_size": 8,
        },
        _llama(
            mlp="""decoder.N router: model.layers.N.mlp.{gate,shared_expert_gate}
    decoder.N expert: model.layers.N.mlp.experts.{gate_up,down}_proj
    decoder.N expert: model.layers.N.mlp.shared_expert.{gate,up,down}_proj"""
        ),
    ),
    # XLM keeps its attentions, feed-forwards and norms in lists of their own, side by side.
    "XLMWithLMHeadModel": (
        {
            "emb_dim": 16,
            "n_layers": 2,
            "n_heads": 2,
            "n_words": 420,
            "max_position_embeddings": 128,
            "n_langs": 3,
            "pad_index": 0,
        },
        """
    embeddings embedding: transformer.{position_embeddings,lang_embeddings,embeddings}
    embeddings norm: transformer.layer_norm_emb
    encoder.N attention: transformer.attentions.N.{q,k,v,out}_lin
    encoder.N mlp: transformer.ffns.N.lin{1,2}
    encoder.N norm: transformer.layer_norm{1,2}.N
    head head: pred_layer.proj
    """,
    ),
    # ALBERT has the weights of one layer, which it runs several times.
    "AlbertForMaskedLM": (
        {**_SMALL, "embedding_size": 8},
        """
    embeddings embedding: albert.embeddings.{word,position,token_type}_embeddings
    embeddings embedding: albert.encoder.embedding_hidden_mapping_in
    embeddings norm: albert.embeddings.LayerNorm
    encoder.N attention: albert.encoder.albert_layer_groups.N.albert_layers.0.attention.{query,key,value,dense}
    encoder.N mlp: albert.encoder.albert_layer_groups.N.albert_layers.0.{ffn,ffn_output}
    encoder.N norm: albert.encoder.albert_layer_groups.N.albert_layers.0.{attention.LayerNorm,full_layer_layer_norm}
    head head: predictions predictions.dense
    head norm: predictions.LayerNorm
    """,
    ),
    "XmodForMaskedLM": (
        {**_SMALL, "languages": ["de_DE", "en_XX"], "default_language": "en_XX", "pad_token_id": 1},
        """
    embeddings embedding: roberta.embeddings.{word,position,token_type}_embeddings
    embeddings norm: roberta.embeddings.LayerNorm
    encoder.N attention: roberta.encoder.layer.N.attention.self.{query,key,value}
    encoder.N attention: roberta.encoder.layer.N.attention.output.dense
    encoder.N mlp: roberta.encoder.layer.N.{intermediate,output}.dense
    encoder.N norm: roberta.encoder.layer.N.attention.output.LayerNorm roberta.encoder.layer.N.output.LayerNorm
    encoder.N adapter: roberta.encoder.layer.N.output.adapter_modules.{de_DE,en_XX}.dense{1,2}
    head head: lm_head lm_head.dense
    head norm: lm_head.layer_norm
    """,
    ),
    "GPTNeoXForCausalLM": (
        _SMALL,
        """
    embeddings embedding: gpt_neox.embed_in
    decoder.N attention: gpt_neox.layers.N.attention.{query_key_value,dense}
    decoder.N mlp: gpt_neox.layers.N.mlp.{dense_h_to_4h,dense_4h_to_h}
    decoder.N norm: gpt_neox.layers.N.{input,post_attention}_layernorm
    decoder.norm norm: gpt_neox.final_layer_norm
    head head: lm_head
    """,
    ),
    "MT5ForConditionalGeneration": (
        {
            "tie_word_embeddings": False,
            "d_model": 16,
            "d_kv": 8,
            "d_ff": 24,
            "num_layers": 1,
            "num_decoder_layers": 1,
            "num_heads": 2,
        },
        _t5("wi_0,wi_1,wo"),
    ),
    "DeepseekV3ForCausalLM": (
        {
            **_SMALL,
            "num_key_value_heads": 2,
            "moe_intermediate_size": 8,
            "n_routed_experts": 4,
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
        """
    embeddings embedding: model.embed_tokens
    decoder.N attention: model.layers.N.self_attn.{q_a_proj,q_b_proj,kv_a_proj_with_mqa,kv_b_proj,o_proj}
    decoder.N router: model.layers.N.mlp.gate
    decoder.N expert: model.layers.N.mlp.experts.{gate_up,down}_proj
    decoder.N expert: model.layers.N.mlp.shared_experts.{gate,up,down}_proj
    decoder.N norm: model.layers.N.{input,post_attention}_layernorm model.layers.N.self_attn.{q,kv}_a_layernorm
    decoder.norm norm: model.norm
    head head: lm_head
    """,
    ),
}
