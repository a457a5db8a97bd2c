"""What a resumed run of gradients must have in common with the one that was interrupted."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from interfere.gradients._run import Run
from interfere.runs import claim


def claim_run(run: Run, folder: Path) -> int | None:
    """Make sure that what `folder` holds, if anything, is of this very run; returns the batch size to use."""
    settings = run.recorded_settings()
    batch_size = settings.pop("batch_size")
    plan = {
        "settings": settings,
        "adam_state": _file_facts(run.settings.adam_state) if run.second_moments is None else _digest(run),
        "groups": [group.name for group in run.grouping.parts],
    }
    if run.grouping.experts:
        plan["experts"] = [expert.group for expert in run.grouping.experts]
    return claim(run.reading.recorded_model(), run.reading.corpus, plan, batch_size, folder)


def _digest(run: Run) -> str:
    """SHA-256 of the second moments of the parameters in scope."""
    digest = sha256()
    for parameter in run.scope:
        moments = (run.second_moments or {})[parameter.name]
        digest.update(moments.detach().float().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _file_facts(path: str | Path | None) -> list[float] | None:
    if path is None or not Path(path).exists():
        return None
    facts = Path(path).stat()
    return [facts.st_size, facts.st_mtime]
