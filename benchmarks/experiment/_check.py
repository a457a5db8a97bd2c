"""What short runs predicted against what full runs gave."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from interfere import load_result
from interfere.statistics import rank_correlation

_KEYS = ["mixture", "language", "width", "text"]


def check_scout(scout: Path, full: Path) -> str:
    """How well extrapolated differences agree with those of full runs, in Markdown.

    Args:
        scout: a run of short models.
        full: a run of the same design at full length.
    """
    short, long = load_result(scout), load_result(full)
    both = short.tables["scout"].merge(long.tables["deltas"], on=_KEYS, suffixes=("", "_full"))
    values = {name: both[name].to_numpy(dtype=np.float64) for name in ("relative", "relative_full")}
    low, high = (both[f"relative_ci_{end}"].to_numpy(dtype=np.float64) for end in ("low", "high"))
    held = float(np.mean((low <= values["relative_full"]) & (values["relative_full"] <= high)))
    found = rank_correlation(values["relative"], values["relative_full"], list(both["mixture"]))
    off = values["relative"] - values["relative_full"]
    lines = [
        f"{len(both)} differences of pairs: rank correlation {found.value:.2f} [{found.low:.2f}, {found.high:.2f}], "
        f"direction within a pair right in {found.within:.0%}; intervals hold the full run's in {held:.0%}; "
        f"off by {100 * off.mean():+.1f} points on average, {100 * np.sqrt((off**2).mean()):.1f} (rms).",
    ]
    for updates, own in short.tables["deltas"].groupby("updates"):
        merged = own.merge(long.tables["deltas"], on=_KEYS, suffixes=("", "_full"))
        alone = rank_correlation(
            merged["relative"].to_numpy(dtype=np.float64),
            merged["relative_full"].to_numpy(dtype=np.float64),
            list(merged["mixture"]),
        )
        lines.append(
            f"- short runs of {updates:,} updates alone: {alone.value:.2f} [{alone.low:.2f}, {alone.high:.2f}], "
            f"direction within a pair right in {alone.within:.0%}"
        )
    return "\n".join(lines)
