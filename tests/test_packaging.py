from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_package_is_installed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    there = sorted(".".join(file.parent.relative_to(ROOT).parts) for file in (ROOT / "interfere").rglob("__init__.py"))
    assert sorted(listed) == [*there, "interfere_cli"]
