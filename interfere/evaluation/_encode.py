"""From a document to the examples in which each of its tokens is predicted once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from interfere.checkpoint import Checkpoint
from interfere.corpus import Document
from interfere.errors import InputError
from interfere.evaluation._tokens import TokenizedText, tokenize_whole
from interfere.evaluation._windows import forward_windows, two_sided_windows
from interfere.evaluation._words import words_of_tokens
from interfere.objectives import (
    IGNORE,
    Example,
    SpanCorruption,
    TextInfilling,
    Translation,
    disjoint_passes,
    document_random,
    set_languages,
    shuffled,
)
from interfere.settings import EvaluationSettings


@dataclass(frozen=True)
class Encoded:
    """A document as one model is asked about it.

    Args:
        document: the text.
        examples: what the model reads; none where nothing can be predicted.
        tokens: how many tokens are predicted, each once.
        bytes: UTF-8 bytes of the text that they stand for.
        windows: into how many parts a long text was cut.
        unknown: tokens that stand for what the tokenizer does not know.
        lost_bytes: bytes of the text that the tokens do not give back.
        pieces: a digest of the tokens, in letters, by which two models are seen to cut the text alike.
    """

    document: Document
    examples: tuple[Example, ...]
    tokens: int
    bytes: int
    windows: int
    unknown: int
    lost_bytes: int
    pieces: str


def encode_document(
    document: Document, language: str, checkpoint: Checkpoint, objective: Any, settings: EvaluationSettings
) -> Encoded:
    """The examples of one document.

    Args:
        document: the text, whatever its length.
        language: what it was filed under.
        checkpoint: the model that will read it.
        objective: the model's, with the length of windows. If it has a method `translate` of a language and token
            ids, the model reads what that gives.
        settings: see `EvaluationSettings`.

    Raises:
        InputError: windows leave no room for text, or the tokenizer does not say where words are.
        RunError: the text holds a token that the model does not know.
    """
    if isinstance(objective, Translation):
        return _pair(document, language, checkpoint, objective)
    if isinstance(objective, TextInfilling):
        set_languages(checkpoint.tokenizer, language)
    text = tokenize_whole(document, checkpoint)
    room = objective.max_length - len(text.before) - len(text.after)
    stride = settings.stride if settings.stride is not None else max(1, room // 2)
    if room < 2 or stride > room:
        raise InputError(
            f"--max-length {objective.max_length} leaves room for {room} tokens of text in a window"
            + (f", which --stride {stride} must not exceed" if room >= 2 else "; give more")
        )
    if objective.name == "causal-lm":
        found = _causal(document, language, text, room + len(text.after), stride)
    elif objective.name == "masked-lm":
        mask_id = getattr(objective, "plain", objective).mask_id
        found = _masked(document, language, text, mask_id, room, stride, settings)
    elif isinstance(objective, SpanCorruption):
        found = _spans(document, language, text, objective, room)
    elif isinstance(objective, TextInfilling):
        found = _infilled(document, language, text, objective, room)
    else:
        raise InputError(f"bits per byte are not defined for objective {objective.name!r}")
    return _translated(found, language, objective) if hasattr(objective, "translate") else found


def _translated(encoded: Encoded, language: str, objective: Any) -> Encoded:
    """The same with the ids that a model reads which is told the language."""
    return replace(
        encoded,
        examples=tuple(
            replace(
                example,
                input_ids=objective.translate(language, example.input_ids),
                labels=objective.translate(language, example.labels),
            )
            for example in encoded.examples
        ),
    )


def _encoded(document: Document, text: TokenizedText, examples: list[Example], skipped: int, windows: int) -> Encoded:
    """`skipped` tokens at the start of the text are not predicted."""
    missing = text.ends[skipped - 1] if skipped and text.ends else 0
    whole = text.ends[-1] if text.ends else 0
    return Encoded(
        document,
        tuple(examples),
        tokens=len(text.ids) - skipped if examples else 0,
        bytes=whole - missing if examples else 0,
        windows=windows,
        unknown=text.unknown,
        lost_bytes=text.lost_bytes,
        pieces=text.digest,
    )


def _causal(document: Document, language: str, text: TokenizedText, size: int, stride: int) -> Encoded:
    """No end token is added; without a token before the text, the text's first one is not predicted."""
    skipped = 0 if text.before else 1
    windows = forward_windows(len(text.ids), size, min(stride, size))
    examples = []
    for window in windows:
        first = max(window.first, skipped)
        if first >= window.last:
            continue
        ids = text.ids[window.start : window.end]
        labels = [*ids]
        labels[: first - window.start] = [IGNORE] * (first - window.start)
        examples.append(
            Example(
                document,
                language,
                input_ids=(*text.before, *ids),
                labels=(*(IGNORE for _ in text.before), *labels),
                predictions=window.last - first,
                covered_bytes=text.ends[window.last - 1] - (text.ends[first - 1] if first else 0),
            )
        )
    return _encoded(document, text, examples, skipped, len(windows))


def _masked(
    document: Document,
    language: str,
    text: TokenizedText,
    mask_id: int,
    room: int,
    stride: int,
    settings: EvaluationSettings,
) -> Encoded:
    """Every token is masked once, with those of its set; sets differ by one in size at most."""
    if settings.whole_word:
        if text.spans is None:
            raise InputError("--whole-word needs a fast tokenizer, which says which characters its tokens stand for")
        word_of = words_of_tokens(document.text, text.spans)
    else:
        word_of = list(range(len(text.ids)))
    windows = two_sided_windows(len(text.ids), room, stride)
    source = document_random(document, settings.seed, "bits-per-byte")
    examples = []
    for window in windows:
        words = sorted(set(word_of[window.first : window.last]))
        order = shuffled(len(words), source)
        passes = min(settings.mask_passes or len(words), len(words))
        turn = {words[index]: place % passes for place, index in enumerate(order)}
        ids = text.ids[window.start : window.end]
        for now in range(passes):
            # A word may reach over the edge of what the window predicts; it is hidden as a whole.
            hidden = [turn.get(word_of[window.start + position]) == now for position in range(len(ids))]
            scored = [
                flag and window.first <= window.start + position < window.last for position, flag in enumerate(hidden)
            ]
            inputs = [mask_id if flag else token for token, flag in zip(ids, hidden, strict=True)]
            labels = [token if flag else IGNORE for token, flag in zip(ids, scored, strict=True)]
            examples.append(
                Example(
                    document,
                    language,
                    input_ids=(*text.before, *inputs, *text.after),
                    labels=(*(IGNORE for _ in text.before), *labels, *(IGNORE for _ in text.after)),
                    predictions=sum(scored),
                    covered_bytes=0,
                )
            )
    return _encoded(document, text, examples, 0, len(windows))


def _spans(document: Document, language: str, text: TokenizedText, objective: SpanCorruption, room: int) -> Encoded:
    """Consecutive windows; each is corrupted in as many passes as take out nearly all of it once.

    The loss of sentinels and end tokens counts: the decoder's loss is what such a model is trained for. The bytes are
    those of the tokens that were taken out.
    """
    after = text.after if text.after and text.after[-1] == objective.eos_id else (*text.after, objective.eos_id)
    source = document_random(document, objective.seed, objective.name)
    examples: list[Example] = []
    tokens = covered = 0
    windows = _equal_parts(len(text.ids), room)
    for start, end in windows:
        if end - start < 2:
            continue
        for taken in objective.passes_over(end - start, source):
            inputs, targets = objective.corrupt(text.ids[start:end], taken)
            size = sum(text.ends[start + i] - (text.ends[start + i - 1] if start + i else 0) for i in taken)
            examples.append(
                Example(
                    document,
                    language,
                    input_ids=(*text.before, *inputs, *after),
                    labels=(*targets, objective.eos_id),
                    predictions=len(targets) + 1,
                    covered_bytes=size,
                )
            )
            tokens, covered = tokens + len(taken), covered + size
    return Encoded(document, tuple(examples), tokens, covered, len(windows), text.unknown, text.lost_bytes, text.digest)


def _infilled(document: Document, language: str, text: TokenizedText, objective: TextInfilling, room: int) -> Encoded:
    """Consecutive windows, each given back as often as there are disjoint sets of spans to hide in it.

    The loss of the special tokens around a window counts: the decoder's loss is what such a model is trained for.
    """
    source = document_random(document, objective.seed, objective.name)
    examples: list[Example] = []
    tokens = covered = 0
    windows = _equal_parts(len(text.ids), room)
    for start, end in windows:
        if end - start < 2:
            continue
        ids, size = text.ids[start:end], text.ends[end - 1] - (text.ends[start - 1] if start else 0)
        for taken in disjoint_passes(len(ids), source, rate=objective.rate, passes=objective.passes):
            labels = (*text.before, *ids, *text.after)
            examples.append(
                Example(
                    document,
                    language,
                    input_ids=(*text.before, *objective.hide(ids, taken), *text.after),
                    labels=labels,
                    predictions=len(labels),
                    covered_bytes=size,
                )
            )
            tokens, covered = tokens + len(ids), covered + size
    return Encoded(document, tuple(examples), tokens, covered, len(windows), text.unknown, text.lost_bytes, text.digest)


def _pair(document: Document, language: str, checkpoint: Checkpoint, objective: Translation) -> Encoded:
    """A document and its translation, whole; what is too long for the model is cut, as both sides have to be."""
    text = tokenize_whole(document, checkpoint)
    examples = tuple(objective.encode(document, language))
    special = len(text.before) + len(text.after)
    return Encoded(
        document,
        examples,
        tokens=sum(example.predictions - special for example in examples),
        bytes=sum(example.covered_bytes for example in examples),
        windows=len(examples),
        unknown=text.unknown,
        lost_bytes=text.lost_bytes,
        pieces=text.digest,
    )


def _equal_parts(count: int, size: int) -> list[tuple[int, int]]:
    """As few consecutive parts of at most `size` as there can be, of nearly one length."""
    parts = -(-count // size)
    return [(count * part // parts, count * (part + 1) // parts) for part in range(parts)]
