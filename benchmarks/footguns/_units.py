"""Units that are picked and judged."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.footguns._text import bundled, bundled_text
from interfere import ImportanceSettings, analyze_importance
from interfere.statistics import UnitGroup, judge_units

_NAMES = ("one", "two", "three")


def units() -> pd.DataFrame:
    """English under three names: neurons that are called a language's own."""
    texts = [document.text for document in bundled_text("en").documents["en"]]
    parts = {name: texts[i :: len(_NAMES)] for i, name in enumerate(_NAMES)}
    settings = ImportanceSettings(methods=("fisher",), mask_passes=5, tokens_per_chunk=256, top=0.1)
    result = analyze_importance(bundled(), parts, settings=settings)
    groups = [
        UnitGroup(row["layer"], row["block"], row["kind"], row["start"], row["units"])
        for row in result.tables["units"].to_dict("records")
    ]
    scores = result.arrays["fisher"]
    # Half a stands in the even slots, and what is called half b is half a once more.
    twice = np.repeat(scores[:, ::2], 2, axis=1)
    rows = []
    for what, given in (("the text they were picked on", twice), ("the other half of the text", scores)):
        table, counts = judge_units(given, groups, list(result.languages), "fisher", settings.top)
        own = table[table["kind"] == "neuron"]
        again = counts[counts["kind"] == "neuron"]
        rows.append(
            {
                "judged on": what,
                "neurons picked": len(own),
                "mean score over that of the next name": f"{(own['score_b'] / own['others_b']).mean():.2f}",
                "p ≤ 0.05": int((own["p_value"] <= 0.05).sum()),
                "a language's own (q ≤ 0.05)": int(own["own"].sum()),
                "picked again": f"{int(again['again'].sum())} (by chance {again['again_by_chance'].sum():.0f})",
            }
        )
    return pd.DataFrame(rows)
