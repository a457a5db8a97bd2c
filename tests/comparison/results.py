"""Runs made from planted gradients, scores and documents, as an analysis would have made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pandas as pd

from interfere.gradients._tables import ChunkFacts, Parts, metric_tables
from interfere.results import Result
from interfere.statistics import (
    PairedDocuments,
    UnitGroup,
    bits_per_byte,
    comparable,
    delta_rows,
    overlap_table,
    profile_table,
)

SLOTS = 16


def gradient_vectors(
    seed: int, languages: int = 3, groups: int = 2, slots: int = SLOTS, size: int = 60, drift: float = 0.0
) -> np.ndarray:
    """(G, L, K, D) chunk gradients: languages share part of their signal; `drift` of another draw is mixed in."""
    rng, other = np.random.default_rng(seed), np.random.default_rng(seed + 1000)

    def draw(generator: np.random.Generator) -> np.ndarray:
        common = generator.standard_normal((groups, 1, 1, size))
        own = generator.standard_normal((groups, languages, 1, size))
        noise = generator.standard_normal((groups, languages, slots, size))
        return (common + own + noise) / np.sqrt(size)

    first = draw(rng)
    return first + drift * draw(other)


def gradients(
    vectors: np.ndarray,
    languages: Sequence[str] = ("de", "en", "ru"),
    groups: Sequence[str] = ("encoder.0", "encoder.1"),
    *,
    metrics: Sequence[str] = ("euclidean",),
    loss: np.ndarray | None = None,
    failed: Mapping[str, str] | None = None,
    sketch_size: float = np.inf,
    settings: Mapping[str, object] | None = None,
    model_id: str = "some/model",
    text: str = "text",
) -> Result:
    """A run of kind `gradients` with these chunk gradients, (G, L, K, D)."""
    gram = np.einsum("glkd,gmnd->glkmn", vectors, vectors, optimize=True)
    n_languages, slots = gram.shape[1:3]
    for language in failed or {}:
        i = list(languages).index(language)
        gram[:, i] = np.nan
        gram[:, :, :, i] = np.nan
    tokens = 100 + np.arange(n_languages * slots).reshape(n_languages, slots) % 7
    loss = np.full((n_languages, slots), 3.0) if loss is None else loss
    facts = ChunkFacts(tokens, 4 * tokens, np.full((n_languages, slots), 5), loss)
    parts = Parts(list(groups), [10] * len(groups), np.full(len(groups), sketch_size))
    tables = [
        metric_tables(gram, parts, facts, languages, m, margin=0.05, mixture=None, failed=failed or {}) for m in metrics
    ]
    chunks = pd.DataFrame(
        {"language": name, "slot": k, "documents": 5, "tokens": int(tokens[i, k]), "bytes": int(4 * tokens[i, k]),
         "loss": float(loss[i, k]), "lines": f"{k} {k + slots}"}
        for i, name in enumerate(languages) for k in range(slots)
    )  # fmt: skip
    own = {"scope": "body", "granularity": "layer", "metrics": list(metrics), "chunks": slots, "tokens_per_chunk": 512,
           "mask_passes": 1, "max_length": 64, "seed": 0, "alignment": "line", "objective": "masked-lm", "margin": 0.05,
           "mixture": None, "gram": "exact", "sketch_size": 8191, "dtype": "float32", "adam_state": None,
           "adam_floor": 0.01, "batch_size": "auto"}  # fmt: skip
    return Result(
        kind="gradients",
        languages=list(languages),
        tables={
            "pairs": pd.concat([t.pairs for t in tables], ignore_index=True),
            "self": pd.concat([t.self_ for t in tables], ignore_index=True),
            "groups": pd.concat([t.groups for t in tables], ignore_index=True),
            "tensors": pd.DataFrame({"tensor": ["w"], "metric": [metrics[0]]}),
            "chunks": chunks,
        },
        model=model_facts(model_id),
        data=data_facts(languages, text),
        settings={**own, **(settings or {})},
        environment={},
        arrays={f"{m}/layer": gram for m in metrics},
        array_groups={"layer": list(groups)},
    )


def importance(
    scores: np.ndarray, languages: Sequence[str] = ("de", "en", "ru"), *, layers: int = 2, model_id: str = "some/model"
) -> Result:
    """A run of kind `importance` with these scores by Fisher, shape (L, K, layers · neurons)."""
    count = scores.shape[-1] // layers
    groups = [UnitGroup(f"encoder.{i}", "mlp", "neuron", i * count, count) for i in range(layers)]
    units = pd.DataFrame(
        {"layer": g.layer, "block": g.block, "kind": g.kind, "name": "", "start": g.start, "units": g.count,
         "parameters": 1} for g in groups
    )  # fmt: skip
    values = comparable(scores, "fisher", groups)
    vectors = gradient_vectors(0, len(languages), slots=scores.shape[1])
    base = gradients(vectors, languages, model_id=model_id)
    return replace(
        base,
        kind="importance",
        tables={
            "layers": profile_table(scores, groups, languages, "fisher"),
            "overlap": overlap_table(values, groups, languages, "fisher", 0.1),
            "units": units,
            "chunks": base.chunks,
        },
        settings={**base.settings, "methods": ["fisher"], "top": 0.1},
        arrays={"fisher": scores},
        array_groups={},
    )


def unit_scores(seed: int, languages: int = 3, slots: int = SLOTS, units: int = 160, drift: float = 0.0) -> np.ndarray:
    """(L, K, units) positive scores with slot noise; `drift` of another draw is mixed in."""
    rng, other = np.random.default_rng(seed), np.random.default_rng(seed + 1000)

    def draw(generator: np.random.Generator) -> np.ndarray:
        own = generator.standard_normal((languages, 1, units)) + generator.standard_normal((1, 1, units))
        return own + 0.3 * generator.standard_normal((languages, slots, units))

    return np.exp(draw(rng) + drift * draw(other))


def deltas(
    bits: Mapping[str, Mapping[str, np.ndarray]],
    *,
    sizes: Mapping[str, np.ndarray],
    sources: Mapping[str, np.ndarray] | None = None,
    model_id: str = "some/model",
    text: str = "text",
) -> Result:
    """A run of kind `deltas`: model → language → bits of each document; models named as a language are monolingual."""
    languages = sorted(sizes)
    own_sources = {name: np.arange(len(own)) if sources is None else sources[name] for name, own in sizes.items()}
    quality, documents, pairs = [], [], []
    for model, of in bits.items():
        for language, own in of.items():
            found = bits_per_byte(own, sizes[language], own_sources[language])
            quality.append({"model": model, "role": "monolingual" if model in languages else "multilingual",
                            "language": language, "bits_per_byte": found.value, "ci_low": found.low,
                            "ci_high": found.high})  # fmt: skip
            documents.append(pd.DataFrame({"model": model, "language": language, "line": np.arange(len(own)) + 1,
                                           "source": own_sources[language], "bits": own,
                                           "bytes": sizes[language], "tokens": 9}))  # fmt: skip
    for language in languages:
        if language in bits:
            one, two = bits["multilingual"][language], bits[language][language]
            pairs.append(PairedDocuments(language, one, sizes[language], two, sizes[language], own_sources[language]))
    table = delta_rows(pairs)
    table.insert(0, "multilingual", "multilingual")
    table.insert(2, "monolingual", [pair.language for pair in pairs])
    return Result(
        kind="deltas",
        languages=languages,
        tables={
            "deltas": table,
            "quality": pd.DataFrame(quality),
            "models": pd.DataFrame({"model": model, "role": "", "objective": "causal-lm"} for model in bits),
            "documents": pd.concat(documents, ignore_index=True),
        },
        model=model_facts(model_id),
        data=data_facts(languages, text),
        settings={
            "documents": 1000,
            "max_length": 64,
            "stride": None,
            "mask_passes": 7,
            "whole_word": False,
            "seed": 0,
            "objective": "causal-lm",
        },
        environment={},
    )


def some_deltas(seed: int = 0, drift: float = 0.0, documents: int = 40, **options: object) -> Result:
    """A multilingual model and monolingual ones of de and en, whose bits go up by `drift` per byte in de."""
    rng = np.random.default_rng(seed)
    sizes = {language: rng.integers(20, 200, documents).astype(float) for language in ("de", "en", "ru")}
    hard = {language: 2 + 0.3 * rng.standard_normal(documents) for language in sizes}
    own = {language: 0.05 * rng.standard_normal(documents) for language in sizes}
    bits = {"multilingual": {a: n * (hard[a] + own[a] + drift * (a == "de")) for a, n in sizes.items()}}
    bits |= {a: {a: sizes[a] * hard[a]} for a in ("de", "en")}
    return deltas(bits, sizes=sizes, **options)  # type: ignore[arg-type]


def model_facts(model_id: str) -> dict[str, object]:
    digest = sha256(model_id.encode("utf-8", "replace")).hexdigest()
    return {"id": model_id, "revision": None, "architecture": "X", "objective": "masked-lm", "parameters": 10,
            "weights_sha256": digest}  # fmt: skip


def data_facts(languages: Sequence[str], text: str) -> dict[str, dict[str, object]]:
    return {
        name: {"origin": "x", "documents": 80, "tokens": 1600, "bytes": 6400,
               "sha256": sha256(f"{name} {text}".encode("utf-8", "replace")).hexdigest()}
        for name in languages
    }  # fmt: skip
