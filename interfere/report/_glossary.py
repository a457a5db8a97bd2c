"""What each number of a gradient report means, in words."""

from __future__ import annotations

from interfere.report._text import number

Term = tuple[tuple[str, ...], str]
"""The words that are explained, as they stand over columns, and the explanation."""

BRIEF = (
    "Corrected cosine: how alike the changes are that two languages ask of the weights, with the noise of limited text "
    "taken out: 1 for the same, 0 for unrelated, −1 for opposite ones.",
    "A conflict (below 0) says that a step for one language undoes part of the other's, and not how much quality that "
    "costs; undetermined is no finding either way.",
)
"""How pairs are to be read, in brief."""


def context(languages: int) -> list[str]:
    """When a cosine between gradients means something, in paragraphs.

    Args:
        languages: how many the result has.
    """
    return [
        "A cosine tells of languages only where the model leaves room for it. On text far from what the model was "
        "trained on, every language first asks for the same step towards that kind of text; all pairs then look "
        "aligned, and the common share is near 1. At the optimum of the training mixture the languages' gradients "
        "cancel each other, so that pairs are opposed whatever the languages are; the mixture residual is then near 0. "
        "Between these two, a cosine is evidence about the languages.",
        f"{languages} languages that have nothing in common would give {number(1 / max(languages, 1))} for both the "
        "common share and the mixture residual.",
        "Gradients are measured on limited text, so each is signal plus noise. Noise pulls raw cosines towards 0: even "
        "a language compared with itself gets its self-similarity and not 1. Read a raw cosine against that ceiling, "
        "or read the corrected cosine, from which the noise has been taken out.",
        "An angle between gradients is not yet harm. Whether sharing a model costs a language quality is a question "
        "for trained models; this page says where to look.",
    ]


def pair_terms(margin: float) -> list[Term]:
    """The columns of the table of pairs.

    Args:
        margin: half width of what counts as neutral.
    """
    return [
        (
            ("pair",),
            "Two languages. The first and the second, in the order shown, are a and b in what follows. dot(a, b) is "
            "the mean inner product of a gradient of a with a gradient of b, over chunks of text from different slots: "
            "they share no documents, so what is noise in one is not in the other.",
        ),
        (("raw",), "Raw cosine: the mean cosine of the gradients of single chunks, as papers usually plot it. Noise "
                   "makes it too small: it is about √(self-similarity of a × self-similarity of b) times the corrected "
                   "one."),
        (
            ("corrected",),
            "Corrected cosine: dot(a, b) / √(dot(a, a) · dot(b, b)), less the bias that a ratio of noisy numbers has. "
            "It estimates the cosine that unlimited text would give. 1: both languages ask for the same change of the "
            "weights; 0: for unrelated ones; −1: for opposite ones.",
        ),
        (
            ("95% interval",),
            "The range of values that agree with the text at hand, found by leaving out one slot of text at a time in "
            "all languages at once. Each interval holds by itself, not all of them together.",
        ),
        (
            ("p", "q"),
            "p: how often chance alone would give a dot(a, b) this far from 0 if it were 0. q: the same after allowing "
            "for the number of rows that were tested (Benjamini–Hochberg, over all pairs of one metric at one level: "
            "the whole scope, or its parts). Of all rows with q ≤ 0.05, at most about one in twenty is expected to be "
            "false. p is stricter than the interval, so near the edge the two may disagree.",
        ),
        (
            ("verdict", "conflict", "aligned", "neutral", "undetermined"),
            "Conflict: negative with q ≤ 0.05. Aligned: positive with q ≤ 0.05, however small. Neutral: the whole "
            f"interval lies within ±{margin:g}. Undetermined: none of these, or a language's signal is not surely "
            "above its noise; such a row says nothing either way, whatever its number. Over a column of counts, each "
            "word means that many pairs.",
        ),
        (
            ("transfer, first → second", "transfer, second → first"),
            "Transfer from a to b is dot(a, b) / dot(b, b): how far a step along the gradient of a helps b, where 1 is "
            "as much as b's own step and below 0 means that it hurts. It is not symmetric, since a language with a "
            "long gradient moves one with a short gradient more than the other way round.",
        ),
        (
            ("centred",),
            "Centred cosine: the corrected cosine after the mean gradient of all languages has been taken out, which "
            "shows who stands apart from whom when all share one direction. Languages that have nothing in common but "
            "that direction give −1/(L − 1), with L languages, and not 0.",
        ),
        (("why undetermined",), "The reason for which nothing is said of a pair; empty where it has another verdict."),
        (
            ("tokens to settle",),
            "About how many more predicted tokens of each language would settle the pair, if the estimates stayed as "
            "they are.",
        ),
    ]  # fmt: skip


def language_terms() -> list[Term]:
    """The columns of the table of languages."""
    return [
        (("language",), "As the text was named."),
        (
            ("self-similarity",),
            "dot(a, a) / mean squared length of the gradients of single chunks: the part of a chunk's gradient that is "
            "signal. It is the ceiling of raw cosines. It grows with the text of a chunk, so compare it only between "
            "runs with the same --tokens-per-chunk.",
        ),
        (
            ("norm",),
            "√dot(a, a): the length of the language's gradient without its noise. Unknown where no signal stands above "
            "the noise.",
        ),
        (("loss",), "The mean loss of a predicted token, or label, in nats. Tokenizers differ between "
                    "models, so compare it within one model only."),
        (("tokens",), "Predicted tokens (labels, where the objective is one of labels): those that the loss was "
                      "taken over, not all that were read."),
        (("documents",), "Documents that were read for the measurement. In the table of the text: of how many given; "
                         "the others were left for calibration or were not needed."),
    ]  # fmt: skip


def group_terms(noun: str) -> list[Term]:
    """The columns of the table of layers, modules or tensors.

    Args:
        noun: which of them they are.
    """
    return [
        (
            (noun,),
            "A part of the model whose gradients are compared by themselves; the first row is all of them at once.",
        ),
        (("parameters",), "How many weights it has."),
        (
            ("lowest determined pair",),
            "The lowest corrected cosine among the pairs that have a verdict other than undetermined, and whose it is.",
        ),
        (
            ("common share",),
            "The squared length of the mean of the languages' gradients, as a share of their mean squared length, "
            "without noise: how much of what the languages ask for is the same for all.",
        ),
        (
            ("mixture residual",),
            "The same ratio with each language weighted as in the training mixture (--mixture). Without a mixture all "
            "weights are equal and it is the common share.",
        ),
        (
            ("sketch error",),
            "Gradients that do not fit into memory are kept as random-sign sketches; this is the largest standard "
            "error that the sketch adds to a corrected cosine of that part. The intervals include it.",
        ),
    ]


def text_terms() -> list[Term]:
    """The columns of the table of the text."""
    return [
        (("read from",), "The file or dataset."),
        (("bytes",), "UTF-8 bytes of text that the predicted tokens cover."),
        (
            ("not read",),
            "Not needed: documents beyond what a chunk takes. Cut: read up to the longest input only. Skipped: left "
            "out, for the reason given.",
        ),
        (("SHA-256",), "A fingerprint of the language's documents: the same text gives the same one."),
    ]


def metric_terms() -> list[Term]:
    """What the metrics are."""
    return [
        (("euclidean",), "The plain inner product of gradients, in which a step of plain gradient descent is taken."),
        (("adam",), "The inner product with each weight scaled as Adam scales its step: by one over the root of its "
                    "mean squared gradient."),
        (("per-tensor",), "Every weight tensor counts the same, however long its gradient."),
    ]  # fmt: skip


def csv_terms() -> list[Term]:
    """Columns that only the CSV files have."""
    return [
        (("transfer_bytes_ab", "transfer_bytes_ba"), "Transfer per byte of text and not per token, so that it does not "
                                                     "depend on how finely the tokenizer cuts a language."),
        (("magnitude_similarity",), "2 · norm(a) · norm(b) / (norm(a)² + norm(b)²): 1 where both gradients are equally "
                                    "long."),
        (("norm_share",), "How much of the squared gradient of the whole scope a part or a tensor owns."),
    ]  # fmt: skip


READING: dict[str, str] = {
    "languages": "Each square is a pair of languages. Blue: they ask for similar changes of the model; red: for "
    "opposed ones; nearly white: for unrelated ones. Framed squares are conflicts. What is pale and hatched, as one "
    "half of the colour bar, is undetermined, whatever its number. The grey diagonal has the self-similarity of each "
    "language, the ceiling of raw cosines.",
    "layers": "Each row is a pair of languages and each column a part of the model in its order, after the whole, "
    "which stands apart on the left. Read along a row to see where in the model a pair agrees (blue) or is opposed "
    "(red, framed where beyond chance), and which parts are undetermined (pale and hatched, as one half of the colour "
    "bar). Rows are ordered by their mean, the most opposed first.",
    "strength": "Each row is a language and each column a part of the model. Long gradients (norm) pull hardest; where "
    "self-similarity is low, most of a chunk's gradient is noise; the share says where in the model a language's "
    "gradient lies.",
    "transfer": "Read from the row to the column: how far a step along the row's gradient helps the column's language. "
    "1 is as much as that language's own step, below 0 hurts it. The two halves differ, since a language with a long "
    "gradient moves one with a short gradient more than the other way round.",
    "experts": "Each row is a language and each column an expert that the router of a layer chooses from. Yellow: all "
    "chunks of the language gave it tokens; dark blue: few did; white: none. Two rows that "
    "look alike share their experts. A column that is yellow in one row and white in all others is an expert of that "
    "language in the text that was read. Languages are compared over an expert that four chunks of each have reached.",
}
"""How each kind of figure is read."""

SETTINGS: dict[str, str] = {
    "chunks": "slots that each language's documents are dealt into",
    "tokens_per_chunk": "a chunk takes whole documents up to this many predicted tokens, or labels, one at least",
    "mask_passes": "different masks or corruptions of every document",
    "max_length": "tokens at which a document is cut",
    "batch_size": "examples computed at once; changes speed, not results",
    "gradient_checkpointing": "whether layers were computed twice to save memory; changes no result",
    "shard": "whether the model was spread over processes",
    "scope": "body: the transformer without embeddings and head; all: with them; adapters: what adapters add, alone",
    "granularity": "the parts that are reported beside the whole; expert: each expert of a mixture, and modules around",
    "metrics": "the inner products; the first is the main one",
    "gram": "exact: whole gradients; sketch: random-sign sketches of them",
    "sketch_size": "numbers that a sketch keeps",
    "memory_budget": "bytes that gradients may take before they are sketched",
    "seed": "of the deal into slots, of masks, and of the sketch",
    "margin": "a corrected cosine surely within ± this is neutral",
    "mixture": "weights of the languages in training, for the mixture residual",
    "adam_state": "optimizer state that the Adam metric was scaled by",
    "adam_floor": "least second moment, as a share of its tensor's mean",
    "objective": "the loss",
    "dtype": "number format of the weights",
    "device": "what computed it",
    "loss_path": "fast: the head ran only where something is predicted, and agreed with the model's own loss and "
    "gradients on the longest and on the most padded text; plain: the model ran as a whole",
    "loss_path_reason": "why the loss path is plain",
    "alone_reason": "why documents were read one at a time",
    "source_language": "what is translated into each of the languages, where the objective is translation",
    "head": "saved: the head that the checkpoint has; train: one that it lacks, trained here before the measurement",
    "head_steps": "steps of training a head, where it was trained here",
    "head_learning_rate": "learning rate at the first of these steps",
    "alignment": "how documents of different languages were matched: by id, by line, or by content",
}
"""What the settings of a result are: those of `GradientSettings` and what a run adds to them."""
