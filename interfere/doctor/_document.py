"""A diagnosis as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from interfere.doctor._types import Diagnosis


def diagnosis_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """All of a diagnosis; null where there is no number.

    Args:
        diagnosis: what to tell.
    """
    found: dict[str, Any] = _plain(asdict(diagnosis))
    counts = {status: diagnosis.count(status) for status in ("ok", "warn", "fail")}
    return {"schema_version": 1, "kind": "diagnosis", "passed": diagnosis.passed, "counts": counts, **found}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
