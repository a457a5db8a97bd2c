"""What the removal of units does to the loss of every language."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from interfere.engine import (
    Chunk,
    FittingMicrobatches,
    Microbatches,
    Progress,
    ProgressCallback,
    example_length,
    memory_errors,
    reading_cost,
    write_json,
    write_tensors,
)
from interfere.importance._index import UnitIndex
from interfere.importance._scores import token_mask
from interfere.importance._sites import changed_sites, removal
from interfere.objectives import Batch, Objective, collate
from interfere.ranks import Ranks
from interfere.statistics import Chosen, Damage

ABLATED = ("head", "neuron")
"""Kinds of units that are removed; a group of heads is removed with its heads."""


def random_units(chosen: Chosen, draws: int, seed: int) -> NDArray[np.bool_]:
    """As many units as were chosen of each group, drawn at random; shape (draws, units)."""
    out = np.zeros((draws, len(chosen.core)), dtype=bool)
    for draw in range(draws):
        random = np.random.default_rng([seed, draw])
        for group, count in chosen.counts.items():
            out[draw, group.start + random.choice(group.count, count, replace=False)] = True
    return out


def site_means(
    model: Any,
    objective: Objective,
    index: UnitIndex,
    chunks: Mapping[tuple[str, int], Chunk],
    microbatches: FittingMicrobatches,
    file: Path,
    ranks: Ranks,
    progress: ProgressCallback | None,
) -> dict[str, torch.Tensor]:
    """The mean over tokens of what each site reads, each language with the same weight.

    Args:
        model: in eval mode.
        objective: the loss.
        index: the units.
        chunks: the selection half.
        microbatches: how chunks are cut.
        file: where the means are kept, so that a resumed run has the same.
        ranks: the processes that share the work.
        progress: called after each chunk.
    """
    if ranks.decide(file.exists):
        return load_file(file)
    languages = sorted({language for language, _ in chunks})
    device = next(model.parameters()).device
    widths = {path: len(places[0].family.inputs) for path, places in index.sites.items()}
    sums = {path: torch.zeros(len(languages), width, dtype=torch.float64) for path, width in widths.items()}
    tokens = {path: torch.zeros(len(languages), dtype=torch.float64) for path in widths}
    mine = ranks.share(list(chunks), lambda key: reading_cost(chunks[key]))
    total, done = sum(reading_cost(chunks[key]) for key in mine), 0
    for key in mine:
        chunk, row = chunks[key], languages.index(key[0])

        def work(cut: Microbatches, chunk: Chunk = chunk) -> tuple[dict[str, torch.Tensor], dict[str, int]]:
            found = {path: torch.zeros(width, dtype=torch.float64) for path, width in widths.items()}
            counted = dict.fromkeys(widths, 0)
            with torch.no_grad():
                for batch in _batches(chunk, objective, cut, device):
                    with _summed_sites(model, index, batch, found, counted), memory_errors(*batch.input_ids.shape):
                        objective.loss(model, batch)
            return found, counted

        found, counted = microbatches.run(chunk.name, work)
        for path in widths:
            sums[path][row] += found[path]
            tokens[path][row] += counted[path]
        done += reading_cost(chunk)
        if progress is not None:
            progress(Progress("means", done, total, chunk.name))
    means = {}
    for path in widths:
        whole, count = ranks.sum_tensor(sums[path]), ranks.sum_tensor(tokens[path])
        means[path] = (whole / count.clamp(min=1).unsqueeze(1)).mean(dim=0).float()
    if ranks.rank == 0:
        write_tensors(file, means, {})
    return means


def _batches(chunk: Chunk, objective: Objective, cut: Microbatches, device: torch.device) -> Iterator[Batch]:
    for rows in cut.plan([example_length(example) for example in chunk.examples]):
        yield collate([chunk.examples[i] for i in rows], objective.pad_id, device)


@contextmanager
def _summed_sites(
    model: Any, index: UnitIndex, batch: Batch, sums: dict[str, torch.Tensor], counted: dict[str, int]
) -> Iterator[None]:
    def add(path: str) -> Callable[..., None]:
        layer = index.sites[path][0].family.layer

        def before(_: torch.nn.Module, arguments: tuple[Any, ...]) -> None:
            numbers, mask = token_mask(arguments[0].detach(), batch, layer)
            sums[path] += (numbers.double() * mask.unsqueeze(2)).sum((0, 1)).cpu()
            counted[path] += int(mask.sum())

        return before

    with ExitStack() as stack:
        for path in index.sites:
            stack.callback(model.get_submodule(path).register_forward_pre_hook(add(path)).remove)
        yield


def measure_damage(
    model: Any,
    objective: Objective,
    index: UnitIndex,
    chunks: Mapping[tuple[str, int], Chunk],
    languages: Sequence[str],
    chosen: Chosen,
    drawn: NDArray[np.bool_],
    means: Mapping[str, torch.Tensor] | None,
    microbatches: FittingMicrobatches,
    folder: Path,
    ranks: Ranks,
    progress: ProgressCallback | None,
) -> Damage:
    """Losses of the held-out half with each set of units removed: 2 + L + draws sweeps over it.

    Args:
        model: in eval mode.
        objective: the loss.
        index: the units.
        chunks: the held-out half, of languages that have numbers.
        languages: all L of them.
        chosen: the units of each language, and the core.
        drawn: shape (draws, units): random ones.
        means: module path → what takes the place of a removed unit; None: zeros.
        microbatches: how chunks are cut.
        folder: where losses are kept, one file for each set and language.
        ranks: the processes that share the work.
        progress: called after each file.
    """
    nothing = np.zeros((1, len(index)), dtype=bool)
    sets = torch.from_numpy(np.concatenate([nothing, chosen.core[None], chosen.own, drawn]))
    slots = sorted({slot for _, slot in chunks})
    present = [language for language in languages if (language, slots[0]) in chunks]
    keys = [
        (number, language)
        for number in range(len(sets))
        for language in present
        if number < 2 or number >= 2 + len(languages) or languages[number - 2] in present
    ]

    def path_of(key: tuple[int, str]) -> Path:
        return folder / f"ablation-{key[0]:04d}-{languages.index(key[1]):04d}.json"

    missing = ranks.decide(lambda: [key for key in keys if not path_of(key).exists()])
    cost = {language: sum(reading_cost(chunks[language, slot]) for slot in slots) for language in present}
    mine = ranks.share(missing, lambda key: cost[key[1]])
    device = next(model.parameters()).device
    total, done = sum(cost[language] for _, language in mine), 0
    for number, language in mine:
        losses = []
        with changed_sites(model, removal(index, sets[number], means)), torch.no_grad():
            for slot in slots:
                chunk = chunks[language, slot]

                def work(cut: Microbatches, chunk: Chunk = chunk) -> float:
                    summed, predictions = 0.0, 0
                    for batch in _batches(chunk, objective, cut, device):
                        with memory_errors(*batch.input_ids.shape):
                            sums = objective.loss(model, batch)
                        summed += float(sums.per_document.double().sum())
                        predictions += sums.predictions
                    return summed / predictions

                losses.append(microbatches.run(chunk.name, work))
        write_json(path_of((number, language)), losses)
        done += cost[language]
        if progress is not None:
            progress(Progress("ablation", done, total, f"{language}, set {number + 1} of {len(sets)}"))
    ranks.wait()
    out = np.full((len(sets), len(languages), len(slots)), np.nan)
    for number, language in keys:
        out[number, languages.index(language)] = json.loads(path_of((number, language)).read_text(encoding="utf-8"))
    own = slice(2, 2 + len(languages))
    return Damage(base=out[0], core=out[1], own=out[own], random=out[own.stop :])
