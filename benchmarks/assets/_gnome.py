"""Parallel technical prose: the GNOME user documentation and its translations, one file a page."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

from benchmarks.assets._cache import AssetError, Package, build
from benchmarks.assets._text import Segment, TextSummary, write_aligned

PACKAGE = Package(
    client="apt",
    name="gnome-user-docs",
    version="43.0-2",
    sha256="0d635a840747958ca84da778b40d341f1155603851f922c9a171f5a181d6a39f",
    licence="CC-BY-SA-3.0",
)
ENGLISH = "en"
"""The original, which the package keeps under the name ``C``."""

GNOME_LANGUAGES = ("cs", "de", ENGLISH, "es", "fr", "hu", "id", "ko", "pt_BR", "ru", "sv", "uk")
"""The languages that are translated widely enough to be aligned."""

GNOME_PROSE_LANGUAGES = (*GNOME_LANGUAGES, "ja", "zh")
"""The languages with enough text for `gnome_prose`, which does not ask for alignment."""

SHORTEST = 40
MALLARD = "{http://projectmallard.org/1.0/}"
PIECES = frozenset(f"{MALLARD}{name}" for name in ("p", "title", "desc"))


def gnome_text(languages: Sequence[str], directory: str | Path) -> TextSummary:
    """Write aligned segments (paragraphs, titles, descriptions) of the GNOME user documentation.

    A page counts for a language where the translation has the same pieces in the same order as the English page, and a
    piece where its translation differs from the English text. Segments are at least 40 characters long in English.

    Args:
        languages: two or more of `GNOME_LANGUAGES`; the segments are those that all of them share.
        directory: gets ``LANG.jsonl`` files whose rows have the same ``id`` (page and position) and ``source`` (page).

    Raises:
        AssetUnavailableError: the Debian package cannot be downloaded or unpacked here.
        AssetError: an unknown language.
    """
    unknown = sorted(set(languages) - set(GNOME_LANGUAGES))
    if unknown or len(set(languages)) < 2:
        wrong = f"unknown: {', '.join(unknown)}" if unknown else "too few languages"
        raise AssetError(f"GNOME text needs two or more of {', '.join(GNOME_LANGUAGES)} ({wrong}).")
    chosen = sorted(set(languages))
    root = _pages()
    segments = []
    for page in sorted(path.relative_to(root / "C").as_posix() for path in root.glob("C/*/*.page")):
        segments += _align(root, page, chosen)
    return write_aligned(segments, chosen, Path(directory))


def gnome_prose(language: str, shortest: int = SHORTEST) -> list[str]:
    """Every paragraph, title and description in one language, whether other languages have it or not.

    Args:
        language: one of `GNOME_PROSE_LANGUAGES`.
        shortest: characters that a piece has at least; scripts that write words in few characters need fewer.

    Returns:
        Texts in the order of the pages, each once; in a translation, those that are still English are left out.

    Raises:
        AssetUnavailableError: the Debian package cannot be downloaded or unpacked here.
        AssetError: an unknown language.
    """
    if language not in GNOME_PROSE_LANGUAGES:
        raise AssetError(f"GNOME has no prose in {language!r}; it has {', '.join(sorted(GNOME_PROSE_LANGUAGES))}.")
    root = _pages()
    texts = _all_pieces(root, language)
    english = {} if language == ENGLISH else _all_pieces(root, ENGLISH)
    return [text for text in texts if len(text) >= shortest and text not in english]


def gnome_guides() -> dict[str, str]:
    """Page → the guide of the table of contents that it stands under, such as `net` or `hardware`.

    Pages name the guides that they belong to, and guides others; where several are named the first counts, as it is
    listed first. Pages that no way leads up from to the table of contents are left out.

    Returns:
        Page, such as `gnome-help/a11y-bouncekeys.page` (the `source` of `gnome_text`) → guide.

    Raises:
        AssetUnavailableError: the Debian package cannot be downloaded or unpacked here.
    """
    root = _pages() / "C"
    above: dict[tuple[str, str], list[str]] = {}
    for path in sorted(root.glob("*/*.page")):
        links = ElementTree.parse(path).iter(f"{MALLARD}link")
        guides = [link.get("xref", "").split("#")[0] for link in links if link.get("type") == "guide"]
        above[path.parent.name, path.stem] = guides
    found = {f"{book}/{page}.page": _topmost(above, book, page, ()) for book, page in above}
    return {page: guide for page, guide in found.items() if guide is not None}


def _topmost(above: dict[tuple[str, str], list[str]], book: str, page: str, below: tuple[str, ...]) -> str | None:
    """The last page before the table of contents on the way up."""
    for guide in above.get((book, page), []):
        if guide == "index":
            return page
        if guide not in below:
            top = _topmost(above, book, guide, (*below, page))
            if top is not None:
                return top
    return None


def _pages() -> Path:
    return build("gnome-user-docs-43.0-r2", PACKAGE, _keep_pages)


def _all_pieces(root: Path, language: str) -> dict[str, None]:
    """The distinct pieces of a language, in order."""
    paths = sorted((root / _folder(language)).glob("*/*.page"))
    return dict.fromkeys(text for path in paths for _, text in _pieces(path))


def _keep_pages(unpacked: Path, folder: Path) -> None:
    """Keep the pages of the languages above, without their pictures."""
    for language in GNOME_PROSE_LANGUAGES:
        name = _folder(language)
        origin = unpacked / "usr" / "share" / "help" / name
        for page in origin.glob("*/*.page"):
            kept = folder / name / page.relative_to(origin)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(page, kept)


def _folder(language: str) -> str:
    return {ENGLISH: "C", "zh": "zh_CN"}.get(language, language)


def _align(root: Path, page: str, languages: Sequence[str]) -> list[Segment]:
    """The segments of one page that all languages have."""
    original = _pieces(root / "C" / page)
    versions = {}
    for language in languages:
        path = root / _folder(language) / page
        pieces = _pieces(path) if path.is_file() else []
        if [tag for tag, _ in pieces] != [tag for tag, _ in original]:
            return []
        versions[language] = pieces
    segments = []
    for position, (_, english) in enumerate(original):
        texts = {language: pieces[position][1] for language, pieces in versions.items()}
        untranslated = any(text == english for language, text in texts.items() if language != ENGLISH)
        if len(english) >= SHORTEST and not untranslated and all(texts.values()):
            segments.append(Segment(id=f"{page}#{position}", source=page, texts=texts))
    return segments


def _pieces(path: Path) -> list[tuple[str, str]]:
    """A page's paragraphs, titles and descriptions, in order, each with its text in single-spaced form."""
    pieces = []
    for element in ElementTree.parse(path).iter():
        # Comments and processing instructions have no name.
        if isinstance(element.tag, str) and element.tag in PIECES:
            pieces.append((element.tag, " ".join("".join(element.itertext()).split())))
    return pieces
