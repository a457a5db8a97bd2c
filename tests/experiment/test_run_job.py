from __future__ import annotations

import json
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from interfere import InputError, RunError, load_checkpoint
from interfere.experiment import JobSpec, is_finished, model_folders, run_job
from tests.experiment.small import same_weights, small_plan

pytestmark = pytest.mark.slow


class _Killed(Exception):  # noqa: N818
    pass


def _stopped_at(job: JobSpec, last: int) -> None:
    """Train with a state saved after every update, and stop without another word after one of them."""

    def stop(update: int) -> None:
        if update == last:
            raise _Killed

    with pytest.raises(_Killed):
        run_job(job, save_every=0, on_update=stop)
    assert not Path(job.folder).exists()


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"joint": False, "temperature": 1.0},
        {"architecture": "encoder", "dropout": 0.1},
        {"dropout": 0.2, "signal": "tag"},
    ],
)
def test_an_interrupted_training_gives_the_bits_of_an_uninterrupted_one(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    _, _, jobs = small_plan(tmp_path, mixtures=("all",), updates=110, checkpoints=3, **changed)
    job = jobs["all"]
    whole = run_job(replace(job, folder=str(tmp_path / "whole")))
    for last in (1, 40, 100):
        _stopped_at(job, last)
    # What a process leaves that is killed while it writes.
    for name in ("state.safetensors.tmp", "job.json.tmp"):
        (Path(job.folder + ".part") / name).write_text("half")
    seen: list[int] = []
    folder = run_job(job, on_update=seen.append)
    assert seen[0] == 101
    assert json.loads((folder / "job.json").read_text())["sittings"] == 4
    assert (folder / "log.json").read_bytes() == (whole / "log.json").read_bytes()
    assert {path.name for path in folder.iterdir()} == {path.name for path in whole.iterdir()}
    for update, path in model_folders(job).items():
        assert same_weights(path, whole if update == job.updates else whole / path.name)


def test_what_was_not_saved_is_trained_again(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path, updates=20)
    whole = run_job(replace(jobs["de"], folder=str(tmp_path / "whole")))

    def stop(update: int) -> None:
        if update == 15:
            raise _Killed

    # No state, but a checkpoint of this sitting: the next one begins anew and leaves it as it is.
    with pytest.raises(_Killed):
        run_job(jobs["de"], on_update=stop)
    seen: list[int] = []
    assert same_weights(run_job(jobs["de"], on_update=seen.append), whole)
    assert seen == list(range(1, 21))


@pytest.mark.parametrize("architecture", ["decoder", "encoder"])
@pytest.mark.parametrize("mixture", ["mono", "clone"])
def test_a_trained_model_is_an_ordinary_folder(tmp_path: Path, architecture: str, mixture: str) -> None:
    _, _, jobs = small_plan(tmp_path, mixtures=(mixture,), architecture=architecture)
    job = next(reversed(jobs.values()))
    folder = run_job(job)
    assert folder == Path(job.folder)
    auto = AutoModelForCausalLM if architecture == "decoder" else AutoModelForMaskedLM
    assert sorted(model_folders(job)) == list(job.checkpoints)
    for path in model_folders(job).values():
        tokenizer, model = AutoTokenizer.from_pretrained(path), auto.from_pretrained(path)
        inputs = tokenizer("Zwei Kinder", return_tensors="pt")
        # A tokenizer of GPT-2's kind gives no token types, so any model takes its output as it is.
        assert model(**inputs).logits.isfinite().all()
        checkpoint = load_checkpoint(path)
        assert checkpoint.objective == ("causal-lm" if architecture == "decoder" else "masked-lm")
    document = json.loads((folder / "job.json").read_text())
    assert document["parameters"] == checkpoint.parameters
    assert document["tokens"] == {member.name: 12 * 2 * 16 for member in job.members}
    assert not list(folder.glob("*.part")) + list(folder.glob("*.tmp")) + list(folder.glob("state*"))


def test_a_finished_job_is_not_trained_again(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path)
    assert not is_finished(jobs["de"])
    folder = run_job(jobs["de"])
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    seen: list[int] = []
    assert run_job(jobs["de"], on_update=seen.append) == folder
    assert is_finished(jobs["de"])
    assert not seen
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_folder_of_another_spec_is_refused_with_what_changed(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path)
    job = jobs["de"]
    _stopped_at(job, 3)
    other = replace(job, learning_rate=0.5, members=(replace(job.members[0], updates=7),))
    with pytest.raises(InputError, match=r"was begun with another learning_rate, members\[0\].updates; "):
        run_job(other)
    run_job(job)
    for check in (run_job, is_finished):
        with pytest.raises(InputError, match=r"was trained with another learning_rate, members\[0\].updates; "):
            check(other)
    # Where files lie is no part of what a model is.
    assert is_finished(replace(job, tokenizer="/elsewhere"))
    (Path(job.folder) / "job.json").unlink()
    with pytest.raises(InputError, match=r"job\.json is missing or damaged"):
        run_job(job)


def test_half_of_a_training_is_not_finished_by_another_version(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path)
    _stopped_at(jobs["de"], 3)
    file = Path(jobs["de"].folder + ".part") / "job.json"
    document = json.loads(file.read_text())
    document["environment"]["torch"] = "1.0"
    file.write_text(json.dumps(document))
    with pytest.raises(InputError, match="another version of torch"):
        run_job(jobs["de"])


def test_a_full_disk_names_the_folder_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    """A limit on the size of files, which the system enforces, stands for the disk."""
    _, _, jobs = small_plan(tmp_path, widths=(64,))
    job = next(iter(jobs.values()))
    _stopped_at(job, 2)
    part = Path(job.folder + ".part")
    state = (part / "state.safetensors").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        for save_every in (0, 60):
            with pytest.raises(RunError, match=f"cannot write to {part}: .*free some space"):
                run_job(job, save_every=save_every)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (part / "state.safetensors").read_bytes() == state
    assert not [path for path in part.rglob("*") if path.suffix in (".tmp", ".part")]
    assert not (part / "model.safetensors").exists()
    # With room again it goes on.
    seen: list[int] = []
    run_job(job, on_update=seen.append)
    assert seen[0] == 3


def test_divergence_leaves_no_finished_model(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path)
    with pytest.raises(RunError, match=r"de-w8-t1-s0: .*--learning-rate"):
        run_job(replace(jobs["de"], learning_rate=1e30))
    assert not is_finished(jobs["de"])


def test_text_that_is_gone_is_named(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path)
    Path(jobs["de"].members[0].tokens).unlink()
    with pytest.raises(RunError, match=r"tokens-000\.npy is gone"):
        run_job(jobs["de"])


def test_a_job_leaves_the_callers_generator_and_threads_alone(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path, dropout=0.1)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    threads = torch.get_num_threads()
    run_job(jobs["de"])
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads
