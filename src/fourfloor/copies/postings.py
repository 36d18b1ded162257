"""The windows of the music by cell, so that a search reads those few that may be like a loop, however many there are.

One window a second of each passage is kept: its number, and its description in bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fourfloor.copies.vocabulary import STEP, vocabulary
from fourfloor.copies.windows import Windows
from fourfloor.errors import FourfloorError

_AT_ONCE = 4096  # windows described together
_CROWD = 0.03  # by which likeness to a cell is lowered for each factor e of windows in it: few are soon looked through
_SAMPLED = 251  # one of so many likenesses to cells is sorted to find how near the nearest ones are


class Near(NamedTuple):
    """Pairs of a window and a query, and how alike they are, -1 to 1."""

    windows: np.ndarray
    queries: np.ndarray
    scores: np.ndarray


class Lookup:
    """The cells of several `Postings`, whose windows are numbered through: looked up as if they were one."""

    def __init__(self, parts: Sequence[Postings]) -> None:
        self._parts = parts
        self._offsets = np.concatenate([[0], np.cumsum([part.windows for part in parts])])
        self._sizes = np.sum([part.sizes for part in parts], axis=0)
        lowered = np.where(self._sizes > 0, -_CROWD * np.log(np.maximum(self._sizes, 1)), -1e9)
        self._centers = np.concatenate([vocabulary().centers.T, lowered[None]]).astype(np.float32)

    def __len__(self) -> int:
        return int(self._sizes.sum())

    def near(self, queries: np.ndarray, pairs: int) -> Near:
        """Return at most `pairs` pairs of a query float32 `(n, numbers)` and a window, from the nearest cells."""
        query, cell = self._visits(queries, pairs)
        sizes = np.stack([part.sizes[cell] for part in self._parts], axis=1).ravel()  # of each cell, part by part
        ends = np.minimum(np.cumsum(sizes), pairs)
        counts = np.diff(ends, prepend=0)
        firsts = np.stack([part.firsts[cell] for part in self._parts], axis=1).ravel()
        rows = np.arange(counts.sum()) + np.repeat(firsts - (ends - counts), counts)
        owner = np.repeat(np.tile(np.arange(len(self._parts)), len(cell)), counts)
        numbers = np.repeat(np.repeat(query, len(self._parts)), counts)
        described = np.empty((len(rows), queries.shape[1]), np.float32)
        windows = np.empty(len(rows), np.int64)
        for number, part in enumerate(self._parts):
            own = np.flatnonzero(owner == number) if len(self._parts) > 1 else slice(None)
            described[own] = part.descriptions[rows[own]]
            windows[own] = part.numbers[rows[own]].astype(np.int64) + self._offsets[number]
        return Near(windows, numbers, np.einsum("ni,ni->n", described, queries[numbers]) * np.float32(STEP))

    def _visits(self, queries: np.ndarray, pairs: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the queries and cells that are nearest, the nearest first, until they hold so many pairs."""
        if len(queries) * len(self) <= pairs:
            query, cell = (each.ravel() for each in np.indices((len(queries), len(self._sizes))))
            filled = self._sizes[cell] > 0
            return query[filled], cell[filled]
        likeness = np.concatenate([queries, np.ones_like(queries[:, :1])], axis=1) @ self._centers
        flat, cells = likeness.ravel(), len(self._sizes)
        sample = np.arange(0, len(flat), _SAMPLED)
        order = np.argsort(-flat[sample])
        enough = int(np.searchsorted(np.cumsum(self._sizes[sample[order] % cells]), pairs / _SAMPLED))
        enough += int(4 + 3 * np.sqrt(enough))  # a sample tells how many lie above a likeness to so much
        visits = np.flatnonzero(flat > flat[sample[order[min(enough, len(order) - 1)]]])
        visits = visits[np.argsort(-flat[visits], kind="stable")]
        visits = visits[: int(np.searchsorted(np.cumsum(self._sizes[visits % cells]), pairs)) + 1]
        return visits // cells, visits % cells


class Postings:
    """Windows by cell: `numbers` uint32 `(n,)`, descriptions int8 `(n, numbers)`, and where each cell ends."""

    def __init__(self, numbers: np.ndarray, descriptions: np.ndarray, ends: np.ndarray, windows: int) -> None:
        self.numbers, self.descriptions, self.ends, self.windows = numbers, descriptions, ends, windows
        cells, size = vocabulary().centers.shape
        if (numbers.dtype, descriptions.dtype, ends.dtype) != (np.uint32, np.int8, np.uint32) or (
            descriptions.shape,
            ends.shape,
        ) != ((len(numbers), size), (cells,)):
            raise FourfloorError("its cells are not those of this version")
        borders = np.concatenate([[0], ends.astype(np.int64)])
        if np.diff(borders).min() < 0 or borders[-1] != len(numbers) or int(numbers.max(initial=0)) >= max(1, windows):
            raise FourfloorError("its cells do not fit its passages")
        self.firsts, self.sizes = borders[:-1], np.diff(borders)

    def __len__(self) -> int:
        return len(self.numbers)

    @classmethod
    def of(cls, windows: Windows) -> Postings:
        """Describe the windows of passages; those that are still are left out."""
        kept = windows.spaced()
        described = [vocabulary().describe(windows.patches(kept[at : at + _AT_ONCE]))
                     for at in range(0, len(kept), _AT_ONCE)]  # fmt: skip
        numbers = np.concatenate([np.zeros((0, vocabulary().axes.shape[1]), np.float32), *described])
        moving = numbers.any(axis=1)
        numbers = numbers[moving]
        descriptions = np.rint(numbers / STEP).astype(np.int8)
        return cls._by_cell(kept[moving], descriptions, vocabulary().cells(numbers), len(windows))

    @classmethod
    def _by_cell(cls, numbers: np.ndarray, descriptions: np.ndarray, cells: np.ndarray, windows: int) -> Postings:
        order = np.lexsort((numbers, cells))
        ends = np.cumsum(np.bincount(cells, minlength=len(vocabulary().centers)))
        return cls(numbers[order].astype(np.uint32), descriptions[order], ends.astype(np.uint32), windows)

    def joined(self, other: Postings, places: np.ndarray, windows: int) -> Postings:
        """Return these and those windows of `other` whose new numbers `places` are not negative, described before."""
        moved = places[other.numbers]
        kept = moved >= 0
        cells = np.arange(len(self.sizes))
        return self._by_cell(
            np.concatenate([self.numbers.astype(np.int64), moved[kept]]),
            np.concatenate([self.descriptions, other.descriptions[kept]]),
            np.concatenate([np.repeat(cells, self.sizes), np.repeat(cells, other.sizes)[kept]]),
            windows,
        )
