"""Loading a tokenizer, and checking that it is the model's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interfere.checkpoint._embeddings import embedding_module
from interfere.checkpoint._hub import explain, first_line, not_in_cache
from interfere.errors import RunError

_NAMES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json")
_FILES = "tokenizer.json, or tokenizer_config.json with a vocabulary"


def load_tokenizer(
    source: str,
    config: Any,
    revision: str | None,
    trust_remote_code: bool,
    *,
    subfolder: str = "",
    gguf: str | None = None,
) -> Any:
    """Load a tokenizer.

    Args:
        source: folder or hub name.
        config: the model's config, which tells the tokenizer's class where its own files do not.
        revision: of a hub tokenizer.
        trust_remote_code: whether code that comes with it may run.
        subfolder: of a hub repository, where its files are.
        gguf: the file in it that the tokenizer is in, where it is in one.

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
            source,
            config=config,
            revision=revision,
            trust_remote_code=trust_remote_code,
            subfolder=subfolder,
            **({} if gguf is None else {"gguf_file": gguf}),
        )
    except Exception as error:
        if gguf is not None:
            said = first_line(error)
            raise RunError(f"the tokenizer in {gguf!r} does not load: {said}; give one with --tokenizer") from None
        if not _has_files(source, revision, (), subfolder):
            raise _no_tokenizer(source, revision, subfolder) from None
        raise explain(error, source, revision, "tokenizer") from None
    # Without files transformers makes a tokenizer that knows its special tokens and no word. A class that names no
    # files needs none (ByT5 reads bytes).
    own = tuple(dict(getattr(tokenizer, "vocab_files_names", None) or {}).values())
    if gguf is None and own and not _has_files(source, revision, own, subfolder):
        raise _no_tokenizer(source, revision, subfolder)
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    if not set(tokenizer.get_vocab().values()) - special:
        raise _no_tokenizer(source, revision, subfolder)
    return tokenizer


def has_tokenizer(source: str, revision: str | None, subfolder: str = "") -> bool:
    """Whether a folder, or a repository on the hub, has files of a tokenizer; they are downloaded to find out."""
    if _has_files(source, revision, (), subfolder):
        return True
    if Path(source).is_dir():
        return False
    from transformers.utils.hub import cached_file

    for name in ("tokenizer_config.json", "tokenizer.json"):
        try:
            found = cached_file(
                source, name, revision=revision, subfolder=subfolder, _raise_exceptions_for_missing_entries=False
            )
        except Exception:
            # Why it cannot be asked is found again, and explained, where the tokenizer is loaded.
            return False
        if found is not None:
            return True
    return False


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


def _has_files(source: str, revision: str | None, names: tuple[str, ...], subfolder: str = "") -> bool:
    """Whether a folder, or the cache of a hub model, holds any file of a tokenizer."""
    from huggingface_hub import errors, try_to_load_from_cache

    wanted = {*_NAMES, *names}
    folder = Path(source)
    if folder.is_dir():
        return any((folder / name).is_file() for name in wanted)
    try:
        return any(
            isinstance(try_to_load_from_cache(source, f"{subfolder}/{name}".lstrip("/"), revision=revision), str)
            for name in wanted
        )
    except errors.HFValidationError:
        return False


def _no_tokenizer(source: str, revision: str | None, subfolder: str = "") -> RunError:
    from huggingface_hub import errors, try_to_load_from_cache

    if not Path(source).is_dir():
        try:
            config = f"{subfolder}/config.json".lstrip("/")
            known = isinstance(try_to_load_from_cache(source, config, revision=revision), str)
        except errors.HFValidationError as error:
            return explain(error, source, revision, "tokenizer")
        if not known:
            return not_in_cache(source, revision, "tokenizer")
    return RunError(f"{source!r} has no tokenizer files ({_FILES}); give the tokenizer's own folder with --tokenizer")
