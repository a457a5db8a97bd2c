"""Whether there is enough text for the chunks that are asked for, and which of it is alike."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import combinations

from interfere.corpus import Corpus, deal_slots
from interfere.doctor._tokenizer import LanguageText
from interfere.doctor._types import Check, LanguageFacts, SharedText
from interfere.engine import Chunk, plan_chunk
from interfere.errors import RunError
from interfere.objectives import Classification, Objective
from interfere.settings import GradientSettings

_SHORT = 0.5
"""A warning is due when chunks have less than this share of the tokens that they may have and text ran out."""

_SKIPPED = 0.1
"""A warning is due when this share of a language's documents was left out when the text was read."""

ALIKE = (0.05, 0.5)
"""Shares of documents that two languages have alike from which on there is a warning, and a failure."""


@dataclass(frozen=True)
class Plan:
    """The chunks that a run would read.

    Args:
        chunks: (language, slot) → chunk, those that could be made.
        calibration: language → its calibration chunk, where one is needed.
        refused: language → why it has fewer chunks; "" for all of them together.
        predicted: what is counted.
    """

    chunks: Mapping[tuple[str, int], Chunk]
    calibration: Mapping[str, Chunk]
    refused: Mapping[str, str]
    predicted: str = "predicted tokens"


def plan(corpus: Corpus, objective: Objective, settings: GradientSettings, *, calibration: bool) -> Plan:
    """Deal the text into chunks as `analyze_gradients` does, but for languages that have too little of it."""
    try:
        deal = deal_slots(corpus, settings.chunks, settings.seed)
    except RunError as error:
        return Plan({}, {}, {"": str(error)})
    chunks: dict[tuple[str, int], Chunk] = {}
    held_out: dict[str, Chunk] = {}
    refused: dict[str, str] = {}
    for language, slots in deal.slots.items():
        try:
            for slot, documents in enumerate(slots):
                chunks[language, slot] = plan_chunk(objective, documents, language, slot, settings.tokens_per_chunk)
            if calibration:
                held_out[language] = plan_chunk(
                    objective, deal.calibration[language], language, None, settings.tokens_per_chunk
                )
        except RunError as error:
            refused[language] = str(error)
    return Plan(chunks, held_out, refused, "labels" if isinstance(objective, Classification) else "predicted tokens")


def with_chunk_tokens(facts: LanguageFacts, planned: Plan) -> LanguageFacts:
    """The same, with the predicted tokens of the language's chunks."""
    own = [chunk.predictions for (language, _), chunk in planned.chunks.items() if language == facts.language]
    return replace(facts, chunk_tokens=sum(own) / len(own)) if own else facts


def text_checks(texts: Sequence[LanguageText], planned: Plan, settings: GradientSettings) -> Iterator[Check]:
    """Documents left out, documents too short, and chunks."""
    yield _skipped([each.facts for each in texts])
    yield _empty([each.facts for each in texts])
    yield _chunks(planned, settings)


def shared_texts(corpus: Corpus) -> tuple[SharedText, ...]:
    """Which languages have documents alike, and which repeat their own; pairs with most first."""
    exact: defaultdict[bytes, set[str]] = defaultdict(set)
    rough: defaultdict[bytes, set[str]] = defaultdict(set)
    repeats: dict[str, int] = {}
    for language, documents in corpus.documents.items():
        seen: set[bytes] = set()
        for document in documents:
            exact[_digest(document.text)].add(language)
            seen.add(_digest(_normalised(document.text)))
        for digest in seen:
            rough[digest].add(language)
        repeats[language] = len(documents) - len(seen)
    same, alike = _pair_counts(exact.values()), _pair_counts(rough.values())
    out = [
        SharedText(a, b, same.get((a, b), 0), count, count / min(len(corpus.documents[a]), len(corpus.documents[b])))
        for (a, b), count in alike.items()
    ]
    # Word for word, a language never repeats itself: such documents were left out when the text was read.
    out += [
        SharedText(language, language, 0, count, count / len(corpus.documents[language]))
        for language, count in repeats.items()
        if count
    ]
    return tuple(sorted(out, key=lambda row: (-row.share, row.a, row.b)))


def shared_checks(shared: Sequence[SharedText]) -> Iterator[Check]:
    """Documents that are alike within a language, and in two."""
    within = [row for row in shared if row.a == row.b]
    across = [row for row in shared if row.a != row.b]
    worst = max((row.share for row in within), default=0.0)
    over = [row for row in within if row.share >= ALIKE[0]]
    if over:
        listed = ", ".join(f"{row.a} {row.share:.0%}" for row in over[:6])
        yield Check(
            "repeated-documents",
            "warn",
            f"Documents that differ in case, white space or Unicode form alone: {listed}. They are counted as "
            "independent and may be dealt into different chunks, so intervals are too narrow. Remove repeats.",
            worst,
            ALIKE[0],
            tuple(row.a for row in over),
        )
    else:
        yield Check(
            "repeated-documents",
            "ok",
            f"At most {worst:.1%} of a language's documents repeat another one but for case and white space."
            if worst
            else "No document repeats another one of its language.",
            worst,
            ALIKE[0],
        )
    yield _across(across)


def _across(rows: Sequence[SharedText]) -> Check:
    worst = max((row.share for row in rows), default=0.0)
    over = [row for row in rows if row.share >= ALIKE[0]]
    if not over:
        text = f"No two languages have more than {worst:.1%} of their documents alike." if rows else ""
        return Check("shared-documents", "ok", text or "No two languages have a document alike.", worst, ALIKE[0])
    failed = worst >= ALIKE[1]
    listed = "; ".join(f"{row.a} and {row.b}: {row.normalised:,} ({row.share:.0%})" for row in over[:4])
    more = f"; and {len(over) - 4} more pairs" if len(over) > 4 else ""
    then = (
        "Is one file there under two names? What is said of such a pair is about one text."
        if failed
        else "Their cosine is in part that of one text with itself: remove what is not in its language."
    )
    return Check(
        "shared-documents",
        "fail" if failed else "warn",
        f"The same documents in two languages: {listed}{more}. {then}",
        worst,
        ALIKE[1] if failed else ALIKE[0],
        tuple(sorted({name for row in over for name in (row.a, row.b)})),
    )


def _skipped(facts: Sequence[LanguageFacts]) -> Check:
    shares = {each.language: each.skipped / max(1, each.skipped + each.documents) for each in facts}
    worst = max(shares.values())
    over = [language for language, share in shares.items() if share >= _SKIPPED]
    total = sum(each.documents for each in facts)
    text = f"{total:,} documents in {len(facts)} languages, at least {min(each.documents for each in facts):,} each"
    if not over:
        return Check("documents", "ok", f"{text}.", worst, _SKIPPED)
    listed = ", ".join(f"{language} {shares[language]:.0%}" for language in over[:6])
    return Check(
        "documents",
        "warn",
        f"{text}. Blank or repeated and left out: {listed}. Look at how the text was made.",
        worst,
        _SKIPPED,
        tuple(over),
    )


def _empty(facts: Sequence[LanguageFacts]) -> Check:
    shares = {each.language: (each.empty or 0) / each.sampled for each in facts if each.sampled}
    worst = max(shares.values(), default=0.0)
    over = [language for language, share in shares.items() if share >= _SKIPPED]
    if not over:
        return Check(
            "short-documents",
            "ok",
            f"At most {worst:.1%} of a language's documents are too short to predict a token in."
            if worst
            else "No document is too short to predict a token in.",
            worst,
            _SKIPPED,
        )
    listed = ", ".join(f"{language} {shares[language]:.0%}" for language in over[:6])
    nothing = worst == 1
    return Check(
        "short-documents",
        "fail" if nothing else "warn",
        f"Documents too short to predict a token in: {listed}. "
        + ("Join short ones: a language without predictions has no gradient." if nothing else "They are left out."),
        worst,
        1.0 if nothing else _SKIPPED,
        tuple(over),
    )


def _chunks(planned: Plan, settings: GradientSettings) -> Check:
    wanted = settings.tokens_per_chunk
    if planned.refused:
        first = next(iter(planned.refused.values()))
        return Check("chunks", "fail", first, languages=tuple(name for name in planned.refused if name))
    means: dict[str, float] = {}
    short: list[str] = []
    for language in dict.fromkeys(language for language, _ in planned.chunks):
        own = [chunk for (name, _), chunk in planned.chunks.items() if name == language]
        means[language] = sum(chunk.predictions for chunk in own) / len(own)
        if means[language] < _SHORT * wanted and not sum(chunk.unused for chunk in own):
            short.append(language)
    least = min(means.values())
    text = f"{settings.chunks} chunks a language, of {least:,.0f} to {max(means.values()):,.0f} {planned.predicted}"
    if settings.chunks < 4:
        return Check("chunks", "warn", f"{text}: with fewer than 4 chunks no verdict is possible.", least)
    if short:
        return Check(
            "chunks",
            "warn",
            f"{text}, where --tokens-per-chunk allows {wanted:,}: all text of "
            f"{'every language' if len(short) == len(means) else ', '.join(short)} is used up, and intervals will be "
            "wide. Give more text, or more --mask-passes where tokens are masked.",
            least,
            _SHORT * wanted,
            tuple(short),
        )
    return Check("chunks", "ok", f"{text}.", least, _SHORT * wanted)


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def _normalised(text: str) -> str:
    """Without what the eye overlooks: compatibility forms (NFKC), case, and amounts of white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _pair_counts(groups: Iterable[set[str]]) -> dict[tuple[str, str], int]:
    counts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for names in groups:
        for pair in combinations(sorted(names), 2):
            counts[pair] += 1
    return counts
