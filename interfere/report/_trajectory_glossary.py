"""What each number of a trajectory's report means, in words."""

from __future__ import annotations

from interfere.report import _glossary as gradients
from interfere.report._glossary import Term

CONTEXT = (
    "A checkpoint that knows little asks for the same in every language, since what is common to all is learnt first: "
    "early in a training corrected cosines are high for that reason alone. At the optimum of the training mixture "
    "languages oppose each other whatever they are. So a line that falls is what learning looks like; what tells "
    "languages apart is which pairs fall further than others, and where.",
    "Raw cosines shrink with noise, and the share of noise in a chunk's gradient changes while a model learns. Read "
    "them against the self-similarity of the same step, which is what a language has with itself; the corrected cosine "
    "has that taken out, and is 1 of a language with itself at every step.",
)
"""How lines along a training are to be read, in paragraphs."""

CHECKPOINTS: tuple[Term, ...] = (
    (
        ("step", "checkpoint"),
        "When the checkpoint was written, in updates of the optimizer, told by its name or by the training's own "
        "record; and what it is called.",
    ),
    (
        ("conflict", "aligned", "neutral", "undetermined"),
        "How many pairs have each verdict over the body in the main metric. Conflict: opposed beyond chance (q ≤ "
        "0.05). Aligned: alike beyond chance. Neutral: surely next to unrelated. Undetermined: this much text cannot "
        "tell. q is Benjamini–Hochberg over the pairs of one checkpoint, and knows nothing of the other checkpoints.",
    ),
    (
        ("corrected", "raw", "self-similarity"),
        "Means over pairs of the corrected cosine, clipped to ±1, and of the raw one; mean over languages of the "
        "self-similarity, the ceiling of raw cosines.",
    ),
    (("common share",), "How much of what the languages ask is the same for all; 1 over their number if nothing is."),
    (("loss",), "Mean over languages of the loss of a prediction, in nats, on the text that was read."),
    (("second moments",), "Where those of the adam metric came from: the checkpoint's optimizer, or held-out text."),
    (("seconds",), "What the measurement took, where it was made while the model was trained."),
)
"""The table of checkpoints."""

CHANGES: tuple[Term, ...] = (
    (("first", "last"), "The corrected cosine at the first and at the last step."),
    (
        ("difference", "95% interval"),
        "Last less first, and the range of differences that agree with the text at hand. Both checkpoints read the "
        "same text, and the interval leaves the same part of it out of both, so that what is peculiar to a part drops "
        "out. It says how surely these two checkpoints differ, and nothing of another training.",
    ),
    (
        ("p", "q"),
        "p: how often text alone would give a difference this far from 0 if there were none. q: the same after "
        "allowing for all pairs of one metric (Benjamini–Hochberg).",
    ),
    (
        ("verdict", "higher", "lower"),
        "Higher, lower: the cosine rose or fell, q ≤ 0.05. Undetermined: neither could be shown, for the reason given.",
    ),
    (
        ("in conflict", "first in conflict"),
        "At how many checkpoints the pair is in conflict, and at which step for the first time. Not corrected for the "
        "number of checkpoints.",
    ),
)
"""The table of changes."""

READING: dict[str, str] = {
    "cosines": "Each line is a pair of languages. On the left the corrected cosine, which is 1 for a language with "
    "itself (dotted); below 0 a step for one language undoes part of the other's. Filled points have a verdict, hollow "
    "ones are undetermined, whatever their number. On the right the raw cosine of the same pairs, which cannot be read "
    "without what a language has with itself (dotted, shaded from the lowest to the highest language). Bands are 95% "
    "intervals, each by itself.",
    "verdicts": "Each bar is a checkpoint, divided by verdict. Hatched pairs are those that this much text cannot "
    "tell: where they become fewer, more may be in conflict only because more can be told.",
    "languages": "On the left how much of a chunk's gradient is signal, on the right the loss. Where self-similarity "
    "falls, gradients become noisier and intervals wider, as they do where a model has learnt most of what is common.",
}
"""How each kind of figure is read."""

SETTINGS: dict[str, str] = {
    **gradients.SETTINGS,
    "second_moments": "where those of the adam metric came from",
    "every": "steps of the optimizer from one measurement to the next",
    "budget": "share of the training's time that measuring might take",
    "share_of_time": "share of the training's time that measuring took",
    "skipped": "measurements that were due and did not fit the budget",
}
"""What the settings of a result are."""

BRIEF: tuple[str, ...] = (
    "Corrected, raw and self-similarity are means over pairs and languages at each step; a corrected cosine is 1 for "
    "the same direction and 0 for unrelated ones, and raw ones have the self-similarity as their ceiling.",
    "Conflict: opposed beyond chance (q ≤ 0.05) at that checkpoint by itself; a verdict that comes and goes is no "
    "finding.",
)
"""How the main tables are read."""
