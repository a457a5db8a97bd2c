"""What the package brings: a small corpus in ten languages, and a small masked LM that was trained on other text.

`corpus/` holds one file a language, dedicated to the public domain (CC0); `model/` a checkpoint that transformers loads
as any other folder. Each has a card, `README.md`.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interfere.checkpoint import Checkpoint
    from interfere.corpus import Corpus

CORPUS = "bundled corpus"
"""What results call the corpus."""

CHECKPOINT = "bundled-mlm"
"""What results call the checkpoint."""


def corpus_directory() -> Path:
    """The folder of the bundled corpus, which can be given as `--data` like any other."""
    return Path(str(files(__name__) / "corpus"))


def checkpoint_directory() -> Path:
    """The folder of the bundled checkpoint, which can be given as `--model` like any other."""
    return Path(str(files(__name__) / "model"))


def bundled_corpus() -> Corpus:
    """The bundled corpus: ar de en es fr ja ko ru uk zh, aligned by id.

    Returns:
        The corpus; entries are one or two sentences of everyday, encyclopaedic or narrative prose.
    """
    from interfere.corpus import read_corpus

    corpus = read_corpus(corpus_directory())
    # Where the package is installed says nothing about the text.
    return replace(corpus, origin={language: f"{CORPUS}: {language}.jsonl" for language in corpus.languages})


def bundled_checkpoint() -> Checkpoint:
    """The bundled checkpoint: a masked LM of four layers in the languages of the bundled corpus.

    Returns:
        The checkpoint, in float32 on the CPU. Its id is `CHECKPOINT`, wherever the package lies.

    Raises:
        RunError: the installed files do not load.
    """
    from interfere.checkpoint import load_checkpoint

    return replace(load_checkpoint(checkpoint_directory()), id=CHECKPOINT)
