"""Settings of `analyze_deltas`."""

from __future__ import annotations

from dataclasses import dataclass

from interfere.errors import InputError
from interfere.settings._checks import require_at_least


@dataclass(frozen=True)
class EvaluationSettings:
    """How the quality of a model is measured; each has an option of the same name.

    Args:
        documents: read of each language, drawn by `seed`; None: all.
        max_length: tokens of a window; None: what the model takes, at most 512.
        stride: new tokens of every window after the first one; None: half of the window.
        mask_passes: sets of tokens, together all of a window, that are masked one after the other (masked LM); None:
            one token at a time. Span corruption takes spans out in as many passes as give the whole text once.
        whole_word: mask all tokens of a word together, words being those of the text and not of a tokenizer.
        batch_size: windows of a microbatch, or `auto`. It changes speed and memory, never results.
        seed: of the documents that are drawn, and of masks.
        source_language: the language that is translated from, for the objective `translation`; the others are
            measured.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """

    documents: int | None = 1000
    max_length: int | None = None
    stride: int | None = None
    mask_passes: int | None = 7
    whole_word: bool = False
    batch_size: int | str = "auto"
    seed: int = 0
    source_language: str | None = None

    def __post_init__(self) -> None:
        at_least: dict[str, tuple[float, float]] = {"seed": (self.seed, 0)}
        for option, least in (("documents", 2), ("max_length", 4), ("stride", 1), ("mask_passes", 2)):
            value = getattr(self, option)
            if value is not None:
                at_least[option.replace("_", "-")] = (value, least)
        if self.batch_size != "auto":
            if not isinstance(self.batch_size, int):
                raise InputError(f"--batch-size {self.batch_size!r}: give a whole number or auto")
            at_least["batch-size"] = (self.batch_size, 1)
        require_at_least(at_least)
