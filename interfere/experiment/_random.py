"""Random numbers that depend on what they are for, not on what was drawn before."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray


def uniforms(seed: int, name: str, purpose: str, block: int, count: int) -> NDArray[np.float64]:
    """Numbers from 0 up to 1, by a counter-based generator (Philox; Salmon et al. 2011).

    Only its raw stream is used, which NumPy promises to keep.

    Args:
        seed: the job's.
        name: whom they are for; so a language draws the same numbers in every mixture.
        purpose: what they are for.
        block: which part of the stream; each has numbers of its own.
        count: how many, at most 2⁶⁴ a block.

    Returns:
        Shape (count,), multiples of 2⁻⁵³.
    """
    key = sha256(f"{seed}\0{purpose}\0{name}".encode()).digest()
    generator = np.random.Philox(
        key=np.frombuffer(key[:16], dtype="<u8").astype(np.uint64), counter=np.array([0, block, 0, 0], dtype=np.uint64)
    )
    raw = generator.random_raw(count) >> np.uint64(11)
    return raw.astype(np.float64) * 2.0**-53


def torch_seed(seed: int, purpose: str) -> int:
    """A seed for PyTorch's own generator."""
    return int.from_bytes(sha256(f"{seed}\0{purpose}".encode()).digest()[:7], "big")
