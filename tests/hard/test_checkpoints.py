"""Checkpoints that are damaged, or made to do damage, are refused in a line, and nothing of them runs."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from interfere.checkpoint import load_checkpoint
from interfere.errors import InputError
from interfere.gradients._adam_state import has_second_moments, read_second_moments
from interfere.report import safe_text
from tests.hard.refusals import harmless, result_or_refusal
from tests.hard.spoilt import LONGEST_SECONDS, Evil, Spoil, copy_to_spoil, link, refusal, set_config
from tests.tiny import save_tiny, tiny_model


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("whole") / "model", "llama")


@pytest.fixture
def model(whole: Path, tmp_path: Path) -> Path:
    return copy_to_spoil(whole, tmp_path / "model")


def set_index(folder: Path, files: dict[str, Any] | list[Any] | str) -> None:
    """Weights in shards, by an index that says `files`."""
    (folder / "model.safetensors").unlink()
    document = files if isinstance(files, list | str) else {"metadata": {}, "weight_map": files}
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / "model.safetensors.index.json").write_text(text)


def set_weights(folder: Path, header: bytes, data: bytes = b"", *, length: int | None = None) -> None:
    said = len(header) if length is None else length
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", said) + header + data)


_ENTRY = b'{"a":{"dtype":"F32","shape":[%s],"data_offsets":[0,4]}}'


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: set_weights(f, b"{}", length=2**63), "model.safetensors is damaged"),
        (lambda f: set_weights(f, b"{}", length=90_000_000), "model.safetensors is damaged"),
        (lambda f: set_weights(f, _ENTRY % b"1000000000,1000000000", b"1234"), "model.safetensors is damaged"),
        (lambda f: set_weights(f, _ENTRY % b"7", b"1234"), "model.safetensors is damaged"),
        (lambda f: set_weights(f, b"[" * 100_000), "model.safetensors is damaged"),
        (lambda f: set_weights(f, b"{}"), "lacks"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), "model.safetensors is damaged"),
        (lambda f: os.truncate(f / "model.safetensors", 60_000), "model.safetensors is damaged"),
        (lambda f: set_index(f, "{"), "index.json is damaged"),
        (lambda f: set_index(f, "["), "index.json is damaged"),
        (lambda f: set_index(f, '{"a":' * 100_000), "index.json is damaged"),
        (lambda f: set_index(f, []), "index.json is damaged"),
        (lambda f: set_index(f, {}), "names no file"),
        (lambda f: set_index(f, {"a": 5}), "names 5"),
        (lambda f: set_index(f, {"a": "gone.safetensors"}), "gone.safetensors, which is missing"),
        (lambda f: (f / "config.json").write_text("{"), "not valid JSON"),
        (lambda f: (f / "config.json").write_text("[]"), "no JSON object"),
        (lambda f: (f / "config.json").write_bytes(b"\xff\xfe{"), "not valid JSON"),
        (lambda f: (f / "config.json").write_text('{"a":' * 100_000), "recursion"),
        (lambda f: set_config(f, model_type=[1]), "does not load"),
        (lambda f: set_config(f, hidden_act="eval"), "'eval'"),
        (lambda f: set_config(f, dtype="evil"), "evil"),
        (lambda f: set_config(f, quantization_config={"quant_method": "\x1b[31m"}), "quantized"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "tokenizer"),
        (lambda f: (f / "tokenizer.json").write_bytes(b"\0" * 100), "tokenizer"),
        (lambda f: (f / "tokenizer_config.json").write_text("[]"), "tokenizer"),
        (lambda f: (f / "tokenizer_config.json").write_text('{"tokenizer_class": 5}'), "tokenizer"),
        (lambda f: (f / "model.safetensors").rename(f / "model.gguf"), "no weights"),
        (lambda f: (f / "adapter_config.json").write_text('{"base_model_name_or_path": "/"}'), "adapter_config.json"),
    ],
)
def test_what_is_damaged_is_named(model: Path, spoil: Spoil, words: str) -> None:
    spoil(model)
    assert words in refusal(model)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: set_index(f, dict.fromkeys(load_file(f / "model.safetensors"), "../outside/model.safetensors")),
        lambda f: set_index(f, {"a": str(f.parent / "outside" / "model.safetensors")}),
        lambda f: set_index(f, {"a": "..\\outside\\model.safetensors"}),
        lambda f: set_config(f, transformers_weights="../outside/model.safetensors"),
        lambda f: link(f, "model.safetensors", "../outside/model.safetensors"),
        lambda f: link(f, "config.json", "/etc/passwd"),
        lambda f: link(f, "tokenizer.json", "../outside/tokenizer.json"),
        lambda f: link(f, "merges.txt", "/proc/self/environ"),
        lambda f: os.mkfifo(f / "generation_config.json.bak"),
    ],
)
def test_no_path_leads_out_of_the_folder(model: Path, spoil: Spoil) -> None:
    spoil(model)
    message = refusal(model)
    assert "root:" not in message
    assert any(
        words in message for words in ("link out of the folder", "no file beside it", "inside the model", "pipe")
    )


def test_links_within_the_folder_and_into_the_cache_of_the_hub_are_the_checkpoints_own(
    whole: Path, tmp_path: Path
) -> None:
    wanted = load_checkpoint(whole).weights_sha256
    snapshot = tmp_path / "models--a--b" / "snapshots" / "0123"
    blobs = snapshot.parent.parent / "blobs"
    shutil.copytree(whole, blobs)
    snapshot.mkdir(parents=True)
    for path in blobs.iterdir():
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    assert load_checkpoint(snapshot).weights_sha256 == wanted
    (tmp_path / "link").symlink_to(snapshot)
    assert load_checkpoint(tmp_path / "link").weights_sha256 == wanted


def test_a_tokenizers_config_does_not_choose_files(model: Path, tmp_path: Path) -> None:
    other = json.loads((model / "tokenizer.json").read_text())
    before = load_checkpoint(model).tokenizer.get_vocab()
    other["model"]["vocab"] = {token: index for index, token in enumerate(reversed(other["model"]["vocab"]))}
    (tmp_path / "outside" / "tokenizer.json").write_text(json.dumps(other))
    set_config(model, "tokenizer_config.json", tokenizer_file=str(tmp_path / "outside" / "tokenizer.json"))
    assert load_checkpoint(model).tokenizer.get_vocab() == before


@pytest.mark.parametrize("layers", [-1, 0, 1])
def test_a_model_with_fewer_layers_than_its_weights_is_not_measured(model: Path, layers: int) -> None:
    set_config(model, num_hidden_layers=layers)
    assert "config.json" in refusal(model)


_LIARS = """
import json, resource, sys, time
from pathlib import Path
from interfere.checkpoint import load_checkpoint
from interfere.errors import RunError

folder = Path(sys.argv[1])
load_checkpoint(folder)
file = folder / "config.json"
honest = json.loads(file.read_text())
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[2:]:
    for value in (10**7, 10**9, 10**30):
        file.write_text(json.dumps({**honest, name: value}))
        began = time.monotonic()
        try:
            load_checkpoint(folder)
        except RunError as error:
            print(json.dumps([name, value, time.monotonic() - began, str(error)]))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 400_000, (name, value, grown)
"""


def test_configs_that_lie_about_their_size_are_refused_before_memory_is_taken(model: Path) -> None:
    names = ["vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size", "num_key_value_heads", "num_labels"]
    done = subprocess.run(
        [sys.executable, "-c", _LIARS, str(model), *names], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(name, value) for name, value, *_ in said] == [(n, v) for n in names for v in (10**7, 10**9, 10**30)]
    for _, _, seconds, message in said:
        assert seconds < LONGEST_SECONDS
        assert "can't allocate" not in message
        assert harmless(message)


def _evil_code(folder: Path, mark: Path) -> None:
    (folder / "evil.py").write_text(f"import pathlib; pathlib.Path({str(mark)!r}).mkdir()")


def _pickled(file: Path, mark: Path) -> None:
    torch.save({"model.norm.weight": Evil(mark)}, file)
    (file.parent / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda f, _: set_config(
                f, model_type="evil", auto_map={"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M"}
            ),
            "--trust-remote-code",
        ),
        (
            lambda f, _: set_config(
                f, "tokenizer_config.json", tokenizer_class="Evil", auto_map={"AutoTokenizer": ["evil.T", None]}
            ),
            "--trust-remote-code",
        ),
        (lambda f, _: set_config(f, attn_implementation="some/kernel"), "--trust-remote-code"),
        (lambda f, _: set_config(f, _attn_implementation="some/kernel@main:x"), "--trust-remote-code"),
        (lambda f, _: set_config(f, text_config={"experts_implementation": "a/b"}), "--trust-remote-code"),
        (lambda f, mark: _pickled(f / "pytorch_model.bin", mark), "more than tensors"),
    ],
)
def test_no_code_of_a_checkpoint_runs(
    model: Path, tmp_path: Path, spoil: Callable[[Path, Path], object], words: str
) -> None:
    mark = tmp_path / "it ran"
    _evil_code(model, mark)
    spoil(model, mark)
    assert words in refusal(model)
    assert not mark.exists()


def test_what_would_run_elsewhere_is_not_even_opened(model: Path, tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    _evil_code(model, mark)
    set_config(model, auto_map={"AutoModelForSequenceClassification": "evil.M"}, architectures=["\x1b[31m<b>LM"])
    for name in ("training_args.bin", "optimizer.pt", "pytorch_model.bin", "rng_state.pth"):
        torch.save(Evil(mark), model / name)
    (model / "chat_template.jinja").write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}")
    load_checkpoint(model)
    assert not mark.exists()
    # The mark does tell: unpickling as it is done elsewhere makes it.
    pickle.loads(pickle.dumps(Evil(mark)))
    assert mark.exists()


@pytest.mark.parametrize(
    "write",
    [
        lambda file, mark: torch.save({"state": Evil(mark), "param_groups": []}, file),
        lambda file, mark: file.write_bytes(pickle.dumps(Evil(mark), 0)),
        lambda file, mark: file.write_bytes(b""),
        lambda file, mark: file.write_bytes(b"PK\x03\x04" + b"\0" * 40),
        lambda file, mark: file.write_bytes(b"\x80\x02" + b"(" * 50_000),
        lambda file, mark: torch.save([1, 2], file),
        lambda file, mark: torch.save({"state": [], "param_groups": 5}, file),
        lambda file, mark: torch.save({"state": {0: {"exp_avg_sq": "x"}}, "param_groups": [{"params": [0]}]}, file),
        lambda file, mark: torch.save({"state": {0: 5}, "param_groups": [{"params": [[0]]}]}, file),
        lambda file, mark: torch.save({"state": {0: {"exp_avg_sq": None}}, "param_groups": [5]}, file),
    ],
)
def test_a_hostile_optimizer_state_is_refused_and_not_run(
    tmp_path: Path, write: Callable[[Path, Path], object]
) -> None:
    mark, file = tmp_path / "it ran", tmp_path / "optimizer.pt"
    write(file, mark)
    of = tiny_model("llama")
    names = [name for name, _ in of.named_parameters()]
    with pytest.raises(InputError) as caught:
        read_second_moments(file, of, names)
    assert harmless(safe_text(caught.value))
    assert len(str(caught.value)) < 1000
    assert result_or_refusal(lambda: has_second_moments(file)) in (None, False, True)
    assert not mark.exists()
