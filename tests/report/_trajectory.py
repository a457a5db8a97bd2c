"""Results of kind `trajectory` made by hand: lines that go where a test wants them to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from interfere.results import Result

Line = Callable[[int, int, float], float]
"""(number of the pair, number of pairs, share of the training) → corrected cosine."""


def apart(number: int, pairs: int, share: float) -> float:
    """All begin at 0.6; the first falls to −0.5, the last rises to 0.8."""
    end = -0.5 + 1.3 * number / max(pairs - 1, 1)
    return 0.6 + share * (end - 0.6)


def make_trajectory(
    languages: Sequence[str] = ("de", "en", "ru"),
    steps: Sequence[int] = (0, 500, 1000),
    line: Line = apart,
    *,
    metrics: Sequence[str] = ("euclidean",),
    half: float = 0.08,
    undetermined: Sequence[int] = (),
    model_id: str = "training",
    names: Sequence[str] | None = None,
    warnings: Sequence[str] = (),
    reason: str = "not surely different from 0 (q > 0.05)",
) -> Result:
    """A trajectory in which a pair has a verdict where its interval is clear of 0.

    Args:
        languages: at least two.
        steps: in order.
        line: what each pair does.
        metrics: the main one first.
        half: half width of intervals.
        undetermined: steps at which all pairs are.
        model_id: what the training is called.
        names: of the checkpoints.
        warnings: of the result.
        reason: why a change is undetermined.
    """
    languages = sorted(languages)
    names = list(names) if names is not None else [f"checkpoint-{step}" for step in steps]
    every = list(combinations(languages, 2))
    pairs, own, groups, checkpoints, changes = [], [], [], [], []
    span = max(steps[-1] - steps[0], 1)
    for metric in metrics:
        for step, name in zip(steps, names, strict=True):
            share = (step - steps[0]) / span
            ceiling = 0.7 - 0.4 * share
            where = {"step": step, "checkpoint": name, "metric": metric, "group": "body"}
            for i, (a, b) in enumerate(every):
                c = line(i, len(every), share)
                verdict = (
                    "undetermined" if abs(c) < half or step in undetermined else "aligned" if c > 0 else "conflict"
                )
                pairs.append(
                    {
                        **where, "a": a, "b": b, "cosine": c * ceiling, "corrected": c, "ci_low": c - half,
                        "ci_high": c + half, "p_value": 0.01, "q_value": 0.02, "verdict": verdict, "reason": "",
                    }
                )  # fmt: skip
            for i, language in enumerate(languages):
                rho = ceiling - 0.1 * i / len(languages)
                own.append(
                    {
                        **where, "language": language, "self_similarity": rho, "ci_low": rho - 0.05,
                        "ci_high": rho + 0.05, "norm": 0.1, "norm_share": 1.0, "loss": 6 - 3 * share + 0.1 * i,
                        "tokens": 1000, "documents": 30,
                    }
                )  # fmt: skip
            groups.append({**where, "parameters": 10, "common_share": 0.5 - 0.2 * share, "mixture_residual": 0.3})
        for i, (a, b) in enumerate(every):
            first, last = line(i, len(every), 0.0), line(i, len(every), 1.0)
            shown = abs(last - first) > 2 * half
            body = [r for r in pairs if (r["a"], r["b"], r["metric"]) == (a, b, metric)]
            conflicts = [r["step"] for r in body if r["verdict"] == "conflict"]
            changes.append(
                {
                    "a": a, "b": b, "metric": metric, "first_step": steps[0], "last_step": steps[-1],
                    "corrected_first": first, "corrected_last": last, "change": last - first,
                    "ci_low": last - first - 2 * half, "ci_high": last - first + 2 * half, "p_value": 0.01,
                    "q_value": 0.02 if shown else 0.4,
                    "verdict": ("higher" if last > first else "lower") if shown else "undetermined",
                    "reason": "" if shown else reason, "conflicts": len(conflicts),
                    "aligned": sum(r["verdict"] == "aligned" for r in body), "checkpoints": len(steps),
                    "first_conflict": min(conflicts) if conflicts else np.nan,
                }
            )  # fmt: skip
    for step, name in zip(steps, names, strict=True):
        checkpoints.append(
            {
                "step": step, "checkpoint": name, "step_from": "name", "model": name, "revision": None,
                "weights_sha256": "ab" * 32, "second_moments": "", "loss": 5.0, "seconds": np.nan,
            }
        )  # fmt: skip
    return Result(
        kind="trajectory",
        languages=languages,
        tables={
            "pairs": pd.DataFrame(pairs),
            "self": pd.DataFrame(own),
            "groups": pd.DataFrame(groups),
            "checkpoints": pd.DataFrame(checkpoints),
            "changes": pd.DataFrame(changes),
        },
        model={"id": model_id, "objective": "masked-lm"},
        data={language: {"documents": 30, "tokens": 1000} for language in languages},
        settings={"metrics": list(metrics), "granularity": "layer", "scope": "body", "chunks": 8, "margin": 0.05},
        environment={},
        warnings=list(warnings),
    )
