"""How alike the tokens of the languages are, next to how alike those of one language are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import sqrt

from interfere.doctor._tokenizer import LanguageText
from interfere.doctor._types import Check, Overlap

SAME = 0.95
"""A warning is due when two languages overlap this much of their ceilings."""

_FEWEST = 8
"""Documents without which a language has no halves to speak of."""


def overlap_rows(texts: Sequence[LanguageText]) -> tuple[Overlap, ...]:
    """Overlap of token frequencies, of every pair of languages and of every language with itself.

    With p and q the shares of each token among the tokens of two texts, it is Σ min(p, q): 1 less the Bray–Curtis
    dissimilarity of the shares (Bray and Curtis 1957, https://doi.org/10.2307/1942268), 1 where they are the same and 0
    where no token is shared. Two texts of one language stay below 1, the further the shorter they are; so halves of a
    sample are compared, every other document of one language with those between of the other, and the diagonal, a
    language's own two halves, is the ceiling.

    Args:
        texts: a sample of each language. Those with fewer than 8 documents have no rows.
    """
    halves = {each.facts.language: (_shares(each, 0), _shares(each, 1)) for each in texts if len(each.texts) >= _FEWEST}
    out = [Overlap(language, language, _common(*own)) for language, own in halves.items()]
    for (a, (a_even, a_odd)), (b, (b_even, b_odd)) in combinations(halves.items(), 2):
        out.append(Overlap(a, b, (_common(a_even, b_odd) + _common(a_odd, b_even)) / 2))
    return tuple(out)


def overlap_checks(rows: Sequence[Overlap]) -> Iterator[Check]:
    """Whether two languages look like one; no check where there are no two."""
    ceiling = {row.a: row.overlap for row in rows if row.a == row.b}
    pairs = [
        (row.overlap / sqrt(ceiling[row.a] * ceiling[row.b]), row)
        for row in rows
        if row.a != row.b and ceiling[row.a] * ceiling[row.b] > 0
    ]
    if not pairs:
        return
    pairs.sort(key=lambda pair: -pair[0])
    worst, closest = pairs[0]
    over = [row for ratio, row in pairs if ratio >= SAME]
    text = (
        f"Closest are {closest.a} and {closest.b}, whose tokens overlap {closest.overlap:.2f} ({worst:.0%} of what "
        "each does with itself)"
    )
    if not over:
        yield Check("vocabulary-overlap", "ok", f"{text}.", worst, SAME)
        return
    listed = "; ".join(f"{row.a} and {row.b}" for row in over[:4])
    yield Check(
        "vocabulary-overlap",
        "warn",
        f"{text}. To the tokenizer these look like one language: {listed}. Are they the same language, or is text of "
        "one among the other's? A tokenizer of bytes or characters may bring close languages this near.",
        worst,
        SAME,
        tuple(sorted({name for row in over for name in (row.a, row.b)})),
    )


def _shares(text: LanguageText, first: int) -> dict[int, float]:
    counts: Counter[int] = Counter()
    for each in text.texts[first::2]:
        counts.update(each.ids)
    total = sum(counts.values())
    return {token: count / total for token, count in counts.items()}


def _common(p: dict[int, float], q: dict[int, float]) -> float:
    few, many = sorted((p, q), key=len)
    return sum(min(share, many.get(token, 0.0)) for token, share in few.items())
