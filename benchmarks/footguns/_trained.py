"""One training instead of several, from a finished run of `python -m benchmarks.experiment main`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from interfere import load_result

_ROWS = (("ru+uk", "ru"), ("ru+uk", "uk"), ("de+sv", "de"), ("de+ru", "de"), ("ko+ru", "ru"))


def seeds(experiment: Path) -> pd.DataFrame:
    """What each seed by itself says of the relative Δ, and what all of them say."""
    tables = load_result(experiment).tables
    quality = tables["quality"]
    final = quality[quality["share"] == 1.0]
    alone = final[final["kind"] == "mono"].set_index(["language", "seed"])["bits_per_byte"]
    pairs = final[final["kind"] == "pair"].set_index(["mixture", "language", "seed"])["bits_per_byte"].unstack("seed")
    own = alone.unstack("seed").loc[pairs.index.get_level_values("language")].to_numpy()
    relative = 100 * (pairs / own - 1)
    spread = relative.max(axis=1) - relative.min(axis=1)
    both = (relative.min(axis=1) < 0) & (relative.max(axis=1) > 0)
    deltas = tables["deltas"].set_index(["mixture", "language"])
    rows: list[dict[str, object]] = []
    for mixture, language in _ROWS:
        found = deltas.loc[(mixture, language)]
        low, high = 100 * found["relative_ci_low"], 100 * found["relative_ci_high"]
        rows.append(
            {
                "": f"{language} in {mixture}",
                "each seed by itself": ", ".join(f"{x:+.1f}" for x in relative.loc[(mixture, language)]),
                "all of them (%)": f"{100 * found['relative']:+.1f} ({low:.1f} to {high:.1f}), {found['verdict']}",
            }
        )
    summary = f"median range of seeds {spread.median():.1f} points; both signs in {both.sum()} of {len(both)}"
    return pd.DataFrame([*rows, {"": "30 directions of pairs", "each seed by itself": summary, "all of them (%)": ""}])
