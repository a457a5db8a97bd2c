"""What loading says of what it does not load."""

from __future__ import annotations

import pytest

from interfere.checkpoint import load_checkpoint
from interfere.errors import RunError


def refused(folder: object, error: type[Exception] = RunError, **options: object) -> str:
    """The one line with which a checkpoint is refused."""
    with pytest.raises(error) as caught:
        load_checkpoint(folder, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    return message
