"""Planted units: heads and neurons that serve one language, and how well `analyze_importance` finds them.

    python -m benchmarks.planted_units [--quick] [--output FILE]

A small causal LM is trained on three synthetic languages. In every layer a quarter of the heads and of the neurons is
reserved for each language, and a quarter is left to all. A language's own words follow rules of its own, common words
rules that are the same everywhere; reserved units serve the former, the others the latter. While the model is trained,
what a unit gives at words that are not its own is hidden from the layer that reads it, and what it would have added to
the residual stream there is a cost. In the last steps nothing is hidden: the trained model is an ordinary one, whose
reserved units are silent on other languages by themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.planted_units._plant import (
    LANGUAGES,
    MODELS,
    QUICK,
    TIMES,
    Recipe,
    grow,
)
from benchmarks.planted_units._tables import (
    METHODS,
    ablation_table,
    auc_table,
    constants_table,
    measure,
    null_runs,
    null_table,
    plant_table,
    removal_documents,
)


def criteria(tables: dict[str, pd.DataFrame]) -> list[tuple[str, str, bool]]:
    """What was asked of one model, what came out, and whether it passes."""
    plant, found, ablation, null = (tables[name] for name in ("plant", "auc", "ablation", "null"))
    out = []
    for units, rows in plant.groupby("units", sort=False):
        matrix = rows.set_index("of").loc[list(LANGUAGES), list(LANGUAGES)].to_numpy()
        own, others = matrix.diagonal().min(), np.abs(matrix[~np.eye(len(matrix), dtype=bool)]).max()
        out.append(
            (
                f"planted: own {units} removed, own loss rises {TIMES} × others'",
                f"{own:.4f}, {others:.4f}",
                own >= 10 * others,
            )
        )
    common = plant.loc[plant["of"] == "all", list(LANGUAGES)].iloc[0].min()
    out.append(("planted: every language needs the units left to all", f"at least {common:.4f}", common >= 0.1))
    for row in found.to_dict(orient="records"):
        if row["method"] in METHODS:
            out.append((f"AUC ≥ 0.95: {row['method']}, {row['units']}", f"{row['mean']:.4f}", row["mean"] >= 0.95))
    for replacement, rows in ablation[ablation["removed"].isin(LANGUAGES)].groupby("replacement", sort=False):
        own, others = rows["own_damage"], rows["others_damage"]
        out.append(
            (
                f"beyond random, own damage ≥ {TIMES} × others' ({replacement})",
                f"own {own.min():.3f} to {own.max():.3f}, others {others.min():.3f} to {others.max():.3f}",
                bool((own >= TIMES * others.clip(lower=0)).all() and (own > 0).all()),
            )
        )
        matrix = rows.set_index("removed").loc[list(LANGUAGES), list(LANGUAGES)].to_numpy()
        ratio = matrix.diagonal() / np.abs(matrix - np.diag(matrix.diagonal())).max(axis=1)
        out.append(
            (
                f"as it is, own damage ≥ {TIMES} × any other's ({replacement})",
                f"{ratio.min():.1f} ×",
                ratio.min() >= TIMES,
            )
        )
    for row in null.to_dict(orient="records"):
        asked = f"runs with an own unit ≤ {row['allowed']} of {row['runs']}"
        found_own = row["runs_with_own"]
        out.append(
            (f"null, {row['names']} names, {row['method']}: {asked}", f"{found_own}", found_own <= row["allowed"])
        )
    return out


def _markdown(table: pd.DataFrame) -> str:
    def cell(value: object) -> str:
        if isinstance(value, float):
            return "" if np.isnan(value) else f"{value:.4f}"
        return str(value)

    rows = [list(map(str, table.columns)), ["---"] * len(table.columns)]
    rows += [[cell(value) for value in row] for row in table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def examine(architecture: str, recipe: Recipe) -> dict[str, pd.DataFrame]:
    """Grow a plant and measure everything on it: tables `plant`, `left out`, `auc`, `ablation`, `constants`, `null`."""
    plant = grow(recipe, architecture)
    documents = removal_documents(recipe)
    left_out = pd.DataFrame(
        {
            "layer": place.family.layer,
            "units": f"{place.family.kind}s",
            "of": LANGUAGES[owner] if owner >= 0 else "all",
            "left_out": int((plant.left_out & (plant.owner == owner))[place.start : place.end].sum()),
        }
        for place in plant.index.places
        for owner in range(-1, len(LANGUAGES))
    )
    return {
        "plant": plant_table(plant, documents),
        "left out": left_out.pivot(index=["layer", "units"], columns="of", values="left_out").reset_index(),
        "auc": auc_table(plant, measure(plant, recipe, methods=METHODS), documents),
        "ablation": ablation_table(plant, recipe),
        "constants": constants_table(plant, documents),
        "null": null_table(pd.concat([null_runs(plant, recipe, names) for names in (2, 3)], ignore_index=True)),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a Llama alone, trained for 300 steps, with 4 null runs")
    parser.add_argument("--output", type=Path, help="a JSON file for all tables")
    options = parser.parse_args(arguments)
    recipe = QUICK if options.quick else Recipe()
    start = time.monotonic()
    found: dict[str, Any] = {}
    for architecture in list(MODELS)[:1] if options.quick else MODELS:
        tables = examine(architecture, recipe)
        results = criteria(tables)
        print(f"## {architecture}\n")
        for name, table in tables.items():
            print(f"{name}\n\n{_markdown(table)}\n")
        print("| criterion | result | |\n|---|---|---|")
        print("\n".join(f"| {name} | {value} | {'pass' if ok else 'FAIL'} |" for name, value, ok in results), "\n")
        found[architecture] = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}
        found[architecture]["criteria"] = [
            {"name": name, "result": value, "pass": bool(ok)} for name, value, ok in results
        ]
        print(f"{time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    if options.output is not None:
        document = {"recipe": asdict(recipe), "seconds": round(time.monotonic() - start), "models": found}
        options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0 if all(row["pass"] for model in found.values() for row in model["criteria"]) else 1


if __name__ == "__main__":
    sys.exit(main())
