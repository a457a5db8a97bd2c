"""One row per group and pair of languages: cosines, intervals, tests, verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from interfere.statistics._kernels import FEWEST_SLOTS, Floats, Variance, kernel
from interfere.statistics._pair import Languages, Levels, Pair, estimate_pair, pair_block
from interfere.statistics._settle import Unsettled, slots_to_settle
from interfere.statistics._verdicts import UNDETERMINED, Evidence, next_threshold, q_values, verdicts


@dataclass(frozen=True)
class PairEstimates:
    """The columns of the pairs table that need nothing but the Gram, each (G, pairs).

    Args:
        columns: name of the column → values; numbers are NaN where null.
        dots: (G, L, L) dot(ℓ,m), NaN for a language that failed.
    """

    columns: dict[str, NDArray[np.float64] | NDArray[np.object_]]
    dots: Floats


def pair_estimates(gram: Floats, languages: Languages, levels: Levels) -> PairEstimates:
    """Everything of the pairs table but the centred cosine.

    Args:
        gram: (G, L, K, L, K).
        languages: what is known of each language.
        levels: what findings are held against.
    """
    n_groups, n_languages, slots = gram.shape[:3]
    index = list(combinations(range(n_languages), 2))
    shape = (n_groups, len(index))
    ok = [name not in languages.failed for name in languages.names]
    pairs = {(a, b): estimate_pair(gram, a, b, languages, levels) for a, b in index if ok[a] and ok[b]}
    names = ("cosine", "corrected", "ci_low", "ci_high", "p_value", "transfer_ab", "transfer_ba", "transfer_bytes_ab",
             "transfer_bytes_ba", "magnitude_similarity", "tokens_to_settle", "sketch_error")  # fmt: skip
    numbers = {name: np.full(shape, np.nan) for name in names}
    dots = np.full((n_groups, n_languages, n_languages), np.nan)
    for a, own in enumerate(languages.own):
        if ok[a]:
            dots[:, a, a] = own.dot.mean if languages.reached is None else kernel(pair_block(gram, a, a)).mean
    for i, (a, b) in enumerate(index):
        if (a, b) not in pairs:
            continue
        pair = pairs[a, b]
        dots[:, a, b] = dots[:, b, a] = pair.total
        own_a, own_b = pair.a.own, pair.b.own
        # Where all gradients of a language are 0, transfer from it would be 0; it is null, as all else of that pair.
        some = (own_a.mean_square > 0) & (own_b.mean_square > 0)
        above_a, above_b = (np.where(some & (own.dot.mean > 0), own.dot.mean, np.nan) for own in (own_a, own_b))
        bytes_a, bytes_b = languages.tokens_per_byte[a], languages.tokens_per_byte[b]
        values = {
            "cosine": pair.cosine,
            "corrected": pair.corrected,
            "ci_low": pair.low,
            "ci_high": pair.high,
            "p_value": pair.p_value,
            "transfer_ab": pair.dot / above_b,
            "transfer_ba": pair.dot / above_a,
            "transfer_bytes_ab": pair.dot / above_b * (bytes_a / bytes_b),
            "transfer_bytes_ba": pair.dot / above_a * (bytes_b / bytes_a),
            "magnitude_similarity": 2 * np.sqrt(above_a * above_b) / (above_a + above_b),
            # Where a dot(ℓ,ℓ) may be next to nothing, a ratio over it has no error that is linear in the sketch's.
            "sketch_error": np.where(pair.a.sure & pair.b.sure, np.sqrt(pair.corrected_sketch), np.nan),
        }
        for name, value in values.items():
            numbers[name][:, i] = value
    q = q_values(numbers["p_value"])
    threshold = next_threshold(q, levels.alpha)
    verdict = np.full(shape, UNDETERMINED, dtype=object)
    reason = np.full(shape, "", dtype=object)
    for i, (a, b) in enumerate(index):
        reasons = [languages.failed[languages.names[x]] for x in (a, b) if not ok[x]]
        if reasons:
            reason[:, i] = "; ".join(dict.fromkeys(reasons))
        elif slots < FEWEST_SLOTS:
            reason[:, i] = f"{slots} slot{'s' * (slots != 1)}; at least {FEWEST_SLOTS} are needed for an interval"
        else:
            pair = pairs[a, b]
            verdict[:, i], reason[:, i] = _verdict(pair, q[:, i], a, b, languages, levels)
            open_ = (verdict[:, i] == UNDETERMINED) & np.isfinite(pair.corrected)
            more = _more_slots(pair, open_, levels, slots=slots, threshold=threshold)
            each = (languages.tokens_per_chunk[a] + languages.tokens_per_chunk[b]) / 2
            numbers["tokens_to_settle"][open_, i] = np.ceil(more * each)
        if not reasons and languages.reached is not None:
            unseen = languages.reached.reasons(a, b, languages.names)
            reason[unseen != "", i] = unseen[unseen != ""]
    return PairEstimates({**numbers, "q_value": q, "verdict": verdict, "reason": reason}, dots)


def _verdict(
    pair: Pair, q: Floats, a: int, b: int, languages: Languages, levels: Levels
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    own_a, own_b = pair.a.own, pair.b.own
    evidence = Evidence(
        corrected=pair.corrected,
        low=pair.low,
        high=pair.high,
        dot=pair.dot,
        q=q,
        sure_a=pair.a.sure,
        sure_b=pair.b.sure,
        positive_a=own_a.dot.mean > 0,
        positive_b=own_b.dot.mean > 0,
        zero_a=own_a.mean_square == 0,
        zero_b=own_b.mean_square == 0,
    )
    return verdicts(evidence, languages.names[a], languages.names[b], margin=levels.margin, alpha=levels.alpha)


def _more_slots(
    pair: Pair,
    rows: NDArray[np.bool_],
    levels: Levels,
    *,
    slots: int,
    threshold: float,
) -> Floats:
    """(rows,) how many more slots would settle the rows that are open."""
    own_a, own_b = pair.a.own, pair.b.own
    spreads = (pair.dot_variance, own_a.dot_variance, own_b.dot_variance, pair.corrected_variance)
    picked = [Variance(v.linear[rows], v.degenerate[rows]) for v in spreads if v is not None]
    dots = np.stack([pair.dot, own_a.dot.mean, own_b.dot.mean], axis=1)
    sketches = np.stack([pair.dot_sketch, pair.a.sketch, pair.b.sketch], axis=1)
    unsettled = Unsettled(
        corrected=pair.corrected[rows],
        corrected_variance=picked[3],
        corrected_sketch=pair.corrected_sketch[rows],
        dots=dots[rows],
        dot_variances=(picked[0], picked[1], picked[2]),
        dot_sketch=sketches[rows],
    )
    needed = slots_to_settle(
        unsettled, slots=slots, margin=levels.margin, confidence=levels.confidence, threshold=threshold
    )
    more: Floats = needed - slots
    return more
