"""Which loss a checkpoint was trained with, told from its config."""

from __future__ import annotations

import copy
import re
from typing import Any, Literal, cast, get_args

from interfere.checkpoint._hub import printable
from interfere.errors import RunError
from interfere.settings import Task

ObjectiveName = Literal[
    "masked-lm",
    "causal-lm",
    "span-corruption",
    "text-infilling",
    "translation",
    "text-classification",
    "token-classification",
]

OBJECTIVES: tuple[ObjectiveName, ...] = get_args(ObjectiveName)
"""The objectives that have a name."""

SEQ2SEQ: tuple[ObjectiveName, ...] = ("span-corruption", "text-infilling", "translation")
"""Those of encoder-decoders."""

LABELLED: tuple[Task, ...] = get_args(Task)
"""Those that predict labels, and not what a text holds itself."""


def resolve_objective(config: Any) -> ObjectiveName:
    """Tell the objective of a checkpoint from its config.

    The class that the checkpoint was saved from decides. Where the config names none, or one with neither a
    language-model head nor one for labels, the kind of model does: an encoder-decoder has span corruption, a model that
    transformers knows as a masked LM has that (unless the config makes it a decoder), and one that it knows as a causal
    LM has that. What an encoder-decoder was trained with its tokenizer tells, see `seq2seq_objective`.

    Args:
        config: a config of transformers.

    Raises:
        `RunError` where transformers knows no language model of this kind.
    """
    masked, causal = _names("MODEL_FOR_MASKED_LM_MAPPING_NAMES"), _names("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES")
    for architecture in getattr(config, "architectures", None) or ():
        by_name = _from_class(str(architecture), bool(getattr(config, "is_encoder_decoder", False)))
        if by_name is not None:
            return by_name
    if getattr(config, "is_encoder_decoder", False):
        return "span-corruption"
    kind = getattr(config, "model_type", None)
    if kind in masked and not _reads_the_past_only(config):
        return "masked-lm"
    if kind in causal:
        return "causal-lm"
    classes = ", ".join(str(each) for each in getattr(config, "architectures", None) or ()) or "none is named"
    raise RunError(
        f"a model of type {kind!r} (class: {printable(classes)}) has no language-model head that interfere knows; "
        "it measures masked LMs, causal LMs, encoder-decoders, and heads that label texts or words"
    )


def seq2seq_objective(tokenizer: Any) -> ObjectiveName:
    """What an encoder-decoder can be measured with, by its tokenizer.

    With sentinels it is span corruption, with a mask token text infilling, with neither translation.
    """
    vocabulary = tokenizer.get_vocab()
    if any(f"{mark}<extra_id_0>" in vocabulary for mark in ("", "▁")):
        return "span-corruption"
    return "text-infilling" if tokenizer.mask_token_id is not None else "translation"


def sees_its_targets(config: Any, objective: ObjectiveName) -> bool:
    """Whether a model of this config would read the very tokens that it is asked to predict.

    A bidirectional encoder has a causal class in transformers as well, and computes a loss without complaint; its
    attention is causal only where the config makes it a decoder.
    """
    bidirectional = getattr(config, "model_type", None) in _names("MODEL_FOR_MASKED_LM_MAPPING_NAMES")
    encoder_decoder = getattr(config, "is_encoder_decoder", False)
    return objective == "causal-lm" and bidirectional and not encoder_decoder and not _reads_the_past_only(config)


def _reads_the_past_only(config: Any) -> bool:
    """Whether the config of an encoder makes its attention causal; XLM and its kind have a name of their own for it."""
    return bool(getattr(config, "is_decoder", False) or getattr(config, "causal", False))


def auto_class(objective: ObjectiveName) -> Any:
    """The class of transformers that loads a model with the head that an objective needs."""
    import transformers

    name = {
        "masked-lm": "AutoModelForMaskedLM",
        "causal-lm": "AutoModelForCausalLM",
        "text-classification": "AutoModelForSequenceClassification",
        "token-classification": "AutoModelForTokenClassification",
    }.get(objective, "AutoModelForSeq2SeqLM")
    return getattr(transformers, name)


def with_architecture(config: Any, name: str | None) -> Any:
    """A copy of a config that names another class, or none; the model's own config stays as it is."""
    changed = copy.copy(config)
    changed.architectures = None if name is None else [name]
    return changed


def _names(mapping: str) -> dict[str, str]:
    from transformers.models.auto import modeling_auto

    return cast("dict[str, str]", dict(getattr(modeling_auto, mapping)))


def _from_class(name: str, encoder_decoder: bool) -> ObjectiveName | None:
    """The objective of a class with a language-model head, or one for labels; None for any other class."""
    if re.search(r"ForSequenceClassification$", name):
        return "text-classification"
    if re.search(r"ForTokenClassification$", name):
        return "token-classification"
    if re.search(r"ForMaskedLM$", name):
        return "masked-lm"
    if re.search(r"ForCausalLM$", name):
        return "causal-lm"
    if encoder_decoder:
        return None
    if re.search(r"(?<!With)LMHeadModel$", name):
        return "causal-lm"
    if re.search(r"ForConditionalGeneration$", name):
        return "causal-lm"
    return None
