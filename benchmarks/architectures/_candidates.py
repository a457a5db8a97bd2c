"""Which classes are tried, and why the others are not."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

MAPPINGS = {
    "masked LM": "MODEL_FOR_MASKED_LM_MAPPING",
    "causal LM": "MODEL_FOR_CAUSAL_LM_MAPPING",
    "seq2seq": "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING",
}

NAMED = (
    "BertForMaskedLM",
    "XLMWithLMHeadModel",
    "XLMRobertaForMaskedLM",
    "XLMRobertaXLForMaskedLM",
    "XmodForMaskedLM",
    "DistilBertForMaskedLM",
    "DebertaV2ForMaskedLM",
    "ModernBertForMaskedLM",
    "EuroBertForMaskedLM",
    "RemBertForMaskedLM",
    "LukeForMaskedLM",
    "GPT2LMHeadModel",
    "BloomForCausalLM",
    "XGLMForCausalLM",
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
    "GemmaForCausalLM",
    "Gemma2ForCausalLM",
    "Gemma3ForCausalLM",
    "Cohere2ForCausalLM",
    "FalconForCausalLM",
    "MambaForCausalLM",
    "MixtralForCausalLM",
    "OlmoeForCausalLM",
    "Qwen2MoeForCausalLM",
    "Qwen3MoeForCausalLM",
    "DeepseekV2ForCausalLM",
    "T5ForConditionalGeneration",
    "MT5ForConditionalGeneration",
    "UMT5ForConditionalGeneration",
    "MBartForConditionalGeneration",
    "M2M100ForConditionalGeneration",
    "NllbMoeForConditionalGeneration",
    "MarianMTModel",
)
"""Architectures that multilingual work uses most: every one of them has to work."""

_UNFIT = {
    "Gemma3nForConditionalGeneration": "its tower for images needs the package timm; its text model is tried by itself",
    "Gemma4AssistantForCausalLM": "it drafts for another model, whose hidden states it reads",
    "Gemma4UnifiedAssistantForCausalLM": "it drafts for another model, whose hidden states it reads",
    "MusicgenForCausalLM": "its input ids and its logits are codes of sound",
    "MusicgenMelodyForCausalLM": "its input ids and its logits are codes of sound",
}


@dataclass(frozen=True)
class Candidate:
    """A class, as one of the auto-mappings names it.

    Args:
        task: a key of `MAPPINGS`.
        model_class: the class.
        left_out: why it is not tried; "" where it is.
    """

    task: str
    model_class: Any
    left_out: str = ""

    @property
    def name(self) -> str:
        """The class's name, with the task where it stands for two."""
        return str(self.model_class.__name__)


def candidates() -> list[Candidate]:
    """Every class of the three mappings, once for each task that it is for.

    A class that reads no `input_ids`, or reads speech, is left out; so are those that cannot run on text alone. An
    encoder-decoder that the mapping of masked LMs names too counts where it belongs.
    """
    from transformers.models.auto import modeling_auto

    found: dict[tuple[str, Any], Candidate] = {}
    sequences = _classes(getattr(modeling_auto, MAPPINGS["seq2seq"]))
    for task, name in MAPPINGS.items():
        mapping = getattr(modeling_auto, name)
        for own in _classes(mapping):
            if task == "masked LM" and own in sequences:
                continue
            why = _why_not(own)
            if not why and own.config_class not in mapping.keys():  # noqa: SIM118 (no dict)
                why = "transformers' auto class does not load what it saves"
            found.setdefault((task, own), Candidate(task, own, why))
    return list(found.values())


def _classes(mapping: Any) -> list[Any]:
    out = []
    for value in mapping.values():
        out += list(value) if isinstance(value, tuple) else [value]
    return out


def _why_not(model_class: Any) -> str:
    named = model_class.input_modalities
    reads = {named} if isinstance(named, str) else set(named)
    if "input_ids" not in inspect.signature(model_class.forward).parameters:
        return "it reads no input_ids"
    if model_class.main_input_name != "input_ids":
        return f"what it reads are {model_class.main_input_name}, of any kind"
    if reads == {"audio", "text"}:
        return "it reads speech"
    return _UNFIT.get(model_class.__name__, "")
