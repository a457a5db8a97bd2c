"""What each number of an experiment's report means, in words."""

from __future__ import annotations

from interfere.report import _glossary
from interfere.report._glossary import Term

BRIEF = (
    "Relative: by how much more bits per byte a language needs where a model is shared than in a matched model of its "
    "own; above 0 is interference, below 0 transfer, where surely so.",
    "The models are matched in their first weights and in the language's batches, so the difference is the sharing "
    "alone; it holds for models of this size and training.",
)
"""How an experiment is to be read, in brief."""

CONTEXT = (
    "Models of one width, share of text and seed are matched: they begin with the same weights, and each language sees "
    "the same batches in the same order, whatever else is trained beside it. What differs between a mixture and the "
    "monolingual model is the sharing alone, so a difference beyond seeds and documents is interference or transfer.",
    "Two controls tell whether the design can be trusted. With the other half of its own text a language must gain "
    "(transfer). With a clone, a copy of itself that shares no token, it has nothing to gain and can only compete for "
    "capacity: interference where capacity is short, nothing where it is ample.",
    "The numbers hold for these texts, this design and models of this size. They say which languages compete in small "
    "models trained for short, not what a large model does.",
)
"""How an experiment is to be read, in paragraphs."""

DELTAS: tuple[Term, ...] = (
    (
        ("kind", "mixture", "with"),
        "Which languages were trained together: half (a language and the other half of its own text), clone (a "
        "language and a copy of itself whose every id is shifted), pair, triple, all; and who the language's partners "
        "are.",
    ),
    (
        ("language",),
        "The language whose held-out text is scored. A comparison is a language in a mixture at one width and share of "
        "text.",
    ),
    (("width", "text"), "The model's hidden size, and the share of the training text that was used."),
    (
        ("Δ",),
        "Bits per byte of the mixture's model minus those of the matched monolingual model on the same held-out "
        "documents, the mean over seeds. Above 0 sharing hurts.",
    ),
    (
        ("relative",),
        "exp(the mean over seeds of log(b/m)) − 1, with b the bits per byte of the mixture and m those of the "
        "monolingual model: +5% means 5% more bits for the same text.",
    ),
    (
        ("95% interval",),
        "Over seeds and documents, which are crossed: every seed reads every document. With S seeds, N independent "
        "documents and the mean squares MS of that table, half its width squared is (t(S−1)²·MS(seeds) + "
        "t(N−1)²·max(MS(documents) − MS(rest), 0)) / (S·N), t being quantiles of Student's distribution; that of "
        "relative is formed on the logarithm. Few seeds make it wide. Each interval holds by itself, not all of them "
        "together.",
    ),
    (
        ("p", "q"),
        "p: how often seeds and documents alone would give a relative difference this far from 0 if it were 0. q: the "
        "same after allowing for the number of rows of the table (Benjamini–Hochberg). Of all rows with q ≤ 0.05, at "
        "most about one in twenty is expected to be false.",
    ),
    (
        ("verdict", "interference", "transfer", "undetermined"),
        "Interference: Δ above 0 with q ≤ 0.05. Transfer: Δ below 0 with q ≤ 0.05. Undetermined: neither could be "
        "shown; such a row does not say that sharing costs nothing.",
    ),
    (("seeds", "documents"), "With how many seeds both models were trained, and held-out documents that were scored."),
    (("why undetermined",), "The reason for which nothing is said; empty where there is a verdict."),
)
"""The table of differences."""

SCOUT: tuple[Term, ...] = (
    (
        ("predicted", "interval of predicted"),
        "The relative difference at full length: a straight line through log(b/m) of all seeds and lengths over the "
        "logarithm of the updates, extended. The interval is that of a prediction for the mean of as many new seeds, "
        "from the residuals of all short runs, and covers two assumptions: that the line goes on straight, and that "
        "the difference stays as the longest runs have it.",
    ),
    (("at updates", "short runs"), "The full length that is predicted for, and the lengths that were run."),
    (("per tenfold",), "By how much log(b/m) changes with each tenfold of the training."),
)
"""The table of what short runs predict."""

PREDICTIONS: tuple[Term, ...] = (
    (
        ("predictor",),
        "Conflict: the corrected cosine between the gradients of both languages, over the body of the pair's model. "
        "Transfer of gradients: how far a step along the partner's gradient helps the language, in units of its own "
        "step. Byte 3-gram overlap: Σ min(p, q) over the 3-grams of both training texts, a baseline that needs no "
        "training. Early delta: the relative difference itself. All were fixed before any experiment was run, and are "
        "read at the kept checkpoint nearest to 10% of the training.",
    ),
    (
        ("rank correlation", "interval of correlation"),
        "Spearman's correlation with the final relative difference over directions of pairs; the interval is the "
        "middle 95% of resampled pairs, both directions of a pair together. Below 5 pairs there is none.",
    ),
    (
        ("within",),
        "Share of pairs of which the direction that loses more is told right; half is chance. Conflict and overlap are "
        "one number a pair and tell no direction.",
    ),
    (
        ("says", "predicts", "does not predict", "contrary", "not judged"),
        "Predicts: the interval is clear of 0 on the side that was expected, below 0 for conflict, transfer and "
        "overlap (the more alike, the less harm) and above 0 for the early delta. Contrary: clear of 0 on the other "
        "side. Does not predict: the interval holds 0. Not judged: too few pairs.",
    ),
    (("pairs", "directions"), "Pairs of languages, and directions of them that have both numbers."),
)
"""The table of predictions."""

PREDICTORS: tuple[Term, ...] = (
    (("direction",), "The language that pays ← the partner that it was trained with."),
    (
        ("conflict", "transfer of gradients", "byte 3-gram overlap", "early delta", "final"),
        "The predictors as above, and the relative difference at the end.",
    ),
)
"""The table of predictors."""

CONFLICT: tuple[Term, ...] = (
    (("members",), "Two languages of a mixture whose gradients were compared, on training text."),
    (("share of training",), "When, as a share of all updates."),
    (
        ("corrected cosine", "raw cosine", "ceiling"),
        "The cosine of the gradients of both languages, raw and with the noise of limited text taken out. The ceiling "
        "√(ρ(a)·ρ(b)), from the self-similarities ρ, is what the raw cosine of two equal languages would be.",
    ),
    (
        ("interval of cosine",),
        "Of the corrected cosine, over seeds (Student's t); of a single seed over its text.",
    ),
)
"""The table of conflict."""

MODELS: tuple[Term, ...] = (
    (("models", "parameters", "updates"), "How many were trained, one a seed; their weights; and updates in all."),
    (("minutes each", "training loss"), "Mean wall time of a training, and the mean of the last losses in nats."),
    (("bits per byte",), "Of the models' own languages at the end, mean over seeds: from the lowest to the highest."),
)
"""The table of models."""

TEXT: tuple[Term, ...] = (
    (("documents",), "Held-out documents that were scored, of how many given; none was trained on."),
    *_glossary.text_terms(),
)
"""The columns of the table of the text."""

READING: dict[str, str] = {
    "matrix": "Each row is a language that pays, each column the partner that it was trained with. Red cells cost it "
    "bits, blue ones save them. Only framed cells are findings; hatched ones are undetermined. A pair is in two cells, "
    "which need not be alike.",
    "forest": "Each row is a language in a mixture, the worst of its kind first. A point right of 0 means that it "
    "needs more bits than alone; the line is the 95% interval over seeds and documents. Only filled points are "
    "findings.",
    "curves": "From left to right the training, on a logarithmic scale. A line that dips below 0 at the start and "
    "comes back is a plateau that the mixture left earlier, not lasting transfer.",
    "conflict": "Each panel is two languages of a mixture. The red line is the corrected cosine with its band: below "
    "0 the gradients oppose each other. The black line is the raw cosine, which is above the dashed ceiling by chance "
    "alone.",
    "predict": "If a predictor knew the harm, its points would stand on a rising or falling line. The title has the "
    "rank correlation with its interval; where that holds 0, nothing was predicted here.",
    "capacity": "From left to right wider models. What falls towards 0 was competition for capacity; what stays has "
    "other reasons.",
    "amount": "From left to right more training text, at the same number of updates.",
    "scout": "Solid lines are short runs, each a training of its own; dotted ones go on to the full length. The "
    "interval at the end holds for the mean of new full runs if the line goes on straight.",
}
"""How each kind of figure is read."""

SETTINGS: dict[str, str] = _glossary.SETTINGS | {
    "mixtures": "which models are trained",
    "pairs": "the pairs among the mixtures; – for all",
    "architecture": "decoder (causal LM) or encoder (masked LM)",
    "preset": "named architecture, or a config.json",
    "widths": "hidden sizes; none: the preset's own",
    "tokenizer": "bytes, or BPE trained on equally many bytes of every language",
    "vocabulary": "tokens of BPE",
    "context": "tokens of a training sequence",
    "batch_size": "sequences of each language in an update",
    "updates": "updates that each language takes part in",
    "learning_rate": "the highest of the schedule",
    "warmup": "share of updates in which the learning rate rises",
    "schedule": "how the learning rate falls",
    "weight_decay": "AdamW's, of matrices alone",
    "joint": "an update holds every language of the mixture; if not, one at a time",
    "signal": "how the model knows the language",
    "temperature": "of sampling by size of text; – for equal updates of all languages",
    "seeds": "how many times each model is trained",
    "text": "shares of the training text",
    "held_out": "share of documents that is never trained on",
    "checkpoints": "moments of a training that are kept",
    "documents": "held-out documents that are scored of each language, at most; – for all",
    "mask_passes": "passes over which an encoder's evaluation masks every token once",
    "conflict_chunks": "slots of the gradient analysis of each kept model; 0 for none",
    "conflict_tokens": "predicted tokens of a slot and language",
    "scout": "shares of the updates that short runs have; none: full runs",
    "mask_rate": "share of tokens that an encoder's training masks",
    "dropout": "of the preset",
    "threads": "of torch in each job",
    "seed": "the first of the seeds, and of which documents are held out",
    "device": "where models were trained",
}
"""What the settings of a result are: those of `ExperimentSettings`."""
