"""From p-values and intervals to verdicts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from interfere.statistics._kernels import Floats

ALIGNED, CONFLICT, NEUTRAL, UNDETERMINED = "aligned", "conflict", "neutral", "undetermined"

_WIDEST = 0.5
"""An estimate out of [−1, 1] is a finding only if its interval reaches back into it and is no wider than ± this."""


def q_values(p_values: Floats) -> Floats:
    """Benjamini–Hochberg q-values over one family, of any shape; NaN entries are no part of it and stay NaN.

    Benjamini & Hochberg (1995), https://doi.org/10.1111/j.2517-6161.1995.tb02031.x.
    """
    q = np.full(p_values.shape, np.nan)
    tested = np.isfinite(p_values)
    if tested.any():
        q[tested] = stats.false_discovery_control(p_values[tested])
    return q


def next_threshold(q: Floats, alpha: float) -> float:
    """The p-value that one more row of the family has to meet: α (R+1)/m with R of m rows significant; NaN if m = 0."""
    family = int(np.isfinite(q).sum())
    significant = int((q <= alpha).sum())
    return min(alpha, alpha * (significant + 1) / family) if family else float("nan")


@dataclass(frozen=True)
class Evidence:
    """What a verdict is made from, each (G,) for one pair of languages, or of any one shape.

    Args:
        corrected: corrected cosine.
        low: lower end of its interval.
        high: upper end.
        dot: dot(a,b).
        q: q-value of dot(a,b) = 0.
        sure_a: whether dot(a,a) is above 0 for sure.
        sure_b: whether dot(b,b) is.
        positive_a: whether dot(a,a) is estimated above 0.
        positive_b: whether dot(b,b) is.
        zero_a: whether all gradients of a are 0.
        zero_b: whether those of b are.
    """

    corrected: Floats
    low: Floats
    high: Floats
    dot: Floats
    q: Floats
    sure_a: NDArray[np.bool_]
    sure_b: NDArray[np.bool_]
    positive_a: NDArray[np.bool_]
    positive_b: NDArray[np.bool_]
    zero_a: NDArray[np.bool_]
    zero_b: NDArray[np.bool_]


def verdicts(
    evidence: Evidence, a: str, b: str, *, margin: float, alpha: float
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Verdict and reason of each row of one pair; the reason is empty where there is a finding.

    `conflict` and `aligned` need q ≤ alpha, `neutral` an interval within ±margin; all three need both languages'
    dot(ℓ,ℓ) to be above 0 for sure. Where the corrected cosine lies out of [−1, 1] they need its interval to hold the
    nearer boundary and to be no wider than ±0.5.

    Args:
        evidence: the row's estimates.
        a: name of the first language, for the reason.
        b: name of the second.
        margin: half width of what counts as neutral.
        alpha: the level that q-values are held against.
    """
    e = evidence
    boundary = np.where(e.corrected > 0, 1.0, -1.0)
    holds = (e.low <= boundary) & (boundary <= e.high) & (e.high - e.low <= 2 * _WIDEST)
    significant = e.q <= alpha
    cases: list[tuple[NDArray[np.bool_], str, str]] = [
        (e.zero_a, UNDETERMINED, f"all gradients of {a} are 0"),
        (e.zero_b, UNDETERMINED, f"all gradients of {b} are 0"),
        (~e.positive_a, UNDETERMINED, f"the gradients of {a} show no signal above their noise"),
        (~e.positive_b, UNDETERMINED, f"the gradients of {b} show no signal above their noise"),
        (~e.sure_a, UNDETERMINED, f"the signal of {a} is not surely above its noise"),
        (~e.sure_b, UNDETERMINED, f"the signal of {b} is not surely above its noise"),
        (
            ~((np.abs(e.corrected) <= 1) | holds),
            UNDETERMINED,
            "the estimate is out of the range −1 to 1 and too uncertain",
        ),
        (significant & (e.dot < 0) & (e.corrected < 0), CONFLICT, ""),
        (significant & (e.dot > 0) & (e.corrected > 0), ALIGNED, ""),
        ((e.low >= -margin) & (e.high <= margin), NEUTRAL, ""),
    ]
    conditions = [condition for condition, _, _ in cases]
    undecided = f"neither surely different from 0 nor surely within ±{margin:g}"
    # np.select would turn the strings into fixed-width arrays and its default into "0".
    which = np.where(np.any(conditions, axis=0), np.argmax(conditions, axis=0), len(cases))
    names = np.array([name for _, name, _ in cases] + [UNDETERMINED], dtype=object)
    reasons = np.array([reason for _, _, reason in cases] + [undecided], dtype=object)
    return names[which], reasons[which]
