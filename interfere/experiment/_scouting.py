"""Short matched runs that tell what long ones would."""

from __future__ import annotations

from dataclasses import replace

from interfere.settings import ExperimentSettings


def scout_settings(settings: ExperimentSettings) -> dict[str, ExperimentSettings]:
    """Name of a folder → the settings of the runs that go into it; one without a name for runs of full length.

    Each short run is a training of its own, with its learning rate going all the way down: a moment early in a long
    training is not the same.
    """
    if not settings.scout:
        return {"": settings}
    return {
        f"updates-{updates}": replace(settings, updates=updates, scout=(), checkpoints=1)
        for updates in scout_lengths(settings)
    }


def scout_lengths(settings: ExperimentSettings) -> list[int]:
    """Updates per language of each length of short runs."""
    return sorted({max(1, round(share * settings.updates)) for share in settings.scout})
