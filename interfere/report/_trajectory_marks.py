"""What figures of a trajectory have in common: the axis of steps, and which pairs are set apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray
from rich.cells import cell_len

from interfere.report._trajectory_tables import change_rows
from interfere.report._trajectory_words import brief_step
from interfere.results import Result

APART = 6
"""Pairs that have a colour and a band of their own."""

_CROWDED = 0.1
"""Steps are drawn by their logarithm where more than half of them lie in this share of a plain axis."""


@dataclass(frozen=True)
class Steps:
    """A horizontal axis of steps.

    Args:
        values: the steps in order.
        logarithmic: whether log(1 + step) is drawn in place of the step.
    """

    values: Sequence[int]
    logarithmic: bool

    @classmethod
    def of(cls, values: Sequence[int]) -> Steps:
        """The axis that these steps are best seen on."""
        reach = values[-1] - values[0]
        early = sum(value - values[0] <= _CROWDED * reach for value in values)
        return cls(values, len(values) > 3 and early > len(values) / 2)

    def at(self, steps: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Where steps are drawn."""
        values = np.asarray(steps, dtype=np.float64)
        return np.log10(1 + values) if self.logarithmic else values

    def draw(self, ax: Axes, width: float, *, label: bool = True) -> None:
        """Set the limits, and name as many steps as have room; the last one in any case.

        Args:
            ax: where.
            width: of the axes, in inches.
            label: whether to say what the axis is.
        """
        places = self.at(self.values)
        reach = float(places[-1] - places[0]) or 1.0
        ax.set_xlim(places[0] - 0.04 * reach, places[-1] + 0.04 * reach)
        names = [brief_step(value) for value in self.values]
        kept: list[int] = []
        for i in reversed(range(len(names))):
            room = [width * abs(places[j] - places[i]) / (1.08 * reach) for j in kept]
            needed = [0.045 * (cell_len(names[i]) + cell_len(names[j])) + 0.06 for j in kept]
            if all(r > n for r, n in zip(room, needed, strict=True)):
                kept.append(i)
        ax.set_xticks([float(places[i]) for i in sorted(kept)], [names[i] for i in sorted(kept)])
        if label:
            ax.set_xlabel("step (logarithmic)" if self.logarithmic else "step", fontsize=8)


def apart(result: Result, rows: pd.DataFrame, metric: str) -> list[tuple[str, str]]:
    """The pairs that are set apart: all if they are few, else those that are lowest in the end or changed most."""
    last = rows[rows["step"] == rows["step"].max()]
    ranked = last.sort_values(["clipped", "a", "b"], kind="stable", na_position="last")
    lowest = list(zip(ranked["a"], ranked["b"], strict=True))
    if len(lowest) <= APART:
        return lowest
    changes = change_rows(result, metric).dropna(subset=["change"])
    # A change that is shown goes before a larger one that may be noise.
    order = pd.DataFrame(
        {
            "a": changes["a"],
            "b": changes["b"],
            "open": changes["verdict"] == "undetermined",
            "size": -changes["change"].abs(),
        }
    ).sort_values(["open", "size", "a", "b"], kind="stable")
    chosen = lowest[: APART // 2]
    for a, b in zip(order["a"], order["b"], strict=True):
        if len(chosen) < APART and (a, b) not in chosen:
            chosen.append((a, b))
    return sorted(chosen, key=lowest.index)


def of_pair(rows: pd.DataFrame, key: tuple[str, str]) -> pd.DataFrame:
    """The rows of one pair by step."""
    return rows[(rows["a"] == key[0]) & (rows["b"] == key[1])]
