"""`analyze_gradients`: from a checkpoint and text to a result."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch

from interfere.checkpoint import Checkpoint, find_experts, map_parameters, recomputed_layers, scoped_parameters
from interfere.corpus import Corpus
from interfere.engine import (
    FittingMicrobatches,
    Group,
    LossPath,
    Microbatches,
    ProgressCallback,
    Projection,
    SharedBatches,
    choose_loss_path,
    collect,
    compute_chunks,
    group_with_experts,
    on_path,
    only_gradients_of,
    shard_model,
    smaller_microbatches,
)
from interfere.errors import InputError, RunError
from interfere.gradients._adam_state import check_second_moments
from interfere.gradients._inner_products import inner_products, needs_calibration
from interfere.gradients._record import make_result
from interfere.gradients._resume import claim_run
from interfere.gradients._run import Computed, Run
from interfere.head import give_head
from interfere.objectives import LossFunction, Objective, TokenObjective
from interfere.ranks import Ranks
from interfere.results import Result
from interfere.runs import prepare_reading, shared_folder
from interfere.settings import GradientSettings

_HELD = 0.25
"""Share of the memory budget that the gradient of a chunk may take while it is summed, before it is sketched."""


def analyze_gradients(
    checkpoint: Checkpoint | str | Path,
    corpus: Corpus | Mapping[str, Sequence[str]] | str | Path | None = None,
    objective: str | LossFunction | TokenObjective = "auto",
    settings: GradientSettings | None = None,
    *,
    second_moments: Mapping[str, torch.Tensor] | None = None,
    workdir: str | Path | None = None,
    progress: ProgressCallback | None = None,
    command: str = "",
) -> Result:
    """Measure how the gradients of languages agree, per pair and per layer, with intervals.

    Args:
        checkpoint: from `load_checkpoint`, or a model folder or hub id to be loaded with its defaults.
        corpus: from `read_corpus`, a folder of one file a language, or language → texts. None: the bundled corpus.
        objective: `auto` (what the checkpoint was trained for), `masked-lm`, `causal-lm`, `span-corruption`,
            `text-infilling`, `translation` (with `settings.source_language`), `text-classification`,
            `token-classification` (both on labelled text), or a callable (model, batch) → `LossSums`.
        settings: see `GradientSettings`.
        second_moments: parameter name → v for the `adam` metric, of the parameter's shape, as a live optimizer has it;
            instead of `settings.adam_state`.
        workdir: a folder for the vectors of finished chunks. If it holds those of an interrupted run with the same
            settings, text and weights, they are not computed again. None: a temporary folder.
        progress: called after each chunk with a `Progress`.
        command: how the run was asked for, to be recorded.

    Returns:
        A `Result` of kind `gradients`; see its tables `pairs`, `self`, `groups` and `tensors`; of a mixture of experts
        also `experts` and `expert_overlap`.

    Raises:
        InputError: settings, text or languages are wrong.
        RunError: the model cannot be loaded, text or memory does not suffice, or `workdir` is of another run.
    """
    settings = settings if settings is not None else GradientSettings()
    given = second_moments is not None
    if given and ("adam" not in settings.metrics or settings.adam_state is not None):
        raise InputError("second_moments are for the metric adam, and instead of adam_state")
    calibration = needs_calibration(settings, given=given)
    reading = prepare_reading(checkpoint, corpus, objective, settings, calibration=calibration)
    measured = reading.corpus.languages
    if settings.mixture is not None and set(settings.mixture) != set(measured):
        raise InputError(
            f"--mixture gives weights for {', '.join(sorted(settings.mixture))}; every language needs one: "
            f"{', '.join(measured)}"
        )
    scope = list(scoped_parameters(map_parameters(reading.checkpoint.model), settings.scope).values())
    if not scope:
        adapters = "; it is no PEFT adapter" if settings.scope == "adapters" else ""
        raise RunError(f"{reading.checkpoint.id}: no parameter is in --scope {settings.scope}{adapters}")
    experts = find_experts(reading.checkpoint.model, {parameter.name: parameter for parameter in scope})
    if settings.granularity == "expert" and not experts:
        raise InputError(
            f"--granularity expert: {reading.checkpoint.id} has no experts that a router chooses from; use layer, "
            "module or tensor"
        )
    grouping = group_with_experts(scope, experts, settings.granularity)
    gram = _choose_gram(settings, grouping.parts, len(measured))
    projection = Projection(settings.sketch_size if gram == "sketch" else None, settings.seed)
    if second_moments is not None:
        check_second_moments(second_moments, reading.checkpoint.model, [parameter.name for parameter in scope])
    run = Run(reading, settings, scope, grouping, projection, gram, second_moments)
    ranks = Ranks.current()
    with shared_folder(workdir, ranks) as folder:
        batch_size = _claim(run, folder, ranks)
        run = replace(run, reading=give_head(run.reading, settings, folder, ranks, progress))
        computed = _measure(run, batch_size, folder, ranks, progress)
    reading.require_two(computed.measurement.counts, "gradients")
    return make_result(run, computed, command)


def _choose_gram(settings: GradientSettings, groups: Sequence[Group], languages: int) -> str:
    """Whole gradients where they fit the budget."""
    if settings.shard:
        if settings.gram == "exact":
            raise InputError("--shard: gradients of a spread model are sketched; leave --gram exact out")
        if Ranks.current().count < 2:
            raise InputError("--shard spreads a model over processes: start several with torchrun")
        return "sketch"
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


def _claim(run: Run, folder: Path, ranks: Ranks) -> int | None:
    ranks.require_shared(folder)
    batch_size = ranks.decide(lambda: claim_run(run, folder))
    if ranks.rank > 0:
        # Each sees for itself that it has the same text and weights.
        claim_run(run, folder)
    return batch_size


def _measure(
    run: Run, batch_size: int | None, folder: Path, ranks: Ranks, progress: ProgressCallback | None
) -> Computed:
    device = next(run.reading.checkpoint.model.parameters()).device.type
    cut = Microbatches.for_device(batch_size, device)
    microbatches = FittingMicrobatches(folder, cut, ranks.rank, fixed=run.settings.shard)
    names = [parameter.name for parameter in run.scope]
    model = run.reading.checkpoint.model
    with ExitStack() as stack:
        if run.settings.shard:
            shard_model(model)
            # Said of every model whose layers return views; nothing here changes what a layer returns.
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", message="FSDP2-wrapped module")
        parameters = stack.enter_context(only_gradients_of(model, names))
        if run.settings.gradient_checkpointing:
            stack.enter_context(recomputed_layers(model))
        if run.settings.shard:
            path = LossPath("plain", "the model is spread over processes")
            objective: Objective = SharedBatches(run.reading.objective, ranks)
        else:
            path = ranks.decide(
                lambda: choose_loss_path(
                    model, run.reading.objective, parameters, run.reading.chunks.values(), microbatches.now, folder
                )
            )
            objective = on_path(run.reading.objective, path, model)
            if path.alone:
                microbatches.one_by_one()
        metrics, failed = inner_products(
            model,
            objective,
            parameters,
            run.reading.calibration,
            run.settings,
            microbatches,
            folder,
            ranks,
            progress,
            run.second_moments,
        )
        compute_chunks(
            model,
            objective,
            parameters,
            run.reading.chunks,
            run.grouping.parts,
            run.projection,
            metrics,
            folder,
            microbatches,
            failed=failed,
            experts=run.grouping.experts,
            ranks=ranks,
            shard=run.settings.shard,
            hold=not run.settings.shard
            and 4 * sum(group.parameters for group in run.grouping.parts) <= run.settings.memory_budget * _HELD,
            progress=progress,
        )
    measurement = collect(
        folder,
        run.reading.corpus.languages,
        run.settings.chunks,
        run.grouping.parts,
        run.settings.metrics,
        len(names),
        failed,
        ranks,
        len(run.grouping.experts),
    )
    return Computed(measurement, path, smaller_microbatches(folder))
