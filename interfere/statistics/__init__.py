"""From Gram matrices to tables; NumPy and SciPy only, so that a run can be analysed again without its model.

`gram_tables` reads the inner products of chunk gradients and returns every quantity of the gradient analysis with
intervals, tests and verdicts. `SketchParts` tells it which parts of the Gram were sketched.
"""

from interfere.statistics._sketch import SketchParts
from interfere.statistics._tables import GROUP_COLUMNS, PAIR_COLUMNS, SELF_COLUMNS, Tables, gram_tables

__all__ = ["GROUP_COLUMNS", "PAIR_COLUMNS", "SELF_COLUMNS", "SketchParts", "Tables", "gram_tables"]
