from __future__ import annotations

import json
from pathlib import Path

import pytest

from interfere.errors import InputError
from interfere.trajectory._folder import folder_name
from interfere.trajectory._points import TrainingPoint, checkpoint_folders, ordered_points, step_in_name


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("checkpoint-1500", 1500),
        ("step1000", 1000),
        ("global_step1000", 1000),
        ("step1000-tokens4B", 1000),
        ("stage1-step5000-tokens21B", 5000),
        ("ckpt_20", 20),
        ("700", 700),
        ("final", None),
        ("model-135M", None),
        ("step10k", None),
        ("misstep3", None),
    ],
)
def test_steps_in_names(name: str, step: int | None) -> None:
    assert step_in_name(name) == step


def test_steps_are_sorted_as_numbers() -> None:
    points = ordered_points([f"run/checkpoint-{n}" for n in (1000, 90, 200)])
    assert [point.step for point in points] == [90, 200, 1000]
    assert [point.name for point in points] == ["checkpoint-90", "checkpoint-200", "checkpoint-1000"]


def test_the_trainers_own_record_tells_a_step(tmp_path: Path) -> None:
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "trainer_state.json").write_text(json.dumps({"global_step": 42}))
    (point,) = ordered_points([tmp_path / "best"])
    assert (point.step, point.step_from) == (42, "trainer_state")
    (tmp_path / "best" / "trainer_state.json").write_text("{}")
    with pytest.raises(InputError, match=r"best/trainer_state\.json"):
        ordered_points([tmp_path / "best"])


def test_the_order_tells_steps_where_nothing_else_does() -> None:
    first = ordered_points(["early", "late"])
    assert [(point.name, point.step) for point in first] == [("early", 1), ("late", 2)]
    known = {point.name: point for point in first}
    later = ordered_points(["latest", "early"], known)
    assert [(point.name, point.step) for point in later] == [("early", 1), ("latest", 3)]


def test_twins_and_strangers_are_refused() -> None:
    with pytest.raises(InputError, match="both called 'checkpoint-5'"):
        ordered_points(["a/checkpoint-5", "b/checkpoint-5"])
    with pytest.raises(InputError, match="both of step 5"):
        ordered_points(["a/checkpoint-5", "b/step5"])
    with pytest.raises(InputError, match="step of checkpoint 'final' is not known"):
        ordered_points(["a/checkpoint-5", "a/final"])
    with pytest.raises(InputError, match="no checkpoints"):
        ordered_points([])
    known = {"x": TrainingPoint("x", step=7, name="x", step_from="name")}
    with pytest.raises(InputError, match="both of step 7"):
        ordered_points(["step7"], known)


def test_patterns_and_folders(tmp_path: Path) -> None:
    for name in ("checkpoint-10", "checkpoint-20", "runs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    found = checkpoint_folders([tmp_path / "checkpoint-*", tmp_path / "checkpoint-10"])
    assert found == [str(tmp_path / "checkpoint-10"), str(tmp_path / "checkpoint-20")]
    with pytest.raises(InputError, match="no such folder"):
        checkpoint_folders([tmp_path / "step*"])
    with pytest.raises(InputError, match="no such folder"):
        checkpoint_folders([tmp_path / "nothing"])
    with pytest.raises(InputError, match=r"holds checkpoints.*checkpoint-\*"):
        checkpoint_folders([tmp_path])


@pytest.mark.parametrize("name", ["refs/pr/1", "..", "../../x", ".hidden", "a\nb", "x" * 300, "run.part", "ünï"])
def test_any_name_is_a_folder_of_its_own(name: str) -> None:
    plain = folder_name(name)
    assert Path(plain).name == plain
    assert plain not in ("", ".", "..")
    assert len(plain) < 100
    assert not plain.startswith(".")
    assert not plain.endswith(".part")


def test_names_that_look_alike_stay_apart() -> None:
    assert len({folder_name(name) for name in ("a/b", "a_b", "a:b", "a b")}) == 4
