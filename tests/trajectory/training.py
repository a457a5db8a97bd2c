"""A tiny training of transformers' Trainer, the same each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments

from tests.text import some_text
from tests.tiny import tiny_pair

LANGUAGES = ("de", "en", "ru")


def texts(documents: int = 40) -> dict[str, list[str]]:
    return {language: some_text(language, documents, seed=1) for language in LANGUAGES}


def small_trainer(folder: Path, *, steps: int = 12, trainer: type[Trainer] = Trainer, **options: Any) -> Trainer:
    """A masked LM with dropout, two batches a step."""
    torch.manual_seed(3)
    model, tokenizer = tiny_pair("bert", hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.1)
    rows = [{"input_ids": tokenizer(text)["input_ids"]} for language in LANGUAGES for text in some_text(language, 30)]
    arguments = TrainingArguments(
        str(folder),
        **{
            "per_device_train_batch_size": 6,
            "gradient_accumulation_steps": 2,
            "max_steps": steps,
            "learning_rate": 1e-2,
            "logging_steps": 3,
            "save_strategy": "no",
            "report_to": [],
            "disable_tqdm": True,
            "use_cpu": True,
            "seed": 5,
            **options,
        },
    )
    return trainer(
        model,
        arguments,
        train_dataset=rows,
        data_collator=DataCollatorForLanguageModeling(tokenizer),
        processing_class=tokenizer,
    )
