"""Silence for the time that another library loads something."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers and the hub's client from talking, and put their settings back afterwards.

    What they would say about a checkpoint is checked and raised as an error of our own. The bars of a download stay:
    it takes minutes, and they are all that shows it.
    """
    from transformers.utils import logging as chatter

    loggers = [logging.getLogger(name) for name in ("transformers", "huggingface_hub")]
    levels, bars = [logger.level for logger in loggers], chatter._tqdm_active
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    # `disable_progress_bar` of transformers would switch the hub's bars off as well.
    chatter._tqdm_active = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        chatter._tqdm_active = bars
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
