"""What the cells of the heatmaps of a gradient analysis say where they are pointed at."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd

from interfere.report import _text as text
from interfere.report._grid import Cells, q_words, said
from interfere.report._tables import BODY, pair_rows, self_rows
from interfere.results import Result
from interfere.statistics import UNSEEN

NAME = 40  # terminal cells of a name
_MISSING = "not in this run"


def language_cells(result: Result, metric: str, order: Sequence[str]) -> Cells:
    """Corrected cosines over the body, and self-similarities on the diagonal."""
    pairs = _pair_texts(pair_rows(result, metric, BODY))
    own = {
        row["language"]: "self-similarity " + said(row["self_similarity"], row["ci_low"], row["ci_high"], text.cosine)
        for _, row in self_rows(result, metric).iterrows()
    }
    names = [text.short_names(order, NAME)[a] for a in order]
    texts = [[own.get(a, _MISSING) if a == b else _of_pair(pairs, a, b, BODY) for b in order] for a in order]
    return Cells(names, names, texts)


def layer_cells(
    result: Result,
    metric: str,
    pairs: Sequence[tuple[str, str]],
    groups: Sequence[str],
    columns: Sequence[str],
    lefts: Sequence[float],
) -> Cells:
    """Corrected cosines of pairs over the body and in groups.

    Args:
        result: of kind `gradients`.
        metric: one of its metrics.
        pairs: of the rows.
        groups: of the columns behind that of the body.
        columns: names of all columns.
        lefts: their left edges.
    """
    rows = pair_rows(result, metric)
    chosen = set(pairs)
    known = _pair_texts(rows[[pair in chosen for pair in zip(rows["a"], rows["b"], strict=True)]])
    shown = text.short_names([name for pair in pairs for name in pair], NAME)
    texts = [[_of_pair(known, a, b, group) for group in (BODY, *groups)] for a, b in pairs]
    return Cells([f"{shown[a]} – {shown[b]}" for a, b in pairs], columns, texts, lefts=lefts)


def transfer_cells(directed: pd.DataFrame, order: Sequence[str]) -> Cells:
    """Transfer from the row's language to the column's, and the verdict of the pair.

    Args:
        directed: as of `transfers`.
        order: of the languages.
    """
    known = {
        (a, b): said(value, math.nan, math.nan, text.number, f"the pair is {verdict if determined else 'undetermined'}")
        for a, b, value, verdict, determined in zip(
            *(directed[c] for c in ("a", "b", "transfer", "verdict", "determined")), strict=True
        )
    }
    names = [text.short_names(order, NAME)[a] for a in order]
    texts = [["1, its own step" if a == b else known.get((a, b), _MISSING) for b in order] for a in order]
    return Cells(names, names, texts, between=" → ")


def strength_cells(
    result: Result,
    metric: str,
    column: str,
    order: Sequence[str],
    groups: Sequence[str],
    columns: Sequence[str],
    lefts: Sequence[float],
    name: str,
) -> Cells:
    """A column of the table `self` of languages over the body and in groups.

    Args:
        result: of kind `gradients`.
        metric: one of its metrics.
        column: `norm`, `self_similarity` or `norm_share`.
        order: of the languages.
        groups: of the columns behind that of the body.
        columns: names of all columns.
        lefts: their left edges.
        name: of the panel.
    """
    table = result.self_similarity
    rows = table[table["metric"] == metric]
    write: Callable[[float], str] = {"self_similarity": text.cosine, "norm_share": text.share}.get(column, _digits)
    numbers = [pd.to_numeric(rows[c], errors="coerce").astype(float) for c in (column, "ci_low", "ci_high")]
    bounded = column == "self_similarity"
    known = {
        (language, group): said(value, low if bounded else math.nan, high, write)
        for language, group, value, low, high in zip(rows["language"], rows["group"], *numbers, strict=True)
    }
    shown = text.short_names(order, NAME)
    texts = [[known.get((language, group), _MISSING) for group in (BODY, *groups)] for language in order]
    return Cells([shown[a] for a in order], columns, texts, name=name, lefts=lefts)


def _digits(value: float) -> str:
    return f"{value:.3g}"


def _pair_texts(rows: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    columns = ("a", "b", "group", "corrected", "ci_low", "ci_high", "verdict", "determined", "q_value", "reason")

    def word(verdict: str, determined: bool, reason: object) -> str:
        if determined:
            return verdict
        return UNSEEN if isinstance(reason, str) and reason.startswith(UNSEEN) else "undetermined"

    return {
        (a, b, group): said(
            value, low, high, text.cosine, word(verdict, determined, reason), q_words(q) if determined else ""
        )
        for a, b, group, value, low, high, verdict, determined, q, reason in zip(
            *(rows[c] for c in columns), strict=True
        )
    }


def _of_pair(texts: dict[tuple[str, str, str], str], a: str, b: str, group: str) -> str:
    return texts.get((a, b, group)) or texts.get((b, a, group)) or _MISSING
