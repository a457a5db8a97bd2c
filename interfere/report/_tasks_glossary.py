"""What each number of a tasks report means, in words."""

from __future__ import annotations

from interfere.report._glossary import Term

BRIEF = (
    "Δ: score of the multilingual model less that of the monolingual one, both fine-tuned in the same language and "
    "tested on the same items; above 0 the multilingual model is better.",
    "Two given checkpoints differ in more than in the languages that they share; undetermined is no finding.",
)
"""How differences are to be read, in brief."""

CONTEXT = (
    "A multilingual model that is worse on a task than a monolingual one is a model to be looked into, and not yet a "
    "case of interference: two given checkpoints were trained on other data, at another size, for another time and "
    "from another seed. Only models that are matched in all of this but the languages that they share tell what "
    "sharing does.",
    "Within a language, both models are fine-tuned and tested on the same items of it, and a difference speaks of what "
    "they had learnt of the language before. Zero-shot, they are fine-tuned in one language and tested in another: a "
    "monolingual model has no reason to know that, so that a difference there is what transfer adds.",
    "Scores of two languages are comparable only where their items are translations of each other and their labels "
    "equally frequent; even then one may be harder than the other.",
)
"""How differences are to be read, in paragraphs."""

DELTAS: tuple[Term, ...] = (
    (
        ("fine-tuned in", "tested in"),
        "The language of the training items of the task, and that of its test items; one language within a language, "
        "two of them zero-shot.",
    ),
    (
        ("multilingual", "monolingual"),
        "The scores of the multilingual model and of the monolingual model of the language of fine-tuning, each the "
        "mean over fine-tunings.",
    ),
    (
        ("Δ",),
        "The score of the multilingual model less that of the monolingual one. Above 0 the multilingual model is "
        "better.",
    ),
    (
        ("95% interval",),
        "The range of values that agree with the fine-tunings and the test items at hand: another seed draws another "
        "head and another order of the data, another test set other items. Differences are paired by seed and by test "
        "item, so what is hard for both does not widen them. There is none with one seed. Each interval holds by "
        "itself, not all of them together.",
    ),
    (
        ("p", "q"),
        "p: how often seeds and test items alone would give a Δ this far from 0 if it were 0. q: the same after "
        "allowing for the number of all rows of the table task_deltas (Benjamini–Hochberg), within languages and "
        "zero-shot, of every multilingual model. Of all rows with q ≤ 0.05, at most about one in twenty is expected to "
        "be false.",
    ),
    (
        ("verdict", "better", "worse", "undetermined"),
        "Better: Δ above 0 with q ≤ 0.05. Worse: Δ below 0 with q ≤ 0.05. Undetermined: neither could be shown, for "
        "the reason given; such a row does not say that the models are equally good.",
    ),
    (("why undetermined",), "The reason for which nothing is said; empty where there is another verdict."),
)
"""The table of differences."""

SCORES: tuple[Term, ...] = (
    (
        ("accuracy", "span F1"),
        "The share of test items whose label is right, of text classification; of token classification the F1 of "
        "spans, which count as right where their words and their type are.",
    ),
    (("model", "role"), "What the model is called in this run, and whether it is multilingual or monolingual."),
    (
        ("seeds", "sd of seeds"),
        "How often the model was fine-tuned, and the standard deviation of the score over these.",
    ),
    (("items",), "Test items."),
    (
        ("majority baseline", "above baseline"),
        "The score of always giving the most frequent label of the training set, which for spans is 0; and whether the "
        "interval of the score lies above it. A score that does not was perhaps not learnt at all.",
    ),
)
"""The table of scores."""

UNITS: tuple[Term, ...] = (
    (("steps", "loss"), "Optimizer steps of a fine-tuning; mean training loss over them and over seeds, in nats."),
    (
        ("least", "most"),
        "Scores within the language of the worst and of the best fine-tuning. Where the least is far below, that seed "
        "failed to train.",
    ),
)
"""The table of fine-tunings."""

ITEMS: tuple[Term, ...] = (
    (("language",), "As the files were named."),
    (("read from", "split"), "The files, and how training and test items were told apart."),
    (("training items", "test items"), "What a model is fine-tuned on, and what it is tested on."),
    (
        ("not read",),
        "Skipped: left out, for the reason given. Retagged: spans that began with I- and were read as beginning with "
        "B-.",
    ),
    (
        ("SHA-256, training", "SHA-256, test"),
        "Fingerprints of the items: the same words and labels in the same order give the same ones.",
    ),
)
"""The columns of the table of labelled items."""

READING: dict[str, str] = {
    "scores": "Each row is the language of fine-tuning, each column that of the test; framed cells are within a "
    "language. Read down a column to see which source serves a language best: columns have their own test items and "
    "are not comparable with each other. Hatched cells are not surely above always giving the most frequent label.",
    "deltas": "Blue cells: the multilingual model scored higher than the monolingual model of the row's language; red "
    "cells: lower. Only framed cells are findings; hatched ones are undetermined, whatever their colour. Bold numbers "
    "are within a language, and they alone compare two models that both know the language.",
}
"""How each kind of figure is read."""

SETTINGS: dict[str, str] = {
    "task": "text-classification, scored by accuracy, or token-classification, scored by F1 of spans",
    "seeds": "how often each model was fine-tuned on each language; repetition r has the seed + r",
    "epochs": "passes over the training items",
    "learning_rate": "AdamW's, at its highest",
    "batch_size": "items of a training step; changes results",
    "max_length": "tokens at which an item is cut; – for what the model takes, at most 512",
    "seed": "of the first fine-tuning, and of what else is drawn",
    "warmup": "share of the steps in which the learning rate rises; it then falls to 0",
    "weight_decay": "AdamW's",
    "subword": "the token of a word that bears its label: the first or the last",
    "metric": "how answers are scored",
    "labels": "all labels of the task",
    "models": "what each model of this run was loaded from",
    "device": "what computed it",
}
"""What the settings of a result are: those of `TaskSettings` and what a run adds to them."""
