"""Trainings of an adapter: each checkpoint is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch

from interfere import GradientSettings, TrainingPoint, analyze_gradients, analyze_trajectory, load_checkpoint
from interfere.checkpoint import map_parameters, scoped_parameters
from interfere.errors import InputError
from interfere.gradients._adam_state import read_second_moments
from interfere.results import write_result
from interfere.trajectory import checkpoint_folders
from tests.checkpoint.adapted import save_adapter, save_base, settings, unheard
from tests.tiny import tiny_model
from tests.trajectory.training import texts

ADAPTERS = GradientSettings(chunks=4, tokens_per_chunk=60, scope="adapters", metrics=("adam",))


@pytest.fixture(autouse=True)
def _without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interfere.report.write_run", write_result)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base") / "model")


def train(folder: Path, base: Path, steps: int) -> tuple[Path, Any]:
    """An adapter after some steps, with the optimizer's state that training with PEFT leaves beside it."""
    torch.manual_seed(0)
    with unheard():
        model = peft.get_peft_model(tiny_model("llama"), settings("lora"))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=0.05)
    for step in range(steps):
        ids = torch.arange(step, step + 40)[None]
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    save_adapter(folder, base)
    with unheard():
        model.save_pretrained(folder)
    torch.save(optimizer.state_dict(), folder / "optimizer.pt")
    moments = {
        name.removeprefix("base_model.model."): optimizer.state[parameter]["exp_avg_sq"]
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    return folder, moments


def test_checkpoints_of_an_adapter_are_measured_on_their_base(base: Path, tmp_path: Path) -> None:
    folders = [train(tmp_path / f"checkpoint-{steps}", base, steps)[0] for steps in (2, 5)]
    assert checkpoint_folders([str(tmp_path / "checkpoint-*")]) == [str(folder) for folder in folders]
    with pytest.raises(InputError, match="--base-model"):
        analyze_trajectory(folders, texts(), settings=ADAPTERS, device="cpu")
    result = analyze_trajectory(folders, texts(), settings=ADAPTERS, device="cpu", base_model=base)
    assert list(result.tables["checkpoints"]["second_moments"]) == ["optimizer", "optimizer"]
    table = result.tables["pairs"]
    for steps, folder in zip((2, 5), folders, strict=True):
        own = GradientSettings(**{**vars(ADAPTERS), "adam_state": folder / "optimizer.pt"})
        alone = analyze_gradients(load_checkpoint(folder, base_model=base), texts(), settings=own)
        expected = alone.pairs["corrected"].tolist()
        assert table[table["step"] == steps]["corrected"].tolist() == pytest.approx(expected, nan_ok=True)
        assert np.isfinite(expected).any()


def test_an_optimizer_of_adapters_alone_is_theirs(base: Path, tmp_path: Path) -> None:
    folder, moments = train(tmp_path / "checkpoint-3", base, 3)
    model = load_checkpoint(folder, base_model=base).model
    names = list(scoped_parameters(map_parameters(model), "adapters"))
    found = read_second_moments(folder, model, names)
    assert set(found) == set(moments)
    for name, value in moments.items():
        assert torch.equal(found[name], value)
        assert float(value.abs().max()) > 0
    with pytest.raises(InputError, match=r"no second moment .* for model\.layers"):
        read_second_moments(folder, model, list(scoped_parameters(map_parameters(model), "body")))


def test_another_base_is_another_trajectory(base: Path, tmp_path: Path) -> None:
    folder, _ = train(tmp_path / "checkpoint-2", base, 2)
    plain = GradientSettings(chunks=4, tokens_per_chunk=60)
    run = tmp_path / "run"
    analyze_trajectory([folder], texts(), settings=plain, directory=run, device="cpu", base_model=base)
    other = save_base(tmp_path / "other")
    with pytest.raises(InputError, match="base_model"):
        analyze_trajectory([folder], texts(), settings=plain, directory=run, device="cpu", base_model=other)


def test_subfolders_are_for_repositories(base: Path) -> None:
    for point in (base, str(base), TrainingPoint(str(base))):
        with pytest.raises(InputError, match="give the folders inside"):
            analyze_trajectory([point], texts(), device="cpu", subfolder="step-1")
