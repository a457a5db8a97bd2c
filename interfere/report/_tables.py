"""The tables of a result as the report reads them: numbers as floats, groups in the model's order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from interfere.results import Result

BODY = "body"
VERDICTS = ("conflict", "aligned", "neutral", "undetermined")

_PAIR_NUMBERS = ("cosine", "corrected", "ci_low", "ci_high", "p_value", "q_value", "tokens_to_settle")
_SELF_NUMBERS = ("self_similarity", "ci_low", "ci_high", "norm", "norm_share", "loss", "tokens", "documents")
_GROUP_NUMBERS = ("common_share", "mixture_residual", "sketch_size", "sketch_error")


def _numeric(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    # A column that is all null in results.json comes back as objects.
    return table.assign(
        **{c: pd.to_numeric(table[c], errors="coerce").astype(float) if c in table else np.nan for c in columns}
    )


def metrics(result: Result) -> list[str]:
    """The metrics of a result, the main one first."""
    return list(result.settings.get("metrics") or dict.fromkeys(result.pairs["metric"]))


def pair_rows(result: Result, metric: str, group: str | None = None) -> pd.DataFrame:
    """Rows of `pairs` of one metric.

    Args:
        result: of kind `gradients`.
        metric: one of `metrics(result)`.
        group: only this group; default: all.

    Returns:
        The rows, numbers as floats, with two more columns: `clipped` (the corrected cosine within [-1, 1]) and
        `determined` (there is a verdict, and a number behind it).
    """
    table = result.pairs
    keep = table["metric"] == metric
    if group is not None:
        keep &= table["group"] == group
    rows = _numeric(table[keep], _PAIR_NUMBERS).reset_index(drop=True)
    determined = rows["verdict"].isin(VERDICTS[:3]) & np.isfinite(rows["corrected"])
    return rows.assign(clipped=rows["corrected"].clip(-1, 1), determined=determined)


def self_rows(result: Result, metric: str, group: str = BODY) -> pd.DataFrame:
    """Rows of `self` of one metric and group, one per language, numbers as floats."""
    table = result.self_similarity
    keep = (table["metric"] == metric) & (table["group"] == group)
    return _numeric(table[keep], _SELF_NUMBERS).reset_index(drop=True)


def group_rows(result: Result, metric: str) -> pd.DataFrame:
    """Rows of `groups` of one metric, numbers as floats."""
    table = result.groups
    return _numeric(table[table["metric"] == metric], _GROUP_NUMBERS).reset_index(drop=True)


def group_names(result: Result, metric: str) -> list[str]:
    """The groups below the body that have pairs, in the model's order."""
    in_pairs = dict.fromkeys(result.pairs.loc[result.pairs["metric"] == metric, "group"])
    in_model = result.groups.loc[result.groups["metric"] == metric, "group"]
    names = [name for name in in_model if name in in_pairs]
    names += [name for name in in_pairs if name not in set(names)]
    return [name for name in dict.fromkeys(names) if name != BODY]


def group_noun(result: Result) -> str:
    """What a group below the body is called: layer, module, tensor, or part where experts are told apart."""
    return {"module": "module", "tensor": "tensor", "expert": "part"}.get(
        str(result.settings.get("granularity")), "layer"
    )


def scope_phrase(result: Result) -> str:
    """What the rows of group `body` cover, in words."""
    phrases = {"all": "all parameters", "adapters": "the adapters"}
    return phrases.get(str(result.settings.get("scope")), "the transformer body")
