"""Loading a checkpoint's body with a fresh head for a task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import torch

from interfere.checkpoint import DTYPES, embedding_rows, map_parameters
from interfere.checkpoint._config import load_config
from interfere.checkpoint._fresh import draw_weights, is_pooler, set_labels
from interfere.checkpoint._hub import cache_alone_without_network, resolved_revision
from interfere.checkpoint._quiet import quiet
from interfere.checkpoint._tokenizer import check_tokenizer, load_tokenizer
from interfere.checkpoint._weights import check_finite, read_weights
from interfere.errors import InputError, RunError
from interfere.objectives._text import DEFAULT_MAX_LENGTH, model_positions
from interfere.settings import TaskSettings
from interfere.tasks._types import LabelledCorpus

Role = Literal["multilingual", "monolingual"]

_HEADS = {
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
}

_OF_NO_CONCERN = ("_name_or_path", "transformers_version", "architectures", "dtype", "use_cache")


@dataclass(frozen=True)
class TaskModel:
    """A checkpoint to fine-tune.

    Args:
        path: a folder, or the name of a model on the hub.
        role: `multilingual`: fine-tuned on each language; `monolingual`: on its own alone.
        language: that language; None of a multilingual model.
        revision: branch, tag or commit of a hub model.
        tokenizer: folder or hub name of the tokenizer, where it is not the model's own.
        trust_remote_code: whether Python code that comes with the model may run.
    """

    path: str | Path
    role: Role = "multilingual"
    language: str | None = None
    revision: str | None = None
    tokenizer: str | Path | None = None
    trust_remote_code: bool = False


@dataclass(frozen=True)
class Loaded:
    """A body with a fresh head.

    Args:
        model: on the CPU, in float32.
        tokenizer: its tokenizer.
        pad_id: the token that fills short rows; the model's config names it, too.
        max_length: tokens that an item is cut to.
        rows: how many tokens it has an embedding for, None where it does not say.
        fresh: names of the parameters that no file holds, and that the seed draws.
        identity: what tells the checkpoint from others: SHA-256 of its other parameters (`weights`), of its config and
            of its tokenizer, and `max_length`.
        revision: the commit, where it came from the hub.
    """

    model: Any
    tokenizer: Any
    pad_id: int
    max_length: int
    rows: int | None
    fresh: tuple[str, ...]
    identity: Mapping[str, Any]
    revision: str | None


def load_for_task(model: TaskModel, corpus: LabelledCorpus, settings: TaskSettings, seed: int) -> Loaded:
    """Load a checkpoint of any kind with a head that knows the labels of a corpus.

    Args:
        model: which checkpoint.
        corpus: whose labels the head has.
        settings: task and `max_length`.
        seed: of the head. It draws each new module by the module's name, so that models of one architecture begin
            with equal heads whatever else their files hold.

    Raises:
        InputError: `max_length` is more than the model reads, or leaves no room for text.
        RunError: the checkpoint does not load, its body is not whole, it has no head for the task, or its tokenizer
            does not tell the place of its tokens, which token classification needs.
    """
    import transformers

    name = str(model.path)
    if not name.strip():
        raise InputError("the model is empty; give a folder or the name of a model on the hub")
    source = name if model.tokenizer is None else str(model.tokenizer)
    for what, place in (("model", name), ("tokenizer", source)):
        if Path(place).is_file():
            raise RunError(f"{what} {place!r} is a file; give the folder that it is in")
    with quiet(), cache_alone_without_network(name, source):
        config = load_config(name, model.revision, model.trust_remote_code)
        set_labels(config, corpus.labels)
        # A checkpoint that was fine-tuned before may be set to regression or to several labels at once.
        config.problem_type = "single_label_classification" if settings.task == "text-classification" else None
        # The head's draw must not depend on what was drawn before, nor change what will be drawn after.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            loaded, report = read_weights(
                getattr(transformers, _HEADS[settings.task]),
                name,
                config,
                revision=model.revision,
                dtype=DTYPES["float32"],
                trust_remote_code=model.trust_remote_code,
            )
            fresh = _fresh_parameters(loaded, report, name)
            draw_weights(loaded, fresh, seed)
        revision = None if model.tokenizer is not None else model.revision
        tokenizer = load_tokenizer(source, config, revision, model.trust_remote_code)
    check_finite(loaded, name)
    check_tokenizer(tokenizer, loaded, name)
    if settings.task == "token-classification" and not getattr(tokenizer, "is_fast", False):
        raise RunError(
            f"the tokenizer of model {name!r} does not tell which word a token belongs to; token classification needs "
            "one with a tokenizer.json"
        )
    length = _max_length(loaded, tokenizer, settings.max_length, name)
    identity = {
        "weights": _hash_body(loaded, fresh),
        "config": _hash_config(config),
        "tokenizer": _hash_tokenizer(tokenizer),
        "max_length": length,
    }
    return Loaded(
        model=loaded,
        tokenizer=tokenizer,
        pad_id=_set_pad_id(loaded, tokenizer),
        max_length=length,
        rows=embedding_rows(loaded),
        fresh=fresh,
        identity=identity,
        revision=resolved_revision(name, model.revision),
    )


def _fresh_parameters(model: Any, report: Any, name: str) -> tuple[str, ...]:
    """The parameters that were not in the files, all of which must belong to the head."""
    parameters = map_parameters(model)
    tied = {alias for info in parameters.values() for alias in info.tied}
    new = set(report.get("missing_keys") or ())
    # A head that was trained for something else has another shape; it is drawn anew, as a missing one is.
    new |= {entry[0] for entry in report.get("mismatched_keys") or ()}
    new = {key for key in new if key in parameters and key not in tied}
    body = sorted(key for key in new if parameters[key].layer != "head" and not is_pooler(key))
    if body:
        more = f" and {len(body) - 1} more" if len(body) > 1 else ""
        raise RunError(f"model {name!r} lacks weights of its body, or has them in another shape: {body[0]}{more}")
    # Where a checkpoint brings a head of the right shape, that head has learnt something: it is drawn anew as well.
    return tuple(sorted(new | {key for key in parameters if _is_head(key)}))


def _is_head(key: str) -> bool:
    return key.split(".")[0] in ("classifier", "score", "classification_head")


def _set_pad_id(model: Any, tokenizer: Any) -> int:
    """Choose the padding token, and let the model know it.

    Decoders find the last token of a text by comparing with the id in their config. The attention mask hides padding
    from everything else, so for a tokenizer without a padding token the end of text will do, or any token.
    """
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    rows = embedding_rows(model)
    candidates = (getattr(config, "pad_token_id", None), tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    usable = (pad for pad in candidates if isinstance(pad, int) and pad >= 0 and (rows is None or pad < rows))
    pad = next(usable)
    config.pad_token_id = model.config.pad_token_id = pad
    return pad


def _max_length(model: Any, tokenizer: Any, asked: int | None, name: str) -> int:
    positions = model_positions(model)
    special = int(tokenizer.num_special_tokens_to_add())
    if asked is None:
        own = int(tokenizer.model_max_length)
        return min([DEFAULT_MAX_LENGTH, *([positions] if positions else []), *([own] if own > special else [])])
    if positions is not None and asked > positions:
        raise InputError(f"--max-length {asked}: model {name!r} reads at most {positions} tokens")
    if asked <= special:
        raise InputError(f"--max-length {asked}: the tokenizer of {name!r} adds {special} tokens; give more")
    return asked


def _hash_body(model: Any, fresh: tuple[str, ...]) -> str:
    """SHA-256 of all parameters but the fresh ones: names, shapes and bytes, in the order of their names."""
    digest = sha256()
    left_out = set(fresh)
    for name, parameter in sorted(model.named_parameters()):
        if name not in left_out:
            value = parameter.detach().contiguous()
            digest.update(f"{name}\0{tuple(value.shape)}\0".encode())
            digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _hash_config(config: Any) -> str:
    """Dropout and the like change a training; where the files were, and who wrote them, does not."""
    entries = {key: value for key, value in config.to_diff_dict().items() if key not in _OF_NO_CONCERN}
    return sha256(json.dumps(entries, sort_keys=True, default=str).encode()).hexdigest()


def _hash_tokenizer(tokenizer: Any) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    whole = [backend.to_str() if backend is not None else sorted(tokenizer.get_vocab().items())]
    whole.append([tokenizer.pad_token_id, tokenizer.eos_token_id, type(tokenizer).__name__])
    return sha256(json.dumps(whole).encode()).hexdigest()
