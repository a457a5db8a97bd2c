"""Whether the tokenizer is the model's, and what it makes of each language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from interfere.checkpoint import Checkpoint, embedding_module, embedding_rows
from interfere.corpus import Corpus, Document
from interfere.doctor._types import Check, LanguageFacts
from interfere.errors import RunError
from interfere.evaluation import TokenizedText, tokenize_whole
from interfere.objectives import Example, Objective

SAMPLE = 200
"""Documents of a language that are tokenized."""

UNKNOWN = (0.01, 0.1)
"""Shares of unknown tokens from which on there is a warning, and a failure."""

LOST = (0.02, 0.2)
"""The same for bytes that decoding does not give back: a tokenizer that lowers case or strips accents loses some."""

_UNFAIR = 5.0
"""A warning is due when a language needs this many times the tokens per byte of another one."""

_CUT = 0.25
"""A warning is due when this share of a language's documents is cut."""


@dataclass(frozen=True)
class LanguageText:
    """A sample of a language's documents, tokenized.

    Args:
        facts: what is known of it.
        texts: the documents as token ids, whole.
        examples: what the model would read of them, a list a document; None without an objective.
        refused: why a document cannot be read by the model, "" where all can.
    """

    facts: LanguageFacts
    texts: tuple[TokenizedText, ...]
    examples: tuple[tuple[Example, ...], ...]
    refused: str = ""


def spread(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many of several things, evenly spaced."""
    if len(items) <= most:
        return list(items)
    return [items[i * len(items) // most] for i in range(most)]


def tokenize_language(
    checkpoint: Checkpoint, corpus: Corpus, language: str, objective: Objective | None
) -> LanguageText:
    """Tokenize a sample of a language's documents.

    Args:
        checkpoint: whose tokenizer.
        corpus: the text.
        language: one of its languages.
        objective: makes examples of documents; None where the checkpoint has none that works.
    """
    documents: list[Document] = spread(corpus.documents[language], SAMPLE)
    texts: list[TokenizedText] = []
    examples: list[tuple[Example, ...]] = []
    kept: list[Document] = []
    refused = ""
    for document in documents:
        try:
            text = tokenize_whole(document, checkpoint)
            own = tuple(objective.encode(document, language)) if objective is not None else ()
        except RunError as error:
            refused = refused or str(error)
            continue
        texts.append(text)
        examples.append(own)
        kept.append(document)
    skipped = sum(corpus.skipped.get(language, {}).values())
    facts = LanguageFacts(language, len(corpus.documents[language]), skipped, len(kept))
    if kept:
        facts = _count(facts, kept, texts, examples, objective)
    return LanguageText(facts, tuple(texts), tuple(examples), refused)


def _count(
    facts: LanguageFacts,
    documents: Sequence[Document],
    texts: Sequence[TokenizedText],
    examples: Sequence[tuple[Example, ...]],
    objective: Objective | None,
) -> LanguageFacts:
    size = sum(len(document.text.encode()) for document in documents)
    visible = sum(len(c.encode()) for document in documents for c in document.text if not c.isspace())
    tokens = sum(len(text.ids) for text in texts)
    longest = objective.max_length if objective is not None else None
    lengths = [len(text.before) + len(text.ids) + len(text.after) for text in texts]
    return LanguageFacts(
        language=facts.language,
        documents=facts.documents,
        skipped=facts.skipped,
        sampled=facts.sampled,
        empty=None if objective is None else sum(not any(e.predictions for e in own) for own in examples),
        size=size,
        unknown=sum(text.unknown for text in texts) / max(1, tokens),
        lost=sum(text.lost_bytes for text in texts) / max(1, visible),
        tokens_per_byte=tokens / max(1, size),
        tokens_per_character=tokens / max(1, sum(len(document.text) for document in documents)),
        cut=None if longest is None else sum(length > longest for length in lengths) / len(lengths),
    )


def vocabulary_checks(checkpoint: Checkpoint) -> Iterator[Check]:
    """Whether tokenizer and model have the same tokens, and the special ones that are needed."""
    tokenizer = checkpoint.tokenizer
    rows = embedding_rows(checkpoint.model)
    added = set(tokenizer.added_tokens_decoder)
    ids = set(tokenizer.get_vocab().values())
    if rows is None:
        yield Check("vocabulary", "warn", "The model does not say which its embeddings are; ids cannot be compared.")
    else:
        beyond = sorted(index for index in ids if index >= rows)
        plain = [index for index in beyond if index not in added]
        counts = f"The tokenizer has {len(ids):,} tokens and the model {rows:,} embedding rows"
        if plain:
            yield Check(
                "vocabulary",
                "fail",
                f"{counts}: {len(plain):,} tokens, up to id {plain[-1]:,}, have none. It is not this model's "
                "tokenizer; give that with --tokenizer.",
                float(len(plain)),
            )
        elif beyond:
            names = tokenizer.convert_ids_to_tokens(beyond[:3])
            yield Check(
                "vocabulary",
                "warn",
                f"{counts}; {len(beyond)} added tokens have none ({', '.join(map(repr, names))}). Text that holds one "
                "is refused.",
                float(len(beyond)),
            )
        else:
            yield Check("vocabulary", "ok", f"{counts}: every token has one.", 0.0)
    yield _special_tokens(checkpoint)


def _special_tokens(checkpoint: Checkpoint) -> Check:
    tokenizer = checkpoint.tokenizer
    own = {name: getattr(tokenizer, f"{name}_token_id", None) for name in ("pad", "mask", "bos", "eos", "unk")}
    there = ", ".join(name for name, index in own.items() if index is not None) or "none"
    missing = ", ".join(name for name, index in own.items() if index is None)
    text = f"Special tokens: {there}{f'; not there: {missing}' if missing else ''}."
    side = f" Batches are padded on the right, though the tokenizer pads on the {tokenizer.padding_side}."
    text += side if tokenizer.padding_side != "right" else " Batches are padded on the right."
    # Where an embedding has a row for padding, the model was built for that id; a config's id alone says little.
    pad = getattr(embedding_module(checkpoint.model, "input"), "padding_idx", None)
    if own["pad"] is not None and pad is not None and pad != own["pad"]:
        return Check(
            "special-tokens",
            "warn",
            f"{text} The tokenizer pads with id {own['pad']} and the model's embeddings with {pad}: is it the model's "
            "own tokenizer?",
        )
    return Check("special-tokens", "ok", text)


def coverage_checks(texts: Sequence[LanguageText]) -> Iterator[Check]:
    """Unknown tokens, text that is lost, unequal lengths and cut documents, language by language."""
    refused = [each for each in texts if each.refused]
    if refused:
        yield Check(
            "token-ids",
            "fail",
            f"{_names(refused)}: the model cannot read all of the text. {refused[0].facts.language}: "
            f"{refused[0].refused}",
            float(len(refused)),
            languages=tuple(each.facts.language for each in refused),
        )
    known = [each for each in texts if each.texts]
    if not known:
        return
    yield _by_share(
        "unknown-tokens",
        [(each.facts.language, each.facts.unknown or 0.0) for each in known],
        UNKNOWN,
        "of the tokens are the unknown one",
        "The model does not see that text: leave the language out, or take a model whose tokenizer has its script.",
        "No language has an unknown token.",
        "Unknown tokens are at most {} of a language's.",
    )
    yield _by_share(
        "round-trip",
        [(each.facts.language, each.facts.lost or 0.0) for each in known],
        LOST,
        "of the bytes do not come back when tokens are decoded",
        "Case, accents or whole characters are dropped or replaced before the model sees them; compare such languages "
        "with care.",
        "Decoding gives back all of every language's text.",
        "Decoding gives back all but {} of every language's text.",
    )
    yield _fertility(known)
    yield _cuts(known)


def _names(texts: Sequence[LanguageText]) -> str:
    return ", ".join(each.facts.language for each in texts)


def _by_share(
    name: str,
    shares: Sequence[tuple[str, float]],
    limits: tuple[float, float],
    what: str,
    then: str,
    none: str,
    fine: str,
) -> Check:
    """The status of the worst language; those over the limit are named."""
    warn, fail = limits
    worst = max(share for _, share in shares)
    over = sorted((item for item in shares if item[1] >= warn), key=lambda item: -item[1])
    if not over:
        return Check(name, "ok", fine.format(f"{worst:.1%}") if worst else none, worst, warn)
    listed = ", ".join(f"{language} {share:.1%}" for language, share in over[:6])
    more = f" and {len(over) - 6} more" if len(over) > 6 else ""
    failed = worst >= fail
    return Check(
        name,
        "fail" if failed else "warn",
        f"{listed}{more} {what}. {then}",
        worst,
        fail if failed else warn,
        tuple(language for language, _ in over),
    )


def _fertility(texts: Sequence[LanguageText]) -> Check:
    """Tokens per byte of the languages (Petrov et al. 2023, arXiv 2305.15425, compare tokens of parallel text)."""
    rates = sorted((each.facts.tokens_per_byte or 0.0, each.facts.language) for each in texts)
    (least, few), (most, many) = rates[0], rates[-1]
    ratio = most / least if least > 0 else float("inf")
    text = f"{many} takes {most:.2f} tokens per byte and {few} {least:.2f}, {ratio:.1f} times as many"
    if ratio < _UNFAIR:
        return Check("fertility", "ok", f"{text}.", ratio, _UNFAIR)
    return Check(
        "fertility",
        "warn",
        f"{text}: chunks of as many tokens hold very different amounts of text. Compare transfer per byte, not per "
        "token.",
        ratio,
        _UNFAIR,
        (many, few),
    )


def _cuts(texts: Sequence[LanguageText]) -> Check:
    shares = [(each.facts.cut or 0.0, each.facts.language) for each in texts]
    worst = max(shares)[0]
    over = [language for share, language in shares if share >= _CUT]
    if not over:
        text = f"At most {worst:.1%} of a language's documents are cut." if worst else "No document is cut."
        return Check("cut-documents", "ok", text, worst, _CUT)
    return Check(
        "cut-documents",
        "warn",
        f"Up to {worst:.0%} of the documents of {', '.join(over)} are longer than --max-length and lose their end. "
        "Split them, or raise --max-length if the model takes more.",
        worst,
        _CUT,
        tuple(over),
    )
