"""From predictions to tables; NumPy, SciPy and pandas only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from interfere.statistics._verdicts import q_values
from interfere.tasks._interval import difference_estimate, score_estimate
from interfere.tasks._scores import Counts, f1, label_counts, span_counts
from interfere.tasks._types import LabelledCorpus, UnitPredictions

BETTER, WORSE, UNDETERMINED = "better", "worse", "undetermined"

ALPHA = 0.05
"""Level of q-values for a verdict; intervals hold 1 − this."""

CountTable = Mapping[tuple[str, str, str], Counts]
"""(model, train, test) → counts of each seed and item, shape (S, n, 3)."""

SCORE_COLUMNS = [
    *("model", "role", "train", "test", "zero_shot"),
    *("score", "ci_low", "ci_high", "seed_sd", "seeds", "items", "majority_baseline"),
]
DELTA_COLUMNS = [
    *("multilingual", "monolingual", "train", "test", "zero_shot"),
    *("delta", "ci_low", "ci_high", "p_value", "q_value", "verdict", "reason", "seeds", "items"),
]
UNIT_COLUMNS = ["model", "train", "seed", "test", "score", "items", "cut", "unread", "loss", "steps"]


def count_all(units: Sequence[UnitPredictions], corpus: LabelledCorpus) -> dict[tuple[str, str, str], Counts]:
    """Counts per seed and item of each model, training language and test language.

    Args:
        units: predictions; of one model and language all seeds, in the same order for all.
        corpus: the gold labels.
    """
    rows: dict[tuple[str, str, str], list[Counts]] = {}
    for unit in units:
        for language, items in corpus.test.items():
            predicted = unit.predictions[language]
            gold = [item.labels for item in items]
            counts = (
                span_counts(gold, predicted)
                if corpus.task == "token-classification"
                else label_counts([own[0] for own in gold], [other[0] for other in predicted])
            )
            rows.setdefault((unit.model, unit.train, language), []).append(counts)
    return {key: np.stack(counts) for key, counts in rows.items()}


def unit_table(units: Sequence[UnitPredictions], corpus: LabelledCorpus) -> pd.DataFrame:
    """One row per fine-tuned model and test language: its score, and what it could not read."""
    rows = []
    for unit in units:
        scores = {key[2]: float(f1(counts)[0]) for key, counts in count_all([unit], corpus).items()}
        for language, score in scores.items():
            part = f"test {language}"
            found = (score, len(corpus.test[language]), unit.cut[part], unit.unread[part], unit.loss, unit.steps)
            rows.append((unit.model, unit.train, unit.seed, language, *found))
    return pd.DataFrame(rows, columns=UNIT_COLUMNS)


def score_table(counts: CountTable, roles: Mapping[str, str], corpus: LabelledCorpus) -> pd.DataFrame:
    """The table `task_scores`: one row per model, training language and test language.

    `score` is the mean over seeds of accuracy, or of micro-averaged span F1; `ci_low` and `ci_high` are its 95 %
    interval over seeds and test items (see `interfere.tasks._interval`), null with fewer than 2 seeds; `seed_sd` is the
    standard deviation over seeds. `majority_baseline` is the score of always giving the most frequent label of the
    training set; of spans it is 0, since that tag is `O`.

    Args:
        counts: of `count_all`.
        roles: model → `multilingual` or `monolingual`.
        corpus: for the baseline.
    """
    rows = []
    for (model, train, test), table in counts.items():
        estimate = score_estimate(table)
        seeds, items = table.shape[:2]
        spread = float(f1(table).std(ddof=1)) if seeds > 1 else float("nan")
        interval = (estimate.value, estimate.low, estimate.high, spread)
        baseline = majority_baseline(corpus, train, test)
        rows.append((model, roles[model], train, test, train != test, *interval, seeds, items, baseline))
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def majority_baseline(corpus: LabelledCorpus, train: str, test: str) -> float:
    """The score on one language's test items of always giving another's most frequent training label."""
    if corpus.task == "token-classification":
        return 0.0
    frequent = Counter(item.labels[0] for item in corpus.train[train])
    label = max(sorted(frequent), key=frequent.__getitem__)
    return float(np.mean([item.labels[0] == label for item in corpus.test[test]]))


def delta_table(counts: CountTable, roles: Mapping[str, str]) -> pd.DataFrame:
    """The table `task_deltas`: multilingual minus monolingual model, fine-tuned and tested on the same languages.

    Differences are paired by seed, which draws the same head (where the architectures agree) and the same order of the
    data, and by test item. `q_value` is Benjamini–Hochberg over all rows. `better` and `worse` need q ≤ 0.05; all else
    is `undetermined`, with a `reason`.

    Args:
        counts: of `count_all`.
        roles: model → `multilingual` or `monolingual`.
    """
    rows = []
    for (model, train, test), table in counts.items():
        if roles[model] != "multilingual":
            continue
        for (other, other_train, other_test), own in counts.items():
            if roles[other] != "monolingual" or (train, test) != (other_train, other_test):
                continue
            estimate = difference_estimate(table, own)
            same = bool(np.array_equal(table, own))
            interval = (estimate.value, estimate.low, estimate.high, estimate.p_value)
            rows.append((model, other, train, test, train != test, *interval, *table.shape[:2], same))
    names = [name for name in DELTA_COLUMNS if name not in ("q_value", "verdict", "reason")]
    found = pd.DataFrame(rows, columns=[*names, "same"])
    found["q_value"] = q_values(found["p_value"].to_numpy(dtype=np.float64))
    judged = [_judge(*row) for row in zip(found["delta"], found["q_value"], found["seeds"], found["same"], strict=True)]
    found["verdict"] = [verdict for verdict, _ in judged]
    found["reason"] = [reason for _, reason in judged]
    return found[DELTA_COLUMNS]


def _judge(delta: float, q: float, seeds: int, same: bool) -> tuple[str, str]:
    if same:
        return UNDETERMINED, "the two models are right and wrong in the very same places, with every seed"
    if np.isnan(q):
        return UNDETERMINED, f"{seeds} seed gives no interval" if seeds < 2 else "too few test items for an interval"
    if q <= ALPHA and delta != 0:
        return (BETTER, "") if delta > 0 else (WORSE, "")
    return UNDETERMINED, "not surely different from 0 over seeds and test items"
