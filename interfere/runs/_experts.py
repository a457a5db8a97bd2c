"""Which language reached which expert of a mixture, as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.checkpoint import Expert


def expert_table(experts: Sequence[Expert], seen: NDArray[np.bool_], languages: Sequence[str]) -> pd.DataFrame:
    """How many chunks reached each expert.

    Args:
        experts: E experts.
        seen: shape (E, L, K): whether a chunk gave the expert a gradient.
        languages: L names.

    Returns:
        One row per expert and language: `layer`, `expert`, `language`, `chunks_seen` of `chunks`.
    """
    counts = seen.sum(axis=2)
    return pd.DataFrame(
        [
            {
                "layer": expert.layer,
                "expert": expert.name,
                "language": language,
                "chunks_seen": int(counts[e, row]),
                "chunks": seen.shape[2],
            }
            for e, expert in enumerate(experts)
            for row, language in enumerate(languages)
        ],
        columns=["layer", "expert", "language", "chunks_seen", "chunks"],
    )


_NAMED = 3
"""Pairs that a warning names."""


def unshared_warnings(overlap: pd.DataFrame) -> list[str]:
    """A sentence if there are pairs of languages that have no expert of a layer in common.

    Args:
        overlap: as of `expert_overlap_table`.
    """
    apart = overlap[overlap["both"] == 0]
    counts = Counter(zip(apart["a"].tolist(), apart["b"].tolist(), strict=True))
    if not counts:
        return []
    layers = overlap["layer"].nunique()
    named = [f"{a} and {b} in {count} of {layers} layers" for (a, b), count in counts.most_common(_NAMED)]
    more = [f"{len(counts) - _NAMED} more pairs"] if len(counts) > _NAMED else []
    return [
        f"Some languages have no expert in common: {', '.join([*named, *more])}. Of their experts there nothing can "
        "be compared, and over a layer or the body their cosine is nearer to 0 for that."
    ]


def expert_overlap_table(experts: Sequence[Expert], seen: NDArray[np.bool_], languages: Sequence[str]) -> pd.DataFrame:
    r"""How much two languages reach the same experts of a layer.

    `jaccard` is that of the sets of experts that any chunk reached; `chunk_jaccard` is Σ min(p, q) / Σ max(p, q) over
    the shares p and q of each language's chunks that reached an expert (Ružička's index, for sets the same).

    Args:
        experts: E experts.
        seen: shape (E, L, K).
        languages: L names.

    Returns:
        One row per layer and pair of languages: `a`, `b`, `layer`, `experts`, `reached_a`, `reached_b`, `both`,
        `jaccard`, `chunk_jaccard`.
    """
    rows = []
    shares = seen.mean(axis=2)
    for layer in dict.fromkeys(expert.layer for expert in experts):
        own = shares[[e for e, expert in enumerate(experts) if expert.layer == layer]]
        for a, b in combinations(range(len(languages)), 2):
            p, q = own[:, a], own[:, b]
            either, most = int(((p > 0) | (q > 0)).sum()), float(np.maximum(p, q).sum())
            both = int(((p > 0) & (q > 0)).sum())
            rows.append(
                {
                    "a": languages[a],
                    "b": languages[b],
                    "layer": layer,
                    "experts": len(own),
                    "reached_a": int((p > 0).sum()),
                    "reached_b": int((q > 0).sum()),
                    "both": both,
                    "jaccard": both / either if either else np.nan,
                    "chunk_jaccard": float(np.minimum(p, q).sum()) / most if most else np.nan,
                }
            )
    columns = ["a", "b", "layer", "experts", "reached_a", "reached_b", "both", "jaccard", "chunk_jaccard"]
    return pd.DataFrame(rows, columns=columns)
