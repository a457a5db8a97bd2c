"""A linear random-sign sketch of a long vector.

Element i of the tensor called `name` is added to one of `size` buckets with a random sign, both drawn from
counter-based functions of (seed, name, i). The sketch is linear, so sketches of tensors, of layers, of microbatches and
of shards add up, and <S x, S y> is an unbiased estimate of <x, y> with variance at most
(|x|² |y|² + <x, y>² − 2 Σ x_i² y_i²) / size over seeds (Charikar, Chen, Farach-Colton 2002; Weinberger et al. 2009,
arXiv 0902.2206).

Buckets are hashed and not dealt in turn: with `i mod size` a heavy column of a matrix whose width shares a factor with
`size` falls into a handful of buckets, and the error is many times what the formula says. Runs of 16 elements share one
hash value, the bucket where the run starts; two elements of different runs meet with probability 1 / size, two of one
run never. Every element has a sign.

A sign is the product of two: a random one for each run, and one of a random pattern that repeats after a prime number
of runs, so that it does not keep step with the width of a matrix. Two runs a whole number of periods apart that start
in the same bucket add their products of numbers with one common sign; such pairs are one in 4,093, which moves the
variance by less than half a percent.

What makes it fast on a CPU: the pattern is applied by XOR with the sign bit, on pieces that fit the cache, and whole
runs are added, with their own sign, to the rows of a table (buckets × 16, one row for each bucket that a run may start
at) as the product with a sparse matrix. The table's diagonals are summed into buckets at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csc_array

RUN = 16
"""Consecutive elements that share one hash value."""

_PERIOD = 4093 * RUN
"""Elements after which the pattern of signs repeats; 256 KiB of them."""

_PIECE = 32 * _PERIOD
"""Elements that are sketched at a time, so that temporary arrays stay at some megabytes whatever the tensor's size."""

_MANY = 4
"""A tensor with more than so many times the buckets is worth a table."""

_SIGN = -(1 << 31)


def _signed64(value: int) -> int:
    """The 64-bit two's complement of an unsigned value, as PyTorch's int64 wants constants."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >= 1 << 63 else value


_GOLDEN = _signed64(0x9E3779B97F4A7C15)
_MIX_1 = _signed64(0xBF58476D1CE4E5B9)
_MIX_2 = _signed64(0x94D049BB133111EB)


def _shift_right(x: torch.Tensor, bits: int) -> torch.Tensor:
    """Logical shift right; PyTorch's own shift of int64 repeats the sign bit."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def random_words(key: int, first: int, count: int, device: torch.device) -> torch.Tensor:
    """SplitMix64 of consecutive counters under `key`, as 32-bit words, two of each counter.

    Args:
        key: which function.
        first: the first word, an even number.
        count: how many words.
        device: where.

    Returns:
        int32, shape (count,).

    Source: Steele, Lea, Flood (2014), "Fast splittable pseudorandom number generators".
    """
    start = first // 2
    x = torch.arange(start + 1, start + 1 + -(-count // 2), dtype=torch.int64, device=device)
    x.mul_(_GOLDEN).add_(key)
    x ^= _shift_right(x, 30)
    x.mul_(_MIX_1)
    x ^= _shift_right(x, 27)
    x.mul_(_MIX_2)
    x ^= _shift_right(x, 31)
    return x.view(torch.int32)[:count]


def tensor_keys(seed: int, name: str) -> tuple[int, int]:
    """The 64-bit keys of one tensor's two hash functions: of the buckets, and of the signs."""
    digest = sha256(f"{seed}\0{name}".encode()).digest()
    return _signed64(int.from_bytes(digest[:8], "little")), _signed64(int.from_bytes(digest[8:16], "little"))


def add_sketch(
    out: torch.Tensor,
    x: torch.Tensor,
    name: str,
    seed: int,
    *,
    factor: torch.Tensor | None = None,
    first: int = 0,
) -> None:
    """Add the sketch of a tensor to `out`.

    Args:
        out: float32, shape (size,), on the device of `x`; changed in place.
        x: the tensor, of any shape; read in row-major order.
        name: what the tensor is called; it picks the hash functions.
        seed: picks the family of hash functions.
        factor: what `x` is multiplied by first, number by number; of its shape.
        first: where `x` starts in the whole tensor, if it is a part of one.
    """
    size = out.numel()
    buckets_key, signs_key = tensor_keys(seed, name)
    # Runs that start near the end run over it; what lies beyond is added to the front afterwards.
    beyond = torch.zeros(size + RUN, dtype=torch.float32, device=out.device)
    # The table costs as much as some numbers of it; a GPU adds numbers to buckets one by one as fast.
    if out.device.type == "cpu" and x.numel() > _MANY * size:
        table = np.zeros((size, RUN), np.float32)
        for start, runs in _signed_pieces(x, factor, first, signs_key):
            _add_runs(table, *_places(buckets_key, start, len(runs), size, out.device), runs)
        diagonals = beyond.numpy()
        for lane in range(RUN):
            diagonals[lane : lane + size] += table[:, lane]
    else:
        lanes = torch.arange(RUN, device=out.device)
        for start, runs in _signed_pieces(x, factor, first, signs_key):
            buckets, signs = _places(buckets_key, start, len(runs), size, out.device)
            runs *= signs.unsqueeze(1)
            beyond.index_add_(0, (buckets.unsqueeze(1) + lanes).view(-1), runs.view(-1))
    out += beyond[:size]
    for start in range(size, size + RUN, size):
        rest = beyond[start : start + size]
        out[: rest.numel()] += rest


def _places(key: int, start: int, count: int, size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The bucket, int64, and the sign, float32, of each of `count` runs from run number `start` on."""
    # Words come in pairs.
    words = random_words(key, start & ~1, count + (start & 1), device)[start & 1 :]
    # A word times the size, shifted: a bucket for every value of the word, as evenly as can be, by its high bits.
    buckets = ((words.long() & 0xFFFFFFFF) * size) >> 32
    signs = (words & 1).float().mul_(-2.0).add_(1.0)
    return buckets, signs


def _signed_pieces(
    x: torch.Tensor, factor: torch.Tensor | None, first: int, key: int
) -> Iterator[tuple[int, torch.Tensor]]:
    """The numbers times the pattern of signs, piece by piece: the number of its first run, and runs (count, RUN).

    Where `x` does not start with a run, a piece starts with zeros, and where it does not end with one, it is filled up
    with zeros: a run that lies in two pieces is in both of them with its part. The next piece takes the place of the
    last.
    """
    flat = x.reshape(-1)
    factors = None if factor is None else factor.reshape(-1)
    lead = first % RUN
    pattern = _pattern(key, first, min(_PERIOD, len(flat)), x.device)
    buffer = torch.empty(-(-(lead + min(_PIECE, len(flat))) // RUN) * RUN, dtype=torch.float32, device=x.device)
    for begin in range(0, len(flat), _PIECE):
        numbers = flat[begin : begin + _PIECE].float()
        if factors is not None:
            numbers = numbers * factors[begin : begin + _PIECE]
        end = lead + len(numbers)
        piece = buffer[: -(-end // RUN) * RUN]
        piece[:lead] = 0
        piece[end:] = 0
        _flip(numbers.view(torch.int32), pattern, piece[lead:end].view(torch.int32))
        yield (first + begin) // RUN, piece.view(-1, RUN)


def _pattern(key: int, first: int, count: int, device: torch.device) -> torch.Tensor:
    """The signs of `count` elements from `first` on, as int32 with the sign bit alone."""
    start = first % _PERIOD
    words = random_words(key, 0, -(-_PERIOD // 32), device)
    shifts = torch.arange(32, dtype=torch.int32, device=device).unsqueeze(1)
    needed = min(_PERIOD, start + count)
    rows = -(-needed // len(words))
    signs = (words << shifts[:rows]).bitwise_and_(_SIGN).view(-1)[:_PERIOD]
    return signs[start:needed] if needed == start + count else torch.cat([signs[start:], signs])[:count]


def _flip(numbers: torch.Tensor, pattern: torch.Tensor, out: torch.Tensor) -> None:
    """XOR with a pattern that repeats."""
    whole = len(numbers) // len(pattern) * len(pattern)
    shape = (-1, len(pattern))
    torch.bitwise_xor(numbers[:whole].view(shape), pattern, out=out[:whole].view(shape))
    torch.bitwise_xor(numbers[whole:], pattern[: len(numbers) - whole], out=out[whole:])


def _add_runs(table: NDArray[np.float32], buckets: torch.Tensor, signs: torch.Tensor, runs: torch.Tensor) -> None:
    """Add each run, times its sign, to the row of the table that it starts at."""
    ends = np.arange(len(buckets) + 1, dtype=np.int32)
    columns = (signs.numpy(), buckets.to(torch.int32).numpy(), ends)
    # The product with a matrix that has one number in each column: SciPy's loop over it runs at the speed of memory.
    table += csc_array(columns, shape=(len(table), len(buckets))) @ runs.numpy()
