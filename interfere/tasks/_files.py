"""Which files of a folder hold which language's training and test items."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from interfere.corpus._names import check_language_name, chosen_languages, listed
from interfere.errors import InputError
from interfere.settings._tasks import Task

_SUFFIXES = {
    "text-classification": (".jsonl.gz", ".jsonl"),
    "token-classification": (".jsonl.gz", ".jsonl", ".conll.gz", ".conll"),
}
_OTHER_SPLITS = ("dev", "valid", "validation", "eval")


@dataclass(frozen=True)
class LanguageFiles:
    """The files of one language: `train` and `test`, or `whole` alone, which is still to be split."""

    train: Path | None = None
    test: Path | None = None
    whole: Path | None = None


@dataclass
class _Found:
    files: dict[str, dict[str, list[Path]]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def find_files(
    folder: Path, task: Task, languages: Sequence[str] | None
) -> tuple[dict[str, LanguageFiles], tuple[str, ...]]:
    """The files of each language, sorted by language, and the names of files of other splits.

    Args:
        folder: the folder.
        task: decides which formats count.
        languages: which languages are wanted; None for all.

    Raises:
        InputError: there is no such folder, nothing in it, a language or one of its files is missing, or there are two
            files where one is wanted.
    """
    found = _look(folder, task)
    out = {}
    for language in chosen_languages(found.files, languages, str(folder)):
        roles = found.files[language]
        any_path = next(iter(roles.values()))[0]
        check_language_name(language, str(folder / ascii(any_path.name)[1:-1]))
        for paths in roles.values():
            if len(paths) > 1:
                raise InputError(
                    f"{folder}: language {language!r} has {listed(p.name for p in paths)}; keep one of them"
                )
        if "whole" in roles and len(roles) > 1:
            names = listed(path.name for paths in roles.values() for path in paths)
            raise InputError(
                f"{folder}: language {language!r} has {names}; give either a training and a test file, or one file "
                "that is split into both"
            )
        if "whole" not in roles and len(roles) < 2:
            missing = "test" if "train" in roles else "train"
            raise InputError(
                f"{folder}: language {language!r} has {any_path.name} and no {missing} file; add {language}.{missing}"
                f"{_suffix(any_path, task)}, or name the one file {language}{_suffix(any_path, task)} to have it split"
            )
        out[language] = LanguageFiles(**{role: paths[0] for role, paths in roles.items()})
    return out, tuple(found.ignored)


def _look(folder: Path, task: Task) -> _Found:
    wanted = f"LANG.train{_SUFFIXES[task][1]} and LANG.test{_SUFFIXES[task][1]} for each language" + (
        ", or the same as .conll" if task == "token-classification" else ""
    )
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError as error:
        raise InputError(f"there is no {folder}; give a folder that holds {wanted}") from error
    except NotADirectoryError as error:
        raise InputError(f"{folder} is a file; give the folder that holds {wanted}") from error
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {error.strerror or error}") from error
    found = _Found()
    for path in entries:
        suffix = _suffix(path, task)
        if not suffix or path.name.startswith(".") or path.is_dir():
            continue
        stem = path.name[: -len(suffix)]
        split = re.fullmatch(rf"(.+)\.(train|test|{'|'.join(_OTHER_SPLITS)})", stem, re.DOTALL)
        if split is None:
            found.files.setdefault(stem, {}).setdefault("whole", []).append(path)
        elif split[2] in _OTHER_SPLITS:
            found.ignored.append(path.name)
        else:
            found.files.setdefault(split[1], {}).setdefault(split[2], []).append(path)
    if not found.files:
        holds = f"it holds {listed((path.name for path in entries), limit=6)}" if entries else "it is empty"
        hint = "; .conll is for --task token-classification" if any(".conll" in path.name for path in entries) else ""
        raise InputError(f"{folder} has no files for {task} ({holds}{hint}); it should hold {wanted}")
    return found


def _suffix(path: Path, task: Task) -> str:
    return next((end for end in _SUFFIXES[task] if path.name.casefold().endswith(end)), "")
