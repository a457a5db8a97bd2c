"""The checkpoints of a training: where they are, what they are called, and at which step they were written."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from interfere.errors import InputError

_STEP = re.compile(r"(?:^|[^a-z])(?:checkpoint|ckpt|(?:global[_-]?)?step|iter)s?[_-]?(\d+)(?![0-9a-z])", re.IGNORECASE)
_STATE = "trainer_state.json"
_CONFIGS = ("config.json", "adapter_config.json")
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class TrainingPoint:
    """One checkpoint of a training.

    Args:
        model: a folder, or a name on the hub.
        revision: branch, tag or commit on the hub.
        step: when it was written; None: told by its name, by its `trainer_state.json`, or by the order of the points.
        name: what it is called; "": the folder's name, or the revision.
        step_from: what told the step: `given`, `name`, `trainer_state` or `order`.
    """

    model: str
    revision: str | None = None
    step: int | None = None
    name: str = ""
    step_from: str = ""


Point = TrainingPoint | str | Path
"""A checkpoint as it may be given: a folder is enough."""


def ordered_points(points: Sequence[Point], known: Mapping[str, TrainingPoint] | None = None) -> list[TrainingPoint]:
    """Give every point its name and its step, and sort them by step.

    Args:
        points: as given.
        known: name → a point of an earlier sitting. Where nothing but the order tells the step, such a point keeps its
            own, and the others are counted on from the last one.

    Raises:
        InputError: there are none, two have one name or one step, or only some of them tell their step.
    """
    known = known or {}
    if not points:
        raise InputError("there are no checkpoints: give at least one, as in --checkpoints DIR/checkpoint-*")
    named = [_named(point if isinstance(point, TrainingPoint) else TrainingPoint(str(point))) for point in points]
    _refuse_twins(named, lambda point: point.name, "are both called {!r}; give folders or revisions of other names")
    told = [_told(point) for point in named]
    unknown = [point for point in told if point.step is None]
    if unknown:
        others = [point for point in [*told, *known.values()] if point.step is not None and point.step_from != "order"]
        if others:
            raise InputError(
                f"the step of checkpoint {unknown[0].name!r} is not known, and that of {others[0].name!r} is: neither "
                f"its name (checkpoint-1500, step1500) nor a {_STATE} says it; rename its folder or leave it out"
            )
        told = _counted(told, known)
    _refuse_twins(told, lambda point: point.step, "are both of step {}; give one of them")
    for point in told:
        earlier = known.get(point.name)
        if earlier is not None and earlier.step != point.step:
            raise InputError(
                f"checkpoint {point.name!r} is of step {point.step} now and was of step {earlier.step} when it was "
                "measured; give another --output-dir"
            )
        for other in known.values():
            if other.step == point.step and other.name != point.name:
                raise InputError(
                    f"checkpoints {other.name!r}, which was measured earlier, and {point.name!r} are both of step "
                    f"{point.step}; give another --output-dir"
                )
    return sorted(told, key=step_of)


def step_of(point: TrainingPoint) -> int:
    """The step of a point that has been ordered."""
    assert point.step is not None
    return point.step


def step_in_name(name: str) -> int | None:
    """The step that the name of a folder or a revision tells: `checkpoint-1500`, `step1000-tokens4B`, `500`."""
    found = _STEP.search(name)
    if found:
        return int(found[1])
    return int(name) if name.isdecimal() and name.isascii() else None


def checkpoint_folders(patterns: Iterable[str | Path]) -> list[str]:
    """Folders as given, and those that patterns such as `DIR/checkpoint-*` stand for.

    Raises:
        InputError: a pattern stands for nothing, or a folder holds checkpoints but is none.
    """
    out: list[str] = []
    for pattern in map(str, patterns):
        path = Path(pattern)
        if not path.exists() and _WILD.search(pattern):
            found = sorted(each for each in glob.glob(pattern) if Path(each).is_dir())  # noqa: PTH207 (may be absolute)
            if not found:
                raise InputError(f"--checkpoints {pattern}: there is no such folder")
            out += found
            continue
        if not path.is_dir():
            kind = "is a file; give the folder of a checkpoint" if path.is_file() else "there is no such folder"
            raise InputError(f"--checkpoints {pattern}: {kind}")
        if not any((path / name).is_file() for name in _CONFIGS) and any(path.glob("checkpoint-*/*config.json")):
            raise InputError(f"--checkpoints {pattern}: holds checkpoints and is none; give {path / 'checkpoint-*'}")
        out.append(pattern)
    return list(dict.fromkeys(out))


def _named(point: TrainingPoint) -> TrainingPoint:
    if point.name:
        return point
    if point.revision is not None:
        return replace(point, name=point.revision)
    path = Path(point.model)
    return replace(point, name=(path.resolve().name if path.is_dir() else path.name) or point.model)


def _told(point: TrainingPoint) -> TrainingPoint:
    """A point with what its name, or the Trainer's own record, tells of its step."""
    if point.step is not None:
        return point if point.step_from else replace(point, step_from="given")
    if (step := step_in_name(point.name)) is not None:
        return replace(point, step=step, step_from="name")
    file = Path(point.model) / _STATE
    if point.revision is None and file.is_file():
        try:
            recorded = json.loads(file.read_text(encoding="utf-8"))["global_step"]
            if not isinstance(recorded, int):
                raise TypeError("global_step is not a whole number")
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise InputError(f"{file}: does not tell the step of the checkpoint ({error})") from error
        return replace(point, step=recorded, step_from="trainer_state")
    return point


def _counted(points: Sequence[TrainingPoint], known: Mapping[str, TrainingPoint]) -> list[TrainingPoint]:
    """Points that are numbered in the order given, from 1 on, and after those of earlier sittings."""
    last = max((step_of(point) for point in known.values()), default=0)
    out = []
    for point in points:
        if point.name in known:
            step = step_of(known[point.name])
        else:
            step = last = last + 1
        out.append(replace(point, step=step, step_from="order"))
    return out


def _refuse_twins(points: Sequence[TrainingPoint], key: Callable[[TrainingPoint], object], words: str) -> None:
    seen: dict[object, TrainingPoint] = {}
    for point in points:
        value = key(point)
        if value is None:
            continue
        if value in seen:
            one, two = (_where(each) for each in (seen[value], point))
            raise InputError(f"checkpoints {one} and {two} {words.format(value)}")
        seen[value] = point


def _where(point: TrainingPoint) -> str:
    return point.model if point.revision is None else f"{point.model} at {point.revision}"
