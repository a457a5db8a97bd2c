"""What a reader has to know before believing a number of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.runs import model_warnings, text_warnings

_HALF = 0.5
_FEW = 0.02
"""A warning is due when half of the squared norm lies in fewer than this share of the tensors (at least one)."""


def result_warnings(
    tensors: pd.DataFrame,
    data: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
    failed: Mapping[str, str],
    energies: Mapping[str, NDArray[np.float64]],
    lines: Mapping[str, Sequence[str]],
    losses: Mapping[str, float],
    guessing: float | None,
) -> list[str]:
    """Sentences, the gravest first.

    Args:
        tensors: the table `tensors`.
        data: what was read per language.
        settings: as recorded in the result.
        failed: language → why it has no numbers.
        energies: metric → shape (L, K): squared norms of the chunk gradients, languages in the order of `data`.
        lines: language → for each of its K chunks, which lines its documents stand on, in words.
        losses: language → mean loss of a prediction, in nats.
        guessing: the loss of guessing every token alike; None where the loss is not one of tokens.
    """
    out = model_warnings(failed, losses, guessing)
    if settings["chunks"] < 4:
        out.append(
            f"{settings['chunks']} chunks give no intervals, so every verdict is undetermined: give at least 4 "
            "--chunks."
        )
    for metric in settings["metrics"]:
        out += _norm_owners(tensors[tensors["metric"] == metric], metric)
        out += _heavy_chunks(energies[metric], lines, metric)
    return out + text_warnings(data, settings)


def _norm_owners(tensors: pd.DataFrame, metric: str) -> list[str]:
    """A sentence if a few tensors own most of the gradient."""
    ranked = tensors.dropna(subset=["norm_share"]).sort_values("norm_share", ascending=False, kind="stable")
    if len(ranked) < 8 or metric == "per-tensor":
        return []
    total = ranked["norm_share"].cumsum()
    count = int((total < _HALF).sum()) + 1
    if count > max(1, _FEW * len(ranked)):
        return []
    owners = ", ".join(ranked["tensor"].iloc[:count])
    return [
        f"{count} of {len(ranked)} tensors own {total.iloc[count - 1]:.0%} of the squared gradient norm ({metric}): "
        f"{owners}. The cosine of the body is mostly theirs; compare the layers, or --metric per-tensor."
    ]


def _heavy_chunks(energies: NDArray[np.float64], lines: Mapping[str, Sequence[str]], metric: str) -> list[str]:
    """A sentence for each language of which one chunk owns most of the gradient."""
    out = []
    for (language, where), own in zip(lines.items(), energies, strict=True):
        if len(own) < 4 or not np.isfinite(own).all() or not own.sum() > 0:
            continue
        heaviest = int(own.argmax())
        share = own[heaviest] / own.sum()
        if share > _HALF:
            out.append(
                f"One of {len(own)} chunks of {language} owns {share:.0%} of its squared gradient norm ({metric}): see "
                f"{where[heaviest]}. A single odd document can do that; what is said of {language} is uncertain."
            )
    return out
