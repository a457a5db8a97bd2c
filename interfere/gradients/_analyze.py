"""`analyze_gradients`: from a checkpoint and text to a result."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from interfere.checkpoint import Checkpoint, load_checkpoint, map_parameters, recomputed_layers, scoped_parameters
from interfere.corpus import Corpus, deal_slots, read_corpus, require_languages
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
    group_parameters,
    on_path,
    only_gradients_of,
    plan_chunks,
    shard_model,
    smaller_microbatches,
)
from interfere.errors import InputError, RunError
from interfere.gradients._inner_products import inner_products, needs_calibration
from interfere.gradients._record import make_result
from interfere.gradients._resume import claim
from interfere.gradients._run import Computed, Run
from interfere.objectives import LossFunction, Objective, make_objective
from interfere.ranks import Ranks
from interfere.results import Result
from interfere.settings import GradientSettings

_HELD = 0.25
"""Share of the memory budget that the gradient of a chunk may take while it is summed, before it is sketched."""


def analyze_gradients(
    checkpoint: Checkpoint | str | Path,
    corpus: Corpus | Mapping[str, Sequence[str]] | str | Path | None = None,
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
        corpus: from `read_corpus`, a folder of one file a language, or language → texts. None: the bundled corpus.
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
            f"--mixture gives weights for {', '.join(sorted(settings.mixture))}; every language needs one: "
            f"{', '.join(corpus.languages)}"
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
    run = Run(checkpoint, corpus, deal, loss, settings, scope, groups, projection, gram, chunks, calibration)
    ranks = Ranks.current()
    with ExitStack() as stack:
        if workdir is None:
            own = stack.enter_context(tempfile.TemporaryDirectory(prefix="interfere-"))
            folder = Path(ranks.decide(lambda: own))
        else:
            folder = Path(workdir)
            folder.mkdir(parents=True, exist_ok=True)
        computed = _measure(run, folder, ranks, progress)
        # The first process's folder must not go before the others are done with it.
        ranks.wait()
    measurement = computed.measurement
    if len(measurement.languages) - len(measurement.failed) < 2:
        reasons = "; ".join(f"{language!r}: {reason}" for language, reason in measurement.failed.items())
        raise RunError(f"fewer than two languages have finite gradients. {reasons}")
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


def _measure(run: Run, folder: Path, ranks: Ranks, progress: ProgressCallback | None) -> Computed:
    ranks.require_shared(folder)
    batch_size = ranks.decide(lambda: claim(run, folder))
    if ranks.rank > 0:
        # Each sees for itself that it has the same text and weights.
        claim(run, folder)
    device = next(run.checkpoint.model.parameters()).device.type
    cut = Microbatches.for_device(batch_size, device)
    microbatches = FittingMicrobatches(folder, cut, ranks.rank, fixed=run.settings.shard)
    names = [parameter.name for parameter in run.scope]
    model = run.checkpoint.model
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
            objective: Objective = SharedBatches(run.objective, ranks)
        else:
            path = ranks.decide(
                lambda: choose_loss_path(
                    model, run.objective, parameters, run.chunks.values(), microbatches.now, folder
                )
            )
            objective = on_path(run.objective, path, model)
        metrics, failed = inner_products(
            model, objective, parameters, run.calibration, run.settings, microbatches, folder, ranks, progress
        )
        compute_chunks(
            model,
            objective,
            parameters,
            run.chunks,
            run.groups,
            run.projection,
            metrics,
            folder,
            microbatches,
            failed=failed,
            ranks=ranks,
            shard=run.settings.shard,
            hold=not run.settings.shard
            and 4 * sum(group.parameters for group in run.groups) <= run.settings.memory_budget * _HELD,
            progress=progress,
        )
    measurement = collect(
        folder, run.corpus.languages, run.settings.chunks, run.groups, run.settings.metrics, len(names), failed, ranks
    )
    return Computed(measurement, path, smaller_microbatches(folder))
