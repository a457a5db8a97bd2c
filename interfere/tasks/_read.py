"""Reading a labelled corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from interfere.corpus._items import Item
from interfere.errors import InputError
from interfere.settings._tasks import Task
from interfere.tasks._files import LanguageFiles, find_files
from interfere.tasks._labels import check_labels
from interfere.tasks._parse import parse_file
from interfere.tasks._types import LabelledCorpus

TEST_SHARE = 0.2
"""Share of a file without a test file of its own that is held out."""


def read_labelled(
    folder: str | Path, task: Task, languages: Sequence[str] | None = None, *, seed: int = 0
) -> LabelledCorpus:
    """Read the labelled items of each language.

    For text classification `LANG.train.jsonl` and `LANG.test.jsonl` hold an object a line, `{"text": …, "label": …}`,
    the label a string or a whole number. For token classification they hold `{"tokens": […], "labels": […]}`, or
    `LANG.train.conll` and `LANG.test.conll` hold a word a line (its tag in the last column) and a blank line after
    each sentence. Tags are BIO; a span that begins with `I-` is read as if with `B-`, as conlleval does. Each may be
    gzipped, and objects may have an `"id"`, equal in translations of each other.

    A language with one file `LANG.jsonl` or `LANG.conll` has a fifth of it held out: an item is a test item by a hash
    of the seed and its id, or its content where it has none. So repeated items, and translations, are never on both
    sides.

    Args:
        folder: where the files are.
        task: `text-classification` or `token-classification`.
        languages: which languages to read; None for all. Files of other languages are not opened.
        seed: of the split of single files.

    Raises:
        InputError: something is missing or is not what it should be, or the languages' labels differ; the message
            names the file, the line and the language, or the labels and their languages.
    """
    files, ignored = find_files(Path(folder), task, languages)
    train, test, origin, split, skipped, retagged = {}, {}, {}, {}, {}, {}
    for language, own in files.items():
        paths = [path for path in (own.train, own.test, own.whole) if path is not None]
        parsed = [parse_file(path, language, task) for path in paths]
        if own.whole is None:
            train[language], test[language] = tuple(parsed[0].items), tuple(parsed[1].items)
            split[language] = "a file each"
        else:
            train[language], test[language] = _split(parsed[0].items, seed)
            split[language] = f"one file, a fifth of it held out by a hash of its items (seed {seed})"
        _check_sizes(language, train[language], test[language], own, Path(folder))
        origin[language] = " and ".join(str(path) for path in paths)
        skipped[language] = dict(sum((each.skipped for each in parsed), Counter()))
        retagged[language] = sum(each.retagged for each in parsed)
    labels = check_labels(train, test, task, origin)
    return LabelledCorpus(task, train, test, labels, origin, split, skipped, retagged, _overlap(train, test), ignored)


def _split(items: Sequence[Item], seed: int) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    sides: tuple[list[Item], list[Item]] = ([], [])
    for item in items:
        key = f"{seed}\0id\0{item.id}" if item.id is not None else "\0".join((str(seed), "words", *item.words))
        draw = int.from_bytes(sha256(key.encode()).digest()[:8], "big") / 2**64
        sides[draw < TEST_SHARE].append(item)
    return tuple(sides[0]), tuple(sides[1])


def _check_sizes(
    language: str, train: Sequence[Item], test: Sequence[Item], files: LanguageFiles, folder: Path
) -> None:
    for items, name, path in ((train, "train", files.train), (test, "test", files.test)):
        if len(items) >= 2:
            continue
        few = f"{len(items) or 'no'} {name}{'ing' if name == 'train' else ''} item{'' if len(items) == 1 else 's'}"
        if path is None:
            raise InputError(
                f"{files.whole} (language {language!r}): its split by a hash leaves {few}; give more items, or "
                f"{language}.train and {language}.test files in {folder}"
            )
        raise InputError(f"{path} (language {language!r}) has {few}; give at least 2")


def _overlap(train: Mapping[str, Sequence[Item]], test: Mapping[str, Sequence[Item]]) -> dict[tuple[str, str], int]:
    seen = {language: {item.words for item in items} for language, items in train.items()}
    counts = {(a, b): sum(item.words in seen[a] for item in items) for a in train for b, items in test.items()}
    return {pair: count for pair, count in counts.items() if count}
