"""A small model in which reserved heads and neurons serve one language, grown from synthetic text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from torch.nn.functional import cross_entropy
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from interfere import Checkpoint, checkpoint_from_model
from interfere.checkpoint import find_units
from interfere.importance import UnitIndex
from interfere.importance._sites import changed_sites

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

KINDS = ("head", "neuron")

IDLE = 0.01
"""Share of the average that a unit adds at most where nothing has grown in it."""

TIMES = 10
"""What is the plant's own is at least so many times what is others'."""

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
