"""What a checkpoint is put together from: its own files, an adapter's base, a tokenizer from one of several places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interfere.checkpoint._adapter_files import Adapter, find_adapter, find_base
from interfere.checkpoint._adapters import require_peft
from interfere.checkpoint._files import check_entries
from interfere.checkpoint._hub import resolved_revision
from interfere.checkpoint._objective_name import LABELLED, resolve_objective
from interfere.checkpoint._place import Place, find_place
from interfere.checkpoint._tokenizer import has_tokenizer, load_tokenizer
from interfere.errors import InputError, RunError

_CLASSIFIERS = ("SEQ_CLS", "TOKEN_CLS")
"""What PEFT calls the tasks that have labels."""


def check_folders(place: Place, tokenizer: str | Path | None = None) -> None:
    """Refuse folders with entries that lead elsewhere.

    Raises:
        RunError: naming the entry.
    """
    # Of a GGUF file's folder nothing else is read, and it may be any.
    if place.folder is not None and place.gguf is None:
        check_entries(place.folder, "model", place.id)
    if tokenizer is not None and Path(tokenizer).is_dir():
        check_entries(Path(tokenizer), "tokenizer", str(tokenizer))


def base_place(adapter: Adapter, given: str | Path | None, *, trust_remote_code: bool) -> Place:
    """Where an adapter's base model is.

    Args:
        adapter: from `find_adapter`.
        given: what the user says it is; None: what the adapter says.
        trust_remote_code: whether code that comes with the base may run.

    Raises:
        InputError: the user has to name it.
        RunError: the adapter names none, or PEFT is missing.
    """
    require_peft(adapter.id)
    if trust_remote_code and given is None:
        # Whoever trusts the code of an adapter's repository has not said so of any other that it names.
        raise InputError(
            f"--trust-remote-code: model {adapter.id!r} is an adapter; name its base model with --base-model, since it "
            "is the base's code that would run"
        )
    name, revision = find_base(adapter, None if given is None else str(given))
    if not name.strip():
        raise InputError("--base-model is empty; give a folder or the name of a model on the hub")
    base = find_place(name, revision)
    check_folders(base)
    return base


def refuse_adapter(base: Place, adapter: Adapter) -> None:
    """Make sure that a base is a whole model: transformers would load whatever another adapter names.

    Raises:
        RunError: it is an adapter itself.
    """
    if find_adapter(base) is not None:
        raise RunError(f"adapter {adapter.id!r}: its base model {base.id!r} is an adapter itself; merge that one first")


def refuse_stored_head(adapter: Adapter, config: Any, base: str) -> None:
    """Make sure that a classifier's adapter is on a classifier: else its head is in the adapter alone.

    Args:
        adapter: from `find_adapter`.
        config: of the base.
        base: what messages call the base.

    Raises:
        RunError: the base has no head for labels.
    """
    if adapter.config.get("task_type") in _CLASSIFIERS and resolve_objective(config) not in LABELLED:
        raise RunError(
            f"adapter {adapter.id!r} is of a classifier, whose head is stored with it and not in its base model "
            f"{base!r}; merge it into its base model with PEFT, and give the merged one"
        )


def find_tokenizer(
    tokenizer: str | Path | None, place: Place, body: Place, config: Any, trust_remote_code: bool
) -> Any:
    """Load the tokenizer: that given, or the model's own (which may be above its subfolder), or that of its base.

    Args:
        tokenizer: folder or hub name; None: none is given.
        place: where the model is.
        body: where its weights are, which is another place for an adapter.
        config: of the weights.
        trust_remote_code: whether code that comes with it may run.

    Raises:
        RunError: there is none, or it does not load.
    """
    if tokenizer is not None:
        return load_tokenizer(str(tokenizer), config, None, trust_remote_code)
    own = place if place is body or has_tokenizer(place.source, place.revision, place.subfolder) else body
    if own.gguf is not None:
        return load_tokenizer(
            own.source, config, own.revision, trust_remote_code, subfolder=own.subfolder, gguf=own.gguf
        )
    if own.above is not None and not has_tokenizer(own.source, own.revision, own.subfolder):
        if Path(own.above).is_dir():
            check_entries(Path(own.above), "tokenizer", own.above)
        return load_tokenizer(own.above, config, own.revision, trust_remote_code)
    return load_tokenizer(own.source, config, own.revision, trust_remote_code, subfolder=own.subfolder)


def commit_of(place: Place) -> str | None:
    """The commit of what was loaded from the hub, None for a folder."""
    return resolved_revision(place.source, place.revision, place.inside(place.gguf or "config.json"))
