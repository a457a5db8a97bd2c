"""What is compared: which parameters, which chunks, at which moment of training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from benchmarks.footguns._noise import ten_languages
from benchmarks.footguns._text import FOUR, bundled, bundled_text, gnome
from interfere import Checkpoint, Corpus, GradientSettings, analyze_gradients
from interfere.objectives import collate
from interfere.runs import prepare_reading
from interfere.statistics import gram_tables

_NORM = "encoder.norm"
_SETTINGS = GradientSettings(mask_passes=3, tokens_per_chunk=256)


def embeddings() -> pd.DataFrame:
    """Corrected cosines of the body, of the embeddings, and of all parameters as one vector."""
    result = ten_languages()
    names, gram = result.array_groups["layer"], result.arrays["euclidean/layer"]
    layers = [i for i, name in enumerate(names) if name.startswith("encoder.")]
    parts = {"body": layers, "embeddings": [names.index("embeddings")], "all parameters": list(range(len(names)))}
    grams = np.stack([gram[where].sum(axis=0) for where in parts.values()])
    pairs = gram_tables(grams, languages=result.languages, groups=list(parts)).pairs
    squares = np.einsum("glklk->g", grams)
    rows = []
    for part, square in zip(parts, squares, strict=True):
        own = pairs[pairs["group"] == part]
        cosines = (own.set_index(own["a"] + "·" + own["b"]))["corrected"]
        rows.append(
            {
                "": part,
                "share of the squared norm": f"{100 * square / squares[-1]:.0f} %",
                **{pair: f"{cosines[pair]:.2f}" for pair in ("ru·uk", "de·en", "ja·zh", "en·ru")},
                "conflicts among 45 pairs": int((own["verdict"] == "conflict").sum()),
            }
        )
    return pd.DataFrame(rows)


def translations() -> pd.DataFrame:
    """Mean raw cosine of 45 pairs: chunks of the same documents in translation, and chunks that share none."""
    result = ten_languages()
    layers = [i for i, name in enumerate(result.array_groups["layer"]) if name.startswith("encoder.")]
    gram = result.arrays["euclidean/layer"][layers].sum(axis=0)
    norms = np.sqrt(np.einsum("lklk->lk", gram))
    cosines = gram / norms[:, :, None, None] / norms
    a, b = np.triu_indices(len(gram), 1)
    slots = gram.shape[1]
    blocks = np.stack([cosines[i, :, j] for i, j in zip(a, b, strict=True)])
    same = np.einsum("pkk->p", blocks) / slots
    other = (blocks.sum(axis=(1, 2)) - same * slots) / (slots * (slots - 1))
    own = np.stack([cosines[i, :, i] for i in range(len(gram))])
    twice = (own.sum(axis=(1, 2)) - slots) / (slots * (slots - 1))
    return pd.DataFrame(
        {
            "": ["two languages, mean of 45 pairs", "a language and a copy of its own file, mean of ten"],
            "chunks of the same documents": [f"{same.mean():.3f}", "1.000"],
            "chunks that share no document": [f"{other.mean():.3f}", f"{twice.mean():.3f}"],
            "largest difference of a pair": [f"{np.abs(same - other).max():.3f}", f"{(1 - twice).max():.3f}"],
        }
    )


def moment() -> pd.DataFrame:
    """One layer of one model: on text that is new to it, on its training text, and at the optimum of the mixture."""
    rows = []
    for what, corpus in (("new text", bundled_text(*FOUR)), ("text that it was trained on", gnome(*FOUR))):
        rows.append(_row(what, bundled(), corpus))
    with _trained_norm(bundled(), bundled_text(*FOUR)) as fitted:
        rows.append(_row("new text, the layer trained on it to the optimum", fitted, bundled_text(*FOUR)))
    return pd.DataFrame(rows)


def _row(what: str, checkpoint: Checkpoint, corpus: Corpus) -> dict[str, object]:
    result = analyze_gradients(checkpoint, corpus, settings=_SETTINGS)
    own = result.pairs[result.pairs["group"] == _NORM]
    group = result.groups.set_index("group").loc[_NORM]
    cosines = own.set_index(own["a"] + "·" + own["b"])["corrected"]
    return {
        "": what,
        **{pair: _shown(cosines[pair]) for pair in ("ru·uk", "de·en", "en·ru", "de·uk")},
        "mixture residual": _shown(group["mixture_residual"]),
        "verdicts": ", ".join(f"{count} {name}" for name, count in own["verdict"].value_counts().items()),
    }


def _shown(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "none"


class _trained_norm:  # noqa: N801
    """The model with its last norm at the optimum of the mixture, for the time of a `with`."""

    def __init__(self, checkpoint: Checkpoint, corpus: Corpus) -> None:
        self.checkpoint, self.corpus = checkpoint, corpus
        self.norm = checkpoint.model.model.final_norm
        self.before = self.norm.weight.detach().clone()

    def __enter__(self) -> Checkpoint:
        reading = prepare_reading(self.checkpoint, self.corpus, "auto", _SETTINGS)
        model, inputs = self.checkpoint.model, []
        batches = [
            collate(chunk.examples, reading.objective.pad_id, torch.device("cpu")) for chunk in reading.chunks.values()
        ]
        hook = self.norm.register_forward_pre_hook(lambda _, given: inputs.append(given[0].detach()))
        with torch.no_grad():
            for batch in batches:
                reading.objective.loss(model, batch)
        hook.remove()
        # What comes before the norm does not change: only its positions with a target are kept.
        wanted = [batch.labels != -100 for batch in batches]
        kept = [each.reshape(*mask.shape, -1)[mask] for each, mask in zip(inputs, wanted, strict=True)]
        labels = [batch.labels[mask] for batch, mask in zip(batches, wanted, strict=True)]
        solver = torch.optim.LBFGS([self.norm.weight], max_iter=60, line_search_fn="strong_wolfe")

        def loss() -> torch.Tensor:
            solver.zero_grad()
            total = torch.zeros(())
            for hidden, target in zip(kept, labels, strict=True):
                logits = model.decoder(model.head(self.norm(hidden)))
                part = torch.nn.functional.cross_entropy(logits, target) / len(kept)
                part.backward(inputs=[self.norm.weight])
                total += part.detach()
            return total

        solver.step(loss)
        return self.checkpoint

    def __exit__(self, *_: object) -> None:
        with torch.no_grad():
            self.norm.weight.copy_(self.before)
