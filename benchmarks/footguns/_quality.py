"""What is divided by what: tokens, bytes, pieces and words."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from tokenizers import Regex, normalizers

from benchmarks.footguns._text import bundled, bundled_text, gnome, smollm2_135m
from interfere import Checkpoint, Corpus, EvaluationSettings
from interfere.corpus import Document
from interfere.evaluation import evaluate

_DOCUMENTS = 24


def _rows(
    checkpoint: Checkpoint, corpus: Corpus, settings: EvaluationSettings, ids: Sequence[str] | None = None
) -> pd.DataFrame:
    """Sums of bits, bytes, tokens and lost bytes of each language."""
    read: dict[str, list[Document]] = {
        language: [d for d in own if ids is None or d.id in ids][: None if ids else _DOCUMENTS]
        for language, own in corpus.documents.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        found = evaluate(checkpoint, corpus, read, settings, Path(folder)).quality
    return pd.DataFrame(
        {
            language: {
                "bits": own.bits.sum(),
                "bytes": own.bytes.sum(),
                "tokens": own.tokens.sum(),
                "documents": len(own.bits),
                "lost": sum(each.lost_bytes for each in own.encoded),
            }
            for language, own in found.items()
        }
    ).T


def _shared_ids(corpus: Corpus) -> list[str]:
    """Some documents that are neither short nor long, the same in every language."""
    fits = [{str(d.id) for d in own if 100 <= len(d.text) <= 400} for own in corpus.documents.values()]
    return sorted(set.intersection(*fits))[:_DOCUMENTS]


def tokens() -> pd.DataFrame:
    """The same paragraphs in four languages, SmolLM2: loss per token, per byte, and of the whole."""
    corpus = gnome("de", "en", "ko", "ru")
    table = _rows(smollm2_135m(), corpus, EvaluationSettings(max_length=256), _shared_ids(corpus))
    return pd.DataFrame(
        {
            "language": table.index,
            "bytes a token": [f"{x:.2f}" for x in table["bytes"] / table["tokens"]],
            "bits per token": [f"{x:.2f}" for x in table["bits"] / table["tokens"]],
            "bits per byte": [f"{x:.2f}" for x in table["bits"] / table["bytes"]],
            "bits a paragraph": [f"{x:.0f}" for x in table["bits"] / table["documents"]],
        }
    )


def lost_text() -> pd.DataFrame:
    """The same model behind a tokenizer that strips accents and drops what is not ASCII."""
    corpus = gnome("de", "en", "ko", "ru")
    ids = _shared_ids(corpus)
    settings = EvaluationSettings(max_length=256)
    plain = _rows(smollm2_135m(), corpus, settings, ids)
    tokenizer = copy.deepcopy(smollm2_135m().tokenizer)
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFD(), normalizers.StripAccents(), normalizers.Replace(Regex("[^\x00-\x7f]"), "")]
    )
    poor = _rows(replace(smollm2_135m(), tokenizer=tokenizer), corpus, settings, ids)
    return pd.DataFrame(
        {
            "language": plain.index,
            "bits per byte": [f"{x:.2f}" for x in plain["bits"] / plain["bytes"]],
            "with the tokenizer that drops": [f"{x:.2f}" for x in poor["bits"] / poor["bytes"]],
            "bytes that do not come back": [f"{100 * x:.1f} %" for x in poor["lost"] / plain["bytes"]],
        }
    )


def pieces() -> pd.DataFrame:
    """The bundled masked LM: one piece of a word masked at a time, and whole words."""
    corpus = bundled_text("de", "en", "ko", "zh")
    both = [_rows(bundled(), corpus, EvaluationSettings(whole_word=whole)) for whole in (False, True)]
    one, whole = (table["bits"] / table["bytes"] for table in both)
    return pd.DataFrame(
        {
            "language": one.index,
            "bytes a token": [f"{x:.2f}" for x in both[0]["bytes"] / both[0]["tokens"]],
            "single pieces": [f"{x:.2f}" for x in one],
            "whole words": [f"{x:.2f}" for x in whole],
            "ratio": [f"{x:.2f}" for x in whole / one],
        }
    )
