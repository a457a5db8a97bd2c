"""Fine-tuning tiny models on toy tasks."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from interfere.errors import InputError, RunError
from interfere.settings import TaskSettings
from interfere.tasks import LabelledCorpus, TaskModel, f1, fine_tune, label_counts, read_labelled, span_counts
from interfere.tasks._load import load_for_task
from tests.tasks.toy import write_rows, write_task
from tests.tiny import save_tiny, tiny_tokenizer

pytestmark = pytest.mark.slow

TEXT, TOKEN = "text-classification", "token-classification"
FAST = TaskSettings(epochs=1, learning_rate=1e-3, batch_size=16)
LEARN = TaskSettings(epochs=30, learning_rate=1e-2, batch_size=16)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LabelledCorpus]:
    return {
        task: read_labelled(write_task(tmp_path_factory.mktemp("data"), task), task)  # type: ignore[arg-type]
        for task in (TEXT, TOKEN)
    }


def checkpoint(folder: Path, kind: str = "bert", **options: object) -> TaskModel:
    return TaskModel(save_tiny(folder / f"model-{kind}", kind, **options))  # type: ignore[arg-type]


def accuracy(corpus: LabelledCorpus, language: str, predicted: tuple[tuple[str, ...], ...]) -> float:
    gold = [item.labels[0] for item in corpus.test[language]]
    return float(f1(label_counts(gold, [row[0] for row in predicted])))


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_a_separable_task_is_learnt(tmp_path: Path, corpora: dict[str, LabelledCorpus], kind: str) -> None:
    corpus = corpora[TEXT]
    unit = fine_tune(checkpoint(tmp_path, kind), corpus, "en", LEARN, 0, tmp_path)
    assert accuracy(corpus, "en", unit.predictions["en"]) > 0.9
    assert unit.steps == 30 * 4


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_spans_are_learnt(tmp_path: Path, corpora: dict[str, LabelledCorpus], kind: str) -> None:
    corpus = corpora[TOKEN]
    settings = replace(LEARN, task=TOKEN, subword="first" if kind == "bert" else "last")
    unit = fine_tune(checkpoint(tmp_path, kind), corpus, "en", settings, 0, tmp_path)
    assert float(f1(span_counts([item.labels for item in corpus.test["en"]], unit.predictions["en"]))) > 0.9


def test_the_same_seed_gives_the_same_bits(tmp_path: Path, corpora: dict[str, LabelledCorpus]) -> None:
    model = checkpoint(tmp_path)
    torch.manual_seed(5)
    random.seed(5)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    one = fine_tune(model, corpora[TEXT], "en", FAST, 0, tmp_path / "a")
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    torch.manual_seed(6)
    assert fine_tune(model, corpora[TEXT], "en", FAST, 0, tmp_path / "b") == one
    assert fine_tune(model, corpora[TEXT], "en", FAST, 1, tmp_path / "b").loss != one.loss


def test_nothing_is_printed_and_nothing_is_left(
    tmp_path: Path, corpora: dict[str, LabelledCorpus], capfd: pytest.CaptureFixture[str]
) -> None:
    model = checkpoint(tmp_path)
    capfd.readouterr()
    steps: list[int] = []
    fine_tune(model, corpora[TEXT], "en", FAST, 0, tmp_path / "run", on_step=steps.append)
    assert capfd.readouterr() == ("", "")
    assert len(list((tmp_path / "run").iterdir())) == 1
    assert steps == [1, 2, 3, 4]


@pytest.mark.parametrize("task", [TEXT, TOKEN])
def test_heads_depend_on_the_seed_alone(tmp_path: Path, corpora: dict[str, LabelledCorpus], task: str) -> None:
    settings = replace(FAST, task=task)

    def parameters(folder: str, seed: int, weights: int) -> dict[str, torch.Tensor]:
        loaded = load_for_task(checkpoint(tmp_path / folder, seed=weights), corpora[task], settings, seed)
        assert "bert.encoder.layer.0.attention.self.query.weight" not in loaded.fresh
        return {name: dict(loaded.model.named_parameters())[name] for name in loaded.fresh}

    one, other, third = parameters("a", 0, weights=0), parameters("b", 0, weights=1), parameters("a", 1, weights=0)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["classifier.weight"], third["classifier.weight"])


def test_a_finished_unit_is_read_and_not_computed(tmp_path: Path, corpora: dict[str, LabelledCorpus]) -> None:
    model, corpus = checkpoint(tmp_path), corpora[TOKEN]
    settings = replace(FAST, task=TOKEN)
    first = fine_tune(model, corpus, "en", settings, 0, tmp_path / "run")
    steps: list[int] = []
    assert (
        fine_tune(model, corpus, "en", replace(settings, seeds=9), 0, tmp_path / "run", on_step=steps.append) == first
    )
    assert not steps
    with pytest.raises(InputError, match=r"--resume.*another settings"):
        fine_tune(model, corpus, "en", replace(settings, epochs=2), 0, tmp_path / "run")
    fewer = replace(corpus, train={**corpus.train, "en": corpus.train["en"][:-1]})
    with pytest.raises(InputError, match=r"--resume.*another data"):
        fine_tune(model, fewer, "en", settings, 0, tmp_path / "run")
    with pytest.raises(InputError, match=r"--resume.*another weights"):
        fine_tune(checkpoint(tmp_path / "other", seed=1), corpus, "en", settings, 0, tmp_path / "run")
    next((tmp_path / "run").iterdir()).write_text("{")
    with pytest.raises(RunError, match="delete it"):
        fine_tune(model, corpus, "en", settings, 0, tmp_path / "run")


def test_a_decoder_needs_no_padding_token(tmp_path: Path, corpora: dict[str, LabelledCorpus]) -> None:
    """Predictions must not depend on what stands beside an item in a batch."""
    tokenizer = tiny_tokenizer("gpt2", padding_side="left")
    assert tokenizer.pad_token_id is None
    model, corpus = checkpoint(tmp_path, "gpt2", tokenizer=tokenizer), corpora[TEXT]
    together = fine_tune(model, corpus, "en", LEARN, 0, tmp_path / "a")
    assert accuracy(corpus, "en", together.predictions["en"]) > 0.9
    alone = replace(corpus, test={"en": corpus.test["en"][5:6]})
    assert fine_tune(model, alone, "en", LEARN, 0, tmp_path / "b").predictions["en"] == together.predictions["en"][5:6]


@pytest.mark.parametrize("kind", ["xlm-r", "distilbert", "llama", "gemma3", "t5", "mbart"])
def test_other_architectures(tmp_path: Path, corpora: dict[str, LabelledCorpus], kind: str) -> None:
    unit = fine_tune(checkpoint(tmp_path, kind), corpora[TEXT], "de", FAST, 0, tmp_path / "run")
    assert {len(rows) for rows in unit.predictions.values()} == {24}


def test_words_that_are_cut_off_are_outside_and_counted(tmp_path: Path, corpora: dict[str, LabelledCorpus]) -> None:
    corpus = corpora[TOKEN]
    settings = replace(LEARN, task=TOKEN, max_length=6)
    unit = fine_tune(checkpoint(tmp_path), corpus, "en", settings, 0, tmp_path / "run")
    tokenizer = tiny_tokenizer("bert")
    unread = 0
    for item, tags in zip(corpus.test["de"], unit.predictions["de"], strict=True):
        assert len(tags) == len(item.words)
        for number in range(len(item.words)):
            before = len(
                tokenizer(" ".join(item.words[:number]) + (" " if number else ""), add_special_tokens=False).input_ids
            )
            # One special token before, one after: a word whose first token comes after the fourth is not read.
            if before > 4:
                unread += 1
                assert tags[number] == "O"
    assert unit.unread["test de"] >= unread > 0
    assert 0 < unit.cut["test de"] <= 24
    assert unit.unread["train"] > 0


def test_a_folder_that_cannot_be_written(tmp_path: Path, corpora: dict[str, LabelledCorpus]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        fine_tune(checkpoint(tmp_path), corpora[TEXT], "en", FAST, 0, tmp_path / "file" / "run")


def test_a_maximum_length_that_the_model_cannot_read(tmp_path: Path, corpora: dict[str, LabelledCorpus]) -> None:
    with pytest.raises(InputError, match=r"--max-length 500.*at most 128"):
        fine_tune(checkpoint(tmp_path), corpora[TEXT], "en", replace(FAST, max_length=500), 0, tmp_path)


def test_a_training_that_diverges_is_no_score(tmp_path: Path, corpora: dict[str, LabelledCorpus]) -> None:
    with pytest.raises(RunError, match=r"model 'model' fine-tuned on 'en' with seed 0.*--learning-rate"):
        fine_tune(checkpoint(tmp_path), corpora[TEXT], "en", replace(FAST, learning_rate=1e30), 0, tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())


def test_checkpoints_that_cannot_be_used(tmp_path: Path, corpora: dict[str, LabelledCorpus]) -> None:
    with pytest.raises(RunError, match="TokenClassification"):
        fine_tune(checkpoint(tmp_path, "mbart"), corpora[TOKEN], "en", replace(FAST, task=TOKEN), 0, tmp_path)
    with pytest.raises(RunError, match="neither a folder"):
        fine_tune(TaskModel(str(tmp_path / "nowhere")), corpora[TEXT], "en", FAST, 0, tmp_path)
    broken = checkpoint(tmp_path, "bert")
    config = json.loads((Path(broken.path) / "config.json").read_text())
    (Path(broken.path) / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(RunError, match=r"lacks weights of its body.*layer\.2"):
        fine_tune(broken, corpora[TEXT], "en", FAST, 0, tmp_path)
    with pytest.raises(InputError, match="no language 'fr'"):
        fine_tune(broken, corpora[TEXT], "fr", FAST, 0, tmp_path)


def test_a_head_that_was_learnt_before_is_drawn_anew(tmp_path: Path, corpora: dict[str, LabelledCorpus]) -> None:
    body = checkpoint(tmp_path)
    loaded = load_for_task(body, corpora[TEXT], FAST, 0)
    with torch.no_grad():
        loaded.model.classifier.weight.fill_(7.0)
    loaded.model.save_pretrained(tmp_path / "tuned")
    loaded.tokenizer.save_pretrained(tmp_path / "tuned")
    again = load_for_task(TaskModel(tmp_path / "tuned"), corpora[TEXT], FAST, 0)
    assert float(again.model.classifier.weight.detach().abs().max()) < 1


def test_repeated_words_do_not_confuse_positions(tmp_path: Path) -> None:
    rows = [{"tokens": ["a", "a", "a"], "labels": ["B-X", "O", "I-X"]}] * 2
    for split in ("train", "test"):
        write_rows(tmp_path / f"en.{split}.jsonl", rows)
    corpus = read_labelled(tmp_path, TOKEN)
    assert corpus.retagged["en"] == 4
    unit = fine_tune(checkpoint(tmp_path), corpus, "en", replace(FAST, task=TOKEN), 0, tmp_path / "run")
    assert [len(tags) for tags in unit.predictions["en"]] == [3, 3]
