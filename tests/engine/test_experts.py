"""Experts where each process of a spread model holds some rows of every weight."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from interfere.checkpoint import find_experts, map_parameters
from interfere.engine import (
    GradientSums,
    Projection,
    SeenExperts,
    _experts,
    _project,
    euclidean,
    group_with_experts,
    per_tensor,
)
from tests.experts import tiny_mixture

CUTS = (0.3, 0.5, 0.95)


@pytest.mark.parametrize("projection", [Projection(None, 0), Projection(64, 0)])
@pytest.mark.parametrize("granularity", ["expert", "module"])
def test_parts_of_gradients_add_up_to_whole_ones(
    projection: Projection, granularity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = tiny_mixture("gpt-oss")
    infos = map_parameters(model)
    experts = find_experts(model, infos)
    groups = group_with_experts(list(infos.values()), experts, granularity).parts
    assert sum(group.parameters for group in groups) == sum(info.parameters for info in infos.values())
    metric = euclidean({name: info.parameters for name, info in infos.items()})
    generator = torch.Generator().manual_seed(0)
    gradients = {name: torch.randn(info.shape, generator=generator) for name, info in infos.items()}
    unseen = {1, 8}
    for place in unseen:
        for name, (first, end) in experts[place].spans.items():
            gradients[name].view(-1)[first:end] = 0
    whole, seen = GradientSums(projection, groups, [metric]), SeenExperts(experts)
    for name, gradient in gradients.items():
        seen.take(name, gradient)
        whole.take(name, gradient.clone())
    # Each part is what one process holds: a run of numbers that ends inside an expert.
    pieces, seen_in_parts = GradientSums(projection, groups, [metric]), SeenExperts(experts)
    start = 0
    for module in (_project, _experts):
        monkeypatch.setattr(module, "local_part", lambda tensor: (tensor, start))
    for name, gradient in gradients.items():
        flat = gradient.reshape(-1)
        edges = [0, *(int(cut * len(flat)) for cut in CUTS), len(flat)]
        for start, end in pairwise(edges):
            if start < end:
                seen_in_parts.take(name, flat[start:end])
                pieces.take(name, flat[start:end].clone())
    assert set(np.flatnonzero(~seen.mask())) == unseen
    np.testing.assert_array_equal(seen_in_parts.mask(), seen.mask())
    for group in groups:
        expected, squares = whole.vectors(group, metric, 0.5)
        found, energies = pieces.vectors(group, metric, 0.5)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
        assert energies == pytest.approx(squares, rel=1e-4, abs=1e-9)


def test_tiny_gradients_of_half_precision_are_seen() -> None:
    model, _ = tiny_mixture("mixtral")
    infos = map_parameters(model)
    experts = find_experts(model, infos)
    seen = SeenExperts(experts)
    for name, info in infos.items():
        gradient = torch.zeros(info.shape, dtype=torch.bfloat16)
        if name in experts[3].spans:
            gradient.view(-1)[experts[3].spans[name][0]] = 1e-38
        seen.take(name, -gradient)
    assert list(np.flatnonzero(seen.mask())) == [3]


def test_an_expert_that_the_calibration_slot_did_not_reach_does_not_own_the_per_tensor_metric() -> None:
    """Its squared norm there is exactly 0, and not that of rounding, which is to stay small."""
    sizes = dict.fromkeys(("attention", "reached", "unreached", "rounding"), 1)
    weights = per_tensor({"attention": 4.0, "reached": 2.0, "unreached": 0.0, "rounding": 1e-14}, sizes)
    later = {"attention": 2.0, "reached": 1.5, "unreached": 1.5, "rounding": 1e-7}
    energies = {name: float(weights.apply(name, torch.tensor([g])).square()) for name, g in later.items()}
    assert 0.3 < energies["unreached"] / energies["reached"] < 3
    assert energies["rounding"] < 1e-2
