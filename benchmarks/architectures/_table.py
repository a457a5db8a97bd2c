"""The rows of a sweep as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.architectures._check import Row


def line(row: Row) -> str:
    """One row on one line."""
    where = f"{row.name:38} {row.task:10}"
    if row.left_out:
        return f"{where} left out: {row.left_out}"
    how = f"{row.objective:16} {row.loss_path or '-':6} {row.scoring or '-':11} {row.seconds:5.1f} s "
    if row.works:
        return f"{where} {how} works" + (f" ({'; '.join(row.limits)})" if row.limits else "")
    return f"{where} {how} FAILS " + "; ".join(f"{part}: {what}" for part, what in row.checks.items() if what)


def summary(rows: Sequence[Row]) -> str:
    """How many work, and how."""
    tried = [row for row in rows if not row.left_out]
    works = [row for row in tried if row.works]
    paths = Counter(row.loss_path for row in works)
    share = len(works) / len(tried) if tried else 0.0
    return (
        f"{len(rows)} classes, {len(rows) - len(tried)} left out, {len(tried)} tried: {len(works)} work ({share:.1%}), "
        + ", ".join(f"{count} on the {path} path" for path, count in sorted(paths.items()))
    )
