"""A command that is killed at any moment, and resumed, writes the bits of one that was not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.text import some_text, write_text
from tests.tiny import save_tiny, tiny_tokenizer

MOMENTS = 20
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Text in two languages, and models."""
    folder = tmp_path_factory.mktemp("made")
    write_text(folder / "texts", {language: some_text(language, 90) for language in ("de", "en")})
    save_tiny(folder / "llama", "llama")
    for number, name in enumerate(("many", "checkpoint-10", "checkpoint-20")):
        save_tiny(folder / name, "gpt2", seed=number, tokenizer=tiny_tokenizer("gpt2"))
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="sittings are forks")
@pytest.mark.parametrize(
    "arguments",
    [
        "gradients --model llama --data texts --chunks 6 --tokens-per-chunk 60 --metric euclidean,adam",
        "importance --model llama --data texts --chunks 4 --tokens-per-chunk 40 --ablate --draws 3",
        "deltas --multilingual many --monolingual de=checkpoint-10 --monolingual en=checkpoint-20 --data texts "
        "--documents 40",
        "experiment --data texts --widths 8 --context 16 --batch-size 2 --updates 20 --seeds 1 --checkpoints 2 "
        "--conflict-chunks 4 --conflict-tokens 40",
        "trajectory --checkpoints checkpoint-10 --checkpoints checkpoint-20 --data texts --chunks 4 "
        "--tokens-per-chunk 40",
    ],
    ids=lambda arguments: arguments.split()[0],
)
def test_killed_at_random_moments_and_resumed(made: Path, tmp_path: Path, arguments: str) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.hard.killing",
        str(tmp_path),
        str(MOMENTS),
        "7",
        *arguments.split(),
        "--quiet",
    ]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=made, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    counted = re.search(r"^(\d+) of (\d+) killed before the end", done.stdout, re.M)
    assert counted is not None
    # Some are killed when there is nothing left to kill; if all were, the test would show nothing.
    assert int(counted[1]) >= MOMENTS // 2
