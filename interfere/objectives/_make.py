"""Making an objective for a checkpoint."""

from __future__ import annotations

from typing import Any, cast

from interfere.checkpoint import OBJECTIVES, SEQ2SEQ, Checkpoint, ObjectiveName, embedding_rows
from interfere.errors import InputError, RunError
from interfere.objectives._causal import CausalLM
from interfere.objectives._classification import Classification, label_numbers
from interfere.objectives._custom import CustomObjective
from interfere.objectives._infilling import TextInfilling
from interfere.objectives._masked import MaskedLM
from interfere.objectives._spans import SpanCorruption
from interfere.objectives._text import (
    choose_max_length,
    choose_pad_id,
    make_tokenize,
    make_tokenize_language,
    make_tokenize_pair,
)
from interfere.objectives._translation import Sources, Translation
from interfere.objectives._types import LossFunction, Objective
from interfere.settings import Task


def make_objective(
    objective: str | LossFunction,
    checkpoint: Checkpoint,
    *,
    max_length: int | None = None,
    mask_passes: int = 1,
    mask_rate: float = 0.15,
    seed: int = 0,
    sources: Sources | None = None,
) -> Objective:
    """Make the loss to be measured, and the way from a text to it.

    Args:
        objective: `auto` (the checkpoint's own), `masked-lm`, `causal-lm`, `span-corruption`, `text-infilling`,
            `translation`, `text-classification`, `token-classification`, or a callable `(model, batch) → LossSums`.
            An encoder-decoder can be measured with span corruption, infilling or translation, as far as its tokenizer
            has the tokens for them.
        checkpoint: the model and tokenizer that it is for.
        max_length: tokens that longer documents are cut to, special tokens included; None for the smallest of what
            the model's positions and the tokenizer allow and 512.
        mask_passes: how many disjoint maskings (or corruptions) of each document.
        mask_rate: share of a document's tokens that one pass masks.
        seed: of the masks.
        sources: what is translated, for `translation`.

    Raises:
        `InputError` where an option is wrong or does not go with the objective. `RunError` where the tokenizer lacks
        a token that the objective needs.
    """
    _check_masking(mask_passes, mask_rate)
    if callable(objective):
        name = getattr(objective, "__name__", type(objective).__name__)
        _check_passes(mask_passes, name)
        limit = choose_max_length(checkpoint, max_length)
        return CustomObjective(objective, make_tokenize(checkpoint, limit), choose_pad_id(checkpoint), name, limit)
    if objective not in ("auto", *OBJECTIVES):
        raise InputError(
            f"objective {objective!r} is unknown; it is one of auto, {', '.join(OBJECTIVES)}, or a callable"
        )
    name = checkpoint.objective if objective == "auto" else cast(ObjectiveName, objective)
    if name != checkpoint.objective and not {name, checkpoint.objective} <= set(SEQ2SEQ):
        raise InputError(
            f"objective {objective!r} does not fit model {checkpoint.id!r}, which is made for {checkpoint.objective}"
        )
    pad_id = choose_pad_id(checkpoint)
    limit = choose_max_length(checkpoint, max_length, least=2 if name in SEQ2SEQ else 1)
    if name == "text-classification" or name == "token-classification":
        _check_passes(mask_passes, name)
        return _classification(checkpoint, name, pad_id, limit)
    if name == "translation":
        _check_passes(mask_passes, name)
        if sources is None:
            raise InputError("objective 'translation' needs to be told what is translated: give --source-language")
        pair = make_tokenize_pair(checkpoint, sources.language, limit)
        return Translation(pair, sources, pad_id, limit)
    if name == "text-infilling":
        return TextInfilling(
            tokenize=make_tokenize_language(checkpoint, limit),
            pad_id=pad_id,
            mask_id=_mask_id(checkpoint, name),
            max_length=limit,
            rate=mask_rate,
            passes=mask_passes,
            seed=seed,
        )
    tokenize = make_tokenize(checkpoint, limit)
    if name == "causal-lm":
        _check_passes(mask_passes, "causal-lm")
        return CausalLM(tokenize, pad_id, limit)
    if name == "masked-lm":
        return MaskedLM(
            tokenize=tokenize,
            max_length=limit,
            pad_id=pad_id,
            mask_id=_mask_id(checkpoint, name),
            special=frozenset(checkpoint.tokenizer.all_special_ids),
            rate=mask_rate,
            passes=mask_passes,
            seed=seed,
        )
    return SpanCorruption(
        tokenize=tokenize,
        max_length=limit,
        pad_id=pad_id,
        sentinels=_sentinels(checkpoint),
        eos_id=_eos_id(checkpoint, name),
        rate=mask_rate,
        passes=mask_passes,
        seed=seed,
    )


def _check_masking(passes: int, rate: float) -> None:
    if passes < 1:
        raise InputError(f"{passes} mask passes are too few; give at least 1")
    if not 0 < rate < 1:
        raise InputError(f"a mask rate of {rate} is not between 0 and 1")
    # A tolerance, since 1/3 · 3 and the like are not exactly 1.
    if passes * rate > 1 + 1e-9:
        raise InputError(
            f"{passes} mask passes of {rate:.0%} each would mask more than the whole text; give at most {int(1 / rate)}"
        )


def _check_passes(passes: int, name: str) -> None:
    if passes != 1:
        raise InputError(f"objective {name!r} masks nothing, so it has 1 mask pass, not {passes}")


def _classification(checkpoint: Checkpoint, name: Task, pad_id: int, limit: int) -> Classification:
    if name == "token-classification" and not getattr(checkpoint.tokenizer, "is_fast", False):
        raise RunError(
            f"the tokenizer of {checkpoint.id!r} does not tell which word a token belongs to, which {name} needs; give "
            "one with a tokenizer.json"
        )
    config = checkpoint.model.config
    # Those pool at the end token, and cannot read a batch in which one text has more of them than another.
    pooled_at_end = name == "text-classification" and getattr(config, "is_encoder_decoder", False)
    return Classification(
        name=name,
        model_id=checkpoint.id,
        numbers=label_numbers(config, checkpoint.id),
        tokenize=make_tokenize(checkpoint, limit),
        tokenizer=checkpoint.tokenizer,
        rows=embedding_rows(checkpoint.model),
        pad_id=pad_id,
        end_id=_eos_id(checkpoint, name) if pooled_at_end else None,
        max_length=limit,
    )


def _mask_id(checkpoint: Checkpoint, objective: str) -> int:
    index = checkpoint.tokenizer.mask_token_id
    rows = embedding_rows(checkpoint.model)
    if index is None or (rows is not None and index >= rows):
        raise RunError(
            f"the tokenizer of {checkpoint.id!r} has no mask token that the model knows, which {objective} needs; "
            "give the tokenizer that the model was trained with"
        )
    return int(index)


def _eos_id(checkpoint: Checkpoint, objective: str) -> int:
    for index in (checkpoint.tokenizer.eos_token_id, getattr(checkpoint.model.config, "eos_token_id", None)):
        if isinstance(index, int):
            return index
    raise RunError(f"the tokenizer of {checkpoint.id!r} has no end token, which {objective} needs")


def _sentinels(checkpoint: Checkpoint) -> tuple[int, ...]:
    """The ids of the sentinels, by their number, as far as they go without a gap.

    mT5 has them in its vocabulary as plain pieces, with a mark for a space before them.
    """
    vocabulary: dict[str, int] = checkpoint.tokenizer.get_vocab()
    rows: Any = embedding_rows(checkpoint.model)
    found: list[int] = []
    while True:
        names = (f"<extra_id_{len(found)}>", f"▁<extra_id_{len(found)}>")
        index = next((vocabulary[name] for name in names if name in vocabulary), None)
        if index is None or (rows is not None and index >= rows):
            break
        found.append(index)
    if len(found) < 2:
        raise RunError(
            f"the tokenizer of {checkpoint.id!r} has no sentinels (<extra_id_0>, <extra_id_1>, …), "
            "which span-corruption needs; models without them were trained with another objective: --objective "
            "text-infilling needs a mask token, and translation aligned text"
        )
    return tuple(found)
