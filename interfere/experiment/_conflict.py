"""Gradient conflict along training, over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

if TYPE_CHECKING:
    from interfere.experiment._record import Trained

EARLY = 0.1
"""Share of the training at which predictors are read; fixed before any experiment was run."""

CONFLICT_KEYS = ("kind", "mixture", "a", "b", "group", "width", "text", "share")


def conflict_table(trained: Sequence[Trained]) -> pd.DataFrame:
    """One row a mixture, pair of its members, group and moment of training: means over seeds.

    The interval of the corrected cosine is over seeds (Student's t) where there are several, else over the text of
    the one seed. `self_a` and `self_b` are self-similarities, the ceiling of the raw cosine.
    """
    frames = []
    for each in trained:
        pairs, own = each.measures.conflict, each.measures.own
        if pairs.empty:
            continue
        spec = each.spec
        ceiling = own.set_index(["language", "group", "update"])["self_similarity"]
        frames.append(
            pairs.assign(
                kind=spec.kind,
                mixture="+".join(member.name for member in spec.members),
                width=spec.width,
                text=spec.text,
                share=pairs["update"] / spec.updates,
                **{
                    f"self_{side}": ceiling.reindex(
                        pd.MultiIndex.from_frame(pairs[[side, "group", "update"]])
                    ).to_numpy()
                    for side in ("a", "b")
                },
            )
        )
    values = ("cosine", "corrected", "transfer_ab", "transfer_ba", "self_a", "self_b")
    columns = [*CONFLICT_KEYS, "seeds", *values, "ci_low", "ci_high"]
    if not frames:
        return pd.DataFrame(columns=columns)
    whole = pd.concat(frames, ignore_index=True)
    for column in (*values, "ci_low", "ci_high"):
        whole[column] = whole[column].astype(np.float64)
    groups = whole.groupby(list(CONFLICT_KEYS), sort=False)
    out = groups[list(values)].mean().assign(seeds=groups.size())
    corrected = groups["corrected"]
    count = corrected.count()
    half = stats.t.ppf(0.975, (count - 1).clip(lower=1)) * corrected.std() / np.sqrt(count)
    several = count > 1
    out["ci_low"] = (out["corrected"] - half).where(several, groups["ci_low"].first())
    out["ci_high"] = (out["corrected"] + half).where(several, groups["ci_high"].first())
    return out.reset_index()[columns]


def early_share(curves: pd.DataFrame) -> float:
    """The moment of training, of those that were kept, that is nearest to a tenth of it; NaN where only the end was."""
    shares = sorted(share for share in curves["share"].unique() if share < 1)
    return min(shares, key=lambda share: abs(np.log(share / EARLY))) if shares else float("nan")
