"""What removing units does to the loss of every language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from interfere.statistics._kernels import Floats
from interfere.statistics._own_units import LEVEL
from interfere.statistics._verdicts import q_values


@dataclass(frozen=True)
class Damage:
    """Losses of the held-out half with units removed.

    Args:
        base: shape (L, S): mean loss of each language's slots with nothing removed.
        own: shape (L, L, S): with the units of the first language removed, the loss of the second.
        core: shape (L, S): with the core removed.
        random: shape (draws, L, S).
    """

    base: Floats
    own: Floats
    core: Floats
    random: Floats


def ablation_tables(damage: Damage, languages: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What removing units does, language by language, beyond random units.

    Returns:
        One row a set of units and language: removed (a language, `core` or `random`), language, damage (nats per
        prediction), ci_low, ci_high over slots, beyond_random with its interval. And one row a language: own_damage,
        others_damage (both beyond random), specificity (own less others), its interval, p_value (the larger one of own
        damage being above 0 and of specificity being so), q_value, verdict.
    """
    chance = damage.random.mean(axis=0) - damage.base
    rows = []
    effects = {name: damage.own[i] - damage.base for i, name in enumerate(languages)}
    for removed, effect in [*effects.items(), ("core", damage.core - damage.base), ("random", chance)]:
        for j, language in enumerate(languages):
            beyond = effect[j] - chance[j]
            rows.append(
                {
                    "removed": removed,
                    "language": language,
                    **_interval(effect[j], "damage", "ci_low", "ci_high"),
                    **_interval(beyond, "beyond_random", "beyond_low", "beyond_high"),
                    "draws_sd": float((damage.random[:, j] - damage.base[j]).mean(axis=1).std(ddof=1))
                    if removed == "random" and len(damage.random) > 1
                    else np.nan,
                }
            )
    specific = []
    for i, language in enumerate(languages):
        beyond = effects[language] - chance
        others = np.delete(beyond, i, axis=0)
        # Languages without numbers are none of the others.
        others = others[np.isfinite(others).all(axis=1)]
        mean = others.mean(axis=0) if len(others) else np.full(beyond.shape[1], np.nan)
        apart = beyond[i] - mean
        # It has to hurt at all, and more than it hurts others: both have to be shown (Berger 1982).
        p_value = float(np.maximum(_p_above(apart), _p_above(beyond[i])))
        row = {"language": language, "own_damage": beyond[i].mean(), "others_damage": mean.mean()}
        specific.append(row | _interval(apart, "specificity", "ci_low", "ci_high") | {"p_value": p_value})
    table = pd.DataFrame(specific)
    q = q_values(table["p_value"].to_numpy(dtype=float))
    table["q_value"] = q
    table["verdict"] = np.select([q <= LEVEL, np.isnan(q)], ["specific", "undetermined"], "not shown")
    return pd.DataFrame(rows), table


def _interval(values: Floats, name: str, low: str, high: str) -> dict[str, float]:
    """Mean and 95 % t interval over slots."""
    n, mean = len(values), float(values.mean())
    if n < 3 or not np.isfinite(values).all():
        return {name: mean, low: np.nan, high: np.nan}
    half = float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return {name: mean, low: mean - half, high: mean + half}


def _p_above(values: Floats) -> float:
    """P of a mean above 0, over slots."""
    if len(values) < 3 or not np.isfinite(values).all():
        return float("nan")
    error = values.std(ddof=1) / np.sqrt(len(values))
    if error == 0:
        return 0.0 if values.mean() > 0 else 1.0
    return float(stats.t.sf(values.mean() / error, len(values) - 1))
