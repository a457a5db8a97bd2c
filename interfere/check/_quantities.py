"""What is known of the tables of each kind of result: where the interval of each quantity is, and the like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Freedom = Literal["", "chunks", "judging chunks", "sources", "seeds"]
"""What an interval's degrees of freedom are one less than: a setting, half of it, or a column."""


@dataclass(frozen=True)
class Interval:
    """The columns of a 95 % interval.

    Args:
        low: column of the lower end.
        high: of the upper end.
        freedom: what tells the degrees of freedom of its t quantile; "" where it has none or they are not known. With
            `seeds` the interval has a second, narrower part over documents; to widen all of it as if it were over
            seeds is on the safe side.
        logs: whether it was formed on log(1 + quantity).
    """

    low: str = "ci_low"
    high: str = "ci_high"
    freedom: Freedom = ""
    logs: bool = False


_RELATIVE = ("relative_ci_low", "relative_ci_high")
_OF_GRADIENTS = {
    "pairs": {"corrected": Interval(freedom="chunks")},
    "self": {"self_similarity": Interval(freedom="chunks")},
}

INTERVALS: Mapping[str, Mapping[str, Mapping[str, Interval]]] = {
    "gradients": _OF_GRADIENTS,
    "trajectory": {**_OF_GRADIENTS, "changes": {"change": Interval(freedom="chunks")}},
    "importance": {
        "layers": {"share": Interval(freedom="chunks")},
        "overlap": {
            name: Interval(f"{name}_low", f"{name}_high", freedom="chunks") for name in ("rank", "top", "cosine")
        },
        "ablation": {
            "damage": Interval(freedom="judging chunks"),
            "beyond_random": Interval("beyond_low", "beyond_high", freedom="judging chunks"),
        },
        "specificity": {"specificity": Interval(freedom="judging chunks")},
    },
    "deltas": {
        "deltas": {
            "delta": Interval(freedom="sources"),
            "relative": Interval(*_RELATIVE, freedom="sources", logs=True),
        },
        "quality": {"bits_per_byte": Interval()},
        "worth": {"text": Interval()},
    },
    "tasks": {
        "task_scores": {"score": Interval()},
        "task_deltas": {"delta": Interval(freedom="seeds")},
    },
    "experiment": {
        "deltas": {"delta": Interval(freedom="seeds"), "relative": Interval(*_RELATIVE, freedom="seeds", logs=True)},
        "curves": {"delta": Interval(freedom="seeds"), "relative": Interval(*_RELATIVE, freedom="seeds", logs=True)},
        "conflict": {"corrected": Interval()},
        "scout": {"relative": Interval(*_RELATIVE)},
        "predictions": {"correlation": Interval()},
    },
    "comparison": {"changes": {"difference": Interval()}, "verdict_changes": {"difference": Interval()}},
}
"""Kind → table → quantity → where its interval is. A quantity that is not here has none in its table."""

CHANGE = Interval()
"""Of the difference from a baseline, in the table `changes` of a comparison."""

WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "gradients": {"pairs": ("conflict", "aligned", "neutral", "undetermined")},
    "trajectory": {
        "pairs": ("conflict", "aligned", "neutral", "undetermined"),
        "changes": ("higher", "lower", "undetermined"),
    },
    "importance": {"specificity": ("specific", "not shown", "undetermined")},
    "deltas": {"deltas": ("worse", "better", "undetermined")},
    "tasks": {"task_deltas": ("worse", "better", "undetermined")},
    "experiment": {"deltas": ("interference", "transfer", "undetermined")},
    "comparison": {"changes": ("higher", "lower", "same", "undetermined")},
}
"""Kind → table → the words that its column `verdict` may have."""

CHANGE_VALUES = (
    "before", "after", "difference", "ci_low", "ci_high", "p_value", "q_value", "verdict", "reason",
)  # fmt: skip
"""Columns of the table `changes` that do not tell its rows apart."""

CHANGE_WORDS = ("higher", "lower", "same", "undetermined")
"""The verdicts of the table `changes`."""

MAIN: Mapping[str, tuple[str, str]] = {
    "gradients": ("self", "self_similarity"),
    "trajectory": ("self", "self_similarity"),
    "importance": ("layers", "score"),
    "deltas": ("quality", "bits_per_byte"),
    "tasks": ("task_scores", "score"),
    "experiment": ("quality", "bits_per_byte"),
    "comparison": ("changes", "difference"),
}
"""Kind → the table and quantity in which each language has a number, if the run has any for it."""

DIRECTED = ("transfer", "transfer_bytes")
"""Quantities of pairs that have a direction: the columns `X_ab` and `X_ba` are read as one quantity `X`, two rows a
pair, with the columns `source` and `target`."""

PAIRED = (
    ("source", "target"),
    ("a", "b"),
    ("train", "test"),
    ("language", "partners"),
    ("language", "partner"),
    ("removed", "language"),
)
"""Columns that name two languages, the first ones that a table has counting."""

IS_DIRECTED = frozenset({("source", "target"), ("train", "test")})
"""Of these, those whose order is shown with an arrow."""

LANGUAGES = (("language",), ("a", "b"), ("train", "test"))
"""Columns that say which languages a row is about, the first ones that a table has counting."""

KEYS = (
    "table", "quantity", "language", "checkpoint", "step", "multilingual", "monolingual", "model", "role", "removed",
    "partners", "partner", "pair", "mixture", "group", "tensor", "metric", "method", "layer", "expert", "block", "kind",
    "unit", "split", "sparsity", "width", "text", "seed", "updates", "update", "share", "predictor", "zero_shot",
)  # fmt: skip
"""Columns that tell rows apart, besides those that name two languages, in the order in which they are shown."""
