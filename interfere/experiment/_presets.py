"""The architectures that an experiment trains."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interfere.errors import InputError
from interfere.experiment._tokenizer import BOS, MASK, PAD
from interfere.settings import Architecture, ExperimentSettings

_SIZES = {"tiny": (2, 32, 2), "small": (4, 128, 4), "base": (12, 768, 12)}
"""Preset → layers, width, heads."""

_INITIAL = 0.02 * 768**0.5
"""Standard deviation of initial weights times the root of the width, as GPT-2 and BERT of width 768 have it. Their own
0.02 is so small for a narrow model that its training begins with a plateau, at the frequencies of single tokens."""

_TYPES_ARE_TOKENS = ("gpt2",)
"""Models that read `token_type_ids` as token ids, whose embeddings they add at every position."""


def make_config(
    settings: ExperimentSettings,
    tokenizer: Any,
    languages: int,
    *,
    width: int | None = None,
    copies: int = 1,
) -> Any:
    """Make the config of a model.

    The embeddings of input and output are tied. Any model has room for `context` tokens and one that begins them.

    Args:
        settings: architecture, preset, context, dropout and signal are read.
        tokenizer: the experiment's.
        languages: how many languages the model can be told apart (encoders have an embedding of each).
        width: hidden size; None: the preset's own.
        copies: how many times the vocabulary is there: 2 where a clone has ids of its own.

    Returns:
        A `PreTrainedConfig`.

    Raises:
        InputError: the width does not go with the preset's heads; the config file cannot be read, is of another
            architecture, or of a model that cannot be told the language at every position.
    """
    shared: dict[str, Any] = {
        "vocab_size": copies * len(tokenizer),
        "pad_token_id": tokenizer.convert_tokens_to_ids(PAD),
        "bos_token_id": tokenizer.convert_tokens_to_ids(BOS),
        "eos_token_id": tokenizer.convert_tokens_to_ids(BOS),
    }
    if settings.preset not in _SIZES:
        return _from_file(settings, shared, languages * copies)
    layers, own_width, heads = _SIZES[settings.preset]
    width = own_width if width is None else width
    if width % heads:
        raise InputError(
            f"--widths {width}: give multiples of {heads}, the attention heads of --preset {settings.preset}"
        )
    if settings.architecture == "decoder":
        from transformers import GPT2Config

        return GPT2Config(
            **shared,
            n_embd=width,
            n_layer=layers,
            n_head=heads,
            n_positions=settings.context + 1,
            initializer_range=_INITIAL / width**0.5,
            # GPT-2's own function, in one operation rather than eight.
            activation_function="gelu_pytorch_tanh",
            resid_pdrop=settings.dropout,
            embd_pdrop=settings.dropout,
            attn_pdrop=settings.dropout,
        )
    from transformers import BertConfig

    return BertConfig(
        **shared,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=settings.context + 1,
        initializer_range=_INITIAL / width**0.5,
        intermediate_size=4 * width,
        type_vocab_size=languages * copies,
        hidden_dropout_prob=settings.dropout,
        attention_probs_dropout_prob=settings.dropout,
    )


def config_width(config: Any) -> int:
    """The hidden size of a config."""
    return int(config.get_text_config().hidden_size)


def make_model(config: dict[str, Any], architecture: Architecture) -> Any:
    """A model with random weights of a config that `plain_config` has written down."""
    return _auto_class(architecture).from_config(_made(config))


def plain_config(config: Any) -> dict[str, Any]:
    """A config as JSON, without what it says about the transformers that wrote it."""
    document: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    for name in ("transformers_version", "_name_or_path", "architectures", "dtype"):
        document.pop(name, None)
    return document


def type_ids_are_tokens(config: Any) -> bool:
    """Whether `token_type_ids` of a model are token ids; if not, they are numbers of languages."""
    return config.model_type in _TYPES_ARE_TOKENS


def mask_id(tokenizer: Any) -> int:
    """The id of the mask token."""
    return int(tokenizer.convert_tokens_to_ids(MASK))


def tag_ids(tokenizer: Any, tags: Sequence[str]) -> list[int]:
    """The ids of language tags."""
    return [int(tokenizer.convert_tokens_to_ids(tag)) for tag in tags]


def _auto_class(architecture: Architecture) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    return AutoModelForCausalLM if architecture == "decoder" else AutoModelForMaskedLM


def _made(config: dict[str, Any]) -> Any:
    from transformers import AutoConfig

    rest = dict(config)
    return AutoConfig.for_model(rest.pop("model_type"), **rest)


def _from_file(settings: ExperimentSettings, shared: dict[str, Any], languages: int) -> Any:
    from transformers.models.auto import modeling_auto

    path = Path(settings.preset)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        kind = document["model_type"]
        config = _made({**document, **shared})
    except OSError as error:
        raise InputError(f"--preset {path}: cannot be read: {error.strerror}") from None
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0][:200]
        raise InputError(
            f"--preset {path} is not the config.json of a model: {type(error).__name__}: {reason}"
        ) from None
    masked = kind in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)
    causal = kind in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not masked
    if config.is_encoder_decoder:
        masked = causal = False
    if not (causal if settings.architecture == "decoder" else masked):
        other = "a decoder" if causal else "an encoder" if masked else "neither, so it cannot be trained here"
        raise InputError(f"--preset {path}: a model of type {kind!r} is no {settings.architecture}: it is {other}")
    positions = getattr(config, "max_position_embeddings", None)
    # RoBERTa and its kind count positions from the id of the padding token on.
    needed = settings.context + shared["pad_token_id"] + 2
    if isinstance(positions, int) and positions < needed:
        config.max_position_embeddings = needed
    if settings.signal == "embedding" and not type_ids_are_tokens(config):
        _require_types(settings, config, languages)
    return config


def _require_types(settings: ExperimentSettings, config: Any, languages: int) -> None:
    """Give a config an embedding of each language."""
    model_class = _auto_class(settings.architecture)._model_mapping[type(config)]
    taken = "token_type_ids" in inspect.signature(model_class.forward).parameters
    if not taken or not hasattr(config, "type_vocab_size"):
        raise InputError(
            f"--signal embedding: a model of type {config.model_type!r} has no token_type_ids to tell it the language "
            "at every position; give --signal tag or --signal none"
        )
    config.type_vocab_size = languages
