"""Training of a matched model against transformers' Trainer on the same configuration."""

from __future__ import annotations

import contextlib
import io
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from interfere import ExperimentSettings, bundled_corpus
from interfere.experiment import JobSpec, plan_jobs, prepare_text, split_text
from interfere.experiment._train import new_training, train


def compare_training(rounds: int, updates: int) -> list[float]:
    """Throughput of ours over that of Trainer, round by round, one after the other on one thread."""
    torch.set_num_threads(1)
    settings = ExperimentSettings(mixtures=("mono",), updates=updates, seeds=1, checkpoints=1)
    corpus = bundled_corpus()
    with tempfile.TemporaryDirectory() as folder:
        split = split_text(corpus, settings.held_out, settings.seed)
        prepared = prepare_text(split, settings, folder)
        spec = plan_jobs(settings, prepared, Path(folder) / "models")[0]
        ratios = []
        for _ in range(rounds):
            ours = _ours(spec)
            ratios.append(_trainer(spec, Path(folder)) / ours)
    return ratios


def _ours(spec: JobSpec) -> float:
    training = new_training(spec)
    began = time.perf_counter()
    for _ in train(training):
        pass
    return time.perf_counter() - began


class _Blocks(torch.utils.data.Dataset[dict[str, Any]]):
    def __init__(self, spec: JobSpec) -> None:
        self.spec = spec
        self.ids = np.load(spec.members[0].tokens)
        self.random = np.random.default_rng(0)

    def __len__(self) -> int:
        return self.spec.updates * self.spec.batch_size

    def __getitem__(self, index: int) -> dict[str, Any]:
        member, context = self.spec.members[0], self.spec.context
        start = self.random.integers(0, len(self.ids) - context)
        row = np.concatenate([[member.begin_id], self.ids[start : start + context]]).astype(np.int64)
        return {"input_ids": row, "labels": row, "token_type_ids": np.full(context + 1, member.type_id)}


def _trainer(spec: JobSpec, folder: Path) -> float:
    from transformers import Trainer, TrainingArguments

    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        max_steps=spec.updates,
        per_device_train_batch_size=spec.batch_size,
        learning_rate=spec.learning_rate,
        warmup_steps=round(spec.warmup * spec.updates),
        lr_scheduler_type="cosine",
        weight_decay=spec.weight_decay,
        logging_steps=max(1, spec.updates // 100),
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = Trainer(model=new_training(spec).model, args=arguments, train_dataset=_Blocks(spec))
    with contextlib.redirect_stdout(io.StringIO()):
        began = time.perf_counter()
        trainer.train()
        return time.perf_counter() - began


def training_line(ratios: list[float]) -> str:
    """In words."""
    return (
        f"training throughput over Trainer's: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}, "
        f"{len(ratios)} rounds)"
    )
