"""Which language reached which expert of a mixture, as the report reads it from the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._page import Column, Row, Table, name
from interfere.report._page_tables import pair_name
from interfere.results import Result


def has_experts(result: Result) -> bool:
    """Whether a result is of a mixture of experts."""
    return "experts" in result.tables and not result.tables["experts"].empty


def mixtures(result: Result) -> list[str]:
    """The layers that have experts, in the model's order."""
    return list(dict.fromkeys(result.tables["experts"]["layer"]))


def expert_counts(result: Result, layer: str) -> pd.DataFrame:
    """The share of chunks that reached an expert: languages × experts of a layer, in the order of the table."""
    table = result.tables["experts"]
    rows = table[table["layer"] == layer]
    share = pd.to_numeric(rows["chunks_seen"]) / pd.to_numeric(rows["chunks"])
    wide = share.astype(float).set_axis(pd.MultiIndex.from_arrays([rows["language"], rows["expert"].astype(str)]))
    return wide.unstack().reindex(columns=list(dict.fromkeys(rows["expert"].astype(str))))


def least_shared(result: Result, most: int) -> list[str]:
    """Up to `most` layers, those whose experts languages share least, in the model's order."""
    layers = mixtures(result)
    if len(layers) <= most:
        return layers
    table = result.tables["expert_overlap"]
    mean = pd.to_numeric(table["chunk_jaccard"], errors="coerce").groupby(table["layer"]).mean().reindex(layers)
    kept = set(np.argsort(mean.fillna(np.inf).to_numpy(), kind="stable")[:most].tolist())
    return [layer for i, layer in enumerate(layers) if i in kept]


def overlap_table(result: Result, caption: str) -> Table:
    """Pairs of languages, those that share fewest experts first."""
    table = result.tables["expert_overlap"]
    numbers = {c: pd.to_numeric(table[c], errors="coerce").astype(float) for c in ("jaccard", "chunk_jaccard")}
    shown = text.short_names(result.languages, 28)
    found = []
    for (a, b), rows in table.assign(**numbers).groupby(["a", "b"], sort=True):
        known = rows.dropna(subset=["chunk_jaccard"]).sort_values("chunk_jaccard", kind="stable")
        found.append((float(rows["chunk_jaccard"].mean()), str(a), str(b), rows, known))
    out = []
    for mean, a, b, rows, known in sorted(found, key=lambda each: each[:3]):
        least = "" if known.empty else f"{text.share(known['chunk_jaccard'].iloc[0])} in {known['layer'].iloc[0]}"
        out.append(
            Row(
                (
                    pair_name({"a": a, "b": b}, shown),
                    text.share(float(rows["jaccard"].mean())),
                    text.share(mean),
                    name(least),
                    f"{int((pd.to_numeric(rows['both']) == 0).sum()):,} of {len(rows):,}",
                )
            )
        )
    columns = (
        Column("pair", words=True),
        Column("experts both reached"),
        Column("weighted by chunks"),
        Column("least", words=True),
        Column("layers without a shared expert"),
    )
    return Table(caption, columns, out)


TERMS: list[tuple[tuple[str, ...], str]] = [
    (
        ("experts both reached",),
        "Of the experts that any chunk of either language reached, the share that both did (Jaccard's index), the mean "
        "over layers. A chunk reaches an expert where it gives it a gradient.",
    ),
    (
        ("weighted by chunks",),
        "The same with each expert weighted by the share of chunks that reached it: Σ min / Σ max of the two "
        "languages' shares. With much text every expert is reached by some token, and this tells more.",
    ),
    (
        ("unseen", "of these unseen"),
        "Two languages are compared over the experts that both reached in at least four chunks. Where there are none, "
        "the pair is undetermined and its reason starts with “unseen”: nothing was observed, which is no finding of "
        "unrelated gradients.",
    ),
]
"""What the table of experts has, and what an expert that was not reached means."""
