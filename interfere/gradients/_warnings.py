"""What a reader has to know before believing a number of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

_HALF = 0.5
_FEW = 0.02
"""A warning is due when half of the squared norm lies in fewer than this share of the tensors (at least one)."""


def result_warnings(
    tensors: pd.DataFrame,
    data: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
    failed: Mapping[str, str],
) -> list[str]:
    """Sentences, the gravest first.

    Args:
        tensors: the table `tensors`.
        data: what was read per language.
        settings: as recorded in the result.
        failed: language → why it has no numbers.
    """
    out = [f"{language} has no numbers: {reason}." for language, reason in failed.items()]
    if settings["chunks"] < 4:
        out.append(
            f"{settings['chunks']} chunks give no intervals, so every verdict is undetermined: give at least 4 "
            "--chunks."
        )
    for metric in settings["metrics"]:
        out += _norm_owners(tensors[tensors["metric"] == metric], metric)
    for language, facts in data.items():
        if facts["cut"]:
            out.append(
                f"{facts['cut']} of {facts['documents']} documents of {language} were cut at {settings['max_length']} "
                "tokens (--max-length)."
            )
        for reason, count in facts["skipped"].items():
            out.append(f"{count} documents of {language} were skipped: {reason}.")
    return out


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
