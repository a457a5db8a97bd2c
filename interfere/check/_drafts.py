"""What a first policy has rules on, for each kind of result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from interfere.check._policy import Scalar


@dataclass(frozen=True)
class Bound:
    """A rule to be drafted on a number.

    Args:
        name: of the rule.
        about: what it is for.
        table: see `Rule`.
        quantity: see `Rule`.
        side: which bound it has.
        room: the words for the room that the bound leaves.
        give: the most extreme estimate → the bound, before it is rounded outwards.
        where: see `Rule`.
        uncertainty: see `Rule`.
        severity: see `Rule`.
        layers: see `Rule`.
    """

    name: str
    about: str
    table: str
    quantity: str
    side: Literal["at_least", "at_most"]
    room: str
    give: Callable[[float], float]
    where: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)
    uncertainty: Literal["surely", "estimate"] = "surely"
    severity: Literal["error", "warn"] = "error"
    layers: Sequence[str] | None = None


@dataclass(frozen=True)
class Words:
    """A rule to be drafted on verdicts: those that are there now may be there."""

    name: str
    about: str
    table: str
    forbid: str
    where: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A rule on changes, as a comment."""

    name: str
    table: str
    quantity: str
    where: Mapping[str, Sequence[Scalar]]
    bound: str


def _below(room: float) -> Callable[[float], float]:
    return lambda value: value - room


def _above(room: float) -> Callable[[float], float]:
    return lambda value: value + room


def _times(factor: float) -> Callable[[float], float]:
    return lambda value: value * factor if value > 0 else value + abs(value) * (factor - 1)


def _half(value: float) -> float:
    return value / 2 if value > 0 else 2 * value - 0.01


_BODY: Mapping[str, Sequence[Scalar]] = {"group": ("body",)}
_MULTI: Mapping[str, Sequence[Scalar]] = {"role": ("multilingual",)}

_GRADIENTS: Sequence[Bound | Words | Change] = (
    Bound(
        "Enough signal to judge by", "The ceiling of raw cosines: below it, no verdict on a pair means much.",
        "self", "self_similarity", "at_least", "half of the lowest", _half, _BODY,
    ),
    Bound(
        "Pairs agree", "The gradients of two languages, noise taken out.",
        "pairs", "corrected", "at_least", "0.1 below the lowest", _below(0.1), _BODY,
    ),
    Words("No more pairs in conflict", "Verdicts have q-values over all pairs.", "pairs", "conflict", _BODY),
    Bound(
        "Pairs agree in every layer", "The same, layer by layer.",
        "pairs", "corrected", "at_least", "0.2 below the lowest", _below(0.2), layers=("*",),
    ),
    Bound(
        "No tensor owns the gradient", "Where one does, the cosines of the body are its cosines.",
        "tensors", "norm_share", "at_most", "half more than the highest", lambda value: min(1.0, 1.5 * value),
        uncertainty="estimate", severity="warn",
    ),
    Change("No pair drifts apart", "pairs", "corrected", _BODY, "at_least = -0.1"),
)  # fmt: skip

DRAFTS: Mapping[str, Sequence[Bound | Words | Change]] = {
    "gradients": _GRADIENTS,
    "trajectory": _GRADIENTS[:4],
    "importance": (
        Bound(
            "No layer is all that counts", "Shares of a language's importance, layer by layer.",
            "layers", "share", "at_most", "half more than the highest", lambda value: min(1.0, 1.5 * value),
        ),
        Bound(
            "Languages share what they need", "Rank correlation of two languages' scores, next to rank_ceiling.",
            "overlap", "rank", "at_least", "0.2 below the lowest", _below(0.2),
        ),
        Bound(
            "Own units are specific", "What removing a language's units costs it, beyond what it costs others.",
            "specificity", "specificity", "at_least", "0.05 nats below the lowest", _below(0.05), severity="warn",
        ),
        Change("Overlap stays", "overlap", "rank", {}, "at_least = -0.1"),
    ),
    "deltas": (
        Bound(
            "Quality", "Bits per byte of the multilingual model.",
            "quality", "bits_per_byte", "at_most", "5 % above the highest", _times(1.05), _MULTI,
        ),
        Bound(
            "No language is much worse than alone", "Multilingual minus monolingual, in bits per byte.",
            "deltas", "delta", "at_most", "0.05 above the highest", _above(0.05),
        ),
        Words("No more languages worse than alone", "q-values are over the languages of a model.", "deltas", "worse"),
        Bound(
            "The tokenizer reads everything", "Bytes that do not come back when tokens are decoded.",
            "quality", "lost_share", "at_most", "0.001 above the highest", _above(0.001),
            uncertainty="estimate", severity="warn",
        ),
        Change("No language gets worse", "quality", "bits_per_byte", {}, "at_most = 0.01"),
    ),
    "tasks": (
        Bound(
            "Scores within a language", "Accuracy, or F1 of spans.",
            "task_scores", "score", "at_least", "0.05 below the lowest", _below(0.05),
            {"role": ("multilingual",), "zero_shot": (False,)},
        ),
        Bound(
            "Scores across languages", "Fine-tuned on one language, tested on another.",
            "task_scores", "score", "at_least", "0.1 below the lowest", _below(0.1),
            {"role": ("multilingual",), "zero_shot": (True,)}, severity="warn",
        ),
        Words("No more languages worse than alone", "q-values are over all rows.", "task_deltas", "worse"),
    ),
    "experiment": (
        Bound(
            "No language is harmed much", "Difference from the monolingual models, relative to them.",
            "deltas", "relative", "at_most", "0.02 above the highest", _above(0.02),
        ),
        Words("No more interference", "q-values are over all rows.", "deltas", "interference"),
        Bound(
            "Quality at the end of training", "Bits per byte of each model.",
            "quality", "bits_per_byte", "at_most", "10 % above the highest", _times(1.1), {"share": (1.0,)},
            uncertainty="estimate",
        ),
    ),
}  # fmt: skip
"""Kind of result → what a first policy has rules on."""
