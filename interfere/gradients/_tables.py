"""From Gram matrices to the tables of a result; needs neither the model nor PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.statistics import Reached, SketchParts, Tables, gram_tables

BODY = "body"


@dataclass(frozen=True)
class ChunkFacts:
    """What was counted per chunk, each of shape (L, K)."""

    tokens: NDArray[np.int64]
    covered_bytes: NDArray[np.int64]
    documents: NDArray[np.int64]
    loss: NDArray[np.float64]


@dataclass(frozen=True)
class Parts:
    """The groups that Gram matrices were computed for.

    Args:
        names: G names, in the model's order.
        parameters: G counts.
        sizes: shape (P,): buckets of each part's sketch, infinite where it is exact.
        members: for each group its parts, which Gram matrices were computed for; by default one each.
        seen: shape (P, L, K): which chunks reached the experts of a part; None where no part is an expert's.
    """

    names: Sequence[str]
    parameters: Sequence[int]
    sizes: NDArray[np.float64]
    members: Sequence[Sequence[int]] | None = None
    seen: NDArray[np.bool_] | None = None


def metric_tables(
    gram: NDArray[np.float64],
    parts: Parts,
    facts: ChunkFacts,
    languages: Sequence[str],
    metric: str,
    *,
    margin: float,
    mixture: Mapping[str, float] | None,
    failed: Mapping[str, str],
) -> Tables:
    """Tables of one metric: the rows of the body, then those of its groups.

    The body's Gram matrix is the sum of its groups', which is exact for whole gradients; for sketches its error is
    smaller than that of one sketch of the body, since every group has buckets of its own. Body and groups are two
    families for the q-values.

    Args:
        gram: shape (P, L, K, L, K).
        parts: what the groups and their P parts are.
        facts: counts per chunk.
        languages: L names.
        metric: the metric's name.
        margin: see `GradientSettings`.
        mixture: weights of the training mixture, or None.
        failed: language → why it has no numbers.
    """
    body = gram.sum(axis=0, keepdims=True)
    energy = np.einsum("lklk->lk", body[0]).mean(axis=1)
    sketched = bool(np.isfinite(parts.sizes).any())
    levels = []
    members_ = [[i] for i in range(len(gram))] if parts.members is None else [list(own) for own in parts.members]
    # A step of training moves all parameters, whichever experts were reached: only below the body are they compared
    # expert by expert.
    reached = None if parts.seen is None else Reached(gram, members_, parts.seen)
    for level_gram, names, parameters, members, seen in (
        (body, [BODY], [sum(parts.parameters)], [list(range(len(gram)))], None),
        (group_grams(gram, parts.members), list(parts.names), list(parts.parameters), members_, reached),
    ):
        levels.append(
            gram_tables(
                level_gram,
                languages=languages,
                groups=names,
                metric=metric,
                tokens=facts.tokens,
                bytes_=facts.covered_bytes,
                documents=facts.documents,
                loss=facts.loss,
                parameters=parameters,
                margin=margin,
                mixture=None if mixture is None else np.array([mixture[name] for name in languages]),
                sketch=SketchParts(gram, members, parts.sizes) if sketched else None,
                reference=energy,
                failed=failed,
                reached=seen,
            )
        )
    return join_tables(levels)


def group_grams(gram: NDArray[np.float64], members: Sequence[Sequence[int]] | None) -> NDArray[np.float64]:
    """The Gram matrices of groups, each the sum of its parts'.

    Args:
        gram: shape (P, L, K, L, K).
        members: for each of G groups its parts; None: one each.
    """
    if members is None:
        return gram
    return np.stack([gram[list(own)].sum(axis=0) for own in members])


def join_tables(tables: Sequence[Tables]) -> Tables:
    """Rows under rows."""

    def join(frames: list[pd.DataFrame]) -> pd.DataFrame:
        # Columns without a single number would make pandas guess a type; records keep what is there.
        rows = [row for frame in frames for row in frame.to_dict(orient="records")]
        return pd.DataFrame(rows, columns=list(frames[0].columns))

    return Tables(
        pairs=join([t.pairs for t in tables]),
        self_=join([t.self_ for t in tables]),
        groups=join([t.groups for t in tables]),
    )


def tensor_table(
    energies: NDArray[np.float64],
    names: Sequence[str],
    layers: Sequence[str],
    kinds: Sequence[str],
    parameters: Sequence[int],
    languages: Sequence[str],
    metric: str,
) -> pd.DataFrame:
    """How much of the squared norm each tensor owns.

    Args:
        energies: shape (L, K, T): squared norms of chunk gradients, NaN for languages that failed.
        names: T tensors, with their `layers`, `kinds` and numbers of `parameters`.
        languages: L names.
        metric: the metric's name.

    Returns:
        One row per tensor; `norm_share` is the mean over languages, `max_share` the largest, of `max_language`.
    """
    mean = energies.mean(axis=1)
    total = mean.sum(axis=1, keepdims=True)
    share = np.divide(mean, total, out=np.full_like(mean, np.nan), where=total > 0)
    good = np.isfinite(share).all(axis=1)
    rows = share[good]
    own = [language for language, ok in zip(languages, good, strict=True) if ok]
    blank = np.full(len(names), np.nan)
    return pd.DataFrame(
        {
            "tensor": list(names),
            "layer": list(layers),
            "kind": list(kinds),
            "parameters": list(parameters),
            "metric": metric,
            "norm_share": rows.mean(axis=0) if own else blank,
            "max_share": rows.max(axis=0) if own else blank,
            "max_language": [own[i] for i in rows.argmax(axis=0)] if own else "",
        }
    )
