"""What each number of a report on a comparison means, in words."""

from __future__ import annotations

from interfere.report import _glossary
from interfere.report._glossary import Term

CONTEXT = (
    "Both runs read the very same text with the same settings, so what is peculiar to that text is in both of their "
    "numbers and largely drops out of a difference. Its interval is therefore narrower than those of the two numbers "
    "let one expect: two intervals that overlap do not say that nothing changed.",
    "A verdict that is another one in the second run is no change by itself. A cosine of 0.08 may be aligned in one "
    "run and undetermined in the other without having moved. Ask whether the difference itself is shown.",
    "A difference says that two checkpoints are unlike, and not why. Intervals hold for these two checkpoints on text "
    "like this; two training runs of one recipe differ as well, and nothing here says by how much.",
)
"""How differences are to be read, in paragraphs."""

CHANGES: tuple[Term, ...] = (
    (
        ("before", "after"),
        "The number in the first run and in the second, as in their own reports; where a run has languages that the "
        "other has not, the common share is of the common ones.",
    ),
    (
        ("difference",),
        "After less before. Of norms it is the ratio after : before, as a percentage: +5% is 5% longer; changes.csv "
        "has its natural logarithm.",
    ),
    (
        ("95% interval",),
        "The range of differences that agree with the text at hand. One slot of text at a time is left out, of both "
        "runs at once (of kind deltas: each document is). Each interval holds by itself, not all of them together.",
    ),
    (
        ("p", "q"),
        "p: how often the text alone would give a difference this far from 0 if there were none. q: the same after "
        "allowing for the number of rows that were tested together: those of one quantity and metric (method, model), "
        "over the whole or over its parts (Benjamini–Hochberg). p is stricter than the interval, so near the edge the "
        "two may disagree.",
    ),
    (
        ("verdict", "higher", "lower", "same", "undetermined"),
        "Higher, lower: a difference with q ≤ 0.05, however small. Same: the whole interval lies within the margin of "
        "that quantity (setting margins). Undetermined: none of these, for the reason given; such a row does not say "
        "that nothing changed.",
    ),
    (
        ("why undetermined",),
        "The reason for which nothing is said of a row; empty where it has another verdict.",
    ),
    (
        ("was", "is now", "difference shown"),
        "The verdicts of a row in the first and in the second run, and whether the difference of its number is higher "
        "or lower in the table of differences.",
    ),
)
"""The tables of differences."""

GRADIENTS: tuple[Term, ...] = (
    (
        ("corrected cosine", "raw cosine", "transfer, first → second", "transfer, second → first"),
        "Of two languages' gradients: 1 for the same direction, 0 for unrelated ones, −1 for opposite ones. The "
        "corrected cosine has the noise taken out, the raw one has not. Transfer is how far a step along the gradient "
        "of the first helps the second, in units of what the second's own step does.",
    ),
    (
        ("loss of a predicted token",),
        "In nats, the mean over the text that was read. Both runs predict the same tokens.",
    ),
    (
        ("self-similarity", "norm"),
        "The part of a chunk's gradient that is signal; and the length of the gradient without its noise.",
    ),
    (
        ("common share", "mixture residual"),
        "How much of what the languages ask for is the same for all, with equal weights and with those of the training "
        "mixture.",
    ),
)
IMPORTANCE: tuple[Term, ...] = (
    (
        ("rank overlap", "cosine of scores", "overlap of top units"),
        "How alike two languages' scores of the units of a layer are, from halves of the text that share no document: "
        "rank correlation, cosine, and the share of top units that both have. A language with itself is the ceiling. "
        "Ranks and top units move in steps; where so few units count that a slot left out does not move them, there is "
        "no interval.",
    ),
    (
        ("share of the layer",),
        "The part of a language's importance that lies in a layer, among units of one kind.",
    ),
)
DELTAS: tuple[Term, ...] = (
    (
        ("bits per byte",),
        "The bits that a model needs for the text, over the bytes of that text: fewer is better.",
    ),
    (
        ("Δ to the monolingual model", "relative Δ"),
        "Bits per byte of the multilingual model less those of the monolingual one, in each run; relative: over those "
        "of the monolingual one. Where that is the same model in both runs it drops out of the difference.",
    ),
)
QUANTITIES: dict[str, tuple[Term, ...]] = {"gradients": GRADIENTS, "importance": IMPORTANCE, "deltas": DELTAS}
"""Kind of the compared runs → what is compared."""

TEXT = _glossary.text_terms()
"""The columns of the table of the text."""

BRIEF = (
    "Differences are after less before, with 95% intervals over text that both runs read; higher and lower need "
    "q ≤ 0.05.",
)
"""How the tables of differences are read, in short."""

READING: dict[str, str] = {
    "matrix": "Each cell is two languages: how much their cosine has risen (blue) or fallen (red) from the first run "
    "to the second. Framed cells have changed (q ≤ 0.05); hatched ones are undetermined, whatever their number; of the "
    "rest it is sure that they changed by less than the margin.",
    "places": "Each row is a pair or a language, each column a layer: blue has risen, red has fallen. Framed cells "
    "have changed (q ≤ 0.05); hatched ones are undetermined.",
    "forest": "Each row is a language: how much its number has changed, with the 95% interval. Filled points are "
    "findings: coloured ones have changed, black ones are the same within the margin, which the grey band shows. "
    "Hollow ones are undetermined, wherever they stand.",
}
"""How each kind of figure is read."""

SETTINGS: dict[str, str] = _glossary.SETTINGS | {
    "compared": "The kind of the two runs.",
    "before": "The first run.",
    "after": "The second run.",
    "confidence": "Of the intervals.",
    "alpha": "The level that q-values are held against.",
    "margins": "A difference surely within ± this counts as none, quantity by quantity.",
    "differences": "Settings that are others in the two runs and do not forbid comparing them: before, after.",
}
"""What each setting is."""
