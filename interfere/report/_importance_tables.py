"""The tables of an importance result as the report reads them: numbers as floats, means, what was tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.report._order import cluster_order
from interfere.results import Result

CORE, RANDOM = "core", "random"
COMPARED = ("neuron", "head", "kv")
"""Kinds of units whose scores are compared between languages, in the order in which the report has them."""

_NOUNS = {"head": "head", "kv": "key-value group", "neuron": "neuron", "block": "block", "tensor": "tensor"}
_BLOCKS = {"mlp": "MLP"}
_OVERLAPS = ("rank", "top", "cosine")
_WORDS = frozenset(
    ("language", "method", "layer", "block", "kind", "a", "b", "split", "removed", "verdict", "own", "name", "lines")
)


def table(result: Result, name: str) -> pd.DataFrame:
    """A table with its numbers as floats; an empty one where the result has none of that name."""
    if name not in result.tables:
        return pd.DataFrame()
    found = result.tables[name]
    numbers = [c for c in found.columns if c not in _WORDS]
    # A column that is all null in results.json comes back as objects.
    return found.assign(**{c: pd.to_numeric(found[c], errors="coerce").astype(float) for c in numbers})


def of_method(result: Result, name: str, method: str) -> pd.DataFrame:
    """The rows of a table that a method has made."""
    rows = table(result, name)
    return rows[rows["method"] == method].reset_index(drop=True) if "method" in rows else pd.DataFrame()


def methods(result: Result) -> list[str]:
    """The methods of a result, the first one picks what is removed."""
    return list(result.settings.get("methods") or dict.fromkeys(table(result, "layers")["method"]))


def noun(kind: str, count: float = 2) -> str:
    """What units of a kind are called."""
    word = _NOUNS.get(kind, kind)
    return word if count == 1 else f"{word}s"


def kinds(rows: pd.DataFrame) -> list[str]:
    """The kinds of units that some rows are about, in the order of the report."""
    there = set(rows["kind"]) if "kind" in rows else set()
    return [kind for kind in COMPARED if kind in there] + sorted(there - set(COMPARED))


@dataclass(frozen=True)
class Part:
    """Places in a model whose shares are compared: all attention blocks, or all heads of one kind of attention.

    Args:
        block: `attention`, `cross-attention` or `mlp`.
        kind: `block`, `head`, `kv` or `neuron`.
        layers: in the model's order.
    """

    block: str
    kind: str
    layers: Sequence[str]

    @property
    def name(self) -> str:
        """In words, in the plural."""
        if self.kind in ("neuron", "block"):
            return noun(self.kind) if self.kind == "neuron" else f"{_BLOCKS.get(self.block, self.block)} blocks"
        return noun(self.kind) if self.block == "attention" else f"{noun(self.kind)} of {self.block}"

    def place(self, layer: str) -> str:
        """One of them in words."""
        return (
            f"the {self.name.removesuffix('s')} of {layer}" if self.kind == "block" else f"the {self.name} of {layer}"
        )


def parts(rows: pd.DataFrame) -> list[Part]:
    """The parts that rows of `layers` or `gates` are about, in the model's order."""
    if rows.empty:
        return []
    where = rows[["block", "kind"]].drop_duplicates()
    out = []
    for block, kind in zip(where["block"], where["kind"], strict=True):
        layers = dict.fromkeys(rows.loc[(rows["block"] == block) & (rows["kind"] == kind), "layer"])
        out.append(Part(str(block), str(kind), list(layers)))
    return out


def profile_parts(result: Result, method: str) -> list[Part]:
    """The parts over which a method's importance is shown: blocks, which sum to 1, or else heads and neurons."""
    found = parts(of_method(result, "layers", method))
    blocks = [part for part in found if part.kind == "block"]
    return blocks or found


def shares(rows: pd.DataFrame, part: Part, languages: Sequence[str], column: str = "share") -> NDArray[np.float64]:
    """A column of rows of `layers` or `gates`, shape (languages, layers); NaN where it is null."""
    own = rows[(rows["block"] == part.block) & (rows["kind"] == part.kind)]
    values = own.set_index(["language", "layer"])[column]
    wanted = pd.MultiIndex.from_product([languages, part.layers])
    out = values[~values.index.duplicated()].reindex(wanted).to_numpy(dtype=float)
    return np.asarray(out, dtype=np.float64).reshape(len(languages), len(part.layers))


def mean_overlap(result: Result, method: str, kind: str) -> pd.DataFrame:
    """Overlaps of pairs of languages, the mean over layers.

    The interval of a mean is given as the mean of the layers' intervals, which is never too narrow: the standard error
    of a mean is at most the mean of the standard errors, whatever the layers have to do with each other.

    Args:
        result: of kind `importance`.
        method: one of its methods.
        kind: of units.

    Returns:
        One row a pair, a language with itself included: a, b, and of each of rank, top and cosine the mean, its
        ceiling (`_ceiling`) and interval (`_low`, `_high`); `reaches`: whether the interval of rank reaches its
        ceiling, or there is none. NaN where no layer has a number.
    """
    rows = of_method(result, "overlap", method)
    if rows.empty or not (rows["kind"] == kind).any():
        return pd.DataFrame()
    rows = rows[rows["kind"] == kind]
    out = rows[["a", "b"]].drop_duplicates().set_index(["a", "b"])
    for name in _OVERLAPS:
        columns = [name, *(f"{name}_{end}" for end in ("ceiling", "low", "high"))]
        known = rows[np.isfinite(rows[name])]
        unknown = known[columns].isna().groupby([known["a"], known["b"]]).any()
        out = out.join(known.groupby(["a", "b"])[columns].mean().mask(unknown))
    out = out.reset_index()
    return out.assign(reaches=~((out["rank_high"] < out["rank_ceiling"]) & out["rank_low"].notna()))


def overlap_matrix(rows: pd.DataFrame, languages: Sequence[str], column: str = "rank") -> pd.DataFrame:
    """A column of `mean_overlap` as a symmetric table, a language with itself on the diagonal."""
    out = pd.DataFrame(np.nan, index=list(languages), columns=list(languages), dtype=float)
    for a, b, value in zip(rows["a"], rows["b"], rows[column].astype(float), strict=True):
        out.loc[a, b] = out.loc[b, a] = value
    return out


def language_order(result: Result) -> list[str]:
    """The languages, those that rank units alike by the first method near each other."""
    names, method = list(result.languages), methods(result)[0]
    for kind in COMPARED:
        rows = mean_overlap(result, method, kind)
        if not rows.empty:
            return cluster_order(overlap_matrix(rows, names))
    return sorted(names)


def counts(result: Result, method: str) -> pd.DataFrame:
    """Rows of `own_counts` of a method, with NaN for what could not be tested.

    A language's units are not tested where the half of the text that judges has fewer than three slots: `own` of that
    table is then 0 without meaning it.
    """
    rows = of_method(result, "own_counts", method)
    return rows if rows.empty or _slots(result, method) // 2 >= 3 else rows.assign(own=np.nan, own_by_chance=np.nan)


def _slots(result: Result, method: str) -> int:
    """How many scores of a method each unit has: one a slot, but gates are trained on halves."""
    if method == "gates":
        return 2
    scores = result.arrays.get(method)
    return int(result.settings.get("chunks", 0)) if scores is None else scores.shape[1]


@dataclass(frozen=True)
class Removal:
    """What removing units does.

    Args:
        columns: column of `ablation` → shape (languages + 2, languages): whose units, then the core, then random ones;
            and the language whose loss it is.
    """

    columns: dict[str, NDArray[np.float64]]

    @property
    def sure(self) -> NDArray[np.bool_]:
        """Whether the interval of what random units do not do excludes 0."""
        return (self.columns["beyond_low"] > 0) | (self.columns["beyond_high"] < 0)


def removal(result: Result, order: Sequence[str] | None = None) -> Removal | None:
    """The table `ablation` as matrices; None where there is none.

    Args:
        result: of kind `importance`.
        order: of the languages; None: as in the result.
    """
    rows, n = table(result, "ablation"), len(result.languages)
    # By position: a language may be called `core`.
    if len(rows) != (n + 2) * n:
        return None
    place = {language: i for i, language in enumerate(result.languages)}
    at = [place[language] for language in (order if order is not None else result.languages)]
    names = ("damage", "ci_low", "ci_high", "beyond_random", "beyond_low", "beyond_high", "draws_sd")
    columns = {name: rows[name].to_numpy(dtype=float).reshape(n + 2, n)[[*at, n, n + 1]][:, at] for name in names}
    return Removal(columns)


def gate_rows(result: Result) -> pd.DataFrame:
    """Rows of `gates`, the mean over sparsities and halves, with the halves' own `keep_a` and `keep_b`."""
    rows = table(result, "gates")
    if rows.empty:
        return rows
    keys = ["language", "layer", "block", "kind"]
    out = rows.groupby(keys, sort=False)[["keep", "prune_confidence"]].mean()
    for half in "ab":
        out[f"keep_{half}"] = rows[rows["split"] == half].groupby(keys, sort=False)["keep"].mean()
    return out.reset_index()


def failed(result: Result) -> list[str]:
    """Languages without any score."""
    rows = table(result, "layers")
    known = set(rows.loc[np.isfinite(rows["score"]), "language"]) if not rows.empty else set()
    return [language for language in result.languages if language not in known]


def top_layer(result: Result, method: str) -> dict[str, tuple[str, float]]:
    """Language → the layer with the largest share of its importance, and that share.

    Blocks of a layer are added up; a method without them goes by the first kind of units that it scores.
    """
    rows, chosen = of_method(result, "layers", method), profile_parts(result, method)
    if chosen and chosen[0].kind != "block":
        chosen = chosen[:1]
    out = {}
    for row, language in enumerate(result.languages):
        total: dict[str, float] = {}
        for part in chosen:
            for layer, value in zip(part.layers, shares(rows, part, result.languages)[row], strict=True):
                total[layer] = total.get(layer, 0.0) + value
        known = {layer: value for layer, value in total.items() if np.isfinite(value)}
        if known:
            layer = max(known, key=lambda layer: known[layer])
            out[language] = layer, known[layer]
    return out
