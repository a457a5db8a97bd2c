"""`analyze_importance`: from a checkpoint and text to a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from interfere.checkpoint import Checkpoint, find_experts, find_units
from interfere.corpus import Corpus
from interfere.engine import (
    ChunkCounts,
    FittingMicrobatches,
    LossPath,
    Microbatches,
    ProgressCallback,
    choose_loss_path,
    compute_missing,
    count_chunks,
    finished_paths,
    on_path,
    only_gradients_of,
    read_seen,
    smaller_microbatches,
)
from interfere.errors import InputError, RunError
from interfere.head import give_head
from interfere.importance._ablate import ABLATED, measure_damage, random_units, site_means
from interfere.importance._all_gates import train_all_gates
from interfere.importance._index import UnitIndex
from interfere.importance._record import Computed, Gates, Run, make_result
from interfere.importance._scores import OneByOne
from interfere.importance._scoring import ScoringPath, blank_unseen, choose_scoring, read_scores, score_chunk, scorer_of
from interfere.objectives import LossFunction, Objective
from interfere.ranks import Ranks
from interfere.results import Result
from interfere.runs import claim, prepare_reading, shared_folder
from interfere.settings import ImportanceSettings
from interfere.statistics import Chosen, Damage, choose, comparable, halves, top_count


def analyze_importance(
    checkpoint: Checkpoint | str | Path,
    corpus: Corpus | Mapping[str, Sequence[str]] | str | Path | None = None,
    objective: str | LossFunction = "auto",
    settings: ImportanceSettings | None = None,
    *,
    workdir: str | Path | None = None,
    progress: ProgressCallback | None = None,
    command: str = "",
) -> Result:
    """Measure which heads, neurons, blocks and tensors each language needs, and what removing them does.

    Args:
        checkpoint: from `load_checkpoint`, or a model folder or hub id to be loaded with its defaults.
        corpus: from `read_corpus`, a folder of one file a language, or language → texts. None: the bundled corpus.
        objective: `auto` (what the checkpoint was trained for), `masked-lm`, `causal-lm`, `span-corruption`,
            `text-infilling`, `translation` (with `settings.source_language`), `text-classification`,
            `token-classification` (both on labelled text), or a callable (model, batch) → `LossSums`.
        settings: see `ImportanceSettings`.
        workdir: a folder for what is finished. If it holds what an interrupted run with the same settings, text and
            weights has finished, that is not computed again. None: a temporary folder.
        progress: called after each chunk with a `Progress`.
        command: how the run was asked for, to be recorded.

    Returns:
        A `Result` of kind `importance`; see its tables `layers`, `overlap`, `own_units`, `own_counts`, and with
        `settings.ablate` `ablation` and `specificity`. `unit_scores(result, method)` gives every unit's score.

    Raises:
        InputError: settings, text or languages are wrong.
        RunError: the model cannot be loaded or has no units that can be told apart, text or memory does not suffice,
            or `workdir` is of another run.
    """
    settings = settings if settings is not None else ImportanceSettings()
    reading = prepare_reading(checkpoint, corpus, objective, settings)
    model = reading.checkpoint.model
    index = UnitIndex.of(model, find_units(model))
    run = Run(reading, settings, index)
    if not index.places:
        _require_tensors(run)
    if settings.ablate:
        _require_removable(run)
    ranks = Ranks.current()
    with shared_folder(workdir, ranks) as folder:
        batch_size = _claim(run, folder, ranks)
        run = replace(run, reading=give_head(run.reading, settings, folder, ranks, progress))
        computed = _measure(run, batch_size, folder, ranks, progress)
    return make_result(run, computed, command)


def _require_tensors(run: Run) -> None:
    """Make sure that a model without heads and neurons is asked for what its blocks and tensors have."""
    if not run.index.tensors:
        raise RunError(f"{run.reading.checkpoint.id}: no parameters were found in its body")
    if "gates" in run.settings.methods or run.settings.methods[0] == "activation":
        raise RunError(
            f"{run.reading.checkpoint.id}: no attention heads and no neurons were found in it, which --method "
            f"{'gates' if 'gates' in run.settings.methods else 'activation'} needs; its tensors can be scored with "
            "--method taylor,fisher"
        )


def _require_removable(run: Run) -> None:
    """Make sure that there is something to remove, before hours of scoring."""
    kinds = _kinds(run.settings.methods[0])
    sizes = [group.count for group in run.groups if group.kind in kinds]
    if not any(top_count(size, run.settings.top) for size in sizes):
        raise InputError(
            f"--ablate: --top {run.settings.top} of the {max(sizes, default=0)} units of a layer is none of them; "
            "give more"
        )


@dataclass(frozen=True)
class _Sitting:
    """What the parts of a run share."""

    run: Run
    folder: Path
    ranks: Ranks
    microbatches: FittingMicrobatches
    objective: Objective
    progress: ProgressCallback | None

    @property
    def model(self) -> Any:
        return self.run.reading.checkpoint.model


def _claim(run: Run, folder: Path, ranks: Ranks) -> int | None:
    ranks.require_shared(folder)
    settings = asdict(run.settings) | run.reading.recorded_settings()
    asked = settings.pop("batch_size")
    plan = {"kind": "importance", "settings": settings, "units": len(run.index)}
    model_is, corpus = run.reading.recorded_model(), run.reading.corpus
    batch_size = ranks.decide(lambda: claim(model_is, corpus, plan, asked, folder))
    if ranks.rank > 0:
        claim(model_is, corpus, plan, asked, folder)
    return batch_size


def _measure(
    run: Run, batch_size: int | None, folder: Path, ranks: Ranks, progress: ProgressCallback | None
) -> Computed:
    model = run.reading.checkpoint.model
    device = next(model.parameters()).device
    microbatches = FittingMicrobatches(folder, Microbatches.for_device(batch_size, device.type), ranks.rank)
    names = [tensor.name for tensor in run.index.units.tensors]
    chunks = run.reading.chunks
    with ExitStack() as stack:
        parameters = stack.enter_context(only_gradients_of(model, names))
        path, scoring = ranks.decide(
            lambda: _choose(run, parameters, microbatches.now, folder),
        )
        objective = on_path(run.reading.objective, path, model)
        if path.alone:
            microbatches.one_by_one()
        sitting = _Sitting(run, folder, ranks, microbatches, objective, progress)
        scorer = scorer_of(scoring, run.settings.methods, model, run.index, parameters)
        experts = find_experts(model, {tensor.name: tensor for tensor in run.index.units.tensors})
        experts = experts if isinstance(scorer, OneByOne) else ()
        work = partial(score_chunk, scorer, objective, run.index, device, experts=experts)
        compute_missing(chunks, work, folder, microbatches, phase="scores", failed={}, ranks=ranks, progress=progress)
        ranks.wait()
        counts = count_chunks(folder, run.reading.corpus.languages, run.settings.chunks, {})
        run.reading.require_two(counts, "gradients")
        for parameter in parameters.values():
            parameter.requires_grad_(False)
        one_by_one = scoring.name == "one by one"
        gates = _train_gates(sitting, counts) if "gates" in run.settings.methods else None
        scores = _read_all(run, folder, counts, gates)
        paths = finished_paths(folder, counts, run.settings.chunks)
        seen = read_seen(paths, len(experts)).reshape(len(counts.languages), run.settings.chunks, len(experts))
        blank_unseen(scores, run.index, experts, np.moveaxis(seen, -1, 0))
        chosen = choose(
            comparable(scores[run.settings.methods[0]], run.settings.methods[0], run.groups),
            run.groups,
            run.settings.top,
            _kinds(run.settings.methods[0]),
        )
        damage = _ablate(sitting, counts, chosen, one_by_one) if run.settings.ablate else None
    reached = (experts, np.moveaxis(seen, -1, 0)) if experts else None
    return Computed(counts, scores, gates, chosen, damage, path, scoring, smaller_microbatches(folder), reached)


def _kinds(method: str) -> tuple[str, ...]:
    return tuple(kind for kind in ABLATED if method != "activation" or kind == "neuron")


def _choose(
    run: Run, parameters: Mapping[str, torch.nn.Parameter], cut: Microbatches, folder: Path
) -> tuple[LossPath, ScoringPath]:
    reading = run.reading
    model, chunks = reading.checkpoint.model, reading.chunks.values()
    path = choose_loss_path(model, reading.objective, parameters, chunks, cut, folder)
    objective = on_path(reading.objective, path, model)
    return path, choose_scoring(model, objective, run.index, parameters, chunks, cut, folder)


def _train_gates(sitting: _Sitting, counts: ChunkCounts) -> Gates:
    return train_all_gates(
        sitting.run,
        counts,
        sitting.objective,
        sitting.microbatches,
        sitting.folder,
        sitting.ranks,
        sitting.progress,
    )


def _read_all(run: Run, folder: Path, counts: ChunkCounts, gates: Gates | None) -> dict[str, NDArray[np.float64]]:
    """Method → scores, shape (L, K, units); of gates, which are trained on halves, (L, 2, units)."""
    out = {}
    paths = finished_paths(folder, counts, run.settings.chunks)
    for method in run.settings.methods:
        if method == "gates":
            assert gates is not None
            out[method] = gates.keep.mean(axis=0)
        else:
            scores = read_scores(paths, method, len(run.index))
            out[method] = scores.reshape(len(counts.languages), run.settings.chunks, len(run.index))
    return out


def _ablate(sitting: _Sitting, counts: ChunkCounts, chosen: Chosen, one_by_one: bool) -> Damage:
    run, ranks, folder = sitting.run, sitting.ranks, sitting.folder
    settings, index = run.settings, run.index
    known = {language for language in counts.languages if language not in counts.failed}
    first, second = ({int(slot) for slot in half} for half in halves(settings.chunks))
    chunks = {key: chunk for key, chunk in run.reading.chunks.items() if key[0] in known}
    microbatches = (
        FittingMicrobatches(folder, Microbatches(1), ranks.rank, fixed=True) if one_by_one else sitting.microbatches
    )
    means = None
    if settings.ablation == "mean":
        selection = {key: chunk for key, chunk in chunks.items() if key[1] in first}
        means = site_means(
            sitting.model,
            sitting.objective,
            index,
            selection,
            microbatches,
            folder / "means.safetensors",
            ranks,
            sitting.progress,
        )
    return measure_damage(
        sitting.model,
        sitting.objective,
        index,
        {key: chunk for key, chunk in chunks.items() if key[1] in second},
        counts.languages,
        chosen,
        random_units(chosen, settings.draws, settings.seed),
        means,
        microbatches,
        folder,
        ranks,
        sitting.progress,
    )
