"""Results made by hand, with whatever numbers a test wants in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from interfere.results import Result

Value = Callable[[str, str, str, str], tuple[float, str]]
"""(a, b, group, metric) → (corrected cosine, verdict)."""

FAMILIES = 4


def families(seed: int = 0, undetermined: float = 0.1, conflict: float = -0.2) -> Value:
    """Languages in families by their position in the alphabet: alike within, less or opposed between."""
    from zlib import crc32

    def value(a: str, b: str, group: str, metric: str) -> tuple[float, str]:
        rng = np.random.default_rng(crc32(f"{seed} {a} {b} {group} {metric}".encode("utf-8", "replace")))
        fa, fb = crc32(a.encode("utf-8", "replace")) % FAMILIES, crc32(b.encode("utf-8", "replace")) % FAMILIES
        middle = 0.6 if fa == fb else {1: 0.3, 2: 0.0, 3: conflict}[abs(fa - fb)]
        c = float(middle + 0.08 * rng.standard_normal())
        if rng.random() < undetermined:
            return c, "undetermined"
        if abs(c) < 0.04:
            return c, "neutral"
        return c, "aligned" if c > 0 else "conflict"

    return value


def constant(c: float, verdict: str) -> Value:
    return lambda a, b, group, metric: (c, verdict)


def layers(n: int) -> list[str]:
    return [f"encoder.{i}" for i in range(n)]


def make_result(
    languages: Sequence[str],
    value: Value | None = None,
    groups: Sequence[str] = ("encoder.0", "encoder.1"),
    metrics: Sequence[str] = ("euclidean",),
    *,
    reason: str = "the interval contains 0 and is wider than the margin",
    settle: float | Callable[[int], float] = 12_345.0,
    half_width: float = 0.1,
    rho: Callable[[int], float] = lambda i: 0.2 + 0.5 * ((i * 7) % 11) / 11,
    common_share: float = 0.5,
    mixture_residual: float = 0.4,
    model_id: str = "some/model-134m",
    granularity: str = "layer",
    gram: str = "exact",
    scope: str = "body",
    warnings: Sequence[str] = (),
) -> Result:
    """A result of kind `gradients`; `value` says what each pair has in each group and metric."""
    languages = sorted(languages)
    value = value or families()
    pairs, own, in_groups, tensors = [], [], [], []
    for metric in metrics:
        for group in ("body", *groups):
            for number, (a, b) in enumerate(combinations(languages, 2)):
                c, verdict = value(a, b, group, metric)
                open_ = verdict == "undetermined"
                width = 4 * half_width if open_ else half_width
                pairs.append(
                    {
                        "a": a,
                        "b": b,
                        "group": group,
                        "metric": metric,
                        "cosine": c * 0.4,
                        "corrected": c,
                        "ci_low": c - width,
                        "ci_high": c + width,
                        "p_value": 0.4 if open_ else 0.001,
                        "q_value": 0.6 if open_ else 0.012,
                        "verdict": verdict,
                        "reason": reason if open_ else "",
                        "transfer_ab": c,
                        "transfer_ba": c,
                        "transfer_bytes_ab": c,
                        "transfer_bytes_ba": c,
                        "centred": c - 0.3,
                        "magnitude_similarity": 0.9,
                        "tokens_to_settle": (settle(number) if callable(settle) else settle) if open_ else np.nan,
                    }
                )
            for i, language in enumerate(languages):
                own.append(
                    {
                        "language": language,
                        "group": group,
                        "metric": metric,
                        "self_similarity": rho(i),
                        "ci_low": rho(i) - 0.05,
                        "ci_high": rho(i) + 0.05,
                        "norm": 0.123 * (i + 1) if np.isfinite(rho(i)) else np.nan,
                        "norm_share": 1.0 if group == "body" else 1 / len(groups),
                        "loss": 3.21,
                        "tokens": 16_384,
                        "documents": 480,
                    }
                )
            in_groups.append(
                {
                    "group": group,
                    "metric": metric,
                    "parameters": 1000,
                    "common_share": common_share,
                    "mixture_residual": mixture_residual,
                    "sketch_size": 8191 if gram == "sketch" else np.nan,
                    "sketch_error": 0.0042 if gram == "sketch" else np.nan,
                }
            )
        tensors.append(
            {
                "tensor": "encoder.0.weight",
                "layer": "encoder.0",
                "kind": "mlp",
                "parameters": 10,
                "metric": metric,
                "norm_share": 0.1,
                "max_share": 0.2,
                "max_language": languages[0],
            }
        )
    return Result(
        kind="gradients",
        languages=languages,
        tables={
            "pairs": pd.DataFrame(pairs),
            "self": pd.DataFrame(own),
            "groups": pd.DataFrame(in_groups),
            "tensors": pd.DataFrame(tensors),
        },
        model={"id": model_id, "objective": "masked-lm", "architecture": "X", "parameters": 1},
        data={language: {"documents": 480, "tokens": 16_384} for language in languages},
        settings={
            "metrics": list(metrics),
            "granularity": granularity,
            "gram": gram,
            "scope": scope,
            "chunks": 16,
            "tokens_per_chunk": 1024,
            "margin": 0.05,
        },
        environment={},
        warnings=list(warnings),
    )


CODES = (
    *("af", "am", "ar", "az", "be", "bg", "bn", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he"),
    *("hi", "hu", "id", "is", "it", "ja", "ka", "ko", "lt", "lv", "mk", "nl", "no", "pl", "pt", "ro", "ru", "sk"),
    *("sk2", "sv", "sw", "tr"),
)
