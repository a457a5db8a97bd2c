"""What a command that reads text with a checkpoint starts from: a run directory, a corpus, a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._processes import own_device
from ._shared import split_list

if TYPE_CHECKING:
    from interfere.checkpoint import Checkpoint
    from interfere.corpus import Corpus
    from interfere.ranks import Ranks
    from interfere.results import RunDirectory
    from interfere.settings import ReadingSettings


def check_inputs(
    ranks: Ranks,
    settings: ReadingSettings,
    *,
    data: str | None,
    languages: str | None,
    output_dir: Path,
    resume: bool,
    overwrite: bool,
    model: str = "",
    revision: str | None = None,
    subfolder: str | None = None,
    base_model: str | None = None,
    objective: str = "auto",
) -> tuple[RunDirectory, Corpus]:
    """The run directory, not opened yet, and the text.

    These are the cheap checks: nobody should wait for a model to load to be told of a typing error.

    Raises:
        InputError: the directory, the text or the languages are wrong.
        RunError: there is not enough text.
    """
    from interfere.corpus import deal_slots, read_corpus, require_languages
    from interfere.results import RunDirectory

    run = ranks.decide(lambda: RunDirectory.check(output_dir, resume=resume, overwrite=overwrite))
    # What is labelled is told from the model's config, unless the user says so.
    task = None
    if model or objective != "auto":
        from interfere.checkpoint import expected_task

        task = expected_task(model, objective, revision=revision, subfolder=subfolder, base_model=base_model)
    corpus = read_corpus(data, split_list(languages), task=task)
    require_languages(corpus)
    deal_slots(corpus, settings.chunks, settings.seed)
    return run, corpus


def load(
    model: str,
    *,
    revision: str | None,
    tokenizer: str | None,
    objective: str,
    dtype: str,
    device: str,
    trust_remote_code: bool,
    subfolder: str | None = None,
    base_model: str | None = None,
    shard: bool = False,
    settings: ReadingSettings | None = None,
    corpus: Corpus | None = None,
) -> Checkpoint:
    """The checkpoint, on the device of this process; in memory where it is to be spread over several.

    With settings and corpus, a head that it lacks can be one that will be trained.
    """
    from interfere.checkpoint import load_checkpoint

    head: dict[str, Any] = {}
    if settings is not None and corpus is not None and settings.head == "train":
        from interfere.runs import labels_of

        head = {"head": settings.head, "labels": labels_of(corpus), "seed": settings.seed}
    return load_checkpoint(
        model,
        revision=revision,
        subfolder=subfolder,
        base_model=base_model,
        tokenizer=tokenizer,
        objective=objective,
        dtype=dtype,
        device=own_device(device, shard=shard),
        trust_remote_code=trust_remote_code,
        **head,
    )
