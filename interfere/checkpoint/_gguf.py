"""GGUF files: llama.cpp's form of a checkpoint, weights, config and tokenizer in one file."""

from __future__ import annotations

import importlib.util
import re
import struct
from pathlib import Path
from typing import Any

from interfere.checkpoint._hub import printable
from interfere.errors import RunError

NUMBERS_PER_BYTE = 8
"""More than any of its types packs into a byte: the smallest takes a bit and a half for a number."""

_HEADER = struct.Struct("<4sIQQ")
_SMALLEST_ENTRY = 12
"""Bytes of the shortest entry of its two tables."""
_SHARD = re.compile(r"-\d{5}-of-(\d{5})\.gguf$", re.IGNORECASE)


def check_gguf_name(file: str, name: str) -> None:
    """Refuse what cannot be read as GGUF, before it is looked for: packages are missing, or it is a part of a model.

    Args:
        file: its name.
        name: the model as the user gave it.

    Raises:
        RunError: with what would be right.
    """
    lacking = [each for each in ("gguf", "accelerate") if importlib.util.find_spec(each) is None]
    if lacking:
        raise RunError(
            f"model {name!r} is a GGUF file, which needs the package {lacking[0]}: pip install 'interfere-nlp[gguf]'"
        )
    shard = _SHARD.search(file)
    if shard is not None and int(shard[1]) > 1:
        raise RunError(
            f"model {name!r} is one of {int(shard[1])} files of a GGUF in parts, which transformers does not read; "
            "join them with llama-gguf-split --merge"
        )


def check_gguf_file(path: Path, name: str) -> None:
    """Refuse a file that is no GGUF, or whose tables are said to have more entries than it has room for.

    Raises:
        RunError: naming the file.
    """
    if count_tensors(path) is None:
        raise RunError(f"model {name!r}: {printable(path.name)} is no GGUF file, or it is damaged or cut short")


def count_tensors(path: Path) -> int | None:
    """How many tensors a GGUF file says it holds; None where it is none, or cannot hold that many."""
    with path.open("rb") as file:
        start = file.read(_HEADER.size)
    if len(start) < _HEADER.size:
        return None
    magic, version, tensors, entries = _HEADER.unpack(start)
    most = path.stat().st_size // _SMALLEST_ENTRY
    if magic != b"GGUF" or version not in (2, 3) or tensors > most or entries > most:
        return None
    return int(tensors)


def gguf_settings() -> Any | None:
    """What has transformers unpack all weights; None for a version that does nothing else."""
    import transformers

    made = getattr(transformers, "GgufConfig", None)
    return None if made is None else made(dequantize=True)
