"""Results of kind `experiment` made by hand, and that they look like real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from zlib import crc32

import pandas as pd

from interfere.experiment import run_experiment
from interfere.experiment._predict import PREDICTORS, prediction_table
from interfere.report import _experiment_predicted, findings, terminal_report, write_run
from interfere.report._html import html_report
from interfere.results import Result, load_result
from interfere.settings import ExperimentSettings
from interfere.statistics._predictors import LEAST_PAIRS
from tests.experiment.small import small_corpus, small_settings
from tests.report._page import Reader

NAN = float("nan")
SHARES = (0.03, 0.1, 0.3, 1.0)
Relative = Callable[[str, str, str, float], float]
"""(kind, language, partners, width) → relative difference at the end."""


def noise(*of: object) -> float:
    """Between 0 and 1, the same each time."""
    return crc32(" ".join(map(str, of)).encode("utf-8", "replace")) % 1000 / 1000


def usual(kind: str, language: str, partners: str, width: float) -> float:
    level = {"half": -0.06, "clone": 0.03, "pair": 0.02, "triple": 0.03, "all": 0.05}[kind]
    return (level + 0.06 * (noise(kind, language, partners) - 0.5)) * 16 / width


def make_experiment(
    languages: Sequence[str],
    kinds: Sequence[str] = ("half", "clone", "pair", "all"),
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
    widths: Sequence[int] = (16,),
    text: Sequence[float] = (1.0,),
    relative: Relative = usual,
    half_width: float = 0.015,
    q_value: Callable[[str, str, str], float] | None = None,
    failed: Sequence[str] = (),
    scout: Sequence[int] = (),
    one_seed: bool = False,
    curves: bool = True,
    conflict: bool = True,
    slope: float = -0.05,
    settings: Mapping[str, object] | None = None,
    warnings: Sequence[str] = (),
) -> Result:
    """A result of kind `experiment`.

    Args:
        languages: are sorted.
        kinds: of mixtures.
        pairs: of the mixtures of two; None: all.
        widths: of models.
        text: shares of the training text.
        relative: the differences at the end.
        half_width: of relative intervals.
        q_value: of kind, language and partners; None: small where the interval is clear of 0.
        failed: languages without numbers.
        scout: updates of short runs; none: full ones.
        one_seed: without intervals.
        curves: whether moments of training before the end were kept.
        conflict: whether gradients were looked at.
        slope: how conflict falls with the difference of a pair.
        settings: that differ from the usual ones.
        warnings: of the run.
    """
    languages = sorted(languages)
    cases = list(_cases(languages, kinds, pairs))
    lengths = tuple(scout) or (3000,)
    deltas, in_curves, in_conflict, predictors, in_scout = [], [], [], [], []
    for kind, mixture, language, partners in cases:
        for width in widths:
            for share in text:
                value = NAN if language in failed else relative(kind, language, partners, width) / share
                key = {"kind": kind, "mixture": mixture, "language": language, "partners": partners}
                key |= {"width": width, "text": share}
                half = NAN if one_seed else half_width
                for updates in lengths:
                    own = value if not scout else value * (updates / 3000) ** 0.2
                    q = NAN if half != half or own != own else 0.0004 if abs(own) > half else 0.6
                    q = q_value(kind, language, partners) if q_value else q
                    decided = q <= 0.05
                    verdict = ("interference" if own > 0 else "transfer") if decided else "undetermined"
                    reason = "" if decided else "the interval over seeds and documents is not clear of 0"
                    reason = "one seed says nothing about another; train with at least 2" if one_seed else reason
                    row = {**key, "updates": updates} | _numbers(own, half)
                    row |= {"p_value": q / 2, "q_value": q, "verdict": verdict, "reason": reason}
                    deltas.append(row | {"seeds": 1 if one_seed else 3, "documents": 166})
                for moment in SHARES if curves and not scout else ():
                    own = value * moment**0.3 + 0.02 * (1 - moment) * (noise(mixture, language, moment) - 0.7)
                    in_curves.append({**key, "updates": 3000, "share": moment} | _numbers(own, half) | {"seeds": 3})
                if scout:
                    row = {**key, "updates": 3000, **_numbers(value, 2 * half)}
                    for name in ("delta", "ci_low", "ci_high"):
                        del row[name]
                    lengths_said = " ".join(map(str, lengths))
                    in_scout.append(row | {"slope": 0.01, "lengths": lengths_said, "seeds": 3})
                if kind == "pair":
                    both = [
                        relative(kind, *sides, width) / share for sides in ((language, partners), (partners, language))
                    ]
                    angle = 0.2 + 10 * slope * sum(both) + 0.1 * (noise(mixture) - 0.5)
                    row = {"pair": mixture, "language": language, "partner": partners, "width": width, "text": share}
                    row |= {"relative": value, "early_share": 0.1, "conflict": angle if conflict else NAN}
                    row |= {"transfer": angle + 0.1 * noise(mixture, language) if conflict else NAN}
                    row |= {
                        "overlap": noise(mixture, "o"),
                        "early_delta": 0.8 * value + 0.02 * noise(mixture, language),
                    }
                    predictors.append(row)
    for kind, mixture in dict.fromkeys((kind, mixture) for kind, mixture, *_ in cases) if conflict else ():
        members = mixture.split("+") if kind != "all" else languages[:3]
        for a, b in list(combinations(members, 2))[:3]:
            for width in widths:
                for moment in SHARES:
                    for group in ("body", "decoder.0"):
                        c = -0.2 + 0.8 * noise(a, b) + 0.1 * moment
                        in_conflict.append(
                            {"kind": kind, "mixture": mixture, "a": a, "b": b, "group": group, "width": width}
                            | {"text": 1.0, "share": moment, "seeds": 3, "cosine": c * 0.4, "corrected": c}
                            | {"transfer_ab": c, "transfer_ba": c, "self_a": 0.5 - 0.3 * moment, "self_b": 0.4}
                            | {"ci_low": c - 0.15, "ci_high": c + 0.15}
                        )
    tables = {"deltas": pd.DataFrame(deltas)}
    if scout:
        tables["scout"] = pd.DataFrame(in_scout)
    else:
        columns = ["pair", "language", "partner", "width", "text", "relative", "early_share", *PREDICTORS]
        tables["curves"] = pd.DataFrame(in_curves, columns=None if in_curves else ["kind", "share", "relative"])
        tables["conflict"] = pd.DataFrame(in_conflict, columns=None if in_conflict else ["kind", "group", "share"])
        tables["predictors"] = pd.DataFrame(predictors, columns=columns)
        tables["predictions"] = _predictions(tables["predictors"])
    tables["quality"] = pd.DataFrame(
        {"model": f"m{i}", "kind": "mono", "mixture": a, "language": a, "width": w, "text": 1.0, "seed": 0}
        | {"update": 3000, "share": 1.0, "bits_per_byte": 2 + noise(a), "bits_per_token": 2.0, "documents": 166}
        for i, a in enumerate(languages)
        for w in widths
    )
    tables["models"] = pd.DataFrame(
        {"model": f"{mixture}-w{w}-s{seed}", "kind": kind, "mixture": mixture, "width": w, "text": 1.0, "seed": seed}
        | {"updates": 3000, "parameters": 700 * w, "seconds": 4.2, "training_loss": 2.1, "folder": f"f{seed}"}
        for kind, mixture in [*(("mono", a) for a in languages), *dict.fromkeys((k, m) for k, m, *_ in cases)]
        for w in widths
        for seed in range(1 if one_seed else 3)
    )
    chosen = ExperimentSettings(
        mixtures=("pairs",), widths=tuple(widths), text=tuple(text), scout=tuple(n / 3000 for n in scout)
    )
    return Result(
        kind="experiment",
        languages=languages,
        tables=tables,
        model={"id": f"{len(tables['models'])} models trained for this", "objective": "causal-lm"},
        data={a: {"documents": 166, "bytes": 25_012, "training_bytes": 267_149} for a in languages},
        settings={**asdict(chosen), **(settings or {})},
        environment={"date": "2026-01-02T03:04:05"},
        warnings=list(warnings),
        command="interfere experiment --data text",
    )


def _predictions(predictors):
    """The table of predictions; of many pairs with intervals that are not resampled, which takes seconds."""
    if predictors["pair"].nunique() < LEAST_PAIRS:
        return prediction_table(predictors)
    rows = []
    for (width, share), own in predictors.groupby(["width", "text"], sort=False):
        for name in PREDICTORS:
            known = own.dropna(subset=[name, "relative"])
            value = known[name].rank().corr(known["relative"].rank()) if len(known) else NAN
            within = NAN if name in ("conflict", "overlap") or not len(known) else 0.6
            row = {"predictor": name, "width": width, "text": share, "correlation": value}
            row |= {"ci_low": value - 0.2, "ci_high": min(value + 0.2, 1.0), "within": within}
            rows.append(row | {"pairs": known["pair"].nunique(), "rows": len(known)})
    return pd.DataFrame(rows)


def _cases(languages, kinds, pairs):
    """(kind, mixture, language, partners) of every comparison."""
    for kind in kinds:
        if kind in ("half", "clone"):
            yield from ((kind, f"{a}+{a}/{kind}", a, f"{a}/{kind}") for a in languages)
            continue
        groups = {"pair": pairs or list(combinations(languages, 2)), "triple": list(combinations(languages, 3))}
        for group in groups.get(kind, [tuple(languages)]):
            for a in group:
                yield kind, "+".join(group), a, ", ".join(b for b in group if b != a)


def _numbers(value: float, half: float) -> dict[str, float]:
    out = {"delta": 2 * value, "ci_low": 2 * (value - half), "ci_high": 2 * (value + half)}
    return out | {"relative": value, "relative_ci_low": value - half, "relative_ci_high": value + half}


def test_results_made_by_hand_have_the_columns_of_real_ones(tmp_path):
    settings = small_settings(mixtures=("half", "pairs"), seeds=2, conflict_chunks=4, conflict_tokens=32)
    real = run_experiment(small_corpus(("de", "en")), settings, workdir=tmp_path / "work")
    made = make_experiment(["de", "en"], ["half", "pair"])
    assert set(made.tables) == set(real.tables)
    for name, table in real.tables.items():
        assert set(made.tables[name].columns) == set(table.columns), name
    assert set(made.settings) == set(real.settings)
    write_run(real, tmp_path)
    Reader((tmp_path / "report.html").read_text(encoding="utf-8"))
    drawn = sorted(p.stem for p in (tmp_path / "figures").glob("*.svg"))
    assert drawn == ["conflict", "curves", "forest", "matrix", "predict"]
    stored = load_result(tmp_path)
    assert findings(stored) == findings(real)
    assert html_report(stored, []) == html_report(real, [])


def test_short_runs_made_by_hand_have_the_columns_of_real_ones(tmp_path):
    settings = small_settings(mixtures=("pairs",), scout=(0.25, 0.5), conflict_chunks=0)
    real = run_experiment(small_corpus(("de", "en")), settings, workdir=tmp_path)
    made = make_experiment(["de", "en"], ["pair"], scout=(3, 6))
    assert set(made.tables) == set(real.tables)
    for name, table in real.tables.items():
        assert set(made.tables[name].columns) == set(table.columns), name
    assert "nan" not in " ".join(findings(real)) + terminal_report(real)


def test_what_is_too_few_pairs_is_what_the_statistics_say():
    assert _experiment_predicted.LEAST_PAIRS == LEAST_PAIRS
    assert set(_experiment_predicted.EXPECTED) == set(PREDICTORS)
