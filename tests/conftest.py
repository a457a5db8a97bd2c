"""The order in which tests run."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: at the end it would run alone, with the other processes idle."""
    items.sort(key=lambda item: item.path.name not in ("test_readme.py", "test_processes.py"))
