"""From Gram matrices to tables; NumPy and SciPy only, so that a run can be analysed again without its model.

`gram_tables` reads the inner products of chunk gradients and returns every quantity of the gradient analysis with
intervals, tests and verdicts. `SketchParts` tells it which parts of the Gram were sketched. The other functions read
scores of units, slot by slot.
"""

from interfere.statistics._importance import (
    Chosen,
    Damage,
    UnitGroup,
    ablation_tables,
    choose,
    halves,
    overlap_table,
    own_units_table,
    profile_table,
    shares,
)
from interfere.statistics._sketch import SketchParts
from interfere.statistics._tables import GROUP_COLUMNS, PAIR_COLUMNS, SELF_COLUMNS, Tables, gram_tables

__all__ = [
    "GROUP_COLUMNS",
    "PAIR_COLUMNS",
    "SELF_COLUMNS",
    "Chosen",
    "Damage",
    "SketchParts",
    "Tables",
    "UnitGroup",
    "ablation_tables",
    "choose",
    "gram_tables",
    "halves",
    "overlap_table",
    "own_units_table",
    "profile_table",
    "shares",
]
