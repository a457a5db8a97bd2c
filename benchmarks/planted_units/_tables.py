"""What is measured on a plant, table by table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import stats

from benchmarks.planted_units._plant import (
    KINDS,
    LANGUAGES,
    LENGTH,
    SHARE,
    Floats,
    Integers,
    Plant,
    Recipe,
    as_batch,
    as_texts,
    draw_documents,
    mean_losses,
)
from interfere import ImportanceSettings, Result, analyze_importance
from interfere.importance._sites import changed_sites, removal
from interfere.settings import Ablation
from interfere.statistics import UnitGroup, comparable, margins

METHODS = ("taylor", "fisher", "activation", "gates")

LEVEL = 0.05
"""Stated rate of runs that call a unit a language's own where there is none."""


def removal_damage(plant: Plant, removed: Sequence[NDArray[np.bool_]], documents: Integers) -> Floats:
    """By how much each language's loss rises where units give zeros.

    Args:
        plant: the model.
        removed: R sets of units, each of shape (units,).
        documents: shape (L, count, LENGTH).

    Returns:
        Shape (R, L), in nats per prediction.
    """
    batch = as_batch(documents.reshape(-1, LENGTH))
    found = []
    for units in (np.zeros(len(plant.index), dtype=bool), *removed):
        changes = removal(plant.index, torch.from_numpy(units), None)
        with changed_sites(plant.model, changes), torch.no_grad():
            found.append(mean_losses(plant.model, batch).double().view(len(LANGUAGES), -1).mean(1).numpy())
    return np.array(found[1:]) - found[0]


def removal_documents(recipe: Recipe) -> Integers:
    """Documents that removal is measured on, shape (L, count, LENGTH)."""
    random = np.random.default_rng([recipe.seed, 4])
    return np.stack([draw_documents(row, recipe.removal_documents, random) for row in range(len(LANGUAGES))])


def plant_table(plant: Plant, documents: Integers) -> pd.DataFrame:
    """Whether the plant holds: what removing the units of each owner does to each language, without any score."""
    sets, names = [], []
    for kinds in (KINDS, *((kind,) for kind in KINDS)):
        of_kinds = np.any([plant.of_kind(kind) for kind in kinds], axis=0)
        for owner in range(-1, len(LANGUAGES)):
            sets.append(of_kinds & (plant.owner == owner))
            names.append((" and ".join(f"{kind}s" for kind in kinds), LANGUAGES[owner] if owner >= 0 else "all"))
    damage = removal_damage(plant, sets, documents)
    frame = pd.DataFrame(damage, columns=list(LANGUAGES))
    frame.insert(0, "of", [owner for _, owner in names])
    frame.insert(0, "units", [kind for kind, _ in names])
    return frame


def language_margins(result: Result, method: str) -> Floats:
    """Language margins of comparable scores, shape (L, units), over all slots."""
    scores = result.arrays[method].mean(axis=1)
    groups = [
        UnitGroup(row["layer"], row["block"], row["kind"], row["start"], row["units"])
        for row in result.tables["units"].to_dict(orient="records")
    ]
    return margins(comparable(scores, method, groups))


def auc(values: Floats, planted: NDArray[np.bool_]) -> float:
    """The probability that a planted unit has a higher value than another unit, ties counting half."""
    higher = stats.mannwhitneyu(values[planted], values[~planted]).statistic
    return float(higher / (planted.sum() * (~planted).sum()))


def auc_rows(plant: Plant, method: str, found: Floats, *, every_unit: bool = False) -> Iterator[dict[str, object]]:
    """How well margins tell a language's planted units from all other units of their kind.

    Args:
        plant: what was planted.
        method: recorded.
        found: shape (L, units): margins.
        every_unit: judge by all units, also those that were left out.
    """
    judged = np.ones(len(plant.index), dtype=bool) if every_unit else ~plant.left_out
    for kind in KINDS:
        units = plant.of_kind(kind) & judged & np.isfinite(found).all(axis=0)
        if not units.any():
            continue
        each = {language: auc(found[row, units], plant.owner[units] == row) for row, language in enumerate(LANGUAGES)}
        yield {"method": method, "units": f"{kind}s", **each, "mean": float(np.mean(list(each.values())))}


def auc_table(plant: Plant, result: Result, documents: Integers) -> pd.DataFrame:
    """AUC of every method, of removing units one by one, and of what explains where methods fail."""
    found = {method: language_margins(result, method) for method in result.arrays}
    rows = [row for method, values in found.items() for row in auc_rows(plant, method, values)]
    for method, values in found.items():
        rows += auc_rows(plant, f"{method}, none left out", values, every_unit=True)
    gated = plant.index.places[-1].end
    alone = removal_damage(plant, list(np.eye(gated, len(plant.index), dtype=bool)), documents)
    damage = np.full((len(LANGUAGES), len(plant.index)), np.nan)
    damage[:, :gated] = alone.T
    rows += [*auc_rows(plant, "removal one by one", margins(damage)), *explaining_rows(plant, documents)]
    return pd.DataFrame(rows)


def explaining_rows(plant: Plant, documents: Integers) -> Iterator[dict[str, object]]:
    """AUC of what the methods leave out or mix: how much a unit gives, and Fisher information side by side.

    Args:
        plant: the model.
        documents: shape (L, count, LENGTH).
    """
    index = plant.index
    given = np.full((len(LANGUAGES), len(index)), np.nan)
    fisher = {side: np.full((len(LANGUAGES), len(index)), np.nan) for side in ("in", "out")}

    def watch(path: str, language: int) -> Callable[[torch.Tensor], torch.Tensor]:
        place = index.sites[path][0]

        def change(values: torch.Tensor) -> torch.Tensor:
            lengths = values.unflatten(-1, (place.family.count, -1)).norm(dim=-1).mean((0, 1))
            given[language, place.start : place.end] = lengths.numpy()
            return values

        return change

    for language in range(len(LANGUAGES)):
        batch = as_batch(documents[language])
        with changed_sites(plant.model, {path: watch(path, language) for path in index.sites}), torch.no_grad():
            plant.model(input_ids=batch)
        squares: dict[str, torch.Tensor] = {}
        for document in batch.split(1):
            plant.model.zero_grad()
            mean_losses(plant.model, document).sum().backward()
            for path in index.members:
                square = plant.model.get_submodule(path).weight.grad.double().square()
                squares[path] = squares[path] + square if path in squares else square
        plant.model.zero_grad()
        for place in index.places:
            for side, found in fisher.items():
                sums = np.zeros(place.family.count)
                for member in place.family.members:
                    if member.side == side:
                        known = member.units >= 0
                        each = squares[member.module].sum(0 if side == "in" else 1).numpy()
                        sums += np.bincount(member.units[known], each[known], place.family.count)
                found[language, place.start : place.end] = sums / sums.sum()
    yield from auc_rows(plant, "mean length of what it gives", margins(given))
    yield from auc_rows(plant, "fisher of the weights after it alone", margins(fisher["in"]))
    yield from auc_rows(plant, "fisher of the weights before it alone", margins(fisher["out"]))


def constants_table(plant: Plant, documents: Integers) -> pd.DataFrame:
    """What each language loses where a language's planted units give a constant: zero, or one of two means.

    Args:
        plant: the model.
        documents: shape (L, count, LENGTH); the means are theirs.
    """
    index = plant.index
    means: list[dict[str, torch.Tensor]] = []

    def watch(path: str, into: dict[str, torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        def change(values: torch.Tensor) -> torch.Tensor:
            into[path] = values.mean((0, 1))
            return values

        return change

    def losses(batch: torch.Tensor, units: NDArray[np.bool_], constants: dict[str, torch.Tensor] | None) -> float:
        with changed_sites(plant.model, removal(index, torch.from_numpy(units), constants)), torch.no_grad():
            return float(mean_losses(plant.model, batch).double().mean())

    batches = [as_batch(documents[language]) for language in range(len(LANGUAGES))]
    for batch in batches:
        means.append({})
        with changed_sites(plant.model, {path: watch(path, means[-1]) for path in index.sites}), torch.no_grad():
            plant.model(input_ids=batch)
    common = {path: torch.stack([own[path] for own in means]).mean(0) for path in index.sites}
    nothing = np.zeros(len(index), dtype=bool)
    rows = []
    for name in ("zero", "mean over all languages", "mean of the language that is read"):
        for removed, owner in enumerate(LANGUAGES):
            row: dict[str, object] = {"constant": name, "removed": owner}
            for language, batch in enumerate(batches):
                constants = {"zero": None, "mean over all languages": common}.get(name, means[language])
                units = plant.owner == removed
                row[LANGUAGES[language]] = losses(batch, units, constants) - losses(batch, nothing, None)
            rows.append(row)
    return pd.DataFrame(rows)


def measure(plant: Plant, recipe: Recipe, **settings: Any) -> Result:
    """`analyze_importance` on fresh documents of the three languages."""
    random = np.random.default_rng([recipe.seed, 2])
    corpus = {
        language: as_texts(draw_documents(row, recipe.documents, random)) for row, language in enumerate(LANGUAGES)
    }
    chosen = ImportanceSettings(chunks=recipe.chunks, top=SHARE, seed=recipe.seed)
    return analyze_importance(plant.checkpoint, corpus, "causal-lm", replace(chosen, **settings))


def ablation_table(plant: Plant, recipe: Recipe) -> pd.DataFrame:
    """The ablation matrix with units picked by the Taylor score, for both things that can take a unit's place.

    Returns:
        One row a replacement and set of units: replacement, removed, the damage to each language, and for a language's
        units own_damage and others_damage from the table `specificity`, both beyond random units.
    """
    frames = []
    for replacement in get_args(Ablation):
        result = measure(plant, recipe, methods=("taylor",), ablate=True, ablation=replacement)
        matrix = result.tables["ablation"].pivot(index="removed", columns="language", values="damage")
        specific = result.tables["specificity"].set_index("language")[["own_damage", "others_damage"]]
        frame = matrix.join(specific).reset_index(names="removed")
        frame.insert(0, "replacement", replacement)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def null_runs(plant: Plant, recipe: Recipe, names: int, methods: Sequence[str] = METHODS[:3]) -> pd.DataFrame:
    """One language under several names: how many units each run calls a name's own.

    Every run draws new documents of one language, deals them to the names, and has a seed of its own.

    Returns:
        One row a run and method: names, run, language, method, picked, own.
    """
    rows = []
    for run in range(recipe.null_runs):
        language = run % len(LANGUAGES)
        random = np.random.default_rng([recipe.seed, 3, names, run])
        texts = as_texts(draw_documents(language, names * recipe.documents, random))
        corpus = {f"name{i}": texts[i::names] for i in range(names)}
        settings = ImportanceSettings(methods=tuple(methods), chunks=recipe.chunks, top=SHARE, seed=run)
        counts = analyze_importance(plant.checkpoint, corpus, "causal-lm", settings).tables["own_counts"]
        for method in methods:
            found = counts[counts["method"] == method]
            row = {"names": names, "run": run, "language": LANGUAGES[language], "method": method}
            rows.append(row | {"picked": int(found["picked"].sum()), "own": int(found["own"].sum())})
    return pd.DataFrame(rows)


def null_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs that call at least one unit a name's own, and the most that the stated rate gives in 99 of 100 cases."""
    found = runs.assign(wrong=runs["own"] > 0).groupby(["names", "method"])
    table = found.agg(
        runs=("run", "count"), picked=("picked", "mean"), units_own=("own", "sum"), runs_with_own=("wrong", "sum")
    ).reset_index()
    table["allowed"] = stats.binom.ppf(0.99, table["runs"], LEVEL).astype(int)
    return table
