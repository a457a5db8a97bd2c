from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from interfere import load_result

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "along_training.py"


@pytest.mark.slow
def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLE), str(tmp_path), "16"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "training" / "checkpoint-16" / "model.safetensors").is_file()
    assert load_result(tmp_path / "watched").kind == "trajectory"
