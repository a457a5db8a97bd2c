"""Short dialogues in many languages, not parallel: ChatterBot's training corpus."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.assets._cache import AssetError, Package, build

PACKAGE = Package(
    client="pip",
    name="chatterbot-corpus",
    version="1.3.3",
    sha256="86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154",
    licence="BSD-3-Clause",
)
CHATTERBOT_LANGUAGES = {
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "ja": "japanese",
    "ko": "korean",
    "ru": "russian",
    "uk": "ukrainian",
    "zh": "chinese",
}
"""Short names of languages and the package's names for them."""

_CODE = frozenset({"coding", "tech_support"})  # programs and logs, of no language


def chatterbot_prose(language: str) -> list[str]:
    """Dialogues as texts, one a conversation, its turns joined by spaces.

    Args:
        language: one of `CHATTERBOT_LANGUAGES`.

    Returns:
        Texts in the order of the files, each once.

    Raises:
        AssetUnavailableError: pip cannot download the package here.
        AssetError: an unknown language.
    """
    import yaml

    if language not in CHATTERBOT_LANGUAGES:
        raise AssetError(f"There are no dialogues in {language!r}; there are in {', '.join(CHATTERBOT_LANGUAGES)}.")
    root = build("chatterbot-corpus-1.3.3-r1", PACKAGE, _keep_dialogues)
    texts: dict[str, None] = {}
    for path in sorted((root / CHATTERBOT_LANGUAGES[language]).glob("*.yml")):
        if path.stem in _CODE:
            continue
        for turns in yaml.safe_load(path.read_text(encoding="utf-8"))["conversations"]:
            text = " ".join(" ".join(str(turn).split()) for turn in turns if isinstance(turn, str))
            if text:
                texts[text] = None
    return list(texts)


def _keep_dialogues(unpacked: Path, folder: Path) -> None:
    for name in CHATTERBOT_LANGUAGES.values():
        shutil.copytree(unpacked / "chatterbot_corpus" / "data" / name, folder / name)
