"""From differences with p-values to rows with verdicts, one family of tests at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from interfere.comparison._columns import MARGINS
from interfere.statistics import judge_changes

ALPHA = 0.05
"""Level of q-values for a verdict."""


@dataclass
class Changes:
    """The rows of `changes` while they come together.

    Args:
        margins: quantity → half width of what counts as no change, where it is not that of `MARGINS`.
    """

    margins: Mapping[str, float] = field(default_factory=dict)
    _families: dict[tuple[Any, ...], list[dict[str, Any]]] = field(default_factory=dict)

    def add(
        self,
        family: tuple[Any, ...],
        keys: Mapping[str, Any],
        before: float,
        after: float,
        interval: tuple[float, float, float, float],
        why: str = "",
    ) -> None:
        """Add a row.

        Args:
            family: rows of one family are tested together; the first part of it is the table, the second the quantity.
            keys: what the row is about.
            before: the number in the first run.
            after: in the second.
            interval: the difference, the ends of its interval, and its p-value; NaN where there is none.
            why: the reason for which nothing is said whatever the numbers; such a row is not tested.
        """
        difference, low, high, p_value = map(float, interval)
        row = {**keys, "before": float(before), "after": float(after), "difference": difference}
        row |= {"ci_low": low, "ci_high": high, "p_value": float("nan") if why else p_value, "why": why}
        self._families.setdefault(family, []).append(row)

    def rows(self, unknown: str) -> list[dict[str, Any]]:
        """All rows, judged family by family.

        Args:
            unknown: the reason of rows without an interval that have no other.
        """
        out = []
        for family, rows in self._families.items():
            table, quantity = family[:2]
            low, high, difference, p_value = (
                np.array([row[c] for row in rows]) for c in ("ci_low", "ci_high", "difference", "p_value")
            )
            barred = np.array([bool(row["why"]) for row in rows])
            low[barred] = high[barred] = np.nan
            margin = self.margins.get(quantity, MARGINS[quantity])
            judged = judge_changes(low, high, difference, p_value, margin, ALPHA)
            for row, q, verdict, reason in zip(rows, *judged, strict=True):
                row |= {"table": table, "quantity": quantity, "q_value": float(q), "verdict": verdict}
                why = row.pop("why")
                row["reason"] = "" if verdict != "undetermined" else why or reason or unknown
                out.append(row)
        return out
