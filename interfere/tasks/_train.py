"""One training with transformers' `Trainer`, and the predictions of the trained model."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from interfere.checkpoint._quiet import quiet
from interfere.corpus._items import Item
from interfere.errors import RunError
from interfere.objectives._items import Encoded
from interfere.settings import TaskSettings
from interfere.tasks._load import Loaded

_NO_LABEL = -100
"""What transformers' losses leave out."""

StepCallback = Callable[[int], None]
Encodings = Sequence[Encoded]


@dataclass(frozen=True)
class Trained:
    """What a training gave.

    Args:
        predictions: language → for each test item an index of a label for each of its words; -1 where a word has no
            token.
        loss: mean training loss, in nats.
        steps: optimizer steps.
    """

    predictions: Mapping[str, tuple[tuple[int, ...], ...]]
    loss: float
    steps: int


def train_and_predict(
    loaded: Loaded,
    items: Sequence[Item],
    train: Encodings,
    test: Mapping[str, Encodings],
    labels: Sequence[str],
    settings: TaskSettings,
    seed: int,
    *,
    device: torch.device,
    on_step: StepCallback | None = None,
) -> Trained:
    """Fine-tune a model, which is changed by it, and predict.

    Args:
        loaded: the model.
        items: training items.
        train: the same, encoded.
        test: language → encoded test items; a text without positions counts as one word.
        labels: what predictions are indices of.
        settings: how to train.
        seed: of the order of the data and of dropout.
        device: where to train.
        on_step: called with the number of optimizer steps done.

    Raises:
        RunError: the trained model's scores are not finite.
    """
    examples = _examples(items, train, labels)
    with quiet(), _own_random_numbers(device), TemporaryDirectory(prefix="interfere-") as output:
        arguments = TrainingArguments(
            output_dir=output,
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=settings.batch_size,
            per_device_eval_batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            warmup_steps=settings.warmup,
            optim="adamw_torch",
            seed=seed,
            data_seed=seed,
            save_strategy="no",
            logging_strategy="no",
            logging_nan_inf_filter=False,
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            use_cpu=device.type == "cpu",
        )
        # More than one GPU would make one step of several batches: another training than the settings say.
        arguments._n_gpu = min(arguments.n_gpu, 1)
        trainer = Trainer(
            model=loaded.model,
            args=arguments,
            train_dataset=examples,
            data_collator=_collator(loaded.pad_id),
            callbacks=[_Steps(on_step)],
            preprocess_logits_for_metrics=_best,
        )
        trainer.remove_callback(PrinterCallback)
        outcome = trainer.train()
        # A model that was trained to NaN predicts its first label everywhere, which looks like a bad score.
        bad = [name for name, value in loaded.model.named_parameters() if not bool(torch.isfinite(value).all())]
        if bad or not np.isfinite(outcome.training_loss):
            raise RunError("training diverged: its loss or weights are not finite; give a lower --learning-rate")
        predictions = {language: _predict(trainer, encoded) for language, encoded in test.items()}
        # `Trainer` and the model hold each other, and the next unit needs the memory.
        del trainer
        gc.collect()
    return Trained(predictions, float(outcome.training_loss), int(outcome.global_step))


def _examples(items: Sequence[Item], encodings: Encodings, labels: Sequence[str]) -> list[dict[str, Any]]:
    number = {label: index for index, label in enumerate(labels)}
    out = []
    for item, encoded in zip(items, encodings, strict=True):
        target: int | list[int]
        if encoded.positions:
            target = [_NO_LABEL] * len(encoded.ids)
            for label, position in zip(item.labels, encoded.positions, strict=True):
                if position is not None:
                    target[position] = number[label]
        else:
            target = number[item.labels[0]]
        out.append({"input_ids": encoded.ids, "labels": target})
    return out


def _collator(pad_id: int) -> Callable[[Sequence[Mapping[str, Any]]], dict[str, torch.Tensor]]:
    """Padding on the right, whatever the tokenizer is set to: decoders count positions from the first token."""

    def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in rows)

        def filled(key: str, value: int) -> torch.Tensor:
            return torch.tensor([[*row[key], *[value] * (longest - len(row[key]))] for row in rows])

        batch = {"input_ids": filled("input_ids", pad_id)}
        lengths = torch.tensor([len(row["input_ids"]) for row in rows])
        batch["attention_mask"] = (torch.arange(longest) < lengths[:, None]).long()
        if "labels" in rows[0]:
            of_words = isinstance(rows[0]["labels"], list)
            batch["labels"] = filled("labels", _NO_LABEL) if of_words else torch.tensor([row["labels"] for row in rows])
        return batch

    return collate


def _best(logits: Any, _: Any) -> torch.Tensor:
    """The index of the highest score; some models return more than scores."""
    scores = logits[0] if isinstance(logits, tuple | list) else logits
    return torch.as_tensor(scores.argmax(dim=-1))


def _predict(trainer: Trainer, encodings: Encodings) -> tuple[tuple[int, ...], ...]:
    # By length, so that little is padding.
    order = sorted(range(len(encodings)), key=lambda row: len(encodings[row].ids))
    rows: Any = [{"input_ids": encodings[row].ids} for row in order]
    found = np.asarray(trainer.predict(rows).predictions)
    out: list[tuple[int, ...]] = [()] * len(encodings)
    for row, values in zip(order, found, strict=True):
        positions = encodings[row].positions
        if positions:
            out[row] = tuple(-1 if position is None else int(values[position]) for position in positions)
        else:
            out[row] = (int(values),)
    return tuple(out)


class _Steps(TrainerCallback):
    """Tells how far a training is."""

    def __init__(self, on_step: StepCallback | None) -> None:
        self._on_step = on_step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._on_step is not None:
            self._on_step(int(state.global_step))


@contextmanager
def _own_random_numbers(device: torch.device) -> Iterator[None]:
    """Leave the global random numbers, which `Trainer` seeds, as they were; compute without chance on a GPU."""
    before, numpy_before = random.getstate(), np.random.get_state()  # noqa: NPY002
    deterministic, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    devices = [torch.cuda.current_device()] if device.type == "cuda" else []
    try:
        if device.type != "cpu":
            torch.use_deterministic_algorithms(True, warn_only=True)
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        random.setstate(before)
        np.random.set_state(numpy_before)  # noqa: NPY002
