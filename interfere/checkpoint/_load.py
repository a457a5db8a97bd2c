"""Loading a checkpoint, and refusing one whose gradients would mean nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from interfere.checkpoint._files import check_entries
from interfere.checkpoint._hub import cache_alone_without_network, explain, printable, resolved_revision
from interfere.checkpoint._objective_name import (
    OBJECTIVES,
    SEQ2SEQ,
    ObjectiveName,
    auto_class,
    resolve_objective,
    sees_its_targets,
    seq2seq_objective,
)
from interfere.checkpoint._quiet import quiet
from interfere.checkpoint._sizes import check_config
from interfere.checkpoint._tokenizer import check_tokenizer, load_tokenizer
from interfere.checkpoint._weights import check_finite, check_loaded, hash_weights, read_weights
from interfere.errors import InputError, RunError

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
        objective: what it is measured with: `masked-lm`, `causal-lm`, `span-corruption`, `text-infilling` or
            `translation`.
    """

    model: Any
    tokenizer: Any
    id: str
    revision: str | None
    architecture: str
    parameters: int
    weights_sha256: str
    objective: ObjectiveName


def load_checkpoint(
    model: str | Path,
    *,
    revision: str | None = None,
    tokenizer: str | Path | None = None,
    objective: str = "auto",
    dtype: str = "float32",
    device: str = "cpu",
    trust_remote_code: bool = False,
) -> Checkpoint:
    """Load a model with the head that its objective needs, and its tokenizer.

    Args:
        model: a folder, or the name of a model on the hub.
        revision: branch, tag or commit of a hub model.
        tokenizer: folder or hub name of the tokenizer, where it is not the model's own.
        objective: `auto` (told from the config, and of an encoder-decoder from its tokenizer), `masked-lm`,
            `causal-lm`, `span-corruption`, `text-infilling` or `translation`.
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
    source = name if tokenizer is None else str(tokenizer)
    if Path(name).is_file():
        raise RunError(f"model {name!r} is a file; give the folder that config.json and the weights are in")
    if Path(source).is_file():
        raise RunError(f"tokenizer {source!r} is a file; give the folder that it is in")
    for what, each in (("model", name), ("tokenizer", source)):
        if Path(each).is_dir():
            check_entries(Path(each), what, each)
    place = check_device(device)
    with quiet(), cache_alone_without_network(name, source):
        config = _load_config(name, revision, trust_remote_code)
        chosen = _choose_objective(name, config, objective)
        loaded, report = read_weights(
            auto_class(chosen),
            name,
            config,
            revision=revision,
            dtype=DTYPES[dtype],
            trust_remote_code=trust_remote_code,
        )
        check_loaded(loaded, report, name, chosen)
        words = load_tokenizer(source, config, None if tokenizer is not None else revision, trust_remote_code)
        chosen = _told_by_tokenizer(chosen, words, objective)
    try:
        loaded.to(place)
    except torch.OutOfMemoryError:
        raise RunError(f"model {name!r} does not fit the memory of device {place}; try --dtype bfloat16") from None
    return _finish(loaded, words, name, resolved_revision(name, revision), chosen)


def checkpoint_from_model(model: Any, tokenizer: Any, *, id: str = "in memory", objective: str = "auto") -> Checkpoint:  # noqa: A002
    """Make a checkpoint of a model that is loaded already.

    Args:
        model: a model of transformers with its language-model head. It is put into eval mode.
        tokenizer: its tokenizer.
        id: the name that results give it.
        objective: as for `load_checkpoint`.

    Raises:
        As `load_checkpoint`, for what can still be wrong.
    """
    if objective not in ("auto", *OBJECTIVES):
        raise InputError(f"objective {objective!r} is unknown; it is one of auto, {', '.join(OBJECTIVES)}")
    config = getattr(model, "config", None)
    if config is None:
        raise InputError(f"{type(model).__name__} is not a model of transformers: it has no config")
    own = type(model).__name__
    # The class is a better witness than the config, which may name the class that the weights were once saved from.
    if getattr(config, "architectures", None) != [own]:
        config = _with_architecture(config, own)
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


def _load_config(name: str, revision: str | None, trust_remote_code: bool) -> Any:
    from transformers import AutoConfig, PreTrainedConfig

    folder = Path(name)
    if folder.is_dir() and not (folder / "config.json").is_file():
        adapter = (folder / "adapter_config.json").is_file()
        hint = "it holds an adapter: merge it into its base model first" if adapter else "is it a model's folder?"
        raise RunError(f"model {name!r} has no config.json; {hint}")
    if folder.is_dir() and (folder / "adapter_config.json").is_file():
        raise RunError(
            f"model {name!r} has an adapter_config.json beside its config.json, which names another model; merge the "
            "adapter into its base model, or take that file out if it has been merged"
        )
    try:
        document, _ = PreTrainedConfig.get_config_dict(name, revision=revision)
        check_config(document, name, trust_remote_code=trust_remote_code)
        config = AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=trust_remote_code)
    except RunError:
        raise
    except Exception as error:
        raise _explain_config(error, name, revision) from None
    quantized = getattr(config, "quantization_config", None)
    if quantized:
        method = quantized.get("quant_method", "?") if isinstance(quantized, dict) else "?"
        raise RunError(
            f"model {name!r} holds quantized weights ({printable(str(method))}), which have no gradients; "
            "dequantize it first"
        )
    return config


def _explain_config(error: Exception, name: str, revision: str | None) -> RunError:
    text = str(error)
    if "does not recognize this architecture" in text:
        kind = text.split("model type `")[-1].split("`")[0]
        return RunError(f"model {name!r} is of type {kind!r}, which the installed transformers does not know")
    if "Should have a `model_type` key" in text:
        return RunError(f"model {name!r} has a config.json without a model_type, so nothing says what it is")
    if "is not a valid JSON file" in text:
        return RunError(f"model {name!r} has a config.json that is not valid JSON")
    return explain(error, name, revision)


def _choose_objective(name: str, config: Any, asked: str) -> ObjectiveName:
    own = resolve_objective(config)
    if own in SEQ2SEQ and asked in SEQ2SEQ:
        own = asked
    if asked not in ("auto", own):
        raise InputError(f"objective {asked!r} does not fit model {name!r}, which is made for {own}; give that or auto")
    if sees_its_targets(config, own):
        raise RunError(
            f"model {name!r} was saved as a causal LM, but its attention is bidirectional (is_decoder is not set in "
            "config.json), so it sees the tokens that it would predict"
        )
    return own


def _told_by_tokenizer(chosen: ObjectiveName, tokenizer: Any, asked: str) -> ObjectiveName:
    return seq2seq_objective(tokenizer) if asked == "auto" and chosen in SEQ2SEQ else chosen


def _finish(model: Any, tokenizer: Any, name: str, revision: str | None, objective: ObjectiveName) -> Checkpoint:
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
        weights_sha256=hash_weights(model),
        objective=objective,
    )


def _with_architecture(config: Any, name: str) -> Any:
    """A copy of a config that names another class; the model's own config stays as it is."""
    import copy

    changed = copy.copy(config)
    changed.architectures = [name]
    return changed
