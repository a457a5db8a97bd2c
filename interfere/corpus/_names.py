"""Names of languages: any label will do, as long as it cannot be mistaken for a path, an option or a control code."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

from interfere.corpus._types import Corpus
from interfere.errors import InputError

LONGEST_NAME = 64
# Control characters, invisible formatting (which can turn the direction of a line), lone surrogates, line separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def check_language_name(name: str, where: str) -> str:
    """Check the name of a language, which comes from a file name, a dataset or the command line.

    Args:
        name: the name. Labels such as ``<b>`` are fine: what is written as HTML or CSV is escaped where it is written.
        where: where it comes from, for the message.

    Returns:
        The name, unchanged.

    Raises:
        InputError: it is not a string, is empty, longer than 64 characters, starts with ``.`` or ``-``, or holds a path
            separator or a control character.
    """
    if not isinstance(name, str):
        raise InputError(f"{where}: a language name must be a string, not {type(name).__name__}.")
    if not name.strip():
        fault = "it is empty"
    elif len(name) > LONGEST_NAME:
        fault = f"it is {len(name)} characters long, more than {LONGEST_NAME}"
    elif "/" in name or "\\" in name:
        fault = "it contains a path separator"
    elif name[0] in ".-":
        fault = f"it starts with {name[0]!r}"
    elif any(unicodedata.category(character) in _UNPRINTABLE for character in name):
        fault = "it contains a control or formatting character"
    else:
        return name
    raise InputError(
        f"{where}: {shown(name)} cannot be the name of a language: {fault}. Use a name such as de or pt_BR."
    )


def shown(name: str, limit: int = LONGEST_NAME) -> str:
    """A name from outside as a message may show it: quoted, shortened, and nothing in it that a terminal would obey."""
    return repr(name if len(name) <= limit else f"{name[:limit]}…")


def listed(names: Iterable[str], limit: int = 12) -> str:
    """Names as a message may list them: sorted, separated by commas, the end of a long list as a number."""
    ordered = sorted(names)
    # A name is shown bare where that is safe, since quotes around each one of a list are hard to read.
    words = [name if name.isprintable() else shown(name) for name in ordered[:limit]]
    rest = len(ordered) - len(words)
    return ", ".join(words) + (f" and {rest} more" if rest > 0 else "")


def chosen_languages(present: Collection[str], wanted: Sequence[str] | None, where: str) -> list[str]:
    """The languages to read, sorted.

    Args:
        present: the languages that there are.
        wanted: the languages asked for, or None for all.
        where: what has the languages, for the message.

    Raises:
        InputError: a name that cannot be a language's, no name at all, or a language that is not there.
    """
    if wanted is None:
        return sorted(present)
    if isinstance(wanted, str):
        raise InputError(f"languages must be a list of names, such as [{wanted!r}], not one string.")
    names = sorted({check_language_name(name, "languages") for name in wanted})
    if not names:
        raise InputError("No language was asked for" + (f"; {where} has {listed(present)}." if present else "."))
    for name in names:
        if name not in present:
            near = get_close_matches(name, sorted(present), n=3)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise InputError(f"{where} has no language {shown(name)}; it has {listed(present)}.{hint}")
    return names


def require_languages(corpus: Corpus, at_least: int = 2) -> None:
    """Check that a corpus has enough languages to compare.

    Args:
        corpus: the corpus.
        at_least: how many languages are needed.

    Raises:
        InputError: it has fewer.
    """
    found = len(corpus.languages)
    if found < at_least:
        has = f"{found or 'no'} language{'' if found == 1 else 's'}{f' ({listed(corpus.languages)})' if found else ''}"
        raise InputError(
            f"The corpus has {has}, but at least {at_least} are needed: add a file such as de.txt for each further "
            f"language (or rows, where rows name it), or name more with --languages."
        )
