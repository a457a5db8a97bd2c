"""What a command that reads text with a checkpoint starts from: a run directory, a corpus, a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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
    corpus = read_corpus(data, split_list(languages))
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
    shard: bool = False,
) -> Checkpoint:
    """The checkpoint, on the device of this process; in memory where it is to be spread over several."""
    from interfere.checkpoint import load_checkpoint

    return load_checkpoint(
        model,
        revision=revision,
        tokenizer=tokenizer,
        objective=objective,
        dtype=dtype,
        device=own_device(device, shard=shard),
        trust_remote_code=trust_remote_code,
    )
