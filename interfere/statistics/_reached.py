"""Groups of experts, of which a language may have reached only some, and those in only some of its chunks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from interfere.statistics._kernels import FEWEST_SLOTS, Floats
from interfere.statistics._missing import Mask

UNSEEN = "unseen"
"""How the reason of a row starts whose experts a language did not reach."""


@dataclass(frozen=True)
class Reached:
    """Which chunks reached the parts of groups. What a pair of languages is compared over are the parts that both did.

    Args:
        gram: (P, L, K, L, K) Gram of each part; those of a group's parts add up to the group's.
        members: per group, the indices of its parts.
        seen: (P, L, K) which chunks reached the part; all of them, where no router stands before it.
    """

    gram: Floats
    members: Sequence[Sequence[int]]
    seen: Mask

    @property
    def needed(self) -> int:
        """How many chunks of a language have to reach a part."""
        return min(FEWEST_SLOTS, int(self.seen.shape[2]))

    @cached_property
    def _places(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        pairs = [(g, p) for g, parts in enumerate(self.members) for p in parts]
        return np.array([g for g, _ in pairs], dtype=np.intp), np.array([p for _, p in pairs], dtype=np.intp)

    def chunks(self, a: int) -> Mask:
        """(G, K) which chunks of a language reached any part of a group; none where fewer than needed did."""
        out = self._any(a)
        out[out.sum(axis=1) < self.needed] = False
        return out

    def _any(self, a: int) -> Mask:
        group, part = self._places
        out = np.zeros((len(self.members), self.seen.shape[2]), dtype=bool)
        np.logical_or.at(out, group, self.seen[part, a])
        return out

    def view(self, a: int, b: int) -> View:
        """What a pair of languages is compared over."""
        group, part = self._places
        counts = self.seen.sum(axis=2)
        both = (counts[:, a] >= self.needed) & (counts[:, b] >= self.needed)
        kept = both[part]
        group, part = group[kept], part[kept]
        n_groups, slots = len(self.members), self.seen.shape[2]
        blocks = {}
        for one, two in ((a, a), (a, b), (b, b)):
            blocks[one, two] = np.zeros((n_groups, slots, slots))
            np.add.at(blocks[one, two], group, self.gram[part, one, :, two, :])
        seen = {}
        for one in (a, b):
            seen[one] = np.zeros((n_groups, slots), dtype=bool)
            np.logical_or.at(seen[one], group, self.seen[part, one])
        return View(blocks[a, a], blocks[a, b], blocks[b, b], seen[a], seen[b], both)

    def reasons(self, a: int, b: int, names: Sequence[str]) -> NDArray[np.object_]:
        """(G,) why a pair cannot be compared; empty where it can."""
        slots = self.seen.shape[2]
        out = np.full(len(self.members), "", dtype=object)
        nothing = ~self.view(a, b).seen_a.any(axis=1)
        counts = {one: self._any(one).sum(axis=1) for one in (a, b)}
        for g in np.flatnonzero(nothing):
            few = [
                f"{names[one]} reached it in {counts[one][g]} of {slots} chunks"
                for one in (a, b)
                if counts[one][g] < self.needed
            ]
            share = f"no expert was reached in {self.needed} chunks by both {names[a]} and {names[b]}"
            out[g] = f"{UNSEEN}: " + (f"{' and '.join(few)}; {self.needed} are needed" if few else share)
        return out


@dataclass(frozen=True)
class View:
    """A pair's share of the Gram.

    Args:
        aa: (G, K, K) of a with itself, over the parts that both reached.
        ab: (G, K, K) of the two.
        bb: (G, K, K) of b.
        seen_a: (G, K) which chunks of a reached one of these parts; none where there are no such parts.
        seen_b: (G, K) which of b.
        both: (P,) the parts that both reached.
    """

    aa: Floats
    ab: Floats
    bb: Floats
    seen_a: Mask
    seen_b: Mask
    both: Mask


def present_pairs(first: Mask, second: Mask) -> Floats:
    """(G,) all pairs of different slots over those of which both are there: what a mean over these is larger by.

    Args:
        first: (G, K) which slots one language has.
        second: (G, K) which the other has.
    """
    slots = first.shape[1]
    there = first.sum(axis=1) * second.sum(axis=1) - (first & second).sum(axis=1)
    return np.asarray(slots * (slots - 1) / np.where(there > 0, there, np.nan))
