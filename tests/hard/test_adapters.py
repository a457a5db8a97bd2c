"""Adapters that are made to do damage are refused in a line, and nothing of them runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interfere.checkpoint import load_checkpoint
from interfere.checkpoint._patterns import is_tame
from tests.checkpoint.adapted import save_adapter, save_base, set_adapter, unheard
from tests.hard.refusals import harmless, result_or_refusal
from tests.hard.spoilt import LONGEST_SECONDS, Evil, Spoil, copy_to_spoil, link, refusal, set_config


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_adapter(tmp_path_factory.mktemp("whole") / "adapter", None)


@pytest.fixture
def adapter(whole: Path, tmp_path: Path) -> Path:
    return copy_to_spoil(whole, tmp_path / "adapter")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: link(f, "adapter_model.safetensors", "../outside/adapter_model.safetensors"),
        lambda f: link(f, "adapter_config.json", "/etc/passwd"),
        lambda f: link(f, "tokenizer.json", "/etc/passwd"),
        lambda f: os.mkfifo(f / "README.md.bak"),
    ],
)
def test_no_path_leads_out_of_the_folder(adapter: Path, base: Path, spoil: Spoil) -> None:
    spoil(adapter)
    message = refusal(adapter, base_model=base)
    assert "root:" not in message
    assert "link out of the folder" in message or "pipe" in message


@pytest.mark.parametrize(
    "named", ["/etc", "..", "../outside", "file:///etc", "\\\\host\\share", "a\x1b[31m", "\0", "", " ", 5, ["x"], {}]
)
def test_no_path_of_an_adapter_is_followed(adapter: Path, named: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(adapter)
    set_adapter(adapter, base_model_name_or_path=named)
    assert "--base-model" in refusal(adapter)


@pytest.mark.parametrize("revision", ["../../etc", "x\0", 5, "a" * 1000, ["x"]])
def test_a_strange_revision_of_the_base_is_not_used(adapter: Path, revision: Any) -> None:
    set_adapter(adapter, base_model_name_or_path="nobody/nothing", revision=revision)
    assert "nobody/nothing" in refusal(adapter)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / "adapter_config.json").write_text("{"), "not valid JSON"),
        (lambda f: (f / "adapter_config.json").write_text("[]"), "no JSON object"),
        (lambda f: (f / "adapter_config.json").write_text('{"a":' * 100_000), "not valid JSON"),
        (lambda f: (f / "adapter_config.json").write_bytes(b"\xff\xfe"), "not valid JSON"),
        (lambda f: (f / "adapter_config.json").write_text("{}"), "of type None"),
        (lambda f: os.truncate(f / "adapter_model.safetensors", 200), "damaged"),
        (lambda f: (f / "adapter_model.safetensors").write_bytes(b"version https://git-lfs"), "git lfs pull"),
        (lambda f: set_adapter(f, peft_type=["LORA"]), "is of type"),
        (lambda f: set_adapter(f, peft_type="XLORA", adapters={"0": "/etc"}), "XLORA, which is not supported"),
        (lambda f: set_adapter(f, modules_to_save=["lm_head"]), "no weights for"),
        (lambda f: set_adapter(f, bias="evil"), "does not"),
    ],
)
def test_what_is_damaged_is_named(adapter: Path, base: Path, spoil: Spoil, words: str) -> None:
    spoil(adapter)
    assert words in refusal(adapter, base_model=base)


def _pickled(folder: Path, mark: Path, name: str = "adapter_model.bin") -> None:
    torch.save({"base_model.model.a.lora_A.weight": Evil(mark)}, folder / name)
    (folder / "adapter_model.safetensors").unlink()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f, mark: _pickled(f, mark), "more than tensors"),
        (lambda f, _: set_adapter(f, megatron_config={"a": 1}, megatron_core="evil"), "megatron_config"),
        (lambda f, _: set_adapter(f, custom_modules={"Linear": "evil.M"}), "custom_modules"),
        (lambda f, _: set_adapter(f, layer_replication=[[0, 9]]), "layer_replication"),
    ],
)
def test_no_code_of_an_adapter_runs(
    adapter: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any, words: str
) -> None:
    mark = tmp_path / "it ran"
    (adapter / "evil.py").write_text(f"import pathlib; pathlib.Path({str(mark)!r}).mkdir()")
    monkeypatch.chdir(adapter)
    monkeypatch.syspath_prepend(str(adapter))
    spoil(adapter, mark)
    assert words in refusal(adapter, base_model=base)
    assert not mark.exists()


def test_what_an_adapter_would_have_imported_is_not(
    adapter: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PEFT's auto classes import the library that `auto_mapping` names; other pickles are not opened."""
    mark = tmp_path / "it ran"
    (adapter / "evil.py").write_text(f"import pathlib; pathlib.Path({str(mark)!r}).mkdir()")
    monkeypatch.syspath_prepend(str(adapter))
    set_adapter(adapter, auto_mapping={"base_model_class": "M", "parent_library": "evil"}, megatron_core="evil")
    for name in ("adapter_model.bin", "training_args.bin", "optimizer.pt"):
        torch.save(Evil(mark), adapter / name)
    assert load_checkpoint(adapter, base_model=base).adapter == "LORA"
    assert not mark.exists()


def test_a_bases_code_does_not_run_for_an_adapters_sake(adapter: Path, base: Path, tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    own = Path(shutil.copytree(base, tmp_path / "base"))
    (own / "evil.py").write_text(f"import pathlib; pathlib.Path({str(mark)!r}).mkdir()")
    set_config(own, model_type="evil", auto_map={"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M"})
    assert "--trust-remote-code" in refusal(adapter, base_model=own)
    set_adapter(adapter, base_model_name_or_path="nobody/evil")
    assert "--base-model" in refusal(adapter, trust_remote_code=True)
    assert not mark.exists()


_LIARS = """
import json, resource, sys, time
from pathlib import Path
from interfere.checkpoint import load_checkpoint
from interfere.errors import RunError

folder, base = Path(sys.argv[1]), sys.argv[2]
load_checkpoint(folder, base_model=base)
file = folder / "adapter_config.json"
honest = json.loads(file.read_text())
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for entry in ("r", "rank_pattern"):
    for rank in (23, 10**7, 10**30):
        file.write_text(json.dumps({**honest, entry: rank if entry == "r" else {"q_proj": rank}}))
        began = time.monotonic()
        try:
            load_checkpoint(folder, base_model=base)
        except RunError as error:
            print(json.dumps([entry, rank, time.monotonic() - began, str(error)]))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 300_000, (entry, rank, grown)
"""


def test_ranks_that_lie_are_refused_before_memory_is_taken(adapter: Path, base: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIARS, str(adapter), str(base)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == 6
    for _, _, seconds, message in said:
        assert seconds < LONGEST_SECONDS
        assert "can't allocate" not in message
        assert harmless(message)


@pytest.mark.parametrize("evil", ["(.*.*.*)*.*(a+)+$", ".?" * 60 + "!", "(.|.)" * 40 + "!"])
def test_patterns_that_never_end_are_not_tried(evil: str, adapter: Path, base: Path) -> None:
    set_adapter(adapter, target_modules=evil, exclude_modules=evil, layers_pattern=evil)
    began = time.monotonic()
    assert load_checkpoint(adapter, base_model=base).adapter == "LORA"
    assert time.monotonic() - began < LONGEST_SECONDS
    for entry in ("rank_pattern", "alpha_pattern"):
        set_adapter(adapter, rank_pattern={}, alpha_pattern={})
        set_adapter(adapter, **{entry: {evil: 3}})
        assert "too intricate" in refusal(adapter, base_model=base)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="a.*+?()|[]\\{}^$1", max_size=40))
def test_what_counts_as_a_tame_pattern_is_matched_soon(pattern: str) -> None:
    if not is_tame(pattern):
        return
    began = time.monotonic()
    for name in ("a" * 60, "model.layers.11.self_attn.q_proj" + "a" * 30):
        with unheard():
            try:
                re.match(rf"(.*\.)?({pattern})$", name)
            except re.error:
                return
    assert time.monotonic() - began < 5


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 10**12) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=4,
)
_ENTRIES = ["r", "lora_alpha", "bias", "rank_pattern", "alpha_pattern", "modules_to_save", "use_dora", "use_rslora"]
_ENTRIES += ["fan_in_fan_out", "lora_bias", "peft_type", "task_type", "init_lora_weights", "target_modules", "x"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(_ENTRIES), _JSON, min_size=1, max_size=2))
def test_any_entry_gives_a_model_or_a_line(whole: Path, base: Path, tmp_path: Path, entries: dict[str, Any]) -> None:
    folder = tmp_path / "fuzzed"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    set_adapter(folder, **entries)
    began = time.monotonic()
    result_or_refusal(lambda: load_checkpoint(folder, base_model=base))
    assert time.monotonic() - began < LONGEST_SECONDS
