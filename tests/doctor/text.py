"""Text and checkpoints to be examined."""

from __future__ import annotations

from typing import Any

from interfere import GradientSettings, checkpoint_from_model
from interfere.checkpoint import Checkpoint
from interfere.doctor import Check, Diagnosis, diagnose
from tests.text import some_text
from tests.tiny import MODELS, tiny_model, tiny_tokenizer

TEXTS = {name: some_text(name, 40, words=(3, 16)) for name in ("de", "ru", "zh")}
SETTINGS = GradientSettings(chunks=4, tokens_per_chunk=40)


def examined(kind: str = "bert", texts: Any = None, model: Any = None, **settings: Any) -> Diagnosis:
    """The diagnosis of a tiny model, or of another one with the tokenizer of that kind."""
    checkpoint = checkpoint_from_model(
        model if model is not None else tiny_model(kind), tiny_tokenizer(MODELS[kind][1]), id=kind
    )
    return look(checkpoint, texts, **settings)


def look(checkpoint: Checkpoint, texts: Any = None, **settings: Any) -> Diagnosis:
    """The diagnosis of a checkpoint."""
    chosen = GradientSettings(**({"chunks": 4, "tokens_per_chunk": 40} | settings))
    return diagnose(checkpoint, TEXTS if texts is None else texts, "auto", chosen)


def odd(model: Any, forward: Any) -> Any:
    """A model whose forward is another: `forward(plain, model, arguments)`."""
    plain = type(model).forward

    def changed(
        self: Any, input_ids: Any = None, attention_mask: Any = None, labels: Any = None, **options: Any
    ) -> Any:
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "labels": labels}
        return forward(lambda **more: plain(self, **{**inputs, **options, **more}), self, inputs)

    model.__class__ = type(type(model).__name__, (type(model),), {"forward": changed})
    return model


def found(diagnosis: Diagnosis, name: str, status: str, *words: str) -> Check:
    """The check of a name, which has this status and these words in its sentence."""
    check = diagnosis.check(name)
    assert check is not None, [each.name for each in diagnosis.checks]
    assert check.status == status, check
    for word in words:
        assert word in check.sentence, (word, check.sentence)
    return check


def failing(diagnosis: Diagnosis) -> set[str]:
    """Names of the checks that fail."""
    return {check.name for check in diagnosis.checks if check.status == "fail"}
