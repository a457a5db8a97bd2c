"""What noise does to cosines and to what is concluded from them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import torch
from scipy import stats

from benchmarks.footguns._text import FOUR, body, bundled, bundled_text, cosine, flat_gradient, with_interval
from interfere import GradientSettings, Result, analyze_gradients, bundled_corpus
from interfere.checkpoint import map_parameters, scoped_parameters
from interfere.objectives import collate, make_objective

_SIGNS = 200


@cache
def ten_languages() -> Result:
    """The whole bundled corpus, embeddings and head included."""
    settings = GradientSettings(mask_passes=3, tokens_per_chunk=256, scope="all")
    return analyze_gradients(bundled(), bundled_corpus(), settings=settings)


def noise() -> pd.DataFrame:
    """Raw cosines depend on how much text a gradient is of; corrected ones hardly do."""
    rows = []
    for tokens in (64, 256, 512):
        settings = GradientSettings(mask_passes=5, tokens_per_chunk=tokens)
        result = analyze_gradients(bundled(), bundled_text(*FOUR), settings=settings)
        own = result.self_similarity.query("group == 'body'").set_index("language")
        row: dict[str, object] = {"`--tokens-per-chunk`": tokens}
        for pair in ("ru·uk", "de·en", "en·ru"):
            found = body(result).loc[pair]
            row |= {f"{pair}, raw": f"{found['cosine']:.2f}", f"{pair}, corrected": with_interval(found)}
        rows.append(row | {"en with itself, raw": f"{own.loc['en', 'self_similarity']:.2f}"})
    return pd.DataFrame(rows)


def chance() -> pd.DataFrame:
    """Real gradients with random signs have nothing in common; some pairs and layers are called a conflict anyway."""
    result = ten_languages()
    places = [i for i, name in enumerate(result.array_groups["layer"]) if name.startswith("encoder.")]
    gram = result.arrays["euclidean/layer"][places]
    slots, count = gram.shape[2], gram.shape[1]
    norms = np.sqrt(np.einsum("glklk->glk", gram))
    # The usual plot: the cosine of each batch of a with the batch of b that has its number.
    each = np.einsum("gakbk->gabk", gram) / norms[:, :, None] / norms[:, None]
    a, b = np.triu_indices(count, 1)
    random = np.random.default_rng(0)
    found = []
    for _ in range(_SIGNS):
        sign = random.choice([-1.0, 1.0], size=(count, slots))
        cosines = (each * sign[:, None] * sign[None])[:, a, b]
        mean = cosines.mean(axis=-1)
        p = stats.ttest_1samp(cosines, 0.0, axis=-1).pvalue
        q = stats.false_discovery_control(p.ravel()).reshape(p.shape)
        found.append([((level <= 0.05) & (mean < 0)).sum() for level in (p, q)])
    counts = np.array(found)
    tests = len(places) * len(a)
    return pd.DataFrame(
        {
            "called a conflict where": ["p ≤ 0.05", "q ≤ 0.05"],
            f"of {tests} pairs and layers, on average": [f"{x:.2f}" for x in counts.mean(axis=0)],
            "runs with at least one": [f"{100 * x:.1f} %" for x in (counts > 0).mean(axis=0)],
        }
    )


def randomness() -> pd.DataFrame:
    """The same sixteen documents twice: what masks and dropout do to a gradient."""
    checkpoint = bundled()
    model, texts = checkpoint.model, bundled_text("en", "ru")
    names = [p.name for p in scoped_parameters(map_parameters(model), "body").values()]
    drops = [m for m in model.modules() if isinstance(m, torch.nn.Dropout)]
    usual = [m.p for m in drops]

    def gradient(language: str, seed: int, dropout: int | None) -> np.ndarray:
        objective = make_objective("masked-lm", checkpoint, max_length=128, mask_passes=1, seed=seed)
        read = [x for d in texts.documents[language][:16] for x in objective.encode(d, language)]
        model.train(dropout is not None)
        torch.manual_seed(dropout or 0)
        sums = objective.loss(model, collate(read, objective.pad_id, torch.device("cpu")))
        return flat_gradient(model, names, sums.total / sums.predictions)

    rows = []
    try:
        for module in drops:
            module.p = 0.1
        for what, seed, dropout in (
            ("eval mode, masks of one seed", 0, (None, None)),
            ("eval mode, other masks", 1, (None, None)),
            ("train mode (dropout 0.1), masks of one seed", 0, (1, 2)),
            ("train mode, other masks", 1, (1, 2)),
        ):
            en, ru = gradient("en", 0, dropout[0]), gradient("ru", 0, dropout[0])
            again = gradient("en", seed, dropout[1])
            rows.append(
                {
                    "": what,
                    "en, the same documents again": f"{cosine(en, again):.2f}",
                    "en·ru": f"{cosine(ru, again):.2f}",
                }
            )
    finally:
        model.eval()
        for module, p in zip(drops, usual, strict=True):
            module.p = p
    return pd.DataFrame(rows)
