"""Loading a tokenizer, and checking that it is the model's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interfere.checkpoint._embeddings import embedding_module
from interfere.checkpoint._hub import explain, not_in_cache
from interfere.errors import RunError

_NAMES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json")
_FILES = "tokenizer.json, or tokenizer_config.json with a vocabulary"


def load_tokenizer(source: str, config: Any, revision: str | None, trust_remote_code: bool) -> Any:
    """Load a tokenizer.

    Args:
        source: folder or hub name.
        config: the model's config, which tells the tokenizer's class where its own files do not.
        revision: of a hub tokenizer.
        trust_remote_code: whether code that comes with it may run.

    Raises:
        `RunError` where there is none, or it does not load.
    """
    from transformers import AutoTokenizer

    # A typing error in a path should not be looked for on the hub, which may take long not to answer.
    path = Path(source)
    if not path.exists() and (path.is_absolute() or source.startswith(".") or path.parent.is_dir()) and "/" in source:
        raise RunError(f"tokenizer {source!r} is neither a folder nor a name on the hub")
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            source, config=config, revision=revision, trust_remote_code=trust_remote_code
        )
    except Exception as error:
        if not _has_files(source, revision, ()):
            raise _no_tokenizer(source, revision) from None
        raise explain(error, source, revision, "tokenizer") from None
    # Without files transformers makes a tokenizer that knows its special tokens and no word. A class that names no
    # files needs none (ByT5 reads bytes).
    own = tuple(dict(getattr(tokenizer, "vocab_files_names", None) or {}).values())
    if own and not _has_files(source, revision, own):
        raise _no_tokenizer(source, revision)
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    if not set(tokenizer.get_vocab().values()) - special:
        raise _no_tokenizer(source, revision)
    return tokenizer


def check_tokenizer(tokenizer: Any, model: Any, name: str) -> None:
    """Refuse a tokenizer with tokens that the model has no embedding for.

    Tokens that were added to a tokenizer and do not occur in plain text may lie beyond the embedding (Gemma 3 has one
    for images); a document that holds one is refused when it is encoded.

    Raises:
        `RunError` with the number of tokens and of rows.
    """
    rows = embedding_rows(model)
    added = set(tokenizer.added_tokens_decoder)
    highest = max((index for index in tokenizer.get_vocab().values() if index not in added), default=-1)
    if rows is not None and highest >= rows:
        raise RunError(
            f"the tokenizer does not fit model {name!r}: it has token ids up to {highest}, "
            f"and the model has {rows} embedding rows; give the model's own tokenizer"
        )


def embedding_rows(model: Any) -> int | None:
    """How many tokens a model has an embedding for, None where it does not say."""
    weight = getattr(embedding_module(model, "input"), "weight", None)
    return int(weight.shape[0]) if weight is not None else None


def _has_files(source: str, revision: str | None, names: tuple[str, ...]) -> bool:
    """Whether a folder, or the cache of a hub model, holds any file of a tokenizer."""
    from huggingface_hub import errors, try_to_load_from_cache

    wanted = {*_NAMES, *names}
    folder = Path(source)
    if folder.is_dir():
        return any((folder / name).is_file() for name in wanted)
    try:
        return any(isinstance(try_to_load_from_cache(source, name, revision=revision), str) for name in wanted)
    except errors.HFValidationError:
        return False


def _no_tokenizer(source: str, revision: str | None) -> RunError:
    from huggingface_hub import errors, try_to_load_from_cache

    if not Path(source).is_dir():
        try:
            known = isinstance(try_to_load_from_cache(source, "config.json", revision=revision), str)
        except errors.HFValidationError as error:
            return explain(error, source, revision, "tokenizer")
        if not known:
            return not_in_cache(source, revision, "tokenizer")
    return RunError(f"{source!r} has no tokenizer files ({_FILES}); give the tokenizer's own folder with --tokenizer")
