"""Results of kind `deltas` made by hand, and that they look like real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np
import pandas as pd
import pytest

from interfere import bundled_checkpoint, read_corpus
from interfere.deltas import analyze_deltas
from interfere.report import findings, terminal_report, write_run
from interfere.results import Result, load_result
from interfere.settings import EvaluationSettings
from interfere.statistics import PairedDocuments, delta_rows
from tests.report._page import Reader

NAN = float("nan")
SAME = "both models give every document the same bits"
FEW = "4 independent documents are too few to judge by; at least 8 are needed"


def _noise(*of: str) -> float:
    return crc32(" ".join(of).encode("utf-8", "replace")) % 1000 / 1000


def make_deltas(
    languages: Sequence[str],
    models: Sequence[str] = ("multilingual",),
    *,
    relative: Callable[[str, str], float] = lambda model, language: 0.2 * _noise(model, language) - 0.08,
    width: float = 0.01,
    q_value: Callable[[str, str], float] | None = None,
    same: Sequence[str] = (),
    failed: Sequence[str] = (),
    few: Sequence[str] = (),
    alone: Sequence[str] = (),
    sizes: Sequence[float] = (),
    worth: Mapping[tuple[str, str], Mapping[str, object]] | None = None,
    level: Callable[[str], float] = lambda language: 1.5 + _noise(language),
    model_id: str = "some/model-134m",
    objective: str = "causal-lm",
    warnings: Sequence[str] = (),
) -> Result:
    """A result of kind `deltas`.

    Args:
        languages: are sorted.
        models: the multilingual ones.
        relative: of model and language: the relative difference.
        width: half width of its interval.
        q_value: of model and language; None: small where the interval is clear of 0.
        same: languages whose two models are one.
        failed: languages without numbers.
        few: languages with too few documents for an interval.
        alone: languages without a monolingual model.
        sizes: bytes of text of each language's monolingual models; none: one model of unknown text, and no `worth`.
        worth: (model, language) → what its row in the table `worth` has instead of what is in the middle.
        level: of language: bits per byte of the monolingual model.
        model_id: name of the first model.
        objective: of all models.
        warnings: of the run.
    """
    languages = sorted(languages)
    monolingual = [language for language in languages if language not in alone]
    deltas, quality, of_text = [], [], []

    def bits(model: str, role: str, language: str, value: float) -> None:
        known = language not in failed
        half = NAN if language in few or not known else 0.02 * value
        value = value if known else NAN
        row = {"model": model, "role": role, "language": language, "bits_per_byte": value}
        row |= {"ci_low": value - half, "ci_high": value + half, "bits_per_token": 4 * value}
        row |= {"documents": 100 * known, "tokens": 2_345 * known, "bytes": 9_876 * known, "bytes_per_token": 4.21}
        row |= {"windows": 123, "unknown_tokens": 0, "lost_bytes": 0, "lost_share": 0.0}
        quality.append({**row, "failed": "" if known else "the text of it is too short"})

    for model in models:
        for language in monolingual:
            known, is_same = language not in failed, language in same
            value = 0.0 if is_same else relative(model, language)
            half = NAN if language in few else 0.0 if is_same else width
            small = q_value(model, language) if q_value else 0.0004 if abs(value) > half else 0.6
            q = NAN if not known or language in few else 1.0 if is_same else small
            verdict = "undetermined" if not q <= 0.05 else "worse" if value > 0 else "better"
            value, half = (value, half) if known else (NAN, NAN)
            base = level(language)
            row = {"multilingual": model, "language": language, "monolingual": _name(language, sizes)}
            row |= {"delta": value * base, "ci_low": (value - half) * base, "ci_high": (value + half) * base}
            row |= {"relative": value, "relative_ci_low": value - half, "relative_ci_high": value + half}
            row |= {"p_value": q / 2, "q_value": q, "verdict": verdict}
            reason = "" if verdict != "undetermined" else "the interval of the difference is not clear of 0"
            reason = SAME if is_same else FEW if language in few else reason
            row["reason"] = reason if known else f"{model} has no numbers: the text of it is too short"
            row |= {"documents": 100 * known, "sources": (4 if language in few else 100) * known}
            deltas.append(row)
        for language in languages:
            there = 0.0 if language in same or language in alone else relative(model, language)
            bits(model, "multilingual", language, level(language) * (1 + there))
    for language in monolingual:
        for i in range(len(sizes) or 1):
            larger = len(sizes) - 1 - i if sizes else 0
            bits(_name(language, sizes, i), "monolingual", language, level(language) * (1 + 0.15 * larger))
        for model in models if len(sizes) > 1 and language not in failed else ():
            of_text.append(
                {"multilingual": model, "language": language}
                | _worth(sizes, 0.0 if language in same else relative(model, language))
                | dict((worth or {}).get((model, language), {}))
            )
    facts = {"id": model_id, "revision": None, "architecture": "X", "objective": objective, "parameters": 1_234}
    rows = [(m, "multilingual", "", NAN) for m in models]
    rows += [
        (_name(language, sizes, i), "monolingual", language, float(size))
        for language in monolingual
        for i, size in enumerate(sizes or [NAN])
    ]
    tables = {
        "deltas": pd.DataFrame(deltas),
        "quality": pd.DataFrame(quality),
        "models": pd.DataFrame(
            {"model": name, "role": role, "language": language, "text": text, **facts}
            | {"weights_sha256": f"{i:064x}", "vocabulary": 32_000}
            for i, (name, role, language, text) in enumerate(rows)
        ),
        "documents": pd.DataFrame(
            {
                "model": models[0],
                "language": languages[0],
                "line": [1],
                "source": [0],
                "bits": [9.9],
                "bytes": [8],
                "tokens": [2],
            }
        ),
    }
    if of_text:
        tables["worth"] = pd.DataFrame(of_text)
    return Result(
        kind="deltas",
        languages=languages,
        tables=tables,
        model=facts | {"weights_sha256": "0" * 64},
        data={language: {"documents": 100, "tokens": 2_345, "bytes": 9_876} for language in languages},
        settings={"documents": 1000, "max_length": 512, "seed": 0, "objective": objective},
        environment={"date": "2026-01-02T03:04:05"},
        warnings=list(warnings),
        command="interfere deltas --multilingual some/model-134m",
    )


def _name(language: str, sizes: Sequence[float], i: int = -1) -> str:
    return f"{language}@{sizes[i]:g}" if sizes else language


def _worth(sizes: Sequence[float], relative: float) -> dict[str, object]:
    """Where a model lies among monolingual ones that each have 15% fewer bits than the one before."""

    def text(place: float) -> float:
        return float(np.exp(np.interp(place, range(len(sizes)), np.log(sizes))))

    place, last = len(sizes) - 1 - relative / 0.15, len(sizes) - 1
    low, high = (text(p) if 0 <= p <= last else 0.0 if p < 0 else NAN for p in (place - 0.3, place + 0.3))
    beyond = "less" if place < 0 else "more" if place > last else ""
    row = {"text": NAN if beyond else text(place), "ci_low": low, "ci_high": high, "beyond": beyond}
    return row | {"least": float(sizes[0]), "most": float(sizes[-1])}


@pytest.fixture(scope="module")
def real():
    """The bundled model against itself: as a multilingual model, and as monolingual ones of two sizes of text."""
    checkpoint = bundled_checkpoint()
    corpus = read_corpus(None)
    texts = {language: [d.text[:200] for d in corpus.documents[language][:10]] for language in ("de", "en", "zh")}
    monolingual = {"en": checkpoint, "de": {1e6: checkpoint, 1e7: checkpoint}}
    return analyze_deltas(checkpoint, monolingual, texts, EvaluationSettings(documents=10))


def test_results_made_by_hand_have_the_columns_of_real_ones(real):
    made = make_deltas(["de", "en"], sizes=[1e6, 1e7])
    assert set(made.tables) == set(real.tables)
    for name, table in real.tables.items():
        assert set(made.tables[name].columns) == set(table.columns), name


def test_a_model_against_itself_is_said_to_be_the_same_model(real, tmp_path):
    first, *_ = findings(real)
    assert first == (
        "The multilingual model could not be shown to be worse or better than the monolingual models in any of 2 "
        "languages."
    )
    said = " ".join(findings(real))
    assert "In de and en both models give every document the same bits" in said
    assert "Δ = 0 says nothing of sharing" in said
    assert "could not be judged" not in said
    assert terminal_report(real).count("same model  ") + terminal_report(real).count("same model\n") >= 2
    write_run(real, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    Reader(page)
    assert "nan" not in page.lower().split("base64")[0]
    assert sorted(p.name for p in (tmp_path / "figures").glob("*.svg")) == ["deltas.svg", "quality.svg", "worth.svg"]
    assert findings(load_result(tmp_path)) == findings(real)


@pytest.mark.parametrize("documents", [4, 40])
def test_what_the_statistics_make_can_be_reported(documents):
    rng = np.random.default_rng(0)
    bytes_ = rng.integers(50, 500, documents).astype(np.float64)
    pairs = []
    for language, factor in (("de", 1.1), ("en", 1.0), ("fr", 0.9), ("none", np.nan)):
        own = bytes_ * rng.normal(2, 0.1, documents)
        other = own * factor * rng.normal(1, 0.02, documents)
        pairs.append(PairedDocuments(language, other, bytes_, own, bytes_, np.arange(documents)))
    table = delta_rows(pairs)
    table.insert(0, "multilingual", "multilingual")
    table.insert(2, "monolingual", table["language"])
    made = make_deltas(table["language"])
    result = replace(made, tables={**made.tables, "deltas": table})
    said = " ".join(findings(result))
    if documents == 40:
        assert findings(result)[0].startswith("The multilingual model is worse in 1 and better in 1 of 4 languages")
    assert ("4 independent documents are too few" in said) == (documents == 4)
    assert "none (no document has a token that both models predict)" in said
    assert "nan" not in said + terminal_report(result)
