"""From what trained models make of held-out text to a result: tables, counts, versions, warnings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from interfere.corpus import Document, language_sha256
from interfere.deltas import source_numbers
from interfere.experiment._conflict import conflict_table, early_share
from interfere.experiment._measure import Measures
from interfere.experiment._plan import Match
from interfere.experiment._predict import prediction_table, predictor_table
from interfere.experiment._prepare import Prepared
from interfere.experiment._spec import JobSpec
from interfere.experiment._text import Split
from interfere.results import Result
from interfere.runs import environment_facts
from interfere.settings import ExperimentSettings
from interfere.statistics import MatchedDocuments, extrapolate, matched_rows

CASE = ("kind", "mixture", "language", "partners", "width", "text", "updates")
"""What tells one comparison from another, over all seeds."""

_FEW_SEEDS = 3
_OFTEN = 20


@dataclass(frozen=True)
class Trained:
    """A model and what it makes of held-out text."""

    spec: JobSpec
    measures: Measures


@dataclass(frozen=True)
class _Case:
    """Matched models of one mixture and language, seed by seed."""

    key: tuple[Any, ...]
    language: str
    matches: Sequence[Match]


def make_result(
    settings: ExperimentSettings,
    split: Split,
    held_out: Mapping[str, Sequence[Document]],
    prepared: Prepared,
    trained: Sequence[Sequence[Trained]],
    matches: Sequence[Sequence[Match]],
    models: Path,
    command: str,
) -> Result:
    """Put together all that an experiment has found.

    Args:
        settings: as given.
        split: the text.
        held_out: language → what was read of it.
        prepared: the tokenizer and the training text.
        trained: the models of each length of training.
        matches: which of them are compared, likewise.
        models: where the models are.
        command: how the run was asked for.
    """
    measures = {each.spec.folder: each.measures for own in trained for each in own}
    cases = _cases([match for own in matches for match in own])
    tables = {"deltas": _deltas(cases, measures, held_out)}
    if settings.scout:
        tables["scout"] = _scout(cases, measures, settings)
    else:
        tables["curves"] = _curves(cases, measures, held_out)
        tables["conflict"] = conflict_table([each for own in trained for each in own])
        early = early_share(tables["curves"])
        tables["predictors"] = predictor_table(tables, split, early)
        tables["predictions"] = prediction_table(tables["predictors"])
    everything = [each for own in trained for each in own]
    tables["quality"] = _quality(everything)
    tables["models"] = _models(everything, models)
    first = everything[0].spec
    return Result(
        kind="experiment",
        languages=list(split.train.languages),
        tables=tables,
        model={
            "id": f"{len(everything)} models trained for this",
            "architecture": first.config.get("model_type"),
            "objective": "causal-lm" if first.architecture == "decoder" else "masked-lm",
            "parameters": int(tables["models"]["parameters"].iloc[0]),
            "vocabulary": prepared.vocabulary,
        },
        data={language: _data(split, language, held_out[language], prepared) for language in split.train.languages},
        settings=asdict(settings),
        environment=environment_facts(),
        warnings=[f"{line}." for line in split.warnings] + _warnings(settings, prepared),
        command=command,
    )


def _cases(matches: Sequence[Match]) -> list[_Case]:
    found: dict[tuple[Any, ...], list[Match]] = {}
    for match in matches:
        spec = match.mixture
        names = [member.name for member in spec.members]
        partners = ", ".join(name for name in names if name != match.language)
        own = next(member for member in spec.members if member.name == match.language)
        key = (spec.kind, "+".join(names), match.language, partners, spec.width, spec.text, own.updates)
        found.setdefault(key, []).append(match)
    return [_Case(key, key[2], sorted(own, key=lambda match: match.mixture.seed)) for key, own in found.items()]


def _documents(
    case: _Case, measures: Mapping[str, Measures], held_out: Mapping[str, Sequence[Document]], point: int
) -> MatchedDocuments:
    """The bits of both sides at one of the moments of training that were kept."""

    def of(spec: JobSpec) -> np.ndarray[Any, np.dtype[np.float64]]:
        return measures[spec.folder].bits[spec.checkpoints[point], case.language]

    one = np.stack([of(match.mixture) for match in case.matches])
    two = np.stack([of(match.mono) for match in case.matches])
    return MatchedDocuments(one[:, 0], one[:, 1], two[:, 0], two[:, 1], source_numbers(held_out[case.language]))


def _deltas(
    cases: Sequence[_Case], measures: Mapping[str, Measures], held_out: Mapping[str, Sequence[Document]]
) -> pd.DataFrame:
    """One row a mixture, language and capacity; q-values are over all of them."""
    rows = matched_rows([_documents(case, measures, held_out, -1) for case in cases])
    return pd.concat([pd.DataFrame([case.key for case in cases], columns=list(CASE)), rows], axis=1)


def _curves(
    cases: Sequence[_Case], measures: Mapping[str, Measures], held_out: Mapping[str, Sequence[Document]]
) -> pd.DataFrame:
    """The same differences at every moment of training that was kept."""
    frames = []
    for case in cases:
        spec = case.matches[0].mixture
        found = matched_rows([_documents(case, measures, held_out, point) for point in range(len(spec.checkpoints))])
        kept = found[["delta", "ci_low", "ci_high", "relative", "relative_ci_low", "relative_ci_high", "seeds"]]
        kept.insert(0, "share", [update / spec.updates for update in spec.checkpoints])
        frames.append(pd.concat([pd.DataFrame([case.key] * len(kept), columns=list(CASE)), kept], axis=1))
    columns = [*CASE, "share", "delta", "ci_low", "ci_high", "relative"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _scout(cases: Sequence[_Case], measures: Mapping[str, Measures], settings: ExperimentSettings) -> pd.DataFrame:
    """One row a mixture, language and capacity: the difference that full length would give."""
    groups: dict[tuple[Any, ...], list[_Case]] = {}
    for case in cases:
        groups.setdefault(case.key[:-1], []).append(case)
    rows = []
    for key, own in groups.items():
        own = sorted(own, key=lambda case: float(case.key[-1]))
        values = np.array([[_log_ratio(match, case.language, measures) for match in case.matches] for case in own]).T
        ratio = settings.updates / max(1, round(max(settings.scout) * settings.updates))
        lengths = [float(case.key[-1]) for case in own]
        found = extrapolate(lengths, values, lengths[-1] * ratio)
        relative = np.expm1([found.value, found.low, found.high])
        rows.append(
            {
                **dict(zip(CASE[:-1], key, strict=True)),
                "updates": round(lengths[-1] * ratio),
                "relative": relative[0],
                "relative_ci_low": relative[1],
                "relative_ci_high": relative[2],
                "slope": found.slope,
                "lengths": " ".join(f"{length:g}" for length in lengths),
                "seeds": len(own[0].matches),
            }
        )
    return pd.DataFrame(rows)


def _log_ratio(match: Match, language: str, measures: Mapping[str, Measures]) -> float:
    values = []
    for spec in (match.mixture, match.mono):
        bits, sizes, _ = measures[spec.folder].bits[spec.checkpoints[-1], language]
        values.append(np.nansum(bits) / sizes[np.isfinite(bits)].sum())
    return float(np.log(values[0] / values[1]))


def _quality(trained: Sequence[Trained]) -> pd.DataFrame:
    """One row a model, moment and language: bits per byte of all held-out documents."""
    rows = []
    for each in trained:
        spec = each.spec
        for (update, language), (bits, sizes, tokens) in each.measures.bits.items():
            known = np.isfinite(bits)
            rows.append(
                {
                    "model": spec.name,
                    "kind": spec.kind,
                    "mixture": "+".join(member.name for member in spec.members),
                    "language": language,
                    "width": spec.width,
                    "text": spec.text,
                    "seed": spec.seed,
                    "update": update,
                    "share": update / spec.updates,
                    "bits_per_byte": float(bits[known].sum() / sizes[known].sum()),
                    "bits_per_token": float(bits[known].sum() / tokens[known].sum()),
                    "documents": int(known.sum()),
                }
            )
    return pd.DataFrame(rows)


def _models(trained: Sequence[Trained], root: Path) -> pd.DataFrame:
    """One row a model: what it is, how long it took, and what its training loss came to."""
    rows = []
    for each in trained:
        spec, folder = each.spec, Path(each.spec.folder)
        job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        log = json.loads((folder / "log.json").read_text(encoding="utf-8"))
        own = log["loss"][spec.members[0].name]
        rows.append(
            {
                "model": spec.name,
                "kind": spec.kind,
                "mixture": "+".join(member.name for member in spec.members),
                "width": spec.width,
                "text": spec.text,
                "seed": spec.seed,
                "updates": spec.updates,
                "parameters": job["parameters"],
                "seconds": job["seconds"],
                "training_loss": next((value for value in reversed(own) if value is not None), None),
                "folder": folder.relative_to(root.resolve()).as_posix(),
            }
        )
    return pd.DataFrame(rows)


def _data(split: Split, language: str, held_out: Sequence[Document], prepared: Prepared) -> dict[str, Any]:
    stream = prepared.streams[language]
    return {
        "origin": split.train.origin.get(language),
        "documents": len(held_out),
        "documents_given": len(split.held_out.documents[language]),
        "unused": len(split.held_out.documents[language]) - len(held_out),
        "skipped": dict(split.train.skipped.get(language, {})),
        "bytes": sum(len(document.text.encode()) for document in held_out),
        "training_documents": stream.documents,
        "training_bytes": stream.bytes,
        "training_tokens": stream.tokens,
        "sha256": language_sha256(split.held_out, language),
    }


def _warnings(settings: ExperimentSettings, prepared: Prepared) -> list[str]:
    out = []
    if settings.seeds < _FEW_SEEDS:
        out.append(
            f"{settings.seeds} seeds say next to nothing about how trainings differ: intervals are very wide. Give "
            f"--seeds {_FEW_SEEDS} or more."
        )
    read = settings.updates * settings.batch_size * settings.context
    often = {name: read / stream.tokens for name, stream in prepared.streams.items() if read > _OFTEN * stream.tokens}
    if often:
        worst = max(often, key=often.__getitem__)
        out.append(
            f"Training reads the text of {', '.join(often)} more than {_OFTEN} times ({worst} {often[worst]:.0f} "
            "times): held-out loss may rise again. Check the curves, and give more text or fewer --updates."
        )
    return out
