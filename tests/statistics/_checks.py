"""Draws with a known truth, and properties that hold for every Gram."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.statistics import Tables, gram_tables

Floats = NDArray[np.float64]

STRINGS = ("a", "b", "language", "group", "metric", "verdict", "reason")


def gram_of(vectors: Floats) -> Floats:
    """(G, L, K, L, K) from chunk vectors (G, L, K, D)."""
    return np.einsum("glkd,gmnd->glkmn", vectors, vectors, optimize=True)


def draw_vectors(
    seed: int, *, groups: int = 1, languages: int = 3, slots: int = 6, size: int = 40, share: float = 0.5
) -> Floats:
    """(G, L, K, D) chunk vectors: unrelated signals, isotropic noise, unequal lengths per language."""
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((groups, languages, 1, size)) / np.sqrt(size)
    noise = rng.standard_normal((groups, languages, slots, size)) / np.sqrt(size)
    common = rng.standard_normal((groups, 1, 1, size)) / np.sqrt(size)
    length = 1 + np.arange(languages)[None, :, None, None]
    return length * (np.sqrt(share) * (signal + 0.5 * common) + np.sqrt(1 - share) * noise)


def names(count: int) -> list[str]:
    return [f"l{i:02d}" for i in range(count)]


def tables(gram: Floats, **options: object) -> Tables:
    """`gram_tables` with names made up."""
    groups = [f"g{i}" for i in range(len(gram))]
    return gram_tables(gram, languages=names(gram.shape[1]), groups=groups, **options)  # type: ignore[arg-type]


def row(table: pd.DataFrame, **where: object) -> pd.Series:
    """The one row of a table that has these values."""
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def assert_same(left: pd.DataFrame, right: pd.DataFrame, *, but: dict[str, float] | None = None) -> None:
    """Two tables agree to rounding; the columns in `but` differ by a factor."""
    assert list(left.columns) == list(right.columns)
    for column in left.columns:
        if column in STRINGS:
            assert list(left[column]) == list(right[column]), column
        else:
            factor = (but or {}).get(column, 1.0)
            np.testing.assert_allclose(
                factor * left[column].to_numpy(float),
                right[column].to_numpy(float),
                rtol=1e-7,
                atol=1e-9,
                err_msg=column,
            )


def check_slots_are_exchangeable(gram: Floats, **options: object) -> None:
    """Slots have no order."""
    order = np.random.default_rng(5).permutation(gram.shape[2])
    mixed = gram[:, :, order][:, :, :, :, order]
    one, other = tables(gram, **options), tables(mixed, **options)
    assert_same(one.pairs, other.pairs)
    assert_same(one.self_, other.self_)
    assert_same(one.groups, other.groups)


def check_languages_are_exchangeable(gram: Floats) -> None:
    """Languages listed in reverse give the same values, a and b exchanged."""
    labels = names(gram.shape[1])
    groups = [f"g{i}" for i in range(len(gram))]
    one = gram_tables(gram, languages=labels, groups=groups)
    other = gram_tables(gram[:, ::-1, :, ::-1], languages=labels[::-1], groups=groups)
    swapped = other.pairs.rename(
        columns={"a": "b", "b": "a", "transfer_ab": "transfer_ba", "transfer_ba": "transfer_ab"}
    )
    swapped = swapped.rename(
        columns={"transfer_bytes_ab": "transfer_bytes_ba", "transfer_bytes_ba": "transfer_bytes_ab"}
    )
    by = ["group", "a", "b"]
    assert_same(one.pairs.sort_values(by), swapped[one.pairs.columns].sort_values(by))
    by = ["group", "language"]
    assert_same(one.self_.sort_values(by), other.self_.sort_values(by))
    assert_same(one.groups, other.groups)


def check_scale_is_free(gram: Floats) -> None:
    """All gradients times 1,000 change nothing but the norms."""
    one, other = tables(gram), tables(1e6 * gram)
    assert_same(one.pairs, other.pairs)
    assert_same(one.self_, other.self_, but={"norm": 1e3})
    assert_same(one.groups, other.groups)


def check_language_scale_is_free(gram: Floats) -> None:
    """One language's gradients times 7 change no cosine, interval, test or verdict."""
    scale = np.ones(gram.shape[1])
    scale[1] = 7
    other = tables(gram * scale[None, :, None, None, None] * scale[None, None, None, :, None])
    columns = ["a", "b", "cosine", "corrected", "ci_low", "ci_high", "p_value", "q_value", "verdict", "reason"]
    assert_same(tables(gram).pairs[columns], other.pairs[columns])
    columns = ["language", "self_similarity", "ci_low", "ci_high"]
    assert_same(tables(gram).self_[columns], other.self_[columns])
