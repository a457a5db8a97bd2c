"""What each number of an importance report means, in words."""

from __future__ import annotations

from interfere.report import _glossary
from interfere.report._glossary import Term

BRIEF = (
    "Units are picked for a language on one half of its text and judged on the other; own units are those that it uses "
    "more than every other language does, beside the number that chance would give.",
    "Specificity: by how many nats more a language's loss rises than the others' mean when the units picked for it are "
    "removed.",
)
"""How own units and specificity are to be read, in brief."""

CONTEXT = (
    "A score says how much the model uses a unit for a language, and not yet that the language needs it: another unit "
    "may do the same work. Removing units is the proof. A language's own units matter to it where its loss rises, the "
    "losses of the others do not, and as many random units do neither.",
    "Whatever is picked is judged on text that did not pick it. The slots of each language's text are halved; units "
    "are picked on half a and judged on half b, and two languages are compared across the halves, so that a language's "
    "own other half says how alike scores can be at all on so much text.",
    "Scores of different methods measure different things, and so do scores of different kinds of units. Compare "
    "languages within one method and one kind. Scores are shares of their layer before languages are compared, so that "
    "a language with a higher loss does not win everywhere; those of activation and gates are probabilities and are "
    "compared as they are.",
)
"""How scores are to be read, in paragraphs."""

METHODS: tuple[Term, ...] = (
    (
        ("taylor",),
        "The mean over documents of |dL/dz|, where L is the document's loss and z = 1 scales what a unit gives to the "
        "layer that reads it: how fast the loss changes as the unit is faded out (Michel, Levy and Neubig 2019). For a "
        "tensor, z scales its weights (Molchanov et al. 2019).",
    ),
    (
        ("fisher",),
        "The mean over documents of the squared gradient, summed over a unit's weights: the diagonal of the empirical "
        "Fisher information (Kirkpatrick et al. 2017). It counts how much a language pulls at the weights, which is "
        "not how much it uses a unit: on heads that are known to serve one language it misses some.",
    ),
    (
        ("activation",),
        "The share of tokens for which a neuron is positive (Tang et al. 2024). It has no say on heads, and none on "
        "what the neuron is good for. Gated and GELU neurons may be positive and give nothing: there many units may be "
        "called a language's own that it does not need.",
    ),
    (
        ("gates",),
        "The probability that a unit's trained gate stays open: gates are trained over frozen weights to shut what a "
        "language's loss does not need (Louizos, Welling and Kingma 2018; Wang, Lipton and Tsvetkov 2020).",
    ),
)
"""The methods of scoring."""

UNITS: tuple[Term, ...] = (
    (
        ("layer", "unit", "neuron", "head", "key-value group", "block"),
        "A neuron is one hidden dimension of a feed-forward layer. A head is one attention head; a key-value group is "
        "the heads that share keys and values. A block is a whole attention or feed-forward (mlp) part of a layer. "
        "Units are numbered from 0 within their layer.",
    ),
    (
        ("half a", "half b"),
        "The slots of text with even and with odd numbers. No document is in both.",
    ),
    (
        ("language", "method", "kind"),
        "As the text was named; how units were scored; and which units a row is about.",
    ),
)
"""What is scored, on what."""

OWN: tuple[Term, ...] = (
    (
        ("own unit", "picked", "own"),
        "Picked: the top share (--top) of each layer's units of one kind by the margin of a language's score over the "
        "highest of all other languages, on half a. Own: those of them that stand above every other language on half b "
        "too, with q ≤ 0.05 by the worst of one-sided t tests against each other language (Berger 1982).",
    ),
    (
        ("own by chance",),
        "How many of the units called own are expected to be called so without being it: 5% of them at most.",
    ),
    (
        ("picked again", "again by chance"),
        "How many of the picked units half b picks too, by itself; and how many it would by picking at random.",
    ),
    (
        ("score a", "others a", "score b", "others b"),
        "A unit's score in the language, and the highest among the other languages, on half a and on half b: a share "
        "of its layer (a probability by activation and gates).",
    ),
    (
        ("core",),
        "The top share of each layer's units by their lowest score in any language, on half a: what every language "
        "uses.",
    ),
    (
        ("p", "q"),
        "p: how often chance alone would give so much if there were nothing. q: the same after allowing for the number "
        "of rows that were tested (Benjamini–Hochberg). Of all rows with q ≤ 0.05, at most about one in twenty is "
        "expected to be false.",
    ),
)
"""The tables of own units."""

REMOVED: tuple[Term, ...] = (
    (
        ("mean ablation", "removed"),
        "Mean ablation: what a removed unit gives is replaced by its mean over tokens of half a, each language with "
        "the same weight, and not by zero (--ablation zero), which no other part of the model expects. Removed are all "
        "heads and neurons that were picked for the language by the first method.",
    ),
    (
        ("damage",),
        "By how much a language's loss on half b rises when units are removed, in nats per prediction. Below 0 the "
        "loss falls.",
    ),
    (
        ("beyond random", "random"),
        "Damage less what as many random units of the same layers do, the mean over several draws (--draws). It tells "
        "what these units matter from what any such gap in the model costs.",
    ),
    (
        ("specificity", "own damage", "others' damage", "95% interval"),
        "Own damage: what removing a language's units costs itself, beyond random units. Others' damage: what it costs "
        "the other languages, their mean. Specificity: the difference. The interval is a t interval over the slots of "
        "half b and holds by itself, not all of them together, and for the units that were picked: another seed "
        "picks others.",
    ),
    (
        ("verdict", "specific", "not shown", "undetermined"),
        "Specific: own damage and specificity both above 0 with q ≤ 0.05, by one-sided tests, of which the larger p "
        "counts; they may say yes where the interval, which has two sides, just includes 0. Not shown: tested, and one "
        "of the two not above 0 for sure. Undetermined: could not be tested.",
    ),
)
"""The tables of removal."""

SHARED: tuple[Term, ...] = (
    (
        ("share", "mean share", "least", "most", "difference"),
        "How much of a language's importance lies in a layer: its score, as a part of the sum over layers; of blocks, "
        "over the attention and feed-forward blocks of all layers. Mean over languages, the lowest and the highest "
        "language with its interval, found by leaving out one slot at a time, and the difference of the two.",
    ),
    (
        ("units",),
        "How many there are in the layer.",
    ),
    (
        ("pair", "rank overlap", "cosine"),
        "How alike two languages score the units of a layer, one on half a and the other on half b, the mean of both "
        "ways and over layers. Rank overlap is Spearman's correlation of the scores; cosine is that of the scores "
        "themselves, which a few large ones decide. The interval of the rank overlap leaves out one slot at a time in "
        "each layer; that of the mean over layers is given as the mean of the layers', which is rather too wide than "
        "too narrow.",
    ),
    (
        ("top overlap",),
        "The units that are in the top share (--top) of both languages, as a share of those in the top of either.",
    ),
    (
        ("ceiling", "of the ceiling", "top ceiling", "cosine ceiling"),
        "What a language's scores on half a have in common with its own on half b, the mean of the two languages: no "
        "overlap can be expected above it on so much text. Of the ceiling: overlap divided by ceiling.",
    ),
    (
        ("keep probability", "prune confidence", "halves differ by"),
        "Keep probability: how likely a gate is open, the mean over units, halves and sparsities. Prune confidence: "
        "the mean over units of |2 · keep − 1|, 1 where every gate is surely open or surely shut. Halves differ by: "
        "the mean over languages of the difference between the gates of half a and of half b.",
    ),
)
"""The tables of layers, overlaps and gates."""

TEXT: tuple[Term, ...] = (
    (("tokens",), "Predicted tokens, or labels: those that the loss was taken over, not all that were read."),
    (("documents",), "Documents that were read, of how many given; the others were not needed."),
    *_glossary.text_terms(),
)
"""The columns of the table of the text."""

READING: dict[str, str] = {
    "profile": "Each row is a language and each column a layer. Bright squares hold much of what the model uses for "
    "the language. Read down a column to see for which languages a layer matters more than for others; languages "
    "that rank units alike stand next to each other.",
    "overlap": "Each square compares two languages, one on each half of the text: bright where the same units score "
    "high in both. The grey diagonal compares a language with its own other half, which is as alike as scores can be "
    "on so much text. What is pale and hatched cannot be told from that ceiling.",
    "ablation": "Read from the row to the column: the row's units were removed, and the square says by how much the "
    "column's loss rose (red) or fell (blue). Units of a language's own show as a red diagonal with a pale rest; red "
    "off the diagonal is damage to others. Pale and hatched squares, as one half of the colour bar, are not surely "
    "unlike what random units do, whatever their number. Colours go with the root of the damage.",
    "gates": "Each row is a language and each column a layer. The longer a bar, the more of the layer's units the "
    "language's gates keep; how far the two lines lie apart is how far the halves of its text disagree. The dot is the "
    "prune confidence, on the same scale.",
}
"""How each kind of figure is read."""

SETTINGS: dict[str, str] = _glossary.SETTINGS | {
    "methods": "how units are scored; the first picks the units that are removed",
    "top": "share of a layer's units of one kind that is its top: in overlaps, and for what is picked",
    "ablate": "whether each language's units were removed",
    "ablation": "what takes a removed unit's place: its mean, or zero",
    "draws": "sets of random units that removal is compared with",
    "gate_steps": "steps of training a language's gates",
    "gate_sparsity": "what an open gate costs in training, in nats for all gates of a kind",
    "gate_rate": "learning rate of the gates",
    "seed": "of the deal into slots, of masks, of random units, and of gates",
    "scoring": "how the gradients of single documents were found: batched, or one by one; changes speed, not results",
    "scoring_reason": "why documents were scored one by one",
}
"""What the settings of a result are: those of `ImportanceSettings` and what a run adds to them."""
