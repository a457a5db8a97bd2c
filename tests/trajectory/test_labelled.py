"""Trainings of a classifier: text is read with its labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interfere import GradientSettings, analyze_gradients, analyze_trajectory, load_checkpoint, read_corpus
from tests.gradients.test_labelled import TEXT, checkpoint_of, documents
from tests.tiny import save_tiny


def test_the_first_checkpoint_tells_that_text_has_labels(tmp_path: Path) -> None:
    checkpoint = checkpoint_of(TEXT)
    folder = save_tiny(tmp_path / "checkpoint-3", "bert", model=checkpoint.model)
    data = tmp_path / "data"
    data.mkdir()
    for name, seed in (("news", 1), ("law", 2)):
        rows = [json.dumps({"text": each.text, "label": each.labels[0]}) for each in documents(TEXT, seed)]
        (data / f"{name}.jsonl").write_text("\n".join(rows))
    settings = GradientSettings(chunks=4)
    result = analyze_trajectory([folder], data, settings=settings, device="cpu")
    alone = analyze_gradients(load_checkpoint(folder), read_corpus(data, task=TEXT), settings=settings)
    assert result.tables["pairs"]["corrected"].tolist() == pytest.approx(alone.pairs["corrected"].tolist())
