"""What each number of a deltas report means, in words."""

from __future__ import annotations

from interfere.report import _glossary
from interfere.report._glossary import Term

BRIEF = (
    "Δ: bits per byte of the multilingual model less those of the monolingual one on the same held-out documents; "
    "above 0 the multilingual model is worse.",
    "Two given checkpoints differ in more than in the languages that they share; undetermined is no finding.",
)
"""How differences are to be read, in brief."""

CONTEXT = (
    "A multilingual model that is worse than a monolingual one on the same text is a model to be looked into, and not "
    "yet a case of interference: two given checkpoints were trained on other data, at another size, for another time "
    "and from another seed. Only models that are matched in all of this but the languages that they share tell what "
    "sharing does.",
    "Bits per byte say how well a model predicts text, and not how well it does a task. They are comparable between "
    "models of one objective on the same text of one language, whatever their tokenizers, and not between languages: "
    "a letter takes one byte in some scripts and three in others.",
    "Intervals hold for documents like these and for these checkpoints. Another training run of the same recipe gives "
    "other numbers, and nothing here says how far off.",
)
"""How differences are to be read, in paragraphs."""

DELTAS: tuple[Term, ...] = (
    (
        ("bits per byte", "multilingual", "monolingual"),
        "The bits (base 2 logarithms) that a model needs for the tokens it predicts, over the UTF-8 bytes of text that "
        "those tokens cover; all bits over all bytes of a language, so that long documents count for more. Fewer is "
        "better. Dividing by bytes makes models with different tokenizers comparable. Where several monolingual models "
        "of a language are given, it is compared with that of the most text.",
    ),
    (
        ("Δ",),
        "Bits per byte of the multilingual model less those of the monolingual one, on the same documents. Above 0 "
        "the multilingual model is worse.",
    ),
    (
        ("relative",),
        "Δ over the bits per byte of the monolingual model: +5% means that the multilingual model needs 5% more bits "
        "for the same text.",
    ),
    (
        ("95% interval",),
        "The range of values that agree with the documents at hand. Both models read the same documents, so what is "
        "hard for both does not widen it. Documents of one source count as one. It is a t interval of a ratio, that "
        "of relative on the logarithm of the two models' ratio; there is none with fewer than 8 independent documents. "
        "Each interval holds by itself, not all of them together.",
    ),
    (
        ("p", "q"),
        "p: how often documents alone would give a Δ this far from 0 if it were 0. q: the same after allowing for the "
        "number of languages of that multilingual model (Benjamini–Hochberg). Of all rows with q ≤ 0.05, at most about "
        "one in twenty is expected to be false. Other multilingual models of a run are not allowed for.",
    ),
    (
        ("verdict", "worse", "better", "undetermined"),
        "Worse: Δ above 0 with q ≤ 0.05. Better: Δ below 0 with q ≤ 0.05. Undetermined: neither could be shown, for "
        "the reason given; such a row does not say that the models are equally good.",
    ),
    (
        ("why undetermined",),
        "The reason for which nothing is said of a language; empty where it has another verdict. Where both models "
        "give every document the same bits they are the same model.",
    ),
)
"""The table of differences."""

QUALITY: tuple[Term, ...] = (
    (
        ("language", "model", "role"),
        "As the text was named; what the model is called in this run; and whether it is one of the multilingual or of "
        "the monolingual ones.",
    ),
    (
        ("bits per token", "bytes per token"),
        "Bits over predicted tokens, which depend on how finely the tokenizer cuts and so compare nothing but models "
        "of one tokenizer; and how many bytes of text a token covers.",
    ),
    (
        ("windows",),
        "Pieces in which documents were read. A document longer than the model's input is read in windows that overlap "
        "(--max-length, --stride), and every token is predicted once, in the window where it has more text before it "
        "(masked LM: around it).",
    ),
    (
        ("masked passes",),
        "A masked LM predicts every token exactly once over several passes (--mask-passes), in each of which another "
        "part of a window is masked. More passes leave more text beside a token; one token at a time is the limit, and "
        "fewer passes give higher bits for all models.",
    ),
    (
        ("whole word",),
        "All tokens of a word are masked together (--whole-word), so that no piece of a word tells the rest of it. It "
        "makes masked LMs with different tokenizers comparable, which are refused without it.",
    ),
    (
        ("unknown tokens", "lost bytes", "lost"),
        "Text that a tokenizer does not keep: pieces that become its token for the unknown, and bytes that are gone "
        "after tokenizing (unknown characters, normalisation), as a number and as a share of the text. A model is not "
        "asked to predict what its tokenizer does not see, which flatters it.",
    ),
)
"""The table of quality."""

MODELS: tuple[Term, ...] = (
    (("checkpoint", "objective", "parameters"), "The folder or hub name; the loss; and how many weights it has."),
    (("vocabulary",), "Tokens of its tokenizer."),
    (("training text",), "Bytes of text that a monolingual model was trained on, as they were given."),
    (("weights",), "The beginning of a fingerprint of the weights (SHA-256): the same model gives the same one."),
)
"""The table of models."""

WORTH: tuple[Term, ...] = (
    (
        ("worth", "interval of worth"),
        "The bytes of monolingual training text whose model would have the multilingual model's bits per byte (after "
        "Chang et al. 2023). Between the monolingual models that there are, bits per byte are made to fall with text "
        "and taken to change in proportion to its logarithm. The interval is the middle 95% of resampled documents; it "
        "knows nothing of how training runs differ.",
    ),
    (
        ("least", "most"),
        "The text of the smallest and of the largest monolingual model of the language. A multilingual model that is "
        "worse than the one is worth less than the least; one that is better than the other, more than the most: how "
        "much less or more is not known.",
    ),
)
"""The table of what models are worth."""

TEXT: tuple[Term, ...] = (
    (("tokens",), "Predicted tokens of the model, not all that were read."),
    (
        ("documents",),
        "Documents with a token that is predicted; in the table of the text, those that were drawn, of how many given.",
    ),
    *_glossary.text_terms(),
)
"""The columns of the table of the text."""

READING: dict[str, str] = {
    "deltas": "Each row is a language, the worst first. A point right of 0 means that the multilingual model needs "
    "more bits for the same text than the monolingual one, a point left of 0 fewer; the line is its 95% interval. Only "
    "filled points are findings; hollow ones are undetermined, wherever they stand.",
    "curve": "From left to right the multilingual models in the order in which they were given; up is worse. Where the "
    "intervals of two models overlap, nothing is said of a rise or a fall between them.",
    "worth": "Each panel is a language: diamonds are monolingual models of more and more text, level lines are the "
    "multilingual models. Where a level meets the line of the monolingual models, that much text of the language alone "
    "would have done.",
    "quality": "Each row is a language; the further left, the better the model predicts it. Compare the marks of one "
    "row: between rows, scripts and texts differ.",
}
"""How each kind of figure is read."""

SETTINGS: dict[str, str] = _glossary.SETTINGS | {
    "documents": "held-out documents of each language, drawn by the seed; – for all",
    "max_length": "tokens of a window",
    "stride": "new tokens of every window after the first one; – for half of the window",
    "mask_passes": "passes over which every token is masked once (masked LM); – for one token at a time",
    "whole_word": "whether all tokens of a word are masked together",
    "seed": "of the documents that are drawn, and of masks",
}
"""What the settings of a result are: those of `EvaluationSettings` and what a run adds to them."""
