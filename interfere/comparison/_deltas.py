"""Two runs of kind `deltas`, compared document by document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.comparison._agreement import common_languages, only_one_has
from interfere.comparison._columns import change_table, verdict_changes
from interfere.comparison._families import Changes
from interfere.results import Result
from interfere.statistics import LEAST_SOURCES, Documents, Influence, delta_change, quality_change

_UNKNOWN = f"fewer than {LEAST_SOURCES} independent documents have a token that all models predict"


@dataclass(frozen=True)
class _Read:
    """What both runs make of one language's documents.

    Args:
        language: which.
        runs: of each run, model → bits and bytes of each document, NaN where nothing is predicted.
        sources: a number for each document, the same for those of one source. Texts, and so sources, are the same in
            both runs: their digests have them in them.
    """

    language: str
    runs: Sequence[Mapping[str, Documents]]
    sources: NDArray[np.int64]


def delta_changes(a: Result, b: Result) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The tables of a comparison of two runs of kind `deltas`, and warnings.

    Models are told apart by their names: the multilingual models of one name are compared, and so are the monolingual
    ones.

    Args:
        a: the first run.
        b: the second, which can be compared with it.
    """
    names = [list(run.tables["models"]["model"]) for run in (a, b)]
    models = [name for name in names[0] if name in set(names[1])]
    changes = Changes()
    for language in common_languages(a, b):
        read = _read((a, b), language)
        for model in models:
            if all(model in run for run in read.runs):
                _add_quality(changes, read, model)
        for key in _delta_keys((a, b), language):
            _add_delta(changes, read, *key)
    table = change_table(changes.rows(_UNKNOWN))
    keys = ["language", "multilingual", "monolingual"]
    moved = verdict_changes(table, "deltas", "delta", a.tables["deltas"], b.tables["deltas"], keys)
    return {"changes": table, "verdict_changes": moved}, only_one_has("models", *names)


def _delta_keys(runs: Sequence[Result], language: str) -> list[tuple[str, str]]:
    """The multilingual and monolingual models that both runs hold against each other."""
    found = []
    for run in runs:
        own = run.tables["deltas"]
        own = own[own["language"] == language]
        found.append(list(zip(own["multilingual"], own["monolingual"], strict=True)))
    return [key for key in found[0] if key in set(found[1])]


def _read(runs: Sequence[Result], language: str) -> _Read:
    tables = []
    for run in runs:
        table = run.tables["documents"]
        tables.append(table[table["language"] == language])
    lines = pd.Index(sorted(set(tables[0]["line"])))
    documents = []
    for table in tables:
        own: dict[str, Documents] = {}
        for model, rows in table.groupby("model"):
            by_line = rows.set_index("line").reindex(lines)
            own[str(model)] = (_numbers(by_line["bits"]), _numbers(by_line["bytes"]))
        documents.append(own)
    first = tables[0].drop_duplicates("line").set_index("line")
    return _Read(language, documents, first["source"].reindex(lines).to_numpy(dtype=np.int64))


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)


def _known(documents: Sequence[Documents]) -> NDArray[np.bool_]:
    """The documents that all of these have numbers of."""
    known: NDArray[np.bool_] = np.all([np.isfinite(bits) & (sizes > 0) for bits, sizes in documents], axis=0)
    return known


def _kept(documents: Documents, known: NDArray[np.bool_]) -> Documents:
    return documents[0][known], documents[1][known]


def _add_quality(changes: Changes, read: _Read, model: str) -> None:
    first, second = (run[model] for run in read.runs)
    known = _known([first, second])
    before, after, found = quality_change(_kept(first, known), _kept(second, known), read.sources[known])
    _add(changes, ("quality", "bits_per_byte", model), {"model": model}, read, before, after, found)


def _add_delta(changes: Changes, read: _Read, multilingual: str, monolingual: str) -> None:
    documents = [(run[multilingual], run[monolingual]) for run in read.runs]
    known = _known([own for pair in documents for own in pair])
    first, second = ((_kept(m, known), _kept(n, known)) for m, n in documents)
    keys = {"multilingual": multilingual, "monolingual": monolingual}
    for name, (before, after, found) in delta_change(first, second, read.sources[known]).items():
        _add(changes, ("deltas", name, multilingual), keys, read, before, after, found)


def _add(
    changes: Changes,
    family: tuple[str, ...],
    keys: Mapping[str, Any],
    read: _Read,
    before: float,
    after: float,
    found: Influence,
) -> None:
    keys = {"language": read.language, **keys}
    changes.add(family, keys, before, after, (found.difference, found.low, found.high, found.p_value))
