"""Results as files: results.json, one CSV a table, and the arrays as safetensors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from interfere.errors import InputError
from interfere.results._result import SCHEMA_VERSION, Result

ARRAYS = {
    "gradients": "gram.safetensors",
    "importance": "scores.safetensors",
    "deltas": "arrays.safetensors",
    "experiment": "arrays.safetensors",
    "tasks": "arrays.safetensors",
    "trajectory": "arrays.safetensors",
    "comparison": "arrays.safetensors",
}
"""Kind of result → the file of what is too large for JSON, where there is such."""

_LONGEST_REASON = 200
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def _plain(value: Any) -> Any:
    """A value as JSON has it: no NumPy scalars, null for what is not a finite number."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, Path):
        return str(value)
    return value


def result_document(result: Result) -> dict[str, Any]:
    """The document that results.json holds."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "kind": result.kind,
        "command": result.command,
        "model": dict(result.model),
        "data": {name: dict(facts) for name, facts in result.data.items()},
        "settings": dict(result.settings),
        "environment": dict(result.environment),
        "languages": list(result.languages),
        "tables": {name: table.to_dict(orient="records") for name, table in result.tables.items()},
        "table_columns": {name: list(table.columns) for name, table in result.tables.items()},
        "array_groups": {level: list(names) for level, names in result.array_groups.items()},
        "warnings": list(result.warnings),
    }
    return {key: _plain(value) for key, value in document.items()}


def escape_cell(value: Any) -> Any:
    """A text cell that a spreadsheet does not run as a formula."""
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def table_csv(table: pd.DataFrame) -> str:
    """A table as CSV, without anything that a spreadsheet runs as a formula."""
    return table.map(escape_cell).rename(columns=escape_cell).to_csv(index=False)


def write_result(result: Result, folder: Path) -> None:
    """Write results.json, a CSV per table, and a file of arrays if there are any."""
    for name, table in result.tables.items():
        (folder / f"{name}.csv").write_text(table_csv(table), encoding="utf-8", newline="")
    if result.arrays:
        path = folder / ARRAYS[result.kind]
        try:
            save_file({k: np.ascontiguousarray(v) for k, v in result.arrays.items()}, path)
        except SafetensorError as error:
            # It wraps what the system said, such as that the disk is full.
            raise OSError(f"cannot write {path}: {error}") from error
    text = json.dumps(result_document(result), ensure_ascii=False, indent=1, allow_nan=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")


def load_result(directory: str | Path) -> Result:
    """Read a run directory; needs neither the model nor PyTorch.

    Args:
        directory: a folder that `interfere` wrote, or its results.json.

    Raises:
        InputError: it is not a finished run, it is damaged, or a newer version wrote it.
    """
    path = Path(directory)
    path = path.parent if path.name == "results.json" else path
    file = path / "results.json"
    if not file.is_file():
        part = path.with_name(path.name + ".part")
        unfinished = f"; {part} is an unfinished run, continue it with --resume" if part.is_dir() else ""
        raise InputError(f"{path} is not a run directory: it has no results.json{unfinished}")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        version = document["schema_version"]
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise InputError(
                f"{file}: schema version {version!r}, and this interfere reads up to {SCHEMA_VERSION}: update it"
            )
        _require_types(document)
        tables = {
            name: pd.DataFrame(rows, columns=document["table_columns"][name])
            for name, rows in document["tables"].items()
        }
        arrays = {}
        file_of_arrays = path / ARRAYS[document["kind"]]
        if file_of_arrays.is_file():
            with safe_open(file_of_arrays, "np") as stored:
                arrays = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 (not a dict)
        return Result(
            kind=document["kind"],
            languages=document["languages"],
            tables=tables,
            model=document["model"],
            data=document["data"],
            settings=document["settings"],
            environment=document["environment"],
            warnings=document["warnings"],
            command=document["command"],
            arrays=arrays,
            array_groups=document["array_groups"],
        )
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        OSError,
        ArithmeticError,
        RecursionError,
        SafetensorError,
    ) as error:
        reason = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
        raise InputError(f"{file}: damaged or not written by interfere ({reason})") from error


def _require_types(document: dict[str, Any]) -> None:
    """Check that each entry is of its type, so that no command stumbles over it later.

    Raises:
        TypeError: one is not.
    """

    def require(name: str, fits: bool) -> None:
        if not fits:
            raise TypeError(f"{name} is not of its type")

    for name in ("kind", "command"):
        require(name, isinstance(document[name], str))
    for name in ("languages", "warnings"):
        require(name, _is_list_of(str, document[name]))
    for name in ("model", "settings", "environment"):
        require(name, isinstance(document[name], dict))
    for name, kind in (("data", dict), ("tables", list), ("table_columns", list), ("array_groups", list)):
        require(name, isinstance(document[name], dict) and _is_list_of(kind, list(document[name].values())))
    for name in ("table_columns", "array_groups"):
        require(name, all(_is_list_of(str, names) for names in document[name].values()))
    require("tables", all(_is_list_of(dict, rows) for rows in document["tables"].values()))


def _is_list_of(kind: type, value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, kind) for each in value)
