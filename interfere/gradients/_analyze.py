"""`analyze_gradients`: from a checkpoint and text to a result."""

from __future__ import annotations

import json
import platform
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from interfere.checkpoint import Checkpoint, ParameterInfo, load_checkpoint, map_parameters, scoped_parameters
from interfere.corpus import Corpus, Deal, deal_slots, language_sha256, read_corpus, require_languages
from interfere.engine import (
    Chunk,
    Group,
    Measurement,
    ProgressCallback,
    Projection,
    collect,
    compute_chunks,
    group_parameters,
    only_gradients_of,
    plan_chunks,
)
from interfere.errors import InputError, RunError
from interfere.gradients._inner_products import inner_products, needs_calibration
from interfere.gradients._tables import ChunkFacts, Parts, metric_tables, tensor_table
from interfere.gradients._warnings import result_warnings
from interfere.objectives import LossFunction, Objective, make_objective
from interfere.results import Result
from interfere.settings import GradientSettings


def analyze_gradients(
    checkpoint: Checkpoint | str | Path,
    corpus: Corpus | Mapping[str, Sequence[str]] | str | Path,
    objective: str | LossFunction = "auto",
    settings: GradientSettings | None = None,
    *,
    workdir: str | Path | None = None,
    progress: ProgressCallback | None = None,
    command: str = "",
) -> Result:
    """Measure how the gradients of languages agree, per pair and per layer, with intervals.

    Args:
        checkpoint: from `load_checkpoint`, or a model folder or hub id to be loaded with its defaults.
        corpus: from `read_corpus`, a folder of one file a language, or language → texts.
        objective: `auto` (what the checkpoint was trained for), `masked-lm`, `causal-lm`, `span-corruption`, or a
            callable (model, batch) → `LossSums`.
        settings: see `GradientSettings`.
        workdir: a folder for the vectors of finished chunks. If it holds those of an interrupted run with the same
            settings, text and weights, they are not computed again. None: a temporary folder.
        progress: called after each chunk with a `Progress`.
        command: how the run was asked for, to be recorded.

    Returns:
        A `Result` of kind `gradients`; see its tables `pairs`, `self`, `groups` and `tensors`.

    Raises:
        InputError: settings, text or languages are wrong.
        RunError: the model cannot be loaded, text or memory does not suffice, or `workdir` is of another run.
    """
    settings = settings if settings is not None else GradientSettings()
    corpus = read_corpus(corpus)
    require_languages(corpus)
    if settings.mixture is not None and set(settings.mixture) != set(corpus.languages):
        raise InputError(
            f"--mixture names {', '.join(sorted(settings.mixture))}; the languages are {', '.join(corpus.languages)}"
        )
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = load_checkpoint(checkpoint, objective=objective if isinstance(objective, str) else "auto")
    loss = make_objective(
        checkpoint.objective if objective == "auto" else objective,
        checkpoint,
        max_length=settings.max_length,
        mask_passes=settings.mask_passes,
        seed=settings.seed,
    )
    deal = deal_slots(corpus, settings.chunks, settings.seed)
    chunks, calibration = plan_chunks(loss, deal, settings.tokens_per_chunk, calibration=needs_calibration(settings))
    scope = list(scoped_parameters(map_parameters(checkpoint.model), settings.scope).values())
    if not scope:
        raise RunError(f"{checkpoint.id}: no parameter is in --scope {settings.scope}")
    groups = group_parameters(scope, settings.granularity)
    gram = _choose_gram(settings, groups, len(corpus.languages))
    projection = Projection(settings.sketch_size if gram == "sketch" else None, settings.seed)
    run = _Run(checkpoint, corpus, deal, loss, settings, scope, groups, projection, gram, chunks, calibration)
    if workdir is None:
        with tempfile.TemporaryDirectory(prefix="interfere-") as folder:
            measurement = _measure(run, Path(folder), progress)
    else:
        measurement = _measure(run, Path(workdir), progress)
    if len(measurement.languages) - len(measurement.failed) < 2:
        reasons = "; ".join(f"{language!r}: {reason}" for language, reason in measurement.failed.items())
        raise RunError(f"fewer than two languages have finite gradients. {reasons}")
    return _result(run, measurement, command)


@dataclass(frozen=True)
class _Run:
    """What a run consists of, before anything is computed."""

    checkpoint: Checkpoint
    corpus: Corpus
    deal: Deal
    objective: Objective
    settings: GradientSettings
    scope: Sequence[ParameterInfo]
    groups: Sequence[Group]
    projection: Projection
    gram: str
    chunks: Mapping[tuple[str, int], Chunk]
    calibration: Mapping[str, Chunk]

    def recorded_settings(self) -> dict[str, Any]:
        """The settings, with what was chosen for those left open."""
        parameter = next(self.checkpoint.model.parameters())
        return {
            **asdict(self.settings),
            "adam_state": None if self.settings.adam_state is None else str(self.settings.adam_state),
            "max_length": self.objective.max_length,
            "objective": self.objective.name,
            "gram": self.gram,
            "sketch_size": self.projection.sketch_size,
            "dtype": str(parameter.dtype).removeprefix("torch."),
            "device": parameter.device.type,
            "alignment": self.deal.alignment,
        }

    def recorded_model(self) -> dict[str, Any]:
        """What the checkpoint is."""
        return {
            "id": self.checkpoint.id,
            "revision": self.checkpoint.revision,
            "architecture": self.checkpoint.architecture,
            "objective": self.objective.name,
            "parameters": self.checkpoint.parameters,
            "weights_sha256": self.checkpoint.weights_sha256,
        }


def _choose_gram(settings: GradientSettings, groups: Sequence[Group], languages: int) -> str:
    """Whole gradients where they fit the budget."""
    vectors = languages * settings.chunks * len(settings.metrics)
    needed = 4 * vectors * sum(group.parameters for group in groups)
    if settings.gram == "auto":
        return "exact" if needed <= settings.memory_budget else "sketch"
    if settings.gram == "exact" and needed > settings.memory_budget:
        raise InputError(
            f"--gram exact: {vectors} gradients take {needed / 1024**3:.1f} GiB and --memory-budget is "
            f"{settings.memory_budget / 1024**3:.1f} GiB; raise it, or use --gram sketch"
        )
    return settings.gram


def _measure(run: _Run, folder: Path, progress: ProgressCallback | None) -> Measurement:
    batch_size = _claim(run, folder)
    names = [parameter.name for parameter in run.scope]
    model = run.checkpoint.model
    with only_gradients_of(model, names) as parameters:
        metrics, failed = inner_products(
            model, run.objective, parameters, run.calibration, run.settings, batch_size, folder, progress
        )
        compute_chunks(
            model,
            run.objective,
            parameters,
            run.chunks,
            run.groups,
            run.projection,
            metrics,
            folder,
            failed=failed,
            batch_size=batch_size,
            progress=progress,
        )
    return collect(
        folder, run.corpus.languages, run.settings.chunks, run.groups, run.settings.metrics, len(names), failed
    )


def _claim(run: _Run, folder: Path) -> int | None:
    """Make sure that what `folder` holds, if anything, is of this very run.

    Returns:
        The batch size to use: that of the first sitting, so that a resumed run rounds as an uninterrupted one does.
    """
    settings = run.recorded_settings()
    batch_size = settings.pop("batch_size")
    plan = {
        "interfere": version("interfere-nlp"),
        "torch": torch.__version__,
        "model": run.recorded_model(),
        "settings": settings,
        "data": {language: language_sha256(run.corpus, language) for language in run.corpus.languages},
        "adam_state": _file_facts(run.settings.adam_state),
        "groups": [group.name for group in run.groups],
    }
    plan = json.loads(json.dumps(plan))
    file = folder / "plan.json"
    if file.exists():
        before = json.loads(file.read_text(encoding="utf-8"))
        batch_size = before.pop("batch_size")
        changed = sorted(_differences(before, plan))
        if changed:
            raise InputError(
                f"--resume: the unfinished run is of another {', '.join(changed)}; use --overwrite instead"
            )
    else:
        part = file.with_suffix(".tmp")
        part.write_text(json.dumps({**plan, "batch_size": batch_size}, indent=1), encoding="utf-8")
        part.replace(file)
    return None if batch_size == "auto" else batch_size


def _file_facts(path: str | Path | None) -> list[float] | None:
    if path is None or not Path(path).exists():
        return None
    facts = Path(path).stat()
    return [facts.st_size, facts.st_mtime]


def _differences(before: Any, now: Any, name: str = "") -> list[str]:
    """Dotted names of what differs between two JSON documents."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted(before.keys() | now.keys())
        return [
            found
            for key in keys
            for found in _differences(before.get(key), now.get(key), f"{name}.{key}" if name else key)
        ]
    return [] if before == now else [name]


def _result(run: _Run, measurement: Measurement, command: str) -> Result:
    settings = run.recorded_settings()
    languages = measurement.languages
    facts = ChunkFacts(measurement.tokens, measurement.covered_bytes, measurement.documents, measurement.loss)
    sizes = [np.inf if run.projection.is_exact(g) else float(run.projection.width(g)) for g in run.groups]
    parts = Parts([g.name for g in run.groups], [g.parameters for g in run.groups], np.array(sizes))
    by_metric = [
        metric_tables(
            measurement.grams[metric],
            parts,
            facts,
            languages,
            metric,
            margin=run.settings.margin,
            mixture=run.settings.mixture,
            failed=measurement.failed,
        )
        for metric in run.settings.metrics
    ]
    tensors = [
        tensor_table(
            measurement.energies[metric],
            [p.name for p in run.scope],
            [p.layer for p in run.scope],
            [p.kind for p in run.scope],
            [p.parameters for p in run.scope],
            languages,
            metric,
        )
        for metric in run.settings.metrics
    ]
    tables = {
        "pairs": _concatenate([t.pairs for t in by_metric]),
        "self": _concatenate([t.self_ for t in by_metric]),
        "groups": _concatenate([t.groups for t in by_metric]),
        "tensors": _concatenate(tensors),
    }
    data = _data(run, measurement)
    return Result(
        kind="gradients",
        languages=list(languages),
        tables=tables,
        model=run.recorded_model(),
        data=data,
        settings=settings,
        environment=_environment(),
        warnings=result_warnings(
            tables["tensors"],
            data,
            settings,
            measurement.failed,
        ),
        command=command,
        arrays={f"{metric}/{run.settings.granularity}": gram for metric, gram in measurement.grams.items()},
        array_groups={run.settings.granularity: parts.names},
    )


def _concatenate(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    rows = [row for frame in frames for row in frame.to_dict(orient="records")]
    return pd.DataFrame(rows, columns=list(frames[0].columns))


def _data(run: _Run, measurement: Measurement) -> dict[str, dict[str, Any]]:
    out = {}
    for row, language in enumerate(measurement.languages):
        own = [chunk for (name, _), chunk in run.chunks.items() if name == language]
        skipped = dict(run.corpus.skipped.get(language, {}))
        if empty := sum(chunk.empty for chunk in own):
            skipped["no token in it can be predicted"] = empty
        out[language] = {
            "origin": run.corpus.origin.get(language),
            "documents": int(measurement.documents[row].sum()),
            "documents_given": len(run.corpus.documents[language]),
            "unused": sum(chunk.unused for chunk in own),
            "cut": len({e.document.line for chunk in own for e in chunk.examples if e.cut}),
            "skipped": skipped,
            "tokens": int(measurement.tokens[row].sum()),
            "bytes": int(measurement.covered_bytes[row].sum()),
            "sha256": language_sha256(run.corpus, language),
        }
    return out


def _environment() -> dict[str, Any]:
    packages = ("interfere-nlp", "torch", "transformers", "numpy", "scipy", "pandas")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        **{package: version(package) for package in packages},
    }
