"""What a run would need, against what it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from interfere import GradientSettings, analyze_gradients, bundled_checkpoint, checkpoint_from_model, read_corpus
from interfere.doctor import Cost, diagnose
from tests.doctor.text import TEXTS, found, look
from tests.tiny import tiny_model, tiny_tokenizer

PEAK = """
import json, resource, sys, time
from interfere import GradientSettings, analyze_gradients, bundled_checkpoint, read_corpus
settings = GradientSettings(**json.loads(sys.argv[1]))
checkpoint = bundled_checkpoint()
analyze_gradients(checkpoint, read_corpus(None, ["de", "en", "ru"]), "auto", settings)
try:
    # Linux counts in ru_maxrss what the process that started this one had taken.
    [line] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    print(int(line.split()[1]) * 1024)
except OSError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""

FORESEEN = """
import json, sys
from interfere import GradientSettings, bundled_checkpoint, diagnose, read_corpus
settings = GradientSettings(**json.loads(sys.argv[1]))
print(diagnose(bundled_checkpoint(), read_corpus(None, ["de", "en", "ru"]), "auto", settings).cost.memory)
"""


def cost(**settings: object) -> Cost:
    checkpoint = checkpoint_from_model(tiny_model("bert"), tiny_tokenizer("bert"))
    foreseen = look(checkpoint, **settings).cost
    assert foreseen is not None
    return foreseen


def test_vectors_on_disk_are_those_of_a_run(tmp_path: Path) -> None:
    checkpoint = checkpoint_from_model(tiny_model("bert"), tiny_tokenizer("bert"))
    for more in ({}, {"gram": "sketch", "sketch_size": 64, "metrics": ("euclidean", "per-tensor")}):
        settings = GradientSettings(chunks=4, tokens_per_chunk=40, **more)  # type: ignore[arg-type]
        foreseen = diagnose(checkpoint, TEXTS, "auto", settings).cost
        assert foreseen is not None
        work = tmp_path / str(len(more))
        analyze_gradients(checkpoint, TEXTS, "auto", settings, workdir=work)
        from safetensors import safe_open

        written = 0
        for file in work.glob("chunk-*.safetensors"):
            with safe_open(file, "pt") as tensors:
                names = [name for name in tensors.keys() if name.startswith("vector/")]  # noqa: SIM118
                written += sum(4 * tensors.get_slice(name).get_shape()[0] for name in names)
        assert foreseen.disk == written


def test_parts_add_up_and_follow_the_settings() -> None:
    whole = cost()
    assert whole.memory == whole.weights + whole.gradients + whole.activations + whole.rest
    assert whole.weights >= 4 * sum(p.numel() for p in tiny_model("bert").parameters())
    assert cost(batch_size=1).activations < whole.activations
    assert cost(gradient_checkpointing=True).activations < whole.activations
    assert cost(metrics=("euclidean", "adam")).gradients > whole.gradients
    assert cost(scope="all").disk > whole.disk


def test_memory_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interfere.doctor._cost.memory_there", lambda device: 10 * 1024**2)
    checkpoint = checkpoint_from_model(tiny_model("bert"), tiny_tokenizer("bert"))
    diagnosis = look(checkpoint)
    found(diagnosis, "memory", "fail", "the machine has 10.0 MiB", "--gradient-checkpointing")
    assert not diagnosis.passed


@pytest.mark.slow
@pytest.mark.parametrize("more", [{}, {"gram": "sketch", "sketch_size": 8191}])
def test_estimates_are_within_a_factor_of_two_on_the_bundled_model(
    more: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Time of the processor, on both sides: other tests that run beside this one take time by the clock.
    monkeypatch.setattr("interfere.doctor._cost._now", lambda device: time.process_time())
    given = {"chunks": 16, "tokens_per_chunk": 150, **more}
    settings = GradientSettings(**given)  # type: ignore[arg-type]
    checkpoint, corpus = bundled_checkpoint(), read_corpus(None, ["de", "en", "ru"])
    foreseen = diagnose(checkpoint, corpus, "auto", settings).cost
    started = time.process_time()
    analyze_gradients(checkpoint, corpus, "auto", settings)
    taken = time.process_time() - started
    assert foreseen is not None
    assert taken / 2 <= foreseen.seconds <= 2 * taken

    # Memory in processes of their own: this one has seen the peaks of other tests.
    def measured(script: str) -> int:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-c", script, json.dumps(given)]
        return int(subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout)

    peak = measured(PEAK)
    memory = measured(FORESEEN)
    assert peak / 2 <= memory <= 2 * peak
