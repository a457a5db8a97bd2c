from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from interfere import GradientSettings, analyze_gradients, checkpoint_from_model
from interfere.errors import InputError
from interfere.gradients import has_second_moments
from tests.text import some_text
from tests.tiny import tiny_pair

TEXTS = {language: some_text(language, 30) for language in ("de", "en")}
ADAM = GradientSettings(chunks=4, tokens_per_chunk=40, metrics=("adam",))


def moments() -> tuple[torch.nn.Module, object, dict[str, torch.Tensor]]:
    model, tokenizer = tiny_pair("bert")
    torch.manual_seed(1)
    return model, tokenizer, {name: torch.rand_like(p) + 0.1 for name, p in model.named_parameters()}


def test_tensors_give_what_the_same_numbers_in_a_file_give(tmp_path: Path) -> None:
    model, tokenizer, v = moments()
    checkpoint = checkpoint_from_model(model, tokenizer)
    save_file(v, tmp_path / "v.safetensors")
    from_file = GradientSettings(
        chunks=4, tokens_per_chunk=40, metrics=("adam",), adam_state=str(tmp_path / "v.safetensors")
    )
    expected = analyze_gradients(checkpoint, TEXTS, settings=from_file)
    result = analyze_gradients(checkpoint, TEXTS, settings=ADAM, second_moments=v)
    assert np.array_equal(result.arrays["adam/layer"], expected.arrays["adam/layer"])
    assert result.settings["adam_state"] == "given as tensors"


def test_tensors_that_do_not_fit_are_refused() -> None:
    model, tokenizer, v = moments()
    checkpoint = checkpoint_from_model(model, tokenizer)
    name = next(name for name in v if "layer.0" in name)
    for broken, words in (
        ({k: x for k, x in v.items() if k != name}, "there are none for"),
        ({**v, name: torch.ones(3)}, r"has shape \(3,\) there"),
        ({**v, name: -v[name]}, "not finite numbers from 0 up"),
    ):
        with pytest.raises(InputError, match=words):
            analyze_gradients(checkpoint, TEXTS, settings=ADAM, second_moments=broken)
    with pytest.raises(InputError, match="for the metric adam"):
        analyze_gradients(checkpoint, TEXTS, settings=GradientSettings(chunks=4), second_moments=v)


def test_a_resumed_run_wants_the_same_tensors(tmp_path: Path) -> None:
    model, tokenizer, v = moments()
    checkpoint = checkpoint_from_model(model, tokenizer)
    analyze_gradients(checkpoint, TEXTS, settings=ADAM, second_moments=v, workdir=tmp_path)
    analyze_gradients(checkpoint, TEXTS, settings=ADAM, second_moments=v, workdir=tmp_path)
    other = {name: 2 * x for name, x in v.items()}
    with pytest.raises(InputError, match="another adam_state"):
        analyze_gradients(checkpoint, TEXTS, settings=ADAM, second_moments=other, workdir=tmp_path)


def test_states_of_adam_are_told_from_others(tmp_path: Path) -> None:
    weights = [torch.nn.Parameter(torch.ones(2))]
    weights[0].grad = torch.ones(2)
    for optimizer, expected in ((torch.optim.AdamW(weights), True), (torch.optim.SGD(weights, momentum=0.9), False)):
        optimizer.step()
        torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
        assert has_second_moments(tmp_path / "optimizer.pt") is expected
    (tmp_path / "optimizer.pt").write_bytes(b"no")
    with pytest.raises(InputError, match=r"optimizer\.pt: cannot be read"):
        has_second_moments(tmp_path / "optimizer.pt")
