"""Check the bundled corpus by machine, and print the table of docs/bundled_corpus.md.

    python -m benchmarks.bundled.check_corpus

The exit code is 1 if anything is out of its bounds.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.assets import e5_encoder
from interfere.bundled import bundled_corpus

ENGLISH = "en"
ENTRIES = 120
RETRIEVED = 0.95
SAME_MEANING = 0.93
SAME_WORDING = 0.30

SCRIPTS: Mapping[str, frozenset[str]] = {
    "ar": frozenset({"ARABIC"}),
    "ja": frozenset({"CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    "ko": frozenset({"HANGUL"}),
    "ru": frozenset({"CYRILLIC"}),
    "uk": frozenset({"CYRILLIC"}),
    "zh": frozenset({"CJK"}),
    **{language: frozenset({"LATIN"}) for language in ("de", "en", "es", "fr")},
}
"""First words of the Unicode names of the letters that each language is written with."""

FOREIGN = {
    "de": "ñçœąłőñ",
    "en": "äöüßñçéèêàœ",
    "es": "äößçœàèê",
    "fr": "äößñ",
    "ru": "іїєґ",
    "uk": "ыэёъ",
    "zh": "這說們來國對時會過後發點應讓",
}
"""Letters by which a neighbour in the same script would show."""

MARKS: Mapping[str, frozenset[str]] = {"ja": frozenset({"HIRAGANA"}), "ko": frozenset({"HANGUL"})}
"""Letters that every entry must have."""


@dataclass(frozen=True)
class Check:
    """What was found in one language.

    Args:
        entries: how many.
        characters: in all.
        retrieved: share of the entries whose English entry is the nearest of all English entries.
        right_script: share of the letters that belong to the language's script.
        foreign: entries with a letter of a neighbouring language, or without the letters every entry must have.
        repeated: entries that repeat another but for case, punctuation and spaces.
        nearest_meaning: highest cosine of two entries of the language, by the encoder.
        nearest_wording: highest overlap (Jaccard) of the character trigrams of two entries.
    """

    entries: int
    characters: int
    retrieved: float
    right_script: float
    foreign: int
    repeated: int
    nearest_meaning: float
    nearest_wording: float

    def wrong(self) -> list[str]:
        """What is out of bounds, in words."""
        found = []
        if self.entries < ENTRIES:
            found.append(f"{self.entries} entries, fewer than {ENTRIES}")
        if self.retrieved < RETRIEVED:
            found.append(f"{self.retrieved:.1%} retrieved, less than {RETRIEVED:.0%}")
        if self.right_script < 1:
            found.append(f"only {self.right_script:.2%} of the letters are of its script")
        if self.foreign:
            found.append(f"{self.foreign} entries with letters of another language")
        if self.repeated:
            found.append(f"{self.repeated} repeated entries")
        if self.nearest_meaning > SAME_MEANING:
            found.append(f"two entries mean the same: {self.nearest_meaning:.3f}")
        if self.nearest_wording > SAME_WORDING:
            found.append(f"two entries say the same: {self.nearest_wording:.3f}")
        return found


def main() -> int:
    """Print the table; return 1 if something is wrong."""
    checks = check_corpus()
    print("| language | entries | characters | English found first | right script | most alike (meaning) | (wording) |")
    print("|---|---|---|---|---|---|---|")
    for language, c in checks.items():
        print(
            f"| {language} | {c.entries} | {c.characters:,} | {c.retrieved:.1%} | {c.right_script:.1%} "
            f"| {c.nearest_meaning:.3f} | {c.nearest_wording:.3f} |"
        )
    wrong = [f"{language}: {what}" for language, check in checks.items() for what in check.wrong()]
    for line in wrong:
        print(line, file=sys.stderr)
    return int(bool(wrong))


def check_corpus() -> dict[str, Check]:
    """Check every language of the bundled corpus.

    Raises:
        AssetError: the encoder cannot be had.
        ValueError: an entry of a language has no English one.
    """
    corpus = bundled_corpus()
    texts = {name: {str(d.id): d.text for d in corpus.documents[name]} for name in corpus.languages}
    order = list(texts[ENGLISH])
    for language, entries in texts.items():
        if list(entries) != order:
            raise ValueError(f"{language} has other entries than {ENGLISH}")
    vectors = encode(e5_encoder(), {language: list(entries.values()) for language, entries in texts.items()})
    return {language: _check(language, list(entries.values()), vectors) for language, entries in texts.items()}


def _check(language: str, texts: Sequence[str], vectors: Mapping[str, NDArray[np.float32]]) -> Check:
    own = vectors[language]
    nearest = (own @ vectors[ENGLISH].T).argmax(axis=1)
    letters = [_script(c) for text in texts for c in text if c.isalpha()]
    required = MARKS.get(language, frozenset())
    strange = [
        text
        for text in texts
        if set(text.lower()) & set(FOREIGN.get(language, ""))
        or (required and not any(_script(c) in required for c in text))
    ]
    plain = Counter("".join(c for c in text.casefold() if c.isalnum()) for text in texts)
    return Check(
        entries=len(texts),
        characters=sum(map(len, texts)),
        retrieved=float((nearest == np.arange(len(texts))).mean()),
        right_script=sum(script in SCRIPTS[language] for script in letters) / len(letters),
        foreign=len(strange),
        repeated=sum(count - 1 for count in plain.values()),
        nearest_meaning=_highest(own @ own.T),
        nearest_wording=_highest(_overlaps(texts)),
    )


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").split(" ")[0]


def _highest(matrix: NDArray[np.floating]) -> float:
    return float(matrix[~np.eye(len(matrix), dtype=bool)].max())


def _overlaps(texts: Sequence[str]) -> NDArray[np.float64]:
    trigrams = [{text[i : i + 3] for i in range(len(text) - 2)} for text in map(str.casefold, texts)]
    return np.array([[len(a & b) / len(a | b) for b in trigrams] for a in trigrams])


def encode(folder: Path, texts: Mapping[str, Sequence[str]]) -> dict[str, NDArray[np.float32]]:
    """Unit vectors of texts, as the encoder was made to be used: prefixed, mean over the tokens.

    Args:
        folder: the encoder.
        texts: language → texts.

    Returns:
        Language → (texts, width).
    """
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    out = {}
    for language, own in texts.items():
        parts = []
        for start in range(0, len(own), 25):
            prefixed = [f"query: {text}" for text in own[start : start + 25]]
            batch = tokenizer(prefixed, padding=True, truncation=True, max_length=512, return_tensors="pt")
            with torch.no_grad():
                hidden = model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            parts.append(torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1))
        out[language] = torch.cat(parts).numpy()
    return out


if __name__ == "__main__":
    sys.exit(main())
