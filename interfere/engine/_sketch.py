"""A linear random-sign sketch of a long vector.

Element i of the tensor called `name` is added to one of `size` buckets with a random sign, both drawn from a
counter-based function of (seed, name, i). The sketch is linear, so sketches of tensors, of layers and of shards add up,
and <S x, S y> is an unbiased estimate of <x, y> with variance (|x|² |y|² + <x, y>² − 2 Σ x_i² y_i²) / size over seeds
(Charikar, Chen, Farach-Colton 2002; Weinberger et al. 2009, arXiv 0902.2206).

Buckets are hashed and not dealt in turn: with `i mod size` a heavy column of a matrix whose width shares a factor with
`size` falls into a handful of buckets, and the error is many times what the formula says. Runs of 8 elements share one
hash value (8 sign bits and the bucket where the run starts), which keeps the cost of hashing small; two elements of
different runs meet with probability 1 / size exactly, two of one run never.
"""

from __future__ import annotations

from hashlib import sha256

import torch

RUN = 8
"""Consecutive elements that share one hash value; the signs are its lowest bits."""

_PIECE = 1 << 17
"""Runs that are hashed at a time, so that temporary arrays stay at some megabytes whatever the tensor's size."""


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


def hash_runs(key: int, first: int, count: int, device: torch.device) -> torch.Tensor:
    """SplitMix64 of counters `first` to `first + count − 1` under `key`; int64, shape (count,).

    Source: Steele, Lea, Flood (2014), "Fast splittable pseudorandom number generators".
    """
    x = torch.arange(first + 1, first + count + 1, dtype=torch.int64, device=device)
    x.mul_(_GOLDEN).add_(key)
    x ^= _shift_right(x, 30)
    x.mul_(_MIX_1)
    x ^= _shift_right(x, 27)
    x.mul_(_MIX_2)
    x ^= _shift_right(x, 31)
    return x


def tensor_key(seed: int, name: str) -> int:
    """The 64-bit key of one tensor's hash function."""
    return _signed64(int.from_bytes(sha256(f"{seed}\0{name}".encode()).digest()[:8], "little"))


def add_sketch(out: torch.Tensor, x: torch.Tensor, name: str, seed: int) -> None:
    """Add the sketch of a tensor to `out`.

    Args:
        out: float32, shape (size,), on the device of `x`; changed in place.
        x: the tensor, of any shape; read in row-major order.
        name: what the tensor is called; it picks the hash function.
        seed: picks the family of hash functions.
    """
    size = out.numel()
    flat = x.reshape(-1)
    key = tensor_key(seed, name)
    # Runs that start near the end run over it; what lies beyond is added to the front afterwards.
    buckets = torch.zeros(size + RUN, dtype=torch.float32, device=out.device)
    within = torch.arange(RUN, dtype=torch.int64, device=out.device)
    for first in range(0, -(-flat.numel() // RUN), _PIECE):
        piece = flat[first * RUN : (first + _PIECE) * RUN].float()
        runs = -(-piece.numel() // RUN)
        h = hash_runs(key, first, runs, out.device)
        target = (_shift_right(h, 24) % size).unsqueeze(1) + within
        sign = 1.0 - 2.0 * ((h.unsqueeze(1) >> within) & 1).float()
        missing = runs * RUN - piece.numel()
        if missing:
            piece = torch.nn.functional.pad(piece, (0, missing))
        buckets.index_add_(0, target.view(-1), piece * sign.view(-1))
    out += buckets[:size]
    for start in range(size, size + RUN, size):
        rest = buckets[start : start + size]
        out[: rest.numel()] += rest
