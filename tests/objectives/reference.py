"""Losses and gradients computed by hand from raw text, one document at a time, without the project's own batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from interfere.checkpoint import Checkpoint, checkpoint_from_model
from interfere.corpus import Document
from interfere.objectives import IGNORE, Example
from tests.checkpoint.tables import UNSEEN
from tests.tiny import MODELS, TEXTS, tiny_model, tiny_tokenizer

TOLERANCE = 5e-6
"""Largest difference of two float32 gradients that are the same, relative to their norm. Seen: 1.1e-6."""

TENSOR_TOLERANCE = 2e-5
"""The same for each tensor, relative to its own norm and a thousandth of the whole. Seen: 3.9e-6."""

# M2M-100 is for translation, which needs two texts; mBART's decoder begins with the end of its labels, so that a row of
# a batch cannot be left out by labels alone.
KINDS = sorted({*MODELS, *UNSEEN} - {"mbart", "M2M100ForConditionalGeneration"})
"""Architectures with a loss to compare, those that the package names nowhere included."""


def documents() -> list[Document]:
    """Documents of very different lengths in several scripts, the shortest a single word."""
    texts = [TEXTS["en"][1], TEXTS["hi"][0], "Hund", TEXTS["zh"][2], TEXTS["ru"][1] + " " + TEXTS["ru"][0]]
    return [Document(text, line) for line, text in enumerate(texts, 1)]


def tiny_checkpoint(kind: str, *, tokenizer: Any = None, objective: str = "auto", **config: Any) -> Checkpoint:
    """A tiny model in memory with a tokenizer of its family."""
    tokenizer = tiny_tokenizer(MODELS[kind][1]) if tokenizer is None else tokenizer
    return checkpoint_from_model(tiny_model(kind, **config), tokenizer, id=kind, objective=objective)


def checkpoint_of(kind: str) -> Checkpoint:
    """A tiny model of one of `KINDS`."""
    if kind in MODELS:
        return tiny_checkpoint(kind)
    families = {
        "Xmod": "roberta",
        "MT5": "t5",
        "XLMWith": "bert",
        "ModernBert": "bert",
        "Electra": "bert",
        "Albert": "bert",
    }
    family = next((families[start] for start in families if kind.startswith(start)), "llama")
    return checkpoint_from_model(tiny_model(kind, **UNSEEN[kind][0]), tiny_tokenizer(family), id=kind)


def model_inputs(checkpoint: Checkpoint, example: Example) -> dict[str, torch.Tensor]:
    """What transformers' own forward takes for one document alone, made from its text.

    Only the choice of the masked positions is the example's.
    """
    ids = checkpoint.tokenizer(example.document.text)["input_ids"]
    if checkpoint.objective == "causal-lm":
        return {"input_ids": torch.tensor([ids]), "labels": torch.tensor([ids])}
    if checkpoint.objective == "masked-lm":
        masked = [position for position, label in enumerate(example.labels) if label != IGNORE]
        labels = [token if position in masked else IGNORE for position, token in enumerate(ids)]
        mask_id = checkpoint.tokenizer.mask_token_id
        inputs = [mask_id if position in masked else token for position, token in enumerate(ids)]
        told = {}
        if checkpoint.model.config.model_type == "xmod":
            languages = [name[:2] for name in checkpoint.model.config.languages]
            told = {"lang_ids": torch.tensor([languages.index(example.language)])}
        return {"input_ids": torch.tensor([inputs]), "labels": torch.tensor([labels]), **told}
    if checkpoint.objective == "text-infilling":
        assert ids == list(example.labels)
        assert fits(example.input_ids, ids, checkpoint.tokenizer.mask_token_id)
    else:
        # The text goes back together from what the encoder and the decoder see.
        assert ids == together(checkpoint, example)
    return {"input_ids": torch.tensor([example.input_ids]), "labels": torch.tensor([example.labels])}


def fits(hidden: Sequence[int], ids: Sequence[int], mask_id: int) -> bool:
    """Whether a text is another one in which each mask token stands for one token or several."""
    if not hidden or not ids:
        return not hidden and not ids
    if hidden[0] == mask_id:
        return any(fits(hidden[1:], ids[count:], mask_id) for count in range(1, len(ids) + 1))
    return hidden[0] == ids[0] and fits(hidden[1:], ids[1:], mask_id)


def together(checkpoint: Checkpoint, example: Example) -> list[int]:
    """The tokens of a corrupted text, put together from its input and its target by the sentinels."""
    names = {index: name for name, index in checkpoint.tokenizer.get_vocab().items()}
    spans: dict[int, list[int]] = {}
    span: list[int] = []
    for token in example.labels[:-1]:
        if names[token].startswith("<extra_id_"):
            span = spans.setdefault(token, [])
        else:
            span.append(token)
    return [each for token in example.input_ids for each in spans.get(token, [token])]


def reference(checkpoint: Checkpoint, example: Example) -> tuple[float, int, torch.Tensor]:
    """The loss, the predictions and the gradient of one document alone, with transformers' own loss."""
    inputs = model_inputs(checkpoint, example)
    labels = inputs["labels"]
    predictions = int((labels != IGNORE).sum()) - (1 if checkpoint.objective == "causal-lm" else 0)
    model = checkpoint.model
    model.zero_grad(set_to_none=True)
    loss = model(**inputs).loss * predictions
    loss.backward()
    return float(loss.detach()), predictions, flat_gradient(model)


def flat_gradient(model: Any) -> torch.Tensor:
    """All gradients of a model in one vector of float64, zero where there is none."""
    parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in model.parameters()]
    return torch.cat([part.reshape(-1).double() for part in parts])


def worst_tensor(model: Any, found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest relative distance of any tensor's gradient: a large tensor must not hide what is wrong in others."""
    sizes = [parameter.numel() for parameter in model.parameters()]
    floor = 1e-3 * expected.norm()
    pairs = zip(found.split(sizes), expected.split(sizes), strict=True)
    return max(float((ours - theirs).norm() / (theirs.norm() + floor)) for ours, theirs in pairs)


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The distance of two vectors, relative to the norm of the second."""
    return float((found - expected).norm() / expected.norm())
