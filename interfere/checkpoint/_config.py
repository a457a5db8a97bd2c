"""Reading a model's config, after a look at what it asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interfere.checkpoint._adapter_files import CONFIG as ADAPTER_CONFIG
from interfere.checkpoint._files import some
from interfere.checkpoint._gguf import check_gguf_file, check_gguf_name
from interfere.checkpoint._hub import explain, first_line
from interfere.checkpoint._place import GGUF
from interfere.checkpoint._quantized import dequantizing
from interfere.checkpoint._sizes import check_config
from interfere.errors import RunError


def load_config(
    name: str,
    revision: str | None,
    trust_remote_code: bool,
    *,
    subfolder: str = "",
    gguf: str | None = None,
    shown: str | None = None,
) -> Any:
    """Read a model's config.

    Args:
        name: the folder, or the name on the hub.
        revision: of a hub model.
        trust_remote_code: whether code that comes with it may run.
        subfolder: of a hub model, where its files are.
        gguf: the file in it that the config is in, where it is in one.
        shown: what messages call the model, where that is not `name`.

    Raises:
        RunError: there is none, it cannot be read or used, or the weights are stored in a way that has no gradients.
    """
    from transformers import AutoConfig, PreTrainedConfig

    folder = Path(name)
    options: dict[str, Any] = {"revision": revision, "subfolder": subfolder}
    name, source = shown or name, name
    if gguf is not None:
        check_gguf_name(gguf, name)
        if folder.is_dir():
            check_gguf_file(folder / gguf, name)
        options["gguf_file"] = gguf
    if gguf is None and folder.is_dir() and not (folder / "config.json").is_file():
        adapter = (folder / ADAPTER_CONFIG).is_file()
        hint = "it holds an adapter: merge it into its base model first" if adapter else "is it a model's folder?"
        raise RunError(f"model {name!r} has no config.json; {hint}{_gguf_files(folder)}")
    if gguf is None and folder.is_dir() and (folder / ADAPTER_CONFIG).is_file():
        raise RunError(
            f"model {name!r} has an adapter_config.json beside its config.json, which names another model; merge the "
            "adapter into its base model, or take that file out if it has been merged"
        )
    try:
        document, _ = PreTrainedConfig.get_config_dict(source, **options)
        check_config(document, name, trust_remote_code=trust_remote_code)
        config = AutoConfig.from_pretrained(source, trust_remote_code=trust_remote_code, **options)
    except RunError:
        raise
    except Exception as error:
        if gguf is not None and folder.is_dir():
            raise RunError(f"model {name!r} is a GGUF file that does not load: {first_line(error)}") from None
        raise _explain_config(error, name, revision) from None
    if gguf is None:
        dequantizing(config, name)
    return config


def _gguf_files(folder: Path) -> str:
    """What to do where a folder has GGUF files and is no model's."""
    found = sorted(path.name for path in folder.iterdir() if path.name.lower().endswith(GGUF))
    return f" It has {some(found)}: give that file itself" if found else ""


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
