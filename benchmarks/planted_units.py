"""Planted units: heads and neurons that serve one language, and how well `analyze_importance` finds them.

    python -m benchmarks.planted_units [--quick] [--output FILE]

A small causal LM is trained on three synthetic languages. In every layer a quarter of the heads and of the neurons is
reserved for each language, and a quarter is left to all. A language's own words follow rules of its own, common words
rules that are the same everywhere; reserved units serve the former, the others the latter. While the model is trained,
what a unit gives at words that are not its own is hidden from the layer that reads it, and what it would have added to
the residual stream there is a cost. In the last steps nothing is hidden: the trained model is an ordinary one, whose
reserved units are silent on other languages by themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import stats
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from torch.nn.functional import cross_entropy
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from interfere import Checkpoint, ImportanceSettings, Result, analyze_importance, checkpoint_from_model
from interfere.checkpoint import find_units
from interfere.importance import UnitIndex
from interfere.importance._sites import changed_sites, removal
from interfere.settings import Ablation
from interfere.statistics import UnitGroup, comparable, margins

LANGUAGES = ("aa", "bb", "cc")
LAGS = (2, 3, 4)
"""How far back each language looks for a word of its own to repeat."""
COMMON_LAG = 5
"""How far back every language looks for a common word to repeat."""
WORDS = 16
"""Words of each language, and common ones."""
LENGTH = 32
"""Words of a document."""
SHARE = 0.25
"""Of the heads and of the neurons of a layer: reserved for each language."""
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
METHODS = ("taylor", "fisher", "activation", "gates")
KINDS = ("head", "neuron")
IDLE = 0.01
"""Share of the average that a unit adds at most where nothing has grown in it."""
TIMES = 10
"""What is the plant's own is at least so many times what is others'."""
LEVEL = 0.05
"""Stated rate of runs that call a unit a language's own where there is none."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Recipe:
    """How much is trained and measured.

    Args:
        steps: of training.
        hidden: share of them in which units are hidden at words that are not their own.
        rows: documents of each language in a step.
        penalty: what a squared length of 1 that units add to the residual stream at a word that is not their own
            costs, in nats; it rises from 0 over the first half of the steps.
        dropout: share of units that are hidden anyway, so that none is left without work.
        rate: the highest learning rate.
        documents: of each language, that are analysed.
        removal_documents: of each language, that removal without any score is measured on.
        chunks: see `ImportanceSettings`.
        null_runs: of one language under two names, and of one under three.
        seed: of weights and documents.
    """

    steps: int = 1000
    hidden: float = 0.8
    rows: int = 16
    penalty: float = 3.0
    dropout: float = 0.1
    rate: float = 6e-3
    documents: int = 340
    removal_documents: int = 64
    chunks: int = 16
    null_runs: int = 20
    seed: int = 0


QUICK = Recipe(steps=300, rows=12, removal_documents=16, null_runs=4)


@dataclass(frozen=True)
class Plant:
    """A trained model and what was planted in it.

    Args:
        model: in eval mode.
        index: its units.
        owner: shape (units,): the language that a unit is reserved for, as a number; −1 for all other units.
        left_out: shape (units,): heads and neurons in which nothing grew, see `find_left_out`. They are scored, but no
            method is judged by them.
        losses: shape (steps, L): of training, in nats.
    """

    model: Any
    index: UnitIndex
    owner: Integers
    left_out: NDArray[np.bool_]
    losses: Floats

    @property
    def checkpoint(self) -> Checkpoint:
        """The model as `analyze_importance` takes it."""
        return checkpoint_from_model(self.model, words_tokenizer())

    def of_kind(self, kind: str) -> NDArray[np.bool_]:
        """Which units are of a kind, shape (units,)."""
        out = np.zeros(len(self.index), dtype=bool)
        for place in self.index.places:
            out[place.start : place.end] = place.family.kind == kind
        return out


def words_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of the words w0, w1 and so on, of all languages."""
    names = [*SPECIAL, *(f"w{i}" for i in range(WORDS * (1 + len(LANGUAGES))))]
    tokenizer = Tokenizer(WordLevel({name: i for i, name in enumerate(names)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )


def draw_documents(language: int, count: int, random: np.random.Generator) -> Integers:
    """Documents of a language, shape (count, LENGTH), as numbers of words.

    The first `WORDS` words are common to all languages, the next are the first language's own, and so on. What comes
    after a common word follows common rules, the same in all languages; what comes after a word of the language's own
    follows its own. Either kind of rule says: with probability 0.45 the last word is mapped by one of two permutations
    of the words of its kind, the one that goes with the word before it having an even or an odd number; with
    probability 0.45 the word some way back is repeated (`LAGS`, or `COMMON_LAG`), if it is of the same kind. Where no
    rule says more, the word is drawn evenly, from the language's own with probability 0.6.
    """
    rules = np.random.default_rng(0)
    tables = np.array([[rules.permutation(WORDS) for _ in range(2)] for _ in range(1 + len(LANGUAGES))])
    first = WORDS * (1 + language)
    out = np.zeros((count, LENGTH), dtype=np.int64)
    for t in range(LENGTH):
        rule = random.random(count)
        word = np.where(random.random(count) < 0.6, first, 0) + random.integers(0, WORDS, count)
        if t >= COMMON_LAG:
            last, table = out[:, t - 1], out[:, t - 2] % 2
            is_own = last >= first
            mapped = np.where(is_own, first + tables[1 + language][table, last % WORDS], tables[0][table, last % WORDS])
            back = np.where(is_own, out[:, t - LAGS[language]], out[:, t - COMMON_LAG])
            again = np.where((back >= first) == is_own, back, word)
            word = np.where(rule < 0.45, mapped, np.where(rule < 0.9, again, word))
        out[:, t] = word
    return out


def as_texts(documents: Integers) -> list[str]:
    """Documents as texts of words w0, w1 and so on."""
    return [" ".join(f"w{i}" for i in words) for words in documents.tolist()]


def as_batch(documents: Integers) -> torch.Tensor:
    """Documents as the tokenizer reads them, shape (count, 1 + LENGTH)."""
    return torch.from_numpy(np.pad(documents + len(SPECIAL), ((0, 0), (1, 0))))


def mean_losses(model: Any, batch: torch.Tensor) -> torch.Tensor:
    """The mean loss of each document's predictions, shape (count,), in nats."""
    logits = model(input_ids=batch).logits[:, :-1]
    flat = cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), reduction="none")
    return flat.view(len(batch), -1).mean(1)


def reserve(index: UnitIndex) -> Integers:
    """The owner of each unit: the first quarter of every layer's units is the first language's, and so on."""
    owner = np.full(len(index), -1)
    for place in index.places:
        each = int(SHARE * place.family.count)
        for language in range(len(LANGUAGES)):
            start = place.start + language * each
            owner[start : start + each] = language
    return owner


def _added(weight: torch.Tensor, values: torch.Tensor, count: int) -> torch.Tensor:
    """The squared length of what each unit adds to the residual stream.

    Args:
        weight: shape (width, inputs): of the layer that reads the units.
        values: shape (rows, tokens, inputs): what it reads.
        count: how many units the inputs are of, as many of each.

    Returns:
        Shape (rows, tokens, count).
    """
    split = weight.view(len(weight), count, -1)
    gram = torch.einsum("ouc,oud->ucd", split, split)
    parts = values.unflatten(-1, (count, -1))
    return torch.einsum("rtuc,ucd,rtud->rtu", parts, gram, parts)


def _planting(
    model: Any, index: UnitIndex, owner: Integers, readers: torch.Tensor, dropout: float, hide: bool
) -> tuple[dict[str, Callable[[torch.Tensor], torch.Tensor]], list[torch.Tensor]]:
    """Changes that sites go through in a step of training.

    Args:
        model: it is trained.
        index: its units.
        owner: of each unit.
        readers: shape (rows, tokens): the owner of the units that serve each word.
        dropout: share of units that are hidden anyway, drawn for each document; the others are scaled up.
        hide: whether a unit is hidden at words that are not its own.

    Returns:
        The changes, and a list that they add to: the mean over tokens of the sum over such units of the squared length
        of what each would add there, site by site.
    """
    owners = torch.from_numpy(owner)
    costs: list[torch.Tensor] = []

    def change_at(path: str) -> Callable[[torch.Tensor], torch.Tensor]:
        place = index.sites[path][0]
        count = place.family.count
        others = owners[place.start : place.end][torch.from_numpy(place.family.inputs)] != readers[..., None]
        weight = model.get_submodule(path).weight

        def change(values: torch.Tensor) -> torch.Tensor:
            costs.append(_added(weight, values.masked_fill(~others, 0), count).sum(-1).mean())
            kept = (torch.rand(len(values), 1, count, 1) >= dropout) / (1 - dropout)
            values = (values.unflatten(-1, (count, -1)) * kept).flatten(-2)
            return values.masked_fill(others, 0) if hide else values

        return change

    return {path: change_at(path) for path in index.sites}, costs


_SHAPE: dict[str, Any] = {
    "vocab_size": len(SPECIAL) + WORDS * (1 + len(LANGUAGES)),
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "intermediate_size": 128,
    "max_position_embeddings": 1 + LENGTH,
    "attention_bias": True,
    "initializer_range": 0.1,
    "bos_token_id": 0,
    "pad_token_id": 1,
    "eos_token_id": 2,
}


def _llama() -> Any:
    """Neurons are SiLU(gate) × up."""
    return LlamaForCausalLM(LlamaConfig(**_SHAPE, num_key_value_heads=8))


def _gpt_neox(activation: str) -> Any:
    rotary = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0}
    return GPTNeoXForCausalLM(
        GPTNeoXConfig(**_SHAPE, hidden_act=activation, rope_parameters=rotary, use_parallel_residual=False)
    )


MODELS: dict[str, Callable[[], Any]] = {
    "llama": _llama,
    "gpt-neox-gelu": partial(_gpt_neox, "gelu"),
    "gpt-neox-relu": partial(_gpt_neox, "relu"),
}
"""Architecture → an untrained model of 2 layers with 8 heads and 128 neurons each."""


def grow(recipe: Recipe, architecture: str = "llama") -> Plant:
    """Train a model in which reserved units serve one language.

    Args:
        recipe: how much.
        architecture: a key of `MODELS`.
    """
    torch.manual_seed(recipe.seed)
    model = MODELS[architecture]()
    index = UnitIndex.of(model, find_units(model))
    owner = reserve(index)
    random = np.random.default_rng([recipe.seed, 1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=recipe.steps, pct_start=0.1)
    history = []
    model.train()
    for step in range(recipe.steps):
        batch = as_batch(np.concatenate([draw_documents(i, recipe.rows, random) for i in range(len(LANGUAGES))]))
        readers = (batch - len(SPECIAL)).clamp(min=0) // WORDS - 1
        hide = step < recipe.hidden * recipe.steps
        changes, costs = _planting(model, index, owner, readers, recipe.dropout, hide)
        with changed_sites(model, changes):
            losses = mean_losses(model, batch)
        optimizer.zero_grad()
        penalty = recipe.penalty * min(1.0, 2 * step / recipe.steps)
        (losses.mean() + penalty * torch.stack(costs).sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        history.append(losses.detach().view(len(LANGUAGES), -1).mean(1).tolist())
    model.eval()
    return Plant(model, index, owner, find_left_out(model, index, owner, random), np.array(history))


def find_left_out(model: Any, index: UnitIndex, owner: Integers, random: np.random.Generator) -> NDArray[np.bool_]:
    """Heads and neurons that do not serve what they were meant to serve, by what they add to the residual stream.

    They add no more, in squared length, than `IDLE` times what the units of their layer and kind add on average; or
    they are reserved, and add less than `TIMES` times as much on their own language as on another.

    Args:
        model: in eval mode.
        index: its units.
        owner: of each unit.
        random: draws the documents.

    Returns:
        Shape (units,).
    """
    added = np.zeros((len(LANGUAGES), len(index)))

    def watch(path: str, language: int) -> Callable[[torch.Tensor], torch.Tensor]:
        place = index.sites[path][0]
        weight = model.get_submodule(path).weight

        def change(values: torch.Tensor) -> torch.Tensor:
            lengths = _added(weight, values, place.family.count).mean((0, 1))
            added[language, place.start : place.end] = lengths.numpy()
            return values

        return change

    for language in range(len(LANGUAGES)):
        changes = {path: watch(path, language) for path in index.sites}
        with changed_sites(model, changes), torch.no_grad():
            model(input_ids=as_batch(draw_documents(language, 100, random)))
    out = np.zeros(len(index), dtype=bool)
    for language in range(len(LANGUAGES)):
        others = np.delete(added, language, axis=0).max(axis=0)
        out |= (owner == language) & ~(added[language] >= TIMES * others)
    for place in index.places:
        where = slice(place.start, place.end)
        most = added[:, where].max(axis=0)
        out[where] |= most <= IDLE * most.mean()
    return out


def removal_damage(plant: Plant, removed: Sequence[NDArray[np.bool_]], documents: Integers) -> Floats:
    """By how much each language's loss rises where units give zeros.

    Args:
        plant: the model.
        removed: R sets of units, each of shape (units,).
        documents: shape (L, count, LENGTH).

    Returns:
        Shape (R, L), in nats per prediction.
    """
    batch = as_batch(documents.reshape(-1, LENGTH))
    found = []
    for units in (np.zeros(len(plant.index), dtype=bool), *removed):
        changes = removal(plant.index, torch.from_numpy(units), None)
        with changed_sites(plant.model, changes), torch.no_grad():
            found.append(mean_losses(plant.model, batch).double().view(len(LANGUAGES), -1).mean(1).numpy())
    return np.array(found[1:]) - found[0]


def removal_documents(recipe: Recipe) -> Integers:
    """Documents that removal is measured on, shape (L, count, LENGTH)."""
    random = np.random.default_rng([recipe.seed, 4])
    return np.stack([draw_documents(row, recipe.removal_documents, random) for row in range(len(LANGUAGES))])


def plant_table(plant: Plant, documents: Integers) -> pd.DataFrame:
    """Whether the plant holds: what removing the units of each owner does to each language, without any score."""
    sets, names = [], []
    for kinds in (KINDS, *((kind,) for kind in KINDS)):
        of_kinds = np.any([plant.of_kind(kind) for kind in kinds], axis=0)
        for owner in range(-1, len(LANGUAGES)):
            sets.append(of_kinds & (plant.owner == owner))
            names.append((" and ".join(f"{kind}s" for kind in kinds), LANGUAGES[owner] if owner >= 0 else "all"))
    damage = removal_damage(plant, sets, documents)
    frame = pd.DataFrame(damage, columns=list(LANGUAGES))
    frame.insert(0, "of", [owner for _, owner in names])
    frame.insert(0, "units", [kind for kind, _ in names])
    return frame


def language_margins(result: Result, method: str) -> Floats:
    """Language margins of comparable scores, shape (L, units), over all slots."""
    scores = result.arrays[method].mean(axis=1)
    groups = [
        UnitGroup(row["layer"], row["block"], row["kind"], row["start"], row["units"])
        for row in result.tables["units"].to_dict(orient="records")
    ]
    return margins(comparable(scores, method, groups))


def auc(values: Floats, planted: NDArray[np.bool_]) -> float:
    """The probability that a planted unit has a higher value than another unit, ties counting half."""
    higher = stats.mannwhitneyu(values[planted], values[~planted]).statistic
    return float(higher / (planted.sum() * (~planted).sum()))


def auc_rows(plant: Plant, method: str, found: Floats, *, every_unit: bool = False) -> Iterator[dict[str, object]]:
    """How well margins tell a language's planted units from all other units of their kind.

    Args:
        plant: what was planted.
        method: recorded.
        found: shape (L, units): margins.
        every_unit: judge by all units, also those that were left out.
    """
    judged = np.ones(len(plant.index), dtype=bool) if every_unit else ~plant.left_out
    for kind in KINDS:
        units = plant.of_kind(kind) & judged & np.isfinite(found).all(axis=0)
        if not units.any():
            continue
        each = {language: auc(found[row, units], plant.owner[units] == row) for row, language in enumerate(LANGUAGES)}
        yield {"method": method, "units": f"{kind}s", **each, "mean": float(np.mean(list(each.values())))}


def auc_table(plant: Plant, result: Result, documents: Integers) -> pd.DataFrame:
    """AUC of every method, of removing units one by one, and of what explains where methods fail."""
    found = {method: language_margins(result, method) for method in result.arrays}
    rows = [row for method, values in found.items() for row in auc_rows(plant, method, values)]
    for method, values in found.items():
        rows += auc_rows(plant, f"{method}, none left out", values, every_unit=True)
    gated = plant.index.places[-1].end
    alone = removal_damage(plant, list(np.eye(gated, len(plant.index), dtype=bool)), documents)
    damage = np.full((len(LANGUAGES), len(plant.index)), np.nan)
    damage[:, :gated] = alone.T
    rows += [*auc_rows(plant, "removal one by one", margins(damage)), *explaining_rows(plant, documents)]
    return pd.DataFrame(rows)


def explaining_rows(plant: Plant, documents: Integers) -> Iterator[dict[str, object]]:
    """AUC of what the methods leave out or mix: how much a unit gives, and Fisher information side by side.

    Args:
        plant: the model.
        documents: shape (L, count, LENGTH).
    """
    index = plant.index
    given = np.full((len(LANGUAGES), len(index)), np.nan)
    fisher = {side: np.full((len(LANGUAGES), len(index)), np.nan) for side in ("in", "out")}

    def watch(path: str, language: int) -> Callable[[torch.Tensor], torch.Tensor]:
        place = index.sites[path][0]

        def change(values: torch.Tensor) -> torch.Tensor:
            lengths = values.unflatten(-1, (place.family.count, -1)).norm(dim=-1).mean((0, 1))
            given[language, place.start : place.end] = lengths.numpy()
            return values

        return change

    for language in range(len(LANGUAGES)):
        batch = as_batch(documents[language])
        with changed_sites(plant.model, {path: watch(path, language) for path in index.sites}), torch.no_grad():
            plant.model(input_ids=batch)
        squares: dict[str, torch.Tensor] = {}
        for document in batch.split(1):
            plant.model.zero_grad()
            mean_losses(plant.model, document).sum().backward()
            for path in index.members:
                square = plant.model.get_submodule(path).weight.grad.double().square()
                squares[path] = squares[path] + square if path in squares else square
        plant.model.zero_grad()
        for place in index.places:
            for side, found in fisher.items():
                sums = np.zeros(place.family.count)
                for member in place.family.members:
                    if member.side == side:
                        known = member.units >= 0
                        each = squares[member.module].sum(0 if side == "in" else 1).numpy()
                        sums += np.bincount(member.units[known], each[known], place.family.count)
                found[language, place.start : place.end] = sums / sums.sum()
    yield from auc_rows(plant, "mean length of what it gives", margins(given))
    yield from auc_rows(plant, "fisher of the weights after it alone", margins(fisher["in"]))
    yield from auc_rows(plant, "fisher of the weights before it alone", margins(fisher["out"]))


def constants_table(plant: Plant, documents: Integers) -> pd.DataFrame:
    """What each language loses where a language's planted units give a constant: zero, or one of two means.

    Args:
        plant: the model.
        documents: shape (L, count, LENGTH); the means are theirs.
    """
    index = plant.index
    means: list[dict[str, torch.Tensor]] = []

    def watch(path: str, into: dict[str, torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        def change(values: torch.Tensor) -> torch.Tensor:
            into[path] = values.mean((0, 1))
            return values

        return change

    def losses(batch: torch.Tensor, units: NDArray[np.bool_], constants: dict[str, torch.Tensor] | None) -> float:
        with changed_sites(plant.model, removal(index, torch.from_numpy(units), constants)), torch.no_grad():
            return float(mean_losses(plant.model, batch).double().mean())

    batches = [as_batch(documents[language]) for language in range(len(LANGUAGES))]
    for batch in batches:
        means.append({})
        with changed_sites(plant.model, {path: watch(path, means[-1]) for path in index.sites}), torch.no_grad():
            plant.model(input_ids=batch)
    common = {path: torch.stack([own[path] for own in means]).mean(0) for path in index.sites}
    nothing = np.zeros(len(index), dtype=bool)
    rows = []
    for name in ("zero", "mean over all languages", "mean of the language that is read"):
        for removed, owner in enumerate(LANGUAGES):
            row: dict[str, object] = {"constant": name, "removed": owner}
            for language, batch in enumerate(batches):
                constants = {"zero": None, "mean over all languages": common}.get(name, means[language])
                units = plant.owner == removed
                row[LANGUAGES[language]] = losses(batch, units, constants) - losses(batch, nothing, None)
            rows.append(row)
    return pd.DataFrame(rows)


def measure(plant: Plant, recipe: Recipe, **settings: Any) -> Result:
    """`analyze_importance` on fresh documents of the three languages."""
    random = np.random.default_rng([recipe.seed, 2])
    corpus = {
        language: as_texts(draw_documents(row, recipe.documents, random)) for row, language in enumerate(LANGUAGES)
    }
    chosen = ImportanceSettings(chunks=recipe.chunks, top=SHARE, seed=recipe.seed)
    return analyze_importance(plant.checkpoint, corpus, "causal-lm", replace(chosen, **settings))


def ablation_table(plant: Plant, recipe: Recipe) -> pd.DataFrame:
    """The ablation matrix with units picked by the Taylor score, for both things that can take a unit's place.

    Returns:
        One row a replacement and set of units: replacement, removed, the damage to each language, and for a language's
        units own_damage and others_damage from the table `specificity`, both beyond random units.
    """
    frames = []
    for replacement in get_args(Ablation):
        result = measure(plant, recipe, methods=("taylor",), ablate=True, ablation=replacement)
        matrix = result.tables["ablation"].pivot(index="removed", columns="language", values="damage")
        specific = result.tables["specificity"].set_index("language")[["own_damage", "others_damage"]]
        frame = matrix.join(specific).reset_index(names="removed")
        frame.insert(0, "replacement", replacement)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def null_runs(plant: Plant, recipe: Recipe, names: int, methods: Sequence[str] = METHODS[:3]) -> pd.DataFrame:
    """One language under several names: how many units each run calls a name's own.

    Every run draws new documents of one language, deals them to the names, and has a seed of its own.

    Returns:
        One row a run and method: names, run, language, method, picked, own.
    """
    rows = []
    for run in range(recipe.null_runs):
        language = run % len(LANGUAGES)
        random = np.random.default_rng([recipe.seed, 3, names, run])
        texts = as_texts(draw_documents(language, names * recipe.documents, random))
        corpus = {f"name{i}": texts[i::names] for i in range(names)}
        settings = ImportanceSettings(methods=tuple(methods), chunks=recipe.chunks, top=SHARE, seed=run)
        counts = analyze_importance(plant.checkpoint, corpus, "causal-lm", settings).tables["own_counts"]
        for method in methods:
            found = counts[counts["method"] == method]
            row = {"names": names, "run": run, "language": LANGUAGES[language], "method": method}
            rows.append(row | {"picked": int(found["picked"].sum()), "own": int(found["own"].sum())})
    return pd.DataFrame(rows)


def null_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs that call at least one unit a name's own, and the most that the stated rate gives in 99 of 100 cases."""
    found = runs.assign(wrong=runs["own"] > 0).groupby(["names", "method"])
    table = found.agg(
        runs=("run", "count"), picked=("picked", "mean"), units_own=("own", "sum"), runs_with_own=("wrong", "sum")
    ).reset_index()
    table["allowed"] = stats.binom.ppf(0.99, table["runs"], LEVEL).astype(int)
    return table


def criteria(tables: dict[str, pd.DataFrame]) -> list[tuple[str, str, bool]]:
    """What was asked of one model, what came out, and whether it passes."""
    plant, found, ablation, null = (tables[name] for name in ("plant", "auc", "ablation", "null"))
    out = []
    for units, rows in plant.groupby("units", sort=False):
        matrix = rows.set_index("of").loc[list(LANGUAGES), list(LANGUAGES)].to_numpy()
        own, others = matrix.diagonal().min(), np.abs(matrix[~np.eye(len(matrix), dtype=bool)]).max()
        out.append(
            (
                f"planted: own {units} removed, own loss rises {TIMES} × others'",
                f"{own:.4f}, {others:.4f}",
                own >= 10 * others,
            )
        )
    common = plant.loc[plant["of"] == "all", list(LANGUAGES)].iloc[0].min()
    out.append(("planted: every language needs the units left to all", f"at least {common:.4f}", common >= 0.1))
    for row in found.to_dict(orient="records"):
        if row["method"] in METHODS:
            out.append((f"AUC ≥ 0.95: {row['method']}, {row['units']}", f"{row['mean']:.4f}", row["mean"] >= 0.95))
    for replacement, rows in ablation[ablation["removed"].isin(LANGUAGES)].groupby("replacement", sort=False):
        own, others = rows["own_damage"], rows["others_damage"]
        out.append(
            (
                f"beyond random, own damage ≥ {TIMES} × others' ({replacement})",
                f"own {own.min():.3f} to {own.max():.3f}, others {others.min():.3f} to {others.max():.3f}",
                bool((own >= TIMES * others.clip(lower=0)).all() and (own > 0).all()),
            )
        )
        matrix = rows.set_index("removed").loc[list(LANGUAGES), list(LANGUAGES)].to_numpy()
        ratio = matrix.diagonal() / np.abs(matrix - np.diag(matrix.diagonal())).max(axis=1)
        out.append(
            (
                f"as it is, own damage ≥ {TIMES} × any other's ({replacement})",
                f"{ratio.min():.1f} ×",
                ratio.min() >= TIMES,
            )
        )
    for row in null.to_dict(orient="records"):
        asked = f"runs with an own unit ≤ {row['allowed']} of {row['runs']}"
        found_own = row["runs_with_own"]
        out.append(
            (f"null, {row['names']} names, {row['method']}: {asked}", f"{found_own}", found_own <= row["allowed"])
        )
    return out


def _markdown(table: pd.DataFrame) -> str:
    def cell(value: object) -> str:
        if isinstance(value, float):
            return "" if np.isnan(value) else f"{value:.4f}"
        return str(value)

    rows = [list(map(str, table.columns)), ["---"] * len(table.columns)]
    rows += [[cell(value) for value in row] for row in table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def examine(architecture: str, recipe: Recipe) -> dict[str, pd.DataFrame]:
    """Grow a plant and measure everything on it: tables `plant`, `left out`, `auc`, `ablation`, `constants`, `null`."""
    plant = grow(recipe, architecture)
    documents = removal_documents(recipe)
    left_out = pd.DataFrame(
        {
            "layer": place.family.layer,
            "units": f"{place.family.kind}s",
            "of": LANGUAGES[owner] if owner >= 0 else "all",
            "left_out": int((plant.left_out & (plant.owner == owner))[place.start : place.end].sum()),
        }
        for place in plant.index.places
        for owner in range(-1, len(LANGUAGES))
    )
    return {
        "plant": plant_table(plant, documents),
        "left out": left_out.pivot(index=["layer", "units"], columns="of", values="left_out").reset_index(),
        "auc": auc_table(plant, measure(plant, recipe, methods=METHODS), documents),
        "ablation": ablation_table(plant, recipe),
        "constants": constants_table(plant, documents),
        "null": null_table(pd.concat([null_runs(plant, recipe, names) for names in (2, 3)], ignore_index=True)),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a Llama alone, trained for 300 steps, with 4 null runs")
    parser.add_argument("--output", type=Path, help="a JSON file for all tables")
    options = parser.parse_args(arguments)
    recipe = QUICK if options.quick else Recipe()
    start = time.monotonic()
    found: dict[str, Any] = {}
    for architecture in list(MODELS)[:1] if options.quick else MODELS:
        tables = examine(architecture, recipe)
        results = criteria(tables)
        print(f"## {architecture}\n")
        for name, table in tables.items():
            print(f"{name}\n\n{_markdown(table)}\n")
        print("| criterion | result | |\n|---|---|---|")
        print("\n".join(f"| {name} | {value} | {'pass' if ok else 'FAIL'} |" for name, value, ok in results), "\n")
        found[architecture] = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}
        found[architecture]["criteria"] = [
            {"name": name, "result": value, "pass": bool(ok)} for name, value, ok in results
        ]
        print(f"{time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    if options.output is not None:
        document = {"recipe": asdict(recipe), "seconds": round(time.monotonic() - start), "models": found}
        options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0 if all(row["pass"] for model in found.values() for row in model["criteria"]) else 1


if __name__ == "__main__":
    sys.exit(main())
