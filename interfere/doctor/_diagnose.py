"""`diagnose`: what would be analysed, and whether it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from interfere.checkpoint import Checkpoint, load_checkpoint, map_parameters, scoped_parameters
from interfere.checkpoint._quiet import quiet
from interfere.corpus import Corpus, require_languages
from interfere.doctor._overlap import overlap_checks, overlap_rows
from interfere.doctor._parameters import objective_reason, parameter_checks, part_rows
from interfere.doctor._read import Read, read_with
from interfere.doctor._text import Plan, plan, shared_checks, shared_texts, text_checks, with_chunk_tokens
from interfere.doctor._tokenizer import coverage_checks, tokenize_language, vocabulary_checks
from interfere.doctor._types import Check, Diagnosis, LanguageFacts
from interfere.engine import Progress, ProgressCallback
from interfere.errors import InputError, RunError
from interfere.gradients._inner_products import needs_calibration
from interfere.objectives import (
    Classification,
    LossFunction,
    Objective,
    Sources,
    TokenObjective,
    make_objective,
    require_known_labels,
)
from interfere.runs import measured_text, model_facts, read_text, signal_warnings
from interfere.settings import GradientSettings

_UNREADABLE = ("weights", "gradients-possible", "vocabulary")
"""Checks without which the model is not run."""


def diagnose(
    checkpoint: Checkpoint | str | Path,
    corpus: Corpus | Mapping[str, Sequence[str]] | str | Path | None = None,
    objective: str | LossFunction | TokenObjective = "auto",
    settings: GradientSettings | None = None,
    *,
    progress: ProgressCallback | None = None,
) -> Diagnosis:
    """Examine what `analyze_gradients` would analyse with the same arguments, and whether it could be trusted.

    The model reads three documents of each language, four documents in several batches, and the largest microbatch;
    the tokenizer reads up to 200 documents of each language, and what the chunks take. What is wrong with the
    checkpoint or with the text becomes a check that fails, and is no error.

    Args:
        checkpoint: from `load_checkpoint`, or a model folder or hub id to be loaded with its defaults.
        corpus: from `read_corpus`, a folder of one file a language, or language → texts. None: the bundled corpus.
        objective: as for `analyze_gradients`.
        settings: those of the run in question.
        progress: called after each language with a `Progress`.

    Returns:
        A `Diagnosis`; its `passed` says whether no check failed.

    Raises:
        InputError: settings, text or languages are wrong.
        RunError: the model cannot be loaded.
    """
    settings = settings if settings is not None else GradientSettings()
    if settings.shard:
        raise InputError("--shard: a model is examined in one process; leave it out")
    corpus = read_text(checkpoint, corpus, objective)
    require_languages(corpus)
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = load_checkpoint(checkpoint, objective=objective if isinstance(objective, str) else "auto")
    name = checkpoint.objective if objective == "auto" else objective
    corpus, sources = measured_text(corpus, name, settings.source_language)
    require_languages(corpus)
    with quiet():
        return _examine(checkpoint, corpus, sources, objective, settings, progress)


def refused(model: str, reason: str) -> Diagnosis:
    """The diagnosis of a checkpoint that does not load.

    Args:
        model: its folder or name.
        reason: what the loader said.
    """
    return Diagnosis({"id": model}, {}, (Check("loading", "fail", f"{_sentence(reason)} Nothing else was examined."),))


def _examine(
    checkpoint: Checkpoint,
    corpus: Corpus,
    sources: Sources | None,
    asked: str | LossFunction | TokenObjective,
    settings: GradientSettings,
    progress: ProgressCallback | None,
) -> Diagnosis:
    objective, about = _objective(checkpoint, sources, asked, settings)
    if isinstance(objective, Classification):
        require_known_labels(corpus, objective)
    name = objective.name if objective is not None else checkpoint.objective
    checks = [about, *parameter_checks(checkpoint, settings), *vocabulary_checks(checkpoint)]
    if isinstance(objective, TokenObjective):
        checks += [Check("language-signal", "warn", each) for each in signal_warnings(model_facts(checkpoint, name))]

    texts = []
    for done, language in enumerate(corpus.languages, start=1):
        texts.append(tokenize_language(checkpoint, corpus, language, objective))
        _tell(progress, "text", done, corpus, language)
    shared, overlap = shared_texts(corpus), overlap_rows(texts)
    planned = Plan({}, {}, {})
    checks += coverage_checks(texts)
    if objective is not None:
        planned = plan(corpus, objective, settings, calibration=needs_calibration(settings))
        checks += text_checks(texts, planned, settings)
    checks += [*shared_checks(shared), *overlap_checks(overlap)]

    parameters = map_parameters(checkpoint.model)
    scope = list(scoped_parameters(parameters, settings.scope).values())
    read = Read()
    if objective is not None and scope and not any(c.status == "fail" and c.name in _UNREADABLE for c in checks):
        examples = {each.facts.language: [e for own in each.examples for e in own] for each in texts}
        heard: list[str] = []

        def tell(language: str) -> None:
            heard.append(language)
            _tell(progress, "model", len(heard), corpus, language)

        read = read_with(checkpoint, objective, scope, examples, planned, settings, tell)
        checks += read.checks
    return Diagnosis(
        model=model_facts(checkpoint, name),
        settings=_recorded(checkpoint, objective, settings, read),
        checks=tuple(checks),
        parts=part_rows(parameters, [info.name for info in scope]),
        languages=tuple(_with_loss(with_chunk_tokens(each.facts, planned), read) for each in texts),
        overlap=overlap,
        shared=shared,
        gaps=read.gaps,
        cost=read.cost,
    )


def _objective(
    checkpoint: Checkpoint,
    sources: Sources | None,
    asked: str | LossFunction | TokenObjective,
    settings: GradientSettings,
) -> tuple[Objective | None, Check]:
    """The loss, None where the checkpoint has none that works, and what there is to say of it."""
    if isinstance(asked, TokenObjective):
        return asked, _about_objective(asked, "an objective of your own")
    try:
        made = make_objective(
            asked,
            checkpoint,
            max_length=settings.max_length,
            mask_passes=settings.mask_passes,
            seed=settings.seed,
            sources=sources,
        )
    except RunError as error:
        return None, Check("objective", "fail", _sentence(str(error)))
    own = callable(asked)
    return made, _about_objective(made, "a loss of your own" if own else objective_reason(checkpoint))


def _about_objective(objective: Objective, why: str) -> Check:
    text = f"{objective.name}: {why}. Documents are cut at {objective.max_length} tokens."
    return Check("objective", "ok", text)


def _sentence(text: str) -> str:
    first, space, rest = text.partition(" ")
    # What begins with a path or a name is left as it is written.
    return f"{first[:1].upper() + first[1:] if first.isalpha() else first}{space}{rest}".rstrip(".") + "."


def _tell(progress: ProgressCallback | None, phase: str, done: int, corpus: Corpus, language: str) -> None:
    if progress is not None:
        progress(Progress(phase, done, len(corpus.languages), language))


def _with_loss(facts: LanguageFacts, read: Read) -> LanguageFacts:
    loss = read.losses.get(facts.language)
    return replace(facts, loss=loss, guessing=loss / read.guessing if loss is not None and read.guessing else None)


def _recorded(
    checkpoint: Checkpoint, objective: Objective | None, settings: GradientSettings, read: Read
) -> dict[str, Any]:
    """The settings that matter, with what would be chosen for those left open."""
    parameter = next(checkpoint.model.parameters())
    return {
        "scope": settings.scope,
        "granularity": settings.granularity,
        "metrics": list(settings.metrics),
        "chunks": settings.chunks,
        "tokens_per_chunk": settings.tokens_per_chunk,
        "mask_passes": settings.mask_passes,
        "max_length": objective.max_length if objective is not None else settings.max_length,
        "batch_size": settings.batch_size,
        "gradient_checkpointing": settings.gradient_checkpointing,
        "gram": read.cost.gram if read.cost is not None else settings.gram,
        "sketch_size": settings.sketch_size,
        "memory_budget": settings.memory_budget,
        "seed": settings.seed,
        "dtype": str(parameter.dtype).removeprefix("torch."),
        "device": parameter.device.type,
    }
