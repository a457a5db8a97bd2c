"""What changed between two runs of one analysis: the same text and settings, another checkpoint."""

from interfere.comparison._columns import CHANGE_COLUMNS, KEY_COLUMNS, VERDICT_CHANGE_COLUMNS
from interfere.comparison._compare import compare_results

__all__ = ["CHANGE_COLUMNS", "KEY_COLUMNS", "VERDICT_CHANGE_COLUMNS", "compare_results"]
