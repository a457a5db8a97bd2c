"""Batches of a causal LM, padded on either side, in the loop that one would write."""

from __future__ import annotations

from itertools import combinations_with_replacement, permutations
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.footguns._text import cosine, flat_gradient, gnome, smollm2_135m

_LANGUAGES = ("en", "ko", "ru")
_LAYERS = ("model.layers.0.", "model.layers.10.", "model.layers.20.")
_BATCHES, _ROWS, _TOKENS = 3, 6, 40


def padding() -> pd.DataFrame:
    """SmolLM2, three of its layers: batches of six texts of up to 40 tokens, padded right and left."""
    return pd.DataFrame([_row(begun, left) for begun in (False, True) for left in (False, True)])


def _row(begun: bool, left: bool) -> dict[str, object]:
    network = smollm2_135m().model
    names = [name for name, _ in network.named_parameters() if name.startswith(_LAYERS)]
    vectors, losses = {}, {}
    for language in _LANGUAGES:
        batches = [_batch(language, number, begun, left) for number in range(_BATCHES)]
        found = [_loss(network, *batch) for batch in batches]
        losses[language] = np.mean([float(loss.detach()) for loss in found])
        vectors[language] = [flat_gradient(network, names, loss) for loss in found]
    row: dict[str, object] = {
        "padding": "left, `labels = input_ids`" if left else "right",
        "texts begin with": "a token of their own" if begun else "their first word",
        "loss of en": f"{losses['en']:.2f}",
    }
    for a, b in combinations_with_replacement(_LANGUAGES, 2):
        each = [cosine(vectors[a][i], vectors[b][j]) for i, j in permutations(range(_BATCHES), 2)]
        row["·".join((a, b)) if a != b else f"{a} with itself"] = f"{np.mean(each):.2f}"
    return row


def _batch(language: str, number: int, begun: bool, left: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask."""
    tokenizer = smollm2_135m().tokenizer
    documents = [d.text for d in gnome(*_LANGUAGES).documents[language] if 60 <= len(d.text.encode()) <= 400]
    rows = []
    for text in documents[number * _ROWS : (number + 1) * _ROWS]:
        ids = tokenizer(text, add_special_tokens=False).input_ids[:_TOKENS]
        rows.append([tokenizer.bos_token_id] * begun + ids)
    longest = max(map(len, rows))
    empty = [[0] * (longest - len(row)) for row in rows]
    ids = [[*pad, *row] if left else [*row, *pad] for pad, row in zip(empty, rows, strict=True)]
    mask = [[*pad, *[1] * len(row)] if left else [*[1] * len(row), *pad] for pad, row in zip(empty, rows, strict=True)]
    return torch.tensor(ids), torch.tensor(mask)


def _loss(network: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The model's own loss, nothing predicted where there is padding."""
    loss: torch.Tensor = network(input_ids=ids, attention_mask=mask, labels=ids.masked_fill(mask == 0, -100)).loss
    return loss
