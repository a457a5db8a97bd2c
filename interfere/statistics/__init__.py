"""From Gram matrices to tables; NumPy and SciPy only, so that a run can be analysed again without its model.

`gram_tables` reads the inner products of chunk gradients and returns every quantity of the gradient analysis with
intervals, tests and verdicts. `SketchParts` tells it which parts of the Gram were sketched. The other functions read
scores of units, slot by slot.
"""

from interfere.statistics._changed_documents import Documents, delta_change, quality_change
from interfere.statistics._changed_gradients import GramStatistics
from interfere.statistics._changed_units import UnitChange, overlap_changes, share_changes
from interfere.statistics._changes import (
    Change,
    Influence,
    Linearised,
    change,
    from_influence,
    judge_changes,
    ratio_influence,
)
from interfere.statistics._crossed import Crossed
from interfere.statistics._kernels import FEWEST_SLOTS
from interfere.statistics._matched import MATCHED_COLUMNS, MatchedDocuments, matched_delta, matched_rows
from interfere.statistics._own_units import Chosen, choose, judge_units, margins, own_units_table
from interfere.statistics._predictors import Correlation, ngram_overlap, rank_correlation
from interfere.statistics._profiles import overlap_table, profile_table
from interfere.statistics._quality import (
    DELTA_COLUMNS,
    LEAST_SOURCES,
    PairedDocuments,
    bits_per_byte,
    delta_rows,
    paired_delta,
)
from interfere.statistics._reached import UNSEEN, Reached
from interfere.statistics._removal import Damage, ablation_tables
from interfere.statistics._scout import Extrapolation, extrapolate
from interfere.statistics._sketch import SketchParts
from interfere.statistics._tables import GROUP_COLUMNS, PAIR_COLUMNS, SELF_COLUMNS, Tables, gram_tables
from interfere.statistics._units import OF_METHOD, UnitGroup, comparable, halves, scored_groups, shares, top_count
from interfere.statistics._worth import Worth, worth_in_text

__all__ = [
    "DELTA_COLUMNS",
    "FEWEST_SLOTS",
    "GROUP_COLUMNS",
    "LEAST_SOURCES",
    "MATCHED_COLUMNS",
    "OF_METHOD",
    "PAIR_COLUMNS",
    "SELF_COLUMNS",
    "UNSEEN",
    "Change",
    "Chosen",
    "Correlation",
    "Crossed",
    "Damage",
    "Documents",
    "Extrapolation",
    "GramStatistics",
    "Influence",
    "Linearised",
    "MatchedDocuments",
    "PairedDocuments",
    "Reached",
    "SketchParts",
    "Tables",
    "UnitChange",
    "UnitGroup",
    "Worth",
    "ablation_tables",
    "bits_per_byte",
    "change",
    "choose",
    "comparable",
    "delta_change",
    "delta_rows",
    "extrapolate",
    "from_influence",
    "gram_tables",
    "halves",
    "judge_changes",
    "judge_units",
    "margins",
    "matched_delta",
    "matched_rows",
    "ngram_overlap",
    "overlap_changes",
    "overlap_table",
    "own_units_table",
    "paired_delta",
    "profile_table",
    "quality_change",
    "rank_correlation",
    "ratio_influence",
    "scored_groups",
    "share_changes",
    "shares",
    "top_count",
    "worth_in_text",
]
