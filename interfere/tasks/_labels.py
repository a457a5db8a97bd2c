"""The labels that a task has, and whether all languages have the same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from interfere.corpus._items import OUTSIDE, Item
from interfere.corpus._names import listed, shown
from interfere.errors import InputError
from interfere.settings._tasks import Task


def check_labels(
    train: Mapping[str, Sequence[Item]], test: Mapping[str, Sequence[Item]], task: Task, origin: Mapping[str, str]
) -> tuple[str, ...]:
    """The labels of a corpus, in the order in which models number them.

    In token classification types of spans are compared, not tags: a small training set may lack an `I-` by chance.

    Args:
        train: language → training items.
        test: language → test items.
        task: what the labels are for.
        origin: language → its files, for messages.

    Raises:
        InputError: training sets have different labels, a test set has one that no training set has, there is one
            label only, or nothing to find.
    """
    spans = task == "token-classification"
    what = "span type" if spans else "label"
    known = {language: _names(items, spans) for language, items in train.items()}
    everywhere = set().union(*known.values())
    for language, names in known.items():
        if spans and not names:
            raise InputError(
                f"{origin[language]} (language {language!r}): all training tags are O; nothing can be learnt"
            )
        if not spans and len(names) < 2 and len(everywhere) < 2:
            raise InputError(
                f"{origin[language]} (language {language!r}): the only training label is {shown(next(iter(names)))}; "
                "give items of at least 2 labels"
            )
    for language, items in test.items():
        for name in sorted(_names(items, spans) - everywhere):
            line = next(item.line for item in items if name in _names([item], spans))
            raise InputError(
                f"{origin[language]} (language {language!r}): the {what} {shown(name)} of the test item in line "
                f"{line:,} is in no training set; they have {listed(everywhere) or 'none'}"
            )
    _require_same(known, what)
    if not spans:
        return tuple(sorted(everywhere))
    for language, items in test.items():
        if not _names(items, spans):
            raise InputError(
                f"{origin[language]} (language {language!r}): all test tags are O, so there is no span to find; give "
                "test sentences with spans"
            )
    return (OUTSIDE, *(f"{begin}-{name}" for name in sorted(everywhere) for begin in "BI"))


def _names(items: Sequence[Item], spans: bool) -> set[str]:
    names = {label for item in items for label in item.labels}
    return {name[2:] for name in names - {OUTSIDE}} if spans else names


def _require_same(known: Mapping[str, set[str]], what: str) -> None:
    everywhere = set().union(*known.values())
    lacking = {
        name: sorted(language for language, names in known.items() if name not in names) for name in sorted(everywhere)
    }
    lacking = {name: languages for name, languages in lacking.items() if languages}
    if not lacking:
        return
    some = [
        f"{shown(name)} is in those of {listed(set(known) - set(languages))} and not of {listed(languages)}"
        for name, languages in list(lacking.items())[:3]
    ]
    more = f", and {len(lacking) - 3} more differ" if len(lacking) > 3 else ""
    raise InputError(
        f"the training sets have different {what}s, so a model of one cannot be tested on the others: "
        f"{'; '.join(some)}{more}. Name the {what}s alike, or leave languages out with --languages"
    )
