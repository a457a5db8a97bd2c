from __future__ import annotations

import numpy as np
import pytest
import torch

from interfere.engine import add_sketch

SEEDS = 2000


def sketch(x: torch.Tensor, size: int, seed: int, name: str = "w") -> torch.Tensor:
    out = torch.zeros(size)
    add_sketch(out, x, name, seed)
    return out


def matrices(shape: str, rows: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two matrices of the shape named, neither orthogonal nor equal to each other."""
    random = torch.Generator().manual_seed(7)

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=random)

    if shape == "random":
        x = normal(rows, width)
        return x, 0.7 * x + normal(rows, width)
    if shape == "heavy column":
        x = 0.01 * normal(rows, width)
        x[:, 3] = normal(rows)
        y = x + 0.01 * normal(rows, width)
        return x, y
    if shape == "heavy row":
        x = 0.001 * normal(rows, width)
        x[3] = normal(width)
        return x, x + 0.01 * normal(rows, width)
    left, right = normal(rows), normal(width)
    return torch.outer(left, right), torch.outer(left + normal(rows), right)


@pytest.mark.parametrize("width", [256, 384, 333])
@pytest.mark.parametrize("shape", ["random", "heavy column", "heavy row", "rank one"])
@pytest.mark.parametrize("size", [256, 1000])
def test_unbiased_and_error_covers(shape: str, width: int, size: int) -> None:
    x, y = matrices(shape, 128, width)
    dot = float((x * y).sum())
    error = ((float(x.square().sum()) * float(y.square().sum()) + dot**2) / size) ** 0.5
    z = np.array([(float(sketch(x, size, s) @ sketch(y, size, s)) - dot) / error for s in range(SEEDS)])
    assert abs(z.mean()) < 4 / np.sqrt(SEEDS)
    assert 0.93 <= np.mean(np.abs(z) <= 1.96) <= 0.97
    assert 0.9 <= z.std() <= 1.1


def test_linear_in_tensors_and_in_values() -> None:
    a, b = torch.randn(40, 50), torch.randn(30)
    both = torch.zeros(128)
    add_sketch(both, a, "a", 1)
    add_sketch(both, b, "b", 1)
    torch.testing.assert_close(both, sketch(a, 128, 1, "a") + sketch(b, 128, 1, "b"))
    torch.testing.assert_close(sketch(2 * a - a.flip(0), 128, 1), 2 * sketch(a, 128, 1) - sketch(a.flip(0), 128, 1))


def test_names_and_seeds_give_independent_functions() -> None:
    x = torch.randn(64, 64)
    first = sketch(x, 512, 0)
    for other in (sketch(x, 512, 1), sketch(x, 512, 0, "v")):
        cosine = float(first @ other / (first.norm() * other.norm()))
        assert abs(cosine) < 5 / np.sqrt(512)


def test_no_element_is_lost_and_each_lands_in_one_bucket() -> None:
    size = 100
    for index in (0, 7, 8, 999, 1000):
        x = torch.zeros(1001)
        x[index] = 3.0
        out = sketch(x, size, 5)
        assert int((out != 0).sum()) == 1
        assert float(out.abs().sum()) == 3.0


def test_signs_and_buckets_are_uniform() -> None:
    size, count = 50, 20_000
    signs, buckets = [], []
    eye = torch.zeros(count)
    for index in range(0, count, 37):
        eye.zero_()[index] = 1.0
        out = sketch(eye, size, 11)
        bucket = int(out.abs().argmax())
        buckets.append(bucket)
        signs.append(float(out[bucket]))
    assert abs(np.mean(signs)) < 4 / np.sqrt(len(signs))
    counts = np.bincount(buckets, minlength=size)
    expected = len(buckets) / size
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < size + 5 * np.sqrt(2 * size)


def test_long_tensors_are_hashed_in_pieces_without_repeats() -> None:
    length = 8 * (1 << 17) * 2 + 3
    x = torch.zeros(length)
    places = torch.arange(0, length, 8 * (1 << 17))
    x[places] = 1.0
    out = sketch(x, 1 << 16, 0)
    # Three elements that lie whole pieces apart do not share their hash values.
    assert int((out != 0).sum()) == len(places)


@pytest.mark.parametrize("first", [0, 1, 5_000, 3 * (1 << 18) + 17])
def test_parts_of_a_tensor_add_up_to_it(first: int) -> None:
    # Short parts go number by number and the whole tensor run by run through a table: both are the same function.
    x = torch.randn(5 * (1 << 18) + 12_345, generator=torch.Generator().manual_seed(1))
    size = 4096
    whole, parts = sketch(x, size, 3), torch.zeros(size)
    for begin, end in ((0, first), (first, first + 7_001), (first + 7_001, len(x))):
        add_sketch(parts, x[begin:end], "w", 3, first=begin)
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-3)
    assert float((whole - parts).norm() / whole.norm()) < 1e-6


def test_a_factor_is_multiplied_on_first() -> None:
    x, factor = torch.randn(700, 900), torch.rand(700, 900)
    out = torch.zeros(512)
    add_sketch(out, x, "w", 0, factor=factor)
    torch.testing.assert_close(out, sketch(x * factor, 512, 0))


def test_lower_precision_is_sketched_in_float32() -> None:
    x = torch.randn(300, 400).bfloat16()
    torch.testing.assert_close(sketch(x, 512, 0), sketch(x.float(), 512, 0), rtol=0, atol=0)


@pytest.mark.parametrize("width", [1024, 4096, 65_536])
def test_coherent_columns_of_wide_matrices_are_covered_too(width: int) -> None:
    # Sixteen neighbouring columns of one sign, in matrices so wide that a pattern of signs could keep step with them.
    x = torch.full((400_000 // width, width), 1e-3)
    x[:, 32:48] = 1.0
    dot, size = float(x.square().sum()), 512
    error = (2 * dot**2 / size) ** 0.5
    z = np.array([(float(sketch(x, size, s).square().sum()) - dot) / error for s in range(SEEDS)])
    assert abs(z.mean()) < 4 / np.sqrt(SEEDS)
    assert z.std() <= 1.1
