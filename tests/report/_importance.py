"""Results of kind `importance` made by hand, with whatever numbers a test wants in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
import pandas as pd

from interfere.results import Result

NAN = float("nan")
NEURONS = 64
PICKED = 6
OWN_UNITS = ("language", "method", "layer", "block", "kind", "unit", "score_a", "others_a", "score_b", "others_b")
OWN_UNITS += ("p_value", "q_value", "own")


def _noise(*keys: object) -> float:
    """A number between 0 and 1 that depends on the keys alone."""
    return (crc32(" ".join(map(str, keys)).encode("utf-8", "replace")) % 10_007) / 10_007


def make_importance(
    languages: Sequence[str],
    *,
    layers: Sequence[str] = ("encoder.0", "encoder.1"),
    heads: int = 4,
    methods: Sequence[str] = ("taylor", "fisher"),
    ablate: bool = True,
    gates: bool = True,
    chunks: int = 16,
    failed: Sequence[str] = (),
    share: Callable[[str, str, str], float] = lambda language, layer, kind: 1 + _noise(language, layer, kind),
    rank: Callable[[str, str], float] = lambda a, b: 0.9 * _noise(*sorted((a, b))),
    rank_width: float = 0.02,
    own: Callable[[int], int] = lambda i: 2 + i % 4,
    damage: Callable[[str, str], float] = lambda removed, language: 0.2 if removed == language else 0.01,
    damage_width: float = 0.05,
    q_value: Callable[[int], float] = lambda i: 0.0123,
    keep: Callable[[str, str, str], float] = lambda language, layer, kind: 0.5 + 0.4 * _noise(language, layer, kind),
    model_id: str = "some/model-134m",
    warnings: Sequence[str] = (),
) -> Result:
    """A result of kind `importance`.

    Args:
        languages: are sorted.
        layers: of the model.
        heads: of each layer; they are compared where there are at least 3.
        methods: `activation` has neurons alone and `gates` two slots and no blocks, as in a real result.
        ablate: whether there are tables `ablation` and `specificity`.
        gates: whether there is a table `gates`.
        chunks: below 8 overlaps have no intervals, below 6 nothing that one half judges has, below 4 nothing has.
        failed: languages whose numbers are NaN.
        share: of language, layer and kind; is made to sum to 1.
        rank: rank overlap of two languages; a language with itself has 0.95.
        rank_width: half width of its interval.
        own: number of the language → how many of its picked neurons are its own.
        damage: of removed (a language, core or random) and language.
        damage_width: half width of its interval.
        q_value: number of the language → q of its specificity.
        keep: of language, layer and kind: keep probability of half a; that of half b is 0.04 higher.
        model_id: name of the model.
        warnings: of the run.
    """
    languages = sorted(languages)
    tables = {
        "layers": pd.concat([_layers(languages, layers, heads, m, _slots(m, chunks), failed, share) for m in methods]),
        "overlap": pd.concat(
            [_overlap(languages, layers, heads, m, _slots(m, chunks), failed, rank, rank_width) for m in methods]
        ),
        "own_units": pd.concat([_own_units(languages, layers, m, _slots(m, chunks), failed, own) for m in methods]),
        "own_counts": pd.concat([_own_counts(languages, layers, m, _slots(m, chunks), failed, own) for m in methods]),
    }
    tables = {name: table.reset_index(drop=True) for name, table in tables.items()}
    tables["units"] = pd.DataFrame({"layer": list(layers), "block": "mlp", "kind": "neuron", "units": NEURONS})
    if ablate:
        tables["ablation"] = _ablation(languages, chunks, failed, damage, damage_width)
        tables["specificity"] = _specificity(languages, chunks, failed, damage, damage_width, q_value)
    if gates:
        tables["gates"] = _gates(languages, layers, failed, keep)
    return Result(
        kind="importance",
        languages=languages,
        tables=tables,
        model={"id": model_id, "objective": "masked-lm", "architecture": "X", "parameters": 1},
        data={language: {"documents": 480, "tokens": 16_384} for language in languages},
        settings={"methods": list(methods), "chunks": chunks, "top": 0.1, "ablate": ablate, "ablation": "mean"},
        environment={"date": "2026-01-02T03:04:05"},
        warnings=list(warnings),
        command="interfere importance --model some/model-134m",
        arrays={method: np.zeros((len(languages), _slots(method, chunks), 3)) for method in methods},
    )


def _kinds(method, heads):
    if method == "activation":
        return [("mlp", "neuron", NEURONS)]
    blocks = [("attention", "block", 1), ("mlp", "block", 1)] if method != "gates" else []
    return [("attention", "head", heads), ("mlp", "neuron", NEURONS), *blocks]


def _slots(method, chunks):
    return 2 if method == "gates" else chunks


def _layers(languages, layers, heads, method, chunks, failed, share):
    rows = []
    for block, kind, units in _kinds(method, heads):
        for language in languages:
            total = sum(share(language, layer, kind) for layer in layers) * (2 if kind == "block" else 1)
            for layer in layers:
                score = NAN if language in failed else share(language, layer, kind)
                value, half = score / total, 0.01 if chunks >= 4 else NAN
                of_layer = {"language": language, "method": method, "layer": layer, "block": block, "kind": kind}
                numbers = {"units": units, "score": score, "share": value}
                rows.append({**of_layer, **numbers, "ci_low": value - half, "ci_high": value + half})
    return pd.DataFrame(rows)


def _overlap(languages, layers, heads, method, chunks, failed, rank, width):
    rows = []
    width = width if chunks >= 8 else NAN
    for block, kind, units in _kinds(method, heads):
        if kind == "block" or units < 3:
            continue
        for layer in layers:
            for i, a in enumerate(languages):
                for b in languages[i:]:
                    value = NAN if {a, b} & set(failed) else 0.95 if a == b else rank(a, b)
                    row = {"a": a, "b": b, "method": method, "layer": layer, "block": block, "kind": kind}
                    row["units"] = units
                    for name in ("rank", "top", "cosine"):
                        row |= {name: value, f"{name}_ceiling": value * 0 + 0.95}
                        row |= {f"{name}_low": value - width, f"{name}_high": value + width}
                    rows.append(row)
    return pd.DataFrame(rows)


def _own_units(languages, layers, method, chunks, failed, own):
    rows = []
    for i, language in enumerate(languages):
        for unit in range(own(i)) if language not in failed and chunks >= 6 else ():
            rows.append(
                {
                    "language": language,
                    "method": method,
                    "layer": layers[unit % len(layers)],
                    "block": "mlp",
                    "kind": "neuron",
                    "unit": 10 * i + unit,
                    "score_a": 0.0311 + unit / 1000,
                    "others_a": 0.0122,
                    "score_b": 0.0288 - unit / 10_000,
                    "others_b": 0.0133,
                    "p_value": 0.0004,
                    "q_value": 0.002,
                    "own": True,
                }
            )
    return pd.DataFrame(rows, columns=[*OWN_UNITS])


def _own_counts(languages, layers, method, chunks, failed, own):
    return pd.DataFrame(
        {
            "language": language,
            "method": method,
            "kind": "neuron",
            "picked": PICKED,
            "own": own(i) if chunks >= 6 else 0,
            "own_by_chance": 0.05 * own(i) if chunks >= 6 else 0.0,
            "again": 4,
            "again_by_chance": 0.6,
        }
        for i, language in enumerate(languages)
        if language not in failed
    )


def _ablation(languages, chunks, failed, damage, width):
    width, rows = width if chunks >= 6 else NAN, []
    for number, removed in enumerate([*languages, "core", "random"]):
        for language in languages:
            known = language not in failed and (number >= len(languages) or removed not in failed)
            value = damage(removed, language) if known else NAN
            beyond = value - damage("random", language)
            half = 0.0 if removed == "random" and number == len(languages) + 1 else width
            rows.append(
                {
                    "removed": removed,
                    "language": language,
                    "damage": value,
                    "ci_low": value - width,
                    "ci_high": value + width,
                    "beyond_random": beyond,
                    "beyond_low": beyond - half,
                    "beyond_high": beyond + half,
                    "draws_sd": 0.002 if number == len(languages) + 1 else NAN,
                }
            )
    return pd.DataFrame(rows)


def _specificity(languages, chunks, failed, damage, width, q_value):
    rows = []
    for i, language in enumerate(languages):
        known = language not in failed
        value = damage(language, language) - damage("random", language) if known else NAN
        tested = known and chunks >= 6
        q = q_value(i) if tested else NAN
        rows.append(
            {
                "language": language,
                "own_damage": value,
                "others_damage": 0.0 if known else NAN,
                "specificity": value,
                "ci_low": value - width if tested else NAN,
                "ci_high": value + width if tested else NAN,
                "p_value": q / 2,
                "q_value": q,
                "verdict": "undetermined" if np.isnan(q) else "specific" if q <= 0.05 else "not shown",
            }
        )
    return pd.DataFrame(rows)


def _gates(languages, layers, failed, keep):
    rows = []
    for language in languages:
        for half in range(2):
            for layer in layers:
                for block, kind in (("attention", "head"), ("mlp", "neuron")):
                    value = NAN if language in failed else keep(language, layer, kind) + 0.04 * half
                    row = {"language": language, "split": "ab"[half], "sparsity": 1.0, "layer": layer, "block": block}
                    row |= {"kind": kind, "keep": value, "prune_confidence": abs(2 * value - 1), "loss": 3.21}
                    rows.append(row)
    return pd.DataFrame(rows)
