"""Loading a checkpoint, and refusing one whose gradients would mean nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

import torch

from interfere.checkpoint._adapter_files import find_adapter
from interfere.checkpoint._adapters import put_adapter, without_wrapper
from interfere.checkpoint._config import load_config
from interfere.checkpoint._fresh import draw_weights, set_labels
from interfere.checkpoint._hub import cache_alone_without_network
from interfere.checkpoint._objective_name import (
    LABELLED,
    OBJECTIVES,
    SEQ2SEQ,
    ObjectiveName,
    auto_class,
    resolve_objective,
    sees_its_targets,
    seq2seq_objective,
    with_architecture,
)
from interfere.checkpoint._place import find_place
from interfere.checkpoint._quantized import quantization_method
from interfere.checkpoint._quiet import quiet
from interfere.checkpoint._sources import (
    base_place,
    check_folders,
    commit_of,
    find_tokenizer,
    refuse_adapter,
    refuse_stored_head,
)
from interfere.checkpoint._tokenizer import check_tokenizer
from interfere.checkpoint._weights import check_finite, check_loaded, hash_weights, read_weights
from interfere.errors import InputError, RunError
from interfere.settings import Head, require_choice

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""The types that weights can be loaded in."""


@dataclass(frozen=True)
class Checkpoint:
    """A model with its tokenizer, ready to be measured.

    Args:
        model: in eval mode and on its device; which parameters require gradients is as it was.
        tokenizer: its tokenizer.
        id: the folder or hub name that the user gave.
        revision: the commit, where it came from the hub; None for a folder.
        architecture: the model's class.
        parameters: how many numbers its parameters hold, shared ones counted once.
        weights_sha256: of the parameters as loaded: equal for equal weights, however they were cut into files.
        objective: what it is measured with: `masked-lm`, `causal-lm`, `span-corruption`, `text-infilling`,
            `translation`, `text-classification` or `token-classification`.
        adapter: PEFT's name of the method, as in `LORA`, where `id` is an adapter; None for a whole model.
        base: of an adapter, the folder or hub name of the model that it is on.
        base_revision: of an adapter, the base's commit; None for a folder.
        stored_as: how the weights were stored, where that was in few bits: `fp8`, `mxfp4`, `gguf`.
        fresh: the parameters of its head that no file holds, drawn from a seed and still to be trained.
            `weights_sha256` is that of the others.
    """

    model: Any
    tokenizer: Any
    id: str
    revision: str | None
    architecture: str
    parameters: int
    weights_sha256: str
    objective: ObjectiveName
    adapter: str | None = None
    base: str | None = None
    base_revision: str | None = None
    stored_as: str | None = None
    fresh: tuple[str, ...] = ()


def load_checkpoint(
    model: str | Path,
    *,
    revision: str | None = None,
    subfolder: str | None = None,
    base_model: str | Path | None = None,
    tokenizer: str | Path | None = None,
    objective: str = "auto",
    head: Head = "saved",
    labels: Sequence[str] | None = None,
    seed: int = 0,
    dtype: str = "float32",
    device: str = "cpu",
    trust_remote_code: bool = False,
) -> Checkpoint:
    """Load a model with the head that its objective needs, and its tokenizer.

    Args:
        model: a folder, the name of a model on the hub, or a GGUF file (`OWNER/NAME/FILE.gguf` on the hub); a PEFT
            adapter is loaded with its base model, and both are measured together.
        revision: branch, tag or commit of a hub model.
        subfolder: where the model is within the folder or the repository; its tokenizer is looked for there, then in
            the folder itself.
        base_model: folder or hub name of an adapter's base model. Needed where the adapter names a path, since paths
            are not taken from files; None: the name on the hub that the adapter gives.
        tokenizer: folder or hub name of the tokenizer, where it is not the model's own.
        objective: `auto` (told from the config, and of an encoder-decoder from its tokenizer), `masked-lm`,
            `causal-lm`, `span-corruption`, `text-infilling`, `translation`, `text-classification` or
            `token-classification`.
        head: `saved`: the checkpoint has to hold the head that the objective needs. `train`: weights of the head that
            it does not hold are drawn from the seed, to be trained by an analysis whose settings say so.
        labels: what a head for labels that is to be trained tells apart.
        seed: of weights that are drawn.
        dtype: `float32`, `bfloat16` or `float16`.
        device: a device of torch, or `auto`: the GPU where there is one, else the CPU.
        trust_remote_code: whether Python code that comes with the model may run.

    Raises:
        `InputError` where an option is wrong. `RunError` where the checkpoint does not load, or loads with weights
        that it does not hold (a head filled with random numbers), of other shapes, or that are not finite.
    """
    name = str(model)
    if not name.strip():
        raise InputError("the model is empty; give a folder or the name of a model on the hub")
    if dtype not in DTYPES:
        raise InputError(f"dtype {dtype!r} is unknown; it is one of {', '.join(DTYPES)}")
    if objective not in ("auto", *OBJECTIVES):
        raise InputError(f"objective {objective!r} is unknown; it is one of auto, {', '.join(OBJECTIVES)}")
    place = find_place(name, revision, subfolder)
    if tokenizer is not None and Path(tokenizer).is_file():
        raise RunError(f"tokenizer {str(tokenizer)!r} is a file; give the folder that it is in")
    check_folders(place, tokenizer)
    device_place = check_device(device)
    with quiet(), ExitStack() as stack:
        stack.enter_context(cache_alone_without_network(place.source, str(tokenizer or place.source)))
        adapter = find_adapter(place)
        body = place
        if adapter is not None:
            body = base_place(adapter, base_model, trust_remote_code=trust_remote_code)
            stack.enter_context(cache_alone_without_network(body.source))
            refuse_adapter(body, adapter)
        elif base_model is not None:
            raise InputError(f"--base-model is for a PEFT adapter, and model {name!r} is none; leave it out")
        config = load_config(
            body.source, body.revision, trust_remote_code, subfolder=body.subfolder, gguf=body.gguf, shown=body.id
        )
        if adapter is not None:
            refuse_stored_head(adapter, config, body.id)
        train_head = _trains_head(head, adapter is not None)
        chosen = _choose_objective(body.id, config, objective, train_head=train_head)
        if train_head and chosen in LABELLED:
            if labels is None or len(set(labels)) < 2:
                raise InputError(f"--head train: a head for {chosen} needs text with two labels at least")
            set_labels(config, labels)
            config.problem_type = "single_label_classification" if chosen == "text-classification" else None
        loaded, report = read_weights(
            auto_class(chosen),
            body.source,
            config,
            revision=body.revision,
            dtype=DTYPES[dtype],
            trust_remote_code=trust_remote_code,
            subfolder=body.subfolder,
            gguf=body.gguf,
        )
        fresh = check_loaded(loaded, report, body.id, chosen, train_head=train_head)
        draw_weights(loaded, fresh, seed)
        words = find_tokenizer(tokenizer, place, body, config, trust_remote_code)
        chosen = _told_by_tokenizer(chosen, words, objective)
        if adapter is not None:
            loaded = put_adapter(loaded, adapter)
    try:
        loaded.to(device_place)
    except torch.OutOfMemoryError:
        raise RunError(
            f"model {name!r} does not fit the memory of device {device_place}; try --dtype bfloat16"
        ) from None
    commit = commit_of(body)
    found = _finish(loaded, words, place.id, commit if adapter is None else adapter.revision, chosen, fresh)
    found = replace(found, stored_as="gguf" if body.gguf is not None else quantization_method(config))
    if adapter is None:
        return found
    return replace(found, adapter=adapter.method, base=body.id, base_revision=commit)


def _trains_head(head: str, adapter: bool) -> bool:
    require_choice("head", head, get_args(Head))
    if head == "train" and adapter:
        raise InputError("--head train is not for a PEFT adapter; merge it into its base model first")
    return head == "train"


def checkpoint_from_model(model: Any, tokenizer: Any, *, id: str = "in memory", objective: str = "auto") -> Checkpoint:  # noqa: A002
    """Make a checkpoint of a model that is loaded already.

    Args:
        model: a model of transformers with its language-model head, or one of PEFT's around it, which is measured with
            its adapter. It is put into eval mode.
        tokenizer: its tokenizer.
        id: the name that results give it.
        objective: as for `load_checkpoint`.

    Raises:
        As `load_checkpoint`, for what can still be wrong.
    """
    if objective not in ("auto", *OBJECTIVES):
        raise InputError(f"objective {objective!r} is unknown; it is one of auto, {', '.join(OBJECTIVES)}")
    if hasattr(model, "peft_config") and hasattr(model, "get_base_model"):
        model = without_wrapper(model)
    config = getattr(model, "config", None)
    if config is None:
        raise InputError(f"{type(model).__name__} is not a model of transformers: it has no config")
    own = type(model).__name__
    # The class is a better witness than the config, which may name the class that the weights were once saved from.
    if getattr(config, "architectures", None) != [own]:
        config = with_architecture(config, own)
    chosen = _told_by_tokenizer(_choose_objective(id, config, objective), tokenizer, objective)
    return _finish(model, tokenizer, id, None, chosen)


def check_device(device: str) -> torch.device:
    """The device of a name, `auto` being the GPU where there is one.

    Raises:
        `InputError` where there is no such device here.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        place = torch.device(device)
    except RuntimeError:
        raise InputError(f"device {device!r} is unknown; give cpu, cuda, cuda:0 or auto") from None
    if place.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (place.index or 0) >= count:
            raise InputError(f"device {device!r} is not available: torch sees {count} CUDA devices; give cpu or auto")
    elif place.type == "mps" and not torch.backends.mps.is_available():
        raise InputError("device 'mps' is not available on this machine; give cpu or auto")
    elif place.type not in ("cpu", "mps"):
        raise InputError(f"device {device!r} is not supported; give cpu, cuda, cuda:0 or auto")
    return place


def _choose_objective(name: str, config: Any, asked: str, *, train_head: bool = False) -> ObjectiveName:
    own = resolve_objective(config)
    if train_head and asked in LABELLED:
        return cast(ObjectiveName, asked)
    if train_head and own in LABELLED and asked not in ("auto", own):
        # What its body alone could be measured with.
        own = resolve_objective(with_architecture(config, None))
    if own in SEQ2SEQ and asked in SEQ2SEQ:
        own = asked
    if asked not in ("auto", own):
        other = own in LABELLED or asked in LABELLED
        train = f", or --head train to have a head for {asked} trained here" if other and not train_head else ""
        raise InputError(
            f"objective {asked!r} does not fit model {name!r}, which is made for {own}; give that or auto{train}"
        )
    if sees_its_targets(config, own):
        raise RunError(
            f"model {name!r} was saved as a causal LM, but its attention is bidirectional (is_decoder is not set in "
            "config.json), so it sees the tokens that it would predict"
        )
    return own


def _told_by_tokenizer(chosen: ObjectiveName, tokenizer: Any, asked: str) -> ObjectiveName:
    return seq2seq_objective(tokenizer) if asked == "auto" and chosen in SEQ2SEQ else chosen


def _finish(
    model: Any,
    tokenizer: Any,
    name: str,
    revision: str | None,
    objective: ObjectiveName,
    fresh: tuple[str, ...] = (),
) -> Checkpoint:
    model.eval()
    check_finite(model, name)
    check_tokenizer(tokenizer, model, name)
    return Checkpoint(
        model=model,
        tokenizer=tokenizer,
        id=name,
        revision=revision,
        architecture=type(model).__name__,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        weights_sha256=hash_weights(model, without=fresh),
        objective=objective,
        fresh=fresh,
    )
