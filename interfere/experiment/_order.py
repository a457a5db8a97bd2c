"""Which languages an update holds, and its learning rate."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from interfere.experiment._random import uniforms
from interfere.experiment._spec import JobSpec
from interfere.settings import Schedule


def members_of_updates(spec: JobSpec) -> NDArray[np.bool_]:
    """Which members take part in which update.

    Joint: an update holds every member that is due; one with fewer updates than the others takes part in updates that
    lie evenly. Alternating: one member an update. The i-th of a member's N updates has the key (i + u) / N with u
    uniform, and updates are sorted by key; members with equally many then come in rounds, each round shuffled.

    Returns:
        Shape (updates, members); member m takes part in exactly its own number of updates.
    """
    counts = [member.updates for member in spec.members]
    if spec.joint:
        turns = np.arange(spec.updates + 1, dtype=np.int64)[:, None] * np.array(counts, dtype=np.int64) // spec.updates
        return np.diff(turns, axis=0) > 0
    keys = [
        (np.arange(count) + uniforms(spec.seed, member.name, "order", 0, count)) / count
        for member, count in zip(spec.members, counts, strict=True)
    ]
    owners = np.repeat(np.arange(len(counts)), counts)
    order = owners[np.argsort(np.concatenate(keys), kind="stable")]
    held: NDArray[np.bool_] = order[:, None] == np.arange(len(counts))
    return held


def rate_factor(update: int, updates: int, warmup: float, schedule: Schedule) -> float:
    """The learning rate of an update as a share of the highest.

    Args:
        update: its number, from 0.
        updates: of the whole training.
        warmup: share of them in which the rate rises evenly.
        schedule: how it falls afterwards, to 0 just after the last update.
    """
    rising = round(warmup * updates)
    if update < rising:
        return (update + 1) / (rising + 1)
    done = (update - rising) / (updates - rising)
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1 - done if schedule == "linear" else 1.0
