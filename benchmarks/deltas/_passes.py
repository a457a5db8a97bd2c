"""Masked-LM quality in P passes against one token at a time: how far it is, and how much faster."""

from __future__ import annotations

import copy
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from interfere import Checkpoint, EvaluationSettings, bundled_checkpoint, bundled_corpus, checkpoint_from_model
from interfere.corpus import Document
from interfere.evaluation import draw_documents, evaluate

PASSES = (2, 4, 7, 15, 30, None)


@dataclass(frozen=True)
class Passes:
    """What P passes give.

    Args:
        passes: P; None: one token at a time.
        bits: bits per byte of the model, the mean over languages.
        off: root mean square over languages of its distance from one at a time.
        delta_off: the same of the relative difference between the two models.
        seconds: for the first model.
        tokens: mean tokens of a document, T.
    """

    passes: int | None
    bits: float
    off: float
    delta_off: float
    seconds: float
    tokens: float


def worse_model(share: float = 0.1) -> Checkpoint:
    """The bundled model with noise on its weights, a stand-in for a model that knows less."""
    plain = bundled_checkpoint()
    model = copy.deepcopy(plain.model)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter += share * parameter.std() * torch.randn(parameter.shape, generator=random)
    return checkpoint_from_model(model, plain.tokenizer, id="with noise")


def plain_loop(checkpoint: Checkpoint, drawn: Mapping[str, Sequence[Document]], rows: int = 32) -> tuple[float, float]:
    """One token at a time as one would write it: a row for each token, all logits of each.

    Args:
        checkpoint: the model.
        drawn: language → what is read; texts that fit the model.
        rows: of a batch, in the order of the text.

    Returns:
        Bits per byte, the mean over languages; seconds.
    """
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    found = []
    began = time.perf_counter()
    for documents in drawn.values():
        bits = size = 0.0
        for document in documents:
            ids = tokenizer(document.text, return_tensors="pt")["input_ids"][0]
            places = [i for i, token in enumerate(ids.tolist()) if token not in tokenizer.all_special_ids]
            for first in range(0, len(places), rows):
                index = torch.tensor(places[first : first + rows])
                row = torch.arange(len(index))
                masked = ids.repeat(len(index), 1)
                masked[row, index] = tokenizer.mask_token_id
                with torch.no_grad():
                    logits = model(input_ids=masked).logits[row, index]
                bits -= float(logits.log_softmax(1)[row, ids[index]].sum()) / math.log(2)
            size += len(document.text.encode())
        found.append(bits / size)
    return float(np.mean(found)), time.perf_counter() - began


def compare_passes(documents: int) -> tuple[list[Passes], tuple[float, float]]:
    """Every P on the same documents, the one-at-a-time run last; and bits per byte and seconds of the plain loop."""
    corpus = bundled_corpus()
    rows = []
    found = {}
    for passes in PASSES:
        settings = EvaluationSettings(documents=documents, mask_passes=passes)
        drawn = draw_documents(corpus, documents, settings.seed)
        values = []
        for checkpoint in (bundled_checkpoint(), worse_model()):
            with tempfile.TemporaryDirectory() as folder:
                began = time.perf_counter()
                quality = evaluate(checkpoint, corpus, drawn, settings, Path(folder)).quality
                seconds = time.perf_counter() - began
            values.append((np.array([q.bits.sum() / q.bytes.sum() for q in quality.values()]), seconds))
        tokens = float(np.mean([q.tokens.mean() for q in quality.values()]))
        found[passes] = (values[0][0], values[1][0] / values[0][0] - 1, values[0][1], tokens)
    exact, exact_delta, *_ = found[None]
    for passes, (bits, delta, seconds, tokens) in found.items():
        off = float(np.sqrt(((bits - exact) ** 2).mean()))
        delta_off = float(np.sqrt(((delta - exact_delta) ** 2).mean()))
        rows.append(Passes(passes, float(bits.mean()), off, delta_off, seconds, tokens))
    return rows, plain_loop(bundled_checkpoint(), draw_documents(corpus, documents, EvaluationSettings().seed))


def passes_table(rows: list[Passes], loop: tuple[float, float]) -> str:
    """Markdown."""
    last = rows[-1]
    lines = [
        "| passes | bits per byte | off by (rms) | relative Δ off by (rms) | time | T/P × 0.8 | times as fast as the "
        "plain loop | as `all` |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        bound = "" if row.passes is None else f"{0.8 * row.tokens / row.passes:.1f}"
        lines.append(
            f"| {row.passes or 'all'} | {row.bits:.3f} | {row.off:.3f} | {100 * row.delta_off:.1f} points | "
            f"{row.seconds:.1f} s | {bound} | {loop[1] / row.seconds:.1f} | {last.seconds / row.seconds:.1f} |"
        )
    lines.append(f"| plain loop | {loop[0]:.3f} | | | {loop[1]:.1f} s | | 1.0 | |")
    return "\n".join(lines)
