"""Putting a PEFT adapter on its base model, so that what is measured is the two together.

Only methods that change what single layers compute are supported: the model keeps its class, its forward and its
modules, and some linear layers become PEFT's own, which hold the plain layer as `base_layer` and the adapter's
parameters beside it.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from interfere.checkpoint._adapter_files import Adapter, read_adapter_weights
from interfere.checkpoint._files import some
from interfere.checkpoint._hub import first_line, printable
from interfere.checkpoint._patterns import is_tame
from interfere.errors import InputError, RunError

_PREFIX = {"LORA": "lora_", "ADALORA": "lora_", "IA3": "ia3_", "LOHA": "hada_", "LOKR": "lokr_", "HRA": "hra_"}
"""Methods, each with what the names of its parameters begin with."""

_TAKEN = {
    "LORA": "r lora_alpha fan_in_fan_out bias use_rslora use_dora rank_pattern alpha_pattern modules_to_save lora_bias",
    "ADALORA": "r init_r target_r tinit tfinal deltaT beta1 beta2 orth_reg_weight total_step rank_pattern lora_alpha "
    "fan_in_fan_out bias modules_to_save",
    "IA3": "fan_in_fan_out modules_to_save",
    "LOHA": "r alpha rank_pattern alpha_pattern modules_to_save",
    "LOKR": "r alpha rank_pattern alpha_pattern modules_to_save decompose_both decompose_factor rank_dropout_scale",
    "HRA": "r apply_GS bias modules_to_save",
}
"""Settings that shape what an adapter computes, by method."""

_IDLE = frozenset(
    [
        "peft_type",
        "task_type",
        "auto_mapping",
        "peft_version",
        "base_model_name_or_path",
        "revision",
        "inference_mode",
        "target_modules",
        "feedforward_modules",
        "exclude_modules",
        "layers_to_transform",
        "layers_pattern",
        "lora_dropout",
        "rank_dropout",
        "module_dropout",
        "init_weights",
        "init_lora_weights",
        "init_ia3_weights",
        "loftq_config",
        "eva_config",
        "corda_config",
        "lora_ga_config",
        "megatron_core",
        "runtime_config",
        "ensure_weight_tying",
    ]
)
"""Settings that say how it was trained, or what its weights tell as well."""

_CHANGED_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Initialisations that took something out of the base's weights: with the plain base the model is another one."""

_RANKS = ("r", "init_r", "target_r")
_IN_FILES = "base_model.model."


def require_peft(name: str) -> None:
    """Make sure that PEFT is installed.

    Raises:
        RunError: it is not.
    """
    if importlib.util.find_spec("peft") is None:
        raise RunError(
            f"model {name!r} is a PEFT adapter, which needs the package peft: pip install 'interfere-nlp[peft]'"
        )


def put_adapter(model: Any, adapter: Adapter) -> Any:
    """Put an adapter on its base.

    Args:
        model: the base, as loaded; it is changed.
        adapter: from `find_adapter`.

    Returns:
        The model with the adapter active: of the base's class, with all its parameters asking for gradients and none
        left that is not used.

    Raises:
        RunError: its method or one of its settings is not supported, its weights are damaged, or they do not fit the
            base; the message names what does not.
    """
    from peft import PeftModel
    from peft.utils.save_and_load import set_peft_model_state_dict

    dtype = next(model.parameters()).dtype
    weights = {key.removeprefix(_IN_FILES): value for key, value in read_adapter_weights(adapter).items()}
    settings = _settings(adapter, weights, model)
    try:
        # Nothing is allocated for what config.json says: parameters have no memory until the stored tensors are put in
        # their place, which fails where the shapes are not the same.
        wrapped = PeftModel(model, settings, low_cpu_mem_usage=True)
        stored = {f"{_IN_FILES}{key}": value for key, value in weights.items()}
        report: Any = set_peft_model_state_dict(wrapped, stored, low_cpu_mem_usage=True)
    except Exception as error:
        shown = _unfit(error)
        raise RunError(f"adapter {adapter.id!r} does not fit its base model: {shown}") from None
    beyond = sorted(key.removeprefix(_IN_FILES) for key in report.unexpected_keys)
    if beyond:
        raise RunError(f"adapter {adapter.id!r} has weights that fit nothing in its base model: {some(beyond)}")
    whole = wrapped.get_base_model()
    lacking = [name for name, parameter in whole.named_parameters() if parameter.is_meta]
    if lacking:
        raise RunError(f"adapter {adapter.id!r} lacks {len(lacking)} of its weights: {some(lacking)}")
    _unwrap_saved(whole)
    _fix_counts(whole)
    whole.to(dtype)
    whole.requires_grad_(True)
    return whole


def without_wrapper(model: Any) -> Any:
    """The model of transformers within one of PEFT's, with the adapter in its layers.

    Raises:
        InputError: the adapter adds to the text, which is done by the wrapper and not in a layer.
    """
    methods = [str(getattr(settings, "peft_type", "?")) for settings in model.peft_config.values()]
    if any(getattr(settings, "is_prompt_learning", False) for settings in model.peft_config.values()):
        raise InputError(f"the model has an adapter of type {methods[0]}, which adds to the text and not to the layers")
    return model.get_base_model()


def _settings(adapter: Adapter, weights: Mapping[str, torch.Tensor], model: nn.Module) -> Any:
    """PEFT's settings of an adapter, made of what may come from a stranger.

    Which modules it is on is told by its weights and not by its own patterns, which are regular expressions that can
    be made to run for ever. Settings that have other files read, or code imported, are none of those taken.
    """
    from peft import PeftType
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    method = adapter.method
    if method not in _PREFIX:
        raise RunError(
            f"adapter {adapter.id!r} is of type {method}, which is not supported: interfere measures adapters that "
            f"change layers, of types {', '.join(_PREFIX)}"
        )
    made: Any = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(method)]
    plain = made(total_step=1) if method == "ADALORA" else made()
    taken = {}
    for key, value in adapter.config.items():
        if key in _TAKEN[method].split():
            taken[key] = value
        elif key not in _IDLE and value not in (None, False, [], {}) and value != getattr(plain, key, None):
            raise RunError(
                f"adapter {adapter.id!r}: its {printable(key)} is set, which is not supported; merge it into its base "
                "model with PEFT, and give the merged one"
            )
    initial = adapter.config.get("init_lora_weights")
    if isinstance(initial, str) and initial.lower().startswith(_CHANGED_BASE):
        raise RunError(
            f"adapter {adapter.id!r} was begun by {printable(initial[:40])}, which changes the base's weights too; "
            "save it as a plain LoRA (path_initial_model_for_weight_conversion), or merge it into its base model"
        )
    paths = _paths(adapter, weights, _PREFIX[method], model)
    _check_numbers(adapter, taken, weights)
    taken["target_modules"] = paths
    if method == "IA3":
        # A scale of inputs is stored as one row, a scale of outputs as one column.
        taken["feedforward_modules"] = [path for path in paths if tuple(weights[f"{path}.ia3_l"].shape)[:1] == (1,)]
    try:
        return made(inference_mode=True, **taken)
    except Exception as error:
        raise RunError(f"adapter {adapter.id!r} has settings that PEFT does not take: {first_line(error)}") from None


def _check_numbers(adapter: Adapter, taken: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> None:
    """Refuse ranks beyond all stored sizes, and patterns that could take for ever to be matched."""
    largest = max((size for value in weights.values() for size in value.shape), default=0)
    ranks = {key: taken[key] for key in _RANKS if key in taken}
    patterns: list[str] = []
    for key in ("rank_pattern", "alpha_pattern"):
        found = taken.get(key) or {}
        if not isinstance(found, Mapping):
            raise RunError(f"adapter {adapter.id!r}: its {key} is no JSON object")
        patterns += found
        if key == "rank_pattern" and adapter.method != "ADALORA":
            ranks |= {f"{key} of {pattern}": rank for pattern, rank in found.items()}
    for key, rank in ranks.items():
        if adapter.method == "ADALORA" and key in ("r", "target_r"):
            continue
        if not isinstance(rank, int) or isinstance(rank, bool) or not 1 <= rank <= largest:
            raise RunError(
                f"adapter {adapter.id!r}: its {printable(key[:80])} is {printable(str(rank)[:40])}, and its weights "
                f"have at most {largest} rows or columns; one of the two is not this adapter's"
            )
    for pattern in patterns:
        if not is_tame(pattern):
            raise RunError(
                f"adapter {adapter.id!r}: a pattern of its modules is too intricate: {printable(pattern[:80])!r}"
            )


def _paths(adapter: Adapter, weights: Mapping[str, torch.Tensor], prefix: str, model: nn.Module) -> list[str]:
    """The modules that the adapter has weights for.

    Raises:
        RunError: there are none, or the base has no such modules.
    """
    found: dict[str, None] = {}
    for key in weights:
        parts = key.split(".")
        place = next((place for place, part in enumerate(parts) if part.startswith(prefix)), 0)
        if place:
            found[".".join(parts[:place])] = None
    if not found:
        raise RunError(f"adapter {adapter.id!r}: its weights hold nothing of type {adapter.method}")
    modules = {name for name, _ in model.named_modules(remove_duplicate=False)}
    strange = [path for path in found if path not in modules]
    if strange:
        raise RunError(
            f"adapter {adapter.id!r} is for modules that its base model has not: {some(strange)}; give the base that "
            "it was trained on with --base-model"
        )
    return list(found)


def _unfit(error: Exception) -> str:
    """What PEFT says of weights that do not fit: the first tensor, not the wall of them."""
    text = str(error)
    shape = re.search(r"size mismatch for (\S+): (.*?)(?:\n|$)", text)
    if shape is not None:
        return printable(f"{shape[1].removeprefix(_IN_FILES)}: {shape[2]}"[:240])
    if isinstance(error, KeyError):
        return f"it has no weights for {first_line(error)}"
    return first_line(error)


def _unwrap_saved(model: nn.Module) -> None:
    """Put modules that were trained whole where those of the base are, which nothing uses any more."""
    from peft.utils.other import ModulesToSaveWrapper

    for path, module in list(model.named_modules()):
        if isinstance(module, ModulesToSaveWrapper):
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, module.modules_to_save["default"])


def _fix_counts(model: nn.Module) -> None:
    """AdaLoRA keeps the number of its ranks as a parameter, which is no weight and is divided by."""
    from peft.tuners._buffer_dict import BufferDict

    for module in list(model.modules()):
        counts = getattr(module, "ranknum", None)
        if isinstance(counts, nn.ParameterDict):
            kept = {key: value.detach() for key, value in counts.items()}
            del module.ranknum
            module.ranknum = BufferDict(kept, persistent=False)
