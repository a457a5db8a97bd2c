"""From what models make of documents to a result: tables, counts, versions, warnings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.corpus import Corpus, Document, language_sha256
from interfere.deltas._models import Compared
from interfere.evaluation import Evaluation, Quality
from interfere.results import Result
from interfere.runs import environment_facts, signal_warnings
from interfere.settings import EvaluationSettings
from interfere.statistics import PairedDocuments, bits_per_byte, delta_rows, worth_in_text

_LOST = 0.001
"""A warning is due when a tokenizer loses more than this share of a language's bytes."""


@dataclass(frozen=True)
class Measured:
    """A model and what came of it.

    Args:
        compared: the model, and what it is for.
        facts: id, revision, architecture, objective, parameters, weights_sha256.
        vocabulary: tokens of its tokenizer.
        evaluation: its bits.
    """

    compared: Compared
    facts: Mapping[str, Any]
    vocabulary: int
    evaluation: Evaluation


def make_result(
    measured: Sequence[Measured],
    corpus: Corpus,
    documents: Mapping[str, Sequence[Document]],
    settings: EvaluationSettings,
    environment: Mapping[str, str],
    command: str,
) -> Result:
    """Put together all that a run has found.

    Args:
        measured: the models, the multilingual ones first.
        corpus: where the documents are from.
        documents: language → what was read.
        settings: as given.
        environment: device and precision.
        command: how the run was asked for.
    """
    sources = {language: source_numbers(own) for language, own in documents.items()}
    tables = {
        "deltas": _deltas(measured, sources),
        "quality": _quality(measured, sources),
        "models": _models(measured),
        "documents": _documents(measured, documents),
    }
    worth = _worth(measured, sources, settings.seed)
    if len(worth):
        tables["worth"] = worth
    first = measured[0]
    return Result(
        kind="deltas",
        languages=list(corpus.languages),
        tables=tables,
        model=dict(first.facts),
        data={language: _data(corpus, language, own, first) for language, own in documents.items()},
        settings={
            **asdict(settings),
            "max_length": first.evaluation.max_length,
            "objective": first.facts["objective"],
            "loss_path": {m.compared.name: m.evaluation.loss_path.name for m in measured},
            **environment,
        },
        environment=environment_facts(),
        warnings=[*_warnings(measured, tables), *(line for m in measured for line in m.evaluation.memory)],
        command=command,
    )


def source_numbers(documents: Sequence[Document]) -> NDArray[np.int64]:
    """A number for each document, the same for documents of one source."""
    numbers: dict[tuple[str, object], int] = {}
    keys = [("source", d.source) if d.source is not None else ("line", d.line) for d in documents]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _of_role(measured: Sequence[Measured], role: str) -> list[Measured]:
    return [m for m in measured if m.compared.role == role]


def _largest(measured: Sequence[Measured]) -> dict[str, Measured]:
    """Language → its monolingual model of the most text, which come in that order."""
    return {m.compared.language: m for m in _of_role(measured, "monolingual")}


def _missing(qualities: Mapping[str, Quality]) -> str:
    return "; ".join(
        f"{name} has no numbers: {quality.failed}" for name, quality in qualities.items() if quality.failed
    )


def _deltas(measured: Sequence[Measured], sources: Mapping[str, NDArray[np.int64]]) -> pd.DataFrame:
    """One row a multilingual model and language with a monolingual one; q-values over the languages of a model."""
    frames = []
    for multilingual in _of_role(measured, "multilingual"):
        pairs, against = [], []
        for language, monolingual in _largest(measured).items():
            one, two = multilingual.evaluation.quality[language], monolingual.evaluation.quality[language]
            names = {multilingual.compared.name: one, monolingual.compared.name: two}
            pairs.append(
                PairedDocuments(language, one.bits, one.bytes, two.bits, two.bytes, sources[language], _missing(names))
            )
            against.append(monolingual.compared.name)
        table = delta_rows(pairs)
        table.insert(0, "multilingual", multilingual.compared.name)
        table.insert(2, "monolingual", against)
        frames.append(table)
    return pd.concat(frames, ignore_index=True)


def _quality(measured: Sequence[Measured], sources: Mapping[str, NDArray[np.int64]]) -> pd.DataFrame:
    """One row a model and language: bits per byte, and what the tokenizer makes of the text."""
    rows = []
    for m in measured:
        for language, quality in m.evaluation.quality.items():
            known = np.isfinite(quality.bits) & (quality.bytes > 0)
            row: dict[str, object] = {"model": m.compared.name, "role": m.compared.role, "language": language}
            if known.any():
                found = bits_per_byte(quality.bits[known], quality.bytes[known], sources[language][known])
                row |= {"bits_per_byte": found.value, "ci_low": found.low, "ci_high": found.high}
                row["bits_per_token"] = float(quality.bits[known].sum() / quality.tokens[known].sum())
            encoded = quality.encoded
            whole = sum(len(e.document.text.encode()) for e in encoded)
            row |= {
                "documents": int(known.sum()),
                "tokens": int(quality.tokens[known].sum()),
                "bytes": int(quality.bytes[known].sum()),
                "bytes_per_token": float(quality.bytes.sum() / max(1.0, quality.tokens.sum())),
                "windows": sum(e.windows for e in encoded),
                "unknown_tokens": sum(e.unknown for e in encoded),
                "lost_bytes": sum(e.lost_bytes for e in encoded),
                "lost_share": sum(e.lost_bytes for e in encoded) / max(1, whole),
                "failed": quality.failed,
            }
            rows.append(row)
    columns = ["model", "role", "language", "bits_per_byte", "ci_low", "ci_high", "bits_per_token"]
    table = pd.DataFrame(rows)
    return table.reindex(columns=[*columns, *(c for c in table.columns if c not in columns)])


def _models(measured: Sequence[Measured]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": m.compared.name,
            "role": m.compared.role,
            "language": m.compared.language,
            "text": m.compared.text,
            **m.facts,
            "vocabulary": m.vocabulary,
        }
        for m in measured
    )


def _documents(measured: Sequence[Measured], documents: Mapping[str, Sequence[Document]]) -> pd.DataFrame:
    """One row a model, language and document: its bits and bytes; documents of one source have one number."""
    frames = []
    for m in measured:
        for language, quality in m.evaluation.quality.items():
            own = documents[language]
            frames.append(
                pd.DataFrame(
                    {
                        "model": m.compared.name,
                        "language": language,
                        "line": [d.line for d in own],
                        "source": source_numbers(own),
                        "bits": quality.bits,
                        "bytes": quality.bytes.astype(np.int64),
                        "tokens": quality.tokens.astype(np.int64),
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def _worth(measured: Sequence[Measured], sources: Mapping[str, NDArray[np.int64]], seed: int) -> pd.DataFrame:
    """One row a multilingual model and language with monolingual models of several sizes."""
    rows = []
    for language in sorted({m.compared.language for m in _of_role(measured, "monolingual")}):
        own = [m for m in _of_role(measured, "monolingual") if m.compared.language == language and m.compared.text > 0]
        if len(own) < 2:
            continue
        qualities = [m.evaluation.quality[language] for m in own]
        for multilingual in _of_role(measured, "multilingual"):
            target = multilingual.evaluation.quality[language]
            known = np.isfinite(np.stack([*(q.bits for q in qualities), target.bits])).all(axis=0)
            if not known.any():
                continue
            worth = worth_in_text(
                [m.compared.text for m in own],
                np.stack([q.bits[known] for q in qualities]),
                np.stack([q.bytes[known] for q in qualities]),
                target.bits[known],
                target.bytes[known],
                sources[language][known],
                seed,
            )
            rows.append(
                {
                    "multilingual": multilingual.compared.name,
                    "language": language,
                    "text": worth.text,
                    "ci_low": worth.low if math.isfinite(worth.low) else math.nan,
                    "ci_high": worth.high if math.isfinite(worth.high) else math.nan,
                    "beyond": worth.beyond,
                    "least": own[0].compared.text,
                    "most": own[-1].compared.text,
                }
            )
    return pd.DataFrame(rows)


def _data(corpus: Corpus, language: str, own: Sequence[Document], first: Measured) -> dict[str, Any]:
    quality = first.evaluation.quality[language]
    skipped = dict(corpus.skipped.get(language, {}))
    if empty := sum(1 for encoded in quality.encoded if not encoded.examples):
        skipped["no token in it can be predicted"] = empty
    return {
        "origin": corpus.origin.get(language),
        "documents": len(own),
        "documents_given": len(corpus.documents[language]),
        "unused": len(corpus.documents[language]) - len(own),
        "skipped": skipped,
        "tokens": int(quality.tokens.sum()),
        "bytes": sum(len(document.text.encode()) for document in own),
        "sha256": language_sha256(corpus, language),
    }


def _warnings(measured: Sequence[Measured], tables: Mapping[str, pd.DataFrame]) -> list[str]:
    out = []
    deltas = tables["deltas"]
    for m in measured:
        out += signal_warnings(m.facts, m.compared.name)
        for language, quality in m.evaluation.quality.items():
            if quality.failed:
                out.append(f"{m.compared.name} has no numbers for {language}: {quality.failed}.")
    lost = tables["quality"][tables["quality"]["lost_share"] > _LOST]
    for row in lost.to_dict("records"):
        out.append(
            f"The tokenizer of {row['model']} loses {row['lost_share']:.1%} of the bytes of {row['language']}"
            f" ({row['lost_bytes']:,}; {row['unknown_tokens']:,} unknown tokens): it is not asked to predict what it "
            "does not see, which flatters it."
        )
    compared = set(deltas["language"])
    without = [language for language in measured[0].evaluation.quality if language not in compared]
    if without:
        out.append(f"There is no monolingual model of {', '.join(without)}: their quality is given, and no difference.")
    weights: dict[str, str] = {}
    for m in measured:
        known = weights.setdefault(m.facts["weights_sha256"], m.compared.name)
        if known != m.compared.name:
            out.append(f"{m.compared.name} and {known} are the same model: their weights are equal.")
    return out
