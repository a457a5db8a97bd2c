"""The sweep over the architectures of transformers: a few quick ones always, all of them among the slow tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import transformers

from benchmarks.architectures._candidates import NAMED, Candidate
from benchmarks.architectures._check import check

QUICK = {"XmodForMaskedLM": "masked LM", "MixtralForCausalLM": "causal LM", "MarianMTModel": "seq2seq"}
"""Adapters switched per language, experts, and a decoder that translates."""

SHARE = 0.97


@pytest.mark.parametrize("name", QUICK)
def test_quick_ones(name: str) -> None:
    row = check(Candidate(QUICK[name], getattr(transformers, name)))
    assert row.checks == dict.fromkeys(("checkpoint", "gradient", "batch size", "importance", "bits per byte"), "")
    assert row.works


@pytest.mark.slow
def test_all(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.architectures", "--json", str(tmp_path / "rows.json")]
    subprocess.run(command, cwd=Path(__file__).parents[1], check=False, capture_output=True)
    rows = json.loads((tmp_path / "rows.json").read_text())
    tried = [row for row in rows if not row["left_out"]]
    failed = {f"{row['name']} ({row['task']})": row["checks"] for row in tried if not row["works"]}
    assert len(tried) > 200
    assert len(failed) <= (1 - SHARE) * len(tried), failed
    assert set(NAMED) <= {row["name"] for row in tried}
    assert not [name for name in failed if name.split()[0] in NAMED]
