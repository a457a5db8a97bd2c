"""A folder as the documentation's readers have it: small checkpoints, text, and runs, by the names that it uses."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.text import some_text, write_text
from tests.tiny import save_tiny


def furnish(folder: Path) -> Path:
    """Save `my-model`, `my-encoder`, `model-de`, `model-en`, `texts` and `held-out` to a folder, and return it."""
    for seed, name in enumerate(("my-model", "model-de", "model-en")):
        save_tiny(folder / name, "llama", seed=seed)
    save_tiny(folder / "my-encoder", "bert")
    write_text(folder / "texts", {name: some_text(name, 40) for name in ("de", "en", "ru")})
    write_text(folder / "held-out", {name: some_text(name, 20, seed=1) for name in ("de", "en")})
    return folder


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder; it has to succeed."""
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done
