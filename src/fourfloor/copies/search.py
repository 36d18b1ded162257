"""The first search for copies: which windows of the passages may be like a patch of a loop.

Outlines of patches, at a loop's own speed, resampled, and brought to the tempo of the passages, are compared with the
outlines of all windows, one matrix product for a few thousand windows. The best of them are compared in all coarse
bands and frames, at every transposition.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fourfloor.copies.patches import COARSE, SEMITONES, LoopLevels
from fourfloor.copies.windows import Windows, outlines_of

TEMPO_STEP = 0.01  # passages within 1 % share a tempo: 10 ms over half a patch, less than half a frame
QUERY_SECONDS = 1.0  # between the patches of a loop
MAX_PLACES = 512  # of a patch and a window, the best ones, are found
_WINDOWS = 4096  # those with the best outlines, are compared in all coarse bands
_AT_ONCE = 2048  # windows: their outlines and scores fit a processor's cache
_NO_SHIFT = SEMITONES.index(0)  # stands for all in an outline: its four colors are eight semitones wide and more


class Place(NamedTuple):
    """A patch that was cut from the loop so, in `shift` or in all of SEMITONES (-1), and a window that is like it."""

    begin: float
    speed: float
    shift: int
    window: int


@dataclass(frozen=True)
class _Queries:
    """Patches of a loop: begins, speeds, and in which one transposition to look, or -1 for all; `outlines` of them."""

    begins: np.ndarray
    speeds: np.ndarray
    shifts: np.ndarray
    outlines: np.ndarray


class Search:
    """The outlines of all windows; `tempi` are those of the passages, in steps of `TEMPO_STEP`."""

    def __init__(self, windows: Windows, tempi: np.ndarray) -> None:
        self._windows, self._outlines = windows, windows.outlines()
        borders = np.flatnonzero(np.diff(tempi, prepend=np.nan, append=np.nan))
        self._tempi, number = np.unique(tempi[borders[:-1]], return_inverse=True)
        self._runs = list(zip(windows.firsts[borders[:-1]], windows.firsts[borders[1:]], number, strict=True))

    @property
    def finds(self) -> bool:
        """Return whether anything in the windows moves, so that something may be found alike."""
        return bool(self._outlines.any())

    def places(self, loop: LoopLevels, bpm: float) -> list[Place]:
        """Return where patches of a loop at `bpm` may be found, the best first; of neighboring windows one."""
        queries, parts = self._queries(loop, bpm)
        window, number = self._alike(queries, parts)
        if not len(window):  # nothing in the music is like the loop at all
            return []
        scores = self._compare(loop, queries, window, number)
        best = np.argsort(-scores, kind="stable")[: np.count_nonzero(scores > 0)]
        _, once = np.unique(np.stack([number, window // COARSE], axis=1)[best], axis=0, return_index=True)
        kept = best[np.sort(once)[:MAX_PLACES]]
        columns = (queries.begins[number], queries.speeds[number], queries.shifts[number], window)
        return list(itertools.starmap(Place, zip(*(column[kept].tolist() for column in columns), strict=True)))

    def _compare(self, loop: LoopLevels, queries: _Queries, window: np.ndarray, number: np.ndarray) -> np.ndarray:
        """Correlate pairs of a window and a query in all coarse bands and frames, at the best transposition."""
        alone, row = np.unique(window, return_inverse=True)
        windows = self._windows.patches(alone)
        order = np.argsort(number, kind="stable")
        used, firsts = np.unique(number[order], return_index=True)
        patches = loop.coarse_patches(queries.begins[used], queries.speeds[used])
        only = queries.shifts[used, None]
        patches[(only >= 0) & (only != np.arange(len(SEMITONES)))] = 0
        scores = np.empty(len(window), np.float32)
        for patch, pairs in zip(patches, np.split(order, firsts[1:]), strict=True):
            scores[pairs] = (windows[row[pairs]] @ patch.T).max(axis=1)
        return scores

    def _queries(self, loop: LoopLevels, bpm: float) -> tuple[_Queries, list[np.ndarray]]:
        """Return all queries, and which of them are for the windows of each of the tempi."""
        paces = bpm / np.exp(self._tempi * TEMPO_STEP)
        speeds = [1.0, *(2 ** (shift / 12) for shift in SEMITONES if shift), *paces]
        shifts = [-1, *(number for number, shift in enumerate(SEMITONES) if shift), *[-1] * len(paces)]
        counts = np.maximum(1, np.round(loop.seconds * np.array(speeds) / QUERY_SECONDS)).astype(int)
        begins = np.concatenate([np.arange(count) * loop.seconds / count for count in counts])
        speed, shift = np.repeat(speeds, counts), np.repeat(shifts, counts)
        patches = loop.coarse_patches(begins, speed, np.where(shift < 0, _NO_SHIFT, shift))
        numbers = np.split(np.arange(len(begins)), np.cumsum(counts)[:-1])
        own = np.concatenate(numbers[: len(SEMITONES)])
        paced = [
            np.concatenate([own, its]) if abs(np.log(pace)) > TEMPO_STEP / 2 else own
            for its, pace in zip(numbers[len(SEMITONES) :], paces, strict=True)
        ]
        return _Queries(begins, speed, shift, outlines_of(patches)), paced

    def _alike(self, queries: _Queries, parts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return pairs of a window and a query whose outlines are alike: of the best windows all that reach the last.

        They are the `_WINDOWS` best ones.
        """
        found: list[np.ndarray] = []  # scores, windows, queries
        best, floor, count = [np.zeros(0, np.float32)], 0.0, 0
        for first, windows, numbers in self._parts(parts):
            scores = queries.outlines[numbers] @ windows.astype(np.float32).T
            nearest = scores.max(axis=0)
            near = np.flatnonzero(nearest > floor)
            query, column = np.nonzero(scores[:, near] > floor)
            found.append(np.stack([scores[query, near[column]], near[column] + first, numbers[query]]))
            best.append(nearest[near])
            count += len(near)
            if count > 4 * _WINDOWS:
                best = [_highest(np.concatenate(best))]
                floor, count = float(best[0].min()), _WINDOWS
                found = [each[:, each[0] >= floor] for each in found]
        floor = float(_highest(np.concatenate(best)).min(initial=np.inf))
        pairs = np.concatenate([np.zeros((3, 0)), *found], axis=1)
        window, query = pairs[1:, pairs[0] >= floor].astype(int)
        return window, query

    def _parts(self, parts: list[np.ndarray]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield outlines of windows of one tempo with the number of the first, and the queries for them."""
        for begin, end, tempo in self._runs:
            for first in range(begin, end, _AT_ONCE):
                yield first, self._outlines[first : min(first + _AT_ONCE, end)], parts[tempo]


def _highest(scores: np.ndarray) -> np.ndarray:
    """Return the `_WINDOWS` highest of some scores."""
    return np.partition(scores, -_WINDOWS)[-_WINDOWS:] if len(scores) > _WINDOWS else scores
