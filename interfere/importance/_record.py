"""From scores to a result: tables, counts, versions, warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.checkpoint import Expert
from interfere.engine import ChunkCounts, LossPath
from interfere.head import head_warnings
from interfere.importance._ablate import ABLATED
from interfere.importance._index import UnitIndex
from interfere.importance._scoring import ScoringPath
from interfere.results import Result
from interfere.runs import (
    Reading,
    chunk_table,
    data_facts,
    environment_facts,
    expert_table,
    guessing_loss,
    mean_losses,
    model_warnings,
    text_warnings,
)
from interfere.settings import ImportanceSettings
from interfere.statistics import (
    OF_METHOD,
    Chosen,
    Damage,
    UnitGroup,
    ablation_tables,
    comparable,
    judge_units,
    overlap_table,
    profile_table,
    scored_groups,
)

Scores = NDArray[np.float64]

_BROKEN = 0.2
"""A warning is due when random units raise the loss by more than this share of it."""

OWN_UNITS = 200
"""Rows of the table `own_units` for each language and method; `own_units` of the package gives all."""


@dataclass(frozen=True)
class Run:
    """What is read, and the units that are scored.

    Args:
        reading: a checkpoint and its text in chunks.
        settings: as given.
        index: the units.
    """

    reading: Reading
    settings: ImportanceSettings
    index: UnitIndex

    @cached_property
    def groups(self) -> tuple[UnitGroup, ...]:
        """Units of one kind in one layer."""
        out = [
            UnitGroup(place.family.layer, place.family.block, place.family.kind, place.start, place.family.count)
            for place in self.index.places
        ]
        out += [UnitGroup(*where, "block", start, 1) for where, start in self.index.blocks.items()]
        rows = self.index.table
        out += [
            UnitGroup(rows["layer"].iloc[start], rows["block"].iloc[start], "tensor", start, 1)
            for start in self.index.tensors.values()
        ]
        return tuple(out)


@dataclass(frozen=True)
class Gates:
    """Trained gates.

    Args:
        keep: shape (sparsities, L, 2, units): keep probabilities, by half.
        loss: shape (sparsities, L, 2): mean loss at the end of training.
    """

    keep: Scores
    loss: Scores


@dataclass(frozen=True)
class Computed:
    """What a run has found, and how it was computed.

    Args:
        counts: what was read.
        scores: method → shape (L, slots, units).
        gates: where they were trained.
        chosen: the units that the first method picks.
        damage: what removing them does, where that was asked for.
        loss_path: which way to the loss was taken.
        scoring: which way to gradients of single documents was taken.
        memory: what was done about memory that did not suffice, in sentences.
        reached: the experts of a mixture, and shape (E, L, K): which of them each chunk reached.
    """

    counts: ChunkCounts
    scores: Mapping[str, Scores]
    gates: Gates | None
    chosen: Chosen
    damage: Damage | None
    loss_path: LossPath
    scoring: ScoringPath
    memory: Sequence[str]
    reached: tuple[Sequence[Expert], NDArray[np.bool_]] | None = None


def make_result(run: Run, computed: Computed, command: str) -> Result:
    """Put together all that a run has found.

    Args:
        run: what was run.
        computed: what came of it.
        command: how it was asked for.
    """
    reading, settings, counts = run.reading, run.settings, computed.counts
    languages = list(counts.languages)
    recorded = asdict(settings) | reading.recorded_settings()
    recorded |= {"loss_path": computed.loss_path.name, "scoring": computed.scoring.name}
    for name, path in (("loss_path_reason", computed.loss_path), ("scoring_reason", computed.scoring)):
        if path.reason:
            recorded[name] = path.reason
    if computed.loss_path.alone:
        recorded["alone_reason"] = computed.loss_path.alone
    layers, overlaps, own, own_counts = [], [], [], []
    for method, scores in computed.scores.items():
        groups = scored_groups(method, run.groups)
        values = comparable(scores, method, run.groups)
        layers.append(profile_table(scores, groups, languages, method))
        overlaps.append(overlap_table(values, groups, languages, method, settings.top))
        tables = judge_units(scores, run.groups, languages, method, settings.top)
        own.append(_strongest(tables[0]))
        own_counts.append(tables[1])
    tables_ = {
        "layers": pd.concat(layers, ignore_index=True),
        "overlap": pd.concat(overlaps, ignore_index=True),
        "own_units": pd.concat(own, ignore_index=True),
        "own_counts": pd.concat(own_counts, ignore_index=True),
        "units": _units(run),
        "chunks": chunk_table(reading, counts),
    }
    if computed.reached is not None:
        good = [i for i, language in enumerate(languages) if language not in counts.failed]
        experts, seen = computed.reached
        tables_["experts"] = expert_table(experts, seen[:, good], [languages[i] for i in good])
    if computed.damage is not None:
        tables_["ablation"], tables_["specificity"] = ablation_tables(computed.damage, languages)
    if computed.gates is not None:
        tables_["gates"] = _gates(run, computed.gates, languages)
    data = data_facts(reading, counts)
    return Result(
        kind="importance",
        languages=languages,
        tables=tables_,
        model=reading.recorded_model(),
        data=data,
        settings=recorded,
        environment=environment_facts(),
        warnings=[
            *model_warnings(counts.failed, mean_losses(counts), guessing_loss(reading)),
            *head_warnings(reading),
            *reading.signal_warnings(),
            *_without_units(run),
            *_not_removed(run, computed),
            *_broken(run, computed),
            *text_warnings(data, recorded),
            *computed.memory,
        ],
        command=command,
        arrays=dict(computed.scores),
    )


def _strongest(own_units: pd.DataFrame) -> pd.DataFrame:
    """The units that are a language's own, the strongest on half b first, so many of each language."""
    rows = own_units[own_units["own"]]
    order = (rows["score_b"] - rows["others_b"]).sort_values(ascending=False, kind="stable").index
    strongest = rows.loc[order].groupby("language", sort=False).head(OWN_UNITS)
    return strongest.sort_values("language", kind="stable").reset_index(drop=True)


def _units(run: Run) -> pd.DataFrame:
    """One row a group of units that stand together: their place in the arrays of scores, and how large they are."""
    rows = run.index.table
    return pd.DataFrame(
        {
            "layer": group.layer,
            "block": group.block,
            "kind": group.kind,
            "name": rows["unit"].iloc[group.start] if group.kind in ("block", "tensor") else "",
            "start": group.start,
            "units": group.count,
            "parameters": int(rows["parameters"].iloc[group.where].sum()),
        }
        for group in run.groups
    )


def _gates(run: Run, gates: Gates, languages: Sequence[str]) -> pd.DataFrame:
    """One row a language, half, sparsity and group of units: keep probabilities, and the loss with gates."""
    rows = []
    for step, sparsity in enumerate(run.settings.gate_sparsity):
        for row, language in enumerate(languages):
            for half in range(2):
                for group in run.groups:
                    if group.kind in OF_METHOD["gates"]:
                        keep = gates.keep[step, row, half, group.where]
                        rows.append(
                            {
                                "language": language,
                                "split": "ab"[half],
                                "sparsity": sparsity,
                                "layer": group.layer,
                                "block": group.block,
                                "kind": group.kind,
                                "keep": float(keep.mean()),
                                "prune_confidence": float(np.abs(2 * keep - 1).mean()),
                                "loss": float(gates.loss[step, row, half]),
                            }
                        )
    return pd.DataFrame(rows)


def _not_removed(run: Run, computed: Computed) -> list[str]:
    """A sentence on kinds of units that ablation left alone, since the top share of a layer is none of them."""
    if computed.damage is None:
        return []
    removed = {group.kind for group in computed.chosen.counts}
    largest = {group.kind: group.count for group in run.groups if group.kind in ABLATED and group.kind not in removed}
    return [
        f"No {kind}s were removed: --top {run.settings.top:g} of the {count} in a layer is less than half of one."
        if kind in OF_METHOD.get(run.settings.methods[0], (kind,))
        else f"No {kind}s were removed, since --method {run.settings.methods[0]} does not score them."
        for kind, count in largest.items()
    ]


def _broken(run: Run, computed: Computed) -> list[str]:
    """A sentence if so many units are removed that it hardly matters which."""
    if computed.damage is None:
        return []
    base = computed.damage.base.mean(axis=1)
    raised = np.nanmedian((computed.damage.random.mean(axis=(0, 2)) - base) / base)
    if not raised > _BROKEN:
        return []
    return [
        f"Removing as many random units raises the loss by {raised:.0%} (the median of languages): so much is gone "
        f"that specificity says little of these units. Give less than --top {run.settings.top:g}."
    ]


def _without_units(run: Run) -> list[str]:
    """A sentence on layers in which no units were told apart."""
    missing = run.index.units.without
    if not run.index.places:
        return ["No attention heads and no neurons were found in this model: its blocks and tensors are scored."]
    if not missing:
        return []
    more = f", and the same in {len(missing) - 1} more places" if len(missing) > 1 else ""
    return [f"Not all units are scored: {missing[0]}{more}. Their blocks and tensors are."]
