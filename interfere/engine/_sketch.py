"""A linear random-sign sketch of a long vector.

Element i of the tensor called `name` is added to one of `size` buckets with a random sign, both drawn from
counter-based functions of (seed, name, i). The sketch is linear, so sketches of tensors, of layers, of microbatches and
of shards add up, and <S x, S y> is an unbiased estimate of <x, y> with variance at most
(|x|² |y|² + <x, y>² − 2 Σ x_i² y_i²) / size over seeds (Charikar, Chen, Farach-Colton 2002; Weinberger et al. 2009,
arXiv 0902.2206).

Buckets are hashed and not dealt in turn: with `i mod size` a heavy column of a matrix whose width shares a factor with
`size` falls into a handful of buckets, and the error is many times what the formula says. Runs of 16 elements share one
hash value, the bucket where the run starts; two elements of different runs meet with probability 1 / size, two of one
run never. Every element has a sign of its own.

What makes it fast on a CPU: signs are flipped by XOR on pieces that fit the cache, one bit of a random word each, and
whole runs are added to the rows of a table (buckets × 16, one row for each bucket that a run may start at) as the
product with a sparse matrix. The table's diagonals are summed into buckets at the end.
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

_WORDS = 1 << 13
"""Random words of 32 bits in a block; bit k of word m is the sign of the block's element k · `_WORDS` + m."""

_BLOCK = 32 * _WORDS
"""Elements whose signs are made together; 1 MiB of them."""

_PIECE = 16 * _BLOCK
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
    lanes = torch.arange(RUN, device=out.device)
    # The table costs as much as some numbers of it; a GPU adds numbers to buckets one by one as fast.
    table = np.zeros((size, RUN), np.float32) if out.device.type == "cpu" and x.numel() > _MANY * size else None
    # Runs that start near the end run over it; what lies beyond is added to the front afterwards.
    beyond = torch.zeros(size + RUN, dtype=torch.float32, device=out.device)
    for start, signed in _signed_pieces(x, factor, first, signs_key):
        runs = signed.view(-1, RUN)
        # A word times the size, shifted: a bucket for every value of the word, as evenly as can be.
        words = random_words(buckets_key, start // RUN, len(runs), out.device).long() & 0xFFFFFFFF
        buckets = words.mul_(size) >> 32
        if table is None:
            beyond.index_add_(0, (buckets.unsqueeze(1) + lanes).view(-1), runs.reshape(-1))
        else:
            _add_runs(table, buckets.to(torch.int32).numpy(), runs.numpy())
    if table is not None:
        diagonals = beyond.numpy()
        for lane in range(RUN):
            diagonals[lane : lane + size] += table[:, lane]
    out += beyond[:size]
    for start in range(size, size + RUN, size):
        rest = beyond[start : start + size]
        out[: rest.numel()] += rest


def _signed_pieces(
    x: torch.Tensor, factor: torch.Tensor | None, first: int, key: int
) -> Iterator[tuple[int, torch.Tensor]]:
    """The numbers times their signs, piece by piece, and where in the whole tensor a piece starts.

    Pieces start at whole blocks and have whole runs, filled up with zeros; the next one takes the place of the last.
    """
    flat = x.reshape(-1)
    factors = None if factor is None else factor.reshape(-1)
    end = first + len(flat)
    origin = first - first % _BLOCK
    room = min(_PIECE, -(-(end - origin) // RUN) * RUN)
    buffer = torch.empty(room, dtype=torch.float32, device=x.device)
    shifts = torch.arange(32, dtype=torch.int32, device=x.device).unsqueeze(1)
    longest = min(_BLOCK, end - origin)
    rows, width = -(-longest // _WORDS), min(_WORDS, longest)
    mask = torch.empty(rows, width, dtype=torch.int32, device=x.device)
    for start in range(origin, end, _PIECE):
        piece = buffer[: min(_PIECE, -(-(end - start) // RUN) * RUN)]
        for begin in range(start, min(end, start + _PIECE), _BLOCK):
            low, high = max(begin, first), min(begin + _BLOCK, end)
            words = random_words(key, begin // 32, width, x.device)
            signs = torch.bitwise_left_shift(words, shifts[:rows], out=mask).bitwise_and_(_SIGN).view(-1)
            block = flat[low - first : high - first].float()
            if factors is not None:
                block = block * factors[low - first : high - first]
            target = piece[low - start : high - start].view(torch.int32)
            torch.bitwise_xor(block.view(torch.int32), signs[low - begin : high - begin], out=target)
        piece[: max(0, first - start)] = 0
        piece[end - start :] = 0
        yield start, piece


def _add_runs(table: NDArray[np.float32], buckets: NDArray[np.int32], runs: NDArray[np.float32]) -> None:
    """Add each run to the row of the table that it starts at."""
    count = len(buckets)
    ones, ends = np.ones(count, dtype=np.float32), np.arange(count + 1, dtype=np.int32)
    # The product with a matrix that has one 1 in each column: SciPy's loop over it runs at the speed of memory.
    table += csc_array((ones, buckets, ends), shape=(len(table), count)) @ runs
