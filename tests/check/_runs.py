"""A run of each kind, made by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from interfere import compare_results
from interfere.check import CheckReport, Policy, Rule, check_result
from interfere.results import Result
from tests.comparison.results import some_deltas
from tests.report._importance import make_importance
from tests.report._results import layers, make_result
from tests.report._trajectory import make_trajectory
from tests.report.test_deltas_results import make_deltas
from tests.report.test_experiment_results import make_experiment
from tests.report.test_tasks_results import make_tasks

LANGUAGES = ["de", "en", "uk"]

KINDS: Mapping[str, Callable[..., Result]] = {
    "gradients": lambda languages=LANGUAGES: make_result(languages, groups=layers(3)),
    "importance": lambda languages=LANGUAGES: make_importance(languages),
    "deltas": lambda languages=LANGUAGES: make_deltas(languages, sizes=[1e6, 1e7]),
    "tasks": lambda languages=LANGUAGES: make_tasks(languages),
    "experiment": lambda languages=("de", "en", "fr", "ru", "uk"): make_experiment(languages),
    "scout": lambda languages=LANGUAGES: make_experiment(languages, scout=(300, 900)),
    "trajectory": lambda languages=LANGUAGES: make_trajectory(languages),
}

ALL = {**KINDS, "comparison": lambda: compare_results(some_deltas(), some_deltas(drift=0.1))}
"""With the kind for which no policy is drafted, since it is the baseline's business."""

HOSTILE = ["a|b`<i>", "::error::x%0A\n", "]]>&\x00\x1b[31m", "zh[tw]", '"quoted\\', "x\u202ey", "##[add-mask]z"]


def hold(result: Result, *rules: Rule, baseline: Result | None = None) -> CheckReport:
    return check_result(result, Policy(list(rules)), baseline)


def pairs_of(rows: list[tuple[float | None, float | None, float | None]]) -> Result:
    """A run of kind `gradients` with a pair for each (corrected, ci_low, ci_high)."""
    names = [f"l{i:03d}" for i in range(len(rows) + 1)]
    own = pd.DataFrame({"language": names, "group": "body", "metric": "euclidean", "self_similarity": 0.5})
    pairs = pd.DataFrame(rows, columns=["corrected", "ci_low", "ci_high"], dtype=object)
    pairs.insert(0, "a", names[0])
    pairs.insert(1, "b", names[1:])
    pairs["group"], pairs["metric"] = "body", "euclidean"
    pairs["reason"] = np.where(pairs["corrected"].isna(), "no signal", "")
    own["ci_low"], own["ci_high"] = 0.4, 0.6
    return Result(
        kind="gradients",
        languages=names,
        tables={"pairs": pairs, "self": own},
        model={"id": "m"},
        data={},
        settings={"chunks": 16},
        environment={},
    )
