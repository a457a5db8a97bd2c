"""The experiments: languages, mixtures, and what is varied."""

from __future__ import annotations

from dataclasses import dataclass, replace

from interfere import ExperimentSettings

LANGUAGES = ("de", "fr", "ko", "ru", "sv", "uk")
"""Three scripts, and three pairs that are closely related, distantly, and not at all."""

_NARROW = ExperimentSettings(widths=(16,), checkpoints=4)


@dataclass(frozen=True)
class Design:
    """An experiment on GNOME text.

    Args:
        languages: whose text.
        settings: how.
    """

    languages: tuple[str, ...]
    settings: ExperimentSettings


DESIGNS = {
    # Some minutes on two cores.
    "smoke": Design(
        LANGUAGES,
        replace(_NARROW, pairs=("de-sv", "fr-ko", "ru-uk"), mixtures=("pairs", "all"), updates=300, documents=100),
    ),
    "main": Design(LANGUAGES, replace(_NARROW, mixtures=("pairs", "all"), seeds=5)),
    # Known answers: the other half of one's own text, and a copy that shares no token, as capacity grows.
    "controls": Design(
        ("de",),
        replace(_NARROW, mixtures=("half", "clone"), widths=(8, 16, 48), conflict_chunks=0, checkpoints=1),
    ),
    "controls-others": Design(
        ("ko", "ru"),
        replace(_NARROW, mixtures=("half", "clone"), widths=(16, 48), conflict_chunks=0, checkpoints=1),
    ),
    # How much text there is.
    "amount": Design(
        ("de", "sv"), replace(_NARROW, mixtures=("pairs",), text=(0.25, 0.5, 1.0), conflict_chunks=0, checkpoints=1)
    ),
    # What the model knows of the language, and how languages share updates.
    "signal-none": Design(
        ("de", "sv"), replace(_NARROW, mixtures=("pairs",), signal="none", seeds=3, conflict_chunks=0, checkpoints=1)
    ),
    "signal-tag": Design(
        ("de", "sv"), replace(_NARROW, mixtures=("pairs",), signal="tag", seeds=3, conflict_chunks=0, checkpoints=1)
    ),
    "alternating": Design(
        ("de", "sv"), replace(_NARROW, mixtures=("pairs",), joint=False, seeds=3, conflict_chunks=0, checkpoints=1)
    ),
    "short": Design(
        ("de", "sv"), replace(_NARROW, mixtures=("pairs",), updates=300, seeds=5, conflict_chunks=0, checkpoints=1)
    ),
    # Cheap ways to know, to be held against `main`.
    "scout": Design(LANGUAGES, replace(_NARROW, mixtures=("pairs",), scout=(0.15, 0.3), checkpoints=1)),
    "scout-short": Design(LANGUAGES, replace(_NARROW, mixtures=("pairs",), scout=(0.03, 0.06, 0.12), checkpoints=1)),
    # An encoder, with BPE: at one byte a token it learns next to nothing in so short a training. Its models are not
    # told the language, so that they can be fine-tuned like any other (`python -m benchmarks.tasks`).
    "encoder": Design(
        ("de", "ru", "sv"),
        replace(
            _NARROW,
            mixtures=("pairs", "all"),
            pairs=("de-sv",),
            signal="none",
            architecture="encoder",
            tokenizer="bpe",
            vocabulary=1024,
            widths=(64,),
            learning_rate=5e-3,
            batch_size=32,
            checkpoints=2,
        ),
    ),
}
"""Name → experiment."""
