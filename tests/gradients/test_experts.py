"""Mixtures of experts: which experts a chunk reached, and gradients expert by expert."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interfere import GradientSettings, InputError, Result, analyze_gradients
from interfere.checkpoint import checkpoint_from_model, find_experts, map_parameters
from interfere.corpus import corpus_from_texts, deal_slots
from interfere.objectives import make_objective
from tests.experts import MIXTURES, forced_mixture, lettered_texts, tiny_mixture
from tests.text import some_text
from tests.tiny import tiny_model, tiny_tokenizer

SEED = 3
CHUNKS = 6
TEXTS = {language: some_text(language, 14, seed=1, words=(2, 5)) for language in ("de", "zh")}
CAUSAL = [kind for kind in MIXTURES if kind not in ("switch", "nllb-moe")]


def analyze(model: Any, tokenizer: Any, texts: Any = None, objective: Any = "auto", **settings: Any) -> Result:
    workdir, progress = settings.pop("workdir", None), settings.pop("progress", None)
    chosen = {"chunks": CHUNKS, "seed": SEED, "tokens_per_chunk": 24, "granularity": "expert"} | settings
    return analyze_gradients(
        checkpoint_from_model(model, tokenizer),
        TEXTS if texts is None else texts,
        objective,
        GradientSettings(**chosen),
        workdir=workdir,
        progress=progress,
    )


@contextmanager
def _routed(model: Any, note: Callable[[str, set[int]], None], *, last: bool) -> Iterator[None]:
    """Tell which experts get tokens, from what the router hands to the module that holds them.

    Args:
        model: reads one document at a time.
        note: told the module's name and its experts.
        last: whether the last token counts, which predicts nothing in a causal model.
    """
    handles = []
    for name, module in model.named_modules():
        if type(module).__name__.endswith("Experts"):

            def before(_: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], name: str = name) -> None:
                chosen = arguments[1] if len(arguments) > 1 else next(iter(keywords.values()))
                if chosen.dtype.is_floating_point or chosen.dtype == torch.bool or chosen.ndim > 2:
                    found = {int(i) for i in chosen.reshape(-1, chosen.shape[-1]).nonzero()[:, 1]}
                else:
                    tokens = chosen if last else chosen[:-1]
                    found = {int(i) for i in tokens.reshape(-1)}
                note(name, found)

            handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@pytest.mark.parametrize("kind", CAUSAL)
def test_experts_seen_are_those_that_the_router_chose(kind: str) -> None:
    model, tokenizer = tiny_mixture(kind)
    found = analyze(model, tokenizer, tokens_per_chunk=10).tables["experts"]
    deal = deal_slots(corpus_from_texts(TEXTS), CHUNKS, SEED)
    read = analyze(model, tokenizer, tokens_per_chunk=10).chunks
    layers = {name: info.layer for name, info in map_parameters(model).items()}
    expected: dict[tuple[str, str, str], int] = {}
    for language, slots in deal.slots.items():
        for slot, documents in enumerate(slots):
            count = int(read[(read["language"] == language) & (read["slot"] == slot)]["documents"].iloc[0])
            reached: dict[str, set[int]] = {}
            with torch.no_grad(), _routed(model, lambda n, s, r=reached: r.setdefault(n, set()).update(s), last=False):
                for document in documents[:count]:
                    model(torch.tensor([tokenizer(document.text)["input_ids"]]))
            for name, experts in reached.items():
                layer = next(value for key, value in layers.items() if key.startswith(f"{name}."))
                for expert in experts:
                    key = (layer, str(expert), language)
                    expected[key] = expected.get(key, 0) + 1
    assert len(found) == 2 * len(find_experts(model, map_parameters(model)))
    for _, row in found.iterrows():
        assert row["chunks_seen"] == expected.get((row["layer"], row["expert"], row["language"]), 0)
        assert row["chunks"] == CHUNKS
    # The test is about something: some experts are reached by some chunks only.
    assert 0 < (found["chunks_seen"] < CHUNKS).sum() < len(found)


@pytest.mark.parametrize("kind", ["switch", "nllb-moe"])
def test_experts_of_an_encoder_and_a_decoder(kind: str) -> None:
    model, tokenizer = tiny_mixture(kind)
    objective = make_objective("auto", checkpoint_from_model(model, tokenizer), seed=SEED)
    result = analyze(model, tokenizer, tokens_per_chunk=4, batch_size=1)
    found = result.tables["experts"].set_index(["layer", "expert", "language"])["chunks_seen"]
    parameters = dict(model.named_parameters())
    experts = find_experts(model, map_parameters(model))
    assert {expert.layer.split(".")[0] for expert in experts} == {"encoder", "decoder"}
    deal = deal_slots(corpus_from_texts(TEXTS), CHUNKS, SEED)
    expected = dict.fromkeys(found.index, 0)
    for language, slots in deal.slots.items():
        for slot, documents in enumerate(slots):
            rows = result.chunks[(result.chunks["language"] == language) & (result.chunks["slot"] == slot)]
            reached: dict[str, set[int]] = {}
            with _routed(model, lambda n, s, r=reached: r.setdefault(n, set()).update(s), last=True):
                for document in documents[: int(rows["documents"].iloc[0])]:
                    for example in objective.encode(document, language):
                        with torch.no_grad():
                            model(input_ids=torch.tensor([example.input_ids]), labels=torch.tensor([example.labels]))
            for expert in experts:
                name = next(iter(expert.spans)).split(".experts.")[0] + ".experts"
                expected[expert.layer, expert.name, language] += expert.index in reached.get(name, set())
    assert parameters
    assert dict(found) == expected
    assert 0 < (found < CHUNKS).sum() < len(found)


def _by_autograd(model: Any, tokenizer: Any, read: Any) -> np.ndarray:
    """Chunk gradients of all parameters, one document at a time: (L, K, numbers)."""
    parameters = dict(model.named_parameters())
    deal = deal_slots(corpus_from_texts(TEXTS), CHUNKS, SEED)
    out = []
    for language in TEXTS:
        for slot, documents in enumerate(deal.slots[language]):
            count = int(read[(read["language"] == language) & (read["slot"] == slot)]["documents"].iloc[0])
            model.zero_grad(set_to_none=True)
            predictions = 0
            for document in documents[:count]:
                ids = torch.tensor([tokenizer(document.text)["input_ids"]])
                # Not the model's own `loss`, which may have the router's balance in it.
                logits = model(ids).logits[0, :-1]
                torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").backward()
                predictions += ids.shape[1] - 1
            flat = [(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in parameters.values()]
            out.append((torch.cat(flat) / predictions).double().numpy())
    model.zero_grad(set_to_none=True)
    return np.stack(out).reshape(len(TEXTS), CHUNKS, -1)


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over different slots of the chunks that have a gradient, by a loop."""
    products = [
        a[k] @ b[j] for k, j in permutations(range(len(a)), 2) if np.abs(a[k]).max() > 0 and np.abs(b[j]).max() > 0
    ]
    return float(np.mean(products))


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    cosines = [
        a[k] @ b[j] / np.linalg.norm(a[k]) / np.linalg.norm(b[j])
        for k, j in permutations(range(len(a)), 2)
        if np.abs(a[k]).max() > 0 and np.abs(b[j]).max() > 0
    ]
    return float(np.mean(cosines))


@pytest.mark.parametrize("kind", ["qwen2-moe", "deepseek-v3"])
def test_numbers_of_each_expert_and_of_shared_experts_are_those_of_autograd(kind: str) -> None:
    model, tokenizer = tiny_mixture(kind)
    result = analyze(model, tokenizer, tokens_per_chunk=10, gram="exact")
    by_module = analyze(model, tokenizer, tokens_per_chunk=10, gram="exact", granularity="module")
    infos = map_parameters(model)
    starts = dict(zip(infos, np.cumsum([0, *(info.parameters for info in infos.values())]), strict=False))
    gradients = _by_autograd(model, tokenizer, result.chunks)

    def rows_of(spans: dict[str, tuple[int, int]]) -> np.ndarray:
        numbers = np.concatenate([np.arange(starts[n] + first, starts[n] + end) for n, (first, end) in spans.items()])
        return gradients[:, :, numbers]

    experts = find_experts(model, infos)
    groups = {expert.group: dict(expert.spans) for expert in experts}
    for name, info in infos.items():
        if info.kind == "expert" and "shared" in name:
            groups.setdefault(f"{info.layer}/expert.shared", {})[name] = (0, info.parameters)
    compared = 0
    for group, spans in groups.items():
        a, b = rows_of(spans)
        (pair,) = result.pairs[result.pairs["group"] == group].to_dict(orient="records")
        counts = [int((np.abs(x).max(axis=1) > 0).sum()) for x in (a, b)]
        if min(counts) < 4:
            assert pair["reason"].startswith("unseen")
            assert np.isnan(pair["cosine"])
            continue
        compared += 1
        assert pair["cosine"] == pytest.approx(_cosine(a, b), rel=1e-3, abs=1e-5)
        scale = _dot(b, b)
        if scale > 0.01 * np.square(b).sum(axis=1).mean():
            assert pair["transfer_ab"] == pytest.approx(_dot(a, b) / scale, rel=1e-2, abs=1e-4)
    assert compared >= 3
    # A group of experts: the shared one and those that both languages reached in four chunks.
    for layer in {expert.layer for expert in experts}:
        spans = {}
        for group, own in groups.items():
            a, b = rows_of(own)
            if group.startswith(f"{layer}/") and min((np.abs(x).max(axis=1) > 0).sum() for x in (a, b)) >= 4:
                for tensor, (first, end) in own.items():
                    spans[f"{tensor} {first}"] = (first, end)
        numbers = np.concatenate(
            [
                np.arange(starts[key.split()[0]] + first, starts[key.split()[0]] + end)
                for key, (first, end) in spans.items()
            ]
        )
        a, b = gradients[:, :, numbers]
        (pair,) = by_module.pairs[by_module.pairs["group"] == f"{layer}/expert"].to_dict(orient="records")
        assert pair["cosine"] == pytest.approx(_cosine(a, b), rel=1e-3, abs=1e-5)


def test_the_body_is_the_same_whatever_is_reported_beside_it() -> None:
    model, tokenizer = tiny_mixture("deepseek-v2")
    runs = {
        level: analyze(model, tokenizer, granularity=level, metrics=("euclidean", "adam", "per-tensor"), gram="exact")
        for level in ("layer", "module", "tensor", "expert")
    }
    columns = ["cosine", "corrected", "ci_low", "ci_high", "p_value", "transfer_ab", "centred"]
    expected = runs["layer"].pairs.query("group == 'body'")[columns].to_numpy(float)
    shares = runs["layer"].tensors[["norm_share", "max_share"]].to_numpy(float)
    for run in runs.values():
        found = run.pairs.query("group == 'body'")[columns].to_numpy(float)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(run.tensors[["norm_share", "max_share"]].to_numpy(float), shares, rtol=1e-5)
        total = run.self_similarity.query("group != 'body'").groupby(["language", "metric"])["norm_share"].sum()
        np.testing.assert_allclose(total, 1.0, rtol=1e-5)
        assert run.tables["experts"].equals(runs["layer"].tables["experts"])
    parameters = runs["expert"].groups.query("group != 'body' and metric == 'adam'")["parameters"].sum()
    assert parameters == runs["layer"].groups.query("group == 'body' and metric == 'adam'")["parameters"].iloc[0]


@pytest.mark.parametrize("granularity", ["expert", "module", "tensor"])
def test_sketches_are_near_whole_gradients(granularity: str) -> None:
    model, tokenizer = tiny_mixture("olmoe")
    metrics = ("euclidean", "adam")
    exact = analyze(model, tokenizer, granularity=granularity, gram="exact", metrics=metrics)
    sketch = analyze(model, tokenizer, granularity=granularity, gram="sketch", sketch_size=256, metrics=metrics)
    assert sketch.tables["experts"].equals(exact.tables["experts"])
    for metric in metrics:
        one, two = exact.arrays[f"{metric}/{granularity}"], sketch.arrays[f"{metric}/{granularity}"]
        norms = np.sqrt(np.einsum("glklk->glk", one))
        scale = norms[:, :, :, None, None] * norms[:, None, None]
        error = np.abs(two - one)[scale > 0] / scale[scale > 0]
        # 256 numbers: an error of 1/16 or so, of experts whose parts share them more.
        assert np.sqrt((error**2).mean()) < 0.15
        assert error.max() > 0


@pytest.mark.parametrize("objective", ["mixtral", "switch"])
def test_batch_size_changes_nothing(objective: str) -> None:
    model, tokenizer = tiny_mixture(objective)
    one, many = (analyze(model, tokenizer, batch_size=size) for size in (1, 5))
    assert one.tables["experts"].equals(many.tables["experts"])
    assert list(one.pairs["reason"]) == list(many.pairs["reason"])
    np.testing.assert_allclose(one.pairs["cosine"].astype(float), many.pairs["cosine"].astype(float), atol=2e-4)


def test_resume_gives_the_same_numbers(tmp_path: Path) -> None:
    model, tokenizer = tiny_mixture("mixtral")
    whole = analyze(model, tokenizer, granularity="module", metrics=("adam",))
    done: list[str] = []

    def stop(progress: Any) -> None:
        done.append(progress.phase)
        if done.count("gradients") == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyze(model, tokenizer, granularity="module", metrics=("adam",), workdir=tmp_path, progress=stop)
    resumed = analyze(model, tokenizer, granularity="module", metrics=("adam",), workdir=tmp_path)
    for name, table in whole.tables.items():
        assert table.equals(resumed.tables[name]), name
    for name, array in whole.arrays.items():
        assert np.array_equal(array, resumed.arrays[name]), name
    with pytest.raises(InputError):
        analyze(model, tokenizer, granularity="expert", metrics=("adam",), workdir=tmp_path)


@pytest.mark.parametrize("sides", [("aa", "bb"), ("aa", "bb", "cc")])
def test_languages_that_share_no_expert_are_unseen_and_not_neutral(sides: tuple[str, ...]) -> None:
    model, tokenizer = forced_mixture(sides)
    texts = lettered_texts(sides)
    for granularity in ("expert", "module", "tensor"):
        result = analyze(model, tokenizer, texts, granularity=granularity, chunks=8)
        seen = result.tables["experts"].set_index(["expert", "language"])["chunks_seen"]
        for place, language in enumerate(sides):
            for expert in range(2 * len(sides)):
                own = expert in (2 * place, 2 * place + 1)
                assert set(seen[str(expert), language]) == {8 if own else 0}
        overlap = result.tables["expert_overlap"]
        assert (overlap[["both", "jaccard", "chunk_jaccard"]] == 0).all(axis=None)
        assert (overlap[["reached_a", "reached_b"]] == 2).all(axis=None)
        experts = result.pairs[result.pairs["group"].str.contains("expert")]
        assert set(experts["verdict"]) == {"undetermined"}
        assert experts["reason"].str.startswith("unseen").all()
        assert experts[["cosine", "corrected", "ci_low", "p_value", "q_value", "centred"]].isna().all(axis=None)
        # What all tokens pass is compared as ever, and so is each language with itself.
        attention = result.pairs[result.pairs["group"].str.contains("attention|attn")]
        assert attention["cosine"].notna().all()
        assert not attention["reason"].str.startswith("unseen").any()
    layers = analyze(model, tokenizer, texts, granularity="layer", chunks=8)
    (warning,) = [text for text in layers.warnings if "no expert in common" in text]
    assert "aa and bb in 2 of 2 layers" in warning
    assert not layers.pairs["reason"].str.startswith("unseen").any()
    assert layers.pairs["cosine"].notna().all()


def test_a_model_without_experts_has_no_granularity_expert() -> None:
    with pytest.raises(InputError, match="--granularity expert"):
        analyze(tiny_model("llama"), tiny_tokenizer("llama"))
    assert "experts" not in analyze(tiny_model("llama"), tiny_tokenizer("llama"), granularity="module").tables
