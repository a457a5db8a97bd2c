"""The result of an analysis, as an object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.errors import InputError

SCHEMA_VERSION = 1


@dataclass(frozen=True, repr=False)
class Result:
    """What an analysis found, and all that is needed to say how.

    Args:
        kind: which analysis: `gradients`, `importance`, `deltas`, `tasks`, `experiment`, `comparison` or
            `trajectory`.
        languages: sorted.
        tables: name → table; those of kind `gradients` are `pairs`, `self`, `groups`, `tensors` and `chunks`, and
            of a mixture of experts `experts` and `expert_overlap`; those of
            kind `importance` `layers`, `overlap`, `own_units`, `own_counts`, `units`, `chunks`, and where units were
            removed `ablation` and `specificity`, where gates were trained `gates`; those of kind `deltas` `deltas`,
            `quality`, `models`, `documents`, and where monolingual models of several sizes were given `worth`; those of
            kind `tasks` `task_scores`, `task_deltas` and `task_units`; those of kind `experiment` `deltas`, `curves`,
            `conflict`, `predictors`, `predictions`, `quality` and `models`, or of short runs `scout`; those of kind
            `comparison` `changes` and `verdict_changes`; those of kind `trajectory` `pairs`, `self`, `groups`,
            `checkpoints` and `changes`.
        model: id, revision, architecture, objective, parameters, weights_sha256.
        data: language → documents, tokens, bytes, sha256 and what was left out.
        settings: everything that was chosen, by the user or by default.
        environment: versions, device, date.
        warnings: what a reader has to know before believing a number, in sentences.
        command: the command line or call that made it.
        arrays: of kind `gradients` Gram matrices: `METRIC/LEVEL` → shape (G, L, K, L, K), and of
            groups that are sums of experts those of their parts; of kind `importance` the
            scores of all units: method → shape (L, K, units).
        array_groups: level → the G names of its groups.
    """

    kind: str
    languages: Sequence[str]
    tables: Mapping[str, pd.DataFrame]
    model: Mapping[str, Any]
    data: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any]
    environment: Mapping[str, Any]
    warnings: Sequence[str] = ()
    command: str = ""
    arrays: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    array_groups: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __repr__(self) -> str:
        """One line; tables are looked at one by one."""
        rows = ", ".join(f"{name} {len(table):,}" for name, table in self.tables.items())
        return f"<Result {self.kind} of {self.model.get('id')}: {', '.join(self.languages)}; rows: {rows}>"

    @property
    def pairs(self) -> pd.DataFrame:
        """One row per pair of languages, group and metric."""
        return self.tables["pairs"]

    @property
    def self_similarity(self) -> pd.DataFrame:
        """One row per language, group and metric (the table `self`)."""
        return self.tables["self"]

    @property
    def groups(self) -> pd.DataFrame:
        """One row per group and metric."""
        return self.tables["groups"]

    @property
    def tensors(self) -> pd.DataFrame:
        """One row per tensor and metric: which layer and kind it is, and how much of the norm it owns."""
        return self.tables["tensors"]

    @property
    def chunks(self) -> pd.DataFrame:
        """One row per language and slot: documents, predicted tokens, bytes, loss, and the lines that were read."""
        return self.tables["chunks"]

    def matrix(self, column: str = "corrected", group: str = "body", metric: str | None = None) -> pd.DataFrame:
        """A column of `pairs` as a symmetric table, language by language.

        Args:
            column: a column of `pairs` that does not depend on the direction.
            group: a group's name.
            metric: a metric's name; default: the first that was asked for.

        Returns:
            Languages × languages; 1 on the diagonal of `corrected`, nothing on that of other columns.

        Raises:
            KeyError: no such column, group or metric in this result.
        """
        metric = metric if metric is not None else self.settings["metrics"][0]
        for value, known in (
            (column, list(self.pairs.columns)),
            (group, list(self.pairs["group"].unique())),
            (metric, list(self.settings["metrics"])),
        ):
            if value not in known:
                raise KeyError(f"{value!r} is not in this result, which has {', '.join(known)}")
        rows = self.pairs[(self.pairs["group"] == group) & (self.pairs["metric"] == metric)]
        out = pd.DataFrame(np.nan, index=list(self.languages), columns=list(self.languages))
        for a, b, value in zip(rows["a"], rows["b"], rows[column], strict=True):
            out.loc[a, b] = out.loc[b, a] = value
        if column == "corrected":
            for language in self.languages:
                out.loc[language, language] = 1.0
        return out

    def save(self, directory: str | Path, *, overwrite: bool = False) -> Path:
        """Write a complete run directory, with tables and figures, or nothing.

        Raises:
            InputError: the directory exists and `overwrite` is not set.
        """
        from interfere.report import write_run
        from interfere.results._run_directory import RunDirectory

        if Path(directory).exists() and not overwrite:
            raise InputError(f"{directory} exists already; name another folder, or give overwrite=True")
        run = RunDirectory.check(directory, overwrite=overwrite).open()
        try:
            write_run(self, run.path)
        except BaseException:
            run.worth_resuming()
            raise
        return run.finish()
