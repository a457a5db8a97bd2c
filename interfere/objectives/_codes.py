"""The languages that a tokenizer puts codes of into a text, as those of mBART, M2M-100 and NLLB do."""

from __future__ import annotations

import re
from typing import Any

from interfere.objectives._language import language_code

_CODE = re.compile(r"^(?:__)?([a-z]{2,3}(?:_[A-Za-z]{2,8}){0,2})(?:__)?$")


def language_codes(tokenizer: Any) -> tuple[str, ...]:
    """The languages that a tokenizer has codes for, by the names that its `src_lang` takes; none for most of them."""
    if not isinstance(getattr(tokenizer, "src_lang", None), str):
        return ()
    named = getattr(tokenizer, "lang_code_to_id", None)
    if named:
        return tuple(str(name) for name in named)
    special = [*tokenizer.all_special_tokens, *(str(token) for token in tokenizer.added_tokens_decoder.values())]
    found = (_CODE.match(token) for token in special)
    return tuple(dict.fromkeys(match[1] for match in found if match))


def set_languages(tokenizer: Any, source: str, target: str | None = None) -> None:
    """Let a tokenizer put the codes of these languages into what it encodes; nothing where it has no codes.

    Args:
        tokenizer: of a model.
        source: the language of what the encoder reads.
        target: that of what the decoder predicts; None: the same.

    Raises:
        InputError: it has codes and none for one of the languages; the message names those that it has.
    """
    codes = language_codes(tokenizer)
    if codes:
        tokenizer.src_lang = language_code(source, codes)
        tokenizer.tgt_lang = language_code(target if target is not None else source, codes)


def target_mark(tokenizer: Any, language: str) -> str:
    """What stands before a text that is to be translated into a language, as Marian's models of several targets want.

    Raises:
        InputError: the model wants it and does not know the language.
    """
    known = getattr(tokenizer, "supported_language_codes", None)
    if not known:
        return ""
    names = {str(mark).strip("<>"): str(mark) for mark in known}
    return names[language_code(language, names)] + " "
