"""Tiny adapters of PEFT's, saved as training with PEFT saves them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peft
import torch
from transformers import PreTrainedModel

from tests.tiny import save_tiny, tiny_model

ATTENTION = {"llama": ["q_proj", "v_proj", "o_proj", "down_proj"], "bert": ["query", "value"], "t5": ["q", "wo"]}
"""Modules that get an adapter, by kind of model."""


def settings(method: str, kind: str = "llama", **more: Any) -> Any:
    """PEFT's settings of a small adapter."""
    made = {
        "lora": lambda **k: peft.LoraConfig(r=3, lora_alpha=5, **k),
        "dora": lambda **k: peft.LoraConfig(r=3, lora_alpha=5, use_dora=True, **k),
        "rslora": lambda **k: peft.LoraConfig(
            r=3, lora_alpha=5, use_rslora=True, rank_pattern={"q_proj": 2}, alpha_pattern={"v_proj": 7}, **k
        ),
        "adalora": lambda **k: peft.AdaLoraConfig(init_r=3, target_r=2, total_step=9, **k),
        "ia3": lambda **k: peft.IA3Config(feedforward_modules=["down_proj"], **k),
        "loha": lambda **k: peft.LoHaConfig(r=3, alpha=5, **k),
        "lokr": lambda **k: peft.LoKrConfig(r=3, alpha=5, **k),
        "hra": lambda **k: peft.HRAConfig(r=4, **k),
    }[method]
    return made(**({"target_modules": ATTENTION[kind]} | more))


def save_adapter(
    folder: Path,
    base: Path | str | None,
    method: str = "lora",
    kind: str = "llama",
    *,
    fresh: bool = False,
    model: PreTrainedModel | None = None,
    **more: Any,
) -> Path:
    """Save an adapter on `tiny_model(kind)`, and return its folder.

    Args:
        folder: where to.
        base: what it names as its base model.
        method: a key of `settings`.
        kind: of the base.
        fresh: leave it as it is when training begins.
        model: another base than `tiny_model(kind)`.
        more: settings of PEFT's.
    """
    with torch.random.fork_rng(), unheard():
        torch.manual_seed(7)
        adapted = peft.get_peft_model(model or tiny_model(kind), settings(method, kind, **more))
        if not fresh:
            with torch.no_grad():
                for name, parameter in adapted.named_parameters():
                    if parameter.requires_grad and "ranknum" not in name:
                        parameter.add_(torch.randn_like(parameter) * 0.3)
        adapted.save_pretrained(folder)
    set_adapter(folder, base_model_name_or_path=None if base is None else str(base))
    return folder


def set_adapter(folder: Path, **entries: Any) -> None:
    """Change what an adapter's config says."""
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | entries))


def save_base(folder: Path, kind: str = "llama") -> Path:
    """Save the base that adapters of `save_adapter` are on."""
    return save_tiny(folder, kind)


def reference(base: Path | str, adapter: Path, model_class: Any) -> Any:
    """The adapter on its base as PEFT itself loads it."""
    with unheard():
        model: PreTrainedModel = model_class.from_pretrained(base)
        return peft.PeftModel.from_pretrained(model, adapter).eval()


@contextmanager
def unheard() -> Iterator[None]:
    """Libraries warn of what they will take away, and of packages that are not there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
